// SPDX-License-Identifier: MIT
#include "gateway/agent/keys/key_lock_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "gateway/agent/incoming/incoming.h"
#include "gateway/agent/incoming/kept_objects.h"
#include "gateway/agent/incoming/walk.h"
#include "gateway/agent/keys/pubkey_ahead.h"
#include "gateway/store/store.h"

enum { CUT_RETRY_MS = 1000 };

/* ---- what the others ask ---- */

const struct lock_secrets *key_lock_open_secrets(const struct key_lock *lock)
{
    return &lock->open;
}

void key_lock_write_open_ids(const struct key_lock *lock, struct buf *out)
{
    buf_append_str(out, "[0");
    for (size_t i = 0; i < lock->open.n_items; i++) {
        buf_printf(out, ",%" PRId64, lock->open.items[i].lock_id);
    }
    buf_append_str(out, "]");
}

static bool is_there(const struct lock_rows *rows, int64_t lock_id)
{
    for (size_t i = 0; i < rows->n_items; i++) {
        if (rows->items[i].id == lock_id) {
            return true;
        }
    }
    return false;
}

/* Identities whose lock mail.db no longer has: its row was lost, and a backup may have it. */
static size_t count_lost(const struct key_lock *lock)
{
    const struct keyring *keyring = &lock->agent->keyring;
    size_t n = 0;
    for (size_t i = 0; keyring->n_sealed > 0 && i < keyring->n_own; i++) {
        int64_t lock_id = keyring->own[i].lock_id;
        n += lock_id != 0 && !is_there(&lock->rows, lock_id) ? 1 : 0;
    }
    return n;
}

bool key_lock_none_is_lost(const struct key_lock *lock, struct fault *fault)
{
    size_t n_lost = count_lost(lock);
    return n_lost == 0 ||
           fault_set(fault, FAULT_CORRUPT,
                     "mail.db no longer has what opens the keys of %zu of the identities: go back"
                     " to a backup that has it (bittern restore FILE), or delete those identities",
                     n_lost);
}

bool agent_keys_are_open(struct agent *agent, struct fault *fault)
{
    return key_lock_none_is_lost(agent->lock, fault) &&
           ((agent->keyring.n_unsigning == 0 && agent->keyring.n_unreadable == 0) ||
            fault_set(fault, FAULT_DENIED, "the keys are locked: bittern unlock"));
}

int64_t key_lock_wait_ms(uint32_t n_wrong)
{
    int64_t wait_ms = n_wrong == 0 ? 0 : KEY_LOCK_FIRST_WAIT_MS;
    for (uint32_t i = 1; i < n_wrong && wait_ms < KEY_LOCK_MOST_WAIT_MS; i++) {
        wait_ms *= 2;
    }
    return wait_ms < KEY_LOCK_MOST_WAIT_MS ? wait_ms : KEY_LOCK_MOST_WAIT_MS;
}

static int64_t left_ms(const struct key_lock *lock)
{
    int64_t left = lock->not_before_ms - clock_mono_ms();
    return left > 0 ? left : 0;
}

struct agent_lock_status agent_lock_status(struct agent *agent)
{
    const struct key_lock *lock = agent->lock;
    const struct keyring *keyring = &agent->keyring;
    const struct kept_status kept = kept_objects_status(agent->kept);
    size_t n_rows = lock->rows.n_items;
    bool is_set = n_rows > 0 || keyring->n_sealed > 0;
    return (struct agent_lock_status){
        .is_set = is_set,
        .is_locked = is_set && (keyring->n_unsigning > 0 || keyring->n_undecrypted > 0 ||
                                lock->open.n_items == 0),
        .seals_all = n_rows > 0 && lock->rows.items[0].seals_all,
        .n_sealed = keyring->n_sealed,
        .n_locked = keyring->n_unsigning,
        .n_lost = count_lost(lock),
        .wait_sec = (left_ms(lock) + 999) / 1000,
        .answers_until_sec = is_set ? pubkeys_ahead_until_sec(agent) : 0,
        .n_kept = kept.n_objects,
        .kept_bytes = kept.n_bytes,
        .kept_is_full = kept.is_full,
    };
}

/* ---- what an operation asks and leaves ---- */

