// SPDX-License-Identifier: MIT
/* SORT (RFC 5256) with DISPLAYFROM and DISPLAYTO (RFC 5957), answered by "* SORT" or by "* ESEARCH"
 * (ESORT, RFC 5267), and held up to date where that was asked for (context.h).
 *
 * Dates and sizes come from the view. Where a key is text, the messages found are read once, and
 * their keys are kept in their order (kept_answers.h): of whoever asks again, only the messages
 * that came since are read and merged in. The order itself is kept for the same question. */
#include <stdlib.h>
#include <string.h>

#include "mailproto/imap/context.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/kept_answers.h"
#include "mailproto/imap/search_run.h"
#include "mailproto/imap/sort_keys.h"

struct sort_run {
    struct sort_order by;
    struct sort_entry *entries;
    size_t n_entries;
    size_t n_in_order; /* the first of them: those whose keys were kept */
    size_t capacity;
    struct kept_answer *keys;  /* what the texts of those are borrowed from */
    bool is_own;               /* it is to be held up to date */
    bool renews_keys;          /* what was read is to be kept */
    struct kept_answer *order; /* the UIDs */
    size_t next;               /* to be told */
    bool line_begun;
};

static void sort_clean(struct imap_session *session, void *data)
{
    struct sort_run *sort = data;
    (void)session;
    free(sort->entries);
    kept_answer_unref(&sort->keys);
    kept_answer_unref(&sort->order);
}

/* ---- The run ---- */

static size_t order_n_uids(const struct sort_run *sort)
{
    return sort->order->data.len / sizeof(uint32_t);
}

static uint32_t order_uid(const struct sort_run *sort, size_t i)
{
    uint32_t uid;
    memcpy(&uid, sort->order->data.data + i * sizeof(uid), sizeof(uid));
    return uid;
}

static void sort_tell(struct imap_session *session)
{
    struct search_run *search = session->command.data;
    struct sort_run *sort = search->data;
    if (!sort->line_begun) {
        buf_append_str(&session->out, "* SORT");
        sort->line_begun = true;
    }
    size_t n_uids = order_n_uids(sort);
    while (imap_has_room(session) && sort->next < n_uids) {
        buf_append_byte(&session->out, ' ');
        buf_append_u64(&session->out, search_number_of(session, order_uid(sort, sort->next++)));
    }
    if (sort->next == n_uids) {
        search_end_line(session, search);
        imap_done(session);
    }
}

static struct sort_entry entry_of(const struct imap_session *session, const struct sort_run *sort,
                                  uint32_t uid)
{
    struct sort_entry entry = {.uid = uid, .order = &sort->by};
    sort_entry_record(&entry, mailbox_view_find(session->selected.told, uid));
    return entry;
}

/* ---- As a context (RFC 5267) ---- */

static size_t order_position(const void *data, uint32_t uid)
{
    const struct sort_run *sort = data;
    for (size_t i = 0; i < sort->n_entries; i++) {
        if (sort->entries[i].uid == uid) {
            return i + 1;
        }
    }
    return 0;
}

static void order_remove(void *data, size_t position)
{
    struct sort_run *sort = data;
    memmove(&sort->entries[position - 1], &sort->entries[position],
            (sort->n_entries - position) * sizeof(*sort->entries));
    sort->n_entries--;
}

static size_t order_insert(struct imap_session *session, void *data, uint32_t uid,
                           const struct mailbox_item_data *item, struct arena *arena)
{
    struct sort_run *sort = data;
    struct sort_entry entry = entry_of(session, sort, uid);
    size_t at = 0;
    if (item != NULL) {
        sort_entry_take(&entry, item, arena);
    }
    while (at < sort->n_entries && sort_entry_compare(&sort->entries[at], &entry) <= 0) {
        at++;
    }
    sort->entries =
        array_grow(sort->entries, sort->n_entries, &sort->capacity, sizeof(*sort->entries));
    memmove(&sort->entries[at + 1], &sort->entries[at],
            (sort->n_entries++ - at) * sizeof(*sort->entries));
    sort->entries[at] = entry;
    return at + 1;
}

