// SPDX-License-Identifier: MIT
#include "gateway/agent/incoming/handout.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/db.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "config/settings.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn.h"

struct handouts {
    struct agent *agent;
    struct map busy; /* row -> struct handout */
    struct deferred pump;
    struct timer timer; /* to the next row that is due */
};

/* A row under way: with its program, or on its way into the mailbox. */
struct handout {
    struct handouts *handouts;
    struct agent *agent;
    int64_t id;
    int64_t account_id;
    int64_t added_sec;
    int64_t tries;
    bool is_kept; /* it stands in the mailbox already */
    char *folder;
    struct buf mail;
    struct decoder_answer *analysis;
    bool has_ended;
    int64_t next_sec; /* of a row that is tried again */
};

static void pump(void *context);

/* ---- in a transaction ---- */

static bool add_row(struct mail_txn *txn, const struct handout_mail *mail, bool is_kept,
                    struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(mail_txn_db(txn),
                   "INSERT INTO handout (account_id, folder, mark, is_kept, added_sec, content)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                   fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, mail->account_id);
    db_bind_text(stmt, 2, mail->folder);
    db_bind_text(stmt, 3, mail->mark);
    db_bind_i64(stmt, 4, is_kept);
    db_bind_i64(stmt, 5, mail_txn_now_sec(txn));
    db_bind_bytes(stmt, 6, mail->message->content);
    return db_run(stmt, fault);
}

static bool keep(struct mail_txn *txn, const struct handout_mail *mail, struct fault *fault)
{
    int64_t mailbox = 0;
    struct message_place place;
    return folders_ensure(txn, &mailbox, mail->account_id, mail->folder, fault) &&
           messages_add(txn, &place, mailbox, mail->message, fault);
}

bool handout_store(struct mail_txn *txn, const struct mail_settings *settings,
                   const struct handout_mail *mail, struct fault *fault)
{
    bool goes_out = settings->deliver[0] != '\0' && strcmp(mail->folder, FOLDER_NAME_JUNK) != 0;
    bool is_kept = !goes_out || settings->deliver_keep;
    return (!goes_out || add_row(txn, mail, is_kept, fault)) &&
           (!is_kept || keep(txn, mail, fault));
}

static bool delete_row(struct db *db, int64_t id, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(db, "DELETE FROM handout WHERE id = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, id);
    return db_run(stmt, fault);
}

static bool run_delete(struct mail_txn *txn, void *job, struct fault *fault)
{
    const struct handout *handout = job;
    return delete_row(mail_txn_db(txn), handout->id, fault);
}

static bool run_put_off(struct mail_txn *txn, void *job, struct fault *fault)
{
    const struct handout *handout = job;
    struct db_stmt *stmt =
        db_prepare(mail_txn_db(txn),
                   "UPDATE handout SET tries = tries + 1, next_sec = ?2 WHERE id = ?1", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, handout->id);
    db_bind_i64(stmt, 2, handout->next_sec);
    return db_run(stmt, fault);
}

static bool run_keep(struct mail_txn *txn, void *job, struct fault *fault)
{
    const struct handout *handout = job;
    const struct message_new message = {
        .content = buf_view(&handout->mail),
        .analysis = &handout->analysis->analysis,
        .internal_sec = handout->added_sec,
        .origin = MESSAGE_BY_NETWORK,
    };
    const struct handout_mail mail = {
        .account_id = handout->account_id, .folder = handout->folder, .message = &message};
    return keep(txn, &mail, fault) && delete_row(mail_txn_db(txn), handout->id, fault);
}

/* ---- the end of one ---- */

static void handout_free(struct handout *handout)
{
    decoder_answer_free(&handout->analysis);
    buf_clear(&handout->mail);
    free(handout->folder);
    free(handout);
}

static void end_handout(struct handout *handout)
{
    struct handouts *handouts = handout->handouts;
    (void)map_remove_u64(&handouts->busy, (uint64_t)handout->id);
    handout_free(handout);
    handouts_wake(handouts);
}

static void written(void *job, const struct fault *fault)
{
    struct handout *handout = job;
    if (fault != NULL && !handout->agent->closing) {
        log_error("agent", "mail to hand out: not noted reason=\"%s\"", fault->text);
    }
    end_handout(handout);
}

static void analysed(void *context, struct decoder_answer *answer)
{
    struct handout *handout = context;
    handout->analysis = answer;
    if (answer->outcome == DECODER_CLOSED) {
        end_handout(handout);
        return;
    }
    agent_write(handout->agent, run_keep, written, handout);
}

/* It can't be handed out: it stays in the house. */
static void give_up(struct handout *handout, const char *why)
{
    log_warn("agent", "mail not handed out, it stays in %s reason=%s", handout->folder, why);
    if (handout->is_kept) {
        agent_write(handout->agent, run_delete, written, handout);
    } else {
        (void)decoder_client_analyse(handout->agent->parts.network_decoder,
                                     buf_view(&handout->mail), handout->added_sec,
                                     (struct decoder_done){analysed, handout});
    }
}

static void put_off(struct handout *handout)
{
    int64_t wait_sec = HANDOUT_LAST_RETRY_SEC;
    if (handout->tries < 8) {
        int64_t doubled = (int64_t)HANDOUT_FIRST_RETRY_SEC << handout->tries;
        wait_sec = doubled < wait_sec ? doubled : wait_sec;
    }
    handout->next_sec = clock_now_sec() + wait_sec;
    agent_write(handout->agent, run_put_off, written, handout);
}

static bool is_for_good(int exit_code)
{
    return exit_code == EX_DATAERR || exit_code == EX_NOUSER || exit_code == EX_UNAVAILABLE ||
           exit_code == EX_NOPERM;
}

void handouts_ended(struct handouts *handouts, int64_t id, int exit_code)
{
    struct handout *handout = map_get_u64(&handouts->busy, (uint64_t)id);
    if (handout == NULL || handout->has_ended) {
        return; /* begun before a restart: it was begun again */
    }
    handout->has_ended = true;
    if (exit_code == EX_OK) {
        log_info("agent", "mail handed out");
        agent_write(handout->agent, run_delete, written, handout);
    } else if (is_for_good(exit_code)) {
        give_up(handout, "refused");
    } else if (clock_now_sec() - handout->added_sec > HANDOUT_GIVE_UP_SEC) {
        give_up(handout, "tried-too-long");
    } else {
        log_warn("agent", "mail not handed out yet exit=%d", exit_code);
        put_off(handout);
    }
}

/* ---- beginning ---- */

/* The mail as a file without a name: whoever reads it may take his time. */
static int file_of(const struct agent *agent, struct bytes mail)
{
    char *path = xasprintf("%s/handout.tmp", agent->parts.folder);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0;
    if (ok) {
        (void)unlink(path);
    }
    ok = ok && file_write_all(fd, mail, NULL);
    free(path);
    if (fd >= 0 && (!ok || lseek(fd, 0, SEEK_SET) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void run_program(struct handout *handout, const char *account, const char *mark)
{
    const struct agent_programs *programs = &handout->agent->parts.programs;
    char *environment = xasprintf("BITTERN_ACCOUNT=%s\nBITTERN_MARK=%" PRId64 ".%s", account,
                                  handout->added_sec, mark);
    int fd = file_of(handout->agent, buf_view(&handout->mail));
    if (fd < 0) {
        log_error("agent", "mail to hand out: no file for it errno=%d", errno);
        handout->has_ended = true;
        put_off(handout);
    } else {
        programs->run(programs->context, "deliver", handout->id, environment, fd);
        close(fd);
    }
    free(environment);
}

static void begin(struct handouts *handouts, struct db_stmt *row)
{
    struct handout *handout = xcalloc(1, sizeof(*handout));
    handout->handouts = handouts;
    handout->agent = handouts->agent;
    handout->id = db_column_i64(row, 0);
    handout->account_id = db_column_i64(row, 1);
    handout->folder = xstrdup(db_column_text(row, 3));
    handout->is_kept = db_column_i64(row, 5) != 0;
    handout->added_sec = db_column_i64(row, 6);
    handout->tries = db_column_i64(row, 7);
    buf_append_bytes(&handout->mail, db_column_bytes(row, 8));
    (void)map_put_u64(&handouts->busy, (uint64_t)handout->id, handout);
    run_program(handout, db_column_text(row, 2), db_column_text(row, 4));
}

/* Begin what is due, as many as may run; then sleep until the next. */
static void pump(void *context)
{
    struct handouts *handouts = context;
    struct db_stmt *stmt = db_prepare(
        agent_reader(handouts->agent),
        "SELECT h.id, h.account_id, a.name, h.folder, h.mark, h.is_kept, h.added_sec, h.tries,"
        " h.content, h.next_sec FROM handout h JOIN account a ON a.id = h.account_id"
        " ORDER BY h.next_sec, h.id LIMIT ?1",
        NULL);
    int64_t now_sec = clock_now_sec();
    if (stmt == NULL) {
        return;
    }
    db_bind_i64(stmt, 1, HANDOUT_AT_ONCE * 2);
    while (handouts->busy.n_items < HANDOUT_AT_ONCE && db_step(stmt, NULL) == DB_ROW) {
        if (db_column_i64(stmt, 9) > now_sec) {
            timer_arm(&handouts->timer, (db_column_i64(stmt, 9) - now_sec) * 1000);
            break;
        }
        if (map_get_u64(&handouts->busy, (uint64_t)db_column_i64(stmt, 0)) == NULL) {
            begin(handouts, stmt);
        }
    }
    db_reset(stmt);
}

void handouts_wake(struct handouts *handouts)
{
    if (handouts->agent->parts.programs.run != NULL && !handouts->agent->closing) {
        deferred_arm(&handouts->pump);
    }
}

/* ---- life ---- */

struct handouts *handouts_new(struct agent *agent)
{
    struct handouts *handouts = xcalloc(1, sizeof(*handouts));
    handouts->agent = agent;
    deferred_init(&handouts->pump, agent->parts.loop, pump, handouts);
    timer_init(&handouts->timer, agent->parts.loop, pump, handouts);
    handouts_wake(handouts);
    return handouts;
}

void handouts_stop(struct handouts *handouts)
{
    deferred_cancel(&handouts->pump);
    timer_cancel(&handouts->timer);
}

void handouts_free(struct handouts **handouts_in)
{
    struct handouts *handouts = *handouts_in;
    *handouts_in = NULL;
    if (handouts == NULL) {
        return;
    }
    size_t cursor = 0;
    struct handout *handout;
    while ((handout = map_next(&handouts->busy, &cursor, NULL)) != NULL) {
        handout_free(handout);
    }
    map_clear(&handouts->busy);
    free(handouts);
}
