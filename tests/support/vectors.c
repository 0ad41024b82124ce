// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

json_t *vectors_load(const char *name)
{
    char *path = xasprintf("%s/%s", TEST_VECTORS_DIR, name);
    json_error_t error;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        fail_msg("%s:%d: %s", path, error.line, error.text);
    }
    free(path);
    return root;
}

json_t *vectors_get(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (value == NULL) {
        fail_msg("the vector has no member \"%s\"", key);
    }
    return value;
}

const char *vectors_str(const json_t *object, const char *key)
{
    const char *text = json_string_value(vectors_get(object, key));
    if (text == NULL) {
        fail_msg("the vector's \"%s\" is no string", key);
    }
    return text;
}

uint64_t vectors_u64(const json_t *object, const char *key)
{
    json_t *value = vectors_get(object, key);
    if (json_is_integer(value)) {
        return (uint64_t)json_integer_value(value);
    }
    uint64_t number = 0;
    const char *text = json_string_value(value);
    if (text == NULL || !parse_u64(bytes_of_str(text), UINT64_MAX, &number)) {
        fail_msg("the vector's \"%s\" is no number", key);
    }
    return number;
}

uint8_t *vectors_hex(const json_t *object, const char *key, size_t *out_len)
{
    struct bytes text = bytes_of_str(vectors_str(object, key));
    *out_len = text.len / 2;
    uint8_t *data = xmalloc(*out_len);
    if (!hex_decode(data, *out_len, text)) {
        fail_msg("the vector's \"%s\" is no hex", key);
    }
    return data;
}

void vectors_assert_bytes(struct bytes actual, struct bytes expected, const char *file, int line)
{
    if (bytes_equal(actual, expected)) {
        return;
    }
    char *actual_hex = xmalloc(2 * actual.len + 1);
    char *expected_hex = xmalloc(2 * expected.len + 1);
    hex_encode(actual_hex, actual);
    hex_encode(expected_hex, expected);
    print_error("actual   %s\nexpected %s\n", actual_hex, expected_hex);
    free(actual_hex);
    free(expected_hex);
    _fail(file, line);
}
