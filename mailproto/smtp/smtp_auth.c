// SPDX-License-Identifier: MIT
/* AUTH (RFC 4954): the exchange itself is mailproto/sasl's; here are base64, the lines and the
 * replies. A password goes in clear only where the clear stays on the machine. After a failure the
 * reply is held back as long as the judge says, so that guessing is slow. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "mailproto/sasl/sasl.h"
#include "mailproto/smtp/smtp_internal.h"
#include "mailproto/smtp/smtp_reply.h"

bool smtp_auth_is_offered(const struct smtp_session *session)
{
    return session->service->config.judge != NULL &&
           (session->is_tls || session->client->is_loopback) && session->account_id == 0;
}

void smtp_auth_clear(struct smtp_session *session)
{
    const struct sasl_judge *judge = session->service->config.judge;
    if (session->judging != NULL) {
        judge->cancel(judge->context, session->judging);
        session->judging = NULL;
    }
    sasl_free(&session->sasl);
}

bool smtp_auth_check(struct smtp_session *session, struct bytes argument)
{
    if (session->account_id != 0) {
        smtp_error(session, "503 5.5.1 You are logged in");
    } else if (session->service->config.judge == NULL) {
        smtp_error(session, "502 5.5.1 Nobody logs in here");
    } else if (!smtp_auth_is_offered(session)) {
        smtp_error(session, "538 5.7.11 Not in clear text: STARTTLS first");
    } else if (argument.len == 0) {
        smtp_error(session, "501 5.5.4 It is AUTH mechanism [response]");
    } else {
        return true;
    }
    return false;
}

static void end_exchange(struct smtp_session *session)
{
    smtp_auth_clear(session);
    if (session->state == SMTP_AUTH) {
        smtp_enter(session, SMTP_IDLE);
    }
}

static void fail_login(struct smtp_session *session)
{
    const struct sasl_judge *judge = session->service->config.judge;
    session->hold_until_ms = session->now_ms + judge->failed(judge->context, session->sasl);
    end_exchange(session);
    if (++session->n_auth_failures >= session->service->config.limits.max_auth_failures) {
        smtp_end(session, "421 4.7.0 Too many failed logins, good-bye");
    } else {
        smtp_error(session, "535 5.7.8 Wrong user or password");
    }
}

static void challenge(struct smtp_session *session, struct bytes text)
{
    struct buf encoded = {0};
    base64_encode(&encoded, text);
    buf_append_str(&session->out, "334 ");
    buf_append_bytes(&session->out, buf_view(&encoded));
    buf_append_str(&session->out, "\r\n");
    buf_clear(&encoded);
    smtp_enter(session, SMTP_AUTH);
}

static void take_result(struct smtp_session *session, enum sasl_result result, struct bytes text);

static void on_verdict(void *context, enum sasl_result result, struct bytes text)
{
    struct smtp_session *session = context;
    session->judging = NULL;
    take_result(session, result, text);
    session->waker.wake(session->waker.context);
}

static void take_result(struct smtp_session *session, enum sasl_result result, struct bytes text)
{
    const struct sasl_judge *judge = session->service->config.judge;
    switch (result) {
    case SASL_CHALLENGE:
        challenge(session, text);
        break;
    case SASL_LOOKUP:
        session->judging =
            judge->start(judge->context, session->sasl, (struct sasl_verdict){on_verdict, session});
        break;
    case SASL_DONE:
        session->account_id = sasl_account_id(session->sasl);
        session->is_trusted = true;
        session->login_by_ms = 0;
        end_exchange(session);
        smtp_reply(&session->out, "235 2.7.0 Welcome");
        break;
    case SASL_FAILED:
        fail_login(session);
        break;
    case SASL_BAD:
        end_exchange(session);
        smtp_error(session, "501 5.5.2 That is no response of this mechanism");
        break;
    case SASL_BUSY:
        end_exchange(session);
        smtp_error(session, "454 4.7.0 Too many logins under this name are waiting, try again");
        break;
    }
}

/* A response in base64, "=" for an empty one. */
static bool decode_response(struct buf *out, struct bytes text)
{
    buf_reserve(out, text.len + 1);
    return bytes_is_word(text, "=") || base64_decode(out, text);
}

static void respond(struct smtp_session *session, struct bytes text, bool is_initial)
{
    struct buf response = {0};
    struct buf answer = {0};
    if (!decode_response(&response, text)) {
        end_exchange(session);
        smtp_error(session, "501 5.5.2 That is no base64");
    } else {
        enum sasl_result result = is_initial
                                      ? sasl_start(session->sasl, buf_view(&response), &answer)
                                      : sasl_respond(session->sasl, buf_view(&response), &answer);
        take_result(session, result, buf_view(&answer));
    }
    buf_clear_secret(&response);
    buf_clear(&answer);
}

void smtp_auth_act(struct smtp_session *session, struct bytes argument)
{
    size_t word_len = bytes_find(argument, ' ');
    session->sasl = sasl_new(bytes_slice(argument, 0, word_len));
    if (session->sasl == NULL) {
        smtp_error(session, "504 5.5.4 The mechanisms are PLAIN, LOGIN and SCRAM-SHA-256");
    } else if (word_len != argument.len) {
        respond(session, bytes_slice(argument, word_len + 1, argument.len), true);
    } else {
        struct buf answer = {0};
        enum sasl_result result = sasl_start(session->sasl, (struct bytes){0}, &answer);
        take_result(session, result, buf_view(&answer));
        buf_clear(&answer);
    }
}

void smtp_auth_line(struct smtp_session *session, struct bytes line)
{
    if (bytes_is_word(line, "*")) {
        end_exchange(session);
        smtp_error(session, "501 5.7.0 Login cancelled");
    } else {
        respond(session, line, false);
    }
}
