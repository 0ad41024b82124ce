// SPDX-License-Identifier: MIT
/* Dialogues. A script is what the client says ("C: ", its CRLF added) and what the server must
 * answer
 * ("S: ", the beginning of the line). Each runs with the client's bytes in one piece and byte by
 * byte, and with a handler that answers at once and one that answers later. */
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "mailproto/sasl/credential.h"
#include "mailproto/sasl/sasl.h"
#include "mailproto/serve/protocol.h"
#include "mailproto/smtp/smtp_session.h"

/* ---- the world around a session ---- */

struct fixture {
    struct smtp_config config;
    struct smtp_handler handler;
    struct sasl_judge judge;
    struct serve_client client;
    struct smtp_service *service;
    void *session;
    int64_t now_ms;
    bool answers_later;
    bool is_bytewise;

    uint64_t open_question;
    struct smtp_verdict answer;
    size_t n_answers;
    unsigned n_cancelled;

    struct sasl *sasl;
    struct sasl_verdict verdict;
    unsigned n_failed_logins;
    bool judge_is_asked;

    struct buf out;  /* all that the server said */
    struct buf mail; /* the mails accepted, one after the other */
    unsigned n_mails;
    size_t n_recipients;
    char last_sender[64];
    enum smtp_body_kind body;
};

static const struct smtp_verdict YES_SENDER = {250, 2, 1, 0, "Sender taken"};
static const struct smtp_verdict YES_RCPT = {250, 2, 1, 5, "Recipient taken"};
static const struct smtp_verdict YES_MAIL = {250, 2, 0, 0, "Queued"};
static const struct smtp_verdict NO_SENDER = {550, 5, 7, 1, "Not your sender"};
static const struct smtp_verdict NO_RCPT = {550, 5, 1, 1, "One letter is wrong"};
static const struct smtp_verdict LATER = {451, 4, 3, 0, "Not now"};

static void answer(struct fixture *f, uint64_t question, struct smtp_verdict verdict)
{
    if (f->answers_later) {
        assert_int_equal(f->open_question, 0);
        f->open_question = question;
        f->answer = verdict;
    } else {
        smtp_service_answer(f->service, question, &verdict);
    }
}

static void check_sender(void *context, uint64_t question, const struct smtp_envelope *envelope)
{
    struct fixture *f = context;
    strncpy(f->last_sender, envelope->sender, sizeof f->last_sender - 1);
    answer(f, question, strstr(envelope->sender, "evil") != NULL ? NO_SENDER : YES_SENDER);
}

static void check_recipient(void *context, uint64_t question, const struct smtp_envelope *envelope,
                            const struct smtp_recipient *recipient)
{
    struct fixture *f = context;
    (void)envelope;
    answer(f, question,
           strstr(recipient->address, "nobody") != NULL  ? NO_RCPT
           : strstr(recipient->address, "later") != NULL ? LATER
                                                         : YES_RCPT);
}

static void accept_mail(void *context, uint64_t question, const struct smtp_envelope *envelope,
                        struct bytes mail)
{
    struct fixture *f = context;
    buf_append_bytes(&f->mail, mail);
    f->n_mails++;
    f->n_recipients = envelope->n_recipients;
    f->body = envelope->body;
    answer(f, question, YES_MAIL);
}

static void cancel(void *context, uint64_t question)
{
    struct fixture *f = context;
    assert_true(question == f->open_question);
    f->open_question = 0;
    f->n_cancelled++;
}

static void *judge_start(void *context, struct sasl *sasl, struct sasl_verdict verdict)
{
    struct fixture *f = context;
    assert_false(f->judge_is_asked);
    f->sasl = sasl;
    f->verdict = verdict;
    f->judge_is_asked = true;
    return f;
}

static void judge_cancel(void *context, void *handle)
{
    struct fixture *f = context;
    assert_ptr_equal(handle, f);
    f->judge_is_asked = false;
}

static int64_t judge_failed(void *context, const struct sasl *sasl)
{
    struct fixture *f = context;
    assert_non_null(sasl);
    return INT64_C(1000) << f->n_failed_logins++;
}

static void wake(void *context)
{
    (void)context;
}

static struct serve_time now(const struct fixture *f)
{
    return (struct serve_time){.mono_ms = f->now_ms, .wall_sec = 1700000000};
}

static void setup(struct fixture *f)
{
    *f = (struct fixture){
        .config = {.host_name = "localhost", .limits = smtp_limits_default()},
        .handler = {f, check_sender, check_recipient, accept_mail, cancel},
        .judge = {judge_start, judge_cancel, judge_failed, f},
        .client = {.id = "smtp-1", .address = "127.0.0.1", .is_loopback = true},
        .now_ms = 1000,
    };
    f->config.handler = &f->handler;
    f->config.judge = &f->judge;
}

static void start(struct fixture *f)
{
    struct serve_time time = now(f);
    f->service = smtp_service_new(&f->config);
    f->session =
        smtp_protocol.session_new(f->service, &f->client, (struct serve_waker){wake, f}, &time);
}

static void stop(struct fixture *f)
{
    smtp_protocol.session_free(f->session);
    smtp_service_free(&f->service);
    buf_clear(&f->out);
    buf_clear(&f->mail);
}

static bool is_closed(struct fixture *f)
{
    return (smtp_protocol.poll(f->session).wants & SERVE_WANT_CLOSE) != 0;
}

