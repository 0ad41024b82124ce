// SPDX-License-Identifier: MIT
/* ENVELOPE, BODY and BODYSTRUCTURE (RFC 9051 section 7.5.2), rendered from a message's form. */
#ifndef BITTERN_MAILPROTO_IMAP_BODYSTRUCTURE_H
#define BITTERN_MAILPROTO_IMAP_BODYSTRUCTURE_H

#include <stdbool.h>

struct buf;
struct mail_envelope;
struct message_info;

void envelope_print(struct buf *out, const struct mail_envelope *envelope);
/* With extension data: BODYSTRUCTURE; without: BODY. */
void bodystructure_print(struct buf *out, const struct message_info *info, bool extended);

#endif
