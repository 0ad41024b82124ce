// SPDX-License-Identifier: MIT
/* Parts are appended to a flat array as they are met, which is the order that message_info.h asks
 * for; a parent learns its children's number as they end. The recursion is bounded by
 * MESSAGE_INFO_MAX_DEPTH. A delimiter line is looked for in the range of its own multipart alone,
 * so an inner multipart that was never closed ends where the outer one's part does. */
#include "mailproto/mime/tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "mailproto/mime/address.h"
#include "mailproto/mime/date.h"
#include "mailproto/mime/header.h"
#include "mailproto/mime/param.h"

enum {
    MAX_BOUNDARY_BYTES = 1000,
    /* A part is looked through again at each level around it: so much for a mail of no size, and so
     * many times its size, is more than people nest and less than a second or two. */
    WORK_BASE_BYTES = 16 << 20,
    WORK_PER_BYTE = 8
};

struct builder {
    struct bytes mail;
    size_t work_left; /* bytes that may still be looked through, all levels together */
    struct arena *arena;
    struct mime_part *parts;
    size_t n_parts;
    size_t capacity;
};

/* Where an entity stands, and what it is when its header does not say. */
struct entity {
    size_t start;
    size_t end;
    uint32_t parent;
    unsigned depth;
    bool is_in_digest;
};

static void build_entity(struct builder *builder, const struct entity *entity,
                         struct mail_envelope *envelope);

/* ---- header fields ---- */

static void default_type(struct mime_part *part, bool is_in_digest, struct arena *arena)
{
    part->params = (struct mime_params){0};
    if (is_in_digest) {
        part->type = bytes_of_str("message");
        part->subtype = bytes_of_str("rfc822");
        return;
    }
    part->type = bytes_of_str("text");
    part->subtype = bytes_of_str("plain");
    part->params.items = arena_alloc(arena, sizeof *part->params.items);
    part->params.items[0] = (struct mime_param){bytes_of_str("charset"), bytes_of_str("us-ascii")};
    part->params.n_items = 1;
}

static void read_part_fields(struct mime_part *part, const struct header *header, bool is_in_digest,
                             struct arena *arena)
{
    struct bytes type = header_text(header, "Content-Type", arena);
    if (type.data == NULL ||
        !param_parse_type(&part->type, &part->subtype, &part->params, type, arena)) {
        default_type(part, is_in_digest, arena);
    }
    part->encoding = header_text(header, "Content-Transfer-Encoding", arena);
    if (part->encoding.len == 0) {
        part->encoding = bytes_of_str("7bit");
    }
    part->id = header_text(header, "Content-ID", arena);
    part->description = header_text(header, "Content-Description", arena);
    part->md5 = header_text(header, "Content-MD5", arena);
    part->location = header_text(header, "Content-Location", arena);
    struct bytes disposition = header_text(header, "Content-Disposition", arena);
    if (disposition.data != NULL &&
        !param_parse_disposition(&part->disposition, &part->disposition_params, disposition,
                                 arena)) {
        part->disposition = (struct bytes){0};
    }
    struct bytes languages = header_text(header, "Content-Language", arena);
    if (languages.len != 0) {
        part->languages = arena_alloc(arena, MESSAGE_INFO_MAX_LANGUAGES * sizeof *part->languages);
        part->n_languages =
            param_parse_list(part->languages, MESSAGE_INFO_MAX_LANGUAGES, languages);
    }
}

/* Takes from what is left of the envelope's bound. */
static struct mail_addresses read_addresses(const struct header *header, const char *name,
                                            size_t *n_left, struct arena *arena)
{
    struct mail_addresses list =
        address_parse_list(header_text(header, name, arena), *n_left, arena);
    *n_left -= list.n_items;
    return list;
}

static void read_envelope(struct mail_envelope *envelope, const struct header *header,
                          struct arena *arena)
{
    size_t n_left = MESSAGE_INFO_MAX_ADDRESSES;
    envelope->date = header_text(header, "Date", arena);
    envelope->subject = header_text(header, "Subject", arena);
    envelope->from = read_addresses(header, "From", &n_left, arena);
    envelope->sender = read_addresses(header, "Sender", &n_left, arena);
    envelope->reply_to = read_addresses(header, "Reply-To", &n_left, arena);
    envelope->to = read_addresses(header, "To", &n_left, arena);
    envelope->cc = read_addresses(header, "Cc", &n_left, arena);
    envelope->bcc = read_addresses(header, "Bcc", &n_left, arena);
    envelope->in_reply_to = header_text(header, "In-Reply-To", arena);
    envelope->message_id = header_text(header, "Message-ID", arena);
    envelope->references = header_text(header, "References", arena);
}

