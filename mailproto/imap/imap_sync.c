// SPDX-License-Identifier: MIT
/* Telling the client what others changed (RFC 9051 section 7.5, RFC 7162 section 3.2).
 *
 * What is owed is the difference between the told view and the newest one: first what is gone, then
 * how many there are, then new flags. Where no EXPUNGE may be told and there is one to tell,
 * nothing is: message numbers would not fit. It all goes out at the next command that allows it.
 *
 * The walk stops at any message when the output is full and goes on later; the target view is held
 * meanwhile, so that what is told is one state and not a mixture. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "mailproto/imap/context.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/imap_write.h"

bool imap_condstore(const struct imap_session *session)
{
    return (session->enabled & (IMAP_ENABLED_CONDSTORE | IMAP_ENABLED_QRESYNC)) != 0;
}

void imap_enable_condstore(struct imap_session *session)
{
    if (imap_condstore(session)) {
        return;
    }
    session->enabled |= IMAP_ENABLED_CONDSTORE;
    if (session->selected.mailbox != NULL && session->selected.told != NULL) {
        buf_printf(&session->out, "* OK [HIGHESTMODSEQ %" PRIu64 "] Mod-sequences are on\r\n",
                   session->selected.told->highest_modseq);
    }
}

bool imap_is_recent(const struct imap_session *session, uint32_t uid)
{
    return (session->enabled & IMAP_ENABLED_REV2) == 0 &&
           uid_set_has(&session->selected.recent, uid);
}

void imap_begin_fetch_line(struct imap_session *session, uint32_t seq, uint32_t uid)
{
    bool uid_only = (session->enabled & IMAP_ENABLED_UIDONLY) != 0;
    buf_append_str(&session->out, "* ");
    buf_append_u64(&session->out, uid_only ? uid : seq);
    buf_append_str(&session->out, uid_only ? " UIDFETCH (" : " FETCH (");
}

void imap_write_flags_line(struct imap_session *session, uint32_t seq,
                           const struct mailbox_message *message,
                           const struct mailbox_keywords *names, bool with_flags, bool with_uid)
{
    struct buf *out = &session->out;
    const char *space = "";
    imap_begin_fetch_line(session, seq, message->uid);
    if (with_uid && (session->enabled & IMAP_ENABLED_UIDONLY) == 0) {
        buf_append_str(out, "UID ");
        buf_append_u64(out, message->uid);
        space = " ";
    }
    if (with_flags) {
        buf_append_str(out, space);
        buf_append_str(out, "FLAGS (");
        imap_write_flags(out, message->flags, message->keywords, names,
                         imap_is_recent(session, message->uid));
        buf_append_byte(out, ')');
        space = " ";
    }
    if (imap_condstore(session)) {
        buf_append_str(out, space);
        buf_append_str(out, "MODSEQ (");
        buf_append_u64(out, message->modseq);
        buf_append_byte(out, ')');
    }
    buf_append_str(out, ")\r\n");
}

/* Names of keywords that the client has not seen yet: they belong to FLAGS and PERMANENTFLAGS. */
static void write_keywords(struct imap_session *session, const struct mailbox_keywords *before,
                           const struct mailbox_keywords *after)
{
    if (before == after || before->n_names == after->n_names) {
        return;
    }
    uint64_t all = after->n_names == 64 ? UINT64_MAX : (UINT64_C(1) << after->n_names) - 1;
    buf_append_str(&session->out, "* FLAGS (");
    imap_write_flags(&session->out, MAILBOX_FLAGS_ALL, all, after, false);
    buf_append_str(&session->out, ")\r\n");
    if (!session->selected.read_only) {
        buf_append_str(&session->out, "* OK [PERMANENTFLAGS (");
        imap_write_flags(&session->out, MAILBOX_FLAGS_ALL, all, after, false);
        buf_append_str(&session->out, after->n_names < MAILBOX_MAX_KEYWORDS ? " \\*)]" : ")]");
        buf_append_str(&session->out, " New keywords\r\n");
    }
}

void imap_tell_keywords(struct imap_session *session)
{
    struct imap_selected *selected = &session->selected;
    struct mailbox_view *newest = session->ops->view(selected->mailbox);
    if (newest->keywords != selected->told->keywords) {
        struct mailbox_delta delta = {.keywords = newest->keywords};
        write_keywords(session, selected->told->keywords, newest->keywords);
        struct mailbox_view *told = mailbox_view_apply(selected->told, &delta);
        mailbox_view_unref(&selected->told);
        selected->told = told;
    }
    mailbox_view_unref(&newest);
}

/* Have these messages changed between the two, as they say, and nothing else? */
static bool is_the_difference(const struct mailbox_view *before, const struct mailbox_view *after,
                              const struct mailbox_message *messages, size_t n_messages)
{
    struct mailbox_diff diff = {.before = before, .after = after};
    const struct mailbox_message *old = NULL;
    const struct mailbox_message *new = NULL;
    enum mailbox_change change = MAILBOX_CHANGE_NONE;
    size_t next = 0;
    if (before->keywords != after->keywords || before->uid_next != after->uid_next) {
        return false;
    }
    while ((change = mailbox_diff_next(&diff, &old, &new)) == MAILBOX_CHANGED) {
        while (next < n_messages && messages[next].uid < new->uid) {
            next++;
        }
        if (next == n_messages || messages[next].uid != new->uid ||
            messages[next].modseq != new->modseq) {
            return false;
        }
    }
    return change == MAILBOX_CHANGE_NONE;
}

