// SPDX-License-Identifier: MIT
#include "node/objects/broadcast.h"

#include "base/buf.h"
#include "crypto/ecies.h"
#include "node/objects/signed_internal.h"

/* Addresses from this version on have tags. */
enum { FIRST_WITH_TAG = 4 };

static size_t tag_len(uint64_t object_version)
{
    return object_version == BROADCAST_V5 ? ADDRESS_TAG_BYTES : 0;
}

bool broadcast_encrypted_part(struct bytes *out, struct bytes *out_tag, const struct object *object,
                              struct fault *fault)
{
    if (object->type != OBJECT_BROADCAST ||
        (object->version != BROADCAST_V4 && object->version != BROADCAST_V5)) {
        return fault_set(fault, FAULT_UNSUPPORTED, "broadcast: another type or version");
    }
    size_t len = tag_len(object->version);
    struct bytes encrypted = bytes_slice(object->payload, len, SIZE_MAX);
    struct ecies_message message;
    if (object->whole.len < BROADCAST_MIN_BYTES || !ecies_parse(&message, encrypted)) {
        return fault_set(fault, FAULT_INVALID, "broadcast: nothing that a key could decrypt");
    }
    *out = encrypted;
    *out_tag = bytes_slice(object->payload, 0, len);
    return true;
}

bool broadcast_parse(struct broadcast *out, struct bytes plaintext, struct fault *fault)
{
    struct reader reader = reader_of(plaintext);
    struct broadcast broadcast = {0};
    if (!sender_read_with_address(&broadcast.sender, &reader, fault)) {
        return fault_wrap(fault, "broadcast");
    }
    broadcast.encoding = reader_var_int(&reader);
    broadcast.message = reader_var_bytes(&reader, SIZE_MAX);
    broadcast.signed_part = bytes_slice(plaintext, 0, plaintext.len - reader_left(&reader));
    broadcast.signature = reader_var_bytes(&reader, SIGNATURE_MAX_BYTES);
    if (!reader_ok(&reader)) {
        return fault_set(fault, FAULT_INVALID, "broadcast: cut, or its signature is too long");
    }
    *out = broadcast;
    return true;
}

static bool versions_agree(uint64_t object_version, uint64_t address_version)
{
    return address_version >= FIRST_WITH_TAG ? object_version == BROADCAST_V5
                                             : object_version == BROADCAST_V4;
}

bool broadcast_verify(const struct broadcast *broadcast, const struct object *object,
                      const struct address *from, struct fault *fault)
{
    const struct sender *sender = &broadcast->sender;
    if (object->type != OBJECT_BROADCAST ||
        !versions_agree(object->version, sender->address.version)) {
        return fault_set(fault, FAULT_INVALID, "broadcast: of a version that its sender has not");
    }
    if (sender->address.stream != object->stream) {
        return fault_set(fault, FAULT_INVALID, "broadcast: its sender is of another stream");
    }
    if (!address_equal(&sender->address, from)) {
        return fault_set(fault, FAULT_DENIED, "broadcast: encrypted by who is not its sender");
    }
    struct bytes header = signed_header(object, tag_len(object->version));
    if (!signed_verify(&sender->signing, header, broadcast->signed_part, broadcast->signature)) {
        return fault_set(fault, FAULT_INVALID, "broadcast: its signature is not by its sender");
    }
    return true;
}

bool broadcast_write(struct buf *out, const struct broadcast_draft *draft,
                     const struct identity_keys *keys, struct fault *fault)
{
    const struct address *from = &draft->sender.address;
    struct private_key scalar;
    struct public_key to;
    if (!address_broadcast_key(&scalar, from)) {
        return fault_set(fault, FAULT_INVALID, "broadcast: the address has no key");
    }
    public_key_derive(&to, &scalar);

    struct buf object = {0};
    struct buf plaintext = {0};
    bool ok = false;
    buf_init(&object, OBJECT_SEND_MAX_BYTES);
    buf_init(&plaintext, OBJECT_SEND_MAX_BYTES);
    bool has_tag = from->version >= FIRST_WITH_TAG;
    object_write_header(&object,
                        &(struct object_head){draft->expires_sec, OBJECT_BROADCAST,
                                              has_tag ? BROADCAST_V5 : BROADCAST_V4, from->stream});
    if (has_tag) {
        uint8_t tag[ADDRESS_TAG_BYTES];
        address_tag(tag, from);
        buf_append(&object, tag, sizeof tag);
    }
    sender_write_with_address(&plaintext, &draft->sender);
    write_var_int(&plaintext, draft->encoding);
    write_var_bytes(&plaintext, draft->message);
    if (buf_ok(&plaintext)) {
        signed_finish(&plaintext, &object, &keys->signing);
        ok = buf_ok(&plaintext) && ecies_encrypt(&object, &to, buf_view(&plaintext)) &&
             buf_append_bytes(out, buf_view(&object));
    }
    buf_clear(&plaintext);
    buf_clear(&object);
    return ok || fault_set(fault, FAULT_LIMIT, "broadcast: longer than %d bytes as an object",
                           OBJECT_SEND_MAX_BYTES);
}
