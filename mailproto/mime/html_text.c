// SPDX-License-Identifier: MIT
#include "mailproto/mime/html_text.h"

#include <libxml/HTMLparser.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "base/str.h"

enum { MAX_LINK_BYTES = 2000, MAX_QUOTE_DEPTH = 20, MAX_HREF_DEPTH = 8 };

struct writer {
    struct buf *out;
    unsigned n_skipped; /* open elements whose text is not shown */
    unsigned n_pre;
    unsigned quote_depth;
    unsigned newlines_due; /* before the next text */
    bool space_due;
    bool at_line_start;
    bool is_empty;
    char *hrefs[MAX_HREF_DEPTH]; /* of the open links */
    size_t link_starts[MAX_HREF_DEPTH];
    unsigned n_links;
};

/* ---- text ---- */

static void begin_line(struct writer *writer)
{
    for (unsigned i = 0; i < writer->quote_depth && i < MAX_QUOTE_DEPTH; i++) {
        buf_append_str(writer->out, "> ");
    }
    writer->at_line_start = false;
}

static void put(struct writer *writer, struct bytes text)
{
    if (!writer->is_empty) {
        for (; writer->newlines_due != 0; writer->newlines_due--) {
            buf_append_byte(writer->out, '\n');
            writer->at_line_start = true;
            writer->space_due = false;
        }
    }
    writer->newlines_due = 0;
    if (writer->at_line_start) {
        begin_line(writer);
        writer->space_due = false;
    }
    if (writer->space_due) {
        buf_append_byte(writer->out, ' ');
        writer->space_due = false;
    }
    buf_append_bytes(writer->out, text);
    writer->is_empty = false;
}

static void want_newlines(struct writer *writer, unsigned n)
{
    if (writer->newlines_due < n) {
        writer->newlines_due = n;
    }
}

static bool is_white(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' || byte == '\f';
}

static void put_preformatted(struct writer *writer, struct bytes text)
{
    while (text.len != 0) {
        size_t len = bytes_find(text, '\n');
        struct bytes line = bytes_slice(text, 0, len);
        if (line.len != 0) {
            put(writer, line);
        }
        if (len != text.len) {
            writer->newlines_due++;
        }
        text = bytes_slice(text, len + 1, text.len);
    }
}

static void put_flowing(struct writer *writer, struct bytes text)
{
    size_t i = 0;
    while (i < text.len) {
        size_t start = i;
        while (i < text.len && !is_white(text.data[i])) {
            i++;
        }
        if (i > start) {
            put(writer, bytes_slice(text, start, i - start));
        }
        if (i < text.len) {
            writer->space_due = !writer->at_line_start || writer->space_due;
            i++;
        }
    }
}

static void on_text(void *context, const xmlChar *text, int len)
{
    struct writer *writer = context;
    struct bytes bytes = {text, len > 0 ? (size_t)len : 0};
    if (writer->n_skipped != 0) {
        return;
    }
    if (writer->n_pre != 0) {
        put_preformatted(writer, bytes);
    } else {
        put_flowing(writer, bytes);
    }
}

/* ---- elements ---- */

enum element_kind { ELEMENT_SKIP, ELEMENT_PARAGRAPH, ELEMENT_BLOCK, ELEMENT_PRE, ELEMENT_QUOTE };

