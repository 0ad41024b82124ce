// SPDX-License-Identifier: MIT
/* A mail on its way into the queue, from any door (SMTP, LMTP, the control socket):
 *
 *     decoder: what the mail says -> whose is it, can it be sent -> decoder: the content's bytes
 *     -> does it fit -> decoder: the form of the copy in Sent -> one transaction -> accepted
 */
#ifndef BITTERN_GATEWAY_AGENT_OUTGOING_SUBMIT_JOB_H
#define BITTERN_GATEWAY_AGENT_OUTGOING_SUBMIT_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/fault.h"
#include "gateway/agent/outgoing/recipient.h"

struct agent;

struct submit_recipient {
    struct recipient to;
    unsigned notify;      /* SMTP_NOTIFY_* */
    const char *original; /* ORCPT; NULL: none */
};

/* What goes out, byte for byte, where the mail is only its copy for people. */
struct submit_text {
    struct bytes subject; /* one line of at most CONTENT_MAX_SUBJECT_BYTES */
    struct bytes body;
    bool is_extended; /* encoding 3, whoever its recipient is; UTF-8 then */
};

/* All copied. */
struct submit_request {
    int64_t account_id;
    const struct address *sender; /* NULL: the mail's From decides */
    const struct submit_recipient *recipients;
    size_t n_recipients;
    bool recipients_of_mail; /* also To, Cc and Bcc */
    unsigned notify_of_mail; /* SMTP_NOTIFY_* of those */
    struct bytes mail;       /* line ends CRLF */
    int64_t ttl_sec;         /* asked for by DELIVERBY; 0: none */
    const char *envelope_id; /* NULL: none */
    bool return_full;
    bool may_lack_from;    /* without From and sender it is the account's first identity's */
    const char *full_name; /* beside the address in a From that is added; NULL: none */
    const char *once;      /* taken once under this name; NULL: always */
    const struct submit_text *text; /* NULL: the mail says it */
    struct bytes ticket;            /* of its one recipient; empty: made here */
    int64_t list_post_id;           /* the post to a mailing list that it passes on; 0: none */
};

/* Answered once, later. `fault` NULL: accepted and on disk, and `work` tells what work it takes, in
 * words (""  of what needs none, and beside a fault). Its codes: FAULT_DENIED the sender
 * isn't the account's; FAULT_LIMIT too large; FAULT_UNSUPPORTED attachments that nobody could read;
 * FAULT_INVALID, FAULT_NOT_FOUND something else about it; FAULT_NO_SPACE; any other: try again
 * later. */
struct submit_done {
    void (*call)(void *context, const struct fault *fault, const char *work);
    void *context;
};
void submit_job_start(struct agent *agent, const struct submit_request *request,
                      struct submit_done done);

#endif
