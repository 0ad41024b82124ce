// SPDX-License-Identifier: MIT
/* A broken mail.db, read out. Each case damages a copy of one database that holds some of
 * everything; what comes out must hold together (salvage_prepare checks that itself), keep all keys
 * but those whose own page was hit, and say what was lost. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/db.h"
#include "base/db_pages.h"
#include "base/file.h"
#include "base/mem.h"
#include "crypto/address.h"
#include "crypto/key.h"
#include "gateway/agent/outgoing/outgoing_state.h"
#include "gateway/backup/backup_file.h"
#include "gateway/backup/salvage.h"
#include "gateway/store/mail_db.h"
#include "tests/gateway/backup/salvage_steps.h"
#include "tests/gateway/store/fixture.h"

enum { N_IDENTITIES = 12, N_MAILS = 25 };

/* ---- A database with some of everything. ---- */

/* With contents that reach over pages and over pieces. */
static void add_mails(struct fixture *fixture)
{
    for (int i = 0; i < N_MAILS; i++) {
        struct buf mail = {0};
        buf_printf(&mail, "Subject: number %d\r\nFrom: a@b.example\r\n\r\n", i);
        for (int line = 0; line < (i % 20 == 0 ? 2000 : 30); line++) {
            buf_printf(&mail, "line %d of mail %d, which goes on for a while\r\n", line, i);
        }
        assert_int_not_equal(fixture_append(fixture, i % 3 == 0 ? "INBOX" : "Archive/2026",
                                            buf_str(&mail), i % 2 ? 8 : 0, i % 5 ? NULL : "tag"),
                             0);
        buf_clear(&mail);
    }
}

static const char people[] =
    "INSERT INTO contact (account_id, address, label) SELECT account_id, address, 'friend'"
    " FROM identity;"
    "INSERT INTO broadcast_subscription (account_id, address, label) SELECT account_id, address,"
    " 'news' FROM identity LIMIT 3;"
    "INSERT INTO sender_rule SELECT account_id, address, 0 FROM identity LIMIT 2;"
    "INSERT INTO outgoing_mail (account_id, sender, message_id, subject, content_plain,"
    " needs_extended, ttl_sec, accepted_sec) SELECT account_id, address, 'a@b', 'under way', x'01',"
    " 0, 1000, 5 FROM identity LIMIT 1;"
    "INSERT INTO outgoing (mail_id, recipient, kind, state, ackdata, since_sec) SELECT 1, address,"
    " 0, 0, x'', 5 FROM identity LIMIT 1;"
    "INSERT INTO seen SELECT randomblob(32), 0, id FROM body;"
    "INSERT INTO link_cursor VALUES (1, x'00', 17);"
    "DELETE FROM key_walk WHERE own_id != 3;";

static void fill(struct fixture *fixture)
{
    struct fault fault = {0};
    assert_true(fixture_create(fixture, "Archive/2026"));
    add_mails(fixture);
    fixture_stop(fixture);
    struct db *db = mail_db_open(fixture->path, &fault);
    assert_non_null(db);
    for (int i = 0; i < N_IDENTITIES; i++) {
        salvage_add_identity(db, i);
    }
    db_close(&db);
    salvage_run_sql(fixture->path, people);
}

/* ---- Its bytes. ---- */

static struct buf whole; /* of the filled database, without a log */

static int setup(void **state)
{
    assert_int_equal(fixture_setup(state), 0);
    struct fixture *fixture = *state;
    fill(fixture);
    if (whole.len == 0) {
        whole = salvage_read_file(fixture->path);
    }
    return 0;
}

/* The store stops on the database that it knows. */
static int teardown(void **state)
{
    struct fixture *fixture = *state;
    char *wal = xasprintf("%s-wal", fixture->path);
    unlink(wal);
    free(wal);
    salvage_write_file(fixture->path, &whole);
    fixture_start(fixture);
    return fixture_teardown(state);
}

static int forget_whole(void **state)
{
    (void)state;
    buf_clear(&whole);
    return 0;
}

static struct buf copy_of_whole(void)
{
    struct buf copy = {0};
    buf_append_bytes(&copy, buf_view(&whole));
    return copy;
}

static bool is_long; /* --long */

