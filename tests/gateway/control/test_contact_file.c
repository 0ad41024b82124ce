// SPDX-License-Identifier: MIT
/* Address books as files: what is read, what is passed over, and where it ends. */
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "gateway/control/contact_file.h"

struct seen {
    size_t n;
    char address[64];
    char label[CONTACT_LABEL_MAX_BYTES + 1];
    struct buf all;
};

static void see(void *context, const char *address, const char *label)
{
    struct seen *seen = context;
    seen->n++;
    buf_printf(&seen->all, "%s=%s;", address, label);
}

static bool read_bytes(struct seen *seen, struct bytes file, struct fault *fault)
{
    *seen = (struct seen){0};
    return contact_file_read(file, see, seen, fault);
}

static void assert_reads(const char *name, const char *file, const char *expected)
{
    struct seen seen;
    struct fault fault = {0};
    if (!read_bytes(&seen, bytes_of_str(file), &fault) ||
        strcmp(buf_str(&seen.all), expected) != 0) {
        fail_msg("%s: read '%s', fault '%s'", name, buf_str(&seen.all), fault.text);
    }
    buf_clear(&seen.all);
}

static void each_form_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *file;
        const char *expected;
    } rows[] = {
        {"our vcard",
         "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Alice\r\nEMAIL:BM-a@bm.alt\r\nIMPP:bitmessage:BM-a\r\n"
         "END:VCARD\r\n",
         "BM-a@bm.alt=Alice;"},
        {"folded, grouped, with parameters",
         "BEGIN:VCARD\nitem1.FN;CHARSET=UTF-8:Al\n ice\\, B.\nitem1.IMPP;TYPE=x:bitmessage:BM-\n "
         "a\nEND:VCARD\n",
         "BM-a=Alice, B.;"},
        {"two cards, one without an address",
         "BEGIN:VCARD\nFN:No\nEMAIL:x@example.org\nEND:VCARD\nBEGIN:VCARD\nURL:BM-b\nEND:VCARD\n",
         "BM-b=;"},
        {"csv with columns", "label,address\nAlice,BM-a\r\n", "BM-a=Alice;"},
        {"csv of Thunderbird",
         "First Name,Last Name,Display Name,Nickname,Primary Email\nA,B,\"A, "
         "\"\"B\"\"\",n,BM-a@bm.alt\n",
         "BM-a@bm.alt=A, \"B\";"},
        {"csv without columns", "BM-a,Alice\nBob,BM-b", "BM-a=Alice;BM-b=Bob;"},
        {"csv with a line end in a field", "BM-a,\"two\nlines\"\n", "BM-a=two lines;"},
        {"a byte order mark",
         "\xef\xbb\xbf"
         "address,label\nBM-a,x\n",
         "BM-a=x;"},
        {"addresses alone", "BM-a\nBM-b\n", "BM-a=;BM-b=;"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_reads(rows[i].name, rows[i].file, rows[i].expected);
    }
}

static void what_is_written_reads_the_same(void **state)
{
    (void)state;
    static const char *const labels[] = {"", "plain", "a, \"b\"; \\c", "\xc3\xa4\xe2\x82\xac"};
    for (int form = CONTACT_VCARD; form <= CONTACT_CSV; form++) {
        for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
            struct buf file = {0};
            struct seen seen;
            contact_file_begin(&file, (enum contact_form)form);
            contact_file_write(&file, (enum contact_form)form, "BM-a", labels[i]);
            assert_true(read_bytes(&seen, buf_view(&file), NULL));
            assert_int_equal(seen.n, 1);
            const char *label = strchr(buf_str(&seen.all), '=') + 1;
            bool is_named = labels[i][0] != '\0' || form == CONTACT_CSV;
            assert_memory_equal(label, is_named ? labels[i] : "BM-a",
                                strlen(is_named ? labels[i] : "BM-a"));
            buf_clear(&seen.all);
            buf_clear(&file);
        }
    }
}

