// SPDX-License-Identifier: MIT
/* Address books as files: vCard (RFC 6350; 3.0 and 2.1 are read as well) and CSV (RFC 4180).
 *
 * Read forgivingly, within bounds: what has no Bitmessage address is passed over. In a vCard the
 * address is looked for in EMAIL, IMPP, URL and X-BITMESSAGE, the label is FN. In CSV the first
 * line may name the columns (address or email; label, name or display name); without that the field
 * that begins with BM- is the address, and the first of the others the label. */
#ifndef BITTERN_GATEWAY_CONTROL_CONTACT_FILE_H
#define BITTERN_GATEWAY_CONTROL_CONTACT_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"

struct buf;

enum contact_form { CONTACT_VCARD, CONTACT_CSV };

enum {
    CONTACT_FILE_MAX_BYTES = 64 * 1024 * 1024,
    CONTACT_FILE_MAX_ENTRIES = 200000,
    CONTACT_FILE_MAX_LINE_BYTES = 64 * 1024, /* unfolded, or a whole CSV record */
    CONTACT_FILE_MAX_FIELDS = 64,
    CONTACT_LABEL_MAX_BYTES = 200 /* a longer one is cut */
};

/* `each` gets the address as it was written, "BM-..." with or without a domain, and the label on
 * one line ("": none). FAULT_LIMIT: one of the bounds above; FAULT_INVALID: neither form, or not
 * text. */
bool contact_file_read(struct bytes file,
                       void (*each)(void *context, const char *address, const char *label),
                       void *context, struct fault *fault) MUST_USE;

/* CSV has a line with the columns' names. */
void contact_file_begin(struct buf *out, enum contact_form form);
void contact_file_write(struct buf *out, enum contact_form form, const char *address,
                        const char *label);

#endif
