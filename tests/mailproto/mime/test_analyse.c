// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <libetpan/libetpan.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "mailproto/mime/analyse.h"

static struct bytes text(const char *str)
{
    return bytes_of_str(str);
}

/* "type/subtype[body]" with children in parentheses. */
static void show_part(struct buf *out, const struct message_info *info, uint32_t index,
                      struct bytes mail)
{
    const struct mime_part *part = &info->parts[index];
    struct bytes body = bytes_slice(mail, (size_t)part->body_offset, (size_t)part->body_len);
    buf_printf(out, "%.*s/%.*s", (int)part->type.len, (const char *)part->type.data,
               (int)part->subtype.len, (const char *)part->subtype.data);
    if (part->n_children == 0) {
        buf_printf(out, "[%.*s]", (int)body.len, (const char *)body.data);
        return;
    }
    buf_append_str(out, "(");
    uint32_t child = index + 1;
    for (uint32_t i = 0; i < part->n_children; i++) {
        assert_int_equal(info->parts[child].parent, index);
        buf_append_str(out, i == 0 ? "" : " ");
        show_part(out, info, child, mail);
        child = info->parts[child].next_sibling;
    }
    assert_true(child == MIME_PART_NONE);
    buf_append_str(out, ")");
}

/* What is promised of every analysis, whatever the mail. */
static void check_legal(const struct mime_analysis *analysis, struct bytes mail)
{
    struct arena arena = {0};
    struct message_info again = {0};
    assert_true(analysis->info.n_parts >= 1);
    assert_true(message_info_parse(&again, analysis->info_blob, mail.len, &arena, NULL));
    assert_int_equal(again.n_parts, analysis->info.n_parts);
    assert_true(utf8_valid(analysis->text.header));
    assert_true(utf8_valid(analysis->text.body));
    assert_true(utf8_valid(analysis->preview));
    assert_true(analysis->text.header.len <= ANALYSE_MAX_SEARCH_BYTES);
    assert_true(analysis->text.body.len <= ANALYSE_MAX_SEARCH_BYTES);
    assert_true(analysis->preview.len <= 4 * ANALYSE_MAX_PREVIEW_CHARS);
    arena_clear(&arena);
}

static void analyse_exact(struct bytes mail)
{
    uint8_t *block = xmemdup(mail.data, mail.len);
    struct arena arena = {0};
    struct mime_analysis analysis;
    struct bytes exact = {block, mail.len};
    analyse_mail(&analysis, exact, 5, &arena);
    check_legal(&analysis, exact);
    arena_clear(&arena);
    free(block);
}

static void check_shape(const char *mail, const char *shape)
{
    struct arena arena = {0};
    struct mime_analysis analysis;
    struct buf out = {0};
    analyse_mail(&analysis, text(mail), 5, &arena);
    check_legal(&analysis, text(mail));
    show_part(&out, &analysis.info, 0, text(mail));
    if (strcmp(buf_str(&out), shape) != 0) {
        fail_msg("\"%s\"\nis %s\nnot %s", mail, buf_str(&out), shape);
    }
    buf_clear(&out);
    arena_clear(&arena);
    for (size_t cut = 0; cut < strlen(mail); cut++) {
        analyse_exact(bytes_slice(text(mail), 0, cut));
    }
}

#define MIXED "Content-Type: multipart/mixed; boundary=A\r\n\r\n"

