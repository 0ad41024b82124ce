// SPDX-License-Identifier: MIT
/* One URL of a CATENATE (RFC 4469): the part of a message that it names, piece by piece. For this
 * room alone.
 *
 *     catenate_new -> open the mailbox -> find the part -> read it -> take() ... -> done() */
#ifndef BITTERN_MAILPROTO_IMAP_CATENATE_H
#define BITTERN_MAILPROTO_IMAP_CATENATE_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct catenate;
struct imap_session;

enum catenate_result {
    CATENATE_PIECE, /* `out` is the next piece, borrowed until the next call */
    CATENATE_WAIT,  /* `wake` will be called */
    CATENATE_END,
    CATENATE_BUSY, /* there is no memory for it now */
    CATENATE_BAD_URL
};

/* `url` lies in the command's arena. `wake(session)` is called from the loop after each WAIT. */
struct catenate *catenate_new(struct imap_session *session, struct bytes url,
                              void (*wake)(struct imap_session *session)) MUST_USE;
enum catenate_result catenate_next(struct catenate *catenate, struct bytes *out) MUST_USE;
/* NULL is ignored. */
void catenate_free(struct catenate **catenate);

#endif
