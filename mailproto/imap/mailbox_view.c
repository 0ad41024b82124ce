// SPDX-License-Identifier: MIT
/* Views as persistent arrays of shared chunks.
 *
 * A chunk holds up to MAILBOX_CHUNK_MESSAGES records. Applying a delta rebuilds only chunks that
 * the delta touches; expunges make chunks smaller, and a chunk that becomes empty is left out.
 * Chunks aren't merged again: a view that was loaded anew is dense, and a mailbox that lives long
 * enough to be full of small chunks is rebuilt once they average less than a quarter full. */
#include "mailproto/imap/mailbox_view.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "mailproto/imap/uid_set.h"

struct mailbox_chunk {
    unsigned refs;
    uint32_t n_messages; /* 1 .. MAILBOX_CHUNK_MESSAGES */
    struct mailbox_message messages[];
};

/* ---- Keywords ---- */

struct mailbox_keywords *mailbox_keywords_new(const char *const *names, size_t n_names)
{
    assert(n_names <= MAILBOX_MAX_KEYWORDS);
    struct mailbox_keywords *keywords = xcalloc(1, sizeof(*keywords));
    keywords->refs = 1;
    keywords->n_names = n_names;
    for (size_t i = 0; i < n_names; i++) {
        keywords->names[i] = xstrdup(names[i]);
    }
    return keywords;
}

struct mailbox_keywords *mailbox_keywords_ref(struct mailbox_keywords *keywords)
{
    keywords->refs++;
    return keywords;
}

void mailbox_keywords_unref(struct mailbox_keywords **keywords)
{
    struct mailbox_keywords *old = *keywords;
    *keywords = NULL;
    if (old == NULL || --old->refs > 0) {
        return;
    }
    for (size_t i = 0; i < old->n_names; i++) {
        free(old->names[i]);
    }
    free(old);
}

bool mailbox_keywords_find(const struct mailbox_keywords *keywords, struct bytes name,
                           unsigned *out_id)
{
    for (size_t i = 0; i < keywords->n_names; i++) {
        if (bytes_is_word(name, keywords->names[i])) {
            *out_id = (unsigned)i;
            return true;
        }
    }
    return false;
}

/* ---- Chunks ---- */

static struct mailbox_chunk *chunk_new(const struct mailbox_message *messages, size_t n_messages)
{
    struct mailbox_chunk *chunk = xmalloc(sizeof(*chunk) + n_messages * sizeof(*messages));
    chunk->refs = 1;
    chunk->n_messages = (uint32_t)n_messages;
    memcpy(chunk->messages, messages, n_messages * sizeof(*messages));
    return chunk;
}

static void chunk_unref(struct mailbox_chunk *chunk)
{
    if (--chunk->refs == 0) {
        free(chunk);
    }
}

/* ---- Building a view ---- */

/* A view being put together: whole chunks are shared, single records gathered into new ones. */
struct builder {
    struct mailbox_view *view;
    size_t slots_capacity;
    size_t n_pending;
    struct mailbox_message pending[MAILBOX_CHUNK_MESSAGES];
};

static void builder_push_chunk(struct builder *builder, struct mailbox_chunk *chunk)
{
    struct mailbox_view *view = builder->view;
    if (view->n_slots == builder->slots_capacity) {
        view->slots =
            array_grow(view->slots, view->n_slots, &builder->slots_capacity, sizeof(*view->slots));
    }
    view->slots[view->n_slots++] =
        (struct mailbox_slot){.chunk = chunk,
                              .n_before = view->n_messages,
                              .last_uid = chunk->messages[chunk->n_messages - 1].uid};
    view->n_messages += chunk->n_messages;
}

static void builder_flush(struct builder *builder)
{
    if (builder->n_pending > 0) {
        builder_push_chunk(builder, chunk_new(builder->pending, builder->n_pending));
        builder->n_pending = 0;
    }
}

