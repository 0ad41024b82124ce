// SPDX-License-Identifier: MIT
/* From a part's bytes to text: transfer encodings, character sets, format=flowed, HTML. */
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "mailproto/mime/charset.h"
#include "mailproto/mime/flowed.h"
#include "mailproto/mime/html_text.h"
#include "mailproto/mime/transfer.h"

struct text_case {
    const char *in;
    const char *out;
};

/* Each case also truncated at each length, in a block of that size. */
static void check_cases(const struct text_case *cases, size_t n_cases,
                        void (*convert)(struct buf *out, struct bytes in))
{
    for (size_t i = 0; i < n_cases; i++) {
        size_t len = strlen(cases[i].in);
        struct buf out = {0};
        for (size_t cut = 0; cut <= len; cut++) {
            uint8_t *block = xmemdup(cases[i].in, cut);
            buf_reset(&out);
            convert(&out, (struct bytes){block, cut});
            free(block);
        }
        if (strcmp(buf_str(&out), cases[i].out) != 0) {
            fail_msg("case %zu \"%s\": \"%s\", not \"%s\"", i, cases[i].in, buf_str(&out),
                     cases[i].out);
        }
        buf_clear(&out);
    }
}

static void quoted_printable_is_undone(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {"a=3Db", "a=b"},
        {"a=\r\nb", "ab"},
        {"a=  \r\nb", "ab"},
        {"a  \r\nb", "a\r\nb"},
        {"=C3=A4=c3=a4", "\xc3\xa4\xc3\xa4"},
        {"bad =5", "bad =5"},
        {"bad =x", "bad =x"},
        {"bad =", "bad "},
        {"=ZZ=3", "=ZZ=3"},
        {"a=\nb\n", "ab\n"},
        {"", ""},
    };
    check_cases(cases, ARRAY_LEN(cases), transfer_decode_qp);
}

static void base64_is_undone(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {"aGVsbG8=", "hello"}, {"aGVs\r\nbG8=\r\n", "hello"},
        {"aGVsbG8", "hello"},  {"a G*V!s bG8=", "hello"},
        {"aGk=aGk=", "hihi"},  {"a", ""},
        {"====", ""},          {"", ""},
    };
    check_cases(cases, ARRAY_LEN(cases), transfer_decode_base64);
}

static void character_sets_become_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *charset;
        const char *in;
        const char *out;
        bool known;
    } cases[] = {
        {"utf-8", "\xc3\xa4", "\xc3\xa4", true},
        {"UTF-8", "\xff", "\xef\xbf\xbd", true},
        {"iso-8859-1", "\xe4\x80", "\xc3\xa4\xe2\x82\xac", true},
        {"ISO-8859-15", "\xa4", "\xe2\x82\xac", true},
        {"windows-1251", "\xcf", "\xd0\x9f", true},
        {"koi8-r", "\xf0", "\xd0\x9f", true},
        {"gb2312", "\xc4\xe3", "\xe4\xbd\xa0", true},
        {"big5", "\xa7\x41", "\xe4\xbd\xa0", true},
        {"shift_jis", "\x93\xfa", "\xe6\x97\xa5", true},
        {"euc-kr", "\xb0\xa1", "\xea\xb0\x80", true},
        {"iso-2022-jp", "\x1b$BF|\x1b(B", "\xe6\x97\xa5", true},
        {"utf-7", "+AOQ-", "\xc3\xa4", true},
        {"us-ascii", "\xc3\xa4", "\xc3\xa4", true},
        {"us-ascii", "\xe4", "\xc3\xa4", true},
        {"", "\xe4", "\xc3\xa4", true},
        {"no-such-set", "\xe4", "\xc3\xa4", false},
        {"../../etc/passwd", "\xe4", "\xc3\xa4", false},
        {"UTF-8//TRANSLIT", "abc", "abc", true},
        {"shift_jis", "\x93", "\xef\xbf\xbd", true},
    };
    struct charset_modules *modules = charset_modules_load();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = {0};
        bool known =
            charset_to_utf8(&out, bytes_of_str(cases[i].charset), bytes_of_str(cases[i].in));
        if (known != cases[i].known || strcmp(buf_str(&out), cases[i].out) != 0) {
            fail_msg("%s: \"%s\"", cases[i].charset, buf_str(&out));
        }
        buf_clear(&out);
    }
    charset_modules_free(&modules);
}

