// SPDX-License-Identifier: MIT
/* The guard in front of a keeper with two users, with real workers behind it. */
#include "mailproto/sasl/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/str.h"
#include "mailproto/sasl/credential.h"
#include "mailproto/sasl/sasl.h"

/* A check takes milliseconds, or half a second: then it has not ended when a test looks. */
enum { MAX_TRIES = 600, SOME_ITERATIONS = 50000, SLOW_ITERATIONS = SASL_MAX_ITERATIONS };

struct attempt {
    struct fixture *fixture;
    struct sasl *sasl;
    void *handle; /* NULL: answered, or never asked */
    enum sasl_result result;
    unsigned order; /* of being answered, from 1 */
    struct deferred lookup;
    struct sasl_lookup_done found;
};

struct fixture {
    struct loop *loop;
    struct pool *pool;
    struct sasl_guard *guard;
    struct sasl_lookup lookup;
    struct sasl_credential ann; /* password "right" */
    struct sasl_credential bob;
    struct attempt *asked; /* whose user is looked up next */
    struct attempt tries[MAX_TRIES];
    size_t n_tries;
    unsigned n_answered;
};

static void looked_up(void *context)
{
    struct attempt *attempt = context;
    struct fixture *f = attempt->fixture;
    const char *user = sasl_user(attempt->sasl);
    bool is_ann = strcmp(user, "ann") == 0 || strcmp(user, "ANN") == 0;
    bool is_known = is_ann || strcmp(user, "bob") == 0;
    attempt->found.done(attempt->found.context, is_ann ? 1 : 2,
                        !is_known ? NULL
                        : is_ann  ? &f->ann
                                  : &f->bob);
}

static void *lookup_start(void *context, const char *user, struct sasl_lookup_done done)
{
    struct fixture *f = context;
    struct attempt *attempt = f->asked;
    assert_string_equal(user, sasl_user(attempt->sasl));
    attempt->found = done;
    deferred_init(&attempt->lookup, f->loop, looked_up, attempt);
    deferred_arm(&attempt->lookup);
    return attempt;
}

static void lookup_cancel(void *context, void *handle)
{
    struct attempt *attempt = handle;
    (void)context;
    deferred_cancel(&attempt->lookup);
}

static struct sasl_credential credential_of(const char *password, uint32_t iterations)
{
    struct sasl_credential made;
    assert_true(sasl_credential_make(&made, bytes_of_str(password), iterations));
    return made;
}

static void setup_for(struct fixture *f, uint32_t iterations, int64_t remember_ms)
{
    struct fault fault = {0};
    const struct pool_config workers = {.name = "test", .n_threads = 2};
    memset(f, 0, sizeof(*f));
    f->loop = loop_new();
    f->pool = pool_new(f->loop, &workers, &fault);
    assert_non_null(f->pool);
    f->lookup = (struct sasl_lookup){lookup_start, lookup_cancel, f};
    f->ann = credential_of("right", iterations);
    f->bob = credential_of("also right", iterations);
    f->guard = sasl_guard_new(&(struct sasl_guard_config){
        .loop = f->loop, .pool = f->pool, .lookup = &f->lookup, .remember_ms = remember_ms});
}

static void setup(struct fixture *f, uint32_t iterations)
{
    setup_for(f, iterations, 0);
}

static const struct sasl_judge *judge_of(struct fixture *f)
{
    return sasl_guard_judge(f->guard);
}

static void judged(void *context, enum sasl_result result, struct bytes challenge)
{
    struct attempt *attempt = context;
    assert_non_null(attempt->handle);
    attempt->handle = NULL;
    attempt->result = result;
    attempt->order = ++attempt->fixture->n_answered;
    assert_true(result == SASL_CHALLENGE || challenge.len == 0);
}

static struct attempt *ask_with(struct fixture *f, struct sasl *sasl)
{
    struct attempt *attempt = &f->tries[f->n_tries++];
    const struct sasl_judge *judge = judge_of(f);
    assert_true(f->n_tries <= MAX_TRIES);
    attempt->fixture = f;
    attempt->sasl = sasl;
    f->asked = attempt;
    attempt->handle = judge->start(judge->context, sasl, (struct sasl_verdict){judged, attempt});
    return attempt;
}

