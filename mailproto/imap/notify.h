// SPDX-License-Identifier: MIT
/* Telling a client of what happens in mailboxes that it has not selected, and at any time (NOTIFY,
 * RFC 5465). For this room alone.
 *
 *     the store's watchers -> notify_note: which mailbox, or the list of names, or annotations
 *     between two commands, or in IDLE -> notify_step, until there is nothing more to say:
 *         selected mailbox   as imap_sync tells it, and FETCH of new messages
 *         others             "* STATUS ..." where the numbers are others than those told last
 *         names              "* LIST ..." of what came, went, got another name or subscription
 *         annotations        "* METADATA name entry ..."
 *
 * What was told last is kept by the mailbox's id. Between two commands, telling is a command of its
 * own that has no tag: no input is taken while it speaks. */
#ifndef BITTERN_MAILPROTO_IMAP_NOTIFY_H
#define BITTERN_MAILPROTO_IMAP_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "base/mem.h"
#include "mailproto/imap/mailbox.h"
#include "mailproto/imap/mailbox_filter.h"

struct fetch_request;
struct imap_session;

enum { NOTIFY_MAX_GROUPS = 32, NOTIFY_MAX_MAILBOXES = 2000 };

enum notify_event {
    NOTIFY_NEW = 1,
    NOTIFY_EXPUNGE = 2,
    NOTIFY_FLAGS = 4,
    NOTIFY_NAME = 8,
    NOTIFY_SUBSCRIPTION = 16,
    NOTIFY_METADATA = 32,
    NOTIFY_SERVER_METADATA = 64,
    NOTIFY_ABOUT_MESSAGES = NOTIFY_NEW | NOTIFY_EXPUNGE | NOTIFY_FLAGS
};

struct notify_group {
    struct mailbox_filter filter;
    unsigned events;
};

/* What the client was told of a mailbox. */
struct notify_told {
    uint64_t id;
    char *name;
    unsigned attributes;
    bool has_status;
    struct mailbox_status status;
    bool is_listed; /* while the list is compared */
};

struct imap_notify {
    struct arena arena; /* the groups' names, the FETCH items */
    struct notify_group groups[NOTIFY_MAX_GROUPS];
    size_t n_groups;
    bool has_selected;
    bool is_delayed;             /* no EXPUNGE but where a command allows it */
    struct fetch_request *fetch; /* of new messages; NULL: nothing */
    uint32_t fetched_to;         /* new messages are those from this UID on */

    struct map told;      /* id -> struct notify_told */
    struct map dirty;     /* ids of mailboxes that changed */
    struct map annotated; /* ids of mailboxes whose annotations changed */
    bool server_annotated;
    bool list_changed;

    bool has_synced; /* in the telling under way */
    bool is_fetching;
};

/* What a NOTIFY SET asked for becomes what is done; takes it. NULL: nothing any more. With
 * `tell_status`, the STATUS of each mailbox goes out. */
void notify_set(struct imap_session *session, struct imap_notify *notify, bool tell_status);
void notify_free(struct imap_notify **notify);
/* From a watcher. */
void notify_note(struct imap_session *session, enum mailbox_event event, uint64_t mailbox_id);
/* A mailbox was selected: what is in it is not new. */
void notify_selected(struct imap_session *session);
/* Is there something to say, and nothing in the way (a command, half a line)? */
bool notify_can_begin(const struct imap_session *session) MUST_USE;
/* The command without a tag. */
void notify_begin(struct imap_session *session);
/* In IDLE: the same behind what idle itself tells. True when all is said. */
bool notify_step_in_idle(struct imap_session *session) MUST_USE;
void notify_clean(struct imap_session *session);

#endif
