// SPDX-License-Identifier: MIT
/* What arrives: told apart, judged, kept once. */
#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/mem.h"
#include "crypto/key_search.h"
#include "crypto/pow.h"
#include "gateway/agent/keys/keyring.h"
#include "gateway/store/store.h"
#include "node/content/content.h"
#include "node/objects/getpubkey.h"
#include "node/objects/msg.h"
#include "tests/gateway/agent/rig.h"

struct bench {
    struct network network;
    struct rig bob;
    char bob_address[64];
    struct identity_keys stranger; /* whose messages the tests make by hand */
    struct sender stranger_sender;
    struct sender bob_sender;
};

static bool has_pubkey(struct rig *rig, void *context)
{
    (void)context;
    return network_count(rig->network, OBJECT_PUBKEY) > 0;
}

/* Bob's public keys, straight from his database. */
static void read_bob(struct bench *bench)
{
    struct keyring keyring = {0};
    assert_true(keyring_load(&keyring, store_reader(bench->bob.store), NULL, NULL, NULL));
    bench->bob_sender = keyring_sender(&keyring.own[0]);
    keyring_clear(&keyring);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    clock_set_offset(0);
    network_init(&bench->network);
    rig_open(&bench->bob, &bench->network);
    rig_identity(&bench->bob, "bob", bench->bob_address);
    rig_until(&bench->bob, has_pubkey, NULL, "bob's pubkey");
    key_search_now_random(&bench->stranger, 1);
    bench->stranger_sender =
        sender_of_keys(&bench->stranger, 4, 1, BEHAVIOUR_DOES_ACK, (struct pow_demand){1, 1});
    read_bob(bench);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    rig_remove(&bench->bob);
    network_clear(&bench->network);
    free(bench);
    clock_set_offset(0);
    return 0;
}

/* Do the work that bob asks for, beginning at a nonce. */
static void work(struct buf *object, uint64_t nonce)
{
    const struct pow_demand demand = {1, 1};
    do {
        object_set_nonce(object, nonce++);
    } while (!pow_check(buf_view(object), clock_now_sec(), demand, demand));
}

/* A message to bob, its work done. */
static void make_message(struct bench *bench, struct buf *out, uint64_t encoding,
                         struct bytes content, struct bytes ack)
{
    const struct msg_draft draft = {
        .expires_sec = (uint64_t)clock_now_sec() + 3600,
        .sender = bench->stranger_sender,
        .to = bench->bob_sender.address,
        .to_key = bench->bob_sender.encryption,
        .encoding = encoding,
        .message = content,
        .ack = ack,
    };
    assert_true(msg_write(out, &draft, &bench->stranger, NULL));
    work(out, 0);
}

static struct bytes simple(const char *text)
{
    return bytes_of_str(text);
}

static void a_message_of_a_stranger_arrives(void **state)
{
    struct bench *bench = *state;
    struct buf object = {0};
    struct buf mail = {0};
    make_message(bench, &object, CONTENT_SIMPLE, simple("Subject:Hi\nBody:There"),
                 (struct bytes){0});

    network_add(&bench->network, buf_view(&object));
    rig_until_count(&bench->bob, "INBOX", 1);

    rig_read(&bench->bob, &mail, "INBOX", 0);
    assert_non_null(strstr(buf_str(&mail), "Subject: Hi\r\n"));
    assert_non_null(strstr(buf_str(&mail), "\r\n\r\nThere\r\n"));
    buf_clear(&mail);
    buf_clear(&object);
}

static void the_same_message_under_another_nonce_is_dropped(void **state)
{
    struct bench *bench = *state;
    struct buf object = {0};
    make_message(bench, &object, CONTENT_SIMPLE, simple("Subject:Hi\nBody:There"),
                 (struct bytes){0});

    /* Both at once, and a third when the first is long stored. */
    network_add(&bench->network, buf_view(&object));
    work(&object, UINT64_C(1) << 32);
    network_add(&bench->network, buf_view(&object));
    rig_until_count(&bench->bob, "INBOX", 1);
    work(&object, UINT64_C(1) << 33);
    network_add(&bench->network, buf_view(&object));
    rig_idle(&bench->bob, 500);

    assert_int_equal(rig_count(&bench->bob, "INBOX"), 1);
    buf_clear(&object);
}

static void a_deleted_message_does_not_come_back(void **state)
{
    struct bench *bench = *state;
    struct buf object = {0};
    make_message(bench, &object, CONTENT_SIMPLE, simple("Subject:Hi\nBody:There"),
                 (struct bytes){0});
    network_add(&bench->network, buf_view(&object));
    rig_until_count(&bench->bob, "INBOX", 1);
    rig_unlink(&bench->bob);

    /* The node's store is new: everything comes again. */
    network_forget(&bench->network);
    network_add(&bench->network, buf_view(&object));
    rig_link(&bench->bob);
    rig_idle(&bench->bob, 500);

    assert_int_equal(rig_count(&bench->bob, "INBOX"), 1);
    buf_clear(&object);
}

