// SPDX-License-Identifier: MIT
#include "crypto/ecies.h"

#include "tests/crypto/support.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "crypto/key_internal.h"
#include "crypto/random.h"

static struct private_key key_of(const char *passphrase)
{
    struct private_key key;
    assert_true(private_key_from_passphrase(&key, bytes_of_str(passphrase), 0));
    return key;
}

static void known_messages_decrypt(void **state)
{
    (void)state;
    json_t *root = vectors_load("ecies.json");
    size_t index;
    json_t *row;

    assert_true(json_array_size(vectors_get(root, "must_decrypt")) > 10);
    json_array_foreach(vectors_get(root, "must_decrypt"), index, row)
    {
        struct private_key key = private_key_at(row, "recipient_privkey");
        size_t len;
        uint8_t *encrypted = vectors_hex(row, "encrypted", &len);
        size_t plain_len;
        uint8_t *plain = vectors_hex(row, "plaintext", &plain_len);
        struct buf out = {0};

        if (!ecies_decrypt(&out, &key, (struct bytes){encrypted, len})) {
            fail_msg("%s", vectors_str(row, "name"));
        }
        assert_bytes_equal(buf_view(&out), ((struct bytes){plain, plain_len}));

        free(encrypted);
        free(plain);
        buf_clear_secret(&out);
    }
    json_decref(root);
}

static void known_secrets_give_the_known_keys(void **state)
{
    (void)state;
    json_t *root = vectors_load("ecies.json");
    size_t index;
    json_t *row;

    json_array_foreach(vectors_get(root, "must_decrypt"), index, row)
    {
        struct private_key key = private_key_at(row, "recipient_privkey");
        json_t *derived = vectors_get(row, "derived");
        size_t len;
        uint8_t *encrypted = vectors_hex(row, "encrypted", &len);
        struct ecies_message message;
        secp256k1_pubkey point;
        uint8_t keys[ECIES_KEYS_BYTES];

        assert_true(ecies_parse(&message, (struct bytes){encrypted, len}));
        assert_true(public_key_load(&point, message.ephemeral.point));
        ecies_derive_keys(keys, &key, &point);

        assert_hex_equal((struct bytes){keys, 32}, vectors_str(derived, "key_e"));
        assert_hex_equal((struct bytes){keys + 32, 32}, vectors_str(derived, "key_m"));
        free(encrypted);
    }
    json_decref(root);
}

static void with_the_same_ephemeral_key_we_write_the_same_bytes(void **state)
{
    (void)state;
    json_t *root = vectors_load("ecies.json");
    size_t n_compared = 0;
    size_t index;
    json_t *row;

    json_array_foreach(vectors_get(root, "must_decrypt"), index, row)
    {
        /* Those with coordinates cut short were not written by an encryption. */
        if (json_object_get(row, "ephemeral_privkey") == NULL ||
            json_object_get(row, "parts") == NULL) {
            continue;
        }
        struct private_key ephemeral = private_key_at(row, "ephemeral_privkey");
        struct public_key to = public_key_at(row, "recipient_pubkey");
        size_t plain_len;
        uint8_t *plain = vectors_hex(row, "plaintext", &plain_len);
        size_t iv_len;
        uint8_t *iv = vectors_hex(vectors_get(row, "parts"), "iv", &iv_len);
        struct buf out = {0};

        assert_true(
            ecies_encrypt_with(&out, &to, (struct bytes){plain, plain_len}, &ephemeral, iv));

        assert_hex_equal(buf_view(&out), vectors_str(row, "encrypted"));
        assert_int_equal(out.len, ecies_encrypted_len(plain_len));
        n_compared++;
        free(plain);
        free(iv);
        buf_clear(&out);
    }
    assert_true(n_compared >= 8);

    row = vectors_get(root, "docs_example");
    struct private_key ephemeral = private_key_at(row, "r");
    struct public_key to = public_key_at(row, "K");
    size_t plain_len;
    uint8_t *plain = vectors_hex(row, "plaintext", &plain_len);
    size_t iv_len;
    uint8_t *iv = vectors_hex(row, "iv", &iv_len);
    struct buf out = {0};
    assert_true(ecies_encrypt_with(&out, &to, (struct bytes){plain, plain_len}, &ephemeral, iv));
    assert_hex_equal(buf_view(&out), vectors_str(row, "encrypted"));
    free(plain);
    free(iv);
    buf_clear(&out);
    json_decref(root);
}