static void every_shape_of_a_mail_has_its_tree(void **state)
{
    (void)state;
    check_shape("Subject: x\r\n\r\nhello\r\n", "text/plain[hello\r\n]");
    check_shape("Subject: x\r\n\r\n", "text/plain[]");
    check_shape("", "text/plain[]");
    check_shape("Content-Type: broken\r\n\r\nx", "text/plain[x]");
    check_shape(MIXED
                "pre\r\n--A\r\n\r\none\r\n--A\r\nContent-Type: a/b\r\n\r\ntwo\r\n--A--\r\nepi",
                "multipart/mixed(text/plain[one] a/b[two])");
    check_shape(MIXED "--A\r\n\r\none\r\n--A  \t\r\n\r\ntwo\r\n--A-- \r\n",
                "multipart/mixed(text/plain[one] text/plain[two])");
    check_shape(MIXED "--A\n\none\n--A--\n", "multipart/mixed(text/plain[one])");
    /* never closed, never opened, empty */
    check_shape(MIXED "--A\r\n\r\nopen", "multipart/mixed(text/plain[open])");
    check_shape(MIXED "nothing", "multipart/mixed[nothing]");
    check_shape(MIXED "--A--\r\n", "multipart/mixed[--A--\r\n]");
    check_shape(MIXED "--A\r\n--A--\r\n", "multipart/mixed(text/plain[])");
    check_shape(MIXED "--A\r\nContent-Type: a/b\r\n--A--", "multipart/mixed(a/b[])");
    check_shape("Content-Type: multipart/mixed\r\n\r\nx", "multipart/mixed[x]");
    /* what looks like a delimiter and is none */
    check_shape(MIXED "--A\r\n\r\n--AB\r\n --A\r\n-A\r\nx--A\r\n--A--\r\n",
                "multipart/mixed(text/plain[--AB\r\n --A\r\n-A\r\nx--A])");
    check_shape(MIXED "--A--\r\n--A\r\n\r\nafter the end\r\n",
                "multipart/mixed[--A--\r\n--A\r\n\r\nafter the end\r\n]");
    /* nested, the inner one left open */
    check_shape(
        MIXED "--A\r\nContent-Type: multipart/alternative; boundary=AB\r\n\r\n--AB\r\n\r\n1\r\n"
              "--AB\r\n\r\n2\r\n--A\r\n\r\n3\r\n--A--\r\n",
        "multipart/mixed(multipart/alternative(text/plain[1] text/plain[2]) text/plain[3])");
    /* messages inside */
    check_shape(MIXED
                "--A\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nside\r\n--A--\r\n",
                "multipart/mixed(message/rfc822(text/plain[side]))");
    check_shape("Content-Type: message/rfc822\r\n\r\nSubject: a\r\nContent-Type: "
                "message/rfc822\r\n\r\n\r\nx",
                "message/rfc822(message/rfc822(text/plain[x]))");
    check_shape(
        "Content-Type: multipart/digest; boundary=A\r\n\r\n--A\r\n\r\nSubject: 1\r\n\r\none\r\n"
        "--A\r\nContent-Type: text/plain\r\n\r\ntwo\r\n--A--\r\n",
        "multipart/digest(message/rfc822(text/plain[one]) text/plain[two])");
    /* headers of this kind wrote outside of memory elsewhere */
    check_shape(
        "Content-Type: multipart/mixed; boundary=\"\\\"\"\r\n\r\n--\"\r\n\r\nx\r\n--\"--\r\n",
        "multipart/mixed(text/plain[x])");
}

static void offsets_and_lines_are_exact(void **state)
{
    (void)state;
    static const char mail[] =
        "Subject: x\r\n" MIXED "--A\r\nX: y\r\n\r\n1\r\n2\r\n\r\n--A\r\n\r\n\r\n"
        "--A--\r\n";
    struct arena arena = {0};
    struct mime_analysis analysis;
    analyse_mail(&analysis, text(mail), 5, &arena);
    const struct mime_part *parts = analysis.info.parts;
    assert_int_equal(analysis.info.n_parts, 3);
    assert_int_equal(parts[0].header_offset, 0);
    assert_int_equal(parts[0].body_offset, strstr(mail, "--A") - mail);
    assert_int_equal(parts[0].body_offset + parts[0].body_len, sizeof mail - 1);
    assert_int_equal(parts[1].header_offset, strstr(mail, "X: y") - mail);
    assert_int_equal(parts[1].body_offset, strstr(mail, "1\r\n2") - mail);
    assert_int_equal(parts[1].body_len, 6);
    assert_int_equal(parts[1].n_lines, 2);
    assert_int_equal(parts[2].body_len, 0);
    assert_int_equal(parts[2].n_lines, 0);
    assert_int_equal(parts[2].body_offset - parts[2].header_offset, 2);
    arena_clear(&arena);
}

