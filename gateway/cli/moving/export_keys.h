// SPDX-License-Identifier: MIT
/* All keys of the gateway as the entries of a keys.dat. */
#ifndef BITTERN_GATEWAY_CLI_MOVING_EXPORT_KEYS_H
#define BITTERN_GATEWAY_CLI_MOVING_EXPORT_KEYS_H

#include <stddef.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/moving/keys_file.h"

struct export_keys {
    json_t *rows; /* holds the texts */
    struct keys_file_entry *entries;
    size_t n_entries;
};

/* `account` NULL: of all; an address that several have (a chan) is given once. */
bool export_keys_ask(struct export_keys *out, struct cli_session *session, const char *account,
                     struct fault *fault) MUST_USE;
void export_keys_clear(struct export_keys *keys);

#endif
