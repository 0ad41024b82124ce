// SPDX-License-Identifier: MIT
/* The front door's calls about people: what they change, what they refuse, and at which bounds. */
#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/db.h"
#include "base/mem.h"
#include "gateway/agent/people/person_op.h"
#include "gateway/store/accounts.h"
#include "gateway/store/store.h"
#include "mailproto/sasl/credential.h"
#include "node/objects/object.h"
#include "tests/gateway/agent/rig.h"

struct home {
    struct network network;
    struct rig rig;
};

static int set_up(void **state)
{
    struct home *home = calloc(1, sizeof(*home));
    network_init(&home->network);
    rig_open(&home->rig, &home->network);
    *state = home;
    return 0;
}

static int tear_down(void **state)
{
    struct home *home = *state;
    rig_remove(&home->rig);
    network_clear(&home->network);
    free(home);
    return 0;
}

/* How a call ended: FAULT_NONE, or its code. */
#define OUTCOME(rig, answer, call)                                                                 \
    (answer = (struct rig_answer){0}, call, rig_wait(rig, &answer),                                \
     answer.failed ? answer.fault.code : FAULT_NONE)

static char *repeat(char c, size_t n)
{
    char *text = xmalloc(n + 1);
    memset(text, c, n);
    text[n] = '\0';
    return text;
}

/* ---- identities ---- */

static enum fault_code try_identity(struct rig *rig, struct agent_identity_request request)
{
    struct rig_answer answer;
    return OUTCOME(rig, answer, agent_identity_new(rig->agent, &request, rig_done(&answer)));
}

static void a_new_identity_has_bounds(void **state)
{
    struct rig *rig = &((struct home *)*state)->rig;
    for (size_t extra = 0; extra <= 2; extra++) {
        char *label = repeat('x', PERSON_LABEL_MAX_BYTES - 1 + extra);
        char *words = repeat('w', AGENT_MAX_PASSPHRASE_BYTES - 1 + extra);
        assert_int_equal(try_identity(rig, (struct agent_identity_request){.label = label}),
                         extra == 2 ? FAULT_INVALID : FAULT_NONE);
        assert_int_equal(try_identity(rig, (struct agent_identity_request){.passphrase = words}),
                         extra == 2 ? FAULT_LIMIT : FAULT_NONE);
        free(label);
        free(words);
    }
    static const struct {
        struct agent_identity_request request;
        enum fault_code code;
    } rows[] = {
        {{.version = 2}, FAULT_INVALID},
        {{.version = 3}, FAULT_NONE},
        {{.version = 4}, FAULT_NONE},
        {{.version = 5}, FAULT_INVALID},
        {{.stream = 1}, FAULT_NONE},
        {{.stream = 2}, FAULT_INVALID},
        {{.passphrase = "a", .count = AGENT_MAX_NEW_IDENTITIES + 1}, FAULT_LIMIT},
        {{.account = "nobody"}, FAULT_NOT_FOUND},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(try_identity(rig, rows[i].request), rows[i].code);
    }
}

static bool logs_in(struct rig *rig, const char *name)
{
    int64_t id;
    struct sasl_credential credential;
    return accounts_find_credential(store_reader(rig->store), &id, &credential, name, NULL);
}

static void who_is_switched_off_or_deleted_logs_in_no_more(void **state)
{
    struct rig *rig = &((struct home *)*state)->rig;
    struct rig_answer answer;
    char address[64];
    char mail_address[80];
    rig_identity(rig, "Alice", address);
    snprintf(mail_address, sizeof(mail_address), "%s@bm.alt", address);
    assert_int_equal(
        OUTCOME(rig, answer, agent_account_passwd(rig->agent, "me", "secret", rig_done(&answer))),
        FAULT_NONE);
    assert_true(logs_in(rig, address) && logs_in(rig, mail_address));

    assert_int_equal(
        OUTCOME(rig, answer, agent_identity_enable(rig->agent, "alice", false, rig_done(&answer))),
        FAULT_NONE);
    assert_false(logs_in(rig, address) || logs_in(rig, mail_address));

    assert_int_equal(
        OUTCOME(rig, answer, agent_identity_enable(rig->agent, "alice", true, rig_done(&answer))),
        FAULT_NONE);
    assert_true(logs_in(rig, address) && logs_in(rig, mail_address));

    assert_int_equal(
        OUTCOME(rig, answer, agent_identity_delete(rig->agent, address, rig_done(&answer))),
        FAULT_NONE);
    assert_false(logs_in(rig, address) || logs_in(rig, mail_address));
    assert_true(logs_in(rig, "me"));
    assert_int_equal(rig_sql(rig, "SELECT count(*) FROM identity"), 0);
    assert_int_equal(
        OUTCOME(rig, answer, agent_identity_delete(rig->agent, address, rig_done(&answer))),
        FAULT_NOT_FOUND);
}

