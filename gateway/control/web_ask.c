// SPDX-License-Identifier: MIT
/* Who asks over HTTP. The page shows the two keys of its session, a script its name and password
 * with each request (RFC 7617). In both cases the account's credential is read anew: a password
 * that was changed, or an account that is gone, ends sessions with it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/agent/agent.h"
#include "gateway/control/web_internal.h"

/* ---- a session's keys ---- */

void web_cookie_name(const struct web *web, char out[WEB_COOKIE_NAME_BYTES])
{
    (void)snprintf(out, WEB_COOKIE_NAME_BYTES, "bittern-%u",
                   (unsigned)http_server_port(web->server));
}

struct web_keys web_keys_of(const struct web *web, const struct http_request *request)
{
    char name[WEB_COOKIE_NAME_BYTES];
    web_cookie_name(web, name);
    return (struct web_keys){
        .cookie = http_cookie(request, name),
        .token = http_field(request, "Bittern-Token"),
    };
}

bool web_may_send_large(void *context, const struct http_request *request)
{
    struct web *web = context;
    struct web_keys keys = web_keys_of(web, request);
    return web_sessions_find(web->sessions, clock_mono_ms(), keys.cookie, keys.token) != NULL;
}

/* ---- the credential ---- */

static void refuse_login(struct web_question *question)
{
    web_refuse(question, HTTP_UNAUTHORIZED, FAULT_DENIED, "account or password is wrong");
}

static void on_session_credential(void *context, int64_t account_id,
                                  const struct sasl_credential *credential)
{
    struct web_question *question = context;
    question->lookup = NULL;
    if (credential != NULL && account_id == question->account_id &&
        mem_equal_ct(credential->stored_key, question->stored_key, SASL_KEY_BYTES)) {
        web_known(question);
    } else {
        web_refuse(question, HTTP_UNAUTHORIZED, FAULT_DENIED,
                   "the password has changed: log in again");
    }
}

static void refuse_for_now(struct web_question *question)
{
    http_set_field(question->exchange, "Retry-After", "1");
    web_refuse(question, HTTP_TOO_MANY, FAULT_BUSY,
               "too many passwords wait to be looked at: try again");
}

static bool take_account_name(struct web_question *question)
{
    struct arena arena = {0};
    const char *name =
        agent_account_find_name(question->web->parts.api->agent, question->account_id, &arena);
    if (name != NULL) {
        question->account = xstrdup(name);
    }
    arena_clear(&arena);
    return name != NULL;
}

/* The judge paces who guesses. A wrong password's answer is not held back besides: that would take
 * one of few connections. */
static void on_judged(void *context, enum sasl_result result, struct bytes challenge)
{
    struct web_question *question = context;
    (void)challenge;
    question->judging = NULL;
    question->web->n_logins--;
    if (result == SASL_BUSY) {
        refuse_for_now(question);
    } else if (result == SASL_DONE && sasl_account_id(question->sasl) == question->account_id &&
               take_account_name(question)) {
        web_known(question);
    } else {
        log_info("web", "login refused");
        refuse_login(question);
    }
}

/* The credential is taken down before the password is judged: should it change in between, the
 * session that is opened holds no longer. */
static void on_password_credential(void *context, int64_t account_id,
                                   const struct sasl_credential *credential)
{
    struct web_question *question = context;
    const struct sasl_judge *judge = question->web->parts.judge;
    question->lookup = NULL;
    if (credential != NULL) {
        question->account_id = account_id;
        memcpy(question->stored_key, credential->stored_key, SASL_KEY_BYTES);
    }
    question->judging =
        judge->start(judge->context, question->sasl, (struct sasl_verdict){on_judged, question});
}

/* ---- the ways to ask ---- */

void web_ask_password(struct web_question *question, struct bytes user, struct bytes password)
{
    struct web *web = question->web;
    const struct sasl_lookup *credentials = web->parts.credentials;
    enum sasl_result result = SASL_FAILED;
    if (web->n_logins >= WEB_MAX_LOGINS) {
        refuse_for_now(question);
        return;
    }
    question->sasl = sasl_new_password(user, password, &result);
    if (result != SASL_LOOKUP) {
        refuse_login(question);
        return;
    }
    web->n_logins++;
    question->lookup =
        credentials->start(credentials->context, sasl_user(question->sasl),
                           (struct sasl_lookup_done){on_password_credential, question});
}

static void ask_session(struct web_question *question, const struct web_session *session)
{
    const struct sasl_lookup *credentials = question->web->parts.credentials;
    question->account_id = session->account_id;
    question->account = xstrdup(session->account);
    memcpy(question->stored_key, session->stored_key, SASL_KEY_BYTES);
    question->lookup =
        credentials->start(credentials->context, question->account,
                           (struct sasl_lookup_done){on_session_credential, question});
}

static void ask_basic(struct web_question *question, const struct http_request *request)
{
    struct buf text = {0};
    struct bytes user;
    struct bytes password;
    if (http_basic_login(request, &text, &user, &password)) {
        web_ask_password(question, user, password);
    } else {
        web_refuse(question, HTTP_UNAUTHORIZED, FAULT_DENIED,
                   "the Authorization is not a name and password");
    }
    buf_clear_secret(&text);
}

/* A browser that was once told a name and password would send them with any site's requests: what
 * has an Origin is a browser's, and needs a session. */
void web_ask(struct web_question *question, const struct http_request *request)
{
    struct web *web = question->web;
    struct web_keys keys = web_keys_of(web, request);
    const struct web_session *session =
        web_sessions_find(web->sessions, clock_mono_ms(), keys.cookie, keys.token);
    if (session != NULL) {
        ask_session(question, session);
    } else if (http_has_field(request, "Authorization") && !http_has_field(request, "Origin")) {
        ask_basic(question, request);
    } else {
        web_refuse(question, HTTP_UNAUTHORIZED, FAULT_DENIED, "log in first");
    }
}