/* False when the mail has cost enough: what lies deeper stays a leaf. */
static bool may_look_through(struct builder *builder, size_t len)
{
    if (len > builder->work_left) {
        return false;
    }
    builder->work_left -= len;
    return true;
}

/* ---- multiparts ---- */

enum delimiter { DELIMITER_NONE, DELIMITER_NEXT, DELIMITER_LAST };

/* "--boundary" or "--boundary--", and nothing but white space behind it. */
static enum delimiter judge_line(struct bytes line, struct bytes boundary)
{
    line = line_content(line);
    if (line.len < boundary.len + 2 || line.data[0] != '-' || line.data[1] != '-' ||
        !bytes_equal(bytes_slice(line, 2, boundary.len), boundary)) {
        return DELIMITER_NONE;
    }
    struct bytes rest = bytes_slice(line, boundary.len + 2, line.len);
    bool is_last = bytes_starts_with(rest, bytes_of_str("--"));
    if (is_last) {
        rest = bytes_slice(rest, 2, rest.len);
    }
    for (size_t i = 0; i < rest.len; i++) {
        if (rest.data[i] != ' ' && rest.data[i] != '\t') {
            return DELIMITER_NONE;
        }
    }
    return is_last ? DELIMITER_LAST : DELIMITER_NEXT;
}

/* Where the next line that begins with "--" starts, from the line start `at` on; or `end`. */
static size_t next_dashes(struct bytes mail, size_t at, size_t end)
{
    struct bytes rest = bytes_slice(mail, at, end - at);
    if (rest.len == 0 || bytes_starts_with(rest, bytes_of_str("--"))) {
        return at;
    }
    const uint8_t *hit = memmem(rest.data, rest.len, "\n--", 3);
    return hit == NULL ? end : at + (size_t)(hit - rest.data) + 1;
}

/* The line end in front of a delimiter belongs to the delimiter. */
static size_t without_line_end(struct bytes mail, size_t start, size_t end)
{
    if (end > start && mail.data[end - 1] == '\n') {
        end--;
        if (end > start && mail.data[end - 1] == '\r') {
            end--;
        }
    }
    return end;
}

static void build_child(struct builder *builder, uint32_t parent, uint32_t *previous,
                        const struct entity *entity)
{
    uint32_t index = (uint32_t)builder->n_parts;
    if (builder->n_parts >= MESSAGE_INFO_MAX_PARTS) {
        return;
    }
    build_entity(builder, entity, NULL);
    builder->parts[parent].n_children++;
    if (*previous != MIME_PART_NONE) {
        builder->parts[*previous].next_sibling = index;
    }
    *previous = index;
}

static void build_multipart(struct builder *builder, uint32_t parent, size_t end, unsigned depth,
                            bool is_digest)
{
    struct bytes boundary = param_find(&builder->parts[parent].params, "boundary");
    struct entity child = {
        .parent = parent, .depth = depth + 1, .is_in_digest = is_digest, .start = SIZE_MAX};
    uint32_t previous = MIME_PART_NONE;
    size_t at = (size_t)builder->parts[parent].body_offset;
    enum delimiter delimiter = DELIMITER_NONE;

    if (boundary.len == 0 || boundary.len > MAX_BOUNDARY_BYTES || depth >= MESSAGE_INFO_MAX_DEPTH ||
        !may_look_through(builder, end - at)) {
        return;
    }
    while ((at = next_dashes(builder->mail, at, end)) < end && delimiter != DELIMITER_LAST) {
        struct bytes line = bytes_slice(builder->mail, at, end - at);
        line.len = line_len(line);
        delimiter = judge_line(line, boundary);
        if (delimiter != DELIMITER_NONE) {
            if (child.start != SIZE_MAX) {
                child.end = without_line_end(builder->mail, child.start, at);
                build_child(builder, parent, &previous, &child);
            }
            child.start = at + line.len;
        }
        at += line.len;
    }
    if (delimiter != DELIMITER_LAST && child.start != SIZE_MAX && child.start < end) {
        child.end = end;
        build_child(builder, parent, &previous, &child);
    }
}

/* ---- entities ---- */

