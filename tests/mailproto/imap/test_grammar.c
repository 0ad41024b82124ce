// SPDX-License-Identifier: MIT
/* The small pure helpers: names, dates, sequence sets, sections, structures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "mailproto/imap/body_section.h"
#include "mailproto/imap/bodystructure.h"
#include "mailproto/imap/imap_date.h"
#include "mailproto/imap/imap_token.h"
#include "mailproto/imap/imap_write.h"
#include "mailproto/imap/mailbox_view.h"
#include "mailproto/imap/message_info.h"
#include "mailproto/imap/seqset.h"
#include "mailproto/imap/subject.h"
#include "mailproto/imap/body_decode.h"
#include "mailproto/imap/uid_set.h"
#include "mailproto/imap/utf7.h"

static void modified_utf7_has_one_form_for_each_name(void **state)
{
    (void)state;
    static const struct {
        const char *utf7;
        const char *utf8; /* NULL: refused */
    } rows[] = {
        {"INBOX", "INBOX"},
        {"&-", "&"},
        {"a&-b", "a&b"},
        {"Pr&APw-fung", "Pr\xc3\xbc"
                        "fung"},
        {"~peter/mail/&U,BTFw-/&ZeVnLIqe-",
         "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},
        {"&2D3eAA-", "\xf0\x9f\x98\x80"},
        {"", ""},
        {"&", NULL},          /* never closed */
        {"&AP", NULL},        /* never closed */
        {"&AGE-", NULL},      /* "a" in base64 */
        {"&APw", NULL},       /* never closed */
        {"&APx-", NULL},      /* bits left over */
        {"&2D0-", NULL},      /* half a surrogate pair */
        {"&3gA-", NULL},      /* the other half */
        {"&AP w-", NULL},     /* a space in base64 */
        {"&APw=-", NULL},     /* padding */
        {"&APw-&APw-", NULL}, /* two runs where one would do */
        {"Pr\xc3\xbc", NULL}, /* 8 bits */
        {"a\tb", NULL},       /* a control character */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf utf8 = {0};
        struct buf again = {0};
        bool ok = utf7_decode(&utf8, bytes_of_str(rows[i].utf7));
        if (rows[i].utf8 == NULL) {
            assert_false(ok);
        } else {
            assert_true(ok);
            assert_string_equal(buf_str(&utf8), rows[i].utf8);
            utf7_encode(&again, buf_view(&utf8));
            assert_string_equal(buf_str(&again), rows[i].utf7);
        }
        buf_clear(&utf8);
        buf_clear(&again);
    }
}

static void dates_are_kept_to_the_second_with_their_zone(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t sec;
        int zone;
        const char *printed; /* NULL: as the text */
    } rows[] = {
        {"17-Jul-1996 02:44:25 -0700", 837596665, -420, NULL},
        {" 1-Jan-1970 00:00:00 +0000", 0, 0, NULL},
        {"01-jan-1970 00:00:00 +0000", 0, 0, " 1-Jan-1970 00:00:00 +0000"},
        {"29-Feb-2000 23:59:59 +0530", 951848999, 330, NULL},
        {"31-Dec-1969 23:59:59 +0000", -1, 0, NULL},
        {"31-Dec-9999 23:59:59 +0000", 253402300799, 0, NULL},
        {" 1-Jan-0001 00:00:00 +0000", -62135596800, 0, NULL},
    };
    static const char *const bad[] = {"29-Feb-1900 00:00:00 +0000", "32-Jan-2000 00:00:00 +0000",
                                      "00-Jan-2000 00:00:00 +0000", "1-Jan-2000 24:00:00 +0000",
                                      "1-Jan-2000 00:00:00 GMT",    "1-Foo-2000 00:00:00 +0000",
                                      "1-Jan-2000 00:00:00 +0060",  "1-Jan-2000",
                                      "1-Jan-2000 00:00:00 +0000 "};
    int64_t sec = 0;
    int16_t zone = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out = {0};
        assert_true(imap_date_time_parse(bytes_of_str(rows[i].text), &sec, &zone));
        assert_int_equal(sec, rows[i].sec);
        assert_int_equal(zone, rows[i].zone);
        imap_date_time_print(&out, sec, zone);
        const char *expected = rows[i].printed != NULL ? rows[i].printed : rows[i].text;
        assert_memory_equal(out.data + 1, expected, strlen(expected));
        assert_int_equal(out.len, strlen(expected) + 2);
        buf_clear(&out);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(imap_date_time_parse(bytes_of_str(bad[i]), &sec, &zone));
    }
    int64_t day = 0;
    assert_true(imap_date_parse(bytes_of_str("1-Feb-1994"), &day));
    assert_int_equal(day, 8797);
    assert_int_equal(imap_day_of(-1, 0), -1);
    assert_int_equal(imap_day_of(-1, 60), 0);
}

