// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <string.h>

#include "base/buf.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/translate/to_mail.h"

static const uint8_t hash[INVENTORY_HASH_BYTES] = {0xab, 0xcd};

static struct arrived_message plain_message(const struct content *content)
{
    return (struct arrived_message){
        .kind = ARRIVED_MESSAGE,
        .from = {.version = 4, .stream = 1, .ripe = {0, 1}},
        .from_label = "",
        .to = {.version = 4, .stream = 1, .ripe = {0, 2}},
        .to_label = "me",
        .arrived_sec = 1795000000,
        .expires_sec = 1795086400,
        .hash = hash,
        .encoding = 2,
        .content = content,
    };
}

/* How often a header field of that name stands in the mail's own header. */
static size_t count_fields(struct buf *mail, const char *name)
{
    const char *text = buf_str(mail);
    const char *end = strstr(text, "\r\n\r\n");
    size_t n = 0;
    assert_non_null(end);
    for (const char *line = text; line != NULL && line < end;) {
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':') {
            n++;
        }
        line = strstr(line, "\r\n");
        line = line == NULL ? NULL : line + 2;
    }
    return n;
}

static void a_message_has_the_headers_of_the_profile(void **state)
{
    (void)state;
    const struct content content = {
        .encoding = 2, .subject = bytes_of_str("Hi"), .body = bytes_of_str("Text.\n")};
    struct arrived_message message = plain_message(&content);
    static const char *const parents[] = {"one@bm.alt", "two@bm.alt"};
    message.parents = parents;
    message.n_parents = 2;
    struct buf mail = {0};

    to_mail_write(&mail, &message);

    const char *text = buf_str(&mail);
    static const char *const wanted[] = {
        "Subject: Hi\r\n",
        "To: \"me\"\r\n <BM-",
        "Date: Wed, 18 Nov 2026 11:06:40 +0000\r\n",
        "Message-ID: <abcd0000",
        "In-Reply-To: <two@bm.alt>\r\n",
        "References: <one@bm.alt>\r\n <two@bm.alt>\r\n",
        "X-Bitmessage-Kind: message\r\n",
        "X-Bitmessage-Encoding: 2\r\n",
        "X-Bitmessage-Object: abcd0000",
        "X-Bitmessage-Expires: Thu, 19 Nov 2026 11:06:40 +0000\r\n",
        "Authentication-Results: bm.alt; x-bitmessage-signature=pass\r\n",
        "Content-Type: text/plain; charset=utf-8\r\n",
        "\r\n\r\nText.\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        if (strstr(text, wanted[i]) == NULL) {
            fail_msg("lacks %s in\n%s", wanted[i], text);
        }
    }
    buf_clear(&mail);
}

static void no_header_can_be_injected(void **state)
{
    (void)state;
    static const char *const attacks[] = {
        "x\r\nBcc: victim@example.org",
        "x\nBcc: victim@example.org",
        "x\rBcc: victim@example.org",
        "x\r\n\r\nbody",
        "x\xc2\x85"
        "Bcc: victim@example.org",
        "x\xe2\x80\xa8"
        "Bcc: victim@example.org",
        "=?utf-8?Q?x=0D=0ABcc:_victim@example.org?=",
        "\"\r\nBcc: victim@example.org",
        "x\v\fBcc: victim@example.org",
    };
    for (size_t i = 0; i < ARRAY_LEN(attacks); i++) {
        struct content_file file = {.name = bytes_of_str(attacks[i]),
                                    .type = bytes_of_str(attacks[i]),
                                    .disposition = bytes_of_str(attacks[i]),
                                    .id = bytes_of_str(attacks[i]),
                                    .data = bytes_of_str(attacks[i])};
        const struct content content = {.encoding = 3,
                                        .subject = bytes_of_str(attacks[i]),
                                        .body = bytes_of_str(attacks[i]),
                                        .files = &file,
                                        .n_files = 1};
        struct arrived_message message = plain_message(&content);
        message.from_label = attacks[i];
        message.to_label = attacks[i];
        message.kind = ARRIVED_CHAN;
        struct buf mail = {0};

        to_mail_write(&mail, &message);

        assert_int_equal(count_fields(&mail, "Bcc"), 0);
        assert_int_equal(count_fields(&mail, "Subject"), 1);
        assert_int_equal(count_fields(&mail, "From"), 1);
        assert_int_equal(count_fields(&mail, "Content-Type"), 1);
        for (size_t k = 0; k < mail.len; k++) {
            bool cr = mail.data[k] == '\r';
            bool lf = mail.data[k] == '\n';
            assert_true(!cr || (k + 1 < mail.len && mail.data[k + 1] == '\n'));
            assert_true(!lf || (k > 0 && mail.data[k - 1] == '\r'));
            assert_true(mail.data[k] < 0x80 && (mail.data[k] >= 0x20 || cr || lf));
        }
        buf_clear(&mail);
    }
}

