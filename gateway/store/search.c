// SPDX-License-Identifier: MIT
/* Searching text: a plain scan of the folded text, in the pool, a slice at a time.
 *
 * A slice is one job: it scans until SEARCH_SLICE_MESSAGES were seen or SEARCH_SLICE_MS have
 * passed, within one snapshot, and remembers where it stopped. Its hits are told and the next one
 * is queued, so that others get their turn and no snapshot is held for long. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/fault.h"
#include "base/pool.h"
#include "gateway/store/mail_db.h"
#include "gateway/store/store_internal.h"
#include "mailproto/imap/text_match.h"

enum { SEARCH_SLICE_MESSAGES = 4000, SEARCH_SLICE_MS = 50 };

/* Begins with the call that the session sees; its own `done` is not used. */
struct search_call {
    struct mailbox_call call;
    struct mailbox_search_done done; /* hits NULL: cancelled */
    struct db *reader;
    int64_t mailbox_id;
    uint64_t job_id;
    struct uid_set uids;
    size_t next_range;
    uint32_t next_uid; /* within it; 0: its first */
    struct mailbox_text_test *tests;
    size_t n_tests;
    const char *sql; /* reads no more than the tests look at */
    struct arena arena;

    struct mailbox_hit *hits;
    size_t n_hits;
    size_t hits_capacity;
    bool is_at_end;
    struct fault fault;
};

static void search_free(struct mailbox_call *base)
{
    struct search_call *call = (struct search_call *)base;
    uid_set_clear(&call->uids);
    arena_clear(&call->arena);
    free(call->hits);
}

static const char *statement_for(bool needs_header, bool needs_body)
{
#define SEARCH_ROWS " WHERE m.mailbox_id = ?1 AND m.uid BETWEEN ?2 AND ?3 ORDER BY m.uid"
    if (needs_header && needs_body) {
        return "SELECT m.uid, h.header_text, t.body_text FROM message m"
               " JOIN body_header h ON h.body_id = m.body_id"
               " JOIN body_text t ON t.body_id = m.body_id" SEARCH_ROWS;
    }
    return needs_body ? "SELECT m.uid, NULL, t.body_text FROM message m"
                        " JOIN body_text t ON t.body_id = m.body_id" SEARCH_ROWS
                      : "SELECT m.uid, h.header_text, NULL FROM message m"
                        " JOIN body_header h ON h.body_id = m.body_id" SEARCH_ROWS;
#undef SEARCH_ROWS
}

/* ---- On the worker ---- */

static void push_hit(struct search_call *call, const struct mailbox_hit *hit)
{
    call->hits = array_grow(call->hits, call->n_hits, &call->hits_capacity, sizeof(*call->hits));
    call->hits[call->n_hits++] = *hit;
}

/* Each UID that was asked for has a row, unless it was expunged since. */
static void note_gone(struct search_call *call, uint64_t first, uint64_t end)
{
    for (uint64_t uid = first; uid < end; uid++) {
        push_hit(call, &(struct mailbox_hit){.uid = (uint32_t)uid, .is_gone = true});
    }
}

static void match_row(struct search_call *call, struct db_stmt *stmt)
{
    const struct message_text text = {
        .header = db_column_bytes(stmt, 1),
        .body = db_column_bytes(stmt, 2),
    };
    uint64_t passed = text_match(call->tests, call->n_tests, &text);
    if (passed != 0) {
        push_hit(call,
                 &(struct mailbox_hit){.uid = (uint32_t)db_column_i64(stmt, 0), .passed = passed});
    }
}

struct slice {
    const struct pool_token *token;
    int64_t end_ms;
    unsigned n_messages;
};

static bool slice_is_over(const struct slice *slice)
{
    return slice->n_messages >= SEARCH_SLICE_MESSAGES || clock_mono_ms() >= slice->end_ms ||
           pool_is_cancelled(slice->token);
}

/* Scan [first, last]; where it stops early, next_uid says where to go on. */
static bool scan_range(struct search_call *call, struct slice *slice, uint32_t first, uint32_t last,
                       struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(call->reader, call->sql, fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, call->mailbox_id);
    db_bind_i64(stmt, 2, first);
    db_bind_i64(stmt, 3, last);
    enum db_step step;
    uint64_t next = first;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        uint32_t uid = (uint32_t)db_column_i64(stmt, 0);
        note_gone(call, next, uid);
        next = (uint64_t)uid + 1;
        match_row(call, stmt);
        slice->n_messages++;
        if (uid < last && slice_is_over(slice)) {
            call->next_uid = uid + 1;
            db_reset(stmt);
            return true;
        }
    }
    if (step == DB_DONE) {
        note_gone(call, next, (uint64_t)last + 1);
    }
    call->next_range++;
    call->next_uid = 0;
    return step == DB_DONE;
}

