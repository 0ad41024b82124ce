// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/mem.h"
#include "node/content/content.h"
#include "node/content/msgpack.h"

static struct bytes text(const char *str)
{
    return bytes_of_str(str);
}

/* Decode from a block of exactly the right size; what is borrowed from it is moved to the arena. */
static bool decode_exact(struct content *out, uint64_t encoding, struct bytes data,
                         struct arena *arena, struct fault *fault)
{
    uint8_t *block = xmemdup(data.data, data.len);
    bool ok = content_decode(out, encoding, (struct bytes){block, data.len}, arena, fault);
    if (ok) {
        out->subject.data = arena_memdup(arena, out->subject.data, out->subject.len);
        out->body.data = arena_memdup(arena, out->body.data, out->body.len);
    }
    free(block);
    return ok;
}

/* Encoding 3 around hand-made msgpack. */
static bool decode_packed(struct content *out, struct bytes packed, struct arena *arena,
                          struct fault *fault)
{
    uLongf len = compressBound((uLong)packed.len);
    uint8_t *deflated = xmalloc(len);
    assert_int_equal(compress2(deflated, &len, packed.data, (uLong)packed.len, 1), Z_OK);
    bool ok = decode_exact(out, CONTENT_EXTENDED, (struct bytes){deflated, len}, arena, fault);
    free(deflated);
    return ok;
}

static bool packed_is_understood(const struct buf *packed)
{
    struct arena arena = {0};
    struct content content = {0};
    bool ok = decode_packed(&content, buf_view(packed), &arena, NULL);
    assert_true(arena.total < (size_t)4 << 20);
    arena_clear(&arena);
    return ok;
}

/* A map of `n_pairs`, the first of which is the type. */
static void pack_message(struct buf *packed, size_t n_pairs)
{
    msgpack_write_map(packed, n_pairs);
    msgpack_write_str(packed, text(""));
    msgpack_write_str(packed, text("message"));
}

/* The reference loses a subject of encoding 3 that has letters outside ASCII; we don't. */
static bool reference_loses_subject(uint64_t encoding, const char *why)
{
    return encoding == CONTENT_EXTENDED && strcmp(why, "normal") == 0;
}

static void check_decoded(const json_t *entry, const struct content *content)
{
    size_t len;
    if (reference_loses_subject(content->encoding, vectors_str(entry, "why"))) {
        assert_bytes_equal(content->subject, text("s\xe2\x82\xac"));
    } else {
        uint8_t *subject = vectors_hex(entry, "subject_hex", &len);
        assert_bytes_equal(content->subject, ((struct bytes){subject, len}));
        free(subject);
    }
    assert_int_equal(content->body.len, vectors_u64(entry, "body_length"));
    if (json_is_string(json_object_get(entry, "body_hex"))) {
        uint8_t *body = vectors_hex(entry, "body_hex", &len);
        assert_bytes_equal(content->body, ((struct bytes){body, len}));
        free(body);
    }
}

static void contents_decode_as_the_reference_does(void **state)
{
    (void)state;
    json_t *root = vectors_load("msgcoding.json");
    size_t i;
    json_t *entry;

    json_array_foreach(vectors_get(root, "decode"), i, entry)
    {
        uint64_t encoding = vectors_u64(entry, "encoding");
        size_t len;
        uint8_t *data = vectors_hex(entry, "data", &len);
        struct arena arena = {0};
        struct fault fault = {0};
        struct content content = {0};
        bool is_known = encoding >= CONTENT_TRIVIAL && encoding <= CONTENT_EXTENDED;
        bool expected = is_known && json_object_get(entry, "error") == NULL;
        bool ok = content_decode(&content, encoding, (struct bytes){data, len}, &arena, &fault);
        if (ok != expected) {
            fail_msg("%s: %s", vectors_str(entry, "why"), ok ? "accepted" : fault.text);
        }
        if (ok) {
            check_decoded(entry, &content);
        } else {
            assert_int_not_equal(fault.code, FAULT_NONE);
        }
        free(data);
        arena_clear(&arena);
    }
    json_decref(root);
}

