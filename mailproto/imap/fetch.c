// SPDX-License-Identifier: MIT
#include "mailproto/imap/fetch.h"

#include "base/str.h"
#include "mailproto/imap/imap_token.h"

static const struct {
    const char *name;
    unsigned items;
} simple_items[] = {
    {"UID", FETCH_UID},
    {"FLAGS", FETCH_FLAGS},
    {"INTERNALDATE", FETCH_INTERNALDATE},
    {"RFC822.SIZE", FETCH_SIZE},
    {"ENVELOPE", FETCH_ENVELOPE},
    {"BODYSTRUCTURE", FETCH_BODYSTRUCTURE},
    {"MODSEQ", FETCH_MODSEQ},
    {"SAVEDATE", FETCH_SAVEDATE},
    {"EMAILID", FETCH_EMAILID},
    {"THREADID", FETCH_THREADID},
    {"PREVIEW", FETCH_PREVIEW},
};

static const struct {
    const char *name;
    unsigned items;
} macros[] = {
    {"ALL", FETCH_FLAGS | FETCH_INTERNALDATE | FETCH_SIZE | FETCH_ENVELOPE},
    {"FAST", FETCH_FLAGS | FETCH_INTERNALDATE | FETCH_SIZE},
    {"FULL", FETCH_FLAGS | FETCH_INTERNALDATE | FETCH_SIZE | FETCH_ENVELOPE | FETCH_BODY},
};

/* "<0.2048>" */
static void parse_partial(struct fetch_body *body, struct imap_parser *args)
{
    if (!imap_accept(args, '<')) {
        return;
    }
    body->has_partial = true;
    body->partial_offset = imap_number(args);
    imap_expect(args, '.');
    body->partial_len = imap_nz_number(args);
    imap_expect(args, '>');
}

static struct fetch_body *add_body(struct fetch_request *out, struct imap_parser *args,
                                   enum fetch_body_form form, bool peek)
{
    if (out->n_bodies == FETCH_MAX_BODIES) {
        imap_fail(args, "Too many items");
        return &out->bodies[0];
    }
    struct fetch_body *body = &out->bodies[out->n_bodies++];
    *body = (struct fetch_body){.form = form, .peek = peek};
    return body;
}

static void add_section(struct fetch_request *out, struct imap_parser *args,
                        enum fetch_body_form form, bool peek)
{
    struct fetch_body *body = add_body(out, args, form, peek);
    body_section_parse(&body->section, args, form != FETCH_FORM_SECTION);
    if (form != FETCH_FORM_BINARY_SIZE) {
        parse_partial(body, args);
    }
}

static bool add_simple(struct fetch_request *out, struct bytes word)
{
    for (size_t i = 0; i < ARRAY_LEN(simple_items); i++) {
        if (bytes_is_word(word, simple_items[i].name)) {
            out->items |= simple_items[i].items;
            return true;
        }
    }
    return false;
}

/* RFC 8970: LAZY allows to say "not yet", which is never needed here. */
static void parse_preview_modifier(struct imap_parser *args)
{
    if (args->rest.len < 2 || args->rest.data[0] != ' ' || args->rest.data[1] != '(') {
        return;
    }
    imap_space(args);
    imap_expect(args, '(');
    if (!imap_accept_word(args, "LAZY")) {
        imap_fail(args, "Unknown modifier");
    }
    imap_expect(args, ')');
}

static void parse_item(struct fetch_request *out, struct imap_parser *args)
{
    struct bytes word = imap_word(args);
    bool has_section = imap_peek(args) == '[';
    if (has_section && bytes_is_word(word, "BODY")) {
        add_section(out, args, FETCH_FORM_SECTION, false);
    } else if (has_section && bytes_is_word(word, "BODY.PEEK")) {
        add_section(out, args, FETCH_FORM_SECTION, true);
    } else if (has_section && bytes_is_word(word, "BINARY")) {
        add_section(out, args, FETCH_FORM_BINARY, false);
    } else if (has_section && bytes_is_word(word, "BINARY.PEEK")) {
        add_section(out, args, FETCH_FORM_BINARY, true);
    } else if (has_section && bytes_is_word(word, "BINARY.SIZE")) {
        add_section(out, args, FETCH_FORM_BINARY_SIZE, true);
    } else if (bytes_is_word(word, "BODY")) {
        out->items |= FETCH_BODY;
    } else if (bytes_is_word(word, "RFC822")) {
        add_body(out, args, FETCH_FORM_RFC822, false)->section.kind = BODY_SECTION_ALL;
    } else if (bytes_is_word(word, "RFC822.HEADER")) {
        add_body(out, args, FETCH_FORM_RFC822, true)->section.kind = BODY_SECTION_HEADER;
    } else if (bytes_is_word(word, "RFC822.TEXT")) {
        add_body(out, args, FETCH_FORM_RFC822, false)->section.kind = BODY_SECTION_TEXT;
    } else if (!add_simple(out, word)) {
        imap_fail(args, "Unknown item");
    } else if (bytes_is_word(word, "PREVIEW")) {
        parse_preview_modifier(args);
    }
}

/* "(CHANGEDSINCE n [VANISHED] PARTIAL 1:100)" */
static void parse_modifiers(struct fetch_request *out, struct imap_parser *args)
{
    imap_expect(args, '(');
    do {
        struct bytes word = imap_word(args);
        if (bytes_is_word(word, "CHANGEDSINCE")) {
            imap_space(args);
            out->has_changed_since = true;
            out->changed_since = imap_number64(args);
        } else if (bytes_is_word(word, "VANISHED")) {
            out->vanished = true;
        } else if (bytes_is_word(word, "PARTIAL") && !out->has_partial) {
            imap_space(args);
            out->has_partial = true;
            partial_range_parse(args, &out->partial);
        } else {
            imap_fail(args, "Unknown modifier");
        }
    } while (imap_ok(args) && imap_accept(args, ' '));
    imap_expect(args, ')');
    if (out->vanished && !out->has_changed_since) {
        imap_fail(args, "VANISHED needs CHANGEDSINCE");
    }
}

static bool parse_macro(struct fetch_request *out, struct imap_parser *args)
{
    for (size_t i = 0; i < ARRAY_LEN(macros); i++) {
        if (imap_accept_word(args, macros[i].name)) {
            out->items |= macros[i].items;
            return true;
        }
    }
    return false;
}

void fetch_parse_items(struct fetch_request *out, struct imap_parser *args)
{
    if (imap_accept(args, '(')) {
        do {
            parse_item(out, args);
        } while (imap_ok(args) && imap_accept(args, ' '));
        imap_expect(args, ')');
    } else if (!parse_macro(out, args)) {
        parse_item(out, args);
    }
}

void fetch_parse(struct fetch_request *out, struct imap_parser *args)
{
    fetch_parse_items(out, args);
    if (imap_accept(args, ' ')) {
        parse_modifiers(out, args);
    }
    if (out->has_changed_since) {
        out->items |= FETCH_MODSEQ;
    }
    imap_end(args);
}
