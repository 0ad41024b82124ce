// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "mailproto/sasl/credential.h"
#include "tests/support/smtp_script.h"

static const struct smtp_verdict YES_SENDER = {250, 2, 1, 0, "Sender taken"};
static const struct smtp_verdict YES_RCPT = {250, 2, 1, 5, "Recipient taken"};
static const struct smtp_verdict YES_MAIL = {250, 2, 0, 0, "Queued"};
static const struct smtp_verdict NO_SENDER = {550, 5, 7, 1, "Not your sender"};
static const struct smtp_verdict NO_RCPT = {550, 5, 1, 1, "One letter is wrong"};
static const struct smtp_verdict LATER = {451, 4, 3, 0, "Not now"};

static void answer(struct smtp_world *f, uint64_t question, struct smtp_verdict verdict)
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
    struct smtp_world *f = context;
    strncpy(f->last_sender, envelope->sender, sizeof f->last_sender - 1);
    answer(f, question, strstr(envelope->sender, "evil") != NULL ? NO_SENDER : YES_SENDER);
}

static void check_recipient(void *context, uint64_t question, const struct smtp_envelope *envelope,
                            const struct smtp_recipient *recipient)
{
    struct smtp_world *f = context;
    (void)envelope;
    answer(f, question,
           strstr(recipient->address, "nobody") != NULL  ? NO_RCPT
           : strstr(recipient->address, "later") != NULL ? LATER
                                                         : YES_RCPT);
}

static void accept_mail(void *context, uint64_t question, const struct smtp_envelope *envelope,
                        struct bytes mail)
{
    struct smtp_world *f = context;
    buf_append_bytes(&f->mail, mail);
    f->n_mails++;
    f->n_recipients = envelope->n_recipients;
    f->body = envelope->body;
    answer(f, question, YES_MAIL);
}

static void cancel(void *context, uint64_t question)
{
    struct smtp_world *f = context;
    assert_true(question == f->open_question);
    f->open_question = 0;
    f->n_cancelled++;
}

static void *judge_start(void *context, struct sasl *sasl, struct sasl_verdict verdict)
{
    struct smtp_world *f = context;
    assert_false(f->judge_is_asked);
    f->sasl = sasl;
    f->verdict = verdict;
    f->judge_is_asked = true;
    return f;
}

static void judge_cancel(void *context, void *handle)
{
    struct smtp_world *f = context;
    assert_ptr_equal(handle, f);
    f->judge_is_asked = false;
}

static int64_t judge_failed(void *context, const struct sasl *sasl)
{
    struct smtp_world *f = context;
    assert_non_null(sasl);
    return INT64_C(1000) << f->n_failed_logins++;
}

static void wake(void *context)
{
    (void)context;
}

struct serve_time smtp_world_now(const struct smtp_world *f)
{
    return (struct serve_time){.mono_ms = f->now_ms, .wall_sec = 1700000000};
}

void smtp_world_init(struct smtp_world *f)
{
    *f = (struct smtp_world){
        .config = {.host_name = "localhost", .limits = smtp_limits_default()},
        .handler = {f, check_sender, check_recipient, accept_mail, cancel},
        .judge = {judge_start, judge_cancel, judge_failed, f},
        .client = {.id = "smtp-1", .address = "127.0.0.1", .is_loopback = true},
        .now_ms = 1000,
    };
    f->config.handler = &f->handler;
    f->config.judge = &f->judge;
}

void smtp_world_connect(struct smtp_world *f)
{
    struct serve_time time = smtp_world_now(f);
    f->session =
        smtp_protocol.session_new(f->service, &f->client, (struct serve_waker){wake, f}, &time);
}

void smtp_world_start(struct smtp_world *f)
{
    f->service = smtp_service_new(&f->config);
    smtp_world_connect(f);
}

void smtp_world_stop(struct smtp_world *f)
{
    smtp_protocol.session_free(f->session);
    smtp_service_free(&f->service);
    buf_clear(&f->out);
    buf_clear(&f->mail);
}

bool smtp_world_is_closed(struct smtp_world *f)
{
    return (smtp_protocol.poll(f->session).wants & SERVE_WANT_CLOSE) != 0;
}

void smtp_world_settle(struct smtp_world *f)
{
    for (;;) {
        struct serve_time time = smtp_world_now(f);
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
            time = smtp_world_now(f);
            smtp_protocol.tick(f->session, &time);
        } else {
            return;
        }
    }
}

void smtp_world_say_bytes(struct smtp_world *f, struct bytes in)
{
    while (in.len != 0 && !smtp_world_is_closed(f)) {
        struct serve_time time = smtp_world_now(f);
        size_t piece = f->is_bytewise ? 1 : in.len;
        uint8_t *block = xmemdup(in.data, piece);
        size_t taken = smtp_protocol.feed(f->session, (struct bytes){block, piece}, &time);
        bool starts_tls = (smtp_protocol.poll(f->session).wants & SERVE_WANT_START_TLS) != 0;
        free(block);
        assert_true(taken <= piece);
        smtp_world_settle(f);
        if (starts_tls) {
            return; /* as serve does: what is unread is dropped */
        }
        in = bytes_slice(in, taken, in.len);
    }
}

void smtp_world_say(struct smtp_world *f, const char *text)
{
    smtp_world_say_bytes(f, bytes_of_str(text));
}

void smtp_world_expect(struct smtp_world *f, const char *expected)
{
    struct bytes rest = buf_view(&f->out);
    size_t len = bytes_find(rest, '\n') + 1;
    if (len > rest.len || len < 2 || rest.data[len - 2] != '\r' ||
        !bytes_starts_with(rest, bytes_of_str(expected))) {
        fail_msg("expected \"%s\", got \"%s\"", expected, buf_str(&f->out));
    }
    buf_consume(&f->out, len);
}

void smtp_world_expect_nothing(struct smtp_world *f)
{
    if (f->out.len != 0) {
        fail_msg("expected nothing, got \"%s\"", buf_str(&f->out));
    }
}

void smtp_world_skip_output(struct smtp_world *f)
{
    buf_reset(&f->out);
}

/* Lines "C: ..." and "S: ...", NULL at the end. */
static void play(struct smtp_world *f, const char *const *script)
{
    for (size_t i = 0; script[i] != NULL; i++) {
        if (script[i][0] == 'C') {
            smtp_world_expect_nothing(f);
            struct buf line = {0};
            buf_printf(&line, "%s\r\n", script[i] + 3);
            smtp_world_say_bytes(f, buf_view(&line));
            buf_clear(&line);
        } else {
            smtp_world_expect(f, script[i] + 3);
        }
    }
    smtp_world_expect_nothing(f);
}

void smtp_world_run(void (*configure)(struct smtp_world *f), const char *const *script)
{
    for (unsigned mode = 0; mode < 4; mode++) {
        struct smtp_world f;
        smtp_world_init(&f);
        if (configure != NULL) {
            configure(&f);
        }
        f.is_bytewise = (mode & 1) != 0;
        f.answers_later = (mode & 2) != 0;
        smtp_world_start(&f);
        smtp_world_settle(&f);
        play(&f, script);
        smtp_world_stop(&f);
    }
}

void smtp_world_log_in(struct smtp_world *f)
{
    smtp_world_settle(f);
    smtp_world_say(f, "EHLO me\r\nAUTH PLAIN AG1lAHNlY3JldA==\r\n");
    smtp_world_skip_output(f);
}

void smtp_world_ready(struct smtp_world *f)
{
    smtp_world_init(f);
    smtp_world_start(f);
    smtp_world_log_in(f);
}
