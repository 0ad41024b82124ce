// SPDX-License-Identifier: MIT
/* messages.dat, PyBitmessage's store: mails, address book, subscriptions, lists of senders.
 *
 * Read row by row: its texts may be in any encoding and its columns of any type, so they are given
 * as bytes. A store that another program has open, or left in the middle of a write, is refused.
 * Written anew, as version 11 has it. */
#ifndef BITTERN_GATEWAY_CLI_MOVING_MESSAGES_DAT_H
#define BITTERN_GATEWAY_CLI_MOVING_MESSAGES_DAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"

struct messages_dat;

/* FAULT_NOT_FOUND, FAULT_CORRUPT. */
struct messages_dat *messages_dat_open(const char *path, struct fault *fault) MUST_USE;
void messages_dat_close(struct messages_dat **file);

/* Borrowed during the callback. */
struct messages_dat_mail {
    bool is_sent;
    struct bytes hash; /* the object's; may be empty */
    struct bytes from;
    struct bytes to;
    struct bytes subject;
    struct bytes text;
    struct bytes folder;         /* "inbox", "sent", "trash", "draft" */
    struct bytes status;         /* of a sent one */
    struct bytes signature_hash; /* of a received one; may be empty */
    bool is_read;
    int64_t sec;
    /* Of a sent one, for writing alone. */
    struct bytes ripe;    /* of whom it went to */
    struct bytes ackdata; /* may be empty */
    int64_t ttl_sec;
};
/* All that were received, then all that were sent, in order. False when the file can't be read or
 * `each` says so (its fault is kept). */
bool messages_dat_mails(struct messages_dat *file,
                        bool (*each)(void *context, const struct messages_dat_mail *mail,
                                     struct fault *fault),
                        void *context, struct fault *fault) MUST_USE;

enum messages_dat_list {
    MESSAGES_DAT_CONTACTS,
    MESSAGES_DAT_SUBSCRIPTIONS,
    MESSAGES_DAT_BLACKLIST,
    MESSAGES_DAT_WHITELIST,
    MESSAGES_DAT_N_LISTS
};
struct messages_dat_entry {
    enum messages_dat_list list;
    struct bytes address;
    struct bytes label;
    bool enabled;
};
/* All lists, one after the other. */
bool messages_dat_entries(struct messages_dat *file,
                          bool (*each)(void *context, const struct messages_dat_entry *entry,
                                       struct fault *fault),
                          void *context, struct fault *fault) MUST_USE;

/* ---- writing ---- */

/* What PyBitmessage writes for the recipient of a broadcast. */
#define MESSAGES_DAT_SUBSCRIBERS "[Broadcast subscribers]"

/* A new file with nothing in it. Whoever is given it closes it; what was put is there after
 * messages_dat_finish alone. */
struct messages_dat *messages_dat_create(const char *path, struct fault *fault) MUST_USE;
bool messages_dat_put_mail(struct messages_dat *file, const struct messages_dat_mail *mail,
                           struct fault *fault) MUST_USE;
bool messages_dat_put_entry(struct messages_dat *file, const struct messages_dat_entry *entry,
                            struct fault *fault) MUST_USE;
/* Commit, and leave it as a single file. */
bool messages_dat_finish(struct messages_dat *file, struct fault *fault) MUST_USE;

#endif
