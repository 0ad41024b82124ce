// SPDX-License-Identifier: MIT
/* What the mechanisms share. For this room alone. */
#ifndef BITTERN_MAILPROTO_SASL_SASL_INTERNAL_H
#define BITTERN_MAILPROTO_SASL_SASL_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "mailproto/sasl/credential.h"
#include "mailproto/sasl/sasl.h"

struct sasl_mechanism {
    const char *name;
    bool plaintext;    /* sends the password itself */
    bool client_first; /* the client speaks first */
    /* `response` has data == NULL at the start of an exchange without an initial response. */
    enum sasl_result (*respond)(struct sasl *sasl, struct bytes response, struct buf *out);
    enum sasl_result (*credential_found)(struct sasl *sasl,
                                         const struct sasl_credential *credential, struct buf *out);
};

extern const struct sasl_mechanism sasl_plain;
extern const struct sasl_mechanism sasl_login;
extern const struct sasl_mechanism sasl_scram_sha_256;

/* What SCRAM keeps between its messages (RFC 5802 section 3). */
struct scram_state {
    struct buf nonce; /* the client's and ours, joined */
    struct buf client_first_bare;
    struct buf server_first;
    struct buf gs2_header; /* to be repeated by the client in its final message */
    struct sasl_credential credential;
};

struct sasl {
    const struct sasl_mechanism *mechanism;
    unsigned step;
    char user[SASL_MAX_USER_BYTES + 1];
    struct buf password; /* PLAIN and LOGIN: until it was checked */
    bool known;          /* the user has a credential */
    int64_t account_id;
    struct scram_state scram;
};

/* Take the name over. False when it is empty, too long, or has a NUL in it. */
bool sasl_set_user(struct sasl *sasl, struct bytes user) MUST_USE;
/* Likewise the password. */
bool sasl_set_password(struct sasl *sasl, struct bytes password) MUST_USE;
/* PLAIN and LOGIN: does the password belong to the credential? Wipes it. An unknown user costs the
 * same time. */
enum sasl_result sasl_check_password(struct sasl *sasl, const struct sasl_credential *credential,
                                     struct buf *out);
/* Somebody else has checked the password: so it ends. Wipes it. */
enum sasl_result sasl_password_checked(struct sasl *sasl, int64_t account_id, bool right);
/* A credential for a user who is not there: its salt is always the same for the same name, so that
 * nothing tells it from a real one. */
void sasl_decoy_credential(struct sasl_credential *out, const char *user);

#endif
