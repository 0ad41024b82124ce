// SPDX-License-Identifier: MIT
/* A try goes this way:
 *
 *     start -> the keeper looks the name up -> remembered -------------------------> verdict
 *                                           -> waits in its name's row
 *                                              -> its turn: SCRAM goes on by itself -> verdict
 *                                                           a password, to a worker -> verdict
 *
 * Names fall into rows by a hash under the process's key: two of them may share one by chance, and
 * nobody can choose which. The rows with somebody in them stand in a ring and take turns. */
#include "mailproto/sasl/guard.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/str.h"
#include "base/timer.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "mailproto/sasl/credential.h"
#include "mailproto/sasl/sasl.h"
#include "mailproto/sasl/sasl_internal.h"

enum {
    GUARD_ROWS = 1024, /* a power of two */
    GUARD_FIRST_HOLD_MS = 500,
    GUARD_FIRST_PACE_MS = 125,
    GUARD_MAX_COUNTED = 30 /* failures; far above what lengthens anything */
};

/* What is known of the names that fall together. */
struct guard_row {
    struct list_node node;  /* in guard.ring, while somebody waits */
    struct list_node tries; /* the oldest first */
    unsigned n_failures;    /* as of failed_ms */
    int64_t failed_ms;
    int64_t next_ms; /* none is judged before */
};

struct guard_try {
    struct sasl_guard *guard;
    struct sasl *sasl;
    struct sasl_verdict verdict;
    struct guard_row *row;
    struct list_node node; /* in row->tries */
    void *lookup;          /* the keeper was asked */
    struct guard_check *check;
    int64_t since_ms;
    bool known;
    int64_t account_id;
    struct sasl_credential credential;
    uint8_t mark[SHA256_BYTES]; /* under which the password is remembered once it was right */
};

/* By value: what a worker has. It outlives a try that is cancelled. */
struct guard_check {
    struct sasl_guard *guard;
    struct guard_try *attempt; /* NULL: cancelled */
    struct guard_row *row;
    bool known;
    bool right;
    int64_t account_id;
    uint8_t mark[SHA256_BYTES];
    struct sasl_credential credential;
    size_t password_len;
    uint8_t password[SASL_MAX_PASSWORD_BYTES];
};

struct guard_memory {
    uint8_t mark[SHA256_BYTES];
    int64_t until_ms; /* 0: free */
};

struct sasl_guard {
    struct sasl_guard_config config;
    struct sasl_judge judge;
    struct list_node ring;
    struct guard_row *rows;
    struct timer turn;   /* the next try that may be judged, or has waited long enough */
    struct timer forget; /* the next password to be forgotten */
    unsigned max_checks;
    unsigned n_checks;
    size_t n_tries;
    uint8_t key[SHA256_BYTES];
    struct guard_memory memories[GUARD_MAX_REMEMBERED];
};

/* ---- Failures ---- */

static struct guard_row *row_of(struct sasl_guard *guard, const char *user)
{
    char folded[SASL_MAX_USER_BYTES + 1];
    size_t len = strlen(user);
    for (size_t i = 0; i < len; i++) {
        folded[i] = ascii_lower(user[i]); /* the keeper's names have no case */
    }
    uint64_t hash = map_hash((struct bytes){(const uint8_t *)folded, len});
    return &guard->rows[hash & (GUARD_ROWS - 1)];
}

static unsigned failures_now(const struct guard_row *row, int64_t now_ms)
{
    int64_t n_halves = (now_ms - row->failed_ms) / GUARD_FORGET_MS;
    return n_halves > 5 ? 0 : row->n_failures >> n_halves;
}

/* `first` doubled n times, or `most`. */
static int64_t doubled(int64_t first, unsigned n, int64_t most)
{
    int64_t value = n > 16 ? most : first << n;
    return value < most ? value : most;
}

static void count_failure(struct guard_row *row)
{
    int64_t now_ms = clock_mono_ms();
    unsigned n = failures_now(row, now_ms) + 1;
    row->n_failures = n < GUARD_MAX_COUNTED ? n : GUARD_MAX_COUNTED;
    row->failed_ms = now_ms;
    if (n > GUARD_FREE_FAILURES) {
        row->next_ms =
            now_ms + doubled(GUARD_FIRST_PACE_MS, n - GUARD_FREE_FAILURES - 1, GUARD_MAX_PACE_MS);
    }
}

