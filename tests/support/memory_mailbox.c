// SPDX-License-Identifier: MIT
#include "tests/support/memory_mailbox.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "mailproto/imap/fold.h"
#include "mailproto/imap/mailbox.h"
#include "mailproto/imap/text_match.h"
#include "mailproto/sasl/credential.h"
#include "mailproto/sasl/sasl.h"

struct content {
    unsigned refs;
    uint64_t email_id;
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

struct folder {
    struct list_node node;
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
    struct mail_store *store;
};

enum call_kind {
    CALL_CREATE,
    CALL_REMOVE,
    CALL_RENAME,
    CALL_SUBSCRIBE,
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
    struct sasl_lookup_done lookup_done;
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
    bool disk_full;
    struct sasl_lookup lookup;
    struct sasl_credential credential;
    struct mailbox_entry *entries;
    struct mailbox_list list;
};

/* ---- Contents ---- */

static size_t header_len_of(struct bytes raw)
{
    uint8_t *end = raw.len >= 4 ? memmem(raw.data, raw.len, "\r\n\r\n", 4) : NULL;
    return end == NULL ? raw.len : (size_t)(end - raw.data) + 4;
}

static struct bytes field_of(struct bytes header, const char *name, struct arena *arena)
{
    size_t name_len = strlen(name);
    while (header.len > 0) {
        size_t len = bytes_find(header, '\n');
        struct bytes line = bytes_slice(header, 0, len);
        header = bytes_slice(header, len + 1, SIZE_MAX);
        if (line.len > name_len && line.data[name_len] == ':' &&
            bytes_is_word(bytes_slice(line, 0, name_len), name)) {
            struct bytes value = bytes_slice(line, name_len + 1, SIZE_MAX);
            while (value.len > 0 && value.data[0] == ' ') {
                value = bytes_slice(value, 1, SIZE_MAX);
            }
            while (value.len > 0 && value.data[value.len - 1] == '\r') {
                value.len--;
            }
            return value.len > 0
                       ? (struct bytes){arena_memdup(arena, value.data, value.len), value.len}
                       : message_text_empty();
        }
    }
    return (struct bytes){0};
}

static void plain_analyse(struct memory_mail_analysis *out, struct bytes raw, int64_t arrived_sec)
{
    struct arena arena = {0};
    struct message_info info;
    size_t header_len = header_len_of(raw);
    struct bytes header = bytes_slice(raw, 0, header_len);
    struct bytes body = bytes_slice(raw, header_len, SIZE_MAX);
    uint64_t n_lines = 0;
    for (size_t i = 0; i < body.len; i++) {
        n_lines += body.data[i] == '\n';
    }
    message_info_of_opaque(&info, header_len, raw.len, n_lines, arrived_sec, &arena);
    info.envelope.subject = field_of(header, "subject", &arena);
    info.envelope.date = field_of(header, "date", &arena);
    info.envelope.message_id = field_of(header, "message-id", &arena);
    info.envelope.references = field_of(header, "references", &arena);
    bool ok = message_info_write(out->info, &info, NULL);
    assert(ok);
    (void)ok;
    while (header.len > 0) {
        size_t len = bytes_find(header, '\n');
        struct bytes line = bytes_slice(header, 0, len > 0 && len < header.len ? len - 1 : len);
        size_t colon = bytes_find(line, ':');
        for (size_t i = 0; i < colon && colon < line.len; i++) {
            buf_append_byte(out->text_header, (uint8_t)ascii_lower((char)line.data[i]));
        }
        if (colon < line.len) {
            buf_append_byte(out->text_header, ':');
            fold_text(out->text_header, bytes_slice(line, colon + 1, SIZE_MAX));
            buf_append_byte(out->text_header, '\n');
        }
        header = bytes_slice(header, len + 1, SIZE_MAX);
    }
    fold_text(out->text_body, body);
    arena_clear(&arena);
}

static struct content *content_new(struct mail_store *store, struct bytes raw, int64_t arrived_sec)
{
    struct content *content = xcalloc(1, sizeof(*content));
    content->refs = 1;
    content->email_id = store->next_email_id++;
    buf_append_bytes(&content->raw, raw);
    content->header_len = header_len_of(raw);
    struct memory_mail_analysis analysis = {&content->info, &content->text_header,
                                            &content->text_body};
    (store->config.analyse != NULL ? store->config.analyse : plain_analyse)(
        &analysis, buf_view(&content->raw), arrived_sec);
    struct arena arena = {0};
    struct message_info info;
    bool ok = message_info_parse_envelope(&info, buf_view(&content->info), &arena, NULL);
    assert(ok);
    (void)ok;
    content->sent_sec = info.sent_sec;
    content->sent_zone_min = info.sent_zone_min;
    arena_clear(&arena);
    return content;
}

static void content_unref(struct content *content)
{
    if (--content->refs > 0) {
        return;
    }
    buf_clear(&content->raw);
    buf_clear(&content->info);
    buf_clear(&content->text_header);
    buf_clear(&content->text_body);
    free(content);
}

/* ---- Folders ---- */

static struct folder *folder_find(struct mail_store *store, const char *name)
{
    list_for_each(node, &store->folders)
    {
        struct folder *folder = list_entry(node, struct folder, node);
        if (strcmp(folder->name, name) == 0) {
            return folder;
        }
    }
    return NULL;
}

/* "INBOX" first, then by name with '/' before all else. */
static int name_compare(const char *a, const char *b)
{
    bool a_inbox = strcmp(a, "INBOX") == 0;
    bool b_inbox = strcmp(b, "INBOX") == 0;
    if (a_inbox != b_inbox) {
        return a_inbox ? -1 : 1;
    }
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    int left = *a == '/' ? 1 : *a == '\0' ? 0 : (unsigned char)*a + 1;
    int right = *b == '/' ? 1 : *b == '\0' ? 0 : (unsigned char)*b + 1;
    return left - right;
}

static void folder_place(struct mail_store *store, struct folder *folder)
{
    list_for_each(node, &store->folders)
    {
        if (name_compare(folder->name, list_entry(node, struct folder, node)->name) < 0) {
            list_insert_before(node, &folder->node);
            return;
        }
    }
    list_append(&store->folders, &folder->node);
}

static struct folder *folder_new(struct mail_store *store, const char *name, unsigned attributes)
{
    struct folder *folder = xcalloc(1, sizeof(*folder));
    struct mailbox_keywords *keywords = mailbox_keywords_new(NULL, 0);
    folder->id = store->next_id++;
    folder->name = xstrdup(name);
    folder->attributes = attributes;
    folder->uid_validity = store->next_validity++;
    folder->recent_from = 1;
    folder->view = mailbox_view_new(NULL, 0, keywords, 1, 1);
    list_init(&folder->open);
    mailbox_keywords_unref(&keywords);
    folder_place(store, folder);
    return folder;
}

static void folder_free(struct folder *folder)
{
    list_remove(&folder->node);
    for (size_t i = 0; i < folder->n_slots; i++) {
        content_unref(folder->slots[i].content);
    }
    mailbox_view_unref(&folder->view);
    free(folder->slots);
    free(folder->gone);
    free(folder->name);
    free(folder);
}

static void tell(struct folder *folder, enum mailbox_event event)
{
    list_for_each(node, &folder->open)
    {
        struct mailbox *mailbox = list_entry(node, struct mailbox, node);
        mailbox->watcher.changed(mailbox->watcher.context, event, folder->id);
    }
}

static struct content *folder_content(const struct folder *folder, uint32_t uid)
{
    for (size_t i = 0; i < folder->n_slots; i++) {
        if (folder->slots[i].uid == uid) {
            return folder->slots[i].content;
        }
    }
    return NULL;
}

/* Replace the view. Takes a modseq for the change. */
static void folder_apply(struct folder *folder, struct mailbox_message *put, size_t n_put,
                         const struct uid_set *expunged, struct mailbox_keywords *keywords,
                         uint32_t uid_next)
{
    uint64_t modseq = folder->view->highest_modseq + 1;
    for (size_t i = 0; i < n_put; i++) {
        put[i].modseq = modseq;
    }
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    while (expunged != NULL && uid_set_next(expunged, &walk, &uid)) {
        if (folder->n_gone == folder->gone_capacity) {
            folder->gone = array_grow(folder->gone, folder->n_gone, &folder->gone_capacity,
                                      sizeof(*folder->gone));
        }
        folder->gone[folder->n_gone++] = (struct gone){uid, modseq};
    }
    struct mailbox_delta delta = {.put = put,
                                  .n_put = n_put,
                                  .expunged = expunged,
                                  .keywords = keywords,
                                  .uid_next = uid_next,
                                  .highest_modseq = modseq};
    struct mailbox_view *view = mailbox_view_apply(folder->view, &delta);
    mailbox_view_unref(&folder->view);
    folder->view = view;
    tell(folder, MAILBOX_EVENT_VIEW);
}

/* The bits of these names; names that are new are added to `*keywords`, which may be replaced. */
static uint64_t keyword_bits(struct mailbox_keywords **keywords, const char *const *names,
                             size_t n_names, struct fault *fault)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < n_names; i++) {
        unsigned id = 0;
        if (!mailbox_keywords_find(*keywords, bytes_of_str(names[i]), &id)) {
            const char *all[MAILBOX_MAX_KEYWORDS];
            size_t n_all = (*keywords)->n_names;
            if (n_all == MAILBOX_MAX_KEYWORDS) {
                fault_set(fault, FAULT_LIMIT, "too many keywords");
                return bits;
            }
            memcpy(all, (*keywords)->names, n_all * sizeof(*all));
            all[n_all] = names[i];
            struct mailbox_keywords *more = mailbox_keywords_new(all, n_all + 1);
            mailbox_keywords_unref(keywords);
            *keywords = more;
            id = (unsigned)n_all;
        }
        bits |= UINT64_C(1) << id;
    }
    return bits;
}

