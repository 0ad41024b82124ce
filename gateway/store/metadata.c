// SPDX-License-Identifier: MIT
/* Annotations of mailboxes and of the account (RFC 5464): rows of the table `metadata`, under the
 * mailbox's id, so that they follow a rename and end with the mailbox; id 0 is the account. */
#include <stdlib.h>
#include <string.h>

#include "base/db.h"
#include "base/fault.h"
#include "gateway/store/store_internal.h"

/* The mailbox that a name means here: 0 for "". Also one that holds no messages has annotations. */
static bool find_target(struct db *db, int64_t *out_id, int64_t account_id, const char *name,
                        struct fault *fault)
{
    *out_id = 0;
    if (name[0] == '\0') {
        return true;
    }
    struct db_stmt *stmt =
        db_prepare(db, "SELECT id FROM mailbox WHERE account_id = ?1 AND name = ?2", fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, account_id);
    db_bind_text(stmt, 2, name);
    enum db_step step = db_step(stmt, fault);
    if (step != DB_ROW) {
        return step == DB_DONE && fault_set(fault, FAULT_NOT_FOUND, "no such mailbox");
    }
    *out_id = db_column_i64(stmt, 0);
    db_reset(stmt);
    return true;
}

/* ---- Reading ---- */

static void take_row(struct db_stmt *stmt, struct arena *arena, struct mailbox_annotations *out)
{
    struct bytes value = db_column_bytes(stmt, 1);
    out->items[out->n_items++] = (struct mailbox_annotation){
        .entry = arena_strdup(arena, db_column_text(stmt, 0)),
        .value = {arena_memdup(arena, value.len > 0 ? value.data : (const void *)"", value.len),
                  value.len}};
}

bool store_annotations(struct mailbox_account *account, const char *name, struct arena *arena,
                       struct mailbox_annotations *out, struct fault *fault)
{
    struct db *db = account->state->store->reader;
    int64_t mailbox_id;
    *out = (struct mailbox_annotations){0};
    store_hold_snapshot(account->state->store);
    if (!find_target(db, &mailbox_id, account->state->id, name, fault)) {
        return false;
    }
    struct db_stmt *stmt =
        db_prepare(db,
                   "SELECT entry, value FROM metadata"
                   " WHERE account_id = ?1 AND mailbox_id = ?2 ORDER BY entry LIMIT ?3",
                   fault);
    if (!stmt) {
        return false;
    }
    out->items = arena_alloc(arena, MAILBOX_MAX_ANNOTATIONS * sizeof(*out->items));
    db_bind_i64(stmt, 1, account->state->id);
    db_bind_i64(stmt, 2, mailbox_id);
    db_bind_i64(stmt, 3, MAILBOX_MAX_ANNOTATIONS);
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        take_row(stmt, arena, out);
    }
    return step == DB_DONE;
}

/* ---- Writing ---- */

struct annotate_call {
    struct mailbox_call call;
    int64_t account_id;
    char *name;
    struct arena arena;
    struct mailbox_annotations annotations;
};

static void annotate_free(struct mailbox_call *base)
{
    struct annotate_call *call = (struct annotate_call *)base;
    free(call->name);
    arena_clear(&call->arena);
}

static bool write_one(struct db *db, int64_t account_id, int64_t mailbox_id,
                      const struct mailbox_annotation *annotation, struct fault *fault)
{
    struct db_stmt *stmt =
        annotation->value.data
            ? db_prepare(db,
                         "INSERT INTO metadata (account_id, mailbox_id, entry, value)"
                         " VALUES (?1, ?2, ?3, ?4)"
                         " ON CONFLICT (account_id, mailbox_id, entry) DO UPDATE SET value = ?4",
                         fault)
            : db_prepare(db,
                         "DELETE FROM metadata"
                         " WHERE account_id = ?1 AND mailbox_id = ?2 AND entry = ?3",
                         fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, account_id);
    db_bind_i64(stmt, 2, mailbox_id);
    db_bind_text(stmt, 3, annotation->entry);
    if (annotation->value.data) {
        db_bind_bytes(stmt, 4, annotation->value);
    }
    return db_run(stmt, fault);
}

static bool check_count(struct db *db, int64_t account_id, int64_t mailbox_id, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        db, "SELECT count(*) FROM metadata WHERE account_id = ?1 AND mailbox_id = ?2", fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, account_id);
    db_bind_i64(stmt, 2, mailbox_id);
    bool ok = db_step(stmt, fault) == DB_ROW;
    int64_t n_rows = ok ? db_column_i64(stmt, 0) : 0;
    db_reset(stmt);
    if (n_rows > MAILBOX_MAX_ANNOTATIONS) {
        return fault_set(fault, FAULT_LIMIT, "at most %d annotations", MAILBOX_MAX_ANNOTATIONS);
    }
    return ok;
}

static bool annotate_run(struct mail_txn *txn, struct mailbox_call *base, struct fault *fault)
{
    struct annotate_call *call = (struct annotate_call *)base;
    int64_t mailbox_id;
    if (!find_target(txn->db, &mailbox_id, call->account_id, call->name, fault)) {
        return false;
    }
    for (size_t i = 0; i < call->annotations.n_items; i++) {
        if (!write_one(txn->db, call->account_id, mailbox_id, &call->annotations.items[i], fault)) {
            return false;
        }
    }
    mail_txn_metadata_changed(txn, call->account_id, mailbox_id);
    return check_count(txn->db, call->account_id, mailbox_id, fault);
}

struct mailbox_call *store_annotate(struct mailbox_account *account, const char *name,
                                    const struct mailbox_annotations *annotations,
                                    struct mailbox_done done)
{
    struct annotate_call *call = xcalloc(1, sizeof(*call));
    call_init(&call->call, account->state->store, done);
    call->call.run = annotate_run;
    call->call.free_call = annotate_free;
    call->account_id = account->state->id;
    call->name = xstrdup(name);
    call->annotations.n_items = annotations->n_items;
    call->annotations.items =
        arena_alloc(&call->arena, (annotations->n_items + 1) * sizeof(*annotations->items));
    for (size_t i = 0; i < annotations->n_items; i++) {
        const struct mailbox_annotation *from = &annotations->items[i];
        struct mailbox_annotation *to = &call->annotations.items[i];
        to->entry = arena_strdup(&call->arena, from->entry);
        to->value.len = from->value.len;
        if (from->value.data) {
            to->value.data = arena_memdup(&call->arena, from->value.data, from->value.len);
        }
    }
    call_write(&call->call);
    return &call->call;
}
