// SPDX-License-Identifier: MIT
#include "tests/gateway/store/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/db.h"
#include "base/db_writer.h"
#include "base/loop.h"
#include "base/pool.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/accounts.h"
#include "gateway/store/analysis.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_db.h"
#include "gateway/store/store.h"
#include "gateway/store/store_check.h"
#include "tests/support/memory_mailbox.h"

enum { ANSWER_TIMEOUT_TURNS = 2000 };

static void list_event(void *context, enum mailbox_event event, uint64_t mailbox_id)
{
    struct fixture *fixture = context;
    (void)mailbox_id;
    fixture->n_list_events += event == MAILBOX_EVENT_LIST;
}

void fixture_start(struct fixture *fixture)
{
    struct fault fault = {0};
    fixture->loop = loop_new();
    const struct pool_config pool = {.name = "reads", .n_threads = 2};
    fixture->pool = pool_new(fixture->loop, &pool, &fault);
    struct db *db = mail_db_open(fixture->path, &fault);
    if (!db || !fixture->pool) {
        fail_msg("%s", fault.text);
    }
    fixture->writer = db_writer_new_take(fixture->loop, db, NULL);
    const struct store_config config = {.path = fixture->path,
                                        .loop = fixture->loop,
                                        .pool = fixture->pool,
                                        .writer = fixture->writer};
    fixture->store = store_new(&config, &fault);
    if (!fixture->store) {
        fail_msg("%s", fault.text);
    }
    fixture->ops = store_mailbox_ops();
    if (fixture->account_id != 0) {
        const struct mailbox_watcher watcher = {list_event, fixture};
        fixture->account =
            fixture->ops->account_open(fixture->store, fixture->account_id, &watcher, &fault);
        assert_non_null(fixture->account);
    }
}

void fixture_stop(struct fixture *fixture)
{
    fixture->ops->account_close(&fixture->account);
    store_free(&fixture->store);
    db_writer_free(&fixture->writer);
    pool_free(&fixture->pool);
    loop_free(&fixture->loop);
}

void fixture_restart(struct fixture *fixture)
{
    if (!fixture->is_memory) {
        fixture_stop(fixture);
        fixture_start(fixture);
    }
}

static bool make_account(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct fixture *fixture = job;
    return accounts_create(txn, &fixture->account_id, "anna", fault);
}

int fixture_setup(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/bittern-store-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->path, sizeof(fixture->path), "%s/mail.db", fixture->folder);
    fixture_start(fixture);
    if (!fixture_write(fixture, make_account, fixture)) {
        fail_msg("%s", fixture->fault.text);
    }
    struct fault fault = {0};
    const struct mailbox_watcher watcher = {list_event, fixture};
    fixture->account =
        fixture->ops->account_open(fixture->store, fixture->account_id, &watcher, &fault);
    assert_non_null(fixture->account);
    *state = fixture;
    return 0;
}

int fixture_setup_memory(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    fixture->is_memory = true;
    fixture->store = memory_mail_new(&(struct memory_mail_config){0});
    fixture->ops = memory_mail_ops();
    fixture->account_id = 1;
    const struct mailbox_watcher watcher = {list_event, fixture};
    fixture->account =
        fixture->ops->account_open(fixture->store, fixture->account_id, &watcher, &fixture->fault);
    assert_non_null(fixture->account);
    *state = fixture;
    return 0;
}

static int teardown_memory(struct fixture *fixture)
{
    fixture->ops->account_close(&fixture->account);
    memory_mail_free(&fixture->store);
    uid_set_clear(&fixture->expunged);
    uid_set_clear(&fixture->refused);
    free(fixture);
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    fixture_message(fixture, NULL, 0);
    if (fixture->is_memory) {
        return teardown_memory(fixture);
    }
    fixture_stop(fixture);
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s%s", fixture->path, suffixes[i]);
        unlink(path);
    }
    rmdir(fixture->folder);
    uid_set_clear(&fixture->expunged);
    uid_set_clear(&fixture->refused);
    free(fixture);
    return 0;
}

/* ---- Waiting ---- */

void fixture_turn(struct fixture *fixture)
{
    if (fixture->is_memory) {
        (void)memory_mail_run(fixture->store);
    } else {
        loop_turn(fixture->loop, 10);
    }
}

static void turn_until_answered(struct fixture *fixture)
{
    for (int i = 0; i < ANSWER_TIMEOUT_TURNS && !fixture->answered; i++) {
        fixture_turn(fixture);
    }
    assert_true(fixture->answered);
}

struct write {
    struct fixture *fixture;
    bool (*run)(struct mail_txn *txn, void *job, struct fault *fault);
    void *job;
};

static bool write_run(struct mail_txn *txn, void *context, struct fault *fault)
{
    struct write *write = context;
    return write->run(txn, write->job, fault);
}

