// SPDX-License-Identifier: MIT
/* Commands that are one call of the gateway's table (api.h): their words become parameters, the
 * answer is written in one of a few forms. The command line and control mails read the same rows;
 * those with `by_mail` can be given by mail.
 *
 * A line is taken apart in three steps: the row by its first words (call_find), options and
 * arguments into parameters (call_take_params), and, for options that hold a secret, a value that
 * the caller fetches himself. */
#ifndef BITTERN_GATEWAY_CONTROL_CALL_TABLE_H
#define BITTERN_GATEWAY_CONTROL_CALL_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/fault.h"

struct buf;

enum call_form {
    CALL_PRINTS_NOTHING,
    CALL_PRINTS_MEMBER, /* the text of `member`, alone on a line; of an array, a line each */
    CALL_PRINTS_OBJECT, /* a line for each member */
    CALL_PRINTS_TABLE   /* an array of objects, in `columns` */
};

enum { CALL_MAX_PARAMS = 3, CALL_MAX_COLUMNS = 8, CALL_MAX_OPTIONS = 6 };

enum call_option_kind {
    CALL_TEXT = 0,
    CALL_FLAG,   /* true when given */
    CALL_NUMBER, /* whole, not negative */
    CALL_SPAN,   /* a span of time: 36h, 2d; in seconds */
    CALL_BYTES,  /* 500M, 2G; in bytes */
    CALL_YES_NO,
    CALL_SECRET /* no value behind it: the first line of standard input; not by mail */
};

struct call_option {
    const char *name;  /* with the dashes */
    const char *param; /* NULL: the name without them, '-' as '_' */
    enum call_option_kind kind;
};

struct call_column {
    const char *key;
    const char *head;
};

struct call_row {
    const char *name;      /* one to three words: "identity new" */
    const char *arguments; /* as the usage shows them */
    const char *help;      /* one line */
    const char *call;
    const char *params[CALL_MAX_PARAMS]; /* for the arguments, in order; '#' in front: a number */
    size_t n_required;
    struct call_option options[CALL_MAX_OPTIONS];
    const char *fixed_param; /* a parameter that the command itself gives; NULL: none */
    const char *fixed_json;
    enum call_form form;
    const char *member;
    struct call_column columns[CALL_MAX_COLUMNS];
    const char *asks; /* what is asked before it is done, unless --yes is given; NULL: nothing */
    bool by_mail;
    bool is_paged; /* call_next_page */
};

extern const struct call_row call_rows[];
extern const size_t call_rows_len;

/* The row whose name the first words are, the longest such; NULL: none. */
const struct call_row *call_find(int n_words, char **words, int *out_n_used) MUST_USE;

/* Parameters from the words behind the command: a new object, or NULL and the fault (its text
 * without the command's name). `*out_secret` is the option whose secret is to be fetched, or NULL;
 * `*out_yes`: --yes was given. */
json_t *call_take_params(const struct call_row *row, int n_words, char **words,
                         const struct call_option **out_secret, bool *out_yes,
                         struct fault *fault) MUST_USE;
/* The name under which an option's value goes. */
void call_param_name(char *out, size_t out_size, const struct call_option *option);

/* Is an answer to that call a part of the rows? */
bool call_is_paged(const char *call) MUST_USE;
/* Of such a call, whose rows have ascending ids: append `answer` to `rows` and set the parameter
 * "after" to where the next part begins. False: there are no more. */
bool call_next_page(json_t *rows, json_t *params, json_t *answer) MUST_USE;

/* ---- answers ---- */

/* Append the answer in the row's form. */
void call_write_answer(struct buf *out, const struct call_row *row, const json_t *answer);
/* A member as text: numbers and booleans in words, "" when it is not there. */
void call_write_member(struct buf *out, const json_t *object, const char *key);
void call_write_table(struct buf *out, const json_t *rows, const struct call_column *columns,
                      size_t n_columns);

#endif
