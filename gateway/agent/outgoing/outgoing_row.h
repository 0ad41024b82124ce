// SPDX-License-Identifier: MIT
/* A recipient's row of the outgoing queue, with its mail's: read on any connection. */
#ifndef BITTERN_GATEWAY_AGENT_OUTGOING_OUTGOING_ROW_H
#define BITTERN_GATEWAY_AGENT_OUTGOING_OUTGOING_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/agent/outgoing/outgoing_state.h"
#include "gateway/translate/report.h"

struct arena;
struct db;

enum outgoing_kind { /* on disk */
                     OUTGOING_TO_ADDRESS = 0,
                     OUTGOING_TO_CHAN = 1,
                     OUTGOING_TO_SUBSCRIBERS = 2,
                     OUTGOING_TO_OWN =
                         3 /* an identity of ours: no acknowledgement goes through the network */
};

enum outgoing_form {                            /* on disk, as needs_extended */
                     OUTGOING_FORM_ANY = 0,     /* as its recipient reads it best */
                     OUTGOING_FORM_FILES = 1,   /* encoding 2 would drop a part of it */
                     OUTGOING_FORM_EXTENDED = 2 /* encoding 3, whoever its recipient is */
};

struct outgoing_row { /* texts in the arena */
    int64_t id;
    int64_t mail_id;
    int64_t account_id;
    const char *sender;
    const char *recipient;
    enum outgoing_kind kind;
    enum outgoing_state state;
    enum report_why why;
    const char *reason;
    bool forced;
    struct bytes ackdata;
    struct bytes ticket;     /* what programs know it by */
    struct bytes program_id; /* likewise, another one with each departure */
    struct bytes ack_packet; /* empty: not worked on yet */
    uint32_t tries;
    int64_t next_sec;
    int64_t since_sec;
    int64_t left_sec; /* when it first went out; 0: never */
    uint32_t n_sent;  /* how often it went out */
    int64_t told_sec; /* when its sender was last told of a delay; 0: never */
    unsigned notify;
    unsigned report_due;
    const char *original;
    int64_t ttl_sec;
    const char *message_id;
    const char *subject;
    enum outgoing_form form;
    size_t plain_len;    /* of the content in encoding 2 */
    size_t extended_len; /* and in encoding 3; 0: there is none */
    int64_t accepted_sec;
    uint64_t email_id;
    const char *envelope_id;
    bool return_full;
};
/* FAULT_NOT_FOUND. */
bool outgoing_read(struct db *db, struct outgoing_row *out, int64_t id, struct arena *arena,
                   struct fault *fault) MUST_USE;
/* The content to be sent, in the arena. */
bool outgoing_read_content(struct db *db, struct bytes *out, int64_t mail_id, bool extended,
                           struct arena *arena, struct fault *fault) MUST_USE;
/* How many rows each state has. */
bool outgoing_count(struct db *db, size_t out[OUTGOING_N_STATES], struct fault *fault) MUST_USE;

#endif
