// SPDX-License-Identifier: MIT
/* How long an object of ours lives in the network: 5 minutes to 28 days, whatever is added. */
#ifndef BITTERN_GATEWAY_AGENT_WORK_LIFETIME_H
#define BITTERN_GATEWAY_AGENT_WORK_LIFETIME_H

#include <stdint.h>

#include "base/compiler.h"
#include "crypto/pow.h"
#include "node/objects/object.h"

enum { LIFETIME_LEAST_SEC = POW_MIN_TTL_SEC, LIFETIME_MOST_SEC = OBJECT_MAX_TTL_SEC };

/* Of what is sent again, for the n-th time: twice as long with each. */
int64_t lifetime_doubled(int64_t sec, uint32_t times) MUST_USE;
/* Strayed by a jitter, of either sign, so that a habit does not tell who sends. */
int64_t lifetime_strayed(int64_t sec, int64_t jitter_sec) MUST_USE;

#endif
