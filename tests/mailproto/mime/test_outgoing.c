// SPDX-License-Identifier: MIT
/* Mails in the shapes that clients write, and what of each may leave. */
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/str.h"
#include "mailproto/mime/outgoing.h"

static struct bytes text(const char *str)
{
    return bytes_of_str(str);
}

/* "text|name type disposition id data|..." */
static void show(struct buf *out, const struct outgoing_mail *mail)
{
    buf_append_bytes(out, mail->text);
    for (size_t i = 0; i < mail->n_files; i++) {
        const struct outgoing_file *file = &mail->files[i];
        const struct bytes parts[] = {file->name, file->type, file->disposition, file->id,
                                      file->data};
        buf_append_str(out, "|");
        for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
            buf_append_str(out, k == 0 ? "" : " ");
            buf_append_bytes(out, parts[k]);
        }
    }
}

static void check(const char *mail_text, const char *expected)
{
    size_t len = strlen(mail_text);
    for (size_t cut = 0; cut <= len; cut++) {
        uint8_t *block = xmemdup(mail_text, cut);
        struct arena arena = {0};
        struct fault fault = {0};
        struct outgoing_mail mail = {0};
        bool ok = outgoing_take_apart(&mail, (struct bytes){block, cut}, &arena, &fault);
        if (ok) {
            assert_true(utf8_valid(mail.text));
            assert_true(utf8_valid(mail.subject));
        }
        if (cut == len) {
            struct buf out = {0};
            if (!ok) {
                fail_msg("%s", fault.text);
            }
            show(&out, &mail);
            if (strcmp(buf_str(&out), expected) != 0) {
                fail_msg("\"%s\"\ngives \"%s\"\nnot   \"%s\"", mail_text, buf_str(&out), expected);
            }
            buf_clear(&out);
        }
        arena_clear(&arena);
        free(block);
    }
}

#define PLAIN "Content-Type: text/plain; charset=utf-8\r\n\r\n"
#define HTML "Content-Type: text/html; charset=utf-8\r\n\r\n"
#define PNG                                                                                        \
    "Content-Type: image/PNG; name=\"p.png\"\r\nContent-ID: <i@d>\r\n"                             \
    "Content-Transfer-Encoding: base64\r\n\r\nUE5H\r\n"

static void the_text_is_found_in_every_shape(void **state)
{
    (void)state;
    check("Subject: x\r\n\r\nhello\r\n", "hello\n");
    check(PLAIN "hello", "hello");
    check("\r\n", "");
    check("Subject: none\r\n", "");
    check(HTML "<p>hello</p>", "hello");
    check("Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\nlong \r\nword\r\n",
          "longword\n");
    check("Content-Type: text/plain; charset=iso-8859-1\r\n"
          "Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4",
          "\xc3\xa4");
    check("Content-Type: multipart/alternative; boundary=A\r\n\r\n--A\r\n" PLAIN
          "plain\r\n--A\r\n" HTML "<b>html</b>\r\n--A--\r\n",
          "plain");
    check("Content-Type: multipart/alternative; boundary=A\r\n\r\n--A\r\n" HTML
          "<b>html</b>\r\n--A\r\n" PLAIN "plain\r\n--A--\r\n",
          "plain");
    /* the plain shape says nothing */
    check("Content-Type: multipart/alternative; boundary=A\r\n\r\n--A\r\n" PLAIN
          " \r\n\r\n--A\r\n" HTML "<b>html</b>\r\n--A--\r\n",
          "html");
    check("Content-Type: multipart/mixed; boundary=A\r\n\r\n--A\r\n" PLAIN "one\r\n--A\r\n" PLAIN
          "two\r\n--A--\r\n",
          "one\n\ntwo");
}

