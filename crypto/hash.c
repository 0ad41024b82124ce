// SPDX-License-Identifier: MIT
#include "crypto/hash.h"

#include "base/fault.h"
#include "base/mem.h"
#include "crypto/libs_internal.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

static void digest_of(uint8_t *out, const EVP_MD *digest, struct bytes in)
{
    if (EVP_Digest(in.data, in.len, out, NULL, digest, NULL) != 1) {
        crypto_libs_failed("EVP_Digest");
    }
}

static void digest_of_parts(uint8_t *out, const EVP_MD *digest, const struct bytes *parts,
                            size_t n_parts)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL || EVP_DigestInit_ex2(context, digest, NULL) != 1) {
        crypto_libs_failed("EVP_DigestInit");
    }
    for (size_t i = 0; i < n_parts; i++) {
        if (EVP_DigestUpdate(context, parts[i].data, parts[i].len) != 1) {
            crypto_libs_failed("EVP_DigestUpdate");
        }
    }
    if (EVP_DigestFinal_ex(context, out, NULL) != 1) {
        crypto_libs_failed("EVP_DigestFinal");
    }
    EVP_MD_CTX_free(context);
}

void hash_sha1(uint8_t out[SHA1_BYTES], struct bytes in)
{
    digest_of(out, crypto_libs()->sha1, in);
}

void hash_sha256(uint8_t out[SHA256_BYTES], struct bytes in)
{
    digest_of(out, crypto_libs()->sha256, in);
}

void hash_sha512(uint8_t out[SHA512_BYTES], struct bytes in)
{
    digest_of(out, crypto_libs()->sha512, in);
}

void hash_ripemd160(uint8_t out[RIPEMD160_BYTES], struct bytes in)
{
    digest_of(out, crypto_libs()->ripemd160, in);
}

void hash_double_sha512(uint8_t out[SHA512_BYTES], struct bytes in)
{
    hash_sha512(out, in);
    hash_sha512(out, (struct bytes){out, SHA512_BYTES});
}

void hash_double_sha256(uint8_t out[SHA256_BYTES], struct bytes in)
{
    hash_sha256(out, in);
    hash_sha256(out, (struct bytes){out, SHA256_BYTES});
}

void hash_sha256_parts(uint8_t out[SHA256_BYTES], const struct bytes *parts, size_t n_parts)
{
    digest_of_parts(out, crypto_libs()->sha256, parts, n_parts);
}

void hash_sha512_parts(uint8_t out[SHA512_BYTES], const struct bytes *parts, size_t n_parts)
{
    digest_of_parts(out, crypto_libs()->sha512, parts, n_parts);
}

void hash_double_sha512_parts(uint8_t out[SHA512_BYTES], const struct bytes *parts, size_t n_parts)
{
    hash_sha512_parts(out, parts, n_parts);
    hash_sha512(out, (struct bytes){out, SHA512_BYTES});
}

void hash_inventory(uint8_t out[INVENTORY_HASH_BYTES], struct bytes object)
{
    uint8_t whole[SHA512_BYTES];
    hash_double_sha512(whole, object);
    memcpy(out, whole, INVENTORY_HASH_BYTES);
}

void hash_hmac_sha256(uint8_t out[SHA256_BYTES], struct bytes key, struct bytes in)
{
    hash_hmac_sha256_parts(out, key, &in, 1);
}

void hash_hmac_sha256_parts(uint8_t out[SHA256_BYTES], struct bytes key, const struct bytes *parts,
                            size_t n_parts)
{
    /* OpenSSL takes a NULL key for "the key that was set before". */
    const uint8_t *key_data = key.len != 0 ? key.data : (const uint8_t *)"";
    EVP_MAC_CTX *context = EVP_MAC_CTX_dup(crypto_libs()->hmac_sha256);
    if (context == NULL || EVP_MAC_init(context, key_data, key.len, NULL) != 1) {
        crypto_libs_failed("EVP_MAC_init");
    }
    for (size_t i = 0; i < n_parts; i++) {
        if (EVP_MAC_update(context, parts[i].data, parts[i].len) != 1) {
            crypto_libs_failed("EVP_MAC_update");
        }
    }
    size_t out_len = 0;
    if (EVP_MAC_final(context, out, &out_len, SHA256_BYTES) != 1 || out_len != SHA256_BYTES) {
        crypto_libs_failed("EVP_MAC_final");
    }
    EVP_MAC_CTX_free(context);
}

bool hash_pbkdf2_hmac_sha256(uint8_t *out, size_t out_len, struct bytes password, struct bytes salt,
                             uint64_t iterations, struct fault *fault)
{
    if (out_len < 1 || out_len > SHA512_BYTES) {
        return fault_set(fault, FAULT_LIMIT, "derive a key of %zu bytes: not 1 to %d", out_len,
                         SHA512_BYTES);
    }
    if (iterations < 1 || iterations > PBKDF2_MAX_ITERATIONS) {
        return fault_set(fault, FAULT_LIMIT, "derive a key in %llu iterations: not 1 to %d",
                         (unsigned long long)iterations, PBKDF2_MAX_ITERATIONS);
    }
    if (password.len > PBKDF2_MAX_INPUT_BYTES || salt.len > PBKDF2_MAX_INPUT_BYTES) {
        return fault_set(fault, FAULT_LIMIT, "derive a key: password or salt longer than %d bytes",
                         PBKDF2_MAX_INPUT_BYTES);
    }
    const char *text = password.len != 0 ? (const char *)password.data : "";
    if (PKCS5_PBKDF2_HMAC(text, (int)password.len, salt.data, (int)salt.len, (int)iterations,
                          crypto_libs()->sha256, (int)out_len, out) != 1) {
        crypto_libs_failed("PKCS5_PBKDF2_HMAC");
    }
    return true;
}
