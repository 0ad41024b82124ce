// SPDX-License-Identifier: MIT
#include "crypto/address.h"

#include "tests/crypto/support.h"

#include <string.h>

#include "base/mem.h"

static struct address decoded(const char *text)
{
    struct address address = {0};
    assert_int_equal(address_decode(&address, bytes_of_str(text)), ADDRESS_OK);
    return address;
}

static void addresses_of_known_keys_have_the_known_text_tag_and_keys(void **state)
{
    (void)state;
    json_t *root = vectors_load("keys_addresses.json");
    size_t index;
    json_t *record;

    json_array_foreach(vectors_get(root, "records"), index, record)
    {
        struct public_key signing = public_key_at(record, "pubsigning");
        struct public_key encryption = public_key_at(record, "pubencryption");
        size_t inner;
        json_t *row;
        json_array_foreach(vectors_get(record, "addresses"), inner, row)
        {
            struct address address = address_of_keys(
                vectors_u64(row, "version"), vectors_u64(row, "stream"), &signing, &encryption);
            char text[ADDRESS_TEXT_BYTES];
            uint8_t tag[ADDRESS_TAG_BYTES];
            struct private_key key;
            struct public_key public_key;
            struct public_key expected = public_key_at(row, "tag_pubkey");

            address_encode(text, &address);
            assert_string_equal(text, vectors_str(row, "address"));
            struct address back = decoded(text);
            assert_true(address_equal(&back, &address));

            address_tag(tag, &address);
            assert_hex_equal((struct bytes){tag, sizeof tag}, vectors_str(row, "tag"));
            assert_true(address_tag_key(&key, &address));
            assert_hex_equal((struct bytes){key.scalar, 32}, vectors_str(row, "tag_privkey"));
            public_key_derive(&public_key, &key);
            assert_true(public_key_equal(&public_key, &expected));

            assert_true(address_broadcast_key(&key, &address));
            assert_hex_equal(
                (struct bytes){key.scalar, 32},
                vectors_str(row, address.version < 4 ? "broadcast_v4_privkey" : "tag_privkey"));
        }
    }
    json_decref(root);
}

static void encoding_known_ripes_goes_there_and_back(void **state)
{
    (void)state;
    json_t *root = vectors_load("address_codec.json");
    size_t index;
    json_t *row;

    json_array_foreach(vectors_get(root, "encode_roundtrip"), index, row)
    {
        struct address address = {.version = vectors_u64(row, "version"),
                                  .stream = vectors_u64(row, "stream")};
        struct address back = {0};
        char text[ADDRESS_TEXT_BYTES];
        assert_true(hex_decode(address.ripe, RIPE_BYTES, bytes_of_str(vectors_str(row, "ripe"))));

        address_encode(text, &address);
        enum address_status status = address_decode(&back, bytes_of_str(text));

        assert_string_equal(text, vectors_str(row, "address"));
        assert_string_equal(address_status_name(status), vectors_str(row, "decode_status"));
        if (status == ADDRESS_OK) {
            assert_hex_equal((struct bytes){back.ripe, RIPE_BYTES},
                             vectors_str(row, "decoded_ripe"));
        }
    }
    json_decref(root);
}

/* In a block of exactly that size, so that a byte too far is seen. */
static enum address_status decode_exactly(struct address *out, const char *text, size_t len)
{
    uint8_t *block = xmemdup(text, len);
    enum address_status status = address_decode(out, (struct bytes){block, len});
    free(block);
    return status;
}

