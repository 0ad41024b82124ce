// SPDX-License-Identifier: MIT
#include "gateway/cli/moving/messages_dat.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/mem.h"
#include "base/str.h"

struct messages_dat {
    struct db *db;
};

struct messages_dat *messages_dat_open(const char *path, struct fault *fault)
{
    const struct db_options options = {.read_only = true, .must_exist = true};
    struct db *db = db_open(path, &options, fault);
    if (db == NULL || !db_quick_check(db, fault)) {
        db_close(&db);
        return NULL;
    }
    struct messages_dat *file = xcalloc(1, sizeof *file);
    file->db = db;
    return file;
}

void messages_dat_close(struct messages_dat **file)
{
    if (*file != NULL) {
        db_close(&(*file)->db);
        free(*file);
        *file = NULL;
    }
}

/* Times were written as numbers and as text. */
static int64_t time_of(struct db_stmt *stmt, int column)
{
    uint64_t sec = 0;
    if (!parse_u64(db_column_bytes(stmt, column), INT64_MAX, &sec)) {
        sec = (uint64_t)db_column_i64(stmt, column);
    }
    return (int64_t)sec;
}

/* Each question gives the columns of the struct, in its order. */
static const char received_sql[] =
    "SELECT msgid, fromaddress, toaddress, subject, message, folder, '', sighash, read, received"
    " FROM inbox ORDER BY rowid";
static const char sent_sql[] =
    "SELECT msgid, fromaddress, toaddress, subject, message, folder, status, '', 1, lastactiontime"
    " FROM sent ORDER BY rowid";

static bool each_mail(struct messages_dat *file, bool is_sent,
                      bool (*each)(void *context, const struct messages_dat_mail *mail,
                                   struct fault *fault),
                      void *context, struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(file->db, is_sent ? sent_sql : received_sql, fault);
    enum db_step step = stmt != NULL ? DB_ROW : DB_FAILED;
    while (step == DB_ROW && (step = db_step(stmt, fault)) == DB_ROW) {
        const struct messages_dat_mail mail = {
            .is_sent = is_sent,
            .hash = db_column_bytes(stmt, 0),
            .from = db_column_bytes(stmt, 1),
            .to = db_column_bytes(stmt, 2),
            .subject = db_column_bytes(stmt, 3),
            .text = db_column_bytes(stmt, 4),
            .folder = db_column_bytes(stmt, 5),
            .status = db_column_bytes(stmt, 6),
            .signature_hash = db_column_bytes(stmt, 7),
            .is_read = db_column_i64(stmt, 8) != 0,
            .sec = time_of(stmt, 9),
        };
        if (!each(context, &mail, fault)) {
            db_reset(stmt);
            return false;
        }
    }
    return step == DB_DONE;
}

bool messages_dat_mails(struct messages_dat *file,
                        bool (*each)(void *context, const struct messages_dat_mail *mail,
                                     struct fault *fault),
                        void *context, struct fault *fault)
{
    return each_mail(file, false, each, context, fault) &&
           each_mail(file, true, each, context, fault);
}

bool messages_dat_entries(struct messages_dat *file,
                          bool (*each)(void *context, const struct messages_dat_entry *entry,
                                       struct fault *fault),
                          void *context, struct fault *fault)
{
    static const char *const sql[MESSAGES_DAT_N_LISTS] = {
        [MESSAGES_DAT_CONTACTS] = "SELECT address, label, 1 FROM addressbook ORDER BY rowid",
        [MESSAGES_DAT_SUBSCRIPTIONS] = "SELECT address, label, enabled FROM subscriptions",
        [MESSAGES_DAT_BLACKLIST] = "SELECT address, label, enabled FROM blacklist",
        [MESSAGES_DAT_WHITELIST] = "SELECT address, label, enabled FROM whitelist",
    };
    for (size_t list = 0; list < MESSAGES_DAT_N_LISTS; list++) {
        struct db_stmt *stmt = db_prepare(file->db, sql[list], fault);
        enum db_step step = stmt != NULL ? DB_ROW : DB_FAILED;
        while (step == DB_ROW && (step = db_step(stmt, fault)) == DB_ROW) {
            const struct messages_dat_entry entry = {
                .list = (enum messages_dat_list)list,
                .address = db_column_bytes(stmt, 0),
                .label = db_column_bytes(stmt, 1),
                .enabled = db_column_i64(stmt, 2) != 0,
            };
            if (!each(context, &entry, fault)) {
                db_reset(stmt);
                return false;
            }
        }
        if (step != DB_DONE) {
            return false;
        }
    }
    return true;
}

/* ---- writing ---- */