static void write_done(void *context, const struct fault *fault)
{
    struct write *write = context;
    write->fixture->answered = true;
    write->fixture->fault = fault ? *fault : (struct fault){0};
}

bool fixture_write(struct fixture *fixture,
                   bool (*run)(struct mail_txn *txn, void *job, struct fault *fault), void *job)
{
    struct write write = {fixture, run, job};
    fixture->answered = false;
    assert_true(store_write(fixture->store, write_run, write_done, &write, NULL));
    turn_until_answered(fixture);
    return fixture->fault.code == FAULT_NONE;
}

static void answered(void *context, const struct mailbox_answer *answer)
{
    struct fixture *fixture = context;
    fixture->answered = true;
    fixture->fault = answer->fault ? *answer->fault : (struct fault){0};
    fixture->mailbox = answer->mailbox;
    fixture->uid_validity = answer->uid_validity;
    fixture->modseq = answer->modseq;
    fixture->n_uids = answer->n_uids;
    fixture->n_changed = answer->n_changed;
    for (size_t i = 0; i < answer->n_uids && i < ARRAY_LEN(fixture->to_uids); i++) {
        fixture->from_uids[i] = answer->from_uids ? answer->from_uids[i] : 0;
        fixture->to_uids[i] = answer->to_uids[i];
    }
    for (size_t i = 0; i < answer->n_changed && i < ARRAY_LEN(fixture->changed); i++) {
        fixture->changed[i] = answer->changed[i];
    }
    uid_set_clear(&fixture->expunged);
    uid_set_clear(&fixture->refused);
    if (answer->expunged) {
        uid_set_copy(&fixture->expunged, answer->expunged);
    }
    if (answer->refused) {
        uid_set_copy(&fixture->refused, answer->refused);
    }
}

struct mailbox_done fixture_done(struct fixture *fixture)
{
    fixture->answered = false;
    return (struct mailbox_done){answered, fixture};
}

bool fixture_wait(struct fixture *fixture)
{
    assert_false(fixture->answered); /* never from inside the call */
    turn_until_answered(fixture);
    return fixture->fault.code == FAULT_NONE;
}

/* ---- Calls ---- */

bool fixture_create(struct fixture *fixture, const char *name)
{
    (void)fixture->ops->create(fixture->account, name, 0, fixture_done(fixture));
    return fixture_wait(fixture);
}

bool fixture_remove(struct fixture *fixture, const char *name)
{
    (void)fixture->ops->remove(fixture->account, name, fixture_done(fixture));
    return fixture_wait(fixture);
}

bool fixture_rename(struct fixture *fixture, const char *from, const char *to)
{
    (void)fixture->ops->rename(fixture->account, from, to, fixture_done(fixture));
    return fixture_wait(fixture);
}

static void ignore_change(void *context, enum mailbox_event event, uint64_t mailbox_id)
{
    (void)context;
    (void)event;
    (void)mailbox_id;
}

struct mailbox *fixture_open(struct fixture *fixture, const char *name,
                             const struct mailbox_watcher *watcher)
{
    const struct mailbox_watcher ignoring = {ignore_change, NULL};
    (void)fixture->ops->open(fixture->account, name, watcher ? *watcher : ignoring,
                             fixture_done(fixture));
    return fixture_wait(fixture) ? fixture->mailbox : NULL;
}

uint32_t fixture_append(struct fixture *fixture, const char *name, const char *content,
                        uint8_t flags, const char *keyword)
{
    struct mailbox_append *append = fixture->ops->append_begin(
        fixture->account, name, (struct mailbox_ready){0}, &fixture->fault);
    if (!append) {
        return 0;
    }
    const struct mailbox_new_message message = {
        .flags = {flags, &keyword, keyword ? 1 : 0},
        .internal_sec = 1500000000,
        .internal_zone_min = 120,
        .size = strlen(content),
        .client_id = "test",
    };
    assert_true(fixture->ops->append_message(append, &message, &fixture->fault));
    assert_int_equal(fixture->ops->append_data(append, bytes_of_str(content), &fixture->fault),
                     MAILBOX_PUSH_OK);
    (void)fixture->ops->append_commit(&append, fixture_done(fixture));
    assert_null(append);
    return fixture_wait(fixture) ? fixture->to_uids[0] : 0;
}

bool fixture_flags(struct fixture *fixture, struct mailbox *mailbox, uint32_t uid,
                   enum mailbox_store_mode mode, uint8_t flags, const char *keyword)
{
    struct uid_set uids = {0};
    uid_set_add(&uids, uid);
    const struct mailbox_store_request request = {
        .uids = &uids, .mode = mode, .flags = {flags, &keyword, keyword ? 1 : 0}};
    (void)fixture->ops->store_flags(mailbox, &request, fixture_done(fixture));
    uid_set_clear(&uids);
    return fixture_wait(fixture);
}