static void a_body_can_not_end_its_part(void **state)
{
    (void)state;
    struct content_file file = {.name = bytes_of_str("a"), .data = bytes_of_str("b")};
    const struct content content = {
        .encoding = 3,
        .subject = bytes_of_str("s"),
        .body = bytes_of_str("--=_abcd0000000000000000000000000000--\nContent-Type: text/html\n"),
        .files = &file,
        .n_files = 1,
    };
    const struct arrived_message message = plain_message(&content);
    struct buf mail = {0};

    to_mail_write(&mail, &message);

    size_t n_ends = 0;
    for (const char *at = buf_str(&mail);
         (at = strstr(at, "\r\n--=_abcd0000000000000000000000000000--")) != NULL; at++) {
        n_ends++;
    }
    assert_int_equal(n_ends, 1);
    buf_clear(&mail);
}

static void files_lose_their_folders_and_types_that_lie(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *type;
        const char *wanted_name;
        const char *wanted_type;
    } cases[] = {
        {"/etc/passwd", "text/plain", "filename=\"passwd\"", "Content-Type: text/plain;"},
        {"..\\..\\x.exe", "image/png", "filename=\"x.exe\"", "Content-Type: image/png;"},
        {"m", "message/rfc822", "filename=\"m\"", "Content-Type: message/rfc822;"},
        {"m", "message/partial", "filename=\"m\"", "Content-Type: application/octet-stream;"},
        {"m", "message/external-body", "filename=\"m\"", "Content-Type: application/octet-stream;"},
        {"m", "multipart/mixed", "filename=\"m\"", "Content-Type: application/octet-stream;"},
        {"m", "nonsense", "filename=\"m\"", "Content-Type: application/octet-stream;"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct content_file file = {.name = bytes_of_str(cases[i].name),
                                    .type = bytes_of_str(cases[i].type),
                                    .data = bytes_of_str("data")};
        const struct content content = {.encoding = 3, .files = &file, .n_files = 1};
        const struct arrived_message message = plain_message(&content);
        struct buf mail = {0};
        to_mail_write(&mail, &message);
        if (strstr(buf_str(&mail), cases[i].wanted_name) == NULL ||
            strstr(buf_str(&mail), cases[i].wanted_type) == NULL) {
            fail_msg("%s", buf_str(&mail));
        }
        buf_clear(&mail);
    }
}

/* A calendar's METHOD, as it may stand in a type; else the type has none. */
static void an_invitation_is_told_by_its_method(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        const char *wanted;
    } cases[] = {
        {"BEGIN:VCALENDAR\nmethod:REPLY\nBEGIN:VEVENT\n",
         "text/calendar; method=REPLY; charset=utf-8\r\n"},
        {"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:X-A\r\n",
         "text/calendar; method=X-A; charset=utf-8\r\n"},
        {"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nMETHOD:REQUEST\r\n",
         "text/calendar; charset=utf-8\r\n"},
        {"METHOD:RE QUEST\r\n", "text/calendar; charset=utf-8\r\n"},
        {"METHOD:A;name=b\r\n", "text/calendar; charset=utf-8\r\n"},
        {"METHOD:ABCDEFGHIJABCDEFGHIJ\r\n",
         "text/calendar; method=ABCDEFGHIJABCDEFGHIJ; charset=utf-8\r\n"},
        {"METHOD:ABCDEFGHIJABCDEFGHIJK\r\n", "text/calendar; charset=utf-8\r\n"},
        {"METHOD:", "text/calendar; charset=utf-8\r\n"},
        {"METHOD:ADD\r\n\xff", "text/calendar; method=ADD\r\n"},
        {"", "text/calendar; charset=utf-8\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct content_file file = {.type = bytes_of_str("text/calendar"),
                                    .data = bytes_of_str(cases[i].data)};
        const struct content content = {.encoding = 3, .files = &file, .n_files = 1};
        const struct arrived_message message = plain_message(&content);
        struct buf mail = {0};
        to_mail_write(&mail, &message);
        if (strstr(buf_str(&mail), cases[i].wanted) == NULL) {
            fail_msg("%s", buf_str(&mail));
        }
        buf_clear(&mail);
    }
}

