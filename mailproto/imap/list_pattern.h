// SPDX-License-Identifier: MIT
/* Patterns of LIST (RFC 9051 section 6.3.9): '*' matches anything, '%' anything but the separator.
 */
#ifndef BITTERN_MAILPROTO_IMAP_LIST_PATTERN_H
#define BITTERN_MAILPROTO_IMAP_LIST_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

/* How many characters were looked at is added to `*work`: at most the product of both lengths. */
bool list_pattern_matches(const char *pattern, const char *name, size_t name_len,
                          size_t *work) MUST_USE;

#endif
