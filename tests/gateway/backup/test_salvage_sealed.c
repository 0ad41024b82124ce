// SPDX-License-Identifier: MIT
/* Keys under a passphrase, read out of a broken mail.db: they stay sealed and open with it; a row
 * that no start would take is left out and told, and so are keys whose lock is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/db.h"
#include "base/mem.h"
#include "gateway/agent/keys/keyring.h"
#include "gateway/agent/keys/lock_db.h"
#include "gateway/store/mail_db.h"
#include "tests/gateway/backup/salvage_steps.h"

enum { N_IDENTITIES = 6 };
static const struct lock_cost cost = {1, LOCK_LEAST_MEMORY_KIB};
static const char words[] = "open sesame";

static void seal(struct fixture *fixture, bool seals_all)
{
    static const struct lock_secrets none;
    struct fault fault = {0};
    struct lock_box box;
    int64_t lock_id;
    bool any_sealed;
    struct lock_secret *secret = lock_box_new(&box, bytes_of_str(words), cost, &fault);
    struct db *db = mail_db_open(fixture->path, &fault);
    assert_true(secret != NULL && db != NULL);
    for (int i = 0; i < N_IDENTITIES; i++) {
        salvage_add_identity(db, i);
    }
    assert_true(lock_db_add(db, &lock_id, &box, &fault));
    assert_true(lock_db_arrange(db, &none, seals_all, &any_sealed, &fault) && any_sealed);
    lock_secret_unref(&secret);
    db_close(&db);
}

/* How many of the keys open with the passphrase; none is of another address. */
static size_t count_opened(struct fixture *fixture)
{
    struct fault fault = {0};
    struct lock_rows rows;
    struct lock_secrets secrets = {0};
    struct keyring keyring = {0};
    struct db *db = mail_db_open_reader(fixture->path, &fault);
    assert_non_null(db);
    assert_true(lock_db_read(db, &rows, &fault));
    if (rows.n_items > 0) {
        secrets.items[0].lock_id = rows.items[0].id;
        secrets.items[0].secret = lock_box_open(&rows.items[0].box, bytes_of_str(words), &fault);
        secrets.n_items = 1;
        assert_non_null(secrets.items[0].secret);
    }
    if (!keyring_load(&keyring, db, &secrets, NULL, &fault)) {
        fail_msg("%s", fault.text);
    }
    size_t n = 0;
    for (size_t i = 0; i < keyring.n_own; i++) {
        n += keyring.own[i].can_sign && keyring.own[i].can_decrypt ? 1 : 0;
    }
    keyring_clear(&keyring);
    lock_secrets_clear(&secrets);
    db_close(&db);
    return n;
}

/* `sql` damages it, then its header goes. */
static void salvage_after(struct fixture *fixture, const char *sql)
{
    salvage_run_sql(fixture->path, sql);
    struct buf broken = salvage_read_file(fixture->path);
    memset(broken.data, 0xaa, 100);
    assert_int_equal(salvage_run(fixture, &broken), FAULT_NONE);
    buf_clear(&broken);
}

static void sealed_keys_are_saved_and_open(void **state)
{
    struct fixture *fixture = *state;
    fixture_stop(fixture);
    for (int seals_all = 0; seals_all <= 1; seals_all++) {
        salvage_run_sql(fixture->path, "DELETE FROM identity; DELETE FROM login_alias"
                                       " WHERE name LIKE 'BM-%'; DELETE FROM key_lock");
        seal(fixture, seals_all != 0);

        salvage_after(fixture, "SELECT 1");

        assert_int_equal(salvage_reported("identities"), N_IDENTITIES);
        assert_int_equal(salvage_reported("damaged_keys"), 0);
        assert_int_equal(salvage_reported("unopenable_keys"), 0);
        assert_int_equal(count_opened(fixture), N_IDENTITIES);
    }
    fixture_start(fixture);
}

/* Each would keep every later start from loading the keys. */
static void a_sealed_row_that_no_start_would_take_is_left_out_and_told(void **state)
{
    static const char *const damages[] = {
        "UPDATE identity SET public_keys = NULL WHERE id = 2",
        "UPDATE identity SET public_keys = zeroblob(66) WHERE id = 2",
        "UPDATE identity SET public_keys = substr(public_keys, 1, 65) WHERE id = 2",
        "UPDATE identity SET public_keys = (SELECT public_keys FROM identity WHERE id = 3)"
        " WHERE id = 2",
        "UPDATE identity SET lock_id = 0 WHERE id = 2",
        "UPDATE identity SET signing_key = zeroblob(79) WHERE id = 2",
        "UPDATE identity SET encryption_key = (SELECT encryption_key FROM identity WHERE id = 3)"
        " WHERE id = 2",
    };
    struct fixture *fixture = *state;
    fixture_stop(fixture);
    seal(fixture, false);
    struct buf whole = salvage_read_file(fixture->path);
    for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
        salvage_write_file(fixture->path, &whole);

        salvage_after(fixture, damages[i]);

        if (salvage_reported("damaged_keys") != 1 ||
            salvage_reported("identities") != N_IDENTITIES - 1 ||
            count_opened(fixture) != N_IDENTITIES - 1) {
            fail_msg("%s: %s", damages[i], buf_str(&salvage_report));
        }
        assert_non_null(strstr(buf_str(&salvage_report), "lost_identity=BM-"));
    }
    salvage_write_file(fixture->path, &whole);
    buf_clear(&whole);
    fixture_start(fixture);
}

static void an_address_is_worked_out_from_the_public_halves(void **state)
{
    struct fixture *fixture = *state;
    fixture_stop(fixture);
    seal(fixture, true);

    salvage_after(fixture, "UPDATE identity SET address = 'BM-nonsense' WHERE id = 2");

    assert_int_equal(salvage_reported("damaged_keys"), 0);
    assert_int_equal(count_opened(fixture), N_IDENTITIES);
    fixture_start(fixture);
}

static void keys_whose_lock_is_lost_are_kept_and_told(void **state)
{
    struct fixture *fixture = *state;
    fixture_stop(fixture);
    seal(fixture, false);

    salvage_after(fixture, "DELETE FROM key_lock");

    assert_int_equal(salvage_reported("identities"), N_IDENTITIES);
    assert_int_equal(salvage_reported("unopenable_keys"), N_IDENTITIES);
    assert_int_equal(count_opened(fixture), 0);
    fixture_start(fixture);
}

static int forget_report(void **state)
{
    (void)state;
    buf_clear(&salvage_report);
    return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(sealed_keys_are_saved_and_open),
        CASE(a_sealed_row_that_no_start_would_take_is_left_out_and_told),
        CASE(an_address_is_worked_out_from_the_public_halves),
        CASE(keys_whose_lock_is_lost_are_kept_and_told),
    };
    return cmocka_run_group_tests(tests, NULL, forget_report);
}
