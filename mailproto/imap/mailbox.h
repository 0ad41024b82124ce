// SPDX-License-Identifier: MIT
/* The mailbox contract: what an IMAP session asks of a mail store.
 *
 * The store is asynchronous. A call that writes, scans or loads is started and answered later, by
 * one callback from the loop, never from inside the starting call. "Done" in an answer means
 * committed to disk. What is answered at once (names, the view, status, pieces of content) comes
 * from memory or from one short read.
 *
 *     store ──account_open──> account ──open──> mailbox ──view──> mailbox_view (mailbox_view.h)
 *                                │                 └──read──> reader: envelope, structure, content
 *                                └──append──> appender
 *
 * Calls under way. Each start returns a `struct mailbox_call *`. It ends by its answer, or by
 * `cancel`: then no callback comes any more (a write that had begun may still be committed). A
 * session that ends cancels its call, so the store never calls into a freed session. Arguments are
 * copied by the store before the start returns. Calls of one account are committed in the order in
 * which they were started.
 *
 * Changes. Whoever has a mailbox open has given a watcher. After each commit that changes a
 * mailbox, or its name, and after the newest view was replaced, the store calls `changed` of each
 * watcher of it, also of the one whose call it was, before the answer to that call. The watcher
 * takes notes and returns; it pulls the view by ops->view when the protocol allows.
 *
 * Names are UTF-8 with '/' between levels, "INBOX" in capitals (its children keep what was typed
 * after the slash). The session has checked them: valid UTF-8, no control characters, no empty
 * level, at most MAILBOX_NAME_MAX_BYTES; the store checks what they mean.
 *
 * Faults: FAULT_NOT_FOUND no such mailbox; FAULT_EXISTS; FAULT_DENIED not allowed here, ever;
 * FAULT_UNSUPPORTED this mailbox can't do that; FAULT_LIMIT; FAULT_NO_SPACE; FAULT_BUSY try later;
 * FAULT_IO, FAULT_CORRUPT, FAULT_INTERNAL. The text is shown to the user. */
#ifndef BITTERN_MAILPROTO_IMAP_MAILBOX_H
#define BITTERN_MAILPROTO_IMAP_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "mailproto/imap/mailbox_list.h"
#include "mailproto/imap/mailbox_view.h"
#include "mailproto/imap/message_info.h"
#include "mailproto/imap/uid_set.h"

/* Opaque, each made and ended by the store. */
struct arena;
struct mail_store;
struct mailbox_account; /* one login */
struct mailbox;         /* one mailbox, opened by one session */
struct mailbox_call;    /* a question not yet answered */
struct mailbox_reader;  /* a walk over messages */
struct mailbox_append;  /* messages on their way in */

enum {
    MAILBOX_NAME_MAX_BYTES = 1000,
    MAILBOX_APPEND_MAX_BYTES = 67108864,  /* one message: APPENDLIMIT */
    MAILBOX_APPEND_MAX_MESSAGES = 1000,   /* in one MULTIAPPEND */
    MAILBOX_CONTENT_PIECE_BYTES = 65536,  /* the most that read_content gives at once */
    MAILBOX_SEARCH_MAX_TESTS = 64,        /* text tests in one search: one bit each */
    MAILBOX_ENTRY_MAX_BYTES = 256,        /* the name of an annotation */
    MAILBOX_ANNOTATION_MAX_BYTES = 16384, /* its value */
    MAILBOX_MAX_ANNOTATIONS = 100         /* of one mailbox, and of the account */
};

/* ---- About a mailbox, an account ---- */

struct mailbox_status {
    uint32_t n_messages;
    uint32_t n_unseen;
    uint32_t n_deleted;
    uint32_t n_recent; /* that a session which selects it now would see */
    uint32_t uid_next;
    uint32_t uid_validity;
    uint64_t highest_modseq;
    uint64_t total_size;
    uint64_t deleted_size; /* of the messages with \Deleted */
};

/* What an account may hold and holds, copies counted each (RFC 9208). Limits: 0 is none. */
struct mailbox_quota {
    uint64_t used_bytes;
    uint64_t limit_bytes;
    uint64_t used_messages;
    uint64_t limit_messages;
};

/* Notes about a mailbox, or about the account where the mailbox's name is "" (RFC 5464): names like
 * "/private/comment", compared without regard to ASCII case. */
struct mailbox_annotation {
    const char *entry;  /* at most MAILBOX_ENTRY_MAX_BYTES */
    struct bytes value; /* any bytes, at most MAILBOX_ANNOTATION_MAX_BYTES; data NULL: remove it */
};

