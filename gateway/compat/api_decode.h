// SPDX-License-Identifier: MIT
/* Hex and base64 as Python 2's binascii reads them, which existing programs may lean on, with its
 * words for what is wrong. */
#ifndef BITTERN_GATEWAY_COMPAT_API_DECODE_H
#define BITTERN_GATEWAY_COMPAT_API_DECODE_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct buf;

/* Append what the text stands for; NULL, or the words. On failure `out` is as it was. */
const char *api_decode_hex(struct buf *out, struct bytes text) MUST_USE;
/* Characters that are not of the alphabet are passed over; what stands behind the padding, too. */
const char *api_decode_base64(struct buf *out, struct bytes text) MUST_USE;
/* Append the text as Python's repr would show it: quoted, one line of printable ASCII. */
void api_repr(struct buf *out, struct bytes text);

#endif
