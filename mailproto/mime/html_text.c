// SPDX-License-Identifier: MIT
#include "mailproto/mime/html_text.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/str.h"
#include "mailproto/mime/html_token.h"

enum { MAX_LINK_BYTES = 2000, MAX_QUOTE_DEPTH = 20, MAX_OPEN = 100 };

struct writer {
    struct buf *out;
    struct html_reader reader;
    const struct element *open[MAX_OPEN]; /* blocks: what lies deeper has no end */
    unsigned n_open;
    unsigned n_pre;
    unsigned quote_depth;
    unsigned newlines_due; /* before the next text */
    bool space_due;
    bool at_line_start;
    bool is_empty;
    bool in_link;       /* that is shown */
    struct buf href;    /* its target */
    size_t link_start;  /* in `out` */
    struct buf scratch; /* a text whose references are resolved */
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

/* Words with single spaces between them, which stay as they are. */
static size_t words_len(struct bytes text)
{
    size_t len = 0;
    while (len < text.len &&
           (!html_is_white(text.data[len]) ||
            (text.data[len] == ' ' && len + 1 < text.len && !html_is_white(text.data[len + 1])))) {
        len++;
    }
    return len;
}

static void put_flowing(struct writer *writer, struct bytes text)
{
    while (text.len != 0) {
        if (html_is_white(text.data[0])) {
            writer->space_due = !writer->at_line_start || writer->space_due;
            text = bytes_slice(text, 1, text.len);
            continue;
        }
        size_t len = words_len(text);
        put(writer, bytes_slice(text, 0, len));
        text = bytes_slice(text, len, text.len);
    }
}

static void on_text(struct writer *writer, struct bytes text)
{
    if (bytes_find(text, '&') != text.len) {
        buf_reset(&writer->scratch);
        html_append_text(&writer->scratch, text);
        text = buf_view(&writer->scratch);
    }
    if (writer->n_pre != 0) {
        put_preformatted(writer, text);
    } else {
        put_flowing(writer, text);
    }
}

/* ---- links ---- */

static bool is_shown_link(const char *href)
{
    return strlen(href) <= MAX_LINK_BYTES &&
           (str_starts_with_ci(href, "http://") || str_starts_with_ci(href, "https://") ||
            str_starts_with_ci(href, "mailto:"));
}

/* " <target>", unless the text says it already. */
static void close_link(struct writer *writer)
{
    if (!writer->in_link) {
        return;
    }
    const char *href = buf_str(&writer->href);
    struct bytes shown = bytes_slice(buf_view(writer->out), writer->link_start, writer->out->len);
    const char *target = str_starts_with_ci(href, "mailto:") ? href + strlen("mailto:") : href;
    if (shown.len == 0 || memmem(shown.data, shown.len, target, strlen(target)) == NULL) {
        writer->space_due = shown.len != 0;
        put(writer, bytes_of_str("<"));
        put(writer, bytes_of_str(target));
        put(writer, bytes_of_str(">"));
    }
    writer->in_link = false;
}

/* Links do not lie in one another: one ends where the next begins. */
static void open_link(struct writer *writer, const struct html_token *tag)
{
    close_link(writer);
    buf_reset(&writer->href);
    writer->in_link =
        html_attribute(&writer->href, tag, "href") && is_shown_link(buf_str(&writer->href));
    writer->link_start = writer->out->len;
}

/* ---- elements ---- */

enum element_kind {
    ELEMENT_HIDDEN, /* its content is no text */
    ELEMENT_BLOCK,
    ELEMENT_PARAGRAPH, /* a block that ends where another begins */
    ELEMENT_ITEM,
    ELEMENT_PRE,
    ELEMENT_QUOTE,
    ELEMENT_CELL,
    ELEMENT_BREAK,
    ELEMENT_RULE,
    ELEMENT_LINK,
    ELEMENT_IMAGE
};

struct element {
    const char *name;
    enum element_kind kind;
    unsigned newlines; /* around a block */
};

static const struct element ELEMENTS[] = {
    {"script", ELEMENT_HIDDEN, 0}, {"style", ELEMENT_HIDDEN, 0},
    {"title", ELEMENT_HIDDEN, 0},  {"template", ELEMENT_HIDDEN, 0},
    {"iframe", ELEMENT_HIDDEN, 0}, {"p", ELEMENT_PARAGRAPH, 2},
    {"h1", ELEMENT_BLOCK, 2},      {"h2", ELEMENT_BLOCK, 2},
    {"h3", ELEMENT_BLOCK, 2},      {"h4", ELEMENT_BLOCK, 2},
    {"h5", ELEMENT_BLOCK, 2},      {"h6", ELEMENT_BLOCK, 2},
    {"ul", ELEMENT_BLOCK, 2},      {"ol", ELEMENT_BLOCK, 2},
    {"dl", ELEMENT_BLOCK, 2},      {"table", ELEMENT_BLOCK, 2},
    {"div", ELEMENT_BLOCK, 1},     {"tr", ELEMENT_BLOCK, 1},
    {"dt", ELEMENT_BLOCK, 1},      {"dd", ELEMENT_BLOCK, 1},
    {"section", ELEMENT_BLOCK, 1}, {"article", ELEMENT_BLOCK, 1},
    {"header", ELEMENT_BLOCK, 1},  {"footer", ELEMENT_BLOCK, 1},
    {"address", ELEMENT_BLOCK, 1}, {"form", ELEMENT_BLOCK, 1},
    {"center", ELEMENT_BLOCK, 1},  {"li", ELEMENT_ITEM, 1},
    {"pre", ELEMENT_PRE, 2},       {"blockquote", ELEMENT_QUOTE, 1},
    {"td", ELEMENT_CELL, 0},       {"th", ELEMENT_CELL, 0},
    {"br", ELEMENT_BREAK, 0},      {"hr", ELEMENT_RULE, 1},
    {"a", ELEMENT_LINK, 0},        {"img", ELEMENT_IMAGE, 0},
};

static const struct element *find_element(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_LEN(ELEMENTS); i++) {
        if (ascii_lower((char)name.data[0]) == ELEMENTS[i].name[0] &&
            bytes_is_word(name, ELEMENTS[i].name)) {
            return &ELEMENTS[i];
        }
    }
    return NULL;
}

