// SPDX-License-Identifier: MIT
/* What SORT compares (RFC 5256, RFC 5957): the keys of a message, and their order. For this room
 * alone. */
#ifndef BITTERN_MAILPROTO_IMAP_SORT_KEYS_H
#define BITTERN_MAILPROTO_IMAP_SORT_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct arena;
struct buf;
struct imap_parser;
struct mailbox_item_data;
struct mailbox_message;

enum { SORT_MAX_KEYS = 20 };

enum sort_key {
    SORT_ARRIVAL,
    SORT_DATE,
    SORT_SIZE,
    SORT_RELEVANCY, /* of the search (RFC 6203), best first */
    SORT_SUBJECT,   /* from here on: text */
    SORT_FROM,
    SORT_TO,
    SORT_CC,
    SORT_DISPLAYFROM,
    SORT_DISPLAYTO,
    SORT_N_KEYS
};

struct sort_order {
    enum sort_key keys[SORT_MAX_KEYS];
    bool reverse[SORT_MAX_KEYS];
    size_t n_keys;
    bool uses_record; /* a key that is no text is among them */
    bool uses_relevancy;
    unsigned needed;            /* bit k: the text of enum sort_key k is compared */
    uint8_t n_texts;            /* how many those are */
    uint8_t slots[SORT_N_KEYS]; /* which of an entry's texts is of a key */
};

struct sort_entry {
    uint32_t uid;
    uint32_t size;
    int64_t arrival;
    int64_t date;
    unsigned score;
    struct bytes *texts; /* order->n_texts of them, in an arena */
    const struct sort_order *order;
};

/* "(REVERSE DATE SUBJECT)" */
void sort_order_parse(struct imap_parser *args, struct sort_order *sort);
/* What of a message sort_entry_take looks at: of enum mailbox_item. */
unsigned sort_order_items(const struct sort_order *sort) MUST_USE;

/* The keys that its record has (NULL: none is needed); those that are text, in `arena`. */
void sort_entry_record(struct sort_entry *entry, const struct mailbox_message *message);
void sort_entry_take(struct sort_entry *entry, const struct mailbox_item_data *data,
                     struct arena *arena);
/* Of two of one order, for qsort: by the keys, then by UID. */
int sort_entry_compare(const void *left, const void *right);

/* The form in which the texts of entries are kept (kept_answers.h): one behind the other. */
void sort_entry_write(struct buf *out, const struct sort_entry *entry);
/* Take one off `rest`, which begins with one of this order; what the texts say is borrowed from it,
 * the record's keys are missing. */
struct sort_entry sort_entry_read(const struct sort_order *sort, struct bytes *rest,
                                  struct arena *arena) MUST_USE;

#endif
