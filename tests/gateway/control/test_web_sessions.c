// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <string.h>

#include "gateway/control/web_sessions.h"

enum { ALICE = 1, BOB = 2 };

struct keys {
    char cookie[WEB_KEY_TEXT_BYTES];
    char token[WEB_KEY_TEXT_BYTES];
};

static const uint8_t key[SASL_KEY_BYTES] = {1, 2, 3};

static struct keys open_one(struct web_sessions *sessions, int64_t now_ms, int64_t account_id)
{
    struct keys keys;
    web_sessions_open(sessions, now_ms, account_id, account_id == ALICE ? "alice" : "bob", key,
                      keys.cookie, keys.token);
    return keys;
}

static const struct web_session *find(struct web_sessions *sessions, int64_t now_ms,
                                      const char *cookie, const char *token)
{
    return web_sessions_find(sessions, now_ms, bytes_of_str(cookie), bytes_of_str(token));
}

static const struct web_session *find_of(struct web_sessions *sessions, int64_t now_ms,
                                         const struct keys *keys)
{
    return find(sessions, now_ms, keys->cookie, keys->token);
}

static int setup(void **state)
{
    *state = web_sessions_new();
    return 0;
}

static int teardown(void **state)
{
    struct web_sessions *sessions = *state;
    web_sessions_free(&sessions);
    return 0;
}

static void both_keys_open_it_and_neither_alone(void **state)
{
    struct web_sessions *sessions = *state;
    static const char zeros[] = "00000000000000000000000000000000";
    struct keys a = open_one(sessions, 0, ALICE);
    struct keys b = open_one(sessions, 0, BOB);
    assert_int_equal(strlen(a.cookie), 32);
    assert_string_not_equal(a.cookie, a.token);
    assert_string_not_equal(a.cookie, b.cookie);

    const struct web_session *session = find_of(sessions, 0, &a);
    assert_non_null(session);
    assert_string_equal(session->account, "alice");
    assert_int_equal(session->account_id, ALICE);
    assert_memory_equal(session->stored_key, key, sizeof key);

    assert_null(find(sessions, 0, a.cookie, b.token));
    assert_null(find(sessions, 0, b.cookie, a.token));
    assert_null(find(sessions, 0, a.cookie, ""));
    assert_null(find(sessions, 0, "", a.token));
    assert_null(find(sessions, 0, a.token, a.cookie));
    assert_null(find(sessions, 0, "", ""));
    assert_null(find(sessions, 0, zeros, zeros)); /* the keys of a free place */
    a.cookie[31] ^= 1;
    assert_null(find_of(sessions, 0, &a));
}

static void it_ends_with_its_time(void **state)
{
    struct web_sessions *sessions = *state;
    struct keys a = open_one(sessions, 0, ALICE);
    assert_non_null(find_of(sessions, WEB_SESSION_IDLE_MS - 1, &a));
    assert_non_null(find_of(sessions, 2 * WEB_SESSION_IDLE_MS - 2, &a));
    assert_null(find_of(sessions, 3 * WEB_SESSION_IDLE_MS - 2, &a));

    a = open_one(sessions, 0, ALICE);
    for (int64_t now_ms = 0; now_ms < WEB_SESSION_MAX_MS; now_ms += WEB_SESSION_IDLE_MS / 2) {
        assert_non_null(find_of(sessions, now_ms, &a));
    }
    assert_non_null(find_of(sessions, WEB_SESSION_MAX_MS - 1, &a));
    assert_null(find_of(sessions, WEB_SESSION_MAX_MS, &a));
}

static void it_ends_when_one_logs_out(void **state)
{
    struct web_sessions *sessions = *state;
    struct keys a = open_one(sessions, 0, ALICE);
    struct keys b = open_one(sessions, 0, ALICE);
    web_sessions_end(sessions, bytes_of_str(a.cookie), bytes_of_str(b.token));
    assert_non_null(find_of(sessions, 0, &a));
    web_sessions_end(sessions, bytes_of_str(a.cookie), bytes_of_str(a.token));
    assert_null(find_of(sessions, 0, &a));
    assert_non_null(find_of(sessions, 0, &b));
}

static void an_account_s_most_recent_ones_stay(void **state)
{
    struct web_sessions *sessions = *state;
    struct keys bob = open_one(sessions, 0, BOB);
    struct keys alice[WEB_MAX_SESSIONS_OF_ACCOUNT];
    for (int64_t i = 0; i < WEB_MAX_SESSIONS_OF_ACCOUNT; i++) {
        alice[i] = open_one(sessions, 10 + i, ALICE);
    }
    for (size_t i = 0; i < ARRAY_LEN(alice); i++) {
        assert_non_null(find_of(sessions, 100, &alice[i]));
    }
    assert_non_null(find_of(sessions, 200, &alice[0])); /* the second is now the oldest */

    struct keys one_more = open_one(sessions, 300, ALICE);

    assert_non_null(find_of(sessions, 300, &one_more));
    assert_non_null(find_of(sessions, 300, &alice[0]));
    assert_null(find_of(sessions, 300, &alice[1]));
    assert_non_null(find_of(sessions, 300, &alice[2]));
    assert_non_null(find_of(sessions, 300, &bob));
}

static void all_together_are_bounded(void **state)
{
    struct web_sessions *sessions = *state;
    struct keys keys[WEB_MAX_SESSIONS];
    for (int64_t i = 0; i < WEB_MAX_SESSIONS; i++) {
        keys[i] = open_one(sessions, i, 10 + i);
    }
    assert_non_null(find_of(sessions, 100, &keys[0]));
    struct keys one_more = open_one(sessions, 101, ALICE);
    assert_non_null(find_of(sessions, 102, &one_more));
    assert_non_null(find_of(sessions, 102, &keys[0]));
    assert_null(find_of(sessions, 102, &keys[1]));
    for (size_t i = 2; i < ARRAY_LEN(keys); i++) {
        assert_non_null(find_of(sessions, 102, &keys[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_keys_open_it_and_neither_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(it_ends_with_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(it_ends_when_one_logs_out, setup, teardown),
        cmocka_unit_test_setup_teardown(an_account_s_most_recent_ones_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(all_together_are_bounded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
