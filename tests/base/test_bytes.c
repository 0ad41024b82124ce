// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"

static struct bytes view(const uint8_t *data, size_t len)
{
    return (struct bytes){data, len};
}

static void var_ints_encode_as_the_reference_does(void **state)
{
    (void)state;
    json_t *root = vectors_load("varint.json");
    size_t i;
    json_t *entry;

    json_array_foreach(vectors_get(root, "ok"), i, entry)
    {
        size_t len;
        uint8_t *expected = vectors_hex(entry, "hex", &len);
        uint64_t value = vectors_u64(entry, "value");
        struct buf out = {0};
        write_var_int(&out, value);
        assert_bytes_equal(buf_view(&out), view(expected, len));
        assert_int_equal(var_int_size(value), len);

        struct reader reader = reader_of(buf_view(&out));
        assert_true(reader_var_int(&reader) == value);
        assert_true(reader_at_end(&reader));
        for (size_t cut = 0; cut < len; cut++) {
            struct reader short_reader = reader_of(view(expected, cut));
            assert_int_equal(reader_var_int(&short_reader), 0);
            assert_false(reader_ok(&short_reader));
        }
        buf_clear(&out);
        free(expected);
    }
    json_decref(root);
}

static void overlong_var_ints_are_refused(void **state)
{
    (void)state;
    json_t *root = vectors_load("varint.json");
    size_t i;
    json_t *entry;

    json_array_foreach(vectors_get(root, "bad"), i, entry)
    {
        size_t len;
        uint8_t *data = vectors_hex(entry, "hex", &len);
        struct reader reader = reader_of(view(data, len));
        reader_var_int(&reader);
        if (reader_ok(&reader)) {
            fail_msg("accepted: %s", vectors_str(entry, "why"));
        }
        free(data);
    }
    json_decref(root);
}

static void a_failed_reader_stays_failed_and_yields_zero(void **state)
{
    (void)state;
    static const uint8_t data[] = {1, 2, 3};
    struct reader reader = reader_of(view(data, sizeof data));

    assert_int_equal(reader_u32(&reader), 0);

    assert_false(reader_ok(&reader));
    assert_int_equal(reader_u8(&reader), 0);
    assert_int_equal(reader_bytes(&reader, 1).len, 0);
    assert_false(reader_at_end(&reader));
}

static void a_length_above_the_limit_is_refused_before_the_bytes_are_looked_at(void **state)
{
    (void)state;
    static const uint8_t data[] = {3, 'a', 'b', 'c'};

    struct reader at_limit = reader_of(view(data, sizeof data));
    assert_int_equal(reader_var_bytes(&at_limit, 3).len, 3);
    assert_true(reader_at_end(&at_limit));

    struct reader above = reader_of(view(data, sizeof data));
    assert_int_equal(reader_var_bytes(&above, 2).len, 0);
    assert_false(reader_ok(&above));
}

static void a_buffer_keeps_its_cap_and_its_content(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 4);

    assert_true(buf_append_str(&buf, "abcd"));
    assert_false(buf_append_byte(&buf, 'e'));

    assert_false(buf_ok(&buf));
    assert_string_equal(buf_str(&buf), "abcd");
    buf_reset(&buf);
    assert_true(buf_ok(&buf));
    assert_true(buf_append_str(&buf, "xy"));
    buf_consume(&buf, 1);
    assert_string_equal(buf_str(&buf), "y");
    buf_clear(&buf);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct buf out = {0};
    write_u8(&out, 1);
    write_u16(&out, 0x0203);
    write_u32(&out, 0x04050607);
    write_u64(&out, 0x08090a0b0c0d0e0f);
    write_var_bytes(&out, bytes_of_str("hello"));
    write_block(&out, bytes_of_str("block"));

    struct reader in = reader_of(buf_view(&out));
    assert_int_equal(reader_u8(&in), 1);
    assert_int_equal(reader_u16(&in), 0x0203);
    assert_int_equal(reader_u32(&in), 0x04050607);
    assert_true(reader_u64(&in) == 0x08090a0b0c0d0e0f);
    assert_bytes_equal(reader_var_bytes(&in, 5), bytes_of_str("hello"));
    assert_bytes_equal(reader_block(&in, 5), bytes_of_str("block"));
    assert_true(reader_at_end(&in));
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(var_ints_encode_as_the_reference_does),
        cmocka_unit_test(overlong_var_ints_are_refused),
        cmocka_unit_test(a_failed_reader_stays_failed_and_yields_zero),
        cmocka_unit_test(a_length_above_the_limit_is_refused_before_the_bytes_are_looked_at),
        cmocka_unit_test(a_buffer_keeps_its_cap_and_its_content),
        cmocka_unit_test(what_is_written_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
