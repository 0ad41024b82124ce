// SPDX-License-Identifier: MIT
/* Which sockets the settings ask for. */
#ifndef BITTERN_GATEWAY_CLI_LISTENERS_H
#define BITTERN_GATEWAY_CLI_LISTENERS_H

#include "base/mem.h"
#include "config/settings.h"
#include "gateway/cli/supervisor.h"

enum { LISTENERS_MAX = 64 };

struct listeners {
    struct supervisor_listener items[LISTENERS_MAX];
    size_t n_items;
    struct arena arena; /* holds the items' texts */
};

/* The node's listeners, and with `mail` those of the mail servers, the web page and `home`'s
 * own door for sendmail; without, that of the metrics. IPv6 addresses are left out, with a word in
 * the log, where the system has no IPv6. FAULT_LIMIT above LISTENERS_MAX. */
bool listeners_init(struct listeners *listeners, const struct settings *settings, const char *home,
                    bool mail, struct fault *fault) MUST_USE;
void listeners_clear(struct listeners *listeners);

#endif
