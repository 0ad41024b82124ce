// SPDX-License-Identifier: MIT
/* Objects that another program has made (and encrypted) for the network: we do the work that is
 * still to be done, and hand them to the node. */
#ifndef BITTERN_GATEWAY_AGENT_WORK_PREPARED_H
#define BITTERN_GATEWAY_AGENT_WORK_PREPARED_H

#include <stdint.h>

#include "base/bytes.h"
#include "crypto/pow.h"
#include "gateway/agent/agent.h"

enum { PREPARED_MAX_WAITING = 32 };

struct prepared;

struct prepared *prepared_new(struct agent *agent) MUST_USE;
void prepared_stop(struct prepared *prepared);
void prepared_free(struct prepared **prepared);

/* Publish a whole object. With a nonce of 0 its proof of work is done first, for `demand` or the
 * network's least, whichever is more. Answered when the node has it (the text is its hash in hex)
 * or does not want it: FAULT_INVALID for what is no object or has expired, FAULT_BUSY when
 * PREPARED_MAX_WAITING are under way. What was begun goes on after a restart, unanswered. */
void agent_publish_prepared(struct agent *agent, struct bytes object, struct pow_demand demand,
                            struct agent_done done);

/* An object job has ended; `reason` NULL: the node has the object of that hash. */
void prepared_ended(struct prepared *prepared, int64_t job_id, const uint8_t *hash,
                    const char *reason);

#endif
