// SPDX-License-Identifier: MIT
#include "crypto/wif.h"

#include "tests/crypto/support.h"

#include <string.h>

#include "base/mem.h"
#include "crypto/base58.h"

/* The decimal text as a big-endian number; returns its length without leading zeros. */
static size_t bytes_of_decimal(uint8_t out[BASE58_MAX_BYTES], const char *decimal)
{
    uint8_t number[BASE58_MAX_BYTES] = {0};
    size_t first = 0;
    for (const char *digit = decimal; *digit != '\0'; digit++) {
        unsigned carry = (unsigned)(*digit - '0');
        for (size_t i = BASE58_MAX_BYTES; i-- > 0;) {
            carry += number[i] * 10U;
            number[i] = (uint8_t)carry;
            carry >>= 8;
        }
    }
    while (first < BASE58_MAX_BYTES && number[first] == 0) {
        first++;
    }
    memcpy(out, number + first, BASE58_MAX_BYTES - first);
    return BASE58_MAX_BYTES - first;
}

static void numbers_have_their_base_58_text(void **state)
{
    (void)state;
    json_t *root = vectors_load("base58_wif.json");
    size_t index;
    json_t *row;

    assert_true(json_array_size(vectors_get(root, "base58")) > 0);
    json_array_foreach(vectors_get(root, "base58"), index, row)
    {
        uint8_t expected[BASE58_MAX_BYTES];
        uint8_t back[BASE58_MAX_BYTES];
        char text[BASE58_MAX_TEXT + 1];
        size_t len = bytes_of_decimal(expected, vectors_str(row, "integer"));
        size_t back_len = 99;

        base58_encode(text, (struct bytes){expected, len});
        assert_string_equal(text, vectors_str(row, "base58"));
        assert_true(base58_decode(back, &back_len, bytes_of_str(text)));
        assert_bytes_equal(((struct bytes){back, back_len}), ((struct bytes){expected, len}));
    }
    json_array_foreach(vectors_get(root, "base58_bad_input_decodes_to_zero"), index, row)
    {
        uint8_t back[BASE58_MAX_BYTES];
        size_t back_len = 99;
        assert_false(base58_decode(back, &back_len, bytes_of_str(vectors_str(row, "input"))));
        assert_int_equal(back_len, 99);
    }
    json_decref(root);
}

static void the_largest_number_fits_and_the_next_is_refused(void **state)
{
    (void)state;
    uint8_t number[BASE58_MAX_BYTES];
    uint8_t back[BASE58_MAX_BYTES];
    char text[BASE58_MAX_TEXT + 1];
    size_t len;
    memset(number, 0xff, sizeof number);

    base58_encode(text, (struct bytes){number, sizeof number});
    assert_true(base58_decode(back, &len, bytes_of_str(text)));
    assert_bytes_equal(((struct bytes){back, len}), ((struct bytes){number, sizeof number}));

    /* 2^512 - 1 ends in a digit below 57: the next text is 2^512. */
    int last = base58_digit(text[strlen(text) - 1]);
    assert_true(last >= 0 && last < 57);
    text[strlen(text) - 1] = base58_char((unsigned)last + 1);
    assert_false(base58_decode(back, &len, bytes_of_str(text)));
}

static void a_text_above_the_limit_is_refused(void **state)
{
    (void)state;
    uint8_t text[BASE58_MAX_INPUT + 1];
    uint8_t back[BASE58_MAX_BYTES];
    size_t len;
    memset(text, '1', sizeof text);

    assert_true(base58_decode(back, &len, (struct bytes){text, BASE58_MAX_INPUT - 1}));
    assert_true(base58_decode(back, &len, (struct bytes){text, BASE58_MAX_INPUT}));
    assert_int_equal(len, 0);
    assert_false(base58_decode(back, &len, (struct bytes){text, BASE58_MAX_INPUT + 1}));
}

