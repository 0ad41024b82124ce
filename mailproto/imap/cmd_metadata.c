// SPDX-License-Identifier: MIT
/* GETMETADATA and SETMETADATA (RFC 5464): annotations.h.
 *
 *     GETMETADATA [(MAXSIZE n DEPTH d)] mailbox entries      SETMETADATA mailbox (entry value ...)
 *
 * The mailbox "" is the server as this account sees it. Values are any bytes; a command and with it
 * a value is bounded by IMAP_COMMAND_MAX_BYTES, a value besides by MAILBOX_ANNOTATION_MAX_BYTES. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "base/str.h"
#include "mailproto/imap/annotations.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/imap_write.h"

/* ---- Names of entries ---- */

/* RFC 5464 section 3.2 and its grammar: printable ASCII but for '*' and '%', levels that are not
 * empty, the first one "private" or "shared". These two alone hold nothing, but have what is below
 * them. */
static bool entry_is_valid(struct bytes name, bool may_be_root)
{
    bool is_root = bytes_is_word(name, "/shared") || bytes_is_word(name, "/private");
    bool has_root = name.len > 8 && (bytes_is_word(bytes_slice(name, 0, 8), "/shared/") ||
                                     bytes_is_word(bytes_slice(name, 0, 9), "/private/"));
    if (!(has_root || (is_root && may_be_root)) || name.len > MAILBOX_ENTRY_MAX_BYTES ||
        name.data[name.len - 1] == '/') {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        bool empty_level = c == '/' && i > 0 && name.data[i - 1] == '/';
        if (c < 0x20 || c > 0x7e || c == '*' || c == '%' || empty_level) {
            return false;
        }
    }
    return true;
}

static const char *parse_entry(struct imap_parser *args, bool may_be_root)
{
    struct bytes name = imap_astring(args);
    if (imap_ok(args) && !entry_is_valid(name, may_be_root)) {
        imap_fail(args, "Bad entry name");
    }
    return imap_ok(args) ? arena_strndup(args->arena, (const char *)name.data, name.len) : "";
}

void annotation_entries(struct imap_parser *args, struct annotation_request *out)
{
    bool in_list = imap_accept(args, '(');
    do {
        if (out->n_entries == ANNOTATIONS_MAX_ENTRIES) {
            imap_fail(args, "Too many entries");
            return;
        }
        out->entries[out->n_entries++] = parse_entry(args, true);
    } while (in_list && imap_ok(args) && imap_accept(args, ' '));
    if (in_list) {
        imap_expect(args, ')');
    }
}

static void write_entry(struct buf *out, const char *entry)
{
    struct bytes name = bytes_of_str(entry);
    bool is_atom = true;
    for (size_t i = 0; i < name.len; i++) {
        is_atom = is_atom && imap_is_astring_char(name.data[i]);
    }
    if (is_atom) {
        buf_append_str(out, entry);
    } else {
        imap_write_string(out, name);
    }
}

/* ---- Telling ---- */

struct telling {
    struct imap_session *session;
    const char *name;
    struct annotation_request *request;
    bool begun;
};

static void tell(struct telling *telling, const char *entry, struct bytes value)
{
    struct buf *out = &telling->session->out;
    struct annotation_request *request = telling->request;
    if (value.data != NULL && request->has_max_size && value.len > request->max_size) {
        if (value.len > request->longest_left_out) {
            request->longest_left_out = value.len;
        }
        return;
    }
    if (!telling->begun) {
        buf_append_str(out, "* METADATA ");
        imap_write_mailbox(out, telling->name, imap_uses_utf8(telling->session));
    }
    buf_append_str(out, telling->begun ? " " : " (");
    telling->begun = true;
    write_entry(out, entry);
    buf_append_byte(out, ' ');
    if (value.data != NULL && bytes_find(value, 0) != value.len) {
        buf_printf(out, "~{%zu}\r\n", value.len);
        buf_append_bytes(out, value);
    } else {
        imap_write_nstring(out, value);
    }
}

/* Is `entry` the named one, or below it and not too deep? */
static bool is_meant(const struct annotation_request *request, const char *named, const char *entry)
{
    size_t len = strlen(named);
    if (!str_starts_with_ci(entry, named) || request->depth == 0) {
        return false; /* a named entry itself is looked up apart */
    }
    const char *below = entry + len;
    return below[0] == '/' &&
           (request->depth == ANNOTATION_DEPTH_INFINITY || strchr(below + 1, '/') == NULL);
}

static struct bytes value_of(const struct mailbox_annotations *annotations, const char *entry)
{
    for (size_t i = 0; i < annotations->n_items; i++) {
        if (str_equal_ci(annotations->items[i].entry, entry)) {
            return annotations->items[i].value;
        }
    }
    return (struct bytes){0};
}

bool annotations_print(struct imap_session *session, const char *name,
                       struct annotation_request *request, struct fault *fault)
{
    struct telling telling = {session, name, request, false};
    struct mailbox_annotations annotations = {0};
    struct arena arena = {0};
    bool ok = session->ops->annotations(session->account, name, &arena, &annotations, fault);
    for (size_t i = 0; ok && i < request->n_entries; i++) {
        const char *named = request->entries[i];
        struct bytes value = value_of(&annotations, named);
        if (value.data != NULL || request->depth == 0) {
            tell(&telling, named, value); /* NIL says that there is none */
        }
        for (size_t k = 0; k < annotations.n_items; k++) {
            if (is_meant(request, named, annotations.items[k].entry)) {
                tell(&telling, annotations.items[k].entry, annotations.items[k].value);
            }
        }
    }
    if (telling.begun) {
        buf_append_str(&session->out, ")\r\n");
    }
    arena_clear(&arena);
    return ok;
}

