// SPDX-License-Identifier: MIT
/* Mails of every shape, all the way: taken apart, planned, encoded, decoded, and written as the
 * mail that arrives. Of each: the text that any reader of Bitmessage sees, and what comes out at
 * another Bittern, byte for byte below the header. */
#include "tests/support/vectors.h"

#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/mem.h"
#include "gateway/translate/to_mail.h"
#include "gateway/translate/to_message.h"
#include "mailproto/mime/analyse.h"
#include "mailproto/mime/html_text.h"
#include "mailproto/mime/outgoing.h"
#include "node/content/content.h"

#define UNIQUE "=_00000000000000000000000000000000"
/* What arrives is made of. */
#define TEXT "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
#define QUOTED                                                                                     \
    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "                       \
    "quoted-printable\r\n\r\n"
#define MIXED "Content-Type: multipart/mixed;\r\n boundary=\"" UNIQUE "\"\r\n\r\n--" UNIQUE "\r\n"
#define NEXT "\r\n--" UNIQUE "\r\n"
#define END "\r\n--" UNIQUE "--\r\n"
#define FILE_NAMED(type, name)                                                                     \
    "Content-Type: " type ";\r\n name=\"" name "\"\r\nContent-Transfer-Encoding: base64\r\n"       \
    "Content-Disposition: attachment;\r\n filename=\"" name "\"\r\n\r\n"

#define MESSAGE(encoding)                                                                          \
    "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: " encoding "\r\n"                  \
    "Content-Disposition: attachment\r\n\r\n"

/* What is sent is made of. */
#define PLAIN "Content-Type: text/plain; charset=utf-8\r\n\r\n"

struct shape {
    const char *name;
    struct bytes mail;
    bool needs_extended; /* who reads encoding 2 alone can't have it */
    const char *shown;   /* the text, whoever reads it */
    const char *arrives;
};
#define MAIL(literal)                                                                              \
    {                                                                                              \
        (const uint8_t *)(literal), sizeof(literal) - 1                                            \
    }

/* ---- the way ---- */

static void carry(struct buf *out, struct buf *shown, const struct shape *shape)
{
    static const uint8_t hash[INVENTORY_HASH_BYTES];
    struct arena arena = {0};
    struct fault fault = {0};
    struct outgoing_mail taken;
    struct message_plan plan;
    struct content content;
    struct buf wire = {0};
    if (!outgoing_take_apart(&taken, shape->mail, &arena, &fault) ||
        !to_message_plan(&plan, &taken, NULL, 0, &arena, &fault) ||
        !content_encode(&wire, plan.needs_extended ? &plan.extended : &plan.plain, &fault)) {
        fail_msg("%s: %s", shape->name, fault.text);
    }
    assert_int_equal(plan.needs_extended, shape->needs_extended);
    uint64_t encoding = plan.needs_extended ? CONTENT_EXTENDED : CONTENT_SIMPLE;
    assert_true(content_decode(&content, encoding, buf_view(&wire), &arena, &fault));
    buf_append_bytes(shown, content.body);
    const struct arrived_message message = {
        .from = {.version = 4, .stream = 1},
        .from_label = "",
        .to = {.version = 4, .stream = 1},
        .to_label = "",
        .hash = hash,
        .encoding = encoding,
        .content = &content,
    };
    to_mail_write(out, &message);
    buf_clear(&wire);
    arena_clear(&arena);
}

static void check(const struct shape *shape)
{
    static const char LAST_FIELD[] = "MIME-Version: 1.0\r\n";
    struct buf mail = {0};
    struct buf shown = {0};
    carry(&mail, &shown, shape);
    const char *body = strstr(buf_str(&mail), LAST_FIELD);
    assert_non_null(body);
    body += strlen(LAST_FIELD);
    if (strcmp(buf_str(&shown), shape->shown) != 0) {
        fail_msg("%s: shows \"%s\"\nnot \"%s\"", shape->name, buf_str(&shown), shape->shown);
    }
    if (strcmp(body, shape->arrives) != 0) {
        fail_msg("%s: comes as\n%s\nnot\n%s", shape->name, body, shape->arrives);
    }
    buf_clear(&shown);
    buf_clear(&mail);
}

/* ---- the shapes ---- */

static void check_all(const struct shape *shapes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        check(&shapes[i]);
    }
}

