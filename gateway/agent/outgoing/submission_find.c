// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "base/mem.h"
#include "base/pool.h"
#include "base/str.h"
#include "gateway/agent/outgoing/submission_internal.h"
#include "gateway/agent/people/namecoin.h"

/* ---- the case of an address ---- */

static void fold_key(char *out, size_t out_size, const char *typed)
{
    size_t i = 0;
    for (; typed[i] != '\0' && i + 1 < out_size; i++) {
        out[i] = ascii_lower(typed[i]);
    }
    out[i] = '\0';
}

/* What an earlier search found for it. */
static const struct address *found_before(const struct submission *submission, const char *typed)
{
    struct address_form form;
    char key[ADDRESS_FORM_NAME_BYTES];
    if (!address_form_parse(&form, bytes_of_str(typed), NULL)) {
        return NULL;
    }
    fold_key(key, sizeof(key), form.name);
    return map_get(&submission->found, bytes_of_str(key));
}

static void remember_found(struct submission *submission, const char *typed,
                           const struct address *address)
{
    struct address_form form;
    char key[ADDRESS_FORM_NAME_BYTES];
    if (submission->found.n_items >= SUBMISSION_MAX_FOUND ||
        !address_form_parse(&form, bytes_of_str(typed), NULL)) {
        return;
    }
    fold_key(key, sizeof(key), form.name);
    free(map_put(&submission->found, bytes_of_str(key), xmemdup(address, sizeof(*address))));
}

enum address_form_result submission_resolve(struct submission *submission, struct recipient *out,
                                            int64_t account_id, const char *typed,
                                            struct fault *fault)
{
    const struct keyring *keyring = &submission->agent->keyring;
    char name[NAMECOIN_NAME_BYTES];
    struct address named;
    if (namecoin_name_of(name, typed)) {
        if (!namecoin_kept(submission->agent->namecoin, &named, name)) {
            return ADDRESS_FORM_FOLDED;
        }
        *out = (struct recipient){0};
        return recipient_of_address(out, keyring, account_id, &named, fault) ? ADDRESS_FORM_FOUND
                                                                             : ADDRESS_FORM_REFUSED;
    }
    enum address_form_result result =
        recipient_resolve(out, keyring, account_id, bytes_of_str(typed), fault);
    const struct address *known =
        result == ADDRESS_FORM_FOLDED ? found_before(submission, typed) : NULL;
    if (known != NULL) {
        int64_t ttl_sec = out->ttl_sec;
        result = recipient_of_address(out, keyring, account_id, known, fault)
                     ? ADDRESS_FORM_FOUND
                     : ADDRESS_FORM_REFUSED;
        out->ttl_sec = ttl_sec;
    }
    return result;
}

static void run_search(void *job, const struct pool_token *token)
{
    struct question *question = job;
    do {
        question->state = address_case_search_step(question->search, UINT64_C(1) << 18);
    } while (question->state == ADDRESS_CASE_MORE && !pool_is_cancelled(token));
}

static void search_done(void *job, bool was_cancelled)
{
    struct question *question = job;
    struct door *door = question->door;
    struct submission *submission = door->submission;
    if (submission->agent->closing) {
        return; /* submission_free frees it */
    }
    submission->n_searches--;
    if (!question->cancelled && !was_cancelled) {
        struct recipient recipient;
        struct address address;
        struct fault fault = {0};
        if (question->state == ADDRESS_CASE_FOUND) {
            address_case_search_take(question->search, &address);
            remember_found(submission, question->typed, &address);
        }
        if (question->state == ADDRESS_CASE_FOUND &&
            recipient_of_address(&recipient, &submission->agent->keyring, question->account_id,
                                 &address, &fault)) {
            submission_answer(door, question->number, 250, 1, 5, "recipient accepted");
        } else {
            submission_answer(door, question->number, 550, 1, 1,
                              fault.code != FAULT_NONE
                                  ? fault.text
                                  : "the upper and lower case of this address was lost, "
                                    "and it can't be recovered: write it as it was given "
                                    "to you");
        }
    }
    submission_question_free(question);
}

/* The case of the letters is gone: look for the address in the pool. */
static void start_search(struct door *door, uint64_t number, int64_t account_id, const char *typed)
{
    struct submission *submission = door->submission;
    struct address_form form;
    struct question *question = xcalloc(1, sizeof(*question));
    question->door = door;
    question->number = number;
    question->account_id = account_id;
    question->typed = xstrdup(typed);
    (void)map_put_u64(&door->open, number, question);
    bool ok = submission->n_searches < SUBMISSION_MAX_SEARCHES &&
              address_form_parse(&form, bytes_of_str(typed), NULL);
    if (ok) {
        question->search = address_case_search_new(bytes_of_str(form.name));
    }
    if (question->search == NULL || pool_submit(submission->agent->parts.pool, POOL_BACKGROUND,
                                                run_search, search_done, question, NULL) == 0) {
        submission_question_free(question);
        submission_answer(
            door, number, 550, 1, 1,
            "the upper and lower case of this address was lost: write it as it was given to you");
        return;
    }
    submission->n_searches++;
}

/* ---- names in Namecoin ---- */

static void name_looked_up(void *context, const struct address *found, const struct fault *fault)
{
    struct question *question = context;
    struct door *door = question->door;
    struct recipient recipient;
    struct fault why = fault == NULL ? (struct fault){0} : *fault;
    bool ok = found != NULL && recipient_of_address(&recipient, &door->submission->agent->keyring,
                                                    question->account_id, found, &why);
    bool is_final =
        why.code == FAULT_NOT_FOUND || why.code == FAULT_UNSUPPORTED || (found != NULL && !ok);
    if (!question->cancelled && !door->submission->agent->closing) {
        if (ok) {
            submission_answer(door, question->number, 250, 1, 5, "recipient accepted");
        } else if (is_final) {
            submission_answer(door, question->number, 550, 1, 1, why.text);
        } else {
            submission_answer(door, question->number, 451, 4, 0, why.text);
        }
    }
    submission_question_free(question);
}

static void start_lookup(struct door *door, uint64_t number, int64_t account_id, const char *name)
{
    struct question *question = xcalloc(1, sizeof(*question));
    question->door = door;
    question->number = number;
    question->account_id = account_id;
    (void)map_put_u64(&door->open, number, question);
    namecoin_ask(door->submission->agent->namecoin, name,
                 (struct namecoin_done){name_looked_up, question});
}

/* Only a search can tell whom the recipient means. */
void submission_start_finding(struct door *door, uint64_t number, int64_t account_id,
                              const char *typed)
{
    char name[NAMECOIN_NAME_BYTES];
    if (namecoin_name_of(name, typed)) {
        start_lookup(door, number, account_id, name);
    } else {
        start_search(door, number, account_id, typed);
    }
}
