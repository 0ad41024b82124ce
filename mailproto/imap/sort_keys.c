// SPDX-License-Identifier: MIT
#include "mailproto/imap/sort_keys.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "mailproto/imap/fold.h"
#include "mailproto/imap/imap_token.h"
#include "mailproto/imap/mailbox.h"
#include "mailproto/imap/subject.h"
#include "mailproto/imap/text_match.h"

static bool is_needed(const struct sort_order *sort, enum sort_key key)
{
    return (sort->needed >> key & 1) != 0;
}

static struct bytes *text_of(const struct sort_entry *entry, enum sort_key key)
{
    return &entry->texts[entry->order->slots[key]];
}

void sort_order_parse(struct imap_parser *args, struct sort_order *sort)
{
    static const char *const names[SORT_N_KEYS] = {"ARRIVAL",     "DATE",     "SIZE", "RELEVANCY",
                                                   "SUBJECT",     "FROM",     "TO",   "CC",
                                                   "DISPLAYFROM", "DISPLAYTO"};
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
        sort->uses_relevancy = sort->uses_relevancy || key == SORT_RELEVANCY;
        sort->uses_record = sort->uses_record || key < SORT_SUBJECT;
        if (key >= SORT_SUBJECT && !is_needed(sort, (enum sort_key)key)) {
            sort->needed |= 1U << key;
            sort->slots[key] = sort->n_texts++;
        }
        sort->keys[sort->n_keys] = (enum sort_key)key;
        sort->reverse[sort->n_keys++] = reverse;
    } while (imap_ok(args) && imap_accept(args, ' '));
    imap_expect(args, ')');
}

/* ---- Keys of a message ---- */

void sort_entry_record(struct sort_entry *entry, const struct mailbox_message *message)
{
    if (message != NULL) {
        entry->arrival = message->internal_sec;
        entry->date = message->sent_sec;
        entry->size = message->size;
    }
}

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

unsigned sort_order_items(const struct sort_order *sort)
{
    bool by_address = (sort->needed & ~(1U << SORT_SUBJECT)) != 0;
    return MAILBOX_ITEM_TEXT | (by_address ? MAILBOX_ITEM_INFO : 0U);
}

/* What is compared of the envelope's addresses. */
static void take_addresses(struct sort_entry *entry, const struct mailbox_item_data *data,
                           struct arena *arena)
{
    const struct sort_order *sort = entry->order;
    struct arena scratch = {0};
    struct message_info info = {0};
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
                *text_of(entry, lists[i].mailbox) = mailbox_key(arena, lists[i].list);
            }
            if (lists[i].display != SORT_N_KEYS && is_needed(sort, lists[i].display)) {
                *text_of(entry, lists[i].display) =
                    display_key(arena, lists[i].list, text_field_value(data->text, lists[i].field));
            }
        }
    }
    arena_clear(&scratch);
}

void sort_entry_take(struct sort_entry *entry, const struct mailbox_item_data *data,
                     struct arena *arena)
{
    entry->texts = arena_alloc(arena, entry->order->n_texts * sizeof(*entry->texts));
    if (is_needed(entry->order, SORT_SUBJECT)) {
        struct bytes subject = subject_base(text_field_value(data->text, "subject"), NULL);
        *text_of(entry, SORT_SUBJECT) = keep_capitals(arena, subject);
    }
    if ((sort_order_items(entry->order) & MAILBOX_ITEM_INFO) != 0) {
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
    case SORT_RELEVANCY:
        return (b->score > a->score) - (b->score < a->score);
    default:
        return compare_texts(*text_of(a, key), *text_of(b, key));
    }
}

int sort_entry_compare(const void *left, const void *right)
{
    const struct sort_entry *a = left;
    const struct sort_entry *b = right;
    for (size_t i = 0; i < a->order->n_keys; i++) {
        int order = compare_by(a->order->keys[i], a, b);
        if (order != 0) {
            return a->order->reverse[i] ? -order : order;
        }
    }
    return (a->uid > b->uid) - (a->uid < b->uid);
}

/* ---- Kept ---- */

/* The UID, and of each text that is needed its length and its bytes. */
void sort_entry_write(struct buf *out, const struct sort_entry *entry)
{
    buf_append(out, &entry->uid, sizeof(entry->uid));
    for (unsigned key = SORT_SUBJECT; key < SORT_N_KEYS; key++) {
        if (is_needed(entry->order, (enum sort_key)key)) {
            struct bytes text = *text_of(entry, (enum sort_key)key);
            uint32_t len = (uint32_t)text.len;
            buf_append(out, &len, sizeof(len));
            buf_append_bytes(out, text);
        }
    }
}

static uint32_t take_u32(struct bytes *rest)
{
    uint32_t number;
    memcpy(&number, rest->data, sizeof(number));
    *rest = bytes_slice(*rest, sizeof(number), SIZE_MAX);
    return number;
}

struct sort_entry sort_entry_read(const struct sort_order *sort, struct bytes *rest,
                                  struct arena *arena)
{
    struct sort_entry entry = {.uid = take_u32(rest), .order = sort};
    entry.texts = arena_alloc(arena, sort->n_texts * sizeof(*entry.texts));
    for (unsigned key = SORT_SUBJECT; key < SORT_N_KEYS; key++) {
        if (is_needed(sort, (enum sort_key)key)) {
            uint32_t len = take_u32(rest);
            *text_of(&entry, (enum sort_key)key) = bytes_slice(*rest, 0, len);
            *rest = bytes_slice(*rest, len, SIZE_MAX);
        }
    }
    return entry;
}
