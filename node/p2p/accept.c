// SPDX-License-Identifier: MIT
#include "node/p2p/accept.h"

/* Trials that a value stands for on average: 2^64 / (value + 1). */
static double work_of(uint64_t value)
{
    return 0x1p64 / ((double)value + 1);
}

static bool is_misdeed(enum object_verdict verdict)
{
    /* What has just expired, or is of a stream that we left, an honest peer may send. */
    return verdict == OBJECT_TOO_LONG || verdict == OBJECT_TOO_FAR ||
           verdict == OBJECT_BAD_STREAM || verdict == OBJECT_NO_WORK;
}

static struct accepted refuse(struct accepted accepted, enum object_verdict verdict)
{
    accepted.verdict = ACCEPT_REFUSED;
    accepted.reason = object_verdict_text(verdict);
    accepted.is_misdeed = is_misdeed(verdict);
    return accepted;
}

/* Version 4 pubkeys and version 5 broadcasts carry a tag to be found by. */
static bool has_tag(uint8_t out[OBJECT_TAG_BYTES], const struct object *object)
{
    bool is_tagged = (object->type == OBJECT_PUBKEY && object->version >= 4) ||
                     (object->type == OBJECT_BROADCAST && object->version >= 5);
    return is_tagged && object_tag(out, object);
}

static struct accepted store(struct accepted accepted, struct inventory *inventory, double work,
                             bool own)
{
    uint8_t tag[OBJECT_TAG_BYTES];
    const struct object *object = &accepted.object;
    struct inventory_new new_object = {
        .hash = accepted.hash,
        .payload = object->whole,
        .expires_sec = (int64_t)object->expires_sec,
        .type = object->type,
        .stream = object->stream,
        .tag = has_tag(tag, object) ? tag : NULL,
        .work = work,
        .own = own,
    };
    switch (inventory_add(inventory, &new_object, &accepted.slot)) {
    case INVENTORY_ADDED:
        accepted.verdict = ACCEPT_NEW;
        break;
    case INVENTORY_KNOWN:
        accepted.verdict = ACCEPT_KNOWN;
        break;
    case INVENTORY_BUSY:
        accepted.verdict = ACCEPT_BUSY;
        break;
    }
    return accepted;
}

struct accepted accept_object(struct inventory *inventory, const struct object_rules *rules,
                              struct bytes payload, bool own, int64_t now_sec)
{
    struct accepted accepted = {.slot = SLOT_NONE};
    object_hash(accepted.hash, payload);
    if (!object_parse(&accepted.object, payload, NULL)) {
        accepted.verdict = ACCEPT_REFUSED;
        accepted.reason = "no object header";
        accepted.is_misdeed = true;
        return accepted;
    }
    enum object_verdict verdict = object_check_form(&accepted.object, rules, now_sec);
    if (verdict != OBJECT_OK) {
        return refuse(accepted, verdict);
    }
    accepted.slot = inventory_find(inventory, accepted.hash);
    if (accepted.slot != SLOT_NONE) {
        accepted.verdict = ACCEPT_KNOWN;
        return accepted;
    }
    uint8_t initial_hash[POW_INITIAL_HASH_BYTES];
    pow_initial_hash(initial_hash, bytes_slice(payload, OBJECT_NONCE_BYTES, payload.len));
    uint64_t value = pow_value(initial_hash, accepted.object.nonce);
    int64_t ttl_sec = (int64_t)accepted.object.expires_sec - now_sec;
    if (value > pow_target_to_check(payload.len, ttl_sec, rules->least)) {
        return refuse(accepted, OBJECT_NO_WORK);
    }
    return store(accepted, inventory, work_of(value), own);
}
