// SPDX-License-Identifier: MIT
/* Entries lie in one array, in no order, so that drawing one is an index; a map finds them by
 * address, another counts the new ones of each network group. When there is no room the worst of a
 * small sample goes: no scan, and nothing that a stranger could steer exactly. */
#include "node/p2p/peer_book.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/random.h"
#include "node/p2p/book_trials.h"

enum { EVICT_SAMPLE = 16, DEFAULT_AGE_SEC = PEER_BOOK_FORGET_SEC - 600 };

static const struct {
    uint8_t ip[4];
    uint16_t port;
} default_nodes[] = {
    {{5, 45, 99, 75}, 8444},     {{75, 167, 159, 54}, 8444},   {{95, 165, 168, 168}, 8444},
    {{85, 180, 139, 241}, 8444}, {{158, 222, 217, 190}, 8080}, {{178, 62, 12, 187}, 8448},
    {{24, 188, 198, 204}, 8111}, {{109, 147, 204, 113}, 1195}, {{178, 11, 46, 221}, 8444},
    {{89, 36, 218, 202}, 8444},  {{92, 78, 49, 39}, 8444},     {{78, 55, 217, 23}, 8844},
    {{158, 222, 211, 81}, 8080}, {{95, 247, 239, 194}, 8484},  {{45, 76, 138, 146}, 8444},
    {{85, 114, 135, 102}, 8444}, {{194, 44, 30, 145}, 8446},   {{85, 25, 152, 9}, 8444},
};

struct group {
    size_t n_new;
};

struct peer_book {
    struct known_peer *peers;
    size_t n_peers;
    size_t capacity;
    size_t n_tried;
    size_t n_default;
    struct map by_addr; /* address -> index + 1, as a pointer's value */
    struct map groups;  /* group -> struct group */
    struct book_trials trials;
    uint64_t revision;
};

/* ---- the array and its maps */

static void *index_to_value(size_t index)
{
    return (void *)(uintptr_t)(index + 1);
}

static size_t find_index(const struct peer_book *book, const struct peer_addr *addr)
{
    uint8_t key[PEER_ADDR_KEY_BYTES];
    void *value = map_get(&book->by_addr, peer_addr_key(key, addr));
    return value == NULL ? book->n_peers : (size_t)(uintptr_t)value - 1;
}

static struct known_peer *find_peer(const struct peer_book *book, const struct peer_addr *addr)
{
    size_t index = find_index(book, addr);
    return index == book->n_peers ? NULL : &book->peers[index];
}

static struct group *group_of(struct peer_book *book, const struct peer_addr *addr)
{
    uint8_t out[PEER_ADDR_GROUP_BYTES];
    struct bytes key = peer_addr_group(out, addr);
    struct group *group = map_get(&book->groups, key);
    if (group == NULL) {
        group = xcalloc(1, sizeof *group);
        map_put(&book->groups, key, group);
    }
    return group;
}

static void leave_group(struct peer_book *book, const struct peer_addr *addr)
{
    uint8_t out[PEER_ADDR_GROUP_BYTES];
    struct bytes key = peer_addr_group(out, addr);
    struct group *group = map_get(&book->groups, key);
    if (--group->n_new == 0) {
        map_remove(&book->groups, key);
        free(group);
    }
}

static void append(struct peer_book *book, const struct known_peer *peer)
{
    uint8_t key[PEER_ADDR_KEY_BYTES];
    if (book->n_peers == book->capacity) {
        book->peers = array_grow(book->peers, book->n_peers, &book->capacity, sizeof *book->peers);
    }
    map_put(&book->by_addr, peer_addr_key(key, &peer->addr), index_to_value(book->n_peers));
    book->peers[book->n_peers++] = *peer;
    book->n_tried += peer->tried;
    book->n_default += peer->is_default;
    if (!peer->tried) {
        group_of(book, &peer->addr)->n_new++;
    }
    book->revision++;
}

static void remove_index(struct peer_book *book, size_t index)
{
    uint8_t key[PEER_ADDR_KEY_BYTES];
    struct known_peer gone = book->peers[index];
    map_remove(&book->by_addr, peer_addr_key(key, &gone.addr));
    if (!gone.tried) {
        leave_group(book, &gone.addr);
    }
    book->n_tried -= gone.tried;
    book->n_default -= gone.is_default;
    book->peers[index] = book->peers[--book->n_peers];
    if (index < book->n_peers) {
        map_put(&book->by_addr, peer_addr_key(key, &book->peers[index].addr),
                index_to_value(index));
    }
    book->revision++;
}

