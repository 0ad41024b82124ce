// SPDX-License-Identifier: MIT
#include "mailproto/mime/bench_mail.h"

#include <stdbool.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/str.h"

enum { WRAP_COLUMN = 72 };

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

const char *bench_mail_name(enum bench_mail_shape shape)
{
    static const char *const names[BENCH_MAIL_N_SHAPES] = {
        "plain", "quoted-printable", "base64", "html-only", "alternative", "attachment"};
    return names[shape];
}

static void base64_lines(struct buf *out, struct bytes data)
{
    for (size_t i = 0; i < data.len; i += 57) {
        base64_encode(out, bytes_slice(data, i, 57));
        buf_append_str(out, "\r\n");
    }
}

void bench_mail_write(struct buf *out, enum bench_mail_shape shape, size_t len)
{
    static const char HEAD[] = "From: a@bm.alt\r\nTo: b@bm.alt\r\nSubject: A long letter\r\n"
                               "MIME-Version: 1.0\r\n";
    struct buf text = {0};
    bool is_html = shape == BENCH_MAIL_HTML;
    write_prose(&text, shape == BENCH_MAIL_ALTERNATIVE ? len / 2 : len, is_html ? "<p><b>" : "",
                is_html ? "</b> &amp; more</p>" : "");
    buf_append_str(out, HEAD);
    switch (shape) {
    case BENCH_MAIL_PLAIN:
    case BENCH_MAIL_HTML:
        buf_printf(out, "Content-Type: text/%s; charset=utf-8\r\n\r\n", is_html ? "html" : "plain");
        buf_append_bytes(out, buf_view(&text));
        break;
    case BENCH_MAIL_QUOTED:
        buf_append_str(out, "Content-Type: text/plain; charset=utf-8\r\n"
                            "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
        quote(out, buf_view(&text));
        break;
    case BENCH_MAIL_BASE64:
        buf_append_str(out, "Content-Type: text/plain; charset=utf-8\r\n"
                            "Content-Transfer-Encoding: base64\r\n\r\n");
        base64_lines(out, buf_view(&text));
        break;
    case BENCH_MAIL_ALTERNATIVE:
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
