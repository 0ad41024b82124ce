// SPDX-License-Identifier: MIT
/* Two agents on one network of low difficulty: mails both ways, and what each sees of it. */
#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gateway/translate/to_message.h"

#include "tests/gateway/agent/rig.h"

struct pair {
    struct network network;
    struct rig alice;
    struct rig bob;
    char alice_address[64];
    char bob_address[64];
};

static int set_up(void **state)
{
    struct pair *pair = calloc(1, sizeof(*pair));
    network_init(&pair->network);
    rig_open(&pair->alice, &pair->network);
    rig_open(&pair->bob, &pair->network);
    rig_identity(&pair->alice, "alice", pair->alice_address);
    rig_identity(&pair->bob, "bob", pair->bob_address);
    *state = pair;
    return 0;
}

static int tear_down(void **state)
{
    struct pair *pair = *state;
    rig_remove(&pair->alice);
    rig_remove(&pair->bob);
    network_clear(&pair->network);
    free(pair);
    return 0;
}

static bool contains(struct buf *text, const char *part)
{
    return memmem(text->data, text->len, part, strlen(part)) != NULL;
}

static void a_mail_arrives_is_acknowledged_and_answered(void **state)
{
    struct pair *pair = *state;
    struct buf mail = {0};

    rig_send(&pair->alice, pair->alice_address, pair->bob_address, "Hello Bob", "How are you?");
    rig_until_count(&pair->bob, "INBOX", 1);
    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
    rig_send(&pair->bob, pair->bob_address, pair->alice_address, "Re: Hello Bob", "Well.");
    rig_until_count(&pair->alice, "INBOX", 1);
    rig_until_state(&pair->bob, 1, OUTGOING_DELIVERED);

    rig_read(&pair->bob, &mail, "INBOX", 0);
    assert_true(contains(&mail, "Subject: Hello Bob\r\n"));
    assert_true(contains(&mail, "How are you?"));
    assert_true(contains(&mail, pair->alice_address));
    assert_true(contains(&mail, "X-Bitmessage-Kind: message\r\n"));
    assert_int_equal(rig_count(&pair->alice, "Sent"), 1);
    assert_int_equal(rig_count(&pair->alice, "Outbox"), 0);
    buf_clear(&mail);
}

static void a_file_and_a_thread_survive_between_our_own_kind(void **state)
{
    struct pair *pair = *state;
    struct buf mail = {0};
    struct fault fault = {0};

    rig_send(&pair->alice, pair->alice_address, pair->bob_address, "First", "One.");
    rig_until_count(&pair->bob, "INBOX", 1);
    rig_read(&pair->bob, &mail, "INBOX", 0);
    const char *id = strstr(buf_str(&mail), "Message-ID: <");
    assert_non_null(id);
    char header[200];
    (void)snprintf(header, sizeof(header), "In-Reply-To: %.*s\nX-Test-File: the bytes\n",
                   (int)(strchr(id, '>') + 1 - strchr(id, '<')), strchr(id, '<'));
    assert_true(rig_try_send(&pair->bob, pair->bob_address, pair->alice_address, header,
                             "Re: First", "Two.", &fault));
    rig_until_count(&pair->alice, "INBOX", 1);

    buf_reset(&mail);
    rig_read(&pair->alice, &mail, "INBOX", 0);
    assert_true(contains(&mail, "X-Bitmessage-Encoding: 3\r\n"));
    assert_true(contains(&mail, "filename=\"a.txt\""));
    assert_true(contains(&mail, "dGhlIGJ5dGVz")); /* "the bytes" */
    buf_reset(&mail);
    rig_read(&pair->alice, &mail, "Sent", 0);
    const char *own = strstr(buf_str(&mail), "Message-ID: <");
    assert_non_null(own);
    char *wanted = xasprintf("In-Reply-To: %.*s\r\n",
                             (int)(strchr(own, '>') + 1 - strchr(own, '<')), strchr(own, '<'));
    struct buf answer = {0};
    rig_read(&pair->alice, &answer, "INBOX", 0);
    assert_true(contains(&answer, wanted));
    free(wanted);
    buf_clear(&answer);
    buf_clear(&mail);
}

static void a_mail_to_oneself_arrives_and_counts_as_delivered(void **state)
{
    struct pair *pair = *state;

    rig_send(&pair->alice, pair->alice_address, pair->alice_address, "Note", "To myself.");
    rig_until_count(&pair->alice, "INBOX", 1);
    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
}

/* The node sends an object on as soon as it has it, and says only after the disk that it has. */
static void it_counts_as_delivered_also_where_it_comes_home_before_the_node_answers(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    pair->network.mumbling = true;
    rig_send(alice, pair->alice_address, pair->alice_address, "Note", "To myself.");
    rig_until_count(alice, "INBOX", 1);
    rig_until_state(alice, 1, OUTGOING_DELIVERED);

    pair->network.mumbling = false;
    size_t n_objects = pair->network.n_objects;
    rig_unlink(alice);
    rig_link(alice);
    rig_idle(alice, 300);

    assert_int_equal(rig_state(alice, 1), OUTGOING_DELIVERED);
    assert_int_equal(rig_count(alice, "INBOX"), 1);
    assert_int_equal(rig_sql(alice, "SELECT n_sent FROM outgoing"), 1);
    assert_int_equal(pair->network.n_objects, n_objects);
}