/* ---- room */

static bool is_worse(const struct known_peer *a, const struct known_peer *b)
{
    if (a->rating != b->rating) {
        return a->rating < b->rating;
    }
    return a->last_seen_sec < b->last_seen_sec;
}

/* The worst of a sample of that kind; n_peers when none was met. */
static size_t sample_worst(const struct peer_book *book, bool tried)
{
    size_t worst = book->n_peers;
    size_t n_seen = 0;
    for (size_t i = 0; i < PEER_BOOK_MAX_NEW && n_seen < EVICT_SAMPLE; i++) {
        size_t index = (size_t)random_uniform(book->n_peers);
        const struct known_peer *peer = &book->peers[index];
        if (peer->tried != tried) {
            continue;
        }
        n_seen++;
        if (worst == book->n_peers || is_worse(peer, &book->peers[worst])) {
            worst = index;
        }
    }
    return worst;
}

static void evict(struct peer_book *book, bool tried)
{
    size_t worst = sample_worst(book, tried);
    if (worst != book->n_peers) {
        remove_index(book, worst);
    }
}

static bool is_dialable(const struct peer_addr *addr)
{
    return addr->kind != PEER_ADDR_NONE && addr->port != 0;
}

static bool add_peer(struct peer_book *book, const struct known_peer *peer)
{
    if (!is_dialable(&peer->addr)) {
        return false;
    }
    if (peer->tried) {
        if (book->n_tried >= PEER_BOOK_MAX_TRIED) {
            evict(book, true);
        }
    } else {
        uint8_t out[PEER_ADDR_GROUP_BYTES];
        const struct group *group = map_get(&book->groups, peer_addr_group(out, &peer->addr));
        if (group != NULL && group->n_new >= PEER_BOOK_MAX_NEW_OF_GROUP) {
            return false;
        }
        if (book->n_peers - book->n_tried >= PEER_BOOK_MAX_NEW) {
            evict(book, false);
        }
    }
    append(book, peer);
    return true;
}

bool peer_book_add_in(struct peer_book *book, const struct peer_addr *addr, uint32_t stream,
                      int64_t last_seen_sec, int64_t now_sec)
{
    if (last_seen_sec > now_sec) {
        last_seen_sec = now_sec;
    }
    struct known_peer *known = find_peer(book, addr);
    if (known != NULL) {
        if (last_seen_sec > known->last_seen_sec) {
            known->last_seen_sec = last_seen_sec;
            book->revision++;
        }
        return true;
    }
    struct known_peer peer = {.addr = *addr, .stream = stream, .last_seen_sec = last_seen_sec};
    return add_peer(book, &peer);
}

bool peer_book_add(struct peer_book *book, const struct peer_addr *addr, int64_t last_seen_sec,
                   int64_t now_sec)
{
    return peer_book_add_in(book, addr, 1, last_seen_sec, now_sec);
}

bool peer_book_restore(struct peer_book *book, const struct known_peer *peer, int64_t now_sec)
{
    struct known_peer copy = *peer;
    if (find_peer(book, &copy.addr) != NULL) {
        return false;
    }
    /* What the clock of another day said must not keep it for ever, or keep us from trying. */
    if (copy.last_seen_sec > now_sec) {
        copy.last_seen_sec = now_sec;
    }
    if (copy.last_try_sec > now_sec) {
        copy.last_try_sec = 0;
    }
    return add_peer(book, &copy);
}

void peer_book_add_defaults(struct peer_book *book, int64_t now_sec)
{
    for (size_t i = 0; i < ARRAY_LEN(default_nodes); i++) {
        struct known_peer peer = {
            .stream = 1, .last_seen_sec = now_sec - DEFAULT_AGE_SEC, .is_default = true};
        peer.addr.kind = PEER_ADDR_IPV4;
        for (size_t j = 0; j < sizeof default_nodes[i].ip; j++) {
            peer.addr.host[j] = default_nodes[i].ip[j];
        }
        peer.addr.port = default_nodes[i].port;
        if (find_peer(book, &peer.addr) == NULL) {
            add_peer(book, &peer);
        }
    }
}

/* ---- how it went */

