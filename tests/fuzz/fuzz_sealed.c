// SPDX-License-Identifier: MIT
/* What strangers encrypt and sign. The first byte chooses: an encrypted message, tried with the
 * known answers' key; or a signature, whose normal form must be its own normal form. */
#include "tests/fuzz/fuzz.h"

#include "base/str.h"
#include "crypto/ecies.h"
#include "crypto/sign.h"

static struct private_key known_key(void)
{
    static const char hex[] = "4b0b73a54e19b059dc274ab69df095fe699f43b17397bca26fdf40f4d7400a3a";
    uint8_t scalar[PRIVATE_KEY_BYTES];
    struct private_key key;
    FUZZ_CHECK(hex_decode(scalar, sizeof scalar, bytes_of_str(hex)));
    FUZZ_CHECK(private_key_parse(&key, (struct bytes){scalar, sizeof scalar}));
    return key;
}

static void fuzz_message(struct bytes encrypted)
{
    struct private_key key = known_key();
    struct ecies_message message;
    struct buf out = {0};
    bool parsed = ecies_parse(&message, encrypted);
    bool opened = ecies_decrypt(&out, &key, encrypted);
    FUZZ_CHECK(parsed || !opened);
    FUZZ_CHECK(opened || out.len == 0);
    if (opened) {
        FUZZ_CHECK(out.len < message.ciphertext.len &&
                   message.ciphertext.len - out.len <= ECIES_BLOCK_BYTES);
    }
    if (parsed) {
        struct public_key again;
        FUZZ_CHECK(
            public_key_parse(&again, (struct bytes){message.ephemeral.point, PUBLIC_KEY_BYTES}));
        FUZZ_CHECK(message.signed_part.len + message.mac.len == encrypted.len);
    }
    buf_clear_secret(&out);
}

static void fuzz_signature(struct bytes der)
{
    struct private_key key = known_key();
    struct public_key public_key;
    struct signature normal;
    struct signature again;
    uint8_t hash[SIGHASH_BYTES];
    public_key_derive(&public_key, &key);
    bool is_signature = sign_normalise(&normal, der);
    FUZZ_CHECK(sign_hash(hash, der) == is_signature);
    FUZZ_CHECK(is_signature || !sign_verify(&public_key, bytes_of_str("hello"), der));
    if (is_signature) {
        FUZZ_CHECK(sign_normalise(&again, signature_view(&normal)));
        FUZZ_CHECK(bytes_equal(signature_view(&normal), signature_view(&again)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct bytes rest = {data + 1, size - 1};
    if (data[0] % 2 == 0) {
        fuzz_message(rest);
    } else {
        fuzz_signature(rest);
    }
    return 0;
}