void imap_told(struct imap_session *session, const struct mailbox_message *messages,
               size_t n_messages)
{
    struct imap_selected *selected = &session->selected;
    struct mailbox_view *newest = session->ops->view(selected->mailbox);
    if (is_the_difference(selected->told, newest, messages, n_messages)) {
        mailbox_view_unref(&selected->told);
        selected->told = newest; /* shared with others, and nothing to compare at the next sync */
        return;
    }
    mailbox_view_unref(&newest);
    struct mailbox_message *known = xcalloc(n_messages > 0 ? n_messages : 1, sizeof(*known));
    size_t n_known = 0;
    for (size_t i = 0; i < n_messages; i++) {
        if (mailbox_view_seq_of(selected->told, messages[i].uid) != 0) {
            known[n_known++] = messages[i];
        }
    }
    struct mailbox_delta delta = {.put = known, .n_put = n_known};
    struct mailbox_view *told = mailbox_view_apply(selected->told, &delta);
    mailbox_view_unref(&selected->told);
    selected->told = told;
    free(known);
}

const struct mailbox_message *imap_newest(const struct imap_session *session,
                                          const struct mailbox_view *newest, uint32_t uid)
{
    const struct mailbox_message *message = mailbox_view_find(newest, uid);
    return message != NULL ? message : mailbox_view_find(session->selected.told, uid);
}

/* ---- The walk ---- */

static bool has_expunges(const struct mailbox_view *before, const struct mailbox_view *after)
{
    struct mailbox_diff diff = {.before = before, .after = after};
    const struct mailbox_message *old = NULL;
    const struct mailbox_message *new = NULL;
    enum mailbox_change change = MAILBOX_CHANGE_NONE;
    do {
        change = mailbox_diff_next(&diff, &old, &new);
    } while (change != MAILBOX_CHANGE_NONE && change != MAILBOX_EXPUNGED);
    return change == MAILBOX_EXPUNGED;
}

void imap_sync_start(struct imap_session *session, bool may_expunge)
{
    struct imap_sync *sync = &session->selected.sync;
    assert(sync->part == IMAP_SYNC_DONE); /* half a difference would be told twice */
    *sync = (struct imap_sync){.part = IMAP_SYNC_START, .may_expunge = may_expunge};
}

void imap_sync_stop(struct imap_session *session)
{
    struct imap_sync *sync = &session->selected.sync;
    contexts_stop(session);
    mailbox_view_unref(&sync->target);
    *sync = (struct imap_sync){.part = IMAP_SYNC_DONE};
}

static void begin_pass(struct imap_sync *sync, const struct mailbox_view *told,
                       enum imap_sync_part part)
{
    sync->part = part;
    sync->diff = (struct mailbox_diff){.before = told, .after = sync->target};
}

static void sync_begin(struct imap_session *session)
{
    struct imap_selected *selected = &session->selected;
    struct imap_sync *sync = &selected->sync;
    selected->changed = false;
    sync->target = session->ops->view(selected->mailbox);
    if (sync->target == selected->told ||
        (!sync->may_expunge && has_expunges(selected->told, sync->target))) {
        sync->part = IMAP_SYNC_CONTEXTS;
        return;
    }
    write_keywords(session, selected->told->keywords, sync->target->keywords);
    contexts_tell_gone(session, sync->target);
    begin_pass(sync, selected->told, IMAP_SYNC_EXPUNGED);
}

/* "VANISHED 3:7,9": with QRESYNC or UIDONLY expunges come as UIDs, all at once. */
static void tell_vanished(struct imap_session *session)
{
    struct imap_sync *sync = &session->selected.sync;
    const struct mailbox_message *old = NULL;
    const struct mailbox_message *new = NULL;
    struct uid_set gone = {0};
    enum mailbox_change change = MAILBOX_CHANGE_NONE;
    while ((change = mailbox_diff_next(&sync->diff, &old, &new)) != MAILBOX_CHANGE_NONE) {
        if (change == MAILBOX_EXPUNGED) {
            uid_set_add(&gone, old->uid);
            sync->n_expunged++;
        }
    }
    if (!uid_set_is_empty(&gone)) {
        buf_append_str(&session->out, "* VANISHED ");
        uid_set_print(&session->out, &gone);
        buf_append_str(&session->out, "\r\n");
    }
    uid_set_clear(&gone);
    sync->part = IMAP_SYNC_COUNTS;
}