static void every_byte_in_every_set_gives_well_formed_utf8(void **state)
{
    (void)state;
    static const char *const sets[] = {"utf-8",   "utf-7",       "utf-16",      "utf-16be",
                                       "utf-32",  "iso-2022-jp", "iso-2022-kr", "hz",
                                       "gb18030", "big5-hkscs",  "euc-jp",      "shift_jis",
                                       "cp1255",  "tscii",       "iso-8859-8-i"};
    uint8_t all[512];
    for (size_t i = 0; i < sizeof all; i++) {
        all[i] = (uint8_t)(i * 7 + i / 256);
    }
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        for (size_t len = 0; len <= sizeof all; len += 7) {
            struct buf out = {0};
            uint8_t *block = xmemdup(all, len);
            charset_to_utf8(&out, bytes_of_str(sets[i]), (struct bytes){block, len});
            assert_true(utf8_valid(buf_view(&out)));
            free(block);
            buf_clear(&out);
        }
    }
}

static void unflow(struct buf *out, struct bytes in)
{
    flowed_decode(out, in, false);
}

static void unflow_delsp(struct buf *out, struct bytes in)
{
    flowed_decode(out, in, true);
}

static void flowed_text_is_joined(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {"a \nb\nc\n", "a b\nc\n"},
        {"a\n \n b\n", "a\n\nb\n"},
        {"> a \n> b\n>> c \nd\n", "> a b\n>> c \nd\n"},
        {" > not a quote\n", "> not a quote\n"},
        {"a \n-- \nsig\n", "a \n-- \nsig\n"},
        {"-- \nsig \nmore\n", "-- \nsig more\n"},
        {"a \n", "a \n"},
        {"a ", "a "},
        {"\n\n", "\n\n"},
        {"", ""},
        /* signed as it stands; what is around it is flowed as ever */
        {"a \n-----BEGIN PGP SIGNED MESSAGE-----\n\nb \n c\n> d \n-----BEGIN PGP SIGNATURE-----\n"
         "-----END PGP SIGNATURE-----\ne \nf\n",
         "a \n-----BEGIN PGP SIGNED MESSAGE-----\n\nb \n c\n> d \n-----BEGIN PGP SIGNATURE-----\n"
         "-----END PGP SIGNATURE-----\ne f\n"},
        {"-----BEGIN PGP MESSAGE-----\na \nb", "-----BEGIN PGP MESSAGE-----\na \nb"},
    };
    static const struct text_case delsp[] = {
        {"long \nword\n", "longword\n"},
        {"two  \nwords\n", "two words\n"},
    };
    check_cases(cases, ARRAY_LEN(cases), unflow);
    check_cases(delsp, ARRAY_LEN(delsp), unflow_delsp);
}

