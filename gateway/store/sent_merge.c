// SPDX-License-Identifier: MIT
#include "gateway/store/sent_merge.h"

#include <stddef.h>

#include "base/str.h"

static const char *const passed_over[] = {
    "bcc",
    "fcc",
    "received",
    "return-path",
    "delivered-to",
    "x-received",
    "status",
    "x-status",
    "x-mozilla-status",
    "x-mozilla-status2",
    "x-mozilla-keys",
    "x-identity-key",
    "x-account-key",
    "x-mozilla-draft-info",
};

/* One line with its line end off the front; empty at the end. */
static struct bytes take_line(struct bytes *rest)
{
    size_t end = bytes_find(*rest, '\n');
    struct bytes line = bytes_slice(*rest, 0, end + 1);
    *rest = bytes_slice(*rest, line.len, rest->len);
    return line;
}

static bool is_blank_line(struct bytes line)
{
    return line.len == 0 || line.data[0] == '\n' || (line.data[0] == '\r' && line.len <= 2);
}

/* One header field with its continuation lines off the front; empty when the header has ended, and
 * its blank line is taken then. */
static struct bytes take_field(struct bytes *rest)
{
    struct bytes start = *rest;
    struct bytes line = take_line(rest);
    if (is_blank_line(line)) {
        return (struct bytes){0};
    }
    size_t len = line.len;
    while (rest->len > 0 && (rest->data[0] == ' ' || rest->data[0] == '\t')) {
        len += take_line(rest).len;
    }
    return bytes_slice(start, 0, len);
}

static bool is_passed_over(struct bytes field)
{
    struct bytes name = bytes_slice(field, 0, bytes_find(field, ':'));
    for (size_t i = 0; i < ARRAY_LEN(passed_over); i++) {
        if (bytes_is_word(name, passed_over[i])) {
            return true;
        }
    }
    return false;
}

static struct bytes next_field_that_counts(struct bytes *rest)
{
    struct bytes field;
    do {
        field = take_field(rest);
    } while (field.len != 0 && is_passed_over(field));
    return field;
}

static struct bytes without_final_line_ends(struct bytes text)
{
    while (text.len > 0 && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r')) {
        text.len--;
    }
    return text;
}

bool sent_copies_are_equal(struct bytes a, struct bytes b)
{
    for (;;) {
        struct bytes field_a = next_field_that_counts(&a);
        struct bytes field_b = next_field_that_counts(&b);
        if (!bytes_equal(without_final_line_ends(field_a), without_final_line_ends(field_b))) {
            return false;
        }
        if (field_a.len == 0) {
            break; /* both headers end here */
        }
    }
    return bytes_equal(without_final_line_ends(a), without_final_line_ends(b));
}
