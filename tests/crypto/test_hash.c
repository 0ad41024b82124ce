// SPDX-License-Identifier: MIT
#include "crypto/hash.h"

#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/str.h"

static void assert_hex(struct bytes actual, const char *hex)
{
    uint8_t expected[128];
    assert_true(actual.len <= sizeof expected);
    assert_true(hex_decode(expected, actual.len, bytes_of_str(hex)));
    assert_bytes_equal(actual, (struct bytes){expected, actual.len});
}

static void digests_are_the_known_answers(void **state)
{
    (void)state;
    json_t *root = vectors_load("hashes.json");
    json_t *rows = vectors_get(root, "hashes");
    size_t index;
    json_t *row;

    assert_true(json_array_size(rows) > 0);
    json_array_foreach(rows, index, row)
    {
        size_t len;
        uint8_t *data = vectors_hex(row, "data", &len);
        struct bytes in = {data, len};
        uint8_t out[SHA512_BYTES];
        uint8_t ripe[RIPEMD160_BYTES];

        hash_sha512(out, in);
        assert_hex((struct bytes){out, 64}, vectors_str(row, "sha512"));
        assert_hex((struct bytes){out, 4}, vectors_str(row, "message_checksum_first4_of_sha512"));
        hash_ripemd160(ripe, (struct bytes){out, 64});
        assert_hex((struct bytes){ripe, sizeof ripe}, vectors_str(row, "ripemd160_of_sha512"));
        hash_double_sha512(out, in);
        assert_hex((struct bytes){out, 64}, vectors_str(row, "double_sha512"));
        hash_inventory(out, in);
        assert_hex((struct bytes){out, 32}, vectors_str(row, "inventory_hash_first32"));
        free(data);
    }
    json_t *sample = vectors_get(root, "from_tests_samples");
    uint8_t out[SHA512_BYTES];
    hash_double_sha512(out, bytes_of_str(vectors_str(sample, "data")));
    assert_hex((struct bytes){out, 64}, vectors_str(sample, "double_sha512"));
    json_decref(root);
}

static void digests_of_abc_are_those_of_the_standards(void **state)
{
    (void)state;
    struct bytes abc = bytes_of_str("abc");
    uint8_t out[SHA512_BYTES];

    hash_sha1(out, abc);
    assert_hex((struct bytes){out, 20}, "a9993e364706816aba3e25717850c26c9cd0d89d");
    hash_sha256(out, abc);
    assert_hex((struct bytes){out, 32},
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_double_sha256(out, abc);
    assert_hex((struct bytes){out, 32},
               "4f8b42c22dd3729b519ba6f68d2da7cc5b2d606d05daed5ad5128cc03e6c6358");
    hash_ripemd160(out, abc);
    assert_hex((struct bytes){out, 20}, "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc");
}

static void a_digest_in_parts_is_the_digest_of_the_whole(void **state)
{
    (void)state;
    uint8_t text[300];
    uint8_t whole[SHA512_BYTES];
    uint8_t parted[SHA512_BYTES];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (uint8_t)i;
    }

    for (size_t cut = 0; cut <= sizeof text; cut++) {
        const struct bytes parts[] = {{text, cut}, {NULL, 0}, {text + cut, sizeof text - cut}};
        hash_sha512(whole, (struct bytes){text, sizeof text});
        hash_sha512_parts(parted, parts, 3);
        assert_memory_equal(whole, parted, SHA512_BYTES);
        hash_double_sha512(whole, (struct bytes){text, sizeof text});
        hash_double_sha512_parts(parted, parts, 3);
        assert_memory_equal(whole, parted, SHA512_BYTES);
        hash_sha256(whole, (struct bytes){text, sizeof text});
        hash_sha256_parts(parted, parts, 3);
        assert_memory_equal(whole, parted, SHA256_BYTES);
    }
}

/* RFC 4231, test cases 1, 2, 6. */
static void hmac_is_that_of_rfc_4231(void **state)
{
    (void)state;
    uint8_t key[131];
    uint8_t out[SHA256_BYTES];

    memset(key, 0x0b, 20);
    hash_hmac_sha256(out, (struct bytes){key, 20}, bytes_of_str("Hi There"));
    assert_hex((struct bytes){out, 32},
               "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    const struct bytes parts[] = {bytes_of_str("what do ya want "), bytes_of_str("for nothing?")};
    hash_hmac_sha256_parts(out, bytes_of_str("Jefe"), parts, 2);
    assert_hex((struct bytes){out, 32},
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    hash_hmac_sha256(out, (struct bytes){key, sizeof key},
                     bytes_of_str("Test Using Larger Than Block-Size Key - Hash Key First"));
    assert_hex((struct bytes){out, 32},
               "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void an_empty_key_is_a_key(void **state)
{
    (void)state;
    uint8_t out[SHA256_BYTES];

    hash_hmac_sha256(out, bytes_of_str("before"), bytes_of_str(""));
    hash_hmac_sha256(out, (struct bytes){NULL, 0}, (struct bytes){NULL, 0});
    assert_hex((struct bytes){out, 32},
               "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* RFC 7914, section 11. */
static void pbkdf2_is_that_of_rfc_7914(void **state)
{
    (void)state;
    uint8_t out[64];
    struct fault fault = {0};

    assert_true(
        hash_pbkdf2_hmac_sha256(out, 64, bytes_of_str("passwd"), bytes_of_str("salt"), 1, &fault));
    assert_hex((struct bytes){out, 64},
               "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
               "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
}

static void pbkdf2_refuses_what_is_out_of_range(void **state)
{
    (void)state;
    static uint8_t longer[PBKDF2_MAX_INPUT_BYTES + 1];
    uint8_t out[65] = {0};
    struct bytes some = bytes_of_str("x");
    struct bytes most = {longer, PBKDF2_MAX_INPUT_BYTES};
    struct bytes more = {longer, sizeof longer};
    struct fault fault = {0};

    assert_false(hash_pbkdf2_hmac_sha256(out, 32, some, some, 0, &fault));
    assert_int_equal(fault.code, FAULT_LIMIT);
    assert_false(hash_pbkdf2_hmac_sha256(out, 32, some, some, PBKDF2_MAX_ITERATIONS + 1, NULL));
    assert_false(hash_pbkdf2_hmac_sha256(out, 32, some, some, UINT64_MAX, NULL));
    assert_false(hash_pbkdf2_hmac_sha256(out, 0, some, some, 1, NULL));
    assert_false(hash_pbkdf2_hmac_sha256(out, 65, some, some, 1, NULL));
    assert_false(hash_pbkdf2_hmac_sha256(out, 32, more, some, 1, NULL));
    assert_false(hash_pbkdf2_hmac_sha256(out, 32, some, more, 1, NULL));
    assert_true(hash_pbkdf2_hmac_sha256(out, 1, most, most, 1, NULL));
    assert_true(hash_pbkdf2_hmac_sha256(out, 64, (struct bytes){NULL, 0}, (struct bytes){NULL, 0},
                                        2, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_the_known_answers),
        cmocka_unit_test(digests_of_abc_are_those_of_the_standards),
        cmocka_unit_test(a_digest_in_parts_is_the_digest_of_the_whole),
        cmocka_unit_test(hmac_is_that_of_rfc_4231),
        cmocka_unit_test(an_empty_key_is_a_key),
        cmocka_unit_test(pbkdf2_is_that_of_rfc_7914),
        cmocka_unit_test(pbkdf2_refuses_what_is_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
