// SPDX-License-Identifier: MIT
#include "crypto/key_search.h"

#include "tests/crypto/support.h"

#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/address.h"

static void text_of(char out[ADDRESS_TEXT_BYTES], const struct identity_keys *keys,
                    uint64_t version, uint64_t stream)
{
    struct address address = {.version = version, .stream = stream};
    memcpy(address.ripe, keys->ripe, RIPE_BYTES);
    address_encode(out, &address);
}

static void passphrases_give_the_reference_s_addresses(void **state)
{
    (void)state;
    json_t *root = vectors_load("deterministic.json");
    size_t index;
    json_t *row;

    json_array_foreach(vectors_get(root, "single"), index, row)
    {
        size_t len;
        uint8_t *passphrase = vectors_hex(row, "passphrase_hex", &len);
        bool two_zeros = json_is_true(vectors_get(row, "eighteen_byte_ripe"));
        struct private_key signing = private_key_at(row, "privsigning");
        struct private_key encryption = private_key_at(row, "privencryption");
        struct identity_keys keys;
        uint64_t next = 0;
        char text[ADDRESS_TEXT_BYTES];

        key_search_now_passphrase(&keys, &next, (struct bytes){passphrase, len}, 0,
                                  two_zeros ? 2 : 1);

        text_of(text, &keys, vectors_u64(row, "version"), vectors_u64(row, "stream"));
        assert_string_equal(text, vectors_str(row, "address"));
        assert_true(private_key_equal(&keys.signing, &signing));
        assert_true(private_key_equal(&keys.encryption, &encryption));
        assert_int_equal(next, vectors_u64(row, "signing_nonce") + 2);
        free(passphrase);
    }
    json_decref(root);
}

static void the_next_address_begins_after_the_last(void **state)
{
    (void)state;
    json_t *root = vectors_load("deterministic.json");
    json_t *multiple = vectors_get(root, "multiple");
    struct bytes passphrase = bytes_of_str(vectors_str(multiple, "passphrase"));
    uint64_t next = 0;
    size_t index;
    json_t *expected;

    json_array_foreach(vectors_get(multiple, "addresses_in_order"), index, expected)
    {
        struct identity_keys keys;
        char text[ADDRESS_TEXT_BYTES];
        key_search_now_passphrase(&keys, &next, passphrase, next, 1);
        text_of(text, &keys, vectors_u64(multiple, "version"), 1);
        assert_string_equal(text, json_string_value(expected));
    }
    json_decref(root);
}

static void chans_have_their_known_addresses_and_keys(void **state)
{
    (void)state;
    json_t *root = vectors_load("chans.json");
    size_t index;
    json_t *row;

    json_array_foreach(vectors_get(root, "chans"), index, row)
    {
        size_t len;
        uint8_t *name = vectors_hex(row, "name_hex", &len);
        struct identity_keys keys;
        char text[ADDRESS_TEXT_BYTES];

        key_search_now_passphrase(&keys, NULL, (struct bytes){name, len}, 0, 1);

        text_of(text, &keys, 4, 1);
        assert_string_equal(text, vectors_str(row, "address_v4"));
        text_of(text, &keys, 3, 1);
        assert_string_equal(text, vectors_str(row, "address_v3"));
        free(name);
    }
    json_decref(root);
}

static void random_keys_belong_together_and_differ(void **state)
{
    (void)state;
    struct identity_keys a;
    struct identity_keys b;
    struct identity_keys again;

    for (unsigned n_zeros = 0; n_zeros <= 1; n_zeros++) {
        key_search_now_random(&a, n_zeros);
        key_search_now_random(&b, n_zeros);

        identity_keys_derive(&again, &a.signing, &a.encryption);
        assert_memory_equal(&a, &again, sizeof a);
        assert_true(n_zeros == 0 || (a.ripe[0] == 0 && b.ripe[0] == 0));
        assert_false(private_key_equal(&a.signing, &b.signing));
        assert_false(private_key_equal(&a.encryption, &b.encryption));
        assert_false(private_key_equal(&a.signing, &a.encryption));
    }
}

static void *run_search(void *search)
{
    (void)key_search_run(search);
    return NULL;
}

/* The lowest hit wins whoever finds it: eight threads on one search give the address of one. */
static void many_workers_find_the_same_keys(void **state)
{
    (void)state;
    enum { N_THREADS = 8 };
    static const char *const passphrases[] = {"a", "b", "c", "several addresses", "short 0-45"};

    for (size_t i = 0; i < ARRAY_LEN(passphrases); i++) {
        struct identity_keys alone;
        struct identity_keys together;
        uint64_t alone_next = 0;
        uint64_t together_next = 0;
        pthread_t threads[N_THREADS];
        struct bytes passphrase = bytes_of_str(passphrases[i]);
        key_search_now_passphrase(&alone, &alone_next, passphrase, 0, 1);

        struct key_search *search = key_search_new_passphrase(passphrase, 0, 1);
        for (size_t t = 0; t < N_THREADS; t++) {
            assert_int_equal(pthread_create(&threads[t], NULL, run_search, search), 0);
        }
        for (size_t t = 0; t < N_THREADS; t++) {
            pthread_join(threads[t], NULL);
        }

        assert_int_equal(key_search_state(search), KEY_SEARCH_FOUND);
        assert_true(key_search_attempts(search) > 0);
        key_search_take(search, &together, &together_next);
        assert_memory_equal(&alone, &together, sizeof alone);
        assert_int_equal(alone_next, together_next);
        key_search_free(&search);
        assert_null(search);
    }
}

static void a_search_in_steps_comes_to_the_same_end(void **state)
{
    (void)state;
    struct identity_keys at_once;
    struct identity_keys in_steps;
    struct key_search *search = key_search_new_passphrase(bytes_of_str("a"), 0, 1);
    unsigned n_steps = 0;

    key_search_now_passphrase(&at_once, NULL, bytes_of_str("a"), 0, 1);
    while (key_search_step(search, 10) == KEY_SEARCH_RUNNING) {
        n_steps++;
    }
    key_search_take(search, &in_steps, NULL);

    assert_true(n_steps > 3);
    assert_memory_equal(&at_once, &in_steps, sizeof at_once);
    key_search_free(&search);
}

static void a_cancelled_search_ends_without_keys(void **state)
{
    (void)state;
    struct key_search *search = key_search_new_random(3);

    assert_int_equal(key_search_step(search, 100), KEY_SEARCH_RUNNING);
    key_search_cancel(search);

    assert_int_equal(key_search_run(search), KEY_SEARCH_CANCELLED);
    key_search_free(&search);
    key_search_free(&search);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passphrases_give_the_reference_s_addresses),
        cmocka_unit_test(the_next_address_begins_after_the_last),
        cmocka_unit_test(chans_have_their_known_addresses_and_keys),
        cmocka_unit_test(random_keys_belong_together_and_differ),
        cmocka_unit_test(many_workers_find_the_same_keys),
        cmocka_unit_test(a_search_in_steps_comes_to_the_same_end),
        cmocka_unit_test(a_cancelled_search_ends_without_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
