// SPDX-License-Identifier: MIT
/* Accounts in use, their lists of names, and what clients do to names. */
#include <stdlib.h>
#include <string.h>

#include "base/db.h"
#include "base/fault.h"
#include "base/log.h"
#include "gateway/store/accounts.h"
#include "gateway/store/store_internal.h"

/* ---- Logins ---- */

struct mailbox_account *store_account_open(struct mail_store *store, int64_t account_id,
                                           const struct mailbox_watcher *watcher,
                                           struct fault *fault)
{
    struct account_state *state = map_get_u64(&store->accounts, (uint64_t)account_id);
    if (!state) {
        struct arena arena = {0};
        struct account account;
        bool exists = accounts_get(store->reader, &account, account_id, &arena, fault);
        arena_clear(&arena);
        if (!exists) {
            return NULL;
        }
        state = xcalloc(1, sizeof(*state));
        state->store = store;
        state->id = account_id;
        list_init(&state->logins);
        map_put_u64(&store->accounts, (uint64_t)account_id, state);
    }
    struct mailbox_account *login = xcalloc(1, sizeof(*login));
    login->state = state;
    if (watcher) {
        login->watcher = *watcher;
    }
    list_append(&state->logins, &login->node);
    return login;
}

void store_account_close(struct mailbox_account **pointer)
{
    struct mailbox_account *login = *pointer;
    if (!login) {
        return;
    }
    *pointer = NULL;
    struct account_state *state = login->state;
    list_remove(&login->node);
    free(login);
    if (list_is_empty(&state->logins)) {
        map_remove_u64(&state->store->accounts, (uint64_t)state->id);
        mailbox_list_unref(&state->list);
        free(state);
    }
}

void account_tell(struct mail_store *store, int64_t account_id, enum mailbox_event event,
                  uint64_t mailbox_id)
{
    struct account_state *state = map_get_u64(&store->accounts, (uint64_t)account_id);
    if (!state) {
        return;
    }
    list_for_each(node, &state->logins)
    {
        struct mailbox_account *login = list_entry(node, struct mailbox_account, node);
        if (login->watcher.changed) {
            login->watcher.changed(login->watcher.context, event, mailbox_id);
        }
    }
}

void account_list_changed(struct mail_store *store, int64_t account_id)
{
    struct account_state *state = map_get_u64(&store->accounts, (uint64_t)account_id);
    if (state) {
        state->list_is_fresh = false;
        account_tell(store, account_id, MAILBOX_EVENT_LIST, 0);
    }
}

/* ---- The list of names ---- */

static unsigned attributes_of(enum folder_kind kind, bool is_container, unsigned use)
{
    unsigned attributes = use & MAILBOX_USE_MASK;
    if (is_container) {
        attributes |= MAILBOX_NOSELECT | MAILBOX_NOT_APPENDABLE;
    }
    if (kind == FOLDER_OUTBOX) {
        attributes |= MAILBOX_NOT_APPENDABLE;
    }
    if (kind == FOLDER_OUTBOX || kind == FOLDER_CHAN || kind == FOLDER_SUBSCRIPTION) {
        attributes |= MAILBOX_NOINFERIORS;
    }
    return attributes;
}

/* Mailboxes with their subscriptions, and subscribed names without a mailbox. */
static bool read_list(struct account_state *state, struct mailbox_list *list, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(state->store->reader,
                   "SELECT m.id, m.name, m.kind, m.is_container, m.special_use, s.name IS NOT NULL"
                   " FROM mailbox m LEFT JOIN subscribed_name s"
                   " ON s.account_id = m.account_id AND s.name = m.name WHERE m.account_id = ?1"
                   " UNION ALL SELECT 0, name, 0, 0, 0, 1 FROM subscribed_name s"
                   " WHERE account_id = ?1 AND NOT EXISTS (SELECT 1 FROM mailbox m"
                   " WHERE m.account_id = s.account_id AND m.name = s.name)",
                   fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, state->id);
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        struct mailbox_entry entry = {
            .id = (uint64_t)db_column_i64(stmt, 0),
            .name = db_column_text(stmt, 1),
            .attributes =
                attributes_of((enum folder_kind)db_column_i64(stmt, 2), db_column_i64(stmt, 3) != 0,
                              (unsigned)db_column_i64(stmt, 4)),
        };
        if (entry.id == 0) {
            entry.attributes = MAILBOX_NONEXISTENT;
        }
        if (db_column_i64(stmt, 5)) {
            entry.attributes |= MAILBOX_SUBSCRIBED;
        }
        mailbox_list_add(list, &entry);
    }
    return step == DB_DONE;
}

