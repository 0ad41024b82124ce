// SPDX-License-Identifier: MIT
#include "gateway/compat/notices.h"

#include <string.h>

static const char *const names[N_NOTICES] = {
    [NOTICE_STARTING_UP] = "notify.startingUp",
    [NOTICE_NEW_MESSAGE] = "notify.newMessage",
    [NOTICE_NEW_BROADCAST] = "notify.newBroadcast",
};

static void run_next(struct notices *notices)
{
    for (int i = 0; i < N_NOTICES && !notices->is_running; i++) {
        if (notices->n_waiting[i] > 0) {
            notices->n_waiting[i]--;
            notices->is_running = true;
            notices->run(notices->context, names[i], ++notices->last_id);
        }
    }
}

void notices_tell(struct notices *notices, enum notice notice)
{
    if (notices->is_enabled && notices->n_waiting[notice] < NOTICES_MAX_WAITING) {
        notices->n_waiting[notice]++;
        run_next(notices);
    }
}

bool notices_is_name(const char *name)
{
    for (int i = 0; i < N_NOTICES; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

void notices_ended(struct notices *notices)
{
    notices->is_running = false;
    run_next(notices);
}
