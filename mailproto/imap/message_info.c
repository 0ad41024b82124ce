// SPDX-License-Identifier: MIT
/* The blob of a message's form.
 *
 *     u8 version
 *     block: i64 sent_sec, u16 zone, u8 has_attachment, the envelope
 *     var_int n_parts, then each part in the order of the array
 *
 * A text is a var_int of its length + 1 (0: absent) and its bytes. The tree is not written as
 * indices: each part gives the number of its children, and since a part stands before its children,
 * that alone makes the tree. So a parsed tree can't have a cycle or an index out of range. */
#include "mailproto/imap/message_info.h"

#include <string.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/str.h"

enum { BLOB_VERSION = 1 };

struct bytes message_text_empty(void)
{
    return (struct bytes){.data = (const uint8_t *)"", .len = 0};
}

bool mime_part_is_message(const struct mime_part *part)
{
    return part->envelope != NULL && part->n_children == 1;
}

bool mime_part_is_multipart(const struct mime_part *part)
{
    return bytes_is_word(part->type, "multipart");
}

/* ---- Writing ---- */

static void write_text(struct buf *out, struct bytes text)
{
    if (message_text_is_absent(text)) {
        write_var_int(out, 0);
        return;
    }
    size_t len = text.len < MESSAGE_INFO_MAX_TEXT_BYTES ? text.len : MESSAGE_INFO_MAX_TEXT_BYTES;
    write_var_int(out, len + 1);
    buf_append(out, text.data, len);
}

static void write_addresses(struct buf *out, const struct mail_addresses *list, size_t *total)
{
    write_var_int(out, list->n_items);
    for (size_t i = 0; i < list->n_items; i++) {
        write_text(out, list->items[i].name);
        write_text(out, list->items[i].route);
        write_text(out, list->items[i].mailbox);
        write_text(out, list->items[i].host);
    }
    *total += list->n_items;
}

static bool write_envelope(struct buf *out, const struct mail_envelope *envelope,
                           struct fault *fault)
{
    size_t n_addresses = 0;
    write_text(out, envelope->date);
    write_text(out, envelope->subject);
    write_addresses(out, &envelope->from, &n_addresses);
    write_addresses(out, &envelope->sender, &n_addresses);
    write_addresses(out, &envelope->reply_to, &n_addresses);
    write_addresses(out, &envelope->to, &n_addresses);
    write_addresses(out, &envelope->cc, &n_addresses);
    write_addresses(out, &envelope->bcc, &n_addresses);
    write_text(out, envelope->in_reply_to);
    write_text(out, envelope->message_id);
    write_text(out, envelope->references);
    return n_addresses <= MESSAGE_INFO_MAX_ADDRESSES ||
           fault_set(fault, FAULT_LIMIT, "envelope with %zu addresses", n_addresses);
}

static bool write_params(struct buf *out, const struct mime_params *params, struct fault *fault)
{
    write_var_int(out, params->n_items);
    for (size_t i = 0; i < params->n_items; i++) {
        write_text(out, params->items[i].name);
        write_text(out, params->items[i].value);
    }
    return params->n_items <= MESSAGE_INFO_MAX_PARAMS ||
           fault_set(fault, FAULT_LIMIT, "part with %zu parameters", params->n_items);
}

static bool write_part(struct buf *out, const struct mime_part *part, struct fault *fault)
{
    write_var_int(out, part->n_children);
    write_var_int(out, part->header_offset);
    write_var_int(out, part->body_offset);
    write_var_int(out, part->body_len);
    write_var_int(out, part->n_lines);
    write_text(out, part->type);
    write_text(out, part->subtype);
    write_text(out, part->encoding);
    write_text(out, part->id);
    write_text(out, part->description);
    write_text(out, part->md5);
    write_text(out, part->disposition);
    write_text(out, part->location);
    if (part->n_languages > MESSAGE_INFO_MAX_LANGUAGES) {
        return fault_set(fault, FAULT_LIMIT, "part with %zu languages", part->n_languages);
    }
    write_var_int(out, part->n_languages);
    for (size_t i = 0; i < part->n_languages; i++) {
        write_text(out, part->languages[i]);
    }
    write_u8(out, part->envelope != NULL);
    return write_params(out, &part->params, fault) &&
           write_params(out, &part->disposition_params, fault) &&
           (part->envelope == NULL || write_envelope(out, part->envelope, fault));
}

static bool write_all(struct buf *out, const struct message_info *info, struct fault *fault)
{
    struct buf head = {0};
    write_u64(&head, (uint64_t)info->sent_sec);
    write_u16(&head, (uint16_t)info->sent_zone_min);
    write_u8(&head, info->has_attachment);
    bool ok = write_envelope(&head, &info->envelope, fault);
    write_u8(out, BLOB_VERSION);
    write_block(out, buf_view(&head));
    buf_clear(&head);
    if (info->n_parts == 0 || info->n_parts > MESSAGE_INFO_MAX_PARTS) {
        return fault_set(fault, FAULT_LIMIT, "message with %zu parts", info->n_parts);
    }
    write_var_int(out, info->n_parts);
    for (size_t i = 0; ok && i < info->n_parts; i++) {
        ok = write_part(out, &info->parts[i], fault);
    }
    return ok;
}

