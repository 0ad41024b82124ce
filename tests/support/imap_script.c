// SPDX-License-Identifier: MIT
#include "tests/support/imap_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "mailproto/imap/imap_session.h"
#include "tests/support/memory_mailbox.h"

struct imap_script_session {
    void *session;
    struct serve_client client;
    struct buf out;
    size_t n_read; /* of out, by the rows */
    bool skipping; /* "..." was the last row */
    bool is_packed;
    z_stream packing;
    z_stream unpacking;
};

/* ---- COMPRESS, the client's side: zlib as it is, with the largest window ---- */

static void begin_packing(struct imap_script_session *session)
{
    session->is_packed = true;
    assert_int_equal(deflateInit2(&session->packing, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY),
                     Z_OK);
    assert_int_equal(inflateInit2(&session->unpacking, -15), Z_OK);
}

static void pump(z_stream *stream, int (*step)(z_stream *stream, int flush), struct buf *out,
                 struct bytes in)
{
    uint8_t piece[1000];
    stream->next_in = (Bytef *)(uintptr_t)in.data;
    stream->avail_in = (uInt)in.len;
    do {
        stream->next_out = piece;
        stream->avail_out = sizeof(piece);
        int result = step(stream, Z_SYNC_FLUSH);
        assert_true(result == Z_OK || result == Z_BUF_ERROR);
        buf_append(out, piece, sizeof(piece) - stream->avail_out);
    } while (stream->avail_out == 0);
    assert_int_equal(stream->avail_in, 0);
}

static void wake(void *context)
{
    (void)context; /* imap_world_settle looks at every session anyway */
}

void imap_world_init(struct imap_world *world, bool reads_wait)
{
    imap_world_init_with(world, &(struct memory_mail_config){.reads_wait = reads_wait});
}

void imap_world_init_with(struct imap_world *world, const struct memory_mail_config *config)
{
    *world = (struct imap_world){.now = {.mono_ms = 1000, .wall_sec = MEMORY_NOW_SEC}};
    log_init(STDERR_FILENO, LOG_LEVEL_ERROR, "test");
    world->store = memory_mail_new(config);
    world->service =
        imap_service_new(&(struct imap_config){.ops = memory_mail_ops(),
                                               .store = world->store,
                                               .judge = memory_mail_judge(world->store),
                                               .limits = imap_limits_default()});
    world->client = (struct serve_client){
        .id = "imap-1", .address = "127.0.0.1", .is_loopback = true, .can_start_tls = true};
}

void imap_world_hang_up(struct imap_world *world, unsigned number)
{
    struct imap_script_session *session = world->sessions[number - 1];
    world->sessions[number - 1] = NULL;
    if (session == NULL) {
        return;
    }
    imap_protocol.session_free(session->session);
    buf_clear(&session->out);
    if (session->is_packed) {
        deflateEnd(&session->packing);
        inflateEnd(&session->unpacking);
    }
    free(session);
}

void imap_world_clear(struct imap_world *world)
{
    for (unsigned i = 1; i <= IMAP_SCRIPT_CLIENTS; i++) {
        imap_world_hang_up(world, i);
    }
    memory_mail_free(&world->store);
    imap_service_free(&world->service);
}

static struct imap_script_session *session_of(struct imap_world *world, unsigned number)
{
    assert_in_range(number, 1, IMAP_SCRIPT_CLIENTS);
    struct imap_script_session **slot = &world->sessions[number - 1];
    if (*slot == NULL) {
        *slot = xcalloc(1, sizeof(**slot));
        (*slot)->client = world->client;
        (*slot)->session = imap_protocol.session_new(world->service, &(*slot)->client,
                                                     (struct serve_waker){wake, NULL}, &world->now);
    }
    return *slot;
}