static void the_fields_of_a_part_are_read(void **state)
{
    (void)state;
    static const char mail[] =
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"
        "Content-ID: <i@d>\r\nContent-Description:\r\nContent-MD5: Q2hl\r\n"
        "Content-Disposition: attachment;\r\n filename=\"a b.txt\"\r\nContent-Language: en, de\r\n"
        "Content-Location: http://x/\r\n\r\nYQ==";
    struct arena arena = {0};
    struct mime_analysis analysis;
    analyse_mail(&analysis, text(mail), 5, &arena);
    const struct mime_part *part = &analysis.info.parts[0];
    assert_bytes_equal(part->encoding, text("base64"));
    assert_bytes_equal(part->id, text("<i@d>"));
    assert_non_null(part->description.data);
    assert_int_equal(part->description.len, 0);
    assert_bytes_equal(part->md5, text("Q2hl"));
    assert_bytes_equal(part->disposition, text("attachment"));
    assert_bytes_equal(part->disposition_params.items[0].value, text("a b.txt"));
    assert_int_equal(part->n_languages, 2);
    assert_bytes_equal(part->languages[1], text("de"));
    assert_bytes_equal(part->location, text("http://x/"));
    assert_true(analysis.info.has_attachment);
    arena_clear(&arena);

    analyse_mail(&analysis, text("\r\nx"), 5, &arena);
    part = &analysis.info.parts[0];
    assert_bytes_equal(part->encoding, text("7bit"));
    assert_bytes_equal(part->params.items[0].value, text("us-ascii"));
    assert_null(part->disposition.data);
    assert_null(part->id.data);
    assert_false(analysis.info.has_attachment);
    assert_int_equal(analysis.info.sent_sec, 5);
    arena_clear(&arena);
}

static void the_envelope_is_as_written(void **state)
{
    (void)state;
    static const char mail[] =
        "Date: Thu, 1 Jan 1970 01:00:10 +0100\r\nSubject: =?utf-8?q?x?=\r\n y\r\n"
        "From: A <a@b>\r\nTo: c@d,\r\n e@f\r\nMessage-ID: <m@i>\r\n"
        "In-Reply-To: <p@q>\r\nReferences: <p@q> <r@s>\r\n\r\n";
    struct arena arena = {0};
    struct mime_analysis analysis;
    analyse_mail(&analysis, text(mail), 5, &arena);
    const struct mail_envelope *envelope = &analysis.info.envelope;
    assert_int_equal(analysis.info.sent_sec, 10);
    assert_int_equal(analysis.info.sent_zone_min, 60);
    assert_bytes_equal(envelope->subject, text("=?utf-8?q?x?= y"));
    assert_int_equal(envelope->to.n_items, 2);
    assert_bytes_equal(envelope->to.items[1].mailbox, text("e"));
    assert_int_equal(envelope->sender.n_items, 0);
    assert_bytes_equal(envelope->message_id, text("<m@i>"));
    assert_bytes_equal(envelope->references, text("<p@q> <r@s>"));
    assert_null(envelope->bcc.items);
    arena_clear(&arena);
}

static void what_is_searched_is_decoded_and_folded(void **state)
{
    (void)state;
    static const char mail[] =
        "Subject: =?utf-8?q?=C3=84pfel?=\r\n" MIXED
        "--A\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\nGR=D6SSE\r\n--A\r\n"
        "Content-Type: text/html\r\n\r\n<p>HTML <b>Text</b></p>\r\n--A\r\n"
        "Content-Type: image/png; name=Photo.PNG\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        "SECRETBYTES\r\n--A\r\nContent-Type: message/rfc822\r\n\r\nSubject: Inner\r\n\r\nDeep\r\n"
        "--A--\r\n";
    struct arena arena = {0};
    struct mime_analysis analysis;
    analyse_mail(&analysis, text(mail), 5, &arena);
    struct buf header = {0};
    struct buf body = {0};
    buf_append_bytes(&header, analysis.text.header);
    buf_append_bytes(&body, analysis.text.body);
    /* decomposed, as fold.h has it */
    assert_non_null(strstr(buf_str(&header), "subject:a\xcc\x88pfel\n"));
    assert_non_null(strstr(buf_str(&body), "gro\xcc\x88sse"));
    assert_non_null(strstr(buf_str(&body), "html text"));
    assert_non_null(strstr(buf_str(&body), "photo.png"));
    assert_non_null(strstr(buf_str(&body), "subject:inner\n"));
    assert_non_null(strstr(buf_str(&body), "deep"));
    assert_null(strstr(buf_str(&body), "secretbytes"));
    assert_bytes_equal(analysis.preview, text("GR\xc3\x96SSE"));
    buf_clear(&header);
    buf_clear(&body);
    arena_clear(&arena);
}

