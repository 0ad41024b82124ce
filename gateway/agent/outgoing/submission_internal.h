// SPDX-License-Identifier: MIT
/* The doors and the questions that wait, as submission and submission_find share them. */
#ifndef BITTERN_GATEWAY_AGENT_OUTGOING_SUBMISSION_INTERNAL_H
#define BITTERN_GATEWAY_AGENT_OUTGOING_SUBMISSION_INTERNAL_H

#include "base/map.h"
#include "crypto/address_repair.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/outgoing/recipient.h"
#include "gateway/agent/outgoing/submission.h"

struct door {
    struct submission *submission;
    struct smtp_handler handler;
    struct smtp_service *service;
    struct map open; /* question -> struct question */
};

struct submission {
    struct agent *agent;
    struct door doors[AGENT_N_DOORS];
    struct map found; /* folded text -> struct address */
    size_t n_searches;
};

/* A question that is answered later. */
struct question {
    struct door *door;
    uint64_t number;
    bool cancelled;
    struct address_case_search *search; /* RCPT: the case of an address */
    enum address_case_state state;
    char *typed;
    int64_t account_id;
    struct smtp_verdict *verdicts; /* LMTP: of each recipient; those with a code are refused */
    size_t n_verdicts;
};

/* Words for one line of a reply. */
void submission_answer(struct door *door, uint64_t question, uint16_t code, uint16_t subject,
                       uint16_t detail, const char *words);
/* It is answered. */
void submission_question_free(struct question *question);

/* ---- submission_find.c */

/* Whom a written recipient names. ADDRESS_FORM_FOLDED: only a search can tell. */
enum address_form_result submission_resolve(struct submission *submission, struct recipient *out,
                                            int64_t account_id, const char *typed,
                                            struct fault *fault) MUST_USE;
/* That search, for the lost case of an address or in Namecoin. It answers the question. */
void submission_start_finding(struct door *door, uint64_t number, int64_t account_id,
                              const char *typed);

#endif
