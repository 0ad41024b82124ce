// SPDX-License-Identifier: MIT
/* A long list as an answer, made a part at a time so that neither the list's making nor its writing
 * holds the loop. When the people change meanwhile it begins anew, so that no row is missing or
 * doubled; after a few times the rest is made in one go. */
#ifndef BITTERN_GATEWAY_CONTROL_API_ROWS_H
#define BITTERN_GATEWAY_CONTROL_API_ROWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "gateway/control/api_internal.h"

struct api_rows;

/* Make the rows of the entries [first, first + n) and append those that are to be seen. False:
 * there are none behind them. */
typedef bool api_rows_part(struct api_call *call, size_t first, size_t n);

/* Answer the call with all rows. */
void api_rows_begin(struct api_call *call, api_rows_part *part);
/* From `part`; the row is taken. */
void api_rows_append_take(struct api_call *call, json_t *row);
/* Nobody waits for it any more. Accepts NULL, clears the pointer. */
void api_rows_free(struct api_rows **rows);

#endif