static const struct context_order order_by_text = {.items = MAILBOX_ITEM_INFO | MAILBOX_ITEM_TEXT,
                                                   .position = order_position,
                                                   .remove = order_remove,
                                                   .insert = order_insert};
static const struct context_order order_by_record = {
    .position = order_position, .remove = order_remove, .insert = order_insert};

/* ---- The answer ---- */

static void extended_step(struct imap_session *session)
{
    struct search_run *search = session->command.data;
    const struct sort_run *sort = search->data;
    if (!esearch_step(session, &search->answer)) {
        return;
    }
    if ((search->returns.wanted & SEARCH_RETURN_UPDATE) != 0) {
        context_keep(session, search, sort->by.needed != 0 ? &order_by_text : &order_by_record);
    }
    imap_done(session);
}

static void tell_order(struct imap_session *session, struct search_run *search)
{
    struct sort_run *sort = search->data;
    struct esearch *answer = &search->answer;
    if (!search->returns.is_extended) {
        session->command.step = sort_tell;
        return;
    }
    answer->n_numbers = order_n_uids(sort);
    answer->numbers = xcalloc(answer->n_numbers + 1, sizeof(*answer->numbers));
    for (size_t i = 0; i < answer->n_numbers; i++) {
        answer->numbers[i] = order_uid(sort, i);
    }
    search_answer_uids(session, search);
    session->command.step = extended_step;
    if (search->returns.wanted == SEARCH_RETURN_SAVE) {
        imap_done(session);
    }
}

/* What is kept, and the keys with their directions, a byte each. */
enum order_kept { KEPT_ORDER = 'S', KEPT_KEYS = 'K' };

struct order_question {
    uint8_t words[SORT_MAX_KEYS + 1];
    struct kept_question question;
};

static void order_ask(struct order_question *out, const struct imap_session *session,
                      const struct search_run *search, enum order_kept what)
{
    const struct sort_run *sort = search->data;
    out->words[0] = (uint8_t)what;
    for (size_t i = 0; i < sort->by.n_keys; i++) {
        out->words[i + 1] = (uint8_t)(sort->by.keys[i] << 1 | sort->by.reverse[i]);
    }
    out->question = (struct kept_question){session->ops->mailbox_id(search->scope.mailbox),
                                           {out->words, sort->by.n_keys + 1},
                                           &search->result};
}

/* Those whose keys were kept are in order; the others are put in order and merged with them, from
 * the end. */
static void merge(struct sort_run *sort)
{
    size_t n_old = sort->n_in_order;
    size_t n_new = sort->n_entries - n_old;
    struct sort_entry *new = xmemdup(sort->entries + n_old, n_new * sizeof(*new));
    qsort(new, n_new, sizeof(*new), sort_entry_compare);
    for (size_t at = sort->n_entries; n_new > 0; at--) {
        bool takes_old =
            n_old > 0 && sort_entry_compare(&sort->entries[n_old - 1], &new[n_new - 1]) > 0;
        sort->entries[at - 1] = takes_old ? sort->entries[--n_old] : new[--n_new];
    }
    free(new);
}

static void keep_keys(struct imap_session *session, const struct search_run *search)
{
    const struct sort_run *sort = search->data;
    struct order_question asked;
    struct buf keys = {0};
    for (size_t i = 0; i < sort->n_entries; i++) {
        sort_entry_write(&keys, &sort->entries[i]);
    }
    order_ask(&asked, session, search, KEPT_KEYS);
    struct kept_answer *kept = kept_answers_put(session->kept, &asked.question, &keys);
    kept_answer_unref(&kept);
}

static void put_in_order(struct imap_session *session, struct search_run *search)
{
    struct sort_run *sort = search->data;
    struct order_question asked;
    struct buf uids = {0};
    if (sort->n_entries > sort->n_in_order) {
        merge(sort);
    }
    if (sort->renews_keys) {
        keep_keys(session, search);
    }
    for (size_t i = 0; i < sort->n_entries; i++) {
        buf_append(&uids, &sort->entries[i].uid, sizeof(sort->entries[i].uid));
    }
    order_ask(&asked, session, search, KEPT_ORDER);
    bool is_whole = sort->n_entries == uid_set_count(&search->result); /* nothing went meanwhile */
    bool may_be_kept = is_whole && !sort->by.uses_relevancy;
    sort->order = kept_answers_put(may_be_kept ? session->kept : NULL, &asked.question, &uids);
    tell_order(session, search);
}

