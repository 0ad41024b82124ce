// SPDX-License-Identifier: MIT
/* Sessions of peers with no socket: two wired to each other, or one and a script that says what it
 * should not. */
#ifndef BITTERN_TESTS_SUPPORT_PEER_SIDES_H
#define BITTERN_TESTS_SUPPORT_PEER_SIDES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "node/p2p/peer.h"

enum { PEER_SIDES_NOW_SEC = 1700000000 };

struct peer_side {
    struct peer peer;
    struct buf in;
    char said[256]; /* the events, one letter each */
    struct fault end;
    enum peer_refusal refusal;
};

struct peer_pair {
    struct peer_side a; /* initiator */
    struct peer_side b;
};

/* ---- two sessions and what lies between them */

void peer_pair_start(struct peer_pair *pair, bool a_tls, bool b_tls);
/* Hand over what `from` has to say, `step` bytes at a time. True when there was something. */
bool peer_pair_pass(struct peer_side *from, struct peer_side *to, size_t step);
/* Until neither has anything to say. */
void peer_pair_run(struct peer_pair *pair, size_t step);
void peer_pair_end(struct peer_pair *pair);

/* ---- a script against one session */

void peer_side_start(struct peer_side *side, bool inbound);
/* The same with the handshake done, inbound. */
void peer_side_establish(struct peer_side *side);
void peer_side_end(struct peer_side *side);
/* Take up all events of what is there. */
void peer_side_drain(struct peer_side *side);
void peer_side_feed(struct peer_side *side, struct bytes bytes);
void peer_side_feed_frame(struct peer_side *side, enum wire_command command, struct bytes payload);
/* A version that is welcome, to be changed, and its packet. */
struct version_message peer_script_version(void);
void peer_script_write_version(struct buf *out, const struct version_message *version);

#endif
