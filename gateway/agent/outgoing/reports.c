// SPDX-License-Identifier: MIT
#include "gateway/agent/outgoing/reports.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/db.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/random.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/incoming/arrival.h"
#include "gateway/agent/incoming/handout.h"
#include "gateway/agent/outgoing/lateness.h"
#include "gateway/agent/outgoing/outgoing_db.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn.h"
#include "gateway/translate/mail_write.h"
#include "gateway/translate/report.h"

/* A mail being written. */
struct writing {
    struct agent *agent;
    int64_t outgoing_id; /* 0: the welcome */
    unsigned kind;
    int64_t account_id;
    struct buf mail;
    struct decoder_answer *analysis;
    struct reports_done done;
    bool is_once;
    uint8_t mark[SEEN_MARK_BYTES]; /* is_once: not written where it is known */
};

struct reports {
    struct agent *agent;
    struct map busy; /* outgoing id -> struct writing */
    struct deferred pump;
};

enum { REPORTS_BATCH = 16, UNIQUE_BYTES = 33 };

static void pump(void *context);

struct reports *reports_new(struct agent *agent)
{
    struct reports *reports = xcalloc(1, sizeof(*reports));
    reports->agent = agent;
    deferred_init(&reports->pump, agent->parts.loop, pump, reports);
    deferred_arm(&reports->pump);
    return reports;
}

void reports_stop(struct reports *reports)
{
    deferred_cancel(&reports->pump);
}

void reports_free(struct reports **reports_in)
{
    struct reports *reports = *reports_in;
    *reports_in = NULL;
    if (reports == NULL) {
        return;
    }
    map_clear(&reports->busy);
    free(reports);
}

void reports_wake(struct reports *reports)
{
    deferred_arm(&reports->pump);
}

static void make_unique(char out[UNIQUE_BYTES])
{
    uint8_t random[16];
    random_bytes(random, sizeof(random));
    hex_encode(out, (struct bytes){random, sizeof(random)});
}

/* ---- storing ---- */

static bool run_store(struct mail_txn *txn, void *job, struct fault *fault)
{
    const struct writing *writing = job;
    bool is_new = true;
    char unique[UNIQUE_BYTES];
    const struct message_new message = {
        .content = buf_view(&writing->mail),
        .analysis = &writing->analysis->analysis,
        .origin = MESSAGE_BY_SERVER,
    };
    const struct handout_mail mail = {.account_id = writing->account_id,
                                      .folder = FOLDER_NAME_INBOX,
                                      .message = &message,
                                      .mark = unique};
    if (writing->is_once && !arrival_remember(txn, &is_new, writing->mark, SEEN_HANDED_IN, fault)) {
        return false;
    }
    if (!is_new) {
        return true;
    }
    make_unique(unique);
    return handout_store(txn, &writing->agent->parts.settings->mail, &mail, fault) &&
           (writing->outgoing_id == 0 ||
            outgoing_reported(txn, writing->outgoing_id, writing->kind, fault));
}

static void end_writing(struct writing *writing, const struct fault *fault)
{
    struct agent *agent = writing->agent;
    struct reports_done done = writing->done;
    if (!agent->closing && writing->outgoing_id != 0) {
        (void)map_remove_u64(&agent->reports->busy, (uint64_t)writing->outgoing_id);
        if (fault == NULL) {
            reports_wake(agent->reports);
        }
    }
    if (!agent->closing && fault == NULL) {
        handouts_wake(agent->handouts);
    }
    if (fault != NULL) {
        log_error("agent", "mail to the user not stored reason=\"%s\"", fault->text);
    }
    buf_clear(&writing->mail);
    decoder_answer_free(&writing->analysis);
    free(writing);
    if (done.call != NULL) {
        done.call(done.context, fault);
    }
}

static void stored(void *job, const struct fault *fault)
{
    end_writing(job, fault);
}

static void analysed(void *context, struct decoder_answer *answer)
{
    struct writing *writing = context;
    writing->analysis = answer;
    if (answer->outcome == DECODER_CLOSED) {
        struct fault fault;
        (void)fault_set(&fault, FAULT_CLOSED, "the decoder is gone");
        end_writing(writing, &fault);
        return;
    }
    agent_write(writing->agent, run_store, stored, writing);
}

static void analyse(struct writing *writing)
{
    (void)decoder_client_analyse(writing->agent->parts.owner_decoder, buf_view(&writing->mail),
                                 clock_now_sec(), (struct decoder_done){analysed, writing});
}

/* ---- delivery reports ---- */

static void mail_address_of(char out[ADDRESS_MAIL_BYTES], struct address *address, const char *text)
{
    out[0] = '\0';
    if (address_decode(address, bytes_of_str(text)) == ADDRESS_OK) {
        address_form_mail(out, address);
    }
}

static unsigned next_kind(unsigned due)
{
    static const unsigned order[] = {REPORT_DELIVERED, REPORT_RELAYED, REPORT_FAILED,
                                     REPORT_DELAYED};
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        if ((due & order[i]) != 0) {
            return order[i];
        }
    }
    return 0;
}

/* A delay that is over by now is no news: nothing is written, only struck off. */
static void drop_report(struct writing *writing)
{
    agent_write(writing->agent, run_store, stored, writing);
}