static void every_byte_is_either_one_digit_or_none(void **state)
{
    (void)state;
    unsigned n_digits = 0;

    for (int c = -128; c < 128; c++) {
        int digit = base58_digit((char)c);
        if (digit >= 0) {
            assert_int_equal(base58_char((unsigned)digit), (char)c);
            n_digits++;
        }
    }
    assert_int_equal(n_digits, 58);
}

static void keys_have_their_known_text(void **state)
{
    (void)state;
    json_t *root = vectors_load("base58_wif.json");
    size_t index;
    json_t *row;

    assert_true(json_array_size(vectors_get(root, "wif")) > 0);
    json_array_foreach(vectors_get(root, "wif"), index, row)
    {
        /* One of them is above n: a text, but no key. */
        struct private_key key;
        struct private_key back = {0};
        char text[WIF_TEXT_BYTES];
        assert_true(hex_decode(key.scalar, 32, bytes_of_str(vectors_str(row, "key"))));
        bool valid = private_key_parse(&key, (struct bytes){key.scalar, 32});

        wif_encode(text, &key);
        assert_string_equal(text, vectors_str(row, "wif"));
        enum wif_status status = wif_decode(&back, bytes_of_str(text));

        assert_int_equal(status, valid ? WIF_OK : WIF_BAD_KEY);
        assert_int_equal(private_key_equal(&back, &key), valid);
    }
    json_decref(root);
}

static void bad_texts_are_refused_with_their_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum wif_status status;
    } rows[] = {
        {"5K42shDERM5g7Kbi3JT5vsAWpXMqRhWZpX835M2pdSoqQQpJM", WIF_BAD_CHECKSUM},
        {"5K42shDERM5g7Kbi3JT5vsAWpXMqRhWZpX835M2pdSoqQQpJMY2", WIF_BAD_CHECKSUM},
        {"", WIF_BAD_CHECKSUM},
        {"1", WIF_BAD_CHECKSUM},
        {"5KmUQFjtyMQhCFwkTZ1Q9xJm81kkAW5XgsAVkXbcPdUHXwLumZN", WIF_BAD_PREFIX},
        {"KwTNVQ9B4wXUfnTF6e1EQkTHJwbzeFGYyK7NdopxuJjQYvQkAxtA", WIF_BAD_LENGTH},
        {"5K42shDERM5g7Kbi3JT5vsAWpXMqRhWZpX835M2pdSoqQQpJMY0", WIF_BAD_CHARACTERS},
    };
    struct private_key key = {{42}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (wif_decode(&key, bytes_of_str(rows[i].text)) != rows[i].status) {
            fail_msg("\"%s\"", rows[i].text);
        }
        assert_int_equal(key.scalar[0], 42);
        assert_true(strlen(wif_status_text(rows[i].status)) > 0);
    }
}

static void all_known_bad_texts_are_refused(void **state)
{
    (void)state;
    json_t *root = vectors_load("base58_wif.json");
    size_t index;
    json_t *row;
    struct private_key key;

    json_array_foreach(vectors_get(root, "wif_bad"), index, row)
    {
        enum wif_status status = wif_decode(&key, bytes_of_str(vectors_str(row, "wif")));
        bool prefix = strcmp(vectors_str(row, "result"), "No hex 80 prefix") == 0;
        assert_int_equal(status, prefix ? WIF_BAD_PREFIX : WIF_BAD_CHECKSUM);
    }
    json_array_foreach(vectors_get(root, "wif_odd"), index, row)
    {
        assert_int_equal(wif_decode(&key, bytes_of_str(vectors_str(row, "wif"))), WIF_BAD_LENGTH);
    }
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_their_base_58_text),
        cmocka_unit_test(the_largest_number_fits_and_the_next_is_refused),
        cmocka_unit_test(a_text_above_the_limit_is_refused),
        cmocka_unit_test(every_byte_is_either_one_digit_or_none),
        cmocka_unit_test(keys_have_their_known_text),
        cmocka_unit_test(bad_texts_are_refused_with_their_reason),
        cmocka_unit_test(all_known_bad_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