struct mailbox_annotations { /* ascending by name */
    struct mailbox_annotation *items;
    size_t n_items;
};

/* ---- Answers ---- */

/* Which fields are filled depends on the call; all else is zero. Borrowed during the callback, but
 * for `mailbox`, which becomes the caller's. */
struct mailbox_answer {
    const struct fault *fault; /* NULL: done and committed */

    struct mailbox *mailbox; /* open */

    uint32_t uid_validity;     /* append, copy, move: of the target mailbox */
    const uint32_t *from_uids; /* copy, move: the messages, in ascending order ... */
    const uint32_t *to_uids;   /* copy, move, append: ... and the UID of each in the target */
    size_t n_uids;

    const struct mailbox_message
        *changed; /* store: the new state of each message that is there and was
                     not refused, in ascending order, also if it is unchanged */
    size_t n_changed;
    const struct uid_set *refused;  /* store with unchanged_since: changed by others since then */
    const struct uid_set *expunged; /* expunge, move: what this call took out */
    uint64_t modseq; /* store, expunge, move: of this change; 0 when nothing changed */
};

/* How a call is answered: done(context, answer), once. */
struct mailbox_done {
    void (*done)(void *context, const struct mailbox_answer *answer);
    void *context;
};

enum mailbox_event {
    MAILBOX_EVENT_VIEW,    /* a newer view is there */
    MAILBOX_EVENT_DELETED, /* the mailbox is gone; the view stays readable, content may not be */
    /* To an account's watcher: */
    MAILBOX_EVENT_LIST,    /* names or attributes changed (mailbox_id 0), or a mailbox's status */
    MAILBOX_EVENT_METADATA /* annotations changed of this mailbox, or of the account (0) */
};

/* changed(context, event, mailbox_id). May be called any number of times; does nothing but take
 * notes (it may not call the store for anything but `view` and `list`). */
struct mailbox_watcher {
    void (*changed)(void *context, enum mailbox_event event, uint64_t mailbox_id);
    void *context;
};

/* ---- Writing ---- */

enum mailbox_store_mode { MAILBOX_STORE_REPLACE, MAILBOX_STORE_ADD, MAILBOX_STORE_REMOVE };

struct mailbox_flags {
    uint8_t flags;               /* of enum mailbox_flag */
    const char *const *keywords; /* by name; at most MAILBOX_MAX_KEYWORDS */
    size_t n_keywords;
};

struct mailbox_store_request {
    const struct uid_set *uids; /* those that are not there are passed over */
    enum mailbox_store_mode mode;
    struct mailbox_flags flags;
    bool has_unchanged_since;
    uint64_t unchanged_since; /* only messages whose modseq is not above it (RFC 7162) */
};

struct mailbox_new_message {
    struct mailbox_flags flags;
    int64_t internal_sec;
    int16_t internal_zone_min;
    uint64_t size;         /* bytes that will follow; at most MAILBOX_APPEND_MAX_BYTES */
    bool size_is_open;     /* no more than `size`; append_end says when that is all (RFC 4469) */
    const char *client_id; /* the session's name, for the log */
};

enum mailbox_push {
    MAILBOX_PUSH_OK,
    MAILBOX_PUSH_WAIT,  /* these bytes were taken, but stop until `ready` */
    MAILBOX_PUSH_FAILED /* the fault says why; the appender answers nothing but append_abort now */
};

/* ---- Reading ---- */

/* What a reader is to fetch of each message: so that the store reads neither too much nor twice. */
enum mailbox_item {
    MAILBOX_ITEM_INFO = 1,    /* the blob of message_info.h */
    MAILBOX_ITEM_HEADER = 2,  /* the content up to and with the empty line */
    MAILBOX_ITEM_CONTENT = 4, /* read_content will be called */
    MAILBOX_ITEM_TEXT = 16,   /* message_text.header: decoded and folded fields */
    MAILBOX_ITEM_THREAD = 32, /* thread_id, which the others bring as well */
    MAILBOX_ITEM_PREVIEW = 8  /* up to 200 characters of its text, UTF-8 (RFC 8970) */
};

enum mailbox_read {
    MAILBOX_READ_OK,
    MAILBOX_READ_WAIT,  /* not in memory yet: `ready` comes */
    MAILBOX_READ_GONE,  /* this message was expunged meanwhile; *out_uid says which; go on */
    MAILBOX_READ_END,   /* no more messages, or no more content at that offset */
    MAILBOX_READ_FAILED /* the fault says why */
};

