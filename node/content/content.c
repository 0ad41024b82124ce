// SPDX-License-Identifier: MIT
/* Encodings 1 and 2 are plain text with two marks; encoding 3 is inflated into memory of a fixed
 * cap and then read value by value, never as a tree. What a map holds twice counts as it stands
 * last; what it holds besides the known keys, or under them with another type, is passed over: a
 * future sender's extras must not hide his text. */
#include "node/content/content.h"

#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/str.h"
#include "node/content/msgpack.h"

enum { SUBJECT_MARK_LEN = 8, BODY_MARK_LEN = 6, INFLATE_STEP_BYTES = 16384 };
static const char SUBJECT_MARK[] = "Subject:";
static const char BODY_MARK[] = "\nBody:";

/* ---- encodings 1 and 2 ---- */

static struct bytes first_line(struct bytes text)
{
    size_t len = 0;
    while (len < text.len && text.data[len] != '\n' && text.data[len] != '\r') {
        len++;
    }
    return bytes_slice(text, 0, len);
}

static void decode_plain(struct content *out, struct bytes data)
{
    const uint8_t *mark =
        data.len == 0 ? NULL : memmem(data.data, data.len, BODY_MARK, BODY_MARK_LEN);
    size_t at = mark == NULL ? 0 : (size_t)(mark - data.data);
    if (at <= 1) {
        out->body = data;
        return;
    }
    if (at > SUBJECT_MARK_LEN) {
        struct bytes subject = bytes_slice(data, SUBJECT_MARK_LEN, at - SUBJECT_MARK_LEN);
        out->subject = first_line(bytes_slice(subject, 0, CONTENT_MAX_SUBJECT_BYTES));
    }
    out->body = bytes_slice(data, at + BODY_MARK_LEN, data.len);
}

/* ---- encoding 3: the zlib stream ---- */

/* Inflate until the stream or the input ends. The reference takes a stream whose end is missing,
 * and bytes behind its end, so both are taken here: msgpack tells whether the content is whole. */
static bool inflate_bounded(struct buf *out, struct bytes data, struct fault *fault)
{
    uint8_t piece[INFLATE_STEP_BYTES];
    z_stream stream = {0};
    if (inflateInit(&stream) != Z_OK) {
        return fault_set(fault, FAULT_INTERNAL, "inflate the content: zlib does not start");
    }
    stream.next_in = data.data;
    stream.avail_in = (uInt)data.len;
    int status = Z_OK;
    do {
        stream.next_out = piece;
        stream.avail_out = sizeof piece;
        status = inflate(&stream, Z_NO_FLUSH);
        buf_append(out, piece, sizeof piece - stream.avail_out);
    } while (status == Z_OK && buf_ok(out));
    inflateEnd(&stream);
    if (!buf_ok(out)) {
        return fault_set(fault, FAULT_LIMIT, "inflate the content: more than %d bytes",
                         CONTENT_MAX_EXPANDED_BYTES);
    }
    if (status != Z_STREAM_END && status != Z_BUF_ERROR) {
        return fault_set(fault, FAULT_INVALID, "inflate the content: not a zlib stream");
    }
    return true;
}

/* ---- encoding 3: the map ---- */

/* `base_depth`: arrays and maps that the value just read lies within. */
static struct bytes read_text_or_skip(struct msgpack_reader *in, size_t base_depth)
{
    struct msgpack_value value = msgpack_next(in);
    msgpack_skip_inside(in, value, CONTENT_MAX_DEPTH - base_depth);
    return value.kind == MSGPACK_TEXT ? value.text : (struct bytes){0};
}

static struct bytes well_formed(struct arena *arena, struct bytes text)
{
    if (utf8_valid(text)) {
        return text;
    }
    struct buf repaired = {0};
    utf8_repair(&repaired, text);
    struct bytes copy = {arena_memdup(arena, repaired.data, repaired.len), repaired.len};
    buf_clear(&repaired);
    return copy;
}

static struct bytes short_text(struct arena *arena, struct bytes text)
{
    struct bytes good = well_formed(arena, text);
    return bytes_slice(good, 0, utf8_cut(good, CONTENT_MAX_FILE_NAME_BYTES));
}

