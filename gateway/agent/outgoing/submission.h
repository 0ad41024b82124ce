// SPDX-License-Identifier: MIT
/* What SMTP and LMTP sessions ask the agent: may this account send so, can that recipient be
 * written to, take this mail. */
#ifndef BITTERN_GATEWAY_AGENT_OUTGOING_SUBMISSION_H
#define BITTERN_GATEWAY_AGENT_OUTGOING_SUBMISSION_H

#include "base/compiler.h"
#include "gateway/agent/agent.h"
#include "mailproto/smtp/smtp_session.h"

struct agent;
struct submission;

enum {
    SUBMISSION_MAX_SEARCHES = 4, /* for the case of folded addresses, at a time */
    SUBMISSION_MAX_FOUND = 1000  /* results that are kept, for DATA and the next mail */
};

struct submission *submission_new(struct agent *agent) MUST_USE;
void submission_free(struct submission **submission);
const struct smtp_handler *submission_handler(struct submission *submission,
                                              enum agent_door door) MUST_USE;
void submission_set_service(struct submission *submission, enum agent_door door,
                            struct smtp_service *service);

#endif
