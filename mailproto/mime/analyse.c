// SPDX-License-Identifier: MIT
#include "mailproto/mime/analyse.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "mailproto/imap/fold.h"
#include "mailproto/mime/address.h"
#include "mailproto/mime/charset.h"
#include "mailproto/mime/header.h"
#include "mailproto/mime/part_text.h"
#include "mailproto/mime/tree.h"
#include "mailproto/mime/words.h"

enum { PREVIEW_SOURCE_BYTES = 16384 };

/* ---- the text that is searched ---- */

/* The buffer's content as long as it fits, cut between two characters. */
static struct bytes keep_bounded(struct buf *text, struct arena *arena)
{
    size_t len = utf8_cut(buf_view(text), ANALYSE_MAX_SEARCH_BYTES);
    return (struct bytes){arena_memdup(arena, text->data, len), len};
}

static bool is_full(const struct buf *text)
{
    return text->len >= ANALYSE_MAX_SEARCH_BYTES;
}

/* name: in lower case */
static void begin_field(struct buf *out, struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        buf_append_byte(out, (uint8_t)ascii_lower((char)name.data[i]));
    }
    buf_append_byte(out, ':');
}

static bool holds_addresses(struct bytes name)
{
    static const char *const names[] = {"from", "sender", "reply-to", "to", "cc", "bcc"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (bytes_is_word(name, names[i])) {
            return true;
        }
    }
    return false;
}

/* "name <local@host>, ...": without comments and odd white space, so that an address is found. */
static void list_addresses(struct buf *out, struct bytes value, struct arena *arena)
{
    struct mail_addresses list = address_parse_list(value, MESSAGE_INFO_MAX_ADDRESSES, arena);
    for (size_t i = 0; i < list.n_items; i++) {
        const struct mail_address *item = &list.items[i];
        if (message_text_is_absent(item->host)) {
            continue;
        }
        buf_append_str(out, out->len == 0 ? "" : ", ");
        words_decode(out, item->name);
        buf_append_str(out, item->name.len == 0 ? "<" : " <");
        charset_to_utf8(out, (struct bytes){0}, item->mailbox);
        buf_append_str(out, item->host.len == 0 ? "" : "@");
        charset_to_utf8(out, (struct bytes){0}, item->host);
        buf_append_str(out, ">");
    }
}

/* name:folded value LF, and for addresses a second line of that name with the addresses alone */
static void add_field(struct buf *out, const struct header_field *field, struct arena *arena)
{
    struct buf decoded = {0};
    struct bytes value = header_unfold(field->value, arena);
    begin_field(out, field->name);
    words_decode(&decoded, value);
    fold_text(out, buf_view(&decoded));
    buf_append_byte(out, '\n');
    if (holds_addresses(field->name)) {
        buf_reset(&decoded);
        list_addresses(&decoded, value, arena);
        begin_field(out, field->name);
        fold_text(out, buf_view(&decoded));
        buf_append_byte(out, '\n');
    }
    buf_clear(&decoded);
}

static void add_header(struct buf *out, struct bytes header_bytes)
{
    struct arena arena = {0};
    struct header header = header_split(header_bytes, &arena);
    for (size_t i = 0; i < header.n_fields && !is_full(out); i++) {
        add_field(out, &header.fields[i], &arena);
    }
    arena_clear(&arena);
}

static void add_folded(struct buf *out, struct bytes text)
{
    if (text.len != 0) {
        fold_text(out, text);
        buf_append_byte(out, '\n');
    }
}

static void add_part(struct buf *out, const struct mime_part *part, struct bytes mail)
{
    struct arena arena = {0};
    add_folded(out, tree_file_name(part, &arena));
    arena_clear(&arena);
    if (mime_part_is_message(part)) {
        /* Its child's header is the inside message's. */
        add_header(out, tree_header(part + 1, mail));
    } else if (part_is_text(part) && part->n_children == 0) {
        struct buf text = {0};
        part_text(&text, part, mail, ANALYSE_MAX_SEARCH_BYTES);
        add_folded(out, buf_view(&text));
        buf_clear(&text);
    }
}

