// SPDX-License-Identifier: MIT
/* Header fields (RFC 5322 section 2.2): where each stands, unfolded, found by name.
 *
 * What is no field (no colon, a space in the name) is passed over; the header goes on to its empty
 * line. Lines may end in LF alone: mails that a client appended are stored as they came. */
#ifndef BITTERN_MAILPROTO_MIME_HEADER_H
#define BITTERN_MAILPROTO_MIME_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct arena;

enum {
    HEADER_MAX_FIELDS = 2000, /* of one header; the rest is passed over */
    HEADER_MAX_VALUE_BYTES = 65536
};

struct header_field {
    struct bytes name;
    struct bytes value; /* behind the colon, as it stands: folded, with its last line end */
};

struct header {
    struct header_field *fields;
    size_t n_fields;
    size_t len; /* of the whole header with its empty line; all of the entity when it has none */
};

/* Split the header at the front of `entity`. Borrows from it; the array is in `arena`. */
struct header header_split(struct bytes entity, struct arena *arena) MUST_USE;
/* The first field of that name, any case; NULL: none. */
const struct header_field *header_find(const struct header *header, const char *name) MUST_USE;
/* The value in one line: line ends in front of white space and all others taken out, white space at
 * both ends cut off, at most HEADER_MAX_VALUE_BYTES. In `arena`; data is never NULL. */
struct bytes header_unfold(struct bytes value, struct arena *arena) MUST_USE;
/* header_find and header_unfold; data == NULL when there is no such field. */
struct bytes header_text(const struct header *header, const char *name,
                         struct arena *arena) MUST_USE;

/* Length of the line at the front of `in`, with its LF. */
size_t line_len(struct bytes in) MUST_USE;
/* The line without its CRLF or LF. */
struct bytes line_content(struct bytes line) MUST_USE;

#endif