static enum fault_code try_terms(struct rig *rig, const char *who,
                                 struct agent_identity_terms terms)
{
    struct rig_answer answer;
    return OUTCOME(rig, answer, agent_identity_set(rig->agent, who, &terms, rig_done(&answer)));
}

static void terms_have_bounds(void **state)
{
    struct rig *rig = &((struct home *)*state)->rig;
    struct pow_demand least = agent_network_least(rig->agent);
    const struct agent_identity_terms usual = {least.trials_per_byte, least.extra_bytes, 0, true,
                                               ""};
    struct agent_identity_terms terms;
    char address[64];
    rig_identity(rig, "Alice", address);
    static const struct {
        int64_t ttl_sec;
        enum fault_code code;
    } ttls[] = {{0, FAULT_NONE},         {3599, FAULT_INVALID}, {3600, FAULT_NONE},
                {3601, FAULT_NONE},      {2419199, FAULT_NONE}, {2419200, FAULT_NONE},
                {2419201, FAULT_INVALID}};
    for (size_t i = 0; i < ARRAY_LEN(ttls); i++) {
        terms = usual;
        terms.ttl_sec = ttls[i].ttl_sec;
        assert_int_equal(try_terms(rig, address, terms), ttls[i].code);
    }
    const struct {
        uint64_t demand;
        enum fault_code code;
    } demands[] = {{least.trials_per_byte - 1, FAULT_INVALID},
                   {least.trials_per_byte, FAULT_NONE},
                   {AGENT_MAX_DEMAND - 1, FAULT_NONE},
                   {AGENT_MAX_DEMAND, FAULT_NONE},
                   {AGENT_MAX_DEMAND + 1, FAULT_LIMIT}};
    for (size_t i = 0; i < ARRAY_LEN(demands); i++) {
        terms = usual;
        terms.trials_per_byte = demands[i].demand;
        assert_int_equal(try_terms(rig, address, terms), demands[i].code);
    }
    assert_int_equal(try_terms(rig, "nobody", usual), FAULT_NOT_FOUND);
}

/* ---- chans ---- */

