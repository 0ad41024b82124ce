// SPDX-License-Identifier: MIT
/* bittern-gpu: proof of work on a graphics processor.
 *
 * A child of the supervisor, with a channel to the gateway. Drivers compile code, open devices and
 * start threads as they like, so this process is not locked in; therefore nothing that could be
 * worth a break-in comes near it, neither a secret nor a stranger's bytes (see gpu_wire.h).
 *
 *     join -> open the device, in the worker -> ready -> job -> batch, batch, ... -> found
 *
 * The device is the one worker thread's; the loop only hands batches over, so that it hears of a
 * new job or a cancellation at once, and it takes effect after the batch. Where there is no device
 * the process says so and ends, and is not started again. `bittern-gpu bench SECONDS` measures. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/channel.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/process.h"
#include "config/settings.h"
#include "crypto/gpu/gpu_device.h"
#include "crypto/gpu/gpu_wire.h"

enum { LEAST_PRIORITY = 19, BENCH_MAX_SEC = 3600 };

struct app {
    struct loop *loop;
    struct child *child;
    struct channel *gateway; /* NULL while it is away */
    struct pool *pool;       /* one worker */
    enum gpu_choice choice;
    struct gpu_device *device; /* NULL until it is open; then the worker's while `busy` */
    bool busy;
    bool has_job;
    struct gpu_job job; /* what is left of it */
    uint64_t n_untold;  /* trials of it that the gateway has not heard of */
    int64_t told_ms;    /* when it last heard of any */
    bool failed;
};

static void start_batch(struct app *app);

/* ---- to the gateway ---- */

static void tell(struct app *app, enum gpu_message type, struct bytes payload)
{
    struct fault fault = {0};
    if (app->gateway != NULL &&
        !channel_send(app->gateway, (uint16_t)type, payload, NULL, 0, &fault)) {
        log_warn("gpu", "%s", fault.text);
    }
}

static void tell_ready(struct app *app)
{
    tell(app, GPU_READY, bytes_of_str(gpu_device_name(app->device)));
}

static void tell_progress(struct app *app)
{
    struct buf out = {0};
    gpu_progress_write(&out, &(struct gpu_progress){app->job.id, app->n_untold});
    tell(app, GPU_PROGRESS, buf_view(&out));
    buf_clear(&out);
    app->n_untold = 0;
    app->told_ms = clock_mono_ms();
}

static void tell_found(struct app *app, uint64_t nonce)
{
    struct buf out = {0};
    gpu_found_write(&out, &(struct gpu_found){app->job.id, app->n_untold, nonce});
    tell(app, GPU_FOUND, buf_view(&out));
    buf_clear(&out);
    app->n_untold = 0;
}

/* ---- batches ---- */

/* To the worker and back. */
struct batch {
    struct app *app;
    struct gpu_device *device;
    uint64_t id; /* of the job */
    struct pow_slice slice;
    bool ok;
    bool found;
    uint64_t nonce;
    struct fault fault;
};

static void run_batch(void *job, const struct pool_token *token)
{
    struct batch *batch = job;
    (void)token;
    batch->ok = gpu_device_search(batch->device, &batch->found, &batch->nonce, &batch->slice,
                                  &batch->fault);
}

/* Of the job that is still the job. */
static void take_result(struct app *app, const struct batch *batch)
{
    struct pow_slice *left = &app->job.slice;
    if (batch->found) {
        app->n_untold += batch->nonce - batch->slice.first_nonce + 1;
        app->has_job = false;
        tell_found(app, batch->nonce);
        return;
    }
    app->n_untold += batch->slice.n_trials;
    left->first_nonce += batch->slice.n_trials;
    left->n_trials -= batch->slice.n_trials;
    app->has_job = left->n_trials != 0;
    if (!app->has_job || clock_mono_ms() - app->told_ms >= GPU_PROGRESS_MS) {
        tell_progress(app);
    }
}

