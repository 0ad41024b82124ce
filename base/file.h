// SPDX-License-Identifier: MIT
/* Files that are on the disk when we say so. A write that a signal interrupts goes on; errno's
 * words are in the fault. All of it blocks. */
#ifndef BITTERN_BASE_FILE_H
#define BITTERN_BASE_FILE_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"

/* All of `content`, at the descriptor's place. */
bool file_write_all(int fd, struct bytes content, struct fault *fault) MUST_USE;
/* The same, and on the disk. */
bool file_write_synced(int fd, struct bytes content, struct fault *fault) MUST_USE;
/* Up to `len` bytes; fewer only at the end of the file. */
bool file_read_up_to(int fd, void *out, size_t len, size_t *out_n, struct fault *fault) MUST_USE;
/* What was made, renamed or removed in the folder is on the disk. */
bool file_sync_folder(const char *path, struct fault *fault) MUST_USE;

#endif