bool message_info_write(struct buf *out, const struct message_info *info, struct fault *fault)
{
    struct buf blob = {0};
    bool ok = write_all(&blob, info, fault);
    if (ok && blob.len > MESSAGE_INFO_MAX_BLOB_BYTES) {
        ok = fault_set(fault, FAULT_LIMIT, "message form of %zu bytes", blob.len);
    }
    if (ok && !buf_append_bytes(out, buf_view(&blob))) {
        ok = fault_set(fault, FAULT_LIMIT, "no room for a message form of %zu bytes", blob.len);
    }
    buf_clear(&blob);
    return ok;
}

/* ---- Parsing ---- */

static struct bytes read_text(struct reader *in)
{
    uint64_t len_and_one = reader_var_int(in);
    if (!reader_ok(in) || len_and_one == 0) {
        return (struct bytes){0};
    }
    if (len_and_one - 1 > MESSAGE_INFO_MAX_TEXT_BYTES) {
        reader_fail(in);
        return (struct bytes){0};
    }
    struct bytes text = reader_bytes(in, len_and_one - 1);
    return text.len == 0 ? message_text_empty() : text;
}

/* A count of things that take `min_size` bytes or more each; 0 once the reader has failed. */
static size_t read_count(struct reader *in, size_t max, size_t min_size)
{
    uint64_t count = reader_var_int(in);
    if (count > max || count > reader_left(in) / min_size) {
        reader_fail(in);
    }
    return reader_ok(in) ? (size_t)count : 0;
}

static void read_addresses(struct mail_addresses *out, struct reader *in, size_t *left,
                           struct arena *arena)
{
    out->n_items = read_count(in, *left, 4);
    *left -= out->n_items;
    if (out->n_items == 0) {
        return;
    }
    out->items = arena_alloc(arena, out->n_items * sizeof(*out->items));
    for (size_t i = 0; i < out->n_items; i++) {
        out->items[i].name = read_text(in);
        out->items[i].route = read_text(in);
        out->items[i].mailbox = read_text(in);
        out->items[i].host = read_text(in);
    }
}

static void read_envelope(struct mail_envelope *out, struct reader *in, struct arena *arena)
{
    size_t left = MESSAGE_INFO_MAX_ADDRESSES;
    out->date = read_text(in);
    out->subject = read_text(in);
    read_addresses(&out->from, in, &left, arena);
    read_addresses(&out->sender, in, &left, arena);
    read_addresses(&out->reply_to, in, &left, arena);
    read_addresses(&out->to, in, &left, arena);
    read_addresses(&out->cc, in, &left, arena);
    read_addresses(&out->bcc, in, &left, arena);
    out->in_reply_to = read_text(in);
    out->message_id = read_text(in);
    out->references = read_text(in);
}

static void read_params(struct mime_params *out, struct reader *in, struct arena *arena)
{
    out->n_items = read_count(in, MESSAGE_INFO_MAX_PARAMS, 2);
    if (out->n_items == 0) {
        return;
    }
    out->items = arena_alloc(arena, out->n_items * sizeof(*out->items));
    for (size_t i = 0; i < out->n_items; i++) {
        out->items[i].name = read_text(in);
        out->items[i].value = read_text(in);
    }
}

static void read_part(struct mime_part *out, struct reader *in, struct arena *arena)
{
    uint64_t n_children = reader_var_int(in);
    out->n_children = n_children < MESSAGE_INFO_MAX_PARTS ? (uint32_t)n_children : UINT32_MAX;
    out->header_offset = reader_var_int(in);
    out->body_offset = reader_var_int(in);
    out->body_len = reader_var_int(in);
    out->n_lines = reader_var_int(in);
    out->type = read_text(in);
    out->subtype = read_text(in);
    out->encoding = read_text(in);
    out->id = read_text(in);
    out->description = read_text(in);
    out->md5 = read_text(in);
    out->disposition = read_text(in);
    out->location = read_text(in);
    out->n_languages = read_count(in, MESSAGE_INFO_MAX_LANGUAGES, 1);
    if (out->n_languages > 0) {
        out->languages = arena_alloc(arena, out->n_languages * sizeof(*out->languages));
    }
    for (size_t i = 0; i < out->n_languages; i++) {
        out->languages[i] = read_text(in);
    }
    bool has_envelope = reader_u8(in) != 0;
    read_params(&out->params, in, arena);
    read_params(&out->disposition_params, in, arena);
    if (has_envelope && reader_ok(in)) {
        out->envelope = arena_alloc(arena, sizeof(*out->envelope));
        read_envelope(out->envelope, in, arena);
    }
}