static void bad_messages_are_refused_without_a_trace(void **state)
{
    (void)state;
    json_t *root = vectors_load("ecies.json");
    size_t index;
    json_t *row;

    assert_true(json_array_size(vectors_get(root, "must_fail")) > 10);
    json_array_foreach(vectors_get(root, "must_fail"), index, row)
    {
        struct private_key key = private_key_at(row, "privkey");
        size_t len;
        uint8_t *encrypted = vectors_hex(row, "encrypted", &len);
        struct buf out = {0};

        if (ecies_decrypt(&out, &key, (struct bytes){encrypted, len})) {
            fail_msg("%s", vectors_str(row, "name"));
        }
        assert_int_equal(out.len, 0);
        free(encrypted);
        buf_clear(&out);
    }
    /* What the reference takes and nobody sends, we refuse. */
    json_t *odd = vectors_get(root, "over_long_coordinate");
    struct private_key key = private_key_at(odd, "privkey");
    size_t len;
    uint8_t *encrypted = vectors_hex(odd, "encrypted", &len);
    struct buf out = {0};
    assert_false(ecies_decrypt(&out, &key, (struct bytes){encrypted, len}));
    free(encrypted);
    json_array_foreach(vectors_get(root, "reference_accepts_refusing_is_fine"), index, row)
    {
        encrypted = vectors_hex(row, "encrypted", &len);
        assert_false(ecies_decrypt(&out, &key, (struct bytes){encrypted, len}));
        free(encrypted);
    }
    json_decref(root);
}

static void what_is_encrypted_comes_back_at_every_length(void **state)
{
    (void)state;
    struct private_key key = key_of("recipient");
    struct private_key other = key_of("other");
    struct public_key to;
    uint8_t plain[70];
    public_key_derive(&to, &key);
    memset(plain, 'p', sizeof plain);

    for (size_t len = 0; len <= sizeof plain; len++) {
        struct buf sealed = {0};
        struct buf opened = {0};
        assert_true(ecies_encrypt(&sealed, &to, (struct bytes){plain, len}));
        assert_int_equal(sealed.len, ecies_encrypted_len(len));
        assert_false(ecies_decrypt(&opened, &other, buf_view(&sealed)));
        assert_true(ecies_decrypt(&opened, &key, buf_view(&sealed)));
        assert_bytes_equal(buf_view(&opened), ((struct bytes){plain, len}));
        buf_clear(&sealed);
        buf_clear_secret(&opened);
    }
}

static void two_encryptions_share_neither_key_nor_iv(void **state)
{
    (void)state;
    struct private_key key = key_of("recipient");
    struct public_key to;
    struct buf a = {0};
    struct buf b = {0};
    public_key_derive(&to, &key);

    assert_true(ecies_encrypt(&a, &to, bytes_of_str("text")));
    assert_true(ecies_encrypt(&b, &to, bytes_of_str("text")));

    assert_memory_not_equal(a.data, b.data, ECIES_IV_BYTES);
    assert_memory_not_equal(a.data + 20, b.data + 20, 32);
    buf_clear(&a);
    buf_clear(&b);
}

static void a_message_cut_or_bent_anywhere_is_refused(void **state)
{
    (void)state;
    struct private_key key = key_of("recipient");
    struct public_key to;
    struct buf sealed = {0};
    struct buf opened = {0};
    public_key_derive(&to, &key);
    assert_true(ecies_encrypt(&sealed, &to, bytes_of_str("a text of more than one block")));

    for (size_t len = 0; len < sealed.len; len++) {
        uint8_t *cut = xmemdup(sealed.data, len);
        assert_false(ecies_decrypt(&opened, &key, (struct bytes){cut, len}));
        free(cut);
    }
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.data[i] ^= 0x10;
        assert_false(ecies_decrypt(&opened, &key, buf_view(&sealed)));
        sealed.data[i] ^= 0x10;
    }
    assert_int_equal(opened.len, 0);
    assert_true(ecies_decrypt(&opened, &key, buf_view(&sealed)));
    buf_clear(&sealed);
    buf_clear(&opened);
}

