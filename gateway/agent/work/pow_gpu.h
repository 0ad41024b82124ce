// SPDX-License-Identifier: MIT
/* The graphics processor, seen from the gateway: bittern-gpu, a process that may be absent, still
 * compiling, hang, die and come back. None of that holds anything up: the processor's kernels work
 * on the same searches all the while.
 *
 * It works on one search at a time, on nonces that are dealt out to nobody else. What it finds is
 * checked with OpenSSL; after one wrong answer it is not used any more. */
#ifndef BITTERN_GATEWAY_AGENT_WORK_POW_GPU_H
#define BITTERN_GATEWAY_AGENT_WORK_POW_GPU_H

#include <stdbool.h>

#include "base/compiler.h"

struct loop;
struct pow_gpu;
struct pow_search;

struct pow_gpu_hooks {
    /* Ask the supervisor to end the process: it hangs. */
    void (*kill)(void *context);
    void *context;
};

/* Nothing is there before the first attach. */
struct pow_gpu *pow_gpu_new(struct loop *loop, const struct pow_gpu_hooks *hooks) MUST_USE;
void pow_gpu_free(struct pow_gpu **gpu);
/* Take the socket to a fresh process; an older one is closed. */
void pow_gpu_attach_take(struct pow_gpu *gpu, int fd);
/* There will be none; `reason` is copied. */
void pow_gpu_set_absent(struct pow_gpu *gpu, const char *reason);

/* Who hands out the work. Both in the loop, never from inside a call to this module. */
struct pow_gpu_events {
    /* The search has found its nonce. */
    void (*found)(void *context, struct pow_search *search);
    /* It could work: it came up, or did all of its range. */
    void (*free_again)(void *context);
    void *context;
};
void pow_gpu_set_events(struct pow_gpu *gpu, struct pow_gpu_events events);

/* Work on this one from now on; nothing happens where it does, or where there is no device. A
 * reference is taken. */
void pow_gpu_work_on(struct pow_gpu *gpu, struct pow_search *search);
/* Stop, if it works on this one; NULL: on whatever it does. */
void pow_gpu_drop(struct pow_gpu *gpu, const struct pow_search *search);

enum pow_gpu_state {
    POW_GPU_ABSENT,   /* no such process, or no device; `reason` says why */
    POW_GPU_STARTING, /* the process was started, or died and will be again */
    POW_GPU_IDLE,
    POW_GPU_WORKING,
    POW_GPU_DISTRUSTED /* it gave a wrong answer */
};

struct pow_gpu_status {
    enum pow_gpu_state state;
    const char *device;    /* "" where none is known; borrowed until the next turn of the loop */
    const char *reason;    /* likewise */
    double trials_per_sec; /* while it worked last; 0: not known */
};
struct pow_gpu_status pow_gpu_status(const struct pow_gpu *gpu) MUST_USE;
/* "absent", "starting" ... Static. */
const char *pow_gpu_state_name(enum pow_gpu_state state) MUST_USE;

#endif
