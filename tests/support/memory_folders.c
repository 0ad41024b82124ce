// SPDX-License-Identifier: MIT
/* What lies in the store in memory: folders and the contents of messages. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "mailproto/imap/fold.h"
#include "mailproto/imap/text_match.h"
#include "tests/support/memory_internal.h"

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

/* The conversation of the message that this one names first, its own where there is none. */
static uint64_t thread_of(struct mail_store *store, const struct mail_envelope *envelope,
                          uint64_t email_id)
{
    struct bytes names =
        envelope->references.len > 0 ? envelope->references : envelope->in_reply_to;
    if (names.len == 0) {
        return email_id;
    }
    list_for_each(node, &store->folders)
    {
        const struct folder *folder = list_entry(node, struct folder, node);
        for (size_t i = 0; i < folder->n_slots; i++) {
            const struct content *other = folder->slots[i].content;
            struct arena arena = {0};
            struct message_info info = {0};
            bool ok = message_info_parse_envelope(&info, buf_view(&other->info), &arena, NULL);
            struct bytes id = info.envelope.message_id;
            bool is_named = ok && id.len > 0 && names.len >= id.len &&
                            memmem(names.data, names.len, id.data, id.len) != NULL;
            arena_clear(&arena);
            if (is_named) {
                return other->thread_id;
            }
        }
    }
    return email_id;
}

struct content *memory_content_new(struct mail_store *store, struct bytes raw, int64_t arrived_sec)
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
    content->thread_id = thread_of(store, &info.envelope, content->email_id);
    content->sent_sec = info.sent_sec;
    content->sent_zone_min = info.sent_zone_min;
    arena_clear(&arena);
    return content;
}

void memory_content_unref(struct content *content)
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

/* ---- Annotations ---- */

static void note_clear(struct mailbox_annotation *note)
{
    free((void *)(uintptr_t)note->entry);
    free((void *)(uintptr_t)note->value.data);
}

/* Keeps them in order. */
void memory_notes_set(struct notes *notes, const struct mailbox_annotation *annotation)
{
    size_t at = 0;
    while (at < notes->n_items && strcasecmp(notes->items[at].entry, annotation->entry) < 0) {
        at++;
    }
    if (at < notes->n_items && strcasecmp(notes->items[at].entry, annotation->entry) == 0) {
        note_clear(&notes->items[at]);
        memmove(&notes->items[at], &notes->items[at + 1],
                (--notes->n_items - at) * sizeof(*notes->items));
    }
    if (annotation->value.data == NULL) {
        return;
    }
    notes->items = xreallocarray(notes->items, notes->n_items + 1, sizeof(*notes->items));
    memmove(&notes->items[at + 1], &notes->items[at],
            (notes->n_items++ - at) * sizeof(*notes->items));
    notes->items[at] = (struct mailbox_annotation){
        xstrdup(annotation->entry),
        {xmemdup(annotation->value.data, annotation->value.len), annotation->value.len}};
}

void memory_notes_clear(struct notes *notes)
{
    for (size_t i = 0; i < notes->n_items; i++) {
        note_clear(&notes->items[i]);
    }
    free(notes->items);
    *notes = (struct notes){0};
}

/* ---- Folders ---- */

struct folder *memory_folder_find(struct mail_store *store, const char *name)
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

struct folder *memory_folder_new(struct mail_store *store, const char *name, unsigned attributes)
{
    struct folder *folder = xcalloc(1, sizeof(*folder));
    struct mailbox_keywords *keywords = mailbox_keywords_new(NULL, 0);
    store->list_is_stale = true;
    folder->store = store;
    folder->id = store->next_id++;
    folder->name = xstrdup(name);
    folder->attributes = attributes;
    folder->uid_validity = store->next_validity++;
    folder->recent_from = 1;
    folder->view = mailbox_view_new(NULL, 0, keywords, 1, 1);
    list_init(&folder->open);
    mailbox_keywords_unref(&keywords);
    list_append(&store->folders, &folder->node);
    return folder;
}

void memory_folder_free(struct folder *folder)
{
    list_remove(&folder->node);
    for (size_t i = 0; i < folder->n_slots; i++) {
        memory_content_unref(folder->slots[i].content);
    }
    mailbox_view_unref(&folder->view);
    free(folder->slots);
    free(folder->gone);
    memory_notes_clear(&folder->notes);
    free(folder->name);
    free(folder);
}

void memory_tell_logins(struct mail_store *store, enum mailbox_event event, uint64_t mailbox_id)
{
    list_for_each(node, &store->logins)
    {
        struct mailbox_account *login = list_entry(node, struct mailbox_account, node);
        if (login->watcher.changed != NULL) {
            login->watcher.changed(login->watcher.context, event, mailbox_id);
        }
    }
}

void memory_tell(struct folder *folder, enum mailbox_event event)
{
    memory_tell_logins(folder->store, MAILBOX_EVENT_LIST, folder->id);
    list_for_each(node, &folder->open)
    {
        struct mailbox *mailbox = list_entry(node, struct mailbox, node);
        mailbox->watcher.changed(mailbox->watcher.context, event, folder->id);
    }
}

struct content *memory_folder_content(const struct folder *folder, uint32_t uid)
{
    for (size_t i = 0; i < folder->n_slots; i++) {
        if (folder->slots[i].uid == uid) {
            return folder->slots[i].content;
        }
    }
    return NULL;
}

/* Replace the view. Takes a modseq for the change. */
void memory_folder_apply(struct folder *folder, struct mailbox_message *put, size_t n_put,
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
    memory_tell(folder, MAILBOX_EVENT_VIEW);
}

/* The bits of these names; names that are new are added to `*keywords`, which may be replaced. */
uint64_t memory_keyword_bits(struct mailbox_keywords **keywords, const char *const *names,
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

uint32_t memory_folder_add(struct folder *folder, struct content *content,
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
