// SPDX-License-Identifier: MIT
/* How fast the mailboxes are, each figure beside an anchor: `bittern bench imap`.
 *
 *     list     messages a second of an open mailbox, all they are listed by (UID, flags,
 * modification sequence, size, date); anchor: the same columns read from SQLite's clustered index
 *     append   durable appends a second, one at a time, by time that passed; anchor: a write of the
 *              same bytes and an fdatasync
 *     search   MB a second of bodies scanned for a text that is not there; anchor: memmem over the
 *              same bytes in memory
 *
 * On a mailbox of its own in a temporary folder. */
#ifndef BITTERN_GATEWAY_STORE_BENCH_MAILBOX_H
#define BITTERN_GATEWAY_STORE_BENCH_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/fault.h"

enum {
    BENCH_MAILBOX_ROWS = 3,
    BENCH_MAILBOX_DETAIL_BYTES = 256,
    BENCH_MAILBOX_MAX_MESSAGES = 1000000,
    BENCH_MAILBOX_MAX_BYTES = 60000 /* of one message: one piece of content */
};

struct bench_mailbox_options {
    size_t n_messages; /* 0: 100,000 */
    size_t n_bytes;    /* of a body; 0: 1,500 */
};

struct bench_mailbox_row {
    const char *name;
    double ours;
    double anchor;
    const char *anchor_name;
    const char *unit;
    char detail[BENCH_MAILBOX_DETAIL_BYTES];
};

/* Takes some seconds, and the disk space of all messages twice. The folder is $TMPDIR's or /tmp's
 * and is removed. */
bool bench_mailbox_run(struct bench_mailbox_row out[BENCH_MAILBOX_ROWS],
                       const struct bench_mailbox_options *options, struct fault *fault) MUST_USE;

#endif
