// SPDX-License-Identifier: MIT
#include "base/clock.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <time.h>

static _Atomic int64_t own_offset_sec;
static _Atomic int64_t *offset_sec = &own_offset_sec;

static int64_t read_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_now_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000 + atomic_load(offset_sec) * 1000;
}

int64_t clock_now_sec(void)
{
    return clock_now_ms() / 1000;
}

int64_t clock_mono_us(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

int64_t clock_thread_cpu_ns(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

void clock_set_offset(int64_t new_offset_sec)
{
    atomic_store(offset_sec, new_offset_sec);
}

bool clock_use_shared(int fd)
{
    void *page = mmap(NULL, sizeof *offset_sec, PROT_READ, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        return false;
    }
    offset_sec = page;
    return true;
}
