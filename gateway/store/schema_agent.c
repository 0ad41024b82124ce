// SPDX-License-Identifier: MIT
/* Times are Unix seconds (`_sec`), addresses are canonical text ("BM-..."), and enumerations are
 * the numbers of the C enum that each comment names: they are written on disk, so none may ever
 * change.
 *
 * The road of an outgoing mail through these tables:
 *
 *     outgoing_mail (what was accepted at DATA)  1 --- n  outgoing (one row a recipient: the state)
 *                                                              |
 *                             object_job (the ack's work, the message's work, publishing) 0 --- n
 *
 * A job holds the object from the moment it is built and signed: first with an empty nonce, then
 * finished, then published. Whatever happens in between, the same object goes on. */
#include "gateway/store/schema.h"

#include <stddef.h>

/* Tables as they read in SQL. */
/* clang-format off */
const char *const agent_schema[] = {
    /* Own keys: identities (enum identity_kind) and chans. A chan that was left stays, disabled,
     * so that its label leads back to the same chan. */
    "CREATE TABLE identity ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  account_id INTEGER NOT NULL,"
    "  kind INTEGER NOT NULL,"
    "  address TEXT NOT NULL,"
    "  label TEXT NOT NULL,"
    "  enabled INTEGER NOT NULL DEFAULT 1,"
    "  signing_key BLOB NOT NULL,"
    "  encryption_key BLOB NOT NULL,"
    "  behaviour INTEGER NOT NULL,"
    "  trials_per_byte INTEGER NOT NULL,"
    "  extra_bytes INTEGER NOT NULL,"
    "  ttl_sec INTEGER NOT NULL DEFAULT 0," /* 0: the setting's */
    "  pubkey_sent_sec INTEGER NOT NULL DEFAULT 0,"
    "  created_sec INTEGER NOT NULL,"
    "  mailbox_id INTEGER NOT NULL DEFAULT 0," /* of a chan: its folder */
    "  UNIQUE (account_id, address)"
    ")",
    "CREATE UNIQUE INDEX identity_address ON identity (address) WHERE kind = 0",

    "CREATE TABLE contact ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  account_id INTEGER NOT NULL,"
    "  address TEXT NOT NULL,"
    "  label TEXT NOT NULL,"
    "  ttl_sec INTEGER NOT NULL DEFAULT 0,"
    "  UNIQUE (account_id, address)"
    ")",

    /* Who may not write to an account (listed = 0) and who alone may (listed = 1). */
    "CREATE TABLE sender_rule ("
    "  account_id INTEGER NOT NULL,"
    "  address TEXT NOT NULL,"
    "  listed INTEGER NOT NULL,"
    "  PRIMARY KEY (account_id, address)"
    ") WITHOUT ROWID",

    "CREATE TABLE broadcast_subscription ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  account_id INTEGER NOT NULL,"
    "  address TEXT NOT NULL,"
    "  label TEXT NOT NULL,"
    "  enabled INTEGER NOT NULL DEFAULT 1,"
    "  mailbox_id INTEGER NOT NULL DEFAULT 0,"
    "  UNIQUE (account_id, address)"
    ")",

    /* Others' public keys. `personal`: written to or heard from, so never dropped for its age. */
    "CREATE TABLE pubkey ("
    "  address TEXT PRIMARY KEY,"
    "  sender BLOB NOT NULL," /* as sender_write_with_address makes it */
    "  seen_sec INTEGER NOT NULL,"
    "  personal INTEGER NOT NULL DEFAULT 0"
    ") WITHOUT ROWID",

    /* A mail as it was accepted: what leaves of it, and where its copy in Outbox stands (0:
       nowhere). */
    "CREATE TABLE outgoing_mail ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  account_id INTEGER NOT NULL,"
    "  sender TEXT NOT NULL,"
    "  message_id TEXT NOT NULL,"
    "  subject TEXT NOT NULL,"
    "  content_plain BLOB NOT NULL,"     /* encoding 2 */
    "  content_extended BLOB,"           /* encoding 3; NULL: the text says it all */
    "  needs_extended INTEGER NOT NULL," /* has attachments: encoding 2 would drop a part */
    "  ttl_sec INTEGER NOT NULL,"
    "  accepted_sec INTEGER NOT NULL,"
    "  email_id INTEGER NOT NULL DEFAULT 0," /* the content that both copies share */
    "  sent_mailbox INTEGER NOT NULL DEFAULT 0,"
    "  sent_uid INTEGER NOT NULL DEFAULT 0,"
    "  outbox_mailbox INTEGER NOT NULL DEFAULT 0,"
    "  outbox_uid INTEGER NOT NULL DEFAULT 0,"
    "  envelope_id TEXT NOT NULL DEFAULT '',"  /* DSN: ENVID */
    "  return_full INTEGER NOT NULL DEFAULT 0" /* DSN: RET=FULL */
    ")",

    /* One recipient of it. state: enum outgoing_state; kind: enum outgoing_kind. */
    "CREATE TABLE outgoing ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  mail_id INTEGER NOT NULL REFERENCES outgoing_mail (id) ON DELETE CASCADE,"
    "  recipient TEXT NOT NULL,"
    "  kind INTEGER NOT NULL,"
    "  state INTEGER NOT NULL,"
    "  reason TEXT NOT NULL DEFAULT '',"
    "  ttl_sec INTEGER NOT NULL DEFAULT 0,"    /* 0: the mail's */
    "  forced INTEGER NOT NULL DEFAULT 0,"     /* any demanded difficulty is accepted */
    "  ackdata BLOB NOT NULL,"                 /* empty: no acknowledgement can come */
    "  ack_packet BLOB,"                       /* the acknowledgement, its work done */
    "  tries INTEGER NOT NULL DEFAULT 0,"      /* how often it went out, or its key was asked for */
    "  next_sec INTEGER NOT NULL DEFAULT 0,"   /* when to look again; 0: an event wakes it */
    "  since_sec INTEGER NOT NULL,"            /* when it entered its state */
    "  notify INTEGER NOT NULL DEFAULT 0,"     /* DSN: which reports were asked for */
    "  report_due INTEGER NOT NULL DEFAULT 0," /* a report that is yet to be written */
    "  original TEXT NOT NULL DEFAULT ''"      /* DSN: ORCPT */
    ")",
    "CREATE INDEX outgoing_mail_by_email ON outgoing_mail (email_id)",
    "CREATE INDEX outgoing_by_mail ON outgoing (mail_id)",
    "CREATE INDEX outgoing_by_state ON outgoing (state, next_sec)",
    "CREATE INDEX outgoing_by_ackdata ON outgoing (ackdata) WHERE length(ackdata) > 0",
    "CREATE INDEX outgoing_reports ON outgoing (id) WHERE report_due != 0",

    /* An object of ours. kind: enum object_job_kind; step: enum object_job_step. */
    "CREATE TABLE object_job ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  kind INTEGER NOT NULL,"
    "  step INTEGER NOT NULL,"
    "  outgoing_id INTEGER NOT NULL DEFAULT 0,"
    "  address TEXT NOT NULL DEFAULT ''," /* whose key is asked for or told */
    "  object BLOB NOT NULL,"             /* whole; the nonce is zero until it is found */
    "  hash BLOB,"                        /* inventory hash, once finished */
    "  trials_per_byte INTEGER NOT NULL,"
    "  extra_bytes INTEGER NOT NULL,"
    "  ttl_sec INTEGER NOT NULL,"
    "  next_nonce INTEGER NOT NULL DEFAULT 0,"
    "  expires_sec INTEGER NOT NULL,"
    "  due_sec INTEGER NOT NULL DEFAULT 0" /* not to be published before */
    ")",
    "CREATE INDEX object_job_by_step ON object_job (step, due_sec)",
    "CREATE INDEX object_job_by_hash ON object_job (hash) WHERE hash IS NOT NULL",
    "CREATE INDEX object_job_by_outgoing ON object_job (outgoing_id) WHERE outgoing_id != 0",
    "CREATE INDEX object_job_by_address ON object_job (address, kind) WHERE address != ''",

    /* What arrived already: signatures, and the marks by which a resend is known
     * (enum seen_kind). Kept longer than any resend, also when the mail is deleted. */
    "CREATE TABLE seen ("
    "  mark BLOB PRIMARY KEY,"
    "  kind INTEGER NOT NULL,"
    "  sec INTEGER NOT NULL"
    ") WITHOUT ROWID",
    "CREATE INDEX seen_by_age ON seen (sec)",

    /* Threads: which mail of an account each object carried. */
    "CREATE TABLE object_mail ("
    "  hash BLOB NOT NULL,"
    "  account_id INTEGER NOT NULL,"
    "  message_id TEXT NOT NULL,"
    "  PRIMARY KEY (hash, account_id)"
    ") WITHOUT ROWID",
    "CREATE INDEX object_mail_by_message ON object_mail (account_id, message_id)",

    /* How often an object was begun: one that stops the gateway is not begun for ever. */
    "CREATE TABLE object_try ("
    "  hash BLOB PRIMARY KEY,"
    "  tries INTEGER NOT NULL"
    ") WITHOUT ROWID",

    /* How far the node's store was gone through: all numbers up to `number` are done. One row. */
    "CREATE TABLE link_cursor ("
    "  id INTEGER PRIMARY KEY CHECK (id = 1),"
    "  epoch BLOB NOT NULL,"
    "  number INTEGER NOT NULL"
    ")",

    /* A single value the agent keeps, such as that the welcome mail was written. */
    "CREATE TABLE agent_note ("
    "  name TEXT PRIMARY KEY,"
    "  value BLOB NOT NULL"
    ") WITHOUT ROWID",

    NULL,
};

