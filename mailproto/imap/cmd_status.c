// SPDX-License-Identifier: MIT
/* STATUS (RFC 9051 section 6.3.11), and its items for LIST-STATUS. */
#include "mailproto/imap/status_items.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/str.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/imap_write.h"

enum status_item {
    STATUS_MESSAGES = 1,
    STATUS_RECENT = 2,
    STATUS_UIDNEXT = 4,
    STATUS_UIDVALIDITY = 8,
    STATUS_UNSEEN = 16,
    STATUS_DELETED = 32,
    STATUS_SIZE = 64,
    STATUS_HIGHESTMODSEQ = 128,
    STATUS_APPENDLIMIT = 256,
    STATUS_MAILBOXID = 512,
    STATUS_DELETED_STORAGE = 1024
};

static const struct {
    const char *name;
    unsigned bit;
} item_names[] = {{"MESSAGES", STATUS_MESSAGES},
                  {"RECENT", STATUS_RECENT},
                  {"UIDNEXT", STATUS_UIDNEXT},
                  {"UIDVALIDITY", STATUS_UIDVALIDITY},
                  {"UNSEEN", STATUS_UNSEEN},
                  {"DELETED", STATUS_DELETED},
                  {"SIZE", STATUS_SIZE},
                  {"HIGHESTMODSEQ", STATUS_HIGHESTMODSEQ},
                  {"APPENDLIMIT", STATUS_APPENDLIMIT},
                  {"MAILBOXID", STATUS_MAILBOXID},
                  {"DELETED-STORAGE", STATUS_DELETED_STORAGE}};

unsigned status_items_parse(struct imap_session *session, struct imap_parser *args)
{
    unsigned items = 0;
    imap_expect(args, '(');
    do {
        struct bytes word = imap_word(args);
        unsigned bit = 0;
        for (size_t i = 0; i < ARRAY_LEN(item_names); i++) {
            if (bytes_is_word(word, item_names[i].name)) {
                bit = item_names[i].bit;
            }
        }
        if (bit == 0) {
            imap_fail(args, "Unknown status item");
        }
        items |= bit;
    } while (imap_ok(args) && imap_accept(args, ' '));
    imap_expect(args, ')');
    if (imap_ok(args) && (items & STATUS_HIGHESTMODSEQ) != 0) {
        imap_enable_condstore(session);
    }
    return items;
}

static uint64_t item_value(const struct mailbox_status *status, unsigned bit)
{
    switch (bit) {
    case STATUS_MESSAGES:
        return status->n_messages;
    case STATUS_RECENT:
        return status->n_recent;
    case STATUS_UIDNEXT:
        return status->uid_next;
    case STATUS_UIDVALIDITY:
        return status->uid_validity;
    case STATUS_UNSEEN:
        return status->n_unseen;
    case STATUS_DELETED:
        return status->n_deleted;
    case STATUS_SIZE:
        return status->total_size;
    case STATUS_DELETED_STORAGE: /* RFC 9208: in the unit of STORAGE */
        return (status->deleted_size + 1023) / 1024;
    case STATUS_HIGHESTMODSEQ:
        return status->highest_modseq;
    default:
        return MAILBOX_APPEND_MAX_BYTES;
    }
}

static uint64_t id_of(struct imap_session *session, const char *name)
{
    const struct mailbox_entry *entry = imap_entry_find(session, name);
    return entry != NULL ? entry->id : 0;
}

bool status_items_print(struct imap_session *session, const char *name, unsigned items,
                        struct fault *fault)
{
    struct mailbox_status status = {0};
    struct buf *out = &session->out;
    const char *space = "";
    if (!session->ops->status(session->account, name, &status, fault)) {
        return false;
    }
    buf_append_str(out, "* STATUS ");
    imap_write_mailbox(out, name, imap_uses_utf8(session));
    buf_append_str(out, " (");
    for (size_t i = 0; i < ARRAY_LEN(item_names); i++) {
        unsigned bit = items & item_names[i].bit;
        if (bit == 0) {
            continue;
        }
        if (bit == STATUS_MAILBOXID) {
            buf_printf(out, "%sMAILBOXID (M%" PRIu64 ")", space, id_of(session, name));
        } else {
            buf_printf(out, "%s%s %" PRIu64, space, item_names[i].name, item_value(&status, bit));
        }
        space = " ";
    }
    buf_append_str(out, ")\r\n");
    return true;
}

void cmd_status(struct imap_session *session, struct imap_parser *args)
{
    struct fault fault = {0};
    imap_space(args);
    const char *name = imap_mailbox_arg(session, args);
    imap_space(args);
    unsigned items = status_items_parse(session, args);
    imap_end(args);
    if (imap_is_bad(session, args)) {
        return;
    }
    if (!status_items_print(session, name, items, &fault)) {
        imap_refuse(session, &fault, "NONEXISTENT");
        return;
    }
    imap_done(session);
}
