// SPDX-License-Identifier: MIT
/* LOGIN and AUTHENTICATE (RFC 9051 section 6.2). A wrong login is answered after a delay that the
 * judge names; after a few of them the session ends. Neither a user's name nor a password is
 * logged. */
#include <stdlib.h>

#include "base/log.h"
#include "base/str.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/notify.h"
#include "mailproto/sasl/sasl.h"

enum { AUTH_LINE_MAX_BYTES = 8192 };

void imap_auth_stop(struct imap_session *session)
{
    if (session->judging != NULL) {
        const struct sasl_judge *judge = session->config->judge;
        judge->cancel(judge->context, session->judging);
        session->judging = NULL;
    }
    sasl_free(&session->sasl);
    session->in_authenticate = false;
}

/* May a password be sent over this connection as it is? */
static bool is_private(const struct imap_session *session)
{
    return session->is_tls || session->client->is_loopback;
}

static void auth_failed(struct imap_session *session)
{
    const struct sasl_judge *judge = session->config->judge;
    unsigned n = ++session->n_auth_failures;
    session->command.delay_until_ms =
        session->now.mono_ms + judge->failed(judge->context, session->sasl);
    imap_auth_stop(session);
    log_info("imap", "%s: login refused, address=%s failures=%u", session->client->id,
             log_scrub(LOG_LEVEL_INFO, session->client->address).text, n);
    imap_finish(session, IMAP_STATUS_NO, "AUTHENTICATIONFAILED", "User or password is wrong");
    if (n >= session->config->limits.max_auth_failures) {
        buf_append_str(&session->command.tagged, "* BYE Too many wrong logins\r\n");
    }
}

static void account_changed(void *context, enum mailbox_event event, uint64_t mailbox_id)
{
    notify_note(context, event, mailbox_id);
}

static void auth_done(struct imap_session *session)
{
    struct fault fault = {0};
    struct buf code = {0};
    int64_t account_id = sasl_account_id(session->sasl);
    session->user = xstrdup(sasl_user(session->sasl));
    imap_auth_stop(session);
    session->account =
        session->ops->account_open(session->config->store, account_id,
                                   &(struct mailbox_watcher){account_changed, session}, &fault);
    if (session->account == NULL) {
        free(session->user);
        session->user = NULL;
        imap_refuse(session, &fault, "UNAVAILABLE");
        return;
    }
    session->state = IMAP_AUTHENTICATED;
    session->n_auth_failures = 0;
    log_info("imap", "%s: logged in, account=%lld tls=%d", session->client->id,
             (long long)account_id, session->is_tls);
    buf_append_str(&code, "CAPABILITY ");
    imap_write_capabilities(session, &code);
    imap_finish(session, IMAP_STATUS_OK, buf_str(&code), "Logged in");
    buf_clear(&code);
}

static void ask_judge(struct imap_session *session);

static void auth_step(struct imap_session *session, enum sasl_result result, struct bytes challenge)
{
    switch (result) {
    case SASL_CHALLENGE:
        buf_append_str(&session->out, "+ ");
        base64_encode(&session->out, challenge);
        buf_append_str(&session->out, "\r\n");
        session->in_authenticate = true;
        break;
    case SASL_LOOKUP:
        ask_judge(session);
        break;
    case SASL_DONE:
        auth_done(session);
        break;
    case SASL_FAILED:
        auth_failed(session);
        break;
    case SASL_BAD:
        imap_auth_stop(session);
        imap_finish(session, IMAP_STATUS_BAD, NULL, "Broken authentication exchange");
        break;
    case SASL_BUSY:
        imap_auth_stop(session);
        imap_finish(session, IMAP_STATUS_NO, "UNAVAILABLE",
                    "Too many logins under this name are waiting, try again");
        break;
    }
}

static void judged(void *context, enum sasl_result result, struct bytes challenge)
{
    struct imap_session *session = context;
    session->judging = NULL;
    auth_step(session, result, challenge);
    session->waker.wake(session->waker.context);
}

