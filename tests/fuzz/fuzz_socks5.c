// SPDX-License-Identifier: MIT
/* A proxy that says anything. The first byte chooses whether a user name is offered; the outcome is
 * the same wherever the stream is cut. */
#include "tests/fuzz/fuzz.h"

#include "base/buf.h"
#include "node/p2p/socks5.h"

enum { MAX_SAID_BYTES = 2 * 258 + 16 };

static enum parse_result run(struct bytes stream, bool with_user, size_t step, size_t *out_used,
                             size_t *out_said)
{
    struct socks5 socks;
    enum parse_result result = PARSE_MORE;
    size_t start = 0;
    const char *user = with_user ? "user" : "";
    FUZZ_CHECK(socks5_init(&socks, "name.onion", 8444, user, user, NULL));
    for (size_t end = 0; end < stream.len && result == PARSE_MORE;) {
        size_t used;
        end = step < stream.len - end ? end + step : stream.len;
        result = socks5_read(&socks, &used, bytes_slice(stream, start, end - start), NULL);
        FUZZ_CHECK(used <= end - start);
        start += used;
    }
    *out_used = start;
    *out_said = socks.out.len;
    socks5_clear(&socks);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct bytes stream = {data + 1, size - 1};
    bool with_user = (data[0] & 1) != 0;
    size_t used;
    size_t used_cut;
    size_t said;
    size_t said_cut;
    enum parse_result whole = run(stream, with_user, stream.len, &used, &said);
    enum parse_result cut = run(stream, with_user, 1, &used_cut, &said_cut);
    FUZZ_CHECK(whole == cut && said == said_cut && said <= MAX_SAID_BYTES);
    FUZZ_CHECK(whole == PARSE_BAD || used == used_cut);
    return 0;
}
