// SPDX-License-Identifier: MIT
/* Driving IMAP sessions by a script, without sockets:
 *
 *     "1> a LOGIN alice secret"     client 1 sends this line (CRLF is added)
 *     "1+ {raw bytes}"              ... these bytes as they are
 *     "1< a OK LOGIN completed"     the next line it gets is exactly this
 *     "1< ~a OK"                    ... begins so
 *     "1< ..."                      lines are passed over up to the one that the next row expects
 *     "1< ."                        nothing more is there
 *     "1z"                          from here on both ways are packed (COMPRESS=DEFLATE)
 *
 * Each script can run with its input in one piece or byte by byte, and with a store whose reads
 * wait. */
#ifndef BITTERN_TESTS_SUPPORT_IMAP_SCRIPT_H
#define BITTERN_TESTS_SUPPORT_IMAP_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "mailproto/serve/protocol.h"

struct mail_store;
struct memory_mail_config;

enum { IMAP_SCRIPT_CLIENTS = 4 };

struct imap_world {
    struct mail_store *store;
    struct imap_service *service;
    struct imap_script_session *sessions[IMAP_SCRIPT_CLIENTS]; /* made when they first speak */
    struct serve_time now;
    struct serve_client client; /* what sessions are told of their clients */
    bool byte_by_byte;
};

/* A store with its mailboxes, clients on loopback. */
void imap_world_init(struct imap_world *world, bool reads_wait);
/* The same with a store as you want it. */
void imap_world_init_with(struct imap_world *world, const struct memory_mail_config *config);
void imap_world_clear(struct imap_world *world);
/* Run the rows up to a NULL. Fails the test, naming the row. */
void imap_world_run(struct imap_world *world, const char *const *rows);
/* The rows "> ..." and "< ..." made of a format, for client `number`. */
void imap_world_ask(struct imap_world *world, unsigned number, const char *format, ...)
    PRINTF_LIKE(3, 4);
void imap_world_expect(struct imap_world *world, unsigned number, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* Send bytes as client `number` (from 1). */
void imap_world_send(struct imap_world *world, unsigned number, struct bytes bytes);
/* The same without packing them, also after "1z". */
void imap_world_send_raw(struct imap_world *world, unsigned number, struct bytes bytes);
/* Only feed them: nothing that comes of it is done. */
void imap_world_send_only(struct imap_world *world, unsigned number, struct bytes bytes);
/* Everything that client has been sent and that no row has looked at; borrowed. */
struct bytes imap_world_output(struct imap_world *world, unsigned number);
void imap_world_forget_output(struct imap_world *world, unsigned number);
/* Let time pass: every session's tick is called. */
void imap_world_pass(struct imap_world *world, int64_t ms);
/* TLS is up for client `number`. */
void imap_world_tls_up(struct imap_world *world, unsigned number);
/* Has the session asked for this (of enum serve_want)? */
bool imap_world_wants(struct imap_world *world, unsigned number, unsigned want);
/* Run `play` four times: input whole and byte by byte, a store that answers reads at once and one
 * that does not. */
void imap_world_in_every_way(void (*play)(struct imap_world *world));
/* The same with a store as you want it, but for `reads_wait`. */
void imap_world_in_every_way_with(const struct memory_mail_config *config,
                                  void (*play)(struct imap_world *world));
/* Client `number` logs in; and selects that mailbox. */
void imap_world_log_in(struct imap_world *world, unsigned number);
void imap_world_select(struct imap_world *world, unsigned number, const char *mailbox);
/* Two mails lie in INBOX; client 1 is logged in and has it selected. */
extern const char imap_mail_hello[];  /* UID 1 */
extern const char imap_mail_second[]; /* UID 2 */
void imap_world_with_two_mails(struct imap_world *world);
/* Client `number` goes; the next one of that number is new. */
void imap_world_hang_up(struct imap_world *world, unsigned number);
/* Let everything that is queued be done. */
void imap_world_settle(struct imap_world *world);

/* imap_world_run of rows that stand here. */
#define RUN(world, ...)                                                                            \
    do {                                                                                           \
        static const char *const rows_[] = {__VA_ARGS__, NULL};                                    \
        imap_world_run(world, rows_);                                                              \
    } while (0)

#endif
