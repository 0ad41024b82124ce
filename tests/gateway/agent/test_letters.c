// SPDX-License-Identifier: MIT
/* Messages as programs see them, objects that others prepared, and the node's connections. */
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "gateway/agent/letters/letters.h"
#include "gateway/agent/work/prepared.h"
#include "node/objects/object.h"
#include "tests/gateway/agent/pair.h"

/* ---- reading */

struct seen {
    size_t n;
    size_t most; /* then no more are wanted; 0: all */
    bool is_done;
    struct fault fault;
    uint8_t id[64];
    size_t id_len;
    char to[64];
    char from[64];
    char text[256];
    char subject[64];
    uint64_t encoding;
    bool is_seen;
    enum outgoing_state state;
    char ticket[2 * LETTER_MAX_TICKET_BYTES + 1];
};

static bool see(void *context, const struct letter *letter)
{
    struct seen *seen = context;
    seen->n++;
    seen->id_len = letter->id.len;
    memcpy(seen->id, letter->id.data, letter->id.len);
    snprintf(seen->to, sizeof(seen->to), "%s", letter->to == NULL ? "all" : letter->to);
    snprintf(seen->from, sizeof(seen->from), "%s", letter->from == NULL ? "" : letter->from);
    snprintf(seen->text, sizeof(seen->text), "%.*s", (int)letter->text.len,
             letter->text.data == NULL ? "" : (const char *)letter->text.data);
    snprintf(seen->subject, sizeof(seen->subject), "%.*s", (int)letter->subject.len,
             letter->subject.data == NULL ? "" : (const char *)letter->subject.data);
    seen->encoding = letter->encoding;
    seen->is_seen = letter->is_seen;
    seen->state = letter->state;
    hex_encode(seen->ticket, letter->ticket);
    return seen->n != seen->most;
}

static void end(void *context, const struct fault *fault)
{
    struct seen *seen = context;
    assert_false(seen->is_done);
    seen->is_done = true;
    if (fault != NULL) {
        seen->fault = *fault;
    }
}

static bool is_read(struct rig *rig, void *context)
{
    (void)rig;
    return ((struct seen *)context)->is_done;
}

static void read_all(struct rig *rig, struct seen *seen, struct letter_query query)
{
    size_t most = seen->most;
    *seen = (struct seen){.most = most};
    query.account_id = 1;
    agent_letters_read(rig->agent, &query, &(struct letter_reader){see, end, seen});
    rig_until(rig, is_read, seen, "letters read");
    assert_int_equal(seen->fault.code, FAULT_NONE);
}

static size_t count(struct rig *rig, enum letter_box box, bool with_trash)
{
    struct seen seen = {0};
    read_all(rig, &seen, (struct letter_query){.box = box, .with_trash = with_trash});
    return seen.n;
}

/* ---- sending */

static struct letter_draft draft_to_bob(const struct pair *pair, const char *subject,
                                        const char *text)
{
    struct letter_draft draft = {.account_id = 1,
                                 .subject = bytes_of_str(subject),
                                 .text = bytes_of_str(text),
                                 .ttl_sec = 3600};
    assert_int_equal(address_decode(&draft.from, bytes_of_str(pair->alice_address)), ADDRESS_OK);
    assert_int_equal(address_decode(&draft.to, bytes_of_str(pair->bob_address)), ADDRESS_OK);
    return draft;
}

static struct bytes send_letter(struct rig *rig, const struct letter_draft *draft, uint8_t *ticket)
{
    struct rig_answer answer = {0};
    agent_letter_send(rig->agent, draft, rig_done(&answer));
    rig_wait(rig, &answer);
    assert_false(answer.failed);
    size_t len = strlen(answer.text) / 2;
    assert_true(hex_decode(ticket, len, bytes_of_str(answer.text)));
    return (struct bytes){ticket, len};
}

