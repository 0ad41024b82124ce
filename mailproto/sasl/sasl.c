// SPDX-License-Identifier: MIT
/* The frame around the mechanisms: which there are, and what PLAIN and LOGIN share. */
#include "mailproto/sasl/sasl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/random.h"
#include "mailproto/sasl/sasl_internal.h"

static const struct sasl_mechanism *const mechanisms[] = {&sasl_plain, &sasl_login,
                                                          &sasl_scram_sha_256};

static struct sasl *new_exchange(const struct sasl_mechanism *mechanism)
{
    struct sasl *sasl = xcalloc(1, sizeof(*sasl));
    sasl->mechanism = mechanism;
    buf_init(&sasl->password, SASL_MAX_PASSWORD_BYTES);
    buf_reserve(&sasl->password, SASL_MAX_PASSWORD_BYTES); /* never moves: nothing is left behind */
    return sasl;
}

struct sasl *sasl_new(struct bytes mechanism)
{
    for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++) {
        if (bytes_is_word(mechanism, mechanisms[i]->name)) {
            return new_exchange(mechanisms[i]);
        }
    }
    return NULL;
}

void sasl_free(struct sasl **sasl)
{
    struct sasl *old = *sasl;
    *sasl = NULL;
    if (old == NULL) {
        return;
    }
    buf_clear_secret(&old->password);
    buf_clear(&old->scram.gs2_header);
    buf_clear(&old->scram.nonce);
    buf_clear(&old->scram.client_first_bare);
    buf_clear(&old->scram.server_first);
    mem_wipe(old, sizeof(*old));
    free(old);
}

bool sasl_is_plaintext(const struct sasl *sasl)
{
    return sasl->mechanism->plaintext;
}

bool sasl_client_first(const struct sasl *sasl)
{
    return sasl->mechanism->client_first;
}

enum sasl_result sasl_start(struct sasl *sasl, struct bytes initial, struct buf *out_challenge)
{
    if (initial.data == NULL && sasl->mechanism->client_first) {
        return SASL_CHALLENGE; /* an empty one: "go on" */
    }
    if (initial.len > SASL_MAX_RESPONSE_BYTES) {
        return SASL_BAD;
    }
    return sasl->mechanism->respond(sasl, initial, out_challenge);
}

enum sasl_result sasl_respond(struct sasl *sasl, struct bytes response, struct buf *out_challenge)
{
    if (response.len > SASL_MAX_RESPONSE_BYTES) {
        return SASL_BAD;
    }
    if (response.data == NULL) {
        response = bytes_of_str("");
    }
    return sasl->mechanism->respond(sasl, response, out_challenge);
}

enum sasl_result sasl_credential_found(struct sasl *sasl, int64_t account_id,
                                       const struct sasl_credential *credential,
                                       struct buf *out_challenge)
{
    struct sasl_credential decoy;
    sasl->known = credential != NULL;
    sasl->account_id = sasl->known ? account_id : 0;
    sasl_decoy_credential(&decoy, sasl->user);
    enum sasl_result result = sasl->mechanism->credential_found(
        sasl, credential != NULL ? credential : &decoy, out_challenge);
    sasl_credential_wipe(&decoy);
    return result;
}

const char *sasl_user(const struct sasl *sasl)
{
    return sasl->user;
}

int64_t sasl_account_id(const struct sasl *sasl)
{
    return sasl->account_id;
}

bool sasl_set_user(struct sasl *sasl, struct bytes user)
{
    if (user.len == 0 || user.len > SASL_MAX_USER_BYTES || bytes_find(user, 0) != user.len) {
        return false;
    }
    memcpy(sasl->user, user.data, user.len);
    sasl->user[user.len] = '\0';
    return true;
}

bool sasl_set_password(struct sasl *sasl, struct bytes password)
{
    buf_reset(&sasl->password);
    return password.len > 0 && buf_append_bytes(&sasl->password, password);
}

enum sasl_result sasl_password_checked(struct sasl *sasl, int64_t account_id, bool right)
{
    mem_wipe(sasl->password.data, sasl->password.len);
    buf_reset(&sasl->password);
    sasl->account_id = right ? account_id : 0;
    return right ? SASL_DONE : SASL_FAILED;
}

enum sasl_result sasl_check_password(struct sasl *sasl, const struct sasl_credential *credential,
                                     struct buf *out)
{
    (void)out;
    bool right = sasl_credential_check(credential, buf_view(&sasl->password));
    return sasl_password_checked(sasl, sasl->account_id, right && sasl->known);
}

void sasl_decoy_credential(struct sasl_credential *out, const char *user)
{
    /* map_hash is keyed anew in each process, so nobody can work a decoy's salt out. */
    char name[SASL_MAX_USER_BYTES + 2];
    size_t len = strlen(user);
    *out = (struct sasl_credential){.iterations = SASL_DEFAULT_ITERATIONS};
    memcpy(name, user, len);
    for (uint8_t half = 0; half < 2; half++) {
        name[len] = (char)half;
        store_be64(out->salt + half * sizeof(uint64_t),
                   map_hash((struct bytes){(const uint8_t *)name, len + 1}));
    }
    random_bytes(out->stored_key, sizeof(out->stored_key));
    random_bytes(out->server_key, sizeof(out->server_key));
}

struct sasl *sasl_new_password(struct bytes user, struct bytes password,
                               enum sasl_result *out_result)
{
    struct sasl *sasl = new_exchange(&sasl_plain);
    bool usable = sasl_set_user(sasl, user) && sasl_set_password(sasl, password);
    *out_result = usable ? SASL_LOOKUP : SASL_FAILED;
    return sasl;
}
