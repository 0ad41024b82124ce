// SPDX-License-Identifier: MIT
/* What is known of a mail that enters a mailbox: its form, the text that is searched, a preview. */
#ifndef BITTERN_MAILPROTO_MIME_ANALYSE_H
#define BITTERN_MAILPROTO_MIME_ANALYSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "mailproto/imap/message_info.h"

struct arena;

enum {
    ANALYSE_MAX_SEARCH_BYTES = 1048576, /* of the folded header, and of the folded body */
    ANALYSE_MAX_PREVIEW_CHARS = 200     /* RFC 8970 section 3.1 */
};

struct mime_analysis {
    struct message_info info;
    struct bytes info_blob;
    struct message_text text;
    struct bytes preview;
    bool is_opaque; /* its form is above message_info.h's bounds: shown as one text */
};

/* Whatever the bytes are, a legal analysis comes out. Borrows from `mail` and lives in `arena`. */
void analyse_mail(struct mime_analysis *out, struct bytes mail, int64_t arrived_sec,
                  struct arena *arena);

#endif
