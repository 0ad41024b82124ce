// SPDX-License-Identifier: MIT
#include "mailproto/imap/search.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "mailproto/imap/fold.h"
#include "mailproto/imap/imap_date.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/seqset.h"

/* ---- Parsing ---- */

struct search_parser {
    struct search *search;
    struct imap_session *session;
    struct imap_parser *args;
    const struct search_scope *scope;
    unsigned depth;
    bool is_fuzzy; /* below a FUZZY key */
};

/* What a key's word means; the rest of it depends on `form`. */
enum key_form {
    KEY_PLAIN,
    KEY_NOT, /* the opposite of a plain one */
    KEY_KEYWORD,
    KEY_UNKEYWORD,
    KEY_TEXT, /* `field`: in that header field; NULL: `where` */
    KEY_HEADER,
    KEY_DATE,
    KEY_NUMBER,
    KEY_INTERVAL,
    KEY_UID,
    KEY_MODSEQ,
    KEY_EMAILID,
    KEY_THREADID,
    KEY_FUZZY,
    KEY_NEGATION,
    KEY_OR,
    KEY_NEW
};

static const struct search_key {
    const char *name;
    enum key_form form;
    enum search_kind kind;
    int64_t number; /* a flag; a date's or text's place */
    const char *field;
} keys[] = {
    {"ALL", KEY_PLAIN, SEARCH_ALL, 0, NULL},
    {"ANSWERED", KEY_PLAIN, SEARCH_FLAG, MAILBOX_FLAG_ANSWERED, NULL},
    {"DELETED", KEY_PLAIN, SEARCH_FLAG, MAILBOX_FLAG_DELETED, NULL},
    {"DRAFT", KEY_PLAIN, SEARCH_FLAG, MAILBOX_FLAG_DRAFT, NULL},
    {"FLAGGED", KEY_PLAIN, SEARCH_FLAG, MAILBOX_FLAG_FLAGGED, NULL},
    {"SEEN", KEY_PLAIN, SEARCH_FLAG, MAILBOX_FLAG_SEEN, NULL},
    {"RECENT", KEY_PLAIN, SEARCH_RECENT, 0, NULL},
    {"UNANSWERED", KEY_NOT, SEARCH_FLAG, MAILBOX_FLAG_ANSWERED, NULL},
    {"UNDELETED", KEY_NOT, SEARCH_FLAG, MAILBOX_FLAG_DELETED, NULL},
    {"UNDRAFT", KEY_NOT, SEARCH_FLAG, MAILBOX_FLAG_DRAFT, NULL},
    {"UNFLAGGED", KEY_NOT, SEARCH_FLAG, MAILBOX_FLAG_FLAGGED, NULL},
    {"UNSEEN", KEY_NOT, SEARCH_FLAG, MAILBOX_FLAG_SEEN, NULL},
    {"OLD", KEY_NOT, SEARCH_RECENT, 0, NULL},
    {"NEW", KEY_NEW, SEARCH_AND, 0, NULL},
    {"KEYWORD", KEY_KEYWORD, SEARCH_KEYWORD, 0, NULL},
    {"UNKEYWORD", KEY_UNKEYWORD, SEARCH_KEYWORD, 0, NULL},
    {"BCC", KEY_TEXT, SEARCH_TEXT, MAILBOX_TEXT_FIELD, "bcc"},
    {"CC", KEY_TEXT, SEARCH_TEXT, MAILBOX_TEXT_FIELD, "cc"},
    {"FROM", KEY_TEXT, SEARCH_TEXT, MAILBOX_TEXT_FIELD, "from"},
    {"SUBJECT", KEY_TEXT, SEARCH_TEXT, MAILBOX_TEXT_FIELD, "subject"},
    {"TO", KEY_TEXT, SEARCH_TEXT, MAILBOX_TEXT_FIELD, "to"},
    {"BODY", KEY_TEXT, SEARCH_TEXT, MAILBOX_TEXT_BODY, NULL},
    {"TEXT", KEY_TEXT, SEARCH_TEXT, MAILBOX_TEXT_ANY, NULL},
    {"HEADER", KEY_HEADER, SEARCH_TEXT, MAILBOX_TEXT_FIELD, NULL},
    {"BEFORE", KEY_DATE, SEARCH_BEFORE, SEARCH_DATE_INTERNAL, NULL},
    {"ON", KEY_DATE, SEARCH_ON, SEARCH_DATE_INTERNAL, NULL},
    {"SINCE", KEY_DATE, SEARCH_SINCE, SEARCH_DATE_INTERNAL, NULL},
    {"SENTBEFORE", KEY_DATE, SEARCH_BEFORE, SEARCH_DATE_SENT, NULL},
    {"SENTON", KEY_DATE, SEARCH_ON, SEARCH_DATE_SENT, NULL},
    {"SENTSINCE", KEY_DATE, SEARCH_SINCE, SEARCH_DATE_SENT, NULL},
    {"SAVEDBEFORE", KEY_DATE, SEARCH_BEFORE, SEARCH_DATE_SAVED, NULL},
    {"SAVEDON", KEY_DATE, SEARCH_ON, SEARCH_DATE_SAVED, NULL},
    {"SAVEDSINCE", KEY_DATE, SEARCH_SINCE, SEARCH_DATE_SAVED, NULL},
    {"SAVEDATESUPPORTED", KEY_PLAIN, SEARCH_ALL, 0, NULL},
    {"LARGER", KEY_NUMBER, SEARCH_LARGER, 0, NULL},
    {"SMALLER", KEY_NUMBER, SEARCH_SMALLER, 0, NULL},
    {"OLDER", KEY_INTERVAL, SEARCH_OLDER, 0, NULL},
    {"YOUNGER", KEY_INTERVAL, SEARCH_YOUNGER, 0, NULL},
    {"UID", KEY_UID, SEARCH_UIDS, 0, NULL},
    {"MODSEQ", KEY_MODSEQ, SEARCH_MODSEQ, 0, NULL},
    {"EMAILID", KEY_EMAILID, SEARCH_UIDS, 0, NULL},
    {"THREADID", KEY_THREADID, SEARCH_UIDS, 0, NULL},
    {"FUZZY", KEY_FUZZY, SEARCH_AND, 0, NULL},
    {"NOT", KEY_NEGATION, SEARCH_NOT, 0, NULL},
    {"OR", KEY_OR, SEARCH_OR, 0, NULL},
};

