// SPDX-License-Identifier: MIT
#include "mailproto/imap/compress.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/mem.h"

/* Raw deflate (RFC 4978 section 3). A client may use the whole window, we use less: with these, an
 * inflater takes 39 KiB and a deflater 22, so that with a piece it is 63 KiB for both ways. */
enum { UNPACK_WINDOW_BITS = -15, PACK_WINDOW_BITS = -11, PACK_MEMORY_LEVEL = 4, PACK_LEVEL = 6 };

struct imap_compress {
    z_stream unpacking;
    z_stream packing;
    uint8_t piece[IMAP_COMPRESS_PIECE_BYTES];
};

struct imap_compress *imap_compress_new(void)
{
    struct imap_compress *compress = xcalloc(1, sizeof(*compress));
    if (inflateInit2(&compress->unpacking, UNPACK_WINDOW_BITS) != Z_OK) {
        free(compress);
        return NULL;
    }
    if (deflateInit2(&compress->packing, PACK_LEVEL, Z_DEFLATED, PACK_WINDOW_BITS,
                     PACK_MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        inflateEnd(&compress->unpacking);
        free(compress);
        return NULL;
    }
    return compress;
}

void imap_compress_free(struct imap_compress **pointer)
{
    struct imap_compress *compress = *pointer;
    *pointer = NULL;
    if (compress != NULL) {
        inflateEnd(&compress->unpacking);
        deflateEnd(&compress->packing);
        mem_wipe(compress->piece, sizeof(compress->piece));
        free(compress);
    }
}

void imap_compress_pack(struct imap_compress *compress, struct buf *out, struct bytes plain)
{
    enum { STEP_BYTES = 4096 };
    uint8_t packed[STEP_BYTES];
    z_stream *stream = &compress->packing;
    assert(plain.len > 0 && plain.len <= UINT_MAX);
    stream->next_in = (Bytef *)(uintptr_t)plain.data; /* zlib only reads it */
    stream->avail_in = (uInt)plain.len;
    do {
        stream->next_out = packed;
        stream->avail_out = sizeof(packed);
        int result = deflate(stream, Z_SYNC_FLUSH);
        assert(result == Z_OK || result == Z_BUF_ERROR);
        (void)result;
        buf_append(out, packed, sizeof(packed) - stream->avail_out);
    } while (stream->avail_out == 0);
}

enum parse_result imap_compress_unpack(struct imap_compress *compress, struct bytes *input,
                                       struct bytes *out_piece)
{
    z_stream *stream = &compress->unpacking;
    size_t offered = input->len <= UINT_MAX ? input->len : UINT_MAX;
    stream->next_in = (Bytef *)(uintptr_t)input->data;
    stream->avail_in = (uInt)offered;
    stream->next_out = compress->piece;
    stream->avail_out = sizeof(compress->piece);
    int result = inflate(stream, Z_SYNC_FLUSH);
    *input = bytes_slice(*input, offered - stream->avail_in, SIZE_MAX);
    *out_piece = (struct bytes){compress->piece, sizeof(compress->piece) - stream->avail_out};
    stream->next_in = NULL;
    if (result != Z_OK && result != Z_BUF_ERROR) {
        return PARSE_BAD; /* also Z_STREAM_END: the stream lasts as long as the connection */
    }
    return out_piece->len > 0 ? PARSE_DONE : PARSE_MORE;
}