static uint32_t folder_add(struct folder *folder, struct content *content,
                           struct mailbox_message *message)
{
    if (folder->n_slots == folder->slots_capacity) {
        folder->slots = array_grow(folder->slots, folder->n_slots, &folder->slots_capacity,
                                   sizeof(*folder->slots));
    }
    content->refs++;
    folder->slots[folder->n_slots++] = (struct slot){message->uid, content};
    message->size = (uint32_t)content->raw.len;
    message->sent_sec = content->sent_sec;
    message->sent_zone_min = content->sent_zone_min;
    message->email_id = content->email_id;
    return message->uid;
}

/* ---- Calls ---- */

static struct mailbox_call *call_new(struct mail_store *store, enum call_kind kind)
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

static void append_free(struct mailbox_append *append)
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

static void call_free(struct mailbox_call *call)
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
        append_free(call->append);
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

static void run_create(struct mailbox_call *call)
{
    struct mail_store *store = call->store;
    struct folder *folder = folder_find(store, call->name);
    if (folder != NULL && (folder->attributes & MAILBOX_NOSELECT) == 0) {
        answer_fault(call, FAULT_EXISTS, "There is such a mailbox");
        return;
    }
    for (char *slash = strchr(call->name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (folder_find(store, call->name) == NULL) {
            folder_new(store, call->name, 0);
        }
        *slash = '/';
    }
    if (folder != NULL) {
        folder->attributes &= ~(unsigned)MAILBOX_NOSELECT;
        folder->uid_validity = store->next_validity++;
    } else {
        folder_new(store, call->name, call->use);
    }
    answer(call, &(struct mailbox_answer){0});
}

static bool has_children(struct mail_store *store, const char *name)
{
    size_t len = strlen(name);
    list_for_each(node, &store->folders)
    {
        const char *other = list_entry(node, struct folder, node)->name;
        if (strncmp(other, name, len) == 0 && other[len] == '/') {
            return true;
        }
    }
    return false;
}

static void run_remove(struct mailbox_call *call)
{
    struct folder *folder = folder_find(call->store, call->name);
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
        folder_new(call->store, call->name, MAILBOX_NOSELECT);
    }
    list_remove(&folder->node);
    folder->removed = true;
    tell(folder, MAILBOX_EVENT_DELETED);
    if (folder->n_open == 0) {
        folder_free(folder);
    } else {
        list_append(&call->store->dead, &folder->node);
    }
    answer(call, &(struct mailbox_answer){0});
}

