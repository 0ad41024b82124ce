// SPDX-License-Identifier: MIT
#include "crypto/address_repair.h"

#include "tests/crypto/support.h"

#include <string.h>

#include "base/mem.h"

/* The address whose ripe has `n_zeros` zero bytes and 0x5a else: the more zeros, the shorter the
 * text. */
static struct address some_address(uint64_t version, size_t n_zeros)
{
    struct address address = {.version = version, .stream = 1};
    memset(address.ripe + n_zeros, 0x5a, RIPE_BYTES - n_zeros);
    return address;
}

static void fold(char *text)
{
    for (; *text != '\0'; text++) {
        *text = ascii_lower(*text);
    }
}

static enum address_case_state run(struct address_case_search *search, uint64_t step)
{
    enum address_case_state state;
    do {
        state = address_case_search_step(search, step);
    } while (state == ADDRESS_CASE_MORE);
    return state;
}

/* Short ripes keep the test quick: each byte less is a letter or two less. */
static void a_folded_address_is_found_by_its_checksum(void **state)
{
    (void)state;
    for (size_t n_zeros = 10; n_zeros <= 16; n_zeros++) {
        struct address address = some_address(4, n_zeros);
        struct address found;
        char text[ADDRESS_TEXT_BYTES];
        address_encode(text, &address);
        fold(text);

        struct address_case_search *search = address_case_search_new(bytes_of_str(text));
        assert_non_null(search);
        assert_int_equal(run(search, 1000), ADDRESS_CASE_FOUND);

        address_case_search_take(search, &found);
        assert_true(address_equal(&found, &address));
        address_case_search_free(&search);
        assert_null(search);
    }
}

static void it_does_not_matter_which_letters_were_folded(void **state)
{
    (void)state;
    struct address address = some_address(4, 13);
    struct address found;
    char text[ADDRESS_TEXT_BYTES];
    address_encode(text, &address);

    for (unsigned kind = 0; kind < 3; kind++) {
        for (size_t i = 0; text[i] != '\0'; i++) {
            text[i] = kind == 0 ? ascii_upper(text[i]) : kind == 1 ? ascii_lower(text[i]) : text[i];
        }
        /* Without the mark, too. */
        struct address_case_search *search =
            address_case_search_new(bytes_of_str(kind == 2 ? text + 3 : text));
        assert_int_equal(run(search, UINT64_MAX), ADDRESS_CASE_FOUND);
        address_case_search_take(search, &found);
        assert_true(address_equal(&found, &address));
        address_case_search_free(&search);
    }
}

static void a_text_whose_letters_are_wrong_has_no_address(void **state)
{
    (void)state;
    struct address address = some_address(4, 13);
    char text[ADDRESS_TEXT_BYTES];
    address_encode(text, &address);
    fold(text);
    text[strlen(text) - 1] = text[strlen(text) - 1] == '3' ? '4' : '3';

    struct address_case_search *search = address_case_search_new(bytes_of_str(text));

    assert_int_equal(run(search, UINT64_MAX), ADDRESS_CASE_NONE);
    address_case_search_free(&search);
}

static void a_cancelled_search_stops(void **state)
{
    (void)state;
    struct address_case_search *search =
        address_case_search_new(bytes_of_str("bm-2cwzsnwjj7yrp3nlewuv5listzyrewszuk"));

    assert_non_null(search);
    assert_int_equal(address_case_search_step(search, 1000), ADDRESS_CASE_MORE);
    address_case_search_cancel(search);
    assert_int_equal(address_case_search_step(search, UINT64_MAX), ADDRESS_CASE_CANCELLED);
    address_case_search_free(&search);
}

static void what_cannot_be_a_folded_address_is_not_searched(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",       "bm-",    "BM-",           "bm-2c0",
        "bm-2c_", "bm-2 c", "bm-2c\xc3\xa4", "bm-22222222222222222222222222222222222222",
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct address_case_search *search = address_case_search_new(bytes_of_str(bad[i]));
        if (search != NULL) {
            fail_msg("%s", bad[i]);
        }
    }
}