static void a_buffer_that_is_too_small_stays_as_it_was(void **state)
{
    (void)state;
    struct private_key key = key_of("recipient");
    struct public_key to;
    struct buf out;
    public_key_derive(&to, &key);

    buf_init(&out, ecies_encrypted_len(4) + 1);
    assert_true(buf_append_byte(&out, 'x'));
    assert_true(ecies_encrypt(&out, &to, bytes_of_str("text")));
    buf_clear(&out);
    buf_init(&out, ecies_encrypted_len(4));
    assert_true(buf_append_byte(&out, 'x'));
    assert_false(ecies_encrypt(&out, &to, bytes_of_str("text")));
    assert_int_equal(out.len, 1);
    buf_clear(&out);
}

/* Write a message whose last block is `block`, MACed with `key`'s own keys. */
static void seal_block(struct buf *out, const struct private_key *key, const uint8_t block[16])
{
    struct private_key ephemeral = key_of("ephemeral");
    struct public_key to;
    struct buf whole = {0};
    struct ecies_message message;
    secp256k1_pubkey point;
    uint8_t keys[ECIES_KEYS_BYTES];
    static const uint8_t iv[ECIES_IV_BYTES] = {0};
    uint8_t mac[ECIES_MAC_BYTES];
    public_key_derive(&to, key);

    /* The first block of an encryption of it is what we look for: CBC's first block does not depend
     * on what follows. */
    assert_true(ecies_encrypt_with(&whole, &to, (struct bytes){block, 16}, &ephemeral, iv));
    assert_true(ecies_parse(&message, buf_view(&whole)));
    assert_true(public_key_load(&point, message.ephemeral.point));
    ecies_derive_keys(keys, key, &point);
    buf_truncate(&whole, ECIES_HEADER_BYTES + 16);
    hash_hmac_sha256(mac, (struct bytes){keys + 32, 32}, buf_view(&whole));
    write_bytes(out, buf_view(&whole));
    write_bytes(out, (struct bytes){mac, sizeof mac});
    buf_clear(&whole);
}

/* The filter before the MAC refuses exactly what the padding rule refuses after it: with the right
 * key and a right MAC, every last byte and every single deviation get the answer of PKCS#7. */
static void the_filter_agrees_with_the_padding_rule(void **state)
{
    (void)state;
    struct private_key key = key_of("recipient");

    for (unsigned last = 0; last < 256; last++) {
        for (int bent = -1; bent < 16; bent++) {
            uint8_t block[16];
            memset(block, last <= 16 ? (int)last : 7, sizeof block);
            for (size_t i = 0; i + last < 16; i++) {
                block[i] = 0xee;
            }
            block[15] = (uint8_t)last;
            if (bent >= 0) {
                block[bent] ^= 0x80;
            }
            unsigned padding = block[15];
            bool valid = padding >= 1 && padding <= 16;
            for (unsigned i = 0; valid && i < padding; i++) {
                valid = block[15 - i] == padding;
            }
            struct buf sealed = {0};
            struct buf opened = {0};
            seal_block(&sealed, &key, block);
            assert_int_equal(ecies_decrypt(&opened, &key, buf_view(&sealed)), valid);
            assert_int_equal(opened.len, valid ? 16 - padding : 0);
            buf_clear(&sealed);
            buf_clear(&opened);
            if (last > 17 && bent >= 0) {
                break;
            }
        }
    }
}

/* Wrong keys by the hundred, so that some pass the filter by chance and are refused by the MAC. */
static void a_key_that_passes_the_filter_by_chance_is_refused_by_the_mac(void **state)
{
    (void)state;
    enum { N_KEYS = 700 };
    static struct private_key keys[N_KEYS];
    static const struct private_key *list[N_KEYS];
    struct public_key to;
    struct buf sealed = {0};
    struct buf opened = {0};
    struct ecies_message message;
    struct private_key right = key_of("recipient");
    public_key_derive(&to, &right);
    assert_true(ecies_encrypt(&sealed, &to, bytes_of_str("text")));
    assert_true(ecies_parse(&message, buf_view(&sealed)));
    for (size_t i = 0; i < N_KEYS; i++) {
        assert_true(private_key_from_passphrase(&keys[i], bytes_of_str("wrong"), i));
        list[i] = &keys[i];
    }

    assert_true(ecies_try_keys(&opened, list, N_KEYS, &message) == ECIES_NO_KEY);
    assert_int_equal(opened.len, 0);
    list[N_KEYS - 3] = &right;
    assert_int_equal(ecies_try_keys(&opened, list, N_KEYS, &message), N_KEYS - 3);
    assert_bytes_equal(buf_view(&opened), bytes_of_str("text"));
    buf_clear(&sealed);
    buf_clear(&opened);
}

