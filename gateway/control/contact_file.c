// SPDX-License-Identifier: MIT
#include "gateway/control/contact_file.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"

enum { ADDRESS_MAX_BYTES = 320 };

struct contact_reader {
    struct bytes rest;
    void (*each)(void *context, const char *address, const char *label);
    void *context;
    struct fault *fault;
    size_t n_entries;
    struct buf line; /* a vCard line, unfolded; or one CSV field */
    char address[ADDRESS_MAX_BYTES];
    char label[CONTACT_LABEL_MAX_BYTES + 1];
};

static bool too_long(struct contact_reader *reader)
{
    return fault_set(reader->fault, FAULT_LIMIT, "a line has more than %d bytes",
                     (int)CONTACT_FILE_MAX_LINE_BYTES);
}

/* ---- one contact ---- */

static bool is_of_address(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c) || (c != '\0' && strchr("-@.+=", c) != NULL);
}

/* From "BM-", "bitmessage:BM-", "mailto:BM-" on up to what can't be of a mail address. False when
 * there is none. */
static bool keep_address(struct contact_reader *reader, struct bytes text)
{
    for (size_t i = 0; i + 3 < text.len; i++) {
        bool begins = bytes_equal_ci(bytes_slice(text, i, 3), bytes_of_str("BM-")) &&
                      (i == 0 || strchr(":<( ", text.data[i - 1]) != NULL);
        if (!begins) {
            continue;
        }
        size_t len = 0;
        while (i + len < text.len && is_of_address((char)text.data[i + len])) {
            len++;
        }
        if (len <= 3 || len >= sizeof(reader->address)) {
            return false;
        }
        memcpy(reader->address, text.data + i, len);
        reader->address[len] = '\0';
        return true;
    }
    return false;
}

/* On one line, cut between characters. */
static void keep_label(struct contact_reader *reader, struct bytes text)
{
    size_t len = utf8_cut(text, CONTACT_LABEL_MAX_BYTES);
    for (size_t i = 0; i < len; i++) {
        reader->label[i] = text.data[i] < 0x20 || text.data[i] == 0x7f ? ' ' : (char)text.data[i];
    }
    reader->label[len] = '\0';
}

static bool end_contact(struct contact_reader *reader)
{
    if (reader->address[0] != '\0') {
        if (reader->n_entries == CONTACT_FILE_MAX_ENTRIES) {
            return fault_set(reader->fault, FAULT_LIMIT, "more than %d contacts",
                             (int)CONTACT_FILE_MAX_ENTRIES);
        }
        reader->n_entries++;
        reader->each(reader->context, reader->address, reader->label);
    }
    reader->address[0] = '\0';
    reader->label[0] = '\0';
    return true;
}

/* ---- vCard ---- */

static struct bytes take_line(struct bytes *rest)
{
    const uint8_t *end = rest->len == 0 ? NULL : memchr(rest->data, '\n', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->data);
    struct bytes line = bytes_slice(*rest, 0, len);
    *rest = bytes_slice(*rest, end == NULL ? len : len + 1, rest->len);
    if (line.len > 0 && line.data[line.len - 1] == '\r') {
        line.len--;
    }
    return line;
}

/* A line with those that continue it, which begin with a space (RFC 6350 section 3.2). */
static bool take_unfolded(struct contact_reader *reader)
{
    buf_reset(&reader->line);
    buf_append_bytes(&reader->line, take_line(&reader->rest));
    while (reader->rest.len > 0 && (reader->rest.data[0] == ' ' || reader->rest.data[0] == '\t') &&
           reader->line.len <= CONTACT_FILE_MAX_LINE_BYTES) {
        struct bytes more = take_line(&reader->rest);
        buf_append_bytes(&reader->line, bytes_slice(more, 1, more.len));
    }
    return reader->line.len <= CONTACT_FILE_MAX_LINE_BYTES || too_long(reader);
}

