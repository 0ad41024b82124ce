// SPDX-License-Identifier: MIT
#include "node/objects/ack.h"

#include "base/buf.h"
#include "crypto/ecies.h"
#include "crypto/random.h"
#include "node/wire/frame.h"

enum { GETPUBKEY_VERSION = 4, MSG_VERSION_1 = 1, DAY_SEC = 86400 };

static void append_random(struct buf *out, size_t len)
{
    uint8_t bytes[ACK_MESSAGE_MAX_BYTES];
    random_bytes(bytes, len);
    buf_append(out, bytes, len);
}

/* Random text to a key that is forgotten at once. */
static void append_encrypted_noise(struct buf *out)
{
    struct private_key key;
    struct public_key nobody;
    struct buf noise = {0};
    private_key_random(&key);
    public_key_derive(&nobody, &key);
    private_key_wipe(&key);
    append_random(&noise, (size_t)random_between(ACK_MESSAGE_MIN_BYTES, ACK_MESSAGE_MAX_BYTES));
    if (!ecies_encrypt(out, &nobody, buf_view(&noise))) {
        out->failed = true;
    }
    buf_clear(&noise);
}

void ack_make_data(struct buf *out, enum ack_level level, uint64_t stream)
{
    bool is_getpubkey = level == ACK_AS_GETPUBKEY;
    write_u32(out, is_getpubkey ? OBJECT_GETPUBKEY : OBJECT_MSG);
    write_var_int(out, is_getpubkey ? GETPUBKEY_VERSION : MSG_VERSION_1);
    write_var_int(out, stream);
    if (level == ACK_AS_MESSAGE) {
        append_encrypted_noise(out);
    } else {
        append_random(out, ACK_RANDOM_BYTES);
    }
}

int64_t ack_ttl_sec(int64_t message_ttl_sec)
{
    if (message_ttl_sec < DAY_SEC) {
        return DAY_SEC;
    }
    return message_ttl_sec < 7 * DAY_SEC ? 7 * DAY_SEC : 28 * DAY_SEC;
}

void ack_write_object(struct buf *out, uint64_t expires_sec, struct bytes ackdata)
{
    write_u64(out, 0);
    write_u64(out, expires_sec);
    write_bytes(out, ackdata);
}

void ack_write_packet(struct buf *out, uint32_t magic, struct bytes object)
{
    frame_write(out, magic, WIRE_OBJECT, object);
}

bool ack_data_of(struct bytes *out, const struct object *object)
{
    struct bytes data = bytes_slice(object->whole, OBJECT_TYPE_OFFSET, SIZE_MAX);
    if (data.len < ACK_MIN_DATA_BYTES) {
        return false;
    }
    *out = data;
    return true;
}

bool ack_open_packet(struct object *out, struct bytes packet, uint32_t magic,
                     const struct object_rules *rules, int64_t now_sec, struct fault *fault)
{
    struct frame frame;
    size_t used;
    switch (frame_parse(&frame, &used, magic, packet, fault)) {
    case PARSE_DONE:
        break;
    case PARSE_MORE:
        return fault_set(fault, FAULT_INVALID, "ack: a cut packet");
    case PARSE_BAD:
        return fault_wrap(fault, "ack");
    }
    if (used != packet.len || frame.command != WIRE_OBJECT) {
        return fault_set(fault, FAULT_INVALID, "ack: not one packet with an object");
    }
    struct object object;
    if (!object_parse(&object, frame.payload, fault)) {
        return fault_wrap(fault, "ack");
    }
    enum object_verdict verdict = object_check(&object, rules, now_sec);
    if (verdict != OBJECT_OK) {
        return fault_set(fault, FAULT_INVALID, "ack: its object is refused: %s",
                         object_verdict_text(verdict));
    }
    *out = object;
    return true;
}
