// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/incoming/walk_internal.h"
#include "gateway/store/mail_txn.h"

enum { REOFFER_SPREAD_SEC = 3600 /* a burst would show which objects are of one maker */ };

/* By value to the writer thread. */
struct mark_write {
    struct walks *walks;
    struct agent *agent;
    struct walk_mark mark;
    bool is_end;  /* of a pending walk */
    bool is_anew; /* and then: */
    bool had_epoch;
    int64_t needless_id;
    int64_t now_sec;
};

static bool run_mark(struct mail_txn *txn, void *job, struct fault *fault)
{
    const struct mark_write *write = job;
    struct db *db = mail_txn_db(txn);
    if (write->is_end) {
        return walk_write_ended(db, &write->mark, fault);
    }
    return walk_write(db, &write->mark, fault) &&
           (!write->is_anew || walk_write_ended_up_to(db, write->needless_id, fault)) &&
           (!write->is_anew || !write->had_epoch ||
            object_jobs_offer_again(db, write->now_sec, REOFFER_SPREAD_SEC, fault));
}

static struct walk *find_by_id(struct walks *walks, int64_t id)
{
    if (id == WALK_LIVE) {
        return &walks->live;
    }
    list_for_each(node, &walks->pending)
    {
        struct walk *walk = list_entry(node, struct walk, node);
        if (walk->row.mark.id == id) {
            return walk;
        }
    }
    return NULL;
}

static void mark_done(void *job, const struct fault *fault)
{
    struct mark_write *write = job;
    struct walk *walk = write->agent->closing ? NULL : find_by_id(write->walks, write->mark.id);
    if (walk != NULL && fault != NULL) {
        log_warn("agent", "cursor not written reason=\"%s\"", fault->text);
        walk->row.mark.number = 0; /* no longer the cursor: it is written again */
        walk->is_ended = false;
        write->walks->is_anew = write->walks->is_anew || write->is_anew;
        timer_arm(&write->walks->flush, FLUSH_MS);
    } else if (walk != NULL && write->is_end) {
        walk_free(walk);
    } else if (walk != NULL && write->is_anew) {
        object_jobs_wake(write->agent->jobs);
    }
    free(write);
}

static struct mark_write *write_new(struct walks *walks, const struct walk *walk)
{
    struct mark_write *write = xcalloc(1, sizeof(*write));
    write->walks = walks;
    write->agent = walks->agent;
    write->mark = walk->row.mark;
    write->now_sec = clock_now_sec();
    return write;
}

void walk_write_mark(struct walks *walks, struct walk *walk)
{
    walk->row.mark.number = walk->cursor;
    struct mark_write *write = write_new(walks, walk);
    if (walk_is_live(walk) && walks->is_anew) {
        walks->is_anew = false;
        write->is_anew = true;
        write->had_epoch = walks->had_epoch;
        write->needless_id = walks->needless_id;
    }
    agent_write(walks->agent, run_mark, mark_done, write);
}

void walk_write_end(struct walks *walks, struct walk *walk)
{
    struct mark_write *write = write_new(walks, walk);
    walk->is_ended = true;
    write->is_end = true;
    agent_write(walks->agent, run_mark, mark_done, write);
}

bool walk_is_unwritten(const struct walk *walk)
{
    return walk->cursor != walk->row.mark.number && !walk->is_ended;
}

void walks_flush(void *context)
{
    struct walks *walks = context;
    if (walks->is_anew || walk_is_unwritten(&walks->live)) {
        walk_write_mark(walks, &walks->live);
    }
    list_for_each(node, &walks->pending)
    {
        struct walk *walk = list_entry(node, struct walk, node);
        if (walk->scan != 0 && walk_is_unwritten(walk)) {
            walk_write_mark(walks, walk);
        }
    }
    walks_begin_pending(walks); /* those whose end could not be written are struck off again */
}
