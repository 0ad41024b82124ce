// SPDX-License-Identifier: MIT
#include <string.h>

#include "base/db.h"
#include "base/str.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/keys/pubkeys.h"
#include "gateway/agent/outgoing/submit_internal.h"
#include "gateway/translate/to_mail.h"

enum { SUBMIT_MAX_RECIPIENTS = 1000 };

/* ---- whose it is, and for whom ---- */

void submit_add_recipient(struct submit_job *job, const struct submit_recipient *what)
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

static const struct own_key *own_of(const struct submit_job *job,
                                    const struct mail_addresses *addresses)
{
    for (size_t i = 0; i < addresses->n_items; i++) {
        const struct mail_address *item = &addresses->items[i];
        struct recipient named;
        bool found = recipient_of_field(&named, &job->agent->keyring, job->account_id, item,
                                        NULL) == ADDRESS_FORM_FOUND;
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
        enum address_form_result result =
            recipient_of_field(&recipient.to, &job->agent->keyring, job->account_id, item, fault);
        if (result == ADDRESS_FORM_FOUND) {
            submit_add_recipient(job, &recipient);
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

/* ---- what it answers ---- */

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
    job->form = text->is_extended ? OUTGOING_FORM_EXTENDED : OUTGOING_FORM_ANY;
    return true;
}

static bool plan_mail(struct submit_job *job, struct fault *fault)
{
    struct bytes *parents = NULL;
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
    job->form = job->plan.needs_extended ? OUTGOING_FORM_FILES : OUTGOING_FORM_ANY;
    return true;
}

bool submit_decide(struct submit_job *job, struct fault *fault)
{
    return decide_sender(job, fault) && decide_recipients(job, fault) && decide_ttl(job, fault) &&
           (job->has_text ? plan_text(job, fault) : plan_mail(job, fault));
}
