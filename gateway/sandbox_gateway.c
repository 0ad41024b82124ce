// SPDX-License-Identifier: MIT
/* What the gateway may still do once it runs: work on its own folder, speak over sockets that it
 * was given, start its worker threads. It makes no socket, connects nowhere (but to a Namecoin
 * server, where the settings name one), starts no program. */
#include "gateway/sandbox_gateway.h"

bool sandbox_gateway_enter(struct sandbox_status *out, const char *folder, bool may_connect,
                           struct fault *fault)
{
    const struct sandbox_path paths[] = {
        {folder, true},            /* mail.db, the certificate */
        {"/etc/ssl", false},       /* OpenSSL's configuration */
        {"/usr/lib/ssl", false},   /* the same, where Debian links it */
        {"/usr/lib", false},       /* OpenSSL's providers are loaded at first use */
        {"/etc/localtime", false}, /* time zones */
        {"/usr/share/zoneinfo", false},
        {"/sys/devices/system/cpu", false}, /* how many workers */
    };
    const struct sandbox_profile profile = {
        .calls = SANDBOX_THREADS | SANDBOX_STREAMS | SANDBOX_WRITE_FILES |
                 (may_connect ? SANDBOX_CONNECT : 0),
        .paths = paths,
        .n_paths = ARRAY_LEN(paths),
    };
    return sandbox_enter(out, &profile, fault);
}
