// SPDX-License-Identifier: MIT
/* The acknowledgements that are waited for: which object of any type is one, and of what. */
#ifndef BITTERN_GATEWAY_AGENT_OUTGOING_ACK_WAIT_H
#define BITTERN_GATEWAY_AGENT_OUTGOING_ACK_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "base/map.h"

struct db;
struct object;

struct ack_wait {
    struct map by_ackdata;
};

/* All that the outgoing queue waits for. */
bool ack_wait_load(struct ack_wait *acks, struct db *db, struct fault *fault) MUST_USE;
void ack_wait_clear(struct ack_wait *acks);

/* When a mail is accepted: `id` is its recipient's row. */
void ack_wait_add(struct ack_wait *acks, struct bytes ackdata, int64_t id);
/* The row that an object acknowledges, else 0. */
int64_t ack_wait_find(const struct ack_wait *acks, const struct object *object) MUST_USE;
/* It was delivered: wait no longer. */
void ack_wait_forget(struct ack_wait *acks, const struct object *object);

#endif
