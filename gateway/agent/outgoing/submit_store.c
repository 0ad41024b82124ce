// SPDX-License-Identifier: MIT
#include "base/log.h"
#include "base/str.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/outgoing/outgoing.h"
#include "gateway/agent/outgoing/outgoing_db.h"
#include "gateway/agent/outgoing/outgoing_shown.h"
#include "gateway/agent/outgoing/submit_internal.h"
#include "gateway/agent/people/mailing_list.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn.h"
#include "gateway/translate/mail_write.h"
#include "mailproto/imap/mailbox.h"

enum { CONTACT_NAME_MAX_BYTES = 200 };

static bool store_copies(struct mail_txn *txn, const struct submit_job *job,
                         struct outgoing_new_mail *mail, struct fault *fault)
{
    int64_t sent_box = 0;
    int64_t outbox = 0;
    const struct message_new message = {
        .content = buf_view(&job->mail),
        .analysis = &job->analysis->analysis,
        .flags = MAILBOX_FLAG_SEEN,
        .internal_sec = job->accepted_sec,
        .origin = MESSAGE_BY_SUBMISSION,
    };
    return folders_ensure_use(txn, &sent_box, job->account_id, MAILBOX_USE_SENT, fault) &&
           folders_ensure(txn, &outbox, job->account_id, FOLDER_NAME_OUTBOX, fault) &&
           messages_add(txn, &mail->sent, sent_box, &message, fault) &&
           messages_add_copy(txn, &mail->outbox, outbox, &mail->sent, fault);
}

struct bytes submit_ackdata(const struct queued_recipient *recipient)
{
    return recipient->what.to.kind == OUTGOING_TO_ADDRESS ? buf_view(&recipient->ticket)
                                                          : (struct bytes){0};
}

static bool queue_recipient(struct mail_txn *txn, struct queued_recipient *recipient,
                            int64_t mail_id, struct fault *fault)
{
    const struct outgoing_new_recipient row = {
        .mail_id = mail_id,
        .recipient = recipient->text,
        .kind = recipient->what.to.kind,
        .ackdata = submit_ackdata(recipient),
        .ticket = buf_view(&recipient->ticket),
        .ttl_sec = recipient->what.to.ttl_sec,
        .notify = recipient->what.notify,
        .original = recipient->what.original,
    };
    return outgoing_add_recipient(txn, &recipient->id, &row, fault);
}

/* The name that the mail gives a recipient; "" when it gives none. */
static const char *name_in_mail(struct submit_job *job, const char *address)
{
    const struct mail_addresses *to = &job->outgoing->outgoing.to;
    for (size_t i = 0; i < to->n_items; i++) {
        struct buf clean = {0};
        if (bytes_equal_ci(to->items[i].mailbox, bytes_of_str(address))) {
            (void)mail_clean_line(&clean, to->items[i].name);
            size_t len = utf8_cut(buf_view(&clean), CONTACT_NAME_MAX_BYTES);
            const char *name = arena_strndup(&job->arena, buf_str(&clean), len);
            buf_clear(&clean);
            return name;
        }
    }
    return "";
}

static bool add_contacts(struct db *db, struct submit_job *job, struct fault *fault)
{
    for (size_t i = 0; i < job->n_recipients; i++) {
        const struct queued_recipient *recipient = &job->recipients[i];
        bool is_new = false;
        if (recipient->what.to.kind == OUTGOING_TO_ADDRESS &&
            !keyring_write_contact_if_new(db, &is_new, job->account_id, &recipient->what.to.address,
                                          name_in_mail(job, recipient->text), fault)) {
            return false;
        }
        job->has_added_contacts = job->has_added_contacts || is_new;
    }
    return true;
}

static bool run_store(struct mail_txn *txn, void *context, struct fault *fault)
{
    struct submit_job *job = context;
    struct outgoing_new_mail mail = {
        .account_id = job->account_id,
        .sender = job->sender_text,
        .message_id = job->message_id,
        .subject = job->subject,
        .content_plain = job->plain->encoded,
        .content_extended = job->extended == NULL ? (struct bytes){0} : job->extended->encoded,
        .form = job->form,
        .ttl_sec = job->ttl_sec,
        .accepted_sec = job->accepted_sec,
        .envelope_id = job->envelope_id,
        .return_full = job->return_full,
    };
    int64_t mail_id = 0;
    bool is_new = true;
    if (job->is_once && !arrival_remember(txn, &is_new, job->mark, SEEN_HANDED_IN, fault)) {
        return false;
    }
    job->was_taken = !is_new;
    if (job->was_taken) {
        return true;
    }
    if (!store_copies(txn, job, &mail, fault) || !outgoing_add_mail(txn, &mail_id, &mail, fault)) {
        return false;
    }
    for (size_t i = 0; i < job->n_recipients; i++) {
        if (!queue_recipient(txn, &job->recipients[i], mail_id, fault)) {
            return false;
        }
    }
    if (job->adds_contacts && !add_contacts(mail_txn_db(txn), job, fault)) {
        return false;
    }
    if (job->list_post_id != 0 && !mailing_list_done(mail_txn_db(txn), job->list_post_id, fault)) {
        return false;
    }
    return outgoing_show_mail(txn, mail_id, fault);
}

static void stored(void *context, const struct fault *fault)
{
    struct submit_job *job = context;
    struct agent *agent = job->agent;
    if (fault == NULL && !agent->closing && !job->was_taken) {
        for (size_t i = 0; i < job->n_recipients; i++) {
            const struct queued_recipient *recipient = &job->recipients[i];
            struct bytes ackdata = submit_ackdata(recipient);
            if (ackdata.len > 0) {
                ack_wait_add(&agent->acks, ackdata, recipient->id);
            }
        }
        if (job->has_added_contacts) {
            agent_reload_keys(agent);
        }
        log_info("agent", "mail accepted recipients=%zu bytes=%zu", job->n_recipients,
                 job->mail.len);
        outgoing_new_mail(agent->outgoing);
        if (job->list_post_id != 0) {
            mailing_lists_wake(agent->lists);
        }
    }
    submit_finish(job, fault);
}

void submit_store(struct submit_job *job)
{
    agent_write(job->agent, run_store, stored, job);
}
