// SPDX-License-Identifier: MIT
/* Values with parameters: Content-Type and Content-Disposition (RFC 2045 section 5.1, RFC 2183,
 * with the continuations of RFC 2231 section 3 joined). */
#ifndef BITTERN_MAILPROTO_MIME_PARAM_H
#define BITTERN_MAILPROTO_MIME_PARAM_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "mailproto/imap/message_info.h"

struct arena;

/* "text/plain; charset=utf-8", unfolded. False when it does not begin with token "/" token. */
bool param_parse_type(struct bytes *out_type, struct bytes *out_subtype,
                      struct mime_params *out_params, struct bytes value,
                      struct arena *arena) MUST_USE;
/* "attachment; filename=x", unfolded. False when it does not begin with a token. */
bool param_parse_disposition(struct bytes *out_disposition, struct mime_params *out_params,
                             struct bytes value, struct arena *arena) MUST_USE;

/* As it stands; data == NULL: there is none. */
struct bytes param_find(const struct mime_params *params, const char *name) MUST_USE;
/* The parameter decoded: `name*` by RFC 2231, else `name` by RFC 2047, which many write. Clean
 * UTF-8 in one line; empty when there is none. */
struct bytes param_text(const struct mime_params *params, const char *name,
                        struct arena *arena) MUST_USE;

/* Tokens of a list: "en, de". Fills at most `max`; returns how many. */
size_t param_parse_list(struct bytes *out, size_t max, struct bytes value) MUST_USE;

#endif