static void view_count(struct mailbox_view *view, const struct mailbox_message *message, int sign)
{
    uint32_t one = sign > 0 ? 1 : UINT32_MAX; /* modulo 2^32: minus one */
    if ((message->flags & MAILBOX_FLAG_SEEN) == 0) {
        view->n_unseen += one;
    }
    if ((message->flags & MAILBOX_FLAG_DELETED) != 0) {
        view->n_deleted += one;
    }
    view->total_size += sign > 0 ? (uint64_t)message->size : -(uint64_t)message->size;
}

static void builder_push(struct builder *builder, const struct mailbox_message *message)
{
    builder->pending[builder->n_pending++] = *message;
    if (builder->n_pending == MAILBOX_CHUNK_MESSAGES) {
        builder_flush(builder);
    }
}

static struct mailbox_view *view_alloc(struct mailbox_keywords *keywords, uint32_t uid_next,
                                       uint64_t highest_modseq)
{
    struct mailbox_view *view = xcalloc(1, sizeof(*view));
    view->refs = 1;
    view->keywords = mailbox_keywords_ref(keywords);
    view->uid_next = uid_next;
    view->highest_modseq = highest_modseq;
    return view;
}

struct mailbox_view *mailbox_view_new(const struct mailbox_message *messages, size_t n_messages,
                                      struct mailbox_keywords *keywords, uint32_t uid_next,
                                      uint64_t highest_modseq)
{
    struct builder builder = {.view = view_alloc(keywords, uid_next, highest_modseq)};
    for (size_t i = 0; i < n_messages; i++) {
        builder_push(&builder, &messages[i]);
        view_count(builder.view, &messages[i], +1);
    }
    builder_flush(&builder);
    return builder.view;
}

struct mailbox_view *mailbox_view_ref(struct mailbox_view *view)
{
    view->refs++;
    return view;
}

void mailbox_view_unref(struct mailbox_view **view)
{
    struct mailbox_view *old = *view;
    *view = NULL;
    if (old == NULL || --old->refs > 0) {
        return;
    }
    for (size_t i = 0; i < old->n_slots; i++) {
        chunk_unref(old->slots[i].chunk);
    }
    mailbox_keywords_unref(&old->keywords);
    free(old->slots);
    free(old);
}

/* ---- Applying a delta ---- */

/* The rest of a delta while the base's chunks are passed in order. */
struct pending_delta {
    const struct mailbox_message *put;
    const struct mailbox_message *put_end;
    const struct uid_set *expunged;
    size_t expunged_range;
};

static bool delta_touches(struct pending_delta *rest, uint32_t first, uint32_t last)
{
    if (rest->put < rest->put_end && rest->put->uid <= last) {
        return true;
    }
    if (rest->expunged == NULL) {
        return false;
    }
    while (rest->expunged_range < rest->expunged->n_ranges &&
           rest->expunged->ranges[rest->expunged_range].last < first) {
        rest->expunged_range++;
    }
    return rest->expunged_range < rest->expunged->n_ranges &&
           rest->expunged->ranges[rest->expunged_range].first <= last;
}

/* Push what the delta has below `uid`: messages that the base does not have. */
static void push_new_below(struct builder *builder, struct pending_delta *rest, uint64_t uid)
{
    while (rest->put < rest->put_end && rest->put->uid < uid) {
        if (rest->expunged == NULL || !uid_set_has(rest->expunged, rest->put->uid)) {
            builder_push(builder, rest->put);
            view_count(builder->view, rest->put, +1);
        }
        rest->put++;
    }
}

static void rebuild_chunk(struct builder *builder, struct pending_delta *rest,
                          const struct mailbox_chunk *chunk)
{
    for (uint32_t i = 0; i < chunk->n_messages; i++) {
        const struct mailbox_message *message = &chunk->messages[i];
        push_new_below(builder, rest, message->uid);
        view_count(builder->view, message, -1);
        if (rest->put < rest->put_end && rest->put->uid == message->uid) {
            message = rest->put++;
        }
        if (rest->expunged != NULL && uid_set_has(rest->expunged, message->uid)) {
            continue;
        }
        builder_push(builder, message);
        view_count(builder->view, message, +1);
    }
}

