// SPDX-License-Identifier: MIT
/* Known answers: the JSON files of tests/vectors, read with jansson. A missing file or field fails
 * the test at once, so that a typo can't make a test assert nothing. */
#ifndef BITTERN_TESTS_SUPPORT_VECTORS_H
#define BITTERN_TESTS_SUPPORT_VECTORS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/bytes.h"

/* The root of tests/vectors/NAME; json_decref it. */
json_t *vectors_load(const char *name);
/* The member, which must be there. Borrowed. */
json_t *vectors_get(const json_t *object, const char *key);
const char *vectors_str(const json_t *object, const char *key);
/* An integer, or a decimal string (values above 2^53). */
uint64_t vectors_u64(const json_t *object, const char *key);
/* The hex string's bytes, in a heap block of exactly that size (free it), so that a read past the
 * end is seen by the sanitizer. `out_len` gets the length. */
uint8_t *vectors_hex(const json_t *object, const char *key, size_t *out_len);

/* assert_bytes_equal(actual, expected): compare bytes, printing both in hex when they differ.
 * (Taken as a whole, so that a compound literal with its commas needs no parentheses.) */
#define assert_bytes_equal(...) vectors_assert_bytes(__VA_ARGS__, __FILE__, __LINE__)
void vectors_assert_bytes(struct bytes actual, struct bytes expected, const char *file, int line);

#endif
