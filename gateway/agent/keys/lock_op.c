// SPDX-License-Identifier: MIT
/* One operation with a passphrase at a time: from the call, through the pool and a transaction, to
 * the answer (key_lock.h has the picture). */
#include "gateway/agent/keys/key_lock_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/db.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/process.h"
#include "gateway/agent/incoming/kept_objects.h"
#include "gateway/agent/keys/lock_try.h"
#include "gateway/agent/keys/pubkey_ahead.h"
#include "gateway/store/mail_txn.h"
#include "gateway/store/store.h"

/* ---- an operation ---- */

struct lock_op {
    struct agent *agent;
    enum lock_op_kind { OP_SET, OP_CHANGE, OP_OPEN, OP_REMOVE } kind;
    struct agent_done done; /* .call NULL: the log is told */
    struct deferred answer; /* of a refusal */
    struct fault fault;
    bool is_wrong; /* what is written is one more wrong passphrase */

    struct lock_try try;
    struct lock_secrets secrets; /* OPEN, REMOVE: what was open, and what the passphrase opens */
    struct lock_cost cost;
    struct lock_box box;              /* SET, CHANGE: the new one */
    struct lock_secret *created;      /* SET */
    struct pubkey_ahead_order *ahead; /* SET: of the first identities; their keys are ... */
    struct identity_keys *ahead_keys; /* ... these */
    size_t n_ahead;
    bool seals_all;
    bool any_sealed; /* in the transaction, that stood in clear before */
    int64_t lock_id; /* SET */
};

static void op_free(struct lock_op *op)
{
    deferred_cancel(&op->answer);
    lock_try_clear(&op->try);
    lock_secrets_clear(&op->secrets);
    lock_secret_unref(&op->created);
    if (op->ahead_keys != NULL) {
        mem_wipe(op->ahead_keys, op->n_ahead * sizeof(*op->ahead_keys));
    }
    free(op->ahead_keys);
    free(op->ahead);
    free(op);
}

static void tell_log(const struct fault *fault)
{
    if (fault != NULL) {
        log_error("agent", "the keys stay locked: the passphrase given at start: %s", fault->text);
    } else {
        log_info("agent", "keys unlocked at start");
    }
}

static void op_end(struct lock_op *op, const struct fault *fault)
{
    struct agent_done done = op->done;
    struct fault kept = fault == NULL ? (struct fault){0} : *fault;
    bool closing = op->agent->closing;
    if (!closing) {
        op->agent->lock->is_busy = false;
    }
    op_free(op);
    if (!closing && done.call != NULL) {
        done.call(done.context, fault == NULL ? NULL : &kept, "", 0);
    } else if (!closing) {
        tell_log(fault == NULL ? NULL : &kept);
    }
}

/* Refused before it began: nothing of the lock's is its own. */
static void answer_refused(void *context)
{
    struct lock_op *op = context;
    struct agent_done done = op->done;
    struct fault fault = op->fault;
    bool closing = op->agent->closing;
    op_free(op);
    if (!closing && done.call != NULL) {
        done.call(done.context, &fault, "", 0);
    } else if (!closing) {
        tell_log(&fault);
    }
}

static struct lock_op *op_new(struct agent *agent, enum lock_op_kind kind, struct agent_done done)
{
    struct lock_op *op = xcalloc(1, sizeof(*op));
    uint32_t memory_kib = (uint32_t)(agent->parts.settings->agent.lock_memory_bytes / 1024);
    op->agent = agent;
    op->kind = kind;
    op->done = done;
    op->cost = (struct lock_cost){LOCK_PASSES, memory_kib};
    op->seals_all = agent->parts.settings->agent.lock == LOCK_ALL;
    deferred_init(&op->answer, agent->parts.loop, answer_refused, op);
    return op;
}

/* ---- after the commit, in the loop ---- */

static void adopt(struct lock_secrets *open, int64_t lock_id, struct lock_secret *secret)
{
    if (lock_secrets_find(open, lock_id) == NULL && open->n_items < LOCK_MAX_ROWS) {
        open->items[open->n_items].lock_id = lock_id;
        open->items[open->n_items++].secret = lock_secret_ref(secret);
    }
}

static void adopt_all(struct lock_secrets *open, const struct lock_secrets *more)
{
    for (size_t i = 0; i < more->n_items; i++) {
        adopt(open, more->items[i].lock_id, more->items[i].secret);
    }
}

static bool take_over(struct lock_op *op)
{
    struct key_lock *lock = op->agent->lock;
    switch (op->kind) {
    case OP_SET:
        lock_secrets_clear(&lock->open);
        adopt(&lock->open, op->lock_id, op->created);
        log_info("agent", "keys are under a passphrase from now on");
        break;
    case OP_OPEN:
        adopt_all(&lock->open, &op->try.opened);
        log_info("agent", "keys unlocked");
        break;
    case OP_REMOVE:
        lock_secrets_clear(&lock->open);
        log_info("agent", "keys are under no passphrase any more");
        break;
    case OP_CHANGE:
        log_info("agent", "passphrase changed");
        break;
    }
    lock->n_wrong = 0;
    lock->not_before_ms = 0;
    return key_lock_keys_changed(op->agent, op->kind == OP_OPEN ? &op->try.keys : NULL);
}

