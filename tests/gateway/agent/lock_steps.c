// SPDX-License-Identifier: MIT
#include "tests/gateway/agent/lock_steps.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/db.h"
#include "gateway/store/mail_txn.h"
#include "gateway/store/store.h"
#include "tests/support/vectors.h"

const char lock_secret[] = "open sesame";

struct rig_answer lock_set(struct rig *rig, const char *old, const char *passphrase)
{
    struct rig_answer answer;
    agent_lock_set(rig->agent, old, passphrase, rig_done(&answer));
    rig_wait(rig, &answer);
    return answer;
}

struct rig_answer lock_open(struct rig *rig, const char *passphrase)
{
    struct rig_answer answer;
    agent_lock_open(rig->agent, passphrase, rig_done(&answer));
    rig_wait(rig, &answer);
    return answer;
}

struct rig_answer lock_remove(struct rig *rig, const char *passphrase)
{
    struct rig_answer answer;
    agent_lock_remove(rig->agent, passphrase, rig_done(&answer));
    rig_wait(rig, &answer);
    return answer;
}

struct rig_answer lock_close(struct rig *rig)
{
    struct rig_answer answer;
    agent_lock_close(rig->agent, rig_done(&answer));
    rig_wait(rig, &answer);
    return answer;
}

void lock_expect_done(struct rig_answer answer)
{
    if (answer.failed) {
        fail_msg("%s", answer.fault.text);
    }
}

void lock_expect_refused(struct rig_answer answer, enum fault_code code)
{
    assert_true(answer.failed);
    if (answer.fault.code != code) {
        fail_msg("%s", answer.fault.text);
    }
}

/* Set, and locked. */
void lock_up(struct rig *rig, enum lock_extent extent)
{
    rig->settings.agent.lock = extent;
    lock_expect_done(lock_set(rig, NULL, lock_secret));
    assert_false(agent_lock_status(rig->agent).is_locked);
    lock_expect_done(lock_close(rig));
    assert_true(agent_lock_status(rig->agent).is_locked);
}

struct sql_job {
    const char *sql;
    bool is_done;
};

static bool run_sql(struct mail_txn *txn, void *context, struct fault *fault)
{
    return db_exec(mail_txn_db(txn), ((struct sql_job *)context)->sql, fault);
}

static void sql_done(void *context, const struct fault *fault)
{
    if (fault != NULL) {
        fail_msg("%s", fault->text);
    }
    ((struct sql_job *)context)->is_done = true;
}

static bool sql_is_done(struct rig *rig, void *context)
{
    (void)rig;
    return ((struct sql_job *)context)->is_done;
}

void lock_write_sql(struct rig *rig, const char *sql)
{
    struct sql_job job = {.sql = sql};
    assert_true(store_write(rig->store, run_sql, sql_done, &job, NULL));
    rig_until(rig, sql_is_done, &job, "the writer");
}

void lock_die_and_start(struct rig *rig)
{
    struct network *network = rig->network;
    char *folder = rig_copy_folder(rig);
    rig_remove(rig);
    rig_reopen(rig, network, folder);
    free(folder);
}

static void take_reason(void *context, const struct agent_queue_info *info)
{
    (void)snprintf(((struct lock_reason *)context)->text,
                   sizeof(((struct lock_reason *)context)->text), "%s", info->reason);
}

struct lock_reason lock_reason_of(struct rig *rig, int64_t id)
{
    struct lock_reason reason = {""};
    assert_true(agent_queue_show(rig->agent, id, take_reason, &reason, NULL));
    return reason;
}

bool lock_is_through(struct rig *rig, void *context)
{
    struct agent_status status;
    (void)context;
    agent_status(rig->agent, &status);
    return status.objects_done == rig->network->n_objects && status.n_incoming == 0;
}
