// SPDX-License-Identifier: MIT
/* Alice and bob, two rigs on one network, whose pubkeys are out. */
#ifndef BITTERN_TESTS_GATEWAY_AGENT_PAIR_H
#define BITTERN_TESTS_GATEWAY_AGENT_PAIR_H

#include "tests/gateway/agent/rig.h"

struct pair {
    struct network network;
    struct rig alice;
    struct rig bob;
    char alice_address[64];
    char bob_address[64];
};

/* For cmocka: *state is the pair. */
int pair_set_up(void **state);
int pair_tear_down(void **state);

void pair_send_to_bob(struct pair *pair);
/* Time goes on until no pubkey is left in the network; both links are down. Alice never saw bob's.
 */
void pair_lose_pubkeys(struct pair *pair);
/* Alice dies as she is; her disk goes on in another process. */
void pair_crash_alice(struct pair *pair);

/* Of a row of alice's queue. */
void pair_cancel(struct pair *pair, int64_t id, bool expect_ok);
/* Does exactly one mail of the folder bear it? */
bool pair_has_keyword(struct rig *rig, const char *folder, const char *keyword);

/* For rig_until. */
bool pair_is_working_hard(struct rig *rig, void *context);
/* A message is at the node, which has not answered. */
bool pair_was_handed_over(struct rig *rig, void *context);

/* It is so many seconds later, in truth and by the clock. */
void pair_pass(struct pair *pair, int64_t offset_sec);

#endif
