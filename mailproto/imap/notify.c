// SPDX-License-Identifier: MIT
#include "mailproto/imap/notify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mailproto/imap/fetch.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/imap_write.h"
#include "mailproto/imap/special_use.h"

/* ---- What was told ---- */

static void told_free(struct notify_told *told)
{
    free(told->name);
    free(told);
}

void notify_free(struct imap_notify **pointer)
{
    struct imap_notify *notify = *pointer;
    size_t cursor = 0;
    struct notify_told *told = NULL;
    if (notify == NULL) {
        return;
    }
    *pointer = NULL;
    while ((told = map_next(&notify->told, &cursor, NULL)) != NULL) {
        told_free(told);
    }
    map_clear(&notify->told);
    map_clear(&notify->dirty);
    map_clear(&notify->annotated);
    arena_clear(&notify->arena);
    free(notify);
}

/* Of the first group that has the mailbox. */
static unsigned events_of(const struct imap_notify *notify, const struct mailbox_entry *entry)
{
    for (size_t i = 0; i < notify->n_groups; i++) {
        if (mailbox_filter_has(&notify->groups[i].filter, entry)) {
            return notify->groups[i].events;
        }
    }
    return 0;
}

static struct notify_told *told_new(struct imap_notify *notify, const struct mailbox_entry *entry)
{
    struct notify_told *told = xcalloc(1, sizeof(*told));
    told->id = entry->id;
    told->name = xstrdup(entry->name);
    told->attributes = entry->attributes;
    (void)map_put_u64(&notify->told, entry->id, told);
    return told;
}

/* ---- STATUS ---- */

static void write_status(struct imap_session *session, const struct notify_told *told,
                         unsigned events)
{
    struct buf *out = &session->out;
    buf_append_str(out, "* STATUS ");
    imap_write_mailbox(out, told->name, imap_uses_utf8(session));
    buf_printf(out, " (MESSAGES %u UIDNEXT %u UIDVALIDITY %u", told->status.n_messages,
               told->status.uid_next, told->status.uid_validity);
    if ((events & NOTIFY_FLAGS) != 0) {
        buf_printf(out, " HIGHESTMODSEQ %" PRIu64, told->status.highest_modseq);
    }
    buf_append_str(out, ")\r\n");
}

/* Renew what is known of its messages. True when the client is to be told. */
static bool renew_status(struct imap_session *session, struct notify_told *told, unsigned events)
{
    struct mailbox_status status = {0};
    bool holds_messages = (told->attributes & MAILBOX_NOSELECT) == 0;
    if ((events & NOTIFY_ABOUT_MESSAGES) == 0 || !holds_messages ||
        !session->ops->status(session->account, told->name, &status, NULL)) {
        return false;
    }
    bool differs =
        !told->has_status || status.n_messages != told->status.n_messages ||
        status.uid_next != told->status.uid_next ||
        status.uid_validity != told->status.uid_validity ||
        ((events & NOTIFY_FLAGS) != 0 && status.highest_modseq != told->status.highest_modseq);
    told->has_status = true;
    told->status = status;
    return differs;
}

static bool is_selected(const struct imap_session *session, uint64_t id)
{
    return session->selected.mailbox != NULL &&
           session->ops->mailbox_id(session->selected.mailbox) == id;
}

static void tell_statuses(struct imap_session *session)
{
    struct imap_notify *notify = session->notify;
    size_t cursor = 0;
    struct notify_told *told = NULL;
    while (imap_has_room(session) && notify->dirty.n_items > 0 &&
           (told = map_next(&notify->told, &cursor, NULL)) != NULL) {
        if (map_remove_u64(&notify->dirty, told->id) == NULL || is_selected(session, told->id)) {
            continue;
        }
        const struct mailbox_entry entry = {told->id, told->name, told->attributes};
        unsigned events = events_of(notify, &entry);
        if (renew_status(session, told, events)) {
            write_status(session, told, events);
        }
    }
    if (told == NULL) {
        map_clear(&notify->dirty); /* of mailboxes that are gone */
    }
}

/* ---- Names ---- */

static void write_list(struct imap_session *session, const struct mailbox_entry *entry,
                       const char *old_name)
{
    struct buf *out = &session->out;
    bool utf8 = imap_uses_utf8(session);
    size_t start = 0;
    buf_append_str(out, "* LIST (");
    start = out->len;
    if ((entry->attributes & MAILBOX_NONEXISTENT) != 0) {
        buf_append_str(out, " \\NonExistent");
    } else if ((entry->attributes & MAILBOX_NOSELECT) != 0) {
        buf_append_str(out, " \\Noselect");
    }
    if ((entry->attributes & MAILBOX_SUBSCRIBED) != 0) {
        buf_append_str(out, " \\Subscribed");
    }
    special_use_print(out, entry->attributes);
    if (out->len > start) {
        memmove(out->data + start, out->data + start + 1, out->len - start - 1);
        buf_truncate(out, out->len - 1);
    }
    buf_append_str(out, ") \"/\" ");
    imap_write_mailbox(out, entry->name, utf8);
    if (old_name != NULL) {
        buf_append_str(out, " (\"OLDNAME\" (");
        imap_write_mailbox(out, old_name, utf8);
        buf_append_str(out, "))");
    }
    buf_append_str(out, "\r\n");
}