struct mailbox_list *store_list(struct mailbox_account *account)
{
    struct account_state *state = account->state;
    if (state->list_is_fresh) {
        return state->list;
    }
    struct fault fault = {0};
    mailbox_list_unref(&state->list);
    state->list = mailbox_list_new();
    state->list_is_fresh = read_list(state, state->list, &fault);
    if (!state->list_is_fresh) {
        log_error("store", "list of mailboxes can't be read: %s", fault.text);
        mailbox_list_unref(&state->list);
        state->list = mailbox_list_new();
    }
    mailbox_list_sort(state->list);
    return state->list;
}

/* ---- STATUS ---- */

static bool count_recent(struct mail_store *store, int64_t mailbox_id, uint32_t first_recent_uid,
                         uint32_t *out, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        store->reader, "SELECT count(*) FROM message WHERE mailbox_id = ?1 AND uid >= ?2", fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, mailbox_id);
    db_bind_i64(stmt, 2, first_recent_uid);
    bool ok = db_step(stmt, fault) == DB_ROW;
    *out = ok ? (uint32_t)db_column_i64(stmt, 0) : 0;
    db_reset(stmt);
    return ok;
}

static bool sum_deleted(struct mail_store *store, int64_t mailbox_id, uint64_t *out,
                        struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        store->reader, "SELECT sum(size) FROM message WHERE mailbox_id = ?1 AND flags & ?2", fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, mailbox_id);
    db_bind_i64(stmt, 2, MAILBOX_FLAG_DELETED);
    bool ok = db_step(stmt, fault) == DB_ROW;
    *out = ok ? (uint64_t)db_column_i64(stmt, 0) : 0;
    db_reset(stmt);
    return ok;
}

bool store_status(struct mailbox_account *account, const char *name, struct mailbox_status *out,
                  struct fault *fault)
{
    struct mail_store *store = account->state->store;
    struct db_stmt *stmt = db_prepare(
        store->reader,
        "SELECT id, n_messages, n_unseen, n_deleted, uid_next, uid_validity, modseq_highest,"
        " size_bytes, first_recent_uid FROM mailbox"
        " WHERE account_id = ?1 AND name = ?2 AND NOT is_container",
        fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, account->state->id);
    db_bind_text(stmt, 2, name);
    enum db_step step = db_step(stmt, fault);
    if (step != DB_ROW) {
        return step == DB_DONE && fault_set(fault, FAULT_NOT_FOUND, "no such mailbox");
    }
    struct mailbox_status status = {
        .n_messages = (uint32_t)db_column_i64(stmt, 1),
        .n_unseen = (uint32_t)db_column_i64(stmt, 2),
        .n_deleted = (uint32_t)db_column_i64(stmt, 3),
        .uid_next = (uint32_t)db_column_i64(stmt, 4),
        .uid_validity = (uint32_t)db_column_i64(stmt, 5),
        .highest_modseq = (uint64_t)db_column_i64(stmt, 6),
        .total_size = (uint64_t)db_column_i64(stmt, 7),
    };
    int64_t id = db_column_i64(stmt, 0);
    uint32_t first_recent_uid = (uint32_t)db_column_i64(stmt, 8);
    db_reset(stmt);
    const struct open_mailbox *shared = open_mailbox_find(store, id);
    if (shared && shared->first_recent_uid > first_recent_uid) {
        first_recent_uid = shared->first_recent_uid;
    }
    if (first_recent_uid < status.uid_next &&
        !count_recent(store, id, first_recent_uid, &status.n_recent, fault)) {
        return false;
    }
    if (status.n_deleted > 0 && !sum_deleted(store, id, &status.deleted_size, fault)) {
        return false;
    }
    *out = status;
    return true;
}

