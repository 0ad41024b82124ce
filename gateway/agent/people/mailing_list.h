// SPDX-License-Identifier: MIT
/* Mailing lists, as PyBitmessage has them: what arrives at an identity that is one is broadcast
 * again in its name, for all who subscribe to it. The subject gets the list's name in brackets, the
 * text a line that says who wrote it. Whoever writes to the list posts, its owner as well; a
 * blocked sender does not.
 *
 * A post is kept in the transaction that stores the mail, and let go in the one that queues the
 * broadcast: each is passed on once. */
#ifndef BITTERN_GATEWAY_AGENT_PEOPLE_MAILING_LIST_H
#define BITTERN_GATEWAY_AGENT_PEOPLE_MAILING_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"

struct agent;
struct arrival;
struct db;
struct mailing_lists;

struct mailing_lists *mailing_lists_new(struct agent *agent) MUST_USE;
/* Nothing new: what is under way only cleans up. */
void mailing_lists_stop(struct mailing_lists *lists);
void mailing_lists_free(struct mailing_lists **lists);
/* Look soon whether there is something to pass on. */
void mailing_lists_wake(struct mailing_lists *lists);

/* ---- in a transaction ---- */

/* Keep what arrived for arrival->list_id. Nothing happens when it could not be read. */
bool mailing_list_keep(struct db *db, const struct arrival *arrival, struct fault *fault) MUST_USE;
/* It is in the queue. */
bool mailing_list_done(struct db *db, int64_t post_id, struct fault *fault) MUST_USE;

#endif