static void folder_rename(struct mail_store *store, struct folder *folder, char *name)
{
    list_remove(&folder->node);
    free(folder->name);
    folder->name = name;
    folder_place(store, folder);
}

static void move_all(struct mail_store *store, struct folder *from, struct folder *to);

static void run_rename(struct mailbox_call *call)
{
    struct folder *folder = folder_find(call->store, call->name);
    size_t len = strlen(call->name);
    if (folder == NULL) {
        answer_fault(call, FAULT_NOT_FOUND, "No such mailbox");
        return;
    }
    if (folder_find(call->store, call->name2) != NULL) {
        answer_fault(call, FAULT_EXISTS, "There is such a mailbox");
        return;
    }
    if (strcmp(call->name, "INBOX") == 0) {
        move_all(call->store, folder, folder_new(call->store, call->name2, 0));
        answer(call, &(struct mailbox_answer){0});
        return;
    }
    folder_rename(call->store, folder, xstrdup(call->name2));
    bool again = true;
    while (again) {
        again = false;
        list_for_each(node, &call->store->folders)
        {
            struct folder *child = list_entry(node, struct folder, node);
            if (strncmp(child->name, call->name, len) == 0 && child->name[len] == '/') {
                folder_rename(call->store, child,
                              xasprintf("%s%s", call->name2, child->name + len));
                again = true;
                break;
            }
        }
    }
    answer(call, &(struct mailbox_answer){0});
}