bool fixture_expunge(struct fixture *fixture, struct mailbox *mailbox)
{
    (void)fixture->ops->expunge(mailbox, NULL, fixture_done(fixture));
    return fixture_wait(fixture);
}

bool fixture_copy(struct fixture *fixture, struct mailbox *mailbox, uint32_t first, uint32_t last,
                  const char *to, bool move)
{
    struct uid_set uids = {0};
    uid_set_add_range(&uids, first, last);
    (void)(move ? fixture->ops->move : fixture->ops->copy)(mailbox, &uids, to,
                                                           fixture_done(fixture));
    uid_set_clear(&uids);
    return fixture_wait(fixture);
}

struct mailbox_status fixture_status(struct fixture *fixture, const char *name)
{
    struct mailbox_status status;
    struct fault fault = {0};
    if (!fixture->ops->status(fixture->account, name, &status, &fault)) {
        fail_msg("%s", fault.text);
    }
    return status;
}

const char *fixture_names(struct fixture *fixture)
{
    static char names[4096];
    names[0] = '\0';
    const struct mailbox_list *list = fixture->ops->list(fixture->account);
    for (size_t i = 0; i < list->n_entries; i++) {
        size_t len = strlen(names);
        snprintf(names + len, sizeof(names) - len, "%s%s%s", len ? " " : "",
                 list->entries[i].attributes & MAILBOX_NOSELECT ? "!" : "", list->entries[i].name);
    }
    return names;
}

const struct mailbox_message *fixture_message(struct fixture *fixture, struct mailbox *mailbox,
                                              uint32_t uid)
{
    static struct mailbox_view *held;
    if (held) {
        mailbox_view_unref(&held);
    }
    if (!mailbox) {
        return NULL;
    }
    held = fixture->ops->view(mailbox);
    return mailbox_view_find(held, uid);
}

bool fixture_has_keyword(struct fixture *fixture, struct mailbox *mailbox, uint32_t uid,
                         const char *keyword)
{
    struct mailbox_view *view = fixture->ops->view(mailbox);
    const struct mailbox_message *message = mailbox_view_find(view, uid);
    unsigned bit;
    bool has = message && mailbox_keywords_find(view->keywords, bytes_of_str(keyword), &bit) &&
               (message->keywords >> bit & 1) != 0;
    mailbox_view_unref(&view);
    return has;
}

char *fixture_content(struct fixture *fixture, struct mailbox *mailbox, uint32_t uid)
{
    struct uid_set uids = {0};
    uid_set_add(&uids, uid);
    struct mailbox_reader *reader =
        fixture->ops->read_start(mailbox, &uids, MAILBOX_ITEM_CONTENT, (struct mailbox_ready){0});
    uid_set_clear(&uids);
    struct mailbox_item_data item;
    struct fault fault = {0};
    char *content = NULL;
    if (fixture->ops->read_next(reader, &item, &fault) == MAILBOX_READ_OK) {
        struct buf all;
        buf_init(&all, 0);
        struct bytes piece;
        while (fixture->ops->read_content(reader, all.len, SIZE_MAX, &piece, &fault) ==
               MAILBOX_READ_OK) {
            assert_true(piece.len > 0 && piece.len <= MAILBOX_CONTENT_PIECE_BYTES);
            buf_append_bytes(&all, piece);
        }
        assert_int_equal(all.len, item.content_len);
        content = xstrndup((const char *)all.data, all.len);
        buf_clear(&all);
    }
    fixture->ops->read_end(&reader);
    return content;
}

void fixture_check(struct fixture *fixture)
{
    struct fault fault = {0};
    if (fixture->is_memory) {
        return;
    }
    struct db *db = mail_db_open_reader(fixture->path, &fault);
    if (!db || !store_check(db, &fault)) {
        fail_msg("%s", fault.text);
    }
    db_close(&db);
}

int64_t fixture_number(struct fixture *fixture, const char *sql)
{
    struct fault fault = {0};
    struct db *db = mail_db_open_reader(fixture->path, &fault);
    struct db_stmt *stmt = db ? db_prepare(db, sql, &fault) : NULL;
    if (!stmt || db_step(stmt, &fault) != DB_ROW) {
        fail_msg("%s", fault.text);
    }
    int64_t number = db_column_i64(stmt, 0);
    db_close(&db);
    return number;
}

struct message_new fixture_message_new(struct arena *arena, const char *content,
                                       const char *message_id)
{
    struct mail_analysis *analysis = arena_alloc(arena, sizeof(*analysis));
    analysis_of_opaque(analysis, bytes_of_str(content), 1500000000, arena);
    if (message_id) {
        analysis->info.envelope.message_id = bytes_of_str(message_id);
    }
    return (struct message_new){.content = bytes_of_str(content), .analysis = analysis};
}
