// SPDX-License-Identifier: MIT
#include "node/objects/msg.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "crypto/ecies.h"
#include "node/objects/signed_internal.h"

bool msg_encrypted_part(struct bytes *out, const struct object *object, struct fault *fault)
{
    if (object->type != OBJECT_MSG || object->version != MSG_VERSION) {
        return fault_set(fault, FAULT_UNSUPPORTED, "msg: another type or version");
    }
    struct ecies_message message;
    if (!ecies_parse(&message, object->payload)) {
        return fault_set(fault, FAULT_INVALID, "msg: nothing that a key could decrypt");
    }
    *out = object->payload;
    return true;
}

bool msg_parse(struct msg *out, struct bytes plaintext, struct fault *fault)
{
    if (plaintext.len < MSG_MIN_PLAINTEXT_BYTES) {
        return fault_set(fault, FAULT_INVALID, "msg: %zu bytes are too few", plaintext.len);
    }
    struct reader reader = reader_of(plaintext);
    struct msg msg = {0};
    if (!sender_read_with_address(&msg.sender, &reader, fault)) {
        return fault_wrap(fault, "msg");
    }
    reader_copy(&reader, msg.destination_ripe, RIPE_BYTES);
    msg.encoding = reader_var_int(&reader);
    msg.message = reader_var_bytes(&reader, SIZE_MAX);
    msg.ack = reader_var_bytes(&reader, SIZE_MAX);
    msg.signed_part = bytes_slice(plaintext, 0, plaintext.len - reader_left(&reader));
    msg.signature = reader_var_bytes(&reader, SIGNATURE_MAX_BYTES);
    if (!reader_ok(&reader)) {
        return fault_set(fault, FAULT_INVALID, "msg: cut, or its signature is too long");
    }
    *out = msg;
    return true;
}

bool msg_verify(const struct msg *msg, const struct object *object,
                const uint8_t own_ripe[RIPE_BYTES], struct fault *fault)
{
    if (object->type != OBJECT_MSG || object->version != MSG_VERSION) {
        return fault_set(fault, FAULT_UNSUPPORTED, "msg: another type or version");
    }
    if (memcmp(msg->destination_ripe, own_ripe, RIPE_BYTES) != 0) {
        return fault_set(fault, FAULT_DENIED, "msg: written to somebody else and passed on to us");
    }
    if (!signed_verify(&msg->sender.signing, signed_header(object, 0), msg->signed_part,
                       msg->signature)) {
        return fault_set(fault, FAULT_INVALID, "msg: its signature is not by its sender");
    }
    return true;
}

size_t msg_len_estimate(size_t message_len, size_t ack_len)
{
    enum {
        ADDRESS_AND_DEMAND_BYTES = 4 * VAR_INT_MAX_BYTES,
        KEYS_BYTES = 4 + 2 * PUBLIC_KEY_BYTES,
        LENGTHS_BYTES = 3 * VAR_INT_MAX_BYTES,
        FIXED_BYTES = ADDRESS_AND_DEMAND_BYTES + KEYS_BYTES + RIPE_BYTES + LENGTHS_BYTES + 1 +
                      SIGNATURE_MAX_BYTES
    };
    return OBJECT_MAX_HEADER_BYTES + ecies_encrypted_len(FIXED_BYTES + message_len + ack_len);
}

static void write_plaintext(struct buf *out, const struct msg_draft *draft)
{
    sender_write_with_address(out, &draft->sender);
    buf_append(out, draft->to.ripe, RIPE_BYTES);
    write_var_int(out, draft->encoding);
    write_var_bytes(out, draft->message);
    write_var_bytes(out, draft->ack);
}

bool msg_write(struct buf *out, const struct msg_draft *draft, const struct identity_keys *keys,
               struct fault *fault)
{
    struct buf object = {0};
    struct buf plaintext = {0};
    bool ok = false;
    buf_init(&object, OBJECT_SEND_MAX_BYTES);
    buf_init(&plaintext, OBJECT_SEND_MAX_BYTES);
    object_write_header(&object, &(struct object_head){draft->expires_sec, OBJECT_MSG, MSG_VERSION,
                                                       draft->to.stream});
    write_plaintext(&plaintext, draft);
    if (buf_ok(&plaintext)) {
        signed_finish(&plaintext, &object, &keys->signing);
        ok = buf_ok(&plaintext) && ecies_encrypt(&object, &draft->to_key, buf_view(&plaintext)) &&
             buf_append_bytes(out, buf_view(&object));
    }
    buf_clear(&plaintext);
    buf_clear(&object);
    return ok || fault_set(fault, FAULT_LIMIT, "msg: longer than %d bytes as an object",
                           OBJECT_SEND_MAX_BYTES);
}
