// SPDX-License-Identifier: MIT
#include "gateway/agent/outgoing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/timer.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/message_build.h"
#include "gateway/agent/outgoing_db.h"
#include "gateway/agent/pubkeys.h"
#include "gateway/store/mail_txn.h"
#include "node/objects/ack.h"

/* The most a lifetime is doubled to. */
enum { MAX_TTL_SEC = OBJECT_MAX_TTL_SEC, MAX_DOUBLINGS = 10 };

/* A row that something is under way for; the pump passes it over until that has ended. */
struct busy {
    struct agent *agent;
    int64_t id;
};

struct outgoing {
    struct agent *agent;
    struct map busy;    /* id -> struct busy */
    struct map awaited; /* ackdata -> (struct awaited *) */
    struct deferred pump;
    struct timer tick;
};

struct awaited {
    int64_t id;
};

static void pump(void *context);

static void on_tick(void *context)
{
    struct outgoing *outgoing = context;
    deferred_arm(&outgoing->pump);
}

static bool load_awaited(struct outgoing *outgoing, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(agent_reader(outgoing->agent),
                                      "SELECT id, ackdata FROM outgoing"
                                      " WHERE length(ackdata) > 0 AND state NOT IN (?1, ?2)",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, OUTGOING_DELIVERED);
    db_bind_i64(stmt, 2, OUTGOING_CANCELLED);
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        outgoing_await_ack(outgoing, db_column_bytes(stmt, 1), db_column_i64(stmt, 0));
    }
    return step == DB_DONE;
}

static bool load_wanted_keys(struct outgoing *outgoing, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(agent_reader(outgoing->agent),
                   "SELECT DISTINCT recipient FROM outgoing WHERE state = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, OUTGOING_AWAITING_KEY);
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        struct address address;
        if (address_decode(&address, bytes_of_str(db_column_text(stmt, 0))) == ADDRESS_OK) {
            pubkeys_want(outgoing->agent->pubkeys, &address);
        }
    }
    return step == DB_DONE;
}

struct outgoing *outgoing_new(struct agent *agent, struct fault *fault)
{
    struct outgoing *outgoing = xcalloc(1, sizeof(*outgoing));
    outgoing->agent = agent;
    deferred_init(&outgoing->pump, agent->parts.loop, pump, outgoing);
    timer_init(&outgoing->tick, agent->parts.loop, on_tick, outgoing);
    if (!load_awaited(outgoing, fault) || !load_wanted_keys(outgoing, fault)) {
        (void)fault_wrap(fault, "load the outgoing queue");
        outgoing_free(&outgoing);
        return NULL;
    }
    timer_arm_periodic(&outgoing->tick, OUTGOING_TICK_MS);
    deferred_arm(&outgoing->pump);
    return outgoing;
}

void outgoing_stop(struct outgoing *outgoing)
{
    timer_cancel(&outgoing->tick);
    deferred_cancel(&outgoing->pump);
}

void outgoing_free(struct outgoing **outgoing_in)
{
    struct outgoing *outgoing = *outgoing_in;
    *outgoing_in = NULL;
    if (outgoing == NULL) {
        return;
    }
    size_t cursor = 0;
    void *item;
    while ((item = map_next(&outgoing->busy, &cursor, NULL)) != NULL) {
        free(item);
    }
    cursor = 0;
    while ((item = map_next(&outgoing->awaited, &cursor, NULL)) != NULL) {
        free(item);
    }
    map_clear(&outgoing->busy);
    map_clear(&outgoing->awaited);
    outgoing_stop(outgoing);
    free(outgoing);
}

void outgoing_wake(struct outgoing *outgoing)
{
    deferred_arm(&outgoing->pump);
}

/* ---- acknowledgements ---- */

void outgoing_await_ack(struct outgoing *outgoing, struct bytes ackdata, int64_t id)
{
    struct awaited *awaited = xcalloc(1, sizeof(*awaited));
    awaited->id = id;
    free(map_put(&outgoing->awaited, ackdata, awaited));
}

int64_t outgoing_find_ack(const struct outgoing *outgoing, const struct object *object)
{
    struct bytes ackdata;
    if (!ack_data_of(&ackdata, object)) {
        return 0;
    }
    const struct awaited *awaited = map_get(&outgoing->awaited, ackdata);
    return awaited == NULL ? 0 : awaited->id;
}