static void intentional_repeats_of_a_text_all_arrive(void **state)
{
    struct bench *bench = *state;
    for (int i = 0; i < 3; i++) {
        struct buf object = {0};
        struct buf ack = {0};
        (void)snprintf((char *)(buf_reserve(&ack, 64), ack.data), 64, "%056d", i);
        ack.len = 56;
        make_message(bench, &object, CONTENT_SIMPLE, simple("Subject:Hi\nBody:Again"),
                     buf_view(&ack));
        network_add(&bench->network, buf_view(&object));
        buf_clear(&ack);
        buf_clear(&object);
    }

    rig_until_count(&bench->bob, "INBOX", 3);
}

static void an_unknown_encoding_comes_as_a_notice_with_the_bytes(void **state)
{
    struct bench *bench = *state;
    struct buf object = {0};
    struct buf mail = {0};
    make_message(bench, &object, 99, simple("what is this"), (struct bytes){0});

    network_add(&bench->network, buf_view(&object));
    rig_until_count(&bench->bob, "INBOX", 1);

    rig_read(&bench->bob, &mail, "INBOX", 0);
    assert_non_null(strstr(buf_str(&mail), "d2hhdCBpcyB0aGlz"));
    buf_clear(&mail);
    buf_clear(&object);
}

static void encoding_zero_only_hands_over_a_key(void **state)
{
    struct bench *bench = *state;
    struct buf object = {0};
    make_message(bench, &object, CONTENT_IGNORE, simple("x"), (struct bytes){0});

    network_add(&bench->network, buf_view(&object));
    for (int i = 0; i < 100 && rig_sql(&bench->bob, "SELECT count(*) FROM pubkey") == 0; i++) {
        rig_idle(&bench->bob, 20);
    }

    assert_int_equal(rig_sql(&bench->bob, "SELECT count(*) FROM pubkey WHERE personal = 1"), 1);
    assert_int_equal(rig_count(&bench->bob, "INBOX"), 0);
    buf_clear(&object);
}

/* The object is in the network, and bob's INBOX stays empty. */
static void assert_nothing_comes_of(struct bench *bench, struct buf *object)
{
    network_add(&bench->network, buf_view(object));
    rig_idle(&bench->bob, 300);

    assert_int_equal(rig_count(&bench->bob, "INBOX"), 0);
    buf_clear(object);
}

static void a_message_for_another_key_is_not_ours(void **state)
{
    struct bench *bench = *state;
    struct buf object = {0};
    bench->bob_sender.encryption = bench->stranger.encryption_public;
    make_message(bench, &object, CONTENT_SIMPLE, simple("Subject:Hi\nBody:There"),
                 (struct bytes){0});

    assert_nothing_comes_of(bench, &object);
}

static void what_was_forwarded_by_its_true_recipient_is_refused(void **state)
{
    struct bench *bench = *state;
    struct buf object = {0};
    /* Signed for another ripe, encrypted to bob. */
    bench->bob_sender.address = bench->stranger_sender.address;
    make_message(bench, &object, CONTENT_SIMPLE, simple("Subject:Hi\nBody:There"),
                 (struct bytes){0});

    assert_nothing_comes_of(bench, &object);
}

static void strangers_do_the_work_that_is_asked_of_them_friends_need_not(void **state)
{
    struct bench *bench = *state;
    struct buf object = {0};
    struct rig_answer answer;
    char stranger[ADDRESS_TEXT_BYTES];
    /* Bob asks for more than this object did. */
    assert_int_equal(rig_sql(&bench->bob, "SELECT trials_per_byte FROM identity"), 1);
    char *folder = rig_copy_folder(&bench->bob);
    char *command = xasprintf("sqlite3 %s/mail.db 'UPDATE identity SET trials_per_byte = "
                              "1000000000000'",
                              folder);
    int rc = system(command);
    free(command);
    if (rc != 0) {
        free(folder);
        skip();
    }
    rig_remove(&bench->bob);
    rig_reopen(&bench->bob, &bench->network, folder);
    free(folder);
    make_message(bench, &object, CONTENT_SIMPLE, simple("Subject:Hi\nBody:There"),
                 (struct bytes){0});

    network_add(&bench->network, buf_view(&object));
    rig_idle(&bench->bob, 500);
    assert_int_equal(rig_count(&bench->bob, "INBOX"), 0);
    address_encode(stranger, &bench->stranger_sender.address);
    agent_contact_add(bench->bob.agent, NULL, stranger, "friend", rig_done(&answer));
    rig_wait(&bench->bob, &answer);
    assert_false(answer.failed);
    object_set_nonce(&object, 1);
    network_add(&bench->network, buf_view(&object));

    rig_until_count(&bench->bob, "INBOX", 1);
    buf_clear(&object);
}

