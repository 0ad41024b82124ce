// SPDX-License-Identifier: MIT
/* FETCH (RFC 9051 section 6.4.5): a walk over messages that stops wherever the output is full.
 *
 *     cmd_fetch -> (mark \Seen, wait for the commit) -> imap_fetch_step ...
 *       next message -> "* 5 FETCH (" and the small items -> each BODY[...] in turn -> ")"
 *                                                             (fetch_body.c)
 *
 * Small items come from the view; ENVELOPE and the like from the message's stored form; nothing
 * parses a message here. */
#include <inttypes.h>

#include "base/fault.h"
#include "mailproto/imap/bodystructure.h"
#include "mailproto/imap/fetch_run.h"
#include "mailproto/imap/imap_date.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/imap_write.h"
#include "mailproto/imap/seqset.h"

void imap_fetch_clean(struct imap_session *session)
{
    struct fetch_run *run = session->command.data;
    if (run->reader != NULL) {
        session->ops->read_end(&run->reader);
    }
    uid_set_clear(&run->uids);
    uid_set_clear(&run->newly_seen);
    arena_clear(&run->arena);
    buf_clear(&run->gathered);
}

/* ---- Small items ---- */

static void write_view_items(struct imap_session *session, struct fetch_run *run,
                             const struct mailbox_message *message,
                             const struct mailbox_keywords *names)
{
    struct buf *out = &session->out;
    unsigned items = run->request.items;
    if ((items & FETCH_UID) != 0) {
        fetch_item_name(session, run, "UID ");
        buf_append_u64(out, message->uid);
    }
    if ((items & FETCH_FLAGS) != 0 || uid_set_has(&run->newly_seen, message->uid)) {
        fetch_item_name(session, run, "FLAGS (");
        imap_write_flags(out, message->flags, message->keywords, names,
                         imap_is_recent(session, message->uid));
        buf_append_byte(out, ')');
    }
    if ((items & FETCH_INTERNALDATE) != 0) {
        fetch_item_name(session, run, "INTERNALDATE ");
        imap_date_time_print(out, message->internal_sec, message->internal_zone_min);
    }
    if ((items & FETCH_SIZE) != 0) {
        fetch_item_name(session, run, "RFC822.SIZE ");
        buf_append_u64(out, message->size);
    }
    if ((items & FETCH_MODSEQ) != 0) {
        fetch_item_name(session, run, "MODSEQ (");
        buf_append_u64(out, message->modseq);
        buf_append_byte(out, ')');
    }
    if ((items & FETCH_SAVEDATE) != 0) {
        fetch_item_name(session, run, "SAVEDATE ");
        imap_date_time_print(out, message->saved_sec, 0);
    }
    if ((items & FETCH_EMAILID) != 0) {
        fetch_item_name(session, run, "EMAILID (E");
        buf_printf(out, "%" PRIu64 ")", message->email_id);
    }
}

static void write_form_items(struct imap_session *session, struct fetch_run *run)
{
    unsigned items = run->request.items;
    if ((items & FETCH_PREVIEW) != 0) {
        fetch_item_name(session, run, "PREVIEW ");
        imap_write_string(&session->out, run->data.preview);
    }
    if ((items & FETCH_THREADID) != 0) {
        fetch_item_name(session, run, "THREADID (T");
        buf_printf(&session->out, "%" PRIu64 ")", run->data.thread_id);
    }
    if ((items & FETCH_ENVELOPE) != 0) {
        fetch_item_name(session, run, "ENVELOPE ");
        envelope_print(&session->out, &run->info.envelope);
    }
    if ((items & FETCH_BODY) != 0) {
        fetch_item_name(session, run, "BODY ");
        bodystructure_print(&session->out, &run->info, false);
    }
    if ((items & FETCH_BODYSTRUCTURE) != 0) {
        fetch_item_name(session, run, "BODYSTRUCTURE ");
        bodystructure_print(&session->out, &run->info, true);
    }
}

static unsigned reader_items(const struct fetch_request *request)
{
    unsigned items = 0;
    if ((request->items & (FETCH_ENVELOPE | FETCH_BODY | FETCH_BODYSTRUCTURE)) != 0) {
        items |= MAILBOX_ITEM_INFO;
    }
    if ((request->items & FETCH_PREVIEW) != 0) {
        items |= MAILBOX_ITEM_PREVIEW;
    }
    if ((request->items & FETCH_THREADID) != 0) {
        items |= MAILBOX_ITEM_THREAD;
    }
    for (size_t i = 0; i < request->n_bodies; i++) {
        const struct fetch_body *body = &request->bodies[i];
        bool from_header = body->section.n_numbers == 0 && body->section.kind != BODY_SECTION_ALL &&
                           body->section.kind != BODY_SECTION_TEXT;
        items |= (unsigned)(from_header ? MAILBOX_ITEM_HEADER : MAILBOX_ITEM_CONTENT);
        /* The whole message and its header are found without its parts. */
        if (body->section.n_numbers > 0 || body->section.kind == BODY_SECTION_TEXT) {
            items |= MAILBOX_ITEM_INFO;
        }
    }
    return items;
}

