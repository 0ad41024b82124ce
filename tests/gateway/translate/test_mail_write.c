// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "gateway/translate/mail_write.h"

static struct bytes of(const char *text)
{
    return bytes_of_str(text);
}

static void texts_are_written_plain_folded_or_encoded(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *line;
    } cases[] = {
        {"Hello", "Subject: Hello\r\n"},
        {"", "Subject: \r\n"},
        {"  two  ", "Subject: two\r\n"},
        {"a\r\nBcc: x@y", "Subject: a Bcc: x@y\r\n"},
        {"a\nb\tc", "Subject: a b c\r\n"},
        {"\xc3\xa9", "Subject: =?utf-8?B?w6k=?=\r\n"},
        {"=?utf-8?Q?x?=", "Subject: =?utf-8?B?PT91dGYtOD9RP3g/PQ==?=\r\n"},
        {"bad \xff byte", "Subject: =?utf-8?B?YmFkIO+/vSBieXRl?=\r\n"},
        {"a  b", "Subject: =?utf-8?B?YSAgYg==?=\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = {0};
        mail_write_text(&out, "Subject", of(cases[i].text));
        assert_string_equal(buf_str(&out), cases[i].line);
        buf_clear(&out);
    }
}

/* No line above 78 characters, no bare CR or LF, no byte that is not printable ASCII, and
 * continuation lines begin with a space. */
static void assert_header_is_sound(struct buf *header)
{
    const char *text = buf_str(header);
    size_t column = 0;
    for (size_t i = 0; i < header->len; i++) {
        if (text[i] == '\r') {
            assert_int_equal(text[i + 1], '\n');
            i++;
            column = 0;
            assert_true(i + 1 == header->len || text[i + 1] == ' ');
            continue;
        }
        assert_in_range((unsigned char)text[i], 0x20, 0x7e);
        assert_true(++column <= 78);
    }
    assert_true(header->len >= 2 && text[header->len - 1] == '\n');
}

static void any_bytes_make_a_sound_header_field(void **state)
{
    (void)state;
    uint8_t bytes[4096];
    uint32_t seed = 1;
    for (size_t round = 0; round < 300; round++) {
        size_t len = round * 13 % sizeof(bytes);
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525 + 1013904223;
            static const char nasty[] = "\r\n:;=?\"\\ \t<>@,\0\x7f";
            bytes[i] = seed >> 31 != 0 ? (uint8_t)nasty[(seed >> 24) % (sizeof(nasty) - 1)]
                                       : (uint8_t)(seed >> 16);
        }
        struct buf out = {0};
        mail_write_text(&out, "Subject", (struct bytes){bytes, len});
        assert_header_is_sound(&out);
        buf_reset(&out);
        mail_write_address(&out, "From", (struct bytes){bytes, len}, "BM-x@bm.alt");
        assert_header_is_sound(&out);
        const char *at = strstr(buf_str(&out), "BM-x@bm.alt");
        assert_non_null(at);
        buf_reset(&out);
        buf_append_str(&out, "Content-Type: a/b");
        mail_write_param(&out, "filename", (struct bytes){bytes, len});
        buf_append_str(&out, "\r\n");
        assert_header_is_sound(&out);
        buf_clear(&out);
    }
}

static void display_names_are_quoted(void **state)
{
    (void)state;
    struct buf out = {0};
    mail_write_address(&out, "From", of("A \"quoted\\\" name, x"), "BM-x@bm.alt");
    assert_string_equal(buf_str(&out),
                        "From: \"A \\\"quoted\\\\\\\" name, x\"\r\n <BM-x@bm.alt>\r\n");
    buf_clear(&out);
}

static void long_parameters_go_in_pieces(void **state)
{
    (void)state;
    struct buf out = {0};
    mail_write_param(&out, "filename", of("\xc3\xa4 b.txt"));
    assert_string_equal(buf_str(&out), ";\r\n filename*0*=utf-8''%C3%A4%20b.txt");
    buf_clear(&out);
}

/* Undo what write_text_part did, as far as the encodings go. */
static void read_back(struct buf *out, struct bytes part)
{
    const char *text = (const char *)part.data;
    const char *body = strstr(text, "\r\n\r\n") + 4;
    if (strstr(text, "base64") != NULL) {
        struct buf joined = {0};
        for (const char *c = body; *c != '\0'; c++) {
            if (*c != '\r' && *c != '\n') {
                buf_append_byte(&joined, (uint8_t)*c);
            }
        }
        assert_true(base64_decode(out, buf_view(&joined)));
        buf_clear(&joined);
        return;
    }
    bool qp = strstr(text, "quoted-printable") != NULL;
    for (const char *c = body; *c != '\0'; c++) {
        if (qp && *c == '=' && c[1] == '\r') {
            c += 2;
        } else if (qp && *c == '=') {
            uint8_t byte;
            assert_true(hex_decode(&byte, 1, (struct bytes){(const uint8_t *)c + 1, 2}));
            buf_append_byte(out, byte);
            c += 2;
        } else {
            buf_append_byte(out, (uint8_t)*c);
        }
    }
}