static bool has_password(const struct sasl *sasl)
{
    return sasl->mechanism->plaintext;
}

static int64_t judge_failed(void *context, const struct sasl *sasl)
{
    struct sasl_guard *guard = context;
    struct guard_row *row = row_of(guard, sasl->user);
    if (!has_password(sasl)) {
        count_failure(row); /* a wrong password was counted where it was found wrong */
    }
    return doubled(GUARD_FIRST_HOLD_MS, failures_now(row, clock_mono_ms()), GUARD_MAX_HOLD_MS);
}

/* ---- Passwords that were right ---- */

static void make_mark(struct guard_try *attempt)
{
    const struct sasl_credential *credential = &attempt->credential;
    const struct bytes parts[] = {{credential->salt, sizeof(credential->salt)},
                                  {credential->stored_key, sizeof(credential->stored_key)},
                                  buf_view(&attempt->sasl->password)};
    hash_hmac_sha256_parts(attempt->mark,
                           (struct bytes){attempt->guard->key, sizeof(attempt->guard->key)}, parts,
                           ARRAY_LEN(parts));
}

static bool is_remembered(const struct sasl_guard *guard, const uint8_t mark[SHA256_BYTES])
{
    int64_t now_ms = clock_mono_ms();
    bool found = false;
    for (size_t i = 0; i < GUARD_MAX_REMEMBERED; i++) {
        const struct guard_memory *memory = &guard->memories[i];
        found |= memory->until_ms > now_ms && mem_equal_ct(memory->mark, mark, SHA256_BYTES);
    }
    return found;
}

static void forget(void *context)
{
    struct sasl_guard *guard = context;
    int64_t now_ms = clock_mono_ms();
    int64_t next_ms = INT64_MAX;
    for (size_t i = 0; i < GUARD_MAX_REMEMBERED; i++) {
        struct guard_memory *memory = &guard->memories[i];
        if (memory->until_ms <= now_ms) {
            mem_wipe(memory, sizeof(*memory));
        } else if (memory->until_ms < next_ms) {
            next_ms = memory->until_ms;
        }
    }
    if (next_ms != INT64_MAX) {
        timer_arm(&guard->forget, next_ms - now_ms);
    }
}

static void remember(struct sasl_guard *guard, const uint8_t mark[SHA256_BYTES])
{
    struct guard_memory *oldest = &guard->memories[0];
    for (size_t i = 0; i < GUARD_MAX_REMEMBERED; i++) {
        struct guard_memory *memory = &guard->memories[i];
        if (memory->until_ms != 0 && mem_equal_ct(memory->mark, mark, SHA256_BYTES)) {
            return;
        }
        if (memory->until_ms < oldest->until_ms) {
            oldest = memory;
        }
    }
    memcpy(oldest->mark, mark, SHA256_BYTES);
    oldest->until_ms = clock_mono_ms() + guard->config.remember_ms;
    if (!timer_is_armed(&guard->forget)) {
        timer_arm(&guard->forget, guard->config.remember_ms);
    }
}

/* ---- Turns ---- */

static void leave_row(struct guard_try *attempt)
{
    struct guard_row *row = attempt->row;
    list_remove(&attempt->node);
    if (list_is_empty(&row->tries) && !list_is_empty(&row->node)) {
        list_remove(&row->node);
    }
}

static void try_free(struct guard_try *attempt)
{
    attempt->guard->n_tries--;
    sasl_credential_wipe(&attempt->credential);
    mem_wipe(attempt->mark, sizeof(attempt->mark));
    free(attempt);
}

static void answer(struct guard_try *attempt, enum sasl_result result, struct bytes challenge)
{
    struct sasl_verdict verdict = attempt->verdict;
    try_free(attempt);
    verdict.done(verdict.context, result, challenge);
}

static void answer_password(struct guard_try *attempt, int64_t account_id, bool right)
{
    answer(attempt, sasl_password_checked(attempt->sasl, account_id, right), (struct bytes){0});
}

static void check_run(void *job, const struct pool_token *token)
{
    (void)token;
    struct guard_check *check = job;
    check->right = sasl_credential_check(&check->credential,
                                         (struct bytes){check->password, check->password_len}) &&
                   check->known;
}