static void batch_done(void *job, bool was_cancelled)
{
    struct batch *batch = job;
    struct app *app = batch->app;
    app->busy = false;
    if (!was_cancelled && !batch->ok) {
        log_error("gpu", "%s", batch->fault.text);
        app->failed = true;
        loop_stop(app->loop);
    } else if (!was_cancelled && app->has_job && batch->id == app->job.id) {
        take_result(app, batch);
    }
    free(batch);
    start_batch(app);
}

static void start_batch(struct app *app)
{
    if (app->busy || app->failed || !app->has_job || app->device == NULL) {
        return;
    }
    struct batch *batch = xcalloc(1, sizeof *batch);
    uint64_t most = gpu_device_batch_trials(app->device);
    batch->app = app;
    batch->device = app->device;
    batch->id = app->job.id;
    batch->slice = app->job.slice;
    if (batch->slice.n_trials > most) {
        batch->slice.n_trials = most;
    }
    app->busy = pool_submit(app->pool, POOL_NORMAL, run_batch, batch_done, batch, NULL) != 0;
    if (!app->busy) {
        free(batch);
    }
}

/* ---- from the gateway ---- */

static void on_message(void *context, struct channel_message *message)
{
    struct app *app = context;
    app->has_job = message->type == GPU_JOB && gpu_job_parse(&app->job, message->payload);
    app->n_untold = 0;
    app->told_ms = clock_mono_ms();
    if (!app->has_job && message->type != GPU_CANCEL) {
        log_warn("gpu", "the gateway sent a malformed message of type %u", (unsigned)message->type);
    }
    start_batch(app);
}

static void on_closed(void *context, const struct fault *fault)
{
    struct app *app = context;
    (void)fault;
    app->has_job = false;
    channel_free(&app->gateway);
}

static void attach_gateway_take(struct app *app, int fd)
{
    static const struct channel_handler handler = {on_message, on_closed};
    channel_free(&app->gateway);
    app->has_job = false;
    app->gateway = channel_new_take(app->loop, fd, &handler, app);
    if (app->device != NULL) {
        tell_ready(app);
    }
}

/* ---- from the supervisor ---- */

static void on_socket(void *context, const char *name, int fd)
{
    struct app *app = context;
    if (strcmp(name, CHILD_SOCKET_GATEWAY) == 0) {
        attach_gateway_take(app, fd);
    } else {
        process_close_fd(&fd);
    }
}

/* A driver can't be interrupted, neither its compiler nor a launch that hangs, and nothing here is
 * worth waiting for. */
static void on_stop(void *context)
{
    struct app *app = context;
    if (app->busy) {
        _exit(EXIT_SUCCESS);
    }
    loop_stop(app->loop);
}

static const struct child_handler child_handler = {.on_socket = on_socket, .on_stop = on_stop};

/* ---- opening the device ---- */

struct opening {
    struct app *app;
    enum gpu_choice choice;
    struct gpu_device *device;
    struct fault fault;
};

static void run_opening(void *job, const struct pool_token *token)
{
    struct opening *opening = job;
    (void)token;
    opening->device = gpu_device_open(opening->choice, &opening->fault);
}

static void opening_done(void *job, bool was_cancelled)
{
    struct opening *opening = job;
    struct app *app = opening->app;
    (void)was_cancelled;
    app->busy = false;
    app->device = opening->device;
    if (app->device != NULL) {
        log_info("gpu", "device=\"%s\" self-test=passed", gpu_device_name(app->device));
        child_ready(app->child);
        tell_ready(app);
    } else {
        log_warn("gpu", "not used: %s", opening->fault.text);
        child_report(app->child, CHILD_REPORT_RETIRE, opening->fault.text);
        loop_stop(app->loop);
    }
    free(opening);
    start_batch(app);
}

static bool start_opening(struct app *app, struct fault *fault)
{
    struct opening *opening = xcalloc(1, sizeof *opening);
    opening->app = app;
    opening->choice = app->choice;
    app->busy = pool_submit(app->pool, POOL_NORMAL, run_opening, opening_done, opening, fault) != 0;
    if (!app->busy) {
        free(opening);
    }
    return app->busy;
}

