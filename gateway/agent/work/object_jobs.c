// SPDX-License-Identifier: MIT
#include "gateway/agent/work/object_jobs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/db.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/timer.h"
#include "config/settings.h"
#include "gateway/agent/incoming/link_client.h"
#include "gateway/agent/outgoing/outgoing_db.h"
#include "gateway/store/mail_txn.h"
#include "gateway/store/store.h"
#include "node/objects/ack.h"

enum { RETRY_MS = 2000, TIDY_MS = 3600 * 1000, MAX_PUBLISHING = LINK_MAX_PENDING / 2 };

/* A row that something is being done with. */
struct active {
    struct object_jobs *jobs;
    int64_t id;
    int64_t outgoing_id;
    int64_t expires_sec;
    enum object_job_step step;
    bool handed_over; /* to the node, which has not answered */
    bool outdated;    /* its time ran down before the work was done: it is being given up */
};

struct object_jobs {
    struct object_jobs_parts parts;
    struct pow_jobs *pow;
    struct map active; /* id -> struct active */
    size_t n_handed_over;
    struct deferred scan;
    struct timer timer;
    struct timer tidy;
    bool closing;
};

static void scan(void *context);
static void tidy(void *context);
static void on_nonce(void *context, int64_t id, uint64_t nonce);

static void on_timer(void *context)
{
    struct object_jobs *jobs = context;
    deferred_arm(&jobs->scan);
}

struct object_jobs *object_jobs_new(const struct object_jobs_parts *parts)
{
    struct object_jobs *jobs = xcalloc(1, sizeof(*jobs));
    jobs->parts = *parts;
    jobs->pow = pow_jobs_new(parts->loop, parts->pow_pool, parts->kernel, parts->gpu,
                             (struct pow_done){on_nonce, jobs});
    deferred_init(&jobs->scan, parts->loop, scan, jobs);
    timer_init(&jobs->timer, parts->loop, on_timer, jobs);
    timer_init(&jobs->tidy, parts->loop, tidy, jobs);
    timer_arm(&jobs->tidy, RETRY_MS);
    deferred_arm(&jobs->scan);
    return jobs;
}

void object_jobs_stop(struct object_jobs *jobs)
{
    jobs->closing = true;
    pow_jobs_free(&jobs->pow);
    deferred_cancel(&jobs->scan);
    timer_cancel(&jobs->timer);
    timer_cancel(&jobs->tidy);
}

void object_jobs_free(struct object_jobs **jobs_in)
{
    struct object_jobs *jobs = *jobs_in;
    *jobs_in = NULL;
    if (jobs == NULL) {
        return;
    }
    size_t cursor = 0;
    struct active *active;
    while ((active = map_next(&jobs->active, &cursor, NULL)) != NULL) {
        free(active);
    }
    map_clear(&jobs->active);
    free(jobs);
}

static void forget(struct object_jobs *jobs, struct active *active)
{
    if (active->handed_over) {
        jobs->n_handed_over--;
    }
    (void)map_remove_u64(&jobs->active, (uint64_t)active->id);
    free(active);
}

/* ---- writing a step down ---- */

enum step_kind { STEP_FINISHED, STEP_CLAIM, STEP_PUBLISHED, STEP_REFUSED };

/* By value to the writer thread. */
struct step {
    struct object_jobs *jobs;
    enum step_kind kind;
    int64_t id;
    uint64_t nonce;
    uint32_t magic;
    int64_t resend_after_sec;
    int64_t now_sec;
    char reason[LINK_MAX_REASON_BYTES + 1];
    bool is_claimed;                    /* out */
    uint8_t hash[INVENTORY_HASH_BYTES]; /* out: of what was published */
};

static bool is_mail(const struct object_job_row *row)
{
    return row->kind == JOB_MESSAGE || row->kind == JOB_BROADCAST;
}

static bool run_finished(struct mail_txn *txn, const struct step *step,
                         const struct object_job_row *row, struct fault *fault)
{
    struct buf object = {0};
    struct buf packet = {0};
    buf_append_bytes(&object, row->object);
    object_set_nonce(&object, step->nonce);
    bool ok;
    if (row->kind == JOB_ACK) {
        ack_write_packet(&packet, step->magic, buf_view(&object));
        ok = outgoing_keep_ack(txn, row->outgoing_id, buf_view(&packet), fault) &&
             object_jobs_delete(mail_txn_db(txn), row->id, fault);
    } else {
        ok = object_jobs_finish(mail_txn_db(txn), row->id, buf_view(&object), fault);
    }
    buf_clear(&object);
    buf_clear(&packet);
    return ok;
}