static void the_right_one_of_many_identities_gets_it(void **state)
{
    struct bench *bench = *state;
    enum { N = 12 };
    char addresses[N][64];
    struct buf mail = {0};
    for (size_t i = 0; i < N; i++) {
        char label[16];
        (void)snprintf(label, sizeof(label), "id%zu", i);
        rig_identity(&bench->bob, label, addresses[i]);
    }

    rig_send(&bench->bob, bench->bob_address, addresses[7], "Seven", "For the eighth.");
    rig_until_count(&bench->bob, "INBOX", 1);

    rig_read(&bench->bob, &mail, "INBOX", 0);
    assert_non_null(strstr(buf_str(&mail), addresses[7]));
    assert_non_null(strstr(buf_str(&mail), "To: \"id7\""));
    buf_clear(&mail);
}

static void requests_for_a_key_are_answered_once_in_28_days(void **state)
{
    struct bench *bench = *state;
    struct buf request = {0};
    size_t n = network_count(&bench->network, OBJECT_PUBKEY);
    getpubkey_write(&request, (uint64_t)clock_now_sec() + 3600, &bench->bob_sender.address);

    network_add(&bench->network, buf_view(&request));
    rig_idle(&bench->bob, 300);
    assert_int_equal(network_count(&bench->network, OBJECT_PUBKEY), n);
    clock_set_offset(29 * 86400);
    buf_clear(&request);
    getpubkey_write(&request, (uint64_t)clock_now_sec() + 3600, &bench->bob_sender.address);
    network_add(&bench->network, buf_view(&request));
    object_set_nonce(&request, 7);
    network_add(&bench->network, buf_view(&request));
    for (int i = 0; i < 100 && network_count(&bench->network, OBJECT_PUBKEY) == n; i++) {
        rig_idle(&bench->bob, 20);
    }
    rig_idle(&bench->bob, 300);

    assert_int_equal(network_count(&bench->network, OBJECT_PUBKEY), n + 1);
    buf_clear(&request);
}

static void the_cursor_follows_and_a_restart_goes_on_behind_it(void **state)
{
    struct bench *bench = *state;
    struct agent_status status;
    rig_idle(&bench->bob, 1300);
    agent_status(bench->bob.agent, &status);
    assert_int_equal(status.objects_done, bench->network.n_objects);
    assert_int_equal(rig_sql(&bench->bob, "SELECT number FROM link_cursor"),
                     bench->network.n_objects);
    assert_int_equal(status.n_incoming, 0);
}

static void what_the_database_refuses_is_stored_when_it_takes_it_again(void **state)
{
    struct bench *bench = *state;
    struct buf object = {0};
    struct agent_status status;
    char path[300];
    const struct db_options options = {.must_exist = true};
    (void)snprintf(path, sizeof(path), "%s/mail.db", bench->bob.folder);
    rig_idle(&bench->bob, 1200);
    struct db *other = db_open(path, &options, NULL);
    assert_non_null(other);
    assert_true(db_begin(other, NULL));
    make_message(bench, &object, CONTENT_SIMPLE, simple("Subject:Hi\nBody:There"),
                 (struct bytes){0});

    network_add(&bench->network, buf_view(&object));
    rig_idle(&bench->bob, 5500); /* the writer waits five seconds before it gives up */
    agent_status(bench->bob.agent, &status);
    assert_int_equal(status.n_incoming, 1);
    db_rollback(other);
    db_close(&other);

    rig_until_count(&bench->bob, "INBOX", 1);
    buf_clear(&object);
}

static void junk_of_every_type_is_passed_over(void **state)
{
    struct bench *bench = *state;
    struct agent_status status;
    for (uint32_t type = 0; type < 6; type++) {
        for (size_t len = 0; len < 300; len += 37) {
            struct buf object = {0};
            const struct object_head head = {
                .expires_sec = (uint64_t)clock_now_sec() + 3600,
                .type = type,
                .version = len % 6,
                .stream = 1,
            };
            object_write_header(&object, &head);
            buf_append_zeros(&object, len);
            network_add(&bench->network, buf_view(&object));
            buf_clear(&object);
        }
    }
    network_add(&bench->network, bytes_of_str("short"));
    rig_idle(&bench->bob, 1500);

    agent_status(bench->bob.agent, &status);
    assert_int_equal(status.n_incoming, 0);
    assert_int_equal(status.objects_done, bench->network.n_objects);
    assert_int_equal(rig_count(&bench->bob, "INBOX"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_message_of_a_stranger_arrives),
        TEST(the_same_message_under_another_nonce_is_dropped),
        TEST(a_deleted_message_does_not_come_back),
        TEST(intentional_repeats_of_a_text_all_arrive),
        TEST(an_unknown_encoding_comes_as_a_notice_with_the_bytes),
        TEST(encoding_zero_only_hands_over_a_key),
        TEST(a_message_for_another_key_is_not_ours),
        TEST(what_was_forwarded_by_its_true_recipient_is_refused),
        TEST(strangers_do_the_work_that_is_asked_of_them_friends_need_not),
        TEST(the_right_one_of_many_identities_gets_it),
        TEST(requests_for_a_key_are_answered_once_in_28_days),
        TEST(the_cursor_follows_and_a_restart_goes_on_behind_it),
        TEST(what_the_database_refuses_is_stored_when_it_takes_it_again),
        TEST(junk_of_every_type_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