bool key_lock_may_begin(const struct key_lock *lock, bool is_first, struct fault *fault)
{
    if (lock->rows.n_items == 0 && !key_lock_none_is_lost(lock, fault)) {
        return false;
    }
    if (lock->rows.n_items == 0 && !is_first) {
        return fault_set(fault, FAULT_NOT_FOUND, "there is no passphrase: the keys are not locked");
    }
    if (lock->is_busy) {
        return fault_set(fault, FAULT_BUSY, "a passphrase is being tried: one at a time");
    }
    int64_t wait_ms = is_first ? 0 : left_ms(lock);
    return wait_ms == 0 ||
           fault_set(fault, FAULT_BUSY, "after a wrong passphrase: wait %lld seconds",
                     (long long)((wait_ms + 999) / 1000));
}

bool key_lock_keys_changed(struct agent *agent, const struct opened_keys *opened)
{
    struct fault fault = {0};
    struct key_lock *lock = agent->lock;
    if (!lock_db_read(agent_reader(agent), &lock->rows, &fault) ||
        !keyring_load(&agent->keyring, agent_reader(agent), &lock->open, opened, &fault)) {
        log_error("agent", "keys not loaded reason=\"%s\"", fault.text);
        return false;
    }
    walks_keys_changed(incoming_walks(agent->incoming));
    kept_objects_wake(agent->kept);
    pubkeys_ahead_wake(agent->ahead);
    agent_queue_changed(agent);
    return true;
}

/* ---- the log, where keys stood in clear ---- */

void key_lock_cut_log_later(struct key_lock *lock)
{
    timer_arm(&lock->cut, CUT_RETRY_MS);
}

static void log_is_cut(void *job, const struct fault *fault)
{
    struct agent *agent = job;
    if (fault != NULL && !agent->closing) {
        key_lock_cut_log_later(agent->lock);
    }
}

static void cut_log(void *context)
{
    struct key_lock *lock = context;
    struct fault fault = {0};
    if (!store_cut_log(lock->agent->parts.store, log_is_cut, lock->agent, &fault)) {
        key_lock_cut_log_later(lock);
    }
}

/* ---- closing ---- */

struct closing {
    struct agent_done done;
    struct fault fault;
};

static void answer_closing(void *context)
{
    struct closing *closing = context;
    struct agent_done done = closing->done;
    struct fault fault = closing->fault;
    free(closing);
    done.call(done.context, fault.code == FAULT_NONE ? NULL : &fault, "", 0);
}

void agent_lock_close(struct agent *agent, struct agent_done done)
{
    struct closing *closing = xcalloc(1, sizeof(*closing));
    closing->done = done;
    if (key_lock_may_begin(agent->lock, false, &closing->fault) ||
        (closing->fault.code == FAULT_BUSY && !agent->lock->is_busy)) { /* no need to wait */
        closing->fault = (struct fault){0};
        lock_secrets_clear(&agent->lock->open);
        if (key_lock_keys_changed(agent, NULL)) {
            walks_keys_locked(incoming_walks(agent->incoming));
            log_info("agent", "keys locked");
        } else {
            (void)fault_set(&closing->fault, FAULT_IO, "the keys could not be locked");
        }
    }
    loop_defer(agent->parts.loop, answer_closing, closing);
}

/* ---- life ---- */

struct key_lock *key_lock_new(struct agent *agent, struct fault *fault)
{
    struct key_lock *lock = xcalloc(1, sizeof(*lock));
    lock->agent = agent;
    timer_init(&lock->cut, agent->parts.loop, cut_log, lock);
    if (!lock_db_read(agent_reader(agent), &lock->rows, fault)) {
        key_lock_free(&lock);
        return NULL;
    }
    for (size_t i = 0; i < lock->rows.n_items; i++) {
        uint32_t n_wrong = lock->rows.items[i].n_wrong;
        lock->n_wrong = n_wrong > lock->n_wrong ? n_wrong : lock->n_wrong;
    }
    lock->not_before_ms = clock_mono_ms() + key_lock_wait_ms(lock->n_wrong);
    return lock;
}

void key_lock_stop(struct key_lock *lock)
{
    timer_cancel(&lock->cut);
}

void key_lock_free(struct key_lock **lock)
{
    if (*lock != NULL) {
        lock_secrets_clear(&(*lock)->open);
    }
    free(*lock);
    *lock = NULL;
}
