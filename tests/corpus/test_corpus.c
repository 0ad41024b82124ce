// SPDX-License-Identifier: MIT
/* Mails as real programs write them (collect.py) and after the observed shapes of others
 * (make_shapes.py): what a reader sees of each is what its letter says, and the bytes that leave
 * are the same whatever program wrote it. Then the same for mails that a generator makes, which
 * differ in every header field and in their MIME structure. */
#include "tests/support/vectors.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "gateway/translate/to_message.h"
#include "mailproto/mime/outgoing.h"
#include "node/content/content.h"

enum { N_GENERATED = 400, MAX_NAMES = 128 };

static void read_file(struct buf *out, const char *name)
{
    char *path = xasprintf(CORPUS_DIR "/%s", name);
    FILE *file = fopen(path, "rb");
    char piece[4096];
    size_t got;
    if (file == NULL) {
        fail_msg("%s can't be read", path);
    }
    while ((got = fread(piece, 1, sizeof piece, file)) > 0) {
        buf_append(out, piece, got);
    }
    fclose(file);
    free(path);
}

/* What leaves of a mail: both forms of it, one behind the other. */
static void translate(struct buf *out, struct bytes mail, const char *name)
{
    struct arena arena = {0};
    struct fault fault = {0};
    struct outgoing_mail taken;
    struct message_plan plan;
    if (!outgoing_take_apart(&taken, mail, &arena, &fault) ||
        !to_message_plan(&plan, &taken, NULL, 0, &arena, &fault) ||
        !content_encode(out, &plan.plain, &fault) ||
        (plan.has_extended && !content_encode(out, &plan.extended, &fault))) {
        fail_msg("%s: %s", name, fault.text);
    }
    arena_clear(&arena);
}

/* ---- the corpus ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t list_corpus(char *names[MAX_NAMES], const char *suffix)
{
    size_t n = 0;
    DIR *folder = opendir(CORPUS_DIR);
    const struct dirent *entry;
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        const char *end = strstr(entry->d_name, suffix);
        if (end != NULL && strcmp(end, suffix) == 0 && n < MAX_NAMES) {
            names[n++] = xstrdup(entry->d_name);
        }
    }
    closedir(folder);
    qsort(names, n, sizeof *names, by_name);
    return n;
}

/* All that end so carry the letter of that name. */
static void check_letter(const char *suffix, const char *letter, size_t n_at_least)
{
    char *names[MAX_NAMES];
    struct buf expected = {0};
    size_t n_wrong = 0;
    size_t n = list_corpus(names, suffix);
    read_file(&expected, letter);
    assert_true(n >= n_at_least);
    for (size_t i = 0; i < n; i++) {
        struct buf mail = {0};
        struct buf got = {0};
        read_file(&mail, names[i]);
        translate(&got, buf_view(&mail), names[i]);
        if (!bytes_equal(buf_view(&got), buf_view(&expected))) {
            n_wrong++;
            print_message("%s differs (%zu bytes for %zu):\n%.*s\n", names[i], got.len,
                          expected.len, (int)(got.len < 700 ? got.len : 700),
                          (const char *)got.data);
        }
        buf_clear(&got);
        buf_clear(&mail);
        free(names[i]);
    }
    buf_clear(&expected);
    assert_int_equal(n_wrong, 0);
}

static void whatever_program_wrote_the_letter_the_same_bytes_leave(void **state)
{
    (void)state;
    check_letter("-text.eml", "letter-text.expected", 14);
}

static void and_with_an_attachment(void **state)
{
    (void)state;
    check_letter("-file.eml", "letter-file.expected", 8);
}

/* ---- generated ---- */

static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static const char *pick(uint64_t *seed, const char *const *list, size_t n)
{
    return list[next(seed) % n];
}
#define PICK(seed, list) pick(seed, list, ARRAY_LEN(list))

static const char TEXT[] = "Hall\xc3\xb6 = 50 %\n\n.dot\nend\n";