static void written(void *job, const struct fault *fault)
{
    struct lock_op *op = job;
    struct fault why = {0};
    if (op->is_wrong) {
        why = op->fault;
    } else if (fault != NULL) {
        why = *fault;
    } else if (!op->agent->closing && !take_over(op)) {
        (void)fault_set(&why, FAULT_IO, "it is written, but the keys could not be loaded");
    }
    op_end(op, why.code != FAULT_NONE ? &why : NULL);
}

/* What was in clear is gone when the answer is given, unless somebody reads the log just now. */
static void sealed_log_is_cut(void *job, const struct fault *fault)
{
    struct lock_op *op = job;
    if (fault != NULL && !op->agent->closing) {
        key_lock_cut_log_later(op->agent->lock);
    }
    written(op, NULL);
}

static void committed(void *job, const struct fault *fault)
{
    struct lock_op *op = job;
    bool leaves_old = fault == NULL && !op->is_wrong && (op->any_sealed || op->kind == OP_CHANGE);
    if (op->agent->closing || !leaves_old ||
        !store_cut_log(op->agent->parts.store, sealed_log_is_cut, op, NULL)) {
        written(op, fault);
    }
}

/* ---- the transaction ---- */

static bool run_set(struct db *db, struct lock_op *op, struct fault *fault)
{
    static const struct lock_secrets none;
    int64_t n_sealed = 0;
    bool ok = lock_db_count_sealed(db, &n_sealed, fault) &&
              (n_sealed == 0 || fault_set(fault, FAULT_BUSY, "an identity was made: try again")) &&
              db_exec(db, "DELETE FROM key_lock", fault) && /* that nothing is sealed to */
              lock_db_add(db, &op->lock_id, &op->box, fault) &&
              lock_db_arrange(db, &none, op->seals_all, &op->any_sealed, fault);
    for (size_t i = 0; ok && i < op->n_ahead; i++) {
        ok = pubkey_ahead_write(db, &op->ahead[i], fault);
    }
    return ok;
}

static bool run_write(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct lock_op *op = job;
    struct db *db = mail_txn_db(txn);
    if (op->is_wrong) {
        return lock_db_count_wrong(db, true, fault);
    }
    switch (op->kind) {
    case OP_SET:
        return run_set(db, op, fault);
    case OP_CHANGE:
        return lock_db_change(db, op->try.rows.items[0].id, &op->box, fault);
    case OP_OPEN:
        return lock_db_count_wrong(db, false, fault) &&
               lock_db_arrange(db, &op->secrets, op->seals_all, &op->any_sealed, fault) &&
               kept_objects_catch_up(db, fault);
    case OP_REMOVE:
        return lock_db_remove(db, &op->secrets, fault) && kept_objects_catch_up(db, fault);
    }
    return true;
}

/* ---- in the pool ---- */

static bool compute(struct lock_op *op)
{
    const struct lock_try *try = &op->try;
    if (op->kind == OP_SET) {
        op->created = lock_box_new(&op->box, buf_view(&try->passphrase), op->cost, &op->fault);
        return op->created != NULL;
    }
    if (!lock_try_run(&op->try, op->kind == OP_OPEN, &op->fault)) {
        return false;
    }
    const struct lock_secret *main_secret = lock_secrets_find(&try->opened, try->rows.items[0].id);
    if (op->kind == OP_CHANGE && main_secret == NULL) {
        return fault_set(&op->fault, FAULT_DENIED, "that is not the passphrase");
    }
    return op->kind != OP_CHANGE ||
           lock_box_wrap(&op->box, main_secret, buf_view(&try->next), op->cost, &op->fault);
}

static void run_compute(void *job, const struct pool_token *token)
{
    struct lock_op *op = job;
    if (!pool_is_cancelled(token) && !compute(op) && op->fault.code == FAULT_NONE) {
        (void)fault_set(&op->fault, FAULT_INTERNAL, "a passphrase failed without a reason");
    }
}

static void count_wrong(struct lock_op *op)
{
    struct key_lock *lock = op->agent->lock;
    lock->n_wrong++;
    lock->not_before_ms = clock_mono_ms() + key_lock_wait_ms(lock->n_wrong);
    log_warn("agent", "wrong passphrase n=%u", (unsigned)lock->n_wrong);
    op->is_wrong = true;
    agent_write(op->agent, run_write, committed, op);
}

static void computed(void *job, bool was_cancelled)
{
    struct lock_op *op = job;
    if (op->agent->closing || was_cancelled) {
        struct fault fault = {0};
        (void)fault_set(&fault, FAULT_CANCELLED, "the gateway stops");
        op_end(op, &fault);
    } else if (op->fault.code == FAULT_DENIED) {
        count_wrong(op);
    } else if (op->fault.code != FAULT_NONE) {
        struct fault fault = op->fault;
        op_end(op, &fault);
    } else {
        op->secrets = lock_secrets_ref(&op->agent->lock->open);
        adopt_all(&op->secrets, &op->try.opened);
        agent_write(op->agent, run_write, committed, op);
    }
}

