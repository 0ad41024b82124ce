// SPDX-License-Identifier: MIT
/* What programs do to letters: mark, throw away, send. */
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "base/str.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/letters/letter_rows.h"
#include "gateway/agent/outgoing/recipient.h"
#include "gateway/agent/outgoing/submit_job.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn.h"
#include "gateway/store/message_moves.h"
#include "gateway/translate/mail_write.h"
#include "mailproto/imap/mailbox.h"
#include "node/objects/ack.h"

/* ---- marking and moving ---- */

struct letter_op {
    struct agent *agent;
    bool (*run)(struct mail_txn *txn, struct letter_op *op, struct fault *fault);
    struct agent_done done;
    struct arena arena;
    struct letter_choice choice;
    bool flag; /* seen; or back out of Trash */
};

static bool run_op(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct letter_op *op = job;
    return op->run(txn, op, fault);
}

static void op_done(void *job, const struct fault *fault)
{
    struct letter_op *op = job;
    struct agent_done done = op->done;
    struct agent *agent = op->agent;
    arena_clear(&op->arena);
    free(op);
    if (!agent->closing) {
        agent_queue_changed(agent);
        done.call(done.context, fault, "", 0);
    }
}

static void op_begin(struct agent *agent,
                     bool (*run)(struct mail_txn *txn, struct letter_op *op, struct fault *fault),
                     const struct letter_choice *choice, bool flag, struct agent_done done)
{
    struct letter_op *op = xcalloc(1, sizeof(*op));
    op->agent = agent;
    op->run = run;
    op->done = done;
    op->flag = flag;
    op->choice = *choice;
    op->choice.id.data = arena_memdup(&op->arena, choice->id.data, choice->id.len);
    op->choice.ticket.data = arena_memdup(&op->arena, choice->ticket.data, choice->ticket.len);
    agent_write(agent, run_op, op_done, op);
}

static bool write_seen(struct mail_txn *txn, struct letter_op *op, struct fault *fault)
{
    uint64_t arrived = 0;
    uint64_t sent = 0;
    if (!letter_find_bodies(mail_txn_db(txn), &arrived, &sent, &op->choice, fault)) {
        return false;
    }
    return arrived != 0 ? messages_set_seen(txn, arrived, op->flag, fault)
                        : fault_set(fault, FAULT_NOT_FOUND, "there is no such message");
}

void agent_letter_set_seen(struct agent *agent, int64_t account_id, struct bytes id, bool is_seen,
                           struct agent_done done)
{
    const struct letter_choice choice = {
        .account_id = account_id, .boxes = LETTERS_IN_ARRIVED, .id = id};
    op_begin(agent, write_seen, &choice, is_seen, done);
}

static bool put_back(struct mail_txn *txn, int64_t account_id, uint64_t arrived, uint64_t sent,
                     struct fault *fault)
{
    int64_t inbox = 0;
    int64_t sent_box = 0;
    return (arrived == 0 || (folders_ensure(txn, &inbox, account_id, FOLDER_NAME_INBOX, fault) &&
                             messages_untrash(txn, account_id, arrived, inbox, fault))) &&
           (sent == 0 || (folders_ensure_use(txn, &sent_box, account_id, MAILBOX_USE_SENT, fault) &&
                          messages_untrash(txn, account_id, sent, sent_box, fault)));
}

static bool write_trash(struct mail_txn *txn, struct letter_op *op, struct fault *fault)
{
    int64_t account_id = op->choice.account_id;
    uint64_t arrived = 0;
    uint64_t sent = 0;
    if (!letter_find_bodies(mail_txn_db(txn), &arrived, &sent, &op->choice, fault)) {
        return false;
    }
    if (op->flag) {
        return put_back(txn, account_id, arrived, sent, fault);
    }
    return (arrived == 0 || messages_trash(txn, account_id, arrived, fault)) &&
           (sent == 0 || messages_trash(txn, account_id, sent, fault));
}

void agent_letters_trash(struct agent *agent, const struct letter_choice *choice, bool back,
                         struct agent_done done)
{
    op_begin(agent, write_trash, choice, back, done);
}

static bool write_empty(struct mail_txn *txn, struct letter_op *op, struct fault *fault)
{
    return messages_empty_trash(txn, op->choice.account_id, fault);
}

