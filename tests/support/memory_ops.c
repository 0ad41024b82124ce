// SPDX-License-Identifier: MIT
/* The contract's functions: what is answered at once, and the starts of calls. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "mailproto/imap/fold.h"
#include "mailproto/imap/text_match.h"
#include "tests/support/memory_internal.h"

/* ---- The contract's functions ---- */

static struct mailbox_account *op_account_open(struct mail_store *store, int64_t account_id,
                                               const struct mailbox_watcher *watcher,
                                               struct fault *fault)
{
    if (account_id != 1) {
        fault_set(fault, FAULT_NOT_FOUND, "No such account");
        return NULL;
    }
    struct mailbox_account *account = xcalloc(1, sizeof(*account));
    account->store = store;
    if (watcher != NULL) {
        account->watcher = *watcher;
    }
    list_append(&store->logins, &account->node);
    return account;
}

static void op_account_close(struct mailbox_account **account)
{
    list_remove(&(*account)->node);
    free(*account);
    *account = NULL;
}

static void op_cancel(struct mailbox_call **call)
{
    memory_call_free(*call);
    *call = NULL;
}

static struct mailbox_list *op_list(struct mailbox_account *account)
{
    struct mail_store *store = account->store;
    if (store->list != NULL && !store->list_is_stale) {
        return store->list;
    }
    store->list_is_stale = false;
    mailbox_list_unref(&store->list);
    store->list = mailbox_list_new();
    list_for_each(node, &store->folders)
    {
        const struct folder *folder = list_entry(node, struct folder, node);
        mailbox_list_add(store->list,
                         &(struct mailbox_entry){folder->id, folder->name, folder->attributes});
    }
    mailbox_list_sort(store->list);
    return store->list;
}

static bool op_status(struct mailbox_account *account, const char *name, struct mailbox_status *out,
                      struct fault *fault)
{
    const struct folder *folder = memory_folder_find(account->store, name);
    if (folder == NULL || (folder->attributes & MAILBOX_NOSELECT) != 0) {
        return fault_set(fault, FAULT_NOT_FOUND, "No such mailbox");
    }
    const struct mailbox_view *view = folder->view;
    uint64_t deleted_size = 0;
    for (uint32_t seq = 1; seq <= view->n_messages; seq++) {
        const struct mailbox_message *message = mailbox_view_at(view, seq);
        deleted_size += (message->flags & MAILBOX_FLAG_DELETED) != 0 ? message->size : 0;
    }
    *out = (struct mailbox_status){.deleted_size = deleted_size,
                                   .n_messages = view->n_messages,
                                   .n_unseen = view->n_unseen,
                                   .n_deleted = view->n_deleted,
                                   .n_recent = view->n_messages + 1 -
                                               mailbox_view_lower_bound(view, folder->recent_from),
                                   .uid_next = view->uid_next,
                                   .uid_validity = folder->uid_validity,
                                   .highest_modseq = view->highest_modseq,
                                   .total_size = view->total_size};
    return true;
}

static bool op_quota(struct mailbox_account *account, struct mailbox_quota *out,
                     struct fault *fault)
{
    (void)fault;
    *out = (struct mailbox_quota){.limit_bytes = account->store->limit_bytes,
                                  .limit_messages = account->store->limit_messages};
    list_for_each(node, &account->store->folders)
    {
        const struct folder *folder = list_entry(node, struct folder, node);
        out->used_bytes += folder->view->total_size;
        out->used_messages += folder->view->n_messages;
    }
    return true;
}

static bool op_annotations(struct mailbox_account *account, const char *name, struct arena *arena,
                           struct mailbox_annotations *out, struct fault *fault)
{
    const struct folder *folder = memory_folder_find(account->store, name);
    if (name[0] != '\0' && folder == NULL) {
        return fault_set(fault, FAULT_NOT_FOUND, "No such mailbox");
    }
    const struct notes *notes = folder != NULL ? &folder->notes : &account->store->notes;
    out->n_items = notes->n_items;
    out->items = arena_alloc(arena, (notes->n_items + 1) * sizeof(*out->items));
    for (size_t i = 0; i < notes->n_items; i++) {
        struct bytes value = notes->items[i].value;
        out->items[i] =
            (struct mailbox_annotation){arena_strdup(arena, notes->items[i].entry),
                                        {arena_memdup(arena, value.data, value.len), value.len}};
    }
    return true;
}

