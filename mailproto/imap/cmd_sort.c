// SPDX-License-Identifier: MIT
/* SORT (RFC 5256) with DISPLAYFROM and DISPLAYTO (RFC 5957), answered by "* SORT" or by "* ESEARCH"
 * (ESORT, RFC 5267), and held up to date where that was asked for (context.h).
 *
 * Dates and sizes come from the view. Where a key is text, the messages found are read once, and of
 * each only its keys are kept. The order is kept for whoever asks again (kept_answers.h). */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "mailproto/imap/context.h"
#include "mailproto/imap/fold.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/kept_answers.h"
#include "mailproto/imap/search_run.h"
#include "mailproto/imap/subject.h"
#include "mailproto/imap/text_match.h"

enum { SORT_MAX_KEYS = 20 };

enum sort_key {
    SORT_ARRIVAL,
    SORT_DATE,
    SORT_SIZE,
    SORT_SUBJECT, /* from here on: text */
    SORT_FROM,
    SORT_TO,
    SORT_CC,
    SORT_DISPLAYFROM,
    SORT_DISPLAYTO,
    SORT_N_KEYS
};

struct sort_entry {
    uint32_t uid;
    int64_t arrival;
    int64_t date;
    uint32_t size;
    struct bytes texts[SORT_N_KEYS - SORT_SUBJECT];
    const struct sort_run *run;
};

struct sort_run {
    enum sort_key keys[SORT_MAX_KEYS];
    bool reverse[SORT_MAX_KEYS];
    size_t n_keys;
    unsigned needed; /* bit k: the text of enum sort_key k is compared */
    struct sort_entry *entries;
    size_t n_entries;
    size_t capacity;
    struct kept_answer *order; /* the UIDs */
    size_t next;               /* to be told */
    bool line_begun;
};

static void sort_clean(struct imap_session *session, void *data)
{
    struct sort_run *sort = data;
    (void)session;
    free(sort->entries);
    kept_answer_unref(&sort->order);
}

/* ---- Arguments ---- */

static void parse_keys(struct imap_parser *args, struct sort_run *sort)
{
    static const char *const names[SORT_N_KEYS] = {
        "ARRIVAL", "DATE", "SIZE", "SUBJECT", "FROM", "TO", "CC", "DISPLAYFROM", "DISPLAYTO"};
    imap_expect(args, '(');
    do {
        bool reverse = imap_accept_word(args, "REVERSE");
        if (reverse) {
            imap_space(args);
        }
        struct bytes word = imap_word(args);
        unsigned key = 0;
        while (key < SORT_N_KEYS && !bytes_is_word(word, names[key])) {
            key++;
        }
        if (key == SORT_N_KEYS || sort->n_keys == SORT_MAX_KEYS) {
            imap_fail(args, "Bad sort key");
            return;
        }
        sort->needed |= key >= SORT_SUBJECT ? 1U << key : 0;
        sort->keys[sort->n_keys] = (enum sort_key)key;
        sort->reverse[sort->n_keys++] = reverse;
    } while (imap_ok(args) && imap_accept(args, ' '));
    imap_expect(args, ')');
}

/* ---- Keys of a message ---- */

/* RFC 5051 orders by capitals: '[' and '_' come behind the letters, not before. The texts are
 * folded already, so capitals here make comparing them a comparison of bytes. */
static struct bytes keep_capitals(struct arena *arena, struct bytes text)
{
    if (text.len == 0) {
        return (struct bytes){0};
    }
    uint8_t *key = arena_alloc(arena, text.len);
    for (size_t i = 0; i < text.len; i++) {
        key[i] = (uint8_t)ascii_upper((char)text.data[i]);
    }
    return (struct bytes){key, text.len};
}

static struct bytes mailbox_key(struct arena *arena, const struct mail_addresses *list)
{
    struct buf folded = {0};
    if (list->n_items > 0) {
        fold_text(&folded, list->items[0].mailbox);
    }
    struct bytes key = keep_capitals(arena, buf_view(&folded));
    buf_clear(&folded);
    return key;
}

