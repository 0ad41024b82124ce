// SPDX-License-Identifier: MIT
/* The steps are numbered as in RFC 5256 section 2.1. Step 1 (decode, one space for many) was done
 * when the text was folded. */
#include "mailproto/imap/subject.h"

#include "base/str.h"

static bool take_prefix(struct bytes *text, const char *prefix)
{
    struct bytes wanted = bytes_of_str(prefix);
    if (!bytes_starts_with(*text, wanted)) {
        return false;
    }
    *text = bytes_slice(*text, wanted.len, SIZE_MAX);
    return true;
}

static bool take_suffix(struct bytes *text, const char *suffix)
{
    struct bytes wanted = bytes_of_str(suffix);
    if (text->len < wanted.len ||
        !bytes_equal(bytes_slice(*text, text->len - wanted.len, SIZE_MAX), wanted)) {
        return false;
    }
    text->len -= wanted.len;
    return true;
}

static void skip_space(struct bytes *text)
{
    while (take_prefix(text, " ")) {
    }
}

/* "[...] ": anything but brackets between. */
static bool take_blob(struct bytes *text)
{
    struct bytes rest = *text;
    if (!take_prefix(&rest, "[")) {
        return false;
    }
    size_t end = bytes_find(rest, ']');
    if (end == rest.len || bytes_find(bytes_slice(rest, 0, end), '[') != end) {
        return false;
    }
    *text = bytes_slice(rest, end + 1, SIZE_MAX);
    skip_space(text);
    return true;
}

/* "re:", "fw:", "fwd:", with a blob before the colon. */
static bool take_refwd(struct bytes *text)
{
    struct bytes rest = *text;
    if (!take_prefix(&rest, "re") && !take_prefix(&rest, "fwd") && !take_prefix(&rest, "fw")) {
        return false;
    }
    skip_space(&rest);
    (void)take_blob(&rest);
    if (!take_prefix(&rest, ":")) {
        return false;
    }
    *text = rest;
    return true;
}

/* Steps 2 to 5: trailers, leaders, blobs, until nothing changes. */
static void strip(struct bytes *text, bool *is_reply)
{
    for (;;) {
        if (take_suffix(text, " ")) {
            continue;
        }
        if (take_suffix(text, "(fwd)")) {
            *is_reply = true;
            continue;
        }
        break;
    }
    for (;;) {
        skip_space(text);
        struct bytes rest = *text;
        while (take_blob(&rest)) {
        }
        if (take_refwd(&rest)) {
            *is_reply = true;
            *text = rest;
            continue;
        }
        rest = *text;
        if (take_blob(&rest) && rest.len > 0) {
            *text = rest;
            continue;
        }
        return;
    }
}

struct bytes subject_base(struct bytes folded, bool *out_is_reply)
{
    struct bytes text = folded;
    bool is_reply = false;
    for (;;) {
        strip(&text, &is_reply);
        struct bytes inner = text;
        /* Step 6: "[fwd: ...]" */
        if (!take_prefix(&inner, "[fwd:") || !take_suffix(&inner, "]")) {
            break;
        }
        is_reply = true;
        text = inner;
    }
    if (out_is_reply != NULL) {
        *out_is_reply = is_reply;
    }
    return text;
}