static struct mailbox_call *op_annotate(struct mailbox_account *account, const char *name,
                                        const struct mailbox_annotations *annotations,
                                        struct mailbox_done done)
{
    struct mailbox_call *call = memory_call_new(account->store, CALL_ANNOTATE);
    size_t n_items = annotations->n_items;
    call->name = xstrdup(name);
    call->done = done;
    call->annotations.n_items = n_items;
    call->annotations.items =
        arena_alloc(&call->arena, (n_items + 1) * sizeof(struct mailbox_annotation));
    for (size_t i = 0; i < n_items; i++) {
        struct bytes value = annotations->items[i].value;
        call->annotations.items[i] = (struct mailbox_annotation){
            arena_strdup(&call->arena, annotations->items[i].entry), {0}};
        if (value.data != NULL) {
            call->annotations.items[i].value =
                (struct bytes){arena_memdup(&call->arena, value.data, value.len), value.len};
        }
    }
    return call;
}

static struct mailbox_call *op_create(struct mailbox_account *account, const char *name,
                                      unsigned use, struct mailbox_done done)
{
    struct mailbox_call *call = memory_call_new(account->store, CALL_CREATE);
    call->name = xstrdup(name);
    call->use = use;
    call->done = done;
    return call;
}

static struct mailbox_call *op_remove(struct mailbox_account *account, const char *name,
                                      struct mailbox_done done)
{
    struct mailbox_call *call = memory_call_new(account->store, CALL_REMOVE);
    call->name = xstrdup(name);
    call->done = done;
    return call;
}

static struct mailbox_call *op_rename(struct mailbox_account *account, const char *from,
                                      const char *to, struct mailbox_done done)
{
    struct mailbox_call *call = memory_call_new(account->store, CALL_RENAME);
    call->name = xstrdup(from);
    call->name2 = xstrdup(to);
    call->done = done;
    return call;
}

static struct mailbox_call *op_subscribe(struct mailbox_account *account, const char *name,
                                         bool subscribed, struct mailbox_done done)
{
    struct mailbox_call *call = memory_call_new(account->store, CALL_SUBSCRIBE);
    call->name = xstrdup(name);
    call->flag = subscribed;
    call->done = done;
    return call;
}

static struct mailbox_call *op_open(struct mailbox_account *account, const char *name,
                                    struct mailbox_watcher watcher, struct mailbox_done done)
{
    struct mailbox_call *call = memory_call_new(account->store, CALL_OPEN);
    call->name = xstrdup(name);
    call->watcher = watcher;
    call->done = done;
    return call;
}

static void op_close(struct mailbox **mailbox)
{
    struct folder *folder = (*mailbox)->folder;
    list_remove(&(*mailbox)->node);
    free(*mailbox);
    *mailbox = NULL;
    if (--folder->n_open == 0 && folder->removed) {
        memory_folder_free(folder);
    }
}

static uint64_t op_mailbox_id(const struct mailbox *mailbox)
{
    return mailbox->folder->id;
}

static uint32_t op_uid_validity(const struct mailbox *mailbox)
{
    return mailbox->folder->uid_validity;
}

static struct mailbox_view *op_view(struct mailbox *mailbox)
{
    return mailbox_view_ref(mailbox->folder->view);
}

static uint32_t op_recent(struct mailbox *mailbox, bool claim)
{
    struct folder *folder = mailbox->folder;
    uint32_t from = folder->recent_from;
    if (claim) {
        folder->recent_from = folder->view->uid_next;
    }
    return from;
}

static bool op_expunged_since(struct mailbox *mailbox, uint64_t modseq,
                              const struct uid_set *within, struct uid_set *out)
{
    const struct folder *folder = mailbox->folder;
    for (size_t i = 0; i < folder->n_gone; i++) {
        if (folder->gone[i].modseq > modseq &&
            (within == NULL || uid_set_has(within, folder->gone[i].uid))) {
            uid_set_add(out, folder->gone[i].uid);
        }
    }
    return true;
}

static struct mailbox_call *mailbox_call(struct mailbox *mailbox, enum call_kind kind,
                                         const struct uid_set *uids, struct mailbox_done done)
{
    struct mailbox_call *call = memory_call_new(mailbox->store, kind);
    call->mailbox = mailbox;
    call->has_uids = uids != NULL;
    if (uids != NULL) {
        uid_set_copy(&call->uids, uids);
    }
    call->done = done;
    return call;
}

static char **copy_keywords(const struct mailbox_flags *flags)
{
    char **copy = xcalloc(flags->n_keywords + 1, sizeof(*copy));
    for (size_t i = 0; i < flags->n_keywords; i++) {
        copy[i] = xstrdup(flags->keywords[i]);
    }
    return copy;
}

