// SPDX-License-Identifier: MIT
/* COMPRESS (RFC 4978), and the session's input and output through it.
 *
 *     the client's bytes -> unpack, a piece at a time -> imap_take_input -> ... -> out -> pack
 *
 * A piece of which the session takes only a part (it is busy) is kept, and goes on when the session
 * is asked for output again. In one turn no more than TURN_MAX_BYTES are unpacked: the other
 * sessions want their turn, however well these bytes are packed. */
#include "mailproto/imap/compress.h"

#include "base/str.h"
#include "mailproto/imap/imap_internal.h"

enum { TURN_MAX_BYTES = 1048576 };

void cmd_compress(struct imap_session *session, struct imap_parser *args)
{
    imap_space(args);
    struct bytes algorithm = imap_atom(args);
    imap_end(args);
    if (imap_is_bad(session, args)) {
        return;
    }
    if (!bytes_is_word(algorithm, "DEFLATE")) {
        imap_finish(session, IMAP_STATUS_BAD, NULL, "Only DEFLATE is known here");
        return;
    }
    if (session->compress != NULL) {
        imap_finish(session, IMAP_STATUS_NO, "COMPRESSIONACTIVE", "DEFLATE is on already");
        return;
    }
    session->compress_begins = imap_compress_new();
    if (session->compress_begins == NULL) {
        imap_finish(session, IMAP_STATUS_NO, "UNAVAILABLE", "There is no memory for it now");
        return;
    }
    imap_finish(session, IMAP_STATUS_OK, NULL, "DEFLATE active");
}

/* Unpack and take, as long as the session takes input. */
static void take_packed(struct imap_session *session, struct bytes *input)
{
    size_t n_unpacked = 0;
    while (imap_takes_input(session) && n_unpacked < TURN_MAX_BYTES) {
        if (session->unpacked.len == 0) {
            enum parse_result result =
                imap_compress_unpack(session->compress, input, &session->unpacked);
            session->may_unpack_more = result == PARSE_DONE;
            if (result == PARSE_BAD) {
                imap_bye(session, NULL, "What comes is not DEFLATE");
                return;
            }
            if (result == PARSE_MORE) {
                return;
            }
            n_unpacked += session->unpacked.len;
        }
        size_t used = imap_take_input(session, session->unpacked);
        session->unpacked = bytes_slice(session->unpacked, used, SIZE_MAX);
    }
}

size_t imap_feed_packed(struct imap_session *session, struct bytes input)
{
    struct bytes rest = input;
    take_packed(session, &rest);
    return input.len - rest.len;
}

void imap_feed_unpacked(struct imap_session *session)
{
    struct bytes nothing = {0};
    if (imap_has_unpacked(session)) {
        take_packed(session, &nothing);
    }
}

bool imap_has_unpacked(const struct imap_session *session)
{
    return session->compress != NULL && session->may_unpack_more && imap_takes_input(session);
}

void imap_output_packed(struct imap_session *session, struct buf *out)
{
    if (session->compress != NULL) {
        imap_compress_pack(session->compress, out, buf_view(&session->out));
    } else {
        buf_append_bytes(out, buf_view(&session->out));
    }
    /* The tagged OK has gone out in clear; from its CRLF on both sides are packed. */
    if (session->compress_begins != NULL && session->command.phase == IMAP_PHASE_IDLE) {
        session->compress = session->compress_begins;
        session->compress_begins = NULL;
    }
}
