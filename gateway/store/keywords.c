// SPDX-License-Identifier: MIT
#include "gateway/store/keywords.h"

#include <stdlib.h>
#include <string.h>

#include "base/db.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/str.h"
#include "gateway/store/mail_txn_internal.h"
#include "gateway/store/messages.h"

bool keyword_is_servers(const char *name)
{
    return str_starts_with_ci(name, MESSAGE_STATE_PREFIX);
}

bool keywords_read(struct db *db, int64_t mailbox_id, char *out_names[MAILBOX_MAX_KEYWORDS],
                   size_t *out_n, struct fault *fault)
{
    struct db_stmt *stmt =
        db_prepare(db, "SELECT bit, name FROM keyword WHERE mailbox_id = ?1 ORDER BY bit", fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, mailbox_id);
    size_t n = 0;
    bool in_order = true;
    enum db_step step;
    while (in_order && (step = db_step(stmt, fault)) == DB_ROW) {
        in_order = n < MAILBOX_MAX_KEYWORDS && db_column_i64(stmt, 0) == (int64_t)n;
        if (in_order) {
            out_names[n++] = xstrdup(db_column_text(stmt, 1));
        }
    }
    db_reset(stmt);
    if (in_order && step == DB_DONE) {
        *out_n = n;
        return true;
    }
    while (n > 0) {
        free(out_names[--n]);
        out_names[n] = NULL;
    }
    return in_order ? false
                    : fault_set(fault, FAULT_CORRUPT, "the keywords of a mailbox have a gap");
}

static bool load(struct mail_txn *txn, struct touched_mailbox *mailbox, struct fault *fault)
{
    if (!mailbox->keywords_loaded) {
        mailbox->keywords_loaded =
            keywords_read(txn->db, mailbox->id, mailbox->keywords, &mailbox->n_keywords, fault);
    }
    return mailbox->keywords_loaded;
}

bool keywords_servers_mask(struct mail_txn *txn, struct touched_mailbox *mailbox, uint64_t *out,
                           struct fault *fault)
{
    if (!load(txn, mailbox, fault)) {
        return false;
    }
    *out = 0;
    for (size_t i = 0; i < mailbox->n_keywords; i++) {
        if (keyword_is_servers(mailbox->keywords[i])) {
            *out |= UINT64_C(1) << i;
        }
    }
    return true;
}

static size_t count_names(const struct touched_mailbox *mailbox, bool servers)
{
    size_t n = 0;
    for (size_t i = 0; i < mailbox->n_keywords; i++) {
        n += keyword_is_servers(mailbox->keywords[i]) == servers;
    }
    return n;
}

static bool add_name(struct mail_txn *txn, struct touched_mailbox *mailbox, const char *name,
                     struct fault *fault)
{
    bool is_servers = keyword_is_servers(name);
    size_t max = is_servers ? KEYWORDS_FOR_SERVER : KEYWORDS_FOR_CLIENTS;
    if (count_names(mailbox, is_servers) >= max) {
        return fault_set(fault, FAULT_LIMIT, "a mailbox has at most %zu keywords", max);
    }
    if (strlen(name) > MAILBOX_KEYWORD_MAX_BYTES || name[0] == '\0') {
        return fault_set(fault, FAULT_LIMIT, "a keyword has 1 to %d characters",
                         MAILBOX_KEYWORD_MAX_BYTES);
    }
    struct db_stmt *stmt = db_prepare(
        txn->db, "INSERT INTO keyword (mailbox_id, bit, name) VALUES (?1, ?2, ?3)", fault);
    if (!stmt) {
        return false;
    }
    db_bind_i64(stmt, 1, mailbox->id);
    db_bind_i64(stmt, 2, (int64_t)mailbox->n_keywords);
    db_bind_text(stmt, 3, name);
    if (!db_run(stmt, fault)) {
        return false;
    }
    mailbox->keywords[mailbox->n_keywords++] = xstrdup(name);
    mailbox->keywords_changed = true;
    return true;
}

static bool find_name(const struct touched_mailbox *mailbox, unsigned *out_bit, const char *name)
{
    for (size_t i = 0; i < mailbox->n_keywords; i++) {
        if (str_equal_ci(mailbox->keywords[i], name)) {
            *out_bit = (unsigned)i;
            return true;
        }
    }
    return false;
}

bool keywords_bit(struct mail_txn *txn, struct touched_mailbox *mailbox, unsigned *out_bit,
                  const char *name, struct fault *fault)
{
    if (!load(txn, mailbox, fault)) {
        return false;
    }
    if (find_name(mailbox, out_bit, name)) {
        return true;
    }
    if (!add_name(txn, mailbox, name, fault)) {
        return false;
    }
    *out_bit = (unsigned)mailbox->n_keywords - 1;
    return true;
}

bool keywords_set(struct mail_txn *txn, struct touched_mailbox *mailbox, uint64_t *out,
                  const char *const *names, size_t n_names, enum keywords_mode mode,
                  struct fault *fault)
{
    uint64_t set = 0;
    if (n_names != 0 && !load(txn, mailbox, fault)) {
        return false;
    }
    for (size_t i = 0; i < n_names; i++) {
        unsigned bit = 0;
        bool counts = mode == KEYWORDS_OF_SERVER || !keyword_is_servers(names[i]);
        if (!counts || (mode == KEYWORDS_OF_CLIENT_KNOWN && !find_name(mailbox, &bit, names[i]))) {
            continue;
        }
        if (!keywords_bit(txn, mailbox, &bit, names[i], fault)) {
            return false;
        }
        set |= UINT64_C(1) << bit;
    }
    *out = set;
    return true;
}

bool keywords_map(struct mail_txn *txn, struct touched_mailbox *from, struct touched_mailbox *to,
                  uint64_t set, uint64_t *out, struct fault *fault)
{
    if (set == 0 || from == to) {
        *out = set;
        return true;
    }
    if (!load(txn, from, fault)) {
        return false;
    }
    uint64_t mapped = 0;
    for (size_t i = 0; i < from->n_keywords; i++) {
        unsigned bit = 0;
        if ((set >> i & 1) == 0) {
            continue;
        }
        if (!keywords_bit(txn, to, &bit, from->keywords[i], fault)) {
            return false;
        }
        mapped |= UINT64_C(1) << bit;
    }
    *out = mapped;
    return true;
}
