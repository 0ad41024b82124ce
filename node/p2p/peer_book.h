// SPDX-License-Identifier: MIT
/* The book of known peers, in memory: where they are, when they were last seen, how they did.
 *
 * A peer is `new` (heard of) or `tried` (we were connected to it once). Heard-of peers can't push
 * tried ones out, and no network group may hold more than its share, so that nobody fills the book
 * with his own. A rating from -1 to 1 in tenths rises with each connection and falls with each
 * failure; it decides how likely a peer is dialled. Tried ones that work are never pushed out by
 * newcomers: see book_trials.h. What was not seen for four weeks is forgotten.
 *
 * No I/O, no clock: `now_sec` is the wall clock, since the times are told to others. */
#ifndef BITTERN_NODE_P2P_PEER_BOOK_H
#define BITTERN_NODE_P2P_PEER_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "node/wire/messages.h"
#include "node/wire/peer_addr.h"

enum {
    PEER_BOOK_MAX_NEW = 16000,
    PEER_BOOK_MAX_TRIED = 4000,
    PEER_BOOK_MAX_NEW_OF_GROUP = 64,
    PEER_BOOK_MAX_RATING = 10,
    PEER_BOOK_MIN_RATING = -10,
    PEER_BOOK_BAD_RATING = -5,
    PEER_BOOK_FORGET_SEC = 28 * 86400,
    PEER_BOOK_FORGET_BAD_SEC = 3 * 3600,
    PEER_BOOK_SHARE_SEC =
        3 * 3600, /* only those seen since are told to others, or taken from them */
    PEER_BOOK_DRAWS = 50,
    PEER_BOOK_SURE_SEC = 4 * 3600, /* a tried peer seen since needs no test */
    PEER_BOOK_RETRY_SEC = 60,      /* after a failure; doubles with each, up to an hour */
    PEER_BOOK_MAX_RETRY_SEC = 3600
};

struct known_peer {
    struct peer_addr addr;
    uint32_t stream;
    int64_t last_seen_sec;
    int64_t last_try_sec;
    int8_t rating;      /* in tenths */
    uint8_t n_failures; /* in a row */
    bool tried;
    bool is_default; /* built in: does not make the book a real one */
};

struct peer_book;

struct peer_book *peer_book_new(void) MUST_USE;
void peer_book_free(struct peer_book **book);

/* Heard of a peer. An entry that is there only moves forward in time. False when there was no room
 * or the address is no place to dial. */
bool peer_book_add(struct peer_book *book, const struct peer_addr *addr, int64_t last_seen_sec,
                   int64_t now_sec);
/* The same for a peer of another stream than 1. */
bool peer_book_add_in(struct peer_book *book, const struct peer_addr *addr, uint32_t stream,
                      int64_t last_seen_sec, int64_t now_sec);
/* As it was saved. */
bool peer_book_restore(struct peer_book *book, const struct known_peer *peer, int64_t now_sec);
/* The nodes that are built in, as last seen long ago. */
void peer_book_add_defaults(struct peer_book *book, int64_t now_sec);

/* How dialling went. */
void peer_book_tried(struct peer_book *book, const struct peer_addr *addr, int64_t now_sec);
void peer_book_connected(struct peer_book *book, const struct peer_addr *addr, int64_t now_sec);
void peer_book_failed(struct peer_book *book, const struct peer_addr *addr, int64_t now_sec);
/* A tried peer that has to answer, or a newcomer takes its place: dial it, tell how it went. */
bool peer_book_to_test(struct peer_book *book, struct peer_addr *out, int64_t now_sec) MUST_USE;
/* Our own address, or one that turned out to be of no use. */
void peer_book_remove(struct peer_book *book, const struct peer_addr *addr);

/* Draw a peer to dial, the well rated more likely. `may_dial` says no to those in use. False when
 * the draws found none. */
bool peer_book_choose(const struct peer_book *book, struct peer_addr *out, int64_t now_sec,
                      bool (*may_dial)(void *context, const struct peer_addr *addr),
                      void *context) MUST_USE;
/* A random choice of at most `max` peers of a stream to tell others of: lately seen, not badly
 * rated, no Tor names. Returns how many. */
size_t peer_book_sample(const struct peer_book *book, uint32_t stream, struct addr_entry *out,
                        size_t max, int64_t now_sec) MUST_USE;

/* Forget the old and the bad; about every five minutes. */
void peer_book_expire(struct peer_book *book, int64_t now_sec);

/* Entries that are not built in: none means that we need to be introduced. */
size_t peer_book_n_real(const struct peer_book *book) MUST_USE;
size_t peer_book_n_peers(const struct peer_book *book) MUST_USE;
size_t peer_book_n_tried(const struct peer_book *book) MUST_USE;
/* The entry of that index, < n_peers; borrowed until the book changes. */
const struct known_peer *peer_book_at(const struct peer_book *book, size_t index) MUST_USE;
const struct known_peer *peer_book_find(const struct peer_book *book,
                                        const struct peer_addr *addr) MUST_USE;
/* Moves on with each change, so that a saver knows whether there is something to save. */
uint64_t peer_book_revision(const struct peer_book *book) MUST_USE;

#endif