static void run_subscribe(struct mailbox_call *call)
{
    struct folder *folder = folder_find(call->store, call->name);
    if (folder == NULL && call->flag) {
        answer_fault(call, FAULT_NOT_FOUND, "No such mailbox");
        return;
    }
    if (folder != NULL && call->flag) {
        folder->attributes |= MAILBOX_SUBSCRIBED;
    } else if (folder != NULL) {
        folder->attributes &= ~(unsigned)MAILBOX_SUBSCRIBED;
    }
    answer(call, &(struct mailbox_answer){0});
}

static void run_open(struct mailbox_call *call)
{
    struct folder *folder = folder_find(call->store, call->name);
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
        keyword_bits(&keywords, request->flags.keywords, request->flags.n_keywords, &fault);
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
            folder_apply(folder, put, n_put, NULL, keywords, 0);
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
        folder_apply(folder, NULL, 0, &out, NULL, 0);
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
                new->keywords |= keyword_bits(&keywords, &name, 1, NULL);
            }
        }
        folder_add(to, folder_content(from, uid), new);
        copied.from[copied.n] = uid;
        copied.to[copied.n++] = new->uid;
    }
    if (copied.n > 0) {
        folder_apply(to, put, copied.n, NULL, keywords, uid_next);
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
    folder_apply(from, NULL, 0, &all, NULL, 0);
    free(copied.from);
    free(copied.to);
    uid_set_clear(&all);
}

static void run_copy(struct mailbox_call *call)
{
    struct folder *from = call->mailbox->folder;
    struct folder *to = folder_find(call->store, call->name);
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
        folder_apply(from, NULL, 0, &out, NULL, 0);
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
    struct folder *folder = folder_find(call->store, append->name);
    if (folder == NULL) {
        answer_fault(call, FAULT_NOT_FOUND, "No such mailbox");
        return;
    }
    struct mailbox_message *put = xcalloc(append->n_messages, sizeof(*put));
    uint32_t *uids = xcalloc(append->n_messages, sizeof(*uids));
    struct mailbox_keywords *keywords = mailbox_keywords_ref(folder->view->keywords);
    uint32_t uid_next = folder->view->uid_next;
    for (size_t i = 0; i < append->n_messages; i++) {
        const struct new_message *new = &append->messages[i];
        struct content *content =
            content_new(call->store, buf_view(&new->raw), new->message.internal_sec);
        put[i] = (struct mailbox_message){
            .uid = uid_next++,
            .flags = new->message.flags.flags,
            .keywords = keyword_bits(&keywords, (const char *const *)new->keywords,
                                     new->message.flags.n_keywords, NULL),
            .internal_sec = new->message.internal_sec,
            .internal_zone_min = new->message.internal_zone_min,
            .saved_sec = new->message.internal_sec,
            .sent_sec = new->message.internal_sec};
        uids[i] = folder_add(folder, content, &put[i]);
        content_unref(content);
    }
    folder_apply(folder, put, append->n_messages, NULL, keywords, uid_next);
    answer(call, &(struct mailbox_answer){.uid_validity = folder->uid_validity,
                                          .to_uids = uids,
                                          .n_uids = append->n_messages});
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
        const struct content *content = is_there ? folder_content(folder, uid) : NULL;
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
    call->lookup_done.done(call->lookup_done.context, known ? 1 : 0,
                           known ? &call->store->credential : NULL);
}

