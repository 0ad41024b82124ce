// SPDX-License-Identifier: MIT
#include "node/sandbox_node.h"

/* The table: a node speaks TCP with strangers, writes its two databases, and nothing else. It
 * starts no program, opens no Unix socket, and reads OpenSSL's configuration alone besides its own
 * folder. */
bool sandbox_node_enter(struct sandbox_status *out, const char *folder, bool with_dns,
                        struct fault *fault)
{
    const struct sandbox_path paths[] = {
        {folder, true},
        {"/etc/ssl", false},
        {"/dev/urandom", false},
    };
    struct sandbox_profile profile = {
        .calls = SANDBOX_THREADS | SANDBOX_STREAMS | SANDBOX_CONNECT | SANDBOX_WRITE_FILES |
                 (with_dns ? SANDBOX_DATAGRAMS : 0),
        .paths = paths,
        .n_paths = ARRAY_LEN(paths),
    };
    return sandbox_enter(out, &profile, fault);
}
