// SPDX-License-Identifier: MIT
/* The double SHA-512 of a text that fits one block, by OpenSSL's own inner function on blocks that
 * are prepared once: what its assembly does is faster than any C for one text at a time. */
#ifndef BITTERN_CRYPTO_SHA512_BLOCK_INTERNAL_H
#define BITTERN_CRYPTO_SHA512_BLOCK_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum { SHA512_BLOCK_BYTES = 128, SHA512_BLOCK_MAX_TEXT = 111 };

/* The block of a text of `text_len` bytes (<= SHA512_BLOCK_MAX_TEXT): zeros where the text goes,
 * and what SHA-512 puts behind it. */
void sha512_block_prepare(uint8_t out[SHA512_BLOCK_BYTES], size_t text_len);
/* The first 8 bytes, as a big-endian number, of the double SHA-512 of the text in the block. */
uint64_t sha512_block_double(const uint8_t block[SHA512_BLOCK_BYTES]) MUST_USE;

#endif
