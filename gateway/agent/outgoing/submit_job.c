// SPDX-License-Identifier: MIT
#include "gateway/agent/outgoing/submit_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/incoming/arrival.h"
#include "gateway/agent/keys/pubkeys.h"
#include "gateway/agent/outgoing/outgoing.h"
#include "gateway/agent/outgoing/submit_copy.h"
#include "gateway/agent/people/mailing_list.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn.h"
#include "gateway/translate/mail_write.h"
#include "gateway/translate/to_mail.h"
#include "gateway/translate/to_message.h"
#include "mailproto/imap/mailbox.h"
#include "node/objects/ack.h"

enum { SUBMIT_MAX_RECIPIENTS = 1000, CONTACT_NAME_MAX_BYTES = 200 };

struct queued_recipient {
    struct submit_recipient what;
    char text[ADDRESS_TEXT_BYTES];
    struct buf ticket; /* also its acknowledgement's data, where one can come */
    int64_t id;        /* out */
};

struct submit_job {
    struct agent *agent;
    struct submit_done done;
    struct arena arena;

    int64_t account_id;
    bool has_sender;
    struct address sender;
    char sender_text[ADDRESS_TEXT_BYTES];
    bool recipients_of_mail;
    unsigned notify_of_mail;
    int64_t ttl_sec;
    const char *envelope_id;
    bool return_full;
    bool may_lack_from;
    const char *full_name;
    bool is_once;
    uint8_t mark[SEEN_MARK_BYTES];
    bool was_taken; /* out: the mark was there, nothing was stored */
    int64_t list_post_id;
    bool has_text;
    struct submit_text text;
    struct bytes ticket;
    bool lacks_memory;       /* for `mail` or `text` */
    bool adds_contacts;      /* it answers somebody, who comes into the address book */
    bool has_added_contacts; /* out */
    struct buf mail;         /* as it will stand in Sent */

    struct queued_recipient *recipients;
    size_t n_recipients;

    struct decoder_answer *outgoing;
    struct decoder_answer *plain;
    struct decoder_answer *extended;
    struct decoder_answer *analysis;
    struct message_plan plan;
    const char *message_id; /* with brackets */
    const char *subject;
    int64_t accepted_sec;
};

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

static void finish(struct submit_job *job, const struct fault *fault)
{
    struct submit_done done = job->done;
    struct fault kept = fault == NULL ? (struct fault){0} : *fault;
    job_free(job);
    done.call(done.context, fault == NULL ? NULL : &kept);
}

static void add_recipient(struct submit_job *job, const struct submit_recipient *what)
{
    for (size_t i = 0; i < job->n_recipients; i++) {
        const struct recipient *known = &job->recipients[i].what.to;
        if (known->kind == what->to.kind && address_equal(&known->address, &what->to.address)) {
            return; /* named twice: one message */
        }
    }
    job->recipients =
        xreallocarray(job->recipients, job->n_recipients + 1, sizeof(*job->recipients));
    struct queued_recipient *recipient = &job->recipients[job->n_recipients++];
    *recipient = (struct queued_recipient){.what = *what};
    recipient->what.original =
        arena_strdup(&job->arena, what->original == NULL ? "" : what->original);
}

static void refuse_for_memory(struct submit_job *job)
{
    struct fault fault = {0};
    (void)fault_set(&fault, FAULT_BUSY, "there is no memory for it now");
    finish(job, &fault);
}

/* ---- the transaction ---- */

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

static struct bytes ackdata_of(const struct queued_recipient *recipient)
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
        .ackdata = ackdata_of(recipient),
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
        .form = job->has_text && job->text.is_extended ? OUTGOING_FORM_EXTENDED
                : job->plan.needs_extended             ? OUTGOING_FORM_FILES
                                                       : OUTGOING_FORM_ANY,
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
            struct bytes ackdata = ackdata_of(recipient);
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
    finish(job, fault);
}

/* ---- the copy in Sent ---- */

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
    finish(job, &fault);
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
    agent_write(job->agent, run_store, stored, job);
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

