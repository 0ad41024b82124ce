// SPDX-License-Identifier: MIT
#include "mailproto/mime/forwarded.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/str.h"
#include "mailproto/mime/header.h"

/* Marks of a mailbox's keeper: which program it is, which account, what was read and tagged. A name
 * that ends in '-' stands for all that begin so. */
static const char *const local_fields[] = {
    "Status",
    "X-Status",
    "X-Keywords",
    "X-IMAP",
    "X-IMAPbase",
    "X-UID",
    "X-UIDL",
    "X-Account-Key",
    "Content-Length",
    "Lines",
    "X-Label",
    "X-Mozilla-",
    "X-Identity-Key",
    "X-Evolution-",
    "X-KMail-",
    "X-Mutt-",
    "X-Claws-",
    "X-Sylpheed-",
    "X-Gnus-",
    "X-Apple-",
    "X-Uniform-Type-Identifier",
    "X-Universally-Unique-Identifier",
};

static bool is_local(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_LEN(local_fields); i++) {
        size_t len = strlen(local_fields[i]);
        bool is_family = local_fields[i][len - 1] == '-';
        if (bytes_is_word(is_family ? bytes_slice(name, 0, len) : name, local_fields[i])) {
            return true;
        }
    }
    return false;
}

void forwarded_write(struct buf *out, struct bytes mail, struct arena *arena)
{
    struct header header = header_split(mail, arena);
    size_t kept = 0; /* so far it is written, or left out */
    for (size_t i = 0; i < header.n_fields; i++) {
        const struct header_field *field = &header.fields[i];
        if (is_local(field->name)) {
            size_t start = (size_t)(field->name.data - mail.data);
            buf_append_bytes(out, bytes_slice(mail, kept, start - kept));
            kept = (size_t)(field->value.data - mail.data) + field->value.len;
        }
    }
    buf_append_bytes(out, bytes_slice(mail, kept, mail.len));
}
