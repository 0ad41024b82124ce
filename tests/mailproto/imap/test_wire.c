// SPDX-License-Identifier: MIT
/* Extensions about the connection: COMPRESS (RFC 4978), UNAUTHENTICATE (RFC 8437), INPROGRESS
 * (RFC 9585), UIDONLY (RFC 9586). With the examples of their RFCs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "mailproto/imap/compress.h"
#include "mailproto/imap/mailbox.h"
#include "tests/support/imap_script.h"
#include "tests/support/memory_mailbox.h"

static const char mail[] = "From: Ann <ann@x.org>\r\nSubject: hello\r\n\r\nline one\r\n";

static void with_four_mails(struct imap_world *world)
{
    for (int i = 0; i < 4; i++) {
        memory_mail_deliver(world->store, "INBOX", mail);
    }
    imap_world_log_in(world, 1);
}

/* ---- COMPRESS ---- */

static void play_compress(struct imap_world *world)
{
    with_four_mails(world);
    /* RFC 4978 section 3, its example. */
    RUN(world, "1> d COMPRESS DEFLATE", "1< d OK DEFLATE active", "1z", "1> e NOOP",
        "1< e OK NOOP completed", "1> f COMPRESS DEFLATE",
        "1< f NO [COMPRESSIONACTIVE] DEFLATE is on already", "1> g SELECT INBOX", "1< ...",
        "1< ~g OK", "1> h FETCH 1:4 BODY.PEEK[TEXT]", "1< * 1 FETCH (BODY[TEXT] {10}",
        "1< line one", "1< )", "1< * 2 FETCH (BODY[TEXT] {10}", "1< ...", "1< h OK FETCH completed",
        /* A message comes in packed as well. */
        "1> i APPEND INBOX {6}", "1< + Ready for the message", "1> a: b\r\n", "1< ...",
        "1< ~i OK [APPENDUID 1000 5]", "1> j APPEND INBOX {6+}\r\na: b\r\n", "1< ...",
        "1< ~j OK [APPENDUID 1000 6]", "1> k LOGOUT", "1< ...", "1< k OK LOGOUT completed");
}

static void play_other_algorithm(struct imap_world *world)
{
    RUN(world, "1< ~* OK", "1> a COMPRESS DEFLATE", "1< a BAD Log in first",
        "1> b LOGIN alice secret", "1< ~b OK", "1> c COMPRESS LZ4",
        "1< c BAD Only DEFLATE is known here", "1> d NOOP", "1< d OK NOOP completed");
}

/* What was pipelined behind COMPRESS in clear is no deflate stream: it is never run. */
static void play_pipelined(struct imap_world *world)
{
    with_four_mails(world);
    RUN(world, "1+ a COMPRESS DEFLATE\r\nb DELETE Sent\r\n", "1< a OK DEFLATE active");
    assert_true(imap_world_wants(world, 1, SERVE_WANT_CLOSE));
    RUN(world, "2< ~* OK", "2> a LOGIN alice secret", "2< ~a OK", "2> b STATUS Sent (MESSAGES)",
        "2< * STATUS \"Sent\" (MESSAGES 0)", "2< ~b OK");
}

static void compress_packs_both_ways(void **state)
{
    (void)state;
    imap_world_in_every_way(play_compress);
    imap_world_in_every_way(play_other_algorithm);
    imap_world_in_every_way(play_pipelined);
}

/* `n` bytes of 'x', packed. */
static void pack_many(struct buf *out, size_t n)
{
    z_stream stream = {0};
    uint8_t *zeros = xmalloc(65536);
    uint8_t piece[65536];
    memset(zeros, 'x', 65536);
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    for (size_t done = 0; done < n; done += 65536) {
        stream.next_in = zeros;
        stream.avail_in = 65536;
        do {
            stream.next_out = piece;
            stream.avail_out = sizeof(piece);
            (void)deflate(&stream, Z_SYNC_FLUSH);
            buf_append(out, piece, sizeof(piece) - stream.avail_out);
        } while (stream.avail_out == 0);
    }
    deflateEnd(&stream);
    free(zeros);
}

