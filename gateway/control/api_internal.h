// SPDX-License-Identifier: MIT
/* For the handlers of calls (api_*.c). A handler reads its parameters, asks the agent, and answers
 * once: api_finish_take or api_fail with what is known at once, or api_done_with_text, which turns
 * the agent's answer into the call's. */
#ifndef BITTERN_GATEWAY_CONTROL_API_INTERNAL_H
#define BITTERN_GATEWAY_CONTROL_API_INTERNAL_H

#include "gateway/agent/agent.h"
#include "gateway/control/api.h"

struct api_call {
    const struct api *api;
    struct api_answer answer;                         /* .call NULL: abandoned */
    void (*text)(void *context, struct bytes result); /* of api_begin_with_text, or NULL */
    bool is_begun; /* api_begin has returned: the caller holds the pointer */
    bool is_answered;
    json_t *params;        /* borrowed until api_begin returns */
    const char *key;       /* the name under which an answer's text is given; NULL: none */
    json_t *extra;         /* members of the answer known before; owned */
    char *own;             /* of api_require_own; owned */
    bool is_lines;         /* the text is several lines: `key` and its plural in an array */
    struct api_rows *rows; /* of api_rows.h: a list that is being made; owned */
    int64_t queue_id;      /* of a queue call: its row is the answer */
};

enum { API_QUEUE_ROWS = 200 }; /* in one answer */

/* Answer with `result`, which is taken. */
void api_finish_take(struct api_call *call, json_t *result);
/* The same with a result that stands as JSON text already; borrowed. */
void api_finish_text(struct api_call *call, struct bytes text);
void api_fail(struct api_call *call, const struct fault *fault);
void api_refuse(struct api_call *call, enum fault_code code, const char *words);

/* The text of a parameter; NULL when it is not there or empty. */
const char *api_param_text(const struct api_call *call, const char *name);
/* The text of a parameter that must be there: when it is not, the call is refused, and NULL. */
const char *api_require_text(struct api_call *call, const char *name);
/* Likewise the parameter "id". */
bool api_require_id(struct api_call *call, int64_t *out) MUST_USE;
/* "" for NULL. */
const char *api_or_empty(const char *text);

/* How far a proof of work is: numbers for programs ("trials", "chance", "left", "left_p95"; null
 * while a time is not known), and words for people. */
json_t *api_pow_progress(const struct pow_progress *progress) MUST_USE;
/* null while it is not known: negative, or INFINITY. */
json_t *api_seconds(double value) MUST_USE;
json_t *api_pow_words(const struct pow_progress *progress) MUST_USE;
/* Whether keys are locked, and what waits for them. */
json_t *api_lock_of(const struct agent_lock_status *lock) MUST_USE;

/* For the agent: its text becomes the member `key` of the answer. */
struct agent_done api_done_with_text(struct api_call *call, const char *key);

/* ---- within the asker's account (api->account) ---- */

/* The account that is meant: the asker's own, else the parameter's; NULL: none was named. When the
 * asker names another than his own the call is refused, and false. */
bool api_take_account(struct api_call *call, const char **out) MUST_USE;
/* The identity or chan that the parameter `name` means, by address or label. When there is none,
 * or it is not the asker's, the call is refused, and NULL. Borrowed until the answer. */
const char *api_require_own(struct api_call *call, const char *name);
/* May the asker see what belongs to that account? */
bool api_may_see(const struct api_call *call, const char *account) MUST_USE;

#define API_CALLS(CALL)                                                                            \
    CALL("status", status)                                                                         \
    CALL("identity.new", identity_new)                                                             \
    CALL("identity.list", identity_list)                                                           \
    CALL("identity.show", identity_show)                                                           \
    CALL("identity.qr", identity_qr)                                                               \
    CALL("identity.rename", identity_rename)                                                       \
    CALL("identity.set", identity_set)                                                             \
    CALL("identity.enable", identity_enable)                                                       \
    CALL("identity.delete", identity_delete)                                                       \
    CALL("identity.move", identity_move)                                                           \
    CALL("chan.join", chan_join)                                                                   \
    CALL("chan.leave", chan_leave)                                                                 \
    CALL("chan.list", chan_list)                                                                   \
    CALL("contact.add", contact_add)                                                               \
    CALL("contact.list", contact_list)                                                             \
    CALL("contact.remove", contact_remove)                                                         \
    CALL("contact.ttl", contact_ttl)                                                               \
    CALL("contact.import", contact_import)                                                         \
    CALL("contact.export", contact_export)                                                         \
    CALL("subscription.add", subscription_add)                                                     \
    CALL("subscription.list", subscription_list)                                                   \
    CALL("subscription.mute", subscription_mute)                                                   \
    CALL("subscription.remove", subscription_remove)                                               \
    CALL("name.look_up", name_look_up)                                                             \
    CALL("sender.set", sender_set)                                                                 \
    CALL("sender.list", sender_list)                                                               \
    CALL("sender.mode", sender_mode)                                                               \
    CALL("account.new", account_new)                                                               \
    CALL("account.list", account_list)                                                             \
    CALL("account.passwd", account_passwd)                                                         \
    CALL("account.quota", account_quota)                                                           \
    CALL("account.delete", account_delete)                                                         \
    CALL("queue.list", queue_list)                                                                 \
    CALL("queue.show", queue_show)                                                                 \
    CALL("queue.retry", queue_retry)                                                               \
    CALL("queue.cancel", queue_cancel)                                                             \
    CALL("mail.submit", mail_submit)                                                               \
    CALL("import.seen", import_seen)                                                               \
    CALL("import.key", import_key)                                                                 \
    CALL("import.mail", import_mail)                                                               \
    CALL("import.letter", import_letter)                                                           \
    CALL("export.keys", export_keys)                                                               \
    CALL("export.mailboxes", export_mailboxes)                                                     \
    CALL("export.mail", export_mail)                                                               \
    CALL("export.message", export_message)                                                         \
    CALL("lock.status", lock_status)                                                               \
    CALL("lock.set", lock_set)                                                                     \
    CALL("lock.lock", lock_lock)                                                                   \
    CALL("lock.unlock", lock_unlock)                                                               \
    CALL("lock.remove", lock_remove)                                                               \
    CALL("backup.make", backup_make)                                                               \
    CALL("recovery_key.new", recovery_key_new)                                                     \
    CALL("recovery_key.show", recovery_key_show)                                                   \
    CALL("restore.prepare", restore_prepare)                                                       \
    CALL("setup.info", setup_info)                                                                 \
    CALL("setup.first_password", setup_first_password)

#define API_DECLARE(name, handler) void api_call_##handler(struct api_call *call);
API_CALLS(API_DECLARE)
#undef API_DECLARE

#endif
