// SPDX-License-Identifier: MIT
/* The body items of a FETCH: BODY[...], BINARY[...], RFC822: from memory, or piece by piece from
 * the store, as long as there is room for output. */
#include <inttypes.h>
#include <string.h>

#include "mailproto/imap/body_decode.h"
#include "mailproto/imap/fetch_run.h"
#include "mailproto/imap/imap_internal.h"

enum { BINARY_MAX_BYTES = MAILBOX_APPEND_MAX_BYTES };

void fetch_item_name(struct imap_session *session, struct fetch_run *run, const char *name)
{
    if (run->has_items) {
        buf_append_byte(&session->out, ' ');
    }
    buf_append_str(&session->out, name);
    run->has_items = true;
}

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
    fetch_item_name(session, run, "");
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
    if (run->source == FETCH_SOURCE_GATHER && !buf_try_reserve(&run->gathered, piece.len)) {
        imap_bye(session, "UNAVAILABLE", "There is no memory for the message now");
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

bool fetch_body_step(struct imap_session *session, struct fetch_run *run)
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
