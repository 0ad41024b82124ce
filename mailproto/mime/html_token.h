// SPDX-License-Identifier: MIT
/* HTML as a row of tokens: text and tags (HTML, "Tokenization"). A pull reader that copies nothing,
 * builds nothing and goes through its input once, whatever that is. Comments, declarations and
 * processing instructions are passed over; what never ends is passed over up to the end, as
 * browsers do. Which elements lie in which is not its affair. */
#ifndef BITTERN_MAILPROTO_MIME_HTML_TOKEN_H
#define BITTERN_MAILPROTO_MIME_HTML_TOKEN_H

#include <stdbool.h>

#include "base/bytes.h"

struct buf;

enum html_token_kind { HTML_TEXT, HTML_OPEN, HTML_CLOSE };

/* Borrowed from the input. */
struct html_token {
    enum html_token_kind kind;
    struct bytes text;       /* as written: of a text, with its references; of a tag, its name */
    struct bytes attributes; /* of a tag: all behind its name */
};

struct html_reader {
    struct bytes rest;
};

bool html_is_white(uint8_t byte);

/* False at the end. */
bool html_next(struct html_reader *reader, struct html_token *out);

/* Pass over the content of an element that holds no markup (a script), up to its end tag: it is the
 * next token. To the end where there is none, as a browser does. */
void html_skip_content(struct html_reader *reader, struct bytes name);

/* The value of an attribute, its references resolved, is appended. False (nothing appended) when
 * the tag has none of this name. */
bool html_attribute(struct buf *out, const struct html_token *tag, const char *name);

/* Append text with its character references resolved: the named ones of HTML 4, and numbers. */
void html_append_text(struct buf *out, struct bytes text);

#endif