static void a_letter_has_one_id_on_both_sides(void **state)
{
    struct pair *pair = *state;
    uint8_t bytes[64];
    struct seen sent = {0};
    struct seen arrived = {0};
    struct letter_draft draft = draft_to_bob(pair, "Hi\nthere", "one\ntwo\n\n");
    struct bytes ticket = send_letter(&pair->alice, &draft, bytes);
    assert_int_equal(ticket.len, 38);
    rig_until_state(&pair->alice, 1, OUTGOING_DELIVERED);
    rig_until_count(&pair->bob, "INBOX", 1);

    read_all(&pair->alice, &sent,
             (struct letter_query){.box = LETTERS_SENT, .ticket = ticket, .with_text = true});
    assert_int_equal(sent.n, 1);
    assert_string_equal(sent.subject, "Hi"); /* what every reader makes of it */
    assert_string_equal(sent.text, "one\ntwo\n\n");
    assert_string_equal(sent.to, pair->bob_address);
    assert_int_equal(sent.encoding, 2);
    assert_int_equal(sent.state, OUTGOING_DELIVERED);
    struct letter_query query = {.box = LETTERS_ARRIVED, .with_text = true};
    read_all(&pair->bob, &arrived, query);
    assert_int_equal(arrived.n, 1);
    assert_string_equal(arrived.to, pair->bob_address);
    assert_string_equal(arrived.from, pair->alice_address);
    assert_int_equal(arrived.id_len, 32);
    assert_memory_equal(arrived.id, sent.id, 32);
    query.address = pair->alice_address;
    read_all(&pair->bob, &arrived, query);
    assert_int_equal(arrived.n, 0);
    query.address = pair->bob_address;
    query.with_text = false;
    read_all(&pair->bob, &arrived, query);
    assert_int_equal(arrived.n, 1);
    query = (struct letter_query){.box = LETTERS_SENT, .id = {arrived.id, 32}};
    read_all(&pair->alice, &sent, query);
    assert_int_equal(sent.n, 1);
}

static void encoding_3_goes_out_when_it_is_asked_for(void **state)
{
    struct pair *pair = *state;
    uint8_t bytes[64];
    struct letter_draft draft = draft_to_bob(pair, "Three", "text");
    draft.is_extended = true;
    (void)send_letter(&pair->alice, &draft, bytes);
    rig_until_count(&pair->bob, "INBOX", 1);
    struct buf mail = {0};
    rig_read(&pair->bob, &mail, "INBOX", 0);
    assert_non_null(strstr(buf_str(&mail), "X-Bitmessage-Encoding: 3\r\n"));
    buf_clear(&mail);
    draft.is_extended = false;
    (void)send_letter(&pair->alice, &draft, bytes);
    rig_until_count(&pair->bob, "INBOX", 2);
    rig_read(&pair->bob, &mail, "INBOX", 1);
    assert_non_null(strstr(buf_str(&mail), "X-Bitmessage-Encoding: 2\r\n"));
    buf_clear(&mail);
}

/* Nobody knows what its members read: it goes all the same, since it was asked for. */
static void encoding_3_goes_to_a_chan_when_it_is_asked_for(void **state)
{
    struct pair *pair = *state;
    struct rig_answer answer = {0};
    uint8_t bytes[64];
    struct buf mail = {0};
    agent_chan_join(pair->alice.agent, NULL, "talks", NULL, NULL, rig_done(&answer));
    rig_wait(&pair->alice, &answer);
    struct letter_draft draft = draft_to_bob(pair, "Three", "text");
    assert_int_equal(address_decode(&draft.to, bytes_of_str(answer.text)), ADDRESS_OK);
    draft.is_extended = true;
    (void)send_letter(&pair->alice, &draft, bytes);
    rig_until_count(&pair->alice, "Chans/talks", 1);
    rig_read(&pair->alice, &mail, "Chans/talks", 0);
    assert_non_null(strstr(buf_str(&mail), "X-Bitmessage-Encoding: 3\r\n"));
    buf_clear(&mail);
}