static bool run_published(struct mail_txn *txn, struct step *step, const struct object_job_row *row,
                          struct fault *fault)
{
    hash_inventory(step->hash, row->object);
    if (row->kind == JOB_RELEASE_ACK) {
        return object_jobs_delete(mail_txn_db(txn), row->id, fault);
    }
    if (!object_jobs_set_step(mail_txn_db(txn), row->id, JOB_PUBLISHED, fault)) {
        return false;
    }
    if (row->step != JOB_LEAVING) {
        return true;
    }
    const struct outgoing_departure departure = {
        .hash = step->hash,
        .ttl_sec = row->ttl_sec,
        .resend_after_sec = step->resend_after_sec,
        .now_sec = step->now_sec,
    };
    return outgoing_left(txn, row->outgoing_id, &departure, fault);
}

/* The node does not want it. If it is only too old (the machine slept), the mail goes back to be
 * built anew; else it fails. */
static bool run_refused(struct mail_txn *txn, const struct step *step,
                        const struct object_job_row *row, struct fault *fault)
{
    if (!object_jobs_delete(mail_txn_db(txn), row->id, fault)) {
        return false;
    }
    if (row->step != JOB_LEAVING || row->expires_sec <= step->now_sec) {
        return true;
    }
    return outgoing_refused(txn, row->outgoing_id, step->reason, fault);
}

static bool run_step(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct step *step = job;
    struct arena arena = {0};
    struct object_job_row row;
    struct fault why = {0};
    bool ok;
    if (!object_jobs_read(mail_txn_db(txn), &row, step->id, &arena, &why)) {
        /* Cancelled meanwhile. */
        ok = why.code == FAULT_NOT_FOUND || fault_set(fault, why.code, "%s", why.text);
    } else if (step->kind == STEP_FINISHED) {
        ok = run_finished(txn, step, &row, fault);
    } else if (step->kind == STEP_CLAIM) {
        ok = object_jobs_claim(mail_txn_db(txn), &step->is_claimed, step->id, fault);
    } else if (step->kind == STEP_PUBLISHED) {
        ok = run_published(txn, step, &row, fault);
    } else {
        ok = run_refused(txn, step, &row, fault);
    }
    arena_clear(&arena);
    return ok;
}

static void step_done(void *job, const struct fault *fault)
{
    struct step *step = job;
    struct object_jobs *jobs = step->jobs;
    if (jobs->closing) {
        free(step);
        return;
    }
    struct active *active = map_get_u64(&jobs->active, (uint64_t)step->id);
    if (active != NULL) {
        forget(jobs, active);
    }
    if (fault != NULL) {
        log_error("agent", "object job id=%" PRId64 " not written down reason=\"%s\"", step->id,
                  fault->text);
        timer_arm(&jobs->timer, RETRY_MS);
    } else {
        deferred_arm(&jobs->scan);
        jobs->parts.changed(jobs->parts.context);
        if (step->kind == STEP_PUBLISHED || step->kind == STEP_REFUSED) {
            jobs->parts.ended(jobs->parts.context, step->id, step->hash,
                              step->kind == STEP_REFUSED ? step->reason : NULL);
        }
    }
    free(step);
}

static void write_step(struct object_jobs *jobs, enum step_kind kind, int64_t id, uint64_t nonce,
                       struct bytes reason)
{
    struct fault fault = {0};
    struct step *step = xcalloc(1, sizeof(*step));
    step->jobs = jobs;
    step->kind = kind;
    step->id = id;
    step->nonce = nonce;
    step->magic = jobs->parts.settings->network.magic;
    step->resend_after_sec = jobs->parts.settings->agent.resend_after_sec;
    step->now_sec = clock_now_sec();
    for (size_t i = 0; i < reason.len && i < LINK_MAX_REASON_BYTES; i++) {
        uint8_t byte = reason.data[i];
        step->reason[i] = byte >= 0x20 && byte < 0x7f ? (char)byte : '?';
    }
    if (!store_write(jobs->parts.store, run_step, step_done, step, &fault)) {
        step_done(step, &fault);
    }
}

static void on_nonce(void *context, int64_t id, uint64_t nonce)
{
    write_step(context, STEP_FINISHED, id, nonce, (struct bytes){0});
}

/* ---- taking up what the table holds ----
 *
 * A mail can be cancelled, by the queue or out of Outbox, at any moment. The writer thread settles
 * it: a cancellation deletes its job, going to the node claims it first, and whichever commits
 * first wins. What is claimed is handed over again until the node has answered, also after a
 * crash. Other objects need no claim. */

