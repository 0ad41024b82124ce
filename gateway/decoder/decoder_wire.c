// SPDX-License-Identifier: MIT
#include "gateway/decoder/decoder_wire.h"

#include "base/buf.h"
#include "base/fault.h"
#include "base/mem.h"

/* The least that one element takes on the wire: so that a count can be held against what is left.
 */
enum { LEAST_BLOCK = 4, LEAST_FILE = 5 * LEAST_BLOCK, LEAST_ADDRESS = 4 * LEAST_BLOCK };

/* ---- pieces, both ways ---- */

static struct bytes read_text(struct reader *in)
{
    return reader_block(in, DECODER_MAX_ANSWER_BYTES);
}

/* A count of elements that take at least `least` bytes each; fails above `max` or what is left. */
static size_t read_count(struct reader *in, size_t max, size_t least)
{
    uint32_t n = reader_u32(in);
    if (n > max || n > reader_left(in) / least) {
        reader_fail(in);
        return 0;
    }
    return n;
}

static void *alloc_array(struct arena *arena, size_t n_items, size_t item_size)
{
    return n_items == 0 ? NULL : arena_alloc(arena, n_items * item_size);
}

static void write_texts(struct buf *out, const struct bytes *texts, size_t n_texts)
{
    write_u32(out, (uint32_t)n_texts);
    for (size_t i = 0; i < n_texts; i++) {
        write_block(out, texts[i]);
    }
}

static struct bytes *read_texts(size_t *out_n, struct reader *in, size_t max, struct arena *arena)
{
    size_t n = read_count(in, max, LEAST_BLOCK);
    struct bytes *texts = alloc_array(arena, n, sizeof *texts);
    for (size_t i = 0; i < n; i++) {
        texts[i] = read_text(in);
    }
    *out_n = n;
    return texts;
}

/* ---- a content ---- */

static void write_content(struct buf *out, const struct content *content)
{
    write_u64(out, content->encoding);
    write_block(out, content->subject);
    write_block(out, content->body);
    write_u32(out, (uint32_t)content->n_files);
    for (size_t i = 0; i < content->n_files; i++) {
        const struct content_file *file = &content->files[i];
        write_block(out, file->name);
        write_block(out, file->type);
        write_block(out, file->disposition);
        write_block(out, file->id);
        write_block(out, file->data);
    }
    write_texts(out, content->parents, content->n_parents);
}

static struct content read_content(struct reader *in, struct arena *arena)
{
    struct content content = {.encoding = reader_u64(in)};
    content.subject = read_text(in);
    content.body = read_text(in);
    content.n_files = read_count(in, CONTENT_MAX_FILES, LEAST_FILE);
    content.files = alloc_array(arena, content.n_files, sizeof *content.files);
    for (size_t i = 0; i < content.n_files; i++) {
        struct content_file *file = &content.files[i];
        file->name = read_text(in);
        file->type = read_text(in);
        file->disposition = read_text(in);
        file->id = read_text(in);
        file->data = read_text(in);
    }
    content.parents = read_texts(&content.n_parents, in, CONTENT_MAX_PARENTS, arena);
    return content;
}

/* ---- an outgoing mail ---- */

static void write_addresses(struct buf *out, const struct mail_addresses *addresses)
{
    write_u32(out, (uint32_t)addresses->n_items);
    for (size_t i = 0; i < addresses->n_items; i++) {
        write_block(out, addresses->items[i].name);
        write_block(out, addresses->items[i].route);
        write_block(out, addresses->items[i].mailbox);
        write_block(out, addresses->items[i].host);
    }
}

static struct mail_addresses read_addresses(struct reader *in, struct arena *arena)
{
    struct mail_addresses list = {.n_items =
                                      read_count(in, MESSAGE_INFO_MAX_ADDRESSES, LEAST_ADDRESS)};
    list.items = alloc_array(arena, list.n_items, sizeof *list.items);
    for (size_t i = 0; i < list.n_items; i++) {
        list.items[i].name = read_text(in);
        list.items[i].route = read_text(in);
        list.items[i].mailbox = read_text(in);
        list.items[i].host = read_text(in);
    }
    return list;
}

