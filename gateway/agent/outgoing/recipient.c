// SPDX-License-Identifier: MIT
#include "gateway/agent/outgoing/recipient.h"

#include "base/buf.h"
#include "gateway/agent/keys/keyring.h"
#include "mailproto/imap/message_info.h"

bool recipient_of_address(struct recipient *out, const struct keyring *keyring, int64_t account_id,
                          const struct address *address, struct fault *fault)
{
    if (!address_form_check(address, fault)) {
        return false;
    }
    const struct own_key *own = keyring_of_account(keyring, account_id, address);
    const struct own_key *anybodys = keyring_by_address(keyring, address);
    out->address = *address;
    out->kind = OUTGOING_TO_ADDRESS;
    if (own != NULL && own->kind == IDENTITY_CHAN) {
        out->kind = OUTGOING_TO_CHAN;
    } else if (anybodys != NULL && anybodys->enabled && anybodys->kind == IDENTITY_OWN) {
        out->kind = OUTGOING_TO_OWN;
    }
    return true;
}

enum address_form_result recipient_resolve(struct recipient *out, const struct keyring *keyring,
                                           int64_t account_id, struct bytes typed,
                                           struct fault *fault)
{
    struct keyring_view view = {keyring, account_id};
    struct address_book book = keyring_book(&view);
    struct address_form form;
    struct address address;
    if (!address_form_parse(&form, typed, fault)) {
        return ADDRESS_FORM_REFUSED;
    }
    *out = (struct recipient){.ttl_sec = form.ttl_sec};
    if (form.kind == ADDRESS_FORM_BROADCAST) {
        out->kind = OUTGOING_TO_SUBSCRIBERS;
        return ADDRESS_FORM_FOUND;
    }
    enum address_form_result result = address_form_resolve(&address, &form, &book, fault);
    if (result == ADDRESS_FORM_FOUND &&
        !recipient_of_address(out, keyring, account_id, &address, fault)) {
        return ADDRESS_FORM_REFUSED;
    }
    return result;
}

enum address_form_result recipient_of_field(struct recipient *out, const struct keyring *keyring,
                                            int64_t account_id, const struct mail_address *item,
                                            struct fault *fault)
{
    struct buf typed = {0};
    buf_printf(&typed, "%.*s@%.*s", (int)item->mailbox.len, (const char *)item->mailbox.data,
               (int)item->host.len, (const char *)item->host.data);
    enum address_form_result result =
        recipient_resolve(out, keyring, account_id, buf_view(&typed), fault);
    buf_clear(&typed);
    return result;
}