/* The keys that are there are those that were there. */
static int64_t count_true_keys(struct fixture *fixture)
{
    struct fault fault = {0};
    struct db *db = mail_db_open_reader(fixture->path, &fault);
    assert_non_null(db);
    int64_t n = 0;
    for (int i = 0; i < N_IDENTITIES; i++) {
        struct identity_keys keys;
        char text[ADDRESS_TEXT_BYTES];
        salvage_identity_of(&keys, text, i);
        struct db_stmt *stmt = db_prepare(db,
                                          "SELECT count(*) FROM identity WHERE address = ?1"
                                          " AND signing_key = ?2 AND encryption_key = ?3",
                                          &fault);
        db_bind_text(stmt, 1, text);
        db_bind_bytes(stmt, 2, (struct bytes){keys.signing.scalar, PRIVATE_KEY_BYTES});
        db_bind_bytes(stmt, 3, (struct bytes){keys.encryption.scalar, PRIVATE_KEY_BYTES});
        assert_int_equal(db_step(stmt, &fault), DB_ROW);
        n += db_column_i64(stmt, 0);
        db_reset(stmt);
    }
    db_close(&db);
    return n;
}

/* The pages that hold rows of a table. */
static bool is_page_of(struct fixture *fixture, const char *table, uint32_t page)
{
    salvage_write_file(fixture->path, &whole);
    char *sql = xasprintf("SELECT count(*) FROM sqlite_schema WHERE name = '%s' AND rootpage = %u",
                          table, page);
    int64_t n = salvage_number(fixture, sql);
    free(sql);
    return n != 0;
}

/* ---- Cases. ---- */

enum damage { FLIP_KIND, FLIP_MIDDLE, FLIP_LAST, ZERO, ONES, N_DAMAGES };

static void damage(struct buf *file, uint32_t page, enum damage how)
{
    uint8_t *start = file->data + (size_t)(page - 1) * DB_PAGES_BYTES;
    switch (how) {
    case FLIP_KIND:
        start[page == 1 ? 100 : 0] ^= 0xff;
        break;
    case FLIP_MIDDLE:
        start[DB_PAGES_BYTES / 2] ^= 0xff;
        break;
    case FLIP_LAST:
        start[DB_PAGES_BYTES - 1] ^= 0xff;
        break;
    case ZERO:
    case ONES:
        memset(start, how == ZERO ? 0 : 0xff, DB_PAGES_BYTES);
        break;
    case N_DAMAGES:
        break;
    }
}

/* Damage that says nothing else is told apart from none by nobody: the file counts as whole then.
 */
static void any_page_may_break_and_the_keys_are_saved(void **state)
{
    struct fixture *fixture = *state;
    uint32_t n_pages = (uint32_t)(whole.len / DB_PAGES_BYTES);
    uint32_t keys_page = 1;
    while (!is_page_of(fixture, "identity", keys_page)) {
        keys_page++;
        assert_true(keys_page <= n_pages);
    }
    int64_t n_salvaged = 0;
    for (uint32_t page = 1; page <= n_pages; page++) {
        for (int i = 0; i < (is_long ? N_DAMAGES : 1); i++) {
            enum damage how = is_long ? (enum damage)i : (enum damage)(page % N_DAMAGES);
            struct buf broken = copy_of_whole();
            damage(&broken, page, how);
            enum fault_code code = salvage_run(fixture, &broken);
            buf_clear(&broken);
            if (code != FAULT_NONE) {
                if (code != FAULT_EXISTS) {
                    fail_msg("page %u, damage %d: code %d", page, how, code);
                }
                continue;
            }
            n_salvaged++;
            int64_t n_keys = count_true_keys(fixture);
            if (n_keys != salvage_number(fixture, "SELECT count(*) FROM identity") ||
                (n_keys != N_IDENTITIES && page != keys_page)) {
                fail_msg("page %u, damage %d: %d keys", page, how, (int)n_keys);
            }
            if (salvage_number(fixture, "SELECT count(*) FROM message") < N_MAILS / 2 &&
                salvage_reported("lost_rows") + salvage_reported("broken_pages") == 0) {
                fail_msg("page %u, damage %d: mails are gone and nobody says so", page, how);
            }
        }
    }
    assert_true(n_salvaged > n_pages / 3);
}

/* The page above them is gone: the pages with the contents are known by what they hold. */
static void pages_to_which_nothing_leads_any_more_are_found(void **state)
{
    struct fixture *fixture = *state;
    uint32_t page = 1;
    while (!is_page_of(fixture, "body_piece", page)) {
        page++;
    }
    assert_int_equal(whole.data[(size_t)(page - 1) * DB_PAGES_BYTES], DB_PAGE_TABLE_INNER);
    struct buf broken = copy_of_whole();
    damage(&broken, page, ZERO);

    assert_int_equal(salvage_run(fixture, &broken), FAULT_NONE);

    assert_int_equal(salvage_reported("broken_pages"), 1);
    assert_int_equal(salvage_reported("lost_messages"), 0);
    assert_int_equal(salvage_number(fixture, "SELECT count(*) FROM message"), N_MAILS);
    buf_clear(&broken);
}