/* ---- GETMETADATA ---- */

static void parse_options(struct imap_parser *args, struct annotation_request *request)
{
    imap_expect(args, '(');
    do {
        struct bytes word = imap_word(args);
        imap_space(args);
        if (bytes_is_word(word, "MAXSIZE")) {
            request->has_max_size = true;
            request->max_size = imap_number64(args);
        } else if (!bytes_is_word(word, "DEPTH")) {
            imap_fail(args, "Unknown option");
        } else if (imap_accept_word(args, "infinity")) {
            request->depth = ANNOTATION_DEPTH_INFINITY;
        } else if (imap_accept_word(args, "0") || imap_accept_word(args, "1")) {
            request->depth = args->rest.data[-1] - '0';
        } else {
            imap_fail(args, "DEPTH is 0, 1 or infinity");
        }
    } while (imap_ok(args) && imap_accept(args, ' '));
    imap_expect(args, ')');
}

/* A mailbox, or "" for the server. */
static const char *target_arg(struct imap_session *session, struct imap_parser *args)
{
    struct bytes text = imap_astring(args);
    if (!imap_ok(args) || text.len == 0) {
        return "";
    }
    return imap_mailbox_name(session, args, text);
}

/* The grammar puts the options in front of the mailbox, the RFC's examples behind it: both do. */
void cmd_getmetadata(struct imap_session *session, struct imap_parser *args)
{
    struct annotation_request *request = arena_alloc(args->arena, sizeof(*request));
    struct fault fault = {0};
    imap_space(args);
    if (imap_peek(args) == '(') {
        parse_options(args, request);
        imap_space(args);
    }
    const char *name = target_arg(session, args);
    imap_space(args);
    bool options_follow =
        imap_peek(args) == '(' && args->rest.len > 1 && ascii_is_alpha((char)args->rest.data[1]);
    if (options_follow) {
        parse_options(args, request);
        imap_space(args);
    }
    annotation_entries(args, request);
    imap_end(args);
    if (imap_is_bad(session, args)) {
        return;
    }
    if (!annotations_print(session, name, request, &fault)) {
        imap_refuse(session, &fault, "NONEXISTENT");
    } else if (request->longest_left_out > 0) {
        char code[64];
        snprintf(code, sizeof(code), "METADATA LONGENTRIES %" PRIu64, request->longest_left_out);
        imap_finish(session, IMAP_STATUS_OK, code, "GETMETADATA completed");
    } else {
        imap_done(session);
    }
}

/* ---- SETMETADATA ---- */

static void annotated(void *context, const struct mailbox_answer *answer)
{
    struct imap_session *session = context;
    imap_resume(session);
    if (answer->fault != NULL && answer->fault->code == FAULT_LIMIT) {
        imap_finish(session, IMAP_STATUS_NO, "METADATA TOOMANY", "%s",
                    imap_words_of(answer->fault).text);
    } else if (answer->fault != NULL) {
        imap_refuse(session, answer->fault, "NONEXISTENT");
    } else {
        imap_done(session);
    }
}

static void parse_values(struct imap_parser *args, struct mailbox_annotations *out)
{
    out->items = arena_alloc(args->arena, ANNOTATIONS_MAX_ENTRIES * sizeof(*out->items));
    imap_expect(args, '(');
    do {
        if (out->n_items == ANNOTATIONS_MAX_ENTRIES) {
            imap_fail(args, "Too many entries");
            return;
        }
        struct mailbox_annotation *item = &out->items[out->n_items++];
        item->entry = parse_entry(args, false);
        imap_space(args);
        item->value = imap_nstring(args);
    } while (imap_ok(args) && imap_accept(args, ' '));
    imap_expect(args, ')');
}

/* False: the command is answered. */
static bool check_values(struct imap_session *session, const struct mailbox_annotations *values)
{
    for (size_t i = 0; i < values->n_items; i++) {
        if (values->items[i].value.len > MAILBOX_ANNOTATION_MAX_BYTES) {
            char code[64];
            snprintf(code, sizeof(code), "METADATA MAXSIZE %d", MAILBOX_ANNOTATION_MAX_BYTES);
            imap_finish(session, IMAP_STATUS_NO, code, "A value is too large");
            return false;
        }
        if (str_equal_ci(values->items[i].entry, "/private/specialuse")) {
            imap_finish(session, IMAP_STATUS_NO, "CANNOT",
                        "A special use is given by CREATE (RFC 6154)");
            return false;
        }
    }
    return true;
}

void cmd_setmetadata(struct imap_session *session, struct imap_parser *args)
{
    struct mailbox_annotations values = {0};
    imap_space(args);
    const char *name = target_arg(session, args);
    imap_space(args);
    parse_values(args, &values);
    imap_end(args);
    if (imap_is_bad(session, args) || !check_values(session, &values)) {
        return;
    }
    imap_await(session, session->ops->annotate(session->account, name, &values,
                                               imap_answer_to(session, annotated)));
}
