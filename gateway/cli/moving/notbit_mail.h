// SPDX-License-Identifier: MIT
/* A message as notbit writes it into its Maildir: addresses are BM-...@bitmessage, a text/plain in
 * UTF-8, nothing else. */
#ifndef BITTERN_GATEWAY_CLI_MOVING_NOTBIT_MAIL_H
#define BITTERN_GATEWAY_CLI_MOVING_NOTBIT_MAIL_H

#include <stdint.h>

#include "base/bytes.h"

struct buf;

struct notbit_party {
    const char *address; /* "": none */
    const char *label;   /* "": none */
};
/* Append the mail, with LF. Whatever is in labels and subject (UTF-8), no other field comes of it.
 */
void notbit_mail_write(struct buf *out, const struct notbit_party *from,
                       const struct notbit_party *to, struct bytes subject, struct bytes text,
                       int64_t sec);

#endif
