// SPDX-License-Identifier: MIT
#include "tests/gateway/agent/rig.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/db_writer.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/pool.h"
#include "gateway/agent/keys/lock_box.h"
#include "gateway/store/mail_db.h"
#include "gateway/store/messages.h"
#include "gateway/store/store.h"
#include "mailproto/imap/mailbox.h"
#include "tests/gateway/agent/rig_internal.h"
#include "tests/support/vectors.h"

void rig_socket_pair(int ends[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
}

/* ---- a home ---- */

static void take_settings(struct rig *rig)
{
    settings_init(&rig->settings);
    rig->settings.agent.lock_memory_bytes = (uint64_t)LOCK_LEAST_MEMORY_KIB * 1024;
    rig->settings.network.least_trials_per_byte = 1;
    rig->settings.network.least_extra_bytes = 1;
    rig->settings.agent.ack_delay_sec = 0;
    rig->settings.agent.ttl_jitter_sec = 0;
}

static void count_lost_link(void *context)
{
    struct rig *rig = context;
    rig->n_lost_links++;
}

void rig_reopen(struct rig *rig, struct network *network, const char *folder_take)
{
    struct fault fault = {0};
    char path[256];
    *rig = (struct rig){.network = network, .loop = network->loop};
    rig->folder = xstrdup(folder_take);
    take_settings(rig);
    const struct pool_config pool = {.name = "work", .n_threads = 2, .max_queued = 4096};
    const struct pool_config pow = {.name = "pow", .n_threads = 2};
    rig->pool = pool_new(rig->loop, &pool, &fault);
    rig->pow_pool = pool_new(rig->loop, &pow, &fault);
    rig_decoder_open(rig, 0);
    rig_decoder_open(rig, 1);
    (void)snprintf(path, sizeof(path), "%s/mail.db", rig->folder);
    struct db *db = mail_db_open(path, &fault);
    if (db == NULL) {
        fail_msg("%s", fault.text);
    }
    rig->writer = db_writer_new_take(rig->loop, db, NULL);
    const struct store_config config = {.path = path,
                                        .loop = rig->loop,
                                        .pool = rig->pool,
                                        .writer = rig->writer,
                                        .decoder = rig->decoders[1]};
    rig->store = store_new(&config, &fault);
    if (rig->store == NULL) {
        fail_msg("%s", fault.text);
    }
    const struct agent_parts parts = {.loop = rig->loop,
                                      .pool = rig->pool,
                                      .pow_pool = rig->pow_pool,
                                      .store = rig->store,
                                      .network_decoder = rig->decoders[0],
                                      .owner_decoder = rig->decoders[1],
                                      .settings = &rig->settings,
                                      .joiner = {count_lost_link, rig}};
    rig->agent = agent_new(&parts, &fault);
    if (rig->agent == NULL) {
        fail_msg("%s", fault.text);
    }
    rig_link(rig);
}

void rig_open(struct rig *rig, struct network *network)
{
    char folder[] = "/tmp/bittern-agent-XXXXXX";
    assert_non_null(mkdtemp(folder));
    log_init(STDERR_FILENO, getenv("RIG_LOG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, "test");
    rig_reopen(rig, network, folder);
    struct rig_answer answer = {0};
    agent_account_new(rig->agent, "me", NULL, false, rig_done(&answer));
    rig_wait(rig, &answer);
    assert_false(answer.failed);
}

void rig_close(struct rig *rig)
{
    agent_stop(rig->agent);
    rig_unlink(rig);
    db_writer_free(&rig->writer);
    rig_decoder_close(rig, 0);
    rig_decoder_close(rig, 1);
    pool_free(&rig->pow_pool);
    pool_free(&rig->pool);
    agent_free(&rig->agent);
    store_free(&rig->store);
    settings_clear(&rig->settings);
    free(rig->folder);
    rig->folder = NULL;
}

static void remove_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char path[600];
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        (void)unlink(path);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    (void)rmdir(folder);
}

void rig_remove(struct rig *rig)
{
    char *folder = xstrdup(rig->folder);
    rig_close(rig);
    remove_folder(folder);
    free(folder);
}

static void copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "rb");
    if (in == NULL) {
        return;
    }
    FILE *out = fopen(to, "wb");
    assert_non_null(out);
    char piece[4096];
    size_t n;
    while ((n = fread(piece, 1, sizeof(piece), in)) > 0) {
        assert_int_equal(fwrite(piece, 1, n, out), n);
    }
    fclose(in);
    fclose(out);
}

