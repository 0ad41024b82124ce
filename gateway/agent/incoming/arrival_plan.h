// SPDX-License-Identifier: MIT
/* What becomes of a message that was opened: whose it is, whether it may come in, into which
 * folders, and the mails made of it. Reads the keyring and mail.db; changes nothing but the
 * arrival. */
#ifndef BITTERN_GATEWAY_AGENT_INCOMING_ARRIVAL_PLAN_H
#define BITTERN_GATEWAY_AGENT_INCOMING_ARRIVAL_PLAN_H

#include <stddef.h>

#include "base/compiler.h"

struct address;
struct arrival;
struct db;
struct keyring;
struct object;
struct settings;

enum arrival_verdict {
    ARRIVAL_DELIVER,   /* deliveries are filled but for their mails */
    ARRIVAL_NOTE_ONLY, /* a resend, or nothing to show: only marks, the sender's key, perhaps an ack
                        */
    ARRIVAL_DROP       /* an exact copy of what came before, or too little work */
};
enum arrival_verdict arrival_plan(struct arrival *arrival, const struct keyring *keyring,
                                  struct db *db, const struct settings *settings) MUST_USE;

/* Write the deliveries' mails. `notice` NULL: from the decoded content; else it could not be
 * decoded. */
void arrival_plan_mails(struct arrival *arrival, const struct keyring *keyring, struct db *db,
                        const char *notice);

/* Whose broadcasts an object may be; *out is the caller's. */
size_t arrival_plan_senders(struct address **out, const struct keyring *keyring,
                            const struct object *object) MUST_USE;

/* "ROOT/LABEL", the folder of a chan or subscription: the label, or the address where there is
 * none, without what a mailbox's name can't have. The caller's. */
char *arrival_folder(const char *root, const char *label, const char *address) MUST_USE;

#endif
