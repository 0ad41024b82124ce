// SPDX-License-Identifier: MIT
/* Asking the decoder: the only way in which the gateway takes mails and contents apart.
 *
 * A client is one decoder process seen from the gateway (there are two: for what comes from the
 * network and for what the owner writes). Jobs are put in a queue and worked on one at a time. Each
 * has a deadline; one that kills the process or overruns is tried once more, alone, and is then
 * answered DECODER_GAVE_UP, and the rest goes on. While the process is away jobs wait: the
 * supervisor starts it again and hands a new socket end over (decoder_client_attach).
 *
 * Every job is answered exactly once, by its callback, from the loop, never from inside the call
 * that asked. The answer is the callback's to keep or free (decoder_answer_free): all that it
 * points to lives in its arena. A job that was cancelled is not answered.
 *
 * What the decoder says is parsed as a stranger's bytes would be. */
#ifndef BITTERN_GATEWAY_DECODER_DECODER_CLIENT_H
#define BITTERN_GATEWAY_DECODER_DECODER_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "base/mem.h"
#include "mailproto/imap/message_info.h"
#include "mailproto/mime/outgoing_mail.h"
#include "node/content/content.h"

struct loop;
struct decoder_client;

enum {
    DECODER_MAX_MAIL_BYTES = 67108864,    /* one job's input: 64 MiB */
    DECODER_MAX_QUEUED_BYTES = 268435456, /* inputs of all jobs that wait: 256 MiB */
    DECODER_DEADLINE_MS = 10000,          /* a job's, and as much again for each 16 MiB of input */
    DECODER_MAX_PREVIEW_BYTES = 800,      /* 200 characters (RFC 8970) */
    DECODER_MAX_SEARCH_BYTES = 1048576,   /* of one mail's folded text; what is more is not found */
};

enum decoder_outcome {
    DECODER_DONE,
    DECODER_REFUSED, /* the input breaks a rule or a bound: `fault` says which. FAULT_BUSY: the
                        queue is full or memory lacks, ask again later */
    DECODER_GAVE_UP, /* it killed the decoder or overran its deadline, twice */
    DECODER_CLOSED   /* the client was freed before the job was worked on */
};

/* What is known of a mail that enters a mailbox. */
struct mail_analysis {
    struct message_info info; /* the blob, parsed */
    struct bytes info_blob;   /* for the store (message_info_parse) */
    struct message_text text; /* what is searched: also the files' names, in its body */
    struct bytes preview;     /* the first words of the text, one line, UTF-8, not folded */
    bool is_opaque;           /* the guard or a failure made it one text/plain part */
};

struct decoder_answer {
    struct arena arena;
    enum decoder_outcome outcome;
    struct fault fault; /* when not DECODER_DONE */

    /* One of these, by what was asked. */
    struct mail_analysis
        analysis; /* analyse: legal whatever the outcome, opaque unless DECODER_DONE */
    struct outgoing_mail outgoing; /* outgoing */
    struct content content;        /* decode */
    struct bytes encoded;          /* encode */
};

/* Accepts NULL; clears the pointer. */
void decoder_answer_free(struct decoder_answer **answer);

struct decoder_done {
    void (*call)(void *context, struct decoder_answer *answer); /* takes the answer */
    void *context;
};

struct decoder_hooks {
    /* Ask the supervisor to end and restart the process: it overran, or spoke nonsense. */
    void (*kill)(void *context);
    /* The connection has ended; where both live, they are to be joined anew. */
    void (*lost)(void *context);
    void *context;
};

/* `name` ("network", "owner") is for the log and static. Nothing is sent before the first attach.
 */
struct decoder_client *decoder_client_new(struct loop *loop, const char *name,
                                          const struct decoder_hooks *hooks) MUST_USE;
/* Unanswered jobs are answered DECODER_CLOSED first. */
void decoder_client_free(struct decoder_client **client);
/* Take the socket to a fresh decoder process; an older one is closed. */
void decoder_client_attach(struct decoder_client *client, int fd);
bool decoder_client_is_attached(const struct decoder_client *client) MUST_USE;
/* Jobs that are not answered yet. */
size_t decoder_client_n_jobs(const struct decoder_client *client) MUST_USE;

/* Each returns the job's number, for cancelling. Inputs are copied. */

/* Analyse a mail that is stored byte for byte as given. `arrived_sec` stands in for an unreadable
 * Date. */
uint64_t decoder_client_analyse(struct decoder_client *client, struct bytes mail,
                                int64_t arrived_sec, struct decoder_done done);
/* Take apart a mail to be sent. */
uint64_t decoder_client_outgoing(struct decoder_client *client, struct bytes mail,
                                 struct decoder_done done);
/* content_decode and content_encode. */
uint64_t decoder_client_decode(struct decoder_client *client, uint64_t encoding, struct bytes data,
                               struct decoder_done done);
uint64_t decoder_client_encode(struct decoder_client *client, const struct content *content,
                               struct decoder_done done);
/* Forget a job: its callback is not called any more. A number that was answered is ignored. */
void decoder_client_cancel(struct decoder_client *client, uint64_t job);

#endif
