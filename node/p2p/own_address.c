// SPDX-License-Identifier: MIT
#include "node/p2p/own_address.h"

static bool same_group(const struct peer_addr *a, const struct peer_addr *b)
{
    uint8_t a_out[PEER_ADDR_GROUP_BYTES];
    uint8_t b_out[PEER_ADDR_GROUP_BYTES];
    return bytes_equal(peer_addr_group(a_out, a), peer_addr_group(b_out, b));
}

/* Where the vote goes: over the group's earlier one, to a free place, over the oldest. */
static struct own_address_vote *place_for(struct own_address *own, const struct peer_addr *teller,
                                          enum peer_addr_kind family)
{
    size_t oldest = 0;
    for (size_t i = 0; i < own->n_votes; i++) {
        if (own->votes[i].seen.kind == family && same_group(&own->votes[i].teller, teller)) {
            return &own->votes[i];
        }
        if (own->votes[i].told_ms < own->votes[oldest].told_ms) {
            oldest = i;
        }
    }
    return &own->votes[own->n_votes < OWN_ADDRESS_MAX_VOTES ? own->n_votes++ : oldest];
}

void own_address_tell(struct own_address *own, const struct peer_addr *teller,
                      const struct peer_addr *seen, int64_t now_ms)
{
    if (peer_addr_is_onion(seen) || !peer_addr_is_global(seen) || !peer_addr_is_global(teller)) {
        return;
    }
    struct own_address_vote *vote = place_for(own, teller, seen->kind);
    *vote = (struct own_address_vote){*teller, *seen, now_ms};
    vote->seen.port = 0;
}

static bool counts(const struct own_address_vote *vote, enum peer_addr_kind family, int64_t now_ms)
{
    return vote->seen.kind == family &&
           now_ms - vote->told_ms < (int64_t)OWN_ADDRESS_VOTE_SEC * 1000;
}

static size_t count_for(const struct own_address *own, const struct peer_addr *seen, int64_t now_ms)
{
    size_t n = 0;
    for (size_t i = 0; i < own->n_votes; i++) {
        n += counts(&own->votes[i], seen->kind, now_ms) &&
             peer_addr_same_host(&own->votes[i].seen, seen);
    }
    return n;
}

bool own_address_agreed(const struct own_address *own, enum peer_addr_kind family,
                        struct peer_addr *out, int64_t now_ms)
{
    const struct own_address_vote *best = NULL;
    size_t n_best = 0;
    size_t n_all = 0;
    for (size_t i = 0; i < own->n_votes; i++) {
        if (!counts(&own->votes[i], family, now_ms)) {
            continue;
        }
        n_all++;
        size_t n = count_for(own, &own->votes[i].seen, now_ms);
        if (n > n_best) {
            n_best = n;
            best = &own->votes[i];
        }
    }
    if (best == NULL || n_best < OWN_ADDRESS_QUORUM || n_best * 2 <= n_all) {
        return false;
    }
    *out = best->seen;
    return true;
}
