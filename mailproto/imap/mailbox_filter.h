// SPDX-License-Identifier: MIT
/* Sets of mailboxes as NOTIFY and ESEARCH name them (RFC 5465 section 6, RFC 7377). For this room
 * alone.
 *
 *     selected, selected-delayed, inboxes, personal, subscribed, subtree X, subtree-one X,
 *     mailboxes (X Y) */
#ifndef BITTERN_MAILPROTO_IMAP_MAILBOX_FILTER_H
#define BITTERN_MAILPROTO_IMAP_MAILBOX_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

struct imap_parser;
struct imap_session;
struct mailbox_entry;

enum { MAILBOX_FILTER_MAX_NAMES = 100 };

enum mailbox_filter_kind {
    FILTER_SELECTED,
    FILTER_SELECTED_DELAYED,
    FILTER_INBOXES,
    FILTER_PERSONAL,
    FILTER_SUBSCRIBED,
    FILTER_SUBTREE,
    FILTER_SUBTREE_ONE,
    FILTER_MAILBOXES
};

struct mailbox_filter {
    enum mailbox_filter_kind kind;
    const char **names; /* in the parser's arena */
    size_t n_names;
};

void mailbox_filter_parse(struct imap_session *session, struct imap_parser *args,
                          struct mailbox_filter *out);
/* Is the mailbox one of them? Never for the two of the selected mailbox. */
bool mailbox_filter_has(const struct mailbox_filter *filter,
                        const struct mailbox_entry *entry) MUST_USE;

#endif