/* CPU time of trying wrong keys on a message of `len` bytes; the best of some rounds, for the
 * machine does other things, too. */
static int64_t cost_of_wrong_keys(const struct private_key *const *keys, size_t n_keys, size_t len)
{
    struct private_key right = key_of("recipient");
    struct public_key to;
    struct buf sealed = {0};
    struct buf opened = {0};
    struct ecies_message message;
    uint8_t *text = xcalloc(1, len);
    int64_t best_ns = INT64_MAX;
    public_key_derive(&to, &right);
    assert_true(ecies_encrypt(&sealed, &to, (struct bytes){text, len}));
    assert_true(ecies_parse(&message, buf_view(&sealed)));
    for (int round = 0; round < 3; round++) {
        int64_t start_ns = clock_thread_cpu_ns();
        assert_true(ecies_try_keys(&opened, keys, n_keys, &message) == ECIES_NO_KEY);
        int64_t took_ns = clock_thread_cpu_ns() - start_ns;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
    }
    buf_clear(&sealed);
    free(text);
    return best_ns;
}

/* One key in 256 passes the filter by chance and costs a MAC over the whole. Without the filter
 * each would: a quarter of a megabyte costs several times the multiplication. */
static void a_wrong_key_costs_the_same_whatever_the_length(void **state)
{
    (void)state;
    enum { N_KEYS = 256 };
    static struct private_key keys[N_KEYS];
    static const struct private_key *list[N_KEYS];
    for (size_t i = 0; i < N_KEYS; i++) {
        assert_true(private_key_from_passphrase(&keys[i], bytes_of_str("wrong"), i));
        list[i] = &keys[i];
    }

    int64_t small_ns = cost_of_wrong_keys(list, N_KEYS, 1024);
    int64_t large_ns = cost_of_wrong_keys(list, N_KEYS, 256 * 1024);

    assert_true(large_ns < small_ns + small_ns / 2);
}

static void the_right_key_twice_gives_the_plaintext_once(void **state)
{
    (void)state;
    struct private_key right = key_of("recipient");
    struct private_key wrong = key_of("wrong");
    const struct private_key *list[] = {&right, &wrong, &right};
    struct public_key to;
    struct buf sealed = {0};
    struct buf opened = {0};
    struct ecies_message message;
    public_key_derive(&to, &right);
    assert_true(ecies_encrypt(&sealed, &to, bytes_of_str("text")));
    assert_true(ecies_parse(&message, buf_view(&sealed)));

    size_t found = ecies_try_keys(&opened, list, 3, &message);

    assert_true(found == 0 || found == 2);
    assert_bytes_equal(buf_view(&opened), bytes_of_str("text"));
    assert_true(ecies_try_keys(&opened, list, 0, &message) == ECIES_NO_KEY);
    buf_clear(&sealed);
    buf_clear(&opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_messages_decrypt),
        cmocka_unit_test(known_secrets_give_the_known_keys),
        cmocka_unit_test(with_the_same_ephemeral_key_we_write_the_same_bytes),
        cmocka_unit_test(bad_messages_are_refused_without_a_trace),
        cmocka_unit_test(what_is_encrypted_comes_back_at_every_length),
        cmocka_unit_test(two_encryptions_share_neither_key_nor_iv),
        cmocka_unit_test(a_message_cut_or_bent_anywhere_is_refused),
        cmocka_unit_test(a_buffer_that_is_too_small_stays_as_it_was),
        cmocka_unit_test(the_filter_agrees_with_the_padding_rule),
        cmocka_unit_test(a_key_that_passes_the_filter_by_chance_is_refused_by_the_mac),
        cmocka_unit_test(a_wrong_key_costs_the_same_whatever_the_length),
        cmocka_unit_test(the_right_key_twice_gives_the_plaintext_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
