// SPDX-License-Identifier: MIT
/* bittern identity qr: an identity's bitmessage: link as a QR code, drawn with half blocks on the
 * terminal or written as a PNG.
 *
 * The picture is grey, a byte a dot, in one uncompressed zlib stream (RFC 2083, RFC 1950): a code
 * of an address is some 60 KiB, and needs no compressor. */
#include "gateway/cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"

enum { QUIET = 4, DOTS_PER_MODULE = 6, STORED_MAX_BYTES = 65535 };

struct code {
    int width;
    const json_t *rows; /* of "0110..." */
};

/* White outside the code. */
static bool is_dark(const struct code *code, int x, int y)
{
    if (x < 0 || y < 0 || x >= code->width || y >= code->width) {
        return false;
    }
    const json_t *row = json_array_get(code->rows, (size_t)y);
    return (size_t)x < json_string_length(row) && json_string_value(row)[x] == '1';
}

/* ---- on the terminal ---- */

/* Two rows a line; the light modules are drawn, so it reads on a dark ground as well as in reverse
 * video. */
static void draw(const struct code *code)
{
    static const char *const halves[] = {"\u2588", "\u2580", "\u2584", " "};
    for (int y = -QUIET; y < code->width + QUIET; y += 2) {
        for (int x = -QUIET; x < code->width + QUIET; x++) {
            int top = is_dark(code, x, y) ? 2 : 0;
            int bottom = is_dark(code, x, y + 1) ? 1 : 0;
            fputs(halves[top + bottom], stdout);
        }
        putchar('\n');
    }
}

/* ---- as a picture ---- */

static uint32_t crc_of(struct bytes data)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < data.len; i++) {
        crc ^= data.data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0xedb88320 & (0U - (crc & 1)));
        }
    }
    return ~crc;
}

static uint32_t adler_of(struct bytes data)
{
    uint32_t a = 1;
    uint32_t b = 0;
    for (size_t i = 0; i < data.len; i++) {
        a = (a + data.data[i]) % 65521;
        b = (b + a) % 65521;
    }
    return (b << 16) | a;
}

static void write_chunk(struct buf *out, const char *type, struct bytes data)
{
    size_t from = out->len + 4;
    write_u32(out, (uint32_t)data.len);
    buf_append_str(out, type);
    buf_append_bytes(out, data);
    write_u32(out, crc_of(bytes_slice(buf_view(out), from, out->len)));
}

/* zlib's form, in stored blocks. */
static void write_stored(struct buf *out, struct bytes data)
{
    write_u8(out, 0x78);
    write_u8(out, 0x01);
    for (size_t at = 0; at < data.len; at += STORED_MAX_BYTES) {
        struct bytes piece = bytes_slice(data, at, STORED_MAX_BYTES);
        uint16_t len = (uint16_t)piece.len;
        write_u8(out, at + piece.len == data.len ? 1 : 0);
        write_u8(out, (uint8_t)len);
        write_u8(out, (uint8_t)(len >> 8));
        write_u8(out, (uint8_t)~len);
        write_u8(out, (uint8_t)((uint16_t)~len >> 8));
        buf_append_bytes(out, piece);
    }
    write_u32(out, adler_of(data));
}

static void write_png(struct buf *out, const struct code *code)
{
    static const uint8_t magic[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    static const uint8_t grey[] = {8, 0, 0, 0, 0}; /* depth, colour, zlib, filters, one pass */
    int side = (code->width + 2 * QUIET) * DOTS_PER_MODULE;
    struct buf head = {0};
    struct buf dots = {0};
    struct buf stream = {0};
    write_u32(&head, (uint32_t)side);
    write_u32(&head, (uint32_t)side);
    buf_append(&head, grey, sizeof(grey));
    for (int y = 0; y < side; y++) {
        write_u8(&dots, 0); /* this line is as it is */
        for (int x = 0; x < side; x++) {
            bool dark = is_dark(code, x / DOTS_PER_MODULE - QUIET, y / DOTS_PER_MODULE - QUIET);
            write_u8(&dots, dark ? 0 : 255);
        }
    }
    write_stored(&stream, buf_view(&dots));
    buf_append(out, magic, sizeof(magic));
    write_chunk(out, "IHDR", buf_view(&head));
    write_chunk(out, "IDAT", buf_view(&stream));
    write_chunk(out, "IEND", (struct bytes){0});
    buf_clear(&head);
    buf_clear(&dots);
    buf_clear(&stream);
}

static bool save_png(const struct code *code, const char *path, struct fault *fault)
{
    struct buf png = {0};
    write_png(&png, code);
    FILE *file = fopen(path, "wb");
    bool ok = file != NULL && fwrite(png.data, 1, png.len, file) == png.len;
    ok = file != NULL && fclose(file) == 0 && ok;
    buf_clear(&png);
    return ok || fault_set_errno(fault, errno, "write %s", path);
}

int cmd_identity_qr(struct cli *cli, int argc, char **argv)
{
    const char *path = NULL;
    struct fault fault = {0};
    const struct cli_option options[] = {{"--png", NULL, &path}};
    if (!cli_options("identity qr", options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc != 2) {
        return cli_usage("identity qr", "of which identity?");
    }
    json_t *answer = cli_call(cli, "identity.qr", json_pack("{s:s}", "address", argv[1]), &fault);
    if (answer == NULL) {
        return cli_fail(&fault);
    }
    const json_t *rows = json_object_get(answer, "rows");
    const struct code code = {(int)json_array_size(rows), rows};
    bool ok = true;
    if (path != NULL) {
        ok = save_png(&code, path, &fault);
    } else {
        draw(&code);
        puts(cli_text(answer, "link"));
    }
    json_decref(answer);
    return ok ? CLI_DONE : cli_fail(&fault);
}