static void a_left_chan_is_led_back_to_by_its_label(void **state)
{
    struct rig *rig = &((struct home *)*state)->rig;
    struct rig_answer answer;
    char first[256];
    assert_int_equal(
        OUTCOME(rig, answer,
                agent_chan_join(rig->agent, NULL, "a/b", NULL, "talks", rig_done(&answer))),
        FAULT_NONE);
    snprintf(first, sizeof(first), "%s", answer.text);
    assert_int_equal(rig_sql(rig, "SELECT count(*) FROM mailbox WHERE name = 'Chans/talks'"), 1);
    assert_int_equal(
        OUTCOME(rig, answer,
                agent_chan_join(rig->agent, NULL, "other", NULL, "talks", rig_done(&answer))),
        FAULT_EXISTS);
    assert_int_equal(
        OUTCOME(rig, answer,
                agent_chan_join(rig->agent, NULL, "other", first, NULL, rig_done(&answer))),
        FAULT_INVALID);
    assert_int_equal(
        OUTCOME(rig, answer,
                agent_chan_join(rig->agent, NULL, "x", NULL, "a/b", rig_done(&answer))),
        FAULT_INVALID);
    assert_int_equal(OUTCOME(rig, answer, agent_chan_leave(rig->agent, "talks", rig_done(&answer))),
                     FAULT_NONE);
    assert_int_equal(rig_sql(rig, "SELECT count(*) FROM mailbox WHERE name = 'Chans/talks'"), 0);
    assert_int_equal(rig_sql(rig, "SELECT enabled FROM identity WHERE label = 'talks'"), 0);

    assert_int_equal(
        OUTCOME(rig, answer,
                agent_chan_join(rig->agent, NULL, "a/b", first, "again", rig_done(&answer))),
        FAULT_NONE);
    assert_string_equal(answer.text, first);
    assert_int_equal(rig_sql(rig, "SELECT count(*) FROM identity"), 1);
    assert_int_equal(
        OUTCOME(rig, answer,
                agent_identity_rename(rig->agent, "again", "renamed", rig_done(&answer))),
        FAULT_NONE);
    assert_int_equal(rig_sql(rig, "SELECT count(*) FROM mailbox WHERE name = 'Chans/renamed'"), 1);
    assert_int_equal(rig_sql(rig, "SELECT count(*) FROM mailbox WHERE name = 'Chans/again'"), 0);
}

static void a_left_chan_gives_way_to_an_identity_of_its_name(void **state)
{
    struct rig *rig = &((struct home *)*state)->rig;
    struct rig_answer answer;
    const struct agent_identity_request request = {.passphrase = "talks"};
    assert_int_equal(
        OUTCOME(rig, answer,
                agent_chan_join(rig->agent, NULL, "talks", NULL, NULL, rig_done(&answer))),
        FAULT_NONE);
    assert_int_equal(try_identity(rig, request), FAULT_EXISTS);
    assert_int_equal(OUTCOME(rig, answer, agent_chan_leave(rig->agent, "talks", rig_done(&answer))),
                     FAULT_NONE);
    assert_int_equal(try_identity(rig, request), FAULT_NONE);
    assert_int_equal(rig_sql(rig, "SELECT kind FROM identity"), IDENTITY_OWN);
}

static bool has_three_pubkeys(struct rig *rig, void *network)
{
    (void)rig;
    return network_count(network, OBJECT_PUBKEY) == 3;
}

static void each_of_several_new_identities_has_its_pubkey_published(void **state)
{
    struct home *home = *state;
    const struct agent_identity_request request = {.passphrase = "many", .count = 3};
    assert_int_equal(try_identity(&home->rig, request), FAULT_NONE);
    rig_until(&home->rig, has_three_pubkeys, &home->network, "the pubkeys of all three");
}

/* ---- contacts ---- */

static void an_import_is_done_whole_or_not_at_all(void **state)
{
    struct rig *rig = &((struct home *)*state)->rig;
    struct rig_answer answer;
    static const char good[] = "BM-2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK";
    const struct agent_contact_entry entries[] = {{good, "Good"}, {"BM-2cWzSnwj", "Bad"}};

    assert_int_equal(
        OUTCOME(rig, answer, agent_contact_import(rig->agent, NULL, entries, 2, rig_done(&answer))),
        FAULT_INVALID);
    assert_non_null(strstr(answer.fault.text, "entry 2"));
    assert_int_equal(rig_sql(rig, "SELECT count(*) FROM contact"), 0);

    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            OUTCOME(rig, answer,
                    agent_contact_import(rig->agent, NULL, entries, 1, rig_done(&answer))),
            FAULT_NONE);
        assert_int_equal(answer.id, i == 0 ? 1 : 0);
    }
    assert_int_equal(OUTCOME(rig, answer,
                             agent_contact_add(rig->agent, NULL,
                                               "bitmessage:BM-2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK"
                                               "?label=By%20link",
                                               "", rig_done(&answer))),
                     FAULT_NONE);
    assert_int_equal(rig_sql(rig, "SELECT count(*) FROM contact WHERE label = 'By link'"), 1);
}

/* ---- accounts ---- */