static void compare_entry(struct imap_session *session, const struct mailbox_entry *entry)
{
    struct imap_notify *notify = session->notify;
    struct notify_told *told = map_get_u64(&notify->told, entry->id);
    unsigned events = events_of(notify, entry);
    if (told == NULL) {
        told = told_new(notify, entry);
        (void)renew_status(session, told, events);
        if ((events & NOTIFY_NAME) != 0) {
            write_list(session, entry, NULL);
        }
        told->is_listed = true;
        return;
    }
    told->is_listed = true;
    const struct mailbox_entry before = {told->id, told->name, told->attributes};
    bool renamed = strcmp(told->name, entry->name) != 0;
    bool resubscribed = ((told->attributes ^ entry->attributes) & MAILBOX_SUBSCRIBED) != 0;
    if (renamed && ((events | events_of(notify, &before)) & NOTIFY_NAME) != 0) {
        write_list(session, entry, told->name);
    } else if (resubscribed && (events & NOTIFY_SUBSCRIPTION) != 0) {
        write_list(session, entry, NULL);
    }
    if (renamed) {
        free(told->name);
        told->name = xstrdup(entry->name);
    }
    told->attributes = entry->attributes;
}

static void tell_the_gone(struct imap_session *session)
{
    struct imap_notify *notify = session->notify;
    size_t cursor = 0;
    struct notify_told *told = NULL;
    while ((told = map_next(&notify->told, &cursor, NULL)) != NULL) {
        if (told->is_listed) {
            told->is_listed = false;
            continue;
        }
        const struct mailbox_entry before = {told->id, told->name, told->attributes};
        if ((events_of(notify, &before) & NOTIFY_NAME) != 0) {
            write_list(
                session,
                &(struct mailbox_entry){.name = told->name, .attributes = MAILBOX_NONEXISTENT},
                NULL);
        }
        (void)map_remove_u64(&notify->told, told->id);
        told_free(told);
    }
}

static void tell_names(struct imap_session *session)
{
    const struct mailbox_list *list = session->ops->list(session->account);
    session->notify->list_changed = false;
    for (size_t i = 0; i < list->n_entries; i++) {
        if (list->entries[i].id != 0) {
            compare_entry(session, &list->entries[i]);
        }
    }
    tell_the_gone(session);
}

/* ---- Annotations ---- */

/* RFC 5464 section 4.4.2: the names alone; the client asks for what it wants. */
static void tell_annotations(struct imap_session *session, const char *name)
{
    struct mailbox_annotations annotations = {0};
    struct arena arena = {0};
    if (session->ops->annotations(session->account, name, &arena, &annotations, NULL) &&
        annotations.n_items > 0) {
        buf_append_str(&session->out, "* METADATA ");
        imap_write_mailbox(&session->out, name, imap_uses_utf8(session));
        for (size_t i = 0; i < annotations.n_items; i++) {
            buf_append_byte(&session->out, ' ');
            imap_write_string(&session->out, bytes_of_str(annotations.items[i].entry));
        }
        buf_append_str(&session->out, "\r\n");
    }
    arena_clear(&arena);
}

static void tell_all_annotations(struct imap_session *session)
{
    struct imap_notify *notify = session->notify;
    const struct mailbox_list *list = session->ops->list(session->account);
    for (size_t i = 0; i < list->n_entries && notify->annotated.n_items > 0; i++) {
        const struct mailbox_entry *entry = &list->entries[i];
        if (entry->id != 0 && map_remove_u64(&notify->annotated, entry->id) != NULL &&
            (events_of(notify, entry) & NOTIFY_METADATA) != 0) {
            tell_annotations(session, entry->name);
        }
    }
    map_clear(&notify->annotated);
    if (notify->server_annotated) {
        notify->server_annotated = false;
        for (size_t i = 0; i < notify->n_groups; i++) {
            if ((notify->groups[i].events & NOTIFY_SERVER_METADATA) != 0) {
                tell_annotations(session, "");
                break;
            }
        }
    }
}

/* ---- Setting ---- */

void notify_set(struct imap_session *session, struct imap_notify *notify, bool tell_status)
{
    notify_free(&session->notify);
    session->notify = notify;
    if (notify == NULL) {
        return;
    }
    const struct mailbox_list *list = session->ops->list(session->account);
    for (size_t i = 0; i < list->n_entries; i++) {
        const struct mailbox_entry *entry = &list->entries[i];
        if (entry->id == 0) {
            continue;
        }
        struct notify_told *told = told_new(notify, entry);
        unsigned events = events_of(notify, entry);
        if (renew_status(session, told, events) && tell_status &&
            !is_selected(session, entry->id)) {
            write_status(session, told, events);
        }
    }
    notify_selected(session);
}

