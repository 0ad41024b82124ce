// SPDX-License-Identifier: MIT
/* The doors, with an SMTP or LMTP session in front of a whole agent: who may send as whom, who can
 * be written to, and what each hears at the end of DATA. */
#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/mem.h"
#include "gateway/store/store.h"
#include "mailproto/serve/protocol.h"
#include "mailproto/smtp/smtp_session.h"
#include "tests/gateway/agent/rig.h"

struct door {
    struct network network;
    struct rig rig;
    char alice[64];
    char other[64];
    struct smtp_service *service;
    void *session;
    struct buf heard;
};

static void wake(void *context)
{
    (void)context;
}

static struct serve_time now(void)
{
    return (struct serve_time){.mono_ms = clock_mono_ms(), .wall_sec = clock_now_sec()};
}

static bool has_answer(struct rig *rig, void *context)
{
    struct door *door = context;
    struct serve_time time = now();
    (void)rig;
    smtp_protocol.output(door->session, &door->heard, &time);
    struct serve_poll poll = smtp_protocol.poll(door->session);
    return (poll.wants & (SERVE_WANT_INPUT | SERVE_WANT_CLOSE)) != 0;
}

static void open_door(struct door *door, enum agent_door which)
{
    static const struct serve_client client = {
        .id = "smtp-1", .address = "unix", .is_unix = true, .is_loopback = true};
    const struct smtp_config config = {
        .host_name = "localhost",
        .is_lmtp = which == AGENT_DOOR_LMTP,
        .trusts_unix = which != AGENT_DOOR_SMTP,
        .limits = smtp_limits_default(),
        .handler = agent_door_handler(door->rig.agent, which),
    };
    struct serve_time time = now();
    door->service = smtp_service_new(&config);
    agent_set_door_service(door->rig.agent, which, door->service);
    door->session =
        smtp_protocol.session_new(door->service, &client, (struct serve_waker){wake, NULL}, &time);
    (void)has_answer(&door->rig, door);
}

/* Say a line (or a mail) and wait for the answers to it; they must begin so. */
static void talk(struct door *door, const char *line, const char *expected)
{
    struct buf text = {0};
    struct serve_time time = now();
    buf_reset(&door->heard);
    buf_printf(&text, "%s\r\n", line);
    assert_int_equal(smtp_protocol.feed(door->session, buf_view(&text), &time), text.len);
    buf_clear(&text);
    rig_until(&door->rig, has_answer, door, line);
    if (strncmp(buf_str(&door->heard), expected, strlen(expected)) != 0) {
        fail_msg("%s: %s", line, buf_str(&door->heard));
    }
}

static void talk_of(struct door *door, const char *format, const char *address,
                    const char *expected)
{
    char *before = xstrdup(format);
    char *hole = strchr(before, '@');
    *hole = '\0';
    char *line = xasprintf("%s%s%s", before, address, hole + 1);
    talk(door, line, expected);
    free(line);
    free(before);
}

static int setup(void **state)
{
    struct door *door = xcalloc(1, sizeof(*door));
    network_init(&door->network);
    rig_open(&door->rig, &door->network);
    rig_identity(&door->rig, "Alice", door->alice);
    rig_identity(&door->rig, "Other", door->other);
    *state = door;
    return 0;
}

static int teardown(void **state)
{
    struct door *door = *state;
    if (door->session != NULL) {
        smtp_protocol.session_free(door->session);
    }
    rig_remove(&door->rig);
    smtp_service_free(&door->service);
    network_clear(&door->network);
    buf_clear(&door->heard);
    free(door);
    return 0;
}

static void the_sender_must_be_an_identity(void **state)
{
    struct door *door = *state;
    open_door(door, AGENT_DOOR_SMTP_TRUSTED);
    talk(door, "EHLO me", "250");

    talk(door, "MAIL FROM:<a@example.org>", "550 5.7.1 this sender is not one of your identities");
    talk(door, "MAIL FROM:<>", "550 5.7.1");
    talk(door, "MAIL FROM:<broadcast@bm.alt>", "550 5.7.1");
    talk_of(door, "MAIL FROM:<@@bm.alt>", door->alice, "250 2.1.0");
}

static void a_recipient_is_judged_at_rcpt(void **state)
{
    struct door *door = *state;
    char wrong[64];
    memcpy(wrong, door->other, sizeof wrong);
    wrong[12] = wrong[12] == 'x' ? 'y' : 'x';
    open_door(door, AGENT_DOOR_SMTP_TRUSTED);
    talk(door, "EHLO me", "250");
    talk_of(door, "MAIL FROM:<@>", door->alice, "250");

    talk_of(door, "RCPT TO:<@@bm.alt>", door->other, "250 2.1.5");
    talk(door, "RCPT TO:<other@bm.alt>", "250 2.1.5");
    talk(door, "RCPT TO:<nobody@bm.alt>", "550 5.1.1 no identity or contact is called 'nobody'");
    talk_of(door, "RCPT TO:<@@bm.alt>", wrong, "550 5.1.1 a letter is wrong: did you mean BM-");
    talk(door, "RCPT TO:<a@example.org>", "550 5.1.1 this is Bitmessage");
}