char *rig_copy_folder(const struct rig *rig)
{
    static const char *const names[] = {"mail.db", "mail.db-wal"};
    char folder[] = "/tmp/bittern-agent-XXXXXX";
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char from[256];
        char to[256];
        (void)snprintf(from, sizeof(from), "%s/%s", rig->folder, names[i]);
        (void)snprintf(to, sizeof(to), "%s/%s", folder, names[i]);
        copy_file(from, to);
    }
    return xstrdup(folder);
}

void rig_until(struct rig *rig, bool (*is_true)(struct rig *rig, void *context), void *context,
               const char *what)
{
    int64_t end_ms = clock_mono_ms() + 20000;
    while (!is_true(rig, context)) {
        if (clock_mono_ms() > end_ms) {
            fail_msg("waited in vain for: %s", what);
        }
        loop_turn(rig->loop, 20);
    }
}

void rig_idle(struct rig *rig, int64_t ms)
{
    int64_t end_ms = clock_mono_ms() + ms;
    while (clock_mono_ms() < end_ms) {
        loop_turn(rig->loop, 10);
    }
}

static void on_answer(void *context, const struct fault *fault, const char *text, int64_t id)
{
    struct rig_answer *answer = context;
    answer->is_done = true;
    answer->failed = fault != NULL;
    if (fault != NULL) {
        answer->fault = *fault;
    }
    (void)snprintf(answer->text, sizeof(answer->text), "%s", text);
    answer->id = id;
}

struct agent_done rig_done(struct rig_answer *answer)
{
    *answer = (struct rig_answer){0};
    return (struct agent_done){on_answer, answer};
}

static bool is_answered(struct rig *rig, void *context)
{
    (void)rig;
    return ((struct rig_answer *)context)->is_done;
}

void rig_wait(struct rig *rig, struct rig_answer *answer)
{
    rig_until(rig, is_answered, answer, "an answer of the agent");
}

void rig_identity(struct rig *rig, const char *label, char out[64])
{
    struct rig_answer answer;
    const struct agent_identity_request request = {.label = label};
    agent_identity_new(rig->agent, &request, rig_done(&answer));
    rig_wait(rig, &answer);
    if (answer.failed) {
        fail_msg("%s", answer.fault.text);
    }
    (void)snprintf(out, 64, "%.63s", answer.text);
}

bool rig_try_send(struct rig *rig, const char *from, const char *to, const char *extra_header,
                  const char *subject, const char *text, struct fault *fault)
{
    struct rig_answer answer;
    char *mail = xasprintf("%sFrom: <%s@bm.alt>\nTo: <%s>\nSubject: %s\n\n%s\n", extra_header, from,
                           to, subject, text);
    const char *recipients[] = {to};
    const struct agent_submission submission = {
        .recipients = recipients,
        .n_recipients = 1,
        .mail = bytes_of_str(mail),
        .notify = rig->notify,
        .return_full = rig->return_full,
        .envelope_id = "env-1",
    };
    agent_submit(rig->agent, &submission, rig_done(&answer));
    rig_wait(rig, &answer);
    free(mail);
    if (answer.failed) {
        *fault = answer.fault;
    }
    return !answer.failed;
}

void rig_send(struct rig *rig, const char *from, const char *to, const char *subject,
              const char *text)
{
    struct fault fault = {0};
    if (!rig_try_send(rig, from, to, "", subject, text, &fault)) {
        fail_msg("%s", fault.text);
    }
}

int64_t rig_sql(struct rig *rig, const char *sql)
{
    struct fault fault = {0};
    struct db_stmt *stmt = db_prepare(store_reader(rig->store), sql, &fault);
    if (stmt == NULL) {
        fail_msg("%s", fault.text);
    }
    int64_t value = db_step(stmt, &fault) == DB_ROW ? db_column_i64(stmt, 0) : -1;
    db_reset(stmt);
    return value;
}

