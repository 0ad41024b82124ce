// SPDX-License-Identifier: MIT
/* AUTH (RFC 4954): the exchange itself is mailproto/sasl's; here are base64, the lines and the
 * replies. A password goes in clear only where the clear stays on the machine. After a failure the
 * reply is held back, longer each time, so that guessing is slow. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "mailproto/sasl/sasl.h"
#include "mailproto/smtp/smtp_internal.h"
#include "mailproto/smtp/smtp_reply.h"

enum { FIRST_HOLD_MS = 1000, MAX_HOLD_MS = 16000 };

bool smtp_auth_is_offered(const struct smtp_session *session)
{
    return session->service->config.credentials != NULL &&
           (session->is_tls || session->client->is_loopback) && session->account_id == 0;
}

void smtp_auth_clear(struct smtp_session *session)
{
    const struct sasl_lookup *credentials = session->service->config.credentials;
    if (session->lookup != NULL) {
        credentials->cancel(credentials->context, session->lookup);
        session->lookup = NULL;
    }
    sasl_free(&session->sasl);
}

bool smtp_auth_check(struct smtp_session *session, struct bytes argument)
{
    if (session->account_id != 0) {
        smtp_error(session, "503 5.5.1 You are logged in");
    } else if (session->service->config.credentials == NULL) {
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
    unsigned n_before = session->n_auth_failures++;
    int64_t hold = n_before > 4 ? MAX_HOLD_MS : FIRST_HOLD_MS << n_before;
    end_exchange(session);
    session->hold_until_ms = session->now_ms + hold;
    if (session->n_auth_failures >= session->service->config.limits.max_auth_failures) {
        smtp_end(session, "421 4.7.0 Too many failed logins, good-bye");
    } else {
        smtp_error(session, "535 5.7.8 Wrong user or password");
    }
}

static void challenge(struct smtp_session *session, const struct buf *text)
{
    struct buf encoded = {0};
    base64_encode(&encoded, buf_view(text));
    buf_append_str(&session->out, "334 ");
    buf_append_bytes(&session->out, buf_view(&encoded));
    buf_append_str(&session->out, "\r\n");
    buf_clear(&encoded);
    smtp_enter(session, SMTP_AUTH);
}

static void take_result(struct smtp_session *session, enum sasl_result result,
                        const struct buf *text);

static void on_credential(void *context, int64_t account_id,
                          const struct sasl_credential *credential)
{
    struct smtp_session *session = context;
    struct buf text = {0};
    session->lookup = NULL;
    take_result(session, sasl_credential_found(session->sasl, account_id, credential, &text),
                &text);
    buf_clear(&text);
    session->waker.wake(session->waker.context);
}

static void take_result(struct smtp_session *session, enum sasl_result result,
                        const struct buf *text)
{
    const struct sasl_lookup *credentials = session->service->config.credentials;
    switch (result) {
    case SASL_CHALLENGE:
        challenge(session, text);
        break;
    case SASL_LOOKUP:
        session->lookup = credentials->start(credentials->context, sasl_user(session->sasl),
                                             (struct sasl_lookup_done){on_credential, session});
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
        take_result(session, result, &answer);
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
        take_result(session, sasl_start(session->sasl, (struct bytes){0}, &answer), &answer);
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
