// SPDX-License-Identifier: MIT
/* Hex, base64 and repr as Python 2.7's binascii and interpreter gave them. */
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "gateway/compat/api_decode.h"

struct row {
    const char *text;
    const char *hex;   /* of what comes out; NULL: refused */
    const char *words; /* then */
};

static void check(const struct row *rows, size_t n_rows,
                  const char *(*decode)(struct buf *out, struct bytes text))
{
    for (size_t i = 0; i < n_rows; i++) {
        struct buf out = {0};
        char hex[128] = "";
        buf_append_str(&out, "kept");
        size_t len = strlen(rows[i].text);
        char *copy = xmemdup(rows[i].text, len); /* of exactly that size */
        const char *words = decode(&out, (struct bytes){(const uint8_t *)copy, len});
        free(copy);
        assert_true(out.len >= 4 && memcmp(out.data, "kept", 4) == 0);
        hex_encode(hex, bytes_slice(buf_view(&out), 4, 60));
        if ((words == NULL) != (rows[i].hex != NULL) ||
            strcmp(words == NULL ? hex : words,
                   rows[i].hex != NULL ? rows[i].hex : rows[i].words) != 0) {
            fail_msg("'%s': %s", rows[i].text, words == NULL ? hex : words);
        }
        if (words != NULL) {
            assert_int_equal(out.len, 4);
        }
        buf_clear(&out);
    }
}

static void hex_is_read_as_python_reads_it(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"", "", NULL},
        {"00ffAb", "00ffab", NULL},
        {"0", NULL, "Odd-length string"},
        {"0g", NULL, "Non-hexadecimal digit found"},
        {"00 0", NULL, "Non-hexadecimal digit found"},
        {"00zz", NULL, "Non-hexadecimal digit found"},
        {"0\xff", NULL, "Non-hexadecimal digit found"},
    };
    check(rows, ARRAY_LEN(rows), api_decode_hex);
}

static void base64_is_read_as_python_reads_it(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"", "", NULL},
        {"aGV5", "686579", NULL},
        {"aGV5IQ==", "68657921", NULL},
        {"aGV5IQ=", NULL, "Incorrect padding"},
        {"aGV5IQ", NULL, "Incorrect padding"},
        {"a", NULL, "Incorrect padding"},
        {"a=", NULL, "Incorrect padding"},
        {"=", "", NULL},
        {"==", "", NULL},
        {"aGV5IQ==aGV5", "68657921", NULL},
        {"aG V5\n", "686579", NULL},
        {"aG!V5", "686579", NULL},
        {"aGV5I=Q=", NULL, "Incorrect padding"},
        {"aGV5IQ=x=", "686579210c", NULL},
        {"/w==", "ff", NULL},
        {"////", "ffffff", NULL},
        {"aGV5=", "686579", NULL},
        {"aGV5IQ=\n=", "68657921", NULL},
        {"aG=V5", "686579", NULL},
        {"aGV=", "6865", NULL},
        {"aGV5aG==x", "68657968", NULL},
    };
    check(rows, ARRAY_LEN(rows), api_decode_base64);
}

static void texts_are_shown_as_repr_shows_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *shown;
    } rows[] = {
        {"plain", "'plain'"},
        {"it's", "\"it's\""},
        {"a\"b", "'a\"b'"},
        {"it's \"x\"", "'it\\'s \"x\"'"},
        {"a\\b\n\t\r\x01\xff", "'a\\\\b\\n\\t\\r\\x01\\xff'"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = {0};
        api_repr(&out, bytes_of_str(rows[i].text));
        assert_string_equal(buf_str(&out), rows[i].shown);
        buf_clear(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_is_read_as_python_reads_it),
        cmocka_unit_test(base64_is_read_as_python_reads_it),
        cmocka_unit_test(texts_are_shown_as_repr_shows_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