/* A long life of single expunges leaves small chunks: then the records are packed anew. */
static bool is_sparse(const struct mailbox_view *view)
{
    return view->n_slots > 8 && view->n_messages / view->n_slots < MAILBOX_CHUNK_MESSAGES / 4;
}

static struct mailbox_view *packed(struct mailbox_view *view)
{
    struct mailbox_message *all = xcalloc(view->n_messages, sizeof(*all));
    for (size_t i = 0; i < view->n_slots; i++) {
        const struct mailbox_chunk *chunk = view->slots[i].chunk;
        memcpy(all + view->slots[i].n_before, chunk->messages, chunk->n_messages * sizeof(*all));
    }
    struct mailbox_view *dense = mailbox_view_new(all, view->n_messages, view->keywords,
                                                  view->uid_next, view->highest_modseq);
    free(all);
    mailbox_view_unref(&view);
    return dense;
}

struct mailbox_view *mailbox_view_apply(const struct mailbox_view *base,
                                        const struct mailbox_delta *delta)
{
    struct builder builder = {
        .view =
            view_alloc(delta->keywords != NULL ? delta->keywords : base->keywords,
                       delta->uid_next != 0 ? delta->uid_next : base->uid_next,
                       delta->highest_modseq != 0 ? delta->highest_modseq : base->highest_modseq)};
    builder.view->n_unseen = base->n_unseen;
    builder.view->n_deleted = base->n_deleted;
    builder.view->total_size = base->total_size;
    struct pending_delta rest = {.put = delta->put,
                                 .put_end = delta->n_put > 0 ? delta->put + delta->n_put
                                                             : delta->put, /* maybe NULL */
                                 .expunged = delta->expunged};
    for (size_t i = 0; i < base->n_slots; i++) {
        struct mailbox_chunk *chunk = base->slots[i].chunk;
        uint32_t first = chunk->messages[0].uid;
        uint32_t last = chunk->messages[chunk->n_messages - 1].uid;
        /* The last chunk takes new messages in until it is full. */
        bool grows = i + 1 == base->n_slots && rest.put < rest.put_end &&
                     chunk->n_messages < MAILBOX_CHUNK_MESSAGES;
        if (grows || delta_touches(&rest, first, last)) {
            rebuild_chunk(&builder, &rest, chunk);
        } else {
            builder_flush(&builder);
            chunk->refs++;
            builder_push_chunk(&builder, chunk);
        }
    }
    push_new_below(&builder, &rest, UINT64_MAX);
    builder_flush(&builder);
    return is_sparse(builder.view) ? packed(builder.view) : builder.view;
}

/* ---- Looking things up ---- */

const struct mailbox_message *mailbox_view_at(const struct mailbox_view *view, uint32_t seq)
{
    assert(seq >= 1 && seq <= view->n_messages);
    uint32_t index = seq - 1;
    size_t low = index / MAILBOX_CHUNK_MESSAGES; /* there, if all chunks before it are full */
    size_t high = view->n_slots;
    if (low >= high || view->slots[low].n_before > index) {
        low = 0;
    } else if (index - view->slots[low].n_before < view->slots[low].chunk->n_messages) {
        high = low + 1;
    }
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (view->slots[middle].n_before <= index) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return &view->slots[low].chunk->messages[index - view->slots[low].n_before];
}

/* The first message of the chunk, which has one, with a UID >= `uid`. Where UIDs follow each other
 * it lies where its number says. */
static uint32_t lower_bound_in_chunk(const struct mailbox_chunk *chunk, uint32_t uid)
{
    uint32_t first = chunk->messages[0].uid;
    uint32_t left = 0;
    uint32_t right = chunk->n_messages;
    if (uid <= first) {
        return 0;
    }
    if (uid - first < right && chunk->messages[uid - first].uid == uid) {
        return uid - first;
    }
    while (left < right) {
        uint32_t middle = left + (right - left) / 2;
        if (chunk->messages[middle].uid < uid) {
            left = middle + 1;
        } else {
            right = middle;
        }
    }
    return left;
}

