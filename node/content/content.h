// SPDX-License-Identifier: MIT
/* A message's content: encodings 0 to 3 (Bitmessage protocol, "Message encodings"), both ways.
 *
 *     0 ignore    nothing to show
 *     1 trivial   body alone            } decoded by the same rules: see content_decode
 *     2 simple    subject and body      }
 *     3 extended  zlib stream of a msgpack map: type "message" with subject, body, files, parents
 *
 * Everything is bounded: what a zlib stream may grow to, the depth and the number of msgpack's
 * elements, files, parents. No type but "message" is known, and no name in the data chooses code.
 *
 * Texts are the sender's bytes: they are not valid UTF-8 unless text_valid_utf8 of the mail side
 * has made them so, and may hold any control character.
 *
 * This room is linked into the decoder alone. */
#ifndef BITTERN_NODE_CONTENT_CONTENT_H
#define BITTERN_NODE_CONTENT_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct arena;
struct buf;
struct fault;

enum {
    CONTENT_IGNORE = 0,
    CONTENT_TRIVIAL = 1,
    CONTENT_SIMPLE = 2,
    CONTENT_EXTENDED = 3,
};

enum {
    CONTENT_MAX_EXPANDED_BYTES = 1048576, /* of msgpack, behind zlib */
    CONTENT_MAX_DEPTH = 8,                /* arrays and maps within each other */
    CONTENT_MAX_ELEMENTS = 4096,          /* values of all kinds, in the whole */
    CONTENT_MAX_SUBJECT_BYTES = 500,      /* of encodings 1 and 2: cut, as the reference does */
    CONTENT_MAX_FILES = 256,
    CONTENT_MAX_FILE_NAME_BYTES =
        1024, /* also of a type, disposition and id; longer ones are cut */
    CONTENT_MAX_PARENTS = 64,
    CONTENT_PARENT_BYTES = 32, /* an object's inventory hash */
};

/* A file that came with a message. All may be empty; `data` is all of it. */
struct content_file {
    struct bytes name;        /* as sent: may hold slashes and control characters */
    struct bytes type;        /* "image/png", as sent */
    struct bytes disposition; /* "attachment", "inline" or what the sender wrote */
    struct bytes id;          /* how the text refers to it (a Content-ID without brackets) */
    struct bytes data;
};

struct content {
    uint64_t encoding;
    struct bytes subject;
    struct bytes body;
    struct content_file *files;
    size_t n_files;
    struct bytes *parents; /* CONTENT_PARENT_BYTES each, the nearest first */
    size_t n_parents;
};

/* Take a message's content apart. Subject, body and files borrow from `data` or live in `arena`.
 * Encodings 1 and 2 always succeed: the first LF "Body:", if it stands beyond the second byte,
 * divides subject and body (else all is body); the subject is what follows the first 8 bytes, cut
 * to CONTENT_MAX_SUBJECT_BYTES, up to its first line end. Encoding 3's texts are well-formed UTF-8.
 * False, and *out untouched:
 *   FAULT_UNSUPPORTED  an encoding that is not 1, 2 or 3 (so 0, too), or a type other than
 * "message" FAULT_INVALID      bad zlib or msgpack, not a map, no type FAULT_LIMIT        one of
 * the bounds above */
bool content_decode(struct content *out, uint64_t encoding, struct bytes data, struct arena *arena,
                    struct fault *fault) MUST_USE;

/* Append the bytes that carry `content` in its own encoding (1, 2 or 3). False, with `out` as it
 * was: FAULT_INVALID      a subject with a line end; files or parents in encoding 1 or 2
 *   FAULT_LIMIT        one of the bounds above
 *   FAULT_UNSUPPORTED  another encoding */
bool content_encode(struct buf *out, const struct content *content, struct fault *fault) MUST_USE;

#endif