static void a_reader_may_have_enough(void **state)
{
    struct pair *pair = *state;
    uint8_t bytes[64];
    struct letter_draft draft = draft_to_bob(pair, "x", "y");
    draft.is_broadcast = true;
    for (int i = 0; i < 3; i++) {
        (void)send_letter(&pair->alice, &draft, bytes);
    }
    for (int with_text = 0; with_text < 2; with_text++) {
        struct seen seen = {.most = 2};
        read_all(&pair->alice, &seen,
                 (struct letter_query){.box = LETTERS_SENT, .with_text = with_text != 0});
        assert_int_equal(seen.n, 2);
    }
    assert_int_equal(count(&pair->alice, LETTERS_SENT, false), 3);
    assert_int_equal(count(&pair->alice, LETTERS_ARRIVED, false), 0);
}

/* ---- marking and throwing away */

static void trash(struct rig *rig, struct letter_choice choice, bool back)
{
    struct rig_answer answer = {0};
    choice.account_id = 1;
    agent_letters_trash(rig->agent, &choice, back, rig_done(&answer));
    rig_wait(rig, &answer);
    assert_false(answer.failed);
}

static void set_seen(struct rig *rig, struct bytes id, bool is_seen, enum fault_code expected)
{
    struct rig_answer answer = {0};
    agent_letter_set_seen(rig->agent, 1, id, is_seen, rig_done(&answer));
    rig_wait(rig, &answer);
    assert_int_equal(answer.failed ? answer.fault.code : FAULT_NONE, expected);
}

static void empty_trash(struct rig *rig)
{
    struct rig_answer answer = {0};
    agent_trash_empty(rig->agent, 1, rig_done(&answer));
    rig_wait(rig, &answer);
    assert_false(answer.failed);
}

static void what_arrived_is_marked_trashed_and_brought_back(void **state)
{
    struct pair *pair = *state;
    struct rig *bob = &pair->bob;
    struct seen seen = {0};
    pair_send_to_bob(pair);
    rig_until_count(bob, "INBOX", 1);
    read_all(bob, &seen, (struct letter_query){.box = LETTERS_ARRIVED});
    assert_false(seen.is_seen);
    struct bytes id = {seen.id, seen.id_len};
    set_seen(bob, id, true, FAULT_NONE);
    read_all(bob, &seen, (struct letter_query){.box = LETTERS_ARRIVED});
    assert_true(seen.is_seen);
    set_seen(bob, id, false, FAULT_NONE);
    assert_int_equal(rig_sql(bob, "SELECT sum(n_unseen) FROM mailbox"), 1);
    set_seen(bob, bytes_of_str("nothing"), true, FAULT_NOT_FOUND);

    trash(bob, (struct letter_choice){.boxes = LETTERS_IN_SENT, .id = id}, false);
    assert_int_equal(count(bob, LETTERS_ARRIVED, false), 1);
    trash(bob, (struct letter_choice){.boxes = LETTERS_IN_ARRIVED, .id = id}, false);
    assert_int_equal(count(bob, LETTERS_ARRIVED, false), 0);
    assert_int_equal(count(bob, LETTERS_ARRIVED, true), 1);
    assert_int_equal(rig_count(bob, "Trash"), 1);
    trash(bob, (struct letter_choice){.boxes = LETTERS_IN_ARRIVED, .id = id}, true);
    assert_int_equal(rig_count(bob, "INBOX"), 1);
    rig_take_out(bob, "INBOX", "Archive"); /* a person moves it: it is there still */
    assert_int_equal(count(bob, LETTERS_ARRIVED, false), 1);
    rig_take_out(bob, "Archive", "Junk");
    assert_int_equal(count(bob, LETTERS_ARRIVED, true), 0);
    rig_take_out(bob, "Junk", "Trash");
    empty_trash(bob);
    assert_int_equal(count(bob, LETTERS_ARRIVED, true), 0);
    assert_int_equal(rig_count(bob, "Trash"), 0);
}