void agent_trash_empty(struct agent *agent, int64_t account_id, struct agent_done done)
{
    op_begin(agent, write_empty, &(struct letter_choice){.account_id = account_id}, false, done);
}

/* ---- sending ---- */

struct sending {
    struct agent *agent;
    struct agent_done done;
    struct fault fault;
    struct deferred refusal;
    char ticket[2 * LETTER_MAX_TICKET_BYTES + 1];
};

static void sending_end(struct sending *sending, const struct fault *fault)
{
    if (!sending->agent->closing) {
        sending->done.call(sending->done.context, fault, fault == NULL ? sending->ticket : "", 0);
    }
    deferred_cancel(&sending->refusal);
    free(sending);
}

static void refused(void *context)
{
    struct sending *sending = context;
    sending_end(sending, &sending->fault);
}

static void submitted(void *context, const struct fault *fault, const char *work)
{
    (void)work;
    sending_end(context, fault);
}

/* The copy in Sent, for people. */
static void write_mail(struct buf *out, const struct letter_draft *draft)
{
    char from[ADDRESS_MAIL_BYTES];
    char to[ADDRESS_MAIL_BYTES] = "broadcast@" ADDRESS_FORM_DOMAIN;
    struct buf clean = {0};
    address_form_mail(from, &draft->from);
    if (!draft->is_broadcast) {
        address_form_mail(to, &draft->to);
    }
    mail_write_address(out, "From", (struct bytes){0}, from);
    mail_write_address(out, "To", (struct bytes){0}, to);
    mail_write_text(out, "Subject", draft->subject);
    mail_write_field(out, "MIME-Version", "1.0");
    (void)mail_clean_text(&clean, draft->text);
    mail_write_text_part(out, buf_view(&clean));
    buf_clear(&clean);
}

/* What every reader of encodings 1 and 2 makes of a subject: its first line, cut. */
static struct bytes sent_subject(struct bytes subject)
{
    for (size_t i = 0; i < subject.len; i++) {
        if (subject.data[i] == '\n' || subject.data[i] == '\r') {
            subject.len = i;
        }
    }
    return bytes_slice(subject, 0, CONTENT_MAX_SUBJECT_BYTES);
}

static void submit(struct sending *sending, const struct letter_draft *draft,
                   const struct submit_recipient *to)
{
    struct buf mail = {0};
    struct buf ticket = {0};
    struct buf subject = {0};
    struct buf text = {0};
    struct submit_text given = {sent_subject(draft->subject), draft->text, draft->is_extended};
    if (draft->is_extended) { /* whose texts are UTF-8 */
        utf8_repair(&subject, given.subject);
        utf8_repair(&text, given.body);
        given.subject = bytes_slice(buf_view(&subject), 0,
                                    utf8_cut(buf_view(&subject), CONTENT_MAX_SUBJECT_BYTES));
        given.body = buf_view(&text);
    }
    ack_make_data(&ticket, ACK_PLAIN, draft->is_broadcast ? draft->from.stream : draft->to.stream);
    hex_encode(sending->ticket, bytes_slice(buf_view(&ticket), 0, LETTER_MAX_TICKET_BYTES));
    write_mail(&mail, draft);
    const struct submit_request request = {
        .account_id = draft->account_id,
        .sender = &draft->from,
        .recipients = to,
        .n_recipients = 1,
        .mail = buf_view(&mail),
        .ttl_sec = draft->ttl_sec,
        .text = &given,
        .ticket = buf_view(&ticket),
    };
    submit_job_start(sending->agent, &request, (struct submit_done){submitted, sending});
    buf_clear(&mail);
    buf_clear(&ticket);
    buf_clear(&subject);
    buf_clear(&text);
}

void agent_letter_send(struct agent *agent, const struct letter_draft *draft,
                       struct agent_done done)
{
    struct sending *sending = xcalloc(1, sizeof(*sending));
    struct submit_recipient to = {.to = {.kind = OUTGOING_TO_SUBSCRIBERS}};
    sending->agent = agent;
    sending->done = done;
    deferred_init(&sending->refusal, agent->parts.loop, refused, sending);
    if (!draft->is_broadcast && !recipient_of_address(&to.to, &agent->keyring, draft->account_id,
                                                      &draft->to, &sending->fault)) {
        deferred_arm(&sending->refusal);
        return;
    }
    submit(sending, draft, &to);
}