static struct guard_try *find_waiting(struct guard_row *row, const uint8_t mark[SHA256_BYTES])
{
    list_for_each(node, &row->tries)
    {
        struct guard_try *attempt = list_entry(node, struct guard_try, node);
        if (attempt->known && mem_equal_ct(attempt->mark, mark, SHA256_BYTES)) {
            return attempt;
        }
    }
    return NULL;
}

/* The same password was right just now: those who wait with it need no turn. (An answer may cancel
 * other tries, so the row is looked through anew.) */
static void answer_the_same(struct guard_row *row, const struct guard_check *check)
{
    struct guard_try *attempt;
    while ((attempt = find_waiting(row, check->mark)) != NULL) {
        leave_row(attempt);
        answer_password(attempt, check->account_id, true);
    }
}

static void take_turns(void *context);

static void check_done(void *job, bool was_cancelled)
{
    struct guard_check *check = job;
    struct sasl_guard *guard = check->guard;
    struct guard_try *attempt = check->attempt;
    guard->n_checks--;
    if (check->right) {
        remember(guard, check->mark);
    } else if (!was_cancelled) {
        count_failure(check->row); /* also when nobody waits for the answer any more */
    }
    if (attempt != NULL && was_cancelled) {
        answer(attempt, SASL_BUSY, (struct bytes){0});
    } else if (attempt != NULL) {
        answer_password(attempt, check->account_id, check->right);
    }
    if (check->right) {
        answer_the_same(check->row, check);
    }
    mem_wipe(check, sizeof(*check));
    free(check);
    take_turns(guard);
}

static void start_check(struct guard_try *attempt)
{
    struct sasl_guard *guard = attempt->guard;
    struct bytes password = buf_view(&attempt->sasl->password);
    struct guard_check *check = xcalloc(1, sizeof(*check));
    *check = (struct guard_check){.guard = guard,
                                  .attempt = attempt,
                                  .row = attempt->row,
                                  .known = attempt->known,
                                  .account_id = attempt->account_id,
                                  .credential = attempt->credential,
                                  .password_len = password.len};
    memcpy(check->mark, attempt->mark, sizeof(check->mark));
    memcpy(check->password, password.data, password.len);
    attempt->check = check;
    if (pool_submit(guard->config.pool, POOL_URGENT, check_run, check_done, check, NULL) == 0) {
        mem_wipe(check, sizeof(*check));
        free(check);
        answer(attempt, SASL_BUSY, (struct bytes){0});
        return;
    }
    guard->n_checks++;
}

static void judge(struct guard_try *attempt)
{
    if (has_password(attempt->sasl)) {
        start_check(attempt);
        return;
    }
    struct buf challenge = {0};
    enum sasl_result result =
        sasl_credential_found(attempt->sasl, attempt->account_id,
                              attempt->known ? &attempt->credential : NULL, &challenge);
    answer(attempt, result, buf_view(&challenge));
    buf_clear(&challenge);
}

/* When something is to be done with the row's oldest try: judge it, or send it away. */
static int64_t due_ms(const struct sasl_guard *guard, const struct guard_row *row)
{
    const struct guard_try *oldest = list_entry(row->tries.next, struct guard_try, node);
    int64_t ends_ms = oldest->since_ms + GUARD_MAX_WAIT_MS;
    bool may_check = guard->n_checks < guard->max_checks;
    return may_check && row->next_ms < ends_ms ? row->next_ms : ends_ms;
}

/* The first row of the ring in which somebody's turn is; it goes to the ring's end. */
static struct guard_try *next_try(struct sasl_guard *guard, int64_t now_ms, int64_t *out_next_ms)
{
    *out_next_ms = INT64_MAX;
    list_for_each(node, &guard->ring)
    {
        struct guard_row *row = list_entry(node, struct guard_row, node);
        int64_t when_ms = due_ms(guard, row);
        if (when_ms <= now_ms) {
            struct guard_try *attempt = list_entry(row->tries.next, struct guard_try, node);
            list_remove(&row->node);
            list_append(&guard->ring, &row->node);
            leave_row(attempt);
            return attempt;
        }
        *out_next_ms = when_ms < *out_next_ms ? when_ms : *out_next_ms;
    }
    return NULL;
}

