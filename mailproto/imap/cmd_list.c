// SPDX-License-Identifier: MIT
/* LIST with its extensions (RFC 9051 section 6.3.9, RFC 5258, 6154, 5819, 8440, 9590), LSUB,
 * NAMESPACE.
 *
 * Names come sorted, children behind their parent. Levels of the hierarchy that are no mailbox are
 * not in the store's list unless it puts them there; a pattern with '%' must show them, so they are
 * made up here as \Noselect, once each. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "mailproto/imap/acl.h"
#include "mailproto/imap/annotations.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/imap_write.h"
#include "mailproto/imap/special_use.h"
#include "mailproto/imap/status_items.h"
#include "mailproto/imap/utf7.h"

enum { LIST_MAX_PATTERNS = 32 };

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

/* ---- Patterns ---- */

/* '*' matches anything, '%' anything but the separator. Without recursion: the last star seen is
 * tried one byte further each time, and a '%' that can't go on falls back to it. */
static bool pattern_matches(const char *pattern, const char *name, size_t name_len)
{
    const char *end = name + name_len;
    const char *star = NULL;
    const char *star_name = NULL;
    const char *percent = NULL;
    const char *percent_name = NULL;
    while (name < end || *pattern != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            star_name = name;
            percent = NULL;
        } else if (*pattern == '%') {
            percent = ++pattern;
            percent_name = name;
        } else if (name < end && *pattern == *name) {
            pattern++;
            name++;
        } else if (percent != NULL && percent_name < end && *percent_name != '/') {
            name = ++percent_name;
            pattern = percent;
        } else if (star != NULL && star_name < end) {
            name = ++star_name;
            pattern = star;
            percent = NULL;
        } else {
            return false;
        }
    }
    return true;
}

static bool any_pattern_matches(const struct list_request *request, const char *name, size_t len)
{
    for (size_t i = 0; i < request->n_patterns; i++) {
        if (pattern_matches(request->patterns[i], name, len)) {
            return true;
        }
    }
    return false;
}

/* ---- The hierarchy ---- */

static bool is_below(const char *name, const char *parent, size_t parent_len)
{
    return strncmp(name, parent, parent_len) == 0 && name[parent_len] == '/';
}

static bool has_child(const struct mailbox_list *list, const char *parent, size_t parent_len)
{
    for (size_t i = 0; i < list->n_entries; i++) {
        const struct mailbox_entry *entry = &list->entries[i];
        if ((entry->attributes & MAILBOX_NONEXISTENT) == 0 &&
            is_below(entry->name, parent, parent_len)) {
            return true;
        }
    }
    return false;
}

/* Is there a subscription below that has no line of its own (RFC 5258 section 3.5)? */
static bool hides_subscription(const struct list_request *request, const struct mailbox_list *list,
                               const char *parent, size_t parent_len)
{
    for (size_t i = 0; i < list->n_entries; i++) {
        const struct mailbox_entry *entry = &list->entries[i];
        if ((entry->attributes & MAILBOX_SUBSCRIBED) != 0 &&
            is_below(entry->name, parent, parent_len) &&
            !any_pattern_matches(request, entry->name, strlen(entry->name))) {
            return true;
        }
    }
    return false;
}

/* ---- One line ---- */

