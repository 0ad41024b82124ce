// SPDX-License-Identifier: MIT
/* What peer.c (hearing) and peer_send.c (saying) share. For these two alone. */
#ifndef BITTERN_NODE_P2P_PEER_INTERNAL_H
#define BITTERN_NODE_P2P_PEER_INTERNAL_H

#include "node/p2p/peer.h"

/* The only place where the state changes. */
void peer_set_state(struct peer *peer, enum peer_state state);
/* Come to the end; what is in the output still goes. */
void peer_end(struct peer *peer, bool misbehaved, enum fault_code code, const char *text);

void peer_send_empty(struct peer *peer, enum wire_command command);
void peer_send_version(struct peer *peer, int64_t now_sec);
void peer_send_error(struct peer *peer, uint64_t ban_sec, const char *text);

#endif
