// SPDX-License-Identifier: MIT
/* The questions to a Namecoin server and its answers, as bytes; no socket, no clock. */
#ifndef BITTERN_GATEWAY_AGENT_PEOPLE_NAMECOIN_JSON_H
#define BITTERN_GATEWAY_AGENT_PEOPLE_NAMECOIN_JSON_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "config/settings.h"
#include "crypto/address.h"

struct buf;

/* Append the whole question for `name`. */
void namecoin_write_question(struct buf *out, const struct namecoin_settings *settings,
                             const char *name);

/* Read what the server sent; `is_end`: it will send no more. PARSE_MORE: not all is there.
 * PARSE_BAD: the fault, as namecoin_ask's. */
enum parse_result namecoin_read_answer(struct address *out, struct bytes answer, bool is_end,
                                       enum namecoin_type type, struct fault *fault) MUST_USE;

#endif
