// SPDX-License-Identifier: MIT
#include "gateway/cli/messages_dat.h"

#include <stdlib.h>

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
