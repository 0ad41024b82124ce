// SPDX-License-Identifier: MIT
/* A message out of another Bitmessage program's store becomes a mail, received or sent. Unlike what
 * arrives (to_mail.h) its signature was checked by that program, not here, and the mail says so by
 * what it lacks. */
#ifndef BITTERN_GATEWAY_TRANSLATE_OLD_MAIL_H
#define BITTERN_GATEWAY_TRANSLATE_OLD_MAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "crypto/address.h"
#include "gateway/translate/to_mail.h"

struct buf;

/* All borrowed. Labels may be "". */
struct old_mail {
    enum arrived_kind kind;
    bool is_sent;               /* by us: another mail than the one that we got of it ourselves */
    const struct address *from; /* NULL: not readable any more */
    const char *from_label;
    const struct address *to; /* NULL: likewise, or a broadcast's subscribers */
    const char *to_label;
    struct bytes subject; /* in whatever encoding it was kept */
    struct bytes text;
    int64_t sec;
    const uint8_t *hash; /* the object's, INVENTORY_HASH_BYTES; NULL: not known */
};

/* Its Message-ID without brackets: of the object, else of all that is above, so that the same
 * message has the same one each time. */
void old_mail_message_id(char out[MESSAGE_ID_BYTES], const struct old_mail *mail);
/* Append the mail. */
void old_mail_write(struct buf *out, const struct old_mail *mail);

#endif
