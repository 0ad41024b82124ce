// SPDX-License-Identifier: MIT
/* What the keyring's files share. */
#ifndef BITTERN_GATEWAY_AGENT_KEYS_KEYRING_INTERNAL_H
#define BITTERN_GATEWAY_AGENT_KEYS_KEYRING_INTERNAL_H

#include "gateway/agent/keys/keyring.h"

/* An empty snapshot with room for so many keys. */
struct key_set *key_set_new(size_t n_keys) MUST_USE;
void key_set_add(struct key_set *set, const struct own_key *own);

#endif
