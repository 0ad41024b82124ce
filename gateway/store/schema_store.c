// SPDX-License-Identifier: MIT
/* The store's tables: accounts, mailboxes, messages.
 *
 *     account --< login_alias     account --< mailbox --< message >-- body --< body_piece
 *        |                                      |                      |
 *        +--< subscribed_name, metadata         +--< keyword           +-- body_header, body_text
 *                                               +--< expunged
 *
 * A message is a small row of a table clustered by (mailbox, uid): listing 100,000 of them reads
 * ten megabytes in order and touches no content. What it says stands in `body`, keyed by a number
 * of its own: COPY and MOVE write small rows only. Nothing counts the references to a body;
 * message_by_body answers whether there is one, so there is no count that could be wrong. A body
 * to which a reference was let go is named in `released_body` by that transaction; if no other
 * reference is left it is cleared away soon after, in small pieces.
 *
 * SQLite reads and writes a row as a whole. So the form of a mail (envelope and parts), its text
 * for searching and its content lie in tables of their own: FETCH ENVELOPE reads no content, SEARCH
 * nothing but text. The content is cut into pieces of 64 KiB, the most that a session reads at
 * once; nearly every mail of this network is one piece.
 *
 * Numbers that never come back: ids (AUTOINCREMENT), UIDs (mailbox.uid_next), modification
 * sequences (mailbox.modseq_highest) and UIDVALIDITY (the counter of that name, which serves all
 * mailboxes and starts at the time of creation, so that not even a new database repeats one). */
#include "gateway/store/schema.h"

#include <stddef.h>

