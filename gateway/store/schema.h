// SPDX-License-Identifier: MIT
/* The tables of mail.db, as lists of statements that end with NULL.
 *
 * One database holds what must change together: a message that arrived and the note that its object
 * is done, a mail's copy in Sent and its place in the queue. So the store and the agent, each with
 * tables of its own, share one schema and one version number. The agent's section stands here, and
 * is written there, because the store makes the database and stays below the agent.
 *
 * These are the tables of version 1. A statement that was released is never edited: what changes
 * comes as a further step in mail_db.c, and a new database goes through all steps, too.
 */
#ifndef BITTERN_GATEWAY_STORE_SCHEMA_H
#define BITTERN_GATEWAY_STORE_SCHEMA_H

extern const char *const store_schema[];
extern const char *const agent_schema[];
/* A step: identities as mailing lists, muted subscriptions, rules of accounts and chans. */
extern const char *const people_schema[];

/* ---- further steps ---- */

extern const char store_schema_body_header[];
extern const char agent_schema_key_walk[];
extern const char agent_schema_departures[];
extern const char agent_schema_why[];
extern const char agent_schema_handout[];
/* Private keys under a passphrase. */
extern const char lock_schema[];
extern const char agent_schema_tickets[];
extern const char agent_schema_object_date[];

#endif
