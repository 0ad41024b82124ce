// SPDX-License-Identifier: MIT
/* The book of peers and the bytes of each month on disk (peers.db): read once at start, written as
 * a whole now and then by the writer thread. A broken file is set aside: the peers can be found
 * again. */
#ifndef BITTERN_NODE_P2P_PEER_STORE_H
#define BITTERN_NODE_P2P_PEER_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"

struct loop;
struct month_cap;
struct peer_book;
struct peer_store;

/* What the file holds, to be filled. */
struct peer_store_contents {
    struct peer_book *book;
    struct month_cap *month;
    uint32_t magic;         /* peers of another network in the file are forgotten ... */
    bool was_other_network; /* ... and this is set */
};

struct peer_store *peer_store_open(struct loop *loop, const char *path,
                                   struct peer_store_contents *contents, int64_t now_sec,
                                   struct fault *fault) MUST_USE;
/* Write what changed since it was last written. */
void peer_store_save(struct peer_store *store, const struct peer_book *book,
                     const struct month_cap *month);
/* Waits for the writer. */
void peer_store_close(struct peer_store **store);

#endif
