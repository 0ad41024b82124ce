// SPDX-License-Identifier: MIT
/* What a mail client's doings with folders mean: creating Chans/NAME joins a chan,
 * Subscriptions/BM-... subscribes; a new label renames; deleting leaves; a mail taken out of Outbox
 * is cancelled. The store calls us inside the client's own transaction (folders.h), so both happen
 * or neither does. */
#ifndef BITTERN_GATEWAY_AGENT_PEOPLE_FOLDER_WATCH_H
#define BITTERN_GATEWAY_AGENT_PEOPLE_FOLDER_WATCH_H

struct agent;

/* Give the store our hooks. */
void folder_watch_begin(struct agent *agent);

#endif
