// SPDX-License-Identifier: MIT
#include "node/objects/getpubkey.h"

#include "base/buf.h"

enum { FIRST_VERSION = 2, FIRST_WITH_TAG = 4, LAST_VERSION = 4 };

bool getpubkey_parse(struct getpubkey *out, const struct object *object, struct fault *fault)
{
    if (object->type != OBJECT_GETPUBKEY || object->version < FIRST_VERSION ||
        object->version > LAST_VERSION) {
        return fault_set(fault, FAULT_UNSUPPORTED, "getpubkey: another type or version");
    }
    size_t wanted_len = object->version >= FIRST_WITH_TAG ? ADDRESS_TAG_BYTES : RIPE_BYTES;
    if (object->whole.len > GETPUBKEY_MAX_BYTES || object->payload.len < wanted_len) {
        return fault_set(fault, FAULT_INVALID, "getpubkey: %zu bytes are no size for it",
                         object->whole.len);
    }
    *out = (struct getpubkey){object->version, object->stream,
                              bytes_slice(object->payload, 0, wanted_len)};
    return true;
}

bool getpubkey_asks_for(const struct getpubkey *request, const struct address *address)
{
    if (address->version != request->version || address->stream != request->stream) {
        return false;
    }
    uint8_t tag[ADDRESS_TAG_BYTES];
    struct bytes name = {address->ripe, RIPE_BYTES};
    if (address->version >= FIRST_WITH_TAG) {
        address_tag(tag, address);
        name = (struct bytes){tag, sizeof tag};
    }
    return bytes_equal(name, request->wanted);
}

void getpubkey_write(struct buf *out, uint64_t expires_sec, const struct address *address)
{
    object_write_header(out, &(struct object_head){expires_sec, OBJECT_GETPUBKEY, address->version,
                                                   address->stream});
    if (address->version >= FIRST_WITH_TAG) {
        uint8_t tag[ADDRESS_TAG_BYTES];
        address_tag(tag, address);
        buf_append(out, tag, sizeof tag);
    } else {
        buf_append(out, address->ripe, RIPE_BYTES);
    }
}
