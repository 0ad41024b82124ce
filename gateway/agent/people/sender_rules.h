// SPDX-License-Identifier: MIT
/* Who may write to an account and into a chan.
 *
 *     blocked                 never, whoever else knows him
 *     allowed, known          always: a contact, an identity of the account, whom it subscribes to
 *     anybody else            unless the account takes mail of the allowed alone
 *
 * A chan has a block list of its own, and the account's blocks count there as well. */
#ifndef BITTERN_GATEWAY_AGENT_PEOPLE_SENDER_RULES_H
#define BITTERN_GATEWAY_AGENT_PEOPLE_SENDER_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/agent/agent.h"

struct address;
struct db;
struct keyring;
struct own_key;

bool sender_rules_block(struct db *db, const struct keyring *keyring, int64_t account_id,
                        const struct address *from) MUST_USE;
bool sender_rules_block_in_chan(struct db *db, const struct own_key *chan,
                                const struct address *from) MUST_USE;

/* ---- in a transaction ---- */

/* AGENT_RULE_NONE: forget it. */
bool sender_rules_write(struct db *db, int64_t account_id, const char *address,
                        enum agent_rule rule, struct fault *fault) MUST_USE;
bool sender_rules_write_chan(struct db *db, int64_t chan_id, const char *address, bool blocked,
                             struct fault *fault) MUST_USE;

#endif
