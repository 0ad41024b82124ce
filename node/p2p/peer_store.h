// SPDX-License-Identifier: MIT
/* The book of peers on disk (peers.db): read once at start, written as a whole now and then by the
 * writer thread. A broken file is set aside: the peers can be found again. */
#ifndef BITTERN_NODE_P2P_PEER_STORE_H
#define BITTERN_NODE_P2P_PEER_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"

struct loop;
struct peer_book;
struct peer_store;

struct peer_store *peer_store_open(struct loop *loop, const char *path, struct peer_book *book,
                                   int64_t now_sec, struct fault *fault) MUST_USE;
/* Write the book if it changed since it was last written. */
void peer_store_save(struct peer_store *store, const struct peer_book *book);
/* Waits for the writer. */
void peer_store_close(struct peer_store **store);

#endif
