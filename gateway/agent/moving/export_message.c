// SPDX-License-Identifier: MIT
#include "gateway/agent/moving/export_message.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/db.h"
#include "base/loop.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/outgoing/outgoing_row.h"
#include "gateway/agent/outgoing/recipient.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/messages.h"
#include "gateway/translate/to_mail.h"
#include "mailproto/imap/mailbox.h"

struct export_job {
    struct agent *agent;
    struct agent_message_done done;
    struct deferred answer; /* what needs no decoder */
    struct fault fault;
    bool failed;
    struct arena arena;

    struct agent_exported_message message;
    int64_t account_id;
    uint64_t email_id;
    struct address from;
    enum message_origin origin;
    unsigned use;
    const char *state; /* of its keyword; "": none */
    const struct outgoing_mail *mail;
};

static void end(struct export_job *job)
{
    if (!job->agent->closing) {
        job->done.call(job->done.context, job->failed ? NULL : &job->message,
                       job->failed ? &job->fault : NULL);
    }
    deferred_cancel(&job->answer);
    arena_clear(&job->arena);
    free(job);
}

static void answer(void *context)
{
    end(context);
}

/* ---- its row ---- */

static bool read_row(struct export_job *job, int64_t mailbox_id, uint32_t after_uid)
{
    struct db_stmt *stmt = db_prepare(
        agent_reader(job->agent),
        "SELECT m.uid, m.flags, m.internal_sec, m.body_id, m.origin, x.account_id, x.special_use,"
        " coalesce((SELECT k.name FROM keyword k WHERE k.mailbox_id = m.mailbox_id"
        "  AND k.name LIKE '" MESSAGE_STATE_PREFIX "%' AND (m.keywords >> k.bit) & 1), '')"
        " FROM message m JOIN mailbox x ON x.id = m.mailbox_id"
        " WHERE m.mailbox_id = ?1 AND m.uid > ?2 ORDER BY m.uid LIMIT 1",
        &job->fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, mailbox_id);
    db_bind_i64(stmt, 2, after_uid);
    enum db_step step = db_step(stmt, &job->fault);
    if (step != DB_ROW) {
        return step == DB_DONE;
    }
    const char *keyword = db_column_text(stmt, 7);
    job->message.uid = (uint32_t)db_column_i64(stmt, 0);
    job->message.flags = (uint8_t)db_column_i64(stmt, 1);
    job->message.internal_sec = db_column_i64(stmt, 2);
    job->email_id = (uint64_t)db_column_i64(stmt, 3);
    job->origin = (enum message_origin)db_column_i64(stmt, 4);
    job->account_id = db_column_i64(stmt, 5);
    job->use = (unsigned)db_column_i64(stmt, 6);
    job->state =
        arena_strdup(&job->arena, *keyword == '\0' ? "" : keyword + strlen(MESSAGE_STATE_PREFIX));
    db_reset(stmt);
    return true;
}

/* ---- whom it names ---- */

static bool find_address(const struct export_job *job, struct recipient *out,
                         const struct mail_address *written)
{
    struct buf text = {0};
    buf_printf(&text, "%.*s@%.*s", (int)written->mailbox.len, (const char *)written->mailbox.data,
               (int)written->host.len, (const char *)written->host.data);
    bool found = recipient_resolve(out, &job->agent->keyring, job->account_id, buf_view(&text),
                                   NULL) == ADDRESS_FORM_FOUND;
    buf_clear(&text);
    return found;
}

static struct bytes keep(struct export_job *job, struct bytes data)
{
    return (struct bytes){arena_memdup(&job->arena, data.data, data.len), data.len};
}

static const char *text_of(struct export_job *job, const struct address *address)
{
    char text[ADDRESS_TEXT_BYTES];
    address_encode(text, address);
    return arena_strdup(&job->arena, text);
}

static bool take_sender(struct export_job *job)
{
    struct recipient from;
    if (job->mail->from.n_items != 1 || !find_address(job, &from, &job->mail->from.items[0]) ||
        from.kind == OUTGOING_TO_SUBSCRIBERS) {
        return false;
    }
    job->from = from.address;
    job->message.from = text_of(job, &from.address);
    job->message.from_label = arena_strdup(
        &job->arena, keyring_label(&job->agent->keyring, job->account_id, &from.address));
    return true;
}

static enum exported_kind kind_of(const struct export_job *job)
{
    return (job->use & MAILBOX_USE_DRAFTS) != 0                          ? EXPORTED_DRAFT
           : (job->use & MAILBOX_USE_SENT) != 0 || job->state[0] != '\0' ? EXPORTED_SENT
                                                                         : EXPORTED_RECEIVED;
}

/* ---- whom it went to ---- */

static struct agent_exported_recipient *
add_recipient(struct export_job *job, const struct address *address, bool is_broadcast)
{
    struct agent_exported_recipient *out = &job->message.recipients[job->message.n_recipients++];
    *out = (struct agent_exported_recipient){
        .address = is_broadcast ? job->message.from : "",
        .label = "",
        .is_broadcast = is_broadcast,
        .state = job->state,
    };
    if (address != NULL) {
        out->ripe = keep(job, (struct bytes){address->ripe, RIPE_BYTES});
    }
    if (!is_broadcast && address != NULL) {
        out->address = text_of(job, address);
        out->label = arena_strdup(&job->arena,
                                  keyring_label(&job->agent->keyring, job->account_id, address));
    }
    return out;
}

