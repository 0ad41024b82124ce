// SPDX-License-Identifier: MIT
/* What is sent: the queue, and mails that come from sendmail. */
#include "gateway/control/api_internal.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "gateway/agent/agent.h"

/* ---- the queue ---- */

static json_t *queue_row_to_json(const struct agent_queue_info *info)
{
    json_t *row =
        json_pack("{s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s}", "id", (json_int_t)info->id, "mail",
                  (json_int_t)info->mail_id, "state", outgoing_state_name(info->state), "from",
                  api_or_empty(info->sender), "to", api_or_empty(info->recipient), "subject",
                  api_or_empty(info->subject), "account", api_or_empty(info->account), "reason",
                  api_or_empty(info->reason));
    json_object_set_new(row, "accepted", json_integer((json_int_t)info->accepted_sec));
    json_object_set_new(row, "since", json_integer((json_int_t)info->since_sec));
    json_object_set_new(row, "next", json_integer((json_int_t)info->next_sec));
    json_object_set_new(row, "tries", json_integer((json_int_t)info->tries));
    if (info->progress != NULL) {
        json_object_set_new(row, "progress", api_pow_words(info->progress));
        json_object_update_new(row, api_pow_progress(info->progress));
    }
    if (info->work != NULL) {
        json_object_set_new(row, "work", json_string(info->work_words));
        json_object_set_new(row, "work_trials", json_real(info->work->mean_trials));
        json_object_set_new(row, "work_time", api_seconds(info->work->mean_sec));
        json_object_set_new(row, "work_time_p95", api_seconds(info->work->p95_sec));
    }
    return row;
}

struct listing {
    const struct api_call *call;
    json_t *rows;
};

static void append_queue_row(void *context, const struct agent_queue_info *info)
{
    const struct listing *listing = context;
    if (api_may_see(listing->call, info->account)) {
        json_array_append_new(listing->rows, queue_row_to_json(info));
    }
}

/* A part of the rows, so that the loop is soon back however many there are. */
void api_call_queue_list(struct api_call *call)
{
    struct listing listing = {call, json_array()};
    struct fault fault = {0};
    const struct agent_queue_query query = {
        .account = call->api->account,
        .all = !json_is_true(json_object_get(call->params, "current")),
        .after_id = json_integer_value(json_object_get(call->params, "after")),
        .limit = API_QUEUE_ROWS,
    };
    if (agent_queue_list(call->api->agent, &query, append_queue_row, &listing, &fault)) {
        api_finish_take(call, listing.rows);
    } else {
        json_decref(listing.rows);
        api_fail(call, &fault);
    }
}

/* The row, owned; NULL when there is none that the asker may see. */
static json_t *find_queue_row(struct api_call *call, int64_t id, struct fault *fault)
{
    struct listing listing = {call, json_array()};
    json_t *row = NULL;
    if (agent_queue_show(call->api->agent, id, append_queue_row, &listing, fault)) {
        row = json_incref(json_array_get(listing.rows, 0));
        if (row == NULL) {
            fault_set(fault, FAULT_NOT_FOUND, "you have no such mail in the queue");
        }
    }
    json_decref(listing.rows);
    return row;
}

static void show_queue_row(struct api_call *call, int64_t id)
{
    struct fault fault = {0};
    json_t *row = find_queue_row(call, id, &fault);
    if (row != NULL) {
        api_finish_take(call, row);
    } else {
        api_fail(call, &fault);
    }
}

/* The parameter "id", of a row that the asker may change; else the call is refused, and false. */
static bool require_own_row(struct api_call *call)
{
    struct fault fault = {0};
    if (!api_require_id(call, &call->queue_id)) {
        return false;
    }
    json_t *row = find_queue_row(call, call->queue_id, &fault);
    if (row == NULL) {
        api_fail(call, &fault);
        return false;
    }
    json_decref(row);
    return true;
}

void api_call_queue_show(struct api_call *call)
{
    int64_t id;
    if (api_require_id(call, &id)) {
        show_queue_row(call, id);
    }
}

static void on_queue_changed(void *context, const struct fault *fault, const char *text, int64_t id)
{
    struct api_call *call = context;
    (void)text;
    (void)id;
    if (fault != NULL) {
        api_fail(call, fault);
    } else {
        show_queue_row(call, call->queue_id);
    }
}

void api_call_queue_retry(struct api_call *call)
{
    if (require_own_row(call)) {
        agent_queue_retry(call->api->agent, call->queue_id,
                          json_is_true(json_object_get(call->params, "force")),
                          (struct agent_done){on_queue_changed, call});
    }
}

void api_call_queue_cancel(struct api_call *call)
{
    if (require_own_row(call)) {
        agent_queue_cancel(call->api->agent, call->queue_id,
                           (struct agent_done){on_queue_changed, call});
    }
}

/* ---- a mail from sendmail ---- */

static bool decode_mail(struct api_call *call, struct buf *out)
{
    const char *data = api_require_text(call, "data");
    if (data == NULL) {
        return false;
    }
    if (!base64_decode(out, bytes_of_str(data))) {
        api_refuse(call, FAULT_INVALID, "the parameter 'data' is not base64");
        return false;
    }
    return true;
}

void api_call_mail_submit(struct api_call *call)
{
    struct buf mail = {0};
    const char *account = NULL;
    if (!api_take_account(call, &account) || !decode_mail(call, &mail)) {
        return;
    }
    const json_t *list = json_object_get(call->params, "recipients");
    size_t n_listed = json_array_size(list);
    const char **recipients = xcalloc(n_listed + 1, sizeof *recipients);
    size_t n_recipients = 0;
    for (size_t i = 0; i < n_listed; i++) {
        const char *one = json_string_value(json_array_get(list, i));
        if (one != NULL) {
            recipients[n_recipients++] = one;
        }
    }
    const struct agent_submission submission = {
        .account = account,
        .sender = api_param_text(call, "sender"),
        .recipients = recipients,
        .n_recipients = n_recipients,
        .recipients_of_mail = json_is_true(json_object_get(call->params, "recipients_of_mail")),
        .notify = (unsigned)json_integer_value(json_object_get(call->params, "notify")) & 15,
        .return_full = json_is_true(json_object_get(call->params, "return_full")),
        .envelope_id = api_param_text(call, "envelope_id"),
        .full_name = api_param_text(call, "full_name"),
        .mail = buf_view(&mail),
        .once = api_param_text(call, "once"),
    };
    agent_submit(call->api->agent, &submission, api_done_with_text(call, "work"));
    free(recipients);
    buf_clear(&mail);
}
