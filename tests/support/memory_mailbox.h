// SPDX-License-Identifier: MIT
/* A mail store in memory: the mailbox contract for tests of IMAP sessions.
 *
 * One tree of mailboxes, which every account sees. Calls are queued and done by memory_mail_run, so
 * that a test decides what happens between a question and its answer. */
#ifndef BITTERN_TESTS_SUPPORT_MEMORY_MAILBOX_H
#define BITTERN_TESTS_SUPPORT_MEMORY_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct buf;
struct mail_store;
struct mailbox_ops;
struct sasl_judge;

/* Here it is always this moment. */
enum { MEMORY_NOW_SEC = 1000000000 };

/* What a message is analysed by: fills the blob of its form and its folded text. */
struct memory_mail_analysis {
    struct buf *info;
    struct buf *text_header;
    struct buf *text_body;
};

struct memory_mail_config {
    /* NULL: a plain one, that knows headers and takes the body for one text. */
    void (*analyse)(struct memory_mail_analysis *out, struct bytes content, int64_t arrived_sec);
    /* Called when something waits for memory_mail_run; may be NULL. */
    void (*wake)(void *context);
    void *context;
    bool quick_login; /* one round of PBKDF2 alone, for fuzzing */
    bool reads_wait;  /* every second read answers WAIT first */
};

/* With INBOX, Drafts, Sent, Archive, Junk and Trash; the login is "alice" with "secret". */
struct mail_store *memory_mail_new(const struct memory_mail_config *config);
void memory_mail_free(struct mail_store **store);
const struct mailbox_ops *memory_mail_ops(void);
const struct sasl_judge *memory_mail_judge(struct mail_store *store);
/* Do what is queued, and what comes of it. Returns how much was done. */
unsigned memory_mail_run(struct mail_store *store);

/* Behind the sessions' backs: there is one more mailbox (`attributes` of enum mailbox_attribute),
 * whose name is new. */
void memory_mail_add_mailbox(struct mail_store *store, const char *name, unsigned attributes);
/* Behind the sessions' backs: a mail arrives (returns its UID), changes, goes. Watchers are told.
 */
uint32_t memory_mail_deliver(struct mail_store *store, const char *mailbox, const char *content);
void memory_mail_set_flags(struct mail_store *store, const char *mailbox, uint32_t uid,
                           uint8_t flags);
void memory_mail_expunge(struct mail_store *store, const char *mailbox, uint32_t uid);
/* How many messages were read, and pieces of their content. */
unsigned memory_mail_reads(const struct mail_store *store);
/* 0: none. Only shown, not held to. */
void memory_mail_set_quota(struct mail_store *store, uint64_t bytes, uint64_t messages);
/* The next call that writes is answered by this fault (enum fault_code). */
void memory_mail_fail_next(struct mail_store *store, int code);
/* While it is held, no call is answered: it takes its time. */
void memory_mail_hold(struct mail_store *store, bool hold);
/* From now on each call that writes is answered by FAULT_NO_SPACE. */
void memory_mail_fill_disk(struct mail_store *store, bool full);

#endif
