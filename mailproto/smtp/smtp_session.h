// SPDX-License-Identifier: MIT
/* One SMTP submission or LMTP dialogue (RFC 5321, 6409, 2033), without I/O: bytes in, bytes out.
 *
 * The session knows the protocol's grammar, states and limits; whether a sender, a recipient or a
 * mail is welcome it asks of a smtp_handler, which the gateway fills in. Questions are
 * asynchronous: each has a number, and is answered by that number through the smtp_service, at once
 * from inside the question or at any later time. An answer for a session that is gone finds nothing
 * and is dropped, so nobody holds a pointer to a session. While a question is open the session
 * reads no further, and replies go out in the order of the commands.
 *
 *     serve --> feed --> smtp_handler.check_recipient(question 7, ...)
 *                                  ... a while ...
 *     serve <-- wake <-- smtp_service_answer(service, 7, verdict)
 *
 * Line ends are CRLF and nothing else, in commands as in mails; a bare CR or LF is refused with
 * words and ends the connection, so that no mail can be cut in two by one server and not by the
 * next. */
#ifndef BITTERN_MAILPROTO_SMTP_SMTP_SESSION_H
#define BITTERN_MAILPROTO_SMTP_SMTP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct sasl_judge;
struct serve_protocol;
struct smtp_service;

/* ---- what the gateway is told and asked ---- */

enum smtp_body_kind { SMTP_BODY_7BIT, SMTP_BODY_8BITMIME, SMTP_BODY_BINARYMIME };

/* RFC 3461: NOTIFY's words. 0: not said. */
enum {
    SMTP_NOTIFY_NEVER = 1,
    SMTP_NOTIFY_SUCCESS = 2,
    SMTP_NOTIFY_FAILURE = 4,
    SMTP_NOTIFY_DELAY = 8
};

/* RFC 3461: how much of the mail a report gives back. */
enum smtp_return { SMTP_RETURN_UNSAID, SMTP_RETURN_FULL, SMTP_RETURN_HEADERS };

struct smtp_recipient {
    const char *address;  /* as sent, without the brackets, quotes of the local part kept */
    const char *original; /* ORCPT, xtext decoded: "rfc822;a@b"; NULL: not said */
    unsigned notify;      /* SMTP_NOTIFY_*, or-ed */
};

struct smtp_envelope {
    int64_t account_id; /* who logged in (sasl_judge); 0 on a trusted socket */
    const char *peer;   /* "127.0.0.1", "unix" */
    const char *helo;
    bool is_lmtp;
    bool is_tls;

    const char *sender; /* "" for <> */
    uint64_t declared_size;
    enum smtp_body_kind body;
    bool smtputf8;
    enum smtp_return ret;
    const char *envid; /* xtext decoded; NULL: not said */
    /* RFC 2852: BY=seconds;mode. The lifetime that the sender asks for. */
    bool has_deliver_by;
    int64_t deliver_by_sec;
    bool deliver_by_return; /* mode R: send back when it is not done by then; else N: only tell */
    bool deliver_by_trace;

    const struct smtp_recipient *recipients; /* the accepted ones, in order */
    size_t n_recipients;
};

/* A reply: its code, the enhanced code's three numbers (RFC 3463), and one line of words, UTF-8
 * without control characters. Codes 2xx accept. */
struct smtp_verdict {
    uint16_t code;
    uint8_t status_class;
    uint16_t status_subject;
    uint16_t status_detail;
    const char *words;
};

/* Each question gets `question`, a number that is never used again, and borrowed data that lives
 * until it is answered or cancelled. */
struct smtp_handler {
    void *context;
    /* MAIL FROM: may this account send under this sender? */
    void (*check_sender)(void *context, uint64_t question, const struct smtp_envelope *envelope);
    /* RCPT TO: can this recipient be sent to? envelope->recipients has those before it. */
    void (*check_recipient)(void *context, uint64_t question, const struct smtp_envelope *envelope,
                            const struct smtp_recipient *recipient);
    /* The mail is complete: line ends CRLF, dots unstuffed, trace header not added. A 2xx says that
     * it is committed to disk. One verdict, or for LMTP one per recipient in order. */
    void (*accept_mail)(void *context, uint64_t question, const struct smtp_envelope *envelope,
                        struct bytes mail);
    /* The session has gone: nobody waits for this answer any more. May be NULL. */
    void (*cancel)(void *context, uint64_t question);
};

/* ---- a server: what its sessions share ---- */

struct smtp_limits {
    size_t max_command_bytes;   /* a command line with its CRLF */
    size_t max_auth_bytes;      /* a line of an AUTH exchange (RFC 4954: 12288) */
    size_t max_body_line_bytes; /* a mail's line; 998 is advice, this is the bound */
    uint64_t max_message_bytes;
    uint64_t max_total_bytes; /* of all sessions' unfinished mails together */
    unsigned max_recipients;  /* per mail */
    unsigned max_mails;       /* per session */
    unsigned max_commands;    /* per session */
    unsigned max_errors;      /* answers 5xx to commands, before 421 */
    unsigned max_auth_failures;
    uint32_t idle_sec;  /* without a complete command, or without a byte in a mail */
    uint32_t login_sec; /* from connection to login */
    uint32_t mail_sec;  /* the whole of DATA */
};

/* RFC 5321's minimums and mail servers' habits. */
struct smtp_limits smtp_limits_default(void) MUST_USE;

struct smtp_config {
    const char *host_name; /* in the greeting: "localhost" says nothing about the machine */
    bool is_lmtp;
    /* Who comes through a Unix socket is trusted without a login: its permissions are the trust.
     * Off for submission, where the account must be known. */
    bool trusts_unix;
    struct smtp_limits limits;
    const struct smtp_handler *handler;
    const struct sasl_judge *judge; /* NULL where nobody logs in */
};

/* Copies what it is given; the handler and the backend are borrowed. */
struct smtp_service *smtp_service_new(const struct smtp_config *config) MUST_USE;
/* After the last of its sessions. */
void smtp_service_free(struct smtp_service **service);

/* Answer check_sender or check_recipient, or accept_mail for all recipients at once. */
void smtp_service_answer(struct smtp_service *service, uint64_t question,
                         const struct smtp_verdict *verdict);
/* Answer accept_mail of an LMTP session: one verdict per accepted recipient. */
void smtp_service_answer_each(struct smtp_service *service, uint64_t question,
                              const struct smtp_verdict *verdicts, size_t n_verdicts);

/* The sessions themselves are driven through mailproto/serve/protocol.h; `server` is the service.
 */
extern const struct serve_protocol smtp_protocol;

#endif