/* Walks over all objects that a new key still needs: they are done up to `number`, and end at
 * `end_number`, from where on the key was tried on everything that came. `epoch` is NULL until the
 * walk has begun. Whatever adds or enables a key or a subscription makes its walk by a trigger, in
 * the same transaction; one that is enabled anew begins anew. */
const char agent_schema_key_walk[] =
    "CREATE TABLE key_walk ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  own_id INTEGER NOT NULL DEFAULT 0," /* identity.id; 0: of a subscription */
    "  sender TEXT NOT NULL DEFAULT '',"
    "  epoch BLOB,"
    "  number INTEGER NOT NULL DEFAULT 0,"
    "  end_number INTEGER NOT NULL DEFAULT 0,"
    "  UNIQUE (own_id, sender)"
    ");"
#define WALK_OF_KEY                                                                                \
    " BEGIN DELETE FROM key_walk WHERE own_id = NEW.id;"                                           \
    " INSERT INTO key_walk (own_id) VALUES (NEW.id); END;"
    "CREATE TRIGGER identity_new AFTER INSERT ON identity WHEN NEW.enabled" WALK_OF_KEY
    "CREATE TRIGGER identity_enabled AFTER UPDATE OF enabled ON identity"
    " WHEN NEW.enabled AND NOT OLD.enabled" WALK_OF_KEY
