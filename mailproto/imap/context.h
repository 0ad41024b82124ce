// SPDX-License-Identifier: MIT
/* Results of searches that are held up to date (RFC 5267, CONTEXT=SEARCH and CONTEXT=SORT). For
 * this room alone.
 *
 * A context is the search of a command that has ended: its criteria and its result live on.
 * Whenever the client is told what changed in the mailbox, each context looks at the messages that
 * changed since it looked last, and only at these:
 *
 *     what is expunged       "* ESEARCH (TAG "x") REMOVEFROM (0 3)"   before "* 3 EXPUNGE"
 *     new and changed ones   judged again, their text scanned where that decides
 *                            "* ESEARCH (TAG "x") ADDTO (0 7)"        behind "* 7 EXISTS"
 *
 * A position counts from 1 in the order of a SORT, and is 0 for a SEARCH, whose order is that of
 * the mailbox. */
#ifndef BITTERN_MAILPROTO_IMAP_CONTEXT_H
#define BITTERN_MAILPROTO_IMAP_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct arena;
struct esearch_returns;
struct imap_parser;
struct imap_session;
struct mailbox_item_data;
struct mailbox_view;
struct search_run;

enum { CONTEXT_MAX = 8 /* of one session */ };

/* The order of a SORT's result: the functions get search_run.data. */
struct context_order {
    unsigned items; /* of enum mailbox_item: what insert wants to read; 0: nothing */
    /* 1 for the first; 0: it is not there. */
    size_t (*position)(const void *data, uint32_t uid);
    void (*remove)(void *data, size_t position);
    /* Its texts go into `arena`; `item` is NULL when nothing was to be read. Returns the position.
     */
    size_t (*insert)(struct imap_session *session, void *data, uint32_t uid,
                     const struct mailbox_item_data *item, struct arena *arena);
};

/* Before an UPDATE runs: true when the command is answered (its tag is in use). Where there are too
 * many contexts, NOUPDATE is told and the search goes on without. */
bool context_is_refused(struct imap_session *session, const struct imap_parser *args,
                        struct esearch_returns *returns) MUST_USE;
/* The command is about to end: its arena and its search become a context. `order` NULL: SEARCH. */
void context_keep(struct imap_session *session, struct search_run *run,
                  const struct context_order *order);
/* The messages that are in the told view and not in `target` are about to be told as gone. */
void contexts_tell_gone(struct imap_session *session, const struct mailbox_view *target);
/* Look at what changed. False: sync.waiting says that an answer is waited for. */
bool contexts_step(struct imap_session *session) MUST_USE;
/* Stop what is under way; it is looked at again the next time. */
void contexts_stop(struct imap_session *session);
void contexts_drop(struct imap_session *session);

#endif
