// SPDX-License-Identifier: MIT
/* The payloads of network messages. The first byte chooses the message; whatever decodes must
 * encode to the very same bytes, since decoders are strict. */
#include "tests/fuzz/fuzz.h"

#include "base/buf.h"
#include "node/wire/messages.h"
#include "node/wire/peer_addr.h"

static void check_same(const struct buf *encoded, struct bytes payload)
{
    FUZZ_CHECK(buf_ok(encoded));
    FUZZ_CHECK(bytes_equal(buf_view(encoded), payload));
}

static void fuzz_version(struct bytes payload, struct buf *out)
{
    struct version_message message;
    if (!version_decode(&message, payload, NULL)) {
        return;
    }
    version_write(out, &message);
    check_same(out, payload);
    char text[64];
    user_agent_to_text(text, sizeof text, message.user_agent);
    FUZZ_CHECK(!user_agent_is_well_formed(message.user_agent) || message.user_agent.len >= 5);
    FUZZ_CHECK(!stream_list_has(&message.streams, 1) || message.streams.n_streams > 0);
}

static void fuzz_addr(struct bytes payload, struct buf *out)
{
    struct addr_message message;
    if (!addr_decode(&message, payload, NULL)) {
        return;
    }
    struct addr_entry entries[ADDR_MAX_ENTRIES];
    for (size_t i = 0; i < message.n_entries; i++) {
        entries[i] = addr_entry_at(&message, i);
        struct peer_addr addr = peer_addr_of_wire(entries[i].ip, entries[i].port);
        char text[PEER_ADDR_TEXT_BYTES];
        peer_addr_host_text(text, &addr);
        struct peer_addr again;
        FUZZ_CHECK(peer_addr_of_host(&again, bytes_of_str(text), addr.port));
        FUZZ_CHECK(peer_addr_equal(&addr, &again));
        uint8_t group[PEER_ADDR_GROUP_BYTES];
        FUZZ_CHECK(peer_addr_group(group, &addr).len <= sizeof group);
    }
    addr_write(out, entries, message.n_entries);
    check_same(out, payload);
}

static void fuzz_hashes(struct bytes payload, struct buf *out)
{
    struct hash_list list;
    if (hash_list_decode(&list, payload, NULL)) {
        FUZZ_CHECK(list.n_hashes <= INV_MAX_HASHES);
        hash_list_write(out, list.hashes);
        check_same(out, payload);
    }
}

static void fuzz_error(struct bytes payload, struct buf *out)
{
    struct error_message message;
    if (error_decode(&message, payload, NULL)) {
        error_write(out, &message);
        check_same(out, payload);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const targets[])(struct bytes, struct buf *) = {fuzz_version, fuzz_addr,
                                                                  fuzz_hashes, fuzz_error};
    if (size == 0) {
        return 0;
    }
    struct buf out = {0};
    targets[data[0] % ARRAY_LEN(targets)]((struct bytes){data + 1, size - 1}, &out);
    buf_clear(&out);
    return 0;
}
