// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "mailproto/smtp/smtp_params.h"
#include "mailproto/smtp/smtp_path.h"
#include "mailproto/smtp/smtp_reply.h"
#include "mailproto/smtp/smtp_session.h"

static struct bytes text(const char *str)
{
    return bytes_of_str(str);
}

static void paths_are_judged_by_the_grammar(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        enum smtp_path_result result;
        const char *address;
        const char *rest;
    } cases[] = {
        {"<a@b.c>", SMTP_PATH_OK, "a@b.c", ""},
        {"<a@b.c> SIZE=1", SMTP_PATH_OK, "a@b.c", " SIZE=1"},
        {"<>", SMTP_PATH_OK, "", ""},
        {"<BM-2cTNpQj5YGWKCzGHNrQo9ZyW8hhRKP2ZzA>", SMTP_PATH_OK,
         "BM-2cTNpQj5YGWKCzGHNrQo9ZyW8hhRKP2ZzA", ""},
        {"<BM-2c+ttl=2d@bm.alt>", SMTP_PATH_OK, "BM-2c+ttl=2d@bm.alt", ""},
        {"<\"a b\\\"c\"@d>", SMTP_PATH_OK, "\"a b\\\"c\"@d", ""},
        {"<\"a>b\"@d>", SMTP_PATH_OK, "\"a>b\"@d", ""},
        {"<@r.x,@s.y:a@b>", SMTP_PATH_OK, "a@b", ""},
        {"<a@[127.0.0.1]>", SMTP_PATH_OK, "a@[127.0.0.1]", ""},
        {"<postmaster>", SMTP_PATH_OK, "postmaster", ""},
        {"<\xc3\xa4@b>", SMTP_PATH_UTF8, NULL, NULL},
        {"<\xc3@b>", SMTP_PATH_BAD, NULL, NULL},
        {"a@b", SMTP_PATH_BAD, NULL, NULL},
        {"<a@b", SMTP_PATH_BAD, NULL, NULL},
        {"<a b@c>", SMTP_PATH_BAD, NULL, NULL},
        {"<a@>", SMTP_PATH_BAD, NULL, NULL},
        {"<@b>", SMTP_PATH_BAD, NULL, NULL},
        {"<a@b@c>", SMTP_PATH_BAD, NULL, NULL},
        {"<\"a\tb\"@c>", SMTP_PATH_BAD, NULL, NULL},
        {"<\"a@c>", SMTP_PATH_BAD, NULL, NULL},
        {"<\"a\\", SMTP_PATH_BAD, NULL, NULL},
        {"<a;rm@b>", SMTP_PATH_BAD, NULL, NULL},
        {"<a@b;c>", SMTP_PATH_BAD, NULL, NULL},
        {"", SMTP_PATH_BAD, NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bytes address = {0};
        struct bytes rest = {0};
        enum smtp_path_result result = smtp_path_parse(&address, &rest, text(cases[i].in), false);
        if (result != cases[i].result) {
            fail_msg("%s: %d", cases[i].in, result);
        }
        if (result == SMTP_PATH_OK) {
            assert_bytes_equal(address, text(cases[i].address));
            assert_bytes_equal(rest, text(cases[i].rest));
        }
        /* Truncated at each length, in a block of that size: never more than judged. */
        for (size_t cut = 0; cut < strlen(cases[i].in); cut++) {
            uint8_t *block = xmemdup(cases[i].in, cut);
            result = smtp_path_parse(&address, &rest, (struct bytes){block, cut}, true);
            (void)result;
            free(block);
        }
    }
}

static void a_path_may_be_as_long_as_the_bound_and_no_longer(void **state)
{
    (void)state;
    for (size_t len = SMTP_MAX_PATH_BYTES - 1; len <= SMTP_MAX_PATH_BYTES + 1; len++) {
        struct buf in = {0};
        struct bytes address = {0};
        struct bytes rest = {0};
        buf_append_byte(&in, '<');
        while (in.len < len - 1) {
            buf_append_byte(&in, 'a');
        }
        buf_append_str(&in, "@b>");
        assert_int_equal(in.len, len + 2);
        assert_int_equal(smtp_path_parse(&address, &rest, buf_view(&in), false),
                         len <= SMTP_MAX_PATH_BYTES ? SMTP_PATH_OK : SMTP_PATH_TOO_LONG);
        buf_clear(&in);
    }
}

static void parameters_of_mail_are_taken(void **state)
{
    (void)state;
    struct smtp_envelope envelope = {0};
    struct arena arena = {0};
    struct bytes in =
        text(" size=5 BODY=binarymime SMTPUTF8  RET=hdrs ENVID=a+2Bb BY=-60;NT AUTH=<>");

    assert_int_equal(smtp_params_of_mail(&envelope, in, &arena), SMTP_PARAMS_OK);

    assert_int_equal(envelope.declared_size, 5);
    assert_int_equal(envelope.body, SMTP_BODY_BINARYMIME);
    assert_true(envelope.smtputf8);
    assert_int_equal(envelope.ret, SMTP_RETURN_HEADERS);
    assert_string_equal(envelope.envid, "a+b");
    assert_true(envelope.has_deliver_by);
    assert_int_equal(envelope.deliver_by_sec, -60);
    assert_false(envelope.deliver_by_return);
    assert_true(envelope.deliver_by_trace);
    arena_clear(&arena);
}

