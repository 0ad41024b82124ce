// SPDX-License-Identifier: MIT
#include "config/spool_file.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/paths.h"

static const char FIRST_LINE[] = "bittern-spool 1";

/* ---- writing ---- */

/* A text with a line end in it would become another line: it is left out. */
static void write_text(struct buf *out, const char *key, const char *value)
{
    if (value != NULL && strpbrk(value, "\r\n") == NULL) {
        buf_printf(out, "%s %s\n", key, value);
    }
}

void spool_file_write(struct buf *out, const struct spool_file *file)
{
    buf_printf(out, "%s\n", FIRST_LINE);
    write_text(out, "account", file->account);
    write_text(out, "sender", file->sender);
    write_text(out, "name", file->full_name);
    for (size_t i = 0; i < file->n_recipients; i++) {
        write_text(out, "recipient", file->recipients[i]);
    }
    write_text(out, "headers", file->recipients_of_mail ? "yes" : NULL);
    if (file->notify != 0) {
        buf_printf(out, "notify %u\n", file->notify);
    }
    write_text(out, "return", file->return_full ? "full" : NULL);
    write_text(out, "envelope", file->envelope_id);
    buf_append_byte(out, '\n');
    buf_append_bytes(out, file->mail);
}

/* ---- reading ---- */

static bool take_recipient(struct spool_file *file, const char ***list, const char *value)
{
    if (file->n_recipients == SPOOL_MAX_RECIPIENTS) {
        return false;
    }
    (*list)[file->n_recipients++] = value;
    return true;
}

static bool take_notify(struct spool_file *file, const char *value)
{
    uint64_t notify = 0;
    bool ok = parse_u64(bytes_of_str(value), 15, &notify);
    file->notify = (unsigned)notify;
    return ok;
}

static bool take(struct spool_file *file, const char ***list, struct bytes key, const char *value)
{
    const struct {
        const char *key;
        const char **text;
    } texts[] = {{"account", &file->account},
                 {"sender", &file->sender},
                 {"name", &file->full_name},
                 {"envelope", &file->envelope_id}};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (bytes_is_word(key, texts[i].key)) {
            *texts[i].text = value;
            return true;
        }
    }
    if (bytes_is_word(key, "recipient")) {
        return take_recipient(file, list, value);
    }
    if (bytes_is_word(key, "notify")) {
        return take_notify(file, value);
    }
    if (bytes_is_word(key, "return")) {
        file->return_full = strcmp(value, "full") == 0;
        return file->return_full;
    }
    file->recipients_of_mail = strcmp(value, "yes") == 0;
    return bytes_is_word(key, "headers") && file->recipients_of_mail;
}

bool spool_file_read(struct spool_file *out, struct bytes in, struct arena *arena,
                     struct fault *fault)
{
    struct spool_file file = {0};
    const char **list = arena_alloc(arena, SPOOL_MAX_RECIPIENTS * sizeof(*list));
    bool is_first = true;
    if (in.len > SPOOL_MAX_FILE_BYTES) {
        return fault_set(fault, FAULT_LIMIT, "a spooled mail is too large");
    }
    for (;;) {
        size_t end = bytes_find(in, '\n');
        struct bytes line = bytes_slice(in, 0, end);
        if (end == in.len || bytes_find(line, 0) != line.len ||
            (is_first && !bytes_is_word(line, FIRST_LINE))) {
            return fault_set(fault, FAULT_CORRUPT, "this is no spooled mail");
        }
        in = bytes_slice(in, end + 1, in.len);
        if (line.len == 0) {
            break;
        }
        size_t space = bytes_find(line, ' ');
        struct bytes value = bytes_slice(line, space + 1, line.len);
        if (!is_first && !take(&file, &list, bytes_slice(line, 0, space),
                               arena_strndup(arena, value.len == 0 ? "" : (const char *)value.data,
                                             value.len))) {
            return fault_set(fault, FAULT_CORRUPT, "a spooled mail has a line that is not known");
        }
        is_first = false;
    }
    file.recipients = list;
    file.mail = in;
    *out = file;
    return true;
}

bool spool_name_is_good(const char *file_name)
{
    size_t len = strspn(file_name, "0123456789abcdef");
    return len == SPOOL_NAME_BYTES - 1 && strcmp(file_name + len, PATHS_SPOOL_SUFFIX) == 0;
}