/* Give answers, time and room until the session waits for the client. */
static void settle(struct fixture *f)
{
    for (;;) {
        struct serve_time time = now(f);
        struct serve_poll poll = smtp_protocol.poll(f->session);
        if ((poll.wants & SERVE_WANT_OUTPUT) != 0) {
            smtp_protocol.output(f->session, &f->out, &time);
        } else if (f->open_question != 0) {
            uint64_t question = f->open_question;
            f->open_question = 0;
            smtp_service_answer(f->service, question, &f->answer);
        } else if (f->judge_is_asked) {
            struct sasl_credential credential;
            struct buf challenge = {0};
            bool is_known = strcmp(sasl_user(f->sasl), "me") == 0;
            assert_true(sasl_credential_make(&credential, bytes_of_str("secret"), 4096));
            f->judge_is_asked = false;
            enum sasl_result result = sasl_credential_found(
                f->sasl, is_known ? 42 : 0, is_known ? &credential : NULL, &challenge);
            f->verdict.done(f->verdict.context, result, buf_view(&challenge));
            buf_clear(&challenge);
        } else if ((poll.wants & SERVE_WANT_START_TLS) != 0) {
            f->client.is_tls = true;
            smtp_protocol.tls_up(f->session, &time);
        } else if (poll.wants == 0 && poll.deadline_ms != 0) {
            f->now_ms = poll.deadline_ms;
            time = now(f);
            smtp_protocol.tick(f->session, &time);
        } else {
            return;
        }
    }
}

static void say_bytes(struct fixture *f, struct bytes in)
{
    while (in.len != 0 && !is_closed(f)) {
        struct serve_time time = now(f);
        size_t piece = f->is_bytewise ? 1 : in.len;
        uint8_t *block = xmemdup(in.data, piece);
        size_t taken = smtp_protocol.feed(f->session, (struct bytes){block, piece}, &time);
        bool starts_tls = (smtp_protocol.poll(f->session).wants & SERVE_WANT_START_TLS) != 0;
        free(block);
        assert_true(taken <= piece);
        settle(f);
        if (starts_tls) {
            return; /* as serve does: what is unread is dropped */
        }
        in = bytes_slice(in, taken, in.len);
    }
}

static void say(struct fixture *f, const char *text)
{
    say_bytes(f, bytes_of_str(text));
}

/* Take the server's next line; it must begin with `expected`. */
static void expect(struct fixture *f, const char *expected)
{
    struct bytes rest = buf_view(&f->out);
    size_t len = bytes_find(rest, '\n') + 1;
    if (len > rest.len || len < 2 || rest.data[len - 2] != '\r' ||
        !bytes_starts_with(rest, bytes_of_str(expected))) {
        fail_msg("expected \"%s\", got \"%s\"", expected, buf_str(&f->out));
    }
    buf_consume(&f->out, len);
}

static void expect_nothing(struct fixture *f)
{
    if (f->out.len != 0) {
        fail_msg("expected nothing, got \"%s\"", buf_str(&f->out));
    }
}

static void skip_output(struct fixture *f)
{
    buf_reset(&f->out);
}

/* Lines "C: ..." and "S: ...", NULL at the end. */
static void play(struct fixture *f, const char *const *script)
{
    for (size_t i = 0; script[i] != NULL; i++) {
        if (script[i][0] == 'C') {
            expect_nothing(f);
            struct buf line = {0};
            buf_printf(&line, "%s\r\n", script[i] + 3);
            say_bytes(f, buf_view(&line));
            buf_clear(&line);
        } else {
            expect(f, script[i] + 3);
        }
    }
    expect_nothing(f);
}

static void run_script(void (*configure)(struct fixture *f), const char *const *script)
{
    for (unsigned mode = 0; mode < 4; mode++) {
        struct fixture f;
        setup(&f);
        if (configure != NULL) {
            configure(&f);
        }
        f.is_bytewise = (mode & 1) != 0;
        f.answers_later = (mode & 2) != 0;
        start(&f);
        settle(&f);
        play(&f, script);
        stop(&f);
    }
}

#define SCRIPT(...)                                                                                \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

/* "\0me\0secret" */
#define LOGIN "C: AUTH PLAIN AG1lAHNlY3JldA==", "S: 235 2.7.0 "
#define HELLO                                                                                      \
    "S: 220 localhost ESMTP", "C: EHLO me", "S: 250-localhost", "S: 250-SIZE 33554432",            \
        "S: 250-PIPELINING", "S: 250-8BITMIME", "S: 250-SMTPUTF8", "S: 250-CHUNKING",              \
        "S: 250-BINARYMIME", "S: 250-DSN", "S: 250-ENHANCEDSTATUSCODES", "S: 250-DELIVERBY",       \
        "S: 250-AUTH PLAIN LOGIN SCRAM-SHA-256", "S: 250-LIMITS RCPTMAX=1000 MAILMAX=1000",        \
        "S: 250 HELP"

/* Logged in, the output empty. */
static void log_in(struct fixture *f)
{
    settle(f);
    say(f, "EHLO me\r\nAUTH PLAIN AG1lAHNlY3JldA==\r\n");
    skip_output(f);
}

static void ready(struct fixture *f)
{
    setup(f);
    start(f);
    log_in(f);
}

/* ---- a mail ---- */