static void contents_encode_as_the_reference_reads_them(void **state)
{
    (void)state;
    json_t *root = vectors_load("msgcoding.json");
    size_t i;
    json_t *entry;

    json_array_foreach(vectors_get(root, "encode"), i, entry)
    {
        struct content content = {.encoding = vectors_u64(entry, "encoding"),
                                  .subject = text(vectors_str(entry, "subject")),
                                  .body = text(vectors_str(entry, "body"))};
        size_t len;
        uint8_t *data = vectors_hex(entry, "data", &len);
        struct buf out = {0};
        struct arena arena = {0};
        assert_true(content_encode(&out, &content, NULL));
        if (content.encoding == CONTENT_EXTENDED) {
            /* The stream is not canonical: both must say the same. */
            struct content ours = {0};
            struct content theirs = {0};
            assert_true(content_decode(&ours, 3, buf_view(&out), &arena, NULL));
            assert_true(content_decode(&theirs, 3, (struct bytes){data, len}, &arena, NULL));
            assert_bytes_equal(ours.subject, theirs.subject);
            assert_bytes_equal(ours.body, theirs.body);
            assert_bytes_equal(ours.body, content.body);
        } else {
            assert_bytes_equal(buf_view(&out), ((struct bytes){data, len}));
        }
        buf_clear(&out);
        arena_clear(&arena);
        free(data);
    }
    json_decref(root);
}

/* The reference decodes subject and body as bytes: a msgpack string that is not ASCII it shows as
 * nothing (tests/interop/pybitmessage_content.py). */
static void what_a_person_reads_is_bin(void **state)
{
    (void)state;
    const struct content content = {
        .encoding = CONTENT_EXTENDED, .subject = text("\xc3\xa4"), .body = text("b\xc3\xb6")};
    static const char packed[] = "\xa7subject\xc4\x02\xc3\xa4\xa4"
                                 "body\xc4\x03"
                                 "b\xc3\xb6";
    struct buf out = {0};
    uint8_t plain[256];
    uLongf len = sizeof plain;
    assert_true(content_encode(&out, &content, NULL));

    assert_int_equal(uncompress(plain, &len, out.data, (uLong)out.len), Z_OK);

    assert_non_null(memmem(plain, len, packed, sizeof packed - 1));
    buf_clear(&out);
}

static void files_and_parents_come_out_as_they_went_in(void **state)
{
    (void)state;
    uint8_t hash[CONTENT_PARENT_BYTES] = {1, 2, 3};
    uint8_t data[70000];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 31 + (i >> 8));
    }
    struct content_file files[] = {
        {text("a b.png"), text("image/png"), text("inline"), text("x@y"), {data, sizeof data}},
        {.name = text("empty"), .type = text("text/plain"), .disposition = text("attachment")},
    };
    struct bytes parents[] = {{hash, sizeof hash}};
    struct content content = {.encoding = CONTENT_EXTENDED,
                              .subject = text("Re: files"),
                              .body = text("see below\n"),
                              .files = files,
                              .n_files = 2,
                              .parents = parents,
                              .n_parents = 1};
    struct buf out = {0};
    struct arena arena = {0};
    struct content again = {0};

    assert_true(content_encode(&out, &content, NULL));
    assert_true(content_decode(&again, 3, buf_view(&out), &arena, NULL));

    assert_int_equal(again.n_files, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_bytes_equal(again.files[i].name, files[i].name);
        assert_bytes_equal(again.files[i].type, files[i].type);
        assert_bytes_equal(again.files[i].disposition, files[i].disposition);
        assert_bytes_equal(again.files[i].id, files[i].id);
        assert_bytes_equal(again.files[i].data, files[i].data);
    }
    assert_int_equal(again.n_parents, 1);
    assert_bytes_equal(again.parents[0], parents[0]);
    buf_clear(&out);
    arena_clear(&arena);
}

