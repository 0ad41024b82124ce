// SPDX-License-Identifier: MIT
/* Taking over what another Bitmessage program kept: the command line reads the files, and record by
 * record crosses here. What may be in any encoding is base64. */
#include "gateway/control/api_internal.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "gateway/agent/moving/import_key.h"
#include "gateway/agent/moving/import_mail.h"
#include "mailproto/imap/mailbox_view.h"

/* Append the bytes of a parameter. Missing: nothing. False when it was refused. */
static bool take_base64(struct api_call *call, const char *name, struct buf *out)
{
    const char *text = api_or_empty(api_param_text(call, name));
    if (base64_decode(out, bytes_of_str(text))) {
        return true;
    }
    api_refuse(call, FAULT_INVALID, "a parameter is not base64");
    return false;
}

/* A demand of 0 or less, or more than anybody could work, is what the network asks. */
static uint64_t demand_of(const struct api_call *call, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(call->params, name));
    return value > 0 && (uint64_t)value <= AGENT_MAX_DEMAND ? (uint64_t)value : 0;
}

static bool take_folder(struct api_call *call, enum import_folder *out)
{
    static const char *const names[IMPORT_N_FOLDERS] = {
        [IMPORT_INBOX] = "inbox",
        [IMPORT_SENT] = "sent",
        [IMPORT_DRAFTS] = "drafts",
        [IMPORT_TRASH] = "trash",
    };
    const char *folder = api_require_text(call, "folder");
    for (size_t i = 0; folder != NULL && i < IMPORT_N_FOLDERS; i++) {
        if (strcmp(folder, names[i]) == 0) {
            *out = (enum import_folder)i;
            return true;
        }
    }
    if (folder != NULL) {
        api_refuse(call, FAULT_INVALID, "there is no such folder");
    }
    return false;
}

/* Members that are true. */
static uint8_t take_flags(const struct api_call *call)
{
    static const struct {
        const char *name;
        uint8_t bit;
    } names[] = {{"seen", MAILBOX_FLAG_SEEN},
                 {"answered", MAILBOX_FLAG_ANSWERED},
                 {"flagged", MAILBOX_FLAG_FLAGGED}};
    uint8_t flags = 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        flags |= json_is_true(json_object_get(call->params, names[i].name)) ? names[i].bit : 0;
    }
    return flags;
}

static void imported(void *context, const struct fault *fault, const char *text, int64_t id)
{
    struct api_call *call = context;
    (void)text;
    if (fault != NULL) {
        api_fail(call, fault);
    } else {
        api_finish_take(call, json_pack("{s:b}", "is_new", id != 0));
    }
}

void api_call_import_mail(struct api_call *call)
{
    struct buf subject = {0};
    struct buf text = {0};
    struct buf hash = {0};
    struct agent_import_mail mail = {
        .account = api_param_text(call, "account"),
        .from = api_param_text(call, "from"),
        .to = api_param_text(call, "to"),
        .is_broadcast = json_is_true(json_object_get(call->params, "broadcast")),
        .sec = json_integer_value(json_object_get(call->params, "time")),
        .flags = take_flags(call),
        .state = api_param_text(call, "state"),
    };
    if (take_folder(call, &mail.folder) && take_base64(call, "subject", &subject) &&
        take_base64(call, "text", &text) && take_base64(call, "object_hash", &hash)) {
        mail.subject = buf_view(&subject);
        mail.text = buf_view(&text);
        mail.object_hash = buf_view(&hash);
        agent_import_mail(call->api->agent, &mail, (struct agent_done){imported, call});
    }
    buf_clear(&subject);
    buf_clear(&text);
    buf_clear(&hash);
}

void api_call_import_letter(struct api_call *call)
{
    struct buf mail = {0};
    struct agent_import_letter letter = {
        .account = api_param_text(call, "account"),
        .sec = json_integer_value(json_object_get(call->params, "time")),
        .flags = take_flags(call),
    };
    if (take_folder(call, &letter.folder) && take_base64(call, "mail", &mail)) {
        letter.mail = buf_view(&mail);
        agent_import_letter(call->api->agent, &letter, (struct agent_done){imported, call});
    }
    buf_clear(&mail);
}

void api_call_import_key(struct api_call *call)
{
    const char *address = api_require_text(call, "address");
    const char *signing_key = address != NULL ? api_require_text(call, "signing_key") : NULL;
    const char *encryption_key =
        signing_key != NULL ? api_require_text(call, "encryption_key") : NULL;
    if (encryption_key == NULL) {
        return;
    }
    const struct agent_import_key key = {
        .account = api_param_text(call, "account"),
        .address = address,
        .label = api_or_empty(api_param_text(call, "label")),
        .signing_key = signing_key,
        .encryption_key = encryption_key,
        .is_chan = json_is_true(json_object_get(call->params, "chan")),
        .enabled = !json_is_false(json_object_get(call->params, "enabled")),
        .acks = !json_is_false(json_object_get(call->params, "acks")),
        .list_name = api_or_empty(api_param_text(call, "list")),
        .demand = {demand_of(call, "difficulty"), demand_of(call, "small_difficulty")},
    };
    agent_import_key(call->api->agent, &key, api_done_with_text(call, "address"));
}

void api_call_import_seen(struct api_call *call)
{
    struct buf hashes = {0};
    if (take_base64(call, "signature_hashes", &hashes)) {
        agent_import_seen(call->api->agent, api_param_text(call, "account"), buf_view(&hashes),
                          (struct agent_done){imported, call});
    }
    buf_clear(&hashes);
}
