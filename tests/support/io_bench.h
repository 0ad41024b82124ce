// SPDX-License-Identifier: MIT
/* Two joined ios on one loop, and what each hears. */
#ifndef BITTERN_TESTS_SUPPORT_IO_BENCH_H
#define BITTERN_TESTS_SUPPORT_IO_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/loop.h"

/* One end of a connection, and what was heard there. */
struct io_bench_end {
    struct io *io;
    char events[128]; /* a letter each */
    size_t n_events;
    struct buf got;
    bool keep_input;       /* do not consume */
    enum io_event free_at; /* free the io inside this event */
    bool frees;
};

struct io_bench {
    struct loop *loop;
    struct io_bench_end a;
    struct io_bench_end b;
    int fds[2];
    char folder[64];
};

/* cmocka's; the state is a struct io_bench. */
int io_bench_set_up(void **state);
int io_bench_tear_down(void **state);
#define IO_TEST(name) cmocka_unit_test_setup_teardown(name, io_bench_set_up, io_bench_tear_down)

/* An io's callback whose context is its struct io_bench_end. */
void io_bench_on_event(struct io *io, enum io_event event, void *context);
/* As which an event stands in `events`. */
char io_bench_letter_of(enum io_event event);
bool io_bench_heard(const struct io_bench_end *end, enum io_event event);
void io_bench_turn_for(struct io_bench *bench, int64_t ms);
/* These fail the test after some seconds. */
void io_bench_wait_until(struct io_bench *bench, const struct io_bench_end *end,
                         enum io_event event);
void io_bench_wait_for_bytes(struct io_bench *bench, const struct io_bench_end *end, size_t len);
void io_bench_write(struct io_bench_end *end, const char *text);
/* Bytes that do not repeat; the caller frees them. */
char *io_bench_pattern(size_t len);

#endif
