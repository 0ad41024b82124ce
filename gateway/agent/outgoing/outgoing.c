// SPDX-License-Identifier: MIT
#include "gateway/agent/outgoing/outgoing.h"

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
#include "gateway/agent/keys/key_lock.h"
#include "gateway/agent/keys/pubkeys.h"
#include "gateway/agent/outgoing/lateness.h"
#include "gateway/agent/outgoing/message_build.h"
#include "gateway/agent/outgoing/outgoing_db.h"
#include "gateway/agent/outgoing/outgoing_step.h"
#include "gateway/agent/pruning.h"
#include "gateway/agent/work/lifetime.h"
#include "gateway/store/mail_txn.h"
#include "node/objects/ack.h"

/* After a step of the clock nothing is given up: it may be stepping back soon. */
enum { STEADY_AGAIN_MS = 3600 * 1000 };

/* A row that something is under way for; the pump passes it over until that has ended. */
struct busy {
    struct agent *agent;
    int64_t id;
};

struct outgoing {
    struct agent *agent;
    struct map busy; /* id -> struct busy */
    struct lateness lateness;
    int64_t clock_sec; /* at the last look */
    int64_t mono_ms;
    int64_t stepped_ms; /* when the clock last stepped, by mono_ms; 0: never */
    struct deferred pump;
    struct timer tick;
    struct timer gather; /* runs: new mails wait for its end */
};

static void pump(void *context);
static bool clock_is_steady(struct outgoing *outgoing);

static void on_tick(void *context)
{
    struct outgoing *outgoing = context;
    (void)clock_is_steady(outgoing);
    lateness_check(&outgoing->lateness, outgoing->agent);
    deferred_arm(&outgoing->pump);
}

