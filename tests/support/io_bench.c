// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tests/support/io_bench.h"

char io_bench_letter_of(enum io_event event)
{
    return "CSDLETX"[event];
}

void io_bench_on_event(struct io *io, enum io_event event, void *context)
{
    struct io_bench_end *end = context;
    assert_ptr_equal(io, end->io);
    if (end->n_events < sizeof end->events - 1) {
        end->events[end->n_events++] = io_bench_letter_of(event);
    }
    if (event == IO_DATA && !end->keep_input) {
        struct bytes input = io_input(io);
        buf_append_bytes(&end->got, input);
        io_consume(io, input.len);
    }
    if (end->frees && event == end->free_at) {
        io_free(&end->io);
    }
}

bool io_bench_heard(const struct io_bench_end *end, enum io_event event)
{
    return strchr(end->events, io_bench_letter_of(event)) != NULL;
}

void io_bench_turn_for(struct io_bench *bench, int64_t ms)
{
    int64_t end_ms = clock_mono_ms() + ms;
    do {
        loop_turn(bench->loop, end_ms - clock_mono_ms());
    } while (clock_mono_ms() < end_ms);
}

void io_bench_wait_until(struct io_bench *bench, const struct io_bench_end *end,
                         enum io_event event)
{
    int64_t end_ms = clock_mono_ms() + 10000;
    while (!io_bench_heard(end, event) && clock_mono_ms() < end_ms) {
        loop_turn(bench->loop, 100);
    }
    assert_true(io_bench_heard(end, event));
}

void io_bench_wait_for_bytes(struct io_bench *bench, const struct io_bench_end *end, size_t len)
{
    int64_t end_ms = clock_mono_ms() + 20000;
    while (end->got.len < len && clock_mono_ms() < end_ms) {
        loop_turn(bench->loop, 100);
    }
    assert_int_equal(end->got.len, len);
}

int io_bench_set_up(void **state)
{
    struct io_bench *bench = xcalloc(1, sizeof *bench);
    bench->loop = loop_new();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, bench->fds), 0);
    bench->a.io = io_new_take(bench->loop, bench->fds[0], io_bench_on_event, &bench->a);
    bench->b.io = io_new_take(bench->loop, bench->fds[1], io_bench_on_event, &bench->b);
    strcpy(bench->folder, "/tmp/bittern-test-io-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    *state = bench;
    return 0;
}

int io_bench_tear_down(void **state)
{
    struct io_bench *bench = *state;
    io_free(&bench->a.io);
    io_free(&bench->b.io);
    loop_free(&bench->loop);
    buf_clear(&bench->a.got);
    buf_clear(&bench->b.got);
    char *command = xasprintf("rm -rf %s", bench->folder);
    assert_int_equal(system(command), 0);
    free(command);
    free(bench);
    return 0;
}

void io_bench_write(struct io_bench_end *end, const char *text)
{
    io_write(end->io, bytes_of_str(text));
}

char *io_bench_pattern(size_t len)
{
    char *data = xmalloc(len);
    for (size_t i = 0; i < len; i++) {
        data[i] = (char)(i * 31 + i / 251);
    }
    return data;
}
