// SPDX-License-Identifier: MIT
/* The program of `[api] notify_path`, told of what happens: one run at a time, in order. What
 * happens while it runs is counted, and told as often. */
#ifndef BITTERN_GATEWAY_COMPAT_NOTICES_H
#define BITTERN_GATEWAY_COMPAT_NOTICES_H

#include <stdbool.h>
#include <stdint.h>

enum notice { NOTICE_STARTING_UP, NOTICE_NEW_MESSAGE, NOTICE_NEW_BROADCAST, N_NOTICES };
enum { NOTICES_MAX_WAITING = 1000 }; /* of each kind; more are not told */

struct notices {
    /* Run the program under this name of the supervisor's table; notices_ended follows. */
    void (*run)(void *context, const char *name, int64_t id);
    void *context;
    bool is_enabled;
    bool is_running;
    int64_t last_id;
    unsigned n_waiting[N_NOTICES];
};

/* With run, context and is_enabled set. */
void notices_tell(struct notices *notices, enum notice notice);
/* Whether the name is one of ours. */
bool notices_is_name(const char *name);
void notices_ended(struct notices *notices);

#endif
