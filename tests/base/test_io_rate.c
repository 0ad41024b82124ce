// SPDX-License-Identifier: MIT
/* What shares a bandwidth, and what it holds up. */
#include "tests/support/vectors.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/io_rate.h"
#include "tests/support/io_bench.h"

static void nothing(void *context)
{
    (void)context;
}

static void a_rate_bounds_what_goes_and_is_shared(void **state)
{
    struct io_bench *bench = *state;
    struct io_rate *rate = io_rate_new(bench->loop, 0, 20000);
    char *data = io_bench_pattern(6000);
    io_set_rate(bench->a.io, rate);

    int64_t start_ms = clock_mono_ms();
    io_write(bench->a.io, (struct bytes){(uint8_t *)data, 6000});
    io_bench_wait_for_bytes(bench, &bench->b, 6000);
    assert_in_range(clock_mono_ms() - start_ms, 150, 3000); /* 2000 at once, 4000 in 2 ticks */
    assert_memory_equal(bench->b.got.data, data, 6000);

    io_free(&bench->a.io);
    loop_turn(bench->loop, 0);
    io_rate_free(&rate);
    free(data);
}

/* Three who always have more to send, through one rate: whatever the order in which they began,
 * each gets a third. */
static void a_rate_is_shared_by_those_who_want_more(void **state)
{
    enum { N = 3, BYTES = 200000, PER_SEC = 60000, MS = 1000 };
    struct io_bench *bench = *state;
    struct io_rate *rate = io_rate_new(bench->loop, 0, PER_SEC);
    struct io_rate_member members[N];
    size_t sent[N] = {0};
    uint64_t n_ticks = MS / 100;
    for (size_t i = 0; i < N; i++) {
        io_rate_member_init(&members[i], nothing, NULL);
    }
    int64_t end_ms = clock_mono_ms() + MS;
    while (clock_mono_ms() < end_ms) {
        for (size_t i = 0; i < N; i++) {
            size_t n;
            while ((n = io_rate_ask(rate, &members[i], IO_RATE_OUT, BYTES)) > 0) {
                io_rate_spend(rate, &members[i], IO_RATE_OUT, n);
                sent[i] += n;
            }
        }
        loop_turn(bench->loop, 20);
    }
    size_t all = sent[0] + sent[1] + sent[2];
    assert_in_range(all, PER_SEC / 10 * (n_ticks / 2), PER_SEC / 10 * (n_ticks + 2));
    for (size_t i = 0; i < N; i++) {
        assert_in_range(sent[i], all / N - PER_SEC / 10, all / N + PER_SEC / 10);
        io_rate_leave(&members[i]);
    }
    io_rate_free(&rate);
}

static void a_reading_rate_does_not_hold_up_writing(void **state)
{
    struct io_bench *bench = *state;
    struct io_rate *rate = io_rate_new(bench->loop, 10000, 0);
    char *data = io_bench_pattern(4000);
    io_set_rate(bench->b.io, rate);

    io_write(bench->a.io, (struct bytes){(uint8_t *)data, 4000});
    io_bench_turn_for(bench, 20);
    assert_int_equal(bench->b.got.len, 1000);
    io_bench_write(&bench->b, "quick");
    io_bench_turn_for(bench, 20);
    assert_int_equal(bench->a.got.len, 5);
    io_bench_wait_for_bytes(bench, &bench->b, 4000);

    io_free(&bench->b.io);
    loop_turn(bench->loop, 0);
    io_rate_free(&rate);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IO_TEST(a_rate_bounds_what_goes_and_is_shared),
        IO_TEST(a_rate_is_shared_by_those_who_want_more),
        IO_TEST(a_reading_rate_does_not_hold_up_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
