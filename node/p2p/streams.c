// SPDX-License-Identifier: MIT
#include "node/p2p/streams.h"

#include "base/bytes.h"
#include "base/str.h"

bool streams_has(const struct streams *streams, uint64_t stream)
{
    for (size_t i = 0; i < streams->n_numbers; i++) {
        if (streams->numbers[i] == stream) {
            return true;
        }
    }
    return false;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static struct bytes trim(struct bytes text)
{
    while (text.len > 0 && is_blank(text.data[0])) {
        text = bytes_slice(text, 1, text.len);
    }
    while (text.len > 0 && is_blank(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

static void insert(struct streams *streams, uint64_t stream)
{
    size_t i = streams->n_numbers++;
    for (; i > 0 && streams->numbers[i - 1] > stream; i--) {
        streams->numbers[i] = streams->numbers[i - 1];
    }
    streams->numbers[i] = stream;
}

bool streams_parse(struct streams *out, const char *text, struct fault *fault)
{
    struct streams streams = {.n_numbers = 0};
    struct bytes rest = bytes_of_str(text);
    while (rest.len > 0) {
        size_t comma = bytes_find(rest, ',');
        struct bytes word = trim(bytes_slice(rest, 0, comma));
        rest = bytes_slice(rest, comma + 1, rest.len);
        uint64_t stream;
        if (!parse_u64(word, UINT32_MAX, &stream) || stream == 0) {
            return fault_set(fault, FAULT_INVALID, "'%.*s' is not the number of a stream",
                             (int)word.len, (const char *)word.data);
        }
        if (streams_has(&streams, stream)) {
            return fault_set(fault, FAULT_INVALID, "stream %llu is named twice",
                             (unsigned long long)stream);
        }
        if (streams.n_numbers == STREAMS_MAX) {
            return fault_set(fault, FAULT_LIMIT, "more than %d streams", STREAMS_MAX);
        }
        insert(&streams, stream);
    }
    if (streams.n_numbers == 0) {
        return fault_set(fault, FAULT_INVALID, "no stream");
    }
    *out = streams;
    return true;
}