enum outgoing_state rig_state(struct rig *rig, int64_t id)
{
    char sql[80];
    (void)snprintf(sql, sizeof(sql), "SELECT state FROM outgoing WHERE id = %lld", (long long)id);
    int64_t state = rig_sql(rig, sql);
    return state < 0 ? OUTGOING_N_STATES : (enum outgoing_state)state;
}

struct wanted_state {
    int64_t id;
    enum outgoing_state state;
};

static bool has_state(struct rig *rig, void *context)
{
    const struct wanted_state *wanted = context;
    return rig_state(rig, wanted->id) == wanted->state;
}

void rig_until_state(struct rig *rig, int64_t id, enum outgoing_state state)
{
    struct wanted_state wanted = {id, state};
    rig_until(rig, has_state, &wanted, outgoing_state_name(state));
}

size_t rig_count(struct rig *rig, const char *folder)
{
    char sql[200];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM message m JOIN mailbox b ON b.id = m.mailbox_id"
                   " WHERE b.name = '%s'",
                   folder);
    return (size_t)rig_sql(rig, sql);
}

struct wanted_count {
    const char *folder;
    size_t n;
};

static bool has_count(struct rig *rig, void *context)
{
    const struct wanted_count *wanted = context;
    return rig_count(rig, wanted->folder) == wanted->n;
}

void rig_until_count(struct rig *rig, const char *folder, size_t n)
{
    struct wanted_count wanted = {folder, n};
    rig_until(rig, has_count, &wanted, folder);
}

void rig_read(struct rig *rig, struct buf *out, const char *folder, size_t n)
{
    char sql[300];
    struct fault fault = {0};
    (void)snprintf(sql, sizeof(sql),
                   "SELECT m.body_id FROM message m JOIN mailbox b ON b.id = m.mailbox_id"
                   " WHERE b.name = '%s' ORDER BY m.uid LIMIT 1 OFFSET %zu",
                   folder, n);
    int64_t email_id = rig_sql(rig, sql);
    if (!messages_read_content(store_reader(rig->store), out, (uint64_t)email_id, &fault)) {
        fail_msg("%s", fault.text);
    }
}

/* ---- a mail client ---- */

struct client_call {
    bool is_done;
    bool failed;
    struct mailbox *mailbox;
};

static void on_client_done(void *context, const struct mailbox_answer *answer)
{
    struct client_call *call = context;
    call->is_done = true;
    call->failed = answer->fault != NULL;
    call->mailbox = answer->mailbox;
}

static bool client_is_answered(struct rig *rig, void *context)
{
    (void)rig;
    return ((struct client_call *)context)->is_done;
}

static struct client_call client_wait(struct rig *rig, struct client_call *call)
{
    rig_until(rig, client_is_answered, call, "an answer of the store");
    assert_false(call->failed);
    struct client_call ended = *call;
    *call = (struct client_call){0};
    return ended;
}

static void on_client_event(void *context, enum mailbox_event event, uint64_t mailbox_id)
{
    (void)context;
    (void)event;
    (void)mailbox_id;
}

void rig_take_out(struct rig *rig, const char *folder, const char *to)
{
    const struct mailbox_ops *ops = store_mailbox_ops();
    const struct mailbox_watcher watcher = {on_client_event, NULL};
    struct client_call call = {0};
    struct mailbox_done done = {on_client_done, &call};
    struct uid_set all = {0};
    int64_t account = rig_sql(rig, "SELECT id FROM account");
    struct mailbox_account *session = ops->account_open(rig->store, account, &watcher, NULL);
    (void)ops->open(session, folder, watcher, done);
    struct mailbox *mailbox = client_wait(rig, &call).mailbox;
    uid_set_add_range(&all, 1, UINT32_MAX - 1);
    if (to != NULL) {
        (void)ops->move(mailbox, &all, to, done);
    } else {
        const struct mailbox_store_request request = {
            .uids = &all, .mode = MAILBOX_STORE_ADD, .flags = {.flags = MAILBOX_FLAG_DELETED}};
        (void)ops->store_flags(mailbox, &request, done);
        (void)client_wait(rig, &call);
        (void)ops->expunge(mailbox, NULL, done);
    }
    (void)client_wait(rig, &call);
    uid_set_clear(&all);
    ops->close(&mailbox);
    ops->account_close(&session);
}
