// SPDX-License-Identifier: MIT
/* A mail to bittern@bm.alt: a command, given from the mail program.
 *
 *     decoder: what the mail says -> the command (agent.h: struct agent_commands)
 *     -> one transaction: the copy in Sent, the answer in INBOX -> accepted
 *
 * The subject is the command, or where there is none the first line of the text; the line after it
 * is the secret of a command that takes one (a passphrase). When a secret was taken the copy in
 * Sent says nothing of the text, and the client's own copy is taken for the same mail. */
#ifndef BITTERN_GATEWAY_AGENT_PEOPLE_COMMAND_MAIL_H
#define BITTERN_GATEWAY_AGENT_PEOPLE_COMMAND_MAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "gateway/agent/outgoing/submit_job.h"

struct agent;

/* Is that recipient the one for commands? */
bool command_mail_is_for(const char *recipient) MUST_USE;

/* Answered as submit_job_start's. `sender` is who wrote it, as the envelope has him. */
void command_mail_start(struct agent *agent, int64_t account_id, const char *sender,
                        struct bytes mail, struct submit_done done);

#endif
