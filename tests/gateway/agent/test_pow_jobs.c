// SPDX-License-Identifier: MIT
/* The queue with real threads, and with a graphics processor that the test plays. */
#include "gateway/agent/work/pow_jobs.h"

#include "tests/support/vectors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/channel.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/process.h"
#include "crypto/gpu/gpu_wire.h"
#include "crypto/pow_kernel.h"

enum { MAX_DONE = 64, N_THREADS = 2 };

/* Practically no trial meets it. */
static const uint64_t HOPELESS = 0;
static const uint64_t EASY = UINT64_MAX / 1000;

struct fixture {
    struct loop *loop;
    struct pool *pool;
    struct pow_jobs *jobs;
    struct pow_gpu *gpu;
    int64_t done[MAX_DONE];
    uint64_t nonces[MAX_DONE];
    size_t n_done;

    struct channel *device; /* the other end of the graphics processor's */
    struct gpu_job job;     /* the last that it was given */
    unsigned n_jobs;
    unsigned n_cancels;
    unsigned n_kills;
    bool device_closed;
};

static void on_done(void *context, int64_t id, uint64_t nonce)
{
    struct fixture *fixture = context;
    assert_true(fixture->n_done < MAX_DONE);
    fixture->nonces[fixture->n_done] = nonce;
    fixture->done[fixture->n_done++] = id;
}

static void on_kill(void *context)
{
    struct fixture *fixture = context;
    fixture->n_kills++;
}

static int set_up(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof *fixture);
    const struct pool_config config = {.name = "pow", .n_threads = N_THREADS};
    const struct pow_gpu_hooks hooks = {on_kill, fixture};
    fixture->loop = loop_new();
    fixture->pool = pool_new(fixture->loop, &config, NULL);
    fixture->gpu = pow_gpu_new(fixture->loop, &hooks);
    fixture->jobs = pow_jobs_new(fixture->loop, fixture->pool, pow_kernel_best(), fixture->gpu,
                                 (struct pow_done){on_done, fixture});
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    pow_jobs_free(&fixture->jobs);
    pow_gpu_free(&fixture->gpu);
    channel_free(&fixture->device);
    pool_free(&fixture->pool);
    loop_free(&fixture->loop);
    free(fixture);
    return 0;
}

/* An object is eight bytes of nonce and something to tell it by. */
static void add(struct fixture *fixture, int64_t id, uint64_t target)
{
    uint8_t object[16] = {0};
    store_be64(object + 8, (uint64_t)id);
    pow_jobs_add(fixture->jobs, id, (struct bytes){object, sizeof object}, target);
}

static void initial_hash_of(int64_t id, uint8_t out[POW_INITIAL_HASH_BYTES])
{
    uint8_t object[8];
    store_be64(object, (uint64_t)id);
    pow_initial_hash(out, (struct bytes){object, sizeof object});
}

#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        int64_t end_ms = clock_mono_ms() + 60000;                                                  \
        while (!(condition)) {                                                                     \
            assert_true(clock_mono_ms() < end_ms);                                                 \
            loop_turn(fixture->loop, 5);                                                           \
        }                                                                                          \
    } while (0)

static void turn_for(struct fixture *fixture, int64_t ms)
{
    int64_t end_ms = clock_mono_ms() + ms;
    while (clock_mono_ms() < end_ms) {
        loop_turn(fixture->loop, 5);
    }
}

static struct pow_progress progress_of(const struct fixture *fixture, int64_t id)
{
    struct pow_progress progress;
    assert_true(pow_jobs_progress(fixture->jobs, id, &progress));
    return progress;
}

/* ---- threads ---- */

static void each_job_is_done_once_with_a_nonce_that_holds(void **state)
{
    struct fixture *fixture = *state;
    for (int64_t id = 1; id <= 20; id++) {
        add(fixture, id, EASY);
    }

    UNTIL(fixture->n_done == 20);
    turn_for(fixture, 50);

    assert_int_equal(fixture->n_done, 20);
    assert_int_equal(pow_jobs_status(fixture->jobs).n_jobs, 0);
    uint32_t seen = 0;
    for (size_t i = 0; i < 20; i++) {
        uint8_t hash[POW_INITIAL_HASH_BYTES];
        initial_hash_of(fixture->done[i], hash);
        assert_true(pow_is_met(hash, fixture->nonces[i], EASY));
        seen |= UINT32_C(1) << fixture->done[i];
    }
    assert_int_equal(seen, 0x1ffffe);
}