/* The object's time has run down; nothing of the search is lost with it, for a search has no
 * memory. What wanted it builds it anew. */
static void give_up_work(struct object_jobs *jobs, struct active *active)
{
    active->outdated = true;
    pow_jobs_cancel(jobs->pow, active->id);
    write_step(jobs, STEP_REFUSED, active->id, 0, (struct bytes){0});
}

static void start_work(struct object_jobs *jobs, struct active *active,
                       const struct object_job_row *row)
{
    const struct pow_demand least = {jobs->parts.settings->network.least_trials_per_byte,
                                     jobs->parts.settings->network.least_extra_bytes};
    uint64_t target =
        pow_target_to_send(row->object.len, row->ttl_sec, pow_demand_raise(row->demand, least));
    pow_jobs_add(jobs->pow, active->id, row->object, target);
}

static void hand_over(struct object_jobs *jobs, struct active *active,
                      const struct object_job_row *row)
{
    struct fault fault = {0};
    if (!link_client_publish(jobs->parts.link, (uint64_t)active->id, row->object, &fault)) {
        forget(jobs, active);
        timer_arm(&jobs->timer, RETRY_MS);
        return;
    }
    active->handed_over = true;
    jobs->n_handed_over++;
}

static void start(struct object_jobs *jobs, int64_t id)
{
    struct arena arena = {0};
    struct object_job_row row;
    struct fault fault = {0};
    if (!object_jobs_read(store_reader(jobs->parts.store), &row, id, &arena, &fault)) {
        arena_clear(&arena);
        return;
    }
    struct active *active = xcalloc(1, sizeof(*active));
    active->jobs = jobs;
    active->id = id;
    active->outgoing_id = row.outgoing_id;
    active->step = row.step;
    active->expires_sec = row.expires_sec;
    (void)map_put_u64(&jobs->active, (uint64_t)id, active);
    if (row.step == JOB_WORK && row.expires_sec <= clock_now_sec()) {
        give_up_work(jobs, active);
    } else if (row.step == JOB_WORK) {
        start_work(jobs, active, &row);
    } else if (row.step == JOB_PUBLISH && is_mail(&row)) {
        write_step(jobs, STEP_CLAIM, id, 0, (struct bytes){0});
    } else {
        hand_over(jobs, active, &row);
    }
    arena_clear(&arena);
}

static bool is_in_table(struct object_jobs *jobs, int64_t id)
{
    struct db_stmt *stmt =
        db_prepare(store_reader(jobs->parts.store), "SELECT 1 FROM object_job WHERE id = ?1", NULL);
    if (stmt == NULL) {
        return true;
    }
    db_bind_i64(stmt, 1, id);
    bool found = db_step(stmt, NULL) != DB_DONE;
    db_reset(stmt);
    return found;
}

/* Work that was cancelled in the table, or whose object is of no use any more. */
static void drop_useless(struct object_jobs *jobs, int64_t now_sec)
{
    size_t cursor = 0;
    struct active *active;
    while ((active = map_next(&jobs->active, &cursor, NULL)) != NULL) {
        if (active->handed_over || active->step != JOB_WORK || active->outdated) {
            continue;
        }
        if (!is_in_table(jobs, active->id)) {
            pow_jobs_cancel(jobs->pow, active->id);
            forget(jobs, active);
        } else if (active->expires_sec <= now_sec) {
            give_up_work(jobs, active);
        }
    }
}

/* The ids to start: work at once, finished ones when due and the node is there. */
static size_t collect(struct object_jobs *jobs, int64_t **out, int64_t now_sec)
{
    struct db_stmt *stmt = db_prepare(store_reader(jobs->parts.store),
                                      "SELECT id, step FROM object_job WHERE step = ?1"
                                      " OR (step IN (?2, ?3, ?5) AND due_sec <= ?4) ORDER BY id",
                                      NULL);
    size_t n_ids = 0;
    size_t capacity = 0;
    if (stmt == NULL) {
        return 0;
    }
    db_bind_i64(stmt, 1, JOB_WORK);
    db_bind_i64(stmt, 2, JOB_PUBLISH);
    db_bind_i64(stmt, 3, JOB_OFFER_AGAIN);
    db_bind_i64(stmt, 4, now_sec);
    db_bind_i64(stmt, 5, JOB_LEAVING);
    bool is_up = link_client_is_up(jobs->parts.link);
    size_t n_publishing = jobs->n_handed_over;
    while (db_step(stmt, NULL) == DB_ROW) {
        int64_t id = db_column_i64(stmt, 0);
        bool is_work = db_column_i64(stmt, 1) == JOB_WORK;
        if (map_get_u64(&jobs->active, (uint64_t)id) != NULL ||
            (!is_work && (!is_up || n_publishing >= MAX_PUBLISHING))) {
            continue;
        }
        n_publishing += is_work ? 0 : 1;
        *out = array_grow(*out, n_ids, &capacity, sizeof(**out));
        (*out)[n_ids++] = id;
    }
    return n_ids;
}