bool store_quota(struct mailbox_account *account, struct mailbox_quota *out, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(account->state->store->reader,
                                      "SELECT used_bytes, quota_bytes, used_messages,"
                                      " quota_messages FROM account WHERE id = ?1",
                                      fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, account->state->id);
    enum db_step step = db_step(stmt, fault);
    if (step != DB_ROW) {
        return step == DB_DONE && fault_set(fault, FAULT_NOT_FOUND, "no such account");
    }
    *out = (struct mailbox_quota){
        .used_bytes = (uint64_t)db_column_i64(stmt, 0),
        .limit_bytes = (uint64_t)db_column_i64(stmt, 1),
        .used_messages = (uint64_t)db_column_i64(stmt, 2),
        .limit_messages = (uint64_t)db_column_i64(stmt, 3),
    };
    db_reset(stmt);
    return true;
}

/* ---- Changing names ---- */

struct name_call {
    struct mailbox_call call;
    int64_t account_id;
    char *name;
    char *to;
    unsigned use;
    bool subscribed;
};

static void name_free(struct mailbox_call *base)
{
    struct name_call *call = (struct name_call *)base;
    free(call->name);
    free(call->to);
}

static struct name_call *name_call_new(struct mailbox_account *account, const char *name,
                                       struct mailbox_done done)
{
    struct name_call *call = xcalloc(1, sizeof(*call));
    call_init(&call->call, account->state->store, done);
    call->call.free_call = name_free;
    call->account_id = account->state->id;
    call->name = xstrdup(name);
    return call;
}

static struct mailbox_call *start(struct name_call *call,
                                  bool (*run)(struct mail_txn *txn, struct mailbox_call *call,
                                              struct fault *fault))
{
    call->call.run = run;
    call_write(&call->call);
    return &call->call;
}

static bool create_run(struct mail_txn *txn, struct mailbox_call *base, struct fault *fault)
{
    struct name_call *call = (struct name_call *)base;
    return folders_create(txn, call->account_id, call->name, call->use, fault);
}

struct mailbox_call *store_create(struct mailbox_account *account, const char *name, unsigned use,
                                  struct mailbox_done done)
{
    struct name_call *call = name_call_new(account, name, done);
    call->use = use;
    return start(call, create_run);
}

static bool remove_run(struct mail_txn *txn, struct mailbox_call *base, struct fault *fault)
{
    struct name_call *call = (struct name_call *)base;
    return folders_delete(txn, call->account_id, call->name, fault);
}

struct mailbox_call *store_remove(struct mailbox_account *account, const char *name,
                                  struct mailbox_done done)
{
    return start(name_call_new(account, name, done), remove_run);
}

static bool rename_run(struct mail_txn *txn, struct mailbox_call *base, struct fault *fault)
{
    struct name_call *call = (struct name_call *)base;
    return folders_rename(txn, call->account_id, call->name, call->to, fault);
}

struct mailbox_call *store_rename(struct mailbox_account *account, const char *from, const char *to,
                                  struct mailbox_done done)
{
    struct name_call *call = name_call_new(account, from, done);
    call->to = xstrdup(to);
    return start(call, rename_run);
}

static bool subscribe_run(struct mail_txn *txn, struct mailbox_call *base, struct fault *fault)
{
    struct name_call *call = (struct name_call *)base;
    return folders_subscribe(txn, call->account_id, call->name, call->subscribed, fault);
}

struct mailbox_call *store_subscribe(struct mailbox_account *account, const char *name,
                                     bool subscribed, struct mailbox_done done)
{
    struct name_call *call = name_call_new(account, name, done);
    call->subscribed = subscribed;
    return start(call, subscribe_run);
}