/* "\n" is a line end, "\," a comma (section 3.4); both are one character of a label. */
static void unescape(struct buf *text)
{
    size_t kept = 0;
    uint8_t *data = text->data;
    for (size_t i = 0; i < text->len; i++) {
        if (data[i] == '\\' && i + 1 < text->len) {
            i++;
            data[kept++] = ascii_lower((char)data[i]) == 'n' ? ' ' : data[i];
        } else {
            data[kept++] = data[i];
        }
    }
    buf_truncate(text, kept);
}

/* "item1.EMAIL;TYPE=work" is EMAIL. */
static bool names_property(struct bytes head, const char *name)
{
    const uint8_t *dot = head.len == 0 ? NULL : memchr(head.data, '.', head.len);
    size_t from = dot == NULL ? 0 : (size_t)(dot - head.data) + 1;
    struct bytes word = bytes_slice(head, from, head.len);
    const uint8_t *semicolon = word.len == 0 ? NULL : memchr(word.data, ';', word.len);
    word.len = semicolon == NULL ? word.len : (size_t)(semicolon - word.data);
    return bytes_equal_ci(word, bytes_of_str(name));
}

static bool take_property(struct contact_reader *reader)
{
    struct bytes line = buf_view(&reader->line);
    const uint8_t *colon = line.len == 0 ? NULL : memchr(line.data, ':', line.len);
    if (colon == NULL) {
        return true;
    }
    struct bytes head = bytes_slice(line, 0, (size_t)(colon - line.data));
    static const char *const places[] = {"EMAIL", "IMPP", "URL", "X-BITMESSAGE"};
    if (names_property(head, "END")) {
        return end_contact(reader);
    }
    bool is_label = names_property(head, "FN");
    for (size_t i = 0; !is_label && i < ARRAY_LEN(places); i++) {
        if (names_property(head, places[i]) && reader->address[0] == '\0') {
            (void)keep_address(reader, bytes_slice(line, head.len + 1, line.len));
        }
    }
    if (is_label) {
        buf_consume(&reader->line, head.len + 1);
        unescape(&reader->line);
        keep_label(reader, buf_view(&reader->line));
    }
    return true;
}

static bool read_vcards(struct contact_reader *reader)
{
    while (reader->rest.len > 0) {
        if (!take_unfolded(reader) || !take_property(reader)) {
            return false;
        }
    }
    return true;
}

/* ---- CSV ---- */

/* Where the record's fields are: -1 for one that the first line does not name. */
struct csv_columns {
    int address;
    int label;
    bool are_named;
};

/* One field into reader->line. *out_last: the record ends behind it. */
static bool take_field(struct contact_reader *reader, size_t *record_len, bool *out_last)
{
    struct bytes *rest = &reader->rest;
    size_t i = 0;
    bool quoted = rest->len > 0 && rest->data[0] == '"';
    buf_reset(&reader->line);
    for (i = quoted ? 1 : 0; i < rest->len; i++) {
        uint8_t byte = rest->data[i];
        if (quoted && byte == '"' && i + 1 < rest->len && rest->data[i + 1] == '"') {
            i++;
        } else if (quoted && byte == '"') {
            quoted = false;
            continue;
        } else if (!quoted && (byte == ',' || byte == '\n')) {
            break;
        }
        if (++*record_len > CONTACT_FILE_MAX_LINE_BYTES) {
            return too_long(reader);
        }
        buf_append_byte(&reader->line, byte);
    }
    *out_last = i >= rest->len || rest->data[i] == '\n';
    *rest = bytes_slice(*rest, i + 1, rest->len);
    if (*out_last && reader->line.len > 0 && reader->line.data[reader->line.len - 1] == '\r') {
        buf_truncate(&reader->line, reader->line.len - 1);
    }
    return true;
}

static void note_column(struct csv_columns *columns, int index, struct bytes name)
{
    static const char *const addresses[] = {"address", "email", "e-mail", "primary email"};
    static const char *const labels[] = {"label", "name", "display name"};
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        if (columns->address < 0 && bytes_equal_ci(name, bytes_of_str(addresses[i]))) {
            columns->address = index;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
        if (columns->label < 0 && bytes_equal_ci(name, bytes_of_str(labels[i]))) {
            columns->label = index;
        }
    }
}

