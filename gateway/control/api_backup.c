// SPDX-License-Identifier: MIT
/* Backups and the recovery key. What crosses the control socket is names and keys; the files are
 * moved by the command line. */
#include "gateway/control/api_internal.h"

#include "base/mem.h"
#include "gateway/backup/backup.h"

static void key_made(void *context, const struct fault *fault, const char *text, uint64_t bytes)
{
    struct api_call *call = context;
    (void)bytes;
    if (fault != NULL) {
        api_fail(call, fault);
    } else {
        api_finish_take(call, json_pack("{s:s}", "recovery_key", text));
    }
}

void api_call_recovery_key_new(struct api_call *call)
{
    backup_new_key(call->api->backup, (struct backup_done){key_made, call});
}

void api_call_recovery_key_show(struct api_call *call)
{
    api_finish_take(call, json_pack("{s:b}", "exists", backup_has_key(call->api->backup)));
}

static void made(void *context, const struct fault *fault, const char *text, uint64_t bytes)
{
    struct api_call *call = context;
    if (fault != NULL) {
        api_fail(call, fault);
    } else {
        api_finish_take(call, json_pack("{s:s, s:I}", "path", text, "bytes", (json_int_t)bytes));
    }
}

void api_call_backup_make(struct api_call *call)
{
    backup_make(call->api->backup, (struct backup_done){made, call});
}

static void prepared(void *context, const struct fault *fault,
                     const struct restore_summary *summary)
{
    struct api_call *call = context;
    const struct api *api = call->api;
    if (fault != NULL) {
        api_fail(call, fault);
        return;
    }
    api_finish_take(call, json_pack("{s:I, s:I, s:I}", "accounts", (json_int_t)summary->n_accounts,
                                    "identities", (json_int_t)summary->n_identities, "messages",
                                    (json_int_t)summary->n_messages));
    api->restart(api->restart_context);
}

void api_call_restore_prepare(struct api_call *call)
{
    const char *text = api_require_text(call, "recovery_key");
    struct seal_key key;
    struct fault fault = {0};
    if (text == NULL) {
        return;
    }
    if (seal_key_parse(&key, text, &fault)) {
        backup_restore(call->api->backup, &key, (struct restore_done){prepared, call});
    } else {
        api_fail(call, &fault);
    }
    mem_wipe(&key, sizeof key);
}