static void build_message(struct builder *builder, uint32_t parent, size_t end, unsigned depth)
{
    struct mime_part *part = &builder->parts[parent];
    struct entity inside = {
        .start = (size_t)part->body_offset, .end = end, .parent = parent, .depth = depth + 1};
    if (depth >= MESSAGE_INFO_MAX_DEPTH || builder->n_parts >= MESSAGE_INFO_MAX_PARTS ||
        !may_look_through(builder, end - inside.start)) {
        return;
    }
    struct mail_envelope *envelope = arena_alloc(builder->arena, sizeof *envelope);
    build_entity(builder, &inside, envelope);
    builder->parts[parent].envelope = envelope;
    builder->parts[parent].n_children = 1;
}

static uint64_t count_lines(struct bytes body)
{
    uint64_t n_lines = body.len != 0 && body.data[body.len - 1] != '\n';
    for (size_t at; (at = bytes_find(body, '\n')) < body.len;) {
        n_lines++;
        body = bytes_slice(body, at + 1, body.len);
    }
    return n_lines;
}

static bool is_message_type(const struct mime_part *part)
{
    return bytes_is_word(part->type, "message") &&
           (bytes_is_word(part->subtype, "rfc822") || bytes_is_word(part->subtype, "global"));
}

/* `envelope`: to be filled when the entity is a message. */
static void build_entity(struct builder *builder, const struct entity *entity,
                         struct mail_envelope *envelope)
{
    struct arena *arena = builder->arena;
    struct bytes bytes = bytes_slice(builder->mail, entity->start, entity->end - entity->start);
    struct header header = header_split(bytes, arena);
    struct mime_part part = {
        .parent = entity->parent,
        .next_sibling = MIME_PART_NONE,
        .header_offset = entity->start,
        .body_offset = entity->start + header.len,
        .body_len = bytes.len - header.len,
    };
    part.n_lines = count_lines(tree_body(&part, builder->mail));
    read_part_fields(&part, &header, entity->is_in_digest, arena);
    if (envelope != NULL) {
        read_envelope(envelope, &header, arena);
    }
    uint32_t index = (uint32_t)builder->n_parts;
    builder->parts =
        array_grow(builder->parts, builder->n_parts, &builder->capacity, sizeof *builder->parts);
    builder->parts[builder->n_parts++] = part;
    if (mime_part_is_multipart(&part)) {
        build_multipart(builder, index, entity->end, entity->depth,
                        bytes_is_word(part.subtype, "digest"));
    } else if (is_message_type(&part)) {
        build_message(builder, index, entity->end, entity->depth);
    }
}

/* ---- the whole ---- */

/* A leaf that a reader would show as a file. */
static bool is_file(const struct mime_part *part)
{
    static const char *const machinery[] = {"pgp-signature", "pgp-encrypted", "pkcs7-signature",
                                            "x-pkcs7-signature"};
    if (mime_part_is_multipart(part)) {
        return false;
    }
    if (bytes_is_word(part->disposition, "attachment")) {
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(machinery); i++) {
        if (bytes_is_word(part->subtype, machinery[i])) {
            return false;
        }
    }
    return !bytes_is_word(part->type, "text") && part->id.len == 0;
}

void tree_build(struct message_info *out, struct bytes mail, int64_t arrived_sec,
                struct arena *arena)
{
    struct builder builder = {
        .mail = mail, .arena = arena, .work_left = WORK_BASE_BYTES + WORK_PER_BYTE * mail.len};
    struct entity whole = {.end = mail.len, .parent = MIME_PART_NONE};
    struct message_info info = {.sent_sec = arrived_sec};

    build_entity(&builder, &whole, &info.envelope);
    info.n_parts = builder.n_parts;
    info.parts = arena_memdup(arena, builder.parts, builder.n_parts * sizeof *builder.parts);
    free(builder.parts);
    for (size_t i = 0; i < info.n_parts; i++) {
        info.has_attachment = info.has_attachment || is_file(&info.parts[i]);
    }
    if (!date_parse(&info.sent_sec, &info.sent_zone_min, info.envelope.date)) {
        info.sent_zone_min = 0;
    }
    *out = info;
}

struct bytes tree_header(const struct mime_part *part, struct bytes mail)
{
    return bytes_slice(mail, (size_t)part->header_offset,
                       (size_t)(part->body_offset - part->header_offset));
}

struct bytes tree_body(const struct mime_part *part, struct bytes mail)
{
    return bytes_slice(mail, (size_t)part->body_offset, (size_t)part->body_len);
}

struct bytes tree_file_name(const struct mime_part *part, struct arena *arena)
{
    struct bytes name = param_text(&part->disposition_params, "filename", arena);
    return name.len != 0 ? name : param_text(&part->params, "name", arena);
}
