// SPDX-License-Identifier: MIT
#include "crypto/key.h"

#include "tests/crypto/support.h"

#include <string.h>

static void key_pairs_give_the_known_public_keys_and_ripe(void **state)
{
    (void)state;
    json_t *root = vectors_load("keys_addresses.json");
    size_t index;
    json_t *row;

    assert_true(json_array_size(vectors_get(root, "records")) > 0);
    json_array_foreach(vectors_get(root, "records"), index, row)
    {
        struct private_key signing = private_key_at(row, "privsigning");
        struct private_key encryption = private_key_at(row, "privencryption");
        struct public_key expected_signing = public_key_at(row, "pubsigning");
        struct public_key expected_encryption = public_key_at(row, "pubencryption");
        struct identity_keys keys;

        identity_keys_derive(&keys, &signing, &encryption);

        assert_true(public_key_equal(&keys.signing_public, &expected_signing));
        assert_true(public_key_equal(&keys.encryption_public, &expected_encryption));
        assert_false(public_key_equal(&keys.signing_public, &keys.encryption_public));
        assert_hex_equal((struct bytes){keys.ripe, RIPE_BYTES}, vectors_str(row, "ripe"));
        assert_true(private_key_equal(&keys.signing, &signing));
        assert_false(private_key_equal(&keys.signing, &keys.encryption));
    }
    json_decref(root);
}

static void passphrase_scalars_are_the_known_ones(void **state)
{
    (void)state;
    json_t *root = vectors_load("deterministic.json");
    size_t index;
    json_t *row;

    assert_true(json_array_size(vectors_get(root, "single")) > 0);
    json_array_foreach(vectors_get(root, "single"), index, row)
    {
        size_t len;
        uint8_t *passphrase = vectors_hex(row, "passphrase_hex", &len);
        struct private_key expected_signing = private_key_at(row, "privsigning");
        struct private_key expected_encryption = private_key_at(row, "privencryption");
        struct private_key signing;
        struct private_key encryption;
        struct bytes words = {passphrase, len};

        assert_true(
            private_key_from_passphrase(&signing, words, vectors_u64(row, "signing_nonce")));
        assert_true(
            private_key_from_passphrase(&encryption, words, vectors_u64(row, "encryption_nonce")));

        assert_true(private_key_equal(&signing, &expected_signing));
        assert_true(private_key_equal(&encryption, &expected_encryption));
        free(passphrase);
    }
    json_decref(root);
}

static void scalars_out_of_range_are_no_keys(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *hex;
        bool valid;
    } rows[] = {
        {"zero", "0000000000000000000000000000000000000000000000000000000000000000", false},
        {"one", "0000000000000000000000000000000000000000000000000000000000000001", true},
        {"n - 1", "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140", true},
        {"n", "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", false},
        {"n + 1", "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364142", false},
        {"2^256 - 1", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", false},
        {"31 bytes", "01010101010101010101010101010101010101010101010101010101010101", false},
        {"33 bytes", "000101010101010101010101010101010101010101010101010101010101010101", false},
        {"nothing", "", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].hex) / 2;
        uint8_t *scalar = malloc(len + 1);
        struct private_key key = {{42}};
        assert_true(hex_decode(scalar, len, bytes_of_str(rows[i].hex)));
        bool valid = private_key_parse(&key, (struct bytes){scalar, len});
        if (valid != rows[i].valid || (!valid && key.scalar[0] != 42)) {
            fail_msg("%s", rows[i].name);
        }
        free(scalar);
    }
}

static void points_off_the_curve_are_no_keys(void **state)
{
    (void)state;
    struct private_key one = {0};
    struct public_key generator;
    struct public_key parsed = {0};
    uint8_t point[PUBLIC_KEY_BYTES + 1] = {0};
    one.scalar[PRIVATE_KEY_BYTES - 1] = 1;
    public_key_derive(&generator, &one);

    assert_true(public_key_parse(&parsed, (struct bytes){generator.point, PUBLIC_KEY_BYTES}));
    assert_false(public_key_parse(&parsed, (struct bytes){generator.point, PUBLIC_KEY_BYTES - 1}));
    memcpy(point, generator.point, PUBLIC_KEY_BYTES);
    assert_false(public_key_parse(&parsed, (struct bytes){point, PUBLIC_KEY_BYTES + 1}));
    for (size_t bit = 0; bit < 8 * (size_t)PUBLIC_KEY_BYTES; bit++) {
        memcpy(point, generator.point, PUBLIC_KEY_BYTES);
        point[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(public_key_parse(&parsed, (struct bytes){point, PUBLIC_KEY_BYTES}));
    }
    memset(point, 0, sizeof point);
    assert_false(public_key_parse(&parsed, (struct bytes){point, PUBLIC_KEY_BYTES}));
    /* X as the field's prime plus its own value is the same number, but not written as one must. */
    memset(point, 0xff, PUBLIC_KEY_BYTES);
    assert_false(public_key_parse(&parsed, (struct bytes){point, PUBLIC_KEY_BYTES}));
    assert_true(public_key_equal(&parsed, &generator));
}

static void random_keys_differ_and_a_wipe_leaves_nothing(void **state)
{
    (void)state;
    struct private_key a;
    struct private_key b;
    static const struct private_key none = {0};

    private_key_random(&a);
    private_key_random(&b);
    assert_false(private_key_equal(&a, &b));
    private_key_wipe(&a);
    assert_true(private_key_equal(&a, &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_pairs_give_the_known_public_keys_and_ripe),
        cmocka_unit_test(passphrase_scalars_are_the_known_ones),
        cmocka_unit_test(scalars_out_of_range_are_no_keys),
        cmocka_unit_test(points_off_the_curve_are_no_keys),
        cmocka_unit_test(random_keys_differ_and_a_wipe_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
