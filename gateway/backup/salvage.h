// SPDX-License-Identifier: MIT
/* What can be read out of a broken mail.db, brought into a new one in its place.
 *
 *     salvage_prepare   reads the broken file page by page (salvage_map.h), keys first, into a new
 *                       database; mends what leads nowhere (store_mend.h); holds the queue; gives
 *                       every mailbox a new UIDVALIDITY                          -> salvaged.db
 *     salvage_finish    when the gateway starts, before it opens mail.db: puts it in place
 *
 * A crash at any moment leaves the broken file or the new one. The broken one is never written to,
 * and stays beside the new one as mail.db.broken-DATE. */
#ifndef BITTERN_GATEWAY_BACKUP_SALVAGE_H
#define BITTERN_GATEWAY_BACKUP_SALVAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"

struct buf;

/* Append what was saved and what was lost to `report`: lines of a name, "=", and a number or text
 * (docs/man/bittern.1, "salvage --json"). FAULT_NOT_FOUND where there is no mail.db, FAULT_EXISTS
 * when it is whole, FAULT_UNSUPPORTED when it is a whole one of a newer Bittern, FAULT_NO_SPACE. */
bool salvage_prepare(const char *folder, struct buf *report, struct fault *fault) MUST_USE;

/* Does nothing when nothing is prepared. False: the broken database is still in place. `report`
 * (may be NULL) gets its name from now on. */
bool salvage_finish(const char *folder, int64_t now_sec, struct buf *report,
                    struct fault *fault) MUST_USE;

/* A broken database's fault, in words that say what can be done: the newest backup, this. */
void salvage_advise(const char *folder, struct fault *fault);

#endif