static void what_cannot_be_carried_is_refused_before_it_is_written(void **state)
{
    (void)state;
    uint8_t subject[CONTENT_MAX_SUBJECT_BYTES + 1];
    memset(subject, 's', sizeof subject);
    struct content_file file = {.name = text("f")};
    const struct {
        struct content content;
        enum fault_code code;
    } cases[] = {
        {{.encoding = 2, .subject = text("a\nb")}, FAULT_INVALID},
        {{.encoding = 3, .subject = text("a\rb")}, FAULT_INVALID},
        {{.encoding = 2, .files = &file, .n_files = 1}, FAULT_INVALID},
        {{.encoding = 2, .subject = {subject, CONTENT_MAX_SUBJECT_BYTES - 1}}, FAULT_NONE},
        {{.encoding = 2, .subject = {subject, CONTENT_MAX_SUBJECT_BYTES}}, FAULT_NONE},
        {{.encoding = 2, .subject = {subject, CONTENT_MAX_SUBJECT_BYTES + 1}}, FAULT_LIMIT},
        {{.encoding = 0}, FAULT_UNSUPPORTED},
        {{.encoding = 4}, FAULT_UNSUPPORTED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = {0};
        struct fault fault = {0};
        buf_append_str(&out, "before");
        bool ok = content_encode(&out, &cases[i].content, &fault);
        assert_int_equal(ok, cases[i].code == FAULT_NONE);
        assert_int_equal(fault.code, cases[i].code);
        if (!ok) {
            assert_string_equal(buf_str(&out), "before");
        }
        buf_clear(&out);
    }
}

static void a_stream_may_grow_to_the_limit_and_no_further(void **state)
{
    (void)state;
    for (size_t size = CONTENT_MAX_EXPANDED_BYTES - 1; size <= CONTENT_MAX_EXPANDED_BYTES + 1;
         size++) {
        struct buf packed = {0};
        pack_message(&packed, 2);
        msgpack_write_str(&packed, text("body"));
        size_t body_len = size - packed.len - 5;
        uint8_t *body = xcalloc(body_len, 1);
        msgpack_write_bin(&packed, (struct bytes){body, body_len});
        assert_int_equal(packed.len, size);
        assert_int_equal(packed_is_understood(&packed), size <= CONTENT_MAX_EXPANDED_BYTES);
        free(body);
        buf_clear(&packed);
    }
}

static void a_zip_bomb_is_stopped_at_the_limit(void **state)
{
    (void)state;
    size_t len = (size_t)64 << 20;
    uint8_t *zeros = xcalloc(len, 1);
    struct arena arena = {0};
    struct fault fault = {0};
    struct content content = {0};

    assert_false(decode_packed(&content, (struct bytes){zeros, len}, &arena, &fault));

    assert_int_equal(fault.code, FAULT_LIMIT);
    assert_true(arena.total < (size_t)4 << 20);
    arena_clear(&arena);
    free(zeros);
}

static bool nested_is_understood(size_t depth_below_the_map)
{
    struct buf packed = {0};
    pack_message(&packed, 2);
    msgpack_write_str(&packed, text("x"));
    for (size_t i = 0; i < depth_below_the_map; i++) {
        msgpack_write_array(&packed, 1);
    }
    msgpack_write_str(&packed, text("end"));
    bool ok = packed_is_understood(&packed);
    buf_clear(&packed);
    return ok;
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    assert_true(nested_is_understood(CONTENT_MAX_DEPTH - 2));
    assert_true(nested_is_understood(CONTENT_MAX_DEPTH - 1));
    assert_false(nested_is_understood(CONTENT_MAX_DEPTH));
    assert_false(nested_is_understood(1000000));
}

static void the_number_of_values_is_bounded(void **state)
{
    (void)state;
    for (size_t n = CONTENT_MAX_ELEMENTS - 1; n <= CONTENT_MAX_ELEMENTS + 1; n++) {
        struct buf packed = {0};
        size_t n_nils = n - 5; /* the map, two keys, type, array */
        pack_message(&packed, 2);
        msgpack_write_str(&packed, text("x"));
        msgpack_write_array(&packed, n_nils);
        for (size_t i = 0; i < n_nils; i++) {
            write_u8(&packed, 0xc0);
        }
        assert_int_equal(packed_is_understood(&packed), n <= CONTENT_MAX_ELEMENTS);
        buf_clear(&packed);
    }
}

static void files_and_parents_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        size_t max;
    } cases[] = {{"files", CONTENT_MAX_FILES}, {"parents", CONTENT_MAX_PARENTS}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t n = cases[i].max - 1; n <= cases[i].max + 1; n++) {
            struct buf packed = {0};
            uint8_t hash[CONTENT_PARENT_BYTES] = {0};
            pack_message(&packed, 2);
            msgpack_write_str(&packed, text(cases[i].key));
            msgpack_write_array(&packed, n);
            for (size_t k = 0; k < n; k++) {
                if (i == 0) {
                    msgpack_write_map(&packed, 0);
                } else {
                    msgpack_write_bin(&packed, (struct bytes){hash, sizeof hash});
                }
            }
            assert_int_equal(packed_is_understood(&packed), n <= cases[i].max);
            buf_clear(&packed);
        }
    }
}

static void a_count_without_its_values_costs_no_memory(void **state)
{
    (void)state;
    static const uint8_t first_bytes[] = {0xdd, 0xdf, 0xdb, 0xc6, 0xc9};
    for (size_t i = 0; i < sizeof first_bytes; i++) {
        struct buf packed = {0};
        pack_message(&packed, 2);
        msgpack_write_str(&packed, text("files"));
        write_u8(&packed, first_bytes[i]);
        write_u32(&packed, UINT32_MAX);
        write_u8(&packed, 0);
        assert_false(packed_is_understood(&packed));
        buf_clear(&packed);
    }
}