/* Take what one session has to say. True when it said anything. */
static bool take_output(struct imap_world *world, struct imap_script_session *session)
{
    bool any = false;
    while ((imap_protocol.poll(session->session).wants & SERVE_WANT_OUTPUT) != 0) {
        struct buf piece = {0};
        imap_protocol.output(session->session, &piece, &world->now);
        /* What comes in one go stays near the mark, however much there is to say. */
        assert_true(piece.len <= 2 * SERVE_OUTPUT_MARK_BYTES);
        if (session->is_packed && piece.len > 0) {
            pump(&session->unpacking, inflate, &session->out, buf_view(&piece));
        } else {
            buf_append_bytes(&session->out, buf_view(&piece));
        }
        buf_clear(&piece);
        any = true;
    }
    return any;
}

void imap_world_settle(struct imap_world *world)
{
    bool moved = true;
    while (moved) {
        moved = false;
        for (size_t i = 0; i < IMAP_SCRIPT_CLIENTS; i++) {
            if (world->sessions[i] != NULL) {
                moved = take_output(world, world->sessions[i]) || moved;
            }
        }
        moved = memory_mail_run(world->store) > 0 || moved;
    }
}

void imap_world_send_raw(struct imap_world *world, unsigned number, struct bytes bytes)
{
    struct imap_script_session *session = session_of(world, number);
    imap_world_settle(world);
    while (bytes.len > 0) {
        /* In an exact-size block, so that the sanitizer sees a read too far. */
        size_t len = world->byte_by_byte ? 1 : bytes.len;
        uint8_t *piece = xmemdup(bytes.data, len);
        if ((imap_protocol.poll(session->session).wants & SERVE_WANT_INPUT) == 0) {
            free(piece);
            return; /* closed, or waits for TLS */
        }
        size_t used = imap_protocol.feed(session->session, (struct bytes){piece, len}, &world->now);
        free(piece);
        imap_world_settle(world);
        bytes = bytes_slice(bytes, used, SIZE_MAX);
    }
}

void imap_world_send(struct imap_world *world, unsigned number, struct bytes bytes)
{
    struct imap_script_session *session = session_of(world, number);
    struct buf packed = {0};
    if (session->is_packed) {
        pump(&session->packing, deflate, &packed, bytes);
        bytes = buf_view(&packed);
    }
    imap_world_send_raw(world, number, bytes);
    buf_clear(&packed);
}

void imap_world_send_only(struct imap_world *world, unsigned number, struct bytes bytes)
{
    struct imap_script_session *session = session_of(world, number);
    (void)imap_protocol.feed(session->session, bytes, &world->now);
}

struct bytes imap_world_output(struct imap_world *world, unsigned number)
{
    struct imap_script_session *session = session_of(world, number);
    return bytes_slice(buf_view(&session->out), session->n_read, SIZE_MAX);
}

void imap_world_forget_output(struct imap_world *world, unsigned number)
{
    struct imap_script_session *session = session_of(world, number);
    session->n_read = session->out.len;
}

void imap_world_pass(struct imap_world *world, int64_t ms)
{
    world->now.mono_ms += ms;
    world->now.wall_sec += ms / 1000;
    for (size_t i = 0; i < IMAP_SCRIPT_CLIENTS; i++) {
        if (world->sessions[i] != NULL) {
            imap_protocol.tick(world->sessions[i]->session, &world->now);
        }
    }
    imap_world_settle(world);
}

void imap_world_tls_up(struct imap_world *world, unsigned number)
{
    imap_protocol.tls_up(session_of(world, number)->session, &world->now);
}

bool imap_world_wants(struct imap_world *world, unsigned number, unsigned want)
{
    return (imap_protocol.poll(session_of(world, number)->session).wants & want) != 0;
}

/* The next line without its CRLF. False when there is none. */
static bool next_line(struct imap_script_session *session, struct bytes *out)
{
    struct bytes rest = bytes_slice(buf_view(&session->out), session->n_read, SIZE_MAX);
    size_t end = bytes_find(rest, '\n');
    if (end == rest.len) {
        return false;
    }
    session->n_read += end + 1;
    *out = bytes_slice(rest, 0, end > 0 && rest.data[end - 1] == '\r' ? end - 1 : end);
    return true;
}

static bool line_fits(struct bytes line, const char *expected)
{
    bool prefix = expected[0] == '~';
    struct bytes wanted = bytes_of_str(expected + (prefix ? 1 : 0));
    return prefix ? bytes_starts_with(line, wanted) : bytes_equal(line, wanted);
}