#define WALK_OF_SENDER                                                                             \
    " BEGIN DELETE FROM key_walk WHERE own_id = 0 AND sender = NEW.address;"                       \
    " INSERT INTO key_walk (sender) VALUES (NEW.address); END;"
    "CREATE TRIGGER subscription_new AFTER INSERT ON broadcast_subscription"
    " WHEN NEW.enabled" WALK_OF_SENDER
    "CREATE TRIGGER subscription_enabled AFTER UPDATE OF enabled ON broadcast_subscription"
    " WHEN NEW.enabled AND NOT OLD.enabled" WALK_OF_SENDER;

/* What a report and a cancellation must know of a recipient: when it first left and how often
 * since, and when its sender was last told that it is late. */
const char agent_schema_departures[] =
    "ALTER TABLE outgoing ADD COLUMN left_sec INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE outgoing ADD COLUMN n_sent INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE outgoing ADD COLUMN told_sec INTEGER NOT NULL DEFAULT 0;"
    "UPDATE outgoing SET left_sec = since_sec, n_sent = max(tries, 1)" /* sent, delivered */
    " WHERE state IN (4, 5) OR (state = 2 AND tries > 0);";

/* enum report_why: what a report says beside the reason's words. */
const char agent_schema_why[] = "ALTER TABLE outgoing ADD COLUMN why INTEGER NOT NULL DEFAULT 0;";
/* When a mail's object was noted, or its mail was last seen in a mailbox (agent/pruning.c). */
const char agent_schema_object_date[] =
    "ALTER TABLE object_mail ADD COLUMN sec INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX object_mail_by_age ON object_mail (sec);";
/* Mails that are to be handed out (`[mail] deliver`), until that is done. */
const char agent_schema_handout[] =
    "CREATE TABLE handout ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  account_id INTEGER NOT NULL,"
    "  folder TEXT NOT NULL,"
    "  mark TEXT NOT NULL,"
    "  is_kept INTEGER NOT NULL," /* stands in the mailbox, too */
    "  added_sec INTEGER NOT NULL,"
    "  tries INTEGER NOT NULL DEFAULT 0,"
    "  next_sec INTEGER NOT NULL DEFAULT 0,"
    "  content BLOB NOT NULL"
    ");"
    "CREATE INDEX handout_by_time ON handout (next_sec, id);";

/* What programs know a recipient's row by (gateway/compat). ticket: its acknowledgement's data, or
 * random bytes where none can come. program_id: the hash of the object that carried it last; until
 * it left, random bytes. */
const char agent_schema_tickets[] =
    "ALTER TABLE outgoing ADD COLUMN ticket BLOB NOT NULL DEFAULT x'';"
    "ALTER TABLE outgoing ADD COLUMN program_id BLOB NOT NULL DEFAULT x'';"
    "UPDATE outgoing SET"
    " ticket = CASE length(ackdata) WHEN 0 THEN randomblob(38) ELSE ackdata END,"
    " program_id = coalesce((SELECT j.hash FROM object_job j WHERE j.outgoing_id = outgoing.id"
    " AND j.hash IS NOT NULL AND j.kind IN (0, 1) ORDER BY j.id DESC LIMIT 1), randomblob(16));"
    "CREATE INDEX outgoing_by_ticket ON outgoing (ticket);"
    "CREATE INDEX outgoing_by_program_id ON outgoing (program_id);";
