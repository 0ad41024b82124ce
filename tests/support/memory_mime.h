// SPDX-License-Identifier: MIT
/* Real MIME for the store in memory: its config's `analyse`. */
#ifndef BITTERN_TESTS_SUPPORT_MEMORY_MIME_H
#define BITTERN_TESTS_SUPPORT_MEMORY_MIME_H

#include <stdint.h>

#include "base/bytes.h"

struct memory_mail_analysis;

void memory_mime_analyse(struct memory_mail_analysis *out, struct bytes content,
                         int64_t arrived_sec);

#endif