/* ---- start ---- */

static bool take_settings(struct app *app, struct fault *fault)
{
    struct settings settings;
    settings_init(&settings);
    bool ok = settings_from_lines(&settings, child_settings(app->child), fault);
    if (ok) {
        log_init(STDERR_FILENO, (enum log_level)settings.log.level, "gpu");
        app->choice = settings.pow.gpu == POW_GPU_USE_ON ? GPU_ANY : GPU_TRUE_ONES;
        if (settings.pow.priority != POW_PRIORITY_NORMAL) {
            (void)setpriority(PRIO_PROCESS, 0, LEAST_PRIORITY); /* inherited by all its threads */
        }
    }
    settings_clear(&settings);
    return ok;
}

static bool run(struct app *app, struct fault *fault)
{
    const struct pool_config config = {.name = "gpu", .n_threads = 1};
    if (!take_settings(app, fault)) {
        return false;
    }
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    app->loop = loop_new();
    app->pool = pool_new(app->loop, &config, fault);
    if (app->pool == NULL || !start_opening(app, fault)) {
        return false;
    }
    int fd = child_take_socket(app->child, CHILD_SOCKET_GATEWAY);
    if (fd >= 0) {
        attach_gateway_take(app, fd);
    }
    child_attach(app->child, app->loop, &child_handler, app);
    child_report(app->child, CHILD_REPORT_SANDBOX, "no new privileges");
    loop_run(app->loop);
    return !app->failed;
}

static int run_as_child(void)
{
    struct app app = {0};
    struct fault fault = {0};
    process_init();
    app.child = child_join("gpu", &fault);
    bool ok = app.child != NULL && run(&app, &fault);
    if (!ok && fault.code != FAULT_NONE) {
        log_error("gpu", "%s", fault.text);
    }
    channel_free(&app.gateway);
    pool_free(&app.pool);
    gpu_device_close(&app.device);
    child_free(&app.child);
    loop_free(&app.loop);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- bench ---- */

/* Trials a second of wall time, as the processor only waits; the first quarter is for the batches
 * to find their size. */
static bool measure(struct gpu_device *device, double seconds, double *out_rate,
                    struct fault *fault)
{
    struct pow_slice slice = {.first_nonce = 0}; /* a target of 0: no trial meets it */
    int64_t begin_us = clock_mono_us();
    int64_t counted_us = 0;
    uint64_t n_counted = 0;
    int64_t all_us = (int64_t)(seconds * 1e6);
    while (clock_mono_us() - begin_us < all_us) {
        bool found;
        uint64_t nonce;
        int64_t start_us = clock_mono_us();
        slice.n_trials = gpu_device_batch_trials(device);
        if (!gpu_device_search(device, &found, &nonce, &slice, fault)) {
            return false;
        }
        if (start_us - begin_us > all_us / 4) {
            counted_us += clock_mono_us() - start_us;
            n_counted += slice.n_trials;
        }
        slice.first_nonce += slice.n_trials;
    }
    *out_rate = counted_us > 0 ? (double)n_counted * 1e6 / (double)counted_us : 0;
    return true;
}

/* One line: trials a second, a tab, the device. Any device will do. */
static int bench(const char *seconds_text)
{
    struct fault fault = {0};
    char *end;
    double rate = 0;
    double seconds = strtod(seconds_text, &end);
    if (end == seconds_text || *end != '\0' || !(seconds > 0 && seconds <= BENCH_MAX_SEC)) {
        fprintf(stderr, "bittern-gpu: for how many seconds?\n");
        return 2;
    }
    struct gpu_device *device = gpu_device_open(GPU_ANY, &fault);
    bool ok = device != NULL && measure(device, seconds, &rate, &fault);
    if (ok) {
        printf("%.0f\t%s\n", rate, gpu_device_name(device));
    } else {
        fprintf(stderr, "bittern-gpu: %s\n", fault.text);
    }
    gpu_device_close(&device);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "bench") == 0) {
        return bench(argv[2]);
    }
    return run_as_child();
}
