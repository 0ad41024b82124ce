// SPDX-License-Identifier: MIT
/* IMAP URLs as CATENATE takes them (RFC 4469 section 3, RFC 5092): a path on this server.
 *
 *     /Drafts;UIDVALIDITY=385759045/;UID=20/;SECTION=1.2.MIME/;PARTIAL=0.1024
 *     ;UID=20/;SECTION=HEADER                  in the selected mailbox */
#ifndef BITTERN_MAILPROTO_IMAP_IMAP_URL_H
#define BITTERN_MAILPROTO_IMAP_IMAP_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "mailproto/imap/body_section.h"

struct arena;

enum { IMAP_URL_MAX_BYTES = 4096 };

struct imap_url {
    const char *mailbox;   /* as the store names it; NULL: the selected one */
    uint32_t uid_validity; /* 0: any */
    uint32_t uid;
    struct body_section section; /* BODY_SECTION_ALL without numbers: the whole message */
    bool has_partial;
    uint32_t partial_offset;
    uint32_t partial_len; /* 0: up to the end */
};

/* All of it lies in `arena`. False: it is none of these. */
bool imap_url_parse(struct imap_url *out, struct bytes text, struct arena *arena) MUST_USE;

#endif
