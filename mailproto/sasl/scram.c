// SPDX-License-Identifier: MIT
/* SCRAM-SHA-256, the server's side (RFC 5802, RFC 7677), without channel binding:
 *
 *     client first   n,,n=user,r=clientnonce
 *     server first   r=clientnonceservernonce,s=salt,i=4096
 *     client final   c=biws,r=...,p=proof
 *     server final   v=signature                   (the client answers with nothing)
 *
 * ClientKey = proof XOR HMAC(StoredKey, AuthMessage), and its SHA-256 must be the StoredKey. */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "mailproto/sasl/sasl_internal.h"

enum scram_step { SCRAM_CLIENT_FIRST, SCRAM_LOOKUP, SCRAM_CLIENT_FINAL, SCRAM_LAST, SCRAM_END };

enum { SERVER_NONCE_BYTES = 18, CLIENT_NONCE_MAX_BYTES = 512 };

/* Take the next "name=value" up to a comma off `rest`. False when it has another name. */
static bool take_attribute(struct bytes *rest, char name, struct bytes *out_value)
{
    if (rest->len < 2 || rest->data[0] != (uint8_t)name || rest->data[1] != '=') {
        return false;
    }
    size_t end = bytes_find(*rest, ',');
    *out_value = bytes_slice(*rest, 2, end - 2);
    *rest = bytes_slice(*rest, end + 1, SIZE_MAX);
    return true;
}

/* "=2C" and "=3D" stand for comma and equals sign; no other use of '=' is valid. */
static bool unescape_name(struct buf *out, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        struct bytes escape = bytes_slice(text, i, 3);
        if (text.data[i] != '=') {
            buf_append_byte(out, text.data[i]);
        } else if (bytes_equal(escape, bytes_of_str("=2C"))) {
            buf_append_byte(out, ',');
            i += 2;
        } else if (bytes_equal(escape, bytes_of_str("=3D"))) {
            buf_append_byte(out, '=');
            i += 2;
        } else {
            return false;
        }
    }
    return true;
}

/* RFC 5802 section 7: printable ASCII but the comma. */
static bool nonce_is_valid(struct bytes nonce)
{
    for (size_t i = 0; i < nonce.len; i++) {
        if (nonce.data[i] < 0x21 || nonce.data[i] > 0x7e || nonce.data[i] == ',') {
            return false;
        }
    }
    return nonce.len > 0 && nonce.len <= CLIENT_NONCE_MAX_BYTES;
}

/* gs2-header: "n" or "y" (channel binding is not offered here, so "p=" is wrong), then an
 * authorization identity that has to be absent or the user itself. */
static bool take_gs2_header(struct sasl *sasl, struct bytes *message,
                            struct bytes *out_authorize_as)
{
    if (message->len < 3 || (message->data[0] != 'n' && message->data[0] != 'y') ||
        message->data[1] != ',') {
        return false;
    }
    struct bytes rest = bytes_slice(*message, 2, SIZE_MAX);
    size_t end = bytes_find(rest, ',');
    if (end == rest.len) {
        return false;
    }
    struct bytes authorize_as = bytes_slice(rest, 0, end);
    *out_authorize_as = (struct bytes){0};
    if (authorize_as.len > 0 && !take_attribute(&authorize_as, 'a', out_authorize_as)) {
        return false;
    }
    buf_append_bytes(&sasl->scram.gs2_header, bytes_slice(*message, 0, end + 3));
    *message = bytes_slice(rest, end + 1, SIZE_MAX);
    return true;
}

static enum sasl_result client_first(struct sasl *sasl, struct bytes message)
{
    struct scram_state *scram = &sasl->scram;
    struct bytes authorize_as = {0};
    struct bytes name = {0};
    struct bytes nonce = {0};
    if (!take_gs2_header(sasl, &message, &authorize_as)) {
        return SASL_BAD;
    }
    buf_append_bytes(&scram->client_first_bare, message);
    /* A mandatory extension "m=" would stand first; it is not known, so it is refused. */
    if (!take_attribute(&message, 'n', &name) || !take_attribute(&message, 'r', &nonce) ||
        !nonce_is_valid(nonce) || (authorize_as.len > 0 && !bytes_equal(authorize_as, name))) {
        return SASL_BAD;
    }
    buf_append_bytes(&scram->nonce, nonce);
    struct buf user = {0};
    bool ok = unescape_name(&user, name);
    enum sasl_result result = SASL_BAD;
    if (ok) {
        result = sasl_set_user(sasl, buf_view(&user)) ? SASL_LOOKUP : SASL_FAILED;
    }
    buf_clear(&user);
    return result;
}