static void refuse_size(struct submit_job *job, size_t len)
{
    struct fault fault;
    (void)fault_set(&fault, FAULT_LIMIT,
                    "the mail is too large for a Bitmessage: %zu bytes as it would be sent, %zu "
                    "fit",
                    len, to_message_max_content());
    finish(job, &fault);
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

/* ---- whose it is, and what it answers ---- */

static const struct own_key *own_of(const struct submit_job *job,
                                    const struct mail_addresses *addresses)
{
    for (size_t i = 0; i < addresses->n_items; i++) {
        const struct mail_address *item = &addresses->items[i];
        struct recipient named;
        struct buf typed = {0};
        buf_printf(&typed, "%.*s@%.*s", (int)item->mailbox.len, (const char *)item->mailbox.data,
                   (int)item->host.len, (const char *)item->host.data);
        bool found = recipient_resolve(&named, &job->agent->keyring, job->account_id,
                                       buf_view(&typed), NULL) == ADDRESS_FORM_FOUND;
        buf_clear(&typed);
        if (found && named.kind != OUTGOING_TO_SUBSCRIBERS) {
            return keyring_of_account(&job->agent->keyring, job->account_id, &named.address);
        }
    }
    return NULL;
}

static const struct own_key *first_identity(const struct keyring *keyring, int64_t account_id)
{
    for (size_t i = 0; i < keyring->n_own; i++) {
        const struct own_key *own = &keyring->own[i];
        if (own->account_id == account_id && own->kind == IDENTITY_OWN && own->enabled) {
            return own;
        }
    }
    return NULL;
}

static bool decide_sender(struct submit_job *job, struct fault *fault)
{
    const struct mail_addresses *from = &job->outgoing->outgoing.from;
    const struct own_key *own = own_of(job, from);
    if (own == NULL && from->n_items == 0 && !job->has_sender && job->may_lack_from) {
        own = first_identity(&job->agent->keyring, job->account_id);
    }
    if (own != NULL) {
        job->sender = own->address;
    } else if (from->n_items > 0 || !job->has_sender) {
        return fault_set(fault, FAULT_DENIED,
                         "the mail's From is not one of this account's identities");
    }
    address_encode(job->sender_text, &job->sender);
    return true;
}

static void add_header_recipients(struct submit_job *job, const struct mail_addresses *addresses,
                                  struct fault *fault)
{
    for (size_t i = 0; i < addresses->n_items && fault->code == FAULT_NONE; i++) {
        const struct mail_address *item = &addresses->items[i];
        struct submit_recipient recipient = {.notify = job->notify_of_mail};
        struct buf typed = {0};
        buf_printf(&typed, "%.*s@%.*s", (int)item->mailbox.len, (const char *)item->mailbox.data,
                   (int)item->host.len, (const char *)item->host.data);
        enum address_form_result result = recipient_resolve(
            &recipient.to, &job->agent->keyring, job->account_id, buf_view(&typed), fault);
        buf_clear(&typed);
        if (result == ADDRESS_FORM_FOUND) {
            add_recipient(job, &recipient);
        } else if (result == ADDRESS_FORM_FOLDED) {
            (void)fault_set(fault, FAULT_INVALID,
                            "an address whose upper and lower case was lost: write it as it was "
                            "given to you");
        }
    }
}

static bool decide_recipients(struct submit_job *job, struct fault *fault)
{
    struct fault why = {0};
    const struct outgoing_mail *mail = &job->outgoing->outgoing;
    if (job->recipients_of_mail) {
        add_header_recipients(job, &mail->to, &why);
        add_header_recipients(job, &mail->cc, &why);
        add_header_recipients(job, &mail->bcc, &why);
    }
    if (why.code != FAULT_NONE) {
        return fault_set(fault, why.code, "%s", why.text);
    }
    if (job->n_recipients > SUBMIT_MAX_RECIPIENTS) {
        return fault_set(fault, FAULT_LIMIT, "more than %d recipients", (int)SUBMIT_MAX_RECIPIENTS);
    }
    return job->n_recipients > 0 || fault_set(fault, FAULT_INVALID, "the mail has no recipient");
}

/* Known of all recipients that they can't read attachments? */
static bool nobody_reads_files(const struct submit_job *job)
{
    if (job->agent->parts.settings->mail.attachments == ATTACHMENTS_ALWAYS) {
        return false;
    }
    for (size_t i = 0; i < job->n_recipients; i++) {
        const struct recipient *recipient = &job->recipients[i].what.to;
        struct sender sender;
        bool is_person = recipient->kind == OUTGOING_TO_ADDRESS;
        bool known =
            is_person && pubkeys_find(agent_reader(job->agent), &sender, &recipient->address, NULL);
        if (recipient->kind == OUTGOING_TO_OWN || (is_person && !known) ||
            (known && (sender.behaviour & BEHAVIOUR_EXTENDED_ENCODING) != 0)) {
            return false;
        }
    }
    return true;
}

/* The object that brought or carried the mail with that Message-ID; of a mail that went to several,
 * none: its other recipients are nobody's business. */
static bool hash_of_mail(struct submit_job *job, struct bytes message_id, uint8_t *out)
{
    if (to_mail_hash_of_message_id(out, message_id)) {
        return true;
    }
    struct db_stmt *stmt = db_prepare(agent_reader(job->agent),
                                      "SELECT hash, count(*) FROM object_mail"
                                      " WHERE account_id = ?1 AND message_id = ?2",
                                      NULL);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, job->account_id);
    db_bind_text_bytes(stmt, 2, message_id);
    bool found = db_step(stmt, NULL) == DB_ROW && db_column_i64(stmt, 1) == 1 &&
                 db_column_bytes(stmt, 0).len == INVENTORY_HASH_BYTES;
    if (found) {
        memcpy(out, db_column_bytes(stmt, 0).data, INVENTORY_HASH_BYTES);
    }
    db_reset(stmt);
    return found;
}

