// SPDX-License-Identifier: MIT
#include "mailproto/imap/body_section.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "mailproto/imap/imap_token.h"
#include "mailproto/imap/imap_write.h"
#include "mailproto/imap/message_info.h"

/* ---- Grammar ---- */

/* "1.2." or "1.2]": the numbers, up to what is no digit. */
static void parse_numbers(struct body_section *out, struct imap_parser *args)
{
    out->numbers = arena_alloc(args->arena, BODY_SECTION_MAX_NUMBERS * sizeof(*out->numbers));
    do {
        if (!ascii_is_digit(imap_peek(args))) {
            if (imap_peek(args) == ']') {
                imap_fail(args, "Bad section");
            }
            return; /* the word behind the last dot */
        }
        if (out->n_numbers == BODY_SECTION_MAX_NUMBERS) {
            imap_fail(args, "Section is too deep");
            return;
        }
        out->numbers[out->n_numbers++] = imap_nz_number(args);
    } while (imap_ok(args) && imap_accept(args, '.'));
    if (imap_peek(args) != ']') {
        imap_fail(args, "Bad section");
    }
}

static void parse_fields(struct body_section *out, struct imap_parser *args)
{
    out->fields = arena_alloc(args->arena, BODY_SECTION_MAX_FIELDS * sizeof(*out->fields));
    imap_space(args);
    imap_expect(args, '(');
    do {
        if (out->n_fields == BODY_SECTION_MAX_FIELDS) {
            imap_fail(args, "Too many fields");
            return;
        }
        out->fields[out->n_fields++] = imap_astring(args);
    } while (imap_ok(args) && imap_accept(args, ' '));
    imap_expect(args, ')');
}

static void parse_word(struct body_section *out, struct imap_parser *args)
{
    struct bytes word = imap_word(args);
    if (bytes_is_word(word, "HEADER")) {
        out->kind = BODY_SECTION_HEADER;
    } else if (bytes_is_word(word, "TEXT")) {
        out->kind = BODY_SECTION_TEXT;
    } else if (bytes_is_word(word, "MIME") && out->n_numbers > 0) {
        out->kind = BODY_SECTION_MIME;
    } else if (bytes_is_word(word, "HEADER.FIELDS")) {
        out->kind = BODY_SECTION_FIELDS;
        parse_fields(out, args);
    } else if (bytes_is_word(word, "HEADER.FIELDS.NOT")) {
        out->kind = BODY_SECTION_FIELDS_NOT;
        parse_fields(out, args);
    } else {
        imap_fail(args, "Bad section");
    }
}

void body_section_parse(struct body_section *out, struct imap_parser *args, bool numbers_only)
{
    *out = (struct body_section){.kind = BODY_SECTION_ALL};
    imap_expect(args, '[');
    if (ascii_is_digit(imap_peek(args))) {
        parse_numbers(out, args);
    }
    if (imap_peek(args) != ']') {
        if (numbers_only) {
            imap_fail(args, "Bad section");
        }
        parse_word(out, args);
    }
    imap_expect(args, ']');
}

void body_section_print(struct buf *out, const struct body_section *section)
{
    static const char *const words[] = {"",     "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT",
                                        "TEXT", "MIME"};
    buf_append_byte(out, '[');
    for (size_t i = 0; i < section->n_numbers; i++) {
        buf_printf(out, i > 0 ? ".%u" : "%u", section->numbers[i]);
    }
    if (section->n_numbers > 0 && section->kind != BODY_SECTION_ALL) {
        buf_append_byte(out, '.');
    }
    buf_append_str(out, words[section->kind]);
    if (section->n_fields > 0) {
        buf_append_str(out, " (");
        for (size_t i = 0; i < section->n_fields; i++) {
            if (i > 0) {
                buf_append_byte(out, ' ');
            }
            struct bytes field = section->fields[i];
            bool is_atom = field.len > 0;
            for (size_t k = 0; k < field.len; k++) {
                is_atom = is_atom && imap_is_astring_char(field.data[k]);
            }
            if (is_atom) {
                buf_append_bytes(out, field);
            } else {
                imap_write_string(out, field);
            }
        }
        buf_append_byte(out, ')');
    }
    buf_append_byte(out, ']');
}

