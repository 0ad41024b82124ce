// SPDX-License-Identifier: MIT
#define OPENSSL_SUPPRESS_DEPRECATED /* on the curve, the low-level calls are OpenSSL's fastest */
#include "crypto/bench_internal.h"

#include "base/mem.h"
#include "crypto/hash.h"
#include "crypto/libs_internal.h"

#include <openssl/ec.h>
#include <openssl/ecdh.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

enum { COORDINATE_BYTES = 32, TAGGED_BYTES = 1 + PUBLIC_KEY_BYTES };

struct anchor {
    EVP_MD_CTX *digest;
    EC_KEY *key;
    EC_POINT *peer;
};

static void must(int condition)
{
    if (!condition) {
        crypto_libs_failed("the benchmark's anchor");
    }
}

struct anchor *anchor_new(const struct private_key *key, const struct public_key *peer)
{
    struct anchor *anchor = xcalloc(1, sizeof *anchor);
    struct public_key own;
    uint8_t tagged[TAGGED_BYTES] = {4};

    anchor->digest = EVP_MD_CTX_new();
    must(anchor->digest != NULL &&
         EVP_DigestInit_ex2(anchor->digest, crypto_libs()->sha512, NULL) == 1);
    public_key_derive(&own, key);
    memcpy(tagged + 1, own.point, PUBLIC_KEY_BYTES);
    anchor->key = EC_KEY_new_by_curve_name(NID_secp256k1);
    must(anchor->key != NULL && EC_KEY_oct2priv(anchor->key, key->scalar, PRIVATE_KEY_BYTES) == 1 &&
         EC_KEY_oct2key(anchor->key, tagged, sizeof tagged, NULL) == 1);
    anchor->peer = EC_POINT_new(EC_KEY_get0_group(anchor->key));
    memcpy(tagged + 1, peer->point, PUBLIC_KEY_BYTES);
    must(anchor->peer != NULL && EC_POINT_oct2point(EC_KEY_get0_group(anchor->key), anchor->peer,
                                                    tagged, sizeof tagged, NULL) == 1);
    return anchor;
}

void anchor_free(struct anchor **anchor)
{
    EVP_MD_CTX_free((*anchor)->digest);
    EC_POINT_free((*anchor)->peer);
    EC_KEY_free((*anchor)->key);
    free(*anchor);
    *anchor = NULL;
}

static void digest_again(EVP_MD_CTX *context, uint8_t out[SHA512_BYTES], const void *in, size_t len)
{
    must(EVP_DigestInit_ex2(context, NULL, NULL) == 1 && EVP_DigestUpdate(context, in, len) == 1 &&
         EVP_DigestFinal_ex(context, out, NULL) == 1);
}

void anchor_pow_evp(struct anchor *anchor, const struct pow_slice *slice)
{
    uint8_t input[POW_NONCE_BYTES + POW_INITIAL_HASH_BYTES];
    uint8_t digest[SHA512_BYTES];
    memcpy(input + POW_NONCE_BYTES, slice->initial_hash, POW_INITIAL_HASH_BYTES);
    for (uint64_t i = 0; i < slice->n_trials; i++) {
        store_be64(input, slice->first_nonce + i);
        digest_again(anchor->digest, digest, input, sizeof input);
        digest_again(anchor->digest, digest, digest, sizeof digest);
        if (load_be64(digest) <= slice->target) {
            return;
        }
    }
}

void anchor_pow_low_level(const struct pow_slice *slice)
{
    uint8_t input[POW_NONCE_BYTES + POW_INITIAL_HASH_BYTES];
    uint8_t digest[SHA512_BYTES];
    SHA512_CTX context;
    memcpy(input + POW_NONCE_BYTES, slice->initial_hash, POW_INITIAL_HASH_BYTES);
    for (uint64_t i = 0; i < slice->n_trials; i++) {
        store_be64(input, slice->first_nonce + i);
        SHA512_Init(&context);
        SHA512_Update(&context, input, sizeof input);
        SHA512_Final(digest, &context);
        SHA512_Init(&context);
        SHA512_Update(&context, digest, sizeof digest);
        SHA512_Final(digest, &context);
        if (load_be64(digest) <= slice->target) {
            return;
        }
    }
}

void anchor_trial(struct anchor *anchor, uint8_t out_mac[SHA256_BYTES], struct bytes point,
                  struct bytes signed_part)
{
    uint8_t secret[COORDINATE_BYTES];
    uint8_t keys[SHA512_BYTES];
    must(EC_POINT_oct2point(EC_KEY_get0_group(anchor->key), anchor->peer, point.data, point.len,
                            NULL) == 1 &&
         ECDH_compute_key(secret, sizeof secret, anchor->peer, anchor->key, NULL) ==
             COORDINATE_BYTES);
    SHA512(secret, sizeof secret, keys);
    anchor_hmac_sha256(out_mac, (struct bytes){keys + 32, 32}, signed_part);
}

void anchor_sign(struct anchor *anchor, struct signature *out, struct bytes message)
{
    uint8_t digest[SHA256_BYTES];
    unsigned len = SIGNATURE_MAX_BYTES;
    SHA256(message.data, message.len, digest);
    must(ECDSA_sign(0, digest, sizeof digest, out->der, &len, anchor->key) == 1);
    out->len = len;
}

bool anchor_verify(struct anchor *anchor, struct bytes message, struct bytes der)
{
    uint8_t digest[SHA256_BYTES];
    SHA256(message.data, message.len, digest);
    return ECDSA_verify(0, digest, sizeof digest, der.data, (int)der.len, anchor->key) == 1;
}

void anchor_double_sha512(uint8_t out[SHA512_BYTES], struct bytes in)
{
    SHA512(in.data, in.len, out);
    SHA512(out, SHA512_BYTES, out);
}

void anchor_hmac_sha256(uint8_t out[SHA256_BYTES], struct bytes key, struct bytes in)
{
    must(HMAC(EVP_sha256(), key.data, (int)key.len, in.data, in.len, out, NULL) != NULL);
}