static const struct {
    const char *name;
    enum element_kind kind;
} ELEMENTS[] = {
    {"script", ELEMENT_SKIP},     {"style", ELEMENT_SKIP},    {"head", ELEMENT_SKIP},
    {"title", ELEMENT_SKIP},      {"template", ELEMENT_SKIP}, {"object", ELEMENT_SKIP},
    {"iframe", ELEMENT_SKIP},     {"noscript", ELEMENT_SKIP}, {"p", ELEMENT_PARAGRAPH},
    {"h1", ELEMENT_PARAGRAPH},    {"h2", ELEMENT_PARAGRAPH},  {"h3", ELEMENT_PARAGRAPH},
    {"h4", ELEMENT_PARAGRAPH},    {"h5", ELEMENT_PARAGRAPH},  {"h6", ELEMENT_PARAGRAPH},
    {"ul", ELEMENT_PARAGRAPH},    {"ol", ELEMENT_PARAGRAPH},  {"dl", ELEMENT_PARAGRAPH},
    {"table", ELEMENT_PARAGRAPH}, {"div", ELEMENT_BLOCK},     {"tr", ELEMENT_BLOCK},
    {"li", ELEMENT_BLOCK},        {"dt", ELEMENT_BLOCK},      {"dd", ELEMENT_BLOCK},
    {"section", ELEMENT_BLOCK},   {"article", ELEMENT_BLOCK}, {"header", ELEMENT_BLOCK},
    {"footer", ELEMENT_BLOCK},    {"address", ELEMENT_BLOCK}, {"form", ELEMENT_BLOCK},
    {"center", ELEMENT_BLOCK},    {"pre", ELEMENT_PRE},       {"blockquote", ELEMENT_QUOTE},
};

/* `name` is in small letters: the parser makes them so. */
static bool kind_of(enum element_kind *out, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(ELEMENTS); i++) {
        if (name[0] == ELEMENTS[i].name[0] && strcmp(name, ELEMENTS[i].name) == 0) {
            *out = ELEMENTS[i].kind;
            return true;
        }
    }
    return false;
}

static const char *attribute(const xmlChar **attributes, const char *name)
{
    for (size_t i = 0; attributes != NULL && attributes[i] != NULL; i += 2) {
        if (attributes[i + 1] != NULL && str_equal_ci((const char *)attributes[i], name)) {
            return (const char *)attributes[i + 1];
        }
    }
    return NULL;
}

static void open_link(struct writer *writer, const xmlChar **attributes)
{
    const char *href = attribute(attributes, "href");
    if (writer->n_links == MAX_HREF_DEPTH) {
        return;
    }
    bool is_shown = href != NULL && strlen(href) <= MAX_LINK_BYTES &&
                    (str_starts_with_ci(href, "http://") || str_starts_with_ci(href, "https://") ||
                     str_starts_with_ci(href, "mailto:"));
    writer->hrefs[writer->n_links] = is_shown ? xstrdup(href) : NULL;
    writer->link_starts[writer->n_links] = writer->out->len;
    writer->n_links++;
}

/* " <target>", unless the text says it already. */
static void close_link(struct writer *writer)
{
    if (writer->n_links == 0) {
        return;
    }
    writer->n_links--;
    char *href = writer->hrefs[writer->n_links];
    if (href == NULL) {
        return;
    }
    struct bytes shown =
        bytes_slice(buf_view(writer->out), writer->link_starts[writer->n_links], writer->out->len);
    const char *target = str_starts_with_ci(href, "mailto:") ? href + strlen("mailto:") : href;
    if (shown.len == 0 || memmem(shown.data, shown.len, target, strlen(target)) == NULL) {
        writer->space_due = shown.len != 0;
        put(writer, bytes_of_str("<"));
        put(writer, bytes_of_str(target));
        put(writer, bytes_of_str(">"));
    }
    free(href);
}

static void on_open_kind(struct writer *writer, enum element_kind kind)
{
    switch (kind) {
    case ELEMENT_SKIP:
        writer->n_skipped++;
        break;
    case ELEMENT_PARAGRAPH:
        want_newlines(writer, 2);
        break;
    case ELEMENT_BLOCK:
        want_newlines(writer, 1);
        break;
    case ELEMENT_PRE:
        want_newlines(writer, 2);
        writer->n_pre++;
        break;
    case ELEMENT_QUOTE:
        want_newlines(writer, 1);
        writer->quote_depth++;
        break;
    }
}

