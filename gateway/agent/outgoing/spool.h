// SPDX-License-Identifier: MIT
/* Mails that `bittern sendmail` left while no gateway ran: HOME/gateway/spool is looked through at
 * the start and every few seconds after it, one mail at a time.
 *
 * A mail's file name is its mark (config/spool_file.h). The mark is written in the transaction that
 * takes the mail into the queue, and the file goes after the commit; so a crash in between leaves a
 * file whose mark is known, and which is only removed. What is refused for good comes back to its
 * sender's INBOX with the reason; what can't be taken just now stays. */
#ifndef BITTERN_GATEWAY_AGENT_OUTGOING_SPOOL_H
#define BITTERN_GATEWAY_AGENT_OUTGOING_SPOOL_H

#include "base/compiler.h"

struct agent;
struct spool;

enum { SPOOL_LOOK_MS = 5000 };

/* `folder` is HOME/gateway. */
struct spool *spool_new(struct agent *agent, const char *folder) MUST_USE;
void spool_stop(struct spool *spool);
void spool_free(struct spool **spool);

#endif
