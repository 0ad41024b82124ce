// SPDX-License-Identifier: MIT
#include "node/p2p/month_cap.h"

#include <time.h>

enum { MONTHS_A_YEAR = 12, ALL_PERCENT = 100 };

static int32_t month_of(int64_t now_sec)
{
    time_t at = (time_t)now_sec;
    struct tm date = {.tm_year = 0};
    if (gmtime_r(&at, &date) == NULL) {
        return 0;
    }
    return (int32_t)date.tm_year * MONTHS_A_YEAR + date.tm_mon;
}

/* The month's count; the oldest gives way to a new one. */
static struct month_count *have_month(struct month_cap *cap, int32_t month)
{
    size_t oldest = 0;
    for (size_t i = 0; i < cap->n_months; i++) {
        if (cap->months[i].month == month) {
            return &cap->months[i];
        }
        if (cap->months[i].month < cap->months[oldest].month) {
            oldest = i;
        }
    }
    struct month_count *place =
        &cap->months[cap->n_months < MONTH_CAP_MAX_MONTHS ? cap->n_months++ : oldest];
    *place = (struct month_count){.month = month};
    return place;
}

static void add(struct month_count *count, uint64_t bytes)
{
    count->bytes = bytes > UINT64_MAX - count->bytes ? UINT64_MAX : count->bytes + bytes;
}

void month_cap_count(struct month_cap *cap, uint64_t bytes, int64_t now_sec)
{
    if (bytes > 0) {
        add(have_month(cap, month_of(now_sec)), bytes);
    }
}

void month_cap_restore(struct month_cap *cap, struct month_count count)
{
    if (cap->n_months < MONTH_CAP_MAX_MONTHS) {
        add(have_month(cap, count.month), count.bytes);
    }
}

uint64_t month_cap_used(const struct month_cap *cap, int64_t now_sec)
{
    int32_t month = month_of(now_sec);
    for (size_t i = 0; i < cap->n_months; i++) {
        if (cap->months[i].month == month) {
            return cap->months[i].bytes;
        }
    }
    return 0;
}

/* Without a product that could overflow: the rest is less than a byte for each percent. */
static bool has_reached(uint64_t used, uint64_t cap_bytes, unsigned percent)
{
    return used >=
           cap_bytes / ALL_PERCENT * percent + cap_bytes % ALL_PERCENT * percent / ALL_PERCENT;
}

enum month_stage month_cap_stage(const struct month_cap *cap, int64_t now_sec)
{
    uint64_t used = month_cap_used(cap, now_sec);
    if (cap->cap_bytes == 0 || !has_reached(used, cap->cap_bytes, MONTH_CAP_NO_INBOUND_PERCENT)) {
        return MONTH_OPEN;
    }
    if (!has_reached(used, cap->cap_bytes, MONTH_CAP_NO_RELAY_PERCENT)) {
        return MONTH_NO_INBOUND;
    }
    return has_reached(used, cap->cap_bytes, ALL_PERCENT) ? MONTH_SILENT : MONTH_NO_RELAY;
}

const char *month_stage_text(enum month_stage stage)
{
    static const char *const texts[] = {
        [MONTH_OPEN] = "all connections are open",
        [MONTH_NO_INBOUND] = "no inbound connections are taken",
        [MONTH_NO_RELAY] = "inbound connections are ended, objects of others are not handed out",
        [MONTH_SILENT] = "no connections until the next month",
    };
    return texts[stage];
}
