// SPDX-License-Identifier: MIT
/* Base 58 as Bitmessage uses it: the text is a number, so that leading zero bytes (and leading
 * '1's) carry nothing. Bounded: nothing longer than an address or a key is ever written so. */
#ifndef BITTERN_CRYPTO_BASE58_H
#define BITTERN_CRYPTO_BASE58_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum {
    BASE58_MAX_BYTES = 64,
    BASE58_MAX_TEXT = 88,  /* of the longest number */
    BASE58_MAX_INPUT = 256 /* of a text to decode, which may begin with any number of '1's */
};

/* NUL-terminated text of the number `in` (big-endian, at most BASE58_MAX_BYTES); "1" for zero. */
void base58_encode(char out[BASE58_MAX_TEXT + 1], struct bytes in);
/* The number's bytes, without leading zeros (none for zero). False when the text is empty, holds a
 * character outside the alphabet, is longer than BASE58_MAX_INPUT, or its value than
 * BASE58_MAX_BYTES. */
bool base58_decode(uint8_t out[BASE58_MAX_BYTES], size_t *out_len, struct bytes text) MUST_USE;
/* 0 to 57, or -1 for a character outside the alphabet. */
int base58_digit(char c) MUST_USE;
/* The character of a digit 0 to 57. */
char base58_char(unsigned digit) MUST_USE;

#endif
