// SPDX-License-Identifier: MIT
/* Our own address, as others see it: each peer that we dialled says in its version where we came
 * from. One of them may lie or be mistaken, so an address counts as ours only when
 * OWN_ADDRESS_QUORUM of them, each in a network group of its own, say the same, and more than half
 * of all that spoke lately.
 *
 * A group has one vote for each family, its latest. Votes fade after a day: addresses change. No
 * I/O, no clock. {0} is a valid empty state. */
#ifndef BITTERN_NODE_P2P_OWN_ADDRESS_H
#define BITTERN_NODE_P2P_OWN_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "node/wire/peer_addr.h"

enum {
    OWN_ADDRESS_QUORUM = 3,
    OWN_ADDRESS_MAX_VOTES = 32, /* the oldest gives way */
    OWN_ADDRESS_VOTE_SEC = 86400
};

struct own_address_vote {
    struct peer_addr teller;
    struct peer_addr seen; /* without a port */
    int64_t told_ms;
};

struct own_address {
    struct own_address_vote votes[OWN_ADDRESS_MAX_VOTES];
    size_t n_votes;
};

/* `teller` says that it sees us at `seen`. What is not global is no vote. */
void own_address_tell(struct own_address *own, const struct peer_addr *teller,
                      const struct peer_addr *seen, int64_t now_ms);
/* The address of that family (PEER_ADDR_IPV4 or PEER_ADDR_IPV6) that is agreed on, with port 0.
 * False while there is none. */
bool own_address_agreed(const struct own_address *own, enum peer_addr_kind family,
                        struct peer_addr *out, int64_t now_ms) MUST_USE;

#endif
