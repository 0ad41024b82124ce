// SPDX-License-Identifier: MIT
/* What a stranger wrote inside his encryption: the plaintexts of msgs, broadcasts and pubkeys, and
 * the ack packet within. The first byte chooses. */
#include "tests/fuzz/fuzz.h"

#include "base/buf.h"
#include "node/objects/ack.h"
#include "node/objects/broadcast.h"
#include "node/objects/msg.h"
#include "node/wire/frame.h"

static const uint64_t streams[] = {1};
static const struct object_rules rules = {streams, ARRAY_LEN(streams), {1000, 1000}, false};
static const int64_t now_sec = 1767225600;

static void check_sender(const struct sender *sender)
{
    struct public_key key;
    FUZZ_CHECK(sender->address.version >= SENDER_MIN_VERSION &&
               sender->address.version <= SENDER_MAX_VERSION);
    FUZZ_CHECK(sender->address.stream != 0);
    FUZZ_CHECK(public_key_parse(&key, (struct bytes){sender->signing.point, PUBLIC_KEY_BYTES}) &&
               public_key_parse(&key, (struct bytes){sender->encryption.point, PUBLIC_KEY_BYTES}));
}

/* A header for signatures to be checked over. */
static struct object object_of_type(struct buf *out, uint32_t type, uint64_t version)
{
    struct object object;
    object_write_header(out, &(struct object_head){1767229120, type, version, 1});
    buf_append_zeros(out, 32);
    FUZZ_CHECK(object_parse(&object, buf_view(out), NULL));
    return object;
}

static void fuzz_msg(struct bytes plaintext)
{
    struct msg msg;
    struct object ack;
    struct buf whole = {0};
    if (!msg_parse(&msg, plaintext, NULL)) {
        return;
    }
    check_sender(&msg.sender);
    struct object object = object_of_type(&whole, OBJECT_MSG, MSG_VERSION);
    if (!msg_verify(&msg, &object, msg.destination_ripe, NULL)) {
        FUZZ_CHECK(msg.signed_part.len + msg.signature.len < plaintext.len);
    }
    if (ack_open_packet(&ack, msg.ack, FRAME_MAGIC, &rules, now_sec, NULL)) {
        FUZZ_CHECK(ack.stream == 1);
    }

    /* Strict: what was signed is what we would write. */
    struct buf again = {0};
    sender_write_with_address(&again, &msg.sender);
    buf_append(&again, msg.destination_ripe, RIPE_BYTES);
    write_var_int(&again, msg.encoding);
    write_var_bytes(&again, msg.message);
    write_var_bytes(&again, msg.ack);
    FUZZ_CHECK(bytes_equal(buf_view(&again), msg.signed_part));
    buf_clear(&again);
    buf_clear(&whole);
}

static void fuzz_broadcast(struct bytes plaintext)
{
    struct broadcast broadcast;
    struct buf whole = {0};
    if (!broadcast_parse(&broadcast, plaintext, NULL)) {
        return;
    }
    check_sender(&broadcast.sender);
    uint64_t version = broadcast.sender.address.version == 4 ? BROADCAST_V5 : BROADCAST_V4;
    struct object object = object_of_type(&whole, OBJECT_BROADCAST, version);
    if (!broadcast_verify(&broadcast, &object, &broadcast.sender.address, NULL)) {
        FUZZ_CHECK(broadcast.signed_part.len + broadcast.signature.len < plaintext.len);
    }
    buf_clear(&whole);
}

static void fuzz_sender(struct bytes plaintext)
{
    for (uint64_t version = 1; version <= 5; version++) {
        struct reader reader = reader_of(plaintext);
        struct sender sender;
        if (sender_read(&sender, &reader, version, 1, NULL)) {
            check_sender(&sender);
        }
    }
}

static void fuzz_ack(struct bytes packet)
{
    struct object ack;
    if (ack_open_packet(&ack, packet, FRAME_MAGIC, &rules, now_sec, NULL)) {
        FUZZ_CHECK(ack.whole.len + FRAME_HEADER_BYTES == packet.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const targets[])(struct bytes) = {fuzz_msg, fuzz_broadcast, fuzz_sender,
                                                    fuzz_ack};
    if (size != 0) {
        targets[data[0] % ARRAY_LEN(targets)]((struct bytes){data + 1, size - 1});
    }
    return 0;
}