static void bodies_come_back_as_they_were(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *encoding;
    } cases[] = {
        {"plain\nlines\n", "7bit"},
        {"", "7bit"},
        {".\ndot\n", "quoted-printable"},
        {"From here\n", "quoted-printable"},
        {"trailing \n", "quoted-printable"},
        {"--=_boundary\n", "quoted-printable"},
        {"a mostly ASCII text with one \xc3\xa9 in it, which is short enough\n",
         "quoted-printable"},
        {"\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82\n", "base64"},
        {"a line that is longer than anybody would like it to be, but that is how people write "
         "when nothing breaks their lines = for them\n",
         "quoted-printable"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = {0};
        struct buf back = {0};
        struct buf wanted = {0};
        mail_write_text_part(&out, of(cases[i].text));
        if (strstr(buf_str(&out), cases[i].encoding) == NULL) {
            fail_msg("%s: %s", cases[i].text, buf_str(&out));
        }
        read_back(&back, buf_view(&out));
        for (const char *c = cases[i].text; *c != '\0'; c++) {
            buf_append_str(&wanted, *c == '\n' ? "\r\n" : (const char[]){*c, '\0'});
        }
        assert_bytes_equal(buf_view(&back), buf_view(&wanted));
        buf_clear(&out);
        buf_clear(&back);
        buf_clear(&wanted);
    }
}

static void a_megabyte_on_one_line_keeps_to_the_line_limit(void **state)
{
    (void)state;
    struct buf text = {0};
    struct buf out = {0};
    for (size_t i = 0; i < 1048576; i++) {
        buf_append_byte(&text, 'x');
    }
    mail_write_text_part(&out, buf_view(&text));
    size_t column = 0;
    for (size_t i = 0; i < out.len; i++) {
        column = out.data[i] == '\n' ? 0 : column + 1;
        assert_true(column <= 78);
    }
    buf_clear(&text);
    buf_clear(&out);
}

static void texts_are_cleaned(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *clean;
        bool intact;
    } cases[] = {
        {"a\r\nb\rc\n", "a\nb\nc\n", true},
        {"\xef\xbb\xbfhello", "hello", true},
        {"bell\x07", "bell\xef\xbf\xbd", false},
        {"c1 \xc2\x85", "c1 \xef\xbf\xbd", false},
        {"cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd", false},
        {"tab\tstays", "tab\tstays", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = {0};
        assert_int_equal(mail_clean_text(&out, of(cases[i].text)), cases[i].intact);
        assert_string_equal(buf_str(&out), cases[i].clean);
        buf_clear(&out);
    }
}

static void a_line_can_not_turn_its_direction(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *clean;
    } cases[] = {
        {"photo\xe2\x80\xaegpj.exe", "photo\xef\xbf\xbdgpj.exe"},
        {"\xe2\x80\xaa\xe2\x81\xa6x\xe2\x81\xa9", "\xef\xbf\xbd\xef\xbf\xbdx\xef\xbf\xbd"},
        {"\xe2\x80\xa9 \xe2\x80\xaf", "\xe2\x80\xa9 \xe2\x80\xaf"}, /* the neighbours stay */
        {"\xe2\x81\xa5\xe2\x81\xaa", "\xe2\x81\xa5\xe2\x81\xaa"},
        {"\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = {0};
        (void)mail_clean_line(&out, of(cases[i].text));
        assert_string_equal(buf_str(&out), cases[i].clean);
        buf_clear(&out);
    }
}

static void dates_are_those_of_the_mail_standard(void **state)
{
    (void)state;
    char date[MAIL_DATE_BYTES];
    mail_date(date, 0);
    assert_string_equal(date, "Thu, 01 Jan 1970 00:00:00 +0000");
    mail_date(date, 1795000000);
    assert_string_equal(date, "Wed, 18 Nov 2026 11:06:40 +0000");
    mail_date(date, INT64_MAX);
    assert_string_equal(date, "Thu, 01 Jan 1970 00:00:00 +0000");
}

static void media_types_are_two_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        bool ok;
    } cases[] = {
        {"image/png", true}, {"text/x-c++", true},   {"image", false},    {"/png", false},
        {"image/", false},   {"a/b/c", false},       {"a/b; c=d", false}, {"a/b\r\nX: y", false},
        {"", false},         {"t\xc3\xa9/x", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (mail_is_media_type(of(cases[i].type)) != cases[i].ok) {
            fail_msg("%s", cases[i].type);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_written_plain_folded_or_encoded),
        cmocka_unit_test(any_bytes_make_a_sound_header_field),
        cmocka_unit_test(display_names_are_quoted),
        cmocka_unit_test(long_parameters_go_in_pieces),
        cmocka_unit_test(bodies_come_back_as_they_were),
        cmocka_unit_test(a_megabyte_on_one_line_keeps_to_the_line_limit),
        cmocka_unit_test(texts_are_cleaned),
        cmocka_unit_test(a_line_can_not_turn_its_direction),
        cmocka_unit_test(dates_are_those_of_the_mail_standard),
        cmocka_unit_test(media_types_are_two_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