static void mails_of_text_alone(void **state)
{
    static const struct shape shapes[] = {
        {"nothing", MAIL("\r\n"), false, "", TEXT},
        {"HTML", MAIL("Content-Type: text/html\r\n\r\n<p>one<p>two <b>three</b>"), false,
         "one\n\ntwo three", TEXT "one\r\n\r\ntwo three\r\n"},
        {"flowed, with DelSp",
         MAIL("Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\nlong \r\nword\r\n"), false,
         "longword", TEXT "longword\r\n"},
        {"inline PGP, signed",
         MAIL("Content-Type: text/plain; format=flowed\r\n\r\n"
              "-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\n- -- \r\nme\r\n"
              "-----BEGIN PGP SIGNATURE-----\r\n\r\nabc=\r\n-----END PGP SIGNATURE-----\r\n"),
         false,
         "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n- -- \nme\n"
         "-----BEGIN PGP SIGNATURE-----\n\nabc=\n-----END PGP SIGNATURE-----",
         QUOTED "-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\n- --=20\r\nme\r\n"
                "-----BEGIN PGP SIGNATURE-----\r\n\r\nabc=3D\r\n-----END PGP SIGNATURE-----\r\n"},
        {"inline PGP, encrypted",
         MAIL("\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nhQEM=\r\n-----END PGP MESSAGE-----\r\n"),
         false, "-----BEGIN PGP MESSAGE-----\n\nhQEM=\n-----END PGP MESSAGE-----",
         QUOTED "-----BEGIN PGP MESSAGE-----\r\n\r\nhQEM=3D\r\n-----END PGP MESSAGE-----\r\n"},
    };
    (void)state;
    check_all(shapes, ARRAY_LEN(shapes));
}

static void mails_with_files(void **state)
{
    static const struct shape shapes[] = {
        {"empty parts",
         MAIL("Content-Type: multipart/mixed; boundary=A\r\n\r\n--A\r\n" PLAIN "\r\n--A\r\n"
              "Content-Type: a/b; name=n\r\n\r\n\r\n--A--\r\n"),
         true, "", MIXED TEXT NEXT FILE_NAMED("a/b", "n") END},
        {"an invitation",
         MAIL("Content-Type: multipart/alternative; boundary=A\r\n\r\n--A\r\n" PLAIN
              "come\r\n--A\r\nContent-Type: text/calendar; method=REQUEST; name=i.ics\r\n\r\n"
              "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\n--A--\r\n"),
         true, "come",
         MIXED TEXT "come\r\n" NEXT FILE_NAMED(
             "text/calendar; method=REQUEST; charset=utf-8",
             "i.ics") "QkVHSU46VkNBTEVOREFSDQpNRVRIT0Q6UkVRVUVTVA==\r\n" END},
        {"a forwarded mail",
         MAIL("Content-Type: multipart/mixed; boundary=A\r\n\r\n--A\r\n" PLAIN "fwd\r\n--A\r\n"
              "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nside\r\n--A--\r\n"),
         true, "fwd", MIXED TEXT "fwd\r\n" NEXT MESSAGE("7bit") "Subject: in\r\n\r\nside" END},
        {"a forwarded mail with eight-bit text, and marks of its keeper",
         MAIL("Content-Type: multipart/mixed; boundary=A\r\n\r\n--A\r\n"
              "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
              "X-Mozilla-Status: 0001\r\nSubject: in\r\nX-Account-Key:\r\n account1\r\n"
              "\r\nsch\xc3\xb6n\r\n--A--\r\n"),
         true, "",
         "Content-Transfer-Encoding: 8bit\r\n" MIXED TEXT NEXT MESSAGE(
             "8bit") "Subject: in\r\n\r\nsch\xc3\xb6n" END},
        {"a forwarded mail that would be shown as HTML",
         MAIL("Content-Type: multipart/mixed; boundary=A\r\n\r\n--A\r\n"
              "Content-Type: message/rfc822\r\n\r\nContent-Type: text/html\r\n\r\n<b>\r\n--A--"
              "\r\n"),
         true, "",
         MIXED TEXT NEXT FILE_NAMED(
             "application/octet-stream",
             "message.eml") "Q29udGVudC1UeXBlOiB0ZXh0L2h0bWwNCg0KPGI+\r\n" END},
        {"a forwarded mail that could end its part",
         MAIL("Content-Type: multipart/mixed; boundary=A\r\n\r\n--A\r\n"
              "Content-Type: message/rfc822\r\n\r\nS: x\r\n\r\n--=_0\r\n--A--\r\n"),
         true, "",
         MIXED TEXT NEXT FILE_NAMED("application/octet-stream",
                                    "message.eml") "UzogeA0KDQotLT1fMA==\r\n" END},
        {"BINARYMIME",
         MAIL("Content-Type: multipart/mixed; boundary=A\r\n\r\n--A\r\n" PLAIN "see\r\n--A\r\n"
              "Content-Type: a/b; name=n\r\nContent-Transfer-Encoding: binary\r\n\r\n"
              "\0\r\n\n\r\xff\r\n--A--\r\n"),
         true, "see", MIXED TEXT "see\r\n" NEXT FILE_NAMED("a/b", "n") "AA0KCg3/\r\n" END},
        {"a picture in the text",
         MAIL("Content-Type: multipart/related; boundary=A\r\n\r\n--A\r\n"
              "Content-Type: text/html\r\n\r\n<img src=cid:i@my.host>see\r\n--A\r\n"
              "Content-Type: image/png; name=p.png\r\nContent-ID: <i@my.host>\r\n"
              "Content-Transfer-Encoding: base64\r\n\r\nUE5H\r\n--A--\r\n"),
         true, "see",
         "Content-Type: multipart/related; type=\"text/plain\";\r\n boundary=\"" UNIQUE
         "r\"\r\n\r\n--" UNIQUE "r\r\n" TEXT "see\r\n\r\n--" UNIQUE "r\r\n"
         "Content-Type: image/png;\r\n name=\"p.png\"\r\nContent-Transfer-Encoding: base64\r\n"
         "Content-Disposition: inline;\r\n filename=\"p.png\"\r\nContent-ID: <file1>\r\n\r\n"
         "UE5H\r\n\r\n--" UNIQUE "r--\r\n"},
    };
    (void)state;
    check_all(shapes, ARRAY_LEN(shapes));
}

