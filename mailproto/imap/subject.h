// SPDX-License-Identifier: MIT
/* The base subject (RFC 5256 section 2.1): what is left of a subject without "Re:", "Fwd:",
 * "[list]". */
#ifndef BITTERN_MAILPROTO_IMAP_SUBJECT_H
#define BITTERN_MAILPROTO_IMAP_SUBJECT_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/compiler.h"

/* Of a subject that is decoded and folded (fold.h). Borrows from it. `out_is_reply` (may be NULL):
 * a mark of a reply or forward was taken off. */
struct bytes subject_base(struct bytes folded, bool *out_is_reply) MUST_USE;

#endif
