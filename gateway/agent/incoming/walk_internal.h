// SPDX-License-Identifier: MIT
/* The walks, as walk and walk_write share them. */
#ifndef BITTERN_GATEWAY_AGENT_INCOMING_WALK_INTERNAL_H
#define BITTERN_GATEWAY_AGENT_INCOMING_WALK_INTERNAL_H

#include "base/list.h"
#include "base/timer.h"
#include "gateway/agent/incoming/walk.h"

enum { FLUSH_MS = 1000 };

struct walk {
    struct list_node node;
    struct walk_row row; /* its mark: what is written, or on its way */
    uint32_t scan;       /* under which its objects come; a pending walk: 0 while it waits */
    struct list_node arrivals;
    uint64_t cursor;
    uint64_t taken;   /* the last that came */
    int64_t *own_ids; /* of a pending walk for keys */
    size_t n_own;
    size_t own_capacity;
    struct key_set *keys; /* once begun */
    bool all_came;
    bool is_ended; /* its row is being struck off */
};

struct walks {
    struct agent *agent;
    struct walk live;
    bool has_epoch; /* something was gone through before */
    bool is_up;
    struct list_node pending; /* struct walk */
    struct list_node loose;   /* arrivals of a link that is gone */
    int64_t last_id;          /* of the rows taken up */
    uint32_t last_scan;
    struct timer flush;

    /* The node's store is new, and that is not written yet. */
    bool is_anew;
    bool had_epoch;
    int64_t needless_id; /* the walks up to that row are */
};

/* A pending one whose row is struck off. */
void walk_free(struct walk *walk);
/* Those that can begin, do; those that are done, end. */
void walks_begin_pending(struct walks *walks);

/* ---- walk_write.c: how far they got, on disk */

/* Did it get further than what is written, or on its way? */
bool walk_is_unwritten(const struct walk *walk) MUST_USE;
void walk_write_mark(struct walks *walks, struct walk *walk);
/* Strike the row of a pending one off. */
void walk_write_end(struct walks *walks, struct walk *walk);
/* For the timer: all that is not written. `context`: the walks. */
void walks_flush(void *context);

#endif
