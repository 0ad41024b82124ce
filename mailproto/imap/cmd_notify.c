// SPDX-License-Identifier: MIT
/* NOTIFY (RFC 5465): its arguments; what comes of them stands in notify.c.
 *
 *     NOTIFY SET [STATUS] (filter (events)) (filter (events)) ...        NOTIFY NONE */
#include "base/str.h"
#include "mailproto/imap/fetch.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/notify.h"

static const struct {
    const char *name;
    unsigned bit;
} events[] = {{"MessageNew", NOTIFY_NEW},
              {"MessageExpunge", NOTIFY_EXPUNGE},
              {"FlagChange", NOTIFY_FLAGS},
              {"MailboxName", NOTIFY_NAME},
              {"SubscriptionChange", NOTIFY_SUBSCRIPTION},
              {"MailboxMetadataChange", NOTIFY_METADATA},
              {"ServerMetadataChange", NOTIFY_SERVER_METADATA}};

#define SUPPORTED_EVENTS                                                                           \
    "BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange"                \
    " MailboxMetadataChange ServerMetadataChange)"

static void parse_fetch(struct imap_parser *args, struct imap_notify *notify, bool is_selected)
{
    if (!is_selected || notify->fetch != NULL) {
        imap_fail(args, "FETCH items are for the selected mailbox");
        return;
    }
    imap_space(args);
    notify->fetch = arena_alloc(args->arena, sizeof(*notify->fetch));
    if (imap_peek(args) != '(') {
        imap_fail(args, "Expected a list of FETCH items");
        return;
    }
    fetch_parse_items(notify->fetch, args);
    if ((notify->fetch->items & FETCH_UID) == 0) {
        notify->fetch->items |= FETCH_UID;
    }
}

static unsigned parse_event(struct imap_parser *args, struct imap_notify *notify, bool is_selected)
{
    struct bytes word = imap_word(args);
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if (bytes_is_word(word, events[i].name)) {
            bool has_items = events[i].bit == NOTIFY_NEW && args->rest.len > 1 &&
                             args->rest.data[0] == ' ' && args->rest.data[1] == '(';
            if (has_items) {
                parse_fetch(args, notify, is_selected);
            }
            return events[i].bit;
        }
    }
    if (imap_ok(args)) {
        args->well_formed = true;
        args->code = SUPPORTED_EVENTS;
        imap_fail(args, "Unknown event");
    }
    return 0;
}

/* What may stand together (RFC 5465 section 5). */
static void check_events(struct imap_parser *args, unsigned set, bool is_selected)
{
    bool has_new = (set & NOTIFY_NEW) != 0;
    bool has_expunge = (set & NOTIFY_EXPUNGE) != 0;
    if (has_new != has_expunge) {
        imap_fail(args, "MessageNew and MessageExpunge go together");
    } else if ((set & NOTIFY_FLAGS) != 0 && !has_new) {
        imap_fail(args, "FlagChange needs MessageNew and MessageExpunge");
    } else if (is_selected && (set & ~(unsigned)NOTIFY_ABOUT_MESSAGES) != 0) {
        imap_fail(args, "Of the selected mailbox, only messages are told");
    }
}

static void parse_group(struct imap_session *session, struct imap_parser *args,
                        struct imap_notify *notify)
{
    struct notify_group group = {0};
    imap_expect(args, '(');
    mailbox_filter_parse(session, args, &group.filter);
    bool is_selected =
        group.filter.kind == FILTER_SELECTED || group.filter.kind == FILTER_SELECTED_DELAYED;
    imap_space(args);
    if (imap_accept(args, '(')) {
        do {
            group.events |= parse_event(args, notify, is_selected);
        } while (imap_ok(args) && imap_accept(args, ' '));
        imap_expect(args, ')');
    } else if (!imap_accept_word(args, "NONE")) {
        imap_fail(args, "Expected a list of events");
    }
    imap_expect(args, ')');
    if (imap_ok(args)) {
        check_events(args, group.events, is_selected);
    }
    if (is_selected && notify->has_selected) {
        imap_fail(args, "The selected mailbox is named twice");
    }
    if (is_selected) {
        notify->has_selected = group.events != 0;
        notify->is_delayed = group.filter.kind == FILTER_SELECTED_DELAYED;
    } else if (notify->n_groups < NOTIFY_MAX_GROUPS) {
        notify->groups[notify->n_groups++] = group;
    } else {
        imap_fail(args, "Too many groups");
    }
}

/* The text is copied first: names and items in it live as long as the notification. */
static struct imap_notify *parse_set(struct imap_session *session, struct imap_parser *args,
                                     bool *tell_status)
{
    struct imap_notify *notify = xcalloc(1, sizeof(*notify));
    struct arena *command_arena = args->arena;
    args->rest.data = arena_memdup(&notify->arena, args->rest.data, args->rest.len);
    args->arena = &notify->arena;
    imap_space(args);
    *tell_status = imap_accept_word(args, "STATUS");
    if (*tell_status) {
        imap_space(args);
    }
    do {
        parse_group(session, args, notify);
    } while (imap_ok(args) && imap_accept(args, ' '));
    imap_end(args);
    args->arena = command_arena;
    return notify;
}

void cmd_notify(struct imap_session *session, struct imap_parser *args)
{
    struct imap_notify *notify = NULL;
    bool tell_status = false;
    imap_space(args);
    if (imap_accept_word(args, "SET") && args->rest.len > 0) {
        notify = parse_set(session, args, &tell_status);
    } else if (!imap_accept_word(args, "NONE")) {
        imap_fail(args, "Expected SET or NONE");
    } else {
        imap_end(args);
    }
    if (imap_is_bad(session, args)) {
        notify_free(&notify);
        return;
    }
    if (notify != NULL && session->ops->list(session->account)->n_entries > NOTIFY_MAX_MAILBOXES) {
        notify_free(&notify);
        imap_finish(session, IMAP_STATUS_NO, "NOTIFICATIONOVERFLOW",
                    "There are too many mailboxes to watch");
        return;
    }
    notify_set(session, notify, tell_status);
    imap_done(session);
}
