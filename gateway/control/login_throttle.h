// SPDX-License-Identifier: MIT
/* How often a password may be tried over HTTP, over all connections together. Pure: the time is
 * told.
 *
 * The first wrong ones are taken for slips of the finger. Each one more doubles the time until the
 * next password is looked at, to LOGIN_MAX_HOLD_MS; a time without wrong ones forgives one of them.
 * A right password forgives none, so that who has a login can't win free guesses at another's. */
#ifndef BITTERN_GATEWAY_CONTROL_LOGIN_THROTTLE_H
#define BITTERN_GATEWAY_CONTROL_LOGIN_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

enum {
    LOGIN_FREE_FAILURES = 3,
    LOGIN_FIRST_HOLD_MS = 1000,
    LOGIN_MAX_HOLD_MS = 16 * 1000,
    LOGIN_FORGIVE_MS = 60 * 1000,
    LOGIN_MAX_PENDING = 8 /* being looked at; 1 when there were wrong ones */
};

/* {0} is one that nobody has tried. */
struct login_throttle {
    unsigned n_failures; /* not forgiven yet */
    unsigned n_pending;
    int64_t last_failure_ms;
    int64_t closed_until_ms;
};

/* May a password be looked at now? Yes: login_throttle_end is to follow. No: *out_wait_ms (> 0)
 * says when to come again. */
bool login_throttle_begin(struct login_throttle *throttle, int64_t now_ms,
                          int64_t *out_wait_ms) MUST_USE;
enum login_outcome { LOGIN_WAS_RIGHT, LOGIN_WAS_WRONG, LOGIN_WAS_LEFT };
void login_throttle_end(struct login_throttle *throttle, int64_t now_ms,
                        enum login_outcome outcome);

#endif