static enum sasl_result
scram_credential_found(struct sasl *sasl, const struct sasl_credential *credential, struct buf *out)
{
    struct scram_state *scram = &sasl->scram;
    uint8_t random[SERVER_NONCE_BYTES];
    scram->credential = *credential;
    random_bytes(random, sizeof(random));
    base64_encode(&scram->nonce, (struct bytes){random, sizeof(random)});

    buf_append_str(&scram->server_first, "r=");
    buf_append_bytes(&scram->server_first, buf_view(&scram->nonce));
    buf_append_str(&scram->server_first, ",s=");
    base64_encode(&scram->server_first, (struct bytes){credential->salt, sizeof(credential->salt)});
    buf_printf(&scram->server_first, ",i=%u", credential->iterations);
    buf_append_bytes(out, buf_view(&scram->server_first));
    sasl->step = SCRAM_CLIENT_FINAL;
    return SASL_CHALLENGE;
}

/* HMAC(key, AuthMessage); `without_proof` is the client's final message up to ",p=". */
static void sign_auth_message(uint8_t out[SASL_KEY_BYTES], const struct scram_state *scram,
                              const uint8_t key[SASL_KEY_BYTES], struct bytes without_proof)
{
    const struct bytes parts[] = {buf_view(&scram->client_first_bare), bytes_of_str(","),
                                  buf_view(&scram->server_first), bytes_of_str(","), without_proof};
    hash_hmac_sha256_parts(out, (struct bytes){key, SASL_KEY_BYTES}, parts, ARRAY_LEN(parts));
}

static bool proof_is_right(const struct scram_state *scram, struct bytes without_proof,
                           struct bytes proof)
{
    uint8_t signature[SASL_KEY_BYTES];
    uint8_t client_key[SASL_KEY_BYTES];
    uint8_t stored_key[SASL_KEY_BYTES];
    sign_auth_message(signature, scram, scram->credential.stored_key, without_proof);
    for (size_t i = 0; i < SASL_KEY_BYTES; i++) {
        client_key[i] = signature[i] ^ proof.data[i];
    }
    hash_sha256(stored_key, (struct bytes){client_key, sizeof(client_key)});
    bool right = mem_equal_ct(stored_key, scram->credential.stored_key, SASL_KEY_BYTES);
    mem_wipe(client_key, sizeof(client_key));
    return right;
}

/* The last ",p=" of the message: what stands before it is signed. */
static bool split_proof(struct bytes message, struct bytes *out_without_proof,
                        struct buf *out_proof)
{
    for (size_t i = message.len; i >= 3; i--) {
        struct bytes mark = bytes_slice(message, i - 3, 3);
        if (bytes_equal(mark, bytes_of_str(",p="))) {
            *out_without_proof = bytes_slice(message, 0, i - 3);
            return base64_decode(out_proof, bytes_slice(message, i, SIZE_MAX)) &&
                   out_proof->len == SASL_KEY_BYTES;
        }
    }
    return false;
}

static enum sasl_result client_final(struct sasl *sasl, struct bytes message, struct buf *out)
{
    struct scram_state *scram = &sasl->scram;
    struct bytes without_proof = {0};
    struct bytes binding = {0};
    struct bytes nonce = {0};
    struct buf proof = {0};
    struct buf gs2_header = {0};
    enum sasl_result result = SASL_BAD;

    if (!split_proof(message, &without_proof, &proof)) {
        goto out;
    }
    struct bytes rest = without_proof;
    if (!take_attribute(&rest, 'c', &binding) || !take_attribute(&rest, 'r', &nonce) ||
        !base64_decode(&gs2_header, binding)) {
        goto out;
    }
    if (!bytes_equal(buf_view(&gs2_header), buf_view(&scram->gs2_header)) ||
        !bytes_equal(nonce, buf_view(&scram->nonce)) ||
        !proof_is_right(scram, without_proof, buf_view(&proof)) || !sasl->known) {
        result = SASL_FAILED;
        goto out;
    }
    uint8_t signature[SASL_KEY_BYTES];
    sign_auth_message(signature, scram, scram->credential.server_key, without_proof);
    buf_append_str(out, "v=");
    base64_encode(out, (struct bytes){signature, sizeof(signature)});
    sasl->step = SCRAM_LAST;
    result = SASL_CHALLENGE;
out:
    buf_clear(&proof);
    buf_clear(&gs2_header);
    return result;
}

static enum sasl_result scram_respond(struct sasl *sasl, struct bytes response, struct buf *out)
{
    switch (sasl->step) {
    case SCRAM_CLIENT_FIRST:
        sasl->step = SCRAM_LOOKUP;
        return client_first(sasl, response);
    case SCRAM_CLIENT_FINAL:
        sasl->step = SCRAM_END;
        return client_final(sasl, response, out);
    case SCRAM_LAST:
        /* The client has seen our signature and says nothing more. */
        sasl->step = SCRAM_END;
        return response.len == 0 ? SASL_DONE : SASL_BAD;
    default:
        return SASL_BAD;
    }
}

const struct sasl_mechanism sasl_scram_sha_256 = {.name = "SCRAM-SHA-256",
                                                  .plaintext = false,
                                                  .client_first = true,
                                                  .respond = scram_respond,
                                                  .credential_found = scram_credential_found};