const char *const store_schema[] = {
    "CREATE TABLE counter ("
    " name TEXT NOT NULL PRIMARY KEY,"
    " value INTEGER NOT NULL"
    ") WITHOUT ROWID",

    /* SCRAM-SHA-256 keys (RFC 5803's four values) serve PLAIN as well; all four are NULL while no
     * password is set, and nobody can log in. used_* count messages in all mailboxes, copies too.
     */
    "CREATE TABLE account ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL COLLATE NOCASE UNIQUE,"
    " created_sec INTEGER NOT NULL,"
    " scram_salt BLOB,"
    " scram_iterations INTEGER,"
    " scram_stored_key BLOB,"
    " scram_server_key BLOB,"
    " quota_bytes INTEGER NOT NULL DEFAULT 0,"
    " quota_messages INTEGER NOT NULL DEFAULT 0,"
    " used_bytes INTEGER NOT NULL DEFAULT 0,"
    " used_messages INTEGER NOT NULL DEFAULT 0"
    ")",

    /* Other names that log in to an account: the addresses of its identities. */
    "CREATE TABLE login_alias ("
    " name TEXT NOT NULL COLLATE NOCASE PRIMARY KEY,"
    " account_id INTEGER NOT NULL"
    ") WITHOUT ROWID",
    "CREATE INDEX login_alias_by_account ON login_alias(account_id)",

    /* name: the whole path in UTF-8, levels joined by '/'. A path rather than a parent's number:
     * LIST and look-up are one index away, and a rename, the one operation that pays for it, is
     * rare. is_container: holds other mailboxes and no messages (\Noselect). first_recent_uid:
     * messages from it on were not yet shown as \Recent to any session. forgotten_modseq: expunges
     * up to it are no longer listed in `expunged`. The counts serve STATUS. */
    "CREATE TABLE mailbox ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " account_id INTEGER NOT NULL,"
    " name TEXT NOT NULL,"
    " kind INTEGER NOT NULL,"
    " special_use INTEGER NOT NULL,"
    " is_container INTEGER NOT NULL DEFAULT 0,"
    " uid_validity INTEGER NOT NULL,"
    " uid_next INTEGER NOT NULL DEFAULT 1,"
    " modseq_highest INTEGER NOT NULL DEFAULT 1,"
    " forgotten_modseq INTEGER NOT NULL DEFAULT 0,"
    " first_recent_uid INTEGER NOT NULL DEFAULT 1,"
    " n_messages INTEGER NOT NULL DEFAULT 0,"
    " n_unseen INTEGER NOT NULL DEFAULT 0,"
    " n_deleted INTEGER NOT NULL DEFAULT 0,"
    " size_bytes INTEGER NOT NULL DEFAULT 0,"
    " UNIQUE (account_id, name)"
    ")",

    /* Names, not mailboxes: a subscription outlives its mailbox (RFC 3501 section 6.3.6). */
    "CREATE TABLE subscribed_name ("
    " account_id INTEGER NOT NULL,"
    " name TEXT NOT NULL,"
    " PRIMARY KEY (account_id, name)"
    ") WITHOUT ROWID",

    /* mailbox_id 0: of the account (the server's entries of RFC 5464). */
    "CREATE TABLE metadata ("
    " account_id INTEGER NOT NULL,"
    " mailbox_id INTEGER NOT NULL,"
    " entry TEXT NOT NULL COLLATE NOCASE,"
    " value BLOB NOT NULL,"
    " PRIMARY KEY (account_id, mailbox_id, entry)"
    ") WITHOUT ROWID",

    /* The keywords a mailbox knows: a message's keywords are a set of these bits. */
    "CREATE TABLE keyword ("
    " mailbox_id INTEGER NOT NULL,"
    " bit INTEGER NOT NULL,"
    " name TEXT NOT NULL COLLATE NOCASE,"
    " PRIMARY KEY (mailbox_id, bit)"
    ") WITHOUT ROWID",

    /* origin: enum message_origin. */
    "CREATE TABLE message ("
    " mailbox_id INTEGER NOT NULL,"
    " uid INTEGER NOT NULL,"
    " body_id INTEGER NOT NULL,"
    " flags INTEGER NOT NULL,"
    " keywords INTEGER NOT NULL,"
    " modseq INTEGER NOT NULL,"
    " size INTEGER NOT NULL,"
    " internal_sec INTEGER NOT NULL,"
    " internal_zone_min INTEGER NOT NULL,"
    " sent_sec INTEGER NOT NULL,"
    " sent_zone_min INTEGER NOT NULL,"
    " saved_sec INTEGER NOT NULL,"
    " origin INTEGER NOT NULL,"
    " PRIMARY KEY (mailbox_id, uid)"
    ") WITHOUT ROWID",
    "CREATE INDEX message_by_body ON message(body_id)",

    /* Runs of UIDs that were expunged under one modification sequence (RFC 7162). */
    "CREATE TABLE expunged ("
    " mailbox_id INTEGER NOT NULL,"
    " modseq INTEGER NOT NULL,"
    " first_uid INTEGER NOT NULL,"
    " last_uid INTEGER NOT NULL,"
    " PRIMARY KEY (mailbox_id, modseq, first_uid)"
    ") WITHOUT ROWID",

    /* header_len: with the empty line. digest: SHA-256 of the content. message_id: without its
     * angle brackets, NULL where there is none. thread_id: the body that began the conversation, as
     * far as we know. info: message_info's blob. */
    "CREATE TABLE body ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " account_id INTEGER NOT NULL,"
    " size INTEGER NOT NULL,"
    " header_len INTEGER NOT NULL,"
    " digest BLOB NOT NULL,"
    " thread_id INTEGER NOT NULL,"
    " message_id TEXT,"
    " preview TEXT NOT NULL,"
    " info BLOB NOT NULL"
    ")",
    "CREATE INDEX body_by_message_id ON body(message_id) WHERE message_id IS NOT NULL",

    /* id: the body's, times BODY_MAX_PIECES, plus the piece's number. All pieces but a body's last
     * have BODY_PIECE_BYTES. */
    "CREATE TABLE body_piece ("
    " id INTEGER PRIMARY KEY,"
    " content BLOB NOT NULL"
    ")",

    /* Decoded and case-folded by the decoder (message_info.h, struct message_text). */
    "CREATE TABLE body_text ("
    " body_id INTEGER PRIMARY KEY,"
    " header_text BLOB NOT NULL,"
    " body_text BLOB NOT NULL"
    ")",

    "CREATE TABLE released_body ("
    " body_id INTEGER PRIMARY KEY"
    ")",

    NULL,
};

/* The fields of the header are searched, sorted and threaded by far more often than the text, and
 * are a fraction of it: beside it, each of them would bring a page of text along. */
const char store_schema_body_header[] =
    "CREATE TABLE body_header ("
    " body_id INTEGER PRIMARY KEY,"
    " header_text BLOB NOT NULL"
    ");"
    "INSERT INTO body_header SELECT body_id, header_text FROM body_text;"
    "ALTER TABLE body_text DROP COLUMN header_text;";
