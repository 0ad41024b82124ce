// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/timer.h"

/* What ran, as letters in order. */
struct trace {
    char text[64];
    size_t len;
    struct loop *loop;
};

struct letter {
    struct trace *trace;
    char letter;
    struct timer timer;
    struct deferred deferred;
    int n_left; /* re-arm so often */
};

static void note(void *context)
{
    struct letter *letter = context;
    assert_true(letter->trace->len < sizeof letter->trace->text - 1);
    letter->trace->text[letter->trace->len++] = letter->letter;
}

static int setup(void **state)
{
    struct trace *trace = xcalloc(1, sizeof *trace);
    trace->loop = loop_new();
    *state = trace;
    return 0;
}

static int teardown(void **state)
{
    struct trace *trace = *state;
    loop_free(&trace->loop);
    free(trace);
    return 0;
}

static void turn_for(struct loop *loop, int64_t ms)
{
    int64_t end_ms = clock_mono_ms() + ms;
    while (clock_mono_ms() < end_ms) {
        loop_turn(loop, end_ms - clock_mono_ms());
    }
}

static void timers_run_in_the_order_of_their_times_then_of_arming(void **state)
{
    struct trace *trace = *state;
    static const struct {
        char letter;
        int64_t delay_ms;
    } cases[] = {{'d', 30}, {'a', 0}, {'c', 15}, {'b', 0}, {'e', 30}};
    struct letter letters[ARRAY_LEN(cases)];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        letters[i] = (struct letter){.trace = trace, .letter = cases[i].letter};
        timer_init(&letters[i].timer, trace->loop, note, &letters[i]);
        timer_arm(&letters[i].timer, cases[i].delay_ms);
    }

    turn_for(trace->loop, 50);

    assert_string_equal(trace->text, "abcde");
    assert_false(timer_is_armed(&letters[0].timer));
    assert_int_equal(timer_left_ms(&letters[0].timer), -1);
}

static void a_timer_can_be_cancelled_and_armed_anew_and_idle_ones_forgive_it(void **state)
{
    struct trace *trace = *state;
    struct letter first = {.trace = trace, .letter = 'x'};
    struct letter second = {.trace = trace, .letter = 'y'};
    struct timer idle = {0};
    timer_init(&first.timer, trace->loop, note, &first);
    timer_init(&second.timer, trace->loop, note, &second);

    timer_arm(&first.timer, 1);
    timer_arm(&second.timer, 60000);
    timer_cancel(&first.timer);
    timer_cancel(&first.timer);
    timer_cancel(&idle);
    timer_arm(&second.timer, 1);
    turn_for(trace->loop, 20);

    assert_string_equal(trace->text, "y");
}

static void a_heap_of_timers_survives_random_cancelling(void **state)
{
    struct trace *trace = *state;
    enum { N = 500 };
    static struct timer timers[N];
    static struct letter letter;
    letter = (struct letter){.trace = trace, .letter = '.'};
    srand(7);
    for (size_t i = 0; i < N; i++) {
        timer_init(&timers[i], trace->loop, note, &letter);
        timer_arm(&timers[i], 100000 + rand() % 1000);
    }

    for (size_t i = 0; i < N; i++) {
        size_t other = (size_t)rand() % N;
        timer_cancel(&timers[other]);
        timer_arm(&timers[(size_t)rand() % N], 100000 + rand() % 1000);
    }
    for (size_t i = 0; i < N; i++) {
        timer_cancel(&timers[i]);
    }

    loop_turn(trace->loop, 0);
    assert_int_equal(trace->len, 0);
}

static void note_and_maybe_stop(void *context)
{
    struct letter *letter = context;
    note(letter);
    if (--letter->n_left == 0) {
        timer_cancel(&letter->timer);
        loop_stop(letter->trace->loop);
    }
}

static void a_periodic_timer_runs_until_cancelled_in_its_own_callback(void **state)
{
    struct trace *trace = *state;
    struct letter letter = {.trace = trace, .letter = 'p', .n_left = 3};
    timer_init(&letter.timer, trace->loop, note_and_maybe_stop, &letter);

    timer_arm_periodic(&letter.timer, 2);
    loop_run(trace->loop);
    turn_for(trace->loop, 10);

    assert_string_equal(trace->text, "ppp");
}

static void rearm_at_once(void *context)
{
    struct letter *letter = context;
    note(letter);
    timer_arm(&letter->timer, 0);
}

static void a_timer_that_arms_itself_without_delay_does_not_hold_the_loop(void **state)
{
    struct trace *trace = *state;
    struct letter letter = {.trace = trace, .letter = 'z'};
    timer_init(&letter.timer, trace->loop, rearm_at_once, &letter);
    timer_arm(&letter.timer, 0);

    loop_turn(trace->loop, 0);

    assert_string_equal(trace->text, "z");
    timer_cancel(&letter.timer);
}

static void rearm_deferred(void *context)
{
    struct letter *letter = context;
    note(letter);
    deferred_arm(&letter->deferred);
}

static void deferred_calls_run_once_a_turn_in_order(void **state)
{
    struct trace *trace = *state;
    struct letter again = {.trace = trace, .letter = 'a'};
    struct letter once = {.trace = trace, .letter = 'b'};
    struct letter never = {.trace = trace, .letter = 'n'};
    deferred_init(&again.deferred, trace->loop, rearm_deferred, &again);
    deferred_init(&once.deferred, trace->loop, note, &once);
    deferred_init(&never.deferred, trace->loop, note, &never);

    deferred_arm(&again.deferred);
    deferred_arm(&once.deferred);
    deferred_arm(&once.deferred);
    deferred_arm(&never.deferred);
    deferred_cancel(&never.deferred);
    loop_turn(trace->loop, 1000);
    assert_string_equal(trace->text, "ab");
    loop_turn(trace->loop, 1000);

    assert_string_equal(trace->text, "aba");
    deferred_cancel(&again.deferred);
    deferred_cancel(&(struct deferred){0});
}

