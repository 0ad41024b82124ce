// SPDX-License-Identifier: MIT
/* A folder that an export fills: it stands under its name when all of it is on the disk, and not
 * before. Until then it is called NAME.XXXXXX; a kill leaves no more than that. */
#ifndef BITTERN_GATEWAY_CLI_MOVING_EXPORT_FOLDER_H
#define BITTERN_GATEWAY_CLI_MOVING_EXPORT_FOLDER_H

#include <stdbool.h>
#include <stdio.h>

#include "base/compiler.h"
#include "base/fault.h"

struct export_folder {
    char *path;    /* as it will be called */
    char *partial; /* as it is called while it is filled: 0700 */
};

/* FAULT_EXISTS when there is anything of that name. */
bool export_folder_begin(struct export_folder *out, const char *path, struct fault *fault) MUST_USE;
/* With `ok` sync it and give it its name; else remove it with all that is in it, and `fault` stays.
 * Returns whether it stands there. */
bool export_folder_end(struct export_folder *folder, bool ok, struct fault *fault) MUST_USE;

/* Make a folder inside it, and those on the way: `name` ends with a slash. */
bool export_folder_make(const struct export_folder *folder, const char *name,
                        struct fault *fault) MUST_USE;
/* A file inside it, 0600, to be written: PARTIAL/NAME, where the folders on the way are made. NULL
 * when it can't be made, or is there. */
FILE *export_folder_file(const struct export_folder *folder, const char *name,
                         struct fault *fault) MUST_USE;
/* Did all of it reach the file? Closes it. */
bool export_file_close(FILE *file, const char *name, struct fault *fault) MUST_USE;

#endif