static void on_open(void *context, const xmlChar *name_bytes, const xmlChar **attributes)
{
    struct writer *writer = context;
    const char *name = (const char *)name_bytes;
    enum element_kind kind;
    if (kind_of(&kind, name)) {
        on_open_kind(writer, kind);
    }
    if (writer->n_skipped != 0) {
        return;
    }
    if (str_equal_ci(name, "br")) {
        writer->newlines_due++;
    } else if (str_equal_ci(name, "hr")) {
        want_newlines(writer, 1);
        put(writer, bytes_of_str("----"));
        want_newlines(writer, 1);
    } else if (str_equal_ci(name, "li")) {
        put(writer, bytes_of_str("- "));
    } else if (str_equal_ci(name, "a")) {
        open_link(writer, attributes);
    } else if (str_equal_ci(name, "img")) {
        const char *alt = attribute(attributes, "alt");
        if (alt != NULL) {
            put_flowing(writer, bytes_of_str(alt));
        }
    } else if (str_equal_ci(name, "td") || str_equal_ci(name, "th")) {
        writer->space_due = true;
    }
}

static void on_close(void *context, const xmlChar *name_bytes)
{
    struct writer *writer = context;
    const char *name = (const char *)name_bytes;
    enum element_kind kind;
    if (str_equal_ci(name, "a") && writer->n_skipped == 0) {
        close_link(writer);
    }
    if (!kind_of(&kind, name)) {
        return;
    }
    if (kind == ELEMENT_SKIP) {
        writer->n_skipped -= writer->n_skipped != 0;
    } else {
        want_newlines(writer, kind == ELEMENT_BLOCK || kind == ELEMENT_QUOTE ? 1 : 2);
    }
    if (kind == ELEMENT_PRE) {
        writer->n_pre -= writer->n_pre != 0;
    } else if (kind == ELEMENT_QUOTE) {
        writer->quote_depth -= writer->quote_depth != 0;
    }
}

/* ---- the parser ---- */

/* Leave out tags that are too long, and NULs, at which the parser would end. */
static void copy_guarded(struct buf *out, struct bytes html)
{
    html = bytes_slice(html, 0, HTML_MAX_BYTES);
    while (html.len != 0) {
        size_t text_len = bytes_find(html, '<');
        struct bytes text = bytes_slice(html, 0, text_len);
        struct bytes tag = bytes_slice(html, text_len, html.len);
        tag.len = tag.len == 0 ? 0 : bytes_find(tag, '>') + 1;
        if (tag.len > html.len - text_len) {
            tag.len = html.len - text_len;
        }
        buf_append_bytes(out, text);
        if (tag.len <= HTML_MAX_TAG_BYTES) {
            buf_append_bytes(out, tag);
        }
        html = bytes_slice(html, text_len + tag.len, html.len);
    }
    for (size_t i = 0; i < out->len; i++) {
        out->data[i] = out->data[i] == 0 ? ' ' : out->data[i];
    }
}

static void ignore_error(void *context, const char *format, ...)
{
    (void)context;
    (void)format;
}

void html_to_text(struct buf *out, struct bytes html)
{
    struct writer writer = {.out = out, .at_line_start = true, .is_empty = true};
    htmlSAXHandler sax = {.startElement = on_open,
                          .endElement = on_close,
                          .characters = on_text,
                          .ignorableWhitespace = on_text,
                          .warning = ignore_error,
                          .error = ignore_error};
    struct buf safe = {0};
    size_t start = out->len;
    copy_guarded(&safe, html);
    htmlParserCtxtPtr parser =
        safe.len == 0
            ? NULL
            : htmlCreatePushParserCtxt(&sax, &writer, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);
    if (parser != NULL) {
        htmlCtxtUseOptions(parser, HTML_PARSE_NONET | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                                       HTML_PARSE_RECOVER | HTML_PARSE_IGNORE_ENC);
        htmlParseChunk(parser, (const char *)safe.data, (int)safe.len, 0);
        htmlParseChunk(parser, "", 0, 1);
        if (parser->myDoc != NULL) {
            xmlFreeDoc(parser->myDoc);
        }
        htmlFreeParserCtxt(parser);
    }
    while (writer.n_links != 0) {
        free(writer.hrefs[--writer.n_links]);
    }
    buf_clear(&safe);
    if (!utf8_valid(bytes_slice(buf_view(out), start, out->len))) {
        struct buf repaired = {0};
        utf8_repair(&repaired, bytes_slice(buf_view(out), start, out->len));
        buf_truncate(out, start);
        buf_append_bytes(out, buf_view(&repaired));
        buf_clear(&repaired);
    }
}