static void what_is_no_text_becomes_a_file(void **state)
{
    (void)state;
    check("Content-Type: multipart/mixed; boundary=A\r\n\r\n--A\r\n" PLAIN "see\r\n--A\r\n"
          "Content-Disposition: attachment; filename=\"../dir\\\\a.txt\"\r\n" PLAIN
          "data\r\n--A--\r\n",
          "see|a.txt text/plain attachment  data");
    check("Content-Type: multipart/related; boundary=A\r\n\r\n--A\r\n" HTML
          "<img src=cid:i@d>see\r\n--A\r\n" PNG "--A--\r\n",
          "see|p.png image/png inline i@d PNG");
    /* the picture of the HTML shape is not lost when the plain one is taken */
    check("Content-Type: multipart/alternative; boundary=A\r\n\r\n--A\r\n" PLAIN "plain\r\n--A\r\n"
          "Content-Type: multipart/related; boundary=B\r\n\r\n--B\r\n" HTML "html\r\n--B\r\n" PNG
          "--B--\r\n--A--\r\n",
          "plain|p.png image/png inline i@d PNG");
    /* an invitation */
    check("Content-Type: multipart/alternative; boundary=A\r\n\r\n--A\r\n" HTML "come\r\n--A\r\n"
          "Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\n--A--\r\n",
          "come| text/calendar attachment  BEGIN:VCALENDAR");
    /* a forwarded message */
    check("Content-Type: multipart/mixed; boundary=A\r\n\r\n--A\r\n" PLAIN "fwd\r\n--A\r\n"
          "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nside\r\n--A--\r\n",
          "fwd| message/rfc822 attachment  Subject: in\r\n\r\nside");
    /* without what the sender's own programs wrote into it; in its parts all stays */
    check("Content-Type: multipart/mixed; boundary=A\r\n\r\n--A\r\nContent-Type: "
          "message/rfc822\r\n\r\n"
          "Status: RO\r\nReceived: by x\r\nX-Mozilla-Keys:  work\r\n\t home\r\nx-uidl: 7\r\n"
          "X-Status-Of-It: kept\r\nDate: y\r\nLines: 1\r\n\r\nStatus: stays\r\n--A--\r\n",
          "| message/rfc822 attachment  Received: by x\r\nX-Status-Of-It: kept\r\nDate: y\r\n\r\n"
          "Status: stays");
    /* S/MIME that is no pair */
    check("Content-Type: application/x-pkcs7-mime; name=my.p7m\r\n"
          "Content-Transfer-Encoding: base64\r\n\r\nUE5H",
          "|smime.p7m application/pkcs7-mime sealed  PNG");
    /* a mail that is nothing but a file */
    check("Content-Disposition: attachment; filename=x\r\nContent-Type: application/x-y\r\n"
          "Content-Transfer-Encoding: base64\r\n\r\nUE5H",
          "|x application/x-y attachment  PNG");
    check("Content-Type: multipart/mixed; boundary=A\r\n\r\nnever opened", "never opened");
}

static void what_was_signed_goes_byte_for_byte(void **state)
{
    (void)state;
    /* the part with its header, its trailing spaces and its own files, but without the boundary's
     * line end; whatever the client called the signature */
    check("Content-Type: multipart/signed; micalg=pgp-sha256; boundary=A\r\n\r\n"
          "preamble\r\n--A\r\nContent-Type: multipart/mixed; boundary=B\r\nX-Own: 1\r\n\r\n"
          "--B\r\n" PLAIN "text  \r\n--B\r\n" PNG "--B--\r\n\r\n--A\r\n"
          "Content-Type: application/pgp-signature; "
          "name=\"OpenPGP_signature.asc\"\r\n\r\nSIG\r\n--A--\r\n",
          "text  | multipart/signed sealed pgp-sha256 "
          "Content-Type: multipart/mixed; boundary=B\r\nX-Own: 1\r\n\r\n--B\r\n" PLAIN
          "text  \r\n--B\r\n" PNG "--B--\r\n"
          "|signature.asc application/pgp-signature sealed  SIG");
    check(
        "Content-Type: multipart/encrypted; boundary=A\r\n\r\n--A\r\n"
        "Content-Type: application/pgp-encrypted\r\nContent-Description: by X\r\n\r\nVersion: 1\r\n"
        "--A\r\nContent-Type: application/octet-stream; name=X.asc\r\n\r\nARMOUR\r\n--A--\r\n",
        "| application/pgp-encrypted sealed  Version: 1\r\n"
        "|encrypted.asc application/octet-stream sealed  ARMOUR");
}

static bool take_apart(struct outgoing_mail *out, const char *mail, struct arena *arena)
{
    *out = (struct outgoing_mail){0};
    return outgoing_take_apart(out, text(mail), arena, NULL);
}

static void of_the_header_only_what_is_allowed_is_kept(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct outgoing_mail mail;
    assert_true(take_apart(&mail,
                           "Received: from host\r\nUser-Agent: secret\r\nDate: now\r\n"
                           "X-Bitmessage-TTL: 2d\r\nX-Other: y\r\n"
                           "Subject: =?utf-8?q?a?=\r\n =?utf-8?q?_b=0Ac?=\r\n"
                           "From: \"=?utf-8?q?J=C3=B6?=\" <BM-a@bm.alt>\r\n"
                           "To: Friends: x@y, \"Z\" <z@y>;\r\nCc: BM-c\r\nBcc: d@e\r\n"
                           "Message-ID: <m@host>\r\nReferences: <1@a> <2@a>\r\n"
                           "In-Reply-To: <3@a>\r\n\r\nx",
                           &arena));
    assert_int_equal(mail.n_headers, 1);
    assert_bytes_equal(mail.headers[0].name, text("X-Bitmessage-TTL"));
    assert_bytes_equal(mail.headers[0].value, text("2d"));
    assert_bytes_equal(mail.subject, text("a b c"));
    assert_int_equal(mail.from.n_items, 1);
    assert_bytes_equal(mail.from.items[0].name, text("J\xc3\xb6"));
    assert_bytes_equal(mail.from.items[0].mailbox, text("BM-a"));
    assert_int_equal(mail.to.n_items, 2);
    assert_bytes_equal(mail.to.items[1].mailbox, text("z"));
    assert_bytes_equal(mail.cc.items[0].mailbox, text("BM-c"));
    assert_int_equal(mail.bcc.n_items, 1);
    assert_bytes_equal(mail.message_id, text("<m@host>"));
    assert_int_equal(mail.n_references, 3);
    assert_bytes_equal(mail.references[2], text("<3@a>"));
    arena_clear(&arena);
}