static void a_whole_database_is_left_alone(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(salvage_run(fixture, &whole), FAULT_EXISTS);

    struct buf after = salvage_read_file(fixture->path);
    assert_true(bytes_equal(buf_view(&after), buf_view(&whole)));
    buf_clear(&after);
    unlink(fixture->path);
    struct fault fault = {0};
    assert_false(salvage_prepare(fixture->folder, &salvage_report, &fault));
    assert_int_equal(fault.code, FAULT_NOT_FOUND);
}

static void without_its_header_everything_is_there(void **state)
{
    struct fixture *fixture = *state;
    struct buf broken = copy_of_whole();
    memset(broken.data, 0xaa, 100);
    int64_t now = clock_now_sec();

    assert_int_equal(salvage_run(fixture, &broken), FAULT_NONE);

    assert_int_equal(count_true_keys(fixture), N_IDENTITIES);
    assert_int_equal(salvage_number(fixture, "SELECT count(*) FROM message"), N_MAILS);
    assert_int_equal(salvage_number(fixture, "SELECT count(*) FROM contact"), N_IDENTITIES);
    assert_int_equal(salvage_number(fixture, "SELECT count(*) FROM broadcast_subscription"), 3);
    assert_int_equal(salvage_number(fixture, "SELECT count(*) FROM sender_rule"), 2);
    assert_int_equal(salvage_number(fixture, "SELECT count(*) FROM seen"), N_MAILS);
    assert_int_equal(salvage_number(fixture, "SELECT number FROM link_cursor"), 17);
    assert_int_equal(salvage_number(fixture, "SELECT count(*) FROM key_walk"), 1);
    assert_int_equal(salvage_number(fixture, "SELECT state FROM outgoing"), OUTGOING_HELD);
    assert_int_equal(salvage_number(fixture, "SELECT count(*) FROM keyword WHERE name = 'tag'"), 2);
    assert_true(salvage_number(fixture, "SELECT min(uid_validity) FROM mailbox") >= now);
    assert_int_equal(salvage_reported("identities"), N_IDENTITIES);
    assert_int_equal(salvage_reported("messages"), N_MAILS);
    assert_int_equal(salvage_reported("queued"), 1);
    assert_int_equal(salvage_reported("lost_messages"), 0);
    assert_int_equal(salvage_reported("lost_rows"), 0);
    buf_clear(&broken);
}

static void the_broken_file_is_kept_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    struct buf broken = copy_of_whole();
    memset(broken.data, 0xaa, 100);

    assert_int_equal(salvage_run(fixture, &broken), FAULT_NONE);

    const char *name = strstr(buf_str(&salvage_report), "kept=");
    assert_non_null(name);
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%.*s", fixture->folder, (int)strcspn(name + 5, "\n"),
                   name + 5);
    struct buf kept = salvage_read_file(path);
    assert_true(bytes_equal(buf_view(&kept), buf_view(&broken)));
    struct stat stat_new;
    assert_int_equal(stat(fixture->path, &stat_new), 0);
    assert_int_equal(stat_new.st_mode & 077, 0);
    buf_clear(&kept);
    buf_clear(&broken);
}

/* A crash between the two steps: the next start puts it in place. */
static void what_is_prepared_waits_for_the_next_start(void **state)
{
    struct fixture *fixture = *state;
    struct fault fault = {0};
    struct buf broken = copy_of_whole();
    memset(broken.data, 0xaa, 100);
    salvage_write_file(fixture->path, &broken);
    buf_clear(&salvage_report);
    assert_true(salvage_prepare(fixture->folder, &salvage_report, &fault));
    struct buf still = salvage_read_file(fixture->path);
    assert_true(bytes_equal(buf_view(&still), buf_view(&broken)));

    assert_true(salvage_finish(fixture->folder, clock_now_sec(), NULL, &fault));
    assert_int_equal(count_true_keys(fixture), N_IDENTITIES);
    assert_true(salvage_finish(fixture->folder, clock_now_sec(), NULL, &fault));
    assert_int_equal(count_true_keys(fixture), N_IDENTITIES);
    buf_clear(&still);
    buf_clear(&broken);
}

