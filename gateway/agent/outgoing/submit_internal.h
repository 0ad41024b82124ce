// SPDX-License-Identifier: MIT
/* A mail on its way into the queue, as submit_job, submit_decide and submit_store share it. */
#ifndef BITTERN_GATEWAY_AGENT_OUTGOING_SUBMIT_INTERNAL_H
#define BITTERN_GATEWAY_AGENT_OUTGOING_SUBMIT_INTERNAL_H

#include "base/buf.h"
#include "base/mem.h"
#include "gateway/agent/incoming/arrival.h"
#include "gateway/agent/outgoing/submit_job.h"
#include "gateway/agent/outgoing/work_cost.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/translate/to_message.h"

struct queued_recipient {
    struct submit_recipient what;
    char text[ADDRESS_TEXT_BYTES];
    struct buf ticket; /* also its acknowledgement's data, where one can come */
    int64_t id;        /* out */
};

struct submit_job {
    struct agent *agent;
    struct submit_done done;
    struct arena arena;

    int64_t account_id;
    bool has_sender;
    struct address sender;
    char sender_text[ADDRESS_TEXT_BYTES];
    bool recipients_of_mail;
    unsigned notify_of_mail;
    int64_t ttl_sec;
    const char *envelope_id;
    bool return_full;
    bool may_lack_from;
    const char *full_name;
    bool is_once;
    uint8_t mark[SEEN_MARK_BYTES];
    bool was_taken; /* out: the mark was there, nothing was stored */
    int64_t list_post_id;
    bool has_text;
    struct submit_text text;
    struct bytes ticket;
    bool lacks_memory;       /* for `mail` or `text` */
    bool adds_contacts;      /* it answers somebody, who comes into the address book */
    bool has_added_contacts; /* out */
    struct buf mail;         /* as it will stand in Sent */

    struct queued_recipient *recipients;
    size_t n_recipients;

    struct decoder_answer *outgoing;
    struct decoder_answer *plain;
    struct decoder_answer *extended;
    struct decoder_answer *analysis;
    struct message_plan plan;
    enum outgoing_form form;
    const char *message_id; /* with brackets */
    const char *subject;
    int64_t accepted_sec;
    struct work_cost cost; /* of all recipients' messages */
};

/* The job ends, and its asker hears of it; NULL: accepted. */
void submit_finish(struct submit_job *job, const struct fault *fault);

/* ---- submit_decide.c */

/* One of the envelope's. Named twice it is one. */
void submit_add_recipient(struct submit_job *job, const struct submit_recipient *what);
/* With the mail taken apart: who sends it to whom, for how long, and what of it. */
bool submit_decide(struct submit_job *job, struct fault *fault) MUST_USE;

/* ---- submit_store.c */

/* By which a recipient's acknowledgement is known; empty: he sends none. */
struct bytes submit_ackdata(const struct queued_recipient *recipient) MUST_USE;

/* The mail with its copies and its rows of the queue, in one transaction; then the job ends. */
void submit_store(struct submit_job *job);

#endif