static struct attempt *ask(struct fixture *f, const char *user, const char *password)
{
    enum sasl_result result = SASL_FAILED;
    struct sasl *sasl = sasl_new_password(bytes_of_str(user), bytes_of_str(password), &result);
    assert_int_equal(result, SASL_LOOKUP);
    return ask_with(f, sasl);
}

static struct attempt *ask_scram(struct fixture *f, const char *first)
{
    struct buf challenge = {0};
    struct sasl *sasl = sasl_new(bytes_of_str("SCRAM-SHA-256"));
    assert_int_equal(sasl_start(sasl, bytes_of_str(first), &challenge), SASL_LOOKUP);
    return ask_with(f, sasl);
}

static void cancel(struct fixture *f, struct attempt *attempt)
{
    judge_of(f)->cancel(judge_of(f)->context, attempt->handle);
    attempt->handle = NULL;
    sasl_free(&attempt->sasl);
}

static int64_t hold_of(struct fixture *f, const struct attempt *attempt)
{
    return judge_of(f)->failed(judge_of(f)->context, attempt->sasl);
}

static enum sasl_result verdict(struct fixture *f, struct attempt *attempt)
{
    while (attempt->handle != NULL) {
        loop_turn(f->loop, 100);
    }
    return attempt->result;
}

static void teardown(struct fixture *f)
{
    for (size_t i = 0; i < f->n_tries; i++) {
        if (f->tries[i].handle != NULL) {
            cancel(f, &f->tries[i]);
        }
        sasl_free(&f->tries[i].sasl);
    }
    assert_int_equal(sasl_guard_n_waiting(f->guard), 0);
    pool_free(&f->pool);
    sasl_guard_free(&f->guard);
    loop_free(&f->loop);
}

/* ---- What is right and what is wrong ---- */

static void the_right_password_alone_opens(void **state)
{
    (void)state;
    static struct fixture f;
    setup(&f, SASL_MIN_ITERATIONS);

    struct attempt *right = ask(&f, "ann", "right");
    assert_int_equal(verdict(&f, right), SASL_DONE);
    assert_int_equal(sasl_account_id(right->sasl), 1);
    assert_int_equal(verdict(&f, ask(&f, "bob", "also right")), SASL_DONE);
    assert_int_equal(verdict(&f, ask(&f, "ann", "also right")), SASL_FAILED);
    assert_int_equal(verdict(&f, ask(&f, "bob", "right")), SASL_FAILED);
    assert_int_equal(verdict(&f, ask(&f, "nobody", "right")), SASL_FAILED);
    assert_int_equal(verdict(&f, ask_scram(&f, "n,,n=ann,r=abc")), SASL_CHALLENGE);
    assert_int_equal(verdict(&f, ask_scram(&f, "n,,n=nobody,r=abc")), SASL_CHALLENGE);
    teardown(&f);
}

/* ---- Others are not kept waiting ---- */

/* Five hundred wait under one name. */
static void a_name_that_is_attacked_keeps_no_other_waiting(void **state)
{
    (void)state;
    static struct fixture f;
    setup(&f, SOME_ITERATIONS);
    for (int i = 0; i < 500; i++) {
        char password[32];
        snprintf(password, sizeof(password), "guess %d", i);
        (void)ask(&f, "ann", password);
    }
    loop_turn(f.loop, 0);
    int64_t began_ns = clock_thread_cpu_ns();
    loop_turn(f.loop, 0);
    loop_turn(f.loop, 0);
    assert_true(clock_thread_cpu_ns() - began_ns < 10000000); /* no check runs in the loop */

    unsigned n_before = f.n_answered;
    struct attempt *bob = ask(&f, "bob", "also right");
    assert_int_equal(verdict(&f, bob), SASL_DONE);
    assert_true(bob->order - n_before <= 3); /* whoever was being checked, one more turn, and he */
    teardown(&f);
}

