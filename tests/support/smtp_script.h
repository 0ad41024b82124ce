// SPDX-License-Identifier: MIT
/* Driving SMTP and LMTP sessions by a script, without sockets: what the client says ("C: ", its
 * CRLF added) and what the server must answer ("S: ", the beginning of the line). Each runs with
 * the client's bytes in one piece and byte by byte, and with a handler that answers at once and one
 * that answers later.
 *
 * The handler refuses a sender with "evil" in it, recipients with "nobody", and by a 4xx those with
 * "later". Who logs in is "me" with "secret". */
#ifndef BITTERN_TESTS_SUPPORT_SMTP_SCRIPT_H
#define BITTERN_TESTS_SUPPORT_SMTP_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "mailproto/sasl/sasl.h"
#include "mailproto/serve/protocol.h"
#include "mailproto/smtp/smtp_session.h"

struct smtp_world {
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

/* Each script in all four ways; `configure` before the start, or NULL. */
void smtp_world_run(void (*configure)(struct smtp_world *f), const char *const *script);

/* By hand: init, changes of the configuration, start (a service and a session), stop. */
void smtp_world_init(struct smtp_world *f);
void smtp_world_start(struct smtp_world *f);
void smtp_world_stop(struct smtp_world *f);
/* Another session of the same service. */
void smtp_world_connect(struct smtp_world *f);
/* init, start and log in. */
void smtp_world_ready(struct smtp_world *f);
/* Logged in, the output empty. */
void smtp_world_log_in(struct smtp_world *f);

struct serve_time smtp_world_now(const struct smtp_world *f);
bool smtp_world_is_closed(struct smtp_world *f);
/* Give answers, time and room until the session waits for the client. */
void smtp_world_settle(struct smtp_world *f);
void smtp_world_say_bytes(struct smtp_world *f, struct bytes in);
void smtp_world_say(struct smtp_world *f, const char *text);
/* Take the server's next line; it must begin with `expected`. */
void smtp_world_expect(struct smtp_world *f, const char *expected);
void smtp_world_expect_nothing(struct smtp_world *f);
void smtp_world_skip_output(struct smtp_world *f);

#define SMTP_SCRIPT(...)                                                                           \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

/* "\0me\0secret" */
#define SMTP_LOGIN "C: AUTH PLAIN AG1lAHNlY3JldA==", "S: 235 2.7.0 "
#define SMTP_HELLO                                                                                 \
    "S: 220 localhost ESMTP", "C: EHLO me", "S: 250-localhost", "S: 250-SIZE 33554432",            \
        "S: 250-PIPELINING", "S: 250-8BITMIME", "S: 250-SMTPUTF8", "S: 250-CHUNKING",              \
        "S: 250-BINARYMIME", "S: 250-DSN", "S: 250-ENHANCEDSTATUSCODES", "S: 250-DELIVERBY",       \
        "S: 250-AUTH PLAIN LOGIN SCRAM-SHA-256", "S: 250-LIMITS RCPTMAX=1000 MAILMAX=1000",        \
        "S: 250 HELP"

#endif
