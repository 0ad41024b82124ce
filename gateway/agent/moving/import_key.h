// SPDX-License-Identifier: MIT
/* Keys in and out: taking over an identity or a chan with the keys that another Bitmessage program
 * kept, and giving ours to one. */
#ifndef BITTERN_GATEWAY_AGENT_MOVING_IMPORT_KEY_H
#define BITTERN_GATEWAY_AGENT_MOVING_IMPORT_KEY_H

#include <stdbool.h>

#include "crypto/pow.h"
#include "gateway/agent/agent.h"

struct agent;

/* Copied. */
struct agent_import_key {
    const char *account; /* NULL: the only one */
    const char *address; /* version 3 or 4 */
    const char *label;
    const char *signing_key; /* WIF; with the other it must make the address */
    const char *encryption_key;
    bool is_chan;
    bool enabled;
    bool acks;
    const char *list_name;    /* of a mailing list; "": none */
    struct pow_demand demand; /* what lies below the network's least is raised to it */
};
/* The answer's text is the address. What came for it before is gone through, as for any key that is
 * new here; its public key is told to those who ask. FAULT_INVALID, FAULT_UNSUPPORTED (version 2),
 * FAULT_EXISTS. */
void agent_import_key(struct agent *agent, const struct agent_import_key *key,
                      struct agent_done done);

/* Texts are borrowed during the call, and the keys are wiped behind it. */
struct agent_exported_key {
    const char *account;
    const char *address;
    const char *label;
    const char *signing_key; /* WIF */
    const char *encryption_key;
    bool is_chan;
    bool enabled;
    bool acks;
    const char *list_name;
    struct pow_demand demand;
};
/* All identities and chans. */
void agent_export_keys(struct agent *agent,
                       void (*each)(void *context, const struct agent_exported_key *key),
                       void *context);

#endif
