// SPDX-License-Identifier: MIT
/* A mail that a user wrote, taken apart into what may leave: plain structs, nothing of libetpan.
 *
 * All texts are well-formed UTF-8. The arrays and texts belong to whoever holds the struct's arena.
 */
#ifndef BITTERN_MAILPROTO_MIME_OUTGOING_MAIL_H
#define BITTERN_MAILPROTO_MIME_OUTGOING_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "mailproto/imap/message_info.h"

enum {
    OUTGOING_MAX_FILES = 256,
    OUTGOING_MAX_REFERENCES = 64, /* the last ones are kept */
    OUTGOING_MAX_HEADERS = 32,    /* of the allow-list */
    OUTGOING_MAX_TEXT_BYTES = 1048576,
    OUTGOING_MAX_SUBJECT_BYTES = 4096,
};

/* A part that is not the text: an attachment or an inline image. Transfer encoding undone. */
struct outgoing_file {
    struct bytes name;        /* without folders and control characters; may be empty */
    struct bytes type;        /* "image/png": lower case, checked to be token "/" token */
    struct bytes disposition; /* "attachment", "inline", or "sealed": of a mail that is signed or
                                 encrypted as a whole, whose two parts (S/MIME's one that is
                                 encrypted) are then all its files */
    struct bytes id; /* Content-ID without its brackets; of a sealed part its micalg; may be
                        empty */
    struct bytes data;
};

struct outgoing_header {
    struct bytes name; /* as in the allow-list, so its case is known */
    struct bytes value;
};

enum outgoing_text_origin {
    OUTGOING_TEXT_NONE, /* no part of it is text */
    OUTGOING_TEXT_PLAIN,
    OUTGOING_TEXT_HTML /* there was nothing but HTML: converted */
};

struct outgoing_mail {
    struct bytes subject; /* encoded words decoded, one line, no control characters */
    struct bytes text;    /* line ends are LF; paragraphs of format=flowed joined */
    enum outgoing_text_origin text_origin;
    struct outgoing_file *files;
    size_t n_files;

    /* Names decoded. Groups are dissolved: no begin and end entries. */
    struct mail_addresses from;
    struct mail_addresses to;
    struct mail_addresses cc;
    struct mail_addresses bcc;

    struct bytes message_id;  /* with its brackets; empty: none */
    struct bytes *references; /* In-Reply-To's first where References lacks it; nearest last */
    size_t n_references;

    /* X-Bitmessage-* and the few others that mean something here: outgoing_allowed_headers. */
    struct outgoing_header *headers;
    size_t n_headers;
};

#endif