static void take_turns(void *context)
{
    struct sasl_guard *guard = context;
    struct guard_try *attempt;
    int64_t now_ms = clock_mono_ms();
    int64_t next_ms;
    while ((attempt = next_try(guard, now_ms, &next_ms)) != NULL) {
        if (attempt->since_ms + GUARD_MAX_WAIT_MS <= now_ms) {
            answer(attempt, SASL_BUSY, (struct bytes){0});
        } else {
            judge(attempt);
        }
    }
    timer_cancel(&guard->turn);
    if (next_ms != INT64_MAX) {
        timer_arm(&guard->turn, next_ms - now_ms);
    }
}

/* ---- As a judge ---- */

static void looked_up(void *context, int64_t account_id, const struct sasl_credential *credential)
{
    struct guard_try *attempt = context;
    attempt->lookup = NULL;
    attempt->known = credential != NULL;
    attempt->account_id = account_id;
    if (attempt->known) {
        attempt->credential = *credential;
    } else {
        sasl_decoy_credential(&attempt->credential, attempt->sasl->user);
    }
    make_mark(attempt);
    if (has_password(attempt->sasl) && attempt->known &&
        is_remembered(attempt->guard, attempt->mark)) {
        answer_password(attempt, account_id, true);
        return;
    }
    if (list_is_empty(&attempt->row->tries)) {
        list_append(&attempt->guard->ring, &attempt->row->node);
    }
    list_append(&attempt->row->tries, &attempt->node);
    take_turns(attempt->guard);
}

static void *judge_start(void *context, struct sasl *sasl, struct sasl_verdict verdict)
{
    struct sasl_guard *guard = context;
    struct guard_try *attempt = xcalloc(1, sizeof(*attempt));
    *attempt = (struct guard_try){.guard = guard,
                                  .sasl = sasl,
                                  .verdict = verdict,
                                  .row = row_of(guard, sasl->user),
                                  .since_ms = clock_mono_ms()};
    list_init(&attempt->node);
    guard->n_tries++;
    attempt->lookup = guard->config.lookup->start(guard->config.lookup->context, sasl->user,
                                                  (struct sasl_lookup_done){looked_up, attempt});
    return attempt;
}

static void judge_cancel(void *context, void *handle)
{
    struct sasl_guard *guard = context;
    struct guard_try *attempt = handle;
    if (attempt->lookup != NULL) {
        guard->config.lookup->cancel(guard->config.lookup->context, attempt->lookup);
    } else if (attempt->check != NULL) {
        attempt->check->attempt = NULL;
    } else {
        leave_row(attempt);
    }
    try_free(attempt);
}

/* ---- Making and ending ---- */

struct sasl_guard *sasl_guard_new(const struct sasl_guard_config *config)
{
    struct sasl_guard *guard = xcalloc(1, sizeof(*guard));
    guard->config = *config;
    if (guard->config.remember_ms == 0) {
        guard->config.remember_ms = GUARD_REMEMBER_MS;
    }
    guard->judge = (struct sasl_judge){judge_start, judge_cancel, judge_failed, guard};
    guard->max_checks = (pool_n_threads(config->pool) + 1) / 2;
    guard->rows = xcalloc(GUARD_ROWS, sizeof(*guard->rows));
    for (size_t i = 0; i < GUARD_ROWS; i++) {
        list_init(&guard->rows[i].node);
        list_init(&guard->rows[i].tries);
    }
    list_init(&guard->ring);
    random_bytes(guard->key, sizeof(guard->key));
    timer_init(&guard->turn, config->loop, take_turns, guard);
    timer_init(&guard->forget, config->loop, forget, guard);
    return guard;
}

const struct sasl_judge *sasl_guard_judge(struct sasl_guard *guard)
{
    return &guard->judge;
}

size_t sasl_guard_n_waiting(const struct sasl_guard *guard)
{
    return guard->n_tries;
}

void sasl_guard_free(struct sasl_guard **pointer)
{
    struct sasl_guard *guard = *pointer;
    if (guard == NULL) {
        return;
    }
    *pointer = NULL;
    timer_cancel(&guard->turn);
    timer_cancel(&guard->forget);
    free(guard->rows);
    mem_wipe(guard, sizeof(*guard));
    free(guard);
}
