// SPDX-License-Identifier: MIT
#include "gateway/agent/keys/lock_box.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "crypto/random.h"

enum {
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    WRAPPING_KEY_BYTES = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    SECRET_BYTES = crypto_box_SECRETKEYBYTES
};
_Static_assert(LOCK_PUBLIC_BYTES == crypto_box_PUBLICKEYBYTES, "a box's public half");
_Static_assert(LOCK_SALT_BYTES == crypto_pwhash_SALTBYTES, "argon2id's salt");
_Static_assert(LOCK_WRAPPED_BYTES ==
                   NONCE_BYTES + SECRET_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "a wrapped secret half");
_Static_assert(LOCK_SEALED_BYTES == PRIVATE_KEY_BYTES + crypto_box_SEALBYTES, "a sealed key");

static const char domain[] = "bittern key lock 1";

struct lock_secret {
    unsigned refs;
    uint8_t public_key[LOCK_PUBLIC_BYTES];
    uint8_t secret_key[SECRET_BYTES];
};

/* ---- secret halves ---- */

/* Any number of times: it picks what the CPU can do. */
static void prepare_library(void)
{
    if (sodium_init() < 0) {
        abort();
    }
}

static struct lock_secret *secret_new(void)
{
    struct lock_secret *secret = sodium_malloc(sizeof(*secret));
    if (secret == NULL) {
        abort(); /* as any small allocation */
    }
    memset(secret, 0, sizeof(*secret));
    secret->refs = 1;
    return secret;
}

struct lock_secret *lock_secret_ref(struct lock_secret *secret)
{
    secret->refs++;
    return secret;
}

void lock_secret_unref(struct lock_secret **secret)
{
    struct lock_secret *old = *secret;
    *secret = NULL;
    if (old != NULL && --old->refs == 0) {
        sodium_free(old); /* wipes */
    }
}

/* ---- from a passphrase to a key ---- */

static bool derive(uint8_t out[WRAPPING_KEY_BYTES], const struct lock_box *box,
                   struct bytes passphrase, struct fault *fault)
{
    const struct lock_cost *cost = &box->cost;
    if (cost->passes < 1 || cost->passes > LOCK_MOST_PASSES ||
        cost->memory_kib < LOCK_LEAST_MEMORY_KIB || cost->memory_kib > LOCK_MOST_MEMORY_KIB) {
        return fault_set(fault, FAULT_CORRUPT, "what the passphrase costs to try is out of bounds");
    }
    if (passphrase.len == 0) {
        return fault_set(fault, FAULT_INVALID, "an empty passphrase is none");
    }
    if (passphrase.len > LOCK_MAX_PASSPHRASE_BYTES) {
        return fault_set(fault, FAULT_LIMIT, "a passphrase has at most %d bytes",
                         (int)LOCK_MAX_PASSPHRASE_BYTES);
    }
    return crypto_pwhash(out, WRAPPING_KEY_BYTES, (const char *)passphrase.data, passphrase.len,
                         box->salt, cost->passes, (size_t)cost->memory_kib * 1024,
                         crypto_pwhash_ALG_ARGON2ID13) == 0 ||
           fault_set(fault, FAULT_LIMIT, "there is no memory for trying a passphrase: %u MiB",
                     (unsigned)(cost->memory_kib / 1024));
}

/* All of the box that stands in clear is bound to what is wrapped. */
static void write_header(struct buf *out, const struct lock_box *box)
{
    buf_append_str(out, domain);
    buf_append(out, box->public_key, sizeof(box->public_key));
    buf_append(out, box->salt, sizeof(box->salt));
    write_u32(out, box->cost.passes);
    write_u32(out, box->cost.memory_kib);
}

bool lock_box_wrap(struct lock_box *out, const struct lock_secret *secret, struct bytes passphrase,
                   struct lock_cost cost, struct fault *fault)
{
    struct lock_box box = {.cost = cost};
    struct buf header = {0};
    uint8_t key[WRAPPING_KEY_BYTES];
    prepare_library();
    memcpy(box.public_key, secret->public_key, sizeof(box.public_key));
    random_bytes(box.salt, sizeof(box.salt));
    random_bytes(box.wrapped, NONCE_BYTES);
    if (!derive(key, &box, passphrase, fault)) {
        return false;
    }
    write_header(&header, &box);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(box.wrapped + NONCE_BYTES, NULL,
                                                     secret->secret_key, SECRET_BYTES, header.data,
                                                     header.len, NULL, box.wrapped, key);
    mem_wipe(key, sizeof(key));
    buf_clear(&header);
    *out = box;
    return true;
}

struct lock_secret *lock_box_new(struct lock_box *out, struct bytes passphrase,
                                 struct lock_cost cost, struct fault *fault)
{
    prepare_library();
    struct lock_secret *secret = secret_new();
    random_bytes(secret->secret_key, SECRET_BYTES);
    (void)crypto_scalarmult_base(secret->public_key, secret->secret_key);
    if (!lock_box_wrap(out, secret, passphrase, cost, fault)) {
        lock_secret_unref(&secret);
    }
    return secret;
}

struct lock_secret *lock_box_open(const struct lock_box *box, struct bytes passphrase,
                                  struct fault *fault)
{
    struct buf header = {0};
    uint8_t key[WRAPPING_KEY_BYTES];
    prepare_library();
    if (!derive(key, box, passphrase, fault)) {
        return NULL;
    }
    struct lock_secret *secret = secret_new();
    write_header(&header, box);
    memcpy(secret->public_key, box->public_key, sizeof(secret->public_key));
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            secret->secret_key, NULL, NULL, box->wrapped + NONCE_BYTES,
            LOCK_WRAPPED_BYTES - NONCE_BYTES, header.data, header.len, box->wrapped, key) != 0) {
        (void)fault_set(fault, FAULT_DENIED, "that is not the passphrase");
        lock_secret_unref(&secret);
    }
    mem_wipe(key, sizeof(key));
    buf_clear(&header);
    return secret;
}

/* ---- keys ---- */

bool lock_seal(uint8_t out[LOCK_SEALED_BYTES], const uint8_t public_key[LOCK_PUBLIC_BYTES],
               const struct private_key *key)
{
    prepare_library();
    return crypto_box_seal(out, key->scalar, PRIVATE_KEY_BYTES, public_key) == 0;
}

bool lock_unseal(struct private_key *out, const struct lock_secret *secret, struct bytes sealed)
{
    uint8_t scalar[PRIVATE_KEY_BYTES];
    bool ok = sealed.len == LOCK_SEALED_BYTES &&
              crypto_box_seal_open(scalar, sealed.data, LOCK_SEALED_BYTES, secret->public_key,
                                   secret->secret_key) == 0 &&
              private_key_parse(out, (struct bytes){scalar, sizeof(scalar)});
    mem_wipe(scalar, sizeof(scalar));
    return ok;
}
