// SPDX-License-Identifier: MIT
#include "crypto/libs_internal.h"

#include "base/mem.h"
#include "crypto/random.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static struct crypto_libs libs;
static pthread_once_t libs_once = PTHREAD_ONCE_INIT;

void crypto_libs_failed(const char *what)
{
    fprintf(stderr, "crypto: %s failed in the library\n", what);
    abort();
}

static EVP_MD *fetch_digest(const char *name)
{
    EVP_MD *digest = EVP_MD_fetch(NULL, name, NULL);
    if (digest == NULL) {
        crypto_libs_failed(name);
    }
    return digest;
}

static EVP_MAC_CTX *make_hmac(void)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    if (context == NULL || EVP_MAC_CTX_set_params(context, params) != 1) {
        crypto_libs_failed("HMAC");
    }
    EVP_MAC_free(mac);
    return context;
}

/* The blinding makes what the constant-time arithmetic leaks through power or emission useless to
 * one who watches. */
static secp256k1_context *make_curve(void)
{
    uint8_t seed[32];
    secp256k1_context *context =
        secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY);
    random_bytes(seed, sizeof seed);
    if (context == NULL || secp256k1_context_randomize(context, seed) != 1) {
        crypto_libs_failed("secp256k1");
    }
    mem_wipe(seed, sizeof seed);
    return context;
}

static void make_libs(void)
{
    libs.sha1 = fetch_digest("SHA1");
    libs.sha256 = fetch_digest("SHA256");
    libs.sha512 = fetch_digest("SHA512");
    libs.ripemd160 = fetch_digest("RIPEMD160");
    libs.aes_256_cbc = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    if (libs.aes_256_cbc == NULL) {
        crypto_libs_failed("AES-256-CBC");
    }
    libs.hmac_sha256 = make_hmac();
    libs.curve = make_curve();
}

const struct crypto_libs *crypto_libs(void)
{
    if (pthread_once(&libs_once, make_libs) != 0) {
        crypto_libs_failed("pthread_once");
    }
    return &libs;
}