static void on_gathered(void *context)
{
    struct outgoing *outgoing = context;
    deferred_arm(&outgoing->pump);
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
    outgoing_trust_clock(outgoing);
    deferred_init(&outgoing->pump, agent->parts.loop, pump, outgoing);
    timer_init(&outgoing->tick, agent->parts.loop, on_tick, outgoing);
    timer_init(&outgoing->gather, agent->parts.loop, on_gathered, outgoing);
    if (!load_wanted_keys(outgoing, fault)) {
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
    timer_cancel(&outgoing->gather);
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
    map_clear(&outgoing->busy);
    outgoing_stop(outgoing);
    free(outgoing);
}

void outgoing_wake(struct outgoing *outgoing)
{
    deferred_arm(&outgoing->pump);
}

void outgoing_new_mail(struct outgoing *outgoing)
{
    if (!timer_is_armed(&outgoing->gather)) {
        deferred_arm(&outgoing->pump);
    }
}

void outgoing_step_ended(struct outgoing *outgoing, int64_t id)
{
    free(map_remove_u64(&outgoing->busy, (uint64_t)id));
}

/* ---- queued and awaiting-key: is there a key? ---- */

static void fail(struct agent *agent, const struct outgoing_row *row, enum report_why why,
                 const char *reason)
{
    struct outgoing_step *step = outgoing_step_new(agent, STEP_FAIL, row);
    step->why = why;
    (void)snprintf(step->reason, sizeof(step->reason), "%s", reason);
    outgoing_step_submit_take(step);
}

/* Has the clock gone on evenly of late? */
static bool clock_is_steady(struct outgoing *outgoing)
{
    int64_t now_sec = clock_now_sec();
    int64_t now_ms = clock_mono_ms();
    if (!pruning_is_steady(now_sec - outgoing->clock_sec, (now_ms - outgoing->mono_ms) / 1000)) {
        log_warn("agent", "the clock stepped; no mail is given up for an hour");
        outgoing->stepped_ms = now_ms;
    }
    outgoing->clock_sec = now_sec;
    outgoing->mono_ms = now_ms;
    return outgoing->stepped_ms == 0 || now_ms - outgoing->stepped_ms >= STEADY_AGAIN_MS;
}

void outgoing_trust_clock(struct outgoing *outgoing)
{
    outgoing->clock_sec = clock_now_sec();
    outgoing->mono_ms = clock_mono_ms();
    outgoing->stepped_ms = 0;
}

static bool has_given_up(const struct agent *agent, const struct outgoing_row *row)
{
    return clock_is_steady(agent->outgoing) &&
           clock_now_sec() - row->accepted_sec >= agent->parts.settings->agent.give_up_after_sec;
}

static void ask_for_key(struct agent *agent, const struct outgoing_row *row,
                        const struct address *address)
{
    if (row->state == OUTGOING_AWAITING_KEY && has_given_up(agent, row)) {
        fail(agent, row, REPORT_WHY_NO_KEY,
             "the recipient's key never came: his Bitmessage was not running all that time, or the "
             "address is not in use");
        return;
    }
    struct outgoing_step *step = outgoing_step_new(agent, STEP_ASK, row);
    step->address = *address;
    step->ttl_sec =
        lifetime_strayed(lifetime_doubled(GETPUBKEY_TTL_SEC, row->tries), agent_jitter_sec(agent));
    step->tries = row->tries + 1;
    outgoing_step_submit_take(step);
}

/* What a question at the node's store leads back to. */
struct looking {
    struct agent *agent;
    int64_t id;
    struct address address;
};

static void looked_up(void *context, enum pubkeys_answer answer, const struct sender *found)
{
    struct looking *looking = context;
    struct agent *agent = looking->agent;
    struct arena arena = {0};
    struct outgoing_row row;
    if (agent->closing) {
        free(looking);
        return;
    }
    if (answer == PUBKEYS_NOBODY_SAYS ||
        !outgoing_read(agent_reader(agent), &row, looking->id, &arena, NULL)) {
        outgoing_step_ended(agent->outgoing, looking->id);
    } else if (found != NULL) {
        struct outgoing_step *step = outgoing_step_new(agent, STEP_KEY_FOUND, &row);
        step->sender = *found;
        outgoing_step_submit_take(step);
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
    /* From now on, or it could arrive between the node's look and its answer. */
    pubkeys_want(agent->pubkeys, address);
    pubkeys_look_up(agent->pubkeys, address, (struct pubkeys_done){looked_up, looking});
}

/* With the key at hand: is the mail one that can be sent to it? */
static void begin_work(struct agent *agent, const struct outgoing_row *row,
                       const struct message_target *target)
{
    struct buf reason = {0};
    enum message_verdict verdict = message_judge(row, target, agent->parts.settings, &reason);
    if (verdict == MESSAGE_TOO_DEAR) {
        struct work_cost cost = {0};
        message_add_cost(&cost, row, target, agent->parts.settings);
        buf_append_str(&reason, ": ");
        work_cost_write(&reason, &cost, agent_trials_per_sec(agent));
    }
    if (verdict == MESSAGE_IMPOSSIBLE) {
        fail(agent, row, REPORT_WHY_UNREADABLE, buf_str(&reason));
    } else {
        bool is_dear = verdict == MESSAGE_TOO_DEAR;
        struct outgoing_step *step =
            outgoing_step_new(agent, is_dear ? STEP_HOLD : STEP_BEGIN_WORK, row);
        step->why = is_dear ? REPORT_WHY_TOO_DEAR : REPORT_WHY_NONE;
        (void)snprintf(step->reason, sizeof(step->reason), "%s", buf_str(&reason));
        outgoing_step_submit_take(step);
    }
    buf_clear(&reason);
}

static void end_row(struct agent *agent, const struct outgoing_row *row)
{
    outgoing_step_ended(agent->outgoing, row->id);
}

static void step_waiting(struct agent *agent, const struct outgoing_row *row)
{
    struct message_target target;
    struct fault fault = {0};
    enum message_target_result result =
        message_find_target(&target, row, &agent->keyring, agent_reader(agent), &fault);
    if (result == MESSAGE_TARGET_FOUND && message_waits_for_keys(row, &agent->keyring)) {
        end_row(agent, row);
    } else if (result == MESSAGE_TARGET_FOUND) {
        begin_work(agent, row, &target);
    } else if (result == MESSAGE_TARGET_BROKEN) {
        fail(agent, row, REPORT_WHY_RECIPIENT, fault.text);
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
    struct outgoing_step *step = outgoing_step_new(agent, STEP_JOB, row);
    step->object = *object_take;
    *object_take = (struct buf){0};
    step->job_kind = kind;
    step->demand = demand;
    step->ttl_sec = time->ttl_sec;
    step->expires_sec = time->expires_sec;
    outgoing_step_submit_take(step);
}

static struct message_plan_time strayed_from_now(int64_t sec, int64_t jitter_sec)
{
    int64_t ttl_sec = lifetime_strayed(sec, jitter_sec);
    return (struct message_plan_time){ttl_sec, clock_now_sec() + ttl_sec};
}

static void build_ack(struct agent *agent, const struct outgoing_row *row, int64_t ttl_sec)
{
    struct buf object = {0};
    struct message_plan_time time = strayed_from_now(ack_ttl_sec(ttl_sec), agent_jitter_sec(agent));
    ack_write_object(&object, (uint64_t)time.expires_sec, row->ackdata);
    submit_job(agent, row, JOB_ACK, &object, &time, (struct pow_demand){0});
}

static void build_message(struct agent *agent, const struct outgoing_row *row,
                          const struct message_target *target, int64_t ttl_sec)
{
    struct buf object = {0};
    struct fault fault = {0};
    struct message_plan_time time = strayed_from_now(ttl_sec, agent_jitter_sec(agent));
    const struct message_order order = {
        .row = row,
        .target = target,
        .keyring = &agent->keyring,
        .settings = agent->parts.settings,
        .time = time,
    };
    if (!message_build(&object, &order, agent_reader(agent), &fault)) {
        buf_clear(&object);
        fail(agent, row, REPORT_WHY_SENDER, fault.text);
        return;
    }
    submit_job(agent, row, row->kind == OUTGOING_TO_SUBSCRIBERS ? JOB_BROADCAST : JOB_MESSAGE,
               &object, &time, target->demand);
}

static void step_working(struct agent *agent, const struct outgoing_row *row)
{
    struct message_target target;
    struct fault fault = {0};
    if (message_waits_for_keys(row, &agent->keyring)) {
        end_row(agent, row);
        return;
    }
    if (message_find_target(&target, row, &agent->keyring, agent_reader(agent), &fault) !=
        MESSAGE_TARGET_FOUND) {
        fail(agent, row, REPORT_WHY_RECIPIENT,
             fault.code != FAULT_NONE ? fault.text : "the recipient's key is gone");
        return;
    }
    int64_t ttl_sec = message_ttl_sec(row);
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
            agent, row, REPORT_WHY_NO_ACK,
            "it was sent, but no acknowledgement came in all that time: the recipient's Bitmessage "
            "was not running. It may have arrived all the same");
        return;
    }
    if (message_waits_for_keys(row, &agent->keyring)) {
        end_row(agent, row);
        return;
    }
    struct outgoing_step *step = outgoing_step_new(agent, STEP_RESEND, row);
    step->why = REPORT_WHY_NO_ACK;
    outgoing_step_submit_take(step);
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
        outgoing_step_ended(outgoing, id);
    } else if (row.state == OUTGOING_QUEUED || row.state == OUTGOING_AWAITING_KEY) {
        step_waiting(agent, &row);
    } else if (row.state == OUTGOING_WORKING) {
        step_working(agent, &row);
    } else if (row.state == OUTGOING_SENT) {
        step_sent(agent, &row);
    } else {
        outgoing_step_ended(outgoing, id);
    }
    arena_clear(&arena);
}

