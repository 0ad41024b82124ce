// SPDX-License-Identifier: MIT
#include "node/objects/object.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"

bool object_parse(struct object *out, struct bytes whole, struct fault *fault)
{
    struct reader reader = reader_of(whole);
    struct object object = {.whole = whole};
    object.nonce = reader_u64(&reader);
    object.expires_sec = reader_u64(&reader);
    object.type = reader_u32(&reader);
    object.version = reader_var_int(&reader);
    object.stream = reader_var_int(&reader);
    if (!reader_ok(&reader)) {
        return fault_set(fault, FAULT_INVALID, "object: its header is cut or malformed");
    }
    object.payload = reader_rest(&reader);
    *out = object;
    return true;
}

static bool is_ours(const struct object_rules *rules, uint64_t stream)
{
    for (size_t i = 0; i < rules->n_streams; i++) {
        if (rules->streams[i] == stream) {
            return true;
        }
    }
    return false;
}

enum object_verdict object_check_form(const struct object *object, const struct object_rules *rules,
                                      int64_t now_sec)
{
    if (object->payload.len > OBJECT_MAX_PAYLOAD_BYTES) {
        return OBJECT_TOO_LONG;
    }
    /* Compared without a difference that could overflow: expiry is any u64, now is not negative. */
    uint64_t now = now_sec > 0 ? (uint64_t)now_sec : 0;
    if (object->expires_sec < now && now - object->expires_sec > OBJECT_MAX_PAST_SEC) {
        return OBJECT_EXPIRED;
    }
    if (object->expires_sec > now && object->expires_sec - now > OBJECT_MAX_FUTURE_SEC) {
        return OBJECT_TOO_FAR;
    }
    if (object->stream == 0 || object->stream > OBJECT_MAX_STREAM) {
        return OBJECT_BAD_STREAM;
    }
    return rules->any_stream || is_ours(rules, object->stream) ? OBJECT_OK : OBJECT_OTHER_STREAM;
}

enum object_verdict object_check(const struct object *object, const struct object_rules *rules,
                                 int64_t now_sec)
{
    enum object_verdict verdict = object_check_form(object, rules, now_sec);
    if (verdict != OBJECT_OK) {
        return verdict;
    }
    return pow_check(object->whole, now_sec, rules->least, rules->least) ? OBJECT_OK
                                                                         : OBJECT_NO_WORK;
}

const char *object_verdict_text(enum object_verdict verdict)
{
    static const char *const texts[] = {
        [OBJECT_OK] = "valid",
        [OBJECT_TOO_LONG] = "too long",
        [OBJECT_EXPIRED] = "expired",
        [OBJECT_TOO_FAR] = "expires too far in the future",
        [OBJECT_BAD_STREAM] = "no valid stream",
        [OBJECT_OTHER_STREAM] = "a stream that is not ours",
        [OBJECT_NO_WORK] = "not enough proof of work",
    };
    return texts[verdict];
}

bool object_is_processable(const struct object *object)
{
    size_t len = object->whole.len;
    switch (object->type) {
    case OBJECT_GETPUBKEY:
        return len >= GETPUBKEY_MIN_BYTES;
    case OBJECT_PUBKEY:
        return len >= PUBKEY_MIN_BYTES && len <= PUBKEY_MAX_BYTES;
    case OBJECT_BROADCAST:
        return len >= BROADCAST_MIN_BYTES && object->version >= 2;
    default:
        return true;
    }
}

bool object_is_expired(const struct object *object, int64_t now_sec)
{
    return now_sec > 0 && object->expires_sec < (uint64_t)now_sec;
}

void object_hash(uint8_t out[OBJECT_HASH_BYTES], struct bytes whole)
{
    hash_inventory(out, whole);
}

bool object_tag(uint8_t out[OBJECT_TAG_BYTES], const struct object *object)
{
    if (object->payload.len < OBJECT_TAG_BYTES) {
        return false;
    }
    memcpy(out, object->payload.data, OBJECT_TAG_BYTES);
    return true;
}

void object_write_header(struct buf *out, const struct object_head *head)
{
    write_u64(out, 0);
    write_u64(out, head->expires_sec);
    write_u32(out, head->type);
    write_var_int(out, head->version);
    write_var_int(out, head->stream);
}

void object_set_nonce(struct buf *whole, uint64_t nonce)
{
    assert(whole->len >= OBJECT_NONCE_BYTES);
    store_be64(whole->data, nonce);
}

int64_t object_ttl_sec(uint64_t expires_sec, int64_t now_sec)
{
    uint64_t now = now_sec > 0 ? (uint64_t)now_sec : 0;
    if (expires_sec <= now + POW_MIN_TTL_SEC) {
        return POW_MIN_TTL_SEC;
    }
    uint64_t ttl = expires_sec - now;
    return ttl > INT64_MAX ? INT64_MAX : (int64_t)ttl;
}