static struct search_node *new_node(struct search_parser *parser, enum search_kind kind)
{
    struct search *search = parser->search;
    struct search_node *node = arena_alloc(parser->args->arena, sizeof(*node));
    node->kind = kind;
    if (search->n_nodes == SEARCH_MAX_NODES) {
        imap_fail(parser->args, "Too many search keys");
        return node;
    }
    search->all_nodes[search->n_nodes++] = node;
    return node;
}

static struct search_node *negated(struct search_parser *parser, struct search_node *child)
{
    struct search_node *node = new_node(parser, SEARCH_NOT);
    node->child = child;
    return node;
}

static struct search_node *parse_key(struct search_parser *parser);

/* A text test; its needle folded, its field in lower case. */
static struct search_node *text_node(struct search_parser *parser, enum mailbox_text_where where,
                                     struct bytes field)
{
    struct search *search = parser->search;
    struct arena *arena = parser->args->arena;
    struct bytes text = imap_astring(parser->args);
    struct search_node *node = new_node(parser, SEARCH_TEXT);
    struct buf folded = {0};
    if (search->n_tests == MAILBOX_SEARCH_MAX_TESTS) {
        imap_fail(parser->args, "Too many texts to search for");
        return node;
    }
    if (!utf8_valid(text)) {
        imap_fail(parser->args, "Not UTF-8");
        return node;
    }
    fold_text(&folded, text);
    node->number = (int64_t)search->n_tests;
    if (parser->is_fuzzy) {
        search->fuzzy_tests |= UINT64_C(1) << search->n_tests;
    }
    search->tests[search->n_tests++] = (struct mailbox_text_test){
        .where = where,
        .field = field,
        .needle = {arena_memdup(arena, folded.len > 0 ? folded.data : (const void *)"", folded.len),
                   folded.len}};
    buf_clear(&folded);
    return node;
}

static struct bytes lower_case(struct search_parser *parser, struct bytes text)
{
    char *lower = arena_strndup(parser->args->arena, (const char *)text.data, text.len);
    for (size_t i = 0; i < text.len; i++) {
        lower[i] = ascii_lower(lower[i]);
    }
    return (struct bytes){(const uint8_t *)lower, text.len};
}

static struct search_node *keyword_node(struct search_parser *parser)
{
    struct search_node *node = new_node(parser, SEARCH_KEYWORD);
    struct bytes name = imap_flag(parser->args);
    node->text = (struct bytes){
        arena_memdup(parser->args->arena, name.len > 0 ? name.data : (const void *)"", name.len),
        name.len};
    return node;
}

