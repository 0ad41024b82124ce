// SPDX-License-Identifier: MIT
/* Mails that Bittern itself writes to an account: delivery reports (RFC 3461, 3464) in words that a
 * person can act on, and the welcome. */
#ifndef BITTERN_GATEWAY_TRANSLATE_REPORT_H
#define BITTERN_GATEWAY_TRANSLATE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct buf;

enum report_kind {
    REPORT_FAILED = 1,
    REPORT_DELAYED = 2,
    REPORT_DELIVERED = 4,
    REPORT_RELAYED = 8 /* it left, and nobody will acknowledge it */
};                     /* on disk, or-ed */

/* Why it failed, or is late: each has its status code (RFC 3463) and its advice. */
enum report_why {
    REPORT_WHY_NONE = 0,
    REPORT_WHY_NO_KEY,     /* the recipient's public key did not come */
    REPORT_WHY_NO_ACK,     /* no acknowledgement came */
    REPORT_WHY_UNREADABLE, /* he could not read all of it */
    REPORT_WHY_SENDER,     /* the identity that it was to be sent from is gone */
    REPORT_WHY_RECIPIENT,  /* the chan was left, the address is damaged */
    REPORT_WHY_REFUSED,    /* the node did not take it */
    REPORT_WHY_TOO_DEAR,   /* held: he asks for more work than the user's bound */
    REPORT_WHY_WORK,       /* its proof of work takes long */
    REPORT_WHY_TURN        /* it waits for its turn */
};                         /* on disk */
enum { REPORT_N_WHYS = REPORT_WHY_TURN + 1 };

/* All borrowed; texts are UTF-8, "" where there is nothing to say. */
struct report {
    enum report_kind kind;
    enum report_why why;
    const char *to;        /* the sender's mail address: "BM-...@bm.alt" */
    const char *recipient; /* likewise, whom it is about */
    const char *recipient_label;
    const char *subject;     /* of the mail */
    const char *message_id;  /* of the mail, with brackets */
    const char *reason;      /* why it failed or waits: a sentence */
    const char *original;    /* ORCPT: "rfc822;..." */
    const char *envelope_id; /* ENVID */
    int64_t accepted_sec;
    int64_t now_sec;
    int64_t until_sec;  /* delayed: how long it is tried; 0: not known */
    int64_t number;     /* in the queue */
    struct bytes mail;  /* as it was handed in; empty: gone */
    bool return_full;   /* of a failure; else its headers alone */
    const char *unique; /* letters and digits: for the Message-ID and the boundary */
};
void report_write(struct buf *out, const struct report *report);

struct welcome {
    const char *account;
    const char *address; /* "BM-...@bm.alt" */
    const char *label;
    const char *unique;
    int64_t now_sec;
};
void report_write_welcome(struct buf *out, const struct welcome *welcome);

#endif
