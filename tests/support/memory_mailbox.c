// SPDX-License-Identifier: MIT
/* The store as a whole: its beginning and end, logins, and what happens behind the sessions' backs.
 */
#include "tests/support/memory_mailbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "crypto/hash.h"
#include "tests/support/memory_internal.h"

/* ---- Logins ---- */

static void *judge_start(void *context, struct sasl *sasl, struct sasl_verdict verdict)
{
    struct mailbox_call *call = memory_call_new(context, CALL_LOOKUP);
    call->name = xstrdup(sasl_user(sasl));
    call->sasl = sasl;
    call->verdict = verdict;
    return call;
}

static int64_t judge_failed(void *context, const struct sasl *sasl)
{
    struct mail_store *store = context;
    (void)sasl;
    return INT64_C(500) << ++store->n_failed_logins;
}

static void judge_cancel(void *context, void *handle)
{
    (void)context;
    memory_call_free(handle);
}

const struct sasl_judge *memory_mail_judge(struct mail_store *store)
{
    return &store->judge;
}

static void make_credential(struct mail_store *store)
{
    struct sasl_credential *made = &store->credential;
    bool ok = true;
    if (!store->config.quick_login) {
        ok = sasl_credential_make(made, bytes_of_str("secret"), SASL_MIN_ITERATIONS);
    } else {
        uint8_t salted[SASL_KEY_BYTES];
        uint8_t client_key[SASL_KEY_BYTES];
        struct bytes salt = {made->salt, sizeof(made->salt)};
        made->iterations = 1;
        ok = hash_pbkdf2_hmac_sha256(salted, sizeof(salted), bytes_of_str("secret"), salt, 1, NULL);
        hash_hmac_sha256(client_key, (struct bytes){salted, sizeof(salted)},
                         bytes_of_str("Client Key"));
        hash_sha256(made->stored_key, (struct bytes){client_key, sizeof(client_key)});
    }
    assert(ok);
    (void)ok;
}

/* ---- The store ---- */

struct mail_store *memory_mail_new(const struct memory_mail_config *config)
{
    struct mail_store *store = xcalloc(1, sizeof(*store));
    if (config != NULL) {
        store->config = *config;
    }
    list_init(&store->folders);
    list_init(&store->calls);
    list_init(&store->dead);
    list_init(&store->logins);
    store->next_id = 1;
    store->next_validity = 1000;
    store->next_email_id = 1;
    store->judge = (struct sasl_judge){judge_start, judge_cancel, judge_failed, store};
    make_credential(store);
    memory_folder_new(store, "INBOX", MAILBOX_SUBSCRIBED);
    memory_folder_new(store, "Drafts", MAILBOX_SUBSCRIBED | MAILBOX_USE_DRAFTS);
    memory_folder_new(store, "Sent", MAILBOX_SUBSCRIBED | MAILBOX_USE_SENT);
    memory_folder_new(store, "Archive", MAILBOX_USE_ARCHIVE);
    memory_folder_new(store, "Junk", MAILBOX_USE_JUNK);
    memory_folder_new(store, "Trash", MAILBOX_SUBSCRIBED | MAILBOX_USE_TRASH);
    return store;
}

void memory_mail_free(struct mail_store **store)
{
    struct mail_store *old = *store;
    *store = NULL;
    if (old == NULL) {
        return;
    }
    while (!list_is_empty(&old->calls)) {
        memory_call_free(list_entry(old->calls.next, struct mailbox_call, node));
    }
    while (!list_is_empty(&old->folders)) {
        memory_folder_free(list_entry(old->folders.next, struct folder, node));
    }
    memory_notes_clear(&old->notes);
    mailbox_list_unref(&old->list);
    free(old);
}

void memory_mail_add_mailbox(struct mail_store *store, const char *name, unsigned attributes)
{
    memory_folder_new(store, name, attributes);
    memory_tell_logins(store, MAILBOX_EVENT_LIST, 0);
}

uint32_t memory_mail_deliver(struct mail_store *store, const char *mailbox, const char *text)
{
    struct folder *folder = memory_folder_find(store, mailbox);
    struct mailbox_message message = {.uid = folder->view->uid_next,
                                      .internal_sec = MEMORY_NOW_SEC,
                                      .saved_sec = MEMORY_NOW_SEC,
                                      .sent_sec = MEMORY_NOW_SEC};
    struct content *content = memory_content_new(store, bytes_of_str(text), message.internal_sec);
    memory_folder_add(folder, content, &message);
    memory_content_unref(content);
    memory_folder_apply(folder, &message, 1, NULL, NULL, message.uid + 1);
    return message.uid;
}

void memory_mail_set_flags(struct mail_store *store, const char *mailbox, uint32_t uid,
                           uint8_t flags)
{
    struct folder *folder = memory_folder_find(store, mailbox);
    struct mailbox_message message = *mailbox_view_find(folder->view, uid);
    message.flags = flags;
    memory_folder_apply(folder, &message, 1, NULL, NULL, 0);
}

void memory_mail_expunge(struct mail_store *store, const char *mailbox, uint32_t uid)
{
    struct uid_set one = {0};
    uid_set_add(&one, uid);
    memory_folder_apply(memory_folder_find(store, mailbox), NULL, 0, &one, NULL, 0);
    uid_set_clear(&one);
}

void memory_mail_fill_disk(struct mail_store *store, bool full)
{
    store->disk_full = full;
}

unsigned memory_mail_reads(const struct mail_store *store)
{
    return store->n_reads;
}

void memory_mail_set_quota(struct mail_store *store, uint64_t bytes, uint64_t messages)
{
    store->limit_bytes = bytes;
    store->limit_messages = messages;
}

void memory_mail_hold(struct mail_store *store, bool hold)
{
    store->is_held = hold;
}

void memory_mail_fail_next(struct mail_store *store, int code)
{
    store->next_fault = code;
}