static void a_short_job_overtakes_a_long_one(void **state)
{
    struct fixture *fixture = *state;
    add(fixture, 1, HOPELESS);
    turn_for(fixture, 50);
    add(fixture, 2, EASY);
    UNTIL(fixture->n_done == 1);
    assert_int_equal(fixture->done[0], 2);
}

/* Both hopeless, so that both stay: the longer, older one has its share of the trials all the same.
 * A turn is a fourth of the trials; much less would be a broken promise. */
static void an_old_long_job_keeps_its_share(void **state)
{
    struct fixture *fixture = *state;
    add(fixture, 1, 0);
    add(fixture, 2, 1); /* half as long */
    UNTIL(progress_of(fixture, 1).trials > 0 && progress_of(fixture, 2).trials > 0);
    turn_for(fixture, 2500);
    double old = progress_of(fixture, 1).trials;
    double shorter = progress_of(fixture, 2).trials;
    assert_true(old > 0.1 * (old + shorter));
    assert_true(shorter > 0.5 * (old + shorter));
}

static void a_cancelled_job_is_not_called_back(void **state)
{
    struct fixture *fixture = *state;
    add(fixture, 1, HOPELESS);
    add(fixture, 2, EASY);
    pow_jobs_cancel(fixture->jobs, 2);
    pow_jobs_cancel(fixture->jobs, 99);
    turn_for(fixture, 100);
    pow_jobs_cancel(fixture->jobs, 1);
    turn_for(fixture, 50);

    struct pow_progress progress;
    assert_int_equal(fixture->n_done, 0);
    assert_false(pow_jobs_progress(fixture->jobs, 1, &progress));
    assert_int_equal(pow_jobs_status(fixture->jobs).n_jobs, 0);
}

/* Until no thread works on it any more. A busy machine may hold a thread back: of ten tries the
 * median counts. */
static void a_cancelled_job_is_left_within_ten_milliseconds(void **state)
{
    struct fixture *fixture = *state;
    int64_t took_us[10];
    for (int round = 0; round < 10; round++) {
        add(fixture, round, HOPELESS);
        UNTIL(progress_of(fixture, round).trials > 0);
        int64_t start_us = clock_mono_us();
        pow_jobs_cancel(fixture->jobs, round);
        UNTIL(pool_n_jobs(fixture->pool) == 0);
        int64_t took = clock_mono_us() - start_us;
        int place = round;
        for (; place > 0 && took_us[place - 1] > took; place--) {
            took_us[place] = took_us[place - 1];
        }
        took_us[place] = took;
    }
#ifdef BITTERN_SANITIZED
    assert_true(took_us[5] <= 100 * 1000);
#else
    assert_true(took_us[5] <= 10 * 1000);
#endif
}

static void the_queue_can_go_while_threads_are_out(void **state)
{
    struct fixture *fixture = *state;
    add(fixture, 1, HOPELESS);
    turn_for(fixture, 20);
    pow_jobs_free(&fixture->jobs);
    turn_for(fixture, 50);
    assert_int_equal(pool_n_jobs(fixture->pool), 0);
}