static void ask_judge(struct imap_session *session)
{
    const struct sasl_judge *judge = session->config->judge;
    session->judging =
        judge->start(judge->context, session->sasl, (struct sasl_verdict){judged, session});
}

void cmd_login(struct imap_session *session, struct imap_parser *args)
{
    imap_space(args);
    struct bytes user = imap_astring(args);
    imap_space(args);
    struct bytes password = imap_astring(args);
    imap_end(args);
    if (imap_is_bad(session, args)) {
        return;
    }
    if (!is_private(session)) {
        imap_finish(session, IMAP_STATUS_NO, "PRIVACYREQUIRED", "Begin TLS first");
        return;
    }
    enum sasl_result result = SASL_FAILED;
    session->sasl = sasl_new_password(user, password, &result);
    auth_step(session, result, (struct bytes){0});
}

/* RFC 8437: back to the state before the login. Nothing of the user's is left: what was enabled,
 * the selected mailbox, saved results. The wire stays as it is, under TLS and packed. */
void cmd_unauthenticate(struct imap_session *session, struct imap_parser *args)
{
    imap_end(args);
    if (imap_is_bad(session, args)) {
        return;
    }
    imap_leave_account(session);
    session->state = IMAP_NOT_AUTHENTICATED;
    session->enabled = 0;
    session->started_ms = session->now.mono_ms; /* the time to log in begins anew */
    imap_done(session);
}

void imap_leave_account(struct imap_session *session)
{
    notify_free(&session->notify);
    imap_deselect(session);
    if (session->account != NULL) {
        session->ops->account_close(&session->account);
    }
    free(session->user);
    session->user = NULL;
}

/* A response of the client in base64; "=" is an empty one. */
static void respond(struct imap_session *session, struct bytes text, bool initial)
{
    struct buf response = {0};
    struct buf challenge = {0};
    bool is_empty = initial && bytes_equal(text, bytes_of_str("="));
    enum sasl_result result = SASL_BAD;
    buf_init(&response, SASL_MAX_RESPONSE_BYTES);
    buf_reserve(&response, SASL_MAX_RESPONSE_BYTES);
    if (text.len <= AUTH_LINE_MAX_BYTES && (is_empty || base64_decode(&response, text))) {
        struct bytes view = response.len > 0 ? buf_view(&response) : bytes_of_str("");
        result = initial ? sasl_start(session->sasl, view, &challenge)
                         : sasl_respond(session->sasl, view, &challenge);
    }
    buf_clear_secret(&response);
    auth_step(session, result, buf_view(&challenge));
    buf_clear(&challenge);
}

void cmd_authenticate(struct imap_session *session, struct imap_parser *args)
{
    imap_space(args);
    struct bytes mechanism = imap_atom(args);
    struct bytes initial = {0};
    if (imap_accept(args, ' ')) {
        initial = args->rest;
        args->rest = (struct bytes){0};
    }
    if (imap_is_bad(session, args)) {
        return;
    }
    session->sasl = sasl_new(mechanism);
    if (session->sasl == NULL) {
        imap_finish(session, IMAP_STATUS_NO, NULL, "This mechanism is not known here");
        return;
    }
    if (sasl_is_plaintext(session->sasl) && !is_private(session)) {
        imap_auth_stop(session);
        imap_finish(session, IMAP_STATUS_NO, "PRIVACYREQUIRED", "Begin TLS first");
        return;
    }
    if (initial.data != NULL) {
        respond(session, initial, true);
    } else {
        struct buf challenge = {0};
        enum sasl_result result = sasl_start(session->sasl, (struct bytes){0}, &challenge);
        auth_step(session, result, buf_view(&challenge));
        buf_clear(&challenge);
    }
    /* The lines to come are responses, also when the first challenge waits for the judge. */
    imap_input_reset(&session->input);
}

void imap_authenticate_line(struct imap_session *session, struct bytes line)
{
    session->in_authenticate = false;
    if (bytes_equal(line, bytes_of_str("*"))) {
        imap_auth_stop(session);
        imap_finish(session, IMAP_STATUS_BAD, NULL, "Authentication was cancelled");
        return;
    }
    respond(session, line, false);
    imap_input_reset(&session->input);
}