static void trashing_what_has_not_left_takes_it_back(void **state)
{
    struct pair *pair = *state;
    struct rig *alice = &pair->alice;
    uint8_t bytes[64];
    struct seen seen = {0};
    rig_unlink(alice);
    struct letter_draft draft = draft_to_bob(pair, "never", "y");
    struct bytes ticket = send_letter(alice, &draft, bytes);
    struct letter_query query = {.box = LETTERS_SENT, .ticket = ticket, .with_trash = true};
    read_all(alice, &seen, query);
    assert_int_equal(seen.id_len, 16); /* none of an object's yet */
    trash(alice, (struct letter_choice){.boxes = LETTERS_IN_SENT, .ticket = ticket}, false);
    assert_int_equal(rig_state(alice, 1), OUTGOING_CANCELLED);
    assert_int_equal(rig_count(alice, "Outbox"), 0);
    assert_int_equal(rig_count(alice, "Trash"), 1);
    assert_int_equal(count(alice, LETTERS_SENT, false), 0);
    trash(alice, (struct letter_choice){.boxes = LETTERS_IN_SENT, .ticket = ticket}, true);
    assert_int_equal(rig_count(alice, "Sent"), 1);
    assert_int_equal(rig_state(alice, 1), OUTGOING_CANCELLED);
    trash(alice, (struct letter_choice){.boxes = LETTERS_IN_SENT, .ticket = ticket}, false);
    empty_trash(alice);
    read_all(alice, &seen, query);
    assert_int_equal(seen.n, 0);
    rig_link(alice);
    rig_idle(alice, 300);
    assert_int_equal(rig_count(&pair->bob, "INBOX"), 0);
}

/* ---- prepared objects */

/* An object of a type that nobody knows, without its nonce. */
static void make_object(struct buf *out, int64_t lives_sec, uint8_t filling)
{
    const struct object_head head = {.expires_sec = (uint64_t)(clock_now_sec() + lives_sec),
                                     .type = 42,
                                     .version = 1,
                                     .stream = 1};
    buf_reset(out);
    object_write_header(out, &head);
    for (int i = 0; i < 50; i++) {
        buf_append_byte(out, filling);
    }
}

static void a_prepared_object_gets_its_work_and_goes_out(void **state)
{
    struct pair *pair = *state;
    struct rig_answer answer = {0};
    struct buf object = {0};
    uint8_t hash[OBJECT_HASH_BYTES];
    char hex[2 * OBJECT_HASH_BYTES + 1];
    make_object(&object, 3600, 'x');
    agent_publish_prepared(pair->alice.agent, buf_view(&object), (struct pow_demand){1, 1},
                           rig_done(&answer));
    rig_wait(&pair->alice, &answer);
    assert_false(answer.failed);
    assert_int_equal(network_count(&pair->network, 42), 1);
    struct bytes published = network_newest(&pair->network, 42);
    assert_memory_equal(published.data + OBJECT_NONCE_BYTES, object.data + OBJECT_NONCE_BYTES,
                        object.len - OBJECT_NONCE_BYTES);
    object_hash(hash, published);
    hex_encode(hex, (struct bytes){hash, sizeof(hash)});
    assert_string_equal(answer.text, hex);

    /* The finished one once more: the node has it. */
    agent_publish_prepared(pair->alice.agent, published, (struct pow_demand){0}, rig_done(&answer));
    rig_wait(&pair->alice, &answer);
    assert_string_equal(answer.text, hex);
    assert_int_equal(network_count(&pair->network, 42), 1);
    buf_clear(&object);
}

static void refuse(struct pair *pair, struct bytes object, enum fault_code code)
{
    struct rig_answer answer = {0};
    agent_publish_prepared(pair->alice.agent, object, (struct pow_demand){0}, rig_done(&answer));
    assert_false(answer.is_done); /* as every call: later */
    rig_wait(&pair->alice, &answer);
    assert_true(answer.failed);
    assert_int_equal(answer.fault.code, code);
}