static void sequence_sets_mean_what_the_mailbox_has(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool uid;
        enum seqset_result result;
        const char *uids;
    } rows[] = {
        {"1", false, SEQSET_OK, "10"},
        {"*", false, SEQSET_OK, "50"},
        {"5:3", false, SEQSET_OK, "30,40,50"},
        {"1:*", false, SEQSET_OK, "10,20,30,40,50"},
        {"2,2,2", false, SEQSET_OK, "20"},
        {"6", false, SEQSET_OUT_OF_RANGE, ""},
        {"1:6", false, SEQSET_OUT_OF_RANGE, ""},
        {"0", false, SEQSET_BAD_SYNTAX, ""},
        {"01", false, SEQSET_BAD_SYNTAX, ""},
        {"1,", false, SEQSET_BAD_SYNTAX, ""},
        {",1", false, SEQSET_BAD_SYNTAX, ""},
        {"1:", false, SEQSET_BAD_SYNTAX, ""},
        {"1:2:3", false, SEQSET_BAD_SYNTAX, ""},
        {"4294967296", false, SEQSET_BAD_SYNTAX, ""},
        {"1:9", true, SEQSET_OK, ""},
        {"10:20,50", true, SEQSET_OK, "10,20,50"},
        {"4294967295:*", true, SEQSET_OK, "50"},
        {"*:1", true, SEQSET_OK, "10,20,30,40,50"},
        {"77", true, SEQSET_OK, ""},
    };
    struct mailbox_message messages[5] = {
        {.uid = 10}, {.uid = 20}, {.uid = 30}, {.uid = 40}, {.uid = 50}};
    struct mailbox_keywords *keywords = mailbox_keywords_new(NULL, 0);
    struct mailbox_view *view = mailbox_view_new(messages, 5, keywords, 51, 1);
    struct mailbox_view *empty = mailbox_view_new(NULL, 0, keywords, 1, 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct uid_set set = {0};
        struct buf out = {0};
        struct bytes text = bytes_of_str(rows[i].text);
        enum seqset_result result =
            rows[i].uid ? seqset_of_uids(&set, text, view) : seqset_of_numbers(&set, text, view);
        assert_int_equal(result, rows[i].result);
        uid_set_print(&out, &set);
        if (result == SEQSET_OK) {
            assert_string_equal(buf_str(&out), rows[i].uids);
        }
        buf_clear(&out);
        uid_set_clear(&set);
    }
    struct uid_set set = {0};
    assert_int_equal(seqset_of_numbers(&set, bytes_of_str("*"), empty), SEQSET_OUT_OF_RANGE);
    assert_int_equal(seqset_of_uids(&set, bytes_of_str("1:*"), empty), SEQSET_OK);
    assert_true(uid_set_is_empty(&set));
    uid_set_clear(&set);
    mailbox_view_unref(&view);
    mailbox_view_unref(&empty);
    mailbox_keywords_unref(&keywords);
}

static void strings_are_quoted_where_they_can_be(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *written;
    } rows[] = {{"", "\"\""},
                {"plain", "\"plain\""},
                {"q\"b\\", "\"q\\\"b\\\\\""},
                {"a\r\nb", "{4}\r\na\r\nb"},
                {"\xc3\xbc", "{2}\r\n\xc3\xbc"}};
    struct buf out = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        buf_reset(&out);
        imap_write_nstring(&out, bytes_of_str(rows[i].text));
        assert_string_equal(buf_str(&out), rows[i].written);
    }
    buf_reset(&out);
    imap_write_nstring(&out, (struct bytes){0});
    assert_string_equal(buf_str(&out), "NIL");
    buf_reset(&out);
    imap_write_string(&out, (struct bytes){(const uint8_t *)"a\0b", 3});
    assert_string_equal(buf_str(&out), "{2}\r\nab");
    buf_clear(&out);
}

/* ---- A message of many shapes ---- */

static const char nested[] =
    /*   0 */ "A: 1\r\n\r\n"                  /* multipart header: [0, 8) */
              /*   8 */ "X-T: a\r\n\r\n"      /* part 1's header: [8, 18) */
              /*  18 */ "first\r\n"           /* part 1's body: [18, 25) */
              /*  25 */ "X-M: m\r\n\r\n"      /* part 2 (message)'s header: [25, 35) */
              /*  35 */ "Subject: in\r\n\r\n" /* the message inside: [35, 50) */
              /*  50 */ "inner text\r\n" /* its body: [50, 62) */;