static void addresses_are_found_as_they_are_meant(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct mime_analysis analysis;
    analyse_mail(&analysis,
                 text("From: <user-from (comment)@ (comment) Domain.org>\r\n"
                      "To: G: =?utf-8?q?A?= <b@c>;\r\n\r\n"),
                 5, &arena);
    assert_bytes_equal(analysis.text.header,
                       text("from:<user-from (comment)@ (comment) domain.org>\n"
                            "from:<user-from@domain.org>\nto:g: a <b@c>;\nto:a <b@c>\n"));
    arena_clear(&arena);
}

static void a_preview_is_the_first_words_without_quotes(void **state)
{
    (void)state;
    struct buf mail = {0};
    struct arena arena = {0};
    struct mime_analysis analysis;
    buf_append_str(&mail,
                   "Content-Type: text/plain; charset=utf-8\r\n\r\n> quoted\r\nHello\r\n\r\n\t");
    for (size_t i = 0; i < 300; i++) {
        buf_append_str(&mail, "\xc3\xa4");
    }
    analyse_mail(&analysis, buf_view(&mail), 5, &arena);
    assert_true(bytes_starts_with(analysis.preview, text("Hello \xc3\xa4")));
    assert_int_equal(analysis.preview.len, 6 + 2 * 194);
    arena_clear(&arena);
    buf_clear(&mail);
}

/* ---- limits and hostile mails ---- */

static size_t n_parts_of(const struct buf *mail)
{
    struct arena arena = {0};
    struct mime_analysis analysis;
    analyse_mail(&analysis, buf_view(mail), 5, &arena);
    check_legal(&analysis, buf_view(mail));
    size_t n_parts = analysis.info.n_parts;
    arena_clear(&arena);
    return n_parts;
}

static void parts_are_counted(void **state)
{
    (void)state;
    for (size_t n = MESSAGE_INFO_MAX_PARTS - 2; n <= MESSAGE_INFO_MAX_PARTS; n++) {
        struct buf mail = {0};
        buf_append_str(&mail, MIXED);
        for (size_t i = 0; i < n; i++) {
            buf_append_str(&mail, "--A\r\n\r\nx\r\n");
        }
        buf_append_str(&mail, "--A--\r\n");
        size_t expected = n + 1 < MESSAGE_INFO_MAX_PARTS ? n + 1 : MESSAGE_INFO_MAX_PARTS;
        assert_int_equal(n_parts_of(&mail), expected);
        buf_clear(&mail);
    }
}

static void nesting_is_bounded_for_multiparts_and_messages(void **state)
{
    (void)state;
    static const char *const layers[] = {
        "Content-Type: message/rfc822\r\n\r\n",
        "Content-Type: multipart/mixed; boundary=A\r\n\r\n--A\r\n"};
    for (size_t k = 0; k < ARRAY_LEN(layers); k++) {
        for (size_t depth = MESSAGE_INFO_MAX_DEPTH - 1; depth <= MESSAGE_INFO_MAX_DEPTH + 1;
             depth++) {
            struct buf mail = {0};
            for (size_t i = 0; i < depth; i++) {
                if (k == 0) {
                    buf_append_str(&mail, layers[k]);
                } else {
                    buf_printf(&mail,
                               "Content-Type: multipart/mixed; boundary=A%zu\r\n\r\n--A%zu\r\n", i,
                               i);
                }
            }
            buf_append_str(&mail, "\r\nx");
            size_t expected = depth < MESSAGE_INFO_MAX_DEPTH ? depth : MESSAGE_INFO_MAX_DEPTH;
            assert_int_equal(n_parts_of(&mail), expected + 1);
            buf_clear(&mail);
        }
        struct buf mail = {0};
        for (size_t i = 0; i < 50000; i++) {
            buf_append_str(&mail, layers[k]);
        }
        assert_true(n_parts_of(&mail) <= MESSAGE_INFO_MAX_PARTS);
        buf_clear(&mail);
    }
}