static void an_account_goes_with_all_that_is_its(void **state)
{
    struct rig *rig = &((struct home *)*state)->rig;
    struct rig_answer answer;
    char alice[64];
    char other[256];
    rig_identity(rig, "Alice", alice);
    assert_int_equal(
        OUTCOME(rig, answer,
                agent_account_new(rig->agent, "other", "pw", false, rig_done(&answer))),
        FAULT_NONE);
    const struct agent_identity_request request = {.account = "other", .label = "Other"};
    assert_int_equal(
        OUTCOME(rig, answer, agent_identity_new(rig->agent, &request, rig_done(&answer))),
        FAULT_NONE);
    snprintf(other, sizeof(other), "%s", answer.text);
    assert_int_equal(OUTCOME(rig, answer,
                             agent_rule_set(rig->agent, "other", NULL, alice, AGENT_RULE_BLOCK,
                                            rig_done(&answer))),
                     FAULT_NONE);
    assert_int_equal(
        OUTCOME(rig, answer,
                agent_contact_add(rig->agent, "other", alice, "Al", rig_done(&answer))),
        FAULT_NONE);
    rig_idle(rig, 200);

    assert_int_equal(
        OUTCOME(rig, answer, agent_account_delete(rig->agent, "other", rig_done(&answer))),
        FAULT_NONE);

    static const char *const counts[] = {
        "SELECT count(*) FROM account WHERE name = 'other'",
        "SELECT count(*) FROM identity WHERE label = 'Other'",
        "SELECT count(*) FROM contact",
        "SELECT count(*) FROM sender_rule",
        "SELECT count(*) FROM mailbox WHERE account_id NOT IN (SELECT id FROM account)",
    };
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        if (rig_sql(rig, counts[i]) != 0) {
            fail_msg("%s", counts[i]);
        }
    }
    assert_int_equal(rig_sql(rig, "SELECT count(*) FROM identity WHERE label = 'Alice'"), 1);
    assert_int_equal(
        OUTCOME(rig, answer, agent_account_delete(rig->agent, "other", rig_done(&answer))),
        FAULT_NOT_FOUND);
}

static void an_identity_whose_mail_is_under_way_stays(void **state)
{
    struct home *home = *state;
    struct rig *rig = &home->rig;
    struct rig_answer answer;
    char alice[64];
    rig_identity(rig, "Alice", alice);
    rig_unlink(rig);
    rig_send(rig, alice, "BM-2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK", "Waits", "text");
    assert_int_equal(
        OUTCOME(rig, answer,
                agent_account_new(rig->agent, "other", "pw", false, rig_done(&answer))),
        FAULT_NONE);

    assert_int_equal(
        OUTCOME(rig, answer, agent_identity_move(rig->agent, alice, "other", rig_done(&answer))),
        FAULT_BUSY);
    assert_int_equal(OUTCOME(rig, answer, agent_queue_cancel(rig->agent, 1, rig_done(&answer))),
                     FAULT_NONE);
    assert_int_equal(
        OUTCOME(rig, answer, agent_identity_move(rig->agent, alice, "other", rig_done(&answer))),
        FAULT_NONE);

    /* That its mails go along is seen where a real decoder makes their search text: e2e. */
    assert_int_equal(rig_sql(rig, "SELECT count(*) FROM identity i JOIN account a"
                                  " ON a.id = i.account_id WHERE a.name = 'other'"),
                     1);
    assert_int_equal(
        OUTCOME(rig, answer, agent_identity_move(rig->agent, alice, "other", rig_done(&answer))),
        FAULT_EXISTS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_new_identity_has_bounds),
        TEST(who_is_switched_off_or_deleted_logs_in_no_more),
        TEST(terms_have_bounds),
        TEST(a_left_chan_is_led_back_to_by_its_label),
        TEST(a_left_chan_gives_way_to_an_identity_of_its_name),
        TEST(each_of_several_new_identities_has_its_pubkey_published),
        TEST(an_import_is_done_whole_or_not_at_all),
        TEST(an_account_goes_with_all_that_is_its),
        TEST(an_identity_whose_mail_is_under_way_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
