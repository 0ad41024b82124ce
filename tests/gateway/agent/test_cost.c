// SPDX-License-Identifier: MIT
/* Size and cost of a mail: what fits, and what its work takes, are told before it is taken, while
 * it waits, and when it is held. */
#include "tests/support/vectors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/outgoing/work_cost.h"
#include "gateway/translate/to_message.h"
#include "node/content/content.h"
#include "node/objects/ack.h"
#include "tests/gateway/agent/pair.h"

/* ---- size */

/* Bytes that no zlib makes much smaller, fit for a header line of the rig's mails. */
static char *noise(size_t len)
{
    char *text = xmalloc(len + 1);
    uint32_t seed = 1;
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        text[i] = (char)(0x21 + (seed >> 16) % 94);
    }
    text[len] = '\0';
    return text;
}

/* How long the content is that a file of so many bytes makes, in a mail of rig_try_send. */
static size_t content_len(const char *file, size_t len)
{
    struct buf out = {0};
    struct content_file files[] = {{.name = bytes_of_str("a.txt"),
                                    .type = bytes_of_str("text/plain"),
                                    .disposition = bytes_of_str("attachment"),
                                    .data = {(const uint8_t *)file, len}}};
    const struct content content = {.encoding = CONTENT_EXTENDED,
                                    .subject = bytes_of_str("Subject"),
                                    .body = bytes_of_str("Text."),
                                    .files = files,
                                    .n_files = 1};
    assert_true(content_encode(&out, &content, NULL));
    size_t encoded = out.len;
    buf_clear(&out);
    return encoded;
}

static bool try_file(struct pair *pair, const char *file, size_t len, struct fault *fault)
{
    char *header = xasprintf("X-Test-File: %.*s\n", (int)len, file);
    bool ok = rig_try_send(&pair->alice, pair->alice_address, pair->bob_address, header, "Subject",
                           "Text.", fault);
    free(header);
    return ok;
}

static void expect_in(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" lacks \"%s\"", text, part);
    }
}

/* The longest file that fits, and one byte more. */
static void files_are_taken_up_to_the_size_that_fits(void **state)
{
    struct pair *pair = *state;
    struct fault fault = {0};
    size_t most = to_message_max_content();
    char *file = noise(2 * most);
    size_t fits = 0;
    size_t too_long = 2 * most;
    while (fits + 1 < too_long) {
        size_t middle = (fits + too_long) / 2;
        *(content_len(file, middle) <= most ? &fits : &too_long) = middle;
    }
    rig_unlink(&pair->alice);

    assert_true(try_file(pair, file, fits, &fault));
    assert_int_equal(rig_sql(&pair->alice, "SELECT length(content_extended) FROM outgoing_mail"),
                     content_len(file, fits));
    assert_false(try_file(pair, file, too_long, &fault));

    char *sizes = xasprintf("%zu bytes as it would be sent, %zu fit (at least ",
                            content_len(file, too_long), most);
    assert_int_equal(fault.code, FAULT_LIMIT);
    expect_in(fault.text, sizes);
    expect_in(fault.text, " trials of work");
    assert_int_equal(fault.text[strlen(fault.text) - 1], ')'); /* nothing was cut off */
    assert_int_equal(rig_sql(&pair->alice, "SELECT count(*) FROM outgoing_mail"), 1);
    free(sizes);
    free(file);
}

/* ---- cost */

static void submit(struct pair *pair, const char *const *to, size_t n_to, struct rig_answer *answer)
{
    char *mail =
        xasprintf("From: <%s@bm.alt>\nTo: x\nSubject: Cost\n\nText.\n", pair->alice_address);
    const struct agent_submission submission = {.recipients = (const char **)(uintptr_t)to,
                                                .n_recipients = n_to,
                                                .mail = bytes_of_str(mail)};
    agent_submit(pair->alice.agent, &submission, rig_done(answer));
    rig_wait(&pair->alice, answer);
    assert_false(answer->failed);
    free(mail);
}

/* Alice has worked before (on her pubkey), so her speed is known, but for a machine that was too
 * quick for its clock. */
