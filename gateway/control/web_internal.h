// SPDX-License-Identifier: MIT
/* For web*.c alone. A question is one POST below /api/: first it is found out who asks (web_ask.c),
 * then the call is begun and answered (web_api.c). It lives until the call's answer, also when the
 * browser has gone before. */
#ifndef BITTERN_GATEWAY_CONTROL_WEB_INTERNAL_H
#define BITTERN_GATEWAY_CONTROL_WEB_INTERNAL_H

#include <jansson.h>

#include "base/buf.h"
#include "base/http_server.h"
#include "base/list.h"
#include "gateway/control/api.h"
#include "gateway/control/web.h"
#include "gateway/control/web_calls.h"
#include "gateway/control/web_sessions.h"
#include "mailproto/sasl/sasl.h"

enum {
    WEB_MAX_LOGINS = 16, /* passwords that are looked at; the other connections stay for sessions */
    WEB_MAX_BODY_BYTES = 16 * 1024 * 1024, /* of a call by who is logged in (an address book) */
    WEB_COOKIE_NAME_BYTES = 32
};

struct web {
    struct web_parts parts;
    struct http_options options;
    struct http_server *server;
    struct web_sessions *sessions;
    size_t n_logins;
    struct list_node questions;
};

struct web_question {
    struct list_node node;
    struct web *web;
    struct http_exchange *exchange; /* NULL: the browser has gone */

    const struct web_call_row *row; /* NULL: it is a login */
    struct buf body;                /* of the call; wiped */

    /* Who asks. */
    void *lookup;       /* of the credential, while it runs */
    struct sasl *sasl;  /* by a password; NULL: by a session */
    void *judging;      /* of the password, while it runs */
    int64_t account_id; /* of the session */
    char *account;      /* owned */
    uint8_t stored_key[SASL_KEY_BYTES];

    struct api api; /* within the asker's account */
    struct api_call *call;
};

/* ---- web_ask.c ---- */

/* The two keys of a session as the request shows them; borrowed. */
struct web_keys {
    struct bytes cookie;
    struct bytes token;
};
struct web_keys web_keys_of(const struct web *web, const struct http_request *request) MUST_USE;
/* The cookie's name has the port in it: a browser keeps the cookies of a host's ports together. */
void web_cookie_name(const struct web *web, char out[WEB_COOKIE_NAME_BYTES]);
/* May whoever asks send a large body? (struct http_options) */
bool web_may_send_large(void *context, const struct http_request *request) MUST_USE;

/* Find out who asks: by the session's keys, or by basic authentication. Goes on with web_known, or
 * refuses. */
void web_ask(struct web_question *question, const struct http_request *request);
/* The same by a password. */
void web_ask_password(struct web_question *question, struct bytes user, struct bytes password);

/* ---- web_api.c ---- */

/* It is `question->account` who asks. */
void web_known(struct web_question *question);
/* Refuse, and free the question. */
void web_refuse(struct web_question *question, enum http_status status, enum fault_code code,
                const char *words);
void web_question_free(struct web_question *question);

/* Routes. */
void web_serve_call(void *context, struct http_exchange *exchange,
                    const struct http_request *request);
void web_serve_login(void *context, struct http_exchange *exchange,
                     const struct http_request *request);
void web_serve_logout(void *context, struct http_exchange *exchange,
                      const struct http_request *request);

/* ---- web_page.c ---- */

void web_serve_page(void *context, struct http_exchange *exchange,
                    const struct http_request *request);

#endif
