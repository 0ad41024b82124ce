// SPDX-License-Identifier: MIT
/* The outgoing queue from the user's side: list, retry, cancel; and mails handed in by other ways
 * than SMTP. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/db.h"
#include "base/loop.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/outgoing/lateness.h"
#include "gateway/agent/outgoing/message_build.h"
#include "gateway/agent/outgoing/outgoing_db.h"
#include "gateway/agent/outgoing/submit_job.h"
#include "gateway/store/accounts.h"
#include "gateway/store/mail_txn.h"

/* ---- looking ---- */

static void show_row(struct agent *agent, const struct outgoing_row *row, struct arena *arena,
                     void (*each)(void *context, const struct agent_queue_info *info),
                     void *context)
{
    struct account account;
    struct pow_progress progress;
    bool at_work =
        row->state == OUTGOING_WORKING && object_jobs_progress(agent->jobs, row->id, &progress);
    struct work_cost cost = {0};
    struct buf words = {0};
    bool has_work =
        message_cost_left(&cost, row, &agent->keyring, agent_reader(agent), agent->parts.settings);
    double trials_per_sec = agent_trials_per_sec(agent);
    struct pow_estimate work = work_cost_estimate(&cost, trials_per_sec);
    if (has_work) {
        work_cost_write(&words, &cost, trials_per_sec);
    }
    bool has_account = accounts_get(agent_reader(agent), &account, row->account_id, arena, NULL);
    const struct agent_queue_info info = {
        .id = row->id,
        .mail_id = row->mail_id,
        .account = has_account ? account.name : "",
        .sender = row->sender,
        .recipient = row->recipient,
        .subject = row->subject,
        .state = row->state,
        .reason = lateness_waits_for_keys(agent, row) ? LATENESS_LOCKED : row->reason,
        .accepted_sec = row->accepted_sec,
        .since_sec = row->since_sec,
        .next_sec = row->next_sec,
        .tries = row->tries,
        .progress = at_work ? &progress : NULL,
        .work = has_work ? &work : NULL,
        .work_words = buf_str(&words),
    };
    each(context, &info);
    buf_clear(&words);
}

bool agent_queue_show(struct agent *agent, int64_t id,
                      void (*each)(void *context, const struct agent_queue_info *info),
                      void *context, struct fault *fault)
{
    struct arena arena = {0};
    struct outgoing_row row;
    bool ok = outgoing_read(agent_reader(agent), &row, id, &arena, fault);
    if (ok) {
        show_row(agent, &row, &arena, each, context);
    }
    arena_clear(&arena);
    return ok;
}

bool agent_queue_list(struct agent *agent, const struct agent_queue_query *query,
                      void (*each)(void *context, const struct agent_queue_info *info),
                      void *context, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(agent_reader(agent),
                                      "SELECT o.id FROM outgoing o WHERE o.id > ?1"
                                      " AND (?2 OR o.state NOT IN (?3, ?4, ?5))"
                                      " AND (?6 = '' OR EXISTS (SELECT 1 FROM outgoing_mail m"
                                      " JOIN account a ON a.id = m.account_id"
                                      " WHERE m.id = o.mail_id AND a.name = ?6))"
                                      " ORDER BY o.id LIMIT ?7",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, query->after_id);
    db_bind_i64(stmt, 2, query->all);
    db_bind_i64(stmt, 3, OUTGOING_DELIVERED);
    db_bind_i64(stmt, 4, OUTGOING_FAILED);
    db_bind_i64(stmt, 5, OUTGOING_CANCELLED);
    db_bind_text(stmt, 6, query->account == NULL ? "" : query->account);
    db_bind_i64(stmt, 7, (int64_t)query->limit);
    int64_t *ids = NULL;
    size_t n_ids = 0;
    size_t capacity = 0;
    enum db_step step;
    while ((step = db_step(stmt, fault)) == DB_ROW) {
        ids = array_grow(ids, n_ids, &capacity, sizeof(*ids));
        ids[n_ids++] = db_column_i64(stmt, 0);
    }
    bool ok = step == DB_DONE;
    for (size_t i = 0; ok && i < n_ids; i++) {
        struct fault why = {0};
        ok = agent_queue_show(agent, ids[i], each, context, &why) || why.code == FAULT_NOT_FOUND ||
             fault_set(fault, why.code, "%s", why.text);
    }
    free(ids);
    return ok;
}

/* ---- changing ---- */

struct queue_op {
    struct agent *agent;
    struct agent_done done;
    int64_t id;
    bool is_cancel;
    bool force;
};

