// SPDX-License-Identifier: MIT
#include "mailproto/imap/mailbox_filter.h"

#include <string.h>

#include "base/str.h"
#include "mailproto/imap/imap_internal.h"

static const char *const kinds[] = {
    [FILTER_SELECTED] = "selected",       [FILTER_SELECTED_DELAYED] = "selected-delayed",
    [FILTER_INBOXES] = "inboxes",         [FILTER_PERSONAL] = "personal",
    [FILTER_SUBSCRIBED] = "subscribed",   [FILTER_SUBTREE] = "subtree",
    [FILTER_SUBTREE_ONE] = "subtree-one", [FILTER_MAILBOXES] = "mailboxes"};

static void parse_names(struct imap_session *session, struct imap_parser *args,
                        struct mailbox_filter *out)
{
    bool in_list = imap_accept(args, '(');
    out->names = arena_alloc(args->arena, MAILBOX_FILTER_MAX_NAMES * sizeof(*out->names));
    do {
        if (out->n_names == MAILBOX_FILTER_MAX_NAMES) {
            imap_fail(args, "Too many mailboxes");
            return;
        }
        out->names[out->n_names++] = imap_mailbox_arg(session, args);
    } while (in_list && imap_ok(args) && imap_accept(args, ' '));
    if (in_list) {
        imap_expect(args, ')');
    }
}

void mailbox_filter_parse(struct imap_session *session, struct imap_parser *args,
                          struct mailbox_filter *out)
{
    struct bytes word = imap_word(args);
    size_t kind = 0;
    *out = (struct mailbox_filter){0};
    while (kind < ARRAY_LEN(kinds) && !bytes_is_word(word, kinds[kind])) {
        kind++;
    }
    if (kind == ARRAY_LEN(kinds)) {
        imap_fail(args, "Unknown set of mailboxes");
        return;
    }
    out->kind = (enum mailbox_filter_kind)kind;
    if (out->kind >= FILTER_SUBTREE) {
        imap_space(args);
        parse_names(session, args, out);
    }
}

static bool is_below(const char *name, const char *parent, bool direct)
{
    size_t len = strlen(parent);
    return mailbox_name_is_below(name, parent, len) &&
           (!direct || strchr(name + len + 1, '/') == NULL);
}

bool mailbox_filter_has(const struct mailbox_filter *filter, const struct mailbox_entry *entry)
{
    switch (filter->kind) {
    case FILTER_SELECTED:
    case FILTER_SELECTED_DELAYED:
        return false;
    case FILTER_INBOXES:
        return strcmp(entry->name, "INBOX") == 0;
    case FILTER_PERSONAL:
        return true;
    case FILTER_SUBSCRIBED:
        return (entry->attributes & MAILBOX_SUBSCRIBED) != 0;
    case FILTER_SUBTREE:
    case FILTER_SUBTREE_ONE:
    case FILTER_MAILBOXES:
        break;
    }
    for (size_t i = 0; i < filter->n_names; i++) {
        if (strcmp(entry->name, filter->names[i]) == 0 ||
            (filter->kind != FILTER_MAILBOXES &&
             is_below(entry->name, filter->names[i], filter->kind == FILTER_SUBTREE_ONE))) {
            return true;
        }
    }
    return false;
}
