// SPDX-License-Identifier: MIT
#include "gateway/agent/outgoing/submit_job.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/outgoing/message_build.h"
#include "gateway/agent/outgoing/submit_copy.h"
#include "gateway/agent/outgoing/submit_internal.h"
#include "node/objects/ack.h"

static void job_free(struct submit_job *job)
{
    for (size_t i = 0; i < job->n_recipients; i++) {
        buf_clear(&job->recipients[i].ticket);
    }
    free(job->recipients);
    decoder_answer_free(&job->outgoing);
    decoder_answer_free(&job->plain);
    decoder_answer_free(&job->extended);
    decoder_answer_free(&job->analysis);
    buf_clear(&job->mail);
    arena_clear(&job->arena);
    free(job);
}

void submit_finish(struct submit_job *job, const struct fault *fault)
{
    struct submit_done done = job->done;
    struct fault kept = fault == NULL ? (struct fault){0} : *fault;
    struct buf work = {0};
    if (fault == NULL && job->cost.mean_trials > 0 && !job->agent->closing) {
        work_cost_write(&work, &job->cost, agent_trials_per_sec(job->agent));
    }
    job_free(job);
    done.call(done.context, fault == NULL ? NULL : &kept, buf_str(&work));
    buf_clear(&work);
}

static void refuse_for_memory(struct submit_job *job)
{
    struct fault fault = {0};
    (void)fault_set(&fault, FAULT_BUSY, "there is no memory for it now");
    submit_finish(job, &fault);
}

/* ---- the copy in Sent ---- */

static void add_up_cost(struct submit_job *job)
{
    struct db *db = agent_reader(job->agent);
    for (size_t i = 0; i < job->n_recipients; i++) {
        const struct queued_recipient *recipient = &job->recipients[i];
        struct work_cost cost;
        int64_t ttl_sec = recipient->what.to.ttl_sec;
        const struct outgoing_row row = {
            .account_id = job->account_id,
            .sender = job->sender_text,
            .recipient = recipient->text,
            .kind = recipient->what.to.kind,
            .state = OUTGOING_QUEUED,
            .ackdata = submit_ackdata(recipient),
            .ttl_sec = ttl_sec != 0 ? ttl_sec : job->ttl_sec,
            .form = job->form,
            .plain_len = job->plain->encoded.len,
            .extended_len = job->extended == NULL ? 0 : job->extended->encoded.len,
        };
        if (message_cost_left(&cost, &row, &job->agent->keyring, db, job->agent->parts.settings)) {
            work_cost_add(&job->cost, &cost);
        }
    }
}

/* False when the job has ended already. */
static bool answer_is_good(struct submit_job *job, const struct decoder_answer *answer)
{
    if (answer->outcome == DECODER_DONE) {
        return true;
    }
    struct fault fault = answer->fault;
    if (answer->outcome != DECODER_REFUSED) {
        (void)fault_set(&fault, answer->outcome == DECODER_CLOSED ? FAULT_BUSY : FAULT_INVALID,
                        "the mail could not be taken apart");
    }
    submit_finish(job, &fault);
    return false;
}

static void analysed(void *context, struct decoder_answer *answer)
{
    struct submit_job *job = context;
    job->analysis = answer;
    bool is_for_later = answer->outcome == DECODER_REFUSED && answer->fault.code == FAULT_BUSY;
    if (answer->outcome == DECODER_CLOSED || is_for_later) {
        (void)answer_is_good(job, answer);
        return;
    }
    add_up_cost(job);
    submit_store(job);
}

static void complete_mail(struct submit_job *job)
{
    struct recipient *recipients =
        arena_alloc(&job->arena, (job->n_recipients + 1) * sizeof(*recipients));
    for (size_t i = 0; i < job->n_recipients; i++) {
        recipients[i] = job->recipients[i].what.to;
    }
    const struct submit_copy copy = {
        .keyring = &job->agent->keyring,
        .account_id = job->account_id,
        .mail = &job->outgoing->outgoing,
        .sender = &job->sender,
        .full_name = job->full_name,
        .recipients = recipients,
        .n_recipients = job->n_recipients,
        .accepted_sec = job->accepted_sec,
    };
    job->message_id = submit_copy_complete(&job->mail, &copy, &job->arena);
}

static void make_copy(struct submit_job *job)
{
    for (size_t i = 0; i < job->n_recipients; i++) {
        struct queued_recipient *recipient = &job->recipients[i];
        const struct address *address = recipient->what.to.kind == OUTGOING_TO_SUBSCRIBERS
                                            ? &job->sender
                                            : &recipient->what.to.address;
        address_encode(recipient->text, address);
        if (job->ticket.len > 0 && job->n_recipients == 1) {
            buf_append_bytes(&recipient->ticket, job->ticket);
        } else {
            ack_make_data(&recipient->ticket, ACK_PLAIN, address->stream);
        }
    }
    complete_mail(job);
    if (job->message_id == NULL) {
        refuse_for_memory(job);
        return;
    }
    job->subject = arena_strndup(&job->arena, (const char *)job->outgoing->outgoing.subject.data,
                                 job->outgoing->outgoing.subject.len);
    (void)decoder_client_analyse(job->agent->parts.owner_decoder, buf_view(&job->mail),
                                 job->accepted_sec, (struct decoder_done){analysed, job});
}