/* ---- Messages ---- */

static void fetch_finish(struct imap_session *session, struct fetch_run *run)
{
    if (run->finished != NULL) {
        void (*finished)(struct imap_session * session) = run->finished;
        imap_fetch_clean(session);
        session->command.data = NULL;
        finished(session);
    } else if (run->unknown_encoding) {
        imap_finish(session, IMAP_STATUS_NO, "UNKNOWN-CTE", "A part's encoding is not known");
    } else {
        imap_done(session);
    }
}

/* The stored form, or a plain one in its place when it can't be used or nobody asked for it. */
static void take_form(struct imap_session *session, struct fetch_run *run)
{
    struct fault fault = {0};
    if (run->data.info.len == 0 ||
        !message_info_parse(&run->info, run->data.info, run->data.content_len, &run->arena,
                            &fault)) {
        message_info_of_opaque(&run->info,
                               run->data.header.len < run->data.content_len ? run->data.header.len
                                                                            : run->data.content_len,
                               run->data.content_len, 0, session->now.wall_sec, &run->arena);
    }
}

static void begin_message(struct imap_session *session, struct fetch_run *run,
                          const struct mailbox_view *newest)
{
    const struct mailbox_message *message = imap_newest(session, newest, run->data.uid);
    run->in_message = true;
    run->has_items = false;
    run->n_bodies_done = 0;
    arena_clear(&run->arena);
    imap_begin_fetch_line(session, mailbox_view_seq_of(session->selected.told, run->data.uid),
                          run->data.uid);
    write_view_items(session, run, message, newest->keywords);
    if (run->reader != NULL) {
        take_form(session, run);
        write_form_items(session, run);
    }
}

/* On to the next message. False when there is none, or not yet. */
static bool next_message(struct imap_session *session, struct fetch_run *run,
                         const struct mailbox_view *newest)
{
    struct fault fault = {0};
    if (run->reader == NULL) {
        run->data = (struct mailbox_item_data){0};
        if (!uid_set_next(&run->uids, &run->walk, &run->data.uid)) {
            fetch_finish(session, run);
            return false;
        }
        begin_message(session, run, newest);
        return true;
    }
    switch (session->ops->read_next(run->reader, &run->data, &fault)) {
    case MAILBOX_READ_OK:
        begin_message(session, run, newest);
        return true;
    case MAILBOX_READ_GONE:
        session->command.some_are_gone = true;
        return true;
    case MAILBOX_READ_WAIT:
        session->command.waiting = true;
        return false;
    case MAILBOX_READ_END:
        fetch_finish(session, run);
        return false;
    case MAILBOX_READ_FAILED:
        break;
    }
    if (run->finished != NULL) {
        fetch_finish(session, run);
    } else {
        imap_refuse(session, &fault, NULL);
    }
    return false;
}

void imap_fetch_step(struct imap_session *session)
{
    struct fetch_run *run = session->command.data;
    struct mailbox_view *newest = session->ops->view(session->selected.mailbox);
    bool goes_on = true;
    while (goes_on && imap_has_room(session)) {
        if (!run->in_message) {
            goes_on = next_message(session, run, newest);
        } else if (run->n_bodies_done < run->request.n_bodies) {
            goes_on = fetch_body_step(session, run);
        } else {
            buf_append_str(&session->out, ")\r\n");
            run->in_message = false;
        }
    }
    mailbox_view_unref(&newest);
}

static void fetch_ready(void *context)
{
    imap_resume(context);
}

/* ---- Starting ---- */

static void start_reading(struct imap_session *session)
{
    struct fetch_run *run = session->command.data;
    unsigned items = reader_items(&run->request);
    if (items != 0) {
        run->reader = session->ops->read_start(session->selected.mailbox, &run->uids, items,
                                               (struct mailbox_ready){fetch_ready, session});
    }
    if (run->finished == NULL) {
        session->command.step = imap_fetch_step;
    }
}

static void marked_seen(void *context, const struct mailbox_answer *answer)
{
    struct imap_session *session = context;
    struct fetch_run *run = session->command.data;
    imap_resume(session);
    if (answer->fault != NULL) {
        imap_refuse(session, answer->fault, NULL);
        return;
    }
    for (size_t i = 0; i < answer->n_changed; i++) {
        uid_set_add(&run->newly_seen, answer->changed[i].uid);
    }
    imap_told(session, answer->changed, answer->n_changed);
    start_reading(session);
}