static void what_its_work_takes_is_told_when_a_mail_is_taken(void **state)
{
    struct pair *pair = *state;
    struct rig_answer answer;
    const char *const unknown[] = {"BM-2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK"};
    const char *const own[] = {pair->alice_address};
    rig_unlink(&pair->alice);
    submit(pair, unknown, 1, &answer);
    expect_in(answer.text, "at least ");
    expect_in(answer.text, " trials of work");
    submit(pair, own, 1, &answer);
    expect_in(answer.text, "about ");
    if (agent_trials_per_sec(pair->alice.agent) > 0) {
        expect_in(answer.text, " here on average, in 19 of 20 cases less than ");
    }
}

static void keep_info(void *context, const struct agent_queue_info *info)
{
    struct pow_estimate *out = context;
    *out = info->work == NULL ? (struct pow_estimate){0} : *info->work;
    assert_int_equal(info->work == NULL, info->work_words[0] == '\0');
}

static double trials_of_alice(struct pair *pair)
{
    struct pow_estimate work;
    assert_true(agent_queue_show(pair->alice.agent, 1, keep_info, &work, NULL));
    return work.mean_trials;
}

/* Against the object that is made of it: the estimate is for the longest that its fields can be. */
static void the_queue_tells_the_work_until_the_mail_has_left(void **state)
{
    struct pair *pair = *state;
    pair->alice.settings.network.least_trials_per_byte = 1000;
    pair->alice.settings.network.least_extra_bytes = 1000;
    rig_unlink(&pair->alice);
    pair_send_to_bob(pair);
    double before = trials_of_alice(pair);
    rig_link(&pair->alice);
    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
    assert_true(trials_of_alice(pair) == 0);

    const struct pow_demand demand = {1000, 1000};
    size_t len = (size_t)rig_sql(&pair->alice,
                                 "SELECT length(object) FROM object_job WHERE outgoing_id = 1");
    int64_t ttl = pair->alice.settings.agent.ttl_sec;
    struct work_cost exact = {0};
    work_cost_add_object(&exact, len, ttl, demand);
    work_cost_add_object(&exact, 54, ack_ttl_sec(ttl), demand);
    assert_true(before >= exact.mean_trials && before < 1.15 * exact.mean_trials);
}

/* ---- the user's bound */

static void write_to_a_dear_one(struct pair *pair, uint64_t max_trials, uint64_t max_extra)
{
    struct rig_answer answer;
    const struct agent_identity_request request = {.label = "dear", .demand = {20, 30}};
    agent_identity_new(pair->bob.agent, &request, rig_done(&answer));
    rig_wait(&pair->bob, &answer);
    assert_false(answer.failed);
    pair->alice.settings.agent.max_trials_per_byte = max_trials;
    pair->alice.settings.agent.max_extra_bytes = max_extra;
    rig_send(&pair->alice, pair->alice_address, answer.text, "Subject", "Text.");
}

static void what_is_demanded_up_to_the_bound_is_done(void **state)
{
    struct pair *pair = *state;
    write_to_a_dear_one(pair, 20, 30);
    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
    assert_int_equal(rig_count(&pair->alice, "INBOX"), 0);
}

static void expect_held(struct pair *pair)
{
    struct buf report = {0};
    rig_until_state(&pair->alice, 1, OUTGOING_HELD);
    assert_true(trials_of_alice(pair) > 0);
    rig_until_count(&pair->alice, "INBOX", 1);
    rig_read(&pair->alice, &report, "INBOX", 0);
    expect_in(buf_str(&report), "20 trials a byte and 30 extra bytes");
    expect_in(buf_str(&report), " trials of work");
    buf_clear(&report);
    assert_int_equal(rig_count(&pair->bob, "INBOX"), 0);
}

static void one_trial_a_byte_above_the_bound_is_held_with_its_cost(void **state)
{
    write_to_a_dear_one(*state, 19, 30);
    expect_held(*state);
}

static void one_extra_byte_above_the_bound_is_held_with_its_cost(void **state)
{
    write_to_a_dear_one(*state, 20, 29);
    expect_held(*state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_set_up, pair_tear_down)
        TEST(files_are_taken_up_to_the_size_that_fits),
        TEST(what_its_work_takes_is_told_when_a_mail_is_taken),
        TEST(the_queue_tells_the_work_until_the_mail_has_left),
        TEST(what_is_demanded_up_to_the_bound_is_done),
        TEST(one_trial_a_byte_above_the_bound_is_held_with_its_cost),
        TEST(one_extra_byte_above_the_bound_is_held_with_its_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
