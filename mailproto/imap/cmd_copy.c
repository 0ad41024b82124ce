// SPDX-License-Identifier: MIT
/* COPY (RFC 9051 section 6.4.7) and MOVE (RFC 6851), with COPYUID (RFC 4315). */
#include "mailproto/imap/imap_internal.h"

static void write_copyuid(struct buf *out, const struct mailbox_answer *answer)
{
    buf_printf(out, "COPYUID %u ", answer->uid_validity);
    imap_write_uids(out, answer->from_uids, answer->n_uids);
    buf_append_byte(out, ' ');
    imap_write_uids(out, answer->to_uids, answer->n_uids);
}

static void copied(void *context, const struct mailbox_answer *answer)
{
    struct imap_session *session = context;
    struct buf code = {0};
    imap_resume(session);
    if (answer->fault != NULL) {
        imap_refuse(session, answer->fault, "TRYCREATE");
        return;
    }
    write_copyuid(&code, answer);
    imap_finish(session, IMAP_STATUS_OK, answer->n_uids > 0 ? buf_str(&code) : NULL,
                "%sCOPY completed", session->command.is_uid ? "UID " : "");
    buf_clear(&code);
}

/* The new UIDs are told before the EXPUNGEs, which follow with what else has changed. */
static void moved(void *context, const struct mailbox_answer *answer)
{
    struct imap_session *session = context;
    imap_resume(session);
    if (answer->fault != NULL) {
        imap_refuse(session, answer->fault, "TRYCREATE");
        return;
    }
    if (answer->n_uids > 0) {
        buf_append_str(&session->out, "* OK [");
        write_copyuid(&session->out, answer);
        buf_append_str(&session->out, "] Moved\r\n");
    }
    imap_done_at(session, answer->modseq);
}

static void copy_or_move(struct imap_session *session, struct imap_parser *args, bool move)
{
    struct uid_set uids = {0};
    imap_space(args);
    imap_set_arg(session, args, &uids);
    imap_space(args);
    const char *to = imap_mailbox_arg(session, args);
    imap_end(args);
    if (imap_is_bad(session, args)) {
        goto out;
    }
    if (move && session->selected.read_only) {
        imap_finish(session, IMAP_STATUS_NO, "CANNOT", "The mailbox was opened read-only");
        goto out;
    }
    struct mailbox *mailbox = session->selected.mailbox;
    imap_await(session,
               move ? session->ops->move(mailbox, &uids, to, imap_answer_to(session, moved))
                    : session->ops->copy(mailbox, &uids, to, imap_answer_to(session, copied)));
out:
    uid_set_clear(&uids);
}

void cmd_copy(struct imap_session *session, struct imap_parser *args)
{
    copy_or_move(session, args, false);
}

void cmd_move(struct imap_session *session, struct imap_parser *args)
{
    copy_or_move(session, args, true);
}
