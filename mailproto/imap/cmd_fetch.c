// SPDX-License-Identifier: MIT
/* FETCH (RFC 9051 section 6.4.5): a walk over messages that stops wherever the output is full.
 *
 *     cmd_fetch -> (mark \Seen, wait for the commit) -> fetch_step ...
 *       next message -> "* 5 FETCH (" and the small items -> each BODY[...] in turn -> ")"
 *                                                             |  from memory, or
 *                                                             |  piece by piece from the store
 *
 * Small items come from the view; ENVELOPE and the like from the message's stored form; nothing
 * parses a message here. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/fault.h"
#include "base/str.h"
#include "mailproto/imap/body_decode.h"
#include "mailproto/imap/bodystructure.h"
#include "mailproto/imap/fetch.h"
#include "mailproto/imap/imap_date.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/imap_write.h"
#include "mailproto/imap/seqset.h"

enum { BINARY_MAX_BYTES = MAILBOX_APPEND_MAX_BYTES };

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

static void item_name(struct imap_session *session, struct fetch_run *run, const char *name)
{
    if (run->has_items) {
        buf_append_byte(&session->out, ' ');
    }
    buf_append_str(&session->out, name);
    run->has_items = true;
}

static void write_view_items(struct imap_session *session, struct fetch_run *run,
                             const struct mailbox_message *message,
                             const struct mailbox_keywords *names)
{
    struct buf *out = &session->out;
    unsigned items = run->request.items;
    if ((items & FETCH_UID) != 0) {
        item_name(session, run, "UID ");
        buf_append_u64(out, message->uid);
    }
    if ((items & FETCH_FLAGS) != 0 || uid_set_has(&run->newly_seen, message->uid)) {
        item_name(session, run, "FLAGS (");
        imap_write_flags(out, message->flags, message->keywords, names,
                         imap_is_recent(session, message->uid));
        buf_append_byte(out, ')');
    }
    if ((items & FETCH_INTERNALDATE) != 0) {
        item_name(session, run, "INTERNALDATE ");
        imap_date_time_print(out, message->internal_sec, message->internal_zone_min);
    }
    if ((items & FETCH_SIZE) != 0) {
        item_name(session, run, "RFC822.SIZE ");
        buf_append_u64(out, message->size);
    }
    if ((items & FETCH_MODSEQ) != 0) {
        item_name(session, run, "MODSEQ (");
        buf_append_u64(out, message->modseq);
        buf_append_byte(out, ')');
    }
    if ((items & FETCH_SAVEDATE) != 0) {
        item_name(session, run, "SAVEDATE ");
        imap_date_time_print(out, message->saved_sec, 0);
    }
    if ((items & FETCH_EMAILID) != 0) {
        item_name(session, run, "EMAILID (E");
        buf_printf(out, "%" PRIu64 ")", message->email_id);
    }
}

static void write_form_items(struct imap_session *session, struct fetch_run *run)
{
    unsigned items = run->request.items;
    if ((items & FETCH_PREVIEW) != 0) {
        item_name(session, run, "PREVIEW ");
        imap_write_string(&session->out, run->data.preview);
    }
    if ((items & FETCH_THREADID) != 0) {
        item_name(session, run, "THREADID (T");
        buf_printf(&session->out, "%" PRIu64 ")", run->data.thread_id);
    }
    if ((items & FETCH_ENVELOPE) != 0) {
        item_name(session, run, "ENVELOPE ");
        envelope_print(&session->out, &run->info.envelope);
    }
    if ((items & FETCH_BODY) != 0) {
        item_name(session, run, "BODY ");
        bodystructure_print(&session->out, &run->info, false);
    }
    if ((items & FETCH_BODYSTRUCTURE) != 0) {
        item_name(session, run, "BODYSTRUCTURE ");
        bodystructure_print(&session->out, &run->info, true);
    }
}

/* ---- Body items ---- */

