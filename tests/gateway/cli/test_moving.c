// SPDX-License-Identifier: MIT
/* The forms in which other programs keep mails: names in a Maildir, notbit's mails, messages.dat.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/str.h"
#include "gateway/cli/moving/export_walk.h"
#include "gateway/cli/moving/keys_file.h"
#include "gateway/cli/moving/maildir.h"
#include "gateway/cli/moving/messages_dat.h"
#include "gateway/cli/moving/notbit_mail.h"

/* ---- Maildir ---- */

static void a_files_name_tells_time_and_flags(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t sec;
        const char *flags;
    } rows[] = {
        {"1500000000.M1Q0.host:2,FS", 1500000000, "FS"},
        {"1500000000.N3.bittern", 1500000000, ""},
        {"1500000000.a.b:2,", 1500000000, ""},
        {"1500000000.a.b:2,DFPRST", 1500000000, "DFRST"},
        {"1500000000.a.b:1,FS", 1500000000, ""},
        {"0.a.b:2,S", 42, "S"},
        {"4294967295.a", 4294967295, ""},
        {"4294967296.a", 42, ""},
        {"mail:2,S", 42, "S"},
        {"", 42, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct maildir_mail mail;
        char flags[8];
        maildir_parse_name(&mail, rows[i].name, 42);
        (void)snprintf(flags, sizeof flags, "%s%s%s%s%s", mail.flags.draft ? "D" : "",
                       mail.flags.flagged ? "F" : "", mail.flags.answered ? "R" : "",
                       mail.flags.seen ? "S" : "", mail.flags.deleted ? "T" : "");
        if (mail.sec != rows[i].sec || strcmp(flags, rows[i].flags) != 0) {
            fail_msg("%s: %lld %s", rows[i].name, (long long)mail.sec, flags);
        }
    }
}

static void a_mailboxs_place_stays_in_the_folder(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"me", "INBOX", "me/INBOX.x"},
        {"me", "Chans/general", "me/Chans/general.x"},
        {"me", "../..", "me/_./_..x"},
        {"..", "a", "_./a.x"},
        {"me", ".hidden/b.c", "me/_hidden/b.c.x"},
        {"me", "cur/new/tmp/curl", "me/_cur/_new/_tmp/curl.x"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *mailbox = json_pack("{s:s, s:s}", "account", rows[i][0], "name", rows[i][1]);
        char *place = export_place(mailbox, ".x");
        assert_string_equal(place, rows[i][2]);
        free(place);
        json_decref(mailbox);
    }
}

/* ---- notbit ---- */

static void assert_header(const char *label, const char *subject, const char *from,
                          const char *shown)
{
    struct buf out = {0};
    const struct notbit_party alice = {"BM-a", label};
    const struct notbit_party nobody = {"", ""};
    notbit_mail_write(&out, &alice, &nobody, bytes_of_str(subject), bytes_of_str("text\n"), 0);
    char *expected = xasprintf("From: %s\nTo: unknown@bitmessage\n"
                               "Date: Thu, 01 Jan 1970 00:00:00 +0000\n"
                               "Content-Type: text/plain; charset=UTF-8\n"
                               "Content-Transfer-Encoding: 8bit\nSubject: %s\n\ntext\n",
                               from, shown);
    assert_string_equal(buf_str(&out), expected);
    free(expected);
    buf_clear(&out);
}

static void notbits_mail_has_its_header_and_no_other(void **state)
{
    (void)state;
    assert_header("", "Hello, you", "BM-a@bitmessage", "Hello, you");
    assert_header("Alice 2", "", "Alice 2 <BM-a@bitmessage>", "");
    assert_header("A \"B\" <c@d>", "\xc3\xa4", "=?UTF-8?B?QSAiQiIgPGNAZD4=?= <BM-a@bitmessage>",
                  "=?UTF-8?B?w6Q=?=");
    assert_header("", "a\nBcc: b", "BM-a@bitmessage", "=?UTF-8?B?YQpCY2M6IGI=?=");
    assert_header("", "=?x?q?y?=", "BM-a@bitmessage", "=?UTF-8?B?PT94P3E/eT89?=");
    /* 39 bytes fit into a word, and no character is cut in two. */
    assert_header("", "123456789 123456789 123456789 12345678\xc3\xa4", "BM-a@bitmessage",
                  "=?UTF-8?B?MTIzNDU2Nzg5IDEyMzQ1Njc4OSAxMjM0NTY3ODkgMTIzNDU2Nzg=?=\n"
                  " =?UTF-8?B?w6Q=?=");
}

/* ---- keys.dat of notbit ---- */