static void write_crlf(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            buf_append_byte(out, '\r');
        }
        buf_append_byte(out, (uint8_t)*text);
    }
}

static void write_qp(struct buf *out, const char *text, uint64_t *seed)
{
    for (; *text != '\0'; text++) {
        uint8_t byte = (uint8_t)*text;
        if (byte == '\n') {
            buf_append_str(out, "\r\n");
        } else if (byte >= 0x7f || byte == '=' || next(seed) % 5 == 0) {
            buf_printf(out, next(seed) % 2 ? "=%02X" : "=%02x", byte);
        } else {
            buf_append_byte(out, byte);
        }
        if (byte != '\n' && text[1] != '\n' && next(seed) % 9 == 0) {
            buf_append_str(out, "=\r\n");
        }
    }
}

static void write_base64(struct buf *out, struct bytes data, uint64_t *seed)
{
    size_t row = 3 * (1 + next(seed) % 24);
    for (size_t i = 0; i < data.len; i += row) {
        base64_encode(out, bytes_slice(data, i, row));
        buf_append_str(out, "\r\n");
    }
}

/* The text as a part, header and body. */
static void write_text_part(struct buf *out, uint64_t *seed)
{
    static const char *const types[] = {
        "Content-Type: text/plain; charset=utf-8",
        "content-type: TEXT/PLAIN;\r\n\tCHARSET=\"UTF-8\"",
        "Content-Type: text/plain; charset=utf8; format=fixed; x-nosy=1"};
    struct buf crlf = {0};
    write_crlf(&crlf, TEXT);
    buf_printf(out, "%s\r\n", PICK(seed, types));
    switch (next(seed) % 3) {
    case 0:
        buf_append_str(out, "Content-Transfer-Encoding: 8bit\r\n\r\n");
        buf_append_bytes(out, buf_view(&crlf));
        break;
    case 1:
        buf_append_str(out, "Content-Transfer-Encoding: Quoted-Printable\r\n\r\n");
        write_qp(out, TEXT, seed);
        break;
    default:
        buf_append_str(out, "CONTENT-TRANSFER-ENCODING: base64\r\n\r\n");
        write_base64(out, buf_view(&crlf), seed);
    }
    buf_clear(&crlf);
}

static unsigned open_part(struct buf *out, uint64_t *seed, const char *type)
{
    unsigned boundary = (unsigned)(next(seed) % 1000000);
    buf_printf(out, "Content-Type: multipart/%s;\r\n boundary=\"%s%u\"\r\n\r\n%s--%s%u\r\n", type,
               "n_", boundary, next(seed) % 2 ? "a preamble\r\n" : "", "n_", boundary);
    return boundary;
}

static void write_body(struct buf *out, uint64_t *seed)
{
    static const char *const shown[] = {"alternative", "mixed", "related"};
    if (next(seed) % 3 == 0) {
        write_text_part(out, seed);
        return;
    }
    const char *type = PICK(seed, shown);
    unsigned boundary = open_part(out, seed, type);
    write_text_part(out, seed);
    if (strcmp(type, "alternative") == 0) {
        buf_printf(out, "\r\n--n_%u\r\nContent-Type: text/html\r\n\r\n<p>Hallo %u</p>", boundary,
                   (unsigned)next(seed));
    }
    buf_printf(out, "\r\n--n_%u--\r\n%s", boundary, next(seed) % 2 ? "an epilogue\r\n" : "");
}

static void write_file_part(struct buf *out, uint64_t *seed)
{
    static const uint8_t data[] = {0, 1, 2, 0xff, '\r', '\n', '.', 'x'};
    static const char *const heads[] = {
        "Content-Type: application/x-y; name=\"n\xc3\xa4me\"\r\nContent-Disposition: attachment",
        "Content-Disposition: ATTACHMENT;\r\n filename*=utf-8''n%C3%A4me; size=8\r\n"
        "Content-Type: Application/X-Y",
        "Content-Type: application/x-y\r\nContent-ID: <nosy@host.example>\r\n"
        "Content-Disposition: attachment; filename=\"=?iso-8859-1?q?n=E4me?=\""};
    buf_printf(out, "%s\r\nContent-Transfer-Encoding: base64\r\n\r\n", PICK(seed, heads));
    write_base64(out, (struct bytes){data, sizeof data}, seed);
}

