// SPDX-License-Identifier: MIT
/* Database files of the gateway's folder, each with what SQLite keeps beside it. */
#ifndef BITTERN_GATEWAY_BACKUP_DB_FILES_H
#define BITTERN_GATEWAY_BACKUP_DB_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fault.h"

#define MAIL_DB_NAME "mail.db"

enum { DB_FILES_NAME_BYTES = 64 };

/* FOLDER/NAME, the caller's. */
char *db_files_path(const char *folder, const char *name) MUST_USE;
void db_files_delete(const char *path);
bool db_files_rename(const char *folder, const char *from, const char *to,
                     struct fault *fault) MUST_USE;
/* Nobody has it open: NAME.WHY-DATE from now on, which `out` gets. True, too, when there is none.
 */
bool db_files_set_aside(const char *folder, const char *name, const char *why, int64_t now_sec,
                        char out[DB_FILES_NAME_BYTES], struct fault *fault) MUST_USE;

#endif
