// SPDX-License-Identifier: MIT
/* A message's content: the first byte is the encoding. With encoding 9 the rest is msgpack itself,
 * which no fuzzer would find its way to behind zlib. What was understood is written and read again.
 */
#include "tests/fuzz/fuzz.h"

#include <zlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "node/content/content.h"

enum { BARE_MSGPACK = 9 };

static void check(uint64_t encoding, struct bytes data)
{
    struct arena arena = {0};
    struct content content = {0};
    if (content_decode(&content, encoding, data, &arena, NULL)) {
        struct buf out = {0};
        struct content again = {0};
        FUZZ_CHECK(content.n_files <= CONTENT_MAX_FILES);
        FUZZ_CHECK(content.n_parents <= CONTENT_MAX_PARENTS);
        if (content_encode(&out, &content, NULL)) {
            FUZZ_CHECK(content_decode(&again, encoding, buf_view(&out), &arena, NULL));
            FUZZ_CHECK(again.n_files == content.n_files && again.n_parents == content.n_parents);
            FUZZ_CHECK(encoding != CONTENT_EXTENDED || bytes_equal(again.body, content.body));
        }
        buf_clear(&out);
    }
    arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct bytes rest = {data + 1, size - 1};
    if (data[0] != BARE_MSGPACK) {
        check(data[0], rest);
        return 0;
    }
    uLongf len = compressBound((uLong)rest.len);
    uint8_t *deflated = xmalloc(len);
    FUZZ_CHECK(compress2(deflated, &len, rest.data, (uLong)rest.len, 0) == Z_OK);
    check(CONTENT_EXTENDED, (struct bytes){deflated, len});
    free(deflated);
    return 0;
}