static void each_text_gets_the_reference_s_answer(void **state)
{
    (void)state;
    json_t *root = vectors_load("address_codec.json");
    size_t index;
    json_t *row;

    assert_true(json_array_size(vectors_get(root, "decode")) > 30);
    json_array_foreach(vectors_get(root, "decode"), index, row)
    {
        const char *input = vectors_str(row, "input");
        struct address address = {.version = 77};

        enum address_status status = decode_exactly(&address, input, strlen(input));

        if (strcmp(address_status_name(status), vectors_str(row, "status")) != 0) {
            fail_msg("%s: %s, not %s", vectors_str(row, "why"), address_status_name(status),
                     vectors_str(row, "status"));
        }
        if (status == ADDRESS_OK) {
            assert_int_equal(address.version, vectors_u64(row, "version"));
            assert_int_equal(address.stream, vectors_u64(row, "stream"));
            assert_hex_equal((struct bytes){address.ripe, RIPE_BYTES}, vectors_str(row, "ripe"));
        } else {
            assert_int_equal(address.version, 77);
            assert_true(strlen(address_status_text(status)) > 0);
        }
    }
    json_decref(root);
}

static void an_address_cut_anywhere_is_refused(void **state)
{
    (void)state;
    static const char text[] = "BM-2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK";
    struct address address;

    for (size_t len = 0; len < sizeof text - 1; len++) {
        assert_int_not_equal(decode_exactly(&address, text, len), ADDRESS_OK);
    }
    assert_int_equal(decode_exactly(&address, text, sizeof text - 1), ADDRESS_OK);
}

static void a_text_up_to_the_limit_is_looked_at_and_above_it_refused(void **state)
{
    (void)state;
    static const char tail[] = "2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK";
    char text[ADDRESS_MAX_INPUT_BYTES + 2];
    struct address address;

    for (size_t len = ADDRESS_MAX_INPUT_BYTES - 1; len <= ADDRESS_MAX_INPUT_BYTES + 1; len++) {
        memset(text, '1', len);
        memcpy(text + len - (sizeof tail - 1), tail, sizeof tail - 1);
        assert_int_equal(decode_exactly(&address, text, len),
                         len <= ADDRESS_MAX_INPUT_BYTES ? ADDRESS_OK : ADDRESS_INVALID_CHARACTERS);
    }
}

static void two_texts_of_one_address_are_equal_after_decoding(void **state)
{
    (void)state;
    struct address plain = decoded("BM-2cTQWFbuuvTN4xAHhz1MqhuKwpEDRS3M39");
    struct address padded = decoded(" 112cTQWFbuuvTN4xAHhz1MqhuKwpEDRS3M39\r\n");
    struct address other = decoded("BM-2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK");
    uint8_t plain_key[ADDRESS_KEY_BYTES];
    uint8_t padded_key[ADDRESS_KEY_BYTES];
    struct address back;

    address_key(plain_key, &plain);
    address_key(padded_key, &padded);

    assert_true(address_equal(&plain, &padded));
    assert_memory_equal(plain_key, padded_key, sizeof plain_key);
    assert_false(address_equal(&plain, &other));
    assert_true((address_compare(&plain, &other) < 0) != (address_compare(&other, &plain) < 0));
    assert_true(address_from_key(&back, (struct bytes){plain_key, sizeof plain_key}));
    assert_true(address_equal(&back, &plain));
    assert_false(address_from_key(&back, (struct bytes){plain_key, sizeof plain_key - 1}));
    plain_key[7] = 5;
    assert_false(address_from_key(&back, (struct bytes){plain_key, sizeof plain_key}));
}

static void the_longest_address_fits_its_buffer(void **state)
{
    (void)state;
    struct address address = {.version = 4, .stream = UINT64_MAX};
    char text[ADDRESS_TEXT_BYTES];
    memset(address.ripe, 0xff, RIPE_BYTES);

    address_encode(text, &address);

    assert_true(strlen(text) < ADDRESS_TEXT_BYTES);
    struct address back = decoded(text);
    assert_true(address_equal(&back, &address));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_known_keys_have_the_known_text_tag_and_keys),
        cmocka_unit_test(encoding_known_ripes_goes_there_and_back),
        cmocka_unit_test(each_text_gets_the_reference_s_answer),
        cmocka_unit_test(an_address_cut_anywhere_is_refused),
        cmocka_unit_test(a_text_up_to_the_limit_is_looked_at_and_above_it_refused),
        cmocka_unit_test(two_texts_of_one_address_are_equal_after_decoding),
        cmocka_unit_test(the_longest_address_fits_its_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
