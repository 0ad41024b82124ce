// SPDX-License-Identifier: MIT
/* GETQUOTA and GETQUOTAROOT (RFC 9208). An account has at most one quota root, "", which counts
 * the mails of all its mailboxes; without a limit it has none. Limits are the operator's: there is
 * no SETQUOTA. */
#include <inttypes.h>

#include "base/fault.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/imap_write.h"

enum { QUOTA_UNIT_BYTES = 1024 };

static bool has_limit(const struct mailbox_quota *quota)
{
    return quota->limit_bytes != 0 || quota->limit_messages != 0;
}

static void write_quota(struct buf *out, const struct mailbox_quota *quota)
{
    const char *space = "";
    buf_append_str(out, "* QUOTA \"\" (");
    if (quota->limit_bytes != 0) {
        buf_printf(out, "STORAGE %" PRIu64 " %" PRIu64,
                   (quota->used_bytes + QUOTA_UNIT_BYTES - 1) / QUOTA_UNIT_BYTES,
                   quota->limit_bytes / QUOTA_UNIT_BYTES);
        space = " ";
    }
    if (quota->limit_messages != 0) {
        buf_printf(out, "%sMESSAGE %" PRIu64 " %" PRIu64, space, quota->used_messages,
                   quota->limit_messages);
    }
    buf_append_str(out, ")\r\n");
}

/* False: the command is answered. */
static bool read_quota(struct imap_session *session, struct mailbox_quota *out)
{
    struct fault fault = {0};
    if (!session->ops->quota(session->account, out, &fault)) {
        imap_refuse(session, &fault, "NONEXISTENT");
        return false;
    }
    return true;
}

void cmd_getquota(struct imap_session *session, struct imap_parser *args)
{
    struct mailbox_quota quota = {0};
    imap_space(args);
    struct bytes root = imap_astring(args);
    imap_end(args);
    if (imap_is_bad(session, args) || !read_quota(session, &quota)) {
        return;
    }
    if (root.len > 0 || !has_limit(&quota)) {
        imap_finish(session, IMAP_STATUS_NO, "NONEXISTENT", "No such quota root");
        return;
    }
    write_quota(&session->out, &quota);
    imap_done(session);
}

void cmd_getquotaroot(struct imap_session *session, struct imap_parser *args)
{
    struct mailbox_quota quota = {0};
    imap_space(args);
    const char *name = imap_mailbox_arg(session, args);
    imap_end(args);
    if (imap_is_bad(session, args) || imap_entry_or_refuse(session, name) == NULL ||
        !read_quota(session, &quota)) {
        return;
    }
    buf_append_str(&session->out, "* QUOTAROOT ");
    imap_write_mailbox(&session->out, name, imap_uses_utf8(session));
    buf_append_str(&session->out, has_limit(&quota) ? " \"\"\r\n" : "\r\n");
    if (has_limit(&quota)) {
        write_quota(&session->out, &quota);
    }
    imap_done(session);
}
