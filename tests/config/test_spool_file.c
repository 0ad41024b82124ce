// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/spool_file.h"

static const char *const TWO[] = {"alice@bm.alt", "BM-2cTwo"};

static struct spool_file full(void)
{
    return (struct spool_file){.account = "me",
                               .sender = "BM-2cOne",
                               .full_name = "Alice L\xc3\xb6w",
                               .recipients = TWO,
                               .n_recipients = 2,
                               .recipients_of_mail = true,
                               .notify = 6,
                               .return_full = true,
                               .envelope_id = "id 7",
                               .mail = bytes_of_str("Subject: x\n\naccount other\n")};
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    struct buf text = {0};
    struct arena arena = {0};
    struct spool_file in = full();
    struct spool_file out;
    spool_file_write(&text, &in);

    assert_true(spool_file_read(&out, buf_view(&text), &arena, NULL));

    assert_string_equal(out.account, in.account);
    assert_string_equal(out.sender, in.sender);
    assert_string_equal(out.full_name, in.full_name);
    assert_string_equal(out.envelope_id, in.envelope_id);
    assert_int_equal(out.n_recipients, 2);
    assert_string_equal(out.recipients[1], TWO[1]);
    assert_true(out.recipients_of_mail && out.return_full);
    assert_int_equal(out.notify, 6);
    assert_true(bytes_equal(out.mail, in.mail));
    arena_clear(&arena);
    buf_clear(&text);
}

/* In a block of its own exact size, so that a byte too far is seen. */
static void a_file_cut_anywhere_in_its_head_is_refused(void **state)
{
    (void)state;
    struct buf text = {0};
    struct spool_file in = full();
    spool_file_write(&text, &in);
    size_t head = text.len - in.mail.len;
    for (size_t len = 0; len < head; len++) {
        struct arena arena = {0};
        struct fault fault = {0};
        struct spool_file out;
        uint8_t *block = xmemdup(text.data, len);
        assert_false(spool_file_read(&out, (struct bytes){block, len}, &arena, &fault));
        assert_int_equal(fault.code, FAULT_CORRUPT);
        free(block);
        arena_clear(&arena);
    }
    buf_clear(&text);
}

static void lines_that_are_not_known_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "bittern-spool 2\n\nmail",
        "bittern-spool 1\ncommand rm\n\nmail",
        "bittern-spool 1\nnotify 16\n\nmail",
        "bittern-spool 1\nnotify x\n\nmail",
        "bittern-spool 1\nheaders no\n\nmail",
        "bittern-spool 1\nreturn hdrs\n\nmail",
        "bittern-spool 1\naccount\r\nmail",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena arena = {0};
        struct spool_file out;
        if (spool_file_read(&out, bytes_of_str(cases[i]), &arena, NULL)) {
            fail_msg("taken: %s", cases[i]);
        }
        arena_clear(&arena);
    }
}

static void recipients_are_counted(void **state)
{
    (void)state;
    for (int off = -1; off <= 1; off++) {
        struct buf text = {0};
        struct arena arena = {0};
        struct spool_file out;
        buf_append_str(&text, "bittern-spool 1\n");
        for (int i = 0; i < SPOOL_MAX_RECIPIENTS + off; i++) {
            buf_append_str(&text, "recipient a\n");
        }
        buf_append_str(&text, "\nmail");
        assert_int_equal(spool_file_read(&out, buf_view(&text), &arena, NULL), off <= 0);
        arena_clear(&arena);
        buf_clear(&text);
    }
}

static void a_line_end_in_a_text_makes_no_further_line(void **state)
{
    (void)state;
    struct buf text = {0};
    struct arena arena = {0};
    struct spool_file in = {.sender = "a\nheaders yes", .mail = bytes_of_str("x")};
    struct spool_file out;
    spool_file_write(&text, &in);

    assert_true(spool_file_read(&out, buf_view(&text), &arena, NULL));

    assert_null(out.sender);
    assert_false(out.recipients_of_mail);
    arena_clear(&arena);
    buf_clear(&text);
}

static void names_are_hex_with_their_suffix(void **state)
{
    (void)state;
    assert_true(spool_name_is_good("0123456789abcdef0123456789abcdef.mail"));
    assert_false(spool_name_is_good("0123456789abcdef0123456789abcde.mail"));
    assert_false(spool_name_is_good("0123456789abcdef0123456789abcdef0.mail"));
    assert_false(spool_name_is_good("0123456789ABCDEF0123456789abcdef.mail"));
    assert_false(spool_name_is_good("0123456789abcdef0123456789abcdef.new"));
    assert_false(spool_name_is_good(".."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_file_cut_anywhere_in_its_head_is_refused),
        cmocka_unit_test(lines_that_are_not_known_are_refused),
        cmocka_unit_test(recipients_are_counted),
        cmocka_unit_test(a_line_end_in_a_text_makes_no_further_line),
        cmocka_unit_test(names_are_hex_with_their_suffix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
