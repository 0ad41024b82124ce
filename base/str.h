// SPDX-License-Identifier: MIT
/* ASCII text helpers that do not depend on the locale: compare, parse numbers, hex, base64. */
#ifndef BITTERN_BASE_STR_H
#define BITTERN_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

char ascii_lower(char c) MUST_USE;
char ascii_upper(char c) MUST_USE;
bool ascii_is_digit(char c) MUST_USE;
bool ascii_is_alpha(char c) MUST_USE;
/* Equality, prefix and suffix without regard to ASCII case. */
bool str_equal_ci(const char *a, const char *b) MUST_USE;
bool str_starts_with_ci(const char *text, const char *prefix) MUST_USE;
bool str_ends_with_ci(const char *text, const char *suffix) MUST_USE;
bool str_starts_with(const char *text, const char *prefix) MUST_USE;
bool bytes_equal_ci(struct bytes a, struct bytes b) MUST_USE;
/* True when `bytes` are exactly the ASCII text, without regard to case. */
bool bytes_is_word(struct bytes bytes, const char *word) MUST_USE;

/* Decimal digits alone, no sign, no space, value <= max. False otherwise, *out untouched. */
bool parse_u64(struct bytes text, uint64_t max, uint64_t *out) MUST_USE;

/* Lower-case hex, NUL-terminated; `out` has 2 * len + 1 bytes. */
void hex_encode(char *out, struct bytes in);
/* Exactly 2 * len hex digits of either case. */
bool hex_decode(uint8_t *out, size_t len, struct bytes text) MUST_USE;

/* Standard alphabet with padding (RFC 4648 section 4); appends to `out`, no line breaks. */
void base64_encode(struct buf *out, struct bytes in);
/* Strict: no space, full padding, zero spare bits. On failure `out` is as it was. */
bool base64_decode(struct buf *out, struct bytes text) MUST_USE;

/* True when the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool utf8_valid(struct bytes text) MUST_USE;
/* Append `text` as well-formed UTF-8: each maximal ill-formed part becomes one U+FFFD (Unicode
 * standard, section 3.9, "Substitution of maximal subparts"). */
void utf8_repair(struct buf *out, struct bytes text);
/* The longest prefix of at most `max_len` bytes that cuts no sequence of a well-formed text. */
size_t utf8_cut(struct bytes text, size_t max_len) MUST_USE;

#endif
