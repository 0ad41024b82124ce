// SPDX-License-Identifier: MIT
/* The pipeline of what arrives:
 *
 *     link -> whose walk is it on (walk.h) -> is it an ack of ours?
 *          -> by type: getpubkey, pubkey, or trial decryption in the pool
 *          -> not opened, and keys are locked: kept until they are open
 *          -> seen before? enough work? blocked?
 *          -> decoder: content -> translate: a mail -> decoder: the mail's form
 *          -> one transaction: stored, marked as seen, the walk's cursor
 *          -> ack released
 */
#ifndef BITTERN_GATEWAY_AGENT_INCOMING_INCOMING_H
#define BITTERN_GATEWAY_AGENT_INCOMING_INCOMING_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "node/link/link_gateway.h"

struct agent;
struct incoming;
struct walks;

/* Reads how far it went. */
struct incoming *incoming_new(struct agent *agent, struct fault *fault) MUST_USE;
/* No timer, nothing new: what is under way only cleans up. Before its parts are freed. */
void incoming_stop(struct incoming *incoming);
void incoming_free(struct incoming **incoming);

/* What tells it where to go on: when the link or the keys change. */
struct walks *incoming_walks(struct incoming *incoming) MUST_USE;
/* OBJECT and CAUGHT_UP. */
void incoming_link_event(struct incoming *incoming, const struct link_gateway_event *event);
/* A message that was kept for locked keys (kept_objects.h); `object` is copied. */
void incoming_take_kept(struct incoming *incoming, int64_t kept_id, struct bytes object,
                        int64_t arrived_sec);

/* Objects that are not done yet. */
size_t incoming_count(const struct incoming *incoming) MUST_USE;

#endif
