// SPDX-License-Identifier: MIT
#include "mailproto/mime/html_token.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "mailproto/mime/html_entity.h"

bool html_is_white(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' || byte == '\f' || byte == 0;
}

static struct bytes from(struct bytes text, size_t start)
{
    return bytes_slice(text, start, text.len);
}

static size_t white_len(struct bytes text)
{
    size_t len = 0;
    while (len < text.len && html_is_white(text.data[len])) {
        len++;
    }
    return len;
}

/* Where `text` begins in `whole`; whole.len: nowhere. */
static size_t find_str(struct bytes whole, const char *text)
{
    const uint8_t *hit = whole.len == 0 ? NULL : memmem(whole.data, whole.len, text, strlen(text));
    return hit == NULL ? whole.len : (size_t)(hit - whole.data);
}

/* ---- tags ---- */

/* A quoted value with its quotes. 0: there is none. A quote that is never closed quotes nothing,
 * and there are two kinds of quotes: in vain is the whole text looked through twice at most. */
static size_t quoted_len(struct bytes text)
{
    if (text.len == 0 || (text.data[0] != '"' && text.data[0] != '\'')) {
        return 0;
    }
    struct bytes value = from(text, 1);
    size_t len = bytes_find(value, text.data[0]);
    return len < value.len ? len + 2 : 0;
}

/* From '<' to '>', which may stand in a quoted value, too. 0: it never ends. */
static size_t tag_len(struct bytes html)
{
    size_t at = 0;
    while (at < html.len && html.data[at] != '>') {
        bool has_value = html.data[at] == '=';
        at++;
        if (has_value) {
            at += white_len(from(html, at));
            at += quoted_len(from(html, at));
        }
    }
    return at < html.len ? at + 1 : 0;
}

static size_t name_len(struct bytes text)
{
    size_t len = 0;
    while (len < text.len && !html_is_white(text.data[len]) && text.data[len] != '/' &&
           text.data[len] != '>') {
        len++;
    }
    return len;
}

/* ---- what stands between the texts ---- */

static bool begins_tag(struct bytes html)
{
    size_t at = html.len > 1 && html.data[1] == '/' ? 2 : 1;
    return html.len > at && ascii_is_alpha((char)html.data[at]);
}

static bool begins_markup(struct bytes html)
{
    return html.len > 1 && html.data[0] == '<' &&
           (ascii_is_alpha((char)html.data[1]) || html.data[1] == '/' || html.data[1] == '!' ||
            html.data[1] == '?');
}

/* A tag, a comment, a declaration, an instruction, or an end tag without a name. 0: it never ends,
 * and nothing that follows is text. */
static size_t markup_len(struct bytes html)
{
    if (begins_tag(html)) {
        return tag_len(html);
    }
    bool is_comment = bytes_starts_with(html, bytes_of_str("<!--"));
    const char *mark = is_comment ? "-->" : ">";
    size_t start = is_comment ? strlen("<!") : 1; /* "<!-->" is a whole one */
    size_t len = start + find_str(from(html, start), mark);
    return len < html.len ? len + strlen(mark) : 0;
}

void html_skip_content(struct html_reader *reader, struct bytes name)
{
    for (;;) {
        reader->rest = from(reader->rest, find_str(reader->rest, "</"));
        struct bytes word = from(reader->rest, 2);
        if (word.len == 0 || bytes_equal_ci(bytes_slice(word, 0, name_len(word)), name)) {
            return;
        }
        reader->rest = word;
    }
}

/* ---- tokens ---- */

static void be_tag(struct html_token *out, struct bytes tag)
{
    bool is_end = tag.data[1] == '/';
    struct bytes inside = bytes_slice(tag, is_end ? 2 : 1, tag.len - (is_end ? 3 : 2));
    size_t name = name_len(inside);
    *out = (struct html_token){.kind = is_end ? HTML_CLOSE : HTML_OPEN,
                               .text = bytes_slice(inside, 0, name),
                               .attributes = from(inside, name)};
}

bool html_next(struct html_reader *reader, struct html_token *out)
{
    while (begins_markup(reader->rest)) {
        size_t len = markup_len(reader->rest);
        struct bytes markup = bytes_slice(reader->rest, 0, len);
        reader->rest = from(reader->rest, len != 0 ? len : reader->rest.len);
        if (len != 0 && begins_tag(markup)) {
            be_tag(out, markup);
            return true;
        }
    }
    if (reader->rest.len == 0) {
        return false;
    }
    /* A '<' that begins nothing is text. */
    size_t len = 1 + bytes_find(from(reader->rest, 1), '<');
    *out = (struct html_token){.kind = HTML_TEXT, .text = bytes_slice(reader->rest, 0, len)};
    reader->rest = from(reader->rest, len);
    return true;
}

/* ---- attributes ---- */

struct attribute {
    struct bytes name;
    struct bytes value;
};

static bool next_attribute(struct bytes *rest, struct attribute *out)
{
    *out = (struct attribute){0};
    while (rest->len != 0 && (html_is_white(rest->data[0]) || rest->data[0] == '/')) {
        *rest = from(*rest, 1);
    }
    size_t len = rest->len != 0; /* a sign of equality at its front is the name's */
    while (len < rest->len && !html_is_white(rest->data[len]) && rest->data[len] != '/' &&
           rest->data[len] != '=') {
        len++;
    }
    out->name = bytes_slice(*rest, 0, len);
    *rest = from(*rest, len);
    struct bytes value = from(*rest, white_len(*rest));
    if (value.len != 0 && value.data[0] == '=') {
        value = from(value, 1 + white_len(from(value, 1)));
        len = quoted_len(value);
        out->value = bytes_slice(value, len == 0 ? 0 : 1, len == 0 ? 0 : len - 2);
        if (len == 0) {
            while (len < value.len && !html_is_white(value.data[len])) {
                len++;
            }
            out->value = bytes_slice(value, 0, len);
        }
        *rest = from(value, len);
    }
    return out->name.len != 0;
}

bool html_attribute(struct buf *out, const struct html_token *tag, const char *name)
{
    struct bytes rest = tag->attributes;
    struct attribute attribute;
    while (next_attribute(&rest, &attribute)) {
        if (bytes_is_word(attribute.name, name)) {
            html_append_text(out, attribute.value);
            return true;
        }
    }
    return false;
}

void html_append_text(struct buf *out, struct bytes text)
{
    while (text.len != 0) {
        size_t plain = bytes_find(text, '&');
        buf_append_bytes(out, bytes_slice(text, 0, plain));
        text = from(text, plain);
        if (text.len != 0) {
            size_t len = html_append_reference(out, text);
            if (len == 0) {
                buf_append_byte(out, '&');
                len = 1;
            }
            text = from(text, len);
        }
    }
}
