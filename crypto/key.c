// SPDX-License-Identifier: MIT
#include "crypto/key.h"

#include "base/buf.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "crypto/key_internal.h"
#include "crypto/libs_internal.h"
#include "crypto/random.h"

#include <assert.h>
#include <string.h>

enum { UNCOMPRESSED_TAG = 4 };

bool private_key_parse(struct private_key *out, struct bytes scalar)
{
    if (scalar.len != PRIVATE_KEY_BYTES) {
        return false;
    }
    int valid = secp256k1_ec_seckey_verify(crypto_libs()->curve, scalar.data);
    DECLASSIFY(&valid, sizeof valid);
    if (valid != 1) {
        return false;
    }
    memcpy(out->scalar, scalar.data, PRIVATE_KEY_BYTES);
    return true;
}

void private_key_random(struct private_key *out)
{
    uint8_t scalar[PRIVATE_KEY_BYTES];
    do {
        random_bytes(scalar, sizeof scalar);
    } while (!private_key_parse(out, (struct bytes){scalar, sizeof scalar}));
    mem_wipe(scalar, sizeof scalar);
}

void private_key_wipe(struct private_key *key)
{
    mem_wipe(key, sizeof *key);
}

bool private_key_equal(const struct private_key *a, const struct private_key *b)
{
    return mem_equal_ct(a->scalar, b->scalar, PRIVATE_KEY_BYTES);
}

bool public_key_load(secp256k1_pubkey *out, const uint8_t point[PUBLIC_KEY_BYTES])
{
    uint8_t tagged[1 + PUBLIC_KEY_BYTES] = {UNCOMPRESSED_TAG};
    memcpy(tagged + 1, point, PUBLIC_KEY_BYTES);
    return secp256k1_ec_pubkey_parse(crypto_libs()->curve, out, tagged, sizeof tagged) == 1;
}

void public_key_store(struct public_key *out, const secp256k1_pubkey *key)
{
    uint8_t tagged[1 + PUBLIC_KEY_BYTES];
    size_t len = sizeof tagged;
    int done = secp256k1_ec_pubkey_serialize(crypto_libs()->curve, tagged, &len, key,
                                             SECP256K1_EC_UNCOMPRESSED);
    assert(done == 1 && len == sizeof tagged);
    memcpy(out->point, tagged + 1, PUBLIC_KEY_BYTES);
}

bool public_key_parse(struct public_key *out, struct bytes point)
{
    secp256k1_pubkey loaded;
    if (point.len != PUBLIC_KEY_BYTES || !public_key_load(&loaded, point.data)) {
        return false;
    }
    memcpy(out->point, point.data, PUBLIC_KEY_BYTES);
    return true;
}

bool public_key_equal(const struct public_key *a, const struct public_key *b)
{
    return memcmp(a->point, b->point, PUBLIC_KEY_BYTES) == 0;
}

void public_key_derive(struct public_key *out, const struct private_key *key)
{
    secp256k1_pubkey derived;
    int valid = secp256k1_ec_pubkey_create(crypto_libs()->curve, &derived, key->scalar);
    DECLASSIFY(&valid, sizeof valid);
    DECLASSIFY(&derived, sizeof derived);
    assert(valid == 1); /* else the private key was not parsed */
    public_key_store(out, &derived);
}

void key_ripe(uint8_t out[RIPE_BYTES], const struct public_key *signing,
              const struct public_key *encryption)
{
    static const uint8_t tag[] = {UNCOMPRESSED_TAG};
    const struct bytes parts[] = {{tag, sizeof tag},
                                  {signing->point, PUBLIC_KEY_BYTES},
                                  {tag, sizeof tag},
                                  {encryption->point, PUBLIC_KEY_BYTES}};
    uint8_t inner[SHA512_BYTES];
    hash_sha512_parts(inner, parts, ARRAY_LEN(parts));
    hash_ripemd160(out, (struct bytes){inner, sizeof inner});
}

void identity_keys_derive(struct identity_keys *out, const struct private_key *signing,
                          const struct private_key *encryption)
{
    out->signing = *signing;
    out->encryption = *encryption;
    public_key_derive(&out->signing_public, signing);
    public_key_derive(&out->encryption_public, encryption);
    key_ripe(out->ripe, &out->signing_public, &out->encryption_public);
}

void identity_keys_wipe(struct identity_keys *keys)
{
    mem_wipe(keys, sizeof *keys);
}

bool private_key_from_passphrase(struct private_key *out, struct bytes passphrase, uint64_t nonce)
{
    struct buf number = {0};
    write_var_int(&number, nonce);
    const struct bytes parts[] = {passphrase, buf_view(&number)};
    uint8_t digest[SHA512_BYTES];

    hash_sha512_parts(digest, parts, ARRAY_LEN(parts));
    bool valid = private_key_parse(out, (struct bytes){digest, PRIVATE_KEY_BYTES});

    mem_wipe(digest, sizeof digest);
    buf_clear(&number);
    return valid;
}