void outgoing_forget_ack(struct outgoing *outgoing, const struct object *object)
{
    struct bytes ackdata;
    if (ack_data_of(&ackdata, object)) {
        free(map_remove(&outgoing->awaited, ackdata));
    }
}

/* ---- one step of one row, written down ---- */

enum step_kind {
    STEP_BEGIN_WORK, /* -> working */
    STEP_HOLD,       /* -> working -> held */
    STEP_ASK,        /* -> awaiting-key, with a request; or a further request */
    STEP_KEY_FOUND,  /* the key was in the node's store: keep it */
    STEP_JOB,        /* working: an object to work on */
    STEP_RESEND,     /* sent -> working */
    STEP_FAIL        /* -> failed */
};

struct step {
    struct agent *agent;
    enum step_kind kind;
    int64_t id;
    enum outgoing_state state; /* in which it was looked at: else the step is out of date */
    char reason[200];

    struct address address; /* ASK */
    int64_t ttl_sec;
    uint32_t tries;
    struct sender sender; /* KEY_FOUND */

    struct buf object; /* JOB */
    enum object_job_kind job_kind;
    struct pow_demand demand;
    int64_t expires_sec;
};

static bool change(struct mail_txn *txn, const struct step *step, enum outgoing_state to,
                   int64_t next_sec, int tries, struct fault *fault)
{
    const struct outgoing_change wanted = {
        .to = to, .reason = step->reason, .next_sec = next_sec, .tries = tries};
    return outgoing_change(txn, step->id, &wanted, fault);
}

/* Asking again changes no state, only when to look next. */
static bool postpone(struct mail_txn *txn, const struct step *step, int64_t next_sec,
                     struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        mail_txn_db(txn), "UPDATE outgoing SET next_sec = ?2, tries = ?3 WHERE id = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, step->id);
    db_bind_i64(stmt, 2, next_sec);
    db_bind_i64(stmt, 3, step->tries);
    return db_run(stmt, fault);
}

static bool run_ask(struct mail_txn *txn, const struct step *step, struct fault *fault)
{
    int64_t next_sec = mail_txn_now_sec(txn) + step->ttl_sec + step->ttl_sec / 10;
    if (!pubkeys_write_request(txn, &step->address, step->ttl_sec, fault)) {
        return false;
    }
    return step->state == OUTGOING_QUEUED
               ? change(txn, step, OUTGOING_AWAITING_KEY, next_sec, (int)step->tries, fault)
               : postpone(txn, step, next_sec, fault);
}

static bool run_job(struct mail_txn *txn, const struct step *step, struct fault *fault)
{
    const struct object_job_new job = {
        .kind = step->job_kind,
        .outgoing_id = step->id,
        .address = "",
        .object = buf_view(&step->object),
        .demand = step->demand,
        .ttl_sec = step->ttl_sec,
        .expires_sec = step->expires_sec,
    };
    return object_jobs_write(mail_txn_db(txn), &job, fault);
}

static bool run_step(struct mail_txn *txn, void *job, struct fault *fault)
{
    const struct step *step = job;
    struct arena arena = {0};
    struct outgoing_row row;
    bool found = outgoing_read(mail_txn_db(txn), &row, step->id, &arena, fault);
    bool is_current = found && row.state == step->state;
    arena_clear(&arena);
    if (!is_current) {
        return found; /* cancelled or acknowledged meanwhile: nothing to do */
    }
    switch (step->kind) {
    case STEP_BEGIN_WORK:
        return change(txn, step, OUTGOING_WORKING, 0, step->state == OUTGOING_AWAITING_KEY ? 0 : -1,
                      fault);
    case STEP_HOLD:
        return (step->state == OUTGOING_WORKING ||
                change(txn, step, OUTGOING_WORKING, 0, -1, fault)) &&
               change(txn, step, OUTGOING_HELD, 0, -1, fault);
    case STEP_ASK:
        return run_ask(txn, step, fault);
    case STEP_KEY_FOUND:
        return pubkeys_store(txn, &step->sender, true, fault);
    case STEP_JOB:
        return run_job(txn, step, fault);
    case STEP_RESEND:
        return change(txn, step, OUTGOING_WORKING, 0, -1, fault);
    case STEP_FAIL:
        return change(txn, step, OUTGOING_FAILED, 0, -1, fault);
    }
    return true;
}

