// SPDX-License-Identifier: MIT
/* A list, newest first. Few fit into the bound that are worth keeping, so it is walked. */
#include "mailproto/imap/kept_answers.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "mailproto/imap/uid_set.h"

enum { KEPT_MAX_ANSWERS = 64 };

struct kept_row {
    struct list_node node;
    uint64_t mailbox_id;
    struct bytes words; /* owned */
    struct kept_answer *answer;
    size_t n_bytes;
};

struct kept_answers {
    struct list_node rows;
    size_t n_rows;
    size_t n_bytes;
};

struct kept_answers *kept_answers_new(void)
{
    struct kept_answers *answers = xcalloc(1, sizeof(*answers));
    list_init(&answers->rows);
    return answers;
}

void kept_answer_unref(struct kept_answer **pointer)
{
    struct kept_answer *answer = *pointer;
    *pointer = NULL;
    if (answer != NULL && --answer->refs == 0) {
        uid_set_clear(&answer->messages);
        buf_clear(&answer->data);
        free(answer);
    }
}

static void row_free(struct kept_answers *answers, struct kept_row *row)
{
    list_remove(&row->node);
    answers->n_rows--;
    answers->n_bytes -= row->n_bytes;
    kept_answer_unref(&row->answer);
    free((void *)(uintptr_t)row->words.data);
    free(row);
}

void kept_answers_free(struct kept_answers **pointer)
{
    struct kept_answers *answers = *pointer;
    *pointer = NULL;
    if (answers == NULL) {
        return;
    }
    list_for_each(node, &answers->rows)
    {
        row_free(answers, list_entry(node, struct kept_row, node));
    }
    free(answers);
}

static bool same_messages(const struct uid_set *a, const struct uid_set *b)
{
    return a->n_ranges == b->n_ranges &&
           (a->n_ranges == 0 ||
            memcmp(a->ranges, b->ranges, a->n_ranges * sizeof(*a->ranges)) == 0);
}

static bool is_about(const struct kept_row *row, const struct kept_question *question)
{
    return row->mailbox_id == question->mailbox_id && bytes_equal(row->words, question->words);
}

struct kept_answer *kept_answers_newest(struct kept_answers *answers,
                                        const struct kept_question *question)
{
    list_for_each(node, &answers->rows)
    {
        struct kept_row *row = list_entry(node, struct kept_row, node);
        if (is_about(row, question)) {
            list_remove(&row->node);
            list_prepend(&answers->rows, &row->node);
            row->answer->refs++;
            return row->answer;
        }
    }
    return NULL;
}

struct kept_answer *kept_answers_find(struct kept_answers *answers,
                                      const struct kept_question *question)
{
    struct kept_answer *answer = kept_answers_newest(answers, question);
    if (answer != NULL && !same_messages(&answer->messages, question->messages)) {
        kept_answer_unref(&answer);
    }
    return answer;
}

/* Of one mailbox, the last answer to the same words is enough. */
static void forget_older(struct kept_answers *answers, const struct kept_question *question)
{
    list_for_each(node, &answers->rows)
    {
        struct kept_row *row = list_entry(node, struct kept_row, node);
        if (is_about(row, question)) {
            row_free(answers, row);
        }
    }
}

struct kept_answer *kept_answers_put(struct kept_answers *answers,
                                     const struct kept_question *question, struct buf *data)
{
    struct kept_answer *answer = xcalloc(1, sizeof(*answer));
    answer->refs = 1;
    answer->data = *data;
    uid_set_copy(&answer->messages, question->messages);
    *data = (struct buf){0};
    size_t n_bytes = answer->data.len + question->words.len + sizeof(struct kept_row) +
                     question->messages->n_ranges * sizeof(*question->messages->ranges);
    if (answers == NULL || n_bytes > KEPT_ANSWER_MAX_BYTES) {
        return answer;
    }
    forget_older(answers, question);
    while (answers->n_bytes + n_bytes > KEPT_MAX_BYTES || answers->n_rows == KEPT_MAX_ANSWERS) {
        row_free(answers, list_entry(answers->rows.prev, struct kept_row, node));
    }
    struct kept_row *row = xcalloc(1, sizeof(*row));
    row->mailbox_id = question->mailbox_id;
    row->words =
        (struct bytes){xmemdup(question->words.data, question->words.len), question->words.len};
    row->n_bytes = n_bytes;
    row->answer = answer;
    answer->refs++;
    list_prepend(&answers->rows, &row->node);
    answers->n_rows++;
    answers->n_bytes += n_bytes;
    return answer;
}

void kept_answer_missing(const struct kept_answer *kept, const struct uid_set *wanted,
                         struct uid_set *out_missing)
{
    if (kept == NULL) {
        uid_set_copy(out_missing, wanted);
    } else {
        uid_set_subtract(out_missing, wanted, &kept->messages);
    }
}

bool kept_answer_is_outgrown(const struct kept_answer *kept, const struct uid_set *wanted,
                             const struct uid_set *missing)
{
    enum { FEW = 64 /* one of so many */ };
    if (kept == NULL) {
        return true;
    }
    uint64_t n_kept = uid_set_count(&kept->messages);
    return uid_set_count(missing) > n_kept / FEW && uid_set_count(wanted) >= n_kept / 2;
}

size_t kept_answers_bytes(const struct kept_answers *answers)
{
    return answers->n_bytes;
}