/* ---- choosing rows ---- */

/* Rows that wait for locked keys are left out: they would stand in front of those that don't. */
static void bind_open_keys(struct outgoing *outgoing, struct db_stmt *stmt)
{
    struct buf ids = {0};
    key_lock_write_open_ids(outgoing->agent->lock, &ids);
    db_bind_text(stmt, 3, buf_str(&ids));
    buf_clear(&ids);
}

/* Ids that `sql` gives and that nothing is under way for. Parameters: ?1 = now, ?2 = how many, ?3 =
 * which keys are open. */
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
    bind_open_keys(outgoing, stmt);
    while (n_ids < max_ids && db_step(stmt, NULL) == DB_ROW) {
        int64_t id = db_column_i64(stmt, 0);
        if (map_get_u64(&outgoing->busy, (uint64_t)id) == NULL) {
            ids[n_ids++] = id;
        }
    }
    db_reset(stmt);
    return n_ids;
}

/* The numbers in these are those of enum outgoing_state and object_job_step. A moment that is
 * further away than any was ever set was set by a clock that was wrong: it has come. */
#define IS_DUE "(next_sec <= ?1 OR next_sec > ?1 + 4838400)" /* twice LIFETIME_MOST_SEC */
#define KEYS_ARE_OPEN                                                                              \
    "NOT EXISTS (SELECT 1 FROM outgoing_mail m JOIN identity i ON i.account_id = m.account_id"     \
    " AND i.address = m.sender WHERE m.id = outgoing.mail_id"                                      \
    " AND i.lock_id NOT IN (SELECT value FROM json_each(?3)))"