static struct search_node *date_node(struct search_parser *parser, const struct search_key *key)
{
    struct search_node *node = new_node(parser, key->kind);
    struct bytes text = imap_astring(parser->args);
    node->date = (enum search_date)key->number;
    if (imap_ok(parser->args) && !imap_date_parse(text, &node->number)) {
        imap_fail(parser->args, "Bad date");
    }
    return node;
}

/* "MODSEQ n" or "MODSEQ "/flags/\\Seen" all n": our mod-sequences are of the message as a whole. */
static struct search_node *modseq_node(struct search_parser *parser)
{
    struct search_node *node = new_node(parser, SEARCH_MODSEQ);
    struct imap_parser *args = parser->args;
    if (imap_peek(args) == '"') {
        struct bytes entry = imap_string(args);
        imap_space(args);
        struct bytes type = imap_word(args);
        imap_space(args);
        if (!bytes_starts_with(entry, bytes_of_str("/flags/")) ||
            (!bytes_is_word(type, "all") && !bytes_is_word(type, "priv") &&
             !bytes_is_word(type, "shared"))) {
            imap_fail(args, "Mod-sequences are of /flags/...");
        }
    }
    node->number = (int64_t)imap_number64(args);
    parser->search->uses_modseq = true;
    return node;
}

static struct search_node *uid_node(struct search_parser *parser)
{
    struct search_node *node = new_node(parser, SEARCH_UIDS);
    if (imap_peek(parser->args) == '$' && parser->scope->is_selected) {
        imap_set_arg(parser->session, parser->args, &node->uids);
        return node;
    }
    struct bytes text = imap_sequence_text(parser->args);
    if (imap_ok(parser->args) &&
        seqset_of_uids(&node->uids, text, parser->scope->view) != SEQSET_OK) {
        imap_fail(parser->args, "Bad set of UIDs");
    }
    return node;
}

/* Numbers that are not there are no error in a search: they match nothing. */
static struct search_node *number_set_node(struct search_parser *parser)
{
    struct search_node *node = new_node(parser, SEARCH_UIDS);
    const struct mailbox_view *view = parser->scope->view;
    struct uid_set numbers = {0};
    if (!parser->scope->is_selected) {
        imap_fail(parser->args, "Message numbers are of the selected mailbox alone");
        return node;
    }
    if (imap_peek(parser->args) == '$') {
        imap_set_arg(parser->session, parser->args, &node->uids);
        return node;
    }
    if ((parser->session->enabled & IMAP_ENABLED_UIDONLY) != 0) {
        parser->args->code = "UIDREQUIRED";
        imap_fail(parser->args, "There are no message numbers with UIDONLY");
        return node;
    }
    struct bytes text = imap_sequence_text(parser->args);
    uint32_t star = view->n_messages > 0 ? view->n_messages : 1;
    if (seqset_plain(&numbers, text, star) != SEQSET_OK) {
        imap_fail(parser->args, "Bad sequence set");
    }
    for (size_t i = 0; i < numbers.n_ranges && numbers.ranges[i].first <= view->n_messages; i++) {
        uint32_t last = numbers.ranges[i].last;
        seqset_add_numbers(&node->uids, view, numbers.ranges[i].first,
                           last < view->n_messages ? last : view->n_messages);
    }
    uid_set_clear(&numbers);
    return node;
}

static struct search_node *email_id_node(struct search_parser *parser)
{
    struct search_node *node = new_node(parser, SEARCH_UIDS);
    const struct mailbox_view *view = parser->scope->view;
    struct bytes text = imap_astring(parser->args);
    uint64_t id = 0;
    if (text.len < 2 || text.data[0] != 'E' ||
        !parse_u64(bytes_slice(text, 1, SIZE_MAX), UINT64_MAX, &id)) {
        return node; /* an id of no message */
    }
    for (uint32_t seq = 1; seq <= view->n_messages; seq++) {
        const struct mailbox_message *message = mailbox_view_at(view, seq);
        if (message->email_id == id) {
            uid_set_add(&node->uids, message->uid);
        }
    }
    return node;
}

static struct search_node *thread_id_node(struct search_parser *parser)
{
    struct search_node *node = new_node(parser, SEARCH_UIDS);
    struct bytes text = imap_astring(parser->args);
    struct mailbox *mailbox = parser->scope->mailbox;
    uint64_t id = 0;
    if (text.len >= 2 && text.data[0] == 'T' &&
        parse_u64(bytes_slice(text, 1, SIZE_MAX), INT64_MAX, &id) && mailbox != NULL &&
        !parser->session->ops->thread_uids(mailbox, id, &node->uids, NULL)) {
        imap_fail(parser->args, "Conversations can't be read now");
    }
    return node;
}

