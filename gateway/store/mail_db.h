// SPDX-License-Identifier: MIT
/* mail.db: opening it, making it, bringing it to the newest version.
 *
 * Its schema has one version number (user_version) for all sections (schema.h). A step forward is
 * one transaction; UIDs and UIDVALIDITY never change by one. A database of a newer program is left
 * alone. A broken one is a clear stop: it holds keys and mail, so nothing is ever set aside or made
 * anew in its place. */
#ifndef BITTERN_GATEWAY_STORE_MAIL_DB_H
#define BITTERN_GATEWAY_STORE_MAIL_DB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

struct db;
struct db_migration;
struct fault;

/* The connection to write on (for db_writer_new_take), migrated to the newest version; made when
 * the file is not there. FAULT_CORRUPT, FAULT_UNSUPPORTED (a newer program's), FAULT_NO_SPACE. */
struct db *mail_db_open(const char *path, struct fault *fault) MUST_USE;
/* One more connection for reading. The database was opened by mail_db_open before. */
struct db *mail_db_open_reader(const char *path, struct fault *fault) MUST_USE;

/* A file from outside (an unsealed backup): is it whole, and are its tables exactly those of its
 * version, with no view, trigger or column more? `scratch` names a file that is not there and can
 * be made for comparison; the caller removes it. FAULT_CORRUPT, FAULT_UNSUPPORTED (of a newer
 * program). Nothing in the file is changed. */
bool mail_db_check_foreign(const char *path, const char *scratch, struct fault *fault) MUST_USE;

/* The steps from an empty file to the newest version, for tests of the way there. */
const struct db_migration *mail_db_steps(size_t *out_n) MUST_USE;

#endif