static void tell_expunged(struct imap_session *session)
{
    struct imap_sync *sync = &session->selected.sync;
    const struct mailbox_message *old = NULL;
    const struct mailbox_message *new = NULL;
    while (imap_has_room(session)) {
        enum mailbox_change change = mailbox_diff_next(&sync->diff, &old, &new);
        if (change == MAILBOX_CHANGE_NONE) {
            sync->part = IMAP_SYNC_COUNTS;
            return;
        }
        if (change == MAILBOX_EXPUNGED) {
            buf_printf(&session->out, "* %u EXPUNGE\r\n", sync->diff.n_before - sync->n_expunged);
            sync->n_expunged++;
        }
    }
}

static uint32_t count_recent(const struct imap_session *session, const struct mailbox_view *view)
{
    const struct uid_set *recent = &session->selected.recent;
    uint32_t count = 0;
    for (size_t i = 0; i < recent->n_ranges; i++) {
        uint32_t last = recent->ranges[i].last;
        uint32_t end =
            last == UINT32_MAX ? view->n_messages + 1 : mailbox_view_lower_bound(view, last + 1);
        count += end - mailbox_view_lower_bound(view, recent->ranges[i].first);
    }
    return count;
}

static void tell_counts(struct imap_session *session)
{
    struct imap_selected *selected = &session->selected;
    struct imap_sync *sync = &selected->sync;
    uint32_t n_left = selected->told->n_messages - sync->n_expunged;
    if (sync->target->n_messages > n_left) {
        uint32_t first = session->ops->recent(selected->mailbox, !selected->read_only);
        if (first < sync->target->uid_next) {
            uid_set_add_range(&selected->recent, first, sync->target->uid_next - 1);
        }
        buf_printf(&session->out, "* %u EXISTS\r\n", sync->target->n_messages);
        if ((session->enabled & IMAP_ENABLED_REV2) == 0) {
            buf_printf(&session->out, "* %u RECENT\r\n", count_recent(session, sync->target));
        }
    }
    begin_pass(sync, selected->told, IMAP_SYNC_FLAGS);
}

static void tell_flags(struct imap_session *session)
{
    struct imap_selected *selected = &session->selected;
    struct imap_sync *sync = &selected->sync;
    const struct mailbox_message *old = NULL;
    const struct mailbox_message *new = NULL;
    while (imap_has_room(session)) {
        enum mailbox_change change = mailbox_diff_next(&sync->diff, &old, &new);
        if (change == MAILBOX_CHANGE_NONE) {
            mailbox_view_unref(&selected->told);
            selected->told = mailbox_view_ref(sync->target);
            sync->part = IMAP_SYNC_CONTEXTS;
            return;
        }
        bool flags_differ = change == MAILBOX_CHANGED &&
                            (old->flags != new->flags || old->keywords != new->keywords);
        if (flags_differ || (change == MAILBOX_CHANGED && imap_condstore(session))) {
            bool with_uid = (session->enabled & (IMAP_ENABLED_QRESYNC | IMAP_ENABLED_REV2)) != 0 ||
                            session->command.is_uid;
            imap_write_flags_line(session, sync->diff.n_after, new, sync->target->keywords, true,
                                  with_uid);
        }
    }
}

bool imap_sync_step(struct imap_session *session)
{
    struct imap_sync *sync = &session->selected.sync;
    switch (sync->part) {
    case IMAP_SYNC_START:
        sync_begin(session);
        break;
    case IMAP_SYNC_EXPUNGED:
        if ((session->enabled & (IMAP_ENABLED_QRESYNC | IMAP_ENABLED_UIDONLY)) != 0) {
            tell_vanished(session);
        } else {
            tell_expunged(session);
        }
        break;
    case IMAP_SYNC_COUNTS:
        tell_counts(session);
        break;
    case IMAP_SYNC_FLAGS:
        tell_flags(session);
        break;
    case IMAP_SYNC_CONTEXTS:
        if (contexts_step(session)) {
            imap_sync_stop(session);
        }
        break;
    case IMAP_SYNC_DONE:
        break;
    }
    return sync->part == IMAP_SYNC_DONE;
}

void imap_tell_vanished_earlier(struct imap_session *session, uint64_t modseq,
                                const struct uid_set *within)
{
    struct imap_selected *selected = &session->selected;
    struct uid_set gone = {0};
    if (!session->ops->expunged_since(selected->mailbox, modseq, within, &gone)) {
        /* The log does not reach back: all that is not there counts as gone. */
        struct uid_set all = {0};
        struct uid_set_walk walk = {0};
        uint32_t uid = 0;
        if (within != NULL) {
            uid_set_copy(&all, within);
        } else if (selected->told->uid_next > 1) {
            uid_set_add_range(&all, 1, selected->told->uid_next - 1);
        }
        while (uid_set_next(&all, &walk, &uid) && uid < selected->told->uid_next) {
            if (mailbox_view_seq_of(selected->told, uid) == 0) {
                uid_set_add(&gone, uid);
            }
        }
        uid_set_clear(&all);
    }
    if (!uid_set_is_empty(&gone)) {
        buf_append_str(&session->out, "* VANISHED (EARLIER) ");
        uid_set_print(&session->out, &gone);
        buf_append_str(&session->out, "\r\n");
    }
    uid_set_clear(&gone);
}