static const char working_sql[] =
    "SELECT id FROM outgoing WHERE state = 2 AND ?1 > 0 AND NOT EXISTS (SELECT 1 FROM object_job j"
    " WHERE j.outgoing_id = outgoing.id AND j.step IN (0, 1, 4)) AND " KEYS_ARE_OPEN
    " ORDER BY id LIMIT ?2";
static const char due_sql[] =
    "SELECT id FROM outgoing WHERE state IN (1, 4) AND next_sec > 0 AND " IS_DUE
    " AND (" KEYS_ARE_OPEN " OR state = 1 AND NOT EXISTS (SELECT 1 FROM pubkey p"
    " WHERE p.address = outgoing.recipient)) ORDER BY next_sec LIMIT ?2";
static const char queued_sql[] = "SELECT id FROM outgoing WHERE state = 0 AND " IS_DUE
                                 " AND " KEYS_ARE_OPEN " ORDER BY id LIMIT ?2";
static const char at_work_sql[] =
    "SELECT count(*) FROM outgoing WHERE state = 2 AND ?1 > 0 AND ?2 > 0 AND " KEYS_ARE_OPEN;

static int64_t count_at_work(struct outgoing *outgoing)
{
    struct db_stmt *stmt = db_prepare(agent_reader(outgoing->agent), at_work_sql, NULL);
    if (stmt == NULL) {
        return OUTGOING_MAX_AT_WORK;
    }
    db_bind_i64(stmt, 1, 1);
    db_bind_i64(stmt, 2, 1);
    bind_open_keys(outgoing, stmt);
    int64_t n = db_step(stmt, NULL) == DB_ROW ? db_column_i64(stmt, 0) : OUTGOING_MAX_AT_WORK;
    db_reset(stmt);
    return n;
}

/* One new mail goes on at once. Of many that come one after the other, those of a moment go on
 * together, with one look at the queue and one commit: unless there are as many as fit. */
static size_t collect_new(struct outgoing *outgoing, int64_t *ids, size_t max_ids)
{
    if (timer_is_armed(&outgoing->gather)) {
        return 0;
    }
    int64_t room = OUTGOING_MAX_AT_WORK - count_at_work(outgoing);
    size_t max_new = room <= 0 ? 0 : (size_t)room;
    if (max_new > max_ids) {
        max_new = max_ids;
    }
    /* Those under way also stand in front of the table: look past them. */
    size_t n_new =
        collect(outgoing, ids, max_new, queued_sql, (int64_t)(max_new + outgoing->busy.n_items));
    if (n_new > 0 && n_new < max_new) {
        timer_arm(&outgoing->gather, OUTGOING_GATHER_MS);
    }
    return n_new;
}

static void pump(void *context)
{
    struct outgoing *outgoing = context;
    int64_t ids[OUTGOING_BATCH];
    size_t n_ids = collect(outgoing, ids, OUTGOING_BATCH, working_sql, OUTGOING_BATCH);
    n_ids += collect(outgoing, ids + n_ids, OUTGOING_BATCH - n_ids, due_sql, OUTGOING_BATCH);
    n_ids += collect_new(outgoing, ids + n_ids, OUTGOING_BATCH - n_ids);
    for (size_t i = 0; i < n_ids; i++) {
        step_row(outgoing, ids[i]);
    }
}