static void search_run(void *context, const struct pool_token *token)
{
    struct search_call *call = context;
    if (!call->reader) {
        call->reader = mail_db_open_reader(call->call.store->config.path, &call->fault);
    }
    if (!call->reader || !db_begin_read(call->reader, &call->fault)) {
        return;
    }
    struct slice slice = {.token = token, .end_ms = clock_mono_ms() + SEARCH_SLICE_MS};
    bool ok = true;
    while (ok && call->next_range < call->uids.n_ranges && !slice_is_over(&slice)) {
        const struct uid_range *range = &call->uids.ranges[call->next_range];
        uint32_t first = call->next_uid != 0 ? call->next_uid : range->first;
        ok = scan_range(call, &slice, first, range->last, &call->fault);
    }
    call->is_at_end = call->next_range == call->uids.n_ranges;
    db_rollback(call->reader); /* only the snapshot is let go */
}

/* ---- In the loop ---- */

static void search_end(struct search_call *call, const struct fault *fault)
{
    if (call->done.done) {
        call->done.done(call->done.context, fault);
    }
    store_give_reader(call->call.store, call->reader);
    call->reader = NULL;
    call->call.store->n_jobs--;
    call_free(&call->call);
}

static void submit(struct search_call *call);

static void search_done(void *context, bool was_cancelled)
{
    struct search_call *call = context;
    if (call->n_hits != 0 && call->done.hits) {
        call->done.hits(call->done.context, call->hits, call->n_hits);
    }
    call->n_hits = 0;
    if (call->fault.code != FAULT_NONE || call->is_at_end) {
        search_end(call, call->fault.code != FAULT_NONE ? &call->fault : NULL);
    } else if (was_cancelled || !call->done.done) {
        fault_set(&call->fault, FAULT_CANCELLED, "the search was ended");
        search_end(call, &call->fault);
    } else {
        submit(call);
    }
}

static void search_failed(void *context)
{
    struct search_call *call = context;
    search_end(call, &call->fault);
}

static void submit(struct search_call *call)
{
    struct mail_store *store = call->call.store;
    call->job_id =
        pool_submit(store->config.pool, POOL_NORMAL, search_run, search_done, call, &call->fault);
    if (call->job_id == 0) {
        loop_defer(store->config.loop, search_failed, call);
    }
}

static void search_cancelled(struct mailbox_call *base)
{
    struct search_call *call = (struct search_call *)base;
    call->done = (struct mailbox_search_done){0};
    pool_cancel(call->call.store->config.pool, call->job_id);
}

struct mailbox_call *store_search_text(struct mailbox *mailbox, const struct uid_set *uids,
                                       const struct mailbox_text_test *tests, size_t n_tests,
                                       struct mailbox_search_done done)
{
    struct mail_store *store = mailbox->shared->store;
    struct search_call *call = xcalloc(1, sizeof(*call));
    call_init(&call->call, store, (struct mailbox_done){0});
    call->call.free_call = search_free;
    call->call.cancelled = search_cancelled;
    call->done = done;
    call->reader = store_take_reader(store);
    call->mailbox_id = mailbox->shared->id;
    uid_set_copy(&call->uids, uids);
    call->tests = arena_alloc(&call->arena, n_tests * sizeof(*tests));
    call->n_tests = n_tests;
    bool needs_header = false;
    bool needs_body = false;
    for (size_t i = 0; i < n_tests; i++) {
        call->tests[i] = tests[i];
        call->tests[i].field.data =
            arena_memdup(&call->arena, tests[i].field.data, tests[i].field.len);
        call->tests[i].needle.data =
            arena_memdup(&call->arena, tests[i].needle.data, tests[i].needle.len);
        needs_header = needs_header || tests[i].where != MAILBOX_TEXT_BODY;
        needs_body = needs_body || tests[i].where != MAILBOX_TEXT_FIELD;
    }
    call->sql = statement_for(needs_header, needs_body);
    store->n_jobs++;
    submit(call);
    return &call->call;
}
