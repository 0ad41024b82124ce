// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/loop.h"
#include "gateway/store/accounts.h"
#include "gateway/store/mail_txn.h"
#include "gateway/store/store.h"
#include "mailproto/sasl/credential.h"
#include "tests/gateway/store/fixture.h"

static void an_accounts_name_is_judged_at_its_bounds(void **state)
{
    (void)state;
    char longest[ACCOUNT_NAME_MAX_BYTES + 2];
    memset(longest, 'a', sizeof(longest));
    longest[ACCOUNT_NAME_MAX_BYTES - 1] = '\0';
    assert_true(account_name_is_valid(longest));
    longest[ACCOUNT_NAME_MAX_BYTES - 1] = 'a';
    longest[ACCOUNT_NAME_MAX_BYTES] = '\0';
    assert_true(account_name_is_valid(longest));
    longest[ACCOUNT_NAME_MAX_BYTES] = 'a';
    longest[ACCOUNT_NAME_MAX_BYTES + 1] = '\0';
    assert_false(account_name_is_valid(longest));

    static const char *const good[] = {"a", "Anna", "anna@home", "a.b_c-d+e9", "9"};
    static const char *const bad[] = {"", ".a", "-a", "a b", "a/b", "a\n", "\xc3\xa4", "a\"", "a%"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(account_name_is_valid(good[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(account_name_is_valid(bad[i]));
    }
}

/* One change, chosen by `what`. */
struct change {
    char what;
    int64_t id;
    const char *name;
    const char *password;
};

static bool run_change(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct change *change = job;
    struct db *db = mail_txn_db(txn);
    struct sasl_credential credential;
    switch (change->what) {
    case 'n':
        return accounts_create(txn, &change->id, change->name, fault);
    case 'd':
        return accounts_delete(txn, change->id, fault);
    case 'a':
        return accounts_add_alias(db, change->id, change->name, fault);
    case 'r':
        return accounts_remove_alias(db, change->name, fault);
    case 'p':
        assert_true(sasl_credential_make(&credential, bytes_of_str(change->password),
                                         SASL_DEFAULT_ITERATIONS));
        return accounts_set_credential(db, change->id, &credential, fault);
    default:
        return accounts_set_credential(db, change->id, NULL, fault);
    }
}

static bool change(struct fixture *fixture, char what, int64_t *id, const char *name)
{
    struct change job = {what, *id, name, name};
    bool ok = fixture_write(fixture, run_change, &job);
    *id = job.id;
    return ok;
}

static bool can_log_in(struct fixture *fixture, const char *login, const char *password,
                       int64_t *out_id)
{
    struct sasl_credential credential;
    return accounts_find_credential(store_reader(fixture->store), out_id, &credential, login,
                                    &fixture->fault) &&
           sasl_credential_check(&credential, bytes_of_str(password));
}

static void a_login_leads_to_its_account_by_name_and_by_address(void **state)
{
    struct fixture *fixture = *state;
    int64_t id = fixture->account_id;
    int64_t found = 0;
    assert_false(can_log_in(fixture, "anna", "", &found));
    assert_true(change(fixture, 'p', &id, "secret"));
    assert_true(change(fixture, 'a', &id, "BM-2cTestAddress"));
    assert_true(change(fixture, 'a', &id, "BM-2cTestAddress"));

    static const char *const logins[] = {"anna", "ANNA", "BM-2cTestAddress", "bm-2ctestaddress",
                                         "BM-2cTestAddress@bm.alt"};
    for (size_t i = 0; i < ARRAY_LEN(logins); i++) {
        found = 0;
        assert_true(can_log_in(fixture, logins[i], "secret", &found));
        assert_int_equal(found, id);
        assert_false(can_log_in(fixture, logins[i], "Secret", &found));
    }
    assert_false(can_log_in(fixture, "anna@bm.alt", "secret", &found));
    assert_false(can_log_in(fixture, "", "secret", &found));
    assert_int_equal(fixture->fault.code, FAULT_NOT_FOUND);

    assert_true(change(fixture, 'r', &id, "BM-2cTestAddress"));
    assert_false(can_log_in(fixture, "BM-2cTestAddress", "secret", &found));
    assert_true(change(fixture, 'x', &id, NULL));
    assert_false(can_log_in(fixture, "anna", "secret", &found));
}

static void a_name_never_leads_to_two_accounts(void **state)
{
    struct fixture *fixture = *state;
    int64_t anna = fixture->account_id;
    int64_t bert = 0;
    int64_t none = 0;
    assert_true(change(fixture, 'n', &bert, "bert"));
    assert_true(change(fixture, 'a', &bert, "BM-x"));

    assert_false(change(fixture, 'n', &none, "Anna"));
    assert_int_equal(fixture->fault.code, FAULT_EXISTS);
    assert_false(change(fixture, 'n', &none, "bm-X"));
    assert_int_equal(fixture->fault.code, FAULT_EXISTS);
    assert_false(change(fixture, 'a', &anna, "bm-x"));
    assert_int_equal(fixture->fault.code, FAULT_EXISTS);
    assert_false(change(fixture, 'a', &anna, "BERT"));
    assert_int_equal(fixture->fault.code, FAULT_EXISTS);
    assert_false(change(fixture, 'n', &none, "no good"));
    assert_int_equal(fixture->fault.code, FAULT_INVALID);

    struct arena arena = {0};
    struct account *accounts;
    size_t n_accounts;
    assert_true(accounts_list(store_reader(fixture->store), &accounts, &n_accounts, &arena, NULL));
    assert_int_equal(n_accounts, 2);
    assert_string_equal(accounts[1].name, "bert");
    assert_false(accounts[1].has_password);
    arena_clear(&arena);
}

static void a_deleted_account_is_gone_with_its_mails(void **state)
{
    struct fixture *fixture = *state;
    int64_t bert = 0;
    int64_t found;
    assert_true(change(fixture, 'n', &bert, "bert"));
    assert_true(change(fixture, 'a', &bert, "BM-x"));
    assert_int_not_equal(fixture_append(fixture, "INBOX", "x\r\n\r\n", 0, NULL), 0);
    fixture->ops->account_close(&fixture->account);

    assert_true(change(fixture, 'd', &fixture->account_id, NULL));

    assert_false(accounts_find(store_reader(fixture->store), &found, "anna", &fixture->fault));
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM message"), 0);
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM mailbox"), 9);
    assert_false(change(fixture, 'd', &fixture->account_id, NULL));
    assert_int_equal(fixture->fault.code, FAULT_NOT_FOUND);
    assert_null(fixture->ops->account_open(fixture->store, fixture->account_id, NULL, NULL));
    fixture_check(fixture);
}

/* ---- sasl's question ---- */

static void looked_up(void *context, int64_t account_id, const struct sasl_credential *credential)
{
    int64_t *found = context;
    *found = credential ? account_id : -1;
}

static void a_look_up_is_answered_from_the_loop_or_not_at_all(void **state)
{
    struct fixture *fixture = *state;
    int64_t id = fixture->account_id;
    assert_true(change(fixture, 'p', &id, "secret"));
    const struct sasl_lookup *lookup = store_sasl_lookup(fixture->store);
    int64_t known = 0;
    int64_t unknown = 0;
    int64_t cancelled = 0;

    (void)lookup->start(lookup->context, "anna", (struct sasl_lookup_done){looked_up, &known});
    (void)lookup->start(lookup->context, "nobody", (struct sasl_lookup_done){looked_up, &unknown});
    void *handle =
        lookup->start(lookup->context, "anna", (struct sasl_lookup_done){looked_up, &cancelled});
    assert_int_equal(known, 0);
    lookup->cancel(lookup->context, handle);
    for (int i = 0; i < 5; i++) {
        loop_turn(fixture->loop, 1);
    }

    assert_int_equal(known, id);
    assert_int_equal(unknown, -1);
    assert_int_equal(cancelled, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_accounts_name_is_judged_at_its_bounds),
        TEST(a_login_leads_to_its_account_by_name_and_by_address),
        TEST(a_name_never_leads_to_two_accounts),
        TEST(a_deleted_account_is_gone_with_its_mails),
        TEST(a_look_up_is_answered_from_the_loop_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
