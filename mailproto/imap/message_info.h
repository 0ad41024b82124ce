// SPDX-License-Identifier: MIT
/* What is known of a message's form: its envelope and its tree of parts.
 *
 * The decoder fills these structs when a message enters a mailbox, the store keeps them as one
 * compact blob beside the content, and the IMAP session renders ENVELOPE, BODYSTRUCTURE and BODY[]
 * from them without parsing the message again. Nothing here knows MIME's grammar: texts are the
 * header's own bytes, unfolded (CRLF before white space taken out), with comments and encoded words
 * as they stand; offsets point into the content as stored.
 *
 * Absent and empty differ, as NIL and "" do in IMAP: a text that is not there has data == NULL, one
 * that is there and empty has data != NULL and len == 0 (message_text_empty).
 *
 * The tree is a flat array in the order in which the parts stand (a part before its children). The
 * first element is the message itself, seen as a part: header_offset 0, and the type of its own
 * Content-Type header.
 *
 *     index  part                       IMAP number   parent  next_sibling
 *     0      multipart/mixed            (the whole)   none    none
 *     1        text/plain               1             0       2
 *     2        message/rfc822           2             0       none
 *     3          multipart/alternative  2 (its TEXT)  2       none
 *     4            text/plain           2.1           3       5
 *     5            text/html            2.2           3       none
 *
 * A message/rfc822 (or message/global) part has exactly one child: the message inside, seen as a
 * part, whose header_offset is the body_offset of the message/rfc822 part.
 *
 * The blob is ours, but it comes out of a process that reads strangers' mail: parsing it checks
 * every length, count and index, and what has been parsed is safe to walk. */
#ifndef BITTERN_MAILPROTO_IMAP_MESSAGE_INFO_H
#define BITTERN_MAILPROTO_IMAP_MESSAGE_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct arena;
struct buf;
struct fault;

enum {
    MESSAGE_INFO_MAX_PARTS = 1000,
    MESSAGE_INFO_MAX_DEPTH = 50,       /* parts deeper than that: their parent is shown as a leaf */
    MESSAGE_INFO_MAX_ADDRESSES = 4096, /* in one envelope; the rest is left out */
    MESSAGE_INFO_MAX_PARAMS = 64,      /* of one part's type or disposition */
    MESSAGE_INFO_MAX_LANGUAGES = 16,
    MESSAGE_INFO_MAX_TEXT_BYTES = 65536, /* one text; longer ones are cut */
    MESSAGE_INFO_MAX_BLOB_BYTES = 1048576
};

/* In struct mime_part: no such part. */
#define MIME_PART_NONE UINT32_MAX

/* One address of a list (RFC 5322 section 3.4), or a group's begin or end, as in IMAP's ENVELOPE:
 * begin: mailbox is the group's name, host absent; end: mailbox and host absent. */
struct mail_address {
    struct bytes name;    /* display name: quotes taken off, encoded words as they stand */
    struct bytes route;   /* obsolete source route; nearly always absent */
    struct bytes mailbox; /* local part, quotes taken off */
    struct bytes host;
};

struct mail_addresses {
    struct mail_address *items;
    size_t n_items; /* 0: the header is absent or has no address; rendered NIL */
};

struct mail_envelope {
    struct bytes date; /* the header's text */
    struct bytes subject;
    struct mail_addresses from;
    struct mail_addresses sender; /* as written; the renderer puts From in an absent one's place */
    struct mail_addresses reply_to; /* likewise */
    struct mail_addresses to;
    struct mail_addresses cc;
    struct mail_addresses bcc;
    struct bytes in_reply_to;
    struct bytes message_id;
    struct bytes references; /* not part of ENVELOPE: for THREAD=REFERENCES */
};

struct mime_param {
    struct bytes name;
    struct bytes value; /* quotes taken off; RFC 2231 pieces joined, charset and escapes as sent */
};

struct mime_params {
    struct mime_param *items;
    size_t n_items;
};

struct mime_part {
    uint32_t parent;       /* index, or MIME_PART_NONE for the first */
    uint32_t next_sibling; /* index, or MIME_PART_NONE */
    uint32_t n_children;   /* the first one, if any, has this part's index + 1 */

    /* Into the content. The header with its empty line is [header_offset, body_offset), the body
     * [body_offset, body_offset + body_len), without the line end that belongs to a boundary. */
    uint64_t header_offset;
    uint64_t body_offset;
    uint64_t body_len;
    uint64_t
        n_lines; /* of the body as sent: number of CRLF, plus one when it does not end with one */

    /* Always there: the defaults of RFC 2045 and 2046 are filled in by whoever makes the part. */
    struct bytes type;    /* "text" */
    struct bytes subtype; /* "plain" */
    struct mime_params params;
    struct bytes encoding; /* "7bit" where the header is absent */

    /* These may be absent. */
    struct bytes id;
    struct bytes description;
    struct bytes md5;
    struct bytes disposition; /* "attachment" */
    struct mime_params disposition_params;
    struct bytes *languages;
    size_t n_languages;
    struct bytes location;

    /* Of the message inside a message/rfc822 or message/global part; else NULL. */
    struct mail_envelope *envelope;
};

struct message_info {
    struct mail_envelope envelope;
    struct mime_part *parts; /* n_parts >= 1 */
    size_t n_parts;
    int64_t sent_sec;      /* the Date header; the time of arrival where it can't be read */
    int16_t sent_zone_min; /* east of UTC */
    bool has_attachment;   /* a part that a reader would show as a file */
};

/* What is searched in a message: kept beside it, scanned line by line, never parsed again. */
struct message_text {
    struct bytes header; /* a line a field of the outermost header: its name in lower case, ':', its
                            value unfolded, decoded and folded (fold.h), '\n'; in order */
    struct bytes body; /* decoded and folded text of all parts, the headers of messages inside among
                          them; '\n' between parts */
};

/* There, and empty: len 0, data not NULL. */
struct bytes message_text_empty(void) MUST_USE;
static inline bool message_text_is_absent(struct bytes text)
{
    return text.data == NULL;
}

/* True for a part whose child is the message inside it. */
bool mime_part_is_message(const struct mime_part *part) MUST_USE;
/* True for type "multipart". */
bool mime_part_is_multipart(const struct mime_part *part) MUST_USE;

/* Append the blob for `info` to `out`. Texts above MESSAGE_INFO_MAX_TEXT_BYTES are cut. False, with
 * `out` as it was, when a count or depth is above its limit or the blob would be too large. */
bool message_info_write(struct buf *out, const struct message_info *info,
                        struct fault *fault) MUST_USE;

/* Parse a blob. The arrays come from `arena`; the texts borrow from `blob`. False when it is not
 * one that message_info_write could have made: *out is untouched then. Every offset that it gives
 * lies within `content_len`. */
bool message_info_parse(struct message_info *out, struct bytes blob, uint64_t content_len,
                        struct arena *arena, struct fault *fault) MUST_USE;

/* As message_info_parse, but stops after the envelope and the dates (n_parts is 0): for ENVELOPE,
 * SORT and THREAD, which need no parts. */
bool message_info_parse_envelope(struct message_info *out, struct bytes blob, struct arena *arena,
                                 struct fault *fault) MUST_USE;

/* What to keep for a message that could not be analysed: one text/plain part in unknown-8bit, whose
 * header ends at `body_offset` (content_len where it has no empty line), with an empty envelope. */
void message_info_of_opaque(struct message_info *out, uint64_t body_offset, uint64_t content_len,
                            uint64_t n_body_lines, int64_t arrived_sec, struct arena *arena);

#endif
