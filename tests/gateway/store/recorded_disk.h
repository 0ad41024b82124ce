// SPDX-License-Identifier: MIT
/* A disk whose every write is written down: a SQLite VFS that records each write, cut and fsync of
 * a database and its log, and disks made of that record as a power loss may leave them. What was
 * written behind the last fsync may be there or not, in any choice. */
#ifndef BITTERN_TESTS_GATEWAY_STORE_RECORDED_DISK_H
#define BITTERN_TESTS_GATEWAY_STORE_RECORDED_DISK_H

#include <stdbool.h>
#include <stddef.h>

/* From now on all databases of the process are recorded: use one. Once a process. */
void recorded_disk_install(void);
/* How many operations there are by now; from any thread. */
size_t recorded_disk_len(void);
/* No more are recorded, and disks can be made. */
void recorded_disk_stop(void);
/* Write the database (and PATH-wal) as after the first `n_ops`; with `drops`, unsynced ones are
 * left out at random (random()). What was there under these names is replaced. */
void recorded_disk_make(const char *path, size_t n_ops, bool drops);
void recorded_disk_clear(void);

#endif