static struct mailbox_call *op_store_flags(struct mailbox *mailbox,
                                           const struct mailbox_store_request *request,
                                           struct mailbox_done done)
{
    struct mailbox_call *call = mailbox_call(mailbox, CALL_STORE, request->uids, done);
    call->keywords = copy_keywords(&request->flags);
    call->request = *request;
    call->request.flags.keywords = (const char *const *)call->keywords;
    return call;
}

static struct mailbox_call *op_expunge(struct mailbox *mailbox, const struct uid_set *uids,
                                       struct mailbox_done done)
{
    return mailbox_call(mailbox, CALL_EXPUNGE, uids, done);
}

static struct mailbox_call *op_copy(struct mailbox *mailbox, const struct uid_set *uids,
                                    const char *to, struct mailbox_done done)
{
    struct mailbox_call *call = mailbox_call(mailbox, CALL_COPY, uids, done);
    call->name = xstrdup(to);
    return call;
}

static struct mailbox_call *op_move(struct mailbox *mailbox, const struct uid_set *uids,
                                    const char *to, struct mailbox_done done)
{
    struct mailbox_call *call = mailbox_call(mailbox, CALL_MOVE, uids, done);
    call->name = xstrdup(to);
    return call;
}

static struct mailbox_append *op_append_begin(struct mailbox_account *account, const char *name,
                                              struct mailbox_ready ready, struct fault *fault)
{
    (void)ready;
    if (memory_folder_find(account->store, name) == NULL) {
        fault_set(fault, FAULT_NOT_FOUND, "No such mailbox");
        return NULL;
    }
    struct mailbox_append *append = xcalloc(1, sizeof(*append));
    append->store = account->store;
    append->name = xstrdup(name);
    return append;
}

static bool op_append_message(struct mailbox_append *append,
                              const struct mailbox_new_message *message, struct fault *fault)
{
    (void)fault;
    if (append->n_messages == append->capacity) {
        append->messages = array_grow(append->messages, append->n_messages, &append->capacity,
                                      sizeof(*append->messages));
    }
    append->messages[append->n_messages++] =
        (struct new_message){.message = *message, .keywords = copy_keywords(&message->flags)};
    return true;
}

static enum mailbox_push op_append_data(struct mailbox_append *append, struct bytes data,
                                        struct fault *fault)
{
    struct new_message *message = &append->messages[append->n_messages - 1];
    if (message->raw.len + data.len > message->message.size) {
        fault_set(fault, FAULT_LIMIT, "The message is too large");
        return MAILBOX_PUSH_FAILED;
    }
    buf_append_bytes(&message->raw, data);
    return MAILBOX_PUSH_OK;
}

static enum mailbox_push op_append_end(struct mailbox_append *append, struct fault *fault)
{
    struct new_message *message = &append->messages[append->n_messages - 1];
    (void)fault;
    message->message.size_is_open = false;
    message->message.size = message->raw.len;
    return MAILBOX_PUSH_OK;
}

static struct mailbox_call *op_append_commit(struct mailbox_append **append,
                                             struct mailbox_done done)
{
    struct mailbox_call *call = memory_call_new((*append)->store, CALL_APPEND);
    call->append = *append;
    call->done = done;
    *append = NULL;
    return call;
}

static struct mailbox_call *op_append_replace(struct mailbox_append **append, struct mailbox *from,
                                              uint32_t uid, struct mailbox_done done)
{
    struct mailbox_call *call = op_append_commit(append, done);
    call->mailbox = from;
    call->replaced_uid = uid;
    return call;
}

static bool op_thread_uids(struct mailbox *mailbox, uint64_t thread_id, struct uid_set *out,
                           struct fault *fault)
{
    const struct folder *folder = mailbox->folder;
    (void)fault;
    for (size_t i = 0; i < folder->n_slots; i++) {
        if (folder->slots[i].content->thread_id == thread_id) {
            uid_set_add(out, folder->slots[i].uid);
        }
    }
    return true;
}

static void op_append_abort(struct mailbox_append **append)
{
    memory_append_free(*append);
    *append = NULL;
}

static struct mailbox_reader *op_read_start(struct mailbox *mailbox, const struct uid_set *uids,
                                            unsigned items, struct mailbox_ready ready)
{
    struct mailbox_reader *reader = xcalloc(1, sizeof(*reader));
    (void)items;
    reader->store = mailbox->store;
    reader->folder = mailbox->folder;
    reader->ready = ready;
    uid_set_copy(&reader->uids, uids);
    return reader;
}

/* Every second read says WAIT first, where the test wants that. */
static bool reader_waits(struct mailbox_reader *reader)
{
    if (!reader->store->config.reads_wait || ++reader->n_reads % 2 == 0) {
        return false;
    }
    struct mailbox_call *call = memory_call_new(reader->store, CALL_READY);
    call->ready = reader->ready;
    return true;
}

