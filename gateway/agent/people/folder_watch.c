// SPDX-License-Identifier: MIT
#include "gateway/agent/people/folder_watch.h"

#include "base/db.h"
#include "base/str.h"
#include "crypto/key_search.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/outgoing/outgoing_db.h"
#include "gateway/agent/people/person_op.h"
#include "gateway/agent/people/sender_rules.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn.h"
#include "gateway/store/messages.h"
#include "gateway/store/store.h"

/* These run on the writer thread: of the agent they touch the settings alone, which do not change.
 */

/* The chan that was left under that label, if there is one: it is the same again. */
static bool rejoin(struct db *db, bool *out_found, int64_t account_id, int64_t mailbox_id,
                   const char *label, struct fault *fault)
{
    bool ok = person_run_sql(db,
                             "UPDATE identity SET enabled = 1, mailbox_id = ?2 WHERE id ="
                             " (SELECT max(id) FROM identity WHERE account_id = ?1 AND kind = 1"
                             "  AND enabled = 0 AND label = ?3)",
                             account_id, mailbox_id, label, fault);
    *out_found = ok && db_changes(db) > 0;
    return ok;
}

static bool join_chan(struct agent *agent, struct mail_txn *txn, int64_t account_id,
                      int64_t mailbox_id, const char *label, struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    bool found = false;
    if (!rejoin(db, &found, account_id, mailbox_id, label, fault) || found) {
        return found;
    }
    struct identity_keys keys;
    uint64_t next = 0;
    key_search_now_passphrase(&keys, &next, bytes_of_str(label), 0, 1);
    const struct new_key key = {
        .account_id = account_id,
        .kind = IDENTITY_CHAN,
        .address = address_of_keys(4, 1, &keys.signing_public, &keys.encryption_public),
        .label = label,
        .keys = &keys,
        .demand = agent_least(agent),
        .now_sec = mail_txn_now_sec(txn),
    };
    int64_t id = 0;
    bool ok = keyring_write_new(db, &id, &key, fault) &&
              person_run_sql(db, "UPDATE identity SET mailbox_id = ?2 WHERE id = ?1", id,
                             mailbox_id, NULL, fault);
    identity_keys_wipe(&keys);
    return ok;
}

static bool subscribe(struct mail_txn *txn, int64_t account_id, int64_t mailbox_id,
                      const char *label, struct fault *fault)
{
    struct db *db = mail_txn_db(txn);
    struct address_form form;
    struct address address;
    bool ok = person_run_sql(db,
                             "UPDATE broadcast_subscription SET enabled = 1, mailbox_id = ?2"
                             " WHERE account_id = ?1 AND label = ?3",
                             account_id, mailbox_id, label, fault);
    if (!ok || db_changes(db) > 0) {
        return ok;
    }
    if (!address_form_parse(&form, bytes_of_str(label), fault)) {
        return false;
    }
    enum address_status status = address_decode(&address, bytes_of_str(form.name));
    if (status != ADDRESS_OK) {
        return fault_set(fault, FAULT_INVALID,
                         "a folder in Subscriptions is called by the address to subscribe to: %s",
                         address_status_text(status));
    }
    char text[ADDRESS_TEXT_BYTES];
    address_encode(text, &address);
    return keyring_write_entry(db, AGENT_SUBSCRIPTIONS, account_id, &address, label, fault) &&
           person_run_sql(db,
                          "UPDATE broadcast_subscription SET mailbox_id = ?2"
                          " WHERE account_id = ?1 AND address = ?3",
                          account_id, mailbox_id, text, fault);
}

static bool on_joined(void *context, struct mail_txn *txn, int64_t account_id,
                      enum folder_kind kind, int64_t mailbox_id, const char *label,
                      struct fault *fault)
{
    return kind == FOLDER_CHAN ? join_chan(context, txn, account_id, mailbox_id, label, fault)
                               : subscribe(txn, account_id, mailbox_id, label, fault);
}

static bool on_relabelled(void *context, struct mail_txn *txn, int64_t account_id,
                          enum folder_kind kind, int64_t mailbox_id, const char *label,
                          struct fault *fault)
{
    (void)context;
    return person_run_sql(mail_txn_db(txn),
                          kind == FOLDER_CHAN ? "UPDATE identity SET label = ?3"
                                                " WHERE account_id = ?1 AND mailbox_id = ?2"
                                              : "UPDATE broadcast_subscription SET label = ?3"
                                                " WHERE account_id = ?1 AND mailbox_id = ?2",
                          account_id, mailbox_id, label, fault);
}

