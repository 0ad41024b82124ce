// SPDX-License-Identifier: MIT
/* SEARCH's criteria as a tree (RFC 9051 section 6.4.4, RFC 5032, 7162, 8514).
 *
 * All but text is decided from the records of a view. Text tests are numbered; the store says for
 * each message which of them it passes. So a message is judged twice: without its text, which may
 * be enough (YES, NO) or not (MAYBE), and, for the MAYBEs alone, with it. */
#ifndef BITTERN_MAILPROTO_IMAP_SEARCH_H
#define BITTERN_MAILPROTO_IMAP_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "mailproto/imap/mailbox.h"

struct imap_parser;
struct imap_session;

/* Where is searched. */
struct search_scope {
    struct mailbox *mailbox;
    const struct mailbox_view *view;
    bool is_selected; /* message numbers, "$" and \Recent mean something */
};

enum { SEARCH_MAX_DEPTH = 50, SEARCH_MAX_NODES = 2000 };

enum search_kind {
    SEARCH_ALL,
    SEARCH_AND, /* of the children; OR of them */
    SEARCH_OR,
    SEARCH_NOT,
    SEARCH_FLAG,    /* has all bits of `number` in its flags */
    SEARCH_KEYWORD, /* has the keyword `text` */
    SEARCH_RECENT,
    SEARCH_UIDS,
    SEARCH_LARGER,
    SEARCH_SMALLER,
    SEARCH_BEFORE, /* the day of the date `date` is below, equal to, not below `number` */
    SEARCH_ON,
    SEARCH_SINCE,
    SEARCH_OLDER, /* INTERNALDATE not above, not below `number` (seconds) */
    SEARCH_YOUNGER,
    SEARCH_MODSEQ, /* modseq not below `number` */
    SEARCH_TEXT    /* text test `number` */
};

enum search_date { SEARCH_DATE_INTERNAL, SEARCH_DATE_SENT, SEARCH_DATE_SAVED };

struct search_node {
    enum search_kind kind;
    enum search_date date;
    int64_t number;
    struct bytes text;
    struct uid_set uids;
    struct search_node *child;
    struct search_node *next; /* of the same parent */
};

struct search {
    struct search_node *root;
    struct search_node *all_nodes[SEARCH_MAX_NODES]; /* for their sets */
    size_t n_nodes;
    struct mailbox_text_test tests[MAILBOX_SEARCH_MAX_TESTS];
    size_t n_tests;
    bool uses_modseq;
    bool uses_fuzzy;      /* a FUZZY key is among them (RFC 6203) */
    uint64_t fuzzy_tests; /* bit i: test i stands below one */
    int64_t now_sec;
};

/* The keys up to the end of the command. False: the tree is not usable; the parser has failed. */
void search_parse(struct search *out, struct imap_session *session, struct imap_parser *args,
                  const struct search_scope *scope);
/* Frees the sets; the rest lies in the arena. */
void search_clear(struct search *search);

enum search_verdict { SEARCH_NO, SEARCH_YES, SEARCH_MAYBE };

struct search_subject {
    const struct mailbox_message *message;
    const struct mailbox_keywords *keywords;
    bool is_recent;
    bool has_text;   /* `passed` is known */
    uint64_t passed; /* of the text tests */
};

enum search_verdict search_judge(const struct search *search,
                                 const struct search_subject *subject) MUST_USE;

#endif