static void what_is_deferred_still_runs_when_the_loop_is_freed(void **state)
{
    struct trace *trace = *state;
    struct letter letter = {.trace = trace, .letter = 'f'};

    loop_defer(trace->loop, note, &letter);
    loop_free(&trace->loop);

    assert_string_equal(trace->text, "f");
}

/* ---- Posting. ---- */

enum { N_THREADS = 4, N_MESSAGES = 2000 };

struct posted {
    struct loop_message message;
    struct postbox *box;
    int thread;
    int number;
};

struct postbox {
    struct loop *loop;
    int next[N_THREADS]; /* the number that must come next of each thread */
    int n_total;
};

struct poster {
    struct postbox *box;
    int thread;
};

static void on_posted(struct loop_message *message)
{
    struct posted *posted = (struct posted *)message;
    struct postbox *box = posted->box;
    assert_int_equal(posted->number, box->next[posted->thread]);
    box->next[posted->thread]++;
    if (++box->n_total == N_THREADS * N_MESSAGES) {
        loop_stop(box->loop);
    }
    free(posted);
}

static void *post_many(void *context)
{
    struct poster *poster = context;
    for (int i = 0; i < N_MESSAGES; i++) {
        struct posted *posted = xcalloc(1, sizeof *posted);
        posted->message.run = on_posted;
        posted->box = poster->box;
        posted->thread = poster->thread;
        posted->number = i;
        loop_post(poster->box->loop, &posted->message);
    }
    return NULL;
}

static void messages_of_threads_arrive_all_and_in_order(void **state)
{
    struct trace *trace = *state;
    struct postbox box = {.loop = trace->loop};
    struct poster posters[N_THREADS];
    pthread_t threads[N_THREADS];

    for (int i = 0; i < N_THREADS; i++) {
        posters[i] = (struct poster){&box, i};
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &posters[i]), 0);
    }
    loop_run(trace->loop);
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], NULL);
    }

    assert_int_equal(box.n_total, N_THREADS * N_MESSAGES);
}

/* ---- Signals and descriptors. ---- */

static void a_signal_is_an_event(void **state)
{
    struct trace *trace = *state;
    struct letter letter = {.trace = trace, .letter = 's'};
    loop_on_signal(trace->loop, SIGUSR1, note, &letter);

    raise(SIGUSR1);
    turn_for(trace->loop, 10);

    assert_string_equal(trace->text, "s");
}

struct watcher {
    struct trace *trace;
    struct watch *watch;
    bool free_itself;
};

static void on_ready(void *context, unsigned ready)
{
    struct watcher *watcher = context;
    watcher->trace->text[watcher->trace->len++] = ready == WATCH_READ ? 'r' : 'w';
    if (watcher->free_itself) {
        watch_free(&watcher->watch);
    }
}

static void a_descriptor_is_watched_for_what_is_wanted_alone(void **state)
{
    struct trace *trace = *state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    struct watcher watcher = {.trace = trace};
    watcher.watch = watch_new(trace->loop, ends[0], on_ready, &watcher);
    assert_int_equal(write(ends[1], "x", 1), 1);

    loop_turn(trace->loop, 0);
    assert_string_equal(trace->text, "");
    watch_want(watcher.watch, WATCH_READ);
    loop_turn(trace->loop, 0);
    assert_string_equal(trace->text, "r");
    watch_want(watcher.watch, WATCH_WRITE);
    loop_turn(trace->loop, 0);
    assert_string_equal(trace->text, "rw");

    watch_want(watcher.watch, 0);
    loop_turn(trace->loop, 0);
    assert_string_equal(trace->text, "rw");
    watch_free(&watcher.watch);
    close(ends[0]);
    close(ends[1]);
}

static void a_watch_may_be_freed_in_its_own_callback_with_more_pending(void **state)
{
    struct trace *trace = *state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    struct watcher watcher = {.trace = trace, .free_itself = true};
    watcher.watch = watch_new(trace->loop, ends[0], on_ready, &watcher);
    watch_want(watcher.watch, WATCH_READ | WATCH_WRITE);
    assert_int_equal(write(ends[1], "x", 1), 1);

    loop_turn(trace->loop, 0);
    loop_turn(trace->loop, 0);

    assert_int_equal(trace->len, 1);
    assert_null(watcher.watch);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        LOOP_TEST(timers_run_in_the_order_of_their_times_then_of_arming),
        LOOP_TEST(a_timer_can_be_cancelled_and_armed_anew_and_idle_ones_forgive_it),
        LOOP_TEST(a_heap_of_timers_survives_random_cancelling),
        LOOP_TEST(a_periodic_timer_runs_until_cancelled_in_its_own_callback),
        LOOP_TEST(a_timer_that_arms_itself_without_delay_does_not_hold_the_loop),
        LOOP_TEST(deferred_calls_run_once_a_turn_in_order),
        LOOP_TEST(what_is_deferred_still_runs_when_the_loop_is_freed),
        LOOP_TEST(messages_of_threads_arrive_all_and_in_order),
        LOOP_TEST(a_signal_is_an_event),
        LOOP_TEST(a_descriptor_is_watched_for_what_is_wanted_alone),
        LOOP_TEST(a_watch_may_be_freed_in_its_own_callback_with_more_pending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
