// SPDX-License-Identifier: MIT
/* BODY[...]: which bytes of a message a section names (RFC 9051 section 6.4.5.1). */
#ifndef BITTERN_MAILPROTO_IMAP_BODY_SECTION_H
#define BITTERN_MAILPROTO_IMAP_BODY_SECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct buf;
struct imap_parser;
struct message_info;

enum {
    BODY_SECTION_MAX_NUMBERS = 64,
    BODY_SECTION_MAX_FIELDS = 256,
    /* Fields are looked for in so much of a header. */
    BODY_SECTION_HEADER_MAX_BYTES = 1048576
};

enum body_section_kind {
    BODY_SECTION_ALL, /* the whole message, or a part's body */
    BODY_SECTION_HEADER,
    BODY_SECTION_FIELDS,
    BODY_SECTION_FIELDS_NOT,
    BODY_SECTION_TEXT,
    BODY_SECTION_MIME
};

/* Lies in the parser's arena and in the command. */
struct body_section {
    enum body_section_kind kind;
    uint32_t *numbers;
    size_t n_numbers;
    struct bytes *fields;
    size_t n_fields;
};

/* What stands between '[' and ']', with both. `numbers_only` for BINARY. */
void body_section_parse(struct body_section *out, struct imap_parser *args, bool numbers_only);
/* The same again, as the client is answered: "[1.HEADER.FIELDS (From To)]". */
void body_section_print(struct buf *out, const struct body_section *section);
/* Where it lies in the content. False when the message has no such part. */
bool body_section_find(const struct body_section *section, const struct message_info *info,
                       uint64_t content_len, uint64_t *out_offset, uint64_t *out_len,
                       uint32_t *out_part) MUST_USE;
/* Append those fields of `header` that a FIELDS or FIELDS_NOT section asks for, as they stand, and
 * the empty line. */
void body_section_filter(struct buf *out, const struct body_section *section, struct bytes header);

#endif
