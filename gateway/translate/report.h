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
    REPORT_DELIVERED = 4
}; /* on disk, or-ed */

/* All borrowed; texts are UTF-8, "" where there is nothing to say. */
struct report {
    enum report_kind kind;
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
    struct bytes mail;  /* as it was handed in; empty: gone */
    bool return_full;   /* else its headers alone */
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
