// SPDX-License-Identifier: MIT
/* Rights on a mailbox (RFC 4314). For this room alone.
 *
 * A mailbox has one owner, the account that is logged in, and nobody else: what he may do follows
 * from what the mailbox is, and can't be changed. */
#ifndef BITTERN_MAILPROTO_IMAP_ACL_H
#define BITTERN_MAILPROTO_IMAP_ACL_H

struct buf;
struct imap_session;
struct mailbox_entry;

/* "lrswikxteacd", less what this mailbox can't do. */
void acl_print_rights(struct buf *out, const struct mailbox_entry *entry);
/* The whole untagged MYRIGHTS line. */
void acl_print_my_rights(struct imap_session *session, const struct mailbox_entry *entry);

#endif
