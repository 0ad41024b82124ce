// SPDX-License-Identifier: MIT
/* SORT (RFC 5256) with DISPLAYFROM and DISPLAYTO (RFC 5957).
 *
 * Dates and sizes come from the view. Where a key is text, the messages found are read once, and of
 * each only its keys are kept. */
#include <stdlib.h>

#include "base/fault.h"
#include "base/str.h"
#include "mailproto/imap/fold.h"
#include "mailproto/imap/imap_internal.h"
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
    uint32_t number; /* as it is told */
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
    bool needs_text;
    struct mailbox_reader *reader;
    struct sort_entry *entries;
    size_t n_entries;
    size_t next; /* to be told */
    bool line_begun;
};

static void sort_clean(struct imap_session *session, void *data)
{
    struct sort_run *sort = data;
    if (sort->reader != NULL) {
        session->ops->read_end(&sort->reader);
    }
    free(sort->entries);
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
        sort->needs_text = sort->needs_text || key >= SORT_SUBJECT;
        sort->keys[sort->n_keys] = (enum sort_key)key;
        sort->reverse[sort->n_keys++] = reverse;
    } while (imap_ok(args) && imap_accept(args, ' '));
    imap_expect(args, ')');
}

/* ---- Keys of a message ---- */

static struct bytes keep(struct arena *arena, struct bytes text)
{
    return text.len == 0 ? (struct bytes){0}
                         : (struct bytes){arena_memdup(arena, text.data, text.len), text.len};
}

static struct bytes mailbox_key(struct arena *arena, const struct mail_addresses *list)
{
    struct buf folded = {0};
    if (list->n_items > 0) {
        fold_text(&folded, list->items[0].mailbox);
    }
    struct bytes key = keep(arena, buf_view(&folded));
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
    struct bytes key = keep(arena, buf_view(&folded));
    buf_clear(&folded);
    return key;
}

static void take_texts(struct sort_entry *entry, const struct mailbox_item_data *data,
                       struct arena *arena)
{
    struct arena scratch = {0};
    struct message_info info = {0};
    if (message_info_parse_envelope(&info, data->info, &scratch, NULL)) {
        struct bytes *texts = entry->texts;
        struct bytes subject = subject_base(text_field_value(data->text, "subject"), NULL);
        texts[SORT_SUBJECT - SORT_SUBJECT] = keep(arena, subject);
        texts[SORT_FROM - SORT_SUBJECT] = mailbox_key(arena, &info.envelope.from);
        texts[SORT_TO - SORT_SUBJECT] = mailbox_key(arena, &info.envelope.to);
        texts[SORT_CC - SORT_SUBJECT] = mailbox_key(arena, &info.envelope.cc);
        texts[SORT_DISPLAYFROM - SORT_SUBJECT] =
            display_key(arena, &info.envelope.from, text_field_value(data->text, "from"));
        texts[SORT_DISPLAYTO - SORT_SUBJECT] =
            display_key(arena, &info.envelope.to, text_field_value(data->text, "to"));
    }
    arena_clear(&scratch);
}

/* ---- Order ---- */

/* RFC 5051 orders by capitals: '[' and '_' come behind the letters, not before. */
static int compare_texts(struct bytes a, struct bytes b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        int order = (uint8_t)ascii_upper((char)a.data[i]) - (uint8_t)ascii_upper((char)b.data[i]);
        if (order != 0) {
            return order;
        }
    }
    return (a.len > b.len) - (a.len < b.len);
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
    return (a->number > b->number) - (a->number < b->number);
}

/* ---- The run ---- */

static void sort_tell(struct imap_session *session)
{
    struct search_run *search = session->command.data;
    struct sort_run *sort = search->data;
    if (!sort->line_begun) {
        buf_append_str(&session->out, "* SORT");
        sort->line_begun = true;
    }
    while (imap_has_room(session) && sort->next < sort->n_entries) {
        buf_printf(&session->out, " %u", sort->entries[sort->next++].number);
    }
    if (sort->next == sort->n_entries) {
        buf_append_str(&session->out, "\r\n");
        imap_done(session);
    }
}

static void put_in_order(struct imap_session *session, struct sort_run *sort)
{
    qsort(sort->entries, sort->n_entries, sizeof(*sort->entries), compare);
    session->command.step = sort_tell;
}

static struct sort_entry *entry_of(struct imap_session *session, struct sort_run *sort,
                                   uint32_t uid)
{
    const struct mailbox_message *message = mailbox_view_find(session->selected.told, uid);
    struct sort_entry *entry = &sort->entries[sort->n_entries++];
    *entry = (struct sort_entry){
        .number = session->command.is_uid ? uid : mailbox_view_seq_of(session->selected.told, uid),
        .arrival = message->internal_sec,
        .date = message->sent_sec,
        .size = message->size,
        .run = sort};
    return entry;
}

static void sort_read(struct imap_session *session)
{
    enum { MESSAGES_A_STEP = 64 };
    struct search_run *search = session->command.data;
    struct sort_run *sort = search->data;
    struct mailbox_item_data data;
    struct fault fault = {0};
    for (unsigned i = 0; i < MESSAGES_A_STEP; i++) {
        switch (session->ops->read_next(sort->reader, &data, &fault)) {
        case MAILBOX_READ_OK:
            take_texts(entry_of(session, sort, data.uid), &data, &session->command.arena);
            break;
        case MAILBOX_READ_GONE:
            break;
        case MAILBOX_READ_WAIT:
            session->command.waiting = true;
            return;
        case MAILBOX_READ_END:
            put_in_order(session, sort);
            return;
        case MAILBOX_READ_FAILED:
            imap_refuse(session, &fault, NULL);
            return;
        }
    }
    session->command.yielded = true;
}

static void sort_ready(void *context)
{
    imap_resume(context);
}

static void sort_found(struct imap_session *session, struct search_run *search)
{
    struct sort_run *sort = search->data;
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    sort->entries = xcalloc((size_t)uid_set_count(&search->result) + 1, sizeof(*sort->entries));
    if (sort->needs_text) {
        sort->reader = session->ops->read_start(session->selected.mailbox, &search->result,
                                                MAILBOX_ITEM_INFO | MAILBOX_ITEM_TEXT,
                                                (struct mailbox_ready){sort_ready, session});
        session->command.step = sort_read;
        return;
    }
    while (uid_set_next(&search->result, &walk, &uid)) {
        (void)entry_of(session, sort, uid);
    }
    put_in_order(session, sort);
}

void cmd_sort(struct imap_session *session, struct imap_parser *args)
{
    struct search_run *search = search_run_new(session, args);
    struct sort_run *sort = arena_alloc(args->arena, sizeof(*sort));
    search->found = sort_found;
    search->data = sort;
    search->clean = sort_clean;
    imap_space(args);
    parse_keys(args, sort);
    imap_space(args);
    struct bytes charset = imap_astring(args);
    imap_space(args);
    if (imap_is_bad(session, args) || !search_charset_is_known(session, charset)) {
        return;
    }
    search_run_start(session, args, search);
}