#define SIGNED_PART PLAIN "I sign \xc3\xa4 this.  \r\n"
#define SIGNATURE "-----BEGIN PGP SIGNATURE-----\r\n\r\nabc=\r\n-----END PGP SIGNATURE-----\r\n"
#define ENVELOPED "MAsGCSqGSIb3DQEHAw==\r\n"
#define SMIME                                                                                      \
    "Content-Type: application/pkcs7-mime; smime-type=enveloped-data;\r\n name=smime.p7m\r\n"      \
    "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; "                       \
    "filename=smime.p7m\r\n\r\n"
#define ARMOUR "-----BEGIN PGP MESSAGE-----\r\n\r\nabc=\r\n-----END PGP MESSAGE-----\r\n"

static void mails_that_are_signed_or_encrypted(void **state)
{
    static const struct shape shapes[] = {
        {"PGP/MIME, signed",
         MAIL("Content-Type: multipart/signed; micalg=pgp-sha256; "
              "boundary=A\r\n\r\n--A\r\n" SIGNED_PART
              "\r\n--A\r\nContent-Type: application/pgp-signature\r\n\r\n" SIGNATURE
              "\r\n--A--\r\n"),
         true, "I sign \xc3\xa4 this.  ",
         "Content-Type: multipart/signed; protocol=\"application/pgp-signature\";\r\n"
         " micalg=pgp-sha256;\r\n boundary=\"" UNIQUE "\"\r\n" NEXT SIGNED_PART NEXT
         "Content-Type: application/pgp-signature; name=signature.asc\r\n\r\n" SIGNATURE END},
        {"PGP/MIME, encrypted",
         MAIL("Content-Type: multipart/encrypted; boundary=A\r\n\r\n--A\r\n"
              "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--A\r\n"
              "Content-Type: application/octet-stream\r\n\r\n" ARMOUR "\r\n--A--\r\n"),
         true, "",
         "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\";\r\n"
         " boundary=\"" UNIQUE "\"\r\n" NEXT
         "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n" NEXT
         "Content-Type: application/octet-stream; name=encrypted.asc\r\n\r\n" ARMOUR END},
        {"S/MIME, signed",
         MAIL(
             "Content-Type: multipart/signed; micalg=sha-256; boundary=A\r\n\r\n--A\r\n" SIGNED_PART
             "\r\n--A\r\nContent-Type: application/pkcs7-signature\r\n"
             "Content-Transfer-Encoding: base64\r\n\r\nUE5H\r\n--A--\r\n"),
         true, "I sign \xc3\xa4 this.  ",
         "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n"
         " micalg=sha-256;\r\n boundary=\"" UNIQUE "\"\r\n" NEXT SIGNED_PART NEXT
         "Content-Type: application/pkcs7-signature; name=smime.p7s\r\n"
         "Content-Transfer-Encoding: base64\r\n\r\nUE5H\r\n" END},
        {"S/MIME, encrypted",
         MAIL("Content-Type: application/x-pkcs7-mime; smime-type=enveloped-data; name=e.p7m\r\n"
              "Content-Transfer-Encoding: base64\r\n\r\n" ENVELOPED),
         true, "", SMIME ENVELOPED},
        {"S/MIME, encrypted, of indefinite length and authenticated",
         MAIL("Content-Type: application/pkcs7-mime\r\n"
              "Content-Transfer-Encoding: base64\r\n\r\nMIAGCyqGSIb3DQEJEAEX\r\n"),
         true, "", SMIME "MIAGCyqGSIb3DQEJEAEX\r\n"},
        /* What only says that it is encrypted would show what a stranger put into it. */
        {"S/MIME, signed within",
         MAIL("Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n"
              "Content-Transfer-Encoding: base64\r\n\r\nMAsGCSqGSIb3DQEHAg==\r\n"),
         true, "",
         MIXED TEXT NEXT FILE_NAMED("application/pkcs7-mime",
                                    "smime.p7m") "MAsGCSqGSIb3DQEHAg==\r\n" END},
        {"S/MIME that is none",
         MAIL("Content-Type: application/pkcs7-mime; name=smime.p7m\r\n"
              "Content-Transfer-Encoding: base64\r\n\r\nMIQ=\r\n"),
         true, "",
         MIXED TEXT NEXT FILE_NAMED("application/pkcs7-mime", "smime.p7m") "MIQ=\r\n" END},
    };
    (void)state;
    check_all(shapes, ARRAY_LEN(shapes));
}

