// SPDX-License-Identifier: MIT
/* LIST with its extensions (RFC 9051 section 6.3.9, RFC 5258, 6154, 5819, 8440, 9590), LSUB,
 * NAMESPACE.
 *
 *     cmd_list -> list_step ...  look which names match -> walk the tree, a line a node
 *
 * Names come sorted, children behind their parent, and the answer stops wherever the output is
 * full: it goes through one list to its end, whatever happens to the mailboxes meanwhile. Levels of
 * the hierarchy that are no mailbox are not in the store's list unless it puts them there; a
 * pattern with '%' must show them, so they are made up here as \Noselect, once each. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "mailproto/imap/acl.h"
#include "mailproto/imap/annotations.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/imap_write.h"
#include "mailproto/imap/list_pattern.h"
#include "mailproto/imap/mailbox_tree.h"
#include "mailproto/imap/special_use.h"
#include "mailproto/imap/status_items.h"
#include "mailproto/imap/utf7.h"

enum {
    LIST_MAX_PATTERNS = 32,
    LIST_TURN_WORK = 1048576 /* characters of names and patterns looked at, then others first */
};

struct list_request {
    /* Selection options. */
    bool subscribed;
    bool remote;
    bool recursive_match;
    bool special_use;
    /* Return options. */
    bool return_subscribed;
    bool return_children;
    bool return_special_use;
    bool return_status;
    unsigned status_items;
    bool return_rights;
    struct annotation_request *metadata; /* NULL: not asked for */

    bool is_extended;
    bool is_lsub;
    bool asks_separator;                     /* an empty pattern */
    const char *patterns[LIST_MAX_PATTERNS]; /* with the reference in front, UTF-8 */
    size_t n_patterns;
};

/* One answer under way. */
struct list_run {
    struct list_request request;
    struct mailbox_list *list;
    bool *matches; /* of each entry: does any pattern match? */
    size_t n_looked_at;
    size_t work; /* in this turn */
    struct mailbox_walk walk;
    struct mailbox_ahead existing;
    struct mailbox_ahead selected;
    struct mailbox_ahead hidden; /* subscriptions */
};

static bool any_pattern_matches(struct list_run *run, const char *name, size_t len)
{
    bool matches = false;
    for (size_t i = 0; i < run->request.n_patterns && !matches; i++) {
        matches = list_pattern_matches(run->request.patterns[i], name, len, &run->work);
    }
    return matches;
}

/* ---- What is asked of entries ---- */

static bool is_selected_by(const struct list_request *request, const struct mailbox_entry *entry)
{
    if (request->subscribed && (entry->attributes & MAILBOX_SUBSCRIBED) == 0) {
        return false;
    }
    if (!request->subscribed && (entry->attributes & MAILBOX_NONEXISTENT) != 0) {
        return false;
    }
    return !request->special_use || (entry->attributes & MAILBOX_USE_MASK) != 0;
}

static bool is_existing(const void *context, size_t index)
{
    const struct list_run *run = context;
    return (run->list->entries[index].attributes & MAILBOX_NONEXISTENT) == 0;
}

static bool is_selected(const void *context, size_t index)
{
    const struct list_run *run = context;
    return is_selected_by(&run->request, &run->list->entries[index]);
}

/* A subscription that has no line of its own (RFC 5258 section 3.5). */
static bool is_hidden(const void *context, size_t index)
{
    const struct list_run *run = context;
    return (run->list->entries[index].attributes & MAILBOX_SUBSCRIBED) != 0 && !run->matches[index];
}

/* ---- One line ---- */

static void print_attributes(struct imap_session *session, struct list_run *run,
                             const struct mailbox_node *node, unsigned attributes)
{
    const struct list_request *request = &run->request;
    struct buf *out = &session->out;
    size_t start = out->len;
    bool exists = (attributes & MAILBOX_NONEXISTENT) == 0;
    if (!exists && !request->is_lsub) {
        buf_append_str(out, " \\NonExistent");
    }
    if ((attributes & MAILBOX_NOSELECT) != 0 || (!exists && !request->is_extended)) {
        buf_append_str(out, " \\Noselect");
    }
    if ((attributes & MAILBOX_NOINFERIORS) != 0) {
        buf_append_str(out, " \\Noinferiors");
    } else if (!request->is_lsub && (request->return_children || !request->is_extended)) {
        bool has_child = mailbox_walk_is_above(&run->walk, node, &run->existing);
        buf_append_str(out, has_child ? " \\HasChildren" : " \\HasNoChildren");
    }
    if ((attributes & MAILBOX_SUBSCRIBED) != 0 &&
        (request->subscribed || request->return_subscribed) && !request->is_lsub) {
        buf_append_str(out, " \\Subscribed");
    }
    if (!request->is_lsub &&
        (request->return_special_use || !request->is_extended || request->special_use)) {
        special_use_print(out, attributes);
    }
    if (out->len > start) {
        memmove(out->data + start, out->data + start + 1, out->len - start - 1);
        buf_truncate(out, out->len - 1);
    }
}

/* What LIST can tell of a mailbox besides (RFC 5819, 8440, 9590). A level that is no mailbox of its
 * own has nothing of it. */
