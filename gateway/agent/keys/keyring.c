// SPDX-License-Identifier: MIT
/* Snapshots, and looking up. The image is loaded in keyring_load.c, what changes the tables stands
 * in keyring_write.c. */
#include "gateway/agent/keys/keyring_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "crypto/address_repair.h"

/* ---- snapshots for the pool ---- */

struct key_set *key_set_new(size_t n_keys)
{
    struct key_set *set = xcalloc(1, sizeof(*set));
    set->refs = 1;
    set->items = xcalloc(n_keys + 1, sizeof(*set->items));
    return set;
}

void key_set_add(struct key_set *set, const struct own_key *own)
{
    struct key_set_item *item = &set->items[set->n_keys++];
    item->id = own->id;
    item->key = own->keys.encryption;
    memcpy(item->ripe, own->keys.ripe, sizeof(item->ripe));
}

struct key_set *keyring_key_set_of(const struct keyring *keyring, const int64_t *ids, size_t n_ids)
{
    struct key_set *set = key_set_new(n_ids);
    for (size_t i = 0; i < n_ids; i++) {
        const struct own_key *own = keyring_by_id(keyring, ids[i]);
        if (own != NULL && own->enabled && own->can_decrypt) {
            key_set_add(set, own);
        }
    }
    return set;
}

struct key_set *key_set_ref(struct key_set *set)
{
    set->refs++;
    return set;
}

void key_set_unref(struct key_set **set)
{
    struct key_set *old = *set;
    *set = NULL;
    if (old == NULL || --old->refs > 0) {
        return;
    }
    mem_wipe(old->items, (old->n_keys + 1) * sizeof(*old->items));
    free(old->items);
    free(old);
}

struct key_set *keyring_key_set(const struct keyring *keyring)
{
    return key_set_ref(keyring->keys);
}

/* ---- looking up ---- */

/* They are in the order of their ids. */
const struct own_key *keyring_by_id(const struct keyring *keyring, int64_t id)
{
    size_t first = 0;
    size_t end = keyring->n_own;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (keyring->own[middle].id < id) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first < keyring->n_own && keyring->own[first].id == id ? &keyring->own[first] : NULL;
}

const struct own_key *keyring_by_address(const struct keyring *keyring,
                                         const struct address *address)
{
    uint8_t key[ADDRESS_KEY_BYTES];
    address_key(key, address);
    return map_get(&keyring->own_by_address, (struct bytes){key, sizeof(key)});
}

const struct own_key *keyring_of_account(const struct keyring *keyring, int64_t account_id,
                                         const struct address *address)
{
    for (size_t i = 0; i < keyring->n_own; i++) {
        const struct own_key *own = &keyring->own[i];
        if (own->enabled && own->account_id == account_id &&
            address_equal(&own->address, address)) {
            return own;
        }
    }
    return NULL;
}

const struct known_address *keyring_contact(const struct keyring *keyring,
                                            const struct address *address)
{
    uint8_t key[ADDRESS_KEY_BYTES];
    address_key(key, address);
    return map_get(&keyring->contact_by_address, (struct bytes){key, sizeof(key)});
}

const struct known_address *keyring_contact_of(const struct keyring *keyring, int64_t account_id,
                                               const struct address *address)
{
    for (size_t i = 0; i < keyring->n_contacts; i++) {
        const struct known_address *contact = &keyring->contacts[i];
        if (contact->account_id == account_id && address_equal(&contact->address, address)) {
            return contact;
        }
    }
    return NULL;
}

bool keyring_is_known(const struct keyring *keyring, const struct address *address)
{
    if (keyring_contact(keyring, address) != NULL || keyring_by_address(keyring, address) != NULL) {
        return true;
    }
    for (size_t i = 0; i < keyring->n_subscriptions; i++) {
        if (address_equal(&keyring->subscriptions[i].address, address)) {
            return true;
        }
    }
    return false;
}

static bool lists_address(const struct known_address *known, size_t n_known, int64_t account_id,
                          const struct address *address)
{
    for (size_t i = 0; i < n_known; i++) {
        if (known[i].account_id == account_id && address_equal(&known[i].address, address)) {
            return true;
        }
    }
    return false;
}

bool keyring_is_known_to(const struct keyring *keyring, int64_t account_id,
                         const struct address *address)
{
    const struct own_key *own = keyring_of_account(keyring, account_id, address);
    if (own != NULL) {
        return own->kind == IDENTITY_OWN;
    }
    return (keyring_contact(keyring, address) != NULL &&
            lists_address(keyring->contacts, keyring->n_contacts, account_id, address)) ||
           lists_address(keyring->subscriptions, keyring->n_subscriptions, account_id, address);
}

