// SPDX-License-Identifier: MIT
#include "gateway/agent/work/lifetime.h"

int64_t lifetime_doubled(int64_t sec, uint32_t times)
{
    for (uint32_t i = 0; i < times && sec > 0 && sec < LIFETIME_MOST_SEC; i++) {
        sec *= 2;
    }
    return sec < LIFETIME_MOST_SEC ? sec : LIFETIME_MOST_SEC;
}

int64_t lifetime_strayed(int64_t sec, int64_t jitter_sec)
{
    int64_t strayed = sec + jitter_sec;
    return strayed < LIFETIME_LEAST_SEC  ? LIFETIME_LEAST_SEC
           : strayed > LIFETIME_MOST_SEC ? LIFETIME_MOST_SEC
                                         : strayed;
}
