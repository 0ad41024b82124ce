// SPDX-License-Identifier: MIT
/* What decoding and repairing addresses share. */
#ifndef BITTERN_CRYPTO_ADDRESS_INTERNAL_H
#define BITTERN_CRYPTO_ADDRESS_INTERNAL_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum { ADDRESS_CHECKSUM_BYTES = 4 };

/* The base 58 part of an address's text: without the spaces around it and "BM-". Borrows. */
struct bytes address_text_body(struct bytes text) MUST_USE;
/* True when the last four bytes are the checksum of those before. */
bool address_checksum_fits(struct bytes number) MUST_USE;

#endif
