// SPDX-License-Identifier: MIT
/* bittern-decoder: takes strangers' content apart, and can do nothing else.
 *
 * It has one socket to the gateway and one to the supervisor; no file, key or network. Jobs are
 * done one at a time, to their end: while one runs nothing else is heard, so a job that would never
 * end is ended by a timer of CPU time, whose signal ends the process. The supervisor starts it
 * again, and the gateway knows which job it was. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/io.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/sandbox.h"
#include "base/str.h"
#include "config/settings.h"
#include "gateway/decoder/decoder_jobs.h"
#include "gateway/decoder/decoder_wire.h"
#include "mailproto/mime/bench.h"
#include "mailproto/mime/charset.h"

enum {
    MAX_STACK_BYTES = 8 << 20,
    MAX_FILES = 64,
    CPU_SEC_PER_JOB = 8 /* below DECODER_DEADLINE_MS: the gateway sees an end, not silence */
};

#ifndef BITTERN_SANITIZED /* whose shadow memory is a large address space */
/* Nothing above it comes of mails of DECODER_MAX_MAIL_BYTES. */
static const rlim_t MAX_MEMORY_BYTES = (rlim_t)3 << 30;
#endif

struct app {
    struct loop *loop;
    struct child *child;
    struct io *io; /* the gateway; NULL while it is away */
};

/* ---- jobs ---- */

/* CPU time from now on after which the process is to end; 0: as much as it takes. */
static void limit_cpu(time_t seconds)
{
    const struct itimerval timer = {.it_value = {.tv_sec = seconds}};
    setitimer(ITIMER_PROF, &timer, NULL);
}

static void drop_gateway(struct app *app, const char *why)
{
    log_debug("decoder", "gateway gone: %s", why);
    io_free(&app->io);
}

static void do_jobs(struct app *app)
{
    struct fault fault = {0};
    enum parse_result result = PARSE_DONE;
    while (result == PARSE_DONE && io_input(app->io).len != 0) {
        struct bytes in = io_input(app->io);
        struct buf out = {0};
        size_t used = 0;
        limit_cpu(CPU_SEC_PER_JOB + (time_t)(in.len >> 22));
        result = decoder_jobs_run(&out, &used, in, &fault);
        if (result == PARSE_DONE) {
            io_consume(app->io, used);
            io_write(app->io, buf_view(&out));
        }
        buf_clear(&out);
    }
    limit_cpu(0);
    if (result == PARSE_BAD) {
        log_error("decoder", "%s", fault.text);
        drop_gateway(app, "spoke nonsense");
    }
}

static void on_event(struct io *io, enum io_event event, void *context)
{
    struct app *app = context;
    (void)io;
    if (event == IO_DATA) {
        do_jobs(app);
    } else if (event == IO_EOF || event == IO_ERROR) {
        drop_gateway(app, "closed");
    }
}

static void attach_gateway(struct app *app, int fd)
{
    io_free(&app->io);
    app->io = io_new_take(app->loop, fd, on_event, app);
    io_set_input_limit(app->io, DECODER_FRAME_HEADER_BYTES + (size_t)DECODER_MAX_REQUEST_BYTES);
}

/* ---- the supervisor ---- */

static void on_socket(void *context, const char *name, int fd)
{
    (void)name;
    attach_gateway(context, fd);
}

static void on_stop(void *context)
{
    struct app *app = context;
    loop_stop(app->loop);
}

static const struct child_handler CHILD_HANDLER = {.on_socket = on_socket, .on_stop = on_stop};

/* ---- start ---- */

static void set_limit(int resource, rlim_t value)
{
    const struct rlimit limit = {value, value};
    if (setrlimit((__rlimit_resource_t)resource, &limit) != 0) {
        log_warn("decoder", "limit %d is not set", resource);
    }
}

static void set_limits(void)
{
    set_limit(RLIMIT_STACK, MAX_STACK_BYTES);
    set_limit(RLIMIT_NOFILE, MAX_FILES);
#ifndef BITTERN_SANITIZED
    set_limit(RLIMIT_AS, MAX_MEMORY_BYTES);
#endif
}

static bool take_settings(const struct child *child, struct fault *fault)
{
    struct settings settings;
    settings_init(&settings);
    bool ok = settings_from_lines(&settings, child_settings(child), fault);
    if (ok) {
        const char *instance = child_value(child, CHILD_VALUE_INSTANCE);
        bool is_owner = instance != NULL && instance[0] == 'o';
        log_init(STDERR_FILENO, (enum log_level)settings.log.level,
                 is_owner ? "decoder.owner" : "decoder.network");
        log_show_addresses(settings.log.addresses);
    }
    settings_clear(&settings);
    return ok;
}

static bool run(struct app *app, struct fault *fault)
{
    struct sandbox_profile profile = {.calls = SANDBOX_STREAMS};
    struct sandbox_status status;
    if (!take_settings(app->child, fault)) {
        return false;
    }
    set_limits();
    app->loop = loop_new();
    if (!sandbox_enter(&status, &profile, fault)) {
        return false;
    }
    int fd = child_take_socket(app->child, CHILD_SOCKET_GATEWAY);
    if (fd >= 0) {
        attach_gateway(app, fd);
    }
    child_attach(app->child, app->loop, &CHILD_HANDLER, app);
    child_report(app->child, CHILD_REPORT_SANDBOX, status.text);
    child_ready(app->child);
    loop_run(app->loop);
    return true;
}

/* `bittern-decoder bench translate [ROUNDS [BYTES]]`: one line of JSON, for `bittern bench`. */
static int bench(int argc, char **argv)
{
    struct mime_bench result;
    uint64_t n_rounds = 0;
    uint64_t len = 0;
    if (argc < 3 || strcmp(argv[2], "translate") != 0 ||
        (argc > 3 && !parse_u64(bytes_of_str(argv[3]), MIME_BENCH_MAX_ROUNDS, &n_rounds)) ||
        (argc > 4 && !parse_u64(bytes_of_str(argv[4]), MIME_BENCH_MAX_BYTES, &len))) {
        fprintf(stderr, "bittern-decoder: bench translate [ROUNDS [BYTES]]\n");
        return 2;
    }
    mime_bench_run(&result, (size_t)n_rounds, (size_t)len);
    printf("{\"name\":\"translate\",\"ours\":%.6g,\"anchor\":%.6g,\"anchor_name\":\"libetpan\","
           "\"ratio\":%.3f,\"unit\":\"mails/s of CPU\",\"detail\":\"%s\"}\n",
           result.ours, result.anchor, result.ours / result.anchor, result.detail);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct app app = {0};
    struct fault fault = {0};
    mem_keep_freed(MEM_KEPT_BYTES);
    if (argc > 1 && strcmp(argv[1], "bench") == 0) {
        return bench(argc, argv);
    }

    process_init();
    struct charset_modules *modules = charset_modules_load();
    app.child = child_join("decoder", &fault);
    bool ok = app.child != NULL && run(&app, &fault);
    if (!ok) {
        log_error("decoder", "%s", fault.text);
        if (app.child != NULL) {
            child_report(app.child, CHILD_REPORT_PROBLEM, fault.text);
        }
    }
    io_free(&app.io);
    child_free(&app.child);
    loop_free(&app.loop);
    charset_modules_free(&modules);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