/* As class_sqlThread.py makes them; without the subscription that it begins with. */
static const char tables_sql[] =
    "CREATE TABLE inbox (msgid blob, toaddress text, fromaddress text, subject text,"
    " received text, message text, folder text, encodingtype int, read bool, sighash blob,"
    " UNIQUE(msgid) ON CONFLICT REPLACE);"
    "CREATE TABLE sent (msgid blob, toaddress text, toripe blob, fromaddress text, subject text,"
    " message text, ackdata blob, senttime integer, lastactiontime integer,"
    " sleeptill integer, status text, retrynumber integer, folder text, encodingtype int, ttl int);"
    "CREATE TABLE subscriptions (label text, address text, enabled bool);"
    "CREATE TABLE addressbook (label text, address text, UNIQUE(address) ON CONFLICT IGNORE);"
    "CREATE TABLE blacklist (label text, address text, enabled bool);"
    "CREATE TABLE whitelist (label text, address text, enabled bool);"
    "CREATE TABLE pubkeys (address text, addressversion int, transmitdata blob, time int,"
    " usedpersonally text, UNIQUE(address) ON CONFLICT REPLACE);"
    "CREATE TABLE inventory (hash blob, objecttype int, streamnumber int, payload blob,"
    " expirestime integer, tag blob, UNIQUE(hash) ON CONFLICT REPLACE);"
    "CREATE TABLE settings (key blob, value blob, UNIQUE(key) ON CONFLICT REPLACE);"
    "CREATE TABLE objectprocessorqueue (objecttype int, data blob,"
    " UNIQUE(objecttype, data) ON CONFLICT REPLACE);"
    "INSERT INTO settings VALUES('version','11');";

static bool write_vacuum_time(struct db *db, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db, "INSERT INTO settings VALUES('lastvacuumtime', ?1)", fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, clock_now_sec());
    return db_run(stmt, fault);
}

struct messages_dat *messages_dat_create(const char *path, struct fault *fault)
{
    struct db *db = db_open(path, &(struct db_options){.secure_delete = true}, fault);
    if (db == NULL || !db_begin(db, fault) || !db_exec(db, tables_sql, fault) ||
        !write_vacuum_time(db, fault)) {
        db_close(&db);
        return NULL;
    }
    struct messages_dat *file = xcalloc(1, sizeof *file);
    file->db = db;
    return file;
}

bool messages_dat_finish(struct messages_dat *file, struct fault *fault)
{
    return db_commit(file->db, fault) && db_exec(file->db, "PRAGMA journal_mode = DELETE", fault);
}

static bool put_received(struct db_stmt *stmt, const struct messages_dat_mail *mail,
                         struct fault *fault)
{
    db_bind_bytes(stmt, 1, mail->hash);
    db_bind_text_bytes(stmt, 2, mail->to);
    db_bind_text_bytes(stmt, 3, mail->from);
    db_bind_text_bytes(stmt, 4, mail->subject);
    db_bind_i64(stmt, 5, mail->sec);
    db_bind_text_bytes(stmt, 6, mail->text);
    db_bind_text_bytes(stmt, 7, mail->folder);
    db_bind_i64(stmt, 8, mail->is_read);
    db_bind_bytes(stmt, 9, mail->signature_hash);
    return db_run(stmt, fault);
}

/* sleeptill is when PyBitmessage sends again what was not acknowledged: never, for what it did not
 * send itself. It still knows the acknowledgement when it comes. */
#define NEVER_SEC INT64_C(4102444800)

static bool put_sent(struct db_stmt *stmt, const struct messages_dat_mail *mail,
                     struct fault *fault)
{
    db_bind_bytes(stmt, 1, mail->hash);
    db_bind_text_bytes(stmt, 2, mail->to);
    db_bind_bytes(stmt, 3, mail->ripe);
    db_bind_text_bytes(stmt, 4, mail->from);
    db_bind_text_bytes(stmt, 5, mail->subject);
    db_bind_text_bytes(stmt, 6, mail->text);
    db_bind_bytes(stmt, 7, mail->ackdata);
    db_bind_i64(stmt, 8, mail->sec);
    db_bind_i64(stmt, 9, NEVER_SEC);
    db_bind_text_bytes(stmt, 10, mail->status);
    db_bind_text_bytes(stmt, 11, mail->folder);
    db_bind_i64(stmt, 12, mail->ttl_sec);
    return db_run(stmt, fault);
}

bool messages_dat_put_mail(struct messages_dat *file, const struct messages_dat_mail *mail,
                           struct fault *fault)
{
    struct db_stmt *stmt = db_prepare(
        file->db,
        mail->is_sent ? /* encodingtype 2: subject and text */
            "INSERT INTO sent VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9, ?10, 0, ?11, 2, ?12)"
                      : "INSERT INTO inbox VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 2, ?8, ?9)",
        fault);
    return stmt != NULL &&
           (mail->is_sent ? put_sent(stmt, mail, fault) : put_received(stmt, mail, fault));
}

bool messages_dat_put_entry(struct messages_dat *file, const struct messages_dat_entry *entry,
                            struct fault *fault)
{
    static const char *const sql[MESSAGES_DAT_N_LISTS] = {
        [MESSAGES_DAT_CONTACTS] = "INSERT INTO addressbook SELECT ?1, ?2 WHERE ?3",
        [MESSAGES_DAT_SUBSCRIPTIONS] = "INSERT INTO subscriptions VALUES (?1, ?2, ?3)",
        [MESSAGES_DAT_BLACKLIST] = "INSERT INTO blacklist VALUES (?1, ?2, ?3)",
        [MESSAGES_DAT_WHITELIST] = "INSERT INTO whitelist VALUES (?1, ?2, ?3)",
    };
    struct db_stmt *stmt = db_prepare(file->db, sql[entry->list], fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_text_bytes(stmt, 1, entry->label);
    db_bind_text_bytes(stmt, 2, entry->address);
    db_bind_i64(stmt, 3, entry->enabled);
    return db_run(stmt, fault);
}