static void pictures_in_the_text_stay_related_to_it(void **state)
{
    (void)state;
    struct content_file files[] = {
        {.type = bytes_of_str("image/png"),
         .disposition = bytes_of_str("inline"),
         .id = bytes_of_str("file1"),
         .data = bytes_of_str("PNG")},
        {.name = bytes_of_str("a.txt"),
         .type = bytes_of_str("text/plain"),
         .disposition = bytes_of_str("attachment"),
         .data = bytes_of_str("A")},
    };
    struct content content = {.encoding = 3, .body = bytes_of_str("see"), .files = files};
    for (content.n_files = 1; content.n_files <= 2; content.n_files++) {
        const struct arrived_message message = plain_message(&content);
        struct buf mail = {0};
        to_mail_write(&mail, &message);
        const char *related = strstr(buf_str(&mail), "multipart/related; type=\"text/plain\"");
        const char *picture = strstr(buf_str(&mail), "Content-ID: <file1>");
        const char *inner_end = strstr(buf_str(&mail), "r--\r\n");
        const char *attached = strstr(buf_str(&mail), "filename=\"a.txt\"");
        assert_true(related != NULL && related < picture && picture < inner_end);
        assert_int_equal(strstr(buf_str(&mail), "multipart/mixed") != NULL, content.n_files == 2);
        assert_int_equal(attached != NULL, content.n_files == 2);
        assert_true(attached == NULL || attached > inner_end);
        buf_clear(&mail);
    }
}

#define SIGNED_PART "Content-Type: text/plain; charset=utf-8\r\n\r\nI sign \xc3\xa4 this.  \r\n"
#define PGP_SIGNATURE "-----BEGIN PGP SIGNATURE-----\r\n\r\nabc=\r\n-----END PGP SIGNATURE-----\r\n"
#define PGP_MESSAGE "-----BEGIN PGP MESSAGE-----\r\n\r\nabc=\r\n-----END PGP MESSAGE-----\r\n"

static void write_pair(struct buf *out, const char *type, const char *digest, struct bytes first,
                       const char *second_type, const char *second)
{
    const struct bytes sealed = bytes_of_str("sealed");
    struct content_file files[] = {
        {.type = bytes_of_str(type),
         .disposition = sealed,
         .id = bytes_of_str(digest),
         .data = first},
        {.type = bytes_of_str(second_type), .disposition = sealed, .data = bytes_of_str(second)},
    };
    const struct content content = {
        .encoding = 3, .body = bytes_of_str("I sign"), .files = files, .n_files = 2};
    const struct arrived_message message = plain_message(&content);
    to_mail_write(out, &message);
}

static void what_was_signed_or_encrypted_is_put_together_untouched(void **state)
{
    (void)state;
    struct buf mail = {0};

    write_pair(&mail, "multipart/signed", "pgp-sha256", bytes_of_str(SIGNED_PART),
               "application/pgp-signature", PGP_SIGNATURE);
    assert_non_null(strstr(buf_str(&mail),
                           "Content-Type: multipart/signed; protocol=\"application/pgp-signature\";"
                           "\r\n micalg=pgp-sha256;\r\n boundary=\"=_abcd"));
    assert_non_null(strstr(buf_str(&mail), "\r\n" SIGNED_PART "\r\n--=_abcd"));
    assert_non_null(strstr(buf_str(&mail), "\r\n\r\n" PGP_SIGNATURE "\r\n--=_abcd"));
    buf_reset(&mail);

    write_pair(&mail, "application/pgp-encrypted", "", bytes_of_str("Version: 1\r\n"),
               "application/octet-stream", PGP_MESSAGE);
    assert_non_null(strstr(buf_str(&mail), "Content-Type: multipart/encrypted; "
                                           "protocol=\"application/pgp-encrypted\";"));
    assert_non_null(strstr(buf_str(&mail), "\r\n\r\n" PGP_MESSAGE "\r\n--=_abcd"));
    buf_clear(&mail);
}

