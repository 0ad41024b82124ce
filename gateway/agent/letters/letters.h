// SPDX-License-Identifier: MIT
/* Messages as programs see them that know no mails and no folders (gateway/compat): what arrived
 * and what was sent, as two lists, each message with one sender, one recipient, a subject and a
 * text.
 *
 * What arrived is what the network brought (or an import) and stands in any folder but Sent,
 * Drafts, Junk and Trash; its id is the hash of its object, out of its Message-ID. What was sent is
 * a row of the queue whose mail is still in some folder; it has an id (the hash of the object that
 * carried it last, random bytes until it left) and a ticket, which stays.
 *
 * A reading is made in steps: rows are collected a range at a time, then their texts are taken
 * apart by the decoder, one after the other. */
#ifndef BITTERN_GATEWAY_AGENT_LETTERS_LETTERS_H
#define BITTERN_GATEWAY_AGENT_LETTERS_LETTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "crypto/address.h"
#include "gateway/agent/agent.h"
#include "gateway/agent/outgoing/outgoing_row.h"

enum letter_box { LETTERS_ARRIVED, LETTERS_SENT };

enum { LETTER_MAX_TICKET_BYTES = 1024 };

/* All borrowed; what is NULL (the bytes: their data) restricts nothing. */
struct letter_query {
    enum letter_box box;
    int64_t account_id;
    const char *address; /* arrived: the recipient; sent: the sender. As text, exactly */
    struct bytes id;
    struct bytes ticket; /* sent */
    bool with_trash;     /* also what is in Trash */
    bool with_text;      /* else the ids alone */
};

/* Texts are borrowed during the call. */
struct letter {
    struct bytes id;
    const char *to; /* NULL: a broadcast */
    const char *from;
    struct bytes subject; /* one line; of what arrived UTF-8 */
    struct bytes text;
    uint64_t encoding;
    int64_t sec; /* when it arrived, or entered its state */

    bool is_seen; /* arrived */

    /* sent */
    struct bytes ticket;
    enum outgoing_state state;
    enum outgoing_kind kind;
    enum report_why why;
    bool is_forced;
    bool awaits_ack; /* an acknowledgement can come */
    bool is_asking;  /* the question for the recipient's key is being worked on */
};

struct letter_reader {
    /* In order of time. False: no more are wanted. */
    bool (*each)(void *context, const struct letter *letter);
    /* Once, from the loop, after the last one. */
    void (*end)(void *context, const struct fault *fault);
    void *context;
};
void agent_letters_read(struct agent *agent, const struct letter_query *query,
                        const struct letter_reader *reader);

/* Whether it was read, as its folder tells. FAULT_NOT_FOUND. */
void agent_letter_set_seen(struct agent *agent, int64_t account_id, struct bytes id, bool is_seen,
                           struct agent_done done);

/* Which of the two lists; may be or-ed. */
enum letter_boxes { LETTERS_IN_ARRIVED = 1, LETTERS_IN_SENT = 2 };
struct letter_choice {
    int64_t account_id;
    unsigned boxes;
    struct bytes id;
    struct bytes ticket; /* instead of the id, in sent */
};
/* Into Trash, or (`back`) out of it. What was to be sent and has not left is cancelled. Nothing
 * happens when there is no such letter. */
void agent_letters_trash(struct agent *agent, const struct letter_choice *choice, bool back,
                         struct agent_done done);
/* All that is in Trash goes for good. */
void agent_trash_empty(struct agent *agent, int64_t account_id, struct agent_done done);

struct letter_draft {
    int64_t account_id;
    struct address from;
    bool is_broadcast;
    struct address to;
    struct bytes subject; /* up to its first line end, cut to what fits */
    struct bytes text;
    bool is_extended; /* encoding 3; else 2 */
    int64_t ttl_sec;
};
/* The answer's text is its ticket in hex. Faults as submit_job_start's. */
void agent_letter_send(struct agent *agent, const struct letter_draft *draft,
                       struct agent_done done);

#endif