static enum mailbox_read op_read_next(struct mailbox_reader *reader, struct mailbox_item_data *out,
                                      struct fault *fault)
{
    (void)fault;
    struct uid_set_walk before = reader->walk;
    *out = (struct mailbox_item_data){0};
    if (!uid_set_next(&reader->uids, &reader->walk, &out->uid)) {
        return MAILBOX_READ_END;
    }
    if (reader_waits(reader)) {
        reader->walk = before;
        return MAILBOX_READ_WAIT;
    }
    reader->content = memory_folder_content(reader->folder, out->uid);
    if (reader->content == NULL || mailbox_view_find(reader->folder->view, out->uid) == NULL) {
        return MAILBOX_READ_GONE;
    }
    reader->store->n_reads++;
    out->content_len = reader->content->raw.len;
    out->thread_id = reader->content->thread_id;
    out->info = buf_view(&reader->content->info);
    out->text = buf_view(&reader->content->text_header);
    out->preview = bytes_slice(buf_view(&reader->content->text_body), 0, 200);
    out->header = bytes_slice(buf_view(&reader->content->raw), 0, reader->content->header_len);
    return MAILBOX_READ_OK;
}

static enum mailbox_read op_read_content(struct mailbox_reader *reader, uint64_t offset,
                                         size_t max_len, struct bytes *out, struct fault *fault)
{
    enum { PIECE_BYTES = 1000 }; /* small, so that pieces are put together often */
    (void)fault;
    if (reader_waits(reader)) {
        return MAILBOX_READ_WAIT;
    }
    reader->store->n_reads++;
    *out = bytes_slice(buf_view(&reader->content->raw), (size_t)offset,
                       max_len < PIECE_BYTES ? max_len : PIECE_BYTES);
    return out->len > 0 ? MAILBOX_READ_OK : MAILBOX_READ_END;
}

static void op_read_end(struct mailbox_reader **reader)
{
    list_for_each(node, &(*reader)->store->calls)
    {
        struct mailbox_call *call = list_entry(node, struct mailbox_call, node);
        if (call->kind == CALL_READY && call->ready.context == (*reader)->ready.context) {
            memory_call_free(call);
        }
    }
    uid_set_clear(&(*reader)->uids);
    free(*reader);
    *reader = NULL;
}

static struct mailbox_call *op_search_text(struct mailbox *mailbox, const struct uid_set *uids,
                                           const struct mailbox_text_test *tests, size_t n_tests,
                                           struct mailbox_search_done done)
{
    struct mailbox_call *call = mailbox_call(mailbox, CALL_SEARCH, uids, (struct mailbox_done){0});
    struct mailbox_text_test *copy = arena_alloc(&call->arena, n_tests * sizeof(*copy));
    for (size_t i = 0; i < n_tests; i++) {
        copy[i] = tests[i];
        copy[i].field.data = arena_memdup(
            &call->arena, tests[i].field.len > 0 ? tests[i].field.data : (const void *)"",
            tests[i].field.len);
        copy[i].needle.data = arena_memdup(&call->arena, tests[i].needle.data, tests[i].needle.len);
    }
    call->tests = copy;
    call->n_tests = n_tests;
    call->search_done = done;
    return call;
}

static const struct mailbox_ops ops = {.account_open = op_account_open,
                                       .account_close = op_account_close,
                                       .cancel = op_cancel,
                                       .list = op_list,
                                       .status = op_status,
                                       .quota = op_quota,
                                       .annotations = op_annotations,
                                       .annotate = op_annotate,
                                       .create = op_create,
                                       .remove = op_remove,
                                       .rename = op_rename,
                                       .subscribe = op_subscribe,
                                       .open = op_open,
                                       .close = op_close,
                                       .mailbox_id = op_mailbox_id,
                                       .uid_validity = op_uid_validity,
                                       .view = op_view,
                                       .recent = op_recent,
                                       .expunged_since = op_expunged_since,
                                       .store_flags = op_store_flags,
                                       .expunge = op_expunge,
                                       .copy = op_copy,
                                       .move = op_move,
                                       .append_begin = op_append_begin,
                                       .append_message = op_append_message,
                                       .append_data = op_append_data,
                                       .append_end = op_append_end,
                                       .append_commit = op_append_commit,
                                       .append_replace = op_append_replace,
                                       .append_abort = op_append_abort,
                                       .read_start = op_read_start,
                                       .read_next = op_read_next,
                                       .read_content = op_read_content,
                                       .read_end = op_read_end,
                                       .search_text = op_search_text,
                                       .thread_uids = op_thread_uids};

const struct mailbox_ops *memory_mail_ops(void)
{
    return &ops;
}
