// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "gateway/translate/report.h"

static const char original[] = "From: <BM-a@bm.alt>\r\nSubject: Hi\r\n\r\nBody of it.\r\n";

static struct report failed_report(void)
{
    return (struct report){
        .kind = REPORT_FAILED,
        .to = "BM-a@bm.alt",
        .recipient = "BM-b@bm.alt",
        .recipient_label = "Bob",
        .subject = "Hi",
        .message_id = "<1@host>",
        .reason = "the recipient's key never came",
        .original = "",
        .envelope_id = "",
        .accepted_sec = 1795000000,
        .now_sec = 1795000000,
        .mail = bytes_of_str(original),
        .unique = "0123456789abcdef",
    };
}

static void a_failure_tells_whom_why_and_what_to_do(void **state)
{
    (void)state;
    struct report report = failed_report();
    struct buf mail = {0};

    report_write(&mail, &report);

    static const char *const wanted[] = {
        "Subject: Not delivered: Hi\r\n",
        "Content-Type: multipart/report; report-type=delivery-status;\r\n",
        "In-Reply-To: <1@host>\r\n",
        "Auto-Submitted: auto-replied\r\n",
        "Content-Type: message/delivery-status\r\n",
        "Final-Recipient: rfc822; BM-b@bm.alt\r\nAction: failed\r\nStatus: 5.0.0\r\n",
        "the recipient's key never came",
        "bittern queue retry",
        "Content-Type: text/rfc822-headers\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        if (strstr(buf_str(&mail), wanted[i]) == NULL) {
            fail_msg("lacks %s in\n%s", wanted[i], buf_str(&mail));
        }
    }
    assert_null(strstr(buf_str(&mail), "Body of it."));
    buf_clear(&mail);
}

static void the_whole_mail_comes_back_when_it_was_asked_for(void **state)
{
    (void)state;
    struct report report = failed_report();
    struct buf mail = {0};
    report.return_full = true;
    report.envelope_id = "QQ314159";
    report.original = "rfc822;bob@example.org";

    report_write(&mail, &report);

    assert_non_null(strstr(buf_str(&mail), "Content-Type: message/rfc822\r\n"));
    assert_non_null(strstr(buf_str(&mail), "Body of it.\r\n"));
    assert_non_null(strstr(buf_str(&mail), "Original-Envelope-Id: QQ314159\r\n"));
    assert_non_null(strstr(buf_str(&mail), "Original-Recipient: rfc822;bob@example.org\r\n"));
    buf_clear(&mail);
}

/* RFC 3461 section 4.3: RET is about failures. */
static void of_what_did_not_fail_the_headers_alone_come_back(void **state)
{
    (void)state;
    static const enum report_kind kinds[] = {REPORT_DELAYED, REPORT_DELIVERED, REPORT_RELAYED};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct report report = failed_report();
        struct buf mail = {0};
        report.kind = kinds[i];
        report.return_full = true;
        report_write(&mail, &report);
        assert_non_null(strstr(buf_str(&mail), "Content-Type: text/rfc822-headers\r\n"));
        assert_non_null(strstr(buf_str(&mail), "\r\nSubject: Hi\r\n"));
        assert_null(strstr(buf_str(&mail), "Body of it."));
        buf_clear(&mail);
    }
}

/* The encoding of the part that comes back, and of the whole around it (RFC 2045 section 6.4). */
static void what_comes_back_is_told_to_be_what_it_is(void **state)
{
    (void)state;
    char line[1000];
    char longer[1001];
    memset(line, 'x', 998);
    memcpy(line + 998, "\r", 2);
    memset(longer, 'x', 999);
    memcpy(longer + 999, "\r", 2);
    const struct {
        const char *text;
        size_t len;
        const char *wanted;
    } rows[] = {
        {"plain\r\n", 7, "7bit"},  {"gr\xc3\xbcn\r\n", 7, "8bit"}, {"a\0b\r\n", 5, "binary"},
        {"a\nb\r\n", 5, "binary"}, {"a\rb\r\n", 5, "binary"},      {line, 998, "7bit"},
        {longer, 999, "binary"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct report report = failed_report();
        struct buf mail = {0};
        struct buf given = {0};
        char wanted[100];
        buf_append_str(&given, "Subject: Hi\r\n\r\n");
        buf_append(&given, rows[i].text, rows[i].len);
        report.mail = buf_view(&given);
        report.return_full = true;
        report_write(&mail, &report);
        (void)snprintf(wanted, sizeof wanted, "Content-Transfer-Encoding: %s\r\n", rows[i].wanted);
        const char *outer = strstr(buf_str(&mail), wanted);
        assert_non_null(outer);
        assert_true(outer < strstr(buf_str(&mail), "multipart/report"));
        assert_non_null(strstr(strstr(buf_str(&mail), "message/rfc822"), wanted));
        buf_clear(&mail);
        buf_clear(&given);
    }
}

static void nothing_in_it_can_inject_a_field(void **state)
{
    (void)state;
    struct report report = failed_report();
    struct buf mail = {0};
    report.subject = "a\r\nBcc: x@y";
    report.reason = "b\r\nBcc: x@y";
    report.envelope_id = "c\r\nBcc: x@y";
    report.original = "d\r\n\r\nBcc: x@y";
    report.recipient_label = "e\r\nBcc: x@y";

    report_write(&mail, &report);

    const char *status = strstr(buf_str(&mail), "Reporting-MTA");
    assert_non_null(status);
    for (const char *at = buf_str(&mail); (at = strstr(at, "\nBcc:")) != NULL; at++) {
        /* Only inside the text that a person reads may it begin a line. */
        assert_true(at < status && strstr(buf_str(&mail), "\r\n\r\n--=_") < at);
    }
    buf_clear(&mail);
}

static void the_welcome_names_the_address(void **state)
{
    (void)state;
    const struct welcome welcome = {
        .account = "me", .address = "BM-a@bm.alt", .label = "me", .unique = "01"};
    struct buf mail = {0};
    report_write_welcome(&mail, &welcome);
    assert_non_null(strstr(buf_str(&mail), "To: BM-a@bm.alt\r\n"));
    assert_non_null(strstr(buf_str(&mail), "    BM-a@bm.alt\r\n"));
    buf_clear(&mail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_tells_whom_why_and_what_to_do),
        cmocka_unit_test(the_whole_mail_comes_back_when_it_was_asked_for),
        cmocka_unit_test(of_what_did_not_fail_the_headers_alone_come_back),
        cmocka_unit_test(what_comes_back_is_told_to_be_what_it_is),
        cmocka_unit_test(nothing_in_it_can_inject_a_field),
        cmocka_unit_test(the_welcome_names_the_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
