// SPDX-License-Identifier: MIT
/* Our states of an outgoing mail in PyBitmessage's words. */
#ifndef BITTERN_GATEWAY_COMPAT_LETTER_STATUS_H
#define BITTERN_GATEWAY_COMPAT_LETTER_STATUS_H

#include "base/compiler.h"
#include "gateway/agent/letters/letters.h"

/* Static storage. A mail that was cancelled is "notfound": none is on its way. One that failed for
 * want of a key or an acknowledgement stays as PyBitmessage, which tries for ever, would leave it.
 */
const char *letter_status(const struct letter *letter) MUST_USE;

#endif
