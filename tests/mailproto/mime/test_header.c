// SPDX-License-Identifier: MIT
/* Header fields and what they hold: words, parameters, addresses, dates. */
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "mailproto/mime/address.h"
#include "mailproto/mime/date.h"
#include "mailproto/mime/header.h"
#include "mailproto/mime/param.h"
#include "mailproto/mime/words.h"

static struct bytes text(const char *str)
{
    return bytes_of_str(str);
}

static void a_header_is_split_into_its_fields(void **state)
{
    (void)state;
    static const struct {
        const char *entity;
        size_t header_len;
        size_t n_fields;
        const char *subject;
    } cases[] = {
        {"Subject: a\r\n\r\nbody", 14, 1, "a"},
        {"Subject: a\n\nbody", 12, 1, "a"},
        {"A: 1\r\nsubject:\r\n a\r\n\tb\r\n\r\n", 26, 2, "a\tb"},
        {"Subject: a\r\n", 12, 1, "a"},
        {"Subject: a", 10, 1, "a"},
        {"\r\nbody", 2, 0, NULL},
        {"", 0, 0, NULL},
        {"From me Thu Jan 1\r\nSubject: a\r\nno colon\r\n\r\n", 43, 1, "a"},
        {"Subject : a \r\n\r\n", 16, 1, "a"},
        {"Subject:\r\n\r\n", 12, 1, ""},
        {"\tfolded first\r\nSubject: a\r\n\r\n", 29, 1, "a"},
        {"Sub ject: a\r\n\r\n", 15, 0, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len = strlen(cases[i].entity);
        uint8_t *block = xmemdup(cases[i].entity, len);
        struct arena arena = {0};
        struct header header = header_split((struct bytes){block, len}, &arena);
        if (header.len != cases[i].header_len || header.n_fields != cases[i].n_fields) {
            fail_msg("case %zu: %zu bytes, %zu fields", i, header.len, header.n_fields);
        }
        struct bytes subject = header_text(&header, "SUBJECT", &arena);
        if (cases[i].subject != NULL) {
            assert_non_null(subject.data);
            assert_bytes_equal(subject, text(cases[i].subject));
        } else {
            assert_null(subject.data);
        }
        arena_clear(&arena);
        free(block);
    }
}

static void fields_beyond_the_bound_are_passed_over(void **state)
{
    (void)state;
    for (size_t n = HEADER_MAX_FIELDS - 1; n <= HEADER_MAX_FIELDS + 1; n++) {
        struct buf entity = {0};
        struct arena arena = {0};
        for (size_t i = 0; i < n; i++) {
            buf_append_str(&entity, "A: b\r\n");
        }
        buf_append_str(&entity, "\r\nbody");
        struct header header = header_split(buf_view(&entity), &arena);
        assert_int_equal(header.n_fields, n < HEADER_MAX_FIELDS ? n : HEADER_MAX_FIELDS);
        assert_int_equal(header.len, entity.len - 4);
        arena_clear(&arena);
        buf_clear(&entity);
    }
}

static void encoded_words_are_decoded_and_nothing_is_lost(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        const char *out;
    } cases[] = {
        {"plain  text", "plain  text"},
        {"=?utf-8?q?a_b=C3=A4?=", "a b\xc3\xa4"},
        {"=?UTF-8?B?w6Q=?= x", "\xc3\xa4 x"},
        {"=?utf-8?q?a?= =?utf-8?b?Yg==?=", "ab"},
        {"=?utf-8?q?a?=\t  =?utf-8?q?b?= c", "ab c"},
        {"=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "\xc3\xa4"},
        {"=?iso-8859-1?q?=E4?= =?utf-8?q?=C3=A4?=", "\xc3\xa4\xc3\xa4"},
        {"=?utf-8*en?q?lang?=", "lang"},
        {"=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "\xe6\x97\xa5\xe6\x9c\xac"},
        {"=?koi8-r?q?=D0=D2?=", "\xd0\xbf\xd1\x80"},
        {"=?x-nonsense?q?abc?=", "abc"},
        {"bad =?utf-8?q?x", "bad =?utf-8?q?x"},
        {"=?utf-8?x?a?= =?", "=?utf-8?x?a?= =?"},
        {"=?utf-8?q?=ZZ=?=", "=ZZ="},
        {"=?utf-8?q?a=00b?=", "a"}, /* the NUL stands there, and ends what strcmp sees */
        {"a =?utf-8?q?b?= c", "a b c"},
        {"=??q?a?=", "=??q?a?="},
        {"raw \xe4", "raw \xc3\xa4"},
        {"raw \xc3\xa4", "raw \xc3\xa4"},
        {"=?utf-8?q?=FF?=", "\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len = strlen(cases[i].in);
        struct buf out = {0};
        for (size_t cut = 0; cut <= len; cut++) {
            uint8_t *block = xmemdup(cases[i].in, cut);
            buf_reset(&out);
            words_decode(&out, (struct bytes){block, cut});
            assert_true(utf8_valid(buf_view(&out)));
            free(block);
        }
        assert_string_equal(buf_str(&out), cases[i].out);
        buf_clear(&out);
    }
}

static void a_subject_is_one_line_without_control_characters(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_bytes_equal(words_clean(text(" a =?utf-8?q?b=0D=0AX-Injected:_c=00=7F?= \tz "), &arena),
                       text("a b X-Injected: c z"));
    assert_bytes_equal(words_clean(text("=?utf-8?q?a=C2=85b?="), &arena), text("a b"));
    arena_clear(&arena);
}

/* "type/subtype name=value ..." */
static void show_params(struct buf *out, const struct mime_params *params)
{
    for (size_t i = 0; i < params->n_items; i++) {
        buf_printf(out, " %.*s=[%.*s]", (int)params->items[i].name.len,
                   (const char *)params->items[i].name.data, (int)params->items[i].value.len,
                   (const char *)params->items[i].value.data);
    }
}

static void content_types_are_parsed(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        const char *out; /* NULL: refused */
    } cases[] = {
        {"text/plain", "text/plain"},
        {"Text/HTML; charset=utf-8", "Text/HTML charset=[utf-8]"},
        {" text / plain ;charset = \"us ascii\" ", "text/plain charset=[us ascii]"},
        {"text/plain (a comment); (x) charset=a (y)", "text/plain charset=[a]"},
        {"multipart/mixed; boundary=\"a\\\"b\\\\\"", "multipart/mixed boundary=[a\"b\\]"},
        {"multipart/mixed; boundary=\"\\\"\"", "multipart/mixed boundary=[\"]"},
        {"multipart/mixed; boundary=a b c", "multipart/mixed boundary=[a b c]"},
        {"a/b; x; y=1;; z=2", "a/b y=[1] z=[2]"},
        {"a/b; name*0=\"a\"; name*1=\"b\"", "a/b name=[ab]"},
        {"a/b; name*1*=b%20; name*0*=utf-8''a", "a/b name*=[utf-8''ab%20]"},
        {"a/b; name*=utf-8'en'%C3%A4", "a/b name*=[utf-8'en'%C3%A4]"},
        {"a/b; name=\"unclosed", "a/b name=[unclosed]"},
        {"a/b; name=\"\"", "a/b name=[]"},
        {"a/b; name=", "a/b name=[]"},
        {"a/b; name*5=x", "a/b"},
        {"text", NULL},
        {"", NULL},
        {"/plain", NULL},
        {"text/", NULL},
        {"(((((", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len = strlen(cases[i].in);
        for (size_t cut = 0; cut <= len; cut++) {
            uint8_t *block = xmemdup(cases[i].in, cut);
            struct arena arena = {0};
            struct bytes type;
            struct bytes subtype;
            struct mime_params params = {0};
            bool ok =
                param_parse_type(&type, &subtype, &params, (struct bytes){block, cut}, &arena);
            if (cut == len && ok != (cases[i].out != NULL)) {
                fail_msg("%s", cases[i].in);
            }
            if (cut == len && ok) {
                struct buf out = {0};
                buf_printf(&out, "%.*s/%.*s", (int)type.len, (const char *)type.data,
                           (int)subtype.len, (const char *)subtype.data);
                show_params(&out, &params);
                assert_string_equal(buf_str(&out), cases[i].out);
                buf_clear(&out);
            }
            arena_clear(&arena);
            free(block);
        }
    }
}

static void file_names_are_decoded_in_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        const char *name;
    } cases[] = {
        {"attachment; filename=a.txt", "a.txt"},
        {"attachment; filename=\"=?utf-8?q?=C3=A4.txt?=\"", "\xc3\xa4.txt"},
        {"attachment; filename=x; filename*=iso-8859-1'de'%E4.txt", "\xc3\xa4.txt"},
        {"attachment; filename*0*=utf-8''%C3; filename*1*=%A4; filename*2=.txt", "\xc3\xa4.txt"},
        {"attachment; filename*=utf-8''a%0D%0Ab", "a b"},
        {"attachment; filename*=broken%C3%A4", "broken\xc3\xa4"},
        {"attachment; filename*=utf-8''%3D%3Futf-8%3Fq%3Fx%3F%3D", "=?utf-8?q?x?="},
        {"inline", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena arena = {0};
        struct bytes disposition;
        struct mime_params params = {0};
        assert_true(param_parse_disposition(&disposition, &params, text(cases[i].in), &arena));
        assert_bytes_equal(param_text(&params, "filename", &arena), text(cases[i].name));
        arena_clear(&arena);
    }
}

static void show_text(struct buf *out, struct bytes part)
{
    if (part.data == NULL) {
        buf_append_str(out, "-");
    } else {
        buf_append_bytes(out, part);
    }
}

static void addresses_come_out_as_they_were_written(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        const char *out; /* name|route|mailbox|host; each, '-' for absent */
    } cases[] = {
        {"a@b", "-|-|a|b;"},
        {"Alice <a@b>", "Alice|-|a|b;"},
        {"\"A, \\\"B\\\" C\" <a@b>, c@d (Comment)", "A, \"B\" C|-|a|b;Comment|-|c|d;"},
        {"=?utf-8?q?J=C3=B6rg?= M. <x@y>", "=?utf-8?q?J=C3=B6rg?= M.|-|x|y;"},
        {"Group: a@b, X <c@d>;, e@f", "-|-|Group|-;-|-|a|b;X|-|c|d;-|-|-|-;-|-|e|f;"},
        {"undisclosed-recipients:;", "-|-|undisclosed-recipients|-;-|-|-|-;"},
        {"Open: a@b", "-|-|Open|-;-|-|a|b;-|-|-|-;"},
        {"\"a b\"@c.d", "-|-|a b|c.d;"},
        {"<\"a@b\"@c>", "-|-|a@b|c;"},
        {"<@r.x,@s:a@b>", "-|@r.x,@s|a|b;"},
        {"BM-2cAbc", "-|-|BM-2cAbc|;"},
        {"Foo <BM-2cAbc>", "Foo|-|BM-2cAbc|;"},
        {"Foo Bar", "-|-|Foo Bar|;"},
        {"a@b,,c@d,", "-|-|a|b;-|-|c|d;"},
        {"a . b @ c . d", "-|-|a.b|c.d;"},
        {"a@[1.2.3.4]", "-|-|a|[1.2.3.4];"},
        {"A (note) B <a@b>", "A B|-|a|b;"},
        {"\"\" <a@b>", "-|-|a|b;"},
        {"<>", "-|-||;"},
        {"", ""},
        {" , ,", ""},
        {"<a@b", "-|-|a|b;"},
        {"\"unclosed <a@b>", "-|-|unclosed <a@b>|;"},
        {"(((((((", ""},
        {"a@b; c@d", "-|-|a|b;-|-|c|d;"},
        {"x <a@b> junk, c@d", "x|-|a|b;-|-|junk|;-|-|c|d;"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len = strlen(cases[i].in);
        for (size_t cut = 0; cut <= len; cut++) {
            uint8_t *block = xmemdup(cases[i].in, cut);
            struct arena arena = {0};
            struct mail_addresses list =
                address_parse_list((struct bytes){block, cut}, 100, &arena);
            if (cut == len) {
                struct buf out = {0};
                for (size_t k = 0; k < list.n_items; k++) {
                    show_text(&out, list.items[k].name);
                    buf_append_str(&out, "|");
                    show_text(&out, list.items[k].route);
                    buf_append_str(&out, "|");
                    show_text(&out, list.items[k].mailbox);
                    buf_append_str(&out, "|");
                    show_text(&out, list.items[k].host);
                    buf_append_str(&out, ";");
                }
                if (strcmp(buf_str(&out), cases[i].out) != 0) {
                    fail_msg("%s: %s, not %s", cases[i].in, buf_str(&out), cases[i].out);
                }
                buf_clear(&out);
            }
            arena_clear(&arena);
            free(block);
        }
    }
}

static void addresses_are_counted_and_cost_little(void **state)
{
    (void)state;
    struct buf in = {0};
    struct arena arena = {0};
    for (size_t i = 0; i < 10000; i++) {
        buf_append_str(&in, "\"\"<a@b>,(");
        buf_append_str(&in, ")\"x\",");
    }
    struct mail_addresses list = address_parse_list(buf_view(&in), 3, &arena);
    assert_int_equal(list.n_items, 3);
    assert_true(arena.total < 8u << 20);
    arena_clear(&arena);
    buf_clear(&in);
}

static void ids_are_taken_and_the_last_ones_kept(void **state)
{
    (void)state;
    struct bytes ids[2];
    assert_int_equal(address_parse_ids(ids, 2, text("<a@b> junk <c@d>\t<e@f>")), 2);
    assert_bytes_equal(ids[0], text("<c@d>"));
    assert_bytes_equal(ids[1], text("<e@f>"));
    assert_int_equal(address_parse_ids(ids, 2, text("a@b <> <a b> <unclosed")), 0);
}

static void dates_are_read_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        bool ok;
        int64_t sec;
        int zone_min;
    } cases[] = {
        {"Thu, 1 Jan 1970 00:00:00 +0000", true, 0, 0},
        {"Mon, 1 Jan 2024 10:00:00 +0130", true, 1704097800, 90},
        {"1 Jan 24 10:00 GMT", true, 1704103200, 0},
        {"Mon, 1 Jan 2024 10:00:00 -0500 (EST)", true, 1704121200, -300},
        {"29 Feb 2024 00:00:00 +0000", true, 1709164800, 0},
        {"29 Feb 2023 00:00:00 +0000", false, 0, 0},
        {"31 Dec 1969 23:59:59 +0000", true, -1, 0},
        {"1 Jan 2000 00:00:00 +0000", true, 946684800, 0},
        {"Mon, 0 Jan 0 0:0:0", false, 0, 0},
        {"1 Jan 2147483647 00:00:00 +0000", false, 0, 0},
        {"1 Jan 99999999999 00:00:00 +0000", false, 0, 0},
        {"1 Jan 2024 25:00:00 +0000", false, 0, 0},
        {"2024-01-01", false, 0, 0},
        {"((((((((((((((((((((((((((((((((((", false, 0, 0},
        {"", false, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t sec = 77;
        int16_t zone_min = 77;
        bool ok = date_parse(&sec, &zone_min, text(cases[i].in));
        if (ok != cases[i].ok || (ok && (sec != cases[i].sec || zone_min != cases[i].zone_min))) {
            fail_msg("%s: %d %lld %d", cases[i].in, ok, (long long)sec, zone_min);
        }
        if (!ok) {
            assert_int_equal(sec, 77);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_split_into_its_fields),
        cmocka_unit_test(fields_beyond_the_bound_are_passed_over),
        cmocka_unit_test(encoded_words_are_decoded_and_nothing_is_lost),
        cmocka_unit_test(a_subject_is_one_line_without_control_characters),
        cmocka_unit_test(content_types_are_parsed),
        cmocka_unit_test(file_names_are_decoded_in_both_ways),
        cmocka_unit_test(addresses_come_out_as_they_were_written),
        cmocka_unit_test(addresses_are_counted_and_cost_little),
        cmocka_unit_test(ids_are_taken_and_the_last_ones_kept),
        cmocka_unit_test(dates_are_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