/* The display name as it was decoded into the folded header; the address where there is none. */
static struct bytes display_key(struct arena *arena, const struct mail_addresses *list,
                                struct bytes value)
{
    struct buf folded = {0};
    if (list->n_items == 0) {
        return (struct bytes){0};
    }
    const struct mail_address *first = &list->items[0];
    struct bytes name = bytes_slice(value, 0, bytes_find(value, '<'));
    bool is_quoted = value.len > 0 && value.data[0] == '"';
    if (is_quoted) {
        name = bytes_slice(value, 1, SIZE_MAX);
        name = bytes_slice(name, 0, bytes_find(name, '"'));
    }
    while (name.len > 0 && name.data[name.len - 1] == ' ') {
        name.len--;
    }
    bool has_name = !message_text_is_absent(first->name) && first->name.len > 0;
    if (has_name && name.len > 0 && name.len < value.len) {
        buf_append_bytes(&folded, name);
    } else if (has_name) {
        fold_text(&folded, first->name);
    } else {
        fold_text(&folded, first->mailbox);
        buf_append_byte(&folded, '@');
        fold_text(&folded, first->host);
    }
    struct bytes key = keep_capitals(arena, buf_view(&folded));
    buf_clear(&folded);
    return key;
}

static unsigned items_for(const struct sort_run *sort)
{
    bool by_address = (sort->needed & ~(1U << SORT_SUBJECT)) != 0;
    return MAILBOX_ITEM_TEXT | (by_address ? MAILBOX_ITEM_INFO : 0U);
}

static bool is_needed(const struct sort_run *sort, enum sort_key key)
{
    return (sort->needed >> key & 1) != 0;
}

/* What is compared of the envelope's addresses. */
static void take_addresses(struct sort_entry *entry, const struct mailbox_item_data *data,
                           struct arena *arena)
{
    const struct sort_run *sort = entry->run;
    struct arena scratch = {0};
    struct message_info info = {0};
    struct bytes *texts = entry->texts;
    if (message_info_parse_envelope(&info, data->info, &scratch, NULL)) {
        const struct {
            enum sort_key mailbox;
            enum sort_key display;
            const struct mail_addresses *list;
            const char *field;
        } lists[] = {{SORT_FROM, SORT_DISPLAYFROM, &info.envelope.from, "from"},
                     {SORT_TO, SORT_DISPLAYTO, &info.envelope.to, "to"},
                     {SORT_CC, SORT_N_KEYS, &info.envelope.cc, "cc"}};
        for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
            if (is_needed(sort, lists[i].mailbox)) {
                texts[lists[i].mailbox - SORT_SUBJECT] = mailbox_key(arena, lists[i].list);
            }
            if (lists[i].display != SORT_N_KEYS && is_needed(sort, lists[i].display)) {
                texts[lists[i].display - SORT_SUBJECT] =
                    display_key(arena, lists[i].list, text_field_value(data->text, lists[i].field));
            }
        }
    }
    arena_clear(&scratch);
}

static void take_texts(struct sort_entry *entry, const struct mailbox_item_data *data,
                       struct arena *arena)
{
    if (is_needed(entry->run, SORT_SUBJECT)) {
        struct bytes subject = subject_base(text_field_value(data->text, "subject"), NULL);
        entry->texts[SORT_SUBJECT - SORT_SUBJECT] = keep_capitals(arena, subject);
    }
    if ((items_for(entry->run) & MAILBOX_ITEM_INFO) != 0) {
        take_addresses(entry, data, arena);
    }
}

/* ---- Order ---- */

static int compare_texts(struct bytes a, struct bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.data, b.data, len) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_by(enum sort_key key, const struct sort_entry *a, const struct sort_entry *b)
{
    switch (key) {
    case SORT_ARRIVAL:
        return (a->arrival > b->arrival) - (a->arrival < b->arrival);
    case SORT_DATE:
        return (a->date > b->date) - (a->date < b->date);
    case SORT_SIZE:
        return (a->size > b->size) - (a->size < b->size);
    default:
        return compare_texts(a->texts[key - SORT_SUBJECT], b->texts[key - SORT_SUBJECT]);
    }
}