void notify_selected(struct imap_session *session)
{
    if (session->notify != NULL && session->selected.told != NULL) {
        session->notify->fetched_to = session->selected.told->uid_next;
    }
}

void notify_note(struct imap_session *session, enum mailbox_event event, uint64_t mailbox_id)
{
    struct imap_notify *notify = session->notify;
    if (notify == NULL) {
        return;
    }
    if (event == MAILBOX_EVENT_METADATA && mailbox_id == 0) {
        notify->server_annotated = true;
    } else if (event == MAILBOX_EVENT_METADATA) {
        (void)map_put_u64(&notify->annotated, mailbox_id, notify);
    } else if (mailbox_id == 0) {
        notify->list_changed = true;
    } else {
        (void)map_put_u64(&notify->dirty, mailbox_id, notify);
    }
    if (session->idling && !session->selected.sync.waiting) {
        session->command.waiting = false;
    }
    session->waker.wake(session->waker.context);
}

/* ---- Telling ---- */

static bool has_news_of_selected(const struct imap_session *session)
{
    const struct imap_notify *notify = session->notify;
    const struct imap_selected *selected = &session->selected;
    if (!notify->has_selected || selected->mailbox == NULL) {
        return false;
    }
    bool has_new = notify->fetch != NULL && selected->told->uid_next > notify->fetched_to;
    return selected->changed || has_new;
}

static bool has_news(const struct imap_session *session)
{
    const struct imap_notify *notify = session->notify;
    return notify->list_changed || notify->dirty.n_items > 0 || notify->annotated.n_items > 0 ||
           notify->server_annotated || has_news_of_selected(session);
}

bool notify_can_begin(const struct imap_session *session)
{
    return session->notify != NULL && session->command.phase == IMAP_PHASE_IDLE &&
           session->append == NULL && !session->in_authenticate && session->refused.len == 0 &&
           session->state != IMAP_LOGOUT && session->input.text.len == 0 &&
           session->input.mode == IMAP_MODE_LINE && has_news(session);
}

static void fetched(struct imap_session *session)
{
    session->notify->is_fetching = false;
}

/* FETCH of the messages that came since. False: not over yet. */
static bool fetch_new(struct imap_session *session)
{
    struct imap_notify *notify = session->notify;
    const struct mailbox_view *told = session->selected.told;
    if (!notify->is_fetching) {
        if (notify->fetch == NULL || session->selected.mailbox == NULL ||
            told->uid_next <= notify->fetched_to) {
            return true;
        }
        struct uid_set uids = {0};
        uint32_t seq = mailbox_view_lower_bound(told, notify->fetched_to);
        for (; seq <= told->n_messages; seq++) {
            uid_set_add(&uids, mailbox_view_at(told, seq)->uid);
        }
        notify->fetched_to = told->uid_next;
        if (uid_set_is_empty(&uids)) {
            return true;
        }
        notify->is_fetching = true;
        imap_fetch_untagged(session, notify->fetch, &uids, fetched);
        uid_set_clear(&uids);
    }
    imap_fetch_step(session);
    if (!notify->is_fetching && session->idling) {
        arena_clear(
            &session->command.arena); /* an IDLE may last, and has nothing of its own there */
    }
    return !notify->is_fetching;
}

/* What is not about the selected mailbox's state itself. */
static bool tell_rest(struct imap_session *session)
{
    struct imap_notify *notify = session->notify;
    if (notify->has_selected && !fetch_new(session)) {
        return false;
    }
    if (notify->list_changed) {
        tell_names(session);
    }
    if (notify->annotated.n_items > 0 || notify->server_annotated) {
        tell_all_annotations(session);
    }
    if (notify->dirty.n_items > 0) {
        tell_statuses(session);
    }
    return notify->dirty.n_items == 0;
}

bool notify_step_in_idle(struct imap_session *session)
{
    return session->notify == NULL || tell_rest(session);
}

void notify_clean(struct imap_session *session)
{
    if (session->command.data != NULL) {
        imap_fetch_clean(session);
    }
    if (session->notify != NULL) {
        session->notify->is_fetching = false;
    }
    session->notifying = false;
}

static void step(struct imap_session *session)
{
    struct imap_notify *notify = session->notify;
    struct imap_selected *selected = &session->selected;
    if (notify->has_selected && selected->mailbox != NULL && !notify->has_synced) {
        if (selected->sync.part == IMAP_SYNC_DONE) {
            imap_sync_start(session, !notify->is_delayed);
        }
        notify->has_synced = imap_sync_step(session);
        session->command.waiting = selected->sync.waiting;
        return;
    }
    if (tell_rest(session)) {
        imap_end_untagged(session);
    }
}

void notify_begin(struct imap_session *session)
{
    session->notify->has_synced = false;
    session->notifying = true;
    session->command.phase = IMAP_PHASE_RUN;
    session->command.begun_ms = session->now.mono_ms;
    session->command.step = step;
    session->command.clean = notify_clean;
}
