// SPDX-License-Identifier: MIT
/* MYRIGHTS, GETACL, LISTRIGHTS, SETACL, DELETEACL (RFC 4314): acl.h. */
#include <string.h>

#include "base/str.h"
#include "mailproto/imap/acl.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/imap_write.h"

static const struct {
    char right;
    unsigned missing_for; /* of enum mailbox_attribute */
    bool missing_for_inbox;
} rights[] = {
    {'l', 0, false},
    {'r', MAILBOX_NOSELECT | MAILBOX_NONEXISTENT, false},
    {'s', MAILBOX_NOSELECT | MAILBOX_NONEXISTENT, false},
    {'w', MAILBOX_NOSELECT | MAILBOX_NONEXISTENT, false},
    {'i', MAILBOX_NOSELECT | MAILBOX_NONEXISTENT | MAILBOX_NOT_APPENDABLE, false},
    {'k', MAILBOX_NOINFERIORS, false},
    {'x', MAILBOX_NONEXISTENT, true},
    {'t', MAILBOX_NOSELECT | MAILBOX_NONEXISTENT, false},
    {'e', MAILBOX_NOSELECT | MAILBOX_NONEXISTENT, false},
    {'a', 0, false},
    /* RFC 2086's: c for k and x, d for t and e (section 2.1.1). */
    {'c', MAILBOX_NOINFERIORS, false},
    {'d', MAILBOX_NOSELECT | MAILBOX_NONEXISTENT, false},
};

void acl_print_rights(struct buf *out, const struct mailbox_entry *entry)
{
    bool is_inbox = strcmp(entry->name, "INBOX") == 0;
    for (size_t i = 0; i < ARRAY_LEN(rights); i++) {
        bool has_x_instead = rights[i].right == 'c' && !is_inbox;
        bool is_missing = (entry->attributes & rights[i].missing_for) != 0 ||
                          (is_inbox && rights[i].missing_for_inbox);
        if (!is_missing || has_x_instead) {
            buf_append_byte(out, (uint8_t)rights[i].right);
        }
    }
}

static void begin_line(struct imap_session *session, const char *word, const char *name)
{
    buf_printf(&session->out, "* %s ", word);
    imap_write_mailbox(&session->out, name, imap_uses_utf8(session));
    buf_append_byte(&session->out, ' ');
}

void acl_print_my_rights(struct imap_session *session, const struct mailbox_entry *entry)
{
    begin_line(session, "MYRIGHTS", entry->name);
    acl_print_rights(&session->out, entry);
    buf_append_str(&session->out, "\r\n");
}

void cmd_myrights(struct imap_session *session, struct imap_parser *args)
{
    imap_space(args);
    const char *name = imap_mailbox_arg(session, args);
    imap_end(args);
    const struct mailbox_entry *entry = NULL;
    if (!imap_is_bad(session, args) && (entry = imap_entry_or_refuse(session, name)) != NULL) {
        acl_print_my_rights(session, entry);
        imap_done(session);
    }
}

void cmd_getacl(struct imap_session *session, struct imap_parser *args)
{
    imap_space(args);
    const char *name = imap_mailbox_arg(session, args);
    imap_end(args);
    const struct mailbox_entry *entry = NULL;
    if (imap_is_bad(session, args) || (entry = imap_entry_or_refuse(session, name)) == NULL) {
        return;
    }
    begin_line(session, "ACL", name);
    imap_write_string(&session->out, bytes_of_str(session->user));
    buf_append_byte(&session->out, ' ');
    acl_print_rights(&session->out, entry);
    buf_append_str(&session->out, "\r\n");
    imap_done(session);
}

/* Which rights the identifier always has, and which sets could be granted besides: the owner all of
 * his, anybody else none, and there is no choice. */
void cmd_listrights(struct imap_session *session, struct imap_parser *args)
{
    imap_space(args);
    const char *name = imap_mailbox_arg(session, args);
    imap_space(args);
    struct bytes identifier = imap_astring(args);
    imap_end(args);
    const struct mailbox_entry *entry = NULL;
    if (imap_is_bad(session, args) || (entry = imap_entry_or_refuse(session, name)) == NULL) {
        return;
    }
    begin_line(session, "LISTRIGHTS", name);
    imap_write_string(&session->out, identifier);
    buf_append_byte(&session->out, ' ');
    if (bytes_is_word(identifier, session->user)) {
        acl_print_rights(&session->out, entry);
    } else {
        buf_append_str(&session->out, "\"\"");
    }
    buf_append_str(&session->out, "\r\n");
    imap_done(session);
}

static void refuse_change(struct imap_session *session, struct imap_parser *args, const char *name)
{
    imap_end(args);
    if (!imap_is_bad(session, args) && imap_entry_or_refuse(session, name) != NULL) {
        imap_finish(session, IMAP_STATUS_NO, "CANNOT",
                    "Mailboxes belong to their account alone; see LISTRIGHTS");
    }
}

void cmd_setacl(struct imap_session *session, struct imap_parser *args)
{
    imap_space(args);
    const char *name = imap_mailbox_arg(session, args);
    imap_space(args);
    (void)imap_astring(args);
    imap_space(args);
    (void)imap_astring(args);
    refuse_change(session, args, name);
}

void cmd_deleteacl(struct imap_session *session, struct imap_parser *args)
{
    imap_space(args);
    const char *name = imap_mailbox_arg(session, args);
    imap_space(args);
    (void)imap_astring(args);
    refuse_change(session, args, name);
}