static void end_innermost(struct writer *writer)
{
    const struct element *element = writer->open[--writer->n_open];
    writer->n_pre -= element->kind == ELEMENT_PRE;
    writer->quote_depth -= element->kind == ELEMENT_QUOTE;
    want_newlines(writer, element->newlines);
}

static void begin_block(struct writer *writer, const struct element *element)
{
    if (writer->n_open != 0 && writer->open[writer->n_open - 1]->kind == ELEMENT_PARAGRAPH) {
        end_innermost(writer);
    }
    want_newlines(writer, element->newlines);
    if (writer->n_open < MAX_OPEN) {
        writer->open[writer->n_open++] = element;
        writer->n_pre += element->kind == ELEMENT_PRE;
        writer->quote_depth += element->kind == ELEMENT_QUOTE;
    }
    if (element->kind == ELEMENT_ITEM) {
        put(writer, bytes_of_str("- "));
    }
}

/* Ends what lies in it, too. */
static void end_block(struct writer *writer, const struct element *element)
{
    unsigned depth = writer->n_open;
    while (depth != 0 && writer->open[depth - 1] != element) {
        depth--;
    }
    while (depth != 0 && writer->n_open >= depth) {
        end_innermost(writer);
    }
    want_newlines(writer, element->newlines);
}

static void show_image(struct writer *writer, const struct html_token *tag)
{
    buf_reset(&writer->scratch);
    if (html_attribute(&writer->scratch, tag, "alt")) {
        put_flowing(writer, buf_view(&writer->scratch));
    }
}

static void on_open(struct writer *writer, const struct element *element,
                    const struct html_token *tag)
{
    switch (element->kind) {
    case ELEMENT_HIDDEN:
        html_skip_content(&writer->reader, tag->text);
        break;
    case ELEMENT_BLOCK:
    case ELEMENT_PARAGRAPH:
    case ELEMENT_ITEM:
    case ELEMENT_PRE:
    case ELEMENT_QUOTE:
        begin_block(writer, element);
        break;
    case ELEMENT_CELL:
        writer->space_due = true;
        break;
    case ELEMENT_BREAK:
        writer->newlines_due++;
        break;
    case ELEMENT_RULE:
        want_newlines(writer, 1);
        put(writer, bytes_of_str("----"));
        want_newlines(writer, 1);
        break;
    case ELEMENT_LINK:
        open_link(writer, tag);
        break;
    case ELEMENT_IMAGE:
        show_image(writer, tag);
        break;
    }
}

static void on_close(struct writer *writer, const struct element *element)
{
    if (element->kind == ELEMENT_LINK) {
        close_link(writer);
    } else if (element->newlines != 0) {
        end_block(writer, element);
    }
}

void html_to_text(struct buf *out, struct bytes html)
{
    struct writer writer = {
        .out = out,
        .reader = {bytes_slice(html, 0, utf8_cut(html, HTML_MAX_BYTES))},
        .at_line_start = true,
        .is_empty = true,
    };
    struct html_token token;
    while (html_next(&writer.reader, &token)) {
        const struct element *element = token.kind == HTML_TEXT ? NULL : find_element(token.text);
        if (token.kind == HTML_TEXT) {
            on_text(&writer, token.text);
        } else if (element != NULL && token.kind == HTML_OPEN) {
            on_open(&writer, element, &token);
        } else if (element != NULL) {
            on_close(&writer, element);
        }
    }
    close_link(&writer);
    buf_clear(&writer.href);
    buf_clear(&writer.scratch);
}
