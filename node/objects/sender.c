// SPDX-License-Identifier: MIT
#include "node/objects/sender.h"

#include <string.h>

#include "base/buf.h"
#include "node/objects/object.h"

static const struct pow_demand default_demand = {POW_DEFAULT_TRIALS_PER_BYTE,
                                                 POW_DEFAULT_EXTRA_BYTES};

bool sender_read(struct sender *out, struct reader *reader, uint64_t version, uint64_t stream,
                 struct fault *fault)
{
    if (version < SENDER_MIN_VERSION || version > SENDER_MAX_VERSION) {
        return fault_set(fault, FAULT_UNSUPPORTED, "sender's address version is not 2 to 4");
    }
    if (stream == 0 || stream > OBJECT_MAX_STREAM) {
        return fault_set(fault, FAULT_INVALID, "sender's stream is none");
    }
    struct sender sender = {.demand = default_demand};
    sender.behaviour = reader_u32(reader);
    struct bytes signing = reader_bytes(reader, PUBLIC_KEY_BYTES);
    struct bytes encryption = reader_bytes(reader, PUBLIC_KEY_BYTES);
    if (version >= SENDER_FIRST_WITH_DEMAND) {
        sender.demand.trials_per_byte = reader_var_int(reader);
        sender.demand.extra_bytes = reader_var_int(reader);
    }
    if (!reader_ok(reader)) {
        return fault_set(fault, FAULT_INVALID, "sender's keys are cut");
    }
    if (!public_key_parse(&sender.signing, signing) ||
        !public_key_parse(&sender.encryption, encryption)) {
        return fault_set(fault, FAULT_INVALID, "sender's key is no point on the curve");
    }
    sender.address = address_of_keys(version, stream, &sender.signing, &sender.encryption);
    *out = sender;
    return true;
}

bool sender_read_with_address(struct sender *out, struct reader *reader, struct fault *fault)
{
    uint64_t version = reader_var_int(reader);
    uint64_t stream = reader_var_int(reader);
    if (!reader_ok(reader)) {
        return fault_set(fault, FAULT_INVALID, "sender's address is cut");
    }
    return sender_read(out, reader, version, stream, fault);
}

void sender_write(struct buf *out, const struct sender *sender)
{
    write_u32(out, sender->behaviour);
    buf_append(out, sender->signing.point, PUBLIC_KEY_BYTES);
    buf_append(out, sender->encryption.point, PUBLIC_KEY_BYTES);
    if (sender->address.version >= SENDER_FIRST_WITH_DEMAND) {
        write_var_int(out, sender->demand.trials_per_byte);
        write_var_int(out, sender->demand.extra_bytes);
    }
}

void sender_write_with_address(struct buf *out, const struct sender *sender)
{
    write_var_int(out, sender->address.version);
    write_var_int(out, sender->address.stream);
    sender_write(out, sender);
}

struct sender sender_of_keys(const struct identity_keys *keys, uint64_t version, uint64_t stream,
                             uint32_t behaviour, struct pow_demand demand)
{
    struct sender sender = {
        .address = {.version = version, .stream = stream},
        .behaviour = behaviour,
        .signing = keys->signing_public,
        .encryption = keys->encryption_public,
        .demand = version >= SENDER_FIRST_WITH_DEMAND ? demand : default_demand,
    };
    memcpy(sender.address.ripe, keys->ripe, RIPE_BYTES);
    return sender;
}