static void half_of_the_workers_are_left_to_others(void **state)
{
    (void)state;
    static struct fixture f;
    setup(&f, SLOW_ITERATIONS);
    (void)ask(&f, "ann", "a");
    (void)ask(&f, "bob", "b");
    (void)ask(&f, "cid", "c");
    loop_turn(f.loop, 0);
    loop_turn(f.loop, 0);
    assert_int_equal(sasl_guard_n_waiting(f.guard), 3);
    assert_int_equal(pool_n_jobs(f.pool), 1);
    teardown(&f);
}

/* ---- Back-off ---- */

static void answers_are_held_back_longer_each_time_and_never_longer_than_that(void **state)
{
    (void)state;
    static const int64_t expected[] = {1000, 2000, 4000, 8000, 8000, 8000};
    static struct fixture f;
    setup(&f, SASL_MIN_ITERATIONS);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        struct attempt *wrong = ask(&f, i % 2 == 0 ? "ann" : "ANN", "wrong");
        assert_int_equal(verdict(&f, wrong), SASL_FAILED);
        assert_int_equal(hold_of(&f, wrong), expected[i]);
        assert_int_equal(hold_of(&f, wrong), expected[i]); /* asking is no failure */
    }
    struct attempt *other = ask(&f, "bob", "wrong");
    assert_int_equal(verdict(&f, other), SASL_FAILED);
    assert_int_equal(hold_of(&f, other), 1000);
    teardown(&f);
}

static void a_name_that_does_not_exist_is_held_back_like_one_that_does(void **state)
{
    (void)state;
    static struct fixture f;
    setup(&f, SASL_MIN_ITERATIONS);
    for (int64_t hold = 1000; hold <= 8000; hold *= 2) {
        struct attempt *wrong = ask(&f, "nobody", "wrong");
        assert_int_equal(verdict(&f, wrong), SASL_FAILED);
        assert_int_equal(hold_of(&f, wrong), hold);
    }
    teardown(&f);
}

/* A client that hangs up instead of waiting for the answer gains nothing. */
static void tries_are_judged_at_a_pace_over_all_connections(void **state)
{
    (void)state;
    static struct fixture f;
    setup(&f, SASL_MIN_ITERATIONS);
    for (int i = 0; i < GUARD_FREE_FAILURES; i++) {
        assert_int_equal(verdict(&f, ask(&f, "ann", "wrong")), SASL_FAILED);
    }
    int64_t began_ms = clock_mono_ms();
    struct attempt *fourth = ask(&f, "ann", "wrong"); /* still free */
    struct attempt *fifth = ask(&f, "ann", "wronger");
    struct attempt *right = ask(&f, "ann", "right");
    assert_int_equal(verdict(&f, fourth), SASL_FAILED);
    assert_int_equal(verdict(&f, fifth), SASL_FAILED);
    assert_true(clock_mono_ms() - began_ms >= 125);
    assert_int_equal(verdict(&f, right), SASL_DONE); /* slowed down, not locked out */
    assert_true(clock_mono_ms() - began_ms >= 125 + 250);
    assert_true(clock_mono_ms() - began_ms < 125 + 250 + 5000);
    teardown(&f);
}

static void scram_is_paced_as_well(void **state)
{
    (void)state;
    static struct fixture f;
    setup(&f, SASL_MIN_ITERATIONS);
    for (int i = 0; i < GUARD_FREE_FAILURES + 1; i++) {
        struct attempt *wrong = ask_scram(&f, "n,,n=ann,r=abc");
        assert_int_equal(verdict(&f, wrong), SASL_CHALLENGE);
        assert_int_equal(hold_of(&f, wrong), INT64_C(1000) << i); /* its proof was wrong */
    }
    int64_t began_ms = clock_mono_ms();
    assert_int_equal(verdict(&f, ask_scram(&f, "n,,n=ann,r=abc")), SASL_CHALLENGE);
    assert_true(clock_mono_ms() - began_ms >= 100);
    teardown(&f);
}

