// SPDX-License-Identifier: MIT
/* onionpeer: a node that is reachable through Tor announces its name. Version 2 and 3 are Tor's.
 * Payload: var_int port | 16 or 41 bytes of host. Nobody signs it. */
#ifndef BITTERN_NODE_OBJECTS_ONIONPEER_H
#define BITTERN_NODE_OBJECTS_ONIONPEER_H

#include "node/objects/object.h"
#include "node/wire/peer_addr.h"

enum { ONIONPEER_STREAM = 1, ONIONPEER_TTL_SEC = 7 * 86400 };

/* False unless the host is a Tor name that goes with the version, and the port is 1 to 65535. */
bool onionpeer_parse(struct peer_addr *out, const struct object *object,
                     struct fault *fault) MUST_USE;
/* Append the object that announces a Tor name. */
void onionpeer_write(struct buf *out, uint64_t expires_sec, const struct peer_addr *addr);

#endif