static void html_becomes_text_that_reads_well(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {"<p>Hello <b>world</b></p><p>Second</p>", "Hello world\n\nSecond"},
        {"a<br>b<br/><br>c", "a\nb\n\nc"},
        {"<div>a</div><div>b</div>", "a\nb"},
        {"  a \n\t b  ", "a b"},
        {"<ul><li>one<li>two</ul>x", "- one\n- two\n\nx"},
        {"<a href=\"https://x.y/z\">here</a> ok", "here <https://x.y/z> ok"},
        {"<a href=\"https://x.y/\">https://x.y/</a>", "https://x.y/"},
        {"<a href=\"mailto:a@b\">write</a>", "write <a@b>"},
        {"<a href=\"javascript:alert(1)\">x</a>", "x"},
        {"<script>alert(1)</script><style>p{}</style>t", "t"},
        {"<head><title>T</title></head><body>b</body>", "b"},
        {"&lt;&amp;&nbsp;&auml;&#8364;&euro;", "<&\xc2\xa0\xc3\xa4\xe2\x82\xac\xe2\x82\xac"},
        {"<blockquote>q1<br>q2</blockquote>a", "> q1\n> q2\na"},
        {"<pre>a\n  b\n</pre>c", "a\n  b\n\nc"},
        {"<img src=\"http://track/x.gif\" alt=\"pic\">", "pic"},
        {"<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"},
        {"<p>\xc3\xa4", "\xc3\xa4"},
        {"a <", "a <"},
        {"1 < 2 <3", "1 < 2 <3"},
        {"<P>A</P ><DIV Class=x>B</dIv>", "A\n\nB"},
        {"<p>a<div>b</div>c", "a\n\nb\nc"},
        {"<div><blockquote>q</div>a", "> q\na"},
        {"<pre> x </div> y</pre>", " x \n y"},
        {"a</p></blockquote></pre>b", "a\n\nb"},
        {"a<!-- <p>no</p> -->b<!--> c <!---->d<!doctype html>e<?xml x?>f</>g", "ab c defg"},
        {"a<!-- never ends <p>b", "a"},
        {"a<p title=\"never ends", "a"},
        {"<script>if (a</b) '</p>'; </scripts></script>t", "t"},
        {"<noscript>seen</noscript><object>instead</object>", "seeninstead"},
        {"<title>a</title>b<style>never ends", "b"},
        {"<a title='a>b' href='http://x/?a&amp;b'>t</a>", "t <http://x/?a&b>"},
        {"<a href = http://x/ >t</a>", "t <http://x/>"},
        {"<a title=\"it's\" href=\"http://x/\">t</a>", "t <http://x/>"},
        {"<a href=\"http://x/>t</a> u", "t u"},
        {"<a =x ==y / href=http://x/>t</a>", "t <http://x/>"},
        {"<a href=http://x>a<a href=http://y>b", "a <http://x>b <http://y>"},
        {"<a href>t</a><a>u</a><img><img alt='&lt;'>", "tu<"},
        {"&LT;&lt&copy=1&copy2&copy;&thetasym;&thetasymm;&apos;&;& &#;&#x;&#xg",
         "&LT;<&copy=1&copy2\xc2\xa9\xcf\x91&thetasymm;'&;& &#;&#x;&#xg"},
        {"&#x41;&#X42;&#67&#150;&#0;&#27;&#xd800;&#x110000;&#99999999999999999999;&#x10ffff;",
         "ABC\xe2\x80\x93\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
         "\xf4\x8f\xbf\xbf"},
        {"a&#13;&#10;&#9;b", "a b"},
        {"plain", "plain"},
        {"", ""},
    };
    check_cases(cases, ARRAY_LEN(cases), html_to_text);
}

/* Pieces that make a parser look through all that follows again and again, or go down again and
 * again: a megabyte of each. */
static void hostile_html_is_linear(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "<a x=1 ",
        "x=1 ",
        "<div><blockquote>",
        "<a href=http://x>y",
        "<",
        "</",
        "<!",
        "<!--",
        "<?",
        "<a b=\"c'",
        "<a b=",
        "= ",
        "<script>",
        "</p>",
        "<title></t",
        "&",
        "&#1",
        "&#",
        "<li></ul><ul>",
        "<a b='",
        "<img alt=&amp>",
        "<pre>\n",
        " ",
        "<br>",
    };
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        for (int with_tag = 0; with_tag < 2; with_tag++) {
            struct buf html = {0};
            struct buf out = {0};
            int64_t before = clock_thread_cpu_ns();
            buf_append_str(&html, with_tag ? "start<a " : "start");
            while (html.len < HTML_MAX_BYTES) {
                buf_append_str(&html, pieces[i]);
            }
            html_to_text(&out, buf_view(&html));
            assert_true(bytes_starts_with(buf_view(&out), bytes_of_str("start")));
            assert_true(out.len < 12u * HTML_MAX_BYTES);
            if (clock_thread_cpu_ns() - before >= INT64_C(2000000000)) {
                fail_msg("\"%s\" takes %lld ms", pieces[i],
                         (long long)((clock_thread_cpu_ns() - before) / 1000000));
            }
            buf_clear(&html);
            buf_clear(&out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quoted_printable_is_undone),
        cmocka_unit_test(base64_is_undone),
        cmocka_unit_test(character_sets_become_utf8),
        cmocka_unit_test(every_byte_in_every_set_gives_well_formed_utf8),
        cmocka_unit_test(flowed_text_is_joined),
        cmocka_unit_test(html_becomes_text_that_reads_well),
        cmocka_unit_test(hostile_html_is_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