static void a_sealed_part_that_may_do_harm_comes_as_files(void **state)
{
    (void)state;
    char long_line[1001];
    memset(long_line, 'x', sizeof long_line - 1);
    long_line[sizeof long_line - 1] = '\0';
    const struct {
        struct bytes part;
        const char *signature;
    } cases[] = {
        {bytes_of_str("Content-Type: text/HTML\r\n\r\n<img src=http://x>"), PGP_SIGNATURE},
        {bytes_of_str("Content-Type: message/rfc822\r\n\r\nx"), PGP_SIGNATURE},
        {bytes_of_str("\r\nx\r\n--=_abcd0000000000000000000000000000\r\n"), PGP_SIGNATURE},
        {bytes_of_str("--=_x"), PGP_SIGNATURE},
        {bytes_of_str("\r\nbare\nline"), PGP_SIGNATURE},
        {bytes_of_str("\r\nbare\rline"), PGP_SIGNATURE},
        {{(const uint8_t *)"\r\na\0b", 5}, PGP_SIGNATURE},
        {bytes_of_str(long_line), PGP_SIGNATURE},
        {bytes_of_str("\r\nx"), "no armour"},
        {bytes_of_str("\r\nx"), "-----BEGIN PGP SIGNATURE-----\r\n\xff"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf mail = {0};
        write_pair(&mail, "multipart/signed", "x", cases[i].part, "application/pgp-signature",
                   cases[i].signature);
        if (strstr(buf_str(&mail), "Content-Type: multipart/mixed") == NULL ||
            strstr(buf_str(&mail), "Content-Type: multipart/signed") != NULL) {
            fail_msg("case %zu:\n%s", i, buf_str(&mail));
        }
        buf_clear(&mail);
    }
}

static void what_can_not_be_read_comes_with_its_bytes(void **state)
{
    (void)state;
    struct arrived_message message = plain_message(NULL);
    message.encoding = 77;
    message.notice = "Unknown.";
    message.raw = bytes_of_str("raw bytes");
    struct buf mail = {0};

    to_mail_write(&mail, &message);

    assert_non_null(strstr(buf_str(&mail), "Unknown."));
    assert_non_null(strstr(buf_str(&mail), "cmF3IGJ5dGVz"));
    assert_non_null(strstr(buf_str(&mail), "X-Bitmessage-Encoding: 77\r\n"));
    buf_clear(&mail);
}

static void chans_and_broadcasts_are_lists(void **state)
{
    (void)state;
    const struct content content = {.encoding = 2};
    struct arrived_message message = plain_message(&content);
    struct buf mail = {0};

    message.kind = ARRIVED_CHAN;
    to_mail_write(&mail, &message);
    assert_int_equal(count_fields(&mail, "List-Id"), 1);
    assert_int_equal(count_fields(&mail, "List-Post"), 1);
    assert_int_equal(count_fields(&mail, "Reply-To"), 1);
    buf_reset(&mail);
    message.kind = ARRIVED_BROADCAST;
    to_mail_write(&mail, &message);
    assert_int_equal(count_fields(&mail, "List-Id"), 1);
    assert_non_null(strstr(buf_str(&mail), "List-Post: NO\r\n"));
    assert_int_equal(count_fields(&mail, "Reply-To"), 0);
    buf_clear(&mail);
}

static void a_message_id_leads_back_to_its_object(void **state)
{
    (void)state;
    char id[MESSAGE_ID_BYTES + 2];
    uint8_t back[INVENTORY_HASH_BYTES] = {0};
    to_mail_message_id(id, hash);
    assert_true(to_mail_hash_of_message_id(back, bytes_of_str(id)));
    assert_memory_equal(back, hash, sizeof(hash));
    assert_false(to_mail_hash_of_message_id(back, bytes_of_str("<abc@bm.alt>")));
    assert_false(to_mail_hash_of_message_id(back, bytes_of_str("")));
    id[64] = '#';
    assert_false(to_mail_hash_of_message_id(back, bytes_of_str(id)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_has_the_headers_of_the_profile),
        cmocka_unit_test(no_header_can_be_injected),
        cmocka_unit_test(a_body_can_not_end_its_part),
        cmocka_unit_test(files_lose_their_folders_and_types_that_lie),
        cmocka_unit_test(an_invitation_is_told_by_its_method),
        cmocka_unit_test(pictures_in_the_text_stay_related_to_it),
        cmocka_unit_test(what_was_signed_or_encrypted_is_put_together_untouched),
        cmocka_unit_test(a_sealed_part_that_may_do_harm_comes_as_files),
        cmocka_unit_test(what_can_not_be_read_comes_with_its_bytes),
        cmocka_unit_test(chans_and_broadcasts_are_lists),
        cmocka_unit_test(a_message_id_leads_back_to_its_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