struct mailbox_item_data { /* borrowed until the next read_next */
    uint32_t uid;
    uint64_t content_len;
    uint64_t thread_id; /* the same for all messages of a conversation, for ever (RFC 8474) */
    struct bytes info;
    struct bytes header;
    struct bytes preview;
    struct bytes text;
};

/* Called from the loop, once after each WAIT. */
struct mailbox_ready {
    void (*ready)(void *context);
    void *context;
};

/* ---- Searching text ---- */

enum mailbox_text_where {
    MAILBOX_TEXT_FIELD, /* in the header field `field` of the message, decoded */
    MAILBOX_TEXT_BODY,  /* in the decoded text of the parts */
    MAILBOX_TEXT_ANY    /* in any header field or in the text */
};

struct mailbox_text_test {
    enum mailbox_text_where where;
    struct bytes field;  /* lower case */
    struct bytes needle; /* folded (fold.h), as the stored text is; empty: any message that has the
                            field, any message at all for the others */
};

struct mailbox_hit {
    uint32_t uid;
    bool is_gone;    /* expunged meanwhile: its text could not be looked at */
    uint64_t passed; /* bit i: test i found its needle */
};

/* hits() comes any number of times, in ascending order of UID and only with messages that passed at
 * least one test or are gone; then done() once. */
struct mailbox_search_done {
    void (*hits)(void *context, const struct mailbox_hit *hits, size_t n_hits);
    void (*done)(void *context, const struct fault *fault);
    void *context;
};

/* ---- The functions ---- */

struct mailbox_ops {
    /* -- Accounts -- */

    /* Begin a session for an account that has been authenticated (sasl_account_id).
     * `watcher` hears MAILBOX_EVENT_LIST; NULL when nobody listens. NULL when there is no such
     * account. */
    struct mailbox_account *(*account_open)(struct mail_store *store, int64_t account_id,
                                            const struct mailbox_watcher *watcher,
                                            struct fault *fault);
    /* Its calls were answered or cancelled, its mailboxes closed before. */
    void (*account_close)(struct mailbox_account **account);

    /* No callback of that call any more. `*call` becomes NULL. */
    void (*cancel)(struct mailbox_call **call);

    /* -- Names -- */

    /* The newest; borrowed until the loop's next turn, mailbox_list_ref keeps it longer. */
    struct mailbox_list *(*list)(struct mailbox_account *account);
    /* One short read. */
    bool (*status)(struct mailbox_account *account, const char *name, struct mailbox_status *out,
                   struct fault *fault);
    /* One short read, likewise the next. */
    bool (*quota)(struct mailbox_account *account, struct mailbox_quota *out, struct fault *fault);
    /* All annotations of a mailbox ("": of the account), in `arena`. */
    bool (*annotations)(struct mailbox_account *account, const char *name, struct arena *arena,
                        struct mailbox_annotations *out, struct fault *fault);
    /* Set and remove all of them or none. FAULT_LIMIT: there would be too many. */
    struct mailbox_call *(*annotate)(struct mailbox_account *account, const char *name,
                                     const struct mailbox_annotations *annotations,
                                     struct mailbox_done done);
    /* `use`: MAILBOX_USE_... bits or 0 (CREATE-SPECIAL-USE). Missing levels above are made, too. */
    struct mailbox_call *(*create)(struct mailbox_account *account, const char *name, unsigned use,
                                   struct mailbox_done done);
    /* Takes the mails along; with children it stays as a NOSELECT name. */
    struct mailbox_call *(*remove)(struct mailbox_account *account, const char *name,
                                   struct mailbox_done done);
    /* Children follow. From INBOX: its messages move to the new mailbox, INBOX stays (RFC 3501
     * section 6.3.5). UIDVALIDITY and UIDs stay with what is renamed. */
    struct mailbox_call *(*rename)(struct mailbox_account *account, const char *from,
                                   const char *to, struct mailbox_done done);
    /* The name need not exist. */
    struct mailbox_call *(*subscribe)(struct mailbox_account *account, const char *name,
                                      bool subscribed, struct mailbox_done done);

    /* -- An open mailbox -- */

