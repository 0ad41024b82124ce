// SPDX-License-Identifier: MIT
/* Reading keys out of known answers. */
#ifndef BITTERN_TESTS_CRYPTO_SUPPORT_H
#define BITTERN_TESTS_CRYPTO_SUPPORT_H

#include "tests/support/vectors.h"

#include <stdlib.h>

#include "base/str.h"
#include "crypto/key.h"

static inline struct private_key private_key_at(const json_t *row, const char *member)
{
    struct private_key key = {0};
    size_t len;
    uint8_t *data = vectors_hex(row, member, &len);
    assert_true(private_key_parse(&key, (struct bytes){data, len}));
    free(data);
    return key;
}

/* Of 65 bytes with the tag 04, as the vectors have it. */
static inline struct public_key public_key_at(const json_t *row, const char *member)
{
    struct public_key key = {0};
    size_t len;
    uint8_t *data = vectors_hex(row, member, &len);
    assert_int_equal(len, PUBLIC_KEY_BYTES + 1);
    assert_int_equal(data[0], 4);
    assert_true(public_key_parse(&key, (struct bytes){data + 1, len - 1}));
    free(data);
    return key;
}

static inline void assert_hex_equal(struct bytes actual, const char *hex)
{
    uint8_t *expected = malloc(actual.len + 1);
    assert_true(hex_decode(expected, actual.len, bytes_of_str(hex)));
    assert_bytes_equal(actual, (struct bytes){expected, actual.len});
    free(expected);
}

#endif
