// SPDX-License-Identifier: MIT
/* A mail that a user wrote, to what may leave of it: see outgoing_mail.h. */
#ifndef BITTERN_MAILPROTO_MIME_OUTGOING_H
#define BITTERN_MAILPROTO_MIME_OUTGOING_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "mailproto/mime/outgoing_mail.h"

struct arena;
struct fault;

/* Of several texts: in an alternative plain wins, else HTML is converted; in a sequence they follow
 * each other. All else becomes a file: nothing is dropped but the other shapes of a chosen text.
 * False: FAULT_LIMIT (too many files, too long a text), FAULT_UNSUPPORTED (a character set that is
 * not known and whose bytes are not UTF-8), in words for the sender. */
bool outgoing_take_apart(struct outgoing_mail *out, struct bytes mail, struct arena *arena,
                         struct fault *fault) MUST_USE;

#endif