static void a_chan_is_read_by_all_who_joined_and_needs_no_ack(void **state)
{
    struct pair *pair = *state;
    struct rig_answer answer;
    char chan[64];
    struct buf mail = {0};

    agent_chan_join(pair->alice.agent, NULL, "general", NULL, NULL, rig_done(&answer));
    rig_wait(&pair->alice, &answer);
    assert_false(answer.failed);
    (void)snprintf(chan, sizeof(chan), "%.63s", answer.text);
    rig_send(&pair->alice, pair->alice_address, chan, "All", "Hear, hear.");
    rig_until_state(&pair->alice, 1, OUTGOING_SENT);
    rig_until_count(&pair->alice, "Chans/general", 1);

    /* Who joins later sees what is still in the network. */
    agent_chan_join(pair->bob.agent, NULL, "general", chan, NULL, rig_done(&answer));
    rig_wait(&pair->bob, &answer);
    assert_false(answer.failed);
    assert_string_equal(answer.text, chan);
    rig_until_count(&pair->bob, "Chans/general", 1);
    rig_read(&pair->bob, &mail, "Chans/general", 0);
    assert_true(contains(&mail, "X-Bitmessage-Kind: chan\r\n"));
    assert_true(contains(&mail, "List-Post: <mailto:"));
    buf_clear(&mail);
}

static void a_chan_whose_name_is_not_its_address_is_refused(void **state)
{
    struct pair *pair = *state;
    struct rig_answer answer;

    agent_chan_join(pair->alice.agent, NULL, "general", pair->bob_address, NULL, rig_done(&answer));
    rig_wait(&pair->alice, &answer);

    assert_true(answer.failed);
    assert_int_equal(answer.fault.code, FAULT_INVALID);
}

static void subscribers_get_broadcasts_also_those_sent_before(void **state)
{
    struct pair *pair = *state;
    struct rig_answer answer;

    rig_send(&pair->alice, pair->alice_address, "broadcast@bm.alt", "News", "It rains.");
    rig_until_state(&pair->alice, 1, OUTGOING_SENT);
    agent_subscribe(pair->bob.agent, NULL, pair->alice_address, "weather", rig_done(&answer));
    rig_wait(&pair->bob, &answer);
    assert_false(answer.failed);
    rig_until_count(&pair->bob, "Subscriptions/weather", 1);
    rig_send(&pair->alice, pair->alice_address, "broadcast@bm.alt", "More", "It stopped.");

    rig_until_count(&pair->bob, "Subscriptions/weather", 2);
}

/* Nothing of it is in the queue, so nothing is worked on. */
static void expect_refused(struct pair *pair, const char *to, const char *header, const char *text,
                           enum fault_code code, const char *words)
{
    struct fault fault = {0};
    assert_false(
        rig_try_send(&pair->alice, pair->alice_address, to, header, "Subject", text, &fault));
    assert_int_equal(fault.code, code);
    if (strstr(fault.text, words) == NULL) {
        fail_msg("\"%s\" lacks \"%s\"", fault.text, words);
    }
    assert_int_equal(rig_sql(&pair->alice, "SELECT count(*) FROM outgoing"), 0);
    assert_int_equal(rig_count(&pair->alice, "Sent"), 0);
}

static void a_file_for_a_chan_is_refused_in_words(void **state)
{
    struct pair *pair = *state;
    struct rig_answer answer;
    agent_chan_join(pair->alice.agent, NULL, "general", NULL, NULL, rig_done(&answer));
    rig_wait(&pair->alice, &answer);
    assert_false(answer.failed);

    expect_refused(pair, answer.text, "X-Test-File: the bytes\n", "Text.", FAULT_UNSUPPORTED,
                   "cannot read attachments: send the text alone");
}

static void what_is_too_large_is_refused_with_the_size_that_fits(void **state)
{
    struct pair *pair = *state;
    char *fits = xasprintf("%zu", to_message_max_content());
    char *text = xasprintf("%*s", (int)to_message_max_content() + 1, "x");

    expect_refused(pair, pair->bob_address, "", text, FAULT_LIMIT, fits);
    free(text);
    free(fits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_mail_arrives_is_acknowledged_and_answered, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_and_a_thread_survive_between_our_own_kind, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_mail_to_oneself_arrives_and_counts_as_delivered, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            it_counts_as_delivered_also_where_it_comes_home_before_the_node_answers, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(a_chan_is_read_by_all_who_joined_and_needs_no_ack, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_chan_whose_name_is_not_its_address_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(subscribers_get_broadcasts_also_those_sent_before, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_for_a_chan_is_refused_in_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_too_large_is_refused_with_the_size_that_fits,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
