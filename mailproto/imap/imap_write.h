// SPDX-License-Identifier: MIT
/* Writing IMAP's strings (RFC 9051 section 9): quoted where that is possible, else as a literal. */
#ifndef BITTERN_MAILPROTO_IMAP_IMAP_WRITE_H
#define BITTERN_MAILPROTO_IMAP_IMAP_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct buf;
struct mailbox_keywords;

/* A quoted string, or a literal where the text has CR, LF, NUL or 8-bit bytes, or is long. NUL
 * can't stand in a literal either: it is left out. */
void imap_write_string(struct buf *out, struct bytes text);
/* As imap_write_string; NIL when the text is absent (data == NULL). */
void imap_write_nstring(struct buf *out, struct bytes text);
/* A mailbox name: quoted, in modified UTF-7, or in UTF-8 for a client that has asked for it. */
void imap_write_mailbox(struct buf *out, const char *name, bool utf8);
/* "\Seen $Label1", in the order of the bits; `recent` adds \Recent. No parentheses. */
void imap_write_flags(struct buf *out, uint8_t flags, uint64_t keywords,
                      const struct mailbox_keywords *names, bool recent);

#endif
