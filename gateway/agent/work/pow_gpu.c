// SPDX-License-Identifier: MIT
#include "gateway/agent/work/pow_gpu.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/channel.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/timer.h"
#include "crypto/gpu/gpu_wire.h"
#include "crypto/pow_search.h"

/* Nonces handed over at a time: more than a device does in a turn, and few of 2^64. */
static const uint64_t RANGE_TRIALS = UINT64_C(1) << 40;

struct pow_gpu {
    struct loop *loop;
    struct pow_gpu_hooks hooks;
    struct pow_gpu_events events;
    enum pow_gpu_state state;
    struct channel *channel;
    char device[GPU_MAX_NAME_BYTES + 1];
    char *reason;
    uint64_t last_id;          /* of the job sent last */
    struct pow_search *search; /* of that job, while it is worked on */
    uint64_t n_left;           /* of its range */
    struct timer silence;
    int64_t counted_us; /* until then trials are counted in the speed */
    double trials_per_sec;
    struct deferred free_again;
};

/* Its search is another one now, or none. */
static void forget_search(struct pow_gpu *gpu)
{
    pow_search_unref(&gpu->search);
    if (gpu->state == POW_GPU_WORKING) {
        gpu->state = POW_GPU_IDLE;
    }
}

/* From now on it has nothing to say. */
static void stop_search(struct pow_gpu *gpu)
{
    timer_cancel(&gpu->silence);
    forget_search(gpu);
}

/* The channel is closed by whoever finds out that it is of no use. */
static void lose(struct pow_gpu *gpu, enum pow_gpu_state state)
{
    stop_search(gpu);
    channel_free(&gpu->channel);
    gpu->state = state;
    gpu->trials_per_sec = 0;
}

static void on_silence(void *context)
{
    struct pow_gpu *gpu = context;
    log_warn("pow", "gpu hangs");
    lose(gpu, POW_GPU_STARTING);
    gpu->hooks.kill(gpu->hooks.context);
}

static void tell_free(void *context)
{
    struct pow_gpu *gpu = context;
    if (gpu->events.free_again != NULL && gpu->state == POW_GPU_IDLE) {
        gpu->events.free_again(gpu->events.context);
    }
}

struct pow_gpu *pow_gpu_new(struct loop *loop, const struct pow_gpu_hooks *hooks)
{
    struct pow_gpu *gpu = xcalloc(1, sizeof *gpu);
    gpu->loop = loop;
    gpu->hooks = *hooks;
    gpu->reason = xstrdup("");
    timer_init(&gpu->silence, loop, on_silence, gpu);
    deferred_init(&gpu->free_again, loop, tell_free, gpu);
    return gpu;
}

void pow_gpu_free(struct pow_gpu **gpu)
{
    if (*gpu == NULL) {
        return;
    }
    lose(*gpu, POW_GPU_ABSENT);
    deferred_cancel(&(*gpu)->free_again);
    free((*gpu)->reason);
    free(*gpu);
    *gpu = NULL;
}

void pow_gpu_set_events(struct pow_gpu *gpu, struct pow_gpu_events events)
{
    gpu->events = events;
}

void pow_gpu_set_absent(struct pow_gpu *gpu, const char *reason)
{
    free(gpu->reason);
    gpu->reason = xstrdup(reason);
    lose(gpu, POW_GPU_ABSENT);
}

/* ---- what it says ---- */

static void measure(struct pow_gpu *gpu, uint64_t n_trials)
{
    int64_t now_us = clock_mono_us();
    int64_t took_us = now_us - gpu->counted_us;
    gpu->counted_us = now_us;
    if (took_us >= 1000 && n_trials != 0) {
        double speed = (double)n_trials * 1e6 / (double)took_us;
        gpu->trials_per_sec =
            gpu->trials_per_sec == 0 ? speed : 0.8 * gpu->trials_per_sec + 0.2 * speed;
    }
}

static void on_progress(struct pow_gpu *gpu, const struct gpu_progress *progress)
{
    if (gpu->search == NULL || progress->id != gpu->last_id) {
        return; /* of a job that was taken back */
    }
    pow_search_count(gpu->search, progress->n_trials);
    measure(gpu, progress->n_trials);
    timer_arm(&gpu->silence, GPU_SILENCE_MS);
    if (progress->n_trials >= gpu->n_left) {
        stop_search(gpu);
        deferred_arm(&gpu->free_again);
    } else {
        gpu->n_left -= progress->n_trials;
    }
}