/* "BODY[HEADER.FIELDS (To)]<0> ": the same for every message, so it is made once. */
static struct bytes make_label(const struct fetch_body *body, struct arena *arena)
{
    static const char *const names[] = {[FETCH_FORM_SECTION] = "BODY",
                                        [FETCH_FORM_BINARY] = "BINARY",
                                        [FETCH_FORM_BINARY_SIZE] = "BINARY.SIZE"};
    static const char *const old_names[] = {"RFC822", "RFC822.HEADER", "", "", "RFC822.TEXT", ""};
    struct buf label = {0};
    if (body->form == FETCH_FORM_RFC822) {
        buf_append_str(&label, old_names[body->section.kind]);
    } else {
        buf_append_str(&label, names[body->form]);
        body_section_print(&label, &body->section);
    }
    if (body->has_partial) {
        buf_printf(&label, "<%u>", body->partial_offset);
    }
    buf_append_byte(&label, ' ');
    struct bytes kept = {arena_memdup(arena, label.data, label.len), label.len};
    buf_clear(&label);
    return kept;
}

static void body_name(struct imap_session *session, struct fetch_run *run,
                      const struct fetch_body *body)
{
    struct bytes *label = &run->labels[run->n_bodies_done];
    if (label->data == NULL) {
        *label = make_label(body, &session->command.arena);
    }
    item_name(session, run, "");
    buf_append_bytes(&session->out, *label);
}

static void cut_partial(const struct fetch_body *body, uint64_t *offset, uint64_t *len)
{
    if (!body->has_partial) {
        return;
    }
    uint64_t skip = body->partial_offset < *len ? body->partial_offset : *len;
    *offset += skip;
    *len -= skip;
    if (*len > body->partial_len) {
        *len = body->partial_len;
    }
}

static void body_done(struct fetch_run *run)
{
    run->source = FETCH_SOURCE_NONE;
    run->n_bodies_done++;
    buf_clear(&run->gathered);
}

/* Send these bytes as the item's literal. */
static void from_memory(struct imap_session *session, struct fetch_run *run,
                        const struct fetch_body *body, struct bytes memory)
{
    uint64_t offset = 0;
    uint64_t len = memory.len;
    cut_partial(body, &offset, &len);
    run->memory = bytes_slice(memory, (size_t)offset, (size_t)len);
    run->left = len;
    run->source = FETCH_SOURCE_MEMORY;
    bool has_nul = bytes_find(run->memory, 0) != run->memory.len;
    bool binary = body->form == FETCH_FORM_BINARY && has_nul;
    buf_printf(&session->out, "%s{%" PRIu64 "}\r\n", binary ? "~" : "", len);
}

static void from_store(struct imap_session *session, struct fetch_run *run,
                       const struct fetch_body *body, uint64_t offset, uint64_t len)
{
    cut_partial(body, &offset, &len);
    run->source = FETCH_SOURCE_STORE;
    run->offset = offset;
    run->left = len;
    buf_printf(&session->out, "{%" PRIu64 "}\r\n", len);
}

static void gather(struct fetch_run *run, uint64_t offset, uint64_t len)
{
    run->source = FETCH_SOURCE_GATHER;
    run->offset = offset;
    run->left = len;
    buf_reset(&run->gathered);
}

static void start_body(struct imap_session *session, struct fetch_run *run)
{
    const struct fetch_body *body = &run->request.bodies[run->n_bodies_done];
    const struct body_section *section = &body->section;
    bool fields = section->kind == BODY_SECTION_FIELDS || section->kind == BODY_SECTION_FIELDS_NOT;
    bool of_message = section->n_numbers == 0;
    uint64_t offset = 0;
    uint64_t len = 0;
    body_name(session, run, body);
    if (!body_section_find(section, &run->info, run->data.content_len, &offset, &len, &run->part)) {
        buf_append_str(&session->out, body->form == FETCH_FORM_BINARY_SIZE ? "0" : "NIL");
        body_done(run);
    } else if (fields && of_message) {
        body_section_filter(&run->gathered, section,
                            bytes_slice(run->data.header, 0, BODY_SECTION_HEADER_MAX_BYTES));
        from_memory(session, run, body, buf_view(&run->gathered));
    } else if (fields) {
        gather(run, offset,
               len < BODY_SECTION_HEADER_MAX_BYTES ? len : BODY_SECTION_HEADER_MAX_BYTES);
    } else if (of_message && section->kind == BODY_SECTION_HEADER) {
        from_memory(session, run, body, run->data.header);
    } else if (body->form == FETCH_FORM_BINARY || body->form == FETCH_FORM_BINARY_SIZE) {
        gather(run, offset, len);
    } else {
        from_store(session, run, body, offset, len);
    }
}