/* ---- beginning ---- */

/* The public keys of the first identities are signed with the sealing itself: whoever sets a
 * passphrase and locks at once is asked for them, too. */
static void take_ahead(struct lock_op *op)
{
    const struct keyring *keyring = &op->agent->keyring;
    int64_t now_sec = clock_now_sec();
    op->ahead = xcalloc(PUBKEY_AHEAD_AT_ONCE, sizeof(*op->ahead));
    op->ahead_keys = xcalloc(PUBKEY_AHEAD_AT_ONCE, sizeof(*op->ahead_keys));
    for (size_t i = 0; i < keyring->n_own && op->n_ahead < PUBKEY_AHEAD_AT_ONCE; i++) {
        const struct own_key *own = &keyring->own[i];
        if (own->kind == IDENTITY_OWN && own->can_sign) {
            op->ahead_keys[op->n_ahead] = own->keys;
            op->ahead[op->n_ahead] = pubkey_ahead_order_of(own, now_sec);
            op->ahead[op->n_ahead].keys = &op->ahead_keys[op->n_ahead];
            op->n_ahead++;
        }
    }
}

static bool take_passphrase(struct buf *out, const char *passphrase, struct fault *fault)
{
    size_t len = passphrase == NULL ? 0 : strlen(passphrase);
    if (len == 0) {
        return fault_set(fault, FAULT_INVALID, "an empty passphrase is none");
    }
    if (len > LOCK_MAX_PASSPHRASE_BYTES) {
        return fault_set(fault, FAULT_LIMIT, "a passphrase has at most %d bytes",
                         (int)LOCK_MAX_PASSPHRASE_BYTES);
    }
    buf_reserve(out, len); /* growing would leave a copy */
    buf_append(out, passphrase, len);
    return true;
}

static void begin(struct lock_op *op)
{
    struct agent *agent = op->agent;
    if (key_lock_may_begin(agent->lock, op->kind == OP_SET, &op->fault) &&
        (op->kind != OP_REMOVE || key_lock_none_is_lost(agent->lock, &op->fault)) &&
        (op->kind == OP_SET ||
         lock_try_read(&op->try, agent_reader(agent), op->kind == OP_OPEN, &op->fault)) &&
        pool_submit(agent->parts.pool, POOL_URGENT, run_compute, computed, op, &op->fault) != 0) {
        agent->lock->is_busy = true;
    } else {
        deferred_arm(&op->answer);
    }
}

void agent_lock_set(struct agent *agent, const char *old, const char *passphrase,
                    struct agent_done done)
{
    int64_t n_sealed = 1;
    struct fault fault = {0};
    bool ok = agent->lock->rows.n_items == 0 ||
              lock_db_count_sealed(agent_reader(agent), &n_sealed, &fault);
    bool is_first = agent->lock->rows.n_items == 0 || n_sealed == 0;
    struct lock_op *op = op_new(agent, is_first ? OP_SET : OP_CHANGE, done);
    if (is_first) {
        ok = ok && take_passphrase(&op->try.passphrase, passphrase, &fault);
        take_ahead(op);
    } else {
        ok =
            ok &&
            (old != NULL || fault_set(&fault, FAULT_INVALID,
                                      "there is a passphrase: the old one has to be given, too")) &&
            take_passphrase(&op->try.passphrase, old, &fault) &&
            take_passphrase(&op->try.next, passphrase, &fault);
    }
    if (ok) {
        begin(op);
    } else {
        op->fault = fault;
        deferred_arm(&op->answer);
    }
}

static void begin_with(struct agent *agent, enum lock_op_kind kind, const char *passphrase,
                       struct agent_done done)
{
    struct lock_op *op = op_new(agent, kind, done);
    if (take_passphrase(&op->try.passphrase, passphrase, &op->fault)) {
        begin(op);
    } else {
        deferred_arm(&op->answer);
    }
}

void agent_lock_open(struct agent *agent, const char *passphrase, struct agent_done done)
{
    begin_with(agent, OP_OPEN, passphrase, done);
}

void agent_lock_remove(struct agent *agent, const char *passphrase, struct agent_done done)
{
    begin_with(agent, OP_REMOVE, passphrase, done);
}

void agent_lock_open_from_take(struct agent *agent, int fd)
{
    char line[LOCK_MAX_PASSPHRASE_BYTES + 2] = "";
    struct fault fault = {0};
    size_t len = 0;
    bool ok = file_read_up_to(fd, (uint8_t *)line, sizeof(line) - 1, &len, &fault);
    process_close_fd(&fd);
    line[strcspn(line, "\r\n")] = '\0';
    if (!ok) {
        tell_log(&fault);
    } else if (agent->lock->rows.n_items > 0 || agent->keyring.n_sealed > 0) {
        begin_with(agent, OP_OPEN, line, (struct agent_done){0});
    } else {
        log_info("agent", "a passphrase is given at start, and the keys are under none");
    }
    mem_wipe(line, sizeof(line));
}
