// SPDX-License-Identifier: MIT
#include "crypto/sign.h"

#include "base/mem.h"
#include "crypto/hash.h"
#include "crypto/key_internal.h"
#include "crypto/libs_internal.h"

#include <assert.h>
#include <string.h>

enum { COMPACT_BYTES = 64, NUMBER_BYTES = 32 };

struct bytes signature_view(const struct signature *signature)
{
    return (struct bytes){signature->der, signature->len};
}

/* What is signed, as the 32-byte number that ECDSA works on. A shorter digest is that number as it
 * is: zeros stand in front (FIPS 186-4, section 6.4). */
static void number_to_sign(uint8_t out[SHA256_BYTES], enum sign_digest digest, struct bytes message)
{
    if (digest == SIGN_SHA256) {
        hash_sha256(out, message);
        return;
    }
    memset(out, 0, SHA256_BYTES);
    hash_sha1(out + SHA256_BYTES - SHA1_BYTES, message);
}

static void write_der(struct signature *out, const secp256k1_ecdsa_signature *signature)
{
    size_t len = SIGNATURE_MAX_BYTES;
    int done =
        secp256k1_ecdsa_signature_serialize_der(crypto_libs()->curve, out->der, &len, signature);
    assert(done == 1);
    out->len = len;
}

void sign_message(struct signature *out, const struct private_key *key, enum sign_digest digest,
                  struct bytes message)
{
    uint8_t number[SHA256_BYTES];
    secp256k1_ecdsa_signature signature;

    number_to_sign(number, digest, message);
    int done =
        secp256k1_ecdsa_sign(crypto_libs()->curve, &signature, number, key->scalar, NULL, NULL);
    DECLASSIFY(&done, sizeof done);
    DECLASSIFY(&signature, sizeof signature);
    assert(done == 1); /* else the private key was not parsed */
    write_der(out, &signature);
}

/* libsecp256k1 parses strictly, but takes an r or s that is negative or too large for 0 and leaves
 * it to the verification to refuse that. Here it is refused at once, since not all our callers
 * verify. */
static bool parse_strict(secp256k1_ecdsa_signature *out, struct bytes der)
{
    static const uint8_t zero[NUMBER_BYTES] = {0};
    uint8_t compact[COMPACT_BYTES];

    if (der.len == 0 || der.len > SIGNATURE_MAX_BYTES ||
        secp256k1_ecdsa_signature_parse_der(crypto_libs()->curve, out, der.data, der.len) != 1) {
        return false;
    }
    secp256k1_ecdsa_signature_serialize_compact(crypto_libs()->curve, compact, out);
    return memcmp(compact, zero, NUMBER_BYTES) != 0 &&
           memcmp(compact + NUMBER_BYTES, zero, NUMBER_BYTES) != 0;
}

bool sign_verify(const struct public_key *key, struct bytes message, struct bytes der)
{
    static const enum sign_digest digests[] = {SIGN_SHA256, SIGN_SHA1};
    secp256k1_pubkey loaded;
    secp256k1_ecdsa_signature signature;

    if (!public_key_load(&loaded, key->point) || !parse_strict(&signature, der)) {
        return false;
    }
    secp256k1_ecdsa_signature_normalize(crypto_libs()->curve, &signature, &signature);
    for (size_t i = 0; i < ARRAY_LEN(digests); i++) {
        uint8_t number[SHA256_BYTES];
        number_to_sign(number, digests[i], message);
        if (secp256k1_ecdsa_verify(crypto_libs()->curve, &signature, number, &loaded) == 1) {
            return true;
        }
    }
    return false;
}

bool sign_normalise(struct signature *out, struct bytes der)
{
    secp256k1_ecdsa_signature signature;

    if (!parse_strict(&signature, der)) {
        return false;
    }
    secp256k1_ecdsa_signature_normalize(crypto_libs()->curve, &signature, &signature);
    write_der(out, &signature);
    return true;
}

bool sign_hash(uint8_t out[SIGHASH_BYTES], struct bytes der)
{
    struct signature normal;

    if (!sign_normalise(&normal, der)) {
        return false;
    }
    sign_hash_as_sent(out, signature_view(&normal));
    return true;
}

void sign_hash_as_sent(uint8_t out[SIGHASH_BYTES], struct bytes der)
{
    uint8_t digest[SHA512_BYTES];
    hash_double_sha512(digest, der);
    memcpy(out, digest + SHA512_BYTES - SIGHASH_BYTES, SIGHASH_BYTES);
}