static void a_file_cut_short_gives_what_is_left_of_it(void **state)
{
    struct fixture *fixture = *state;
    const size_t lengths[] = {whole.len / 2, whole.len - 1, whole.len / 4 + 77, 4096, 17, 0};
    int64_t last = INT64_MAX;
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct buf broken = copy_of_whole();
        buf_truncate(&broken, lengths[i]);
        enum fault_code code = salvage_run(fixture, &broken);
        buf_clear(&broken);
        if (code != FAULT_NONE) {
            fail_msg("length %zu: code %d", lengths[i], code);
        }
        last = salvage_number(fixture, "SELECT count(*) FROM message");
    }
    assert_int_equal(last, 0);
}

static void rows_that_stand_in_the_log_alone_are_read(void **state)
{
    struct fixture *fixture = *state;
    struct fault fault = {0};
    salvage_write_file(fixture->path, &whole);
    struct db *db = mail_db_open(fixture->path, &fault);
    assert_non_null(db);
    salvage_add_identity(db, N_IDENTITIES); /* in the log, for as long as the connection is there */
    char *wal_path = xasprintf("%s-wal", fixture->path);
    struct buf wal = salvage_read_file(wal_path);
    struct buf file = salvage_read_file(fixture->path);
    db_close(&db);
    assert_true(wal.len > 0);
    memset(file.data, 0xaa, 100); /* the log has page 1 only if that was changed */
    for (int i = 0; i < 2; i++) {
        salvage_write_file(fixture->path, &file);
        if (i == 1) { /* of a log that tells nonsense nothing is taken */
            wal.data[wal.len / 2] ^= 0xff;
            wal.data[40] ^= 0xff;
        }
        salvage_write_file(wal_path, &wal);
        buf_clear(&salvage_report);
        if (!salvage_prepare(fixture->folder, &salvage_report, &fault)) {
            fail_msg("%s", fault.text);
        }
        assert_int_equal(salvage_reported("identities"), i == 0 ? N_IDENTITIES + 1 : N_IDENTITIES);
        assert_true(salvage_finish(fixture->folder, clock_now_sec(), NULL, &fault));
    }
    buf_clear(&wal);
    buf_clear(&file);
    free(wal_path);
}

static void replace_bytes(struct buf *file, struct bytes from, size_t offset, uint8_t with)
{
    uint8_t *found = memmem(file->data, file->len, from.data, from.len);
    assert_non_null(found);
    found[offset] = with;
}

/* A key that is not that of its address is worse than none: nobody could know. */
static void a_key_with_a_flipped_bit_is_told_and_left_out(void **state)
{
    struct fixture *fixture = *state;
    struct identity_keys keys;
    char text[ADDRESS_TEXT_BYTES];
    salvage_identity_of(&keys, text, 5);
    struct buf broken = copy_of_whole();
    replace_bytes(&broken, (struct bytes){keys.signing.scalar, PRIVATE_KEY_BYTES}, 3,
                  keys.signing.scalar[3] ^ 1);

    assert_int_equal(salvage_run(fixture, &broken), FAULT_NONE);

    assert_int_equal(count_true_keys(fixture), N_IDENTITIES - 1);
    assert_int_equal(salvage_number(fixture, "SELECT count(*) FROM identity"), N_IDENTITIES - 1);
    assert_int_equal(salvage_reported("damaged_keys"), 1);
    char *line = xasprintf("lost_identity=%s\n", text);
    assert_non_null(strstr(buf_str(&salvage_report), line));
    free(line);
    buf_clear(&broken);
}

static void a_mail_with_a_changed_letter_is_kept_and_told(void **state)
{
    struct fixture *fixture = *state;
    struct buf broken = copy_of_whole();
    replace_bytes(&broken, bytes_of_str("line 7 of mail 11, which"), 19, 'W');

    assert_int_equal(salvage_run(fixture, &broken), FAULT_NONE);

    assert_int_equal(salvage_number(fixture, "SELECT count(*) FROM message"), N_MAILS);
    assert_int_equal(salvage_reported("altered_messages"), 1);
    buf_clear(&broken);
}

/* The form of a mail lies in another page than its content. */
static void mails_without_their_form_are_shown_as_plain_text(void **state)
{
    struct fixture *fixture = *state;
    salvage_write_file(fixture->path, &whole);
    salvage_run_sql(fixture->path,
                    "DELETE FROM body WHERE id % 2 = 0; DELETE FROM keyword WHERE bit = 0");
    struct buf broken = salvage_read_file(fixture->path);

    assert_int_equal(salvage_run(fixture, &broken), FAULT_NONE);

    assert_int_equal(salvage_number(fixture, "SELECT count(*) FROM message"), N_MAILS);
    assert_int_equal(salvage_reported("plain_messages"), N_MAILS / 2);
    assert_int_equal(salvage_number(fixture, "SELECT count(*) FROM body WHERE header_len > 0"),
                     N_MAILS);
    buf_clear(&broken);
}