static struct search_node *or_node(struct search_parser *parser)
{
    struct search_node *node = new_node(parser, SEARCH_OR);
    node->child = parse_key(parser);
    imap_space(parser->args);
    if (imap_ok(parser->args)) {
        node->child->next = parse_key(parser);
    }
    return node;
}

static struct search_node *new_messages_node(struct search_parser *parser)
{
    struct search_node *node = new_node(parser, SEARCH_AND);
    struct search_node *seen = new_node(parser, SEARCH_FLAG);
    seen->number = MAILBOX_FLAG_SEEN;
    node->child = new_node(parser, SEARCH_RECENT);
    node->child->next = negated(parser, seen);
    return node;
}

/* Folded text is as fuzzy as it gets here. */
static struct search_node *fuzzy_key(struct search_parser *parser)
{
    bool was_fuzzy = parser->is_fuzzy;
    parser->search->uses_fuzzy = true;
    parser->is_fuzzy = true;
    struct search_node *node = parse_key(parser);
    parser->is_fuzzy = was_fuzzy;
    return node;
}

static struct search_node *node_of_key(struct search_parser *parser, const struct search_key *key)
{
    struct imap_parser *args = parser->args;
    struct search_node *node = NULL;
    if (key->form != KEY_PLAIN && key->form != KEY_NOT && key->form != KEY_NEW) {
        imap_space(args);
    }
    switch (key->form) {
    case KEY_PLAIN:
    case KEY_NOT:
        node = new_node(parser, key->kind);
        node->number = key->number;
        return key->form == KEY_NOT ? negated(parser, node) : node;
    case KEY_NEW:
        return new_messages_node(parser);
    case KEY_KEYWORD:
        return keyword_node(parser);
    case KEY_UNKEYWORD:
        return negated(parser, keyword_node(parser));
    case KEY_TEXT:
        return text_node(parser, (enum mailbox_text_where)key->number,
                         key->field != NULL ? bytes_of_str(key->field) : (struct bytes){0});
    case KEY_HEADER: {
        struct bytes field = lower_case(parser, imap_astring(args));
        imap_space(args);
        return text_node(parser, MAILBOX_TEXT_FIELD, field);
    }
    case KEY_DATE:
        return date_node(parser, key);
    case KEY_NUMBER:
        node = new_node(parser, key->kind);
        node->number = (int64_t)imap_number64(args);
        return node;
    case KEY_INTERVAL:
        node = new_node(parser, key->kind);
        node->number = parser->search->now_sec - (int64_t)imap_nz_number(args);
        return node;
    case KEY_UID:
        return uid_node(parser);
    case KEY_MODSEQ:
        return modseq_node(parser);
    case KEY_EMAILID:
        return email_id_node(parser);
    case KEY_THREADID:
        return thread_id_node(parser);
    case KEY_FUZZY:
        return fuzzy_key(parser);
    case KEY_NEGATION:
        return negated(parser, parse_key(parser));
    case KEY_OR:
        return or_node(parser);
    }
    return new_node(parser, SEARCH_ALL);
}

/* Keys with spaces between, up to `end` (')' or the end of the command): all must hold. */
static struct search_node *parse_keys(struct search_parser *parser)
{
    struct search_node *node = new_node(parser, SEARCH_AND);
    struct search_node **tail = &node->child;
    do {
        *tail = parse_key(parser);
        tail = &(*tail)->next;
    } while (imap_ok(parser->args) && imap_accept(parser->args, ' '));
    return node;
}

static struct search_node *parse_one(struct search_parser *parser)
{
    struct imap_parser *args = parser->args;
    char next = imap_peek(args);
    if (imap_accept(args, '(')) {
        struct search_node *node = parse_keys(parser);
        imap_expect(args, ')');
        return node;
    }
    if (ascii_is_digit(next) || next == '*' || next == '$') {
        return number_set_node(parser);
    }
    struct bytes word = imap_word(args);
    for (size_t i = 0; imap_ok(args) && i < ARRAY_LEN(keys); i++) {
        if (bytes_is_word(word, keys[i].name)) {
            return node_of_key(parser, &keys[i]);
        }
    }
    imap_fail(args, "Unknown search key");
    return new_node(parser, SEARCH_ALL);
}

