// SPDX-License-Identifier: MIT
/* Whether an object is taken: form, time, stream, whether it is known, proof of work, room. In the
 * order of their cost, so that a flood of what is worthless costs least (Bitmessage protocol,
 * "Order of checks on receipt", which puts the work first: the result is the same). */
#ifndef BITTERN_NODE_P2P_ACCEPT_H
#define BITTERN_NODE_P2P_ACCEPT_H

#include "node/inventory/inventory.h"
#include "node/objects/object.h"

enum accept_verdict {
    ACCEPT_NEW,     /* stored in `slot` */
    ACCEPT_KNOWN,   /* stored before, in `slot` */
    ACCEPT_REFUSED, /* `reason` says why; `is_misdeed` whether an honest peer sends such a thing */
    ACCEPT_BUSY     /* the store has no room now: neither stored nor refused */
};

struct accepted {
    enum accept_verdict verdict;
    uint8_t hash[OBJECT_HASH_BYTES];
    uint32_t slot;
    struct object object; /* borrows from the payload; with NEW and KNOWN */
    const char *reason;   /* static */
    bool is_misdeed;
};

/* `own`: published by our gateway; kept until it expires, and written at once. */
struct accepted accept_object(struct inventory *inventory, const struct object_rules *rules,
                              struct bytes payload, bool own, int64_t now_sec) MUST_USE;

#endif
