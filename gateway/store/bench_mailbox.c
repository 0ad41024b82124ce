// SPDX-License-Identifier: MIT
/* Ours and the anchor take turns, and each keeps its best round: so what else the machine does
 * meets both alike. CPU time is that of the whole process, writer and workers included. */
#include "gateway/store/bench_mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/db.h"
#include "base/db_writer.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/pool.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/accounts.h"
#include "gateway/store/analysis.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_db.h"
#include "gateway/store/messages.h"
#include "gateway/store/store.h"
#include "mailproto/imap/mailbox.h"

enum { N_ROUNDS = 5, FILL_AT_ONCE = 1000, APPENDS_A_ROUND = 50, DEFAULT_MESSAGES = 100000 };
enum { DEFAULT_BYTES = 1500, PATH_BYTES = 512 };

struct bench {
    struct bench_mailbox_options options;
    char folder[PATH_BYTES];
    char path[PATH_BYTES + 32];
    struct loop *loop;
    struct pool *pool;
    struct db_writer *writer;
    struct mail_store *store;
    const struct mailbox_ops *ops;
    int64_t account_id;
    struct mailbox_account *account;
    struct mailbox *inbox;
    struct buf mail;
    struct buf bodies; /* all of them, one behind the other */
    size_t n_filled;
    uint64_t checksum; /* so that no reading is optimised away */
    bool answered;
    struct fault fault; /* of the answer */
};

static double cpu_sec(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double wall_sec(void)
{
    return (double)clock_mono_us() / 1e6;
}

/* ---- Answers ---- */

static bool wait_for_answer(struct bench *bench, struct fault *fault)
{
    while (!bench->answered) {
        loop_turn(bench->loop, 1000);
    }
    bench->answered = false;
    return bench->fault.code == FAULT_NONE ||
           fault_set(fault, bench->fault.code, "%s", bench->fault.text);
}

static void written(void *job, const struct fault *fault)
{
    struct bench *bench = job;
    bench->fault = fault ? *fault : (struct fault){0};
    bench->answered = true;
}

static void call_done(void *context, const struct mailbox_answer *answer)
{
    struct bench *bench = context;
    bench->inbox = answer->mailbox ? answer->mailbox : bench->inbox;
    written(bench, answer->fault);
}

static void hits(void *context, const struct mailbox_hit *found, size_t n_hits)
{
    (void)context;
    (void)found;
    (void)n_hits;
}

static void changed(void *context, enum mailbox_event event, uint64_t mailbox_id)
{
    (void)context;
    (void)event;
    (void)mailbox_id;
}

/* ---- The mailbox ---- */

static void make_mail(struct bench *bench, size_t number)
{
    size_t n_bytes = bench->options.n_bytes;
    buf_reset(&bench->mail);
    buf_printf(&bench->mail, "From: a@x\r\nSubject: number %zu\r\nMessage-ID: <%zu@x>\r\n\r\n",
               number, number);
    for (size_t i = 0; i < n_bytes; i++) {
        buf_append_byte(&bench->mail, (uint8_t)('a' + (i * 31 + i / 26 + number) % 26));
    }
}

static bool make_account(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct bench *bench = job;
    return accounts_create(txn, &bench->account_id, "bench", fault);
}

static bool fill(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct bench *bench = job;
    int64_t inbox_id;
    bool ok = folders_ensure(txn, &inbox_id, bench->account_id, "INBOX", fault);
    for (size_t i = 0; ok && i < FILL_AT_ONCE && bench->n_filled < bench->options.n_messages; i++) {
        struct arena arena = {0};
        struct mail_analysis analysis;
        struct message_place place;
        make_mail(bench, bench->n_filled++);
        struct bytes all = buf_view(&bench->mail);
        analysis_of_opaque(&analysis, all, 1500000000, &arena);
        analysis.text.body = bytes_slice(all, all.len - bench->options.n_bytes, SIZE_MAX);
        buf_append_bytes(&bench->bodies, analysis.text.body);
        const struct message_new message = {.content = all, .analysis = &analysis};
        ok = messages_add(txn, &place, inbox_id, &message, fault);
        arena_clear(&arena);
    }
    return ok;
}

static bool write_and_wait(struct bench *bench,
                           bool (*run)(struct mail_txn *txn, void *job, struct fault *fault),
                           struct fault *fault)
{
    return store_write(bench->store, run, written, bench, fault) && wait_for_answer(bench, fault);
}

static bool open_store(struct bench *bench, struct fault *fault)
{
    bench->loop = loop_new();
    bench->pool =
        pool_new(bench->loop, &(struct pool_config){.name = "bench", .n_threads = 1}, fault);
    struct db *db = bench->pool ? mail_db_open(bench->path, fault) : NULL;
    if (!db) {
        return false;
    }
    bench->writer = db_writer_new_take(bench->loop, db, NULL);
    const struct store_config config = {
        .path = bench->path, .loop = bench->loop, .pool = bench->pool, .writer = bench->writer};
    bench->store = store_new(&config, fault);
    bench->ops = store_mailbox_ops();
    return bench->store != NULL;
}

static bool open_mailbox(struct bench *bench, struct fault *fault)
{
    bool ok = open_store(bench, fault) && write_and_wait(bench, make_account, fault);
    while (ok && bench->n_filled < bench->options.n_messages) {
        ok = write_and_wait(bench, fill, fault);
    }
    bench->account =
        ok ? bench->ops->account_open(bench->store, bench->account_id, NULL, fault) : NULL;
    if (!bench->account) {
        return false;
    }
    (void)bench->ops->open(bench->account, "INBOX", (struct mailbox_watcher){changed, bench},
                           (struct mailbox_done){call_done, bench});
    return wait_for_answer(bench, fault);
}

static void remove_folder(const struct bench *bench)
{
    static const char *const endings[] = {"mail.db", "mail.db-wal", "mail.db-shm", "raw"};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        char path[PATH_BYTES + 32];
        (void)snprintf(path, sizeof(path), "%s/%s", bench->folder, endings[i]);
        (void)unlink(path);
    }
    (void)rmdir(bench->folder);
}

