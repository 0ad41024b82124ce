// SPDX-License-Identifier: MIT
/* What a FETCH asks for: its arguments as a plain struct (RFC 9051 section 6.4.5). */
#ifndef BITTERN_MAILPROTO_IMAP_FETCH_H
#define BITTERN_MAILPROTO_IMAP_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mailproto/imap/body_section.h"
#include "mailproto/imap/esearch.h"

struct imap_parser;

enum { FETCH_MAX_BODIES = 64 };

enum fetch_item {
    FETCH_UID = 1,
    FETCH_FLAGS = 2,
    FETCH_INTERNALDATE = 4,
    FETCH_SIZE = 8,
    FETCH_ENVELOPE = 16,
    FETCH_BODY = 32,
    FETCH_BODYSTRUCTURE = 64,
    FETCH_MODSEQ = 128,
    FETCH_SAVEDATE = 256,
    FETCH_EMAILID = 512,
    FETCH_THREADID = 1024,
    FETCH_PREVIEW = 2048
};

enum fetch_body_form {
    FETCH_FORM_SECTION,    /* BODY[...] */
    FETCH_FORM_RFC822,     /* RFC822, RFC822.HEADER, RFC822.TEXT: old names of sections */
    FETCH_FORM_BINARY,     /* BINARY[...]: the transfer encoding taken off */
    FETCH_FORM_BINARY_SIZE /* BINARY.SIZE[...] */
};

struct fetch_body {
    enum fetch_body_form form;
    struct body_section section;
    bool peek; /* does not set \Seen */
    bool has_partial;
    uint32_t partial_offset;
    uint32_t partial_len;
};

struct fetch_request {
    unsigned items;
    struct fetch_body bodies[FETCH_MAX_BODIES];
    size_t n_bodies;
    bool has_changed_since;
    uint64_t changed_since;
    bool vanished;
    bool has_partial; /* only so many of the messages (RFC 9394) */
    struct partial_range partial;
};

/* "(UID FLAGS ...)", a macro or one item. */
void fetch_parse_items(struct fetch_request *out, struct imap_parser *args);
/* From behind the sequence set's space to the end of the command. */
void fetch_parse(struct fetch_request *out, struct imap_parser *args);

#endif