    /* answer->mailbox is the caller's. */
    struct mailbox_call *(*open)(struct mailbox_account *account, const char *name,
                                 struct mailbox_watcher watcher, struct mailbox_done done);
    void (*close)(struct mailbox **mailbox);
    uint64_t (*mailbox_id)(const struct mailbox *mailbox);
    uint32_t (*uid_validity)(const struct mailbox *mailbox);
    /* The newest view; the caller owns one reference. From memory. */
    struct mailbox_view *(*view)(struct mailbox *mailbox);
    /* \Recent: the lowest UID that no session was given yet as recent, uid_next when there is none.
     * With `claim`, all up to the newest view's uid_next now belong to the caller. From memory;
     * kept on disk when that is convenient. */
    uint32_t (*recent)(struct mailbox *mailbox, bool claim);
    /* The UIDs expunged after `modseq`, cut to `within` (NULL: all). False when the log does not
     * reach back so far (the caller then takes all UIDs below uid_next that are not in the view).
     */
    bool (*expunged_since)(struct mailbox *mailbox, uint64_t modseq, const struct uid_set *within,
                           struct uid_set *out);

    /* answer: changed, refused, modseq. */
    struct mailbox_call *(*store_flags)(struct mailbox *mailbox,
                                        const struct mailbox_store_request *request,
                                        struct mailbox_done done);
    /* Take out those of `uids` (NULL: of all) that have \Deleted. answer: expunged, modseq. */
    struct mailbox_call *(*expunge)(struct mailbox *mailbox, const struct uid_set *uids,
                                    struct mailbox_done done);
    /* All or none, flags, keywords and INTERNALDATE with them. UIDs that are not there are passed
     * over. answer: uid_validity, from_uids, to_uids. */
    struct mailbox_call *(*copy)(struct mailbox *mailbox, const struct uid_set *uids,
                                 const char *to, struct mailbox_done done);
    /* As copy, and out of here in the same commit. answer: also expunged, modseq. */
    struct mailbox_call *(*move)(struct mailbox *mailbox, const struct uid_set *uids,
                                 const char *to, struct mailbox_done done);

    /* -- Appending: all messages of one appender are committed together or not at all -- */

    /* NULL when nothing can be appended there (fault: FAULT_NOT_FOUND makes it TRYCREATE). */
    struct mailbox_append *(*append_begin)(struct mailbox_account *account, const char *name,
                                           struct mailbox_ready ready, struct fault *fault);
    /* Announce the next message; false (too large, too many) makes the appender useless. */
    bool (*append_message)(struct mailbox_append *append, const struct mailbox_new_message *message,
                           struct fault *fault);
    /* The next bytes of it: exactly `size` of them altogether. Kept as they are. */
    enum mailbox_push (*append_data)(struct mailbox_append *append, struct bytes data,
                                     struct fault *fault);
    /* The end of a message whose size was open. */
    enum mailbox_push (*append_end)(struct mailbox_append *append, struct fault *fault);
    /* Analyse and commit. The appender is the store's from here on. answer: uid_validity, to_uids
     * (one a message, in order; an existing UID where a copy was merged with one that is there). */
    struct mailbox_call *(*append_commit)(struct mailbox_append **append, struct mailbox_done done);
    /* As append_commit, of one message; `uid` of `from` goes in the same commit, whatever its flags
     * (RFC 8508). FAULT_NOT_FOUND: it was gone already, and nothing is done. answer: also expunged,
     * modseq (of `from`). */
    struct mailbox_call *(*append_replace)(struct mailbox_append **append, struct mailbox *from,
                                           uint32_t uid, struct mailbox_done done);
    void (*append_abort)(struct mailbox_append **append);

    /* -- Reading: a walk over messages in ascending order of UID, at the caller's pace -- */

    /* `items` of enum mailbox_item. No transaction is held between two calls. */
    struct mailbox_reader *(*read_start)(struct mailbox *mailbox, const struct uid_set *uids,
                                         unsigned items, struct mailbox_ready ready);
    enum mailbox_read (*read_next)(struct mailbox_reader *reader, struct mailbox_item_data *out,
                                   struct fault *fault);
    /* A piece of the content of the message that read_next gave last: from `offset`, at least one
     * and at most min(max_len, MAILBOX_CONTENT_PIECE_BYTES) bytes, borrowed until the next call. */
    enum mailbox_read (*read_content)(struct mailbox_reader *reader, uint64_t offset,
                                      size_t max_len, struct bytes *out, struct fault *fault);
    void (*read_end)(struct mailbox_reader **reader);

    /* -- Searching -- */

    /* The UIDs of a conversation's messages in this mailbox. One short read. */
    bool (*thread_uids)(struct mailbox *mailbox, uint64_t thread_id, struct uid_set *out,
                        struct fault *fault);

    /* Scan the text of `uids` off the loop. n_tests <= MAILBOX_SEARCH_MAX_TESTS. */
    struct mailbox_call *(*search_text)(struct mailbox *mailbox, const struct uid_set *uids,
                                        const struct mailbox_text_test *tests, size_t n_tests,
                                        struct mailbox_search_done done);
};

#endif
