// SPDX-License-Identifier: MIT
/* Is a client's own copy of a sent mail the mail that was submitted?
 *
 * A mail program submits a mail and then appends it to Sent, while the server has put a copy there
 * itself. The two differ in what a program keeps for itself (Bcc, its own marks) and in what a
 * server adds (trace fields), and in nothing else. A copy that differs in anything else is kept. */
#ifndef BITTERN_GATEWAY_STORE_SENT_MERGE_H
#define BITTERN_GATEWAY_STORE_SENT_MERGE_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/compiler.h"

/* Equal but for the fields that are passed over, and for line ends at the very end. */
bool sent_copies_are_equal(struct bytes a, struct bytes b) MUST_USE;

#endif
