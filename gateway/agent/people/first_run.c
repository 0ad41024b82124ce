// SPDX-License-Identifier: MIT
/* The first start of a home: an account with a generated password, an identity, a welcome. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/outgoing/reports.h"
#include "gateway/store/accounts.h"

struct first_run {
    struct agent *agent;
    struct agent_done done;
    int64_t account_id;
    char address[ADDRESS_TEXT_BYTES];
};

static const char first_name[] = "me";

static void first_run_end(struct first_run *first, const struct fault *fault)
{
    struct agent_done done = first->done;
    if (done.call != NULL && !first->agent->closing) {
        done.call(done.context, fault, fault == NULL ? first->address : "", first->account_id);
    }
    free(first);
}

static void first_welcomed(void *context, const struct fault *fault)
{
    first_run_end(context, fault);
}

static void first_identity_made(void *context, const struct fault *fault, const char *text,
                                int64_t id)
{
    (void)id;
    struct first_run *first = context;
    if (fault != NULL) {
        first_run_end(first, fault);
        return;
    }
    (void)snprintf(first->address, sizeof(first->address), "%s", text);
    reports_welcome(first->agent->reports, first->account_id, first_name, text, first_name,
                    (struct reports_done){first_welcomed, first});
}

static void first_account_made(void *context, const struct fault *fault, const char *text,
                               int64_t id)
{
    struct first_run *first = context;
    if (fault != NULL) {
        first_run_end(first, fault);
        return;
    }
    first->account_id = id;
    (void)snprintf(first->agent->first_password, sizeof(first->agent->first_password), "%s", text);
    const struct agent_identity_request request = {.account = first_name, .label = first_name};
    agent_identity_new(first->agent, &request, (struct agent_done){first_identity_made, first});
}

static void first_nothing(void *context)
{
    first_run_end(context, NULL);
}

void agent_first_run(struct agent *agent, struct agent_done done)
{
    struct arena arena = {0};
    struct account *accounts = NULL;
    size_t n_accounts = 0;
    struct first_run *first = xcalloc(1, sizeof(*first));
    first->agent = agent;
    first->done = done;
    if (!accounts_list(agent_reader(agent), &accounts, &n_accounts, &arena, NULL) ||
        n_accounts > 0) {
        loop_defer(agent->parts.loop, first_nothing, first);
    } else {
        agent_account_new(agent, first_name, NULL, false,
                          (struct agent_done){first_account_made, first});
    }
    arena_clear(&arena);
}

bool agent_take_first_password(struct agent *agent, char *out, size_t out_size)
{
    size_t len = strlen(agent->first_password);
    if (len == 0 || len >= out_size) {
        return false;
    }
    memcpy(out, agent->first_password, len + 1);
    mem_wipe(agent->first_password, sizeof(agent->first_password));
    return true;
}