static void generate(struct buf *out, uint64_t *seed, bool has_file)
{
    static const char *const subjects[] = {
        "Subject: =?utf-8?b?R3LDvMOfZQ==?= an alle",
        "SUBJECT: =?iso-8859-1?q?Gr=FC=DFe?=\r\n an alle",
        "Subject: Gr\xc3\xbc\xc3\x9f"
        "e an\r\n\talle",
        "Subject:   =?UTF-8?Q?Gr=C3=BC?= =?utf-8?q?=C3=9Fe_an?= alle"};
    static const char *const noise[] = {"Date: Mon, 1 Jan 2001 01:02:03 +0845",
                                        "Message-ID: <nosy@host.example>",
                                        "User-Agent: Nosy/1",
                                        "X-Mailer: Nosy",
                                        "Received: from host.example",
                                        "Organization: The Firm",
                                        "Reply-To: <nosy@host.example>",
                                        "X-Originating-IP: [10.0.0.1]",
                                        "Autocrypt: addr=nosy",
                                        "Importance: high",
                                        "X-Bitmessage-Nosy: 1",
                                        "Content-Language: de",
                                        "Face: nosy",
                                        "List-Id: nosy"};
    size_t n_noise = next(seed) % 12;
    for (size_t i = 0; i < n_noise; i++) {
        buf_printf(out, "%s\r\n", PICK(seed, noise));
    }
    buf_printf(out, "%s\r\nFrom: %u <a@bm.alt>\r\nMIME-Version: 1.0\r\n", PICK(seed, subjects),
               (unsigned)next(seed));
    if (!has_file) {
        write_body(out, seed);
        return;
    }
    unsigned boundary = open_part(out, seed, "mixed");
    write_body(out, seed);
    buf_printf(out, "\r\n--n_%u\r\n", boundary);
    write_file_part(out, seed);
    buf_printf(out, "\r\n--n_%u--\r\n", boundary);
}

static void check_generated(bool has_file)
{
    struct buf first = {0};
    for (uint64_t i = 1; i <= N_GENERATED; i++) {
        uint64_t seed = i * UINT64_C(0x9e3779b97f4a7c15);
        struct buf mail = {0};
        struct buf got = {0};
        generate(&mail, &seed, has_file);
        translate(&got, buf_view(&mail), "generated");
        if (i == 1) {
            buf_append_bytes(&first, buf_view(&got));
        }
        if (!bytes_equal(buf_view(&got), buf_view(&first))) {
            fail_msg("mail %d gives other bytes:\n%s\n----\n%.*s\nnot\n%.*s", (int)i,
                     buf_str(&mail), (int)got.len, (const char *)got.data, (int)first.len,
                     (const char *)first.data);
        }
        assert_null(memmem(got.data, got.len, "osy", 3));
        buf_clear(&mail);
        buf_clear(&got);
    }
    buf_clear(&first);
}

static void mails_that_differ_in_all_but_the_letter_give_the_same_bytes(void **state)
{
    (void)state;
    check_generated(false);
    check_generated(true);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_program_wrote_the_letter_the_same_bytes_leave),
        cmocka_unit_test(and_with_an_attachment),
        cmocka_unit_test(mails_that_differ_in_all_but_the_letter_give_the_same_bytes),
    };
    if (argc == 2) { /* print what leaves of one mail: how the .expected files are made */
        struct buf mail = {0};
        struct buf out = {0};
        read_file(&mail, argv[1]);
        translate(&out, buf_view(&mail), argv[1]);
        fwrite(out.data, 1, out.len, stdout);
        buf_clear(&mail);
        buf_clear(&out);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