const struct own_key *keyring_find(const struct keyring *keyring, const char *who,
                                   struct fault *fault)
{
    struct keyring_view view = {keyring, 0};
    struct address_book book = keyring_book(&view);
    struct address_form form;
    struct address address;
    if (!address_form_parse(&form, bytes_of_str(who), fault)) {
        return NULL;
    }
    if (form.kind == ADDRESS_FORM_ADDRESS) {
        if (address_form_resolve(&address, &form, &book, NULL) == ADDRESS_FORM_FOUND &&
            keyring_by_address(keyring, &address) != NULL) {
            return keyring_by_address(keyring, &address);
        }
        (void)fault_set(fault, FAULT_NOT_FOUND, "no identity or chan has that address");
        return NULL;
    }
    const struct own_key *found = NULL;
    for (size_t i = 0; i < keyring->n_own; i++) {
        if (str_equal_ci(keyring->own[i].label, form.name)) {
            if (found != NULL) {
                (void)fault_set(fault, FAULT_INVALID,
                                "more than one is called '%.60s': give the address", form.name);
                return NULL;
            }
            found = &keyring->own[i];
        }
    }
    if (found == NULL) {
        (void)fault_set(fault, FAULT_NOT_FOUND, "no identity or chan is called '%.60s'", form.name);
    }
    return found;
}

static const char *label_in(const struct known_address *known, size_t n_known, int64_t account_id,
                            const struct address *address)
{
    for (size_t i = 0; i < n_known; i++) {
        if ((account_id == 0 || known[i].account_id == account_id) &&
            address_equal(&known[i].address, address)) {
            return known[i].label;
        }
    }
    return "";
}

const char *keyring_label(const struct keyring *keyring, int64_t account_id,
                          const struct address *address)
{
    for (size_t i = 0; i < keyring->n_own; i++) {
        const struct own_key *own = &keyring->own[i];
        if ((account_id == 0 || own->account_id == account_id) &&
            address_equal(&own->address, address)) {
            return own->label;
        }
    }
    if (keyring_contact(keyring, address) != NULL) {
        const char *label = label_in(keyring->contacts, keyring->n_contacts, account_id, address);
        if (label[0] != '\0') {
            return label;
        }
    }
    return label_in(keyring->subscriptions, keyring->n_subscriptions, account_id, address);
}

struct sender keyring_sender(const struct own_key *own)
{
    return sender_of_keys(&own->keys, own->address.version, own->address.stream, own->behaviour,
                          own->demand);
}

/* ---- the address book ---- */

/* Visit everybody that an account knows; stops when `visit` returns false. */
static void each_known(const struct keyring_view *view,
                       bool (*visit)(void *, const char *label, const char *text,
                                     const struct address *),
                       void *context)
{
    const struct keyring *keyring = view->keyring;
    for (size_t i = 0; i < keyring->n_own; i++) {
        const struct own_key *own = &keyring->own[i];
        if ((view->account_id == 0 || own->account_id == view->account_id) &&
            !visit(context, own->label, own->text, &own->address)) {
            return;
        }
    }
    const struct known_address *lists[] = {keyring->contacts, keyring->subscriptions};
    const size_t counts[] = {keyring->n_contacts, keyring->n_subscriptions};
    for (size_t list = 0; list < ARRAY_LEN(lists); list++) {
        for (size_t i = 0; i < counts[list]; i++) {
            const struct known_address *known = &lists[list][i];
            if ((view->account_id == 0 || known->account_id == view->account_id) &&
                !visit(context, known->label, known->text, &known->address)) {
                return;
            }
        }
    }
}

struct lookup {
    struct bytes text;
    const char *label;
    struct address found;
    size_t n_found;
};

static bool visit_alike(void *context, const char *label, const char *text,
                        const struct address *address)
{
    (void)label;
    struct lookup *lookup = context;
    if (address_text_alike(bytes_of_str(text), lookup->text)) {
        lookup->found = *address;
        lookup->n_found++;
        return false;
    }
    return true;
}

static bool visit_label(void *context, const char *label, const char *text,
                        const struct address *address)
{
    (void)text;
    struct lookup *lookup = context;
    if (str_equal_ci(label, lookup->label) &&
        (lookup->n_found == 0 || !address_equal(&lookup->found, address))) {
        lookup->found = *address;
        lookup->n_found++;
    }
    return true;
}

static bool book_find_alike(void *context, struct bytes text, struct address *out)
{
    struct lookup lookup = {.text = text};
    each_known(context, visit_alike, &lookup);
    if (lookup.n_found == 0) {
        return false;
    }
    *out = lookup.found;
    return true;
}

static bool book_find_label(void *context, const char *label, struct address *out, size_t *out_n)
{
    struct lookup lookup = {.label = label};
    each_known(context, visit_label, &lookup);
    *out_n = lookup.n_found;
    if (lookup.n_found == 0) {
        return false;
    }
    *out = lookup.found;
    return true;
}

static const char *book_label_of(void *context, const struct address *address)
{
    const struct keyring_view *view = context;
    return keyring_label(view->keyring, view->account_id, address);
}

struct address_book keyring_book(struct keyring_view *view)
{
    return (struct address_book){book_find_alike, book_find_label, book_label_of, view};
}