static void print_extras(struct imap_session *session, struct list_run *run,
                         const struct mailbox_entry *entry, unsigned attributes)
{
    struct list_request *request = &run->request;
    if (entry == NULL || (attributes & MAILBOX_NONEXISTENT) != 0) {
        return;
    }
    if (request->return_status && (attributes & MAILBOX_NOSELECT) == 0) {
        status_items_print(session, entry->name, request->status_items, NULL);
    }
    if (request->return_rights) {
        acl_print_my_rights(session, entry);
    }
    if (request->metadata != NULL) {
        annotations_print(session, entry->name, request->metadata, NULL);
    }
}

static void print_line(struct imap_session *session, struct list_run *run,
                       const struct mailbox_node *node, unsigned attributes, bool child_info)
{
    struct buf *out = &session->out;
    char *name = xstrndup(node->name, node->len);
    buf_append_str(out, run->request.is_lsub ? "* LSUB (" : "* LIST (");
    print_attributes(session, run, node, attributes);
    buf_append_str(out, ") \"/\" ");
    imap_write_mailbox(out, name, imap_uses_utf8(session));
    free(name);
    if (child_info) {
        buf_append_str(out, " (\"CHILDINFO\" (\"SUBSCRIBED\"))");
    }
    buf_append_str(out, "\r\n");
    print_extras(session, run, node->entry, attributes);
}

/* ---- All of them ---- */

/* A node that matches although it is no mailbox (or, for subscriptions, not subscribed): LSUB and
 * RECURSIVEMATCH show it, and LIST where nothing else would. */
static void print_level(struct imap_session *session, struct list_run *run,
                        const struct mailbox_node *node)
{
    const struct list_request *request = &run->request;
    const struct mailbox_entry *entry = node->entry;
    bool exists = entry != NULL && (entry->attributes & MAILBOX_NONEXISTENT) == 0;
    if (request->recursive_match) {
        if (mailbox_walk_is_above(&run->walk, node, &run->hidden)) {
            print_line(session, run, node, entry != NULL ? entry->attributes : MAILBOX_NONEXISTENT,
                       true);
        }
    } else if ((request->is_lsub || (!request->subscribed && !request->special_use && !exists)) &&
               mailbox_walk_is_above(&run->walk, node, &run->selected)) {
        print_line(session, run, node, MAILBOX_NOSELECT, false);
    }
}

static void print_node(struct imap_session *session, struct list_run *run,
                       const struct mailbox_node *node)
{
    run->work += node->len;
    if (node->entry != NULL ? !run->matches[node->entry - run->list->entries]
                            : !any_pattern_matches(run, node->name, node->len)) {
        return;
    }
    if (node->entry != NULL && is_selected_by(&run->request, node->entry)) {
        bool child_info =
            run->request.recursive_match && mailbox_walk_is_above(&run->walk, node, &run->hidden);
        print_line(session, run, node, node->entry->attributes, child_info);
    } else {
        print_level(session, run, node);
    }
}

static void list_step(struct imap_session *session)
{
    struct list_run *run = session->command.data;
    struct mailbox_node node;
    run->work = 0;
    while (imap_has_room(session) && run->work < LIST_TURN_WORK) {
        if (run->n_looked_at < run->list->n_entries) {
            const char *name = run->list->entries[run->n_looked_at].name;
            run->matches[run->n_looked_at++] = any_pattern_matches(run, name, strlen(name));
        } else if (mailbox_walk_next(&run->walk, &node)) {
            print_node(session, run, &node);
        } else {
            imap_done(session);
            return;
        }
    }
    session->command.yielded = true;
}

static void list_clean(struct imap_session *session)
{
    struct list_run *run = session->command.data;
    mailbox_list_unref(&run->list);
}

static struct list_run *list_run_new(struct imap_session *session)
{
    struct list_run *run = arena_alloc(&session->command.arena, sizeof(*run));
    session->command.data = run;
    session->command.clean = list_clean;
    return run;
}

static void list_start(struct imap_session *session, struct list_run *run)
{
    run->list = mailbox_list_ref(session->ops->list(session->account));
    run->matches =
        arena_alloc(&session->command.arena, (run->list->n_entries + 1) * sizeof(*run->matches));
    run->walk = (struct mailbox_walk){.list = run->list};
    run->existing = (struct mailbox_ahead){.holds = is_existing, .context = run};
    run->selected = (struct mailbox_ahead){.holds = is_selected, .context = run};
    run->hidden = (struct mailbox_ahead){.holds = is_hidden, .context = run};
    session->command.step = list_step;
}

/* ---- Arguments ---- */

static void parse_selection(struct imap_parser *args, struct list_request *request)
{
    request->is_extended = true;
    if (imap_accept(args, ')')) {
        return;
    }
    do {
        struct bytes word = imap_word(args);
        if (bytes_is_word(word, "SUBSCRIBED")) {
            request->subscribed = true;
            request->return_subscribed = true;
        } else if (bytes_is_word(word, "REMOTE")) {
            request->remote = true;
        } else if (bytes_is_word(word, "RECURSIVEMATCH")) {
            request->recursive_match = true;
        } else if (bytes_is_word(word, "SPECIAL-USE")) {
            request->special_use = true;
            request->return_special_use = true;
        } else {
            imap_fail(args, "Unknown selection option");
        }
    } while (imap_ok(args) && imap_accept(args, ' '));
    imap_expect(args, ')');
    if (request->recursive_match && !request->subscribed) {
        imap_fail(args, "RECURSIVEMATCH needs another option");
    }
}

