// SPDX-License-Identifier: MIT
/* The calls of the contract: queued by memory_ops.c, done here, one after the other. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "mailproto/imap/fold.h"
#include "mailproto/imap/text_match.h"
#include "tests/support/memory_internal.h"

/* ---- Calls ---- */

struct mailbox_call *memory_call_new(struct mail_store *store, enum call_kind kind)
{
    struct mailbox_call *call = xcalloc(1, sizeof(*call));
    call->kind = kind;
    call->store = store;
    list_append(&store->calls, &call->node);
    if (store->config.wake != NULL) {
        store->config.wake(store->config.context);
    }
    return call;
}

void memory_append_free(struct mailbox_append *append)
{
    for (size_t i = 0; i < append->n_messages; i++) {
        for (size_t k = 0; k < append->messages[i].message.flags.n_keywords; k++) {
            free(append->messages[i].keywords[k]);
        }
        free(append->messages[i].keywords);
        buf_clear(&append->messages[i].raw);
    }
    free(append->messages);
    free(append->name);
    free(append);
}

void memory_call_free(struct mailbox_call *call)
{
    list_remove(&call->node);
    for (size_t i = 0; i < call->request.flags.n_keywords; i++) {
        free(call->keywords[i]);
    }
    free(call->keywords);
    free(call->name);
    free(call->name2);
    uid_set_clear(&call->uids);
    arena_clear(&call->arena);
    if (call->append != NULL) {
        memory_append_free(call->append);
    }
    free(call);
}

static void answer(struct mailbox_call *call, const struct mailbox_answer *answered)
{
    if (call->done.done != NULL) {
        call->done.done(call->done.context, answered);
    }
}

static void answer_fault(struct mailbox_call *call, enum fault_code code, const char *words)
{
    struct fault fault = {0};
    fault_set(&fault, code, "%s", words);
    answer(call, &(struct mailbox_answer){.fault = &fault});
}

/* One use that no other mailbox has; \All is none that a mailbox could have here. */
static bool use_is_free(struct mail_store *store, unsigned use)
{
    list_for_each(node, &store->folders)
    {
        if ((list_entry(node, struct folder, node)->attributes & use) != 0) {
            return false;
        }
    }
    return (use & MAILBOX_USE_ALL) == 0 && (use & (use - 1)) == 0;
}

