// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "gateway/store/sent_merge.h"

static void copies_of_a_sent_mail_are_told_from_other_mails(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        bool equal;
    } cases[] = {
        {"A: 1\r\n\r\nx\r\n", "A: 1\r\n\r\nx\r\n", true},
        {"A: 1\r\n\r\nx\r\n", "A: 1\r\n\r\nx", true},
        {"A: 1\r\nBcc: y\r\n\r\nx", "A: 1\r\n\r\nx", true},
        {"bCC: y,\r\n\tz\r\nA: 1\r\n\r\nx", "A: 1\r\n\r\nx", true},
        {"Received: by me\r\n for you\r\nReturn-Path: <a>\r\nA: 1\r\n\r\nx", "A: 1\r\n\r\nx", true},
        {"A: 1\r\nX-Mozilla-Status: 0001\r\n\r\nx", "A: 1\r\n\r\nx", true},
        {"A: 1\r\n\r\nx", "A: 1\r\n\r\ny", false},
        {"A: 1\r\n\r\nx", "A: 2\r\n\r\nx", false},
        {"A: 1\r\nB: 1\r\n\r\nx", "A: 1\r\n\r\nx", false},
        {"A: 1\r\n\r\nx", "A: 1\r\nB: 1\r\n\r\nx", false},
        {"A: 1\r\n\r\nBcc: x", "A: 1\r\n\r\n", false},
        {"A: 1\r\n\r\n x", "A: 1\r\n\r\nx", false},
        {"A: 1\r\n 2\r\n\r\nx", "A: 1\r\n\r\nx", false},
        {"Bccx: y\r\n\r\nx", "\r\nx", false},
        {"", "", true},
        {"\r\n", "", true},
        {"A: 1", "A: 1\r\n\r\n", true},
        {"Bcc", "", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes a = bytes_of_str(cases[i].a);
        struct bytes b = bytes_of_str(cases[i].b);
        if (sent_copies_are_equal(a, b) != cases[i].equal ||
            sent_copies_are_equal(b, a) != cases[i].equal) {
            fail_msg("case %zu: %s", i, cases[i].a);
        }
    }
}

static void a_mail_cut_anywhere_is_read_within_its_bytes(void **state)
{
    (void)state;
    const char *mail = "Bcc: a\r\n b\r\nA: 1\r\n\r\nbody\r\n\r\n";
    size_t len = strlen(mail);
    for (size_t cut = 0; cut <= len; cut++) {
        uint8_t *exact = xmalloc(cut ? cut : 1);
        memcpy(exact, mail, cut);
        const struct bytes part = {exact, cut};
        assert_true(sent_copies_are_equal(part, part));
        assert_int_equal(sent_copies_are_equal(part, bytes_of_str(mail)), cut >= len - 4);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_of_a_sent_mail_are_told_from_other_mails),
        cmocka_unit_test(a_mail_cut_anywhere_is_read_within_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