static void write_outgoing(struct buf *out, const struct outgoing_mail *mail)
{
    write_block(out, mail->subject);
    write_block(out, mail->text);
    write_u8(out, (uint8_t)mail->text_origin);
    write_u32(out, (uint32_t)mail->n_files);
    for (size_t i = 0; i < mail->n_files; i++) {
        write_block(out, mail->files[i].name);
        write_block(out, mail->files[i].type);
        write_block(out, mail->files[i].disposition);
        write_block(out, mail->files[i].id);
        write_block(out, mail->files[i].data);
    }
    write_addresses(out, &mail->from);
    write_addresses(out, &mail->to);
    write_addresses(out, &mail->cc);
    write_addresses(out, &mail->bcc);
    write_block(out, mail->message_id);
    write_texts(out, mail->references, mail->n_references);
    write_u32(out, (uint32_t)mail->n_headers);
    for (size_t i = 0; i < mail->n_headers; i++) {
        write_block(out, mail->headers[i].name);
        write_block(out, mail->headers[i].value);
    }
}

static struct outgoing_mail read_outgoing(struct reader *in, struct arena *arena)
{
    struct outgoing_mail mail = {.subject = read_text(in)};
    mail.text = read_text(in);
    uint8_t origin = reader_u8(in);
    if (origin > OUTGOING_TEXT_HTML) {
        reader_fail(in);
    } else {
        mail.text_origin = (enum outgoing_text_origin)origin;
    }
    mail.n_files = read_count(in, OUTGOING_MAX_FILES, LEAST_FILE);
    mail.files = alloc_array(arena, mail.n_files, sizeof *mail.files);
    for (size_t i = 0; i < mail.n_files; i++) {
        mail.files[i].name = read_text(in);
        mail.files[i].type = read_text(in);
        mail.files[i].disposition = read_text(in);
        mail.files[i].id = read_text(in);
        mail.files[i].data = read_text(in);
    }
    mail.from = read_addresses(in, arena);
    mail.to = read_addresses(in, arena);
    mail.cc = read_addresses(in, arena);
    mail.bcc = read_addresses(in, arena);
    mail.message_id = read_text(in);
    mail.references = read_texts(&mail.n_references, in, OUTGOING_MAX_REFERENCES, arena);
    mail.n_headers = read_count(in, OUTGOING_MAX_HEADERS, 2 * LEAST_BLOCK);
    mail.headers = alloc_array(arena, mail.n_headers, sizeof *mail.headers);
    for (size_t i = 0; i < mail.n_headers; i++) {
        mail.headers[i].name = read_text(in);
        mail.headers[i].value = read_text(in);
    }
    return mail;
}

/* ---- an analysis ---- */

static void write_analysis(struct buf *out, const struct mail_analysis *analysis)
{
    write_block(out, analysis->info_blob);
    write_block(out, analysis->text.header);
    write_block(out, analysis->text.body);
    write_block(out, analysis->preview);
    write_u8(out, analysis->is_opaque);
}

static bool read_analysis(struct mail_analysis *out, struct reader *in, size_t mail_len,
                          struct arena *arena, struct fault *fault)
{
    out->info_blob = reader_block(in, MESSAGE_INFO_MAX_BLOB_BYTES);
    out->text.header = reader_block(in, DECODER_MAX_SEARCH_BYTES);
    out->text.body = reader_block(in, DECODER_MAX_SEARCH_BYTES);
    out->preview = reader_block(in, DECODER_MAX_PREVIEW_BYTES);
    out->is_opaque = reader_u8(in) != 0;
    return reader_ok(in) && message_info_parse(&out->info, out->info_blob, mail_len, arena, fault);
}

