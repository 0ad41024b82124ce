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

#endif
