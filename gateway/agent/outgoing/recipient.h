// SPDX-License-Identifier: MIT
/* Whom a written recipient names, for one account. */
#ifndef BITTERN_GATEWAY_AGENT_OUTGOING_RECIPIENT_H
#define BITTERN_GATEWAY_AGENT_OUTGOING_RECIPIENT_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/agent/outgoing/outgoing_db.h"
#include "gateway/translate/address_form.h"

struct keyring;
struct mail_address;

struct recipient {
    struct address address; /* not for OUTGOING_TO_SUBSCRIBERS: the sender's will do */
    enum outgoing_kind kind;
    int64_t ttl_sec; /* asked for in the address; 0: none */
};

/* ADDRESS_FORM_FOLDED: only a search can tell; recipient_of_address goes on with what it finds. The
 * fault's text is for the user. */
enum address_form_result recipient_resolve(struct recipient *out, const struct keyring *keyring,
                                           int64_t account_id, struct bytes typed,
                                           struct fault *fault) MUST_USE;
/* The same for an address that stands in a header field. */
enum address_form_result recipient_of_field(struct recipient *out, const struct keyring *keyring,
                                            int64_t account_id, const struct mail_address *item,
                                            struct fault *fault) MUST_USE;
/* Judge an address: can it be sent to, and what is it to us? */
bool recipient_of_address(struct recipient *out, const struct keyring *keyring, int64_t account_id,
                          const struct address *address, struct fault *fault) MUST_USE;

#endif
