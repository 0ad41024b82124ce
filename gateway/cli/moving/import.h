// SPDX-License-Identifier: MIT
/* What the imports share: records that are given to the gateway one by one, and counted. It may be
 * run again: what is there already is left as it is. */
#ifndef BITTERN_GATEWAY_CLI_MOVING_IMPORT_H
#define BITTERN_GATEWAY_CLI_MOVING_IMPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "base/map.h"
#include "gateway/cli/cli.h"

struct keys_file;

enum import_count {
    IMPORT_IDENTITIES,
    IMPORT_CHANS,
    IMPORT_CONTACTS,
    IMPORT_LISTS,
    IMPORT_MAILS,
    IMPORT_N_COUNTS
};

struct import {
    struct cli *cli;
    struct cli_session *session;
    const char *account; /* NULL: the only one */
    const char *source;  /* the folder or file */
    size_t n_new[IMPORT_N_COUNTS];
    size_t n_known[IMPORT_N_COUNTS];
    size_t n_refused;
    struct buf seen;     /* hashes that were not told yet */
    struct map contacts; /* that are here: import_ask_known */
    struct map subscribed;
    struct map rules; /* "block BM-..." */
};

/* Read the words of the command: a source and, with `out_more` not NULL, perhaps one word more. */
bool import_begin(struct import *import, struct cli *cli, const char *command, int argc,
                  char **argv, const char **out_more) MUST_USE;
/* Print what was counted; the command's exit code. */
int import_finish(struct import *import, bool ok, const struct fault *fault) MUST_USE;

/* Which contacts, subscriptions and rules are here, so that none is given another label. */
bool import_ask_known(struct import *import, struct fault *fault) MUST_USE;

/* The parameters of a call, and members of them. Text that is no UTF-8 is repaired. */
json_t *import_params(const struct import *import) MUST_USE;
void import_set_text(json_t *params, const char *name, struct bytes text);
void import_set_base64(json_t *params, const char *name, struct bytes data);
/* Ask; a record that is refused is said ("left out WHAT: ...") and passed over. False when the
 * gateway is gone or full. `params` is taken. */
bool import_give(struct import *import, enum import_count counted, const char *call, json_t *params,
                 const char *what, struct fault *fault) MUST_USE;

/* Identities and chans with their keys, and as contacts those whose public key stands there. */
bool import_give_keys(struct import *import, const struct keys_file *file,
                      struct fault *fault) MUST_USE;
bool import_give_contact(struct import *import, struct bytes address, struct bytes label,
                         struct fault *fault) MUST_USE;

#endif