static bool sets_seen(const struct imap_session *session, const struct fetch_request *request)
{
    for (size_t i = 0; i < request->n_bodies; i++) {
        if (!request->bodies[i].peek) {
            return !session->selected.read_only;
        }
    }
    return false;
}

/* Those of the messages that have not changed since then are not asked for. */
static void keep_changed(struct imap_session *session, struct fetch_run *run,
                         const struct mailbox_view *newest)
{
    struct uid_set kept = {0};
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    while (uid_set_next(&run->uids, &walk, &uid)) {
        if (imap_newest(session, newest, uid)->modseq > run->request.changed_since) {
            uid_set_add(&kept, uid);
        }
    }
    uid_set_take(&run->uids, &kept);
}

/* A page of them (RFC 9394 section 3.2). */
static void keep_partial(struct fetch_run *run)
{
    struct uid_set kept = {0};
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    size_t first = 0;
    size_t end = 0;
    partial_range_apply(&run->request.partial, (size_t)uid_set_count(&run->uids), &first, &end);
    for (size_t i = 0; i < end && uid_set_next(&run->uids, &walk, &uid); i++) {
        if (i >= first) {
            uid_set_add(&kept, uid);
        }
    }
    uid_set_take(&run->uids, &kept);
}

static void fetch_run(struct imap_session *session, struct fetch_run *run)
{
    struct mailbox_view *newest = session->ops->view(session->selected.mailbox);
    struct uid_set unseen = {0};
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    if (run->request.has_changed_since) {
        keep_changed(session, run, newest);
    }
    if (run->request.has_partial) {
        keep_partial(run);
    }
    while (sets_seen(session, &run->request) && uid_set_next(&run->uids, &walk, &uid)) {
        if ((imap_newest(session, newest, uid)->flags & MAILBOX_FLAG_SEEN) == 0) {
            uid_set_add(&unseen, uid);
        }
    }
    mailbox_view_unref(&newest);
    if (uid_set_is_empty(&unseen)) {
        start_reading(session);
        return;
    }
    struct mailbox_store_request request = {
        .uids = &unseen, .mode = MAILBOX_STORE_ADD, .flags = {.flags = MAILBOX_FLAG_SEEN}};
    imap_await(session, session->ops->store_flags(session->selected.mailbox, &request,
                                                  imap_answer_to(session, marked_seen)));
    uid_set_clear(&unseen);
}

/* "UID FETCH set (...) (CHANGEDSINCE n VANISHED)" (RFC 7162 section 3.2.6). */
static void tell_vanished(struct imap_session *session, const struct fetch_run *run,
                          struct bytes set_text)
{
    struct uid_set asked = {0};
    uint32_t uid_next = session->selected.told->uid_next;
    uint32_t star = uid_next > 1 ? uid_next - 1 : 1;
    if (seqset_plain(&asked, set_text, star) == SEQSET_OK) {
        imap_tell_vanished_earlier(session, run->request.changed_since, &asked);
    }
    uid_set_clear(&asked);
}

void imap_fetch_untagged(struct imap_session *session, const struct fetch_request *request,
                         const struct uid_set *uids, void (*finished)(struct imap_session *session))
{
    struct fetch_run *run = arena_alloc(&session->command.arena, sizeof(*run));
    session->command.data = run;
    run->request = *request;
    run->finished = finished;
    uid_set_copy(&run->uids, uids);
    start_reading(session);
}

void cmd_fetch(struct imap_session *session, struct imap_parser *args)
{
    struct fetch_run *run = arena_alloc(args->arena, sizeof(*run));
    session->command.data = run;
    session->command.clean = imap_fetch_clean;
    imap_space(args);
    struct bytes set_text = bytes_slice(args->rest, 0, bytes_find(args->rest, ' '));
    imap_set_arg(session, args, &run->uids);
    imap_space(args);
    fetch_parse(&run->request, args);
    if (session->command.is_uid && (session->enabled & IMAP_ENABLED_UIDONLY) == 0) {
        run->request.items |= FETCH_UID;
    }
    if (run->request.vanished &&
        (!session->command.is_uid || (session->enabled & IMAP_ENABLED_QRESYNC) == 0)) {
        imap_fail(args, "VANISHED is for UID FETCH with QRESYNC");
    }
    if (imap_is_bad(session, args)) {
        return;
    }
    if ((run->request.items & FETCH_MODSEQ) != 0) {
        imap_enable_condstore(session);
    }
    if (run->request.vanished) {
        tell_vanished(session, run, set_text);
    }
    fetch_run(session, run);
}
