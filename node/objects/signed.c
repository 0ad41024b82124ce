// SPDX-License-Identifier: MIT
#include "base/buf.h"
#include "crypto/sign.h"
#include "node/objects/signed_internal.h"

struct bytes signed_header(const struct object *object, size_t payload_len)
{
    size_t header_len = object->whole.len - object->payload.len;
    return bytes_slice(object->whole, OBJECT_EXPIRES_OFFSET,
                       header_len - OBJECT_EXPIRES_OFFSET + payload_len);
}

bool signed_verify(const struct public_key *key, struct bytes header, struct bytes content,
                   struct bytes signature)
{
    struct buf message = {0};
    buf_reserve(&message, header.len + content.len);
    write_bytes(&message, header);
    write_bytes(&message, content);
    bool ok = sign_verify(key, buf_view(&message), signature);
    buf_clear(&message);
    return ok;
}

void signed_finish(struct buf *content, const struct buf *unfinished, const struct private_key *key)
{
    struct bytes header = bytes_slice(buf_view(unfinished), OBJECT_EXPIRES_OFFSET, SIZE_MAX);
    struct buf message = {0};
    struct signature signature;
    buf_reserve(&message, header.len + content->len);
    write_bytes(&message, header);
    write_bytes(&message, buf_view(content));
    sign_message(&signature, key, SIGN_SHA256, buf_view(&message));
    buf_clear(&message);
    write_var_bytes(content, signature_view(&signature));
}
