// SPDX-License-Identifier: MIT
/* What is kept of a message that nobody could analyse: one part of plain text. */
#ifndef BITTERN_GATEWAY_STORE_ANALYSIS_H
#define BITTERN_GATEWAY_STORE_ANALYSIS_H

#include <stdint.h>

#include "base/bytes.h"

struct arena;
struct mail_analysis;

/* Legal for any content: its header ends at the first empty line. Lives in `arena`. */
void analysis_of_opaque(struct mail_analysis *out, struct bytes content, int64_t arrived_sec,
                        struct arena *arena);

#endif
