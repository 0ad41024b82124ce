// SPDX-License-Identifier: MIT
/* Who we are and whom we know: identities and chans with their keys, contacts, subscriptions.
 *
 * The truth is in mail.db; the keyring is its image in memory, loaded at start and after each
 * commit that changed it. Workers of the pool get a snapshot of the keys (struct key_set):
 * immutable, counted, wiped with its last reference.
 *
 * keyring_write_... functions run in a transaction on the writer thread; the others in the loop. */
#ifndef BITTERN_GATEWAY_AGENT_KEYS_KEYRING_H
#define BITTERN_GATEWAY_AGENT_KEYS_KEYRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "base/map.h"
#include "crypto/address.h"
#include "gateway/agent/agent.h"
#include "gateway/agent/keys/lock_db.h"
#include "gateway/translate/address_form.h"
#include "node/objects/sender.h"

struct db;

struct own_key {
    int64_t id;
    int64_t account_id;
    enum identity_kind kind;
    bool enabled;
    struct address address;
    char text[ADDRESS_TEXT_BYTES];
    char *label;
    char *list_name;           /* "": no mailing list */
    struct identity_keys keys; /* the public halves always; */
    bool can_sign;             /* the private signing key ... */
    bool can_decrypt;          /* ... and the private encryption key: while they are open */
    int64_t lock_id;           /* what they are sealed to on disk; 0: nothing */
    uint32_t behaviour;
    struct pow_demand demand;
    int64_t ttl_sec;
    int64_t pubkey_sent_sec;
    int64_t created_sec;
};

/* A contact or a subscription. */
struct known_address {
    int64_t account_id;
    struct address address;
    char text[ADDRESS_TEXT_BYTES];
    char *label;
    int64_t ttl_sec; /* contacts: 0: the setting's */
    bool enabled;    /* subscriptions: and not muted */
    bool muted;
};

/* What the pool tries on a msg: the encryption keys of all enabled identities and chans, as far as
 * they are open. */
struct key_set {
    unsigned refs;
    size_t n_keys;
    struct key_set_item {
        int64_t id;
        struct private_key key;
        uint8_t ripe[RIPE_BYTES];
    } * items;
};

struct keyring {
    uint64_t version; /* how often it was loaded */
    struct own_key *own;
    size_t n_own;
    struct known_address *contacts;
    size_t n_contacts;
    struct known_address *subscriptions;
    size_t n_subscriptions;
    struct map own_by_address; /* key: address_key; enabled or not; the first of several */
    struct map contact_by_address;
    struct key_set *keys;
    int64_t newest_walk;  /* walks (walk_db.h) up to here are for keys that stand here */
    size_t n_sealed;      /* on disk; enabled or not, likewise below */
    size_t n_unsigning;   /* whose signing keys are locked now */
    size_t n_unreadable;  /* whose encryption keys are */
    size_t n_undecrypted; /* of these the enabled ones: something could come for them */
};

/* Keys that were opened in the pool, in the order of their ids: their public halves are checked. */
struct opened_keys {
    struct opened_key {
        int64_t id;
        struct private_key signing;
        struct private_key encryption;
        bool has_signing;
        bool has_encryption;
    } * items;
    size_t n_items;
};
void opened_keys_clear(struct opened_keys *opened);

/* Load all in the place of what was there before, which stays on failure. Keys that were there are
 * taken over: only new ones cost the arithmetic of their curve. Sealed ones are open when `open`
 * has their lock: from the image before, from `opened` (NULL: none), or opened here; NULL: none is.
 */
bool keyring_load(struct keyring *keyring, struct db *db, const struct lock_secrets *open,
                  const struct opened_keys *opened, struct fault *fault) MUST_USE;
void keyring_clear(struct keyring *keyring);

/* A reference to the snapshot in force. From the loop. */
struct key_set *keyring_key_set(const struct keyring *keyring) MUST_USE;
/* Of some keys by their ids: those that are there and enabled. */
struct key_set *keyring_key_set_of(const struct keyring *keyring, const int64_t *ids,
                                   size_t n_ids) MUST_USE;
struct key_set *key_set_ref(struct key_set *set) MUST_USE;
void key_set_unref(struct key_set **set);

/* Borrowed until the next keyring_load. NULL: none. */
const struct own_key *keyring_by_id(const struct keyring *keyring, int64_t id) MUST_USE;
const struct own_key *keyring_by_address(const struct keyring *keyring,
                                         const struct address *address) MUST_USE;
/* That the account has; enabled. */
const struct own_key *keyring_of_account(const struct keyring *keyring, int64_t account_id,
                                         const struct address *address) MUST_USE;
/* By address in any form, or by label; NULL and a fault when there is none or more than one. */
const struct own_key *keyring_find(const struct keyring *keyring, const char *who,
                                   struct fault *fault) MUST_USE;
const struct known_address *keyring_contact(const struct keyring *keyring,
                                            const struct address *address) MUST_USE;
/* Is it one whom the account knows: its own, a contact, one whom it subscribes to? Not a chan:
 * there everybody may write under the chan's address. */
bool keyring_is_known_to(const struct keyring *keyring, int64_t account_id,
                         const struct address *address) MUST_USE;
/* The account's own; NULL: none. */
const struct known_address *keyring_contact_of(const struct keyring *keyring, int64_t account_id,
                                               const struct address *address) MUST_USE;
/* Is somebody's: then he need only do the network's least work. */
bool keyring_is_known(const struct keyring *keyring, const struct address *address) MUST_USE;
/* The label under which an account knows an address (identity, chan, contact, subscription); "". */
const char *keyring_label(const struct keyring *keyring, int64_t account_id,
                          const struct address *address) MUST_USE;
/* What this identity tells others of itself. */
struct sender keyring_sender(const struct own_key *own) MUST_USE;

/* The address book of one account (0: of all), for address_form.h. `out` borrows `view`. */
struct keyring_view {
    const struct keyring *keyring;
    int64_t account_id;
};
struct address_book keyring_book(struct keyring_view *view) MUST_USE;

/* ---- in a transaction ---- */

struct new_key {
    int64_t account_id;
    enum identity_kind kind;
    struct address address;
    const char *label;
    const struct identity_keys *keys;
    uint32_t behaviour;
    struct pow_demand demand;
    int64_t now_sec;
};
/* FAULT_EXISTS when the account (an identity: any account) has it already. A chan that was left is
 * enabled again under its old row. */
bool keyring_write_new(struct db *db, int64_t *out_id, const struct new_key *key,
                       struct fault *fault) MUST_USE;
bool keyring_write_label(struct db *db, int64_t id, const char *label,
                         struct fault *fault) MUST_USE;
bool keyring_write_enabled(struct db *db, int64_t id, bool enabled, struct fault *fault) MUST_USE;

/* Contacts and subscriptions; adding one that is there changes its label. */
bool keyring_write_entry(struct db *db, enum agent_entry_kind kind, int64_t account_id,
                         const struct address *address, const char *label,
                         struct fault *fault) MUST_USE;
/* A contact that is there already keeps its label. */
bool keyring_write_contact_if_new(struct db *db, bool *out_is_new, int64_t account_id,
                                  const struct address *address, const char *label,
                                  struct fault *fault) MUST_USE;
/* FAULT_NOT_FOUND. */
bool keyring_write_entry_gone(struct db *db, enum agent_entry_kind kind, int64_t account_id,
                              const char *address, struct fault *fault) MUST_USE;

#endif