static bool set_forced(struct db *db, int64_t id, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, "UPDATE outgoing SET forced = 1 WHERE id = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    return db_run(stmt, fault);
}

/* The clock of giving up starts anew with a retry. */
static bool accept_anew(struct mail_txn *txn, int64_t id, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(mail_txn_db(txn),
                                      "UPDATE outgoing_mail SET accepted_sec = ?2"
                                      " WHERE id = (SELECT mail_id FROM outgoing WHERE id = ?1)",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    db_bind_i64(stmt, 2, mail_txn_now_sec(txn));
    return db_run(stmt, fault);
}

/* One that was held for its cost has the key; one that a restore holds may not. */
static bool has_key(struct db *db, const char *recipient)
{
    struct db_stmt *stmt = db_prepare(db, "SELECT 1 FROM pubkey WHERE address = ?1", NULL);
    if (stmt == NULL) {
        return false;
    }
    db_bind_text(stmt, 1, recipient);
    bool found = db_step(stmt, NULL) == DB_ROW;
    db_reset(stmt);
    return found;
}

static bool run_retry(struct mail_txn *txn, const struct queue_op *op, struct fault *fault)
{
    struct arena arena = {0};
    struct outgoing_row row;
    bool ok = outgoing_read(mail_txn_db(txn), &row, op->id, &arena, fault);
    enum outgoing_state state = ok ? row.state : OUTGOING_CANCELLED;
    bool may_work = ok && has_key(mail_txn_db(txn), row.recipient);
    arena_clear(&arena);
    if (!ok || (op->force && !set_forced(mail_txn_db(txn), op->id, fault))) {
        return false;
    }
    if (state == OUTGOING_HELD && !op->force) {
        return fault_set(fault, FAULT_INVALID,
                         "it is held because it asks for much work: retry with --force");
    }
    const struct outgoing_change change = {
        .to = state == OUTGOING_HELD && may_work ? OUTGOING_WORKING : OUTGOING_QUEUED, .tries = 0};
    return accept_anew(txn, op->id, fault) && outgoing_change(txn, op->id, &change, fault);
}

static bool run_op(struct mail_txn *txn, void *job, struct fault *fault)
{
    const struct queue_op *op = job;
    return op->is_cancel ? outgoing_cancel(txn, op->id, fault) : run_retry(txn, op, fault);
}

static void op_done(void *job, const struct fault *fault)
{
    struct queue_op *op = job;
    struct agent *agent = op->agent;
    if (!agent->closing) {
        agent_queue_changed(agent);
        op->done.call(op->done.context, fault, "", op->id);
    }
    free(op);
}

static struct queue_op *op_new(struct agent *agent, int64_t id, struct agent_done done)
{
    struct queue_op *op = xcalloc(1, sizeof(*op));
    op->agent = agent;
    op->id = id;
    op->done = done;
    return op;
}

void agent_queue_retry(struct agent *agent, int64_t id, bool force, struct agent_done done)
{
    struct queue_op *op = op_new(agent, id, done);
    op->force = force;
    agent_write(agent, run_op, op_done, op);
}

void agent_queue_cancel(struct agent *agent, int64_t id, struct agent_done done)
{
    struct queue_op *op = op_new(agent, id, done);
    op->is_cancel = true;
    agent_write(agent, run_op, op_done, op);
}

/* ---- mails handed in ---- */

struct hand_in {
    struct agent *agent;
    struct agent_done done;
    struct deferred answer;
    struct fault fault;
};

static void hand_in_end(struct hand_in *hand_in, const struct fault *fault, const char *work)
{
    struct agent_done done = hand_in->done;
    bool closing = hand_in->agent->closing;
    deferred_cancel(&hand_in->answer);
    struct fault kept = fault == NULL ? (struct fault){0} : *fault;
    free(hand_in);
    if (!closing) {
        done.call(done.context, fault == NULL ? NULL : &kept, work, 0);
    }
}

static void answer_refused(void *context)
{
    struct hand_in *hand_in = context;
    struct fault fault = hand_in->fault;
    hand_in_end(hand_in, &fault, "");
}

static void submitted(void *context, const struct fault *fault, const char *work)
{
    hand_in_end(context, fault, work);
}

static bool find_account(struct agent *agent, int64_t *out,
                         const struct agent_submission *submission, struct fault *fault)
{
    struct arena arena = {0};
    struct account *accounts = NULL;
    size_t n_accounts = 0;
    struct recipient named;
    if (submission->account != NULL) {
        return accounts_find(agent_reader(agent), out, submission->account, fault);
    }
    if (submission->sender != NULL &&
        recipient_resolve(&named, &agent->keyring, 0, bytes_of_str(submission->sender), NULL) ==
            ADDRESS_FORM_FOUND &&
        named.kind != OUTGOING_TO_SUBSCRIBERS) {
        const struct own_key *own = keyring_by_address(&agent->keyring, &named.address);
        if (own != NULL) {
            *out = own->account_id;
            return true;
        }
    }
    bool ok = accounts_list(agent_reader(agent), &accounts, &n_accounts, &arena, fault);
    if (ok && n_accounts == 1) {
        *out = accounts[0].id;
    } else if (ok) {
        ok = fault_set(fault, FAULT_INVALID,
                       "there are several accounts, or none: name the sender (-f)");
    }
    arena_clear(&arena);
    return ok;
}

/* Line ends of any kind become CRLF. */
static void to_crlf(struct buf *out, struct bytes mail)
{
    for (size_t i = 0; i < mail.len; i++) {
        uint8_t byte = mail.data[i];
        if (byte == '\r') {
            i += i + 1 < mail.len && mail.data[i + 1] == '\n' ? 1 : 0;
            buf_append_str(out, "\r\n");
        } else if (byte == '\n') {
            buf_append_str(out, "\r\n");
        } else {
            buf_append_byte(out, byte);
        }
    }
}

static bool resolve_named(struct agent *agent, const struct agent_submission *submission,
                          int64_t account_id, struct submit_recipient *out, struct fault *fault)
{
    for (size_t i = 0; i < submission->n_recipients; i++) {
        out[i].notify = submission->notify;
        enum address_form_result result =
            recipient_resolve(&out[i].to, &agent->keyring, account_id,
                              bytes_of_str(submission->recipients[i]), fault);
        if (result == ADDRESS_FORM_FOLDED) {
            return fault_set(
                fault, FAULT_INVALID,
                "%.80s: its upper and lower case was lost: write it as it was given to "
                "you",
                submission->recipients[i]);
        }
        if (result == ADDRESS_FORM_REFUSED) {
            return fault_wrap(fault, "%.80s", submission->recipients[i]);
        }
    }
    return true;
}

static bool find_sender(struct agent *agent, const struct agent_submission *submission,
                        int64_t account_id, const struct own_key **out, struct fault *fault)
{
    struct recipient named;
    *out = NULL;
    if (submission->sender == NULL) {
        return true;
    }
    if (recipient_resolve(&named, &agent->keyring, account_id, bytes_of_str(submission->sender),
                          NULL) == ADDRESS_FORM_FOUND &&
        named.kind != OUTGOING_TO_SUBSCRIBERS) {
        *out = keyring_of_account(&agent->keyring, account_id, &named.address);
    }
    return *out != NULL ||
           fault_set(fault, FAULT_DENIED, "the sender is not one of this account's identities");
}

void agent_submit(struct agent *agent, const struct agent_submission *submission,
                  struct agent_done done)
{
    struct hand_in *hand_in = xcalloc(1, sizeof(*hand_in));
    struct submit_recipient *recipients =
        xcalloc(submission->n_recipients + 1, sizeof(*recipients));
    const struct own_key *sender = NULL;
    int64_t account_id = 0;
    hand_in->agent = agent;
    hand_in->done = done;
    deferred_init(&hand_in->answer, agent->parts.loop, answer_refused, hand_in);
    if (!find_account(agent, &account_id, submission, &hand_in->fault) ||
        !find_sender(agent, submission, account_id, &sender, &hand_in->fault) ||
        !resolve_named(agent, submission, account_id, recipients, &hand_in->fault)) {
        deferred_arm(&hand_in->answer);
        free(recipients);
        return;
    }
    struct buf mail = {0};
    to_crlf(&mail, submission->mail);
    const struct submit_request request = {
        .account_id = account_id,
        .sender = sender == NULL ? NULL : &sender->address,
        .recipients = recipients,
        .n_recipients = submission->n_recipients,
        .recipients_of_mail = submission->recipients_of_mail,
        .notify_of_mail = submission->notify,
        .mail = buf_view(&mail),
        .envelope_id = submission->envelope_id,
        .return_full = submission->return_full,
        .may_lack_from = true,
        .full_name = submission->full_name,
        .once = submission->once,
    };
    submit_job_start(agent, &request, (struct submit_done){submitted, hand_in});
    buf_clear(&mail);
    free(recipients);
}
