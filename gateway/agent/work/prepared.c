// SPDX-License-Identifier: MIT
#include "gateway/agent/work/prepared.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/str.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/work/object_jobs_db.h"
#include "gateway/store/mail_txn.h"
#include "node/objects/object.h"

struct prepared {
    struct agent *agent;
    struct list_node waiting;
    size_t n_waiting;
};

struct publication {
    struct list_node node;
    struct prepared *prepared;
    struct agent_done done;
    struct deferred refusal;
    struct fault fault;
    struct buf object;
    struct pow_demand demand;
    bool has_nonce;
    int64_t ttl_sec;
    int64_t expires_sec;
    int64_t job_id; /* 0: not written yet */
};

struct prepared *prepared_new(struct agent *agent)
{
    struct prepared *prepared = xcalloc(1, sizeof(*prepared));
    prepared->agent = agent;
    list_init(&prepared->waiting);
    return prepared;
}

static void publication_free(struct publication *publication)
{
    list_remove(&publication->node);
    publication->prepared->n_waiting--;
    deferred_cancel(&publication->refusal);
    buf_clear(&publication->object);
    free(publication);
}

void prepared_stop(struct prepared *prepared)
{
    list_for_each(place, &prepared->waiting)
    {
        struct publication *publication = list_entry(place, struct publication, node);
        if (publication->job_id != 0 || publication->fault.code != FAULT_NONE) {
            publication_free(publication); /* others are freed when their write has ended */
        }
    }
}

void prepared_free(struct prepared **prepared)
{
    free(*prepared);
    *prepared = NULL;
}

static void finish(struct publication *publication, const char *hash)
{
    struct agent_done done = publication->done;
    struct fault fault = publication->fault;
    publication_free(publication);
    done.call(done.context, fault.code == FAULT_NONE ? NULL : &fault, hash, 0);
}

static void refused(void *context)
{
    finish(context, "");
}

static bool run_write(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct publication *publication = job;
    struct db *db = mail_txn_db(txn);
    const struct object_job_new row = {
        .kind = JOB_PREPARED,
        .address = "",
        .object = buf_view(&publication->object),
        .demand = publication->demand,
        .ttl_sec = publication->ttl_sec,
        .expires_sec = publication->expires_sec,
        .finished = publication->has_nonce,
    };
    if (!object_jobs_write(db, &row, fault)) {
        return false;
    }
    publication->job_id = db_last_insert_id(db);
    return true;
}

static void written(void *job, const struct fault *fault)
{
    struct publication *publication = job;
    struct agent *agent = publication->prepared->agent;
    if (agent->closing) {
        publication_free(publication);
    } else if (fault != NULL) {
        publication->fault = *fault;
        finish(publication, "");
    } else {
        object_jobs_wake(agent->jobs);
    }
}

static bool judge(struct publication *publication, struct bytes bytes, struct fault *fault)
{
    const struct prepared *prepared = publication->prepared;
    struct object object;
    int64_t now_sec = clock_now_sec();
    if (prepared->n_waiting > PREPARED_MAX_WAITING) {
        return fault_set(fault, FAULT_BUSY, "too many objects are being worked on");
    }
    if (bytes.len > OBJECT_MAX_BYTES) {
        return fault_set(fault, FAULT_LIMIT, "an object has %d bytes at most",
                         (int)OBJECT_MAX_BYTES);
    }
    if (!object_parse(&object, bytes, fault)) {
        return false;
    }
    int64_t left_sec = (int64_t)object.expires_sec - now_sec;
    if (object.expires_sec > INT64_MAX || left_sec <= 0 || left_sec > OBJECT_MAX_FUTURE_SEC) {
        return fault_set(fault, FAULT_INVALID, "it has expired, or would live longer than 28 days");
    }
    publication->has_nonce = object.nonce != 0;
    publication->expires_sec = (int64_t)object.expires_sec;
    publication->ttl_sec = object_ttl_sec(object.expires_sec, now_sec);
    return true;
}

void agent_publish_prepared(struct agent *agent, struct bytes object, struct pow_demand demand,
                            struct agent_done done)
{
    struct prepared *prepared = agent->prepared;
    struct publication *publication = xcalloc(1, sizeof(*publication));
    publication->prepared = prepared;
    publication->done = done;
    publication->demand = demand;
    deferred_init(&publication->refusal, agent->parts.loop, refused, publication);
    list_append(&prepared->waiting, &publication->node);
    prepared->n_waiting++;
    if (!judge(publication, object, &publication->fault)) {
        deferred_arm(&publication->refusal);
        return;
    }
    buf_append_bytes(&publication->object, object);
    agent_write(agent, run_write, written, publication);
}

void prepared_ended(struct prepared *prepared, int64_t job_id, const uint8_t *hash,
                    const char *reason)
{
    list_for_each(place, &prepared->waiting)
    {
        struct publication *publication = list_entry(place, struct publication, node);
        char hex[2 * INVENTORY_HASH_BYTES + 1] = "";
        if (publication->job_id != job_id) {
            continue;
        }
        if (reason != NULL) {
            (void)fault_set(&publication->fault, FAULT_INVALID, "the node does not take it: %s",
                            reason[0] != '\0' ? reason : "it has expired");
        } else {
            hex_encode(hex, (struct bytes){hash, INVENTORY_HASH_BYTES});
        }
        finish(publication, hex);
        return;
    }
}