static void progress_is_honest(void **state)
{
    struct fixture *fixture = *state;
    add(fixture, 1, UINT64_MAX >> 50); /* 2^50 trials */
    UNTIL(progress_of(fixture, 1).trials > 0 && progress_of(fixture, 1).left_sec >= 0);
    turn_for(fixture, 300);

    struct pow_progress progress = progress_of(fixture, 1);
    struct pow_jobs_status status = pow_jobs_status(fixture->jobs);
    assert_true(status.trials_per_sec > 0);
    assert_int_equal(status.n_threads, N_THREADS);
    assert_true(fabs(progress.chance * 0x1p50 / progress.trials - 1) < 0.001);
    assert_true(fabs(progress.left_sec * status.trials_per_sec / 0x1p50 - 1) < 0.001);
    assert_true(fabs(progress.left_p95_sec / progress.left_sec - 2.9957) < 0.001);
    assert_true(fabs(status.left_sec / progress.left_sec - 1) < 0.001);

    /* It waits for the shorter one, too; the other way round nothing changes. */
    add(fixture, 2, UINT64_MAX >> 49);
    assert_true(fabs(progress_of(fixture, 1).left_sec / progress.left_sec - 1.5) < 0.001);
    assert_true(fabs(progress_of(fixture, 2).left_sec / progress.left_sec - 0.5) < 0.001);
    status = pow_jobs_status(fixture->jobs);
    assert_true(fabs(status.left_sec / progress.left_sec - 1.5) < 0.001);
    assert_true(fabs(status.next.left_sec / progress.left_sec - 0.5) < 0.001);
}

/* ---- the graphics processor ---- */

static void on_device_message(void *context, struct channel_message *message)
{
    struct fixture *fixture = context;
    if (message->type == GPU_JOB) {
        assert_true(gpu_job_parse(&fixture->job, message->payload));
        fixture->n_jobs++;
    } else {
        assert_int_equal(message->type, GPU_CANCEL);
        assert_int_equal(message->payload.len, 0);
        fixture->n_cancels++;
    }
}

static void on_device_closed(void *context, const struct fault *fault)
{
    struct fixture *fixture = context;
    (void)fault;
    fixture->device_closed = true;
    channel_free(&fixture->device);
}

static void say(struct fixture *fixture, uint16_t type, struct buf *payload)
{
    assert_true(channel_send(fixture->device, type, buf_view(payload), NULL, 0, NULL));
    buf_clear(payload);
}

static void say_progress(struct fixture *fixture, uint64_t id, uint64_t n_trials)
{
    struct buf out = {0};
    gpu_progress_write(&out, &(struct gpu_progress){id, n_trials});
    say(fixture, GPU_PROGRESS, &out);
}

static void say_found(struct fixture *fixture, uint64_t id, uint64_t nonce)
{
    struct buf out = {0};
    gpu_found_write(&out, &(struct gpu_found){id, 1, nonce});
    say(fixture, GPU_FOUND, &out);
}

static enum pow_gpu_state gpu_state(const struct fixture *fixture)
{
    return pow_gpu_status(fixture->gpu).state;
}

/* As the supervisor does it with a fresh process. */
static void plug_in(struct fixture *fixture)
{
    static const struct channel_handler handler = {on_device_message, on_device_closed};
    int ends[2];
    struct buf name = {0};
    assert_true(process_socket_pair(ends, NULL));
    fixture->device_closed = false;
    fixture->device = channel_new_take(fixture->loop, ends[1], &handler, fixture);
    pow_gpu_attach_take(fixture->gpu, ends[0]);
    assert_int_equal(gpu_state(fixture), POW_GPU_STARTING);
    buf_append_str(&name, "Scripted 1");
    say(fixture, GPU_READY, &name);
    UNTIL(gpu_state(fixture) != POW_GPU_STARTING);
    assert_string_equal(pow_gpu_status(fixture->gpu).device, "Scripted 1");
}

static void it_works_on_the_same_search_and_what_it_finds_counts(void **state)
{
    struct fixture *fixture = *state;
    uint8_t hash[POW_INITIAL_HASH_BYTES];
    plug_in(fixture);
    add(fixture, 5, UINT64_MAX >> 40);
    UNTIL(fixture->n_jobs == 1);
    initial_hash_of(5, hash);
    assert_memory_equal(fixture->job.slice.initial_hash, hash, sizeof hash);
    assert_int_equal(fixture->job.slice.target, UINT64_MAX >> 40);
    assert_int_equal(gpu_state(fixture), POW_GPU_WORKING);

    turn_for(fixture, 5);
    say_progress(fixture, fixture->job.id, 1 << 30);
    UNTIL(progress_of(fixture, 5).trials > 1 << 30);
    assert_true(pow_gpu_status(fixture->gpu).trials_per_sec > 0);
    assert_int_equal(fixture->n_done, 0);
}

