// SPDX-License-Identifier: MIT
/* The server's side of SASL (RFC 4422): PLAIN, LOGIN, SCRAM-SHA-256, without any I/O.
 *
 * An exchange is fed with the client's decoded responses and answers with a challenge, a question
 * to the judge, or the end:
 *
 *     sasl_new -> sasl_respond -> SASL_CHALLENGE  (send it, feed the answer)
 *                              -> SASL_LOOKUP     (ask the judge; his verdict is the next result)
 *                              -> SASL_DONE / SASL_FAILED
 *
 * Credentials are kept as SCRAM-SHA-256 keys alone (credential.h); PLAIN and LOGIN are checked
 * against the same keys. An unknown user takes the same steps and the same time as a known one with
 * a wrong password, and an empty user or password never logs in. */
#ifndef BITTERN_MAILPROTO_SASL_SASL_H
#define BITTERN_MAILPROTO_SASL_SASL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct buf;
struct sasl;
struct sasl_credential;

enum {
    SASL_MAX_RESPONSE_BYTES = 4096, /* one decoded response of the client */
    SASL_MAX_USER_BYTES = 255,
    SASL_MAX_PASSWORD_BYTES = 1024
};

enum sasl_result {
    SASL_CHALLENGE, /* out_challenge is to be sent (it may be empty) */
    SASL_LOOKUP,    /* it is the judge's turn */
    SASL_DONE,      /* authenticated as sasl_account_id */
    SASL_FAILED,    /* wrong, in whatever way */
    SASL_BAD,       /* the client broke the mechanism's syntax */
    SASL_BUSY       /* from the judge alone: not judged, too many wait; to be tried later */
};

/* What a keeper of credentials answers; `credential` is NULL for an unknown user. */
struct sasl_lookup_done {
    void (*done)(void *context, int64_t account_id, const struct sasl_credential *credential);
    void *context;
};

/* The keeper of credentials: the store, or a test. */
struct sasl_lookup {
    /* Answered from the loop, never from inside; ends early by cancel. `user` is what was typed:
     * the account's name or the address of one of its identities. The result's handle is for
     * cancel. */
    void *(*start)(void *context, const char *user, struct sasl_lookup_done done);
    void (*cancel)(void *context, void *handle);
    void *context;
};

/* SASL_CHALLENGE, SASL_DONE, SASL_FAILED or SASL_BUSY; the challenge is borrowed. */
struct sasl_verdict {
    void (*done)(void *context, enum sasl_result result, struct bytes challenge);
    void *context;
};

/* Who decides about logins: the guard (guard.h), or a test. Looking a user up, checking a password
 * and waiting for one's turn all take time that no session waits for. */
struct sasl_judge {
    /* After SASL_LOOKUP. Answered from the loop, never from inside; `sasl` must stay as it is until
     * then, or until cancel. The result's handle is for cancel. */
    void *(*start)(void *context, struct sasl *sasl, struct sasl_verdict verdict);
    void (*cancel)(void *context, void *handle);
    /* After SASL_FAILED, whoever gave it: for how many ms the answer is to be held back. */
    int64_t (*failed)(void *context, const struct sasl *sasl);
    void *context;
};

/* "PLAIN", "LOGIN", "SCRAM-SHA-256" in any case; NULL for any other. */
struct sasl *sasl_new(struct bytes mechanism) MUST_USE;
void sasl_free(struct sasl **sasl);
/* True when the mechanism sends the password itself: not to be offered in clear text off the
 * machine. */
bool sasl_is_plaintext(const struct sasl *sasl) MUST_USE;
/* True when the client speaks first: with no initial response, the server sends an empty challenge.
 */
bool sasl_client_first(const struct sasl *sasl) MUST_USE;
/* Begin: `initial` has data == NULL where the client gave none. */
enum sasl_result sasl_start(struct sasl *sasl, struct bytes initial,
                            struct buf *out_challenge) MUST_USE;
enum sasl_result sasl_respond(struct sasl *sasl, struct bytes response,
                              struct buf *out_challenge) MUST_USE;
/* For judges, after SASL_LOOKUP; NULL: unknown user. Checks a password where it stands. */
enum sasl_result sasl_credential_found(struct sasl *sasl, int64_t account_id,
                                       const struct sasl_credential *credential,
                                       struct buf *out_challenge) MUST_USE;
/* After SASL_LOOKUP: who wants in. Borrowed. */
const char *sasl_user(const struct sasl *sasl) MUST_USE;
/* After SASL_DONE. */
int64_t sasl_account_id(const struct sasl *sasl) MUST_USE;

/* For IMAP's LOGIN command and the like: an exchange that already has what PLAIN would bring.
 * SASL_LOOKUP, or SASL_FAILED when one is empty or too long. */
struct sasl *sasl_new_password(struct bytes user, struct bytes password,
                               enum sasl_result *out_result) MUST_USE;

#endif
