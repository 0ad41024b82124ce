// SPDX-License-Identifier: MIT
/* Synchronisation: which object to ask of which peer.
 *
 * Peers announce hashes. What we lack is wanted, together with the peers that have it (at most
 * SYNC_ANNOUNCERS of them, drawn at random). An object is asked of one peer at a time:
 *
 *     wanted --take--> asked of one --arrived--> gone
 *        ^                |
 *        +---- stalled ---+   nothing came in time: back to all who have it
 *
 * A peer is asked for as much as its window allows. The window starts small, because a peer may
 * drop what is asked soon after connecting (the anti-intersection delay of the reference node), and
 * doubles with each full window that arrives; a stall brings it back. A peer that stalled is asked
 * for what nobody better has, and for one object now and then, until it delivers. Requests leave in
 * random order, so that peers with the same list are asked for different parts of it.
 *
 * Hashes that were refused (too little work, a foreign stream) are remembered for a while, so that
 * they aren't fetched from one peer after the other.
 *
 * Everything a peer can make grow is bounded here. No I/O, no clock: `now_ms` is monotonic. */
#ifndef BITTERN_NODE_P2P_SYNC_H
#define BITTERN_NODE_P2P_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "node/wire/messages.h"

enum {
    SYNC_ANNOUNCERS = 6,
    SYNC_MAX_WANTED = 400000,
    SYNC_MAX_WANTED_OF_PEER = 200000,
    SYNC_MAX_REFUSED = 65536,
    SYNC_FIRST_WINDOW = 16,
    SYNC_MAX_WINDOW = 2048,
    SYNC_PROBE_STALL_SEC = 5, /* until the peer has delivered something, and after each stall */
    SYNC_STALL_SEC = 60,      /* nothing at all came from the peer */
    SYNC_LOST_SEC = 180,      /* this one did not come, though others did */
    SYNC_FORGET_SEC = 3600,
    SYNC_MAX_ATTEMPTS = 12,
    SYNC_PROBE_ATTEMPTS = 3 /* what was asked as often is no more to try a stalled peer with */
};

struct sync;

struct sync *sync_new(void) MUST_USE;
void sync_free(struct sync **sync);

/* `id` is not 0 and is never used for another peer. */
void sync_add_peer(struct sync *sync, uint32_t id, int64_t now_ms);
/* What was asked of it is free to be asked of others. */
void sync_remove_peer(struct sync *sync, uint32_t id);

enum sync_want_result {
    SYNC_WANTED_NEW,    /* nobody had announced it before */
    SYNC_WANTED_BEFORE, /* one more that has it */
    SYNC_WANT_REFUSED,  /* refused lately */
    SYNC_WANT_FULL      /* a bound is reached: not kept */
};

/* Peer `id` announced an object that we lack. */
enum sync_want_result sync_want(struct sync *sync, uint32_t id, const uint8_t hash[WIRE_HASH_BYTES],
                                int64_t now_ms);
bool sync_is_wanted(const struct sync *sync, const uint8_t hash[WIRE_HASH_BYTES]) MUST_USE;

/* Who had announced an object, for whoever relays it. */
struct sync_announcers {
    uint32_t ids[SYNC_ANNOUNCERS];
    size_t n_ids;
};

/* The object arrived from peer `id` (0: from elsewhere): it is wanted no more. False when it was
 * not wanted; *out is then empty. */
bool sync_arrived(struct sync *sync, uint32_t id, const uint8_t hash[WIRE_HASH_BYTES],
                  struct sync_announcers *out, int64_t now_ms);
/* As sync_arrived, but the object was refused and is not to be asked for again for a while. */
void sync_refused(struct sync *sync, uint32_t id, const uint8_t hash[WIRE_HASH_BYTES],
                  int64_t now_ms);

/* The next hashes to ask of peer `id`, at most `max`; they count as asked from now on. Gives none
 * while a good part of the window is still under way, so that requests go in batches. */
size_t sync_take_requests(struct sync *sync, uint32_t id, uint8_t (*out)[WIRE_HASH_BYTES],
                          size_t max, int64_t now_ms) MUST_USE;

/* Find stalls and forget what nobody delivered. Call it about once a second. */
void sync_tick(struct sync *sync, int64_t now_ms);

/* How often something asked for did not come and went back to the others, since the start. */
uint64_t sync_n_released(const struct sync *sync) MUST_USE;
size_t sync_n_wanted(const struct sync *sync) MUST_USE;
/* How often in a row the peer let requests lapse. */
unsigned sync_n_stalls(const struct sync *sync, uint32_t id) MUST_USE;
/* Asked of the peer and not yet there. */
size_t sync_n_asked(const struct sync *sync, uint32_t id) MUST_USE;

#endif