static void who_waits_too_long_is_told_to_come_back(void **state)
{
    (void)state;
    static struct fixture f;
    setup(&f, SASL_MIN_ITERATIONS);
    for (int i = 0; i < GUARD_FREE_FAILURES + 3; i++) {
        assert_int_equal(verdict(&f, ask(&f, "ann", "wrong")), SASL_FAILED);
    }
    struct attempt *last = NULL;
    int64_t began_ms = clock_mono_ms();
    for (int i = 0; i < 20; i++) {
        char password[32];
        snprintf(password, sizeof(password), "guess %d", i);
        last = ask(&f, "ann", password);
    }
    assert_int_equal(verdict(&f, last), SASL_BUSY);
    int64_t waited_ms = clock_mono_ms() - began_ms;
    assert_true(waited_ms >= GUARD_MAX_WAIT_MS - 10 && waited_ms < 3 * GUARD_MAX_WAIT_MS);
    while (sasl_guard_n_waiting(f.guard) != 0) {
        loop_turn(f.loop, 100);
    }
    unsigned n_judged = 0;
    for (size_t i = 0; i < f.n_tries; i++) {
        n_judged += f.tries[i].result == SASL_FAILED;
    }
    assert_in_range(n_judged, GUARD_FREE_FAILURES + 3 + 2, GUARD_FREE_FAILURES + 3 + 12);
    teardown(&f);
}

/* ---- Passwords that were right ---- */

/* Its check takes a good while: that nobody checks again can be seen by the workers. */
static void a_right_password_is_known_again_without_a_check(void **state)
{
    (void)state;
    static struct fixture f;
    setup(&f, SLOW_ITERATIONS);
    assert_int_equal(verdict(&f, ask(&f, "ann", "right")), SASL_DONE);

    struct attempt *again = ask(&f, "ann", "right");
    loop_turn(f.loop, 0);
    loop_turn(f.loop, 0);
    assert_null(again->handle);
    assert_int_equal(again->result, SASL_DONE);
    assert_int_equal(sasl_account_id(again->sasl), 1);
    assert_int_equal(pool_n_jobs(f.pool), 0);

    (void)ask(&f, "ann", "righT");
    (void)ask(&f, "bob", "right");
    loop_turn(f.loop, 0);
    loop_turn(f.loop, 0);
    assert_int_equal(sasl_guard_n_waiting(f.guard), 2);
    teardown(&f);
}

static void those_who_wait_with_the_same_password_need_no_check(void **state)
{
    (void)state;
    static struct fixture f;
    setup(&f, SOME_ITERATIONS);
    struct attempt *last = NULL;
    for (int i = 0; i < 500; i++) {
        last = ask(&f, "ann", "right");
    }
    assert_int_equal(verdict(&f, last), SASL_DONE);
    assert_int_equal(f.n_answered, 500); /* all by the first one's check */
    assert_int_equal(pool_n_jobs(f.pool), 0);
    teardown(&f);
}

static void its_owner_gets_in_while_his_name_is_attacked(void **state)
{
    (void)state;
    static struct fixture f;
    setup(&f, SASL_MIN_ITERATIONS);
    assert_int_equal(verdict(&f, ask(&f, "ann", "right")), SASL_DONE);
    for (int i = 0; i < 100; i++) {
        char password[32];
        snprintf(password, sizeof(password), "guess %d", i);
        (void)ask(&f, "ann", password);
    }
    loop_turn(f.loop, 0);
    struct attempt *owner = ask(&f, "ann", "right");
    loop_turn(f.loop, 0);
    loop_turn(f.loop, 0);
    assert_null(owner->handle);
    assert_int_equal(owner->result, SASL_DONE);
    teardown(&f);
}

static void a_changed_password_is_not_known_again(void **state)
{
    (void)state;
    static struct fixture f;
    setup(&f, SASL_MIN_ITERATIONS);
    assert_int_equal(verdict(&f, ask(&f, "ann", "right")), SASL_DONE);
    f.ann = credential_of("new", SASL_MIN_ITERATIONS);
    assert_int_equal(verdict(&f, ask(&f, "ann", "right")), SASL_FAILED);
    assert_int_equal(verdict(&f, ask(&f, "ann", "new")), SASL_DONE);
    teardown(&f);
}

