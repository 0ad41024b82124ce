// SPDX-License-Identifier: MIT
/* From words to a call's parameters, and which commands may come by mail. */
#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "gateway/control/api.h"
#include "gateway/control/call_table.h"

enum { MAX_WORDS = 12 };

/* The parameters as JSON text, or the fault's words; static storage. */
static const char *params_of(const char *line, const struct call_option **out_secret)
{
    static char result[512];
    char copy[512];
    char *words[MAX_WORDS];
    int n_words = 0;
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        words[n_words++] = word;
    }
    int n_used = 0;
    bool yes = false;
    struct fault fault = {0};
    const struct call_row *row = call_find(n_words, words, &n_used);
    assert_non_null(row);
    json_t *params =
        call_take_params(row, n_words - n_used, words + n_used, out_secret, &yes, &fault);
    if (params == NULL) {
        snprintf(result, sizeof(result), "%s", fault.text);
        return result;
    }
    char *text = json_dumps(params, JSON_COMPACT | JSON_SORT_KEYS);
    snprintf(result, sizeof(result), "%s%s", text, yes ? " yes" : "");
    free(text);
    json_decref(params);
    return result;
}

static void words_become_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *expected;
    } rows[] = {
        {"identity rename a b", "{\"address\":\"a\",\"label\":\"b\"}"},
        {"identity rename a", "an argument is missing"},
        {"identity rename a b c", "too many arguments"},
        {"identity disable a", "{\"address\":\"a\",\"enabled\":false}"},
        {"identity set a --ttl 2d --small-difficulty 3 --acks no",
         "{\"acks\":false,\"address\":\"a\",\"small_difficulty\":3,\"ttl\":172800}"},
        {"identity set a --acks maybe", "'maybe' is not possible here"},
        {"identity set a --ttl", "--ttl needs a value"},
        {"identity set a --other 1", "there is no option '--other'"},
        {"account quota a --bytes 2G", "{\"bytes\":2147483648,\"name\":\"a\"}"},
        {"account quota a --bytes 9223372036854775807",
         "{\"bytes\":9223372036854775807,\"name\":\"a\"}"},
        {"account quota a --bytes 9223372036854775808",
         "'9223372036854775808' is not possible here"},
        {"account quota a --bytes 9007199254740991k",
         "{\"bytes\":9223372036854774784,\"name\":\"a\"}"},
        {"account quota a --bytes 9007199254740992k", "'9007199254740992k' is not possible here"},
        {"queue show 12", "{\"id\":12}"},
        {"queue show -- -1", "'-1' is not possible here"},
        {"identity delete a --yes", "{\"address\":\"a\"} yes"},
        {"identity rename a --yes", "there is no option '--yes'"},
        {"chan create -- --label", "{\"name\":\"--label\"}"},
        {"block a --chan c", "{\"address\":\"a\",\"chan\":\"c\",\"rule\":\"block\"}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct call_option *secret = NULL;
        assert_string_equal(params_of(rows[i].line, &secret), rows[i].expected);
        assert_null(secret);
    }
}

static void a_secret_is_left_to_the_caller(void **state)
{
    (void)state;
    const struct call_option *secret = NULL;

    assert_string_equal(params_of("identity new me --passphrase --number 3", &secret),
                        "{\"label\":\"me\",\"number\":3}");

    assert_non_null(secret);
    char name[32];
    call_param_name(name, sizeof(name), secret);
    assert_string_equal(name, "passphrase");
}

static bool is_call(const char *name)
{
    for (size_t i = 0; api_name(i) != NULL; i++) {
        if (strcmp(api_name(i), name) == 0) {
            return true;
        }
    }
    return false;
}

static void each_row_is_a_call_of_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < call_rows_len; i++) {
        if (!is_call(call_rows[i].call)) {
            fail_msg("%s: there is no call %s", call_rows[i].name, call_rows[i].call);
        }
    }
}

/* What a mail may never do. */
static void nothing_that_destroys_or_rules_comes_by_mail(void **state)
{
    (void)state;
    static const char *const never[] = {"identity.delete", "identity.move", "account.", "backup.",
                                        "restore.",        "recovery_key.", "mail.",    "setup."};
    for (size_t i = 0; i < call_rows_len; i++) {
        const struct call_row *row = &call_rows[i];
        for (size_t k = 0; k < ARRAY_LEN(never); k++) {
            if (row->by_mail && strncmp(row->call, never[k], strlen(never[k])) == 0) {
                fail_msg("%s may come by mail", row->name);
            }
        }
        assert_false(row->by_mail && row->asks != NULL);
    }
}

static void a_table_is_aligned_by_characters(void **state)
{
    (void)state;
    static const struct call_column columns[] = {{"a", "A"}, {"b", "B"}};
    json_t *rows =
        json_pack("[{s:s, s:b}, {s:s, s:i}]", "a", "\xc3\xa4\xc3\xb6", "b", 1, "a", "long", "b", 7);
    struct buf out = {0};

    call_write_table(&out, rows, columns, 2);

    assert_string_equal(buf_str(&out), "A     B\n\xc3\xa4\xc3\xb6    yes\nlong  7\n");
    buf_clear(&out);
    json_decref(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_become_parameters),
        cmocka_unit_test(a_secret_is_left_to_the_caller),
        cmocka_unit_test(each_row_is_a_call_of_the_table),
        cmocka_unit_test(nothing_that_destroys_or_rules_comes_by_mail),
        cmocka_unit_test(a_table_is_aligned_by_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
