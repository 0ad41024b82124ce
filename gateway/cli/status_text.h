// SPDX-License-Identifier: MIT
/* The answer of the call `status` in words: for `bittern status` and the live line of `bittern
 * run`. */
#ifndef BITTERN_GATEWAY_CLI_STATUS_TEXT_H
#define BITTERN_GATEWAY_CLI_STATUS_TEXT_H

#include <jansson.h>

#include "base/buf.h"

/* Half a dozen lines. */
void status_text_page(struct buf *out, const json_t *status);
/* One line, without its end. */
void status_text_line(struct buf *out, const json_t *status);
/* "[#########---------] 47 %, 4 s more on average, 12 s in 19 of 20 cases", of the members
 * "chance", "left" and "left_p95". The bar is how many of a hundred such searches are done after as
 * many trials, so that it never stands at its end and waits. */
void status_text_progress(struct buf *out, const json_t *progress);

#endif