void peer_book_tried(struct peer_book *book, const struct peer_addr *addr, int64_t now_sec)
{
    struct known_peer *peer = find_peer(book, addr);
    if (peer != NULL) {
        peer->last_try_sec = now_sec;
        book->revision++;
    }
}

/* Put the entry back as tried or as new. */
static void set_tried(struct peer_book *book, const struct peer_addr *addr, bool tried)
{
    size_t index = find_index(book, addr);
    if (index == book->n_peers) {
        return;
    }
    struct known_peer peer = book->peers[index];
    remove_index(book, index);
    peer.tried = tried;
    add_peer(book, &peer);
}

/* Whether there is a place among the tried ones; if not, who of them has to answer for his. */
static bool may_be_tried(struct peer_book *book, const struct peer_addr *newcomer, int64_t now_sec)
{
    if (book->n_tried < PEER_BOOK_MAX_TRIED) {
        return true;
    }
    size_t worst = sample_worst(book, true);
    if (worst != book->n_peers && book->peers[worst].last_seen_sec < now_sec - PEER_BOOK_SURE_SEC) {
        struct peer_addr old = book->peers[worst].addr;
        (void)!book_trials_add(&book->trials, &old, newcomer, now_sec);
    }
    return false;
}

static void old_has_lost(struct peer_book *book, const struct book_trial *trial)
{
    set_tried(book, &trial->old, false);
    set_tried(book, &trial->newcomer, true);
}

void peer_book_connected(struct peer_book *book, const struct peer_addr *addr, int64_t now_sec)
{
    struct known_peer peer = {.addr = *addr, .stream = 1};
    struct book_trial trial;
    size_t index = find_index(book, addr);
    if (index != book->n_peers) {
        peer = book->peers[index];
        remove_index(book, index);
    }
    (void)!book_trials_end(&book->trials, addr, &trial); /* it has kept its place */
    peer.tried = peer.tried || may_be_tried(book, addr, now_sec);
    peer.is_default = false;
    peer.n_failures = 0;
    peer.last_seen_sec = now_sec;
    if (peer.rating < PEER_BOOK_MAX_RATING) {
        peer.rating++;
    }
    add_peer(book, &peer);
}

void peer_book_failed(struct peer_book *book, const struct peer_addr *addr, int64_t now_sec)
{
    struct known_peer *peer = find_peer(book, addr);
    struct book_trial trial;
    if (peer == NULL) {
        return;
    }
    if (peer->rating > PEER_BOOK_MIN_RATING) {
        peer->rating--;
    }
    if (peer->n_failures < UINT8_MAX) {
        peer->n_failures++;
    }
    book->revision++;
    if (book_trials_end(&book->trials, addr, &trial)) {
        old_has_lost(book, &trial);
    }
    while (book_trials_overdue(&book->trials, &trial, now_sec)) {
        old_has_lost(book, &trial);
    }
}

bool peer_book_to_test(struct peer_book *book, struct peer_addr *out, int64_t now_sec)
{
    struct book_trial trial;
    while (book_trials_overdue(&book->trials, &trial, now_sec)) {
        old_has_lost(book, &trial);
    }
    for (size_t i = 0; i < book->trials.n_items; i++) {
        const struct known_peer *old = find_peer(book, &book->trials.items[i].old);
        if (old == NULL) {
            (void)!book_trials_end(&book->trials, &book->trials.items[i].old, &trial);
            set_tried(book, &trial.newcomer, true);
            return false;
        }
        if (old->last_try_sec < book->trials.items[i].since_sec) {
            *out = old->addr;
            return true;
        }
    }
    return false;
}

void peer_book_remove(struct peer_book *book, const struct peer_addr *addr)
{
    size_t index = find_index(book, addr);
    if (index != book->n_peers) {
        remove_index(book, index);
    }
}

/* ---- choosing */

static int64_t retry_after_sec(const struct known_peer *peer)
{
    int64_t wait_sec = PEER_BOOK_RETRY_SEC;
    for (unsigned i = 0; i < peer->n_failures && wait_sec < PEER_BOOK_MAX_RETRY_SEC; i++) {
        wait_sec *= 2;
    }
    return wait_sec < PEER_BOOK_MAX_RETRY_SEC ? wait_sec : PEER_BOOK_MAX_RETRY_SEC;
}