static void run_create(struct mailbox_call *call)
{
    struct mail_store *store = call->store;
    struct folder *folder = memory_folder_find(store, call->name);
    if (folder != NULL && (folder->attributes & MAILBOX_NOSELECT) == 0) {
        answer_fault(call, FAULT_EXISTS, "There is such a mailbox");
        return;
    }
    if (!use_is_free(store, call->use)) {
        answer_fault(call, FAULT_UNSUPPORTED, "That use is taken, or can't be");
        return;
    }
    for (char *slash = strchr(call->name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (memory_folder_find(store, call->name) == NULL) {
            memory_folder_new(store, call->name, 0);
        }
        *slash = '/';
    }
    if (folder != NULL) {
        folder->attributes &= ~(unsigned)MAILBOX_NOSELECT;
        folder->uid_validity = store->next_validity++;
    } else {
        memory_folder_new(store, call->name, call->use);
    }
    memory_tell_logins(call->store, MAILBOX_EVENT_LIST, 0);
    answer(call, &(struct mailbox_answer){0});
}

static bool has_children(struct mail_store *store, const char *name)
{
    size_t len = strlen(name);
    list_for_each(node, &store->folders)
    {
        if (mailbox_name_is_below(list_entry(node, struct folder, node)->name, name, len)) {
            return true;
        }
    }
    return false;
}

static void run_remove(struct mailbox_call *call)
{
    struct folder *folder = memory_folder_find(call->store, call->name);
    if (folder == NULL) {
        answer_fault(call, FAULT_NOT_FOUND, "No such mailbox");
        return;
    }
    bool is_parent = has_children(call->store, call->name);
    if (strcmp(call->name, "INBOX") == 0 ||
        (is_parent && (folder->attributes & MAILBOX_NOSELECT) != 0)) {
        answer_fault(call, FAULT_DENIED, "This mailbox can't be deleted");
        return;
    }
    if (is_parent) {
        memory_folder_new(call->store, call->name, MAILBOX_NOSELECT);
    }
    list_remove(&folder->node);
    folder->removed = true;
    memory_tell(folder, MAILBOX_EVENT_DELETED);
    if (folder->n_open == 0) {
        memory_folder_free(folder);
    } else {
        list_append(&call->store->dead, &folder->node);
    }
    memory_tell_logins(call->store, MAILBOX_EVENT_LIST, 0);
    answer(call, &(struct mailbox_answer){0});
}

static void folder_rename(struct folder *folder, char *name)
{
    free(folder->name);
    folder->name = name;
}

static void move_all(struct mail_store *store, struct folder *from, struct folder *to);

static void run_rename(struct mailbox_call *call)
{
    struct folder *folder = memory_folder_find(call->store, call->name);
    size_t len = strlen(call->name);
    if (folder == NULL) {
        answer_fault(call, FAULT_NOT_FOUND, "No such mailbox");
        return;
    }
    if (memory_folder_find(call->store, call->name2) != NULL) {
        answer_fault(call, FAULT_EXISTS, "There is such a mailbox");
        return;
    }
    if (strcmp(call->name, "INBOX") == 0) {
        move_all(call->store, folder, memory_folder_new(call->store, call->name2, 0));
        memory_tell_logins(call->store, MAILBOX_EVENT_LIST, 0);
        answer(call, &(struct mailbox_answer){0});
        return;
    }
    folder_rename(folder, xstrdup(call->name2));
    list_for_each(node, &call->store->folders)
    {
        struct folder *child = list_entry(node, struct folder, node);
        if (mailbox_name_is_below(child->name, call->name, len)) {
            folder_rename(child, xasprintf("%s%s", call->name2, child->name + len));
        }
    }
    memory_tell_logins(call->store, MAILBOX_EVENT_LIST, 0);
    answer(call, &(struct mailbox_answer){0});
}

static void run_subscribe(struct mailbox_call *call)
{
    struct folder *folder = memory_folder_find(call->store, call->name);
    if (folder == NULL && call->flag) {
        answer_fault(call, FAULT_NOT_FOUND, "No such mailbox");
        return;
    }
    if (folder != NULL && call->flag) {
        folder->attributes |= MAILBOX_SUBSCRIBED;
    } else if (folder != NULL) {
        folder->attributes &= ~(unsigned)MAILBOX_SUBSCRIBED;
    }
    memory_tell_logins(call->store, MAILBOX_EVENT_LIST, 0);
    answer(call, &(struct mailbox_answer){0});
}

static void run_annotate(struct mailbox_call *call)
{
    struct mail_store *store = call->store;
    struct folder *folder = call->name[0] != '\0' ? memory_folder_find(store, call->name) : NULL;
    if (call->name[0] != '\0' && folder == NULL) {
        answer_fault(call, FAULT_NOT_FOUND, "No such mailbox");
        return;
    }
    struct notes *notes = folder != NULL ? &folder->notes : &store->notes;
    if (notes->n_items + call->annotations.n_items > MAILBOX_MAX_ANNOTATIONS) {
        answer_fault(call, FAULT_LIMIT, "Too many annotations");
        return;
    }
    for (size_t i = 0; i < call->annotations.n_items; i++) {
        memory_notes_set(notes, &call->annotations.items[i]);
    }
    memory_tell_logins(store, MAILBOX_EVENT_METADATA, folder != NULL ? folder->id : 0);
    answer(call, &(struct mailbox_answer){0});
}

static void run_open(struct mailbox_call *call)
{
    struct folder *folder = memory_folder_find(call->store, call->name);
    if (folder == NULL || (folder->attributes & MAILBOX_NOSELECT) != 0) {
        answer_fault(call, FAULT_NOT_FOUND, "No such mailbox");
        return;
    }
    struct mailbox *mailbox = xcalloc(1, sizeof(*mailbox));
    mailbox->store = call->store;
    mailbox->folder = folder;
    mailbox->watcher = call->watcher;
    list_append(&folder->open, &mailbox->node);
    folder->n_open++;
    answer(call, &(struct mailbox_answer){.mailbox = mailbox});
}

static void run_store(struct mailbox_call *call)
{
    struct folder *folder = call->mailbox->folder;
    struct mailbox_keywords *keywords = mailbox_keywords_ref(folder->view->keywords);
    struct fault fault = {0};
    const struct mailbox_store_request *request = &call->request;
    uint64_t bits =
        memory_keyword_bits(&keywords, request->flags.keywords, request->flags.n_keywords, &fault);
    size_t count = (size_t)folder->view->n_messages + 1;
    struct mailbox_message *put = xcalloc(count, sizeof(*put));
    struct mailbox_message *changed = xcalloc(count, sizeof(*changed));
    size_t n_put = 0;
    size_t n_changed = 0;
    struct uid_set refused = {0};
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    while (uid_set_next(&call->uids, &walk, &uid)) {
        const struct mailbox_message *old = mailbox_view_find(folder->view, uid);
        if (old == NULL) {
            continue;
        }
        if (request->has_unchanged_since && old->modseq > request->unchanged_since) {
            uid_set_add(&refused, uid);
            continue;
        }
        struct mailbox_message now = *old;
        switch (request->mode) {
        case MAILBOX_STORE_REPLACE:
            now.flags = request->flags.flags;
            now.keywords = bits;
            break;
        case MAILBOX_STORE_ADD:
            now.flags |= request->flags.flags;
            now.keywords |= bits;
            break;
        case MAILBOX_STORE_REMOVE:
            now.flags &= (uint8_t)~request->flags.flags;
            now.keywords &= ~bits;
            break;
        }
        if (now.flags != old->flags || now.keywords != old->keywords) {
            now.modseq = folder->view->highest_modseq + 1;
            put[n_put++] = now;
        }
        changed[n_changed++] = now;
    }
    if (fault.code != FAULT_NONE) {
        answer(call, &(struct mailbox_answer){.fault = &fault});
    } else {
        uint64_t modseq = 0;
        if (n_put > 0 || keywords != folder->view->keywords) {
            memory_folder_apply(folder, put, n_put, NULL, keywords, 0);
            modseq = folder->view->highest_modseq;
        }
        answer(call, &(struct mailbox_answer){.changed = changed,
                                              .n_changed = n_changed,
                                              .refused = &refused,
                                              .modseq = modseq});
    }
    mailbox_keywords_unref(&keywords);
    uid_set_clear(&refused);
    free(put);
    free(changed);
}

static void run_expunge(struct mailbox_call *call)
{
    struct folder *folder = call->mailbox->folder;
    struct uid_set out = {0};
    for (uint32_t seq = 1; seq <= folder->view->n_messages; seq++) {
        const struct mailbox_message *message = mailbox_view_at(folder->view, seq);
        if ((message->flags & MAILBOX_FLAG_DELETED) != 0 &&
            (!call->has_uids || uid_set_has(&call->uids, message->uid))) {
            uid_set_add(&out, message->uid);
        }
    }
    uint64_t modseq = 0;
    if (!uid_set_is_empty(&out)) {
        memory_folder_apply(folder, NULL, 0, &out, NULL, 0);
        modseq = folder->view->highest_modseq;
    }
    answer(call, &(struct mailbox_answer){.expunged = &out, .modseq = modseq});
    uid_set_clear(&out);
}

struct copied {
    uint32_t *from;
    uint32_t *to;
    size_t n;
};

static struct copied copy_messages(struct folder *from, struct folder *to,
                                   const struct uid_set *uids)
{
    size_t count = (size_t)from->view->n_messages + 1;
    struct copied copied = {xcalloc(count, sizeof(uint32_t)), xcalloc(count, sizeof(uint32_t)), 0};
    struct mailbox_message *put = xcalloc(count, sizeof(*put));
    struct mailbox_keywords *keywords = mailbox_keywords_ref(to->view->keywords);
    uint32_t uid_next = to->view->uid_next;
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    while (uid_set_next(uids, &walk, &uid)) {
        const struct mailbox_message *old = mailbox_view_find(from->view, uid);
        if (old == NULL) {
            continue;
        }
        struct mailbox_message *new = &put[copied.n];
        *new = *old;
        new->uid = uid_next++;
        new->keywords = 0;
        for (unsigned id = 0; id < from->view->keywords->n_names; id++) {
            const char *name = from->view->keywords->names[id];
            if ((old->keywords >> id & 1) != 0) {
                new->keywords |= memory_keyword_bits(&keywords, &name, 1, NULL);
            }
        }
        memory_folder_add(to, memory_folder_content(from, uid), new);
        copied.from[copied.n] = uid;
        copied.to[copied.n++] = new->uid;
    }
    if (copied.n > 0) {
        memory_folder_apply(to, put, copied.n, NULL, keywords, uid_next);
    }
    mailbox_keywords_unref(&keywords);
    free(put);
    return copied;
}

static void move_all(struct mail_store *store, struct folder *from, struct folder *to)
{
    struct uid_set all = {0};
    (void)store;
    for (uint32_t seq = 1; seq <= from->view->n_messages; seq++) {
        uid_set_add(&all, mailbox_view_at(from->view, seq)->uid);
    }
    struct copied copied = copy_messages(from, to, &all);
    memory_folder_apply(from, NULL, 0, &all, NULL, 0);
    free(copied.from);
    free(copied.to);
    uid_set_clear(&all);
}

static void run_copy(struct mailbox_call *call)
{
    struct folder *from = call->mailbox->folder;
    struct folder *to = memory_folder_find(call->store, call->name);
    if (to == NULL) {
        answer_fault(call, FAULT_NOT_FOUND, "No such mailbox");
        return;
    }
    struct copied copied = copy_messages(from, to, &call->uids);
    struct uid_set out = {0};
    if (call->kind == CALL_MOVE && copied.n > 0) {
        for (size_t i = 0; i < copied.n; i++) {
            uid_set_add(&out, copied.from[i]);
        }
        memory_folder_apply(from, NULL, 0, &out, NULL, 0);
    }
    answer(call, &(struct mailbox_answer){.uid_validity = to->uid_validity,
                                          .from_uids = copied.from,
                                          .to_uids = copied.to,
                                          .n_uids = copied.n,
                                          .expunged = &out,
                                          .modseq = from->view->highest_modseq});
    uid_set_clear(&out);
    free(copied.from);
    free(copied.to);
}

static void run_append(struct mailbox_call *call)
{
    struct mailbox_append *append = call->append;
    struct folder *folder = memory_folder_find(call->store, append->name);
    if (folder == NULL) {
        answer_fault(call, FAULT_NOT_FOUND, "No such mailbox");
        return;
    }
    struct folder *from = call->mailbox != NULL ? call->mailbox->folder : NULL;
    if (from != NULL && mailbox_view_find(from->view, call->replaced_uid) == NULL) {
        answer_fault(call, FAULT_NOT_FOUND, "The message is gone");
        return;
    }
    struct mailbox_message *put = xcalloc(append->n_messages, sizeof(*put));
    uint32_t *uids = xcalloc(append->n_messages, sizeof(*uids));
    struct mailbox_keywords *keywords = mailbox_keywords_ref(folder->view->keywords);
    uint32_t uid_next = folder->view->uid_next;
    for (size_t i = 0; i < append->n_messages; i++) {
        const struct new_message *new = &append->messages[i];
        struct content *content =
            memory_content_new(call->store, buf_view(&new->raw), new->message.internal_sec);
        put[i] = (struct mailbox_message){
            .uid = uid_next++,
            .flags = new->message.flags.flags,
            .keywords = memory_keyword_bits(&keywords, (const char *const *)new->keywords,
                                            new->message.flags.n_keywords, NULL),
            .internal_sec = new->message.internal_sec,
            .internal_zone_min = new->message.internal_zone_min,
            .saved_sec = MEMORY_NOW_SEC,
            .sent_sec = new->message.internal_sec};
        uids[i] = memory_folder_add(folder, content, &put[i]);
        memory_content_unref(content);
    }
    memory_folder_apply(folder, put, append->n_messages, NULL, keywords, uid_next);
    struct uid_set gone = {0};
    if (from != NULL) {
        uid_set_add(&gone, call->replaced_uid);
        memory_folder_apply(from, NULL, 0, &gone, NULL, 0);
    }
    answer(call, &(struct mailbox_answer){.uid_validity = folder->uid_validity,
                                          .to_uids = uids,
                                          .n_uids = append->n_messages,
                                          .expunged = &gone,
                                          .modseq = from != NULL ? from->view->highest_modseq : 0});
    uid_set_clear(&gone);
    mailbox_keywords_unref(&keywords);
    free(put);
    free(uids);
}

static void run_search(struct mailbox_call *call)
{
    struct folder *folder = call->mailbox->folder;
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    while (uid_set_next(&call->uids, &walk, &uid)) {
        bool is_there = mailbox_view_find(folder->view, uid) != NULL;
        const struct content *content = is_there ? memory_folder_content(folder, uid) : NULL;
        struct mailbox_hit hit = {.uid = uid, .is_gone = content == NULL};
        if (content != NULL) {
            struct message_text text = {buf_view(&content->text_header),
                                        buf_view(&content->text_body)};
            hit.passed = text_match(call->tests, call->n_tests, &text);
        }
        if (hit.passed != 0 || hit.is_gone) {
            call->search_done.hits(call->search_done.context, &hit, 1);
        }
    }
    call->search_done.done(call->search_done.context, NULL);
}

static bool is_write(enum call_kind kind)
{
    return kind != CALL_OPEN && kind != CALL_SEARCH && kind != CALL_LOOKUP && kind != CALL_READY;
}

static void run_lookup(struct mailbox_call *call)
{
    bool known = strcmp(call->name, "alice") == 0;
    struct buf challenge = {0};
    enum sasl_result result = sasl_credential_found(
        call->sasl, known ? 1 : 0, known ? &call->store->credential : NULL, &challenge);
    call->verdict.done(call->verdict.context, result, buf_view(&challenge));
    buf_clear(&challenge);
}

static void run_call(struct mailbox_call *call)
{
    if (call->store->disk_full && is_write(call->kind)) {
        answer_fault(call, FAULT_NO_SPACE, "The disk is full");
        return;
    }
    if (call->store->next_fault != FAULT_NONE && is_write(call->kind)) {
        enum fault_code code = (enum fault_code)call->store->next_fault;
        call->store->next_fault = FAULT_NONE;
        answer_fault(call, code, "So it is");
        return;
    }
    switch (call->kind) {
    case CALL_CREATE:
        run_create(call);
        break;
    case CALL_REMOVE:
        run_remove(call);
        break;
    case CALL_RENAME:
        run_rename(call);
        break;
    case CALL_SUBSCRIBE:
        run_subscribe(call);
        break;
    case CALL_ANNOTATE:
        run_annotate(call);
        break;
    case CALL_OPEN:
        run_open(call);
        break;
    case CALL_STORE:
        run_store(call);
        break;
    case CALL_EXPUNGE:
        run_expunge(call);
        break;
    case CALL_COPY:
    case CALL_MOVE:
        run_copy(call);
        break;
    case CALL_APPEND:
        run_append(call);
        break;
    case CALL_SEARCH:
        run_search(call);
        break;
    case CALL_LOOKUP:
        run_lookup(call);
        break;
    case CALL_READY:
        call->ready.ready(call->ready.context);
        break;
    }
}

unsigned memory_mail_run(struct mail_store *store)
{
    unsigned n_done = 0;
    while (!store->is_held && !list_is_empty(&store->calls)) {
        struct mailbox_call *call = list_entry(store->calls.next, struct mailbox_call, node);
        list_remove(&call->node);
        store->list_is_stale = true;
        run_call(call);
        memory_call_free(call);
        n_done++;
    }
    return n_done;
}