static struct mime_part part(const char *type, const char *subtype, uint32_t n_children,
                             uint64_t header, uint64_t body, uint64_t len)
{
    return (struct mime_part){.n_children = n_children,
                              .parent = MIME_PART_NONE,
                              .next_sibling = MIME_PART_NONE,
                              .header_offset = header,
                              .body_offset = body,
                              .body_len = len,
                              .n_lines = 1,
                              .type = bytes_of_str(type),
                              .subtype = bytes_of_str(subtype),
                              .encoding = bytes_of_str("7bit")};
}

static struct mail_envelope inner_envelope;
static struct mime_part nested_parts[4];

static struct message_info nested_info(void)
{
    inner_envelope = (struct mail_envelope){.subject = bytes_of_str("in")};
    nested_parts[0] = part("multipart", "mixed", 2, 0, 8, 54);
    nested_parts[1] = part("text", "plain", 0, 8, 18, 7);
    nested_parts[1].parent = 0;
    nested_parts[1].next_sibling = 2;
    nested_parts[2] = part("message", "rfc822", 1, 25, 35, 27);
    nested_parts[2].parent = 0;
    nested_parts[2].envelope = &inner_envelope;
    nested_parts[3] = part("text", "plain", 0, 35, 50, 12);
    nested_parts[3].parent = 2;
    return (struct message_info){.parts = nested_parts, .n_parts = 4};
}

static void sections_name_their_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *section;
        const char *bytes; /* NULL: there is no such part */
    } rows[] = {
        {"[]", nested},
        {"[HEADER]", "A: 1\r\n\r\n"},
        {"[1]", "first\r\n"},
        {"[1.MIME]", "X-T: a\r\n\r\n"},
        {"[2]", "Subject: in\r\n\r\ninner text\r\n"},
        {"[2.MIME]", "X-M: m\r\n\r\n"},
        {"[2.HEADER]", "Subject: in\r\n\r\n"},
        {"[2.TEXT]", "inner text\r\n"},
        {"[2.1]", "inner text\r\n"},
        {"[2.1.MIME]", "Subject: in\r\n\r\n"},
        {"[2.2]", NULL},
        {"[1.1]", NULL},
        {"[1.HEADER]", NULL},
        {"[3]", NULL},
        {"[2.1.1]", NULL},
    };
    struct message_info info = nested_info();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena = {0};
        struct imap_parser args = {.rest = bytes_of_str(rows[i].section), .arena = &arena};
        struct body_section section;
        uint64_t offset = 0;
        uint64_t len = 0;
        uint32_t index = 0;
        struct buf printed = {0};
        body_section_parse(&section, &args, false);
        assert_true(imap_at_end(&args));
        body_section_print(&printed, &section);
        assert_string_equal(buf_str(&printed), rows[i].section);
        bool found = body_section_find(&section, &info, sizeof(nested) - 1, &offset, &len, &index);
        assert_int_equal(found, rows[i].bytes != NULL);
        if (found) {
            assert_int_equal(len, strlen(rows[i].bytes));
            assert_memory_equal(nested + offset, rows[i].bytes, len);
        }
        buf_clear(&printed);
        arena_clear(&arena);
    }
}

static void wrong_sections_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {"[",
                                       "[1",
                                       "[1.]",
                                       "[0]",
                                       "[MIME]",
                                       "[1.2.FOO]",
                                       "[.1]",
                                       "[HEADER.FIELDS]",
                                       "[HEADER.FIELDS ()]",
                                       "[TEXT.1]"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena = {0};
        struct imap_parser args = {.rest = bytes_of_str(rows[i]), .arena = &arena};
        struct body_section section;
        body_section_parse(&section, &args, false);
        imap_end(&args);
        assert_false(imap_ok(&args));
        arena_clear(&arena);
    }
}

