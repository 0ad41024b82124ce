// SPDX-License-Identifier: MIT
/* The power goes while a passphrase is set, changed, and removed: afterwards the keys are in clear,
 * or the old passphrase opens all of them, or the new one; and what was answered holds. */
#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/db.h"
#include "base/mem.h"
#include "gateway/agent/keys/keyring.h"
#include "gateway/store/mail_db.h"
#include "gateway/store/store_check.h"
#include "tests/gateway/agent/rig.h"
#include "tests/gateway/store/recorded_disk.h"

enum { N_IDENTITIES = 8, MAX_STATES = 50 };

/* What was done, in this order; each answered before the next began. */
enum step { CLEAR, SET, CHANGED, SEALED_ALL, REMOVED, N_STEPS };
static const char first[] = "first passphrase";
static const char second[] = "second passphrase";

static void done(struct rig *rig, struct rig_answer *answer)
{
    rig_wait(rig, answer);
    if (answer->failed) {
        fail_msg("%s", answer->fault.text);
    }
}

static void take_steps(struct rig *rig, size_t answered_at[N_STEPS])
{
    struct rig_answer answer;
    answered_at[CLEAR] = recorded_disk_len();
    agent_lock_set(rig->agent, NULL, first, rig_done(&answer));
    done(rig, &answer);
    answered_at[SET] = recorded_disk_len();
    agent_lock_set(rig->agent, first, second, rig_done(&answer));
    done(rig, &answer);
    answered_at[CHANGED] = recorded_disk_len();
    rig->settings.agent.lock = LOCK_ALL;
    agent_lock_open(rig->agent, second, rig_done(&answer));
    done(rig, &answer);
    answered_at[SEALED_ALL] = recorded_disk_len();
    agent_lock_remove(rig->agent, second, rig_done(&answer));
    done(rig, &answer);
    answered_at[REMOVED] = recorded_disk_len();
}

/* Which passphrase opens, with the secret half. */
static bool opens(struct lock_secrets *out, const struct lock_rows *rows, const char *passphrase)
{
    struct lock_secret *secret = lock_box_open(&rows->items[0].box, bytes_of_str(passphrase), NULL);
    if (secret != NULL) {
        out->items[0].lock_id = rows->items[0].id;
        out->items[0].secret = secret;
        out->n_items = 1;
    }
    return secret != NULL;
}

/* What the disk shows; fails unless all keys open by one way. */
static enum step look_at(struct db *db, size_t n_ops)
{
    struct lock_rows rows;
    struct lock_secrets secrets = {0};
    struct keyring keyring = {0};
    enum step step = CLEAR;
    assert_true(lock_db_read(db, &rows, NULL));
    assert_in_range(rows.n_items, 0, 1);
    if (rows.n_items > 0) {
        if (opens(&secrets, &rows, first)) {
            step = SET;
        } else if (opens(&secrets, &rows, second)) {
            step = rows.items[0].seals_all ? SEALED_ALL : CHANGED;
        } else {
            fail_msg("after %zu writes neither passphrase opens", n_ops);
        }
    }
    assert_true(keyring_load(&keyring, db, &secrets, NULL, NULL));
    if (keyring.n_own != N_IDENTITIES || keyring.n_unsigning != 0 || keyring.n_unreadable != 0 ||
        keyring.n_sealed != (step == CLEAR ? 0 : N_IDENTITIES)) {
        fail_msg("after %zu writes %zu of %zu keys can't sign, %zu can't decrypt", n_ops,
                 keyring.n_unsigning, keyring.n_own, keyring.n_unreadable);
    }
    keyring_clear(&keyring);
    lock_secrets_clear(&secrets);
    return step;
}

/* Of the last step that was answered, or of the one that was under way. */
static void check_disk(const char *path, const size_t answered_at[N_STEPS], size_t n_ops,
                       bool drops)
{
    struct fault fault = {0};
    recorded_disk_make(path, n_ops, drops);
    struct db *db = mail_db_open(path, &fault);
    if (db == NULL || !store_check(db, &fault)) {
        fail_msg("a disk of %zu writes: %s", n_ops, fault.text);
    }
    enum step answered = CLEAR;
    while (answered + 1 < N_STEPS && answered_at[answered + 1] <= n_ops) {
        answered++;
    }
    enum step seen = look_at(db, n_ops);
    enum step next = answered + 1 < N_STEPS ? answered + 1 : REMOVED;
    bool is_right = seen == answered || seen == next ||
                    (seen == CLEAR && (answered == REMOVED || next == REMOVED));
    if (!is_right) {
        fail_msg("a disk of %zu writes is at step %d, and %d was answered", n_ops, (int)seen,
                 (int)answered);
    }
    db_close(&db);
}

static void one_passphrase_opens_whatever_the_power_loss_left(void **state)
{
    (void)state;
    struct network network;
    struct rig rig;
    char address[64];
    size_t answered_at[N_STEPS];
    network_init(&network);
    recorded_disk_install();
    rig_open(&rig, &network);
    for (int i = 0; i < N_IDENTITIES; i++) {
        rig_identity(&rig, "one", address);
    }
    take_steps(&rig, answered_at);
    recorded_disk_stop();

    size_t end = recorded_disk_len();
    size_t stride = (end - answered_at[CLEAR]) / MAX_STATES + 1;
    char *path = xasprintf("%s/replay.db", rig.folder);
    srandom(11);
    for (size_t n = answered_at[CLEAR]; n <= end; n += stride) {
        check_disk(path, answered_at, n, false);
        check_disk(path, answered_at, n, true);
    }
    free(path);
    recorded_disk_clear();
    rig_remove(&rig);
    network_clear(&network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_passphrase_opens_whatever_the_power_loss_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
