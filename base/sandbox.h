// SPDX-License-Identifier: MIT
/* Locking a process in, for good: Landlock for paths and ports, seccomp for system calls.
 *
 * A process states in one table what it may still do (sandbox_node.c, sandbox_gateway.c, the
 * decoder's main) and enters it before it starts a thread or reads a stranger's byte. What the
 * kernel lacks is left out and said: the result line goes to the log and to `status`.
 *
 * A call that is not allowed kills the process (SIGSYS): the supervisor sees it, says so, and
 * starts it again. A path that is not allowed is EACCES, as for any file. Sanitizer builds get no
 * system call filter, for the sanitizers' own calls are many. */
#ifndef BITTERN_BASE_SANDBOX_H
#define BITTERN_BASE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/fault.h"

/* Groups of system calls, to be combined. */
enum sandbox_calls {
    /* Always allowed: memory, clocks, read/write/close on what is open, polling, futexes, random
     * bytes, signals of one's own, exit. */
    SANDBOX_THREADS = 1 << 0, /* start threads, set their priority */
    SANDBOX_STREAMS = 1 << 1, /* send, receive, accept, options on sockets that are there */
    SANDBOX_CONNECT = 1 << 2, /* make internet sockets and connect them */
    SANDBOX_UNIX = 1 << 3,    /* make Unix sockets and connect them */
    SANDBOX_READ_FILES = 1 << 4,
    SANDBOX_WRITE_FILES = 1 << 5, /* make, write, rename, remove, lock, sync; implies reading */
    SANDBOX_DATAGRAMS = 1 << 6    /* DNS and local discovery: internet datagram sockets */
};

/* A path that may still be reached, with all below it. One that is not there is skipped. */
struct sandbox_path {
    const char *path;
    bool write;
};

struct sandbox_profile {
    unsigned calls; /* of enum sandbox_calls */
    const struct sandbox_path *paths;
    size_t n_paths;
};

enum { SANDBOX_STATUS_BYTES = 160 };

/* "landlock abi 7 (2 paths), seccomp 61 calls, no new privileges". */
struct sandbox_status {
    char text[SANDBOX_STATUS_BYTES];
};

/* Close it. False only when the kernel has a part but refused ours: then the process must not go
 * on. Without SANDBOX_CONNECT connecting TCP, and always binding TCP, is refused by Landlock too,
 * where its ABI has that. */
bool sandbox_enter(struct sandbox_status *out_status, const struct sandbox_profile *profile,
                   struct fault *fault) MUST_USE;

#endif
