// SPDX-License-Identifier: MIT
/* Text tests by memmem: both sides were folded before, so bytes are compared as they are. */
#include "mailproto/imap/text_match.h"

#include <stdbool.h>
#include <string.h>

#include "mailproto/imap/mailbox.h"

static bool contains(struct bytes hay, struct bytes needle)
{
    return needle.len == 0 ||
           (hay.len >= needle.len && memmem(hay.data, hay.len, needle.data, needle.len) != NULL);
}

/* Is the needle in the value of one of the lines "field:value"? */
static bool field_contains(struct bytes header, struct bytes field, struct bytes needle)
{
    while (header.len > 0) {
        size_t line_len = bytes_find(header, '\n');
        struct bytes line = bytes_slice(header, 0, line_len);
        header = bytes_slice(header, line_len + 1, SIZE_MAX);
        if (line.len > field.len && line.data[field.len] == ':' && bytes_starts_with(line, field) &&
            contains(bytes_slice(line, field.len + 1, SIZE_MAX), needle)) {
            return true;
        }
    }
    return false;
}

uint64_t text_match(const struct mailbox_text_test *tests, size_t n_tests,
                    const struct message_text *text)
{
    uint64_t passed = 0;
    for (size_t i = 0; i < n_tests; i++) {
        const struct mailbox_text_test *test = &tests[i];
        bool hit = false;
        switch (test->where) {
        case MAILBOX_TEXT_FIELD:
            hit = field_contains(text->header, test->field, test->needle);
            break;
        case MAILBOX_TEXT_BODY:
            hit = contains(text->body, test->needle);
            break;
        case MAILBOX_TEXT_ANY:
            hit = contains(text->header, test->needle) || contains(text->body, test->needle);
            break;
        }
        if (hit) {
            passed |= UINT64_C(1) << i;
        }
    }
    return passed;
}

struct bytes text_field_value(struct bytes header, const char *name)
{
    struct bytes wanted = bytes_of_str(name);
    while (header.len > 0) {
        size_t end = bytes_find(header, '\n');
        struct bytes line = bytes_slice(header, 0, end);
        header = bytes_slice(header, end + 1, SIZE_MAX);
        if (bytes_starts_with(line, wanted) && line.len > wanted.len &&
            line.data[wanted.len] == ':') {
            struct bytes value = bytes_slice(line, wanted.len + 1, SIZE_MAX);
            return value.len > 0 && value.data[0] == ' ' ? bytes_slice(value, 1, SIZE_MAX) : value;
        }
    }
    return (struct bytes){0};
}