static bool sees_nothing(uint64_t *out_nonce, const struct pow_slice *slice)
{
    (void)out_nonce;
    (void)slice;
    usleep(1000);
    return false;
}

static const struct pow_kernel blind = {"blind", 1, NULL, sees_nothing, NULL};

static void a_nonce_that_it_found_ends_the_job(void **state)
{
    struct fixture *fixture = *state;
    plug_in(fixture);
    /* The threads don't see it, whose kernel is blind; the device does. */
    static const uint64_t target = UINT64_C(0x3249d813a3cd);
    static const uint64_t nonce = 560948;
    pow_jobs_free(&fixture->jobs);
    fixture->jobs = pow_jobs_new(fixture->loop, fixture->pool, &blind, fixture->gpu,
                                 (struct pow_done){on_done, fixture});
    add(fixture, 5, target);
    UNTIL(fixture->n_jobs == 1);
    say_found(fixture, fixture->job.id, nonce);
    UNTIL(fixture->n_done == 1);
    assert_int_equal(fixture->done[0], 5);
    assert_int_equal(fixture->nonces[0], nonce);
    turn_for(fixture, 50);
    assert_int_equal(fixture->n_done, 1);
    assert_int_equal(gpu_state(fixture), POW_GPU_IDLE);
}

static void its_nonces_are_nobody_elses(void **state)
{
    struct fixture *fixture = *state;
    plug_in(fixture);
    add(fixture, 1, HOPELESS);
    UNTIL(fixture->n_jobs == 1);
    uint64_t first = fixture->job.slice.first_nonce;
    uint64_t n_trials = fixture->job.slice.n_trials;
    /* Its range is done: it is given another, behind all that were dealt out before. */
    say_progress(fixture, fixture->job.id, n_trials);
    UNTIL(fixture->n_jobs == 2);
    assert_true(fixture->job.slice.first_nonce - first >= n_trials);
}

static void it_is_told_when_its_job_is_cancelled(void **state)
{
    struct fixture *fixture = *state;
    plug_in(fixture);
    add(fixture, 1, HOPELESS);
    UNTIL(fixture->n_jobs == 1);
    uint64_t old_id = fixture->job.id;
    pow_jobs_cancel(fixture->jobs, 1);
    UNTIL(fixture->n_cancels == 1);
    assert_int_equal(gpu_state(fixture), POW_GPU_IDLE);

    /* What it says of that job later is not counted for another. */
    add(fixture, 2, HOPELESS);
    UNTIL(fixture->n_jobs == 2);
    say_progress(fixture, old_id, UINT64_MAX);
    say_found(fixture, old_id, 1);
    turn_for(fixture, 50);
    assert_int_equal(fixture->n_done, 0);
    assert_true(progress_of(fixture, 2).trials < 1e12);
    assert_int_equal(gpu_state(fixture), POW_GPU_WORKING);
}

static void after_a_wrong_nonce_it_is_not_used_any_more(void **state)
{
    struct fixture *fixture = *state;
    plug_in(fixture);
    add(fixture, 1, HOPELESS);
    UNTIL(fixture->n_jobs == 1);
    say_found(fixture, fixture->job.id, fixture->job.slice.first_nonce);
    UNTIL(gpu_state(fixture) == POW_GPU_DISTRUSTED);
    UNTIL(fixture->device_closed);
    assert_int_equal(fixture->n_done, 0);

    double before = progress_of(fixture, 1).trials;
    UNTIL(progress_of(fixture, 1).trials > before); /* the threads go on */

    int ends[2];
    assert_true(process_socket_pair(ends, NULL));
    pow_gpu_attach_take(fixture->gpu, ends[0]);
    assert_int_equal(gpu_state(fixture), POW_GPU_DISTRUSTED);
    close(ends[1]);
}