static void files_without_a_contact_are_refused(void **state)
{
    (void)state;
    static const char *const files[] = {"", "address,label\n", "BEGIN:VCARD\nFN:x\nEND:VCARD\n",
                                        "\xff\xfe", "x,y\n"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct seen seen;
        struct fault fault = {0};
        assert_false(read_bytes(&seen, bytes_of_str(files[i]), &fault));
        assert_int_equal(fault.code, FAULT_INVALID);
        buf_clear(&seen.all);
    }
}

/* A file with one unit more or less than the bound; FAULT_NONE when it is read. */
static enum fault_code try_file(struct buf *file)
{
    struct seen seen;
    struct fault fault = {0};
    bool ok = read_bytes(&seen, buf_view(file), &fault);
    buf_clear(&seen.all);
    buf_clear(file);
    return ok ? FAULT_NONE : fault.code;
}

static enum fault_code with_fields(int n_fields)
{
    struct buf file = {0};
    buf_append_str(&file, "BM-a");
    for (int i = 1; i < n_fields; i++) {
        buf_append_byte(&file, ',');
    }
    return try_file(&file);
}

static enum fault_code with_line(bool vcard, size_t len)
{
    struct buf file = {0};
    size_t from = 0;
    if (vcard) {
        buf_append_str(&file, "BEGIN:VCARD\nEMAIL:BM-a\n");
        from = file.len;
    }
    buf_append_str(&file, vcard ? "NOTE:" : "BM-a,");
    size_t commas = vcard ? 0 : 1;
    while (file.len - from - commas < len) {
        buf_append_byte(&file, 'x');
    }
    if (vcard) {
        buf_append_str(&file, "\nEND:VCARD\n");
    }
    return try_file(&file);
}

static enum fault_code with_entries(size_t n_entries)
{
    struct buf file = {0};
    for (size_t i = 0; i < n_entries; i++) {
        buf_append_str(&file, "BM-a\n");
    }
    return try_file(&file);
}

static void the_bounds_hold(void **state)
{
    (void)state;
    assert_int_equal(with_fields(CONTACT_FILE_MAX_FIELDS - 1), FAULT_NONE);
    assert_int_equal(with_fields(CONTACT_FILE_MAX_FIELDS), FAULT_NONE);
    assert_int_equal(with_fields(CONTACT_FILE_MAX_FIELDS + 1), FAULT_LIMIT);
    for (int vcard = 0; vcard <= 1; vcard++) {
        assert_int_equal(with_line(vcard == 1, CONTACT_FILE_MAX_LINE_BYTES - 1), FAULT_NONE);
        assert_int_equal(with_line(vcard == 1, CONTACT_FILE_MAX_LINE_BYTES), FAULT_NONE);
        assert_int_equal(with_line(vcard == 1, CONTACT_FILE_MAX_LINE_BYTES + 1), FAULT_LIMIT);
    }
    assert_int_equal(with_entries(CONTACT_FILE_MAX_ENTRIES - 1), FAULT_NONE);
    assert_int_equal(with_entries(CONTACT_FILE_MAX_ENTRIES), FAULT_NONE);
    assert_int_equal(with_entries(CONTACT_FILE_MAX_ENTRIES + 1), FAULT_LIMIT);
}

/* In blocks of the exact size, so that a byte read too far shows. */
static void no_cut_file_is_read_beyond_its_end(void **state)
{
    (void)state;
    static const char *const files[] = {
        "BEGIN:VCARD\r\nFN:A\\,\r\n  b\r\nEMAIL:BM-a@bm.alt\r\nEND:VCARD\r\n",
        "label,address\r\n\"a \"\"b\"\"\",BM-a\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        for (size_t len = 0; len <= strlen(files[i]); len++) {
            struct seen seen;
            struct fault fault = {0};
            uint8_t *copy = malloc(len == 0 ? 1 : len);
            memcpy(copy, files[i], len);
            (void)read_bytes(&seen, (struct bytes){copy, len}, &fault);
            buf_clear(&seen.all);
            free(copy);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_read),
        cmocka_unit_test(what_is_written_reads_the_same),
        cmocka_unit_test(files_without_a_contact_are_refused),
        cmocka_unit_test(the_bounds_hold),
        cmocka_unit_test(no_cut_file_is_read_beyond_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
