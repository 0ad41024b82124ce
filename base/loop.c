// SPDX-License-Identifier: MIT
/* The loop over libevent, which gives us epoll and signals; timers, deferred calls and the inbox
 * for other threads are our own, so that the order within a turn is ours to say.
 *
 * The inbox is a stack that threads push to with one compare-and-swap; whoever finds it empty rings
 * the eventfd. The loop takes the whole stack and turns it round. */
#include "base/loop.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/loop_internal.h"
#include "base/mem.h"

struct loop {
    struct event_base *base;
    struct event *alarm; /* ends the wait when the first timer is due */
    struct event *doorbell_event;
    int doorbell_fd;
    _Atomic(struct loop_message *) inbox;
    struct list_node deferred;
    struct list_node at_free;
    struct list_node signals;
    struct timer_heap timers;
    bool stopping;
};

struct signal_watch {
    struct list_node node;
    struct event *event;
    void (*run)(void *context);
    void *context;
};

struct watch {
    struct loop *loop;
    int fd;
    unsigned wanted;
    struct event *readable; /* made when first wanted */
    struct event *writable;
    void (*run)(void *context, unsigned ready);
    void *context;
};

struct deferred_call {
    struct deferred deferred;
    void (*run)(void *context);
    void *context;
};

/* Without these a process of ours can do nothing; it happens at start, if ever. */
static void *must_have(void *thing, const char *what)
{
    if (thing == NULL) {
        fprintf(stderr, "the event loop has no %s\n", what);
        abort();
    }
    return thing;
}

/* ---- Messages from other threads. ---- */

void loop_post(struct loop *loop, struct loop_message *message)
{
    struct loop_message *head = atomic_load(&loop->inbox);
    do {
        message->next = head;
    } while (!atomic_compare_exchange_weak(&loop->inbox, &head, message));
    if (head == NULL) {
        ssize_t written = write(loop->doorbell_fd, &(uint64_t){1}, sizeof(uint64_t));
        (void)written; /* EAGAIN: it has rung already */
    }
}

void loop_deliver_posted(struct loop *loop)
{
    struct loop_message *newest = atomic_exchange(&loop->inbox, NULL);
    struct loop_message *oldest = NULL;
    while (newest != NULL) {
        struct loop_message *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != NULL) {
        struct loop_message *next = oldest->next;
        oldest->run(oldest); /* may free it */
        oldest = next;
    }
}

static void on_doorbell(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    uint64_t rings;
    ssize_t got = read(fd, &rings, sizeof rings); /* before the inbox is taken: no ring is lost */
    (void)got;
    loop_deliver_posted(context);
}

/* ---- Deferred calls. ---- */

void deferred_init(struct deferred *deferred, struct loop *loop, void (*run)(void *context),
                   void *context)
{
    *deferred = (struct deferred){.loop = loop, .run = run, .context = context};
    list_init(&deferred->node);
}

void deferred_arm(struct deferred *deferred)
{
    if (list_is_empty(&deferred->node)) {
        list_append(&deferred->loop->deferred, &deferred->node);
    }
}

void deferred_cancel(struct deferred *deferred)
{
    if (deferred->node.next != NULL) {
        list_remove(&deferred->node);
    }
}

static void run_deferred_call(void *context)
{
    struct deferred_call *call = context;
    call->run(call->context);
    free(call);
}

void loop_defer(struct loop *loop, void (*run)(void *context), void *context)
{
    struct deferred_call *call = xcalloc(1, sizeof *call);
    call->run = run;
    call->context = context;
    deferred_init(&call->deferred, loop, run_deferred_call, call);
    deferred_arm(&call->deferred);
}

/* Runs those that stand there now; what they arm waits for the next sweep. */
static void sweep(struct list_node *queue)
{
    struct list_node batch;
    list_insert_before(queue->next, &batch);
    list_remove(queue);
    while (!list_is_empty(&batch)) {
        struct deferred *deferred = list_entry(batch.next, struct deferred, node);
        list_remove(&deferred->node);
        deferred->run(deferred->context); /* may free it */
    }
}

/* ---- Signals. ---- */

static void on_signal(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct signal_watch *watch = context;
    watch->run(watch->context);
}

void loop_on_signal(struct loop *loop, int signal_number, void (*run)(void *context), void *context)
{
    struct signal_watch *watch = xcalloc(1, sizeof *watch);
    watch->run = run;
    watch->context = context;
    watch->event = must_have(evsignal_new(loop->base, signal_number, on_signal, watch), "signals");
    event_add(watch->event, NULL);
    list_append(&loop->signals, &watch->node);
}

/* ---- Descriptors. ---- */

