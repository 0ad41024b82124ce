// SPDX-License-Identifier: MIT
/* The two streams of COMPRESS=DEFLATE (RFC 4978), without I/O.
 *
 * What comes in is unpacked a piece at a time, into one small buffer: a few bytes that would
 * become gigabytes cost no memory, and whoever takes the pieces stops when he has had enough. What
 * goes out is packed with a small window, so that a session's two streams stay under 64 KiB. */
#ifndef BITTERN_MAILPROTO_IMAP_COMPRESS_H
#define BITTERN_MAILPROTO_IMAP_COMPRESS_H

#include "base/bytes.h"
#include "base/compiler.h"

struct buf;
struct imap_compress;

enum { IMAP_COMPRESS_PIECE_BYTES = 2048 };

/* NULL when there is no memory. */
struct imap_compress *imap_compress_new(void) MUST_USE;
/* NULL is ignored. */
void imap_compress_free(struct imap_compress **compress);

/* Append `plain`, packed, up to a point from which the other side can read all of it. */
void imap_compress_pack(struct imap_compress *compress, struct buf *out, struct bytes plain);

/* Unpack the next piece. PARSE_DONE: `out_piece` is not empty, at most IMAP_COMPRESS_PIECE_BYTES,
 * borrowed until the next call; PARSE_MORE: nothing more comes of these bytes; PARSE_BAD: this is
 * no deflate stream, or its end. `input` is cut by what was taken; it may be empty. */
enum parse_result imap_compress_unpack(struct imap_compress *compress, struct bytes *input,
                                       struct bytes *out_piece) MUST_USE;

#endif