static size_t find_parents(struct submit_job *job, struct bytes **out)
{
    const struct outgoing_mail *mail = &job->outgoing->outgoing;
    size_t n_parents = 0;
    *out = arena_alloc(&job->arena, (mail->n_references + 1) * sizeof(**out));
    for (size_t i = mail->n_references; i > 0; i--) {
        uint8_t hash[INVENTORY_HASH_BYTES];
        if (hash_of_mail(job, mail->references[i - 1], hash)) {
            (*out)[n_parents++] =
                (struct bytes){arena_memdup(&job->arena, hash, sizeof(hash)), sizeof(hash)};
        }
    }
    return n_parents;
}

/* The contact's, where neither the address (+ttl=) nor the mail asks for another. */
static void take_contacts_ttl(struct submit_job *job)
{
    for (size_t i = 0; i < job->n_recipients; i++) {
        struct recipient *to = &job->recipients[i].what.to;
        const struct known_address *contact =
            to->kind == OUTGOING_TO_SUBSCRIBERS
                ? NULL
                : keyring_contact_of(&job->agent->keyring, job->account_id, &to->address);
        if (to->ttl_sec == 0 && contact != NULL) {
            to->ttl_sec = contact->ttl_sec;
        }
    }
}

/* X-Bitmessage-TTL before DELIVERBY before the contact's before the identity's. */
static bool decide_ttl(struct submit_job *job, struct fault *fault)
{
    int64_t asked_sec = 0;
    if (!to_message_ttl(&asked_sec, &job->outgoing->outgoing, fault)) {
        return false;
    }
    const struct own_key *own =
        keyring_of_account(&job->agent->keyring, job->account_id, &job->sender);
    if (asked_sec != 0) {
        job->ttl_sec = asked_sec;
    } else if (job->ttl_sec == 0) {
        take_contacts_ttl(job);
        job->ttl_sec = own != NULL && own->ttl_sec != 0 ? own->ttl_sec
                                                        : job->agent->parts.settings->agent.ttl_sec;
    }
    return true;
}

/* What was given as it is, and of the mail nothing. */
static bool plan_text(struct submit_job *job, struct fault *fault)
{
    const struct submit_text *text = &job->text;
    if (text->subject.len > CONTENT_MAX_SUBJECT_BYTES) {
        return fault_set(fault, FAULT_LIMIT, "a subject has %d bytes at most",
                         (int)CONTENT_MAX_SUBJECT_BYTES);
    }
    job->plan = (struct message_plan){
        .plain = {.encoding = CONTENT_SIMPLE, .subject = text->subject, .body = text->body},
        .extended = {.encoding = CONTENT_EXTENDED, .subject = text->subject, .body = text->body},
        .has_extended = text->is_extended,
        .needs_extended = text->is_extended,
    };
    return true;
}

static bool decide(struct submit_job *job, struct fault *fault)
{
    struct bytes *parents = NULL;
    if (!decide_sender(job, fault) || !decide_recipients(job, fault) || !decide_ttl(job, fault)) {
        return false;
    }
    if (job->has_text) {
        return plan_text(job, fault);
    }
    job->adds_contacts =
        job->agent->parts.settings->mail.add_contacts && job->outgoing->outgoing.n_references > 0;
    size_t n_parents = find_parents(job, &parents);
    if (!to_message_plan(&job->plan, &job->outgoing->outgoing, parents, n_parents, &job->arena,
                         fault)) {
        return false;
    }
    if (job->plan.needs_extended && nobody_reads_files(job)) {
        return fault_set(fault, FAULT_UNSUPPORTED,
                         "the recipients' Bitmessage cannot read attachments: send the text alone");
    }
    return true;
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
    if (job->agent->closing || !decide(job, &fault)) {
        finish(job, &fault);
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
        add_recipient(job, &request->recipients[i]);
    }
    (void)decoder_client_outgoing(agent->parts.owner_decoder, request->mail,
                                  (struct decoder_done){taken_apart, job});
}
