// SPDX-License-Identifier: MIT
/* Any bytes as HTML: what comes of it is well-formed, bounded text without control characters of
 * its own making. */
#include "tests/fuzz/fuzz.h"

#include "base/buf.h"
#include "base/str.h"
#include "mailproto/mime/html_text.h"

/* A line of a byte or two can stand behind twenty marks of quoting. */
enum { MAX_GROWTH = 50 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct buf html = {0};
    struct buf text = {0};
    utf8_repair(&html, (struct bytes){data, len});
    html_to_text(&text, buf_view(&html));
    FUZZ_CHECK(utf8_valid(buf_view(&text)));
    FUZZ_CHECK(text.len <= MAX_GROWTH * (html.len + 1));
    FUZZ_CHECK(bytes_find(buf_view(&html), 0x1b) < html.len ||
               bytes_find(buf_view(&text), 0x1b) == text.len);
    buf_clear(&html);
    buf_clear(&text);
    return 0;
}
