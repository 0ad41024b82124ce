// SPDX-License-Identifier: MIT
/* The only place where time is read.
 *
 * Wall-clock time serves what is written down or compared with others (expiry, dates). Monotonic
 * time serves timeouts, and is not moved by a step of the clock.
 *
 * A test may shift the wall clock of running processes, and let monotonic time pass:
 * clock_use_shared maps one page that holds both, handed down by the environment variable
 * BITTERN_CLOCK_FD at start, in builds made with BITTERN_TEST_CLOCK only. */
#ifndef BITTERN_BASE_CLOCK_H
#define BITTERN_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/compiler.h"

/* Seconds since 1970, UTC. */
int64_t clock_now_sec(void) MUST_USE;
/* Milliseconds since 1970, UTC. */
int64_t clock_now_ms(void) MUST_USE;
/* Milliseconds since some fixed moment of this boot; never goes back. */
int64_t clock_mono_ms(void) MUST_USE;
int64_t clock_mono_us(void) MUST_USE;
/* The moment `delay_ms` from now, for a wait on CLOCK_MONOTONIC: no test moves that one. */
struct timespec clock_mono_deadline(int64_t delay_ms) MUST_USE;
/* CPU time of the calling thread, for benchmarks. */
int64_t clock_thread_cpu_ns(void) MUST_USE;

/* Shift the wall clock of this process by `offset_sec` from the real time. For tests. */
void clock_set_offset(int64_t offset_sec);
/* Let so much monotonic time (>= 0) pass at once in this process. For tests. */
void clock_let_pass(int64_t more_ms);
/* Take both from the shared page behind `fd` from now on: at its start, in host byte order, an
 * int64_t of seconds that the wall clock is ahead and one of milliseconds that have passed. False
 * when it cannot be mapped. */
bool clock_use_shared(int fd);

#endif
