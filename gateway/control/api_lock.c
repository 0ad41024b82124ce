// SPDX-License-Identifier: MIT
/* The passphrase on private keys. It is one for all identities of this home: whoever knows it may
 * open the keys, but only the home's owner sets, changes and removes it, and locks. */
#include "gateway/control/api_internal.h"

/* null: there is none. */
static json_t *time_or_null(int64_t sec)
{
    return sec != 0 ? json_integer((json_int_t)sec) : json_null();
}

json_t *api_lock_of(const struct agent_lock_status *lock)
{
    return json_pack(
        "{s:b, s:b, s:s, s:I, s:I, s:I, s:I, s:o, s:{s:I, s:I, s:b}}", "set", lock->is_set,
        "locked", lock->is_locked, "extent", lock->seals_all ? "all" : "signing", "sealed",
        (json_int_t)lock->n_sealed, "locked_keys", (json_int_t)lock->n_locked, "lost",
        (json_int_t)lock->n_lost, "wait", (json_int_t)lock->wait_sec, "answers_until",
        time_or_null(lock->answers_until_sec), "kept", "objects", (json_int_t)lock->n_kept, "bytes",
        (json_int_t)lock->kept_bytes, "full", lock->kept_is_full);
}

static void answer_status(struct api_call *call)
{
    const struct agent_lock_status lock = agent_lock_status(call->api->agent);
    api_finish_take(call, api_lock_of(&lock));
}

void api_call_lock_status(struct api_call *call)
{
    answer_status(call);
}

/* How it is afterwards is the answer. */
static void done(void *context, const struct fault *fault, const char *text, int64_t id)
{
    struct api_call *call = context;
    (void)text;
    (void)id;
    if (fault != NULL) {
        api_fail(call, fault);
    } else {
        answer_status(call);
    }
}

static bool may_keep(struct api_call *call)
{
    if (call->api->account != NULL) {
        api_refuse(call, FAULT_DENIED, "the passphrase is kept by the owner of this Bittern");
        return false;
    }
    return true;
}

void api_call_lock_set(struct api_call *call)
{
    const char *passphrase = may_keep(call) ? api_require_text(call, "passphrase") : NULL;
    if (passphrase != NULL) {
        agent_lock_set(call->api->agent, api_param_text(call, "old_passphrase"), passphrase,
                       (struct agent_done){done, call});
    }
}

void api_call_lock_lock(struct api_call *call)
{
    if (may_keep(call)) {
        agent_lock_close(call->api->agent, (struct agent_done){done, call});
    }
}

void api_call_lock_unlock(struct api_call *call)
{
    const char *passphrase = api_require_text(call, "passphrase");
    if (passphrase != NULL) {
        agent_lock_open(call->api->agent, passphrase, (struct agent_done){done, call});
    }
}

void api_call_lock_remove(struct api_call *call)
{
    const char *passphrase = may_keep(call) ? api_require_text(call, "passphrase") : NULL;
    if (passphrase != NULL) {
        agent_lock_remove(call->api->agent, passphrase, (struct agent_done){done, call});
    }
}
