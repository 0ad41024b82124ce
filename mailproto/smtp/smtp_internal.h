// SPDX-License-Identifier: MIT
/* What the files of this room share: a session, its states, a row of the table of verbs. */
#ifndef BITTERN_MAILPROTO_SMTP_SMTP_INTERNAL_H
#define BITTERN_MAILPROTO_SMTP_SMTP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/compiler.h"
#include "base/map.h"
#include "base/mem.h"
#include "mailproto/serve/protocol.h"
#include "mailproto/smtp/dot.h"
#include "mailproto/smtp/line.h"
#include "mailproto/smtp/smtp_session.h"

struct sasl;

/* What the next bytes of the client are. */
enum smtp_state {
    SMTP_START,  /* the greeting has not gone out */
    SMTP_HELLO,  /* commands; EHLO has not come */
    SMTP_IDLE,   /* commands; no mail is under way */
    SMTP_MAIL,   /* commands; MAIL was accepted, no recipient yet */
    SMTP_RCPT,   /* commands; at least one recipient */
    SMTP_CHUNKS, /* commands; a BDAT was taken, only BDAT, RSET, NOOP and QUIT may follow */
    SMTP_AUTH,   /* lines of an AUTH exchange */
    SMTP_DATA,   /* a mail, up to CRLF.CRLF */
    SMTP_BDAT,   /* `chunk_left` bytes of a mail */
    SMTP_TLS,    /* nothing until TLS is up */
    SMTP_END     /* nothing any more */
};

enum smtp_question { SMTP_ASKED_NOTHING, SMTP_ASKED_SENDER, SMTP_ASKED_RECIPIENT, SMTP_ASKED_MAIL };

/* Why a mail under way will be refused at its end. */
enum smtp_damage {
    SMTP_DAMAGE_NONE,
    SMTP_DAMAGE_TOO_LARGE,
    SMTP_DAMAGE_NO_MEMORY, /* above max_total_bytes */
    SMTP_DAMAGE_LONG_LINE,
    SMTP_DAMAGE_BARE_LINE_END /* in chunks; DATA ends the session at once */
};

struct smtp_service {
    struct smtp_config config;
    char *host_name;
    struct map questions; /* number -> session that waits for its answer */
    uint64_t last_question;
    uint64_t total_bytes; /* of the mails in all sessions */
};

struct smtp_session {
    struct smtp_service *service;
    const struct serve_client *client;
    struct serve_waker waker;
    enum smtp_state state;
    bool is_tls;
    int64_t now_ms;
    int64_t last_heard_ms;
    int64_t login_by_ms;   /* 0: logged in */
    int64_t mail_by_ms;    /* 0: no mail is being sent */
    int64_t hold_until_ms; /* a reply waits until then (failed login); 0: none */

    struct line line;
    size_t line_bytes; /* of the line under way, also when its text was too long to keep */
    struct buf out;
    unsigned n_commands;
    unsigned n_errors;
    unsigned n_mails;
    unsigned n_auth_failures;

    char *helo;
    int64_t account_id;
    bool is_trusted; /* logged in, or a socket that needs no login */
    struct sasl *sasl;
    void *judging; /* a question to config.judge */

    /* The mail under way; all texts are in its arena. */
    struct arena arena;
    struct smtp_envelope envelope;
    struct smtp_recipient *recipients;
    size_t recipients_capacity;
    struct smtp_recipient pending; /* asked about */
    struct buf mail;
    struct dot dot;
    enum smtp_damage damage;
    uint64_t mail_bytes; /* received, also what was not kept */
    uint64_t chunk_left;
    bool chunk_is_last;
    enum smtp_state state_before_chunk;
    bool chunk_is_waste; /* to be read and forgotten; its reply has gone out */

    enum smtp_question asked;
    uint64_t question;
    bool is_stopping; /* 421 after the answer that is awaited */
};

struct smtp_verb {
    const char *name;
    unsigned states; /* 1 << enum smtp_state: where it may be said */
    bool before_login;
    const char *help;
    /* May it be said now, thus? Answers and returns false when not. NULL: always. */
    bool (*check)(struct smtp_session *session, struct bytes argument);
    void (*act)(struct smtp_session *session, struct bytes argument);
};

/* NULL: no such verb. */
const struct smtp_verb *smtp_verb_find(struct bytes word) MUST_USE;
void smtp_verb_help(struct smtp_session *session);

/* Take one complete command line. */
void smtp_command(struct smtp_session *session, struct bytes line);

/* The one place where the state changes. */
void smtp_enter(struct smtp_session *session, enum smtp_state state);
/* Reply to a command with 5xx, and count it: too many end the session. */
void smtp_error(struct smtp_session *session, const char *text);
/* A last reply. */
void smtp_end(struct smtp_session *session, const char *text);
/* Forget the mail under way; the state becomes IDLE. */
void smtp_reset_mail(struct smtp_session *session);

/* smtp_service.c */
uint64_t smtp_ask(struct smtp_session *session, enum smtp_question asked);
void smtp_cancel_question(struct smtp_session *session);

/* smtp_auth.c */
bool smtp_auth_is_offered(const struct smtp_session *session) MUST_USE;
bool smtp_auth_check(struct smtp_session *session, struct bytes argument);
void smtp_auth_act(struct smtp_session *session, struct bytes argument);
void smtp_auth_line(struct smtp_session *session, struct bytes line);
/* Forget who logged in and an exchange under way. */
void smtp_auth_clear(struct smtp_session *session);

/* smtp_data.c */
bool smtp_data_check(struct smtp_session *session, struct bytes argument);
void smtp_data_act(struct smtp_session *session, struct bytes argument);
bool smtp_bdat_check(struct smtp_session *session, struct bytes argument);
void smtp_bdat_act(struct smtp_session *session, struct bytes argument);
/* Both return how many bytes they took. */
size_t smtp_data_feed(struct smtp_session *session, struct bytes in);
size_t smtp_bdat_feed(struct smtp_session *session, struct bytes in);
/* The mail was judged. */
void smtp_mail_answered(struct smtp_session *session, const struct smtp_verdict *verdicts,
                        size_t n_verdicts);

/* smtp_verbs.c */
void smtp_sender_answered(struct smtp_session *session, const struct smtp_verdict *verdict);
void smtp_recipient_answered(struct smtp_session *session, const struct smtp_verdict *verdict);

#endif