struct watch *watch_new(struct loop *loop, int fd, void (*run)(void *context, unsigned ready),
                        void *context)
{
    struct watch *watch = xcalloc(1, sizeof *watch);
    watch->loop = loop;
    watch->fd = fd;
    watch->run = run;
    watch->context = context;
    return watch;
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct watch *watch = context;
    watch->run(watch->context, WATCH_READ);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct watch *watch = context;
    watch->run(watch->context, WATCH_WRITE);
}

static void want_one(struct watch *watch, struct event **event, short what, event_callback_fn run,
                     bool wanted)
{
    if (!wanted) {
        event_del(*event);
        return;
    }
    if (*event == NULL) {
        struct event_base *base = watch->loop->base;
        *event =
            must_have(event_new(base, watch->fd, (short)(what | EV_PERSIST), run, watch), "memory");
    }
    event_add(*event, NULL);
}

void watch_want(struct watch *watch, unsigned wanted)
{
    unsigned changed = watch->wanted ^ wanted;
    watch->wanted = wanted;
    if (changed & WATCH_READ) {
        want_one(watch, &watch->readable, EV_READ, on_readable, wanted & WATCH_READ);
    }
    if (changed & WATCH_WRITE) {
        want_one(watch, &watch->writable, EV_WRITE, on_writable, wanted & WATCH_WRITE);
    }
}

void watch_free(struct watch **watch)
{
    if (*watch == NULL) {
        return;
    }
    if ((*watch)->readable != NULL) {
        event_free((*watch)->readable);
    }
    if ((*watch)->writable != NULL) {
        event_free((*watch)->writable);
    }
    free(*watch);
    *watch = NULL;
}

/* ---- The loop itself. ---- */

static void on_alarm(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    (void)context; /* it only ends the wait: timers run after the descriptors */
}

struct loop *loop_new(void)
{
    struct loop *loop = xcalloc(1, sizeof *loop);
    list_init(&loop->deferred);
    list_init(&loop->at_free);
    list_init(&loop->signals);
    loop->base = must_have(event_base_new(), "epoll");
    loop->alarm = must_have(evtimer_new(loop->base, on_alarm, loop), "alarm");
    loop->doorbell_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    must_have(loop->doorbell_fd >= 0 ? loop : NULL, "eventfd");
    loop->doorbell_event =
        must_have(event_new(loop->base, loop->doorbell_fd, EV_READ | EV_PERSIST, on_doorbell, loop),
                  "doorbell");
    event_add(loop->doorbell_event, NULL);
    return loop;
}

void loop_free(struct loop **loop_at)
{
    struct loop *loop = *loop_at;
    if (loop == NULL) {
        return;
    }
    loop_deliver_posted(loop);
    sweep(&loop->at_free);
    while (!list_is_empty(&loop->deferred)) {
        sweep(&loop->deferred);
    }
    assert(loop->timers.n_items == 0);
    list_for_each(node, &loop->signals)
    {
        struct signal_watch *watch = list_entry(node, struct signal_watch, node);
        event_free(watch->event);
        free(watch);
    }
    event_free(loop->doorbell_event);
    event_free(loop->alarm);
    event_base_free(loop->base);
    close(loop->doorbell_fd);
    free(loop->timers.items);
    free(loop);
    *loop_at = NULL;
}

struct timer_heap *loop_timers(struct loop *loop)
{
    return &loop->timers;
}

struct list_node *loop_at_free(struct loop *loop)
{
    return &loop->at_free;
}

struct event_base *loop_event_base(struct loop *loop)
{
    return loop->base;
}

/* max_wait_ms < 0: as long as it takes. */
static int64_t wait_of_turn_ms(const struct loop *loop, int64_t max_wait_ms)
{
    if (!list_is_empty(&loop->deferred)) {
        return 0;
    }
    int64_t timer_ms = timer_heap_wait_ms(&loop->timers, clock_mono_ms());
    if (max_wait_ms < 0 || (timer_ms >= 0 && timer_ms < max_wait_ms)) {
        return timer_ms;
    }
    return max_wait_ms;
}

static void turn(struct loop *loop, int64_t max_wait_ms)
{
    int64_t wait_ms = wait_of_turn_ms(loop, max_wait_ms);
    if (wait_ms == 0) {
        event_base_loop(loop->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    } else {
        if (wait_ms > 0) {
            struct timeval wait = {wait_ms / 1000, wait_ms % 1000 * 1000};
            event_add(loop->alarm, &wait);
        } else {
            event_del(loop->alarm);
        }
        event_base_loop(loop->base, EVLOOP_ONCE);
    }
    timer_heap_run(&loop->timers, clock_mono_ms());
    sweep(&loop->deferred);
}

void loop_turn(struct loop *loop, int64_t max_wait_ms)
{
    turn(loop, max_wait_ms > 0 ? max_wait_ms : 0);
}

void loop_run(struct loop *loop)
{
    do {
        turn(loop, loop->stopping ? 0 : -1);
    } while (!loop->stopping);
    loop->stopping = false;
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
}
