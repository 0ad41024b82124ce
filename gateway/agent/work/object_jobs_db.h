// SPDX-License-Identifier: MIT
/* Objects of ours on disk: built and signed once, worked on, published, offered again. See
 * object_jobs.h for what drives them. */
#ifndef BITTERN_GATEWAY_AGENT_WORK_OBJECT_JOBS_DB_H
#define BITTERN_GATEWAY_AGENT_WORK_OBJECT_JOBS_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "crypto/hash.h"
#include "crypto/pow.h"

struct arena;
struct db;

enum object_job_kind { /* on disk */
                       JOB_MESSAGE = 0,
                       JOB_BROADCAST = 1,
                       JOB_GETPUBKEY = 2,
                       JOB_PUBKEY = 3,
                       JOB_ACK = 4, /* goes into a message of ours; never published by us */
                       JOB_RELEASE_ACK =
                           5,           /* came in a message to us, its work done by the sender */
                       JOB_PREPARED = 6 /* another program's */
};

enum object_job_step { /* on disk */
                       JOB_WORK = 0,
                       JOB_PUBLISH = 1, /* finished; waits for its time and the node */
                       JOB_PUBLISHED =
                           2, /* kept until it expires, to be offered to a new store of the node */
                       JOB_OFFER_AGAIN = 3, /* the node's store was made anew */
                       JOB_LEAVING =
                           4 /* a mail's: on its way to the node, so it can't be taken back */
};

struct object_job_new {
    enum object_job_kind kind;
    int64_t outgoing_id;      /* 0: none */
    const char *address;      /* ""; or whose key is asked for or told */
    struct bytes object;      /* whole */
    struct pow_demand demand; /* zero: the network's least, whatever that is when it is worked on */
    int64_t ttl_sec;
    int64_t expires_sec;
    bool finished;   /* its work is done */
    int64_t due_sec; /* finished: not to be published before */
};
bool object_jobs_write(struct db *db, const struct object_job_new *job,
                       struct fault *fault) MUST_USE;

struct object_job_row { /* bytes in the arena */
    int64_t id;
    enum object_job_kind kind;
    enum object_job_step step;
    int64_t outgoing_id;
    struct bytes object;
    struct pow_demand demand;
    int64_t ttl_sec;
    int64_t expires_sec;
    int64_t due_sec;
};
/* FAULT_NOT_FOUND. */
bool object_jobs_read(struct db *db, struct object_job_row *out, int64_t id, struct arena *arena,
                      struct fault *fault) MUST_USE;

/* The nonce is found: the whole object takes the old one's place, and its step is JOB_PUBLISH. */
bool object_jobs_finish(struct db *db, int64_t id, struct bytes object,
                        struct fault *fault) MUST_USE;
bool object_jobs_set_step(struct db *db, int64_t id, enum object_job_step step,
                          struct fault *fault) MUST_USE;
bool object_jobs_delete(struct db *db, int64_t id, struct fault *fault) MUST_USE;

/* A mail's finished object goes to the node now, unless it was cancelled before (*out false). From
 * this commit on it can't be taken back: only the node knows whether it has it. */
bool object_jobs_claim(struct db *db, bool *out, int64_t id, struct fault *fault) MUST_USE;
/* Of a mail's recipient: those that have not been claimed. */
bool object_jobs_drop_unsent(struct db *db, int64_t outgoing_id, struct fault *fault) MUST_USE;
/* Is its message claimed, and the node has not answered? */
bool object_jobs_is_leaving(struct db *db, bool *out, int64_t outgoing_id,
                            struct fault *fault) MUST_USE;
/* Is a key of that address asked for, or told, by an object that has not expired? */
bool object_jobs_is_asking(struct db *db, bool *out, enum object_job_kind kind, const char *address,
                           int64_t now_sec, struct fault *fault) MUST_USE;

/* The node's store is new: all that was published and lives on is offered again, spread over
 * `spread_sec`. */
bool object_jobs_offer_again(struct db *db, int64_t now_sec, int64_t spread_sec,
                             struct fault *fault) MUST_USE;
/* Drop what has expired and is not under way. */
bool object_jobs_drop_expired(struct db *db, int64_t now_sec, struct fault *fault) MUST_USE;

#endif