static void a_mail_is_queued_before_250(void **state)
{
    struct door *door = *state;
    open_door(door, AGENT_DOOR_SMTP_TRUSTED);
    talk(door, "EHLO me", "250");
    talk_of(door, "MAIL FROM:<@> BY=7200;R ENVID=e1 RET=FULL", door->alice, "250");
    talk_of(door, "RCPT TO:<@> NOTIFY=FAILURE", door->other, "250");
    talk(door, "DATA", "354");

    talk_of(door, "From: @\r\nSubject: x\r\n\r\ny\r\n.", door->alice, "250 2.6.0 accepted: ");

    assert_non_null(strstr(buf_str(&door->heard), "trials"));
    assert_int_equal(rig_sql(&door->rig, "SELECT count(*) FROM outgoing"), 1);
    assert_int_equal(rig_sql(&door->rig, "SELECT ttl_sec FROM outgoing_mail"), 7200);
    assert_int_equal(rig_sql(&door->rig, "SELECT return_full FROM outgoing_mail"), 1);
    assert_int_equal(rig_sql(&door->rig, "SELECT notify FROM outgoing"), SMTP_NOTIFY_FAILURE);
}

/* RFC 3461 section 4: what SMTP asked for stands in the queue, decoded. */
static void what_reports_were_asked_for_is_kept(void **state)
{
    struct door *door = *state;
    struct db_stmt *row;
    static const struct {
        const char *mail;
        const char *rcpt;
        const char *envelope_id;
        const char *original;
        int64_t return_full;
        int64_t notify;
    } rows[] = {
        {"MAIL FROM:<@>", "RCPT TO:<@>", "", "", 0, 0},
        {"MAIL FROM:<@> RET=HDRS ENVID=a+2Bb+20c", "RCPT TO:<@> NOTIFY=NEVER", "a+b c", "", 0,
         SMTP_NOTIFY_NEVER},
        {"MAIL FROM:<@> ENVID=Q=1 RET=FULL", NULL, "", "", 0, 0},
        {"MAIL FROM:<@> RET=full ENVID=Q1",
         "RCPT TO:<@> NOTIFY=success,Delay ORCPT=rfc822;b+2Bc+40d", "Q1", "rfc822;b+c@d", 1,
         SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY},
    };
    int64_t n_taken = 0;
    open_door(door, AGENT_DOOR_SMTP_TRUSTED);
    talk(door, "EHLO me", "250");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].rcpt == NULL) {
            talk_of(door, rows[i].mail, door->alice, "501"); /* '=' is no xtext */
            continue;
        }
        talk_of(door, rows[i].mail, door->alice, "250");
        talk_of(door, rows[i].rcpt, door->other, "250");
        talk(door, "DATA", "354");
        talk_of(door, "From: @\r\n\r\ny\r\n.", door->alice, "250 2.6.0");
        row = db_prepare(store_reader(door->rig.store),
                         "SELECT m.envelope_id, o.original, m.return_full, o.notify FROM outgoing o"
                         " JOIN outgoing_mail m ON m.id = o.mail_id WHERE o.id = ?1",
                         NULL);
        db_bind_i64(row, 1, ++n_taken);
        assert_int_equal(db_step(row, NULL), DB_ROW);
        assert_string_equal(db_column_text(row, 0), rows[i].envelope_id);
        assert_string_equal(db_column_text(row, 1), rows[i].original);
        assert_int_equal(db_column_i64(row, 2), rows[i].return_full);
        assert_int_equal(db_column_i64(row, 3), rows[i].notify);
        db_reset(row);
    }
}

static void by_lmtp_each_recipient_has_an_answer(void **state)
{
    struct door *door = *state;
    struct rig_answer answer = {0};
    open_door(door, AGENT_DOOR_LMTP);
    talk(door, "LHLO mta", "250");
    talk_of(door, "MAIL FROM:<@>", door->alice, "250");
    talk(door, "RCPT TO:<other@bm.alt>", "250");
    talk_of(door, "RCPT TO:<@>", door->alice, "250");
    agent_identity_rename(door->rig.agent, "Other", "Renamed", rig_done(&answer));
    rig_wait(&door->rig, &answer);
    talk(door, "DATA", "354");

    talk_of(door, "From: @\r\nSubject: x\r\n\r\ny\r\n.", door->alice, "550 5.1.1");

    assert_non_null(strstr(buf_str(&door->heard), "\r\n250 2.6.0"));
    assert_int_equal(rig_sql(&door->rig, "SELECT count(*) FROM outgoing"), 1);
}

static void a_session_that_goes_leaves_its_mail_to_be_queued(void **state)
{
    struct door *door = *state;
    struct buf text = {0};
    struct serve_time time = now();
    open_door(door, AGENT_DOOR_SMTP_TRUSTED);
    talk(door, "EHLO me", "250");
    talk_of(door, "MAIL FROM:<@>", door->alice, "250");
    talk_of(door, "RCPT TO:<@>", door->other, "250");
    talk(door, "DATA", "354");
    buf_printf(&text, "From: %s\r\n\r\nx\r\n.\r\n", door->alice);
    (void)smtp_protocol.feed(door->session, buf_view(&text), &time);
    buf_clear(&text);

    smtp_protocol.session_free(door->session);
    door->session = NULL;
    rig_idle(&door->rig, 500);

    assert_int_equal(rig_sql(&door->rig, "SELECT count(*) FROM outgoing"), 1);
}

#define DOOR_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DOOR_TEST(the_sender_must_be_an_identity),
        DOOR_TEST(a_recipient_is_judged_at_rcpt),
        DOOR_TEST(a_mail_is_queued_before_250),
        DOOR_TEST(what_reports_were_asked_for_is_kept),
        DOOR_TEST(by_lmtp_each_recipient_has_an_answer),
        DOOR_TEST(a_session_that_goes_leaves_its_mail_to_be_queued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
