// SPDX-License-Identifier: MIT
/* Messages on their way in: what cmd_append.c has read, done in order by append.c. For this room
 * alone. */
#ifndef BITTERN_MAILPROTO_IMAP_APPEND_H
#define BITTERN_MAILPROTO_IMAP_APPEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "mailproto/imap/mailbox.h"

struct catenate;
struct imap_session;

enum append_action_kind {
    APPEND_BEGIN, /* a message */
    APPEND_URL,   /* a part of it that lies here already (RFC 4469) */
    APPEND_END    /* of a message whose size was open */
};

struct append_action { /* in the command's arena */
    enum append_action_kind kind;
    struct mailbox_new_message message;
    struct bytes url;
    struct append_action *next;
};

/* In what part of the command the input stands. */
struct append_place {
    unsigned n_messages;
    bool in_utf8;     /* "UTF8 (~{n}" (RFC 6855): a parenthesis follows */
    bool in_catenate; /* "CATENATE (": parts follow */
    bool first_part;
};

struct imap_append {
    struct mailbox_append *handle; /* NULL once it has failed */
    uint64_t left;                 /* of the literal's bytes */
    struct append_place place;
    bool waiting;          /* for the store, to take more or to give a part */
    bool is_complete;      /* the command's end has come */
    uint32_t replaced_uid; /* REPLACE: of the selected mailbox; 0: APPEND */
    struct fault fault;
    const char *bad_url; /* in the arena; NULL: none */
    struct append_action *first;
    struct append_action **last;
    struct catenate *catenate; /* the first action's */
};

void append_enqueue(struct imap_append *append, struct append_action *action);
/* Do what is enqueued, and at the end of the command, commit. */
void append_work(struct imap_session *session);
/* The response code that belongs to the fault. */
const char *append_code_of(const struct fault *fault);
/* A ready for the store. */
struct mailbox_ready append_ready_of(struct imap_session *session);

#endif
