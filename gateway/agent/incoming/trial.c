// SPDX-License-Identifier: MIT
#include "gateway/agent/incoming/trial.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/ecies.h"
#include "gateway/agent/keys/keyring.h"
#include "node/objects/broadcast.h"
#include "node/objects/msg.h"
#include "node/objects/object.h"

static bool keep_msg(struct trial *trial, struct bytes plaintext, const struct object *object,
                     const struct key_set_item *item)
{
    struct msg msg;
    if (!msg_parse(&msg, plaintext, NULL) || !msg_verify(&msg, object, item->ripe, NULL) ||
        !sign_hash(trial->sighash, msg.signature)) {
        return false;
    }
    trial->own_id = item->id;
    trial->sender = msg.sender;
    trial->encoding = msg.encoding;
    buf_append_bytes(&trial->message, msg.message);
    buf_append_bytes(&trial->ack, msg.ack);
    return true;
}

static void try_msg(struct trial *trial, const struct object *object)
{
    struct bytes encrypted;
    struct ecies_message message;
    const struct key_set *set = trial->keys;
    if (set == NULL || set->n_keys == 0 || !msg_encrypted_part(&encrypted, object, NULL) ||
        !ecies_parse(&message, encrypted)) {
        return;
    }
    const struct private_key **keys = xcalloc(set->n_keys, sizeof(struct private_key *));
    for (size_t i = 0; i < set->n_keys; i++) {
        keys[i] = &set->items[i].key;
    }
    struct buf plaintext = {0};
    buf_reserve(&plaintext, encrypted.len);
    size_t found = ecies_try_keys(&plaintext, keys, set->n_keys, &message);
    if (found != ECIES_NO_KEY) {
        trial->opened = keep_msg(trial, buf_view(&plaintext), object, &set->items[found]);
    }
    buf_clear_secret(&plaintext);
    free(keys);
}

static bool try_sender(struct trial *trial, const struct object *object, struct bytes encrypted,
                       const struct address *from)
{
    struct private_key key;
    struct broadcast broadcast;
    struct buf plaintext = {0};
    buf_reserve(&plaintext, encrypted.len);
    bool ok = address_broadcast_key(&key, from) && ecies_decrypt(&plaintext, &key, encrypted) &&
              broadcast_parse(&broadcast, buf_view(&plaintext), NULL) &&
              broadcast_verify(&broadcast, object, from, NULL) &&
              sign_hash(trial->sighash, broadcast.signature);
    if (ok) {
        trial->sender = broadcast.sender;
        trial->encoding = broadcast.encoding;
        buf_append_bytes(&trial->message, broadcast.message);
    }
    private_key_wipe(&key);
    buf_clear_secret(&plaintext);
    return ok;
}

static void try_broadcast(struct trial *trial, const struct object *object)
{
    struct bytes encrypted;
    struct bytes tag;
    if (!broadcast_encrypted_part(&encrypted, &tag, object, NULL)) {
        return;
    }
    for (size_t i = 0; i < trial->n_senders && !trial->opened; i++) {
        uint8_t own_tag[ADDRESS_TAG_BYTES];
        const struct address *from = &trial->senders[i];
        address_tag(own_tag, from);
        bool fits =
            object->version == BROADCAST_V5
                ? from->version >= 4 && bytes_equal(tag, (struct bytes){own_tag, sizeof(own_tag)})
                : from->version < 4;
        if (fits) {
            trial->opened = try_sender(trial, object, encrypted, from);
        }
    }
}

void trial_run(struct trial *trial)
{
    struct object object;
    if (!object_parse(&object, trial->object, NULL)) {
        return;
    }
    if (object.type == OBJECT_MSG) {
        try_msg(trial, &object);
    } else if (object.type == OBJECT_BROADCAST) {
        try_broadcast(trial, &object);
    }
}

void trial_clear(struct trial *trial)
{
    buf_clear_secret(&trial->message);
    buf_clear(&trial->ack);
    key_set_unref(&trial->keys);
    free(trial->senders);
    *trial = (struct trial){0};
}