static void add_written(struct export_job *job, const struct mail_addresses *list, size_t max)
{
    for (size_t i = 0; i < list->n_items && job->message.n_recipients < max; i++) {
        struct recipient recipient;
        bool found = find_address(job, &recipient, &list->items[i]);
        bool is_broadcast = found && recipient.kind == OUTGOING_TO_SUBSCRIBERS;
        (void)add_recipient(job,
                            is_broadcast ? &job->from
                            : found      ? &recipient.address
                                         : NULL,
                            is_broadcast);
    }
}

static void add_queued_one(struct export_job *job, struct db_stmt *stmt)
{
    struct address address;
    enum outgoing_kind kind = (enum outgoing_kind)db_column_i64(stmt, 1);
    enum outgoing_state state = (enum outgoing_state)db_column_i64(stmt, 2);
    bool is_read = address_decode(&address, bytes_of_str(db_column_text(stmt, 0))) == ADDRESS_OK;
    struct agent_exported_recipient *out =
        add_recipient(job, is_read ? &address : NULL, kind == OUTGOING_TO_SUBSCRIBERS);
    out->state = outgoing_state_name(state);
    out->ttl_sec = db_column_i64(stmt, 4);
    if (state == OUTGOING_SENT && kind == OUTGOING_TO_ADDRESS) {
        out->ackdata = keep(job, db_column_bytes(stmt, 3));
    }
}

/* Of a mail that the queue still knows: each recipient with his own state. */
static bool add_queued(struct export_job *job)
{
    struct db_stmt *stmt =
        db_prepare(agent_reader(job->agent),
                   "SELECT o.recipient, o.kind, o.state, o.ackdata,"
                   " CASE o.ttl_sec WHEN 0 THEN m.ttl_sec ELSE o.ttl_sec END, count(*) OVER ()"
                   " FROM outgoing_mail m JOIN outgoing o ON o.mail_id = m.id"
                   " WHERE m.email_id = ?1 ORDER BY o.id",
                   &job->fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, (int64_t)job->email_id);
    enum db_step step;
    while ((step = db_step(stmt, &job->fault)) == DB_ROW) {
        if (job->message.n_recipients == 0) {
            size_t n_rows = (size_t)db_column_i64(stmt, 5);
            job->message.recipients =
                arena_alloc(&job->arena, n_rows * sizeof(*job->message.recipients));
        }
        add_queued_one(job, stmt);
    }
    return step == DB_DONE;
}

static void hash_recipients(struct export_job *job)
{
    uint8_t hash[INVENTORY_HASH_BYTES];
    bool is_objects =
        job->message.n_recipients == 1 && to_mail_hash_of_message_id(hash, job->mail->message_id);
    for (size_t i = 0; i < job->message.n_recipients; i++) {
        struct agent_exported_recipient *recipient = &job->message.recipients[i];
        struct buf made = {0};
        buf_append_bytes(&made, job->mail->message_id);
        buf_append_str(&made, recipient->address);
        hash_sha256(recipient->hash, buf_view(&made));
        if (is_objects) {
            memcpy(recipient->hash, hash, sizeof(hash));
        }
        buf_clear(&made);
    }
}

static bool take_recipients(struct export_job *job)
{
    const struct outgoing_mail *mail = job->mail;
    if (job->message.kind == EXPORTED_SENT) {
        if (!add_queued(job)) {
            return false;
        }
        if (job->message.n_recipients > 0) {
            return true;
        }
    }
    bool is_received = job->message.kind == EXPORTED_RECEIVED;
    size_t max = is_received ? 1 : mail->to.n_items + mail->cc.n_items + mail->bcc.n_items;
    job->message.recipients =
        arena_alloc(&job->arena, (max + 1) * sizeof(*job->message.recipients));
    add_written(job, &mail->to, max);
    if (!is_received) {
        add_written(job, &mail->cc, max);
        add_written(job, &mail->bcc, max);
    }
    if (job->message.n_recipients == 0) {
        (void)add_recipient(job, NULL, false);
    }
    return true;
}

/* ---- taken apart ---- */

/* A row that can't be read is a fault; a mail that is no message is not. */
static void fill(struct export_job *job)
{
    job->message.kind = EXPORTED_OTHER;
    if (!take_sender(job)) {
        return;
    }
    job->message.kind = kind_of(job);
    if (!take_recipients(job)) {
        job->failed = true;
        return;
    }
    hash_recipients(job);
    job->message.subject = job->mail->subject;
    job->message.text = job->mail->text;
    job->message.n_files = job->mail->n_files;
}

static void taken_apart(void *context, struct decoder_answer *taken)
{
    struct export_job *job = context;
    if (taken->outcome == DECODER_CLOSED) {
        job->failed = true;
        (void)fault_set(&job->fault, FAULT_BUSY, "the decoder is gone");
    } else if (taken->outcome == DECODER_DONE && !job->agent->closing) {
        job->mail = &taken->outgoing;
        fill(job);
    }
    end(job);
    decoder_answer_free(&taken);
}

void agent_export_message(struct agent *agent, int64_t mailbox_id, uint32_t after_uid,
                          struct agent_message_done done)
{
    struct export_job *job = xcalloc(1, sizeof(*job));
    struct buf content = {0};
    job->agent = agent;
    job->done = done;
    deferred_init(&job->answer, agent->parts.loop, answer, job);
    job->failed = !read_row(job, mailbox_id, after_uid) ||
                  (job->message.uid != 0 && !messages_read_content(agent_reader(agent), &content,
                                                                   job->email_id, &job->fault));
    if (job->failed || job->message.uid == 0) {
        deferred_arm(&job->answer);
    } else {
        (void)decoder_client_outgoing(job->origin == MESSAGE_BY_NETWORK
                                          ? agent->parts.network_decoder
                                          : agent->parts.owner_decoder,
                                      buf_view(&content), (struct decoder_done){taken_apart, job});
    }
    buf_clear(&content);
}