/* ---- the content ---- */

/* What it would take to send the largest that fits, instead. */
static void refuse_size(struct submit_job *job, size_t len)
{
    struct fault fault;
    struct work_cost cost = {.is_least = true};
    struct buf words = {0};
    const struct work_message largest = {
        .content_len = to_message_max_content(),
        .ttl_sec = job->ttl_sec,
        .ackdata_len = ACK_MIN_DATA_BYTES,
    };
    work_cost_add_message(&cost, &largest, agent_least(job->agent));
    work_cost_write(&words, &cost, agent_trials_per_sec(job->agent));
    (void)fault_set(&fault, FAULT_LIMIT,
                    "the mail is too large for a Bitmessage: %zu bytes as it would be sent, %zu "
                    "fit (%s)",
                    len, largest.content_len, buf_str(&words));
    buf_clear(&words);
    submit_finish(job, &fault);
}

static void extended_encoded(void *context, struct decoder_answer *answer)
{
    struct submit_job *job = context;
    job->extended = answer;
    bool fits = answer->outcome == DECODER_DONE && to_message_fits(answer->encoded.len);
    if (!fits && job->plan.needs_extended) {
        if (answer_is_good(job, answer)) {
            refuse_size(job, answer->encoded.len);
        }
        return;
    }
    if (!fits) {
        decoder_answer_free(&job->extended); /* only the thread is lost to those who read it */
    }
    make_copy(job);
}

static void plain_encoded(void *context, struct decoder_answer *answer)
{
    struct submit_job *job = context;
    job->plain = answer;
    if (!answer_is_good(job, answer)) {
        return;
    }
    if (!to_message_fits(answer->encoded.len)) {
        refuse_size(job, answer->encoded.len);
        return;
    }
    if (job->plan.has_extended) {
        (void)decoder_client_encode(job->agent->parts.owner_decoder, &job->plan.extended,
                                    (struct decoder_done){extended_encoded, job});
    } else {
        make_copy(job);
    }
}

static void taken_apart(void *context, struct decoder_answer *answer)
{
    struct submit_job *job = context;
    struct fault fault = {0};
    job->outgoing = answer;
    if (!answer_is_good(job, answer)) {
        return;
    }
    if (job->lacks_memory) {
        refuse_for_memory(job);
        return;
    }
    if (job->agent->closing || !submit_decide(job, &fault)) {
        submit_finish(job, &fault);
        return;
    }
    (void)decoder_client_encode(job->agent->parts.owner_decoder, &job->plan.plain,
                                (struct decoder_done){plain_encoded, job});
}

/* The job's own copies of what may be large. False: there is no memory. */
static bool keep_contents(struct submit_job *job, const struct submit_request *request)
{
    if (request->text != NULL) {
        const struct submit_text *text = request->text;
        job->has_text = true;
        job->text = *text;
        job->text.subject.data =
            arena_try_memdup(&job->arena, text->subject.data, text->subject.len);
        job->text.body.data = arena_try_memdup(&job->arena, text->body.data, text->body.len);
        if (job->text.subject.data == NULL || job->text.body.data == NULL) {
            return false;
        }
    }
    if (!buf_try_reserve(&job->mail, request->mail.len)) {
        return false;
    }
    buf_append_bytes(&job->mail, request->mail);
    return true;
}

void submit_job_start(struct agent *agent, const struct submit_request *request,
                      struct submit_done done)
{
    struct submit_job *job = xcalloc(1, sizeof(*job));
    job->agent = agent;
    job->done = done;
    job->account_id = request->account_id;
    job->has_sender = request->sender != NULL;
    if (request->sender != NULL) {
        job->sender = *request->sender;
    }
    job->recipients_of_mail = request->recipients_of_mail;
    job->ttl_sec = request->ttl_sec;
    job->envelope_id =
        arena_strdup(&job->arena, request->envelope_id == NULL ? "" : request->envelope_id);
    job->return_full = request->return_full;
    job->notify_of_mail = request->notify_of_mail;
    job->may_lack_from = request->may_lack_from;
    job->full_name =
        arena_strdup(&job->arena, request->full_name == NULL ? "" : request->full_name);
    job->is_once = request->once != NULL;
    if (job->is_once) {
        arrival_name_mark(job->mark, request->once);
    }
    job->list_post_id = request->list_post_id;
    job->ticket = (struct bytes){
        arena_memdup(&job->arena, request->ticket.data, request->ticket.len), request->ticket.len};
    job->accepted_sec = clock_now_sec();
    /* Told when the decoder answers: nobody is answered from within his own call. */
    job->lacks_memory = !keep_contents(job, request);
    for (size_t i = 0; i < request->n_recipients; i++) {
        submit_add_recipient(job, &request->recipients[i]);
    }
    (void)decoder_client_outgoing(agent->parts.owner_decoder, request->mail,
                                  (struct decoder_done){taken_apart, job});
}