static void structures_have_the_shape_of_the_grammar(void **state)
{
    (void)state;
    struct message_info info = nested_info();
    struct buf out = {0};

    bodystructure_print(&out, &info, true);
    assert_string_equal(
        buf_str(&out),
        "((\"text\" \"plain\" NIL NIL NIL \"7bit\" 7 1 NIL NIL NIL NIL)"
        "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 27 (NIL \"in\" NIL NIL NIL NIL NIL NIL NIL "
        "NIL) (\"text\" \"plain\" NIL NIL NIL \"7bit\" 12 1 NIL NIL NIL NIL) 1 NIL NIL NIL NIL)"
        " \"mixed\" NIL NIL NIL NIL)");
    /* A multipart without parts, and a message whose inside isn't known. */
    nested_parts[0].n_children = 0;
    info.n_parts = 1;
    buf_reset(&out);
    bodystructure_print(&out, &info, false);
    assert_string_equal(buf_str(&out), "((\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0) \"mixed\")");
    nested_parts[0] = part("message", "rfc822", 0, 0, 8, 54);
    buf_reset(&out);
    bodystructure_print(&out, &info, false);
    assert_string_equal(buf_str(&out),
                        "(\"application\" \"octet-stream\" NIL NIL NIL \"7bit\" 54)");
    buf_clear(&out);
}

static void an_envelope_gives_from_for_sender_and_reply_to(void **state)
{
    (void)state;
    struct mail_address from = {.name = bytes_of_str("A \"B\""),
                                .mailbox = bytes_of_str("a"),
                                .host = bytes_of_str("x.org")};
    struct mail_address group[] = {{.mailbox = bytes_of_str("friends")}, {.name = {0}}};
    struct mail_envelope envelope = {.subject = message_text_empty(),
                                     .from = {&from, 1},
                                     .to = {group, 2},
                                     .in_reply_to = bytes_of_str("<1@x>")};
    struct buf out = {0};

    envelope_print(&out, &envelope);

    assert_string_equal(buf_str(&out),
                        "(NIL \"\" ((\"A \\\"B\\\"\" NIL \"a\" \"x.org\")) "
                        "((\"A \\\"B\\\"\" NIL \"a\" \"x.org\")) "
                        "((\"A \\\"B\\\"\" NIL \"a\" \"x.org\")) "
                        "((NIL NIL \"friends\" NIL)(NIL NIL NIL NIL)) NIL NIL \"<1@x>\" NIL)");
    buf_clear(&out);
}

static void transfer_encodings_are_taken_off(void **state)
{
    (void)state;
    static const struct {
        const char *encoding;
        const char *body;
        const char *plain; /* NULL: unknown */
    } rows[] = {{"base64", "aGVs\r\nbG8=\r\n", "hello"},
                {"BASE64", "aG?Vs!bG8", "hello"},
                {"quoted-printable", "a=3Db=\r\nc  \r\nd=zz\r\n", "a=bc\r\nd=zz\r\n"},
                {"7bit", "x\r\n", "x\r\n"},
                {"x-uuencode", "x", NULL}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out = {0};
        bool ok = body_decode(&out, bytes_of_str(rows[i].encoding), bytes_of_str(rows[i].body));
        assert_int_equal(ok, rows[i].plain != NULL);
        if (ok) {
            assert_string_equal(buf_str(&out), rows[i].plain);
        }
        buf_clear(&out);
    }
}

static void a_base_subject_has_no_marks(void **state)
{
    (void)state;
    static const struct {
        const char *subject;
        const char *base;
        bool is_reply;
    } rows[] = {{"hello", "hello", false},
                {"re: hello", "hello", true},
                {"re[2]: hello", "hello", true},
                {"fwd: re: hello (fwd) ", "hello", true},
                {"[list] hello", "hello", false},
                {"[list] re: [x] hello", "hello", true},
                {"[fwd: hello]", "hello", true},
                {"[only]", "[only]", false},
                {"fw: [fwd: re: a]", "a", true},
                {"", "", false},
                {"re:", "", true},
                {"regard: x", "regard: x", false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool is_reply = false;
        struct bytes base = subject_base(bytes_of_str(rows[i].subject), &is_reply);
        assert_true(bytes_equal(base, bytes_of_str(rows[i].base)));
        assert_int_equal(is_reply, rows[i].is_reply);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modified_utf7_has_one_form_for_each_name),
        cmocka_unit_test(dates_are_kept_to_the_second_with_their_zone),
        cmocka_unit_test(sequence_sets_mean_what_the_mailbox_has),
        cmocka_unit_test(strings_are_quoted_where_they_can_be),
        cmocka_unit_test(sections_name_their_bytes),
        cmocka_unit_test(wrong_sections_are_refused),
        cmocka_unit_test(structures_have_the_shape_of_the_grammar),
        cmocka_unit_test(an_envelope_gives_from_for_sender_and_reply_to),
        cmocka_unit_test(a_base_subject_has_no_marks),
        cmocka_unit_test(transfer_encodings_are_taken_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
