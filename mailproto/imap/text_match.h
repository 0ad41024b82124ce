// SPDX-License-Identifier: MIT
/* Which text tests of a search a message passes: a plain scan of its folded text (message_info.h),
 * the same for every store. */
#ifndef BITTERN_MAILPROTO_IMAP_TEXT_MATCH_H
#define BITTERN_MAILPROTO_IMAP_TEXT_MATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct mailbox_text_test;
struct message_text;

/* Bit i is set when the message passes tests[i]. n_tests <= MAILBOX_SEARCH_MAX_TESTS. */
uint64_t text_match(const struct mailbox_text_test *tests, size_t n_tests,
                    const struct message_text *text) MUST_USE;

/* The value of the first line of that field (lower case) in the folded header; empty when there is
 * none. Borrows from it. */
struct bytes text_field_value(struct bytes header, const char *name) MUST_USE;

#endif