static void a_lost_mailbox_is_made_anew(void **state)
{
    struct fixture *fixture = *state;
    salvage_write_file(fixture->path, &whole);
    salvage_run_sql(fixture->path,
                    "DELETE FROM mailbox WHERE name LIKE 'Archive%' OR name = 'INBOX'");
    struct buf broken = salvage_read_file(fixture->path);

    assert_int_equal(salvage_run(fixture, &broken), FAULT_NONE);

    assert_int_equal(salvage_number(fixture, "SELECT count(*) FROM message"), N_MAILS);
    assert_int_equal(
        salvage_number(fixture, "SELECT count(*) FROM mailbox WHERE name LIKE 'Salvaged/%'"), 2);
    assert_int_equal(salvage_number(fixture, "SELECT count(*) FROM mailbox WHERE name = 'INBOX'"),
                     1);
    buf_clear(&broken);
}

static void an_older_version_is_salvaged_and_brought_up_to_date(void **state)
{
    struct fixture *fixture = *state;
    struct fault fault = {0};
    size_t n_steps;
    const struct db_migration *steps = mail_db_steps(&n_steps);
    for (size_t version = 1; version < n_steps; version++) {
        unlink(fixture->path);
        struct db *db = db_open(fixture->path, &(struct db_options){0}, &fault);
        assert_non_null(db);
        assert_true(db_migrate(db, steps, version, &fault));
        assert_true(
            db_exec(db, "INSERT INTO account (name, created_sec) VALUES ('me', 5)", &fault));
        for (int i = 0; i < N_IDENTITIES; i++) {
            salvage_add_identity(db, i);
        }
        db_close(&db);
        struct buf broken = salvage_read_file(fixture->path);
        memset(broken.data + 18, 0x55, 6);

        assert_int_equal(salvage_run(fixture, &broken), FAULT_NONE);

        assert_int_equal(count_true_keys(fixture), N_IDENTITIES);
        buf_clear(&broken);
    }
}

static void the_advice_names_the_newest_automatic_backup(void **state)
{
    struct fixture *fixture = *state;
    struct fault fault = {0};
    fault_set(&fault, FAULT_CORRUPT, "database disk image is malformed");
    salvage_advise(fixture->folder, &fault);
    assert_int_equal(fault.code, FAULT_CORRUPT);
    assert_non_null(strstr(fault.text, "'bittern salvage'"));
    assert_non_null(strstr(fault.text, "automatic backup: none"));
    assert_non_null(strstr(fault.text, "malformed"));

    char *folder = xasprintf("%s/" BACKUP_FOLDER, fixture->folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    const char *const names[] = {"auto-20260101-000000.backup", "auto-20260301-000000.backup",
                                 "asked-20260401-000000.backup"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *path = xasprintf("%s/%s", folder, names[i]);
        salvage_write_file(path, &whole);
        free(path);
    }
    free(folder);
    salvage_advise(fixture->folder, &fault);
    assert_non_null(strstr(fault.text, "gateway/backups/auto-20260301-000000.backup"));
}

int main(int argc, char **argv)
{
    is_long = argc > 1 && strcmp(argv[1], "--long") == 0;
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(any_page_may_break_and_the_keys_are_saved),
        CASE(pages_to_which_nothing_leads_any_more_are_found),
        CASE(a_whole_database_is_left_alone),
        CASE(without_its_header_everything_is_there),
        CASE(the_broken_file_is_kept_as_it_was),
        CASE(what_is_prepared_waits_for_the_next_start),
        CASE(a_file_cut_short_gives_what_is_left_of_it),
        CASE(rows_that_stand_in_the_log_alone_are_read),
        CASE(a_key_with_a_flipped_bit_is_told_and_left_out),
        CASE(a_mail_with_a_changed_letter_is_kept_and_told),
        CASE(mails_without_their_form_are_shown_as_plain_text),
        CASE(a_lost_mailbox_is_made_anew),
        CASE(an_older_version_is_salvaged_and_brought_up_to_date),
        CASE(the_advice_names_the_newest_automatic_backup),
    };
    int failed = cmocka_run_group_tests(tests, NULL, forget_whole);
    buf_clear(&salvage_report);
    return failed;
}
