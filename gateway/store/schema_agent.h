// SPDX-License-Identifier: MIT
/* The user agent's part of mail.db: identities, contacts, subscriptions, the outgoing queue,
 * finished objects, others' pubkeys, what was seen, and the cursor on the link.
 *
 * It stands in the store's room because mail.db has one schema and one version; what the rows mean
 * is the business of gateway/agent, which alone reads and writes them. */
#ifndef BITTERN_GATEWAY_STORE_SCHEMA_AGENT_H
#define BITTERN_GATEWAY_STORE_SCHEMA_AGENT_H

/* The statements, separated by semicolons, that make the tables of schema version 1. */
extern const char schema_agent_v1[];

#endif
