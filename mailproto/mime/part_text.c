// SPDX-License-Identifier: MIT
#include "mailproto/mime/part_text.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "mailproto/mime/charset.h"
#include "mailproto/mime/flowed.h"
#include "mailproto/mime/html_text.h"
#include "mailproto/mime/transfer.h"
#include "mailproto/mime/tree.h"

bool part_is_text(const struct mime_part *part)
{
    return bytes_is_word(part->type, "text");
}

bool part_is_html(const struct mime_part *part)
{
    return part_is_text(part) && bytes_is_word(part->subtype, "html");
}

void part_data(struct buf *out, const struct mime_part *part, struct bytes mail)
{
    transfer_decode(out, part->encoding, tree_body(part, mail));
}

static struct bytes find_param(const struct mime_part *part, const char *name)
{
    for (size_t i = 0; i < part->params.n_items; i++) {
        if (bytes_is_word(part->params.items[i].name, name)) {
            return part->params.items[i].value;
        }
    }
    return (struct bytes){0};
}

static void remove_nuls(struct buf *text)
{
    size_t len = bytes_find(buf_view(text), 0);
    for (size_t i = len; i < text->len; i++) {
        if (text->data[i] != 0) {
            text->data[len++] = text->data[i];
        }
    }
    buf_truncate(text, len);
}

/* CRLF and CR become LF, NULs go. In place. */
static void normalise(struct buf *text)
{
    size_t len = 0;
    remove_nuls(text);
    for (struct bytes rest = buf_view(text); rest.len != 0;) {
        size_t run = bytes_find(rest, '\r');
        memmove(text->data + len, rest.data, run);
        len += run;
        if (run < rest.len) {
            bool is_crlf = run + 1 < rest.len && rest.data[run + 1] == '\n';
            text->data[len++] = '\n';
            run += is_crlf ? 2 : 1;
        }
        rest = bytes_slice(rest, run, rest.len);
    }
    buf_truncate(text, len);
}

bool part_text(struct buf *out, const struct mime_part *part, struct bytes mail, size_t max_len)
{
    struct buf raw = {0};
    struct buf text = {0};
    struct bytes body = tree_body(part, mail);
    transfer_decode(&raw, part->encoding, bytes_slice(body, 0, max_len));
    bool ok = charset_to_utf8(&text, find_param(part, "charset"), buf_view(&raw));
    buf_clear(&raw);
    normalise(&text);
    if (part_is_html(part)) {
        html_to_text(out, buf_view(&text));
    } else if (bytes_is_word(find_param(part, "format"), "flowed")) {
        flowed_decode(out, buf_view(&text), bytes_is_word(find_param(part, "delsp"), "yes"));
    } else {
        buf_append_bytes(out, buf_view(&text));
    }
    buf_clear(&text);
    return ok;
}
