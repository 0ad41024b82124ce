// SPDX-License-Identifier: MIT
/* What the files of the store in memory share. */
#ifndef BITTERN_TESTS_SUPPORT_MEMORY_INTERNAL_H
#define BITTERN_TESTS_SUPPORT_MEMORY_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/list.h"
#include "base/mem.h"
#include "mailproto/imap/mailbox.h"
#include "mailproto/sasl/credential.h"
#include "mailproto/sasl/sasl.h"
#include "tests/support/memory_mailbox.h"

struct content {
    unsigned refs;
    uint64_t email_id;
    uint64_t thread_id;
    int64_t sent_sec;
    int16_t sent_zone_min;
    struct buf raw;
    size_t header_len;
    struct buf info;
    struct buf text_header;
    struct buf text_body;
};

struct slot {
    uint32_t uid;
    struct content *content;
};

struct gone {
    uint32_t uid;
    uint64_t modseq;
};

/* Annotations of a folder, or of the store. */
struct notes {
    struct mailbox_annotation *items;
    size_t n_items;
};

struct folder {
    struct list_node node;
    struct mail_store *store;
    struct notes notes;
    uint64_t id;
    char *name;
    unsigned attributes;
    uint32_t uid_validity;
    uint32_t recent_from;
    struct mailbox_view *view;
    struct slot *slots; /* ascending by UID, also of those that are gone */
    size_t n_slots;
    size_t slots_capacity;
    struct gone *gone;
    size_t n_gone;
    size_t gone_capacity;
    struct list_node open;
    bool removed;
    unsigned n_open;
};

struct mailbox {
    struct list_node node;
    struct mail_store *store;
    struct folder *folder;
    struct mailbox_watcher watcher;
};

struct mailbox_account {
    struct list_node node;
    struct mail_store *store;
    struct mailbox_watcher watcher;
};

enum call_kind {
    CALL_CREATE,
    CALL_REMOVE,
    CALL_RENAME,
    CALL_SUBSCRIBE,
    CALL_ANNOTATE,
    CALL_OPEN,
    CALL_STORE,
    CALL_EXPUNGE,
    CALL_COPY,
    CALL_MOVE,
    CALL_APPEND,
    CALL_SEARCH,
    CALL_LOOKUP,
    CALL_READY
};

struct mailbox_call {
    struct list_node node;
    enum call_kind kind;
    struct mail_store *store;
    struct mailbox *mailbox;
    char *name;
    char *name2;
    unsigned use;
    bool flag;
    bool has_uids;
    uint32_t replaced_uid;                  /* of `mailbox`; 0: none */
    struct mailbox_annotations annotations; /* in `arena` */
    struct uid_set uids;
    struct mailbox_store_request request;
    char **keywords;
    struct mailbox_append *append;
    struct mailbox_watcher watcher;
    struct mailbox_done done;
    const struct mailbox_text_test *tests;
    size_t n_tests;
    struct arena arena;
    struct mailbox_search_done search_done;
    struct sasl *sasl;
    struct sasl_verdict verdict;
    struct mailbox_ready ready;
};

struct new_message {
    struct mailbox_new_message message;
    char **keywords;
    struct buf raw;
};

struct mailbox_append {
    struct mail_store *store;
    char *name;
    struct new_message *messages;
    size_t n_messages;
    size_t capacity;
};

struct mailbox_reader {
    struct mail_store *store;
    struct folder *folder;
    struct uid_set uids;
    struct uid_set_walk walk;
    struct mailbox_ready ready;
    struct content *content;
    struct mailbox_call *waiting;
    unsigned n_reads;
};

struct mail_store {
    struct memory_mail_config config;
    struct list_node folders;
    struct list_node calls;
    struct list_node dead; /* removed folders that are still open */
    uint64_t next_id;
    uint32_t next_validity;
    uint64_t next_email_id;
    unsigned n_reads; /* of messages and of pieces of content */
    bool disk_full;
    bool is_held;
    int next_fault;       /* enum fault_code; FAULT_NONE: none */
    uint64_t limit_bytes; /* quota; 0: none */
    uint64_t limit_messages;
    struct notes notes;
    struct list_node logins; /* struct mailbox_account */
    struct sasl_judge judge;
    unsigned n_failed_logins;
    struct sasl_credential credential;
    struct mailbox_list *list;
    bool list_is_stale;
};

/* ---- memory_folders.c ---- */

struct content *memory_content_new(struct mail_store *store, struct bytes raw, int64_t arrived_sec);
void memory_content_unref(struct content *content);
/* NULL when there is none of that name. */
struct folder *memory_folder_find(struct mail_store *store, const char *name);
struct folder *memory_folder_new(struct mail_store *store, const char *name, unsigned attributes);
void memory_folder_free(struct folder *folder);
struct content *memory_folder_content(const struct folder *folder, uint32_t uid);
/* Replace the view. Takes a modseq for the change. */
void memory_folder_apply(struct folder *folder, struct mailbox_message *put, size_t n_put,
                         const struct uid_set *expunged, struct mailbox_keywords *keywords,
                         uint32_t uid_next);
/* Note the content of a message that is about to be applied; fills its fields. Returns its UID. */
uint32_t memory_folder_add(struct folder *folder, struct content *content,
                           struct mailbox_message *message);
/* The bits of these names; names that are new are added to `*keywords`, which may be replaced. */
uint64_t memory_keyword_bits(struct mailbox_keywords **keywords, const char *const *names,
                             size_t n_names, struct fault *fault);
void memory_notes_set(struct notes *notes, const struct mailbox_annotation *annotation);
void memory_notes_clear(struct notes *notes);
/* Tell who has it open, and all logins that it changed. */
void memory_tell(struct folder *folder, enum mailbox_event event);
/* Tell who is logged in. */
void memory_tell_logins(struct mail_store *store, enum mailbox_event event, uint64_t mailbox_id);

/* ---- memory_calls.c ---- */

struct mailbox_call *memory_call_new(struct mail_store *store, enum call_kind kind);
void memory_call_free(struct mailbox_call *call);
void memory_append_free(struct mailbox_append *append);

#endif
