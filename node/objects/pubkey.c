// SPDX-License-Identifier: MIT
#include "node/objects/pubkey.h"

#include "base/buf.h"
#include "crypto/ecies.h"
#include "crypto/sign.h"
#include "node/objects/signed_internal.h"

enum { FIRST_SIGNED_VERSION = 3, FIRST_ENCRYPTED_VERSION = 4 };

/* Keys, demand and signature, signed behind `header`. */
static bool open_signed(struct sender *out, const struct object *object, struct bytes header,
                        struct bytes content, struct fault *fault)
{
    struct reader reader = reader_of(content);
    struct sender sender;
    if (!sender_read(&sender, &reader, object->version, object->stream, fault)) {
        return fault_wrap(fault, "pubkey");
    }
    struct bytes signed_part = bytes_slice(content, 0, content.len - reader_left(&reader));
    struct bytes signature = reader_var_bytes(&reader, SIGNATURE_MAX_BYTES);
    if (!reader_ok(&reader)) {
        return fault_set(fault, FAULT_INVALID, "pubkey: its signature is cut or too long");
    }
    if (!signed_verify(&sender.signing, header, signed_part, signature)) {
        return fault_set(fault, FAULT_INVALID, "pubkey: its signature is not by its keys");
    }
    *out = sender;
    return true;
}

static bool check_size(const struct object *object, size_t min_bytes, struct fault *fault)
{
    if (object->whole.len < min_bytes || object->whole.len > PUBKEY_MAX_BYTES) {
        return fault_set(fault, FAULT_INVALID, "pubkey: %zu bytes are no size for it",
                         object->whole.len);
    }
    return true;
}

bool pubkey_open_plain(struct sender *out, const struct object *object, struct fault *fault)
{
    if (object->type != OBJECT_PUBKEY || object->version < SENDER_MIN_VERSION ||
        object->version >= FIRST_ENCRYPTED_VERSION) {
        return fault_set(fault, FAULT_UNSUPPORTED, "pubkey: not one of version 2 or 3");
    }
    if (object->version >= FIRST_SIGNED_VERSION) {
        return check_size(object, PUBKEY_V3_MIN_BYTES, fault) &&
               open_signed(out, object, signed_header(object, 0), object->payload, fault);
    }
    struct reader reader = reader_of(object->payload);
    return check_size(object, PUBKEY_MIN_BYTES, fault) &&
           (sender_read(out, &reader, object->version, object->stream, fault) ||
            fault_wrap(fault, "pubkey"));
}

static bool open_encrypted(struct sender *out, const struct object *object,
                           const struct address *address, struct fault *fault)
{
    uint8_t tag[ADDRESS_TAG_BYTES];
    address_tag(tag, address);
    if (!bytes_starts_with(object->payload, (struct bytes){tag, sizeof tag})) {
        return fault_set(fault, FAULT_NOT_FOUND, "pubkey: of another address");
    }
    if (!check_size(object, PUBKEY_V4_MIN_BYTES, fault)) {
        return false;
    }
    struct private_key key;
    struct buf plaintext = {0};
    bool ok = false;
    if (!address_tag_key(&key, address) ||
        !ecies_decrypt(&plaintext, &key, bytes_slice(object->payload, sizeof tag, SIZE_MAX))) {
        fault_set(fault, FAULT_INVALID, "pubkey: it does not decrypt");
        goto out;
    }
    ok = open_signed(out, object, signed_header(object, sizeof tag), buf_view(&plaintext), fault);
out:
    buf_clear(&plaintext);
    return ok;
}

bool pubkey_open_for(struct sender *out, const struct object *object, const struct address *address,
                     struct fault *fault)
{
    if (object->type != OBJECT_PUBKEY || object->version != address->version ||
        object->stream != address->stream) {
        return fault_set(fault, FAULT_NOT_FOUND, "pubkey: of another address");
    }
    struct sender sender;
    bool is_encrypted = object->version >= FIRST_ENCRYPTED_VERSION;
    if (!(is_encrypted ? open_encrypted(&sender, object, address, fault)
                       : pubkey_open_plain(&sender, object, fault))) {
        return false;
    }
    if (!address_equal(&sender.address, address)) {
        /* Under our tag it is a forgery; without one it is just somebody else's. */
        return fault_set(fault, is_encrypted ? FAULT_INVALID : FAULT_NOT_FOUND,
                         "pubkey: its keys make another address");
    }
    *out = sender;
    return true;
}

/* ---- making one */

static bool write_encrypted(struct buf *object, struct buf *content, const struct sender *sender,
                            const struct identity_keys *keys)
{
    struct private_key scalar;
    struct public_key to;
    uint8_t tag[ADDRESS_TAG_BYTES];
    if (!address_tag_key(&scalar, &sender->address)) {
        return false;
    }
    public_key_derive(&to, &scalar);
    address_tag(tag, &sender->address);
    buf_append(object, tag, sizeof tag);
    signed_finish(content, object, &keys->signing);
    return ecies_encrypt(object, &to, buf_view(content));
}

bool pubkey_write(struct buf *out, uint64_t expires_sec, const struct sender *sender,
                  const struct identity_keys *keys, struct fault *fault)
{
    uint64_t version = sender->address.version;
    struct buf object = {0};
    struct buf content = {0};
    bool ok = true;
    object_write_header(&object, &(struct object_head){expires_sec, OBJECT_PUBKEY, version,
                                                       sender->address.stream});
    sender_write(&content, sender);
    if (version >= FIRST_ENCRYPTED_VERSION) {
        ok = write_encrypted(&object, &content, sender, keys);
    } else {
        if (version >= FIRST_SIGNED_VERSION) {
            signed_finish(&content, &object, &keys->signing);
        }
        write_bytes(&object, buf_view(&content));
    }
    ok = ok && buf_append_bytes(out, buf_view(&object));
    buf_clear(&content);
    buf_clear(&object);
    return ok || fault_set(fault, FAULT_LIMIT, "pubkey: no room for it");
}
