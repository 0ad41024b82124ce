// SPDX-License-Identifier: MIT
/* A mail that the owner wrote becomes a message: what leaves of it, and nothing else.
 *
 * An allow-list: subject, text, files, and the messages it answers. Two mails that are alike in
 * these give the same content, byte for byte, whatever program wrote them. The bytes themselves
 * (zlib, msgpack) are made by the decoder. */
#ifndef BITTERN_GATEWAY_TRANSLATE_TO_MESSAGE_H
#define BITTERN_GATEWAY_TRANSLATE_TO_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/decoder/decoder_client.h"

struct arena;

struct message_plan {
    struct content plain;    /* encoding 2: what everybody reads */
    struct content extended; /* encoding 3 */
    bool has_extended;       /* it says more than the plain one: files or parents */
    bool needs_extended;     /* the plain one would drop a part of the mail */
};

/* Borrows from `mail`, `parents` and `arena`. `parents`: hashes of the messages it answers, the
 * nearest first. A mail with nothing in it is a mail. FAULT_LIMIT with words for the user: a
 * subject too long, too many files; FAULT_INVALID: a subject of more than one line. */
bool to_message_plan(struct message_plan *out, const struct outgoing_mail *mail,
                     const struct bytes *parents, size_t n_parents, struct arena *arena,
                     struct fault *fault) MUST_USE;

/* Does a content of that many bytes fit into one object, ack included? */
bool to_message_fits(size_t content_len) MUST_USE;
/* The largest that does. */
size_t to_message_max_content(void) MUST_USE;

/* The lifetime that the mail asks for (X-Bitmessage-TTL); 0: none. False: it is malformed. */
bool to_message_ttl(int64_t *out_sec, const struct outgoing_mail *mail,
                    struct fault *fault) MUST_USE;

#endif