static void end_busy(struct outgoing *outgoing, int64_t id)
{
    free(map_remove_u64(&outgoing->busy, (uint64_t)id));
}

static void step_done(void *job, const struct fault *fault)
{
    struct step *step = job;
    struct agent *agent = step->agent;
    if (fault != NULL) {
        log_error("agent", "outgoing id=%" PRId64 " step not written down reason=\"%s\"", step->id,
                  fault->text);
    }
    if (!agent->closing) {
        end_busy(agent->outgoing, step->id);
        if (fault == NULL) {
            agent_queue_changed(agent);
        }
    }
    buf_clear(&step->object);
    free(step);
}

static struct step *step_new(struct agent *agent, enum step_kind kind,
                             const struct outgoing_row *row)
{
    struct step *step = xcalloc(1, sizeof(*step));
    step->agent = agent;
    step->kind = kind;
    step->id = row->id;
    step->state = row->state;
    step->tries = row->tries;
    return step;
}

static void submit(struct step *step)
{
    agent_write(step->agent, run_step, step_done, step);
}

static void fail(struct agent *agent, const struct outgoing_row *row, const char *reason)
{
    struct step *step = step_new(agent, STEP_FAIL, row);
    (void)snprintf(step->reason, sizeof(step->reason), "%s", reason);
    submit(step);
}

/* ---- queued and awaiting-key: is there a key? ---- */

static bool has_given_up(const struct agent *agent, const struct outgoing_row *row)
{
    return clock_now_sec() - row->accepted_sec >= agent->parts.settings->agent.give_up_after_sec;
}

static int64_t doubled(int64_t sec, uint32_t times, int64_t max_sec)
{
    for (uint32_t i = 0; i < times && i < MAX_DOUBLINGS && sec < max_sec; i++) {
        sec *= 2;
    }
    return sec < max_sec ? sec : max_sec;
}

static void ask_for_key(struct agent *agent, const struct outgoing_row *row,
                        const struct address *address)
{
    if (row->state == OUTGOING_AWAITING_KEY && has_given_up(agent, row)) {
        fail(agent, row,
             "the recipient's key never came: his Bitmessage was not running all that time, or the "
             "address is not in use");
        return;
    }
    struct step *step = step_new(agent, STEP_ASK, row);
    step->address = *address;
    step->ttl_sec = doubled(GETPUBKEY_TTL_SEC, row->tries, MAX_TTL_SEC);
    step->tries = row->tries + 1;
    pubkeys_want(agent->pubkeys, address);
    submit(step);
}

/* What a question at the node's store leads back to. */
struct looking {
    struct agent *agent;
    int64_t id;
    struct address address;
};

static void looked_up(void *context, const struct sender *found)
{
    struct looking *looking = context;
    struct agent *agent = looking->agent;
    struct arena arena = {0};
    struct outgoing_row row;
    if (agent->closing) {
        free(looking);
        return;
    }
    if (!outgoing_read(agent_reader(agent), &row, looking->id, &arena, NULL)) {
        end_busy(agent->outgoing, looking->id);
    } else if (found != NULL) {
        struct step *step = step_new(agent, STEP_KEY_FOUND, &row);
        step->sender = *found;
        submit(step);
    } else {
        ask_for_key(agent, &row, &looking->address);
    }
    arena_clear(&arena);
    free(looking);
}

static void look_up(struct agent *agent, const struct outgoing_row *row,
                    const struct address *address)
{
    struct looking *looking = xcalloc(1, sizeof(*looking));
    looking->agent = agent;
    looking->id = row->id;
    looking->address = *address;
    pubkeys_look_up(agent->pubkeys, address, (struct pubkeys_done){looked_up, looking});
}

/* With the key at hand: is the mail one that can be sent to it? */
static void begin_work(struct agent *agent, const struct outgoing_row *row,
                       const struct message_target *target)
{
    char reason[200] = "";
    enum message_verdict verdict =
        message_judge(row, target, agent->parts.settings, reason, sizeof(reason));
    if (verdict == MESSAGE_IMPOSSIBLE) {
        fail(agent, row, reason);
        return;
    }
    struct step *step =
        step_new(agent, verdict == MESSAGE_TOO_DEAR ? STEP_HOLD : STEP_BEGIN_WORK, row);
    (void)snprintf(step->reason, sizeof(step->reason), "%s", reason);
    submit(step);
}

