// SPDX-License-Identifier: MIT
/* The road of each object of ours: proof of work, then the node.
 *
 *     WORK --nonce found, stored--> PUBLISH --claimed--> LEAVING --the node has it--> PUBLISHED
 *
 * (LEAVING is for mails alone, which may be cancelled up to there.)
 *
 * The table object_job says where each stands; this module takes up whatever it finds there, at
 * start and after each commit that may have changed it (object_jobs_wake), and writes each step
 * down before the next. A crash at any point repeats a step with the same object. */
#ifndef BITTERN_GATEWAY_AGENT_WORK_OBJECT_JOBS_H
#define BITTERN_GATEWAY_AGENT_WORK_OBJECT_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "gateway/agent/work/object_jobs_db.h"
#include "gateway/agent/work/pow_jobs.h"
#include "node/link/link_gateway.h"

struct link_client;
struct loop;
struct mail_store;
struct object_jobs;
struct pool;
struct pow_kernel;
struct settings;

struct object_jobs_parts {
    struct loop *loop;
    struct mail_store *store;
    struct link_client *link;
    struct pool *pow_pool;
    const struct pow_kernel *kernel;
    struct pow_gpu *gpu; /* or NULL */
    const struct settings *settings;
    /* A commit has changed the outgoing queue. In the loop. */
    void (*changed)(void *context);
    /* A job has ended. `reason` NULL: the node has its object, of that hash; else why it will not,
     * "" when its time ran out. In the loop. */
    void (*ended)(void *context, int64_t id, const uint8_t *hash, const char *reason);
    void *context;
};

struct object_jobs *object_jobs_new(const struct object_jobs_parts *parts) MUST_USE;
/* No timer, nothing new: what is under way only cleans up. Before its parts are freed. */
void object_jobs_stop(struct object_jobs *jobs);
void object_jobs_free(struct object_jobs **jobs);

/* Look at the table again, soon. */
void object_jobs_wake(struct object_jobs *jobs);
/* The node came, went, or answered a publish. */
void object_jobs_link_up(struct object_jobs *jobs);
void object_jobs_link_down(struct object_jobs *jobs);
void object_jobs_published(struct object_jobs *jobs, const struct link_gateway_event *event);

/* Of the recipient's message or ack; false when nothing is worked on. */
bool object_jobs_progress(struct object_jobs *jobs, int64_t outgoing_id,
                          struct pow_progress *out) MUST_USE;
const struct pow_jobs *object_jobs_pow(const struct object_jobs *jobs) MUST_USE;

#endif
