// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/cli/moving/keys_file.h"

static bool read_text(struct keys_file *out, const char *text, size_t len, struct fault *fault)
{
    /* A block of exactly that size, so that a byte too far is seen. */
    char *copy = xmemdup(text, len);
    FILE *in = fmemopen(copy, len, "r");
    assert_non_null(in);
    bool ok = keys_file_read_stream(out, KEYS_FILE_PYBITMESSAGE, in, "keys.dat", fault);
    fclose(in);
    free(copy);
    return ok;
}

static struct keys_file read_all(const char *text)
{
    struct keys_file file;
    struct fault fault = {0};
    if (!read_text(&file, text, strlen(text), &fault)) {
        fail_msg("%s", fault.text);
    }
    return file;
}

#define SETTINGS "[bitmessagesettings]\nsettingsversion = 10\nport = 8444\nTimeFormat: %%c\n"
#define IDENTITY                                                                                   \
    "\n# a comment\n[BM-2cTest]\nlabel = 100%% me\nenabled = true\ndecoy = false\n"                \
    "noncetrialsperbyte = 2000\npayloadlengthextrabytes = 3000\nprivsigningkey = 5Jsign\n"         \
    "privencryptionkey = 5Jencrypt\n"

static void an_identity_and_the_settings_are_read(void **state)
{
    (void)state;
    struct keys_file file = read_all(SETTINGS IDENTITY);

    assert_int_equal(file.n_entries, 1);
    const struct keys_file_entry *entry = &file.entries[0];
    assert_string_equal(entry->address, "BM-2cTest");
    assert_string_equal(entry->label, "100% me");
    assert_string_equal(entry->signing_key, "5Jsign");
    assert_string_equal(entry->encryption_key, "5Jencrypt");
    assert_int_equal(entry->trials_per_byte, 2000);
    assert_int_equal(entry->extra_bytes, 3000);
    assert_true(entry->enabled && entry->acks && !entry->is_chan && !entry->is_list);
    assert_string_equal(keys_file_setting(&file, "bitmessagesettings", "port"), "8444");
    assert_string_equal(keys_file_setting(&file, "bitmessagesettings", "timeformat"), "%c");
    assert_null(keys_file_setting(&file, "bitmessagesettings", "absent"));
    assert_null(keys_file_setting(&file, "threads", "port"));
    keys_file_clear(&file);
}

static void flags_read_as_python_reads_them(void **state)
{
    (void)state;
    struct keys_file file =
        read_all("[BM-1]\nENABLED = False\nchan = on\ndontsendack=TRUE\nmailinglist: yes\n"
                 "mailinglistname = the list\n[BM-2]\nchan = 0\nenabled = 1\n");

    assert_int_equal(file.n_entries, 2);
    assert_false(file.entries[0].enabled);
    assert_true(file.entries[0].is_chan);
    assert_false(file.entries[0].acks);
    assert_true(file.entries[0].is_list);
    assert_string_equal(file.entries[0].list_name, "the list");
    assert_true(file.entries[1].enabled);
    assert_false(file.entries[1].is_chan);
    keys_file_clear(&file);
}

static void a_value_goes_on_in_indented_lines(void **state)
{
    (void)state;
    struct keys_file file = read_all("[BM-1]\nlabel = one\n  two\n\tthree\nchan = true\n  no\n");

    assert_string_equal(file.entries[0].label, "one\ntwo\nthree");
    assert_true(file.entries[0].is_chan);
    keys_file_clear(&file);
}

/* The table of the reference's own conversion: factors over the least of then. */
static void demands_of_old_files_are_converted(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        const char *trials;
        const char *extra;
        uint64_t expected_trials;
        uint64_t expected_extra;
    } rows[] = {
        {"9", "320", "14000", 1000, 1000},  {"9", "640", "28000", 1000, 2000},
        {"8", "960", "7000", 3000, 1000},   {"7", "3200", "140000", 10000, 10000},
        {"10", "2000", "3000", 2000, 3000},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[256];
        (void)snprintf(text, sizeof text,
                       "[BM-1]\nnoncetrialsperbyte = %s\npayloadlengthextrabytes = %s\n"
                       "[bitmessagesettings]\nsettingsversion = %s\n",
                       rows[i].trials, rows[i].extra, rows[i].version);
        struct keys_file file = read_all(text);
        assert_int_equal(file.entries[0].trials_per_byte, rows[i].expected_trials);
        assert_int_equal(file.entries[0].extra_bytes, rows[i].expected_extra);
        keys_file_clear(&file);
    }
}