static bool on_left(void *context, struct mail_txn *txn, int64_t account_id, enum folder_kind kind,
                    int64_t mailbox_id, const char *label, struct fault *fault)
{
    (void)context;
    return person_run_sql(mail_txn_db(txn),
                          kind == FOLDER_CHAN
                              ? "UPDATE identity SET enabled = 0, mailbox_id = 0"
                                " WHERE account_id = ?1 AND kind = 1"
                                " AND (mailbox_id = ?2 OR (mailbox_id = 0 AND label = ?3))"
                              : "UPDATE broadcast_subscription SET enabled = 0, mailbox_id = 0"
                                " WHERE account_id = ?1"
                                " AND (mailbox_id = ?2 OR (mailbox_id = 0 AND label = ?3))",
                          account_id, mailbox_id, label, fault);
}

static bool on_outbox_removed(void *context, struct mail_txn *txn, int64_t account_id,
                              int64_t mailbox_id, uint32_t uid, uint64_t email_id,
                              struct fault *fault)
{
    (void)context;
    (void)account_id;
    (void)mailbox_id;
    (void)uid;
    return outgoing_cancel_mail(txn, email_id, fault);
}

/* The first From field of a mail's header, with the lines that continue it; empty: none. */
static struct bytes from_field(struct bytes mail)
{
    size_t at = 0;
    bool inside = false;
    size_t begin = 0;
    while (at < mail.len) {
        struct bytes rest = bytes_slice(mail, at, mail.len);
        size_t len = bytes_find(rest, '\n');
        bool continues = rest.data[0] == ' ' || rest.data[0] == '\t';
        if (inside && !continues) {
            return bytes_slice(mail, begin, at - begin);
        }
        if (len <= 1) {
            break; /* the header ends */
        }
        if (bytes_equal_ci(bytes_slice(rest, 0, 5), bytes_of_str("From:"))) {
            inside = true;
            begin = at;
        }
        at += len + 1;
    }
    return inside ? bytes_slice(mail, begin, mail.len) : (struct bytes){0};
}

/* The sender as his mail's From has him: the last address of ours in it, behind any name. */
static bool read_sender(struct db *db, struct address *out, uint64_t email_id)
{
    struct buf mail = {0};
    bool found = false;
    if (messages_read_content(db, &mail, email_id, NULL)) {
        struct bytes field = from_field(buf_view(&mail));
        for (size_t i = field.len; i > 0 && !found; i--) {
            struct bytes rest = bytes_slice(field, i - 1, field.len);
            if (bytes_equal(bytes_slice(rest, 0, 3), bytes_of_str("BM-"))) {
                found =
                    address_decode(out, bytes_slice(rest, 0, bytes_find(rest, '@'))) == ADDRESS_OK;
            }
        }
    }
    buf_clear(&mail);
    return found;
}

static bool is_own(struct db *db, int64_t account_id, const char *address)
{
    struct db_stmt *stmt =
        db_prepare(db, "SELECT 1 FROM identity WHERE account_id = ?1 AND address = ?2", NULL);
    if (stmt == NULL) {
        return false;
    }
    db_bind_i64(stmt, 1, account_id);
    db_bind_text(stmt, 2, address);
    bool own = db_step(stmt, NULL) == DB_ROW;
    db_reset(stmt);
    return own;
}

static bool on_junk_moved(void *context, struct mail_txn *txn, int64_t account_id,
                          uint64_t email_id, bool into_junk, struct fault *fault)
{
    const struct agent *agent = context;
    struct db *db = mail_txn_db(txn);
    struct address from;
    char text[ADDRESS_TEXT_BYTES];
    if (!agent->parts.settings->mail.junk_blocks || !read_sender(db, &from, email_id)) {
        return true;
    }
    address_encode(text, &from);
    return is_own(db, account_id, text) ||
           sender_rules_write(db, account_id, text, into_junk ? AGENT_RULE_BLOCK : AGENT_RULE_ALLOW,
                              fault);
}

static void on_committed(void *context)
{
    struct agent *agent = context;
    if (!agent->closing) {
        agent_reload_keys(agent);
        agent_queue_changed(agent);
    }
}

void folder_watch_begin(struct agent *agent)
{
    const struct folder_hooks hooks = {
        .joined = on_joined,
        .relabelled = on_relabelled,
        .left = on_left,
        .outbox_removed = on_outbox_removed,
        .junk_moved = on_junk_moved,
        .committed = on_committed,
        .context = agent,
    };
    store_set_hooks(agent->parts.store, &hooks);
}