/* What was gathered becomes what is sent. */
static void use_gathered(struct imap_session *session, struct fetch_run *run)
{
    const struct fetch_body *body = &run->request.bodies[run->n_bodies_done];
    struct buf made = {0};
    if (body->section.kind == BODY_SECTION_FIELDS ||
        body->section.kind == BODY_SECTION_FIELDS_NOT) {
        body_section_filter(&made, &body->section, buf_view(&run->gathered));
    } else {
        struct bytes encoding = body->section.n_numbers == 0 ? bytes_of_str("binary")
                                                             : run->info.parts[run->part].encoding;
        buf_init(&made, BINARY_MAX_BYTES);
        if (!body_decode(&made, encoding, buf_view(&run->gathered))) {
            run->unknown_encoding = true;
            buf_append_str(&session->out, body->form == FETCH_FORM_BINARY_SIZE ? "0" : "NIL");
            buf_clear(&made);
            body_done(run);
            return;
        }
    }
    if (body->form == FETCH_FORM_BINARY_SIZE) {
        buf_printf(&session->out, "%zu", made.len);
        buf_clear(&made);
        body_done(run);
        return;
    }
    buf_clear(&run->gathered);
    run->gathered = made;
    from_memory(session, run, body, buf_view(&run->gathered));
}

/* A NUL can't stand in a plain literal: it goes as 0x80, so that the length stays what it is. */
static void append_content(struct imap_session *session, const struct fetch_run *run,
                           struct bytes piece)
{
    size_t start = session->out.len;
    buf_append_bytes(&session->out, piece);
    if (run->request.bodies[run->n_bodies_done].form == FETCH_FORM_BINARY) {
        return;
    }
    uint8_t *nul = NULL;
    while ((nul = memchr(session->out.data + start, '\0', session->out.len - start)) != NULL) {
        *nul = 0x80;
    }
}

/* One piece from the store. False when the step has to rest. */
static bool read_piece(struct imap_session *session, struct fetch_run *run)
{
    struct bytes piece = {0};
    struct fault fault = {0};
    size_t room = SERVE_OUTPUT_MARK_BYTES - session->out.len;
    size_t want = run->source == FETCH_SOURCE_GATHER ? MAILBOX_CONTENT_PIECE_BYTES : room;
    want = run->left < want ? (size_t)run->left : want;
    switch (session->ops->read_content(run->reader, run->offset, want, &piece, &fault)) {
    case MAILBOX_READ_OK:
        break;
    case MAILBOX_READ_WAIT:
        session->command.waiting = true;
        return false;
    default:
        /* In the middle of a literal there is no way to say "no". */
        imap_bye(session, "UNAVAILABLE", "The message can't be read");
        session->command.step = NULL;
        return false;
    }
    run->offset += piece.len;
    run->left -= piece.len;
    if (run->source == FETCH_SOURCE_GATHER) {
        buf_append_bytes(&run->gathered, piece);
    } else {
        append_content(session, run, piece);
    }
    return true;
}

static bool body_step(struct imap_session *session, struct fetch_run *run)
{
    size_t room = SERVE_OUTPUT_MARK_BYTES - session->out.len;
    switch (run->source) {
    case FETCH_SOURCE_NONE:
        start_body(session, run);
        return true;
    case FETCH_SOURCE_MEMORY: {
        struct bytes piece = bytes_slice(run->memory, run->memory.len - (size_t)run->left, room);
        append_content(session, run, piece);
        run->left -= piece.len;
        break;
    }
    case FETCH_SOURCE_STORE:
        if (run->left > 0 && !read_piece(session, run)) {
            return false;
        }
        break;
    case FETCH_SOURCE_GATHER:
        if (run->left > 0 && !read_piece(session, run)) {
            return false;
        }
        if (run->left == 0) {
            use_gathered(session, run);
        }
        return true;
    }
    if (run->left == 0) {
        body_done(run);
    }
    return true;
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
        void (*finished)(struct imap_session *session) = run->finished;
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
            goes_on = body_step(session, run);
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
                         const struct uid_set *uids,
                         void (*finished)(struct imap_session *session))
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