static void on_found(struct pow_gpu *gpu, const struct gpu_found *found)
{
    if (gpu->search == NULL || found->id != gpu->last_id) {
        return;
    }
    struct pow_search *search = pow_search_ref(gpu->search);
    pow_search_count(search, found->n_trials);
    measure(gpu, found->n_trials);
    stop_search(gpu);
    if (!pow_search_offer(search, found->nonce)) {
        log_error("pow", "wrong-nonce device=\"%s\": it is not used any more", gpu->device);
        free(gpu->reason);
        gpu->reason = xstrdup("it gave a wrong nonce");
        lose(gpu, POW_GPU_DISTRUSTED);
    } else if (gpu->events.found != NULL) {
        gpu->events.found(gpu->events.context, search);
    }
    pow_search_unref(&search);
    deferred_arm(&gpu->free_again);
}

static void on_ready(struct pow_gpu *gpu)
{
    log_info("pow", "gpu device=\"%s\"", gpu->device);
    gpu->state = POW_GPU_IDLE;
    deferred_arm(&gpu->free_again);
}

static bool take_message(struct pow_gpu *gpu, const struct channel_message *message)
{
    struct gpu_progress progress;
    struct gpu_found found;
    if (message->type == GPU_PROGRESS && gpu_progress_parse(&progress, message->payload)) {
        on_progress(gpu, &progress);
    } else if (message->type == GPU_FOUND && gpu_found_parse(&found, message->payload)) {
        on_found(gpu, &found);
    } else if (message->type == GPU_READY && gpu->state == POW_GPU_STARTING &&
               gpu_name_parse(gpu->device, message->payload)) {
        on_ready(gpu);
    } else {
        return false;
    }
    return true;
}

static void on_message(void *context, struct channel_message *message)
{
    struct pow_gpu *gpu = context;
    if (!take_message(gpu, message)) {
        log_warn("pow", "gpu sent a message that is none, type=%u", (unsigned)message->type);
        lose(gpu, POW_GPU_STARTING);
        gpu->hooks.kill(gpu->hooks.context);
    }
}

static void on_closed(void *context, const struct fault *fault)
{
    struct pow_gpu *gpu = context;
    log_info("pow", "gpu is away%s%s", fault != NULL ? ": " : "", fault != NULL ? fault->text : "");
    lose(gpu, POW_GPU_STARTING);
}

void pow_gpu_attach_take(struct pow_gpu *gpu, int fd)
{
    static const struct channel_handler handler = {on_message, on_closed};
    if (gpu->state == POW_GPU_DISTRUSTED) {
        process_close_fd(&fd);
        return;
    }
    lose(gpu, POW_GPU_STARTING);
    gpu->channel = channel_new_take(gpu->loop, fd, &handler, gpu);
}

/* ---- what it is told ---- */

static bool send_to(struct pow_gpu *gpu, enum gpu_message type, struct bytes payload)
{
    struct fault fault = {0};
    if (channel_send(gpu->channel, (uint16_t)type, payload, NULL, 0, &fault)) {
        return true;
    }
    log_warn("pow", "gpu: %s", fault.text);
    return false;
}

void pow_gpu_work_on(struct pow_gpu *gpu, struct pow_search *search)
{
    bool can_work = gpu->state == POW_GPU_IDLE || gpu->state == POW_GPU_WORKING;
    if (!can_work || gpu->search == search) {
        return;
    }
    struct gpu_job job = {.id = ++gpu->last_id};
    struct buf payload = {0};
    forget_search(gpu);
    pow_search_take(search, &job.slice, RANGE_TRIALS);
    gpu_job_write(&payload, &job);
    if (send_to(gpu, GPU_JOB, buf_view(&payload))) {
        gpu->search = pow_search_ref(search);
        gpu->n_left = RANGE_TRIALS;
        gpu->state = POW_GPU_WORKING;
        gpu->counted_us = clock_mono_us();
        /* A change of jobs is no sign of life. */
        if (!timer_is_armed(&gpu->silence)) {
            timer_arm(&gpu->silence, GPU_SILENCE_MS);
        }
    }
    buf_clear(&payload);
}

void pow_gpu_drop(struct pow_gpu *gpu, const struct pow_search *search)
{
    if (gpu->search != NULL && (search == NULL || search == gpu->search)) {
        stop_search(gpu);
        (void)send_to(gpu, GPU_CANCEL, (struct bytes){0});
    }
}

/* ---- how it is ---- */

struct pow_gpu_status pow_gpu_status(const struct pow_gpu *gpu)
{
    return (struct pow_gpu_status){
        .state = gpu->state,
        .device = gpu->device,
        .reason = gpu->reason,
        .trials_per_sec = gpu->trials_per_sec,
    };
}

const char *pow_gpu_state_name(enum pow_gpu_state state)
{
    static const char *const names[] = {
        [POW_GPU_ABSENT] = "absent",   [POW_GPU_STARTING] = "starting",     [POW_GPU_IDLE] = "idle",
        [POW_GPU_WORKING] = "working", [POW_GPU_DISTRUSTED] = "distrusted",
    };
    return names[state];
}