/* Depth: the map, `files`, and this file's map. */
enum { IN_MAP = 1, IN_LIST = 2, IN_FILE = 3 };

static void read_file(struct content_file *file, struct msgpack_reader *in, size_t n_pairs,
                      struct arena *arena)
{
    for (size_t i = 0; i < n_pairs && reader_ok(&in->reader); i++) {
        struct bytes key = read_text_or_skip(in, IN_FILE);
        struct bytes text = read_text_or_skip(in, IN_FILE);
        if (bytes_equal(key, bytes_of_str("name"))) {
            file->name = short_text(arena, text);
        } else if (bytes_equal(key, bytes_of_str("type"))) {
            file->type = short_text(arena, text);
        } else if (bytes_equal(key, bytes_of_str("disposition"))) {
            file->disposition = short_text(arena, text);
        } else if (bytes_equal(key, bytes_of_str("id"))) {
            file->id = short_text(arena, text);
        } else if (bytes_equal(key, bytes_of_str("data"))) {
            file->data = text;
        }
    }
}

static bool read_files(struct content *out, struct msgpack_reader *in, size_t n_files,
                       struct arena *arena, struct fault *fault)
{
    if (n_files > CONTENT_MAX_FILES) {
        return fault_set(fault, FAULT_LIMIT, "read the content: %zu files", n_files);
    }
    out->files = arena_alloc(arena, (n_files + 1) * sizeof *out->files);
    out->n_files = 0;
    for (size_t i = 0; i < n_files && reader_ok(&in->reader); i++) {
        struct msgpack_value value = msgpack_next(in);
        if (value.kind == MSGPACK_MAP) {
            read_file(&out->files[out->n_files++], in, value.count, arena);
        } else {
            msgpack_skip_inside(in, value, CONTENT_MAX_DEPTH - IN_LIST);
        }
    }
    return true;
}

static bool read_parents(struct content *out, struct msgpack_reader *in, size_t n_parents,
                         struct arena *arena, struct fault *fault)
{
    if (n_parents > CONTENT_MAX_PARENTS) {
        return fault_set(fault, FAULT_LIMIT, "read the content: %zu parents", n_parents);
    }
    out->parents = arena_alloc(arena, (n_parents + 1) * sizeof *out->parents);
    out->n_parents = 0;
    for (size_t i = 0; i < n_parents && reader_ok(&in->reader); i++) {
        struct bytes hash = read_text_or_skip(in, IN_LIST);
        if (hash.len == CONTENT_PARENT_BYTES) {
            out->parents[out->n_parents++] = hash;
        }
    }
    return true;
}

/* The value under `key`; `out_type` gets the text under the empty key. */
static bool read_member(struct content *out, struct bytes *out_type, struct bytes key,
                        struct msgpack_reader *in, struct arena *arena, struct fault *fault)
{
    struct msgpack_value value = msgpack_next(in);
    if (value.kind == MSGPACK_ARRAY && bytes_equal(key, bytes_of_str("files"))) {
        return read_files(out, in, value.count, arena, fault);
    }
    if (value.kind == MSGPACK_ARRAY && bytes_equal(key, bytes_of_str("parents"))) {
        return read_parents(out, in, value.count, arena, fault);
    }
    msgpack_skip_inside(in, value, CONTENT_MAX_DEPTH - IN_MAP);
    if (key.len == 0) {
        *out_type = value.text;
    } else if (bytes_equal(key, bytes_of_str("subject"))) {
        out->subject = well_formed(arena, value.text);
    } else if (bytes_equal(key, bytes_of_str("body"))) {
        out->body = well_formed(arena, value.text);
    }
    return true;
}

static bool decode_map(struct content *out, struct bytes packed, struct arena *arena,
                       struct fault *fault)
{
    struct msgpack_reader in = {reader_of(packed), CONTENT_MAX_ELEMENTS};
    struct bytes type = {0};