/* One value of every format, as the specification lists them. */
static const struct {
    const char *bytes;
    size_t len;
} EVERY_KIND[] = {
    {"\xc0", 1},
    {"\xc2", 1},
    {"\xc3", 1},
    {"\x7f", 1},
    {"\xe0", 1},
    {"\xff", 1},
    {"\xca\1\2\3\4", 5},
    {"\xcb\1\2\3\4\5\6\7\1", 9},
    {"\xcc\1", 2},
    {"\xcd\1\2", 3},
    {"\xce\1\2\3\4", 5},
    {"\xcf\1\2\3\4\5\6\7\1", 9},
    {"\xd0\1", 2},
    {"\xd1\1\2", 3},
    {"\xd2\1\2\3\4", 5},
    {"\xd3\1\2\3\4\5\6\7\1", 9},
    {"\xd4\1\2", 3},
    {"\xd5\1\2\3", 4},
    {"\xd6\1\2\3\4\5", 6},
    {"\xd7\1\2\3\4\5\6\7\1\2", 10},
    {"\xd8\1\2\3\4\5\6\7\1\2\3\4\5\6\7\1\2\3", 18},
    {"\xc7\1\2\3", 4},
    {"\xc8\0\1\2\3", 5},
    {"\xc9\0\0\0\1\2\3", 7},
    {"\xd9\1a", 3},
    {"\xda\0\1a", 4},
    {"\xdb\0\0\0\1a", 6},
    {"\xc4\1a", 3},
    {"\xc5\0\1a", 4},
    {"\xc6\0\0\0\1a", 6},
    {"\xdc\0\1\xc0", 4},
    {"\xdd\0\0\0\1\xc0", 6},
    {"\xde\0\1\xc0\xc0", 5},
    {"\xdf\0\0\0\1\xc0\xc0", 7},
};

static void values_of_every_kind_are_passed_over_and_nothing_is_read_beyond(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(EVERY_KIND); i++) {
        struct buf packed = {0};
        pack_message(&packed, 3);
        msgpack_write_str(&packed, text("unknown"));
        buf_append(&packed, EVERY_KIND[i].bytes, EVERY_KIND[i].len);
        msgpack_write_str(&packed, text("body"));
        msgpack_write_str(&packed, text("b"));
        if (!packed_is_understood(&packed)) {
            fail_msg("first byte %02x is not understood", (uint8_t)EVERY_KIND[i].bytes[0]);
        }
        for (size_t cut = 0; cut < packed.len; cut++) {
            uint8_t *block = xmemdup(packed.data, cut);
            struct msgpack_reader in = {reader_of((struct bytes){block, cut}), 100};
            msgpack_skip_inside(&in, msgpack_next(&in), 8);
            assert_false(reader_ok(&in.reader));
            free(block);
        }
        buf_clear(&packed);
    }
}

static void bytes_behind_the_map_are_refused(void **state)
{
    (void)state;
    struct buf packed = {0};
    pack_message(&packed, 1);
    assert_true(packed_is_understood(&packed));
    write_u8(&packed, 0xc0);
    assert_false(packed_is_understood(&packed));
    buf_clear(&packed);
}

static void a_byte_that_begins_no_value_is_refused(void **state)
{
    (void)state;
    struct buf packed = {0};
    pack_message(&packed, 2);
    msgpack_write_str(&packed, text("x"));
    write_u8(&packed, 0xc1);
    assert_false(packed_is_understood(&packed));
    buf_clear(&packed);
}

static void a_truncated_stream_is_refused_unless_only_its_sum_is_missing(void **state)
{
    (void)state;
    struct content content = {
        .encoding = 3, .subject = text("subject"), .body = text("body body body")};
    struct buf out = {0};
    assert_true(content_encode(&out, &content, NULL));
    for (size_t cut = 0; cut < out.len; cut++) {
        struct arena arena = {0};
        struct content again = {0};
        if (decode_exact(&again, 3, (struct bytes){out.data, cut}, &arena, NULL)) {
            assert_true(cut + 6 >= out.len);
            assert_bytes_equal(again.body, content.body);
        }
        arena_clear(&arena);
    }
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contents_decode_as_the_reference_does),
        cmocka_unit_test(contents_encode_as_the_reference_reads_them),
        cmocka_unit_test(what_a_person_reads_is_bin),
        cmocka_unit_test(files_and_parents_come_out_as_they_went_in),
        cmocka_unit_test(what_cannot_be_carried_is_refused_before_it_is_written),
        cmocka_unit_test(a_stream_may_grow_to_the_limit_and_no_further),
        cmocka_unit_test(a_zip_bomb_is_stopped_at_the_limit),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(the_number_of_values_is_bounded),
        cmocka_unit_test(files_and_parents_are_counted),
        cmocka_unit_test(a_count_without_its_values_costs_no_memory),
        cmocka_unit_test(values_of_every_kind_are_passed_over_and_nothing_is_read_beyond),
        cmocka_unit_test(bytes_behind_the_map_are_refused),
        cmocka_unit_test(a_byte_that_begins_no_value_is_refused),
        cmocka_unit_test(a_truncated_stream_is_refused_unless_only_its_sum_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