static void parse_return(struct imap_session *session, struct imap_parser *args,
                         struct list_request *request)
{
    request->is_extended = true;
    if (!imap_accept_word(args, "RETURN")) {
        imap_fail(args, NULL);
    }
    imap_space(args);
    imap_expect(args, '(');
    if (imap_accept(args, ')')) {
        return;
    }
    do {
        struct bytes word = imap_word(args);
        if (bytes_is_word(word, "SUBSCRIBED")) {
            request->return_subscribed = true;
        } else if (bytes_is_word(word, "CHILDREN")) {
            request->return_children = true;
        } else if (bytes_is_word(word, "SPECIAL-USE")) {
            request->return_special_use = true;
        } else if (bytes_is_word(word, "STATUS")) {
            imap_space(args);
            request->return_status = true;
            request->status_items = status_items_parse(session, args);
        } else if (bytes_is_word(word, "MYRIGHTS")) {
            request->return_rights = true;
        } else if (bytes_is_word(word, "METADATA")) {
            imap_space(args);
            request->metadata = arena_alloc(args->arena, sizeof(*request->metadata));
            annotation_entries(args, request->metadata);
        } else {
            imap_fail(args, "Unknown return option");
        }
    } while (imap_ok(args) && imap_accept(args, ' '));
    imap_expect(args, ')');
}

/* A pattern to UTF-8, behind the reference, INBOX in capitals. One that can't be decoded matches
 * nothing. */
static void add_pattern(struct imap_session *session, struct imap_parser *args,
                        struct list_request *request, struct bytes reference, struct bytes text)
{
    struct buf joined = {0};
    struct buf utf8 = {0};
    if (request->n_patterns == LIST_MAX_PATTERNS) {
        imap_fail(args, "Too many patterns");
        return;
    }
    if (text.len == 0) {
        request->asks_separator = true;
    }
    buf_append_bytes(&joined, reference);
    buf_append_bytes(&joined, text);
    bool ok = imap_uses_utf8(session) ? buf_append_bytes(&utf8, buf_view(&joined))
                                      : utf7_decode(&utf8, buf_view(&joined));
    if (ok && utf8.len <= MAILBOX_NAME_MAX_BYTES) {
        char *pattern = arena_strndup(args->arena, buf_str(&utf8), utf8.len);
        if (str_starts_with_ci(pattern, "INBOX") &&
            (pattern[5] == '\0' || pattern[5] == '/' || pattern[5] == '*' || pattern[5] == '%')) {
            memcpy(pattern, "INBOX", 5);
        }
        request->patterns[request->n_patterns++] = pattern;
    }
    buf_clear(&joined);
    buf_clear(&utf8);
}

static void parse_patterns(struct imap_session *session, struct imap_parser *args,
                           struct list_request *request, struct bytes reference)
{
    if (!imap_accept(args, '(')) {
        add_pattern(session, args, request, reference, imap_list_mailbox(args));
        return;
    }
    request->is_extended = true;
    do {
        add_pattern(session, args, request, reference, imap_list_mailbox(args));
    } while (imap_ok(args) && imap_accept(args, ' '));
    imap_expect(args, ')');
}

void cmd_list(struct imap_session *session, struct imap_parser *args)
{
    struct list_run *run = list_run_new(session);
    struct list_request *request = &run->request;
    imap_space(args);
    if (imap_accept(args, '(')) {
        parse_selection(args, request);
        imap_space(args);
    }
    struct bytes reference = imap_astring(args);
    imap_space(args);
    parse_patterns(session, args, request, reference);
    if (imap_accept(args, ' ')) {
        parse_return(session, args, request);
    }
    imap_end(args);
    if (imap_is_bad(session, args)) {
        return;
    }
    if (request->asks_separator && !request->is_extended) {
        buf_append_str(&session->out, "* LIST (\\Noselect) \"/\" \"\"\r\n");
        imap_done(session);
    } else {
        list_start(session, run);
    }
}

void cmd_lsub(struct imap_session *session, struct imap_parser *args)
{
    struct list_run *run = list_run_new(session);
    struct list_request *request = &run->request;
    request->is_lsub = true;
    request->subscribed = true;
    imap_space(args);
    struct bytes reference = imap_astring(args);
    imap_space(args);
    add_pattern(session, args, request, reference, imap_list_mailbox(args));
    imap_end(args);
    if (!imap_is_bad(session, args)) {
        list_start(session, run);
    }
}

/* RFC 2342: one personal namespace. */
void cmd_namespace(struct imap_session *session, struct imap_parser *args)
{
    imap_end(args);
    if (imap_is_bad(session, args)) {
        return;
    }
    buf_append_str(&session->out, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
    imap_done(session);
}