static void the_threads_go_on_when_it_dies_and_it_comes_back(void **state)
{
    struct fixture *fixture = *state;
    plug_in(fixture);
    add(fixture, 1, HOPELESS);
    UNTIL(fixture->n_jobs == 1);
    channel_free(&fixture->device);
    UNTIL(gpu_state(fixture) == POW_GPU_STARTING);
    double before = progress_of(fixture, 1).trials;
    UNTIL(progress_of(fixture, 1).trials > before);
    assert_int_equal(fixture->n_kills, 0);

    plug_in(fixture);
    UNTIL(fixture->n_jobs == 2);
    assert_int_equal(gpu_state(fixture), POW_GPU_WORKING);
}

static void one_that_says_nothing_is_killed(void **state)
{
    struct fixture *fixture = *state;
    plug_in(fixture);
    add(fixture, 1, HOPELESS);
    UNTIL(fixture->n_jobs == 1);
    UNTIL(fixture->n_kills == 1);
    assert_int_equal(gpu_state(fixture), POW_GPU_STARTING);
    assert_int_equal(pow_jobs_status(fixture->jobs).n_jobs, 1);
}

/* The turns go on meanwhile, and hide nothing. */
static void one_that_says_nothing_to_many_jobs_is_killed_too(void **state)
{
    struct fixture *fixture = *state;
    plug_in(fixture);
    add(fixture, 1, 0);
    add(fixture, 2, 1);
    UNTIL(fixture->n_kills == 1);
    assert_true(fixture->n_jobs > 2);
    assert_int_equal(pow_jobs_status(fixture->jobs).n_jobs, 2);
}

static void one_that_speaks_nonsense_is_killed(void **state)
{
    struct fixture *fixture = *state;
    static const uint16_t types[] = {GPU_JOB, GPU_PROGRESS, GPU_FOUND, GPU_READY, 999};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct buf payload = {0};
        plug_in(fixture);
        buf_append_str(&payload, "short");
        say(fixture, types[i], &payload);
        UNTIL(fixture->n_kills == i + 1);
        assert_int_equal(gpu_state(fixture), POW_GPU_STARTING);
        UNTIL(fixture->device_closed);
    }
}

static void with_several_jobs_it_takes_turns_too(void **state)
{
    struct fixture *fixture = *state;
    plug_in(fixture);
    add(fixture, 1, 0);
    UNTIL(fixture->n_jobs == 1);
    add(fixture, 2, 1);
    for (unsigned n = 2; n <= 3; n++) {
        UNTIL(fixture->n_jobs == n); /* to the shorter one, and back to the oldest */
        say_progress(fixture, fixture->job.id, 1);
    }
    assert_int_equal(fixture->n_cancels, 0);
}

static void where_there_is_none_the_reason_is_said(void **state)
{
    struct fixture *fixture = *state;
    pow_gpu_set_absent(fixture->gpu, "nothing here");
    assert_int_equal(gpu_state(fixture), POW_GPU_ABSENT);
    assert_string_equal(pow_gpu_status(fixture->gpu).reason, "nothing here");
    assert_string_equal(pow_gpu_state_name(POW_GPU_ABSENT), "absent");
    add(fixture, 1, EASY);
    UNTIL(fixture->n_done == 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_job_is_done_once_with_a_nonce_that_holds),
        TEST(a_short_job_overtakes_a_long_one),
        TEST(an_old_long_job_keeps_its_share),
        TEST(a_cancelled_job_is_not_called_back),
        TEST(a_cancelled_job_is_left_within_ten_milliseconds),
        TEST(the_queue_can_go_while_threads_are_out),
        TEST(progress_is_honest),
        TEST(it_works_on_the_same_search_and_what_it_finds_counts),
        TEST(a_nonce_that_it_found_ends_the_job),
        TEST(its_nonces_are_nobody_elses),
        TEST(it_is_told_when_its_job_is_cancelled),
        TEST(after_a_wrong_nonce_it_is_not_used_any_more),
        TEST(the_threads_go_on_when_it_dies_and_it_comes_back),
        TEST(one_that_says_nothing_is_killed),
        TEST(one_that_says_nothing_to_many_jobs_is_killed_too),
        TEST(one_that_speaks_nonsense_is_killed),
        TEST(with_several_jobs_it_takes_turns_too),
        TEST(where_there_is_none_the_reason_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
