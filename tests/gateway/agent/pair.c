// SPDX-License-Identifier: MIT
#include "tests/gateway/agent/pair.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/outgoing/outgoing.h"
#include "node/objects/object.h"
#include "tests/support/vectors.h"

enum { DAY = 86400 };

static bool pubkeys_are_out(struct rig *rig, void *context)
{
    (void)context;
    return network_count(rig->network, OBJECT_PUBKEY) >= 2;
}

int pair_set_up(void **state)
{
    struct pair *pair = calloc(1, sizeof(*pair));
    clock_set_offset(0);
    network_init(&pair->network);
    rig_open(&pair->alice, &pair->network);
    rig_open(&pair->bob, &pair->network);
    rig_identity(&pair->alice, "alice", pair->alice_address);
    rig_identity(&pair->bob, "bob", pair->bob_address);
    rig_until(&pair->alice, pubkeys_are_out, NULL, "both pubkeys");
    rig_idle(&pair->alice, 100);
    *state = pair;
    return 0;
}

int pair_tear_down(void **state)
{
    struct pair *pair = *state;
    rig_remove(&pair->alice);
    rig_remove(&pair->bob);
    network_clear(&pair->network);
    free(pair);
    clock_set_offset(0);
    return 0;
}

void pair_send_to_bob(struct pair *pair)
{
    rig_send(&pair->alice, pair->alice_address, pair->bob_address, "Subject", "Text.");
}

void pair_lose_pubkeys(struct pair *pair)
{
    rig_unlink(&pair->alice);
    rig_unlink(&pair->bob);
    clock_set_offset(29 * DAY);
    network_forget(&pair->network);
}

void pair_crash_alice(struct pair *pair)
{
    char *folder = rig_copy_folder(&pair->alice);
    rig_remove(&pair->alice);
    rig_reopen(&pair->alice, &pair->network, folder);
    free(folder);
}

void pair_cancel(struct pair *pair, int64_t id, bool expect_ok)
{
    struct rig_answer answer;
    agent_queue_cancel(pair->alice.agent, id, rig_done(&answer));
    rig_wait(&pair->alice, &answer);
    assert_int_equal(answer.failed, !expect_ok);
}

bool pair_has_keyword(struct rig *rig, const char *folder, const char *keyword)
{
    char sql[400];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM message m JOIN mailbox b ON b.id = m.mailbox_id"
                   " JOIN keyword k ON k.mailbox_id = b.id AND m.keywords >> k.bit & 1"
                   " WHERE b.name = '%s' AND k.name = '%s'",
                   folder, keyword);
    return rig_sql(rig, sql) == 1;
}

bool pair_is_working_hard(struct rig *rig, void *context)
{
    (void)context;
    struct agent_status status;
    agent_status(rig->agent, &status);
    return status.pow.n_jobs > 0;
}

bool pair_was_handed_over(struct rig *rig, void *context)
{
    (void)context;
    return rig_sql(rig, "SELECT count(*) FROM object_job WHERE kind = 0 AND step = 4") == 1 &&
           rig->network->n_published > 0;
}

void pair_pass(struct pair *pair, int64_t offset_sec)
{
    clock_set_offset(offset_sec);
    struct agent *agents[] = {pair->alice.agent, pair->bob.agent};
    for (size_t i = 0; i < ARRAY_LEN(agents); i++) {
        if (agents[i] != NULL) {
            outgoing_trust_clock(agents[i]->outgoing);
        }
    }
}
