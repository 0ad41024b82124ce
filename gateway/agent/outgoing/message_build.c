// SPDX-License-Identifier: MIT
#include "gateway/agent/outgoing/message_build.h"

#include <assert.h>
#include <inttypes.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/settings.h"
#include "gateway/agent/keys/keyring.h"
#include "gateway/agent/keys/pubkeys.h"
#include "gateway/agent/outgoing/outgoing_db.h"
#include "gateway/agent/work/lifetime.h"
#include "gateway/decoder/decoder_client.h"
#include "node/objects/broadcast.h"
#include "node/objects/msg.h"

/* NULL: the identity is deleted or disabled. */
static const struct own_key *sender_of_row(const struct outgoing_row *row,
                                           const struct keyring *keyring)
{
    struct address from;
    return address_decode(&from, bytes_of_str(row->sender)) == ADDRESS_OK
               ? keyring_of_account(keyring, row->account_id, &from)
               : NULL;
}

static bool is_of_own(const struct outgoing_row *row)
{
    return row->kind == OUTGOING_TO_CHAN || row->kind == OUTGOING_TO_OWN;
}

enum message_target_result message_find_target(struct message_target *out,
                                               const struct outgoing_row *row,
                                               const struct keyring *keyring, struct db *db,
                                               struct fault *fault)
{
    struct sender sender;
    *out = (struct message_target){0};
    if (address_decode(&out->address, bytes_of_str(row->recipient)) != ADDRESS_OK) {
        (void)fault_set(fault, FAULT_CORRUPT, "the recipient's address is damaged");
        return MESSAGE_TARGET_BROKEN;
    }
    if (row->kind == OUTGOING_TO_SUBSCRIBERS) {
        return MESSAGE_TARGET_FOUND;
    }
    const struct own_key *own = is_of_own(row) ? keyring_by_address(keyring, &out->address) : NULL;
    if (own != NULL) {
        sender = keyring_sender(own);
    } else if (is_of_own(row)) {
        (void)fault_set(fault, FAULT_NOT_FOUND, "the chan was left, or the identity deleted");
        return MESSAGE_TARGET_BROKEN;
    } else if (!pubkeys_find(db, &sender, &out->address, NULL)) {
        out->is_unknown = true;
        return MESSAGE_TARGET_UNKNOWN;
    }
    out->key = sender.encryption;
    out->behaviour = sender.behaviour;
    /* Of the keys of version 2 nobody vouches for the rest. A chan tells nobody what it demands:
     * what the account asks of others there it does itself. */
    bool has_demand = row->kind == OUTGOING_TO_ADDRESS || row->kind == OUTGOING_TO_CHAN;
    if (out->address.version >= SENDER_FIRST_WITH_DEMAND && has_demand) {
        out->demand = sender.demand;
    }
    return MESSAGE_TARGET_FOUND;
}

static bool reads_extended(const struct outgoing_row *row, const struct message_target *target,
                           const struct settings *settings)
{
    if (settings->mail.attachments == ATTACHMENTS_ALWAYS || row->form == OUTGOING_FORM_EXTENDED) {
        return true;
    }
    bool has_bit = row->kind == OUTGOING_TO_ADDRESS || row->kind == OUTGOING_TO_OWN;
    return has_bit && (target->behaviour & BEHAVIOUR_EXTENDED_ENCODING) != 0;
}

enum message_verdict message_judge(const struct outgoing_row *row,
                                   const struct message_target *target,
                                   const struct settings *settings, struct buf *reason)
{
    if (row->form == OUTGOING_FORM_FILES && !reads_extended(row, target, settings)) {
        buf_append_str(reason,
                       "the recipient's Bitmessage cannot read attachments: send the text alone");
        return MESSAGE_IMPOSSIBLE;
    }
    bool too_dear = target->demand.trials_per_byte > settings->agent.max_trials_per_byte ||
                    target->demand.extra_bytes > settings->agent.max_extra_bytes;
    if (too_dear && !row->forced) {
        buf_printf(reason,
                   "the recipient asks for %" PRIu64 " trials a byte and %" PRIu64
                   " extra bytes of work, more than [agent] allows",
                   target->demand.trials_per_byte, target->demand.extra_bytes);
        return MESSAGE_TOO_DEAR;
    }
    return MESSAGE_POSSIBLE;
}

int64_t message_ttl_sec(const struct outgoing_row *row)
{
    /* Before its work begins, what is counted are questions for the key. */
    uint32_t n_resends = row->state == OUTGOING_WORKING ? row->tries : 0;
    return lifetime_doubled(row->ttl_sec, n_resends);
}

