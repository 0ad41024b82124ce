// SPDX-License-Identifier: MIT
/* Handing arriving mail out (`[mail] deliver`): to an LMTP server, a Maildir, or a program.
 *
 *     arrival, report --(one transaction)--> mailbox and/or a row in `handout`
 *     row --> the supervisor runs the program under the name "deliver", the mail on its standard
 *     input --> exit code 0: the row goes; else it is tried again, or comes into the mailbox
 *
 * The gateway connects nowhere and starts nothing: the supervisor does, from the settings alone. A
 * row goes only after its program has said that it is done, so a crash anywhere repeats a delivery
 * and never drops one. What is refused for good, or was tried for HANDOUT_GIVE_UP_SEC, is put into
 * the mailbox if it is not there already. */
#ifndef BITTERN_GATEWAY_AGENT_INCOMING_HANDOUT_H
#define BITTERN_GATEWAY_AGENT_INCOMING_HANDOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/store/messages.h"

struct agent;
struct handouts;
struct mail_settings;
struct mail_txn;

enum {
    HANDOUT_AT_ONCE = 8,
    HANDOUT_FIRST_RETRY_SEC = 5,
    HANDOUT_LAST_RETRY_SEC = 900,
    HANDOUT_GIVE_UP_SEC = 5 * 86400,
    HANDOUT_MARK_BYTES = 33
};

/* A mail that the network or the agent brings, for one account. */
struct handout_mail {
    int64_t account_id;
    const char *folder;
    const struct message_new *message;
    const char *mark; /* letters and digits: what a Maildir knows it by, at most 64 */
};
/* Into the folder, out of the house, or both, as the settings say. Runs in a transaction. Mail for
 * Junk is never handed out. */
bool handout_store(struct mail_txn *txn, const struct mail_settings *settings,
                   const struct handout_mail *mail, struct fault *fault) MUST_USE;

struct handouts *handouts_new(struct agent *agent) MUST_USE;
void handouts_stop(struct handouts *handouts);
void handouts_free(struct handouts **handouts);
/* Look soon whether there is something to hand out. */
void handouts_wake(struct handouts *handouts);
/* The program for that row has ended, with an exit code of sysexits.h. */
void handouts_ended(struct handouts *handouts, int64_t id, int exit_code);

#endif