/* The reference's odds: 0.05 / (1 - rating), so 5 % at 0 and certainty from 0.95 on. */
static bool draw_by_rating(int rating)
{
    enum { ODDS_UNIT = 1000, ODDS_AT_ZERO = 50 };
    int distance = PEER_BOOK_MAX_RATING - rating;
    return distance <= 0 || random_uniform(ODDS_UNIT) < (unsigned)(ODDS_AT_ZERO * 10 / distance);
}

bool peer_book_choose(const struct peer_book *book, struct peer_addr *out, int64_t now_sec,
                      bool (*may_dial)(void *context, const struct peer_addr *addr), void *context)
{
    const struct known_peer *fallback = NULL;
    for (int i = 0; i < PEER_BOOK_DRAWS && book->n_peers > 0; i++) {
        const struct known_peer *peer = &book->peers[random_uniform(book->n_peers)];
        bool waits =
            now_sec >= peer->last_try_sec && now_sec - peer->last_try_sec < retry_after_sec(peer);
        if (waits || !may_dial(context, &peer->addr)) {
            continue;
        }
        if (draw_by_rating(peer->rating)) {
            *out = peer->addr;
            return true;
        }
        fallback = peer;
    }
    /* A small book of unrated peers must not keep us waiting. */
    if (fallback != NULL) {
        *out = fallback->addr;
    }
    return fallback != NULL;
}

static bool is_shareable(const struct known_peer *peer, uint32_t stream, int64_t now_sec)
{
    return peer->stream == stream && peer->rating >= 0 && !peer_addr_is_onion(&peer->addr) &&
           peer_addr_is_global(&peer->addr) && peer->last_seen_sec > now_sec - PEER_BOOK_SHARE_SEC;
}

size_t peer_book_sample(const struct peer_book *book, uint32_t stream, struct addr_entry *out,
                        size_t max, int64_t now_sec)
{
    size_t n = 0;
    if (book->n_peers == 0) {
        return 0;
    }
    /* A random start and a stride that visits all would tell the order of the array; so the choice
     * is drawn by reservoir, then shuffled by its own making. */
    size_t n_seen = 0;
    for (size_t i = 0; i < book->n_peers; i++) {
        const struct known_peer *peer = &book->peers[i];
        if (!is_shareable(peer, stream, now_sec)) {
            continue;
        }
        size_t place = n < max ? n++ : (size_t)random_uniform(n_seen + 1);
        n_seen++;
        if (place >= max) {
            continue;
        }
        out[place] = (struct addr_entry){.time_sec = (uint64_t)peer->last_seen_sec,
                                         .stream = stream,
                                         .services = SERVICE_NODE_NETWORK,
                                         .port = peer->addr.port};
        (void)!peer_addr_to_wire(out[place].ip, &peer->addr);
    }
    random_shuffle(out, n, sizeof *out);
    return n;
}

/* ---- time */

void peer_book_expire(struct peer_book *book, int64_t now_sec)
{
    for (size_t i = book->n_peers; i-- > 0 && book->n_peers > 1;) {
        const struct known_peer *peer = &book->peers[i];
        int64_t age_sec = now_sec - peer->last_seen_sec;
        bool is_bad = peer->rating <= PEER_BOOK_BAD_RATING && age_sec > PEER_BOOK_FORGET_BAD_SEC;
        if (age_sec > PEER_BOOK_FORGET_SEC || is_bad) {
            remove_index(book, i);
        }
    }
}

size_t peer_book_n_real(const struct peer_book *book)
{
    return book->n_peers - book->n_default;
}

size_t peer_book_n_peers(const struct peer_book *book)
{
    return book->n_peers;
}

size_t peer_book_n_tried(const struct peer_book *book)
{
    return book->n_tried;
}

const struct known_peer *peer_book_at(const struct peer_book *book, size_t index)
{
    return &book->peers[index];
}

const struct known_peer *peer_book_find(const struct peer_book *book, const struct peer_addr *addr)
{
    return find_peer(book, addr);
}

uint64_t peer_book_revision(const struct peer_book *book)
{
    return book->revision;
}

struct peer_book *peer_book_new(void)
{
    return xcalloc(1, sizeof(struct peer_book));
}

void peer_book_free(struct peer_book **book)
{
    if (*book == NULL) {
        return;
    }
    struct group *group;
    for (size_t cursor = 0; (group = map_next(&(*book)->groups, &cursor, NULL)) != NULL;) {
        free(group);
    }
    map_clear(&(*book)->groups);
    map_clear(&(*book)->by_addr);
    free((*book)->peers);
    free(*book);
    *book = NULL;
}
