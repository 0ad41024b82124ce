// SPDX-License-Identifier: MIT
/* Paths of MAIL and RCPT (RFC 5321 section 4.1.2, RFC 6531 section 3.3).
 *
 * Besides "<local@domain>" a bare "<local>" is syntax here: who may be addressed so is not for the
 * grammar to say. A source route is read and dropped. Parsing judges, it repairs nothing. */
#ifndef BITTERN_MAILPROTO_SMTP_SMTP_PATH_H
#define BITTERN_MAILPROTO_SMTP_SMTP_PATH_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum { SMTP_MAX_PATH_BYTES = 1024 }; /* between the brackets */

enum smtp_path_result {
    SMTP_PATH_OK,
    SMTP_PATH_BAD,      /* no path by the grammar */
    SMTP_PATH_TOO_LONG, /* above SMTP_MAX_PATH_BYTES */
    SMTP_PATH_UTF8      /* good, had SMTPUTF8 been asked for */
};

/* Take the path at the front of `in`. *out_address borrows from it: what stands within the
 * brackets, without a route; empty for "<>". */
enum smtp_path_result smtp_path_parse(struct bytes *out_address, struct bytes *out_rest,
                                      struct bytes in, bool utf8) MUST_USE;

#endif
