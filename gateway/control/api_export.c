// SPDX-License-Identifier: MIT
/* Giving what is ours to other programs: the command line writes the files, and record by record
 * crosses here. What may be in any encoding is base64. */
#include "gateway/control/api_internal.h"

#include "base/buf.h"
#include "base/str.h"
#include "gateway/agent/moving/export_mail.h"
#include "gateway/agent/moving/export_message.h"
#include "gateway/agent/moving/import_key.h"
#include "mailproto/imap/mailbox_view.h"

static void append_key(void *context, const struct agent_exported_key *key)
{
    json_array_append_new(context,
                          json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:I, s:I}",
                                    "account", api_or_empty(key->account), "address", key->address,
                                    "label", api_or_empty(key->label), "signing_key",
                                    key->signing_key, "encryption_key", key->encryption_key, "list",
                                    api_or_empty(key->list_name), "chan", key->is_chan, "enabled",
                                    key->enabled, "acks", key->acks, "difficulty",
                                    (json_int_t)key->demand.trials_per_byte, "small_difficulty",
                                    (json_int_t)key->demand.extra_bytes));
}

void api_call_export_keys(struct api_call *call)
{
    struct fault fault = {0};
    if (!agent_keys_are_open(call->api->agent, &fault)) {
        api_fail(call, &fault);
        return;
    }
    json_t *rows = json_array();
    agent_export_keys(call->api->agent, append_key, rows);
    api_finish_take(call, rows);
}

static void append_mailbox(void *context, const struct agent_exported_mailbox *mailbox)
{
    json_array_append_new(context,
                          json_pack("{s:I, s:s, s:s, s:s, s:I}", "id", (json_int_t)mailbox->id,
                                    "account", mailbox->account, "name", mailbox->name, "use",
                                    mailbox->use, "messages", (json_int_t)mailbox->n_messages));
}

void api_call_export_mailboxes(struct api_call *call)
{
    json_t *rows = json_array();
    struct fault fault = {0};
    if (agent_export_mailboxes(call->api->agent, append_mailbox, rows, &fault)) {
        api_finish_take(call, rows);
    } else {
        json_decref(rows);
        api_fail(call, &fault);
    }
}

static json_t *flags_to_json(uint8_t set)
{
    json_t *flags = json_array();
    static const struct {
        uint8_t bit;
        const char *name;
    } names[] = {{MAILBOX_FLAG_SEEN, "seen"},
                 {MAILBOX_FLAG_ANSWERED, "answered"},
                 {MAILBOX_FLAG_FLAGGED, "flagged"},
                 {MAILBOX_FLAG_DELETED, "deleted"},
                 {MAILBOX_FLAG_DRAFT, "draft"}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if ((set & names[i].bit) != 0) {
            json_array_append_new(flags, json_string(names[i].name));
        }
    }
    return flags;
}

static json_t *base64_to_json(struct bytes data)
{
    struct buf text = {0};
    base64_encode(&text, data);
    json_t *value = json_string(buf_str(&text));
    buf_clear(&text);
    return value;
}

static void set_mail(void *context, const struct agent_exported_mail *mail)
{
    json_object_set_new(context, "uid", json_integer(mail->uid));
    json_object_set_new(context, "time", json_integer(mail->internal_sec));
    json_object_set_new(context, "flags", flags_to_json(mail->flags));
    json_object_set_new(context, "content", base64_to_json(mail->content));
}

/* The mailbox and the UID that were asked for; false after refusing the call. */
static bool take_place(struct api_call *call, int64_t *out_mailbox, uint32_t *out_after)
{
    json_int_t after = json_integer_value(json_object_get(call->params, "after"));
    if (!api_require_id(call, out_mailbox)) {
        return false;
    }
    if (after < 0 || after > UINT32_MAX) {
        api_refuse(call, FAULT_INVALID, "a UID is from 0 to 4294967295");
        return false;
    }
    *out_after = (uint32_t)after;
    return true;
}

void api_call_export_mail(struct api_call *call)
{
    int64_t mailbox_id;
    uint32_t after;
    struct fault fault = {0};
    if (!take_place(call, &mailbox_id, &after)) {
        return;
    }
    json_t *mail = json_object();
    if (agent_export_mail(call->api->agent, mailbox_id, after, set_mail, mail, &fault)) {
        api_finish_take(call, mail);
    } else {
        json_decref(mail);
        api_fail(call, &fault);
    }
}

/* ---- as a message ---- */

static json_t *recipient_to_json(const struct agent_exported_recipient *recipient)
{
    return json_pack("{s:s, s:s, s:b, s:s, s:I, s:o, s:o, s:o}", "address", recipient->address,
                     "label", recipient->label, "broadcast", recipient->is_broadcast, "state",
                     recipient->state, "ttl", (json_int_t)recipient->ttl_sec, "object_hash",
                     base64_to_json((struct bytes){recipient->hash, sizeof(recipient->hash)}),
                     "ackdata", base64_to_json(recipient->ackdata), "ripe",
                     base64_to_json(recipient->ripe));
}

static json_t *message_to_json(const struct agent_exported_message *message)
{
    static const char *const kinds[] = {
        [EXPORTED_OTHER] = "other",
        [EXPORTED_RECEIVED] = "received",
        [EXPORTED_SENT] = "sent",
        [EXPORTED_DRAFT] = "draft",
    };
    json_t *result = json_pack("{s:I, s:I, s:o, s:s}", "uid", (json_int_t)message->uid, "time",
                               (json_int_t)message->internal_sec, "flags",
                               flags_to_json(message->flags), "kind", kinds[message->kind]);
    if (message->kind == EXPORTED_OTHER) {
        return result;
    }
    json_t *recipients = json_array();
    for (size_t i = 0; i < message->n_recipients; i++) {
        json_array_append_new(recipients, recipient_to_json(&message->recipients[i]));
    }
    json_object_set_new(result, "from", json_string(message->from));
    json_object_set_new(result, "from_label", json_string(message->from_label));
    json_object_set_new(result, "recipients", recipients);
    json_object_set_new(result, "subject", base64_to_json(message->subject));
    json_object_set_new(result, "text", base64_to_json(message->text));
    json_object_set_new(result, "files", json_integer((json_int_t)message->n_files));
    return result;
}

static void message_is_there(void *context, const struct agent_exported_message *message,
                             const struct fault *fault)
{
    struct api_call *call = context;
    if (message == NULL) {
        api_fail(call, fault);
    } else {
        api_finish_take(call, message->uid == 0 ? json_object() : message_to_json(message));
    }
}

void api_call_export_message(struct api_call *call)
{
    int64_t mailbox_id;
    uint32_t after;
    if (take_place(call, &mailbox_id, &after)) {
        agent_export_message(call->api->agent, mailbox_id, after,
                             (struct agent_message_done){message_is_there, call});
    }
}
