// SPDX-License-Identifier: MIT
/* The dialogues of RFC 1928 and RFC 1929, split at each byte and broken in each way. */
#include "node/p2p/socks5.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/vectors.h"

#define BYTES(text) ((struct bytes){(const uint8_t *)(text), sizeof(text) - 1})

static struct socks5 start(const char *host, const char *user)
{
    struct socks5 socks;
    assert_true(socks5_init(&socks, host, 8444, user, user[0] == '\0' ? "" : "secret", NULL));
    return socks;
}

/* Feed the proxy's side, `step` bytes at a time, each piece in a block of its own size. */
static enum parse_result talk(struct socks5 *socks, struct bytes in, size_t step, size_t *out_left,
                              struct fault *fault)
{
    struct buf waiting = {0};
    enum parse_result result = PARSE_MORE;
    size_t offset = 0;
    while (result == PARSE_MORE && offset < in.len) {
        struct bytes piece = bytes_slice(in, offset, step);
        buf_append_bytes(&waiting, piece);
        offset += piece.len;
        uint8_t *exact = malloc(waiting.len);
        memcpy(exact, waiting.data, waiting.len);
        size_t used = 0;
        result = socks5_read(socks, &used, (struct bytes){exact, waiting.len}, fault);
        free(exact);
        buf_consume(&waiting, used);
    }
    *out_left = waiting.len + in.len - offset;
    buf_clear(&waiting);
    return result;
}

static void it_connects_without_a_user_at_every_split(void **state)
{
    (void)state;
    static const struct bytes proxy = BYTES("\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50rest");
    for (size_t step = 1; step <= proxy.len; step++) {
        struct socks5 socks = start("1.2.3.4", "");
        struct fault fault;
        size_t left;
        assert_int_equal(talk(&socks, proxy, step, &left, &fault), PARSE_DONE);
        assert_int_equal(left, 4);
        assert_bytes_equal(buf_view(&socks.out),
                           BYTES("\x05\x01\x00\x05\x01\x00\x01\x01\x02\x03\x04\x20\xfc"));
        socks5_clear(&socks);
    }
}

static void it_connects_with_a_user(void **state)
{
    (void)state;
    static const struct bytes proxy =
        BYTES("\x05\x02\x01\x00\x05\x00\x00\x03\x03\x61\x2e\x62\x00\x50");
    struct socks5 socks = start("a.onion", "me");
    struct fault fault;
    size_t left;
    assert_int_equal(talk(&socks, proxy, 1, &left, &fault), PARSE_DONE);
    assert_int_equal(left, 0);
    assert_bytes_equal(buf_view(&socks.out), BYTES("\x05\x02\x00\x02"
                                                   "\x01\x02me\x06secret"
                                                   "\x05\x01\x00\x03\x07"
                                                   "a.onion\x20\xfc"));
    socks5_clear(&socks);
}

static void an_ipv6_address_goes_as_such(void **state)
{
    (void)state;
    static const struct bytes proxy =
        BYTES("\x05\x00\x05\x00\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x50");
    struct socks5 socks = start("2001:db8::1", "");
    struct fault fault;
    size_t left;
    assert_int_equal(talk(&socks, proxy, 3, &left, &fault), PARSE_DONE);
    assert_int_equal(socks.out.len, 3 + 4 + 16 + 2);
    assert_int_equal(socks.out.data[6], 4);
    socks5_clear(&socks);
}

static void refusals_have_words(void **state)
{
    (void)state;
    static const struct {
        struct bytes proxy;
        const char *user;
        const char *words;
    } cases[] = {
        {BYTES("\x04\x00"), "", "does not speak SOCKS5"},
        {BYTES("HTTP/1.1 400"), "", "does not speak SOCKS5"},
        {BYTES("\x05\xff"), "", "wants a user name"},
        {BYTES("\x05\x02"), "", "wants a user name"},
        {BYTES("\x05\x02\x01\x01"), "me", "wrong user name"},
        {BYTES("\x05\x00\x05\x05\x00\x01\0\0\0\0\0\0"), "", "connection refused"},
        {BYTES("\x05\x00\x05\x63\x00\x01\0\0\0\0\0\0"), "", "unknown reason"},
        {BYTES("\x05\x00\x04\x00\x00\x01\0\0\0\0\0\0"), "", "not SOCKS5"},
        {BYTES("\x05\x00\x05\x00\x00\x07\0\0\0\0\0\0"), "", "unknown kind"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct socks5 socks = start("a.onion", cases[i].user);
        struct fault fault;
        size_t left;
        size_t used;
        assert_int_equal(talk(&socks, cases[i].proxy, 1, &left, &fault), PARSE_BAD);
        assert_non_null(strstr(fault.text, cases[i].words));
        assert_int_equal(socks5_read(&socks, &used, cases[i].proxy, &fault), PARSE_BAD);
        socks5_clear(&socks);
    }
}

static void an_unfinished_dialogue_wants_more(void **state)
{
    (void)state;
    static const struct bytes proxy = BYTES("\x05\x00\x05\x00\x00\x03\x05hello\x00\x50");
    for (size_t len = 0; len < proxy.len; len++) {
        struct socks5 socks = start("a.onion", "");
        struct fault fault;
        size_t left;
        assert_int_equal(talk(&socks, bytes_slice(proxy, 0, len), 2, &left, &fault), PARSE_MORE);
        socks5_clear(&socks);
    }
}

static void texts_up_to_255_bytes_are_taken(void **state)
{
    (void)state;
    char text[SOCKS5_MAX_TEXT_BYTES + 2];
    for (size_t len = SOCKS5_MAX_TEXT_BYTES - 1; len <= SOCKS5_MAX_TEXT_BYTES + 1; len++) {
        struct socks5 socks = {0};
        memset(text, 'a', sizeof text);
        text[len] = '\0';
        bool fits = len <= SOCKS5_MAX_TEXT_BYTES;
        assert_int_equal(socks5_init(&socks, text, 1, "", "", NULL), fits);
        socks5_clear(&socks);
        assert_int_equal(socks5_init(&socks, "a", 1, text, "", NULL), fits);
        socks5_clear(&socks);
        assert_int_equal(socks5_init(&socks, "a", 1, "", text, NULL), fits);
        socks5_clear(&socks);
    }
    struct socks5 socks = {0};
    assert_false(socks5_init(&socks, "", 1, "", "", NULL));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_connects_without_a_user_at_every_split),
        cmocka_unit_test(it_connects_with_a_user),
        cmocka_unit_test(an_ipv6_address_goes_as_such),
        cmocka_unit_test(refusals_have_words),
        cmocka_unit_test(an_unfinished_dialogue_wants_more),
        cmocka_unit_test(texts_up_to_255_bytes_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
