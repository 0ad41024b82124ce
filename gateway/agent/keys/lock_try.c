// SPDX-License-Identifier: MIT
#include "gateway/agent/keys/lock_try.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

bool lock_try_read(struct lock_try *try, struct db *db, bool with_keys, struct fault *fault)
{
    return lock_db_read(db, &try->rows, fault) &&
           (!with_keys || lock_db_read_sealed(db, &try->held, &try->n_held, fault));
}

/* A lock whose row was damaged does not keep the others from being opened. */
static bool open_locks(struct lock_try *try, struct fault *fault)
{
    for (size_t i = 0; i < try->rows.n_items; i++) {
        struct fault why = {0};
        struct lock_secret *secret =
            lock_box_open(&try->rows.items[i].box, buf_view(&try->passphrase), &why);
        if (secret != NULL) {
            try->opened.items[try->opened.n_items].lock_id = try->rows.items[i].id;
            try->opened.items[try->opened.n_items++].secret = secret;
        } else if (fault->code != FAULT_DENIED) {
            *fault = why;
        }
    }
    return try->opened.n_items > 0;
}

static void open_keys(struct lock_try *try)
{
    try->keys.items = xcalloc(try->n_held + 1, sizeof(*try->keys.items));
    for (size_t i = 0; i < try->n_held; i++) {
        const struct lock_held_keys *held = &try->held[i];
        struct opened_key *key = &try->keys.items[try->keys.n_items];
        struct public_key expected;
        key->id = held->id;
        memcpy(expected.point, held->public_keys, PUBLIC_KEY_BYTES);
        key->has_signing =
            lock_db_open_key(&key->signing, (struct bytes){held->signing, held->signing_len},
                             held->lock_id, &try->opened, &expected) == LOCK_KEY_OPEN;
        memcpy(expected.point, held->public_keys + PUBLIC_KEY_BYTES, PUBLIC_KEY_BYTES);
        key->has_encryption =
            lock_db_open_key(&key->encryption,
                             (struct bytes){held->encryption, held->encryption_len}, held->lock_id,
                             &try->opened, &expected) == LOCK_KEY_OPEN;
        try->keys.n_items++;
    }
}

bool lock_try_run(struct lock_try *try, bool with_keys, struct fault *fault)
{
    struct fault why = {0};
    if (!open_locks(try, &why)) {
        return fault_set(fault, why.code, "%s", why.text);
    }
    if (with_keys) {
        open_keys(try);
    }
    return true;
}

void lock_try_clear(struct lock_try *try)
{
    buf_clear_secret(&try->passphrase);
    buf_clear_secret(&try->next);
    if (try->held != NULL) {
        mem_wipe(try->held, try->n_held * sizeof(*try->held));
    }
    free(try->held);
    lock_secrets_clear(&try->opened);
    opened_keys_clear(&try->keys);
    *try = (struct lock_try){0};
}
