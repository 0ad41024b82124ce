// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "gateway/backup/seal.h"

enum { HEADER_BYTES = 17 + 80 + 24, CHUNK_EXTRA = 17 };

static struct seal_key a_key(void)
{
    struct seal_key key;
    seal_key_new(&key);
    return key;
}

/* A file in memory that holds `len` bytes of content, sealed. */
static int sealed_file(const struct seal_key *key, const uint8_t *content, size_t len)
{
    uint8_t public_key[SEAL_PUBLIC_BYTES];
    int fd = memfd_create("sealed", MFD_CLOEXEC);
    assert_true(fd >= 0);
    seal_key_public(public_key, key);
    struct seal_writer *writer = seal_writer_new(fd, public_key, NULL);
    assert_non_null(writer);
    /* In pieces that fit no chunk. */
    for (size_t done = 0; done < len;) {
        size_t n = len - done < 1009 ? len - done : 1009;
        assert_true(seal_writer_add(writer, (struct bytes){content + done, n}, NULL));
        done += n;
    }
    assert_true(seal_writer_end(writer, NULL));
    seal_writer_free(&writer);
    return fd;
}

/* What opening it from the start gives: FAULT_NONE and the content, or why not. */
static enum fault_code open_file(int fd, const struct seal_key *key, uint8_t *out, size_t *out_len)
{
    struct fault fault = {0};
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    struct seal_reader *reader = seal_reader_new(fd, key, &fault);
    *out_len = 0;
    struct bytes chunk = {0};
    bool ok = reader != NULL;
    do {
        ok = ok && seal_reader_next(reader, &chunk, &fault);
        if (ok && chunk.len > 0) {
            memcpy(out + *out_len, chunk.data, chunk.len);
            *out_len += chunk.len;
        }
    } while (ok && chunk.len > 0);
    seal_reader_free(&reader);
    return fault.code;
}

static void what_was_sealed_comes_out_at_every_size_around_a_chunk(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,
                                   1,
                                   SEAL_CHUNK_BYTES - 1,
                                   SEAL_CHUNK_BYTES,
                                   SEAL_CHUNK_BYTES + 1,
                                   2 * SEAL_CHUNK_BYTES,
                                   3 * SEAL_CHUNK_BYTES + 5};
    struct seal_key key = a_key();
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        uint8_t *content = xmalloc(sizes[i] + 1);
        uint8_t *out = xmalloc(sizes[i] + SEAL_CHUNK_BYTES);
        for (size_t at = 0; at < sizes[i]; at++) {
            content[at] = (uint8_t)(at * 7 + i);
        }
        size_t len;

        int fd = sealed_file(&key, content, sizes[i]);

        assert_int_equal(open_file(fd, &key, out, &len), FAULT_NONE);
        assert_int_equal(len, sizes[i]);
        assert_memory_equal(out, content, len);
        close(fd);
        free(content);
        free(out);
    }
}

static void another_key_does_not_open_it(void **state)
{
    (void)state;
    struct seal_key key = a_key();
    struct seal_key other = a_key();
    uint8_t out[SEAL_CHUNK_BYTES];
    size_t len;
    int fd = sealed_file(&key, (const uint8_t *)"mail", 4);

    assert_int_equal(open_file(fd, &other, out, &len), FAULT_DENIED);
    close(fd);
}

/* Two chunks and a bit, cut at every place that means something, and around it. */
static void a_file_that_was_cut_is_known_for_it(void **state)
{
    (void)state;
    enum { CONTENT = 2 * SEAL_CHUNK_BYTES + 10, SEALED_CHUNK = SEAL_CHUNK_BYTES + CHUNK_EXTRA };
    static const size_t ends[] = {
        0, 17, 97, HEADER_BYTES, HEADER_BYTES + SEALED_CHUNK, HEADER_BYTES + 2 * SEALED_CHUNK};
    struct seal_key key = a_key();
    uint8_t *content = xcalloc(1, CONTENT);
    uint8_t *out = xmalloc(CONTENT + SEAL_CHUNK_BYTES);
    size_t len;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        for (int shift = -1; shift <= 1; shift++) {
            if (ends[i] == 0 && shift < 0) {
                continue;
            }
            int fd = sealed_file(&key, content, CONTENT);
            assert_int_equal(ftruncate(fd, (off_t)ends[i] + shift), 0);
            enum fault_code code = open_file(fd, &key, out, &len);
            assert_true(code == FAULT_CORRUPT || code == FAULT_INVALID);
            close(fd);
        }
    }
    free(content);
    free(out);
}

