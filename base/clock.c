// SPDX-License-Identifier: MIT
#include "base/clock.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>

/* What a test shifts: the page behind the descriptor, or our own. */
struct shift {
    _Atomic int64_t wall_sec;
    _Atomic int64_t passed_ms;
};

static struct shift own_shift;
static struct shift *shift = &own_shift;

static int64_t read_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_now_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000 + atomic_load(&shift->wall_sec) * 1000;
}

int64_t clock_now_sec(void)
{
    return clock_now_ms() / 1000;
}

int64_t clock_mono_us(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000 + atomic_load(&shift->passed_ms) * 1000;
}

int64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

struct timespec clock_mono_deadline(int64_t delay_ms)
{
    int64_t until_ns = read_ns(CLOCK_MONOTONIC) + delay_ms * 1000000;
    return (struct timespec){(time_t)(until_ns / 1000000000), (long)(until_ns % 1000000000)};
}

int64_t clock_thread_cpu_ns(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

void clock_set_offset(int64_t offset_sec)
{
    atomic_store(&shift->wall_sec, offset_sec);
}

void clock_let_pass(int64_t more_ms)
{
    atomic_fetch_add(&shift->passed_ms, more_ms);
}

bool clock_use_shared(int fd)
{
    void *page = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        return false;
    }
    shift = page;
    return true;
}