/* 200 MiB in 200 KiB: a line that long is cut off at its limit, and no memory grew. */
static void a_compression_bomb_is_an_endless_line(void **state)
{
    (void)state;
    struct imap_world world;
    imap_world_init(&world, false);
    struct buf bomb = {0};
    with_four_mails(&world);
    RUN(&world, "1> a COMPRESS DEFLATE", "1< a OK DEFLATE active", "1z");
    pack_many(&bomb, 200 * 1048576);
    assert_true(bomb.len < 400000);
    imap_world_send_raw(&world, 1, buf_view(&bomb));
    RUN(&world, "1< * BAD Line is too long", "1< * BYE [TOOBIG] Line is far too long");
    assert_true(imap_world_wants(&world, 1, SERVE_WANT_CLOSE));
    buf_clear(&bomb);
    imap_world_clear(&world);
}

static void unpacking_gives_small_pieces(void **state)
{
    (void)state;
    struct imap_compress *compress = imap_compress_new();
    struct buf bomb = {0};
    struct bytes piece = {0};
    size_t total = 0;
    pack_many(&bomb, 16 * 65536);
    struct bytes input = buf_view(&bomb);
    while (imap_compress_unpack(compress, &input, &piece) == PARSE_DONE) {
        assert_in_range(piece.len, 1, IMAP_COMPRESS_PIECE_BYTES);
        total += piece.len;
    }
    assert_int_equal(total, 16 * 65536);
    assert_int_equal(input.len, 0);
    struct bytes garbage = {(const uint8_t *)"\xff\xff\xff\xff", 4};
    assert_int_equal(imap_compress_unpack(compress, &garbage, &piece), PARSE_BAD);
    imap_compress_free(&compress);
    assert_null(compress);
    buf_clear(&bomb);
}

/* ---- UNAUTHENTICATE ---- */

static void play_unauthenticate(struct imap_world *world)
{
    with_four_mails(world);
    RUN(world, "1> a ENABLE CONDSTORE UIDONLY", "1< * ENABLED CONDSTORE UIDONLY", "1< ~a OK",
        "1> b SELECT INBOX", "1< ...", "1< ~b OK", "1> c UNAUTHENTICATE",
        "1< c OK UNAUTHENTICATE completed", "1> d SELECT INBOX", "1< d BAD Log in first",
        "1> e UNAUTHENTICATE", "1< e BAD Log in first", "1> f LOGIN alice secret",
        "1< ~f OK [CAPABILITY", "1> g SELECT INBOX", "1< ...", "1< ~g OK",
        /* What was enabled is off again: no MODSEQ, message numbers. */
        "1> h FETCH 1 FLAGS", "1< * 1 FETCH (FLAGS ())", "1< ~h OK");
}

static void unauthenticate_leaves_nothing_of_the_user(void **state)
{
    (void)state;
    imap_world_in_every_way(play_unauthenticate);
}

/* ---- INPROGRESS ---- */

/* The store is not let run meanwhile: the search goes on for half a minute. */
static void play_progress(struct imap_world *world)
{
    with_four_mails(world);
    imap_world_select(world, 1, "INBOX");
    memory_mail_hold(world->store, true);
    RUN(world, "1> A001 SEARCH BODY line", "1< .");
    imap_world_pass(world, 14999);
    RUN(world, "1< .");
    imap_world_pass(world, 1);
    RUN(world, "1< * OK [INPROGRESS (\"A001\" NIL NIL)] Still at it", "1< .");
    imap_world_pass(world, 15000);
    RUN(world, "1< * OK [INPROGRESS (\"A001\" NIL NIL)] Still at it", "1< .");
    memory_mail_hold(world->store, false);
    RUN(world, "1< * SEARCH 1 2 3 4", "1< A001 OK SEARCH completed");
    imap_world_pass(world, 15000);
    RUN(world, "1< .");
}

