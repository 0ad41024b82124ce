// SPDX-License-Identifier: MIT
/* The event loop: one per process, and the owner of all state that is not handed out by value.
 *
 * A turn of the loop waits for the kernel, calls back for each descriptor that is ready, for each
 * message that another thread posted, for each timer that is due, and last for each deferred call
 * that stood in the queue when the sweep began. So an object that must die inside its own callback
 * defers the free: nobody above it on the stack will touch it again.
 *
 * A callback never waits: not for the disk, not for a computation, not for another process.
 * Everything here may be called from the loop's thread alone, except loop_post. */
#ifndef BITTERN_BASE_LOOP_H
#define BITTERN_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "base/list.h"

struct loop;

/* Never NULL: without epoll the process can't work and aborts. */
struct loop *loop_new(void) MUST_USE;
/* Runs the deferred calls that are left, then frees. Timers, watches and ios were freed before. */
void loop_free(struct loop **loop);

/* Turn until loop_stop. */
void loop_run(struct loop *loop);
/* The current turn is the last one. Before loop_run: it returns after one turn. */
void loop_stop(struct loop *loop);
/* One turn, waiting at most `max_wait_ms` for something to happen. For tests and for waiting on a
 * condition at start. */
void loop_turn(struct loop *loop, int64_t max_wait_ms);

/* ---- Deferred calls: later in this turn, or in the next one. ---- */

/* In the owner's storage; {0} is valid and idle. */
struct deferred {
    struct list_node node;
    struct loop *loop;
    void (*run)(void *context);
    void *context;
};
void deferred_init(struct deferred *deferred, struct loop *loop, void (*run)(void *context),
                   void *context);
/* Run once, at the end of a turn. Nothing happens when it stands in the queue already. */
void deferred_arm(struct deferred *deferred);
/* Not to be run any more. Allowed at any time, also for {0}. */
void deferred_cancel(struct deferred *deferred);

/* The same without storage of one's own; can't be taken back. */
void loop_defer(struct loop *loop, void (*run)(void *context), void *context);

/* ---- Messages from other threads. ---- */

/* Embedded in what the thread hands over; the loop calls run(message) in one of its next turns, in
 * the order of posting for each thread. */
struct loop_message {
    struct loop_message *next;
    void (*run)(struct loop_message *message);
};
/* From any thread; takes no lock. The message is the loop's until run is called. */
void loop_post(struct loop *loop, struct loop_message *message);

/* ---- Signals. ---- */

/* Call run(context) in the loop when the process gets `signal_number`, until the loop is freed. */
void loop_on_signal(struct loop *loop, int signal_number, void (*run)(void *context),
                    void *context);

/* ---- Descriptors: for io, listener and channel; sessions use those. ---- */

enum { WATCH_READ = 1, WATCH_WRITE = 2 };

struct watch;

/* Calls run(context, WATCH_...) while `fd` is ready for what watch_want asked for; nothing at
 * first. `fd` stays the caller's and must outlive the watch. */
struct watch *watch_new(struct loop *loop, int fd, void (*run)(void *context, unsigned ready),
                        void *context) MUST_USE;
/* `wanted`: a combination of WATCH_READ and WATCH_WRITE, or 0. Cheap when nothing changes. */
void watch_want(struct watch *watch, unsigned wanted);
/* Allowed inside its own callback. */
void watch_free(struct watch **watch);

#endif
