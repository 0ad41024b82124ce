// SPDX-License-Identifier: MIT
#include "mailproto/imap/imap_write.h"

#include "base/buf.h"
#include "mailproto/imap/mailbox_view.h"
#include "mailproto/imap/utf7.h"

enum { QUOTED_MAX_BYTES = 1000 };

static void write_quoted(struct buf *out, struct bytes text)
{
    size_t begin = 0;
    buf_append_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\') {
            buf_append(out, text.data + begin, i - begin);
            buf_append_byte(out, '\\');
            begin = i;
        }
    }
    if (begin < text.len) {
        buf_append(out, text.data + begin, text.len - begin);
    }
    buf_append_byte(out, '"');
}

static void write_literal(struct buf *out, struct bytes text, size_t n_nuls)
{
    buf_printf(out, "{%zu}\r\n", text.len - n_nuls);
    if (n_nuls == 0) {
        buf_append_bytes(out, text);
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '\0') {
            buf_append_byte(out, text.data[i]);
        }
    }
}

void imap_write_string(struct buf *out, struct bytes text)
{
    size_t n_nuls = 0;
    size_t n_others = 0; /* that a quoted string can't hold either */
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        n_nuls += c == '\0';
        n_others += c >= 0x80 || c == '\r' || c == '\n';
    }
    if (text.len <= QUOTED_MAX_BYTES && n_nuls + n_others == 0) {
        write_quoted(out, text);
    } else {
        write_literal(out, text, n_nuls);
    }
}

void imap_write_nstring(struct buf *out, struct bytes text)
{
    if (text.data == NULL) {
        buf_append_str(out, "NIL");
    } else {
        imap_write_string(out, text);
    }
}

void imap_write_mailbox(struct buf *out, const char *name, bool utf8)
{
    struct buf encoded = {0};
    if (utf8) {
        buf_append_str(&encoded, name);
    } else {
        utf7_encode(&encoded, bytes_of_str(name));
    }
    write_quoted(out, buf_view(&encoded));
    buf_clear(&encoded);
}

void imap_write_flags(struct buf *out, uint8_t flags, uint64_t keywords,
                      const struct mailbox_keywords *names, bool recent)
{
    static const struct {
        uint8_t flag;
        const char *name;
    } system_flags[] = {{MAILBOX_FLAG_ANSWERED, "\\Answered"},
                        {MAILBOX_FLAG_FLAGGED, "\\Flagged"},
                        {MAILBOX_FLAG_DELETED, "\\Deleted"},
                        {MAILBOX_FLAG_SEEN, "\\Seen"},
                        {MAILBOX_FLAG_DRAFT, "\\Draft"}};
    const char *space = "";
    for (size_t i = 0; i < sizeof(system_flags) / sizeof(system_flags[0]); i++) {
        if ((flags & system_flags[i].flag) != 0) {
            buf_append_str(out, space);
            buf_append_str(out, system_flags[i].name);
            space = " ";
        }
    }
    for (size_t i = 0; i < names->n_names; i++) {
        if ((keywords >> i & 1) != 0) {
            buf_append_str(out, space);
            buf_append_str(out, names->names[i]);
            space = " ";
        }
    }
    if (recent) {
        buf_append_str(out, space);
        buf_append_str(out, "\\Recent");
    }
}
