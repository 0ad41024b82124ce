// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "gateway/translate/address_form.h"

#define KNOWN "BM-2cTQWFbuuvTN4xAHhz1MqhuKwpEDRS3M39"

static void every_form_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *typed;
        bool ok;
        enum address_form_kind kind;
        const char *name;
        int64_t ttl_sec;
    } cases[] = {
        {KNOWN "@bm.alt", true, ADDRESS_FORM_ADDRESS, KNOWN, 0},
        {KNOWN "@BM.ALT", true, ADDRESS_FORM_ADDRESS, KNOWN, 0},
        {KNOWN "@bitmessage.alt", true, ADDRESS_FORM_ADDRESS, KNOWN, 0},
        {KNOWN "@bitmessage", true, ADDRESS_FORM_ADDRESS, KNOWN, 0},
        {KNOWN "@bm.addr", true, ADDRESS_FORM_ADDRESS, KNOWN, 0},
        {KNOWN "@bmaddr.lan", true, ADDRESS_FORM_ADDRESS, KNOWN, 0},
        {KNOWN, true, ADDRESS_FORM_ADDRESS, KNOWN, 0},
        {KNOWN "+ttl=2d@bm.alt", true, ADDRESS_FORM_ADDRESS, KNOWN, 172800},
        {KNOWN "+TTL=36h@bm.alt", true, ADDRESS_FORM_ADDRESS, KNOWN, 129600},
        {"alice@bm.alt", true, ADDRESS_FORM_LABEL, "alice", 0},
        {"alice+ttl=90m@bm.alt", true, ADDRESS_FORM_LABEL, "alice", 5400},
        {"alice+work@bm.alt", true, ADDRESS_FORM_LABEL, "alice+work", 0},
        {"\"Alice B.\"@bm.alt", true, ADDRESS_FORM_LABEL, "Alice B.", 0},
        {"\"a@b \\\"c\\\\\"@bm.alt", true, ADDRESS_FORM_LABEL, "a@b \"c\\", 0},
        {"j\xc3\xbcrgen@bm.alt", true, ADDRESS_FORM_LABEL, "j\xc3\xbcrgen", 0},
        {"broadcast@bm.alt", true, ADDRESS_FORM_BROADCAST, "broadcast", 0},
        {"Broadcast+ttl=1w@bm.alt", true, ADDRESS_FORM_BROADCAST, "Broadcast", 604800},
        {"", false, 0, "", 0},
        {"@bm.alt", false, 0, "", 0},
        {KNOWN "@example.org", false, 0, "", 0},
        {KNOWN "@bm.alt.example.org", false, 0, "", 0},
        {KNOWN "@", false, 0, "", 0},
        {"+ttl=2d@bm.alt", false, 0, "", 0},
        {KNOWN "+ttl=0@bm.alt", false, 0, "", 0},
        {KNOWN "+ttl=59m@bm.alt", false, 0, "", 0},
        {KNOWN "+ttl=29d@bm.alt", false, 0, "", 0},
        {KNOWN "+ttl=two@bm.alt", false, 0, "", 0},
        {"\"open@bm.alt", false, 0, "", 0},
        {"a\nb@bm.alt", false, 0, "", 0},
        {"\xff@bm.alt", false, 0, "", 0},
        {"name@namecoin.bm.alt", false, 0, "", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct address_form form = {0};
        struct fault fault = {0};
        bool ok = address_form_parse(&form, bytes_of_str(cases[i].typed), &fault);
        if (ok != cases[i].ok ||
            (ok && (form.kind != cases[i].kind || strcmp(form.name, cases[i].name) != 0 ||
                    form.ttl_sec != cases[i].ttl_sec))) {
            fail_msg("\"%s\": %d %s %s", cases[i].typed, ok, form.name, fault.text);
        }
        assert_int_equal(fault.code == FAULT_NONE, ok);
    }
}

static void lengths_are_bounded_and_no_prefix_is_read_past_its_end(void **state)
{
    (void)state;
    uint8_t *text = malloc(ADDRESS_FORM_MAX_BYTES + 1);
    memset(text, 'a', ADDRESS_FORM_MAX_BYTES + 1);
    struct address_form form;
    assert_false(address_form_parse(&form, (struct bytes){text, ADDRESS_FORM_MAX_BYTES + 1}, NULL));
    assert_false(address_form_parse(&form, (struct bytes){text, ADDRESS_FORM_NAME_BYTES}, NULL));
    assert_true(address_form_parse(&form, (struct bytes){text, ADDRESS_FORM_NAME_BYTES - 1}, NULL));
    free(text);

    static const char whole[] = "\"a \\\" b\"+ttl=2d@bm.alt";
    for (size_t len = 0; len < sizeof(whole); len++) {
        uint8_t *exact = malloc(len == 0 ? 1 : len);
        memcpy(exact, whole, len);
        bool ok = address_form_parse(&form, (struct bytes){exact, len}, NULL);
        (void)ok;
        free(exact);
    }
}