/* When the next finished object falls due, or one that is worked on expires. */
static void arm_for_due(struct object_jobs *jobs, int64_t now_sec)
{
    struct db_stmt *stmt = db_prepare(
        store_reader(jobs->parts.store),
        "SELECT min(at_sec) FROM"
        " (SELECT due_sec AS at_sec FROM object_job WHERE step IN (?1, ?2)"
        " UNION ALL SELECT expires_sec FROM object_job WHERE step = ?4) WHERE at_sec > ?3",
        NULL);
    if (stmt == NULL) {
        return;
    }
    db_bind_i64(stmt, 1, JOB_PUBLISH);
    db_bind_i64(stmt, 2, JOB_OFFER_AGAIN);
    db_bind_i64(stmt, 3, now_sec);
    db_bind_i64(stmt, 4, JOB_WORK);
    if (db_step(stmt, NULL) == DB_ROW && !db_column_is_null(stmt, 0)) {
        int64_t wait_sec = db_column_i64(stmt, 0) - now_sec;
        /* The clock may be stepped meanwhile, so it is looked at again soon. */
        timer_arm(&jobs->timer, (wait_sec < 10 ? wait_sec : 10) * 1000);
    }
    db_reset(stmt);
}

static void scan(void *context)
{
    struct object_jobs *jobs = context;
    int64_t now_sec = clock_now_sec();
    int64_t *ids = NULL;
    drop_useless(jobs, now_sec);
    size_t n_ids = collect(jobs, &ids, now_sec);
    for (size_t i = 0; i < n_ids; i++) {
        start(jobs, ids[i]);
    }
    free(ids);
    arm_for_due(jobs, now_sec);
}

static bool run_tidy(struct mail_txn *txn, void *job, struct fault *fault)
{
    (void)job;
    return object_jobs_drop_expired(mail_txn_db(txn), mail_txn_now_sec(txn), fault);
}

static void tidy_done(void *job, const struct fault *fault)
{
    (void)job;
    if (fault != NULL) {
        log_warn("agent", "old objects not dropped reason=\"%s\"", fault->text);
    }
}

static void tidy(void *context)
{
    struct object_jobs *jobs = context;
    timer_arm(&jobs->tidy, TIDY_MS);
    if (!store_write(jobs->parts.store, run_tidy, tidy_done, jobs, NULL)) {
        timer_arm(&jobs->tidy, RETRY_MS);
    }
}

void object_jobs_wake(struct object_jobs *jobs)
{
    deferred_arm(&jobs->scan);
}

void object_jobs_link_up(struct object_jobs *jobs)
{
    deferred_arm(&jobs->scan);
}

void object_jobs_link_down(struct object_jobs *jobs)
{
    size_t cursor = 0;
    struct active *active;
    while ((active = map_next(&jobs->active, &cursor, NULL)) != NULL) {
        if (active->handed_over) {
            forget(jobs, active);
        }
    }
}

void object_jobs_published(struct object_jobs *jobs, const struct link_gateway_event *event)
{
    struct active *active = map_get_u64(&jobs->active, event->request);
    if (active == NULL || !active->handed_over) {
        return;
    }
    active->handed_over = false;
    jobs->n_handed_over--;
    if (event->verdict == LINK_REFUSED) {
        log_warn("agent", "object job id=%" PRId64 " refused by the node reason=\"%s\"", active->id,
                 log_escape(event->reason).text);
    }
    write_step(jobs, event->verdict == LINK_REFUSED ? STEP_REFUSED : STEP_PUBLISHED, active->id, 0,
               event->reason);
}

bool object_jobs_progress(struct object_jobs *jobs, int64_t outgoing_id, struct pow_progress *out)
{
    size_t cursor = 0;
    struct active *active;
    while ((active = map_next(&jobs->active, &cursor, NULL)) != NULL) {
        if (active->outgoing_id == outgoing_id && active->step == JOB_WORK) {
            return pow_jobs_progress(jobs->pow, active->id, out);
        }
    }
    return false;
}

const struct pow_jobs *object_jobs_pow(const struct object_jobs *jobs)
{
    return jobs->pow;
}
