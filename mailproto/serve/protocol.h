// SPDX-License-Identifier: MIT
/* What mailproto/serve needs of a protocol: one table of functions, filled by IMAP, by submission
 * and by LMTP, around their sans-IO sessions.
 *
 * serve owns the socket, TLS, the timer and unread input; the session owns the dialogue. After each
 * call below, serve asks `poll` for what the session wants now, and does it:
 *
 *     bytes came / TLS is up / deadline / wake  ->  feed | tls_up | tick  ->  poll, output, again
 *
 * Back pressure goes both ways. `feed` may take fewer bytes than it was given: it is busy with a
 * command, or its output has grown to its mark; the rest is offered again after the next wake, or
 * when output has drained. `output` gives what is there up to a mark, and is asked again when that
 * has been sent. */
#ifndef BITTERN_MAILPROTO_SERVE_PROTOCOL_H
#define BITTERN_MAILPROTO_SERVE_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct buf;

/* Sessions read no clock: each call brings the time. */
struct serve_time {
    int64_t mono_ms; /* for timeouts */
    int64_t wall_sec;
};

/* What is known of the client when it comes. Borrowed as long as the session lives. */
struct serve_client {
    const char *id;      /* "imap-17": names the session in the log */
    const char *address; /* "127.0.0.1" or "unix": for back-off and trace headers */
    bool is_unix;        /* came through a Unix socket: its permissions were the first trust */
    bool is_loopback;    /* a loopback address or a Unix socket: clear text stays on the machine */
    bool is_tls;         /* TLS from the first byte */
    bool can_start_tls;  /* the server has a certificate, and is_tls is false */
};

/* How a session tells that it wants to be polled, when an answer came from elsewhere: may be called
 * at any time from the loop's thread, also from inside the functions below; serve comes back from
 * the loop. */
struct serve_waker {
    void (*wake)(void *context);
    void *context;
};

enum serve_want {
    SERVE_WANT_INPUT = 1,     /* feed will take something; else reading stops */
    SERVE_WANT_OUTPUT = 2,    /* output has something to give */
    SERVE_WANT_START_TLS = 4, /* once the output is sent: drop unread input, shake hands, tls_up */
    SERVE_WANT_CLOSE = 8      /* once the output is sent: the end */
};

struct serve_poll {
    unsigned wants;      /* of enum serve_want */
    bool is_stranger;    /* nobody has logged in: it makes room when all places are taken */
    int64_t deadline_ms; /* serve_time.mono_ms at which tick wants to be called; 0: never */
};

struct serve_protocol {
    const char *name; /* "imap": in session ids and in the log */

    /* `server` is what was given to serve_new. Never NULL. */
    void *(*session_new)(void *server, const struct serve_client *client, struct serve_waker waker,
                         const struct serve_time *now);
    /* Called once, from the loop, never inside another function of this table. */
    void (*session_free)(void *session);

    /* Returns how many of the bytes it took. */
    size_t (*feed)(void *session, struct bytes input, const struct serve_time *now);
    /* TLS is up: nothing of what came before it is left. */
    void (*tls_up)(void *session, const struct serve_time *now);
    void (*tick)(void *session, const struct serve_time *now);
    /* Append what there is to send, about SERVE_OUTPUT_MARK_BYTES at the most. */
    void (*output)(void *session, struct buf *out, const struct serve_time *now);
    struct serve_poll (*poll)(void *session);
    /* The server stops: say good-bye (BYE, 421) at the next chance and want CLOSE. */
    void (*shut_down)(void *session);
};

enum { SERVE_OUTPUT_MARK_BYTES = 65536 };

#endif