static void parameters_that_are_wrong_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        enum smtp_params_result result;
    } cases[] = {
        {" SIZE=99999999999999999999", SMTP_PARAMS_OK},
        {" SIZE=999999999999999999999", SMTP_PARAMS_BAD},
        {" SIZE=", SMTP_PARAMS_BAD},
        {" SIZE", SMTP_PARAMS_BAD},
        {" SIZE=-1", SMTP_PARAMS_BAD},
        {" SIZE=1 SIZE=1", SMTP_PARAMS_BAD},
        {"SIZE=1", SMTP_PARAMS_BAD},
        {" BODY=9BIT", SMTP_PARAMS_BAD},
        {" SMTPUTF8=1", SMTP_PARAMS_BAD},
        {" RET=ALL", SMTP_PARAMS_BAD},
        {" ENVID=", SMTP_PARAMS_BAD},
        {" ENVID=a+0D+0Ab", SMTP_PARAMS_BAD},
        {" ENVID=a+2bb", SMTP_PARAMS_BAD},
        {" ENVID=a=b", SMTP_PARAMS_BAD},
        {" ENVID=+", SMTP_PARAMS_BAD},
        {" BY=60;R", SMTP_PARAMS_OK},
        {" BY=999999999;N", SMTP_PARAMS_OK},
        {" BY=1000000000;N", SMTP_PARAMS_BAD},
        {" BY=0;R", SMTP_PARAMS_BAD},
        {" BY=-1;R", SMTP_PARAMS_BAD},
        {" BY=60", SMTP_PARAMS_BAD},
        {" BY=;R", SMTP_PARAMS_BAD},
        {" BY=60;X", SMTP_PARAMS_BAD},
        {" BY=60;RTT", SMTP_PARAMS_BAD},
        {" XFOO=1", SMTP_PARAMS_UNKNOWN},
        {" NOTIFY=NEVER", SMTP_PARAMS_UNKNOWN},
        {" =1", SMTP_PARAMS_BAD},
        {"  ", SMTP_PARAMS_OK},
        {"", SMTP_PARAMS_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct smtp_envelope envelope = {0};
        struct arena arena = {0};
        if (smtp_params_of_mail(&envelope, text(cases[i].in), &arena) != cases[i].result) {
            fail_msg("%s", cases[i].in);
        }
        arena_clear(&arena);
    }
}

static void parameters_of_rcpt_are_taken_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        enum smtp_params_result result;
        unsigned notify;
        const char *original;
    } cases[] = {
        {" NOTIFY=NEVER", SMTP_PARAMS_OK, SMTP_NOTIFY_NEVER, NULL},
        {" NOTIFY=success,FAILURE,Delay ORCPT=rfc822;a+2Bb@c", SMTP_PARAMS_OK,
         SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY, "rfc822;a+b@c"},
        {" NOTIFY=NEVER,DELAY", SMTP_PARAMS_BAD, 0, NULL},
        {" NOTIFY=DELAY,DELAY", SMTP_PARAMS_BAD, 0, NULL},
        {" NOTIFY=DELAY,", SMTP_PARAMS_BAD, 0, NULL},
        {" NOTIFY=", SMTP_PARAMS_BAD, 0, NULL},
        {" NOTIFY", SMTP_PARAMS_BAD, 0, NULL},
        {" NOTIFY=SOON", SMTP_PARAMS_BAD, 0, NULL},
        {" ORCPT=a@b", SMTP_PARAMS_BAD, 0, NULL},
        {" ORCPT=;a", SMTP_PARAMS_BAD, 0, NULL},
        {" ORCPT=rfc822;a+00", SMTP_PARAMS_BAD, 0, NULL},
        {" SIZE=1", SMTP_PARAMS_UNKNOWN, 0, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct smtp_recipient recipient = {0};
        struct arena arena = {0};
        enum smtp_params_result result = smtp_params_of_rcpt(&recipient, text(cases[i].in), &arena);
        if (result != cases[i].result) {
            fail_msg("%s: %d", cases[i].in, result);
        }
        if (result == SMTP_PARAMS_OK) {
            assert_int_equal(recipient.notify, cases[i].notify);
            if (cases[i].original != NULL) {
                assert_string_equal(recipient.original, cases[i].original);
            }
        }
        arena_clear(&arena);
    }
}

static void long_words_go_on_in_further_lines_and_nothing_can_be_injected(void **state)
{
    (void)state;
    struct buf words = {0};
    struct buf out = {0};
    buf_append_str(&words, "bad\r\n250 injected \xc3\xa4 ");
    for (size_t i = 0; i < 300; i++) {
        buf_append_str(&words, "word ");
    }
    struct smtp_verdict verdict = {550, 5, 1, 1, buf_str(&words)};

    smtp_reply_verdict(&out, &verdict, false);

    struct bytes rest = buf_view(&out);
    size_t n_lines = 0;
    while (rest.len != 0) {
        size_t end = bytes_find(rest, '\n');
        struct bytes line = bytes_slice(rest, 0, end + 1);
        bool is_last = end + 1 == rest.len;
        assert_true(line.len <= SMTP_REPLY_MAX_LINE_BYTES);
        assert_true(bytes_starts_with(line, text(is_last ? "550 5.1.1 " : "550-5.1.1 ")));
        rest = bytes_slice(rest, end + 1, rest.len);
        n_lines++;
    }
    assert_int_equal(n_lines, 4);
    assert_non_null(strstr(buf_str(&out), "bad??250 injected ?? word"));
    buf_reset(&out);
    smtp_reply_verdict(&out, &verdict, true);
    assert_non_null(strstr(buf_str(&out), "injected \xc3\xa4 word"));
    buf_clear(&out);
    buf_clear(&words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_judged_by_the_grammar),
        cmocka_unit_test(a_path_may_be_as_long_as_the_bound_and_no_longer),
        cmocka_unit_test(parameters_of_mail_are_taken),
        cmocka_unit_test(parameters_that_are_wrong_are_refused),
        cmocka_unit_test(parameters_of_rcpt_are_taken_or_refused),
        cmocka_unit_test(long_words_go_on_in_further_lines_and_nothing_can_be_injected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