static struct search_node *parse_key(struct search_parser *parser)
{
    struct search_node *node = NULL;
    if (++parser->depth > SEARCH_MAX_DEPTH) {
        imap_fail(parser->args, "Search keys are nested too deep");
        node = new_node(parser, SEARCH_ALL);
    } else {
        node = parse_one(parser);
    }
    parser->depth--;
    return node;
}

void search_parse(struct search *out, struct imap_session *session, struct imap_parser *args,
                  const struct search_scope *scope)
{
    struct search_parser parser = {.search = out, .session = session, .args = args, .scope = scope};
    out->now_sec = session->now.wall_sec;
    out->root = parse_keys(&parser);
}

void search_clear(struct search *search)
{
    for (size_t i = 0; i < search->n_nodes; i++) {
        uid_set_clear(&search->all_nodes[i]->uids);
    }
}

/* ---- Judging ---- */

static enum search_verdict verdict_of(bool yes)
{
    return yes ? SEARCH_YES : SEARCH_NO;
}

static int64_t day_of(const struct mailbox_message *message, enum search_date date)
{
    switch (date) {
    case SEARCH_DATE_SENT:
        return imap_day_of(message->sent_sec, message->sent_zone_min);
    case SEARCH_DATE_SAVED:
        return imap_day_of(message->saved_sec, 0);
    case SEARCH_DATE_INTERNAL:
        break;
    }
    return imap_day_of(message->internal_sec, message->internal_zone_min);
}

static bool has_keyword(const struct search_node *node, const struct search_subject *subject)
{
    unsigned id = 0;
    return mailbox_keywords_find(subject->keywords, node->text, &id) &&
           (subject->message->keywords >> id & 1) != 0;
}

static enum search_verdict judge(const struct search_node *node,
                                 const struct search_subject *subject);

/* AND: the least of the verdicts; OR: the greatest, where NO < MAYBE < YES. */
static enum search_verdict judge_all(const struct search_node *node,
                                     const struct search_subject *subject)
{
    enum search_verdict end = node->kind == SEARCH_AND ? SEARCH_NO : SEARCH_YES;
    enum search_verdict result = node->kind == SEARCH_AND ? SEARCH_YES : SEARCH_NO;
    for (const struct search_node *child = node->child; child != NULL; child = child->next) {
        enum search_verdict verdict = judge(child, subject);
        if (verdict == end) {
            return end;
        }
        if (verdict == SEARCH_MAYBE) {
            result = SEARCH_MAYBE;
        }
    }
    return result;
}

static enum search_verdict judge_not(enum search_verdict verdict)
{
    return verdict == SEARCH_MAYBE ? SEARCH_MAYBE : verdict_of(verdict == SEARCH_NO);
}

static enum search_verdict judge(const struct search_node *node,
                                 const struct search_subject *subject)
{
    const struct mailbox_message *message = subject->message;
    switch (node->kind) {
    case SEARCH_ALL:
        return SEARCH_YES;
    case SEARCH_AND:
    case SEARCH_OR:
        return judge_all(node, subject);
    case SEARCH_NOT:
        return judge_not(judge(node->child, subject));
    case SEARCH_FLAG:
        return verdict_of((message->flags & node->number) == node->number);
    case SEARCH_KEYWORD:
        return verdict_of(has_keyword(node, subject));
    case SEARCH_RECENT:
        return verdict_of(subject->is_recent);
    case SEARCH_UIDS:
        return verdict_of(uid_set_has(&node->uids, message->uid));
    case SEARCH_LARGER:
        return verdict_of((int64_t)message->size > node->number);
    case SEARCH_SMALLER:
        return verdict_of((int64_t)message->size < node->number);
    case SEARCH_BEFORE:
        return verdict_of(day_of(message, node->date) < node->number);
    case SEARCH_ON:
        return verdict_of(day_of(message, node->date) == node->number);
    case SEARCH_SINCE:
        return verdict_of(day_of(message, node->date) >= node->number);
    case SEARCH_OLDER:
        return verdict_of(message->internal_sec <= node->number);
    case SEARCH_YOUNGER:
        return verdict_of(message->internal_sec >= node->number);
    case SEARCH_MODSEQ:
        return verdict_of(message->modseq >= (uint64_t)node->number);
    case SEARCH_TEXT:
        if (!subject->has_text) {
            return SEARCH_MAYBE;
        }
        return verdict_of((subject->passed >> node->number & 1) != 0);
    }
    return SEARCH_NO;
}

enum search_verdict search_judge(const struct search *search, const struct search_subject *subject)
{
    return judge(search->root, subject);
}