static void a_mail_is_taken(void **state)
{
    (void)state;
    run_script(NULL,
               SCRIPT(HELLO, LOGIN, "C: MAIL FROM:<a@bm.alt> SIZE=100 BODY=8BITMIME",
                      "S: 250 2.1.0 Sender taken", "C: RCPT TO:<b@bm.alt> NOTIFY=NEVER",
                      "S: 250 2.1.5 ", "C: RCPT TO:<nobody@bm.alt>", "S: 550 5.1.1 One letter",
                      "C: DATA", "S: 354 ", "C: Subject: x", "C: ", "C: ..hidden", "C: .",
                      "S: 250 2.0.0 Queued", "C: QUIT", "S: 221 2.0.0 "));
}

static void what_is_handed_on_is_what_was_sent(void **state)
{
    (void)state;
    struct fixture f;
    ready(&f);
    say(&f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<later@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n");
    say(&f, "A: b\r\n\r\n..x\r\n.y\r\n.\r\n");
    assert_int_equal(f.n_mails, 1);
    assert_int_equal(f.n_recipients, 2);
    assert_string_equal(f.last_sender, "a@b");
    assert_string_equal(buf_str(&f.mail), "A: b\r\n\r\n.x\r\ny\r\n");
    stop(&f);
}

static void pipelined_commands_are_answered_in_order(void **state)
{
    (void)state;
    for (unsigned later = 0; later < 2; later++) {
        struct fixture f;
        ready(&f);
        f.answers_later = later != 0;
        say(&f, "MAIL FROM:<a@b>\r\nRCPT TO:<nobody@d>\r\nRCPT TO:<c@d>\r\nNOOP\r\nDATA\r\n");
        expect(&f, "250 2.1.0");
        expect(&f, "550 5.1.1");
        expect(&f, "250 2.1.5");
        expect(&f, "250 2.0.0");
        expect(&f, "354");
        say(&f, "x\r\n.\r\nMAIL FROM:<evil@b>\r\nRSET\r\nQUIT\r\n");
        expect(&f, "250 2.0.0 Queued");
        expect(&f, "550 5.7.1");
        expect(&f, "250 2.0.0");
        expect(&f, "221");
        assert_true(is_closed(&f));
        stop(&f);
    }
}

static void mails_are_counted(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    f.config.limits.max_mails = 2;
    start(&f);
    log_in(&f);
    for (unsigned i = 0; i < 2; i++) {
        say(&f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
        say(&f, "x\r\n.\r\n");
    }
    assert_int_equal(f.n_mails, 2);
    skip_output(&f);
    say(&f, "MAIL FROM:<a@b>\r\n");
    expect(&f, "421 4.7.0");
    assert_true(is_closed(&f));
    stop(&f);
}

/* ---- smuggling ---- */

static void no_variant_of_a_line_end_smuggles_a_mail(void **state)
{
    (void)state;
    static const char *const ends[] = {"\n.\n",       "\n.\r\n",   "\r\n.\n",
                                       "\r.\r",       "\r.\r\n",   "\r\n.\r",
                                       "\r\n.\r\r\n", "\n\n.\r\n", "\r\r\n.\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        for (unsigned bytewise = 0; bytewise < 2; bytewise++) {
            struct fixture f;
            ready(&f);
            f.is_bytewise = bytewise != 0;
            say(&f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
            skip_output(&f);
            struct buf attack = {0};
            buf_printf(&attack,
                       "Subject: a\r\n\r\nbody%sMAIL FROM:<smuggled@b>\r\nRCPT TO:<c@d>\r\n"
                       "DATA\r\nsmuggled\r\n.\r\n",
                       ends[i]);
            say_bytes(&f, buf_view(&attack));
            expect(&f, "554 5.5.2");
            expect_nothing(&f);
            assert_true(is_closed(&f));
            assert_int_equal(f.n_mails, 0);
            assert_string_equal(f.last_sender, "a@b");
            buf_clear(&attack);
            stop(&f);
        }
    }
}

static void a_nul_in_front_of_the_dot_does_not_end_the_mail(void **state)
{
    (void)state;
    static const uint8_t mail[] = "a\r\n\0.\r\nb\r\n.\r\n";
    struct fixture f;
    ready(&f);
    say(&f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
    say_bytes(&f, (struct bytes){mail, sizeof mail - 1});
    assert_int_equal(f.n_mails, 1);
    assert_int_equal(f.mail.len, sizeof mail - 1 - 3);
    stop(&f);
}

static void a_bare_line_end_in_a_command_ends_the_session(void **state)
{
    (void)state;
    static const char *const lines[] = {"NOOP\n", "NOOP\rNOOP\r\n", "\n", "MAIL FROM:<a@b>\n\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct fixture f;
        ready(&f);
        say(&f, lines[i]);
        expect(&f, "554 5.5.2");
        assert_true(is_closed(&f));
        stop(&f);
    }
}

static void a_mail_that_comes_before_354_ends_the_session(void **state)
{
    (void)state;
    struct fixture f;
    ready(&f);
    say(&f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: early\r\n\r\n.\r\n");
    expect(&f, "250");
    expect(&f, "250");
    expect(&f, "354");
    expect(&f, "554 5.5.1");
    assert_int_equal(f.n_mails, 0);
    stop(&f);
}

/* ---- chunks ---- */

static void a_mail_goes_in_chunks(void **state)
{
    (void)state;
    for (unsigned bytewise = 0; bytewise < 2; bytewise++) {
        struct fixture f;
        ready(&f);
        f.is_bytewise = bytewise != 0;
        say(&f, "MAIL FROM:<a@b> BODY=BINARYMIME\r\nRCPT TO:<c@d>\r\n");
        skip_output(&f);
        say(&f, "BDAT 5\r\n\r\n.\r\nBDAT 3\r\na\nbBDAT 0 LAST\r\nNOOP\r\n");
        expect(&f, "250 2.0.0 Go on");
        expect(&f, "250 2.0.0 Go on");
        expect(&f, "250 2.0.0 Queued");
        expect(&f, "250 2.0.0");
        assert_string_equal(buf_str(&f.mail), "\r\n.\r\na\nb");
        assert_int_equal(f.body, SMTP_BODY_BINARYMIME);
        stop(&f);
    }
}

static void chunks_with_bare_line_ends_need_binarymime(void **state)
{
    (void)state;
    struct fixture f;
    ready(&f);
    say(&f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
    skip_output(&f);
    say(&f, "BDAT 6 LAST\r\na\nb\r\n\r");
    expect(&f, "554 5.5.2");
    assert_int_equal(f.n_mails, 0);
    stop(&f);
}

static void a_chunk_that_is_refused_is_still_read(void **state)
{
    (void)state;
    run_script(NULL, SCRIPT(HELLO, LOGIN, "C: BDAT 8\r\nMAIL x", "S: 503 5.5.1", "C: NOOP",
                            "S: 250 2.0.0 Still", "C: MAIL FROM:<a@b>", "S: 250",
                            "C: BDAT 6\r\nRSET", "S: 503 5.5.1", "C: RCPT TO:<c@d>", "S: 250",
                            "C: BDAT 99999999\r\nx", "S: 552 5.3.4"));
    struct fixture f;
    setup(&f);
    f.config.limits.max_message_bytes = 10;
    start(&f);
    log_in(&f);
    say(&f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 6\r\n123456BDAT 5\r\nQUIT\r\nBDAT 1 LAST\r\nx"
            "NOOP\r\n");
    expect(&f, "250");
    expect(&f, "250");
    expect(&f, "250 2.0.0 Go on");
    expect(&f, "552 5.3.4");
    say(&f, "");
    stop(&f);
}

static void a_chunk_whose_size_is_unknown_ends_the_session(void **state)
{
    (void)state;
    static const char *const lines[] = {"BDAT\r\n", "BDAT x\r\n", "BDAT 1 FIRST\r\n", "BDAT -1\r\n",
                                        "BDAT 99999999999\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct fixture f;
        ready(&f);
        say(&f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
        skip_output(&f);
        say(&f, lines[i]);
        expect(&f, "501 5.5.4");
        assert_true(is_closed(&f));
        stop(&f);
    }
}

/* ---- the order of commands ---- */

static void commands_out_of_order_are_refused(void **state)
{
    (void)state;
    run_script(NULL, SCRIPT("S: 220 ", "C: MAIL FROM:<a@b>", "S: 530 5.7.0", "C: AUTH PLAIN",
                            "S: 503 5.5.1 Say EHLO", "C: HELO me", "S: 250 localhost", LOGIN,
                            "C: RCPT TO:<c@d>", "S: 503 5.5.1", "C: DATA", "S: 503 5.5.1",
                            "C: MAIL FROM:<a@b>", "S: 250", "C: DATA", "S: 503 5.5.1",
                            "C: MAIL FROM:<a@b>", "S: 503 5.5.1", "C: RCPT TO:<nobody@d>", "S: 550",
                            "C: DATA", "S: 503 5.5.1", "C: RCPT TO:<c@d>", "S: 250",
                            "C: MAIL FROM:<a@b>", "S: 503 5.5.1", "C: AUTH PLAIN", "S: 503 5.5.1",
                            "C: RSET", "S: 250", "C: RCPT TO:<c@d>", "S: 503 5.5.1"));
}

static void small_commands_answer(void **state)
{
    (void)state;
    run_script(NULL,
               SCRIPT("S: 220 ", "C: NOOP any thing", "S: 250 2.0.0", "C: RSET x", "S: 501 5.5.4",
                      "C: EHLO", "S: 501 5.5.4", "C: EHLO two words", "S: 501 5.5.4", "C: VRFY a",
                      "S: 530 5.7.0", "C: EXPN a", "S: 502 5.5.1", "C: TURN", "S: 502 5.5.1",
                      "C: ETRN a", "S: 502 5.5.1", "C: FROB", "S: 500 5.5.1", "C: ", "S: 500 5.5.1",
                      "C: helo me", "S: 250 localhost", LOGIN, "C: VRFY a", "S: 252 2.5.0",
                      "C: VRFY", "S: 501", "C: LHLO me", "S: 500 5.5.1", "C: STARTTLS",
                      "S: 502 5.5.1", "C: QUIT now", "S: 221 2.0.0"));
}

static void addresses_and_parameters_that_are_wrong_are_refused(void **state)
{
    (void)state;
    run_script(NULL,
               SCRIPT(HELLO, LOGIN, "C: MAIL FROM:a@b", "S: 501 5.1.3", "C: MAIL a@b",
                      "S: 501 5.5.4", "C: MAIL FROM: <a@b>", "S: 250 2.1.0", "C: RSET", "S: 250",
                      "C: MAIL FROM:<a@b> XFOO=1", "S: 555 5.5.4", "C: MAIL FROM:<a@b> SIZE=x",
                      "S: 501 5.5.4", "C: MAIL FROM:<a@b> SIZE=99999999", "S: 552 5.3.4",
                      "C: MAIL FROM:<\xc3\xa4@b>", "S: 553 5.6.7",
                      "C: MAIL FROM:<\xc3\xa4@b> SMTPUTF8", "S: 250 2.1.0",
                      "C: RCPT TO:<\xc3\xb6@b>", "S: 250 2.1.5", "C: RSET", "S: 250",
                      "C: MAIL FROM:<>", "S: 250 2.1.0", "C: RCPT TO:<\xc3\xb6@b>", "S: 553 5.6.7",
                      "C: RCPT TO:<>", "S: 501 5.1.3", "C: RCPT TO:<a@b> RET=FULL", "S: 555 5.5.4",
                      "C: RCPT TO:<a@b> NOTIFY=X", "S: 501 5.5.4"));
}

/* ---- login ---- */

static void logins_of_every_kind(void **state)
{
    (void)state;
    run_script(NULL, SCRIPT(HELLO, "C: AUTH PLAIN", "S: 334 ", "C: AG1lAHNlY3JldA==", "S: 235",
                            "C: AUTH PLAIN AG1lAHNlY3JldA==", "S: 503 5.5.1"));
    run_script(NULL, SCRIPT(HELLO, "C: auth login", "S: 334 ", "C: bWU=", "S: 334 ", "C: c2VjcmV0",
                            "S: 235", "C: EHLO again", "S: 250-localhost", "S: 250-SIZE",
                            "S: 250-PIPELINING", "S: 250-8BITMIME", "S: 250-SMTPUTF8",
                            "S: 250-CHUNKING", "S: 250-BINARYMIME", "S: 250-DSN",
                            "S: 250-ENHANCEDSTATUSCODES", "S: 250-DELIVERBY", "S: 250-LIMITS",
                            "S: 250 HELP", "C: MAIL FROM:<a@b>", "S: 250"));
}

static void logins_that_are_wrong(void **state)
{
    (void)state;
    run_script(NULL, SCRIPT(HELLO, "C: AUTH", "S: 501 5.5.4", "C: AUTH CRAM-MD5", "S: 504 5.5.4",
                            "C: AUTH PLAIN AG1lAHdyb25n", "S: 535 5.7.8", "C: AUTH PLAIN !!!",
                            "S: 501 5.5.2", "C: AUTH PLAIN AG1lAHNlY3JldA", "S: 501 5.5.2",
                            "C: AUTH PLAIN", "S: 334 ", "C: *", "S: 501 5.7.0", "C: AUTH PLAIN",
                            "S: 334 ", "C: AG1l AHNlY3JldA==", "S: 501 5.5.2",
                            /* unknown user, empty user, empty password */
                            "C: AUTH PLAIN AHlvdQBzZWNyZXQ=", "S: 535 5.7.8",
                            "C: AUTH PLAIN AABzZWNyZXQ=", "S: 5", "C: AUTH PLAIN AG1lAA==", "S: 5",
                            "C: MAIL FROM:<a@b>", "S: 530 5.7.0"));
}

static void guessing_is_slow_and_ends(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    f.config.limits.login_sec = 1000;
    start(&f);
    settle(&f);
    say(&f, "EHLO me\r\n");
    skip_output(&f);
    int64_t before = f.now_ms;
    for (unsigned i = 0; i < f.config.limits.max_auth_failures; i++) {
        assert_false(is_closed(&f));
        say(&f, "AUTH PLAIN AG1lAHdyb25n\r\n");
        expect(&f, i + 1 < f.config.limits.max_auth_failures ? "535" : "421 4.7.0");
    }
    assert_true(is_closed(&f));
    assert_true(f.now_ms - before >= 31000); /* as long as the judge said */
    stop(&f);
}

static void a_login_goes_in_clear_only_where_the_clear_stays_on_the_machine(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    f.client.is_loopback = false;
    f.client.can_start_tls = true;
    start(&f);
    settle(&f);
    say(&f, "EHLO me\r\n");
    assert_null(strstr(buf_str(&f.out), "AUTH"));
    assert_non_null(strstr(buf_str(&f.out), "250-STARTTLS\r\n"));
    skip_output(&f);
    say(&f, "AUTH PLAIN AG1lAHNlY3JldA==\r\n");
    expect(&f, "538 5.7.11");
    say(&f, "STARTTLS\r\n");
    expect(&f, "220 2.0.0");
    say(&f, "AUTH PLAIN AG1lAHNlY3JldA==\r\n");
    expect(&f, "503 5.5.1 Say EHLO");
    say(&f, "EHLO me\r\n");
    assert_non_null(strstr(buf_str(&f.out), "AUTH PLAIN LOGIN SCRAM-SHA-256\r\n"));
    assert_null(strstr(buf_str(&f.out), "STARTTLS"));
    skip_output(&f);
    say(&f, "AUTH PLAIN AG1lAHNlY3JldA==\r\n");
    expect(&f, "235");
    stop(&f);
}

static void what_is_pipelined_behind_starttls_is_dropped(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    f.client.can_start_tls = true;
    start(&f);
    settle(&f);
    say(&f, "EHLO me\r\n");
    skip_output(&f);
    say(&f, "STARTTLS\r\nEHLO injected\r\nNOOP\r\n");
    expect(&f, "220 2.0.0");
    expect_nothing(&f);
    say(&f, "NOOP\r\n");
    expect(&f, "250");
    stop(&f);
}

static void a_session_that_ends_forgets_what_it_asked(void **state)
{
    (void)state;
    struct fixture f;
    ready(&f);
    f.answers_later = true;
    struct serve_time time = now(&f);
    static const char line[] = "MAIL FROM:<a@b>\r\n";
    assert_int_equal(smtp_protocol.feed(f.session, bytes_of_str(line), &time), sizeof line - 1);
    assert_true(f.open_question != 0);
    uint64_t question = f.open_question;
    smtp_protocol.session_free(f.session);
    assert_int_equal(f.n_cancelled, 1);
    smtp_service_answer(f.service, question, &YES_SENDER); /* finds nobody */
    f.session =
        smtp_protocol.session_new(f.service, &f.client, (struct serve_waker){wake, &f}, &time);
    stop(&f);
}

static void a_login_that_is_being_judged_is_cancelled_with_its_session(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    start(&f);
    settle(&f);
    struct serve_time time = now(&f);
    static const char lines[] = "EHLO me\r\nAUTH PLAIN AG1lAHNlY3JldA==\r\nNOOP\r\n";
    size_t taken = smtp_protocol.feed(f.session, bytes_of_str(lines), &time);
    assert_int_equal(taken, sizeof lines - 1 - 6);
    assert_true(f.judge_is_asked);
    smtp_protocol.session_free(f.session);
    assert_false(f.judge_is_asked);
    f.session =
        smtp_protocol.session_new(f.service, &f.client, (struct serve_waker){wake, &f}, &time);
    stop(&f);
}

/* ---- strangers ---- */

static void who_speaks_before_the_greeting_is_cut_off(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    start(&f);
    say(&f, "EHLO me\r\n");
    expect(&f, "220");
    expect(&f, "554 5.5.1");
    assert_true(is_closed(&f));
    stop(&f);
}

static void a_browser_and_tls_at_this_port_get_one_short_answer(void **state)
{
    (void)state;
    static const char *const inputs[] = {"GET / HTTP/1.1\r\nHost: localhost:1025\r\n\r\n",
                                         "POST /x HTTP/1.1\r\n\r\nMAIL FROM:<a@b>\r\n",
                                         "Host: localhost\r\nEHLO me\r\n",
                                         "\x16\x03\x01\x02\x01\x01\x03", "PRI * HTTP/2.0\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
        struct fixture f;
        setup(&f);
        start(&f);
        settle(&f);
        expect(&f, "220");
        say(&f, inputs[i]);
        expect(&f, "554 5.7.0");
        expect_nothing(&f);
        assert_true(is_closed(&f));
        stop(&f);
    }
}

/* ---- limits ---- */

static void a_command_line_may_be_as_long_as_the_limit(void **state)
{
    (void)state;
    for (int off = -1; off <= 1; off++) {
        struct fixture f;
        struct buf line = {0};
        ready(&f);
        buf_append_str(&line, "NOOP ");
        while (line.len < f.config.limits.max_command_bytes - 2 + (size_t)(off + 1) - 1) {
            buf_append_byte(&line, 'x');
        }
        buf_append_str(&line, "\r\nNOOP\r\n");
        say_bytes(&f, buf_view(&line));
        expect(&f, off <= 0 ? "250" : "500 5.5.6");
        expect(&f, "250");
        buf_clear(&line);
        stop(&f);
    }
}

static void an_auth_line_may_be_longer_than_a_command(void **state)
{
    (void)state;
    for (unsigned bytewise = 0; bytewise < 2; bytewise++) {
        struct fixture f;
        struct buf line = {0};
        setup(&f);
        start(&f);
        settle(&f);
        say(&f, "EHLO me\r\n");
        skip_output(&f);
        f.is_bytewise = bytewise != 0;
        buf_append_str(&line, "AUTH PLAIN ");
        while (line.len < 12200) {
            buf_append_str(&line, "AAAA");
        }
        buf_append_str(&line, "\r\n");
        say_bytes(&f, buf_view(&line));
        assert_null(strstr(buf_str(&f.out), "500 5.5.6"));
        skip_output(&f);
        buf_truncate(&line, line.len - 2);
        buf_append_zeros(&line, 100);
        buf_append_str(&line, "\r\n");
        say_bytes(&f, buf_view(&line));
        expect(&f, "500 5.5.6");
        buf_clear(&line);
        stop(&f);
    }
}

static void an_endless_line_ends_the_session_without_growth(void **state)
{
    (void)state;
    struct fixture f;
    ready(&f);
    uint8_t block[4096];
    memset(block, 'x', sizeof block);
    size_t n_blocks = 0;
    while (!is_closed(&f)) {
        say_bytes(&f, (struct bytes){block, sizeof block});
        assert_true(++n_blocks <= 300);
    }
    expect(&f, "421 4.7.0");
    stop(&f);
}

static void recipients_are_counted(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    f.config.limits.max_recipients = 3;
    start(&f);
    log_in(&f);
    say(&f, "MAIL FROM:<a@b>\r\n");
    for (unsigned i = 0; i < 4; i++) {
        say(&f, "RCPT TO:<c@d>\r\n");
    }
    expect(&f, "250 2.1.0");
    expect(&f, "250");
    expect(&f, "250");
    expect(&f, "250");
    expect(&f, "452 4.5.3");
    stop(&f);
}

static void errors_and_commands_are_counted(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    f.config.limits.max_errors = 3;
    start(&f);
    log_in(&f);
    say(&f, "X\r\nX\r\nX\r\n");
    assert_false(is_closed(&f));
    skip_output(&f);
    say(&f, "X\r\n");
    expect(&f, "421 4.7.0");
    assert_true(is_closed(&f));
    stop(&f);

    setup(&f);
    f.config.limits.max_commands = 4;
    start(&f);
    log_in(&f); /* two */
    say(&f, "NOOP\r\nNOOP\r\n");
    assert_false(is_closed(&f));
    skip_output(&f);
    say(&f, "NOOP\r\n");
    expect(&f, "421 4.7.0");
    stop(&f);
}

static void mail_of_size(struct fixture *f, size_t size)
{
    struct buf mail = {0};
    while (mail.len + 2 < size) {
        buf_append_byte(&mail, 'x');
    }
    buf_append_str(&mail, "\r\n.\r\n");
    say(f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
    skip_output(f);
    say_bytes(f, buf_view(&mail));
    buf_clear(&mail);
}

static void a_mail_may_be_as_large_as_size_allows(void **state)
{
    (void)state;
    for (unsigned bytewise = 0; bytewise < 2; bytewise++) {
        for (size_t size = 999; size <= 1001; size++) {
            struct fixture f;
            setup(&f);
            f.config.limits.max_message_bytes = 1000;
            start(&f);
            log_in(&f);
            f.is_bytewise = bytewise != 0;
            mail_of_size(&f, size);
            expect(&f, size <= 1000 ? "250 2.0.0 Queued" : "552 5.3.4");
            assert_int_equal(f.mail.len, size <= 1000 ? size : 0);
            say(&f, "NOOP\r\n");
            expect(&f, "250");
            stop(&f);
        }
    }
}

static void a_line_of_a_mail_may_be_as_long_as_the_limit(void **state)
{
    (void)state;
    for (size_t len = 499; len <= 501; len++) {
        struct fixture f;
        setup(&f);
        f.config.limits.max_body_line_bytes = 500;
        start(&f);
        log_in(&f);
        mail_of_size(&f, len + 2);
        expect(&f, len <= 500 ? "250" : "554 5.6.0");
        stop(&f);
    }
}

static void the_memory_of_all_sessions_together_is_bounded(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    f.config.limits.max_total_bytes = 1000;
    start(&f);
    log_in(&f);
    mail_of_size(&f, 1001);
    expect(&f, "452 4.3.1");
    mail_of_size(&f, 1000);
    expect(&f, "250");
    say(&f, "MAIL FROM:<a@b> SIZE=1001\r\n");
    expect(&f, "452 4.3.1");
    stop(&f);
}

static void advance(struct fixture *f, int64_t ms)
{
    f->now_ms += ms;
    struct serve_time time = now(f);
    smtp_protocol.tick(f->session, &time);
    settle(f);
}

static void silence_ends_the_session_when_its_time_has_come(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    start(&f);
    settle(&f);
    skip_output(&f);
    advance(&f, 59999);
    assert_false(is_closed(&f));
    advance(&f, 1);
    expect(&f, "421 4.4.2");
    assert_true(is_closed(&f));
    stop(&f);

    ready(&f);
    advance(&f, 299999);
    assert_false(is_closed(&f));
    say(&f, "NOOP\r\n");
    skip_output(&f);
    advance(&f, 299999);
    assert_false(is_closed(&f));
    advance(&f, 1);
    expect(&f, "421 4.4.2");
    stop(&f);
}

static void a_mail_that_drips_ends_when_its_time_is_over(void **state)
{
    (void)state;
    struct fixture f;
    ready(&f);
    say(&f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
    skip_output(&f);
    for (unsigned i = 0; i < 1800 / 100 - 1; i++) {
        say(&f, "x");
        advance(&f, 100000);
        assert_false(is_closed(&f));
    }
    say(&f, "x");
    advance(&f, 100000);
    expect(&f, "421 4.4.2");
    stop(&f);
}

static void commands_wait_while_output_is_not_taken(void **state)
{
    (void)state;
    struct fixture f;
    ready(&f);
    struct buf lines = {0};
    for (unsigned i = 0; i < 1000; i++) {
        buf_append_str(&lines, "HELP\r\n");
    }
    struct serve_time time = now(&f);
    size_t taken = smtp_protocol.feed(f.session, buf_view(&lines), &time);
    assert_true(taken < 200);
    assert_int_equal(smtp_protocol.poll(f.session).wants, SERVE_WANT_OUTPUT);
    settle(&f);
    assert_true(f.out.len < 16384);
    buf_clear(&lines);
    stop(&f);
}

static void a_server_that_stops_says_so_but_first_answers_for_a_mail(void **state)
{
    (void)state;
    struct fixture f;
    ready(&f);
    smtp_protocol.shut_down(f.session);
    settle(&f);
    expect(&f, "421 4.3.2");
    assert_true(is_closed(&f));
    stop(&f);

    ready(&f);
    say(&f, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
    skip_output(&f);
    f.answers_later = true;
    struct serve_time time = now(&f);
    static const char mail[] = "x\r\n.\r\n";
    assert_int_equal(smtp_protocol.feed(f.session, bytes_of_str(mail), &time), sizeof mail - 1);
    smtp_protocol.shut_down(f.session);
    assert_false(is_closed(&f));
    settle(&f);
    expect(&f, "250 2.0.0 Queued");
    expect(&f, "421 4.3.2");
    assert_true(is_closed(&f));
    stop(&f);
}

/* ---- LMTP ---- */

static void be_lmtp_on_a_unix_socket(struct fixture *f)
{
    f->config.is_lmtp = true;
    f->config.trusts_unix = true;
    f->client.is_unix = true;
}

static void lmtp_answers_for_each_recipient(void **state)
{
    (void)state;
    run_script(be_lmtp_on_a_unix_socket,
               SCRIPT("S: 220 localhost LMTP", "C: EHLO me", "S: 500 5.5.1", "C: HELO me",
                      "S: 500 5.5.1", "C: LHLO me", "S: 250-localhost", "S: 250-SIZE",
                      "S: 250-PIPELINING", "S: 250-8BITMIME", "S: 250-SMTPUTF8", "S: 250-CHUNKING",
                      "S: 250-BINARYMIME", "S: 250-DSN", "S: 250-ENHANCEDSTATUSCODES",
                      "S: 250-DELIVERBY", "S: 250-AUTH", "S: 250-LIMITS", "S: 250 HELP",
                      "C: MAIL FROM:<a@b>", "S: 250", "C: RCPT TO:<nobody@d>", "S: 550", "C: DATA",
                      "S: 503 5.5.1", "C: RCPT TO:<c@d>", "S: 250", "C: RCPT TO:<e@f>", "S: 250",
                      "C: DATA", "S: 354", "C: x", "C: .", "S: 250 2.0.0 Queued",
                      "S: 250 2.0.0 Queued", "C: QUIT", "S: 221"));
}

static void lmtp_can_take_a_mail_for_one_and_refuse_it_for_another(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    be_lmtp_on_a_unix_socket(&f);
    start(&f);
    settle(&f);
    say(&f, "LHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n");
    skip_output(&f);
    f.answers_later = true;
    struct serve_time time = now(&f);
    static const char mail[] = "x\r\n.\r\n";
    assert_int_equal(smtp_protocol.feed(f.session, bytes_of_str(mail), &time), sizeof mail - 1);
    const struct smtp_verdict verdicts[] = {YES_MAIL, LATER};
    uint64_t question = f.open_question;
    f.open_question = 0;
    smtp_service_answer_each(f.service, question, verdicts, 2);
    settle(&f);
    expect(&f, "250 2.0.0");
    expect(&f, "451 4.3.0");
    stop(&f);
}

static void lmtp_on_a_port_wants_a_login(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    be_lmtp_on_a_unix_socket(&f);
    f.client.is_unix = false;
    start(&f);
    settle(&f);
    say(&f, "LHLO me\r\n");
    skip_output(&f);
    say(&f, "MAIL FROM:<a@b>\r\n");
    expect(&f, "530 5.7.0");
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mail_is_taken),
        cmocka_unit_test(what_is_handed_on_is_what_was_sent),
        cmocka_unit_test(pipelined_commands_are_answered_in_order),
        cmocka_unit_test(mails_are_counted),
        cmocka_unit_test(no_variant_of_a_line_end_smuggles_a_mail),
        cmocka_unit_test(a_nul_in_front_of_the_dot_does_not_end_the_mail),
        cmocka_unit_test(a_bare_line_end_in_a_command_ends_the_session),
        cmocka_unit_test(a_mail_that_comes_before_354_ends_the_session),
        cmocka_unit_test(a_mail_goes_in_chunks),
        cmocka_unit_test(chunks_with_bare_line_ends_need_binarymime),
        cmocka_unit_test(a_chunk_that_is_refused_is_still_read),
        cmocka_unit_test(a_chunk_whose_size_is_unknown_ends_the_session),
        cmocka_unit_test(commands_out_of_order_are_refused),
        cmocka_unit_test(small_commands_answer),
        cmocka_unit_test(addresses_and_parameters_that_are_wrong_are_refused),
        cmocka_unit_test(logins_of_every_kind),
        cmocka_unit_test(logins_that_are_wrong),
        cmocka_unit_test(guessing_is_slow_and_ends),
        cmocka_unit_test(a_login_goes_in_clear_only_where_the_clear_stays_on_the_machine),
        cmocka_unit_test(what_is_pipelined_behind_starttls_is_dropped),
        cmocka_unit_test(a_session_that_ends_forgets_what_it_asked),
        cmocka_unit_test(a_login_that_is_being_judged_is_cancelled_with_its_session),
        cmocka_unit_test(who_speaks_before_the_greeting_is_cut_off),
        cmocka_unit_test(a_browser_and_tls_at_this_port_get_one_short_answer),
        cmocka_unit_test(a_command_line_may_be_as_long_as_the_limit),
        cmocka_unit_test(an_auth_line_may_be_longer_than_a_command),
        cmocka_unit_test(an_endless_line_ends_the_session_without_growth),
        cmocka_unit_test(recipients_are_counted),
        cmocka_unit_test(errors_and_commands_are_counted),
        cmocka_unit_test(a_mail_may_be_as_large_as_size_allows),
        cmocka_unit_test(a_line_of_a_mail_may_be_as_long_as_the_limit),
        cmocka_unit_test(the_memory_of_all_sessions_together_is_bounded),
        cmocka_unit_test(silence_ends_the_session_when_its_time_has_come),
        cmocka_unit_test(a_mail_that_drips_ends_when_its_time_is_over),
        cmocka_unit_test(commands_wait_while_output_is_not_taken),
        cmocka_unit_test(a_server_that_stops_says_so_but_first_answers_for_a_mail),
        cmocka_unit_test(lmtp_answers_for_each_recipient),
        cmocka_unit_test(lmtp_can_take_a_mail_for_one_and_refuse_it_for_another),
        cmocka_unit_test(lmtp_on_a_port_wants_a_login),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