    struct msgpack_value map = msgpack_next(&in);
    if (!reader_ok(&in.reader) || map.kind != MSGPACK_MAP) {
        return fault_set(fault, FAULT_INVALID, "read the content: not a msgpack map");
    }
    for (size_t i = 0; i < map.count && reader_ok(&in.reader); i++) {
        struct msgpack_value key = msgpack_next(&in);
        msgpack_skip_inside(&in, key, CONTENT_MAX_DEPTH - IN_MAP);
        /* A key that is no text is none of ours; the empty key is. */
        static const uint8_t unknown[] = {'?'};
        struct bytes name = key.kind == MSGPACK_TEXT ? key.text : (struct bytes){unknown, 1};
        if (!read_member(out, &type, name, &in, arena, fault)) {
            return false;
        }
    }
    if (!reader_at_end(&in.reader)) {
        return fault_set(fault, FAULT_INVALID,
                         "read the content: broken msgpack, or beyond depth %d or %d values",
                         CONTENT_MAX_DEPTH, CONTENT_MAX_ELEMENTS);
    }
    if (type.len == 0) {
        return fault_set(fault, FAULT_INVALID, "read the content: it names no type");
    }
    if (!bytes_equal(type, bytes_of_str("message"))) {
        return fault_set(fault, FAULT_UNSUPPORTED, "read the content: a type other than message");
    }
    return true;
}

static bool decode_extended(struct content *out, struct bytes data, struct arena *arena,
                            struct fault *fault)
{
    struct buf expanded;
    buf_init(&expanded, CONTENT_MAX_EXPANDED_BYTES);
    bool ok = inflate_bounded(&expanded, data, fault);
    if (ok) {
        struct bytes packed = {arena_memdup(arena, expanded.data, expanded.len), expanded.len};
        ok = decode_map(out, packed, arena, fault);
    }
    buf_clear(&expanded);
    return ok;
}

bool content_decode(struct content *out, uint64_t encoding, struct bytes data, struct arena *arena,
                    struct fault *fault)
{
    struct content content = {.encoding = encoding};
    switch (encoding) {
    case CONTENT_TRIVIAL:
    case CONTENT_SIMPLE:
        decode_plain(&content, data);
        break;
    case CONTENT_EXTENDED:
        if (!decode_extended(&content, data, arena, fault)) {
            return false;
        }
        break;
    default:
        return fault_set(fault, FAULT_UNSUPPORTED, "read the content: encoding %llu",
                         (unsigned long long)encoding);
    }
    *out = content;
    return true;
}

/* ---- the other way ---- */

static bool has_line_end(struct bytes text)
{
    return bytes_find(text, '\n') != text.len || bytes_find(text, '\r') != text.len;
}

static bool check_bounds(const struct content *content, struct fault *fault)
{
    if (has_line_end(content->subject)) {
        return fault_set(fault, FAULT_INVALID, "write the content: the subject has a line end");
    }
    if (content->n_files > CONTENT_MAX_FILES || content->n_parents > CONTENT_MAX_PARENTS) {
        return fault_set(fault, FAULT_LIMIT, "write the content: more than %d files or %d parents",
                         CONTENT_MAX_FILES, CONTENT_MAX_PARENTS);
    }
    for (size_t i = 0; i < content->n_parents; i++) {
        if (content->parents[i].len != CONTENT_PARENT_BYTES) {
            return fault_set(fault, FAULT_INVALID, "write the content: a parent is no hash");
        }
    }
    for (size_t i = 0; i < content->n_files; i++) {
        const struct content_file *file = &content->files[i];
        if (file->name.len > CONTENT_MAX_FILE_NAME_BYTES ||
            file->type.len > CONTENT_MAX_FILE_NAME_BYTES ||
            file->disposition.len > CONTENT_MAX_FILE_NAME_BYTES ||
            file->id.len > CONTENT_MAX_FILE_NAME_BYTES) {
            return fault_set(fault, FAULT_LIMIT,
                             "write the content: a file's name is above %d bytes",
                             CONTENT_MAX_FILE_NAME_BYTES);
        }
    }
    return true;
}

