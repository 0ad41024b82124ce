// SPDX-License-Identifier: MIT
/* What is wanted lies in the table of wanted.h. A peer's queue holds (slot, generation) pairs of
 * what it announced and nobody was asked for yet; a pair whose generation is old, or whose object
 * is asked of another, is dropped when it comes up. When a request stalls, the object is put back
 * into the queues of all who have it. Two lists run through the table: by age (to forget), and what
 * is asked of one peer, oldest first (to find stalls). */
#include "node/p2p/sync.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "crypto/random.h"
#include "node/p2p/hash_ring.h"
#include "node/p2p/wanted.h"

enum { MS_PER_SEC = 1000 };

struct queued {
    uint32_t slot;
    uint32_t generation;
};

struct sync_peer {
    uint32_t id;
    struct queued *queue;
    size_t n_queued;
    size_t queue_capacity;
    size_t n_owned; /* wanted objects that it was the first to announce */
    struct wanted_list asked;
    size_t n_asked;
    size_t window;
    size_t n_arrived_in_window;
    int64_t window_ms;  /* when the current window began */
    int64_t arrived_ms; /* when something asked for last came */
    bool has_delivered;
    unsigned n_stalls;
    int64_t rest_until_ms; /* not asked before, after a stall */
};

struct sync {
    struct wanted_table wanted;
    struct map peers; /* id -> struct sync_peer */
    struct hash_ring refused;
    uint64_t n_released;
};

/* ---- wanted objects */

static struct sync_peer *peer_of(const struct sync *sync, uint32_t id)
{
    return id == 0 ? NULL : map_get_u64(&sync->peers, id);
}

static struct wanted *wanted_at(const struct sync *sync, uint32_t slot)
{
    return &sync->wanted.slots[slot];
}

static void mark_asked(struct sync *sync, struct sync_peer *peer, uint32_t slot)
{
    wanted_list_append(&sync->wanted, &peer->asked, WANTED_ASKED, slot);
    peer->n_asked++;
    wanted_at(sync, slot)->asked_of = peer->id;
}

static void unmark_asked(struct sync *sync, struct sync_peer *peer, uint32_t slot)
{
    wanted_list_remove(&sync->wanted, &peer->asked, WANTED_ASKED, slot);
    peer->n_asked--;
    wanted_at(sync, slot)->asked_of = 0;
}

/* They hold nothing that is valid. */
static void empty_queues(struct sync *sync)
{
    struct sync_peer *peer;
    for (size_t cursor = 0; (peer = map_next(&sync->peers, &cursor, NULL)) != NULL;) {
        free(peer->queue);
        peer->queue = NULL;
        peer->n_queued = 0;
        peer->queue_capacity = 0;
    }
}

static void forget(struct sync *sync, uint32_t slot)
{
    struct sync_peer *asked_of = peer_of(sync, wanted_at(sync, slot)->asked_of);
    if (asked_of != NULL) {
        unmark_asked(sync, asked_of, slot);
    }
    struct sync_peer *owner = peer_of(sync, wanted_at(sync, slot)->owner);
    if (owner != NULL) {
        owner->n_owned--;
    }
    if (wanted_free(&sync->wanted, slot)) {
        empty_queues(sync);
    }
}

/* A queue holds more than can be wanted only when the same is announced again and again. */
static void enqueue(struct sync *sync, struct sync_peer *peer, uint32_t slot)
{
    if (peer->n_queued == SYNC_MAX_WANTED) {
        return;
    }
    if (peer->n_queued == peer->queue_capacity) {
        peer->queue =
            array_grow(peer->queue, peer->n_queued, &peer->queue_capacity, sizeof *peer->queue);
    }
    peer->queue[peer->n_queued++] = (struct queued){slot, wanted_at(sync, slot)->generation};
}

/* ---- peers */

void sync_add_peer(struct sync *sync, uint32_t id, int64_t now_ms)
{
    assert(id != 0 && peer_of(sync, id) == NULL);
    struct sync_peer *peer = xcalloc(1, sizeof *peer);
    peer->id = id;
    peer->asked = wanted_list_none();
    peer->window = SYNC_FIRST_WINDOW;
    peer->window_ms = now_ms;
    peer->arrived_ms = now_ms;
    map_put_u64(&sync->peers, id, peer);
}

/* What was asked and did not come goes back to the others who have it, and to the one who was asked
 * when there are none. Nobody left, or asked often enough in vain: forgotten until it is announced
 * again. */