static void print_attributes(struct imap_session *session, const struct list_request *request,
                             const struct mailbox_list *list, const char *name, size_t name_len,
                             unsigned attributes)
{
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
        buf_append_str(out,
                       has_child(list, name, name_len) ? " \\HasChildren" : " \\HasNoChildren");
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

/* RFC 8440 and 9590. A level that is no mailbox of its own has neither. */
static void print_extras(struct imap_session *session, const struct list_request *request,
                         const char *name)
{
    const struct mailbox_entry *entry =
        request->return_rights || request->metadata != NULL ? imap_entry_find(session, name) : NULL;
    if (entry != NULL && request->return_rights) {
        acl_print_my_rights(session, entry);
    }
    if (entry != NULL && request->metadata != NULL) {
        annotations_print(session, name, request->metadata, NULL);
    }
}

static void print_line(struct imap_session *session, const struct list_request *request,
                       const struct mailbox_list *list, const char *name, size_t name_len,
                       unsigned attributes, bool child_info)
{
    struct buf *out = &session->out;
    char *whole = xstrndup(name, name_len);
    buf_append_str(out, request->is_lsub ? "* LSUB (" : "* LIST (");
    print_attributes(session, request, list, name, name_len, attributes);
    buf_append_str(out, ") \"/\" ");
    imap_write_mailbox(out, whole, imap_uses_utf8(session));
    if (child_info) {
        buf_append_str(out, " (\"CHILDINFO\" (\"SUBSCRIBED\"))");
    }
    buf_append_str(out, "\r\n");
    bool has_status = (attributes & (MAILBOX_NOSELECT | MAILBOX_NONEXISTENT)) == 0;
    if (request->return_status && has_status) {
        status_items_print(session, whole, request->status_items, NULL);
    }
    if ((attributes & MAILBOX_NONEXISTENT) == 0) {
        print_extras(session, request, whole);
    }
    free(whole);
}

/* ---- All of them ---- */

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

/* The levels above `entry` that match although they are no mailbox (or, for subscriptions, not
 * subscribed): LSUB and RECURSIVEMATCH show them, and LIST where nothing else would. */
static void print_levels(struct imap_session *session, const struct list_request *request,
                         const struct mailbox_list *list, const struct mailbox_entry *entry,
                         struct map *shown)
{
    for (const char *slash = strchr(entry->name, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        size_t len = (size_t)(slash - entry->name);
        struct bytes level = {(const uint8_t *)entry->name, len};
        if (map_get(shown, level) != NULL || !any_pattern_matches(request, entry->name, len)) {
            continue;
        }
        (void)map_put(shown, level, session);
        const struct mailbox_entry *own = NULL;
        for (size_t i = 0; i < list->n_entries; i++) {
            if (bytes_equal(bytes_of_str(list->entries[i].name), level)) {
                own = &list->entries[i];
            }
        }
        if (own != NULL && (is_selected_by(request, own) || !request->subscribed)) {
            continue; /* has a line of its own, or was not asked for */
        }
        if (request->is_lsub) {
            print_line(session, request, list, entry->name, len, MAILBOX_NOSELECT, false);
        } else if (request->recursive_match) {
            if (!hides_subscription(request, list, entry->name, len)) {
                continue;
            }
            unsigned attributes = own != NULL ? own->attributes : MAILBOX_NONEXISTENT;
            print_line(session, request, list, entry->name, len, attributes, true);
        } else if (!request->subscribed && !request->special_use) {
            print_line(session, request, list, entry->name, len, MAILBOX_NOSELECT, false);
        }
    }
}

static void print_list(struct imap_session *session, const struct list_request *request)
{
    const struct mailbox_list *list = session->ops->list(session->account);
    struct map shown = {0};
    for (size_t i = 0; i < list->n_entries; i++) {
        const struct mailbox_entry *entry = &list->entries[i];
        if (!is_selected_by(request, entry)) {
            continue;
        }
        size_t len = strlen(entry->name);
        print_levels(session, request, list, entry, &shown);
        if (any_pattern_matches(request, entry->name, len)) {
            bool child_info =
                request->recursive_match && hides_subscription(request, list, entry->name, len);
            print_line(session, request, list, entry->name, len, entry->attributes, child_info);
        }
    }
    map_clear(&shown);
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
    struct list_request *request = arena_alloc(args->arena, sizeof(*request));
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
    } else {
        print_list(session, request);
    }
    imap_done(session);
}

void cmd_lsub(struct imap_session *session, struct imap_parser *args)
{
    struct list_request *request = arena_alloc(args->arena, sizeof(*request));
    request->is_lsub = true;
    request->subscribed = true;
    imap_space(args);
    struct bytes reference = imap_astring(args);
    imap_space(args);
    add_pattern(session, args, request, reference, imap_list_mailbox(args));
    imap_end(args);
    if (imap_is_bad(session, args)) {
        return;
    }
    print_list(session, request);
    imap_done(session);
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