static void expect(struct imap_script_session *session, const char *row, const char *expected)
{
    struct bytes line = {0};
    if (strcmp(expected, "...") == 0) {
        session->skipping = true;
        return;
    }
    if (strcmp(expected, ".") == 0) {
        if (next_line(session, &line)) {
            fail_msg("row \"%s\": there is \"%.*s\"", row, (int)line.len, line.data);
        }
        return;
    }
    do {
        if (!next_line(session, &line)) {
            fail_msg("row \"%s\": nothing more came", row);
        }
    } while (session->skipping && !line_fits(line, expected));
    session->skipping = false;
    if (!line_fits(line, expected)) {
        fail_msg("row \"%s\": got \"%.*s\"", row, (int)line.len, line.data);
    }
}

void imap_world_run(struct imap_world *world, const char *const *rows)
{
    for (; *rows != NULL; rows++) {
        const char *row = *rows;
        unsigned number = (unsigned)(row[0] - '0');
        const char *text = row[2] == ' ' ? row + 3 : row + 2;
        struct imap_script_session *session = session_of(world, number);
        imap_world_settle(world);
        if (row[1] == 'z') {
            begin_packing(session);
            continue;
        }
        if (row[1] == '<') {
            expect(session, row, text);
            continue;
        }
        struct buf bytes = {0};
        buf_append_str(&bytes, text);
        if (row[1] == '>') {
            buf_append_str(&bytes, "\r\n");
        }
        imap_world_send(world, number, buf_view(&bytes));
        buf_clear(&bytes);
    }
}

/* A row for client `number`: `what` is "> " or "< ". */
static void run_row(struct imap_world *world, unsigned number, const char *what, const char *format,
                    va_list args)
{
    struct buf row = {0};
    buf_printf(&row, "%u%s", number, what);
    buf_vprintf(&row, format, args);
    imap_world_run(world, (const char *const[]){buf_str(&row), NULL});
    buf_clear(&row);
}

void imap_world_ask(struct imap_world *world, unsigned number, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    run_row(world, number, "> ", format, args);
    va_end(args);
}

void imap_world_expect(struct imap_world *world, unsigned number, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    run_row(world, number, "< ", format, args);
    va_end(args);
}

/* ---- Beginnings ---- */

void imap_world_in_every_way(void (*play)(struct imap_world *world))
{
    imap_world_in_every_way_with(&(struct memory_mail_config){0}, play);
}

void imap_world_in_every_way_with(const struct memory_mail_config *config,
                                  void (*play)(struct imap_world *world))
{
    for (unsigned way = 0; way < 4; way++) {
        struct imap_world world;
        struct memory_mail_config own = *config;
        own.reads_wait = (way & 1) != 0;
        imap_world_init_with(&world, &own);
        world.byte_by_byte = (way & 2) != 0;
        play(&world);
        imap_world_clear(&world);
    }
}

void imap_world_log_in(struct imap_world *world, unsigned number)
{
    imap_world_expect(world, number, "~* OK [CAPABILITY IMAP4rev1");
    imap_world_ask(world, number, "log LOGIN alice secret");
    imap_world_expect(world, number, "~log OK [CAPABILITY ");
}

void imap_world_select(struct imap_world *world, unsigned number, const char *mailbox)
{
    imap_world_ask(world, number, "sel SELECT %s", mailbox);
    imap_world_expect(world, number, "...");
    imap_world_expect(world, number, "~sel OK [READ-WRITE]");
}

const char imap_mail_hello[] = "From: Ann <ann@x.org>\r\nTo: bob@y.org\r\nSubject: hello\r\n"
                               "\r\nline one\r\nline two\r\n";
const char imap_mail_second[] = "From: Cy <cy@z.org>\r\nSubject: second\r\n\r\nbody two\r\n";

void imap_world_with_two_mails(struct imap_world *world)
{
    memory_mail_deliver(world->store, "INBOX", imap_mail_hello);
    memory_mail_deliver(world->store, "INBOX", imap_mail_second);
    imap_world_log_in(world, 1);
    imap_world_select(world, 1, "INBOX");
}
