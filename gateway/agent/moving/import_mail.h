// SPDX-License-Identifier: MIT
/* Taking over the mails of another Bitmessage program, one by one. A mail that is there already, in
 * whatever mailbox, is not stored again: an import may be run as often as one likes. */
#ifndef BITTERN_GATEWAY_AGENT_MOVING_IMPORT_MAIL_H
#define BITTERN_GATEWAY_AGENT_MOVING_IMPORT_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "gateway/agent/agent.h"

struct agent;

enum import_folder {
    IMPORT_INBOX, /* or the folder of the chan or subscription that it came by */
    IMPORT_SENT,
    IMPORT_DRAFTS,
    IMPORT_TRASH,
    IMPORT_N_FOLDERS
};

/* Copied. */
struct agent_import_mail {
    const char *account; /* NULL: the only one */
    enum import_folder folder;
    const char *from; /* an address; what is not one is shown as unknown */
    const char *to;
    bool is_broadcast;
    struct bytes subject;
    struct bytes text;
    int64_t sec;              /* when it came or went */
    uint8_t flags;            /* enum mailbox_flag: \Seen, \Answered, \Flagged */
    const char *state;        /* of a sent one: "delivered" ...; NULL: none */
    struct bytes object_hash; /* 32 bytes, or empty */
};
/* The answer's id is 1 for one that was stored, 0 for one that was there. */
void agent_import_mail(struct agent *agent, const struct agent_import_mail *mail,
                       struct agent_done done);

/* Copied. */
struct agent_import_letter {
    const char *account; /* NULL: the only one */
    enum import_folder folder;
    struct bytes mail; /* RFC 5322, of a program whose addresses are "BM-...@bitmessage" */
    int64_t sec;       /* when it came or went */
    uint8_t flags;
};
/* The same for a program that kept mails: who wrote, to whom, subject and text are taken from it,
 * of attachments nothing. */
void agent_import_letter(struct agent *agent, const struct agent_import_letter *letter,
                         struct agent_done done);

enum { AGENT_MAX_IMPORT_MARKS = 10000 };
/* Messages that the other program received, by the hash of their signature (32 bytes each, one
 * after the other): they are not delivered again when their object is still in the network. To be
 * told before the keys that open them. */
void agent_import_seen(struct agent *agent, const char *account, struct bytes signature_hashes,
                       struct agent_done done);

#endif