/* ---- a hundred thousand links */

enum { LINKS = 100000, MOST_CPU_SEC = 20 }; /* linear work takes a hundredth of that */

static size_t count(struct bytes text, const char *what)
{
    size_t n = 0;
    size_t len = strlen(what);
    const uint8_t *at = text.data;
    const uint8_t *end = text.data + text.len;
    while ((at = memmem(at, (size_t)(end - at), what, len)) != NULL) {
        at += len;
        n++;
    }
    return n;
}

static double cpu_sec(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

/* From a stranger: all of them, as text, in the mail and for the search. */
static void a_message_of_links_arrives_as_text(void **state)
{
    (void)state;
    static const uint8_t hash[INVENTORY_HASH_BYTES];
    struct arena arena = {0};
    struct buf body = {0};
    struct buf wire = {0};
    struct buf mail = {0};
    struct content content;
    struct mime_analysis analysis;
    for (int i = 0; i < LINKS; i++) {
        buf_append_str(&body, i % 2 == 0 ? "http://a " : "http://b\n");
    }
    const struct content sent = {.encoding = CONTENT_EXTENDED, .body = buf_view(&body)};
    double start = cpu_sec();
    assert_true(content_encode(&wire, &sent, NULL));
    assert_true(content_decode(&content, CONTENT_EXTENDED, buf_view(&wire), &arena, NULL));
    const struct arrived_message message = {.from = {.version = 4, .stream = 1},
                                            .from_label = "",
                                            .to = {.version = 4, .stream = 1},
                                            .to_label = "",
                                            .hash = hash,
                                            .encoding = CONTENT_EXTENDED,
                                            .content = &content};
    to_mail_write(&mail, &message);
    analyse_mail(&analysis, buf_view(&mail), 0, &arena);

    assert_int_equal(count(buf_view(&mail), "http://a http://b\r\n"), LINKS / 2);
    assert_non_null(strstr(buf_str(&mail), "Content-Type: text/plain; charset=utf-8\r\n"));
    assert_true(cpu_sec() - start < MOST_CPU_SEC);
    buf_clear(&mail);
    buf_clear(&wire);
    buf_clear(&body);
    arena_clear(&arena);
}

/* From a user, in HTML: as many as the text may hold, each with its target. */
static void a_mail_of_links_goes_out_as_text(void **state)
{
    (void)state;
    static const char link[] = "<a href=http://a>x</a>\n";
    struct arena arena = {0};
    struct buf mail = {0};
    struct outgoing_mail taken;
    buf_append_str(&mail, "Content-Type: text/html\r\n\r\n");
    for (int i = 0; i < LINKS; i++) {
        buf_append_str(&mail, link);
    }
    double start = cpu_sec();
    assert_true(outgoing_take_apart(&taken, buf_view(&mail), &arena, NULL));

    assert_in_range(count(taken.text, "x <http://a>"), HTML_MAX_BYTES / strlen(link) - 1,
                    HTML_MAX_BYTES / strlen(link));
    assert_true(cpu_sec() - start < MOST_CPU_SEC);
    buf_clear(&mail);
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mails_of_text_alone),
        cmocka_unit_test(mails_with_files),
        cmocka_unit_test(mails_that_are_signed_or_encrypted),
        cmocka_unit_test(a_message_of_links_arrives_as_text),
        cmocka_unit_test(a_mail_of_links_goes_out_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