static void notbit_doubles_no_percent_sign(void **state)
{
    (void)state;
    static const struct keys_file_entry entry = {.address = "BM-1",
                                                 .label = "100%% me",
                                                 .signing_key = "5Ka",
                                                 .encryption_key = "5Kb",
                                                 .list_name = ""};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    keys_file_write(out, KEYS_FILE_NOTBIT, &entry, 1);
    fputs("[BM-2]\nlabel = friend\npubsigningkey = abc\npubencryptionkey = def\n", out);
    fclose(out);
    assert_non_null(strstr(text, "label = 100%% me\n"));

    struct keys_file file;
    struct fault fault = {0};
    FILE *in = fmemopen(text, len, "r");
    assert_true(keys_file_read_stream(&file, KEYS_FILE_NOTBIT, in, "keys.dat", &fault));
    fclose(in);
    assert_int_equal(file.n_entries, 2);
    assert_string_equal(file.entries[0].label, "100%% me");
    assert_string_equal(file.entries[0].public_key, "");
    assert_string_equal(file.entries[1].public_key, "abc");
    keys_file_clear(&file);
    free(text);
}

/* ---- messages.dat ---- */

static struct bytes words(const char *text)
{
    return bytes_of_str(text);
}

static bool check_mail(void *context, const struct messages_dat_mail *mail, struct fault *fault)
{
    int *n_seen = context;
    (void)fault;
    ++*n_seen;
    assert_true(bytes_is_word(mail->from, "BM-from"));
    assert_true(bytes_is_word(mail->to, mail->is_sent ? "BM-to" : MESSAGES_DAT_SUBSCRIBERS));
    assert_int_equal(mail->text.len, 5);
    assert_memory_equal(mail->text.data, "a\0b\xff\n", 5);
    assert_int_equal(mail->hash.len, 32);
    assert_int_equal(mail->sec, 1500000000);
    assert_true(mail->is_read);
    assert_true(bytes_is_word(mail->folder, mail->is_sent ? "sent" : "inbox"));
    return true;
}

static bool count_entry(void *context, const struct messages_dat_entry *entry, struct fault *fault)
{
    int *counts = context;
    (void)fault;
    assert_true(bytes_is_word(entry->address, "BM-x"));
    assert_true(entry->enabled == (entry->list != MESSAGES_DAT_SUBSCRIPTIONS));
    counts[entry->list]++;
    return true;
}

static void what_is_put_into_messages_dat_is_read_from_it(void **state)
{
    (void)state;
    char folder[] = "/tmp/bittern-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = xasprintf("%s/messages.dat", folder);
    char *log = xasprintf("%s-wal", path);
    static const uint8_t hash[32] = {1};
    struct fault fault = {0};
    struct messages_dat *file = messages_dat_create(path, &fault);
    assert_non_null(file);
    struct messages_dat_mail mail = {.hash = {hash, sizeof hash},
                                     .from = words("BM-from"),
                                     .to = words(MESSAGES_DAT_SUBSCRIBERS),
                                     .subject = words("subject"),
                                     .text = {(const uint8_t *)"a\0b\xff\n", 5},
                                     .folder = words("inbox"),
                                     .is_read = true,
                                     .sec = 1500000000};
    assert_true(messages_dat_put_mail(file, &mail, &fault));
    mail.is_sent = true;
    mail.to = words("BM-to");
    mail.folder = words("sent");
    mail.status = words("ackreceived");
    assert_true(messages_dat_put_mail(file, &mail, &fault));
    for (int list = 0; list < MESSAGES_DAT_N_LISTS; list++) {
        const struct messages_dat_entry entry = {.list = (enum messages_dat_list)list,
                                                 .address = words("BM-x"),
                                                 .label = words("x"),
                                                 .enabled = list != MESSAGES_DAT_SUBSCRIPTIONS};
        assert_true(messages_dat_put_entry(file, &entry, &fault));
    }
    assert_true(messages_dat_finish(file, &fault));
    messages_dat_close(&file);
    assert_int_not_equal(access(log, F_OK), 0);

    int n_mails = 0;
    int counts[MESSAGES_DAT_N_LISTS] = {0};
    file = messages_dat_open(path, &fault);
    assert_non_null(file);
    assert_true(messages_dat_mails(file, check_mail, &n_mails, &fault));
    assert_true(messages_dat_entries(file, count_entry, counts, &fault));
    assert_int_equal(n_mails, 2);
    for (int list = 0; list < MESSAGES_DAT_N_LISTS; list++) {
        assert_int_equal(counts[list], 1);
    }
    messages_dat_close(&file);
    unlink(path);
    rmdir(folder);
    free(log);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_files_name_tells_time_and_flags),
        cmocka_unit_test(a_mailboxs_place_stays_in_the_folder),
        cmocka_unit_test(notbits_mail_has_its_header_and_no_other),
        cmocka_unit_test(notbit_doubles_no_percent_sign),
        cmocka_unit_test(what_is_put_into_messages_dat_is_read_from_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