static void end_row(struct agent *agent, const struct outgoing_row *row)
{
    end_busy(agent->outgoing, row->id);
}

static void step_waiting(struct agent *agent, const struct outgoing_row *row)
{
    struct message_target target;
    struct fault fault = {0};
    enum message_target_result result =
        message_find_target(&target, row, &agent->keyring, agent_reader(agent), &fault);
    if (result == MESSAGE_TARGET_FOUND) {
        begin_work(agent, row, &target);
    } else if (result == MESSAGE_TARGET_BROKEN) {
        fail(agent, row, fault.text);
    } else if (target.address.version >= 4 && !link_client_is_up(agent->link)) {
        end_row(agent, row); /* the node comes back, and we with it */
    } else {
        look_up(agent, row, &target.address);
    }
}

/* ---- working: build what is missing ---- */

static void submit_job(struct agent *agent, const struct outgoing_row *row,
                       enum object_job_kind kind, struct buf *object_take,
                       const struct message_plan_time *time, struct pow_demand demand)
{
    struct step *step = step_new(agent, STEP_JOB, row);
    step->object = *object_take;
    *object_take = (struct buf){0};
    step->job_kind = kind;
    step->demand = demand;
    step->ttl_sec = time->ttl_sec;
    step->expires_sec = time->expires_sec;
    submit(step);
}

static struct message_plan_time time_from_now(int64_t ttl_sec)
{
    return (struct message_plan_time){ttl_sec, clock_now_sec() + ttl_sec};
}

static void build_ack(struct agent *agent, const struct outgoing_row *row, int64_t message_ttl_sec)
{
    struct buf object = {0};
    int64_t ttl_sec = ack_ttl_sec(message_ttl_sec) + agent_jitter_sec(agent);
    struct message_plan_time time = time_from_now(ttl_sec < MAX_TTL_SEC ? ttl_sec : MAX_TTL_SEC);
    ack_write_object(&object, (uint64_t)time.expires_sec, row->ackdata);
    submit_job(agent, row, JOB_ACK, &object, &time, (struct pow_demand){0});
}

static void build_message(struct agent *agent, const struct outgoing_row *row,
                          const struct message_target *target, int64_t ttl_sec)
{
    struct buf object = {0};
    struct fault fault = {0};
    int64_t jittered = ttl_sec + agent_jitter_sec(agent);
    struct message_plan_time time = time_from_now(jittered > MAX_TTL_SEC       ? MAX_TTL_SEC
                                                  : jittered < POW_MIN_TTL_SEC ? POW_MIN_TTL_SEC
                                                                               : jittered);
    const struct message_order order = {
        .row = row,
        .target = target,
        .keyring = &agent->keyring,
        .settings = agent->parts.settings,
        .time = time,
    };
    if (!message_build(&object, &order, agent_reader(agent), &fault)) {
        buf_clear(&object);
        fail(agent, row, fault.text);
        return;
    }
    submit_job(agent, row, row->kind == OUTGOING_TO_SUBSCRIBERS ? JOB_BROADCAST : JOB_MESSAGE,
               &object, &time, target->demand);
}

static void step_working(struct agent *agent, const struct outgoing_row *row)
{
    struct message_target target;
    struct fault fault = {0};
    if (message_find_target(&target, row, &agent->keyring, agent_reader(agent), &fault) !=
        MESSAGE_TARGET_FOUND) {
        fail(agent, row, fault.code != FAULT_NONE ? fault.text : "the recipient's key is gone");
        return;
    }
    int64_t ttl_sec = doubled(row->ttl_sec, row->tries, MAX_TTL_SEC);
    if (message_wants_ack(row, &target) && row->ack_packet.len == 0) {
        build_ack(agent, row, ttl_sec);
    } else {
        build_message(agent, row, &target, ttl_sec);
    }
}

static void step_sent(struct agent *agent, const struct outgoing_row *row)
{
    if (has_given_up(agent, row)) {
        fail(
            agent, row,
            "it was sent, but no acknowledgement came in all that time: the recipient's Bitmessage "
            "was not running. It may have arrived all the same");
        return;
    }
    submit(step_new(agent, STEP_RESEND, row));
}

