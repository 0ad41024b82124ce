// SPDX-License-Identifier: MIT
/* Public keys: others' are looked for (in mail.db, then in the node's store), kept and waited for;
 * our own are told to the network. */
#ifndef BITTERN_GATEWAY_AGENT_KEYS_PUBKEYS_H
#define BITTERN_GATEWAY_AGENT_KEYS_PUBKEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "crypto/address.h"
#include "node/link/link_gateway.h"
#include "node/objects/object.h"
#include "node/objects/sender.h"

struct agent;
struct db;
struct mail_txn;
struct own_key;
struct pubkeys;

enum {
    PUBKEY_TTL_SEC = 28 * 86400,
    PUBKEY_REPUBLISH_SEC = 28 * 86400, /* not told again before */
    GETPUBKEY_TTL_SEC = 216000         /* 2.5 days, doubled with each try */
};

struct pubkeys *pubkeys_new(struct agent *agent) MUST_USE;
void pubkeys_free(struct pubkeys **pubkeys);

/* ---- on disk ---- */

/* False without a fault (code FAULT_NONE) when it is not known. */
bool pubkeys_find(struct db *db, struct sender *out, const struct address *address,
                  struct fault *fault) MUST_USE;
/* Keep it, and have mails that wait for it looked at. `personal`: never dropped for its age. */
bool pubkeys_store(struct mail_txn *txn, const struct sender *sender, bool personal,
                   struct fault *fault) MUST_USE;
/* The request for an address's key as a job, unless one is under way. */
bool pubkeys_write_request(struct mail_txn *txn, const struct address *address, int64_t ttl_sec,
                           struct fault *fault) MUST_USE;
/* Our own key as a job, and that it was told: before any work, so that requests can't make us do it
 * again. */
bool pubkeys_write_own(struct mail_txn *txn, const struct own_key *own, int64_t jitter_sec,
                       struct fault *fault) MUST_USE;

/* ---- in the loop ---- */

/* Ask the node's store for a version 4 key. `done` comes once, never from inside; when all is
 * freed, too. */
enum pubkeys_answer {
    PUBKEYS_FOUND,
    PUBKEYS_NOT_THERE,
    PUBKEYS_NOBODY_SAYS /* the node went away, or is busy: ask again */
};
struct pubkeys_done {
    void (*call)(void *context, enum pubkeys_answer answer, const struct sender *found);
    void *context;
};
void pubkeys_look_up(struct pubkeys *pubkeys, const struct address *address,
                     struct pubkeys_done done);
/* FOUND and FOUND_END of the link. */
void pubkeys_link_event(struct pubkeys *pubkeys, const struct link_gateway_event *event);
void pubkeys_link_down(struct pubkeys *pubkeys);

/* A mail waits for that address's key: pubkeys of version 4 can only be known by their tag. */
void pubkeys_want(struct pubkeys *pubkeys, const struct address *address);
/* Is a pubkey object one that we want, or one (version 2, 3) that anybody may keep? Fills *out. */
bool pubkeys_open_object(struct pubkeys *pubkeys, struct sender *out,
                         const struct object *object) MUST_USE;
/* Somebody asks: tell, if the key is ours and was not told lately. */
void pubkeys_answer(struct pubkeys *pubkeys, const struct object *object);
/* Tell a new identity's key. */
void pubkeys_publish(struct pubkeys *pubkeys, int64_t own_id);
/* Tell it again with other terms. It lives to the full, without jitter: of two keys others take the
 * one that expires later, and that has to be this one. */
void pubkeys_publish_changed(struct pubkeys *pubkeys, int64_t own_id);

#endif