static void keep_field(struct contact_reader *reader, const struct csv_columns *columns, int index)
{
    struct bytes field = buf_view(&reader->line);
    if (columns->are_named) {
        if (index == columns->address) {
            (void)keep_address(reader, field);
        } else if (index == columns->label) {
            keep_label(reader, field);
        }
    } else if (reader->address[0] != '\0' || !keep_address(reader, field)) {
        if (reader->label[0] == '\0') {
            keep_label(reader, field);
        }
    }
}

static bool read_record(struct contact_reader *reader, const struct csv_columns *columns,
                        struct csv_columns *out_names)
{
    size_t record_len = 0;
    bool is_last = false;
    for (int index = 0; !is_last; index++) {
        if (index == CONTACT_FILE_MAX_FIELDS) {
            return fault_set(reader->fault, FAULT_LIMIT, "a line has more than %d fields",
                             (int)CONTACT_FILE_MAX_FIELDS);
        }
        if (!take_field(reader, &record_len, &is_last)) {
            return false;
        }
        keep_field(reader, columns, index);
        note_column(out_names, index, buf_view(&reader->line));
    }
    return true;
}

static bool read_csv(struct contact_reader *reader)
{
    struct csv_columns columns = {-1, -1, false};
    for (bool is_first = true; reader->rest.len > 0; is_first = false) {
        struct csv_columns names = {-1, -1, false};
        if (!read_record(reader, &columns, &names)) {
            return false;
        }
        if (is_first && reader->address[0] == '\0' && names.address >= 0) {
            columns = names;
            columns.are_named = true;
        }
        if (!end_contact(reader)) {
            return false;
        }
    }
    return true;
}

/* ---- either ---- */

static bool looks_like_vcard(struct bytes file)
{
    static const char begin[] = "BEGIN:VCARD";
    return bytes_equal_ci(bytes_slice(file, 0, sizeof(begin) - 1), bytes_of_str(begin));
}

bool contact_file_read(struct bytes file,
                       void (*each)(void *context, const char *address, const char *label),
                       void *context, struct fault *fault)
{
    struct contact_reader reader = {.rest = file, .each = each, .context = context, .fault = fault};
    static const char mark[] = "\xef\xbb\xbf";
    if (file.len > CONTACT_FILE_MAX_BYTES) {
        return fault_set(fault, FAULT_LIMIT, "the file has more than %d bytes",
                         (int)CONTACT_FILE_MAX_BYTES);
    }
    if (!utf8_valid(file)) {
        return fault_set(fault, FAULT_INVALID, "the file is not UTF-8 text");
    }
    if (bytes_equal(bytes_slice(file, 0, 3), bytes_of_str(mark))) {
        reader.rest = bytes_slice(file, 3, file.len);
    }
    bool ok = looks_like_vcard(reader.rest) ? read_vcards(&reader) : read_csv(&reader);
    buf_clear(&reader.line);
    return ok && (reader.n_entries > 0 || fault_set(fault, FAULT_INVALID,
                                                    "there is no contact with a Bitmessage "
                                                    "address in it"));
}

/* ---- writing ---- */

void contact_file_begin(struct buf *out, enum contact_form form)
{
    if (form == CONTACT_CSV) {
        buf_append_str(out, "address,label\r\n");
    }
}

static void write_escaped(struct buf *out, const char *text, const char *special, char mark)
{
    for (; *text != '\0'; text++) {
        if (strchr(special, *text) != NULL) {
            buf_append_byte(out, (uint8_t)mark);
        }
        buf_append_byte(out, (uint8_t)*text);
    }
}

void contact_file_write(struct buf *out, enum contact_form form, const char *address,
                        const char *label)
{
    if (form == CONTACT_CSV) {
        buf_printf(out, "%s,\"", address);
        write_escaped(out, label, "\"", '"');
        buf_append_str(out, "\"\r\n");
        return;
    }
    buf_append_str(out, "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:");
    write_escaped(out, label[0] == '\0' ? address : label, "\\,;", '\\');
    buf_printf(out, "\r\nEMAIL:%s@bm.alt\r\nIMPP:bitmessage:%s\r\nEND:VCARD\r\n", address, address);
}
