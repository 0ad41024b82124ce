// SPDX-License-Identifier: MIT
/* Content-Transfer-Encoding undone (RFC 2045 section 6). Forgiving: what is no code is passed over
 * or kept as it stands, so that a mail that was damaged on its way is still read. */
#ifndef BITTERN_MAILPROTO_MIME_TRANSFER_H
#define BITTERN_MAILPROTO_MIME_TRANSFER_H

#include "base/bytes.h"

struct buf;

/* `encoding`: "base64", "quoted-printable", any other or none: as it is. */
void transfer_decode(struct buf *out, struct bytes encoding, struct bytes body);
void transfer_decode_base64(struct buf *out, struct bytes in);
void transfer_decode_qp(struct buf *out, struct bytes in);

#endif