static void lifetimes_keep_to_their_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t sec; /* 0: refused */
    } cases[] = {
        {"3600", 3600}, {"3599", 0},     {"1h", 3600},
        {"59m", 0},     {"60m", 3600},   {"28d", 2419200},
        {"29d", 0},     {"4w", 2419200}, {"2419200", 2419200},
        {"2419201", 0}, {"d", 0},        {"", 0},
        {"-1d", 0},     {"1.5d", 0},     {"99999999999999999999d", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t sec = 0;
        bool ok = address_form_parse_ttl(&sec, bytes_of_str(cases[i].text), NULL);
        if (ok != (cases[i].sec != 0) || sec != cases[i].sec) {
            fail_msg("\"%s\" gave %lld", cases[i].text, (long long)sec);
        }
    }
}

/* A book with one identity called "alice", and two contacts called "bob". */
static bool find_alike(void *context, struct bytes text, struct address *out)
{
    (void)context;
    struct address known;
    assert_int_equal(address_decode(&known, bytes_of_str(KNOWN)), ADDRESS_OK);
    if (!bytes_equal_ci(text, bytes_of_str(KNOWN))) {
        return false;
    }
    *out = known;
    return true;
}

static bool find_label(void *context, const char *label, struct address *out, size_t *out_n)
{
    (void)context;
    *out_n = str_equal_ci(label, "alice") ? 1 : str_equal_ci(label, "bob") ? 2 : 0;
    return *out_n > 0 && address_decode(out, bytes_of_str(KNOWN)) == ADDRESS_OK;
}

static const char *label_of(void *context, const struct address *address)
{
    (void)context;
    struct address known;
    return address_decode(&known, bytes_of_str(KNOWN)) == ADDRESS_OK &&
                   address_equal(&known, address)
               ? "alice"
               : "";
}

static const struct address_book book = {find_alike, find_label, label_of, NULL};

static void forms_are_resolved_or_refused_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *typed;
        enum address_form_result result;
        const char *words;
    } cases[] = {
        {KNOWN "@bm.alt", ADDRESS_FORM_FOUND, NULL},
        {"bm-2ctqwfbuuvtn4xahhz1mqhukwpedrs3m39@bm.alt", ADDRESS_FORM_FOUND, NULL},
        {"bm-2cTQWFbuuvTN4xAHhz1MqhuKwpEDRS3M39@bm.alt", ADDRESS_FORM_FOUND, NULL},
        {"2cTQWFbuuvTN4xAHhz1MqhuKwpEDRS3M39@bm.alt", ADDRESS_FORM_FOUND, NULL},
        {"alice@bm.alt", ADDRESS_FORM_FOUND, NULL},
        {"ALICE@bm.alt", ADDRESS_FORM_FOUND, NULL},
        /* a stranger's, folded: only a search can tell */
        {"bm-87tzwbnovfvfxrntgvkvq1xuw2khfvlkkrk@bm.alt", ADDRESS_FORM_FOLDED, NULL},
        {"BM-2cTQWFbuuvTN4xAHhz1MqhuKwpEDRS3M38@bm.alt", ADDRESS_FORM_REFUSED,
         "did you mean " KNOWN " (alice)?"},
        {"BM-2cTQWFbuuvTN4xAHhz1MqhuKwpDERS3M39@bm.alt", ADDRESS_FORM_REFUSED, "did you mean"},
        {"BM-Hello@bm.alt", ADDRESS_FORM_REFUSED, "not a Bitmessage address"},
        {"bob@bm.alt", ADDRESS_FORM_REFUSED, "more than one"},
        {"carol@bm.alt", ADDRESS_FORM_REFUSED, "no identity or contact is called 'carol'"},
    };
    struct address known;
    assert_int_equal(address_decode(&known, bytes_of_str(KNOWN)), ADDRESS_OK);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct address_form form;
        struct address found;
        struct fault fault = {0};
        assert_true(address_form_parse(&form, bytes_of_str(cases[i].typed), &fault));
        enum address_form_result result = address_form_resolve(&found, &form, &book, &fault);
        if (result != cases[i].result ||
            (cases[i].words != NULL && strstr(fault.text, cases[i].words) == NULL)) {
            fail_msg("%s: %d \"%s\"", cases[i].typed, (int)result, fault.text);
        }
        if (result == ADDRESS_FORM_FOUND) {
            assert_true(address_equal(&found, &known));
        }
    }
}

static void only_addresses_that_can_be_sent_to_pass(void **state)
{
    (void)state;
    struct address address = {.version = 4, .stream = 1};
    assert_true(address_form_check(&address, NULL));
    address.version = 2;
    assert_true(address_form_check(&address, NULL));
    address.version = 1;
    assert_false(address_form_check(&address, NULL));
    address.version = 4;
    address.stream = 2;
    assert_false(address_form_check(&address, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_read),
        cmocka_unit_test(lengths_are_bounded_and_no_prefix_is_read_past_its_end),
        cmocka_unit_test(lifetimes_keep_to_their_bounds),
        cmocka_unit_test(forms_are_resolved_or_refused_in_words),
        cmocka_unit_test(only_addresses_that_can_be_sent_to_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
