// SPDX-License-Identifier: MIT
/* The store at 100,000 messages of 2 KB: opening, flags, copies, a search, durable appends.
 *
 *     bench_store FOLDER [N_MESSAGES]
 *
 * prints a JSON object a line. `cpu_ms` is that of the whole process: writer and workers too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
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

enum { FILL_AT_ONCE = 1000, BODY_BYTES = 2000 };

struct bench {
    struct loop *loop;
    struct pool *pool;
    struct db_writer *writer;
    struct mail_store *store;
    const struct mailbox_ops *ops;
    int64_t account_id;
    unsigned n_to_fill;
    bool answered;
    struct mailbox *mailbox;
    size_t n_hits;
    int64_t began_us;
    int64_t began_cpu_us;
};

static int64_t cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void begin(struct bench *bench)
{
    bench->answered = false;
    bench->began_us = clock_mono_us();
    bench->began_cpu_us = cpu_us();
}

static void wait_for_answer(struct bench *bench)
{
    while (!bench->answered) {
        loop_turn(bench->loop, 1000);
    }
}

static void end(const struct bench *bench, const char *name, unsigned n_times)
{
    double wall_ms = (double)(clock_mono_us() - bench->began_us) / 1000 / n_times;
    double cpu_ms = (double)(cpu_us() - bench->began_cpu_us) / 1000 / n_times;
    printf("{\"name\": \"%s\", \"wall_ms\": %.3f, \"cpu_ms\": %.3f}\n", name, wall_ms, cpu_ms);
    fflush(stdout);
}

static void fail(const char *what, const struct fault *fault)
{
    fprintf(stderr, "bench_store: %s: %s\n", what, fault->text);
    exit(1);
}

static void written(void *job, const struct fault *fault)
{
    struct bench *bench = job;
    if (fault) {
        fail("write", fault);
    }
    bench->answered = true;
}

static void call_done(void *context, const struct mailbox_answer *answer)
{
    struct bench *bench = context;
    if (answer->fault) {
        fail("call", answer->fault);
    }
    bench->mailbox = answer->mailbox ? answer->mailbox : bench->mailbox;
    bench->answered = true;
}

static struct mailbox_done done(struct bench *bench)
{
    return (struct mailbox_done){call_done, bench};
}

static void changed(void *context, enum mailbox_event event, uint64_t mailbox_id)
{
    (void)context;
    (void)event;
    (void)mailbox_id;
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
    if (!folders_ensure(txn, &inbox_id, bench->account_id, "INBOX", fault)) {
        return false;
    }
    char content[BODY_BYTES + 200];
    for (unsigned i = 0; i < FILL_AT_ONCE && bench->n_to_fill > 0; i++, bench->n_to_fill--) {
        int header_len = snprintf(content, sizeof(content),
                                  "From: a@x\r\nSubject: number %u\r\nMessage-ID: <%u@x>\r\n\r\n",
                                  bench->n_to_fill, bench->n_to_fill);
        for (size_t k = 0; k < BODY_BYTES; k++) {
            content[(size_t)header_len + k] = (char)('a' + (k * 31 + bench->n_to_fill) % 26);
        }
        const struct bytes all = {(const uint8_t *)content, (size_t)header_len + BODY_BYTES};
        struct arena arena = {0};
        struct mail_analysis analysis;
        analysis_of_opaque(&analysis, all, 1500000000, &arena);
        analysis.text.body = bytes_slice(all, (size_t)header_len, SIZE_MAX);
        const struct message_new message = {.content = all, .analysis = &analysis};
        struct message_place place;
        bool ok = messages_add(txn, &place, inbox_id, &message, fault);
        arena_clear(&arena);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static void write_and_wait(struct bench *bench,
                           bool (*run)(struct mail_txn *txn, void *job, struct fault *fault))
{
    struct fault fault = {0};
    bench->answered = false;
    if (!store_write(bench->store, run, written, bench, &fault)) {
        fail("write", &fault);
    }
    wait_for_answer(bench);
}

static void open_store(struct bench *bench, const char *path)
{
    struct fault fault = {0};
    bench->loop = loop_new();
    bench->pool =
        pool_new(bench->loop, &(struct pool_config){.name = "reads", .n_threads = 2}, &fault);
    struct db *db = mail_db_open(path, &fault);
    if (!db || !bench->pool) {
        fail("open", &fault);
    }
    bench->writer = db_writer_new_take(bench->loop, db, NULL);
    const struct store_config config = {
        .path = path, .loop = bench->loop, .pool = bench->pool, .writer = bench->writer};
    bench->store = store_new(&config, &fault);
    if (!bench->store) {
        fail("store", &fault);
    }
    bench->ops = store_mailbox_ops();
}

static void close_store(struct bench *bench)
{
    store_free(&bench->store);
    db_writer_free(&bench->writer);
    pool_free(&bench->pool);
    loop_free(&bench->loop);
}

static long resident_kib(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%*d %ld", &pages) != 1) {
        pages = 0;
    }
    if (file) {
        fclose(file);
    }
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void hits(void *context, const struct mailbox_hit *found, size_t n_hits)
{
    struct bench *bench = context;
    (void)found;
    bench->n_hits += n_hits;
}

static void search_done(void *context, const struct fault *fault)
{
    struct bench *bench = context;
    if (fault) {
        fail("search", fault);
    }
    bench->answered = true;
}

static void measure(struct bench *bench, unsigned n_messages)
{
    struct fault fault = {0};
    struct mailbox_account *account =
        bench->ops->account_open(bench->store, bench->account_id, NULL, &fault);
    if (!account) {
        fail("account", &fault);
    }
    const struct mailbox_watcher watcher = {changed, bench};
    long before_kib = resident_kib();
    begin(bench);
    (void)bench->ops->open(account, "INBOX", watcher, done(bench));
    wait_for_answer(bench);
    end(bench, "open", 1);
    printf("{\"name\": \"open memory\", \"kib\": %ld}\n", resident_kib() - before_kib);
    struct mailbox *inbox = bench->mailbox;

    begin(bench);
    (void)bench->ops->open(account, "INBOX", watcher, done(bench));
    wait_for_answer(bench);
    end(bench, "open again", 1);
    bench->ops->close(&bench->mailbox);

    struct uid_set all = {0};
    uid_set_add_range(&all, 1, n_messages);
    const struct mailbox_store_request seen = {
        .uids = &all, .mode = MAILBOX_STORE_ADD, .flags = {.flags = MAILBOX_FLAG_SEEN}};
    begin(bench);
    (void)bench->ops->store_flags(inbox, &seen, done(bench));
    wait_for_answer(bench);
    end(bench, "STORE 1:* +FLAGS", 1);

    struct uid_set one = {0};
    uid_set_add(&one, 5);
    begin(bench);
    for (int i = 0; i < 500; i++) {
        const struct mailbox_store_request flag = {
            .uids = &one,
            .mode = i % 2 ? MAILBOX_STORE_ADD : MAILBOX_STORE_REMOVE,
            .flags = {.flags = MAILBOX_FLAG_FLAGGED | MAILBOX_FLAG_SEEN}};
        bench->answered = false;
        (void)bench->ops->store_flags(inbox, &flag, done(bench));
        wait_for_answer(bench);
    }
    end(bench, "STORE one", 500);

    struct uid_set some = {0};
    uid_set_add_range(&some, 1, 2000);
    begin(bench);
    (void)bench->ops->copy(inbox, &some, "Archive", done(bench));
    wait_for_answer(bench);
    end(bench, "COPY 2000", 1);
    begin(bench);
    (void)bench->ops->move(inbox, &some, "Trash", done(bench));
    wait_for_answer(bench);
    end(bench, "MOVE 2000", 1);

    const struct mailbox_text_test test = {MAILBOX_TEXT_BODY, {0}, bytes_of_str("no such text")};
    begin(bench);
    (void)bench->ops->search_text(inbox, &all, &test, 1,
                                  (struct mailbox_search_done){hits, search_done, bench});
    wait_for_answer(bench);
    end(bench, "SEARCH BODY", 1);

    struct mailbox_reader *reader =
        bench->ops->read_start(inbox, &all, MAILBOX_ITEM_INFO, (struct mailbox_ready){0});
    struct mailbox_item_data item;
    begin(bench);
    enum mailbox_read result;
    do {
        result = bench->ops->read_next(reader, &item, &fault);
    } while (result == MAILBOX_READ_OK || result == MAILBOX_READ_GONE);
    end(bench, "read all forms", 1);
    bench->ops->read_end(&reader);

    begin(bench);
    for (int i = 0; i < 200; i++) {
        static const char mail[] = "Subject: x\r\n\r\nbody\r\n";
        struct mailbox_append *append =
            bench->ops->append_begin(account, "INBOX", (struct mailbox_ready){0}, &fault);
        const struct mailbox_new_message message = {.size = sizeof(mail) - 1};
        if (!append || !bench->ops->append_message(append, &message, &fault) ||
            bench->ops->append_data(append, bytes_of_str(mail), &fault) != MAILBOX_PUSH_OK) {
            fail("append", &fault);
        }
        bench->answered = false;
        (void)bench->ops->append_commit(&append, done(bench));
        wait_for_answer(bench);
    }
    end(bench, "durable append", 200);

    const struct mailbox_store_request deleted = {
        .uids = &all, .mode = MAILBOX_STORE_ADD, .flags = {.flags = MAILBOX_FLAG_DELETED}};
    bench->answered = false;
    (void)bench->ops->store_flags(inbox, &deleted, done(bench));
    wait_for_answer(bench);
    uid_set_clear(&some);
    uid_set_add_range(&some, 3001, 4000);
    begin(bench);
    (void)bench->ops->expunge(inbox, &some, done(bench));
    wait_for_answer(bench);
    end(bench, "EXPUNGE 1000", 1);

    uid_set_clear(&all);
    uid_set_clear(&one);
    uid_set_clear(&some);
    bench->ops->close(&inbox);
    bench->ops->account_close(&account);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: bench_store FOLDER [N_MESSAGES]\n");
        return 2;
    }
    unsigned n_messages = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 100000;
    char path[4096];
    snprintf(path, sizeof(path), "%s/bench-mail.db", argv[1]);
    if (access(path, F_OK) == 0) {
        fprintf(stderr, "bench_store: %s is there already\n", path);
        return 1;
    }
    struct bench bench = {.n_to_fill = n_messages};
    open_store(&bench, path);
    write_and_wait(&bench, make_account);
    begin(&bench);
    while (bench.n_to_fill > 0) {
        write_and_wait(&bench, fill);
    }
    end(&bench, "fill", n_messages);
    close_store(&bench);
    open_store(&bench, path);
    measure(&bench, n_messages);
    close_store(&bench);
    return 0;
}