static void collect_text(struct message_text *out, const struct message_info *info,
                         struct bytes mail, struct arena *arena)
{
    struct buf text = {0};
    add_header(&text, tree_header(&info->parts[0], mail));
    out->header = keep_bounded(&text, arena);
    buf_reset(&text);
    for (size_t i = 0; i < info->n_parts && !is_full(&text); i++) {
        add_part(&text, &info->parts[i], mail);
    }
    out->body = keep_bounded(&text, arena);
    buf_clear(&text);
}

/* ---- the preview ---- */

/* The first text part that is no attachment, plain before HTML. */
static const struct mime_part *first_text(const struct message_info *info)
{
    const struct mime_part *html = NULL;
    for (size_t i = 0; i < info->n_parts; i++) {
        const struct mime_part *part = &info->parts[i];
        if (!part_is_text(part) || bytes_is_word(part->disposition, "attachment")) {
            continue;
        }
        if (bytes_is_word(part->subtype, "plain")) {
            return part;
        }
        if (html == NULL) {
            html = part;
        }
    }
    return html;
}

static size_t cut_chars(struct bytes text, size_t max_chars)
{
    size_t n_chars = 0;
    for (size_t i = 0; i < text.len; i++) {
        n_chars += (text.data[i] & 0xc0) != 0x80;
        if (n_chars > max_chars) {
            return i;
        }
    }
    return text.len;
}

/* Without the lines that quote another mail. */
static void copy_unquoted(struct buf *out, struct bytes text)
{
    while (text.len != 0) {
        size_t len = line_len(text);
        if (text.data[0] != '>') {
            buf_append_bytes(out, bytes_slice(text, 0, len));
        }
        text = bytes_slice(text, len, text.len);
    }
}

static struct bytes make_preview(const struct message_info *info, struct bytes mail,
                                 struct arena *arena)
{
    const struct mime_part *part = first_text(info);
    struct buf text = {0};
    struct buf unquoted = {0};
    if (part != NULL) {
        part_text(&text, part, mail, PREVIEW_SOURCE_BYTES);
        copy_unquoted(&unquoted, buf_view(&text));
    }
    struct bytes clean = words_clean_plain(buf_view(&unquoted), arena);
    clean.len = cut_chars(clean, ANALYSE_MAX_PREVIEW_CHARS);
    buf_clear(&text);
    buf_clear(&unquoted);
    return clean;
}

/* ---- the whole ---- */

static void be_opaque(struct mime_analysis *out, struct bytes mail, int64_t arrived_sec,
                      struct arena *arena)
{
    const struct mime_part *whole = &out->info.parts[0];
    uint64_t body_offset = whole->body_offset;
    uint64_t n_lines = whole->n_lines;
    message_info_of_opaque(&out->info, body_offset, mail.len, n_lines, arrived_sec, arena);
    out->is_opaque = true;
}

void analyse_mail(struct mime_analysis *out, struct bytes mail, int64_t arrived_sec,
                  struct arena *arena)
{
    struct mime_analysis analysis = {0};
    struct buf blob = {0};
    tree_build(&analysis.info, mail, arrived_sec, arena);
    if (!message_info_write(&blob, &analysis.info, NULL)) {
        be_opaque(&analysis, mail, arrived_sec, arena);
        bool ok = message_info_write(&blob, &analysis.info, NULL);
        (void)ok;
    }
    analysis.info_blob = (struct bytes){arena_memdup(arena, blob.data, blob.len), blob.len};
    buf_clear(&blob);
    collect_text(&analysis.text, &analysis.info, mail, arena);
    analysis.preview = make_preview(&analysis.info, mail, arena);
    *out = analysis;
}
