// SPDX-License-Identifier: MIT
/* A FETCH under way: shared by its walk over messages (cmd_fetch.c) and the sending of body items
 * (fetch_body.c). */
#ifndef BITTERN_MAILPROTO_IMAP_FETCH_RUN_H
#define BITTERN_MAILPROTO_IMAP_FETCH_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/mem.h"
#include "mailproto/imap/fetch.h"
#include "mailproto/imap/mailbox.h"

struct imap_session;

/* Where the content of the body item under way comes from. */
enum fetch_source {
    FETCH_SOURCE_NONE,
    FETCH_SOURCE_MEMORY, /* `memory` */
    FETCH_SOURCE_STORE,  /* piece by piece, at `offset` */
    FETCH_SOURCE_GATHER  /* from the store into `gathered`, then on from there */
};

struct fetch_run {
    struct fetch_request request;
    struct uid_set uids;
    struct uid_set newly_seen;
    struct mailbox_reader *reader; /* NULL: the view has all that is asked for */
    struct uid_set_walk walk;
    bool unknown_encoding;
    void (*finished)(struct imap_session *session); /* NULL: the command ends */

    /* The message under way. */
    bool in_message;
    bool has_items; /* something stands behind the parenthesis */
    struct mailbox_item_data data;
    struct message_info info;
    struct arena arena;
    size_t n_bodies_done;
    struct bytes labels[FETCH_MAX_BODIES]; /* of the body items, once they are made */

    /* The body item under way. */
    enum fetch_source source;
    struct bytes memory;
    struct buf gathered;
    uint64_t offset;
    uint64_t left;
    uint32_t part;
};

/* The space before an item, where one stands before it, and its name. */
void fetch_item_name(struct imap_session *session, struct fetch_run *run, const char *name);
/* A piece of the body item under way, the first one of the message that is not done yet. False when
 * the step has to rest. */
bool fetch_body_step(struct imap_session *session, struct fetch_run *run) MUST_USE;

#endif