static void take(struct imap_session *session, struct search_run *search,
                 const struct mailbox_item_data *data)
{
    struct sort_run *sort = search->data;
    struct sort_entry *entry = &sort->entries[sort->n_entries++];
    *entry = entry_of(session, sort, data->uid);
    entry->score = search_relevancy(search, data->uid);
    sort_entry_take(entry, data, &session->command.arena);
}

/* The entries of the result whose keys were kept, in their order. */
static void take_kept(struct imap_session *session, struct search_run *search)
{
    struct sort_run *sort = search->data;
    struct bytes rest = buf_view(&sort->keys->data);
    while (rest.len > 0) {
        struct sort_entry entry = sort_entry_read(&sort->by, &rest, &session->command.arena);
        if (uid_set_has(&search->result, entry.uid)) {
            if (sort->by.uses_record) {
                sort_entry_record(&entry, mailbox_view_find(session->selected.told, entry.uid));
            }
            sort->entries[sort->n_entries++] = entry;
        }
    }
    sort->n_in_order = sort->n_entries;
}

static void sort_by_text(struct imap_session *session, struct search_run *search)
{
    struct sort_run *sort = search->data;
    struct order_question asked;
    struct uid_set missing = {0};
    order_ask(&asked, session, search, KEPT_KEYS);
    sort->keys = sort->is_own ? NULL : kept_answers_newest(session->kept, &asked.question);
    kept_answer_missing(sort->keys, &search->result, &missing);
    sort->renews_keys =
        !sort->is_own && kept_answer_is_outgrown(sort->keys, &search->result, &missing);
    if (sort->keys != NULL) {
        take_kept(session, search);
    }
    if (uid_set_is_empty(&missing)) {
        put_in_order(session, search);
    } else {
        search_gather_start(session, search, &missing, sort_order_items(&sort->by));
    }
    uid_set_clear(&missing);
}

static void sort_by_record(struct imap_session *session, struct search_run *search)
{
    struct sort_run *sort = search->data;
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    while (uid_set_next(&search->result, &walk, &uid)) {
        struct sort_entry *entry = &sort->entries[sort->n_entries++];
        *entry = entry_of(session, sort, uid);
        entry->score = search_relevancy(search, uid);
    }
    put_in_order(session, search);
}

static void sort_found(struct imap_session *session, struct search_run *search)
{
    struct sort_run *sort = search->data;
    struct order_question asked;
    order_ask(&asked, session, search, KEPT_ORDER);
    sort->is_own = sort->by.uses_relevancy || (search->returns.wanted & SEARCH_RETURN_UPDATE) != 0;
    sort->order = sort->is_own ? NULL : kept_answers_find(session->kept, &asked.question);
    if (sort->order != NULL) {
        tell_order(session, search);
        return;
    }
    sort->capacity = (size_t)uid_set_count(&search->result) + 1;
    sort->entries = xreallocarray(NULL, sort->capacity, sizeof(*sort->entries));
    if (sort->by.needed != 0) {
        sort_by_text(session, search);
    } else {
        sort_by_record(session, search);
    }
}

void cmd_sort(struct imap_session *session, struct imap_parser *args)
{
    struct search_run *search = search_run_new(session, args);
    struct sort_run *sort = arena_alloc(args->arena, sizeof(*sort));
    search->found = sort_found;
    search->take = take;
    search->taken = put_in_order;
    search->data = sort;
    search->clean = sort_clean;
    imap_space(args);
    if (imap_accept_word(args, "RETURN")) {
        imap_space(args);
        search_returns(session, args, search);
    }
    sort_order_parse(args, &sort->by);
    search->needs_fuzzy = search->needs_fuzzy || sort->by.uses_relevancy;
    imap_space(args);
    search_charset(args);
    if (!context_is_refused(session, args, &search->returns)) {
        search_run_start(session, args, search);
    }
}