/* Each level is looked through again: deep and large together end before all levels are seen. */
static void the_work_on_a_deep_and_large_mail_is_bounded(void **state)
{
    (void)state;
    struct buf mail = {0};
    for (size_t i = 0; i < 45; i++) {
        buf_printf(&mail, "Content-Type: multipart/mixed; boundary=A%zu\r\n\r\n--A%zu\r\n", i, i);
    }
    size_t n_small = n_parts_of(&mail);
    buf_append_str(&mail, "\r\n");
    while (mail.len < 4u << 20) {
        buf_append_str(&mail, "1234567890123456789012345678901234567890\n");
    }
    size_t n_large = n_parts_of(&mail);
    assert_int_equal(n_small, 45);
    assert_in_range(n_large, 8, 20);
    buf_clear(&mail);
}

static void repeat(struct buf *mail, const char *before, const char *piece, size_t len)
{
    buf_reset(mail);
    buf_append_str(mail, before);
    while (mail->len < len) {
        buf_append_str(mail, piece);
    }
}

/* What made other parsers crash, hang or grow. */
static void ugly_mails_are_analysed_in_time(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        const char *piece;
    } cases[] = {
        {"From: ", "("},
        {"From: ", "\"\" <a@b>,"},
        {"From: ", "a@b,"},
        {"To: ", "<<<<"},
        {"To: ", ",,,,"},
        {"To: ", "g:"},
        {"Subject: ", "=?utf-8?q?a "},
        {"Subject: ", "=?utf-8?q?a?= "},
        {"Subject: ", "=?x?"},
        {"Content-Type: a/b", "; x=y"},
        {"Content-Type: a/b", "; x*0=y"},
        {"Content-Type: a/b; x=\"", "\\"},
        {"Content-Type: ", "("},
        {"", "A: b\r\n"},
        {"", "\r"},
        {"", "From x\r\n"},
        {"A:", "\r\n "},
        {MIXED, "--A\r\n"},
        {MIXED, "--A\r\n\r\n\r\n"},
        {MIXED, "--"},
        {"Content-Transfer-Encoding: quoted-printable\r\n\r\n", "="},
        {"Content-Transfer-Encoding: base64\r\n\r\n", "===="},
        {"Content-Type: text/html\r\n\r\n", "<div "},
        {"Content-Type: text/html\r\n\r\n", "<a href=x>"},
        {"Content-Type: text/html\r\n\r\n", "&"},
        {"Content-Type: text/html\r\n\r\n", "<table><tr><td>"},
        {"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n", "\x1b$B"},
        {"Content-Type: text/plain; format=flowed\r\n\r\n", ">"},
        {"Content-Type: text/plain; format=flowed\r\n\r\n", "> \n"},
        {"\r\n", "\xff"},
    };
    struct buf mail = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t before = clock_thread_cpu_ns();
        repeat(&mail, cases[i].before, cases[i].piece, 1000000);
        n_parts_of(&mail);
        int64_t took = (clock_thread_cpu_ns() - before) / 1000000;
        if (took > 8000) {
            fail_msg("\"%s\" \"%s\": %lld ms", cases[i].before, cases[i].piece, (long long)took);
        }
    }
    repeat(&mail, "", "\r\n", 0);
    buf_append_zeros(&mail, 100000);
    n_parts_of(&mail);
    buf_clear(&mail);
}