static int compare(const void *left, const void *right)
{
    const struct sort_entry *a = left;
    const struct sort_entry *b = right;
    for (size_t i = 0; i < a->run->n_keys; i++) {
        int order = compare_by(a->run->keys[i], a, b);
        if (order != 0) {
            return a->run->reverse[i] ? -order : order;
        }
    }
    return (a->uid > b->uid) - (a->uid < b->uid);
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
    const struct mailbox_message *message = mailbox_view_find(session->selected.told, uid);
    return (struct sort_entry){.uid = uid,
                               .arrival = message->internal_sec,
                               .date = message->sent_sec,
                               .size = message->size,
                               .run = sort};
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
        take_texts(&entry, item, arena);
    }
    while (at < sort->n_entries && compare(&sort->entries[at], &entry) <= 0) {
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
        context_keep(session, search, sort->needed != 0 ? &order_by_text : &order_by_record);
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

/* The keys with their directions, a byte each. */
struct order_question {
    uint8_t words[SORT_MAX_KEYS + 1];
    struct kept_question question;
};

static void order_ask(struct order_question *out, const struct imap_session *session,
                      const struct search_run *search)
{
    const struct sort_run *sort = search->data;
    out->words[0] = 'S';
    for (size_t i = 0; i < sort->n_keys; i++) {
        out->words[i + 1] = (uint8_t)(sort->keys[i] << 1 | sort->reverse[i]);
    }
    out->question = (struct kept_question){session->ops->mailbox_id(search->scope.mailbox),
                                           {out->words, sort->n_keys + 1},
                                           &search->result};
}

static void put_in_order(struct imap_session *session, struct search_run *search)
{
    struct sort_run *sort = search->data;
    struct order_question asked;
    struct buf uids = {0};
    qsort(sort->entries, sort->n_entries, sizeof(*sort->entries), compare);
    for (size_t i = 0; i < sort->n_entries; i++) {
        buf_append(&uids, &sort->entries[i].uid, sizeof(sort->entries[i].uid));
    }
    order_ask(&asked, session, search);
    bool is_whole = sort->n_entries == uid_set_count(&search->result); /* nothing went meanwhile */
    sort->order = kept_answers_put(is_whole ? session->kept : NULL, &asked.question, &uids);
    tell_order(session, search);
}

static void take(struct imap_session *session, struct search_run *search,
                 const struct mailbox_item_data *data)
{
    struct sort_run *sort = search->data;
    struct sort_entry *entry = &sort->entries[sort->n_entries++];
    *entry = entry_of(session, sort, data->uid);
    take_texts(entry, data, &session->command.arena);
}

static void sort_found(struct imap_session *session, struct search_run *search)
{
    struct sort_run *sort = search->data;
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    struct order_question asked;
    order_ask(&asked, session, search);
    /* A context goes on comparing, so it needs the keys. */
    if ((search->returns.wanted & SEARCH_RETURN_UPDATE) == 0) {
        sort->order = kept_answers_find(session->kept, &asked.question);
    }
    if (sort->order != NULL) {
        tell_order(session, search);
        return;
    }
    sort->capacity = (size_t)uid_set_count(&search->result) + 1;
    sort->entries = xcalloc(sort->capacity, sizeof(*sort->entries));
    if (sort->needed != 0) {
        search_gather_start(session, search, items_for(sort));
        return;
    }
    while (uid_set_next(&search->result, &walk, &uid)) {
        sort->entries[sort->n_entries++] = entry_of(session, sort, uid);
    }
    put_in_order(session, search);
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
    parse_keys(args, sort);
    imap_space(args);
    search_charset(args);
    if (!context_is_refused(session, args, &search->returns)) {
        search_run_start(session, args, search);
    }
}
