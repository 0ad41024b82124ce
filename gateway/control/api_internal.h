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
    struct api_answer answer; /* .call NULL: abandoned */
    bool is_begun;            /* api_begin has returned: the caller holds the pointer */
    bool is_answered;
    json_t *params;   /* borrowed until api_begin returns */
    const char *key;  /* the name under which an answer's text is given; NULL: none */
    json_t *extra;    /* members of the answer known before; owned */
    int64_t queue_id; /* of a queue call: its row is the answer */
};

/* Answer with `result`, which is taken. */
void api_finish_take(struct api_call *call, json_t *result);
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
json_t *api_pow_words(const struct pow_progress *progress) MUST_USE;

/* For the agent: its text becomes the member `key` of the answer. */
struct agent_done api_done_with_text(struct api_call *call, const char *key);

void api_call_status(struct api_call *call);
void api_call_identity_new(struct api_call *call);
void api_call_identity_list(struct api_call *call);
void api_call_identity_show(struct api_call *call);
void api_call_identity_rename(struct api_call *call);
void api_call_identity_enable(struct api_call *call);
void api_call_chan_join(struct api_call *call);
void api_call_chan_leave(struct api_call *call);
void api_call_contact_list(struct api_call *call);
void api_call_subscription_list(struct api_call *call);
void api_call_contact_add(struct api_call *call);
void api_call_contact_remove(struct api_call *call);
void api_call_subscription_add(struct api_call *call);
void api_call_subscription_remove(struct api_call *call);
void api_call_account_new(struct api_call *call);
void api_call_account_passwd(struct api_call *call);
void api_call_account_list(struct api_call *call);
void api_call_queue_list(struct api_call *call);
void api_call_queue_show(struct api_call *call);
void api_call_queue_retry(struct api_call *call);
void api_call_queue_cancel(struct api_call *call);
void api_call_setup_info(struct api_call *call);
void api_call_setup_first_password(struct api_call *call);
void api_call_mail_submit(struct api_call *call);
void api_call_backup_make(struct api_call *call);
void api_call_recovery_key_new(struct api_call *call);
void api_call_recovery_key_show(struct api_call *call);
void api_call_restore_prepare(struct api_call *call);

#endif