static void an_address_that_is_no_utf8_comes_out_well_formed(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct outgoing_mail mail;
    assert_true(take_apart(&mail, "To: \xe4@\xff\r\n\r\n", &arena));
    assert_bytes_equal(mail.to.items[0].mailbox, text("\xc3\xa4"));
    assert_true(utf8_valid(mail.to.items[0].host));
    arena_clear(&arena);
}

static void pgp_in_the_text_is_left_as_it_is(void **state)
{
    (void)state;
    check("Content-Type: text/plain; format=flowed\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n"
          "Hash: SHA256\r\n\r\n- --dashes\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\nabc=\r\n"
          "-----END PGP SIGNATURE-----\r\n",
          "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n- --dashes\n"
          "-----BEGIN PGP SIGNATURE-----\n\nabc=\n-----END PGP SIGNATURE-----\n");
    check("\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nhQEM=\r\n-----END PGP MESSAGE-----\r\n",
          "-----BEGIN PGP MESSAGE-----\n\nhQEM=\n-----END PGP MESSAGE-----\n");
    check("Content-Type: application/pkcs7-mime; name=smime.p7m\r\nContent-Transfer-Encoding: "
          "base64\r\n\r\n"
          "UE5H",
          "|smime.p7m application/pkcs7-mime sealed  PNG");
}

static void what_cannot_be_carried_is_refused_in_words(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct fault fault = {0};
    struct outgoing_mail mail = {0};
    assert_false(outgoing_take_apart(
        &mail, text("Content-Type: text/plain; charset=x-none\r\n\r\n\xe4\x81\xfe"), &arena,
        &fault));
    assert_int_equal(fault.code, FAULT_UNSUPPORTED);
    assert_true(
        take_apart(&mail, "Content-Type: text/plain; charset=x-none\r\n\r\n\xc3\xa4", &arena));
    assert_bytes_equal(mail.text, text("\xc3\xa4"));
    arena_clear(&arena);

    for (size_t n = OUTGOING_MAX_TEXT_BYTES - 1; n <= OUTGOING_MAX_TEXT_BYTES + 1; n++) {
        struct buf in = {0};
        buf_append_str(&in, "\r\n");
        while (in.len < n + 2) {
            buf_append_byte(&in, 'x');
        }
        fault = (struct fault){0};
        assert_int_equal(outgoing_take_apart(&mail, buf_view(&in), &arena, &fault),
                         n <= OUTGOING_MAX_TEXT_BYTES);
        assert_int_equal(fault.code, n <= OUTGOING_MAX_TEXT_BYTES ? FAULT_NONE : FAULT_LIMIT);
        buf_clear(&in);
        arena_clear(&arena);
    }

    for (size_t n = OUTGOING_MAX_FILES - 1; n <= OUTGOING_MAX_FILES + 1; n++) {
        struct buf in = {0};
        buf_append_str(&in, "Content-Type: multipart/mixed; boundary=A\r\n\r\n");
        for (size_t i = 0; i < n; i++) {
            buf_append_str(&in, "--A\r\nContent-Type: a/b\r\n\r\nx\r\n");
        }
        assert_int_equal(outgoing_take_apart(&mail, buf_view(&in), &arena, NULL),
                         n <= OUTGOING_MAX_FILES);
        buf_clear(&in);
        arena_clear(&arena);
    }
}

/* The boundary's choice, the order of fields, the encoding: none of it may show. */
static void two_mails_of_one_text_give_the_same(void **state)
{
    (void)state;
    static const char *const mails[] = {
        "Subject: a b\r\nUser-Agent: one\r\n" PLAIN "h\xc3\xa4llo\r\n",
        "Date: x\r\nSubject: =?iso-8859-1?q?a_b?=\r\nContent-Type: text/plain; "
        "charset=iso-8859-1\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\nh=E4llo\r\n",
        "Subject: a\r\n b\r\nContent-Type: multipart/alternative; boundary=ZZ\r\n\r\n--ZZ\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        "aMOkbGxvDQo=\r\n--ZZ\r\n" HTML "<p>h&auml;llo</p>\r\n--ZZ--\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(mails); i++) {
        struct arena arena = {0};
        struct outgoing_mail mail;
        assert_true(take_apart(&mail, mails[i], &arena));
        assert_bytes_equal(mail.subject, text("a b"));
        assert_bytes_equal(mail.text, text("h\xc3\xa4llo\n"));
        assert_int_equal(mail.n_files, 0);
        arena_clear(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_found_in_every_shape),
        cmocka_unit_test(what_is_no_text_becomes_a_file),
        cmocka_unit_test(what_was_signed_goes_byte_for_byte),
        cmocka_unit_test(of_the_header_only_what_is_allowed_is_kept),
        cmocka_unit_test(an_address_that_is_no_utf8_comes_out_well_formed),
        cmocka_unit_test(pgp_in_the_text_is_left_as_it_is),
        cmocka_unit_test(what_cannot_be_carried_is_refused_in_words),
        cmocka_unit_test(two_mails_of_one_text_give_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