/* ---- Finding a part ---- */

/* The child number `number` of a multipart; MIME_PART_NONE when it has fewer. */
static uint32_t child_of(const struct message_info *info, uint32_t index, uint32_t number)
{
    uint32_t child = info->parts[index].n_children > 0 ? index + 1 : MIME_PART_NONE;
    while (child != MIME_PART_NONE && --number > 0) {
        child = info->parts[child].next_sibling;
    }
    return child;
}

/* Walk the numbers. In a message, number 1 of a single part is that part itself; behind a
 * message/rfc822 part the numbers are those of the message inside. */
static uint32_t find_part(const struct body_section *section, const struct message_info *info)
{
    uint32_t index = 0;
    bool is_root = true; /* `index` is a message seen from outside */
    for (size_t i = 0; i < section->n_numbers && index != MIME_PART_NONE; i++) {
        uint32_t number = section->numbers[i];
        if (!is_root && mime_part_is_message(&info->parts[index])) {
            index++;
            is_root = true;
        }
        if (mime_part_is_multipart(&info->parts[index])) {
            index = child_of(info, index, number);
        } else if (!is_root || number != 1) {
            index = MIME_PART_NONE;
        }
        is_root = false;
    }
    return index;
}

bool body_section_find(const struct body_section *section, const struct message_info *info,
                       uint64_t content_len, uint64_t *out_offset, uint64_t *out_len,
                       uint32_t *out_part)
{
    uint32_t index = find_part(section, info);
    if (index == MIME_PART_NONE) {
        return false;
    }
    bool of_inner_message = section->n_numbers > 0 && section->kind != BODY_SECTION_ALL &&
                            section->kind != BODY_SECTION_MIME;
    if (of_inner_message) {
        if (!mime_part_is_message(&info->parts[index])) {
            return false;
        }
        index++;
    }
    const struct mime_part *part = &info->parts[index];
    bool whole = section->n_numbers == 0;
    uint64_t end = whole ? content_len : part->body_offset + part->body_len;
    *out_part = index;
    if (section->kind == BODY_SECTION_ALL || section->kind == BODY_SECTION_TEXT) {
        *out_offset = whole && section->kind == BODY_SECTION_ALL ? 0 : part->body_offset;
        *out_len = end - *out_offset;
    } else {
        *out_offset = part->header_offset;
        *out_len = part->body_offset - part->header_offset;
    }
    return true;
}

/* ---- Choosing fields ---- */

static bool is_wanted(const struct body_section *section, struct bytes name)
{
    for (size_t i = 0; i < section->n_fields; i++) {
        if (bytes_equal_ci(section->fields[i], name)) {
            return section->kind == BODY_SECTION_FIELDS;
        }
    }
    return section->kind == BODY_SECTION_FIELDS_NOT;
}

void body_section_filter(struct buf *out, const struct body_section *section, struct bytes header)
{
    bool wanted = false;
    while (header.len > 0) {
        size_t len = bytes_find(header, '\n');
        len = len < header.len ? len + 1 : len;
        struct bytes line = bytes_slice(header, 0, len);
        header = bytes_slice(header, len, SIZE_MAX);
        if (line.data[0] == '\r' || line.data[0] == '\n') {
            break;
        }
        if (line.data[0] != ' ' && line.data[0] != '\t') {
            size_t name_len = bytes_find(line, ':');
            while (name_len > 0 && name_len < line.len &&
                   (line.data[name_len - 1] == ' ' || line.data[name_len - 1] == '\t')) {
                name_len--;
            }
            wanted = is_wanted(section, bytes_slice(line, 0, name_len));
        }
        if (wanted) {
            buf_append_bytes(out, line);
        }
    }
    if (out->len >= 1 && out->data[out->len - 1] != '\n') {
        buf_append_str(out, "\r\n");
    }
    buf_append_str(out, "\r\n");
}
