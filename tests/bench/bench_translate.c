// SPDX-License-Identifier: MIT
/* A mail of 100 KB into a message and a message into a mail, in each of the shapes that clients
 * make: taking it apart, planning, encoding; decoding, writing, analysing for IMAP.
 *
 *     bench_translate [BYTES]
 *
 * prints a JSON object a line: CPU milliseconds of the best of some rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/str.h"
#include "gateway/translate/to_mail.h"
#include "gateway/translate/to_message.h"
#include "mailproto/mime/analyse.h"
#include "mailproto/mime/outgoing.h"
#include "node/content/content.h"

enum { DEFAULT_BYTES = 100000, ROUNDS = 30, WRAP_COLUMN = 72 };

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* ---- mails ---- */

static const char SENTENCE[] = "The bittern is often heard, h\xc3\xb6"
                               "chst selten seen; 50 % = half.";

static void write_prose(struct buf *out, size_t len, const char *before, const char *after)
{
    while (out->len < len) {
        buf_printf(out, "%s%s%s\r\n", before, SENTENCE, after);
    }
}

static void quote(struct buf *out, struct bytes text)
{
    size_t column = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.data[i];
        if (byte == '\r' || byte == '\n') {
            buf_append_byte(out, byte);
            column = 0;
            continue;
        }
        if (column > WRAP_COLUMN) {
            buf_append_str(out, "=\r\n");
            column = 0;
        }
        if (byte == '=' || byte >= 0x7f) {
            buf_printf(out, "=%02X", byte);
            column += 3;
        } else {
            buf_append_byte(out, byte);
            column++;
        }
    }
}

enum shape { PLAIN_8BIT, QUOTED, BASE64, HTML_ALONE, ALTERNATIVE, WITH_FILE, N_SHAPES };
static const char *const NAMES[N_SHAPES] = {"plain",     "quoted-printable", "base64",
                                            "html-only", "alternative",      "attachment"};

static void base64_lines(struct buf *out, struct bytes data)
{
    for (size_t i = 0; i < data.len; i += 57) {
        base64_encode(out, bytes_slice(data, i, 57));
        buf_append_str(out, "\r\n");
    }
}

static void make_mail(struct buf *out, enum shape shape, size_t len)
{
    static const char HEAD[] = "From: a@bm.alt\r\nTo: b@bm.alt\r\nSubject: A long letter\r\n"
                               "MIME-Version: 1.0\r\n";
    struct buf text = {0};
    bool is_html = shape == HTML_ALONE;
    write_prose(&text, shape == ALTERNATIVE ? len / 2 : len, is_html ? "<p><b>" : "",
                is_html ? "</b> &amp; more</p>" : "");
    buf_append_str(out, HEAD);
    switch (shape) {
    case PLAIN_8BIT:
    case HTML_ALONE:
        buf_printf(out, "Content-Type: text/%s; charset=utf-8\r\n\r\n", is_html ? "html" : "plain");
        buf_append_bytes(out, buf_view(&text));
        break;
    case QUOTED:
        buf_append_str(out, "Content-Type: text/plain; charset=utf-8\r\n"
                            "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
        quote(out, buf_view(&text));
        break;
    case BASE64:
        buf_append_str(out, "Content-Type: text/plain; charset=utf-8\r\n"
                            "Content-Transfer-Encoding: base64\r\n\r\n");
        base64_lines(out, buf_view(&text));
        break;
    case ALTERNATIVE:
        buf_append_str(out, "Content-Type: multipart/alternative; boundary=A\r\n\r\n--A\r\n"
                            "Content-Type: text/plain; charset=utf-8\r\n\r\n");
        buf_append_bytes(out, buf_view(&text));
        buf_append_str(out, "\r\n--A\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<pre>");
        buf_append_bytes(out, buf_view(&text));
        buf_append_str(out, "</pre>\r\n--A--\r\n");
        break;
    default:
        buf_append_str(out, "Content-Type: multipart/mixed; boundary=A\r\n\r\n--A\r\n\r\nsee\r\n"
                            "--A\r\nContent-Type: application/x-y\r\n"
                            "Content-Transfer-Encoding: base64\r\n\r\n");
        base64_lines(out, buf_view(&text));
        buf_append_str(out, "\r\n--A--\r\n");
    }
    buf_clear(&text);
}

/* ---- both ways ---- */

static void need(bool ok, const struct fault *fault)
{
    if (!ok) {
        fprintf(stderr, "bench_translate: %s\n", fault->text);
        exit(EXIT_FAILURE);
    }
}

static uint64_t go_out(struct buf *out, struct bytes mail)
{
    struct arena arena = {0};
    struct fault fault = {0};
    struct outgoing_mail taken;
    struct message_plan plan;
    need(outgoing_take_apart(&taken, mail, &arena, &fault), &fault);
    need(to_message_plan(&plan, &taken, NULL, 0, &arena, &fault), &fault);
    const struct content *content = plan.needs_extended ? &plan.extended : &plan.plain;
    uint64_t encoding = content->encoding;
    need(content_encode(out, content, &fault), &fault);
    arena_clear(&arena);
    return encoding;
}

static void come_in(struct bytes data, uint64_t encoding)
{
    static const uint8_t HASH[INVENTORY_HASH_BYTES] = {1};
    struct arena arena = {0};
    struct fault fault = {0};
    struct content content;
    struct mime_analysis analysis;
    struct buf mail = {0};
    need(content_decode(&content, encoding, data, &arena, &fault), &fault);
    const struct arrived_message message = {.from = {.version = 4, .stream = 1},
                                            .from_label = "",
                                            .to = {.version = 4, .stream = 1},
                                            .to_label = "",
                                            .arrived_sec = 1795000000,
                                            .expires_sec = 1795000000,
                                            .hash = HASH,
                                            .encoding = encoding,
                                            .content = &content};
    to_mail_write(&mail, &message);
    analyse_mail(&analysis, buf_view(&mail), 1795000000, &arena);
    buf_clear(&mail);
    arena_clear(&arena);
}

static void measure(enum shape shape, size_t len)
{
    struct buf mail = {0};
    double best_out = 1e9;
    double best_in = 1e9;
    make_mail(&mail, shape, len);
    for (int i = 0; i < ROUNDS; i++) {
        struct buf data = {0};
        double began = now_ms();
        uint64_t encoding = go_out(&data, buf_view(&mail));
        double out_ms = now_ms() - began;
        began = now_ms();
        come_in(buf_view(&data), encoding);
        double in_ms = now_ms() - began;
        best_out = out_ms < best_out ? out_ms : best_out;
        best_in = in_ms < best_in ? in_ms : best_in;
        buf_clear(&data);
    }
    printf("{\"shape\": \"%s\", \"bytes\": %zu, \"out_ms\": %.3f, \"in_ms\": %.3f, "
           "\"both_ms\": %.3f}\n",
           NAMES[shape], mail.len, best_out, best_in, best_out + best_in);
    buf_clear(&mail);
}

int main(int argc, char **argv)
{
    size_t len = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : DEFAULT_BYTES;
    for (int shape = 0; shape < N_SHAPES; shape++) {
        measure((enum shape)shape, len);
    }
    return EXIT_SUCCESS;
}