static void a_form_above_its_bounds_is_shown_as_one_text(void **state)
{
    (void)state;
    struct buf mail = {0};
    struct arena arena = {0};
    struct mime_analysis analysis;
    buf_append_str(&mail, "Subject: x\r\n" MIXED);
    for (size_t i = 0; i < 900; i++) {
        buf_append_str(&mail, "--A\r\nContent-Description: ");
        for (size_t k = 0; k < 200; k++) {
            buf_append_str(&mail, "1234567890");
        }
        buf_append_str(&mail, "\r\n\r\nfind me\r\n");
    }
    analyse_mail(&analysis, buf_view(&mail), 5, &arena);
    check_legal(&analysis, buf_view(&mail));
    assert_true(analysis.is_opaque);
    assert_int_equal(analysis.info.n_parts, 1);
    arena_clear(&arena);
    buf_clear(&mail);
}

/* ---- against another parser ---- */

static void collect_etpan(struct buf *out, struct mailmime *mime)
{
    if (mime->mm_type == MAILMIME_SINGLE) {
        buf_append(out, mime->mm_body->dt_data.dt_text.dt_data,
                   mime->mm_body->dt_data.dt_text.dt_length);
        buf_append_str(out, "|");
    } else if (mime->mm_type == MAILMIME_MULTIPLE) {
        for (clistiter *at = clist_begin(mime->mm_data.mm_multipart.mm_mp_list); at != NULL;
             at = clist_next(at)) {
            collect_etpan(out, clist_content(at));
        }
    } else {
        collect_etpan(out, mime->mm_data.mm_message.mm_msg_mime);
    }
}

static void our_tree_has_the_leaves_of_another_parser(void **state)
{
    (void)state;
    static const char mail[] =
        "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"AA\"\r\n\r\n"
        "preamble\r\n--AA\r\nContent-Type: text/plain\r\n\r\npart one\r\n--AA\r\n"
        "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n"
        "Content-Type: multipart/alternative; boundary=BB\r\n\r\n--BB\r\nContent-Type: "
        "text/plain\r\n\r\nx\r\n\r\n--BB\r\nContent-Type: text/html\r\n\r\n<p>\r\n--BB--\r\n\r\n"
        "--AA\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        "aGVsbG8=\r\n\r\n--AA--\r\nepilogue\r\n";
    struct arena arena = {0};
    struct mime_analysis analysis;
    struct buf ours = {0};
    struct buf theirs = {0};
    struct mailmime *mime = NULL;
    size_t at = 0;
    analyse_mail(&analysis, text(mail), 5, &arena);
    for (size_t i = 0; i < analysis.info.n_parts; i++) {
        const struct mime_part *part = &analysis.info.parts[i];
        if (part->n_children == 0) {
            buf_append(&ours, mail + part->body_offset, (size_t)part->body_len);
            buf_append_str(&ours, "|");
        }
    }
    assert_int_equal(mailmime_parse(mail, sizeof mail - 1, &at, &mime), MAILIMF_NO_ERROR);
    collect_etpan(&theirs, mime);
    assert_string_equal(buf_str(&ours), buf_str(&theirs));
    mailmime_free(mime);
    buf_clear(&ours);
    buf_clear(&theirs);
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_of_a_mail_has_its_tree),
        cmocka_unit_test(offsets_and_lines_are_exact),
        cmocka_unit_test(the_fields_of_a_part_are_read),
        cmocka_unit_test(the_envelope_is_as_written),
        cmocka_unit_test(what_is_searched_is_decoded_and_folded),
        cmocka_unit_test(addresses_are_found_as_they_are_meant),
        cmocka_unit_test(a_preview_is_the_first_words_without_quotes),
        cmocka_unit_test(parts_are_counted),
        cmocka_unit_test(nesting_is_bounded_for_multiparts_and_messages),
        cmocka_unit_test(the_work_on_a_deep_and_large_mail_is_bounded),
        cmocka_unit_test(ugly_mails_are_analysed_in_time),
        cmocka_unit_test(a_form_above_its_bounds_is_shown_as_one_text),
        cmocka_unit_test(our_tree_has_the_leaves_of_another_parser),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