static void what_is_no_object_or_has_no_work_is_refused(void **state)
{
    struct pair *pair = *state;
    struct buf object = {0};
    refuse(pair, bytes_of_str("nonsense"), FAULT_INVALID);
    make_object(&object, -1, 'x');
    refuse(pair, buf_view(&object), FAULT_INVALID);
    make_object(&object, OBJECT_MAX_FUTURE_SEC + 60, 'x');
    refuse(pair, buf_view(&object), FAULT_INVALID);
    make_object(&object, 3600, 'x');
    buf_append_zeros(&object, OBJECT_MAX_BYTES + 1 - object.len);
    refuse(pair, buf_view(&object), FAULT_LIMIT);
    make_object(&object, 3600, 'x');
    object_set_nonce(&object, 1);
    while (pow_check(buf_view(&object), clock_now_sec(), (struct pow_demand){1, 1},
                     (struct pow_demand){1, 1})) {
        make_object(&object, 3600, (uint8_t)object.data[object.len - 1] + 1);
        object_set_nonce(&object, 1);
    }
    refuse(pair, buf_view(&object), FAULT_INVALID);
    assert_int_equal(network_count(&pair->network, 42), 0);
    buf_clear(&object);
}

static void only_so_many_objects_wait(void **state)
{
    struct pair *pair = *state;
    struct rig_answer answers[PREPARED_MAX_WAITING + 1] = {0};
    struct buf object = {0};
    pair->network.deaf = true;
    for (size_t i = 0; i <= PREPARED_MAX_WAITING; i++) {
        make_object(&object, 3600, (uint8_t)i);
        agent_publish_prepared(pair->alice.agent, buf_view(&object), (struct pow_demand){1, 1},
                               rig_done(&answers[i]));
    }
    rig_wait(&pair->alice, &answers[PREPARED_MAX_WAITING]);
    assert_int_equal(answers[PREPARED_MAX_WAITING].fault.code, FAULT_BUSY);
    rig_unlink(&pair->alice);
    pair->network.deaf = false;
    rig_link(&pair->alice);
    for (size_t i = 0; i < PREPARED_MAX_WAITING; i++) {
        rig_wait(&pair->alice, &answers[i]);
        assert_false(answers[i].failed);
    }
    assert_int_equal(network_count(&pair->network, 42), PREPARED_MAX_WAITING);
    buf_clear(&object);
}

/* ---- connections */

struct peers {
    bool is_done;
    size_t n;
    enum fault_code code;
    char host[32];
};

static void hear_peers(void *context, const struct link_peer *peers, size_t n_peers,
                       const struct fault *fault)
{
    struct peers *heard = context;
    heard->is_done = true;
    heard->n = n_peers;
    heard->code = fault == NULL ? FAULT_NONE : fault->code;
    if (n_peers > 0) {
        snprintf(heard->host, sizeof(heard->host), "%.*s", (int)peers[0].host.len,
                 (const char *)peers[0].host.data);
    }
}

static bool peers_are_heard(struct rig *rig, void *context)
{
    (void)rig;
    return ((struct peers *)context)->is_done;
}

static void the_node_tells_its_connections(void **state)
{
    struct pair *pair = *state;
    struct peers heard = {0};
    agent_peers(pair->alice.agent, (struct agent_peers_done){hear_peers, &heard});
    rig_until(&pair->alice, peers_are_heard, &heard, "peers");
    assert_int_equal(heard.n, 1);
    assert_string_equal(heard.host, "10.1.2.3");
    for (int is_down = 0; is_down < 2; is_down++) { /* it goes, and it is gone */
        heard = (struct peers){0};
        agent_peers(pair->alice.agent, (struct agent_peers_done){hear_peers, &heard});
        if (is_down == 0) {
            rig_unlink(&pair->alice);
        }
        rig_until(&pair->alice, peers_are_heard, &heard, "no peers");
        assert_int_equal(heard.code, FAULT_CLOSED);
    }
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, pair_set_up, pair_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_letter_has_one_id_on_both_sides),
        TEST(encoding_3_goes_out_when_it_is_asked_for),
        TEST(encoding_3_goes_to_a_chan_when_it_is_asked_for),
        TEST(a_reader_may_have_enough),
        TEST(what_arrived_is_marked_trashed_and_brought_back),
        TEST(trashing_what_has_not_left_takes_it_back),
        TEST(a_prepared_object_gets_its_work_and_goes_out),
        TEST(what_is_no_object_or_has_no_work_is_refused),
        TEST(only_so_many_objects_wait),
        TEST(the_node_tells_its_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