static void release(struct sync *sync, uint32_t slot)
{
    struct wanted *wanted = wanted_at(sync, slot);
    struct sync_peer *asked_of = peer_of(sync, wanted->asked_of);
    if (asked_of != NULL) {
        unmark_asked(sync, asked_of, slot);
    }
    wanted->asked_of = 0;
    size_t n_others = 0;
    for (size_t i = 0; i < wanted->n_announcers; i++) {
        struct sync_peer *peer = peer_of(sync, wanted->announcers[i]);
        if (peer != NULL && peer != asked_of) {
            enqueue(sync, peer, slot);
            n_others++;
        }
    }
    if (n_others == 0 && asked_of != NULL) {
        enqueue(sync, asked_of, slot);
    }
    if ((n_others == 0 && asked_of == NULL) || wanted->n_attempts >= SYNC_MAX_ATTEMPTS) {
        forget(sync, slot);
    }
}

static bool has_living_announcer(const struct sync *sync, const struct wanted *wanted)
{
    for (size_t i = 0; i < wanted->n_announcers; i++) {
        if (peer_of(sync, wanted->announcers[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* What only this peer had, so that one who connects again and again cannot fill the table. */
static void forget_unreachable(struct sync *sync, const struct sync_peer *gone)
{
    for (size_t i = 0; i < gone->n_queued && sync->wanted.n_wanted > 0; i++) {
        struct queued queued = gone->queue[i];
        const struct wanted *wanted = wanted_at(sync, queued.slot);
        if (wanted->generation == queued.generation && wanted->asked_of == 0 &&
            !has_living_announcer(sync, wanted)) {
            forget(sync, queued.slot);
        }
    }
}

void sync_remove_peer(struct sync *sync, uint32_t id)
{
    struct sync_peer *peer = map_remove_u64(&sync->peers, id);
    if (peer == NULL) {
        return;
    }
    /* The peer is out of the map by now, so its lists are walked, not kept. */
    for (uint32_t slot = peer->asked.first; slot != SLOT_NONE;) {
        uint32_t next = wanted_list_next(&sync->wanted, WANTED_ASKED, slot);
        bool was_last = sync->wanted.n_wanted == 1;
        release(sync, slot);
        slot = was_last ? SLOT_NONE : next;
    }
    forget_unreachable(sync, peer);
    free(peer->queue);
    free(peer);
}

/* ---- wanting */

static bool has_announced(const struct wanted *wanted, uint32_t id)
{
    for (size_t i = 0; i < wanted->n_announcers; i++) {
        if (wanted->announcers[i] == id) {
            return true;
        }
    }
    return false;
}

/* Where one more is kept, or SYNC_ANNOUNCERS: not at all. When the places are taken, one whose peer
 * is gone makes room; else chance decides, the same for all (a reservoir), so that those who come
 * first and deliver nothing can't keep the others out. */
static size_t place_for_announcer(const struct sync *sync, struct wanted *wanted)
{
    for (size_t i = 0; i < wanted->n_announcers; i++) {
        if (peer_of(sync, wanted->announcers[i]) == NULL) {
            return i;
        }
    }
    if (wanted->n_announcers < SYNC_ANNOUNCERS) {
        return wanted->n_announcers;
    }
    if (wanted->n_others < UINT8_MAX) {
        wanted->n_others++;
    }
    size_t place = (size_t)random_uniform(SYNC_ANNOUNCERS + (uint64_t)wanted->n_others);
    return place < SYNC_ANNOUNCERS ? place : SYNC_ANNOUNCERS;
}

static void add_announcer(struct sync *sync, struct wanted *wanted, struct sync_peer *peer)
{
    uint32_t slot = (uint32_t)(wanted - sync->wanted.slots);
    size_t place = place_for_announcer(sync, wanted);
    if (place == SYNC_ANNOUNCERS) {
        return;
    }
    wanted->announcers[place] = peer->id;
    if (place == wanted->n_announcers) {
        wanted->n_announcers++;
    }
    if (wanted->asked_of == 0) {
        enqueue(sync, peer, slot);
    }
}

/* A first flood takes half of the room at most, the next half of what is left, and so on. */
static bool has_room(const struct sync *sync, const struct sync_peer *peer)
{
    size_t n_free = SYNC_MAX_WANTED - sync->wanted.n_wanted;
    return n_free > 0 && peer->n_owned < SYNC_MAX_WANTED_OF_PEER && peer->n_owned <= n_free;
}

enum sync_want_result sync_want(struct sync *sync, uint32_t id, const uint8_t hash[WIRE_HASH_BYTES],
                                int64_t now_ms)
{
    struct sync_peer *peer = peer_of(sync, id);
    assert(peer != NULL);
    uint32_t slot = wanted_find(&sync->wanted, hash);
    if (slot != SLOT_NONE) {
        if (!has_announced(wanted_at(sync, slot), id)) {
            add_announcer(sync, wanted_at(sync, slot), peer);
        }
        return SYNC_WANTED_BEFORE;
    }
    if (hash_ring_has(&sync->refused, hash)) {
        return SYNC_WANT_REFUSED;
    }
    if (!has_room(sync, peer)) {
        return SYNC_WANT_FULL;
    }
    slot = wanted_add(&sync->wanted, hash, id, now_ms);
    peer->n_owned++;
    enqueue(sync, peer, slot);
    return SYNC_WANTED_NEW;
}

bool sync_is_wanted(const struct sync *sync, const uint8_t hash[WIRE_HASH_BYTES])
{
    return wanted_find(&sync->wanted, hash) != SLOT_NONE;
}

/* ---- arriving */

/* A peer that delivers a whole window quickly gets a bigger one. */
static void grow_window(struct sync_peer *peer, int64_t now_ms)
{
    enum { QUICK_WINDOW_MS = 5000 };
    peer->n_arrived_in_window++;
    if (peer->n_arrived_in_window < peer->window) {
        return;
    }
    if (now_ms - peer->window_ms <= QUICK_WINDOW_MS && peer->window < SYNC_MAX_WINDOW) {
        peer->window *= 2;
    }
    peer->n_arrived_in_window = 0;
    peer->window_ms = now_ms;
}

bool sync_arrived(struct sync *sync, uint32_t id, const uint8_t hash[WIRE_HASH_BYTES],
                  struct sync_announcers *out, int64_t now_ms)
{
    out->n_ids = 0;
    uint32_t slot = wanted_find(&sync->wanted, hash);
    if (slot == SLOT_NONE) {
        return false;
    }
    struct wanted *wanted = wanted_at(sync, slot);
    struct sync_peer *peer = peer_of(sync, id);
    if (peer != NULL && wanted->asked_of == id) {
        peer->has_delivered = true;
        peer->n_stalls = 0;
        peer->arrived_ms = now_ms;
        grow_window(peer, now_ms);
    }
    memcpy(out->ids, wanted->announcers, sizeof out->ids);
    out->n_ids = wanted->n_announcers;
    forget(sync, slot);
    return true;
}

void sync_refused(struct sync *sync, uint32_t id, const uint8_t hash[WIRE_HASH_BYTES],
                  int64_t now_ms)
{
    struct sync_announcers ignored;
    sync_arrived(sync, id, hash, &ignored, now_ms);
    hash_ring_add(&sync->refused, hash);
}

/* ---- asking */

static bool has_better_announcer(const struct sync *sync, const struct wanted *wanted,
                                 const struct sync_peer *peer)
{
    for (size_t i = 0; i < wanted->n_announcers; i++) {
        const struct sync_peer *other = peer_of(sync, wanted->announcers[i]);
        if (other != NULL && other != peer && other->n_stalls == 0) {
            return true;
        }
    }
    return false;
}

/* A random one of the peer's queue that nobody is being asked for, or SLOT_NONE. A peer that let
 * requests lapse is passed over for those who did not, or what it owes would go round among its
 * like; `is_probe`: nevertheless, so that it can show that it delivers again. */
static uint32_t pop_queue(struct sync *sync, struct sync_peer *peer, bool is_probe)
{
    enum { MAX_PASSED_OVER = 64 };
    unsigned n_passed_over = 0;
    while (peer->n_queued > 0 && n_passed_over < MAX_PASSED_OVER) {
        size_t i = (size_t)random_uniform(peer->n_queued);
        struct queued queued = peer->queue[i];
        const struct wanted *wanted = wanted_at(sync, queued.slot);
        bool is_open = wanted->generation == queued.generation && wanted->asked_of == 0;
        bool may_probe = is_probe && wanted->n_attempts < SYNC_PROBE_ATTEMPTS;
        if (is_open && peer->n_stalls > 0 && !may_probe &&
            has_better_announcer(sync, wanted, peer)) {
            n_passed_over++;
            continue;
        }
        peer->queue[i] = peer->queue[--peer->n_queued];
        if (is_open) {
            return queued.slot;
        }
    }
    return SLOT_NONE;
}

size_t sync_take_requests(struct sync *sync, uint32_t id, uint8_t (*out)[WIRE_HASH_BYTES],
                          size_t max, int64_t now_ms)
{
    struct sync_peer *peer = peer_of(sync, id);
    if (peer == NULL || peer->n_asked > peer->window / 2 || now_ms < peer->rest_until_ms) {
        return 0;
    }
    size_t room = peer->window - peer->n_asked;
    size_t n = 0;
    if (peer->n_asked == 0) {
        peer->arrived_ms = now_ms; /* silence before a request is no stall */
    }
    while (n < room && n < max) {
        uint32_t slot = pop_queue(sync, peer, false);
        if (slot == SLOT_NONE && n == 0 && peer->n_asked == 0) {
            slot = pop_queue(sync, peer, true);
        }
        if (slot == SLOT_NONE) {
            break;
        }
        struct wanted *wanted = wanted_at(sync, slot);
        memcpy(out[n++], wanted->hash, WIRE_HASH_BYTES);
        wanted->asked_ms = now_ms;
        wanted->n_attempts++;
        mark_asked(sync, peer, slot);
    }
    return n;
}

/* ---- time */

static bool is_stalled(const struct sync *sync, const struct sync_peer *peer, uint32_t slot,
                       int64_t now_ms)
{
    int64_t asked_ms = wanted_at(sync, slot)->asked_ms;
    int64_t quiet_since = asked_ms > peer->arrived_ms ? asked_ms : peer->arrived_ms;
    bool is_proven = peer->has_delivered && peer->n_stalls == 0;
    int64_t patience_sec = is_proven ? SYNC_STALL_SEC : SYNC_PROBE_STALL_SEC;
    return now_ms - quiet_since >= patience_sec * MS_PER_SEC ||
           now_ms - asked_ms >= SYNC_LOST_SEC * MS_PER_SEC;
}

static void look_for_stalls(struct sync *sync, struct sync_peer *peer, int64_t now_ms)
{
    bool stalled = false;
    while (peer->asked.first != SLOT_NONE && is_stalled(sync, peer, peer->asked.first, now_ms)) {
        release(sync, peer->asked.first);
        sync->n_released++;
        stalled = true;
    }
    if (stalled) {
        /* The others come first; the more so the longer it has been silent. */
        unsigned doublings = peer->n_stalls < 6 ? peer->n_stalls : 6;
        peer->rest_until_ms = now_ms + ((int64_t)MS_PER_SEC << doublings);
        peer->n_stalls++;
        peer->window = SYNC_FIRST_WINDOW;
        peer->n_arrived_in_window = 0;
        peer->window_ms = now_ms;
    }
}

void sync_tick(struct sync *sync, int64_t now_ms)
{
    struct sync_peer *peer;
    for (size_t cursor = 0; (peer = map_next(&sync->peers, &cursor, NULL)) != NULL;) {
        look_for_stalls(sync, peer, now_ms);
    }
    while (sync->wanted.ages.first != SLOT_NONE &&
           now_ms - wanted_at(sync, sync->wanted.ages.first)->first_ms >=
               SYNC_FORGET_SEC * MS_PER_SEC) {
        forget(sync, sync->wanted.ages.first);
    }
}

uint64_t sync_n_released(const struct sync *sync)
{
    return sync->n_released;
}

size_t sync_n_wanted(const struct sync *sync)
{
    return sync->wanted.n_wanted;
}

unsigned sync_n_stalls(const struct sync *sync, uint32_t id)
{
    const struct sync_peer *peer = peer_of(sync, id);
    return peer == NULL ? 0 : peer->n_stalls;
}

size_t sync_n_asked(const struct sync *sync, uint32_t id)
{
    const struct sync_peer *peer = peer_of(sync, id);
    return peer == NULL ? 0 : peer->n_asked;
}

struct sync *sync_new(void)
{
    struct sync *sync = xcalloc(1, sizeof *sync);
    wanted_init(&sync->wanted);
    hash_ring_init(&sync->refused, SYNC_MAX_REFUSED);
    return sync;
}

void sync_free(struct sync **sync)
{
    if (*sync == NULL) {
        return;
    }
    struct sync_peer *peer;
    for (size_t cursor = 0; (peer = map_next(&(*sync)->peers, &cursor, NULL)) != NULL;) {
        free(peer->queue);
        free(peer);
    }
    map_clear(&(*sync)->peers);
    wanted_clear(&(*sync)->wanted);
    hash_ring_clear(&(*sync)->refused);
    free(*sync);
    *sync = NULL;
}
