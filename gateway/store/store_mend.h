// SPDX-License-Identifier: MIT
/* A mail database of which rows were lost, brought back under the rules of store_check: what leads
 * nowhere goes, what can be worked out is worked out anew, and a mail of which the content is whole
 * stays readable whatever else of it was lost. */
#ifndef BITTERN_GATEWAY_STORE_STORE_MEND_H
#define BITTERN_GATEWAY_STORE_STORE_MEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct fault;
struct mail_txn;

struct store_mended {
    int64_t n_lost;    /* messages without their content: taken out */
    int64_t n_altered; /* contents that are not what came in any more */
    int64_t n_plain;   /* contents whose form was lost: they are shown as plain text */
};

/* Foreign keys and triggers are as always; the mailboxes of an account that has none are made. What
 * is a number of a client's (UIDs) stays, but for UIDVALIDITY, which is not touched here and may
 * stand twice: folders_renew_all comes after this. */
bool store_mend(struct mail_txn *txn, struct store_mended *out, struct fault *fault) MUST_USE;

#endif