static void a_long_command_says_that_it_goes_on(void **state)
{
    (void)state;
    imap_world_in_every_way(play_progress);
}

/* ---- UIDONLY ---- */

static void play_uid_only(struct imap_world *world)
{
    with_four_mails(world);
    /* RFC 9586 section 3, its examples. */
    RUN(world, "1> A2 ENABLE UIDONLY", "1< * ENABLED UIDONLY", "1< A2 OK ENABLE completed",
        "1> A3 SELECT INBOX", "1< * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)",
        "1< ~* OK [PERMANENTFLAGS", "1< * 4 EXISTS", "1< * 4 RECENT",
        "1< * OK [UIDVALIDITY 1000] UIDs are valid", "1< ...", "1< ~A3 OK [READ-WRITE]",
        "1> A4 FETCH 1 (FLAGS)", "1< ~A4 BAD [UIDREQUIRED]", "1> A5 UID FETCH 1:2 (FLAGS)",
        "1< * 1 UIDFETCH (FLAGS (\\Recent))", "1< * 2 UIDFETCH (FLAGS (\\Recent))", "1< ~A5 OK",
        "1> A6 UID SEARCH 1:2", "1< ~A6 BAD [UIDREQUIRED]", "1> A7 UID STORE 2 +FLAGS (\\Deleted)",
        "1< * 2 UIDFETCH (FLAGS (\\Deleted \\Recent))", "1< ~A7 OK", "1> A8 UID EXPUNGE 2",
        "1< * VANISHED 2", "1< ~A8 OK", "1> A9 SEARCH ALL", "1< ~A9 BAD [UIDREQUIRED]",
        "1> B1 STORE 1 +FLAGS (\\Seen)", "1< ~B1 BAD [UIDREQUIRED]", "1> B2 COPY 1 Sent",
        "1< ~B2 BAD [UIDREQUIRED]", "1> B3 MOVE 1 Sent", "1< ~B3 BAD [UIDREQUIRED]",
        "1> B4 UID SEARCH NOT OR SEEN 1", "1< ~B4 BAD [UIDREQUIRED]", "1> B5 UID SEARCH UID 3:*",
        "1< * SEARCH 3 4", "1< ~B5 OK", "1> B6 SORT (ARRIVAL) UTF-8 ALL",
        "1< ~B6 BAD [UIDREQUIRED]", "1> B7 UID FETCH 3 (UID FLAGS)",
        "1< * 3 UIDFETCH (UID 3 FLAGS (\\Recent))", "1< ~B7 OK");
    memory_mail_expunge(world->store, "INBOX", 1);
    memory_mail_set_flags(world->store, "INBOX", 4, MAILBOX_FLAG_SEEN);
    RUN(world, "1> C1 NOOP", "1< * VANISHED 1", "1< * 4 UIDFETCH (FLAGS (\\Seen \\Recent))",
        "1< ~C1 OK");
}

static void play_uid_only_qresync(struct imap_world *world)
{
    with_four_mails(world);
    RUN(world, "1> a ENABLE QRESYNC UIDONLY", "1< * ENABLED CONDSTORE QRESYNC UIDONLY", "1< ~a OK",
        "1> b SELECT INBOX (QRESYNC (1000 1 1:4 (1:2 1:2)))", "1< ~b BAD [UIDREQUIRED]");
}

static void with_uidonly_there_are_no_message_numbers(void **state)
{
    (void)state;
    imap_world_in_every_way(play_uid_only);
    imap_world_in_every_way(play_uid_only_qresync);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compress_packs_both_ways),
        cmocka_unit_test(a_compression_bomb_is_an_endless_line),
        cmocka_unit_test(unpacking_gives_small_pieces),
        cmocka_unit_test(unauthenticate_leaves_nothing_of_the_user),
        cmocka_unit_test(a_long_command_says_that_it_goes_on),
        cmocka_unit_test(with_uidonly_there_are_no_message_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