/* ---- frames ---- */

static size_t begin_frame(struct buf *out, uint8_t kind, uint64_t id)
{
    size_t start = out->len;
    write_u32(out, 0);
    write_u8(out, kind);
    write_u64(out, id);
    return start;
}

static void end_frame(struct buf *out, size_t start)
{
    store_be32(out->data + start, (uint32_t)(out->len - start - DECODER_FRAME_HEADER_BYTES));
}

struct frame_head {
    uint8_t kind;
    uint64_t id;
    struct bytes payload;
};

static enum parse_result parse_frame(struct frame_head *out, size_t *out_used, struct bytes in,
                                     size_t max_payload, struct fault *fault)
{
    if (in.len < DECODER_FRAME_HEADER_BYTES) {
        return PARSE_MORE;
    }
    struct reader reader = reader_of(in);
    uint32_t len = reader_u32(&reader);
    out->kind = reader_u8(&reader);
    out->id = reader_u64(&reader);
    if (len > max_payload) {
        fault_set(fault, FAULT_LIMIT, "decoder frame: %u bytes", (unsigned)len);
        return PARSE_BAD;
    }
    if (len > reader_left(&reader)) {
        return PARSE_MORE;
    }
    out->payload = reader_bytes(&reader, len);
    *out_used = DECODER_FRAME_HEADER_BYTES + (size_t)len;
    return PARSE_DONE;
}

bool decoder_wire_write_request(struct buf *out, const struct decoder_request *request)
{
    size_t start = begin_frame(out, (uint8_t)request->job, request->id);
    switch (request->job) {
    case DECODER_JOB_ANALYSE:
        write_u64(out, (uint64_t)request->arrived_sec);
        write_block(out, request->input);
        break;
    case DECODER_JOB_OUTGOING:
        write_block(out, request->input);
        break;
    case DECODER_JOB_DECODE:
        write_u64(out, request->encoding);
        write_block(out, request->input);
        break;
    case DECODER_JOB_ENCODE:
        write_content(out, &request->content);
        break;
    }
    if (out->len - start > DECODER_FRAME_HEADER_BYTES + (size_t)DECODER_MAX_REQUEST_BYTES) {
        buf_truncate(out, start);
        return false;
    }
    end_frame(out, start);
    return true;
}

enum parse_result decoder_wire_parse_request(struct decoder_request *out, size_t *out_used,
                                             struct bytes in, struct arena *arena,
                                             struct fault *fault)
{
    struct frame_head head;
    enum parse_result result = parse_frame(&head, out_used, in, DECODER_MAX_REQUEST_BYTES, fault);
    if (result != PARSE_DONE) {
        return result;
    }
    struct decoder_request request = {.id = head.id, .job = (enum decoder_job)head.kind};
    struct reader reader = reader_of(head.payload);
    switch (request.job) {
    case DECODER_JOB_ANALYSE:
        request.arrived_sec = (int64_t)reader_u64(&reader);
        request.input = reader_block(&reader, DECODER_MAX_MAIL_BYTES);
        break;
    case DECODER_JOB_OUTGOING:
        request.input = reader_block(&reader, DECODER_MAX_MAIL_BYTES);
        break;
    case DECODER_JOB_DECODE:
        request.encoding = reader_u64(&reader);
        request.input = reader_block(&reader, DECODER_MAX_MAIL_BYTES);
        break;
    case DECODER_JOB_ENCODE:
        request.content = read_content(&reader, arena);
        break;
    default:
        reader_fail(&reader);
    }
    if (!reader_at_end(&reader)) {
        fault_set(fault, FAULT_INVALID, "decoder request: broken, kind %u", head.kind);
        return PARSE_BAD;
    }
    *out = request;
    return PARSE_DONE;
}

