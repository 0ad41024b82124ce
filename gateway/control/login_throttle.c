// SPDX-License-Identifier: MIT
#include "gateway/control/login_throttle.h"

#include <assert.h>

static void forgive(struct login_throttle *throttle, int64_t now_ms)
{
    int64_t n_forgiven = (now_ms - throttle->last_failure_ms) / LOGIN_FORGIVE_MS;
    if (n_forgiven <= 0) {
        return;
    }
    throttle->n_failures =
        n_forgiven >= throttle->n_failures ? 0 : throttle->n_failures - (unsigned)n_forgiven;
    throttle->last_failure_ms += n_forgiven * LOGIN_FORGIVE_MS;
}

/* After the failure that makes `n_failures`. */
static int64_t hold_ms(unsigned n_failures)
{
    int64_t hold = LOGIN_FIRST_HOLD_MS;
    for (unsigned i = LOGIN_FREE_FAILURES + 1; i < n_failures && hold < LOGIN_MAX_HOLD_MS; i++) {
        hold *= 2;
    }
    return n_failures <= LOGIN_FREE_FAILURES ? 0 : hold;
}

bool login_throttle_begin(struct login_throttle *throttle, int64_t now_ms, int64_t *out_wait_ms)
{
    forgive(throttle, now_ms);
    unsigned max_pending = throttle->n_failures == 0 ? LOGIN_MAX_PENDING : 1;
    if (now_ms < throttle->closed_until_ms) {
        *out_wait_ms = throttle->closed_until_ms - now_ms;
        return false;
    }
    if (throttle->n_pending >= max_pending) {
        *out_wait_ms = LOGIN_FIRST_HOLD_MS;
        return false;
    }
    throttle->n_pending++;
    return true;
}

void login_throttle_end(struct login_throttle *throttle, int64_t now_ms, enum login_outcome outcome)
{
    assert(throttle->n_pending > 0);
    throttle->n_pending--;
    if (outcome != LOGIN_WAS_WRONG) {
        return;
    }
    forgive(throttle, now_ms);
    throttle->n_failures++;
    throttle->last_failure_ms = now_ms;
    throttle->closed_until_ms = now_ms + hold_ms(throttle->n_failures);
}