static void run_call(struct mailbox_call *call)
{
    if (call->store->disk_full && is_write(call->kind)) {
        answer_fault(call, FAULT_NO_SPACE, "The disk is full");
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
    while (!list_is_empty(&store->calls)) {
        struct mailbox_call *call = list_entry(store->calls.next, struct mailbox_call, node);
        list_remove(&call->node);
        run_call(call);
        call_free(call);
        n_done++;
    }
    return n_done;
}

/* ---- The contract's functions ---- */

static struct mailbox_account *op_account_open(struct mail_store *store, int64_t account_id,
                                               const struct mailbox_watcher *watcher,
                                               struct fault *fault)
{
    (void)watcher;
    if (account_id != 1) {
        fault_set(fault, FAULT_NOT_FOUND, "No such account");
        return NULL;
    }
    struct mailbox_account *account = xcalloc(1, sizeof(*account));
    account->store = store;
    return account;
}

static void op_account_close(struct mailbox_account **account)
{
    free(*account);
    *account = NULL;
}

static void op_cancel(struct mailbox_call **call)
{
    call_free(*call);
    *call = NULL;
}

static const struct mailbox_list *op_list(struct mailbox_account *account)
{
    struct mail_store *store = account->store;
    size_t n_entries = 0;
    list_for_each(node, &store->folders)
    {
        (void)node;
        n_entries++;
    }
    free(store->entries);
    store->entries = xcalloc(n_entries + 1, sizeof(*store->entries));
    size_t i = 0;
    list_for_each(node, &store->folders)
    {
        const struct folder *folder = list_entry(node, struct folder, node);
        store->entries[i++] = (struct mailbox_entry){folder->id, folder->name, folder->attributes};
    }
    store->list = (struct mailbox_list){store->entries, n_entries};
    return &store->list;
}

static bool op_status(struct mailbox_account *account, const char *name, struct mailbox_status *out,
                      struct fault *fault)
{
    const struct folder *folder = folder_find(account->store, name);
    if (folder == NULL || (folder->attributes & MAILBOX_NOSELECT) != 0) {
        return fault_set(fault, FAULT_NOT_FOUND, "No such mailbox");
    }
    const struct mailbox_view *view = folder->view;
    *out = (struct mailbox_status){.n_messages = view->n_messages,
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

static struct mailbox_call *op_create(struct mailbox_account *account, const char *name,
                                      unsigned use, struct mailbox_done done)
{
    struct mailbox_call *call = call_new(account->store, CALL_CREATE);
    call->name = xstrdup(name);
    call->use = use;
    call->done = done;
    return call;
}

static struct mailbox_call *op_remove(struct mailbox_account *account, const char *name,
                                      struct mailbox_done done)
{
    struct mailbox_call *call = call_new(account->store, CALL_REMOVE);
    call->name = xstrdup(name);
    call->done = done;
    return call;
}

static struct mailbox_call *op_rename(struct mailbox_account *account, const char *from,
                                      const char *to, struct mailbox_done done)
{
    struct mailbox_call *call = call_new(account->store, CALL_RENAME);
    call->name = xstrdup(from);
    call->name2 = xstrdup(to);
    call->done = done;
    return call;
}

static struct mailbox_call *op_subscribe(struct mailbox_account *account, const char *name,
                                         bool subscribed, struct mailbox_done done)
{
    struct mailbox_call *call = call_new(account->store, CALL_SUBSCRIBE);
    call->name = xstrdup(name);
    call->flag = subscribed;
    call->done = done;
    return call;
}

static struct mailbox_call *op_open(struct mailbox_account *account, const char *name,
                                    struct mailbox_watcher watcher, struct mailbox_done done)
{
    struct mailbox_call *call = call_new(account->store, CALL_OPEN);
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
        folder_free(folder);
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
    struct mailbox_call *call = call_new(mailbox->store, kind);
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
    if (folder_find(account->store, name) == NULL) {
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
    (void)fault;
    buf_append_bytes(&append->messages[append->n_messages - 1].raw, data);
    return MAILBOX_PUSH_OK;
}

static struct mailbox_call *op_append_commit(struct mailbox_append **append,
                                             struct mailbox_done done)
{
    struct mailbox_call *call = call_new((*append)->store, CALL_APPEND);
    call->append = *append;
    call->done = done;
    *append = NULL;
    return call;
}

static void op_append_abort(struct mailbox_append **append)
{
    append_free(*append);
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
    struct mailbox_call *call = call_new(reader->store, CALL_READY);
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
    reader->content = folder_content(reader->folder, out->uid);
    if (reader->content == NULL || mailbox_view_find(reader->folder->view, out->uid) == NULL) {
        return MAILBOX_READ_GONE;
    }
    out->content_len = reader->content->raw.len;
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
            call_free(call);
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
                                       .append_commit = op_append_commit,
                                       .append_abort = op_append_abort,
                                       .read_start = op_read_start,
                                       .read_next = op_read_next,
                                       .read_content = op_read_content,
                                       .read_end = op_read_end,
                                       .search_text = op_search_text};

const struct mailbox_ops *memory_mail_ops(void)
{
    return &ops;
}

/* ---- Logins ---- */

static void *lookup_start(void *context, const char *user, struct sasl_lookup_done done)
{
    struct mailbox_call *call = call_new(context, CALL_LOOKUP);
    call->name = xstrdup(user);
    call->lookup_done = done;
    return call;
}

static void lookup_cancel(void *context, void *handle)
{
    (void)context;
    call_free(handle);
}

const struct sasl_lookup *memory_mail_lookup(struct mail_store *store)
{
    return &store->lookup;
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
    store->next_id = 1;
    store->next_validity = 1000;
    store->next_email_id = 1;
    store->lookup = (struct sasl_lookup){lookup_start, lookup_cancel, store};
    make_credential(store);
    folder_new(store, "INBOX", MAILBOX_SUBSCRIBED);
    folder_new(store, "Drafts", MAILBOX_SUBSCRIBED | MAILBOX_USE_DRAFTS);
    folder_new(store, "Sent", MAILBOX_SUBSCRIBED | MAILBOX_USE_SENT);
    folder_new(store, "Archive", MAILBOX_USE_ARCHIVE);
    folder_new(store, "Junk", MAILBOX_USE_JUNK);
    folder_new(store, "Trash", MAILBOX_SUBSCRIBED | MAILBOX_USE_TRASH);
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
        call_free(list_entry(old->calls.next, struct mailbox_call, node));
    }
    while (!list_is_empty(&old->folders)) {
        folder_free(list_entry(old->folders.next, struct folder, node));
    }
    free(old->entries);
    free(old);
}

uint32_t memory_mail_deliver(struct mail_store *store, const char *mailbox, const char *text)
{
    struct folder *folder = folder_find(store, mailbox);
    struct mailbox_message message = {.uid = folder->view->uid_next,
                                      .internal_sec = 1000000000,
                                      .saved_sec = 1000000000,
                                      .sent_sec = 1000000000};
    struct content *content = content_new(store, bytes_of_str(text), message.internal_sec);
    folder_add(folder, content, &message);
    content_unref(content);
    folder_apply(folder, &message, 1, NULL, NULL, message.uid + 1);
    return message.uid;
}

void memory_mail_set_flags(struct mail_store *store, const char *mailbox, uint32_t uid,
                           uint8_t flags)
{
    struct folder *folder = folder_find(store, mailbox);
    struct mailbox_message message = *mailbox_view_find(folder->view, uid);
    message.flags = flags;
    folder_apply(folder, &message, 1, NULL, NULL, 0);
}

void memory_mail_expunge(struct mail_store *store, const char *mailbox, uint32_t uid)
{
    struct uid_set one = {0};
    uid_set_add(&one, uid);
    folder_apply(folder_find(store, mailbox), NULL, 0, &one, NULL, 0);
    uid_set_clear(&one);
}

void memory_mail_fill_disk(struct mail_store *store, bool full)
{
    store->disk_full = full;
}
