// SPDX-License-Identifier: MIT
#include "mailproto/imap/special_use.h"

#include "base/buf.h"
#include "base/str.h"
#include "mailproto/imap/mailbox.h"

static const struct {
    unsigned bit;
    const char *name;
} uses[] = {{MAILBOX_USE_ALL, "\\All"},       {MAILBOX_USE_ARCHIVE, "\\Archive"},
            {MAILBOX_USE_DRAFTS, "\\Drafts"}, {MAILBOX_USE_FLAGGED, "\\Flagged"},
            {MAILBOX_USE_JUNK, "\\Junk"},     {MAILBOX_USE_SENT, "\\Sent"},
            {MAILBOX_USE_TRASH, "\\Trash"}};

unsigned special_use_parse(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_LEN(uses); i++) {
        if (bytes_is_word(name, uses[i].name)) {
            return uses[i].bit;
        }
    }
    return 0;
}

void special_use_print(struct buf *out, unsigned attributes)
{
    for (size_t i = 0; i < ARRAY_LEN(uses); i++) {
        if ((attributes & uses[i].bit) != 0) {
            buf_append_byte(out, ' ');
            buf_append_str(out, uses[i].name);
        }
    }
}