/* a has two cases in base 58, i, l and o have one. */
static void the_number_of_letters_is_bounded(void **state)
{
    (void)state;
    char text[ADDRESS_CASE_MAX_LETTERS + 2];

    for (size_t n = ADDRESS_CASE_MAX_LETTERS - 1; n <= ADDRESS_CASE_MAX_LETTERS + 1; n++) {
        memset(text, 'a', n);
        struct address_case_search *search =
            address_case_search_new((struct bytes){(const uint8_t *)text, n});
        assert_int_equal(search != NULL, n <= ADDRESS_CASE_MAX_LETTERS);
        address_case_search_free(&search);
    }
    struct address_case_search *search =
        address_case_search_new(bytes_of_str("iiiillllooooiiiillllooooiiiilllloooo"));
    assert_int_equal(run(search, UINT64_MAX), ADDRESS_CASE_NONE);
    address_case_search_free(&search);
}

static void texts_that_differ_in_case_are_alike(void **state)
{
    (void)state;
    struct bytes text = bytes_of_str("BM-2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK");

    assert_true(address_text_alike(text, bytes_of_str(" bm-2cwzsnwjj7yrp3nlewuv5listzyrewszuk ")));
    assert_true(address_text_alike(text, bytes_of_str("2CWZSNWJJ7YRP3NLEWUV5LISTZYREWSZUK")));
    assert_false(address_text_alike(text, bytes_of_str("2CWZSNWJJ7YRP3NLEWUV5LISTZYREWSZU")));
    assert_false(address_text_alike(text, bytes_of_str("")));
}

static void a_mistyped_address_is_suggested(void **state)
{
    (void)state;
    static const char right[] = "BM-2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK";
    struct address expected;
    struct address found[ADDRESS_SUGGEST_MAX];
    char text[sizeof right];
    assert_int_equal(address_decode(&expected, bytes_of_str(right)), ADDRESS_OK);

    for (size_t i = 3; i < sizeof right - 1; i++) {
        memcpy(text, right, sizeof right);
        text[i] = i % 2 == 0 ? '0' : text[i] == '7' ? '8' : '7';
        assert_int_equal(address_suggest(found, ADDRESS_SUGGEST_MAX, bytes_of_str(text)), 1);
        assert_true(address_equal(&found[0], &expected));
    }
    memcpy(text, right, sizeof right);
    text[10] = right[11];
    text[11] = right[10];
    assert_int_equal(address_suggest(found, 1, bytes_of_str(text)), 1);
    assert_true(address_equal(&found[0], &expected));
}

static void nothing_is_suggested_for_what_is_far_from_any_address(void **state)
{
    (void)state;
    struct address found[ADDRESS_SUGGEST_MAX];
    uint8_t *longest = xmalloc(ADDRESS_TEXT_BYTES + 1);
    memset(longest, 'a', ADDRESS_TEXT_BYTES + 1);

    assert_int_equal(address_suggest(found, 8, bytes_of_str("")), 0);
    assert_int_equal(address_suggest(found, 8, bytes_of_str("BM-hello")), 0);
    assert_int_equal(address_suggest(found, 8, (struct bytes){longest, ADDRESS_TEXT_BYTES}), 0);
    assert_int_equal(address_suggest(found, 8, (struct bytes){longest, ADDRESS_TEXT_BYTES + 1}), 0);
    assert_int_equal(
        address_suggest(found, 0, bytes_of_str("BM-2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK")), 0);
    free(longest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folded_address_is_found_by_its_checksum),
        cmocka_unit_test(it_does_not_matter_which_letters_were_folded),
        cmocka_unit_test(a_text_whose_letters_are_wrong_has_no_address),
        cmocka_unit_test(a_cancelled_search_stops),
        cmocka_unit_test(what_cannot_be_a_folded_address_is_not_searched),
        cmocka_unit_test(the_number_of_letters_is_bounded),
        cmocka_unit_test(texts_that_differ_in_case_are_alike),
        cmocka_unit_test(a_mistyped_address_is_suggested),
        cmocka_unit_test(nothing_is_suggested_for_what_is_far_from_any_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
