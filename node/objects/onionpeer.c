// SPDX-License-Identifier: MIT
#include "node/objects/onionpeer.h"

#include <assert.h>

#include "base/buf.h"

enum { VERSION_ONION_V2 = 2, VERSION_ONION_V3 = 3 };

static uint64_t version_of(const struct peer_addr *addr)
{
    return addr->kind == PEER_ADDR_ONION_V2 ? VERSION_ONION_V2 : VERSION_ONION_V3;
}

bool onionpeer_parse(struct peer_addr *out, const struct object *object, struct fault *fault)
{
    if (object->type != OBJECT_ONIONPEER) {
        return fault_set(fault, FAULT_UNSUPPORTED, "onionpeer: another type");
    }
    struct reader reader = reader_of(object->payload);
    uint64_t port = reader_var_int(&reader);
    if (!reader_ok(&reader) || port == 0 || port > UINT16_MAX) {
        return fault_set(fault, FAULT_INVALID, "onionpeer: no valid port");
    }
    struct peer_addr addr;
    if (!peer_addr_of_onion(&addr, reader_rest(&reader), (uint16_t)port) ||
        version_of(&addr) != object->version) {
        return fault_set(fault, FAULT_INVALID, "onionpeer: no Tor name of its version");
    }
    *out = addr;
    return true;
}

void onionpeer_write(struct buf *out, uint64_t expires_sec, const struct peer_addr *addr)
{
    assert(peer_addr_is_onion(addr));
    object_write_header(out, &(struct object_head){expires_sec, OBJECT_ONIONPEER, version_of(addr),
                                                   ONIONPEER_STREAM});
    write_var_int(out, addr->port);
    peer_addr_write_onion(out, addr);
}
