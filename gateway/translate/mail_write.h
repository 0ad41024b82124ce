// SPDX-License-Identifier: MIT
/* Writing mail: header fields and bodies out of texts that strangers chose.
 *
 * Nothing that is given to these functions can end a header field, begin another, or break a line
 * limit: a text that is not plain printable ASCII goes as encoded words (RFC 2047) or as an encoded
 * parameter (RFC 2231), a body as quoted-printable or base64 where it must. What is not UTF-8 is
 * mended first (U+FFFD). Lines end with CRLF and have at most 78 characters where that is possible,
 * 998 always. */
#ifndef BITTERN_GATEWAY_TRANSLATE_MAIL_WRITE_H
#define BITTERN_GATEWAY_TRANSLATE_MAIL_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct buf;

enum {
    MAIL_MAX_HEADER_TEXT_BYTES = 2000, /* of one unstructured text or name; the rest is cut */
    MAIL_DATE_BYTES = 40
};

/* "Name: text" and its line end. `name` is ours. */
void mail_write_text(struct buf *out, const char *name, struct bytes text);
/* As mail_write_text, for a value that we composed ourselves: printable ASCII, asserted. Not
 * folded. */
void mail_write_field(struct buf *out, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);
/* "Name: "display" <address>"; `address` is ours (asserted printable). An empty display name: the
 * address alone. */
void mail_write_address(struct buf *out, const char *name, struct bytes display,
                        const char *address);
/* "; name=value" on a line of its own (RFC 2231 where it must). */
void mail_write_param(struct buf *out, const char *name, struct bytes value);
/* "Thu, 01 Jan 1970 00:00:00 +0000" (RFC 5322 section 3.3). */
void mail_date(char out[MAIL_DATE_BYTES], int64_t sec);

/* Well-formed UTF-8 without NUL, BOM and control characters but TAB and LF: CRLF and CR become LF,
 * each bad sequence U+FFFD. True when nothing but line ends had to be changed. */
bool mail_clean_text(struct buf *out, struct bytes text);
/* The same on one line: line ends and tabs become a space, spaces at the ends go, and what turns
 * the direction of writing becomes U+FFFD, too. */
bool mail_clean_line(struct buf *out, struct bytes text);

/* The header fields Content-Type (text/plain, UTF-8) and Content-Transfer-Encoding, the empty line,
 * and the text (cleaned, LF) in the encoding that suits it, ending with CRLF. */
void mail_write_text_part(struct buf *out, struct bytes clean_text);
/* base64 in lines of 76. */
void mail_write_base64(struct buf *out, struct bytes data);

/* True for token "/" token (RFC 2045 section 5.1). */
bool mail_is_media_type(struct bytes type) MUST_USE;

#endif
