// SPDX-License-Identifier: MIT
/* The pipeline of what arrives:
 *
 *     link -> is it an ack of ours? -> by type: getpubkey, pubkey, or trial decryption in the pool
 *          -> seen before? enough work? blocked? -> decoder: content -> translate: a mail
 *          -> decoder: the mail's form -> one transaction: stored, marked as seen, cursor -> ack
 * released
 *
 * Objects are worked on side by side and end in any order; the cursor in mail.db stands at the
 * highest number below which all are done, so a crash repeats some and loses none. What was
 * repeated is known by its signature. */
#ifndef BITTERN_GATEWAY_AGENT_INCOMING_H
#define BITTERN_GATEWAY_AGENT_INCOMING_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "node/link/link_gateway.h"

struct agent;
struct address;
struct incoming;

struct incoming *incoming_new(struct agent *agent) MUST_USE;
/* No timer, nothing new: what is under way only cleans up. Before its parts are freed. */
void incoming_stop(struct incoming *incoming);
void incoming_free(struct incoming **incoming);

/* The node is there: go on behind the cursor. */
void incoming_link_up(struct incoming *incoming, const struct link_epoch *epoch);
void incoming_link_down(struct incoming *incoming);
/* OBJECT and CAUGHT_UP. */
void incoming_link_event(struct incoming *incoming, const struct link_gateway_event *event);

/* Go through all unexpired objects again for one new key (an own_key's id), or one new
 * subscription. */
void incoming_rescan_key(struct incoming *incoming, int64_t own_id);
void incoming_rescan_sender(struct incoming *incoming, const struct address *sender);

/* Objects that are not done yet. */
size_t incoming_count(const struct incoming *incoming) MUST_USE;
/* All up to it are done. */
uint64_t incoming_cursor(const struct incoming *incoming) MUST_USE;

#endif