static void a_byte_changed_anywhere_is_noticed(void **state)
{
    (void)state;
    struct seal_key key = a_key();
    uint8_t out[2 * SEAL_CHUNK_BYTES];
    size_t len;
    uint8_t content[40] = {1};
    enum { TOTAL = HEADER_BYTES + CHUNK_EXTRA + sizeof content };
    for (off_t at = 0; at < TOTAL; at++) {
        uint8_t byte;
        int fd = sealed_file(&key, content, sizeof content);
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        assert_int_not_equal(open_file(fd, &key, out, &len), FAULT_NONE);
        close(fd);
    }
}

static void what_follows_the_end_is_noticed(void **state)
{
    (void)state;
    struct seal_key key = a_key();
    uint8_t *content = xcalloc(1, SEAL_CHUNK_BYTES);
    uint8_t *out = xmalloc(2 * SEAL_CHUNK_BYTES);
    size_t len;
    static const size_t sizes[] = {10, SEAL_CHUNK_BYTES};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        int fd = sealed_file(&key, content, sizes[i]);
        assert_int_equal(lseek(fd, 0, SEEK_END), HEADER_BYTES + CHUNK_EXTRA + sizes[i]);
        assert_int_equal(write(fd, "x", 1), 1);
        assert_int_equal(open_file(fd, &key, out, &len), FAULT_CORRUPT);
        close(fd);
    }
    free(content);
    free(out);
}

static void a_key_reads_back_as_people_type_it(void **state)
{
    (void)state;
    static const char all_digits[] = "01234-56789-ABCDE-FGHJK-MNPQR-STVWX-YZ";
    struct seal_key key = {{0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf,
                            0x84, 0x65, 0x3a, 0x56, 0xd7, 0xc6, 0x75, 0xbe, 0x77, 0xdf}};
    char text[SEAL_KEY_TEXT_BYTES];
    struct seal_key parsed;
    seal_key_print(text, &key);
    assert_int_equal(strlen(text), SEAL_KEY_TEXT_BYTES - 1);
    assert_memory_equal(text, all_digits, sizeof all_digits - 1);

    assert_true(seal_key_parse(&parsed, text, NULL));
    assert_memory_equal(&parsed, &key, sizeof key);

    for (size_t i = 0; text[i] != '\0'; i++) {
        char c = text[i] == '0' ? 'o' : text[i] == '1' ? 'l' : text[i] == '-' ? ' ' : text[i];
        text[i] = (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
    }
    assert_true(seal_key_parse(&parsed, text, NULL));
    assert_memory_equal(&parsed, &key, sizeof key);
}

static void a_mistyped_key_is_refused(void **state)
{
    (void)state;
    struct seal_key key = {{7}};
    char text[SEAL_KEY_TEXT_BYTES + 2];
    struct seal_key parsed;
    unsigned n_accepted = 0;
    seal_key_print(text, &key);

    for (size_t i = 0; text[i] != '\0'; i++) {
        char good = text[i];
        if (good != '-') {
            text[i] = good == '7' ? '8' : '7';
            n_accepted += seal_key_parse(&parsed, text, NULL);
            text[i] = good;
        }
    }
    assert_int_equal(n_accepted, 0);

    static const char *const wrong[] = {"", "-", "01234", "u1234-56789", "0123456789!"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct fault fault = {0};
        assert_false(seal_key_parse(&parsed, wrong[i], &fault));
        assert_int_equal(fault.code, FAULT_INVALID);
    }
    strcat(text, "0"); /* one digit more than there can be */
    assert_false(seal_key_parse(&parsed, text, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sealed_comes_out_at_every_size_around_a_chunk),
        cmocka_unit_test(another_key_does_not_open_it),
        cmocka_unit_test(a_file_that_was_cut_is_known_for_it),
        cmocka_unit_test(a_byte_changed_anywhere_is_noticed),
        cmocka_unit_test(what_follows_the_end_is_noticed),
        cmocka_unit_test(a_key_reads_back_as_people_type_it),
        cmocka_unit_test(a_mistyped_key_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