static void close_all(struct bench *bench)
{
    if (bench->ops) {
        bench->ops->close(&bench->inbox);
        if (bench->account) {
            bench->ops->account_close(&bench->account);
        }
        store_free(&bench->store);
    }
    db_writer_free(&bench->writer);
    pool_free(&bench->pool);
    loop_free(&bench->loop);
    buf_clear(&bench->mail);
    buf_clear(&bench->bodies);
    remove_folder(bench);
}

/* ---- What is measured: each does its work once ---- */

static bool list_ours(struct bench *bench, struct fault *fault)
{
    struct mailbox_view *view = bench->ops->view(bench->inbox);
    (void)fault;
    for (uint32_t seq = 1; seq <= view->n_messages; seq++) {
        const struct mailbox_message *message = mailbox_view_at(view, seq);
        bench->checksum += message->uid + message->flags + message->modseq + message->size +
                           (uint64_t)message->internal_sec;
    }
    mailbox_view_unref(&view);
    return true;
}

static bool list_anchor(struct bench *bench, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(store_reader(bench->store),
                   "SELECT uid, flags, modseq, size, internal_sec FROM message"
                   " WHERE mailbox_id = (SELECT id FROM mailbox WHERE name = 'INBOX') ORDER BY uid",
                   fault);
    enum db_step step = DB_FAILED;
    while (stmt && (step = db_step(stmt, fault)) == DB_ROW) {
        for (int column = 0; column < 5; column++) {
            bench->checksum += (uint64_t)db_column_i64(stmt, column);
        }
    }
    return step == DB_DONE;
}

static bool append_ours(struct bench *bench, struct fault *fault)
{
    for (size_t i = 0; i < APPENDS_A_ROUND; i++) {
        make_mail(bench, i);
        struct mailbox_append *append =
            bench->ops->append_begin(bench->account, "Archive", (struct mailbox_ready){0}, fault);
        const struct mailbox_new_message message = {.size = bench->mail.len};
        if (!append) {
            return false;
        }
        if (!bench->ops->append_message(append, &message, fault) ||
            bench->ops->append_data(append, buf_view(&bench->mail), fault) != MAILBOX_PUSH_OK) {
            bench->ops->append_abort(&append);
            return false;
        }
        (void)bench->ops->append_commit(&append, (struct mailbox_done){call_done, bench});
        if (!wait_for_answer(bench, fault)) {
            return false;
        }
    }
    return true;
}

