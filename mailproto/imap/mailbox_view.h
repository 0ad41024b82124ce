// SPDX-License-Identifier: MIT
/* An immutable picture of a mailbox: one small record a message, in order of UID.
 *
 * All sessions that have a mailbox open share its newest view; each keeps a reference to the one it
 * has told its client about, and what it owes the client is the difference of the two. So there is
 * no queue of pending changes to keep in step: an EXPUNGE that may not be announced yet is a
 * message that is in the told view and not in the newest.
 *
 * A view is an array of references to chunks of MAILBOX_CHUNK_MESSAGES records. mailbox_view_apply
 * makes the next view from the last one and shares each chunk that did not change: a new message or
 * a flag costs a chunk and the array of references, also in a mailbox of 100,000 messages, and
 * mailbox_view_diff passes over shared chunks without looking inside.
 *
 * Views belong to one thread at a time (references are not counted atomically): one that was
 * loaded in a worker is handed to the loop whole. */
#ifndef BITTERN_MAILPROTO_IMAP_MAILBOX_VIEW_H
#define BITTERN_MAILPROTO_IMAP_MAILBOX_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct uid_set;

enum {
    MAILBOX_CHUNK_MESSAGES = 128,
    MAILBOX_MAX_KEYWORDS = 64,       /* in one mailbox: one bit each */
    MAILBOX_KEYWORD_MAX_BYTES = 128, /* the length of a name */
};

/* Bits of mailbox_message.flags. \Recent is not among them: it belongs to a session. */
enum mailbox_flag {
    MAILBOX_FLAG_ANSWERED = 1,
    MAILBOX_FLAG_FLAGGED = 2,
    MAILBOX_FLAG_DELETED = 4,
    MAILBOX_FLAG_SEEN = 8,
    MAILBOX_FLAG_DRAFT = 16,
    MAILBOX_FLAGS_ALL = 31
};

struct mailbox_message {
    uint32_t uid;
    uint32_t size; /* RFC822.SIZE: bytes of the content exactly as it is delivered */
    uint8_t flags;
    int16_t internal_zone_min; /* zones: minutes east of UTC */
    int16_t sent_zone_min;
    uint64_t modseq;      /* 1 .. 2^63 - 1 */
    uint64_t keywords;    /* bit i: the keyword i of the mailbox's table */
    uint64_t email_id;    /* the same for all copies of a message, in any mailbox of the account */
    int64_t internal_sec; /* INTERNALDATE */
    int64_t saved_sec;    /* SAVEDATE: when it came into this mailbox */
    int64_t sent_sec;     /* the Date header; INTERNALDATE where there is none */
};

/* The keywords of a mailbox. An id, once given, means that name as long as the mailbox lives, so
 * bits of different views compare. Immutable. */
struct mailbox_keywords {
    unsigned refs;
    size_t n_names;
    char *names[MAILBOX_MAX_KEYWORDS];
};

/* Copies the names (n_names <= MAILBOX_MAX_KEYWORDS). */
struct mailbox_keywords *mailbox_keywords_new(const char *const *names, size_t n_names) MUST_USE;
struct mailbox_keywords *mailbox_keywords_ref(struct mailbox_keywords *keywords) MUST_USE;
void mailbox_keywords_unref(struct mailbox_keywords **keywords);
/* The id of a name, without regard to ASCII case. False when it has none. */
bool mailbox_keywords_find(const struct mailbox_keywords *keywords, struct bytes name,
                           unsigned *out_id) MUST_USE;

struct mailbox_chunk;

struct mailbox_slot {
    struct mailbox_chunk *chunk;
    uint32_t n_before; /* messages in the chunks before */
    uint32_t last_uid; /* of the chunk: looking one up touches no other chunk */
};

struct mailbox_view {
    unsigned refs;
    uint32_t uid_next;
    uint64_t highest_modseq;
    struct mailbox_keywords *keywords;
    uint32_t n_messages;
    uint32_t n_unseen;
    uint32_t n_deleted;
    uint64_t total_size;
    size_t n_slots;
    struct mailbox_slot *slots;
};

/* `messages` in ascending order of UID, copied. Takes a reference of its own to `keywords`. */
struct mailbox_view *mailbox_view_new(const struct mailbox_message *messages, size_t n_messages,
                                      struct mailbox_keywords *keywords, uint32_t uid_next,
                                      uint64_t highest_modseq) MUST_USE;
struct mailbox_view *mailbox_view_ref(struct mailbox_view *view) MUST_USE;
void mailbox_view_unref(struct mailbox_view **view);

/* What one commit did to a mailbox. */
struct mailbox_delta {
    const struct mailbox_message
        *put; /* ascending by UID: new messages and new states of old ones */
    size_t n_put;
    const struct uid_set *expunged;    /* NULL: none. UIDs that are not there are passed over */
    struct mailbox_keywords *keywords; /* NULL: as before */
    uint32_t uid_next;                 /* 0: as before */
    uint64_t highest_modseq;           /* 0: as before */
};

/* The view after `delta`; `base` stays as it is. The caller owns one reference to the result. */
struct mailbox_view *mailbox_view_apply(const struct mailbox_view *base,
                                        const struct mailbox_delta *delta) MUST_USE;

/* The message with sequence number `seq` (1 .. n_messages). Borrowed as long as the view is held.
 */
const struct mailbox_message *mailbox_view_at(const struct mailbox_view *view,
                                              uint32_t seq) MUST_USE;
/* The sequence number of the first message with a UID >= `uid`; n_messages + 1 when there is none.
 */
uint32_t mailbox_view_lower_bound(const struct mailbox_view *view, uint32_t uid) MUST_USE;
/* The sequence number of `uid`, or 0. */
uint32_t mailbox_view_seq_of(const struct mailbox_view *view, uint32_t uid) MUST_USE;
/* The message with that UID, or NULL. */
const struct mailbox_message *mailbox_view_find(const struct mailbox_view *view,
                                                uint32_t uid) MUST_USE;

enum mailbox_change { MAILBOX_CHANGE_NONE, MAILBOX_CHANGED, MAILBOX_EXPUNGED, MAILBOX_APPENDED };

/* A walk over the difference of two views, in order of UID. Start: {.before = a, .after = b}; both
 * must be held during the walk. */
struct mailbox_diff {
    const struct mailbox_view *before;
    const struct mailbox_view *after;
    uint32_t n_before; /* passed so far */
    uint32_t n_after;
};

/* The next difference, MAILBOX_CHANGE_NONE at the end. `out_before` is NULL for an appended
 * message, `out_after` for an expunged one. MAILBOX_CHANGED: flags, keywords or modseq differ. */
enum mailbox_change mailbox_diff_next(struct mailbox_diff *diff,
                                      const struct mailbox_message **out_before,
                                      const struct mailbox_message **out_after) MUST_USE;

#endif
