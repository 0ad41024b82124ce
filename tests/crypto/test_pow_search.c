// SPDX-License-Identifier: MIT
#include "crypto/pow_search.h"

#include "tests/crypto/support.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"

enum { N_THREADS = 4 };

/* A sanitizer's build is many times slower. */
#ifdef BITTERN_SANITIZED
enum { CANCEL_MAX_MS = 100 };
#else
enum { CANCEL_MAX_MS = 10 };
#endif

static const uint8_t initial_hash[POW_INITIAL_HASH_BYTES] = {1, 2, 3};

static void *work(void *search)
{
    (void)pow_search_work(search, UINT64_MAX, NULL);
    return NULL;
}

static void start_all(pthread_t threads[N_THREADS], struct pow_search *search)
{
    for (size_t i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, search), 0);
    }
}

static void join_all(pthread_t threads[N_THREADS])
{
    for (size_t i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void workers_find_one_nonce_that_meets_the_target(void **state)
{
    (void)state;
    uint64_t target = UINT64_MAX / 100000;
    pthread_t threads[N_THREADS];
    struct pow_search *search = pow_search_new(initial_hash, target, pow_kernel_best());
    uint64_t nonce = 0;

    assert_int_equal(pow_search_state(search), POW_RUNNING);
    assert_false(pow_search_nonce(search, &nonce));
    start_all(threads, search);
    join_all(threads);

    assert_int_equal(pow_search_state(search), POW_FOUND);
    assert_true(pow_search_nonce(search, &nonce));
    assert_true(pow_is_met(initial_hash, nonce, target));
    assert_true(pow_search_trials(search) > 0);
    pow_search_cancel(search);
    assert_int_equal(pow_search_state(search), POW_FOUND);
    pow_search_unref(&search);
    assert_null(search);
}

static void a_search_in_steps_counts_its_trials(void **state)
{
    (void)state;
    struct pow_search *search = pow_search_new(initial_hash, 0, pow_kernel_best());

    assert_int_equal(pow_search_work(search, 0, NULL), POW_RUNNING);
    assert_int_equal(pow_search_trials(search), 0);
    assert_int_equal(pow_search_work(search, 1, NULL), POW_RUNNING);
    assert_int_equal(pow_search_trials(search), POW_SLICE_TRIALS);
    assert_int_equal(pow_search_work(search, POW_SLICE_TRIALS + 1, NULL), POW_RUNNING);
    assert_int_equal(pow_search_trials(search), 3 * POW_SLICE_TRIALS);
    pow_search_unref(&search);
}

static void a_cancelled_search_lets_its_workers_go_at_once(void **state)
{
    (void)state;
    pthread_t threads[N_THREADS];
    struct pow_search *search = pow_search_new(initial_hash, 0, pow_kernel_best());
    struct pow_search *same = pow_search_ref(search);
    uint64_t nonce;

    start_all(threads, search);
    while (pow_search_trials(search) == 0) {
    }
    int64_t before = clock_mono_ms();
    pow_search_cancel(search);
    join_all(threads);
    int64_t took = clock_mono_ms() - before;

    /* The kernel's slices take a tenth of the bound; four threads may share one busy processor. */
    assert_true(took <= 10 * CANCEL_MAX_MS);
    assert_int_equal(pow_search_state(search), POW_CANCELLED);
    assert_int_equal(pow_search_work(search, UINT64_MAX, NULL), POW_CANCELLED);
    assert_false(pow_search_nonce(search, &nonce));
    pow_search_unref(&search);
    pow_search_unref(&same);
}

static void a_slice_of_each_kernel_is_shorter_than_the_bound(void **state)
{
    (void)state;
    for (size_t i = 0; pow_kernel_at(i) != NULL; i++) {
        const struct pow_kernel *kernel = pow_kernel_at(i);
        if (!kernel->is_supported()) {
            continue;
        }
        struct pow_slice slice = {.target = 0, .n_trials = POW_SLICE_TRIALS};
        int64_t best_ns = INT64_MAX;
        for (int round = 0; round < 5; round++) {
            uint64_t nonce;
            int64_t before = clock_thread_cpu_ns();
            assert_false(kernel->search(&nonce, &slice));
            int64_t took = clock_thread_cpu_ns() - before;
            best_ns = took < best_ns ? took : best_ns;
        }
        assert_true(best_ns < CANCEL_MAX_MS * INT64_C(1000000));
    }
}

/* Claims each first nonce. */
static bool lies(uint64_t *out_nonce, const struct pow_slice *slice)
{
    *out_nonce = slice->first_nonce;
    return true;
}

static void a_lying_kernel_is_found_out_and_replaced(void **state)
{
    (void)state;
    const struct pow_kernel liar = {"liar", 1, NULL, lies, NULL};
    uint64_t target = UINT64_MAX / 20000;
    struct pow_search *search = pow_search_new(initial_hash, target, &liar);
    uint64_t nonce = 0;

    assert_int_equal(pow_search_work(search, UINT64_MAX, NULL), POW_FOUND);

    assert_true(pow_search_nonce(search, &nonce));
    assert_true(pow_is_met(initial_hash, nonce, target));
    pow_search_unref(&search);
    pow_search_unref(&search);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_find_one_nonce_that_meets_the_target),
        cmocka_unit_test(a_search_in_steps_counts_its_trials),
        cmocka_unit_test(a_cancelled_search_lets_its_workers_go_at_once),
        cmocka_unit_test(a_slice_of_each_kernel_is_shorter_than_the_bound),
        cmocka_unit_test(a_lying_kernel_is_found_out_and_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
