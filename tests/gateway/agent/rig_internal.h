// SPDX-License-Identifier: MIT
/* What the rig's files share. */
#ifndef BITTERN_TESTS_GATEWAY_AGENT_RIG_INTERNAL_H
#define BITTERN_TESTS_GATEWAY_AGENT_RIG_INTERNAL_H

#include "tests/gateway/agent/rig.h"

void rig_socket_pair(int ends[2]);

/* The decoder of the network's content (0) or the owner's (1). */
void rig_decoder_open(struct rig *rig, size_t i);
void rig_decoder_close(struct rig *rig, size_t i);

#endif