static bool append_anchor(struct bench *bench, struct fault *fault)
{
    char path[PATH_BYTES + 32];
    (void)snprintf(path, sizeof(path), "%s/raw", bench->folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    bool ok = fd >= 0;
    for (size_t i = 0; ok && i < APPENDS_A_ROUND; i++) {
        make_mail(bench, i);
        ok = write(fd, bench->mail.data, bench->mail.len) == (ssize_t)bench->mail.len &&
             fdatasync(fd) == 0;
    }
    if (!ok) {
        fault_set_errno(fault, errno, "write %s", path);
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

static bool search_ours(struct bench *bench, struct fault *fault)
{
    const struct mailbox_text_test test = {MAILBOX_TEXT_BODY, {0}, bytes_of_str("no such text")};
    struct uid_set all = {0};
    uid_set_add_range(&all, 1, (uint32_t)bench->options.n_messages);
    (void)bench->ops->search_text(bench->inbox, &all, &test, 1,
                                  (struct mailbox_search_done){hits, written, bench});
    uid_set_clear(&all);
    return wait_for_answer(bench, fault);
}

static bool search_anchor(struct bench *bench, struct fault *fault)
{
    static const char needle[] = "no such text";
    (void)fault;
    bench->checksum +=
        memmem(bench->bodies.data, bench->bodies.len, needle, sizeof(needle) - 1) != NULL;
    return true;
}

/* ---- Rounds ---- */

/* `work` under `clock`, into the best of the rounds so far. */
static bool run_once(struct bench *bench, bool (*work)(struct bench *bench, struct fault *fault),
                     double (*clock)(void), double *best, struct fault *fault)
{
    double began = clock();
    if (!work(bench, fault)) {
        return false;
    }
    double took = clock() - began;
    *best = took > 0 && took < *best ? took : *best;
    return true;
}

static const struct row {
    const char *name;
    const char *anchor_name;
    const char *unit;
    double (*clock)(void);
    bool (*ours)(struct bench *bench, struct fault *fault);
    bool (*anchor)(struct bench *bench, struct fault *fault);
} rows[BENCH_MAILBOX_ROWS] = {
    {"list", "SQLite's clustered index", "messages/s", cpu_sec, list_ours, list_anchor},
    {"append", "write and fdatasync", "appends/s", wall_sec, append_ours, append_anchor},
    {"search", "memmem over the same bytes", "MB/s", cpu_sec, search_ours, search_anchor},
};

static bool measure(struct bench *bench, struct bench_mailbox_row *out, const struct row *row,
                    struct fault *fault)
{
    double ours = 1e9;
    double anchor = 1e9;
    for (int round = 0; round < N_ROUNDS; round++) {
        if (!run_once(bench, row->ours, row->clock, &ours, fault) ||
            !run_once(bench, row->anchor, row->clock, &anchor, fault)) {
            return false;
        }
    }
    double amount = row->ours == append_ours   ? APPENDS_A_ROUND
                    : row->ours == search_ours ? (double)bench->bodies.len / 1e6
                                               : (double)bench->options.n_messages;
    *out = (struct bench_mailbox_row){.name = row->name,
                                      .ours = amount / ours,
                                      .anchor = amount / anchor,
                                      .anchor_name = row->anchor_name,
                                      .unit = row->unit};
    (void)snprintf(out->detail, sizeof(out->detail),
                   "%zu messages of %zu bytes; %s, best of %d rounds each",
                   bench->options.n_messages, bench->options.n_bytes,
                   row->clock == cpu_sec ? "CPU time" : "time that passed", N_ROUNDS);
    return true;
}

bool bench_mailbox_run(struct bench_mailbox_row out[BENCH_MAILBOX_ROWS],
                       const struct bench_mailbox_options *options, struct fault *fault)
{
    struct bench bench = {.options = *options};
    const char *parent = getenv("TMPDIR");
    int len = snprintf(bench.folder, sizeof(bench.folder), "%s/bittern-bench-XXXXXX",
                       parent && *parent ? parent : "/tmp");
    if (len >= (int)sizeof(bench.folder) || !mkdtemp(bench.folder)) {
        return fault_set_errno(fault, errno, "make a folder %s", bench.folder);
    }
    (void)snprintf(bench.path, sizeof(bench.path), "%s/mail.db", bench.folder);
    bench.options.n_messages =
        options->n_messages != 0 ? options->n_messages : (size_t)DEFAULT_MESSAGES;
    bench.options.n_bytes = options->n_bytes != 0 ? options->n_bytes : (size_t)DEFAULT_BYTES;
    bool ok = open_mailbox(&bench, fault);
    for (size_t i = 0; ok && i < BENCH_MAILBOX_ROWS; i++) {
        ok = measure(&bench, &out[i], &rows[i], fault);
    }
    close_all(&bench);
    return ok;
}