static void what_is_wrong_names_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *line;
    } rows[] = {
        {"[BM-1\n", "keys.dat:1:"},
        {"[BM-1]\nlabel = x\nnonsense\n", "keys.dat:3:"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct keys_file file;
        struct fault fault = {0};
        assert_false(read_text(&file, rows[i].text, strlen(rows[i].text), &fault));
        assert_int_equal(fault.code, FAULT_INVALID);
        assert_memory_equal(fault.text, rows[i].line, strlen(rows[i].line));
        assert_int_equal(file.n_entries, 0);
    }
}

static void a_line_may_be_so_long_and_no_longer(void **state)
{
    (void)state;
    for (size_t len = KEYS_FILE_MAX_LINE_BYTES - 3; len <= KEYS_FILE_MAX_LINE_BYTES; len++) {
        char *text = xmalloc(len + 1);
        memset(text, 'x', len);
        memcpy(text, "a=", 2);
        text[len] = '\n';
        struct keys_file file;
        struct fault fault = {0};
        bool fits = len + 1 < KEYS_FILE_MAX_LINE_BYTES;
        assert_int_equal(read_text(&file, text, len + 1, &fault), fits);
        if (fits) {
            keys_file_clear(&file);
        } else {
            assert_int_equal(fault.code, FAULT_LIMIT);
        }
        free(text);
    }
}

static void a_file_cut_anywhere_is_read_or_refused(void **state)
{
    (void)state;
    static const char text[] = SETTINGS IDENTITY;
    for (size_t len = 1; len < sizeof text; len++) {
        struct keys_file file;
        if (read_text(&file, text, len, NULL)) {
            assert_true(file.n_entries <= 1);
            keys_file_clear(&file);
        }
    }
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    const struct keys_file_entry entries[] = {
        {.address = "BM-1",
         .label = "50% of\nme",
         .signing_key = "5Ka",
         .encryption_key = "5Kb",
         .enabled = true,
         .acks = true,
         .list_name = "",
         .trials_per_byte = 1000,
         .extra_bytes = 1001},
        {.address = "BM-2",
         .label = "a chan",
         .signing_key = "5Kc",
         .encryption_key = "5Kd",
         .is_chan = true,
         .is_list = true,
         .list_name = "list",
         .trials_per_byte = 5,
         .extra_bytes = 6},
    };
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    keys_file_write(out, KEYS_FILE_PYBITMESSAGE, entries, ARRAY_LEN(entries));
    fclose(out);

    struct keys_file file = read_all(text);

    assert_int_equal(file.n_entries, 2);
    assert_string_equal(file.entries[0].label, "50% of me");
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(file.entries[i].address, entries[i].address);
        assert_string_equal(file.entries[i].signing_key, entries[i].signing_key);
        assert_string_equal(file.entries[i].encryption_key, entries[i].encryption_key);
        assert_string_equal(file.entries[i].list_name, entries[i].list_name);
        assert_int_equal(file.entries[i].enabled, entries[i].enabled);
        assert_int_equal(file.entries[i].acks, entries[i].acks);
        assert_int_equal(file.entries[i].is_chan, entries[i].is_chan);
        assert_int_equal(file.entries[i].is_list, entries[i].is_list);
        assert_int_equal(file.entries[i].trials_per_byte, entries[i].trials_per_byte);
        assert_int_equal(file.entries[i].extra_bytes, entries[i].extra_bytes);
    }
    keys_file_clear(&file);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_identity_and_the_settings_are_read),
        cmocka_unit_test(flags_read_as_python_reads_them),
        cmocka_unit_test(a_value_goes_on_in_indented_lines),
        cmocka_unit_test(demands_of_old_files_are_converted),
        cmocka_unit_test(what_is_wrong_names_its_line),
        cmocka_unit_test(a_line_may_be_so_long_and_no_longer),
        cmocka_unit_test(a_file_cut_anywhere_is_read_or_refused),
        cmocka_unit_test(what_is_written_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