static bool encode_plain(struct buf *out, const struct content *content, struct fault *fault)
{
    if (content->n_files != 0 || content->n_parents != 0) {
        return fault_set(fault, FAULT_INVALID, "write the content: encoding %llu holds text alone",
                         (unsigned long long)content->encoding);
    }
    if (content->encoding == CONTENT_SIMPLE) {
        if (content->subject.len > CONTENT_MAX_SUBJECT_BYTES) {
            return fault_set(fault, FAULT_LIMIT, "write the content: the subject is above %d bytes",
                             CONTENT_MAX_SUBJECT_BYTES);
        }
        buf_append_str(out, SUBJECT_MARK);
        buf_append_bytes(out, content->subject);
        buf_append_str(out, BODY_MARK);
    }
    return buf_append_bytes(out, content->body) ||
           fault_set(fault, FAULT_LIMIT, "write the content: no room for it");
}

/* Keys as msgpack strings: both the old and the new packers of the reference find them. */
static void write_pair(struct buf *out, const char *key, struct bytes text)
{
    msgpack_write_str(out, bytes_of_str(key));
    msgpack_write_str(out, text);
}

/* What a person reads, as msgpack's bin: the reference decodes these two as bytes, and shows
 * nothing of a msgpack string that is not ASCII. */
static void write_read_text(struct buf *out, const char *key, struct bytes text)
{
    msgpack_write_str(out, bytes_of_str(key));
    msgpack_write_bin(out, text);
}

static void write_file(struct buf *out, const struct content_file *file)
{
    msgpack_write_map(out, file->id.len != 0 ? 5 : 4);
    write_pair(out, "name", file->name);
    write_pair(out, "type", file->type);
    write_pair(out, "disposition", file->disposition);
    if (file->id.len != 0) {
        write_pair(out, "id", file->id);
    }
    msgpack_write_str(out, bytes_of_str("data"));
    msgpack_write_bin(out, file->data);
}

static void write_map(struct buf *out, const struct content *content)
{
    msgpack_write_map(out, 3 + (size_t)(content->n_files != 0) + (size_t)(content->n_parents != 0));
    write_pair(out, "", bytes_of_str("message"));
    write_read_text(out, "subject", content->subject);
    write_read_text(out, "body", content->body);
    if (content->n_files != 0) {
        msgpack_write_str(out, bytes_of_str("files"));
        msgpack_write_array(out, content->n_files);
        for (size_t i = 0; i < content->n_files; i++) {
            write_file(out, &content->files[i]);
        }
    }
    if (content->n_parents != 0) {
        msgpack_write_str(out, bytes_of_str("parents"));
        msgpack_write_array(out, content->n_parents);
        for (size_t i = 0; i < content->n_parents; i++) {
            msgpack_write_bin(out, content->parents[i]);
        }
    }
}

static bool encode_extended(struct buf *out, const struct content *content, struct fault *fault)
{
    struct buf packed;
    buf_init(&packed, CONTENT_MAX_EXPANDED_BYTES);
    write_map(&packed, content);
    if (!buf_ok(&packed)) {
        buf_clear(&packed);
        return fault_set(fault, FAULT_LIMIT, "write the content: more than %d bytes",
                         CONTENT_MAX_EXPANDED_BYTES);
    }
    uLongf len = compressBound((uLong)packed.len);
    uint8_t *deflated = xmalloc(len);
    int status = compress2(deflated, &len, packed.data, (uLong)packed.len, Z_BEST_COMPRESSION);
    bool ok = status == Z_OK && buf_append(out, deflated, len);
    free(deflated);
    buf_clear(&packed);
    return ok || fault_set(fault, FAULT_LIMIT, "write the content: no room for it");
}

bool content_encode(struct buf *out, const struct content *content, struct fault *fault)
{
    size_t before = out->len;
    bool ok;
    if (!check_bounds(content, fault)) {
        return false;
    }
    switch (content->encoding) {
    case CONTENT_TRIVIAL:
    case CONTENT_SIMPLE:
        ok = encode_plain(out, content, fault);
        break;
    case CONTENT_EXTENDED:
        ok = encode_extended(out, content, fault);
        break;
    default:
        return fault_set(fault, FAULT_UNSUPPORTED, "write the content: encoding %llu",
                         (unsigned long long)content->encoding);
    }
    if (!ok) {
        buf_truncate(out, before);
    }
    return ok;
}