static bool part_is_sound(const struct mime_part *part, uint64_t content_len)
{
    return !message_text_is_absent(part->type) && !message_text_is_absent(part->subtype) &&
           !message_text_is_absent(part->encoding) && part->header_offset <= part->body_offset &&
           part->body_offset <= content_len && part->body_len <= content_len - part->body_offset &&
           part->n_lines <= part->body_len;
}

/* Give each part its parent and next sibling from the counts of children. False when the counts do
 * not make exactly one tree of this many parts, or one that is too deep. */
static bool link_tree(struct mime_part *parts, size_t n_parts)
{
    struct {
        uint32_t part;
        uint32_t n_missing; /* children not met yet */
        uint32_t last_child;
    } open[MESSAGE_INFO_MAX_DEPTH];
    size_t depth = 0;

    for (size_t i = 0; i < n_parts; i++) {
        struct mime_part *part = &parts[i];
        part->next_sibling = MIME_PART_NONE;
        part->parent = MIME_PART_NONE;
        if (i > 0) {
            while (depth > 0 && open[depth - 1].n_missing == 0) {
                depth--;
            }
            if (depth == 0) {
                return false; /* a second root */
            }
            part->parent = open[depth - 1].part;
            if (open[depth - 1].last_child != MIME_PART_NONE) {
                parts[open[depth - 1].last_child].next_sibling = (uint32_t)i;
            }
            open[depth - 1].last_child = (uint32_t)i;
            open[depth - 1].n_missing--;
        }
        if (part->n_children > 0) {
            if (depth == MESSAGE_INFO_MAX_DEPTH) {
                return false;
            }
            open[depth].part = (uint32_t)i;
            open[depth].n_missing = part->n_children;
            open[depth].last_child = MIME_PART_NONE;
            depth++;
        }
    }
    while (depth > 0 && open[depth - 1].n_missing == 0) {
        depth--;
    }
    return depth == 0;
}

static bool bad_blob(struct fault *fault)
{
    return fault_set(fault, FAULT_CORRUPT, "message form is damaged");
}

/* The part of the blob that both parsers share; `in` then stands at the number of parts. */
static bool read_head(struct message_info *out, struct reader *in, struct arena *arena)
{
    if (reader_u8(in) != BLOB_VERSION) {
        return false;
    }
    struct reader head = reader_of(reader_block(in, MESSAGE_INFO_MAX_BLOB_BYTES));
    out->sent_sec = (int64_t)reader_u64(&head);
    out->sent_zone_min = (int16_t)reader_u16(&head);
    out->has_attachment = reader_u8(&head) != 0;
    read_envelope(&out->envelope, &head, arena);
    return reader_ok(in) && reader_at_end(&head);
}

bool message_info_parse_envelope(struct message_info *out, struct bytes blob, struct arena *arena,
                                 struct fault *fault)
{
    struct message_info info = {0};
    struct reader in = reader_of(blob);
    if (!read_head(&info, &in, arena)) {
        return bad_blob(fault);
    }
    *out = info;
    return true;
}

bool message_info_parse(struct message_info *out, struct bytes blob, uint64_t content_len,
                        struct arena *arena, struct fault *fault)
{
    enum { PART_MIN_BYTES = 17 };
    struct message_info info = {0};
    struct reader in = reader_of(blob);
    if (!read_head(&info, &in, arena)) {
        return bad_blob(fault);
    }
    info.n_parts = read_count(&in, MESSAGE_INFO_MAX_PARTS, PART_MIN_BYTES);
    if (info.n_parts == 0) {
        return bad_blob(fault);
    }
    info.parts = arena_alloc(arena, info.n_parts * sizeof(*info.parts));
    for (size_t i = 0; i < info.n_parts; i++) {
        read_part(&info.parts[i], &in, arena);
        if (!reader_ok(&in) || !part_is_sound(&info.parts[i], content_len)) {
            return bad_blob(fault);
        }
    }
    if (!reader_at_end(&in) || !link_tree(info.parts, info.n_parts)) {
        return bad_blob(fault);
    }
    *out = info;
    return true;
}

/* ---- What could not be analysed ---- */

void message_info_of_opaque(struct message_info *out, uint64_t body_offset, uint64_t content_len,
                            uint64_t n_body_lines, int64_t arrived_sec, struct arena *arena)
{
    static const char charset[] = "charset";
    static const char unknown[] = "unknown-8bit";
    struct mime_part *part = arena_alloc(arena, sizeof(*part));
    struct mime_param *param = arena_alloc(arena, sizeof(*param));
    param->name = bytes_of_str(charset);
    param->value = bytes_of_str(unknown);
    *part = (struct mime_part){.parent = MIME_PART_NONE,
                               .next_sibling = MIME_PART_NONE,
                               .body_offset = body_offset,
                               .body_len = content_len - body_offset,
                               .n_lines = n_body_lines,
                               .type = bytes_of_str("text"),
                               .subtype = bytes_of_str("plain"),
                               .params = {.items = param, .n_items = 1},
                               .encoding = bytes_of_str("8bit")};
    *out = (struct message_info){.parts = part, .n_parts = 1, .sent_sec = arrived_sec};
}