void message_add_cost(struct work_cost *cost, const struct outgoing_row *row,
                      const struct message_target *target, const struct settings *settings)
{
    const struct pow_demand least = {settings->network.least_trials_per_byte,
                                     settings->network.least_extra_bytes};
    bool is_unknown = target->is_unknown;
    bool extended = row->extended_len > 0 && (reads_extended(row, target, settings) ||
                                              (is_unknown && row->form == OUTGOING_FORM_FILES));
    bool acked = is_unknown ? row->kind == OUTGOING_TO_ADDRESS : message_wants_ack(row, target);
    const struct work_message message = {
        .content_len = extended ? row->extended_len : row->plain_len,
        .ttl_sec = message_ttl_sec(row),
        .demand = target->demand,
        .ackdata_len = acked ? row->ackdata.len : 0,
        .has_ack = row->ack_packet.len > 0,
    };
    work_cost_add_message(cost, &message, least);
    cost->is_least = cost->is_least || is_unknown;
}

bool message_cost_left(struct work_cost *out, const struct outgoing_row *row,
                       const struct keyring *keyring, struct db *db,
                       const struct settings *settings)
{
    struct message_target target;
    if (!outgoing_state_is_in_outbox(row->state) ||
        message_find_target(&target, row, keyring, db, NULL) == MESSAGE_TARGET_BROKEN) {
        return false;
    }
    *out = (struct work_cost){0};
    message_add_cost(out, row, &target, settings);
    return true;
}

bool message_waits_for_keys(const struct outgoing_row *row, const struct keyring *keyring)
{
    const struct own_key *own = sender_of_row(row, keyring);
    return own != NULL && !own->can_sign;
}

bool message_wants_ack(const struct outgoing_row *row, const struct message_target *target)
{
    return row->kind == OUTGOING_TO_ADDRESS && row->ackdata.len > 0 &&
           (target->behaviour & BEHAVIOUR_DOES_ACK) != 0;
}

/* Those we know need only do the network's least when they answer. */
static struct sender sender_for(const struct message_order *order, const struct own_key *own)
{
    struct sender sender = keyring_sender(own);
    const struct network_settings *network = &order->settings->network;
    if (keyring_is_known(order->keyring, &order->target->address)) {
        sender.demand =
            (struct pow_demand){network->least_trials_per_byte, network->least_extra_bytes};
    }
    return sender;
}

static bool build_broadcast(struct buf *out, const struct message_order *order,
                            const struct own_key *own, struct bytes content, uint64_t encoding,
                            struct fault *fault)
{
    const struct broadcast_draft draft = {
        .expires_sec = (uint64_t)order->time.expires_sec,
        .sender = keyring_sender(own),
        .encoding = encoding,
        .message = content,
    };
    return broadcast_write(out, &draft, &own->keys, fault);
}

static bool build_msg(struct buf *out, const struct message_order *order, const struct own_key *own,
                      struct bytes content, uint64_t encoding, struct fault *fault)
{
    bool acked = message_wants_ack(order->row, order->target);
    const struct msg_draft draft = {
        .expires_sec = (uint64_t)order->time.expires_sec,
        .sender = sender_for(order, own),
        .to = order->target->address,
        .to_key = order->target->key,
        .encoding = encoding,
        .message = content,
        .ack = acked ? order->row->ack_packet : (struct bytes){0},
    };
    return msg_write(out, &draft, &own->keys, fault);
}

bool message_build(struct buf *out, const struct message_order *order, struct db *db,
                   struct fault *fault)
{
    const struct outgoing_row *row = order->row;
    const struct own_key *own = sender_of_row(row, order->keyring);
    if (own == NULL) {
        return fault_set(fault, FAULT_NOT_FOUND,
                         "the identity that it was to be sent from is deleted or disabled");
    }
    assert(own->can_sign); /* else it waits (message_waits_for_keys) */
    bool extended = row->extended_len > 0 && reads_extended(row, order->target, order->settings);
    uint64_t encoding = extended ? CONTENT_EXTENDED : CONTENT_SIMPLE;
    struct arena arena = {0};
    struct bytes content;
    bool ok = outgoing_read_content(db, &content, row->mail_id, extended, &arena, fault);
    if (ok && row->kind == OUTGOING_TO_SUBSCRIBERS) {
        ok = build_broadcast(out, order, own, content, encoding, fault);
    } else if (ok) {
        ok = build_msg(out, order, own, content, encoding, fault);
    }
    arena_clear(&arena);
    return ok;
}
