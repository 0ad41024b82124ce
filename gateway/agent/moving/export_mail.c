// SPDX-License-Identifier: MIT
#include "gateway/agent/moving/export_mail.h"

#include "base/buf.h"
#include "base/db.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/store/folders.h"
#include "gateway/store/messages.h"
#include "mailproto/imap/mailbox.h"

static const char *use_of(enum folder_kind kind, unsigned special_use)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {{MAILBOX_USE_DRAFTS, "drafts"},
                 {MAILBOX_USE_SENT, "sent"},
                 {MAILBOX_USE_ARCHIVE, "archive"},
                 {MAILBOX_USE_JUNK, "junk"},
                 {MAILBOX_USE_TRASH, "trash"}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if ((special_use & names[i].bit) != 0) {
            return names[i].name;
        }
    }
    return kind == FOLDER_INBOX ? "inbox" : kind == FOLDER_OUTBOX ? "outbox" : "";
}

bool agent_export_mailboxes(struct agent *agent,
                            void (*each)(void *context,
                                         const struct agent_exported_mailbox *mailbox),
                            void *context, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(agent_reader(agent),
                   "SELECT m.id, a.name, m.name, m.n_messages, m.kind, m.special_use FROM mailbox m"
                   " JOIN account a ON a.id = m.account_id WHERE m.is_container = 0"
                   " ORDER BY a.name, m.name",
                   fault);
    enum db_step step = stmt != NULL ? DB_ROW : DB_FAILED;
    while (step == DB_ROW && (step = db_step(stmt, fault)) == DB_ROW) {
        const struct agent_exported_mailbox mailbox = {
            .id = db_column_i64(stmt, 0),
            .account = db_column_text(stmt, 1),
            .name = db_column_text(stmt, 2),
            .use =
                use_of((enum folder_kind)db_column_i64(stmt, 4), (unsigned)db_column_i64(stmt, 5)),
            .n_messages = db_column_i64(stmt, 3),
        };
        each(context, &mailbox);
    }
    return step == DB_DONE;
}

bool agent_export_mail(struct agent *agent, int64_t mailbox_id, uint32_t after_uid,
                       void (*each)(void *context, const struct agent_exported_mail *mail),
                       void *context, struct fault *fault)
{
    struct db *db = agent_reader(agent);
    struct db_stmt *stmt = db_prepare(db,
                                      "SELECT uid, flags, internal_sec, body_id FROM message"
                                      " WHERE mailbox_id = ?1 AND uid > ?2 ORDER BY uid LIMIT 1",
                                      fault);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, mailbox_id);
    db_bind_i64(stmt, 2, after_uid);
    enum db_step step = db_step(stmt, fault);
    if (step != DB_ROW) {
        return step == DB_DONE;
    }
    struct buf content = {0};
    struct agent_exported_mail mail = {
        .uid = (uint32_t)db_column_i64(stmt, 0),
        .flags = (uint8_t)db_column_i64(stmt, 1),
        .internal_sec = db_column_i64(stmt, 2),
    };
    uint64_t email_id = (uint64_t)db_column_i64(stmt, 3);
    db_reset(stmt);
    bool ok = messages_read_content(db, &content, email_id, fault);
    if (ok) {
        mail.content = buf_view(&content);
        each(context, &mail);
    }
    buf_clear(&content);
    return ok;
}