static void write_done(struct buf *out, enum decoder_job job, const struct decoder_answer *answer)
{
    switch (job) {
    case DECODER_JOB_ANALYSE:
        write_analysis(out, &answer->analysis);
        break;
    case DECODER_JOB_OUTGOING:
        write_outgoing(out, &answer->outgoing);
        break;
    case DECODER_JOB_DECODE:
        write_content(out, &answer->content);
        break;
    case DECODER_JOB_ENCODE:
        write_block(out, answer->encoded);
        break;
    }
}

static void write_refused(struct buf *out, enum fault_code code, const char *text)
{
    write_u8(out, (uint8_t)code);
    write_block(out, bytes_of_str(text));
}

void decoder_wire_write_answer(struct buf *out, uint64_t id, enum decoder_job job,
                               const struct decoder_answer *answer)
{
    bool is_done = answer->outcome == DECODER_DONE;
    size_t start = begin_frame(out, is_done ? DECODER_DONE : DECODER_REFUSED, id);
    if (is_done) {
        write_done(out, job, answer);
    } else {
        write_refused(out, answer->fault.code, answer->fault.text);
    }
    if (out->len - start > DECODER_FRAME_HEADER_BYTES + (size_t)DECODER_MAX_ANSWER_BYTES) {
        buf_truncate(out, start);
        start = begin_frame(out, DECODER_REFUSED, id);
        write_refused(out, FAULT_LIMIT, "what came out of it is too large");
    }
    end_frame(out, start);
}

static bool read_refused(struct decoder_answer *answer, struct reader *in)
{
    uint8_t code = reader_u8(in);
    struct bytes words = reader_block(in, FAULT_TEXT_BYTES - 1);
    if (code == FAULT_NONE || code > FAULT_INTERNAL) {
        return false;
    }
    fault_set(&answer->fault, (enum fault_code)code, "%.*s", (int)words.len,
              words.len == 0 ? "" : (const char *)words.data);
    return true;
}

static bool read_done(struct decoder_answer *answer, struct reader *in,
                      const struct decoder_request *request, struct fault *fault)
{
    struct arena *arena = &answer->arena;
    switch (request->job) {
    case DECODER_JOB_ANALYSE:
        return read_analysis(&answer->analysis, in, request->input.len, arena, fault);
    case DECODER_JOB_OUTGOING:
        answer->outgoing = read_outgoing(in, arena);
        return true;
    case DECODER_JOB_DECODE:
        answer->content = read_content(in, arena);
        return true;
    case DECODER_JOB_ENCODE:
        answer->encoded = read_text(in);
        return true;
    }
    return false;
}

enum parse_result decoder_wire_parse_answer(struct decoder_answer *answer, size_t *out_used,
                                            struct bytes in, const struct decoder_request *request,
                                            struct fault *fault)
{
    struct frame_head head;
    enum parse_result result = parse_frame(&head, out_used, in, DECODER_MAX_ANSWER_BYTES, fault);
    if (result != PARSE_DONE) {
        return result;
    }
    if (head.id != request->id || head.kind > DECODER_REFUSED) {
        fault_set(fault, FAULT_INVALID, "decoder answer: not to what was asked");
        return PARSE_BAD;
    }
    struct bytes own = {arena_try_memdup(&answer->arena, head.payload.data, head.payload.len),
                        head.payload.len};
    if (own.data == NULL) {
        answer->outcome = DECODER_REFUSED;
        fault_set(&answer->fault, FAULT_BUSY, "there is no memory for it now");
        return PARSE_DONE;
    }
    struct reader reader = reader_of(own);
    answer->outcome = (enum decoder_outcome)head.kind;
    bool ok = answer->outcome == DECODER_DONE ? read_done(answer, &reader, request, fault)
                                              : read_refused(answer, &reader);
    if (!ok || !reader_at_end(&reader)) {
        fault_set(fault, FAULT_INVALID, "decoder answer: broken");
        return PARSE_BAD;
    }
    return PARSE_DONE;
}
