// SPDX-License-Identifier: MIT
#include "gateway/agent/people/mailing_list.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/db.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/str.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/incoming/arrival.h"
#include "gateway/agent/outgoing/submit_job.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/mail_txn.h"
#include "gateway/translate/mail_write.h"

enum { RETRY_MS = 60 * 1000 };

struct mailing_lists {
    struct agent *agent;
    struct deferred pump;
    struct timer retry;
    int64_t posting; /* the row that is being queued; 0: none */
};

/* ---- keeping ---- */

bool mailing_list_keep(struct db *db, const struct arrival *arrival, struct fault *fault)
{
    char sender[ADDRESS_TEXT_BYTES];
    if (arrival->content == NULL || arrival->content->outcome != DECODER_DONE) {
        return true;
    }
    struct db_stmt *stmt = db_prepare(db,
                                      "INSERT INTO list_post (identity_id, sender, arrived_sec,"
                                      " subject, body) VALUES (?1, ?2, ?3, ?4, ?5)",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    address_encode(sender, &arrival->trial.sender.address);
    db_bind_i64(stmt, 1, arrival->list_id);
    db_bind_text(stmt, 2, sender);
    db_bind_i64(stmt, 3, arrival->arrived_sec);
    db_bind_bytes(stmt, 4, arrival->content->content.subject);
    db_bind_bytes(stmt, 5, arrival->content->content.body);
    return db_run(stmt, fault);
}

bool mailing_list_done(struct db *db, int64_t post_id, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, "DELETE FROM list_post WHERE id = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, post_id);
    return db_run(stmt, fault);
}

/* ---- the broadcast's mail ---- */

/* "[name] subject", without the Re: in front; a subject that has the name already keeps it. */
static void write_subject(struct buf *out, const char *name, struct bytes subject)
{
    struct buf clean = {0};
    struct buf tag = {0};
    (void)mail_clean_line(&clean, subject);
    buf_printf(&tag, "[%s]", name);
    const char *text = buf_str(&clean);
    if (strncmp(text, "Re:", 3) == 0 || strncmp(text, "RE:", 3) == 0) {
        text += 3;
        text += strspn(text, " ");
    }
    if (strstr(text, buf_str(&tag)) == NULL) {
        buf_printf(out, "%s ", buf_str(&tag));
    }
    buf_append_str(out, text);
    buf_clear(&tag);
    buf_clear(&clean);
}

/* PyBitmessage's words, which some programs look for. */
static void write_body(struct buf *out, const char *sender, int64_t arrived_sec, struct bytes body)
{
    char when[64];
    struct tm utc;
    time_t seconds = (time_t)arrived_sec;
    if (gmtime_r(&seconds, &utc) == NULL ||
        strftime(when, sizeof(when), "%a, %Y-%m-%d %H:%M:%S UTC", &utc) == 0) {
        when[0] = '\0';
    }
    buf_printf(out, "%s   Message ostensibly from %s:\n\n", when, sender);
    (void)mail_clean_text(out, body);
}

static void write_mail(struct buf *out, const struct own_key *list, struct db_stmt *row)
{
    struct buf text = {0};
    char mail_address[ADDRESS_MAIL_BYTES];
    address_form_mail(mail_address, &list->address);
    mail_write_address(out, "From", (struct bytes){0}, mail_address);
    mail_write_address(out, "To", (struct bytes){0}, "broadcast@" ADDRESS_FORM_DOMAIN);
    write_subject(&text, list->list_name, db_column_bytes(row, 4));
    mail_write_text(out, "Subject", buf_view(&text));
    mail_write_field(out, "MIME-Version", "1.0");
    buf_reset(&text);
    write_body(&text, db_column_text(row, 2), db_column_i64(row, 3), db_column_bytes(row, 5));
    mail_write_text_part(out, buf_view(&text));
    buf_clear(&text);
}

/* ---- passing on ---- */

struct drop_job {
    struct mailing_lists *lists;
    struct agent *agent;
    int64_t id;
};

static bool run_drop(struct mail_txn *txn, void *job, struct fault *fault)
{
    return mailing_list_done(mail_txn_db(txn), ((struct drop_job *)job)->id, fault);
}

static void dropped(void *job, const struct fault *fault)
{
    struct drop_job *drop = job;
    if (!drop->agent->closing) {
        drop->lists->posting = 0;
        if (fault != NULL) {
            timer_arm(&drop->lists->retry, RETRY_MS);
        } else {
            mailing_lists_wake(drop->lists);
        }
    }
    free(drop);
}

/* It can't be passed on, now or later. */
static void drop_post(struct mailing_lists *lists, int64_t id)
{
    struct drop_job *drop = xcalloc(1, sizeof(*drop));
    *drop = (struct drop_job){lists, lists->agent, id};
    agent_write(lists->agent, run_drop, dropped, drop);
}

static bool is_passing(enum fault_code code)
{
    return code == FAULT_BUSY || code == FAULT_IO || code == FAULT_NO_SPACE ||
           code == FAULT_CANCELLED || code == FAULT_CLOSED || code == FAULT_TIMEOUT;
}

static void posted(void *context, const struct fault *fault, const char *work)
{
    (void)work;
    struct mailing_lists *lists = context;
    if (lists->agent->closing) {
        return;
    }
    if (fault == NULL) {
        log_info("agent", "a post to a mailing list is passed on");
        lists->posting = 0;
        mailing_lists_wake(lists);
    } else if (is_passing(fault->code)) {
        lists->posting = 0;
        timer_arm(&lists->retry, RETRY_MS);
    } else {
        log_warn("agent", "a post to a mailing list is not passed on reason=\"%s\"", fault->text);
        drop_post(lists, lists->posting);
    }
}

static void post(struct mailing_lists *lists, const struct own_key *list, struct db_stmt *row)
{
    struct buf mail = {0};
    const struct submit_recipient to_all = {.to = {.kind = OUTGOING_TO_SUBSCRIBERS}};
    write_mail(&mail, list, row);
    const struct submit_request request = {
        .account_id = list->account_id,
        .sender = &list->address,
        .recipients = &to_all,
        .n_recipients = 1,
        .mail = buf_view(&mail),
        .list_post_id = lists->posting,
    };
    submit_job_start(lists->agent, &request, (struct submit_done){posted, lists});
    buf_clear(&mail);
}

static void pump(void *context)
{
    struct mailing_lists *lists = context;
    struct db *db = agent_reader(lists->agent);
    struct db_stmt *row =
        lists->posting != 0
            ? NULL
            : db_prepare(db,
                         "SELECT id, identity_id, sender, arrived_sec, subject, body"
                         " FROM list_post ORDER BY id LIMIT 1",
                         NULL);
    if (row == NULL || db_step(row, NULL) != DB_ROW) {
        return;
    }
    const struct own_key *list = keyring_by_id(&lists->agent->keyring, db_column_i64(row, 1));
    lists->posting = db_column_i64(row, 0);
    if (list != NULL && list->enabled && list->list_name[0] != '\0') {
        post(lists, list, row);
    } else {
        drop_post(lists, lists->posting); /* it is a list no more */
    }
    db_reset(row);
}

/* ---- life ---- */

struct mailing_lists *mailing_lists_new(struct agent *agent)
{
    struct mailing_lists *lists = xcalloc(1, sizeof(*lists));
    lists->agent = agent;
    deferred_init(&lists->pump, agent->parts.loop, pump, lists);
    timer_init(&lists->retry, agent->parts.loop, pump, lists);
    deferred_arm(&lists->pump);
    return lists;
}

void mailing_lists_stop(struct mailing_lists *lists)
{
    deferred_cancel(&lists->pump);
    timer_cancel(&lists->retry);
}

void mailing_lists_free(struct mailing_lists **lists)
{
    free(*lists);
    *lists = NULL;
}

void mailing_lists_wake(struct mailing_lists *lists)
{
    deferred_arm(&lists->pump);
}