/* Where the first message with a UID >= `uid` lies: false when there is none. */
static bool find_lower_bound(const struct mailbox_view *view, uint32_t uid,
                             const struct mailbox_slot **out_slot, uint32_t *out_index)
{
    size_t low = 0;
    size_t high = view->n_slots;
    while (low < high) { /* the first chunk whose last UID >= uid */
        size_t middle = low + (high - low) / 2;
        if (view->slots[middle].last_uid < uid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == view->n_slots) {
        return false;
    }
    *out_slot = &view->slots[low];
    *out_index = lower_bound_in_chunk(view->slots[low].chunk, uid);
    return true;
}

uint32_t mailbox_view_lower_bound(const struct mailbox_view *view, uint32_t uid)
{
    const struct mailbox_slot *slot = NULL;
    uint32_t index = 0;
    return find_lower_bound(view, uid, &slot, &index) ? slot->n_before + index + 1
                                                      : view->n_messages + 1;
}

uint32_t mailbox_view_seq_of(const struct mailbox_view *view, uint32_t uid)
{
    const struct mailbox_slot *slot = NULL;
    uint32_t index = 0;
    bool is_there =
        find_lower_bound(view, uid, &slot, &index) && slot->chunk->messages[index].uid == uid;
    return is_there ? slot->n_before + index + 1 : 0;
}

const struct mailbox_message *mailbox_view_find(const struct mailbox_view *view, uint32_t uid)
{
    const struct mailbox_slot *slot = NULL;
    uint32_t index = 0;
    bool is_there =
        find_lower_bound(view, uid, &slot, &index) && slot->chunk->messages[index].uid == uid;
    return is_there ? &slot->chunk->messages[index] : NULL;
}

/* ---- Differences ---- */

static const struct mailbox_slot *slot_starting_at(const struct mailbox_view *view, uint32_t index)
{
    size_t low = 0;
    size_t high = view->n_slots;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (view->slots[middle].n_before < index) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < view->n_slots && view->slots[low].n_before == index;
    return found ? &view->slots[low] : NULL;
}

/* Pass over chunks that both views share from here on. */
static void skip_shared(struct mailbox_diff *diff)
{
    const struct mailbox_slot *before = slot_starting_at(diff->before, diff->n_before);
    const struct mailbox_slot *after = slot_starting_at(diff->after, diff->n_after);
    if (before == NULL || after == NULL) {
        return;
    }
    const struct mailbox_slot *before_end = diff->before->slots + diff->before->n_slots;
    const struct mailbox_slot *after_end = diff->after->slots + diff->after->n_slots;
    while (before < before_end && after < after_end && before->chunk == after->chunk) {
        diff->n_before += before->chunk->n_messages;
        diff->n_after += after->chunk->n_messages;
        before++;
        after++;
    }
}

enum mailbox_change mailbox_diff_next(struct mailbox_diff *diff,
                                      const struct mailbox_message **out_before,
                                      const struct mailbox_message **out_after)
{
    *out_before = NULL;
    *out_after = NULL;
    for (;;) {
        skip_shared(diff);
        bool has_before = diff->n_before < diff->before->n_messages;
        bool has_after = diff->n_after < diff->after->n_messages;
        if (!has_before && !has_after) {
            return MAILBOX_CHANGE_NONE;
        }
        const struct mailbox_message *before =
            has_before ? mailbox_view_at(diff->before, diff->n_before + 1) : NULL;
        const struct mailbox_message *after =
            has_after ? mailbox_view_at(diff->after, diff->n_after + 1) : NULL;
        if (after == NULL || (before != NULL && before->uid < after->uid)) {
            diff->n_before++;
            *out_before = before;
            return MAILBOX_EXPUNGED;
        }
        diff->n_after++;
        if (before == NULL || after->uid < before->uid) {
            *out_after = after;
            return MAILBOX_APPENDED;
        }
        diff->n_before++;
        if (before->flags != after->flags || before->keywords != after->keywords ||
            before->modseq != after->modseq) {
            *out_before = before;
            *out_after = after;
            return MAILBOX_CHANGED;
        }
    }
}