static void write_report(struct reports *reports, const struct outgoing_row *row)
{
    struct agent *agent = reports->agent;
    char to[ADDRESS_MAIL_BYTES];
    char recipient[ADDRESS_MAIL_BYTES];
    char unique[UNIQUE_BYTES];
    struct address sender_address = {0};
    struct address recipient_address = {0};
    struct buf original = {0};
    struct buf reason = {0};
    struct writing *writing = xcalloc(1, sizeof(*writing));
    writing->agent = agent;
    writing->outgoing_id = row->id;
    writing->kind = next_kind(row->report_due);
    writing->account_id = row->account_id;
    (void)map_put_u64(&reports->busy, (uint64_t)row->id, writing);

    bool is_delay = writing->kind == REPORT_DELAYED;
    enum report_why why = is_delay ? lateness_explain(agent, row, &reason) : row->why;
    if (is_delay && why == REPORT_WHY_NONE) {
        buf_clear(&reason);
        drop_report(writing);
        return;
    }
    make_unique(unique);
    mail_address_of(to, &sender_address, row->sender);
    mail_address_of(recipient, &recipient_address, row->recipient);
    if (!messages_read_content(agent_reader(agent), &original, row->email_id, NULL)) {
        buf_reset(&original);
    }
    const struct report report = {
        .kind = (enum report_kind)writing->kind,
        .why = why,
        .to = to,
        .recipient = recipient,
        .recipient_label = keyring_label(&agent->keyring, row->account_id, &recipient_address),
        .subject = row->subject,
        .message_id = row->message_id,
        .reason = is_delay ? buf_str(&reason) : row->reason,
        .original = row->original,
        .envelope_id = row->envelope_id,
        .accepted_sec = row->accepted_sec,
        .now_sec = clock_now_sec(),
        .until_sec = is_delay && (why == REPORT_WHY_NO_KEY || why == REPORT_WHY_NO_ACK)
                         ? row->accepted_sec + agent->parts.settings->agent.give_up_after_sec
                         : 0,
        .number = row->id,
        .mail = buf_view(&original),
        .return_full = row->return_full,
        .unique = unique,
    };
    report_write(&writing->mail, &report);
    buf_clear(&original);
    buf_clear(&reason);
    analyse(writing);
}

static void pump(void *context)
{
    struct reports *reports = context;
    struct db *db = agent_reader(reports->agent);
    struct db_stmt *stmt =
        db_prepare(db, "SELECT id FROM outgoing WHERE report_due != 0 ORDER BY id LIMIT ?1", NULL);
    int64_t ids[REPORTS_BATCH];
    size_t n_ids = 0;
    if (stmt == NULL) {
        return;
    }
    db_bind_i64(stmt, 1, REPORTS_BATCH);
    while (n_ids < REPORTS_BATCH && db_step(stmt, NULL) == DB_ROW) {
        ids[n_ids++] = db_column_i64(stmt, 0);
    }
    db_reset(stmt);
    for (size_t i = 0; i < n_ids; i++) {
        struct arena arena = {0};
        struct outgoing_row row;
        if (map_get_u64(&reports->busy, (uint64_t)ids[i]) == NULL &&
            outgoing_read(db, &row, ids[i], &arena, NULL) && next_kind(row.report_due) != 0) {
            write_report(reports, &row);
        }
        arena_clear(&arena);
    }
}

void reports_welcome(struct reports *reports, int64_t account_id, const char *account,
                     const char *address_text, const char *label, struct reports_done done)
{
    char address[ADDRESS_MAIL_BYTES];
    char unique[UNIQUE_BYTES];
    struct address decoded;
    make_unique(unique);
    mail_address_of(address, &decoded, address_text);
    struct writing *writing = xcalloc(1, sizeof(*writing));
    writing->agent = reports->agent;
    writing->account_id = account_id;
    writing->done = done;
    const struct welcome welcome = {
        .account = account,
        .address = address,
        .label = label,
        .unique = unique,
        .now_sec = clock_now_sec(),
    };
    report_write_welcome(&writing->mail, &welcome);
    analyse(writing);
}

/* The address that a report to this account is written to: its first identity's. */
static void address_of_account(char out[ADDRESS_MAIL_BYTES], const struct keyring *keyring,
                               int64_t account_id)
{
    (void)snprintf(out, ADDRESS_MAIL_BYTES, "postmaster@" ADDRESS_FORM_DOMAIN);
    for (size_t i = 0; i < keyring->n_own; i++) {
        const struct own_key *own = &keyring->own[i];
        if (own->account_id == account_id && own->kind == IDENTITY_OWN && own->enabled) {
            address_form_mail(out, &own->address);
            return;
        }
    }
}

void reports_refuse(struct reports *reports, const struct reports_refusal *refusal,
                    struct reports_done done)
{
    char to[ADDRESS_MAIL_BYTES];
    char unique[UNIQUE_BYTES];
    struct buf recipient = {0};
    int64_t now_sec = clock_now_sec();
    make_unique(unique);
    address_of_account(to, &reports->agent->keyring, refusal->account_id);
    (void)mail_clean_line(&recipient, bytes_of_str(refusal->recipient));
    struct writing *writing = xcalloc(1, sizeof(*writing));
    writing->agent = reports->agent;
    writing->account_id = refusal->account_id;
    writing->done = done;
    writing->is_once = true;
    arrival_name_mark(writing->mark, refusal->once);
    const struct report report = {
        .kind = REPORT_FAILED,
        .to = to,
        .recipient = buf_str(&recipient),
        .recipient_label = "",
        .subject = "a mail that waited for Bittern to run",
        .message_id = "",
        .reason = refusal->reason,
        .original = "",
        .envelope_id = "",
        .accepted_sec = now_sec,
        .now_sec = now_sec,
        .mail = refusal->mail,
        .return_full = true,
        .unique = unique,
    };
    report_write(&writing->mail, &report);
    buf_clear(&recipient);
    analyse(writing);
}