static void step_row(struct outgoing *outgoing, int64_t id)
{
    struct agent *agent = outgoing->agent;
    struct arena arena = {0};
    struct outgoing_row row;
    struct busy *busy = xcalloc(1, sizeof(*busy));
    busy->agent = agent;
    busy->id = id;
    (void)map_put_u64(&outgoing->busy, (uint64_t)id, busy);
    if (!outgoing_read(agent_reader(agent), &row, id, &arena, NULL)) {
        end_busy(outgoing, id);
    } else if (row.state == OUTGOING_QUEUED || row.state == OUTGOING_AWAITING_KEY) {
        step_waiting(agent, &row);
    } else if (row.state == OUTGOING_WORKING) {
        step_working(agent, &row);
    } else if (row.state == OUTGOING_SENT) {
        step_sent(agent, &row);
    } else {
        end_busy(outgoing, id);
    }
    arena_clear(&arena);
}

/* ---- choosing rows ---- */

/* Ids that `sql` gives and that nothing is under way for. Parameters: ?1 = now, ?2 = how many. */
static size_t collect(struct outgoing *outgoing, int64_t *ids, size_t max_ids, const char *sql,
                      int64_t limit)
{
    struct db_stmt *stmt = db_prepare(agent_reader(outgoing->agent), sql, NULL);
    size_t n_ids = 0;
    if (stmt == NULL) {
        return 0;
    }
    db_bind_i64(stmt, 1, clock_now_sec());
    db_bind_i64(stmt, 2, limit);
    while (n_ids < max_ids && db_step(stmt, NULL) == DB_ROW) {
        int64_t id = db_column_i64(stmt, 0);
        if (map_get_u64(&outgoing->busy, (uint64_t)id) == NULL) {
            ids[n_ids++] = id;
        }
    }
    db_reset(stmt);
    return n_ids;
}

static int64_t count_at_work(struct outgoing *outgoing)
{
    struct db_stmt *stmt = db_prepare(agent_reader(outgoing->agent),
                                      "SELECT count(*) FROM outgoing WHERE state = ?1", NULL);
    if (stmt == NULL) {
        return OUTGOING_MAX_AT_WORK;
    }
    db_bind_i64(stmt, 1, OUTGOING_WORKING);
    int64_t n = db_step(stmt, NULL) == DB_ROW ? db_column_i64(stmt, 0) : OUTGOING_MAX_AT_WORK;
    db_reset(stmt);
    return n;
}

/* The numbers in these are those of enum outgoing_state and object_job_step. */
static const char working_sql[] =
    "SELECT id FROM outgoing WHERE state = 2 AND ?1 > 0 AND NOT EXISTS (SELECT 1 FROM object_job j"
    " WHERE j.outgoing_id = outgoing.id AND j.step IN (0, 1, 4)) ORDER BY id LIMIT ?2";
static const char due_sql[] = "SELECT id FROM outgoing WHERE state IN (1, 4) AND next_sec > 0"
                              " AND next_sec <= ?1 ORDER BY next_sec LIMIT ?2";
static const char queued_sql[] =
    "SELECT id FROM outgoing WHERE state = 0 AND next_sec <= ?1 ORDER BY id LIMIT ?2";

static void pump(void *context)
{
    struct outgoing *outgoing = context;
    int64_t ids[OUTGOING_BATCH];
    size_t n_ids = collect(outgoing, ids, OUTGOING_BATCH, working_sql, OUTGOING_BATCH);
    n_ids += collect(outgoing, ids + n_ids, OUTGOING_BATCH - n_ids, due_sql, OUTGOING_BATCH);
    int64_t room = OUTGOING_MAX_AT_WORK - count_at_work(outgoing);
    size_t max_new = room <= 0 ? 0 : (size_t)room;
    if (max_new > OUTGOING_BATCH - n_ids) {
        max_new = OUTGOING_BATCH - n_ids;
    }
    /* Those under way also stand in front of the table: look past them. */
    n_ids += collect(outgoing, ids + n_ids, max_new, queued_sql,
                     (int64_t)(max_new + outgoing->busy.n_items));
    for (size_t i = 0; i < n_ids; i++) {
        step_row(outgoing, ids[i]);
    }
}