static void no_more_passwords_are_remembered_than_there_is_room_for(void **state)
{
    (void)state;
    static struct fixture f;
    setup(&f, SLOW_ITERATIONS);
    assert_int_equal(verdict(&f, ask(&f, "ann", "right")), SASL_DONE);
    for (int i = 0; i < GUARD_MAX_REMEMBERED; i++) {
        f.bob = credential_of("also right", SASL_MIN_ITERATIONS); /* another one each time */
        assert_int_equal(verdict(&f, ask(&f, "bob", "also right")), SASL_DONE);
    }
    (void)ask(&f, "ann", "right"); /* the oldest made room */
    loop_turn(f.loop, 0);
    loop_turn(f.loop, 0);
    assert_int_equal(sasl_guard_n_waiting(f.guard), 1);
    teardown(&f);
}

static void a_right_password_is_forgotten_after_a_while(void **state)
{
    (void)state;
    static struct fixture f;
    setup_for(&f, SLOW_ITERATIONS, 200);
    assert_int_equal(verdict(&f, ask(&f, "ann", "right")), SASL_DONE);
    int64_t until_ms = clock_mono_ms() + 210;
    while (clock_mono_ms() < until_ms) {
        loop_turn(f.loop, 10);
    }
    (void)ask(&f, "ann", "right");
    loop_turn(f.loop, 0);
    loop_turn(f.loop, 0);
    assert_int_equal(sasl_guard_n_waiting(f.guard), 1);
    teardown(&f);
}

/* ---- Going away ---- */

static void a_try_may_be_cancelled_wherever_it_stands(void **state)
{
    (void)state;
    static struct fixture f;
    setup(&f, SLOW_ITERATIONS);
    cancel(&f, ask(&f, "ann", "looked up"));
    struct attempt *checked = ask(&f, "ann", "checked");
    struct attempt *waits = ask(&f, "ann", "waits");
    struct attempt *waits_too = ask(&f, "bob", "waits");
    loop_turn(f.loop, 0);
    loop_turn(f.loop, 0);
    assert_int_equal(pool_n_jobs(f.pool), 1);
    cancel(&f, waits);
    cancel(&f, checked);
    cancel(&f, waits_too);
    assert_int_equal(sasl_guard_n_waiting(f.guard), 0);
    while (pool_n_jobs(f.pool) != 0) {
        loop_turn(f.loop, 100);
    }
    /* Who hung up was wrong all the same. */
    struct attempt *wrong = ask(&f, "ann", "wrong");
    assert_int_equal(verdict(&f, wrong), SASL_FAILED);
    assert_int_equal(hold_of(&f, wrong), 2000);
    assert_int_equal(f.n_answered, 1);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_right_password_alone_opens),
        cmocka_unit_test(a_name_that_is_attacked_keeps_no_other_waiting),
        cmocka_unit_test(half_of_the_workers_are_left_to_others),
        cmocka_unit_test(answers_are_held_back_longer_each_time_and_never_longer_than_that),
        cmocka_unit_test(a_name_that_does_not_exist_is_held_back_like_one_that_does),
        cmocka_unit_test(tries_are_judged_at_a_pace_over_all_connections),
        cmocka_unit_test(scram_is_paced_as_well),
        cmocka_unit_test(who_waits_too_long_is_told_to_come_back),
        cmocka_unit_test(a_right_password_is_known_again_without_a_check),
        cmocka_unit_test(those_who_wait_with_the_same_password_need_no_check),
        cmocka_unit_test(its_owner_gets_in_while_his_name_is_attacked),
        cmocka_unit_test(a_changed_password_is_not_known_again),
        cmocka_unit_test(no_more_passwords_are_remembered_than_there_is_room_for),
        cmocka_unit_test(a_right_password_is_forgotten_after_a_while),
        cmocka_unit_test(a_try_may_be_cancelled_wherever_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
