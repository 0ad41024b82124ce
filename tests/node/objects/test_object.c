// SPDX-License-Identifier: MIT
#include "tests/node/objects/known.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "base/str.h"
#include "node/objects/getpubkey.h"

static struct bytes view(const uint8_t *data, size_t len)
{
    return (struct bytes){data, len};
}

/* ---- known answers */

static void check_header(const json_t *entry, void *context)
{
    (void)context;
    struct known_object known = known_object_parse(entry, "hex");
    const struct object *object = &known.object;
    const json_t *header = vectors_get(entry, "header");
    uint8_t hash[OBJECT_HASH_BYTES];

    assert_int_equal(object->expires_sec, vectors_u64(header, "expires"));
    assert_int_equal(object->type, vectors_u64(header, "type"));
    assert_int_equal(object->version, vectors_u64(header, "version"));
    assert_int_equal(object->stream, vectors_u64(header, "stream"));
    size_t offset = (size_t)vectors_u64(header, "payload_offset");
    assert_bytes_equal(object->payload, bytes_slice(object->whole, offset, SIZE_MAX));
    object_hash(hash, object->whole);
    assert_hex_member(entry, "inventory_hash", view(hash, sizeof hash));

    struct buf again = {0};
    object_write_header(&again, &(struct object_head){object->expires_sec, object->type,
                                                      object->version, object->stream});
    object_set_nonce(&again, object->nonce);
    assert_bytes_equal(buf_view(&again), bytes_slice(object->whole, 0, offset));
    buf_clear(&again);
    known_object_clear(&known);
}

static void headers_and_hashes_are_those_of_the_reference(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    json_t *negative = vectors_load("objects_negative.json");
    assert_int_equal(for_each_known(vectors_get(root, "objects"), "", check_header, NULL), 24);
    assert_int_equal(for_each_known(vectors_get(negative, "cases"), "", check_header, NULL), 33);
    json_decref(root);
    json_decref(negative);
}

static void check_work(const json_t *entry, void *context)
{
    (void)context;
    struct known_object known = known_object_parse(entry, "hex");
    json_t *sufficient = json_object_get(entry, "pow_sufficient");
    if (sufficient == NULL && json_object_get(entry, "pow") != NULL) {
        sufficient = vectors_get(vectors_get(entry, "pow"), "sufficient");
    }
    if (sufficient != NULL) {
        enum object_verdict expected = json_is_true(sufficient) ? OBJECT_OK : OBJECT_NO_WORK;
        if (object_check(&known.object, &known_rules, KNOWN_NOW) != expected) {
            fail_msg("%s", vectors_str(entry, "name"));
        }
    }
    known_object_clear(&known);
}

static void known_objects_pass_the_rules_when_their_work_is_done(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    json_t *negative = vectors_load("objects_negative.json");
    (void)for_each_known(vectors_get(root, "objects"), "", check_work, NULL);
    (void)for_each_known(vectors_get(negative, "cases"), "", check_work, NULL);
    json_decref(root);
    json_decref(negative);
}

static void the_sample_is_paid_for_at_the_time_the_reference_says(void **state)
{
    (void)state;
    static const uint64_t streams[] = {1, 2};
    struct object_rules rules = known_rules;
    rules.streams = streams;
    rules.n_streams = ARRAY_LEN(streams);
    json_t *root = vectors_load("objects.json");
    const json_t *entry =
        known_entry(vectors_get(root, "objects"),
                    "tests/samples.py object: type 42, version 1, stream 2, payload HELLO");
    struct known_object known = known_object_parse(entry, "hex");
    int64_t expires = (int64_t)known.object.expires_sec;

    assert_int_equal(object_check(&known.object, &rules, expires - 300), OBJECT_OK);
    assert_bytes_equal(known.object.payload, bytes_of_str("HELLO"));
    uint8_t tag[OBJECT_TAG_BYTES];
    assert_false(object_tag(tag, &known.object));
    known_object_clear(&known);
    json_decref(root);
}

/* ---- limits of the reference */

/* An object with that header and `len` bytes in all; free its whole.data. */
static struct object made_object(uint32_t type, uint64_t version, uint64_t stream, uint64_t expires,
                                 size_t len)
{
    struct buf whole = {0};
    object_write_header(&whole, &(struct object_head){expires, type, version, stream});
    assert_true(len >= whole.len);
    buf_append_zeros(&whole, len - whole.len);
    size_t taken_len;
    uint8_t *data = buf_take(&whole, &taken_len);
    struct object object;
    assert_true(object_parse(&object, view(data, taken_len), NULL));
    return object;
}

static void free_object(struct object *object)
{
    free((void *)(uintptr_t)object->whole.data);
}

static void expiry_is_bounded_as_at_the_reference(void **state)
{
    (void)state;
    json_t *root = vectors_load("pow_and_limits.json");
    size_t i;
    json_t *entry;

    json_array_foreach(vectors_get(root, "expiry_limits"), i, entry)
    {
        int64_t delta = json_integer_value(vectors_get(entry, "expires_minus_now"));
        bool is_ok = strcmp(vectors_str(entry, "result"), "ok") == 0;
        struct object object = made_object(OBJECT_MSG, 1, 1, (uint64_t)(KNOWN_NOW + delta), 100);
        enum object_verdict expected =
            is_ok ? OBJECT_OK : (delta < 0 ? OBJECT_EXPIRED : OBJECT_TOO_FAR);
        assert_int_equal(object_check_form(&object, &known_rules, KNOWN_NOW), expected);
        assert_int_equal(object_is_expired(&object, KNOWN_NOW), delta < 0);
        free_object(&object);
    }
    json_decref(root);
}

static void absurd_times_do_not_overflow(void **state)
{
    (void)state;
    static const struct {
        uint64_t expires;
        int64_t now;
        enum object_verdict expected;
    } cases[] = {
        {UINT64_MAX, KNOWN_NOW, OBJECT_TOO_FAR},
        {UINT64_MAX, INT64_MAX, OBJECT_TOO_FAR},
        {UINT64_MAX, 0, OBJECT_TOO_FAR},
        {0, KNOWN_NOW, OBJECT_EXPIRED},
        {0, INT64_MAX, OBJECT_EXPIRED},
        {0, 0, OBJECT_OK},
        {0, -1, OBJECT_OK},
        {(uint64_t)INT64_MAX + 1, KNOWN_NOW, OBJECT_TOO_FAR},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct object object = made_object(OBJECT_MSG, 1, 1, cases[i].expires, 100);
        assert_int_equal(object_check_form(&object, &known_rules, cases[i].now), cases[i].expected);
        free_object(&object);
    }
    assert_int_equal(object_ttl_sec(UINT64_MAX, 0), INT64_MAX);
    assert_int_equal(object_ttl_sec(0, INT64_MAX), POW_MIN_TTL_SEC);
    assert_int_equal(object_ttl_sec(1000, 1000), POW_MIN_TTL_SEC);
    assert_int_equal(object_ttl_sec(1300, 1000), 300);
    assert_int_equal(object_ttl_sec(1301, 1000), 301);
}

static void sizes_are_bounded_by_type_as_at_the_reference(void **state)
{
    (void)state;
    json_t *root = vectors_load("pow_and_limits.json");
    size_t i;
    json_t *entry;

    json_array_foreach(vectors_get(root, "size_limits_by_type"), i, entry)
    {
        struct object object =
            made_object((uint32_t)vectors_u64(entry, "type"), vectors_u64(entry, "version"), 1,
                        KNOWN_NOW, vectors_u64(entry, "object_length_with_nonce"));
        bool is_ok = strcmp(vectors_str(entry, "result"), "ok") == 0;
        assert_int_equal(object_is_processable(&object), is_ok);
        /* Handed on all the same. */
        assert_int_equal(object_check_form(&object, &known_rules, KNOWN_NOW), OBJECT_OK);
        free_object(&object);
    }
    json_decref(root);
}

static void streams_are_judged_as_at_the_reference(void **state)
{
    (void)state;
    json_t *root = vectors_load("pow_and_limits.json");
    size_t i;
    json_t *entry;

    json_array_foreach(vectors_get(root, "stream_limits"), i, entry)
    {
        const char *result = vectors_str(entry, "result");
        enum object_verdict expected = OBJECT_OK;
        if (strcmp(result, "invalid") == 0) {
            expected = OBJECT_BAD_STREAM;
        } else if (strcmp(result, "unwanted stream") == 0) {
            expected = OBJECT_OTHER_STREAM;
        }
        struct object object =
            made_object(OBJECT_MSG, 1, vectors_u64(entry, "stream"), KNOWN_NOW, 100);
        assert_int_equal(object_check_form(&object, &known_rules, KNOWN_NOW), expected);
        free_object(&object);
    }
    json_decref(root);
}

static void a_payload_has_up_to_2_to_the_18_bytes(void **state)
{
    (void)state;
    enum { HEADER_BYTES = 22, MOST = HEADER_BYTES + OBJECT_MAX_PAYLOAD_BYTES };
    for (size_t len = MOST - 1; len <= MOST + 1; len++) {
        struct object object = made_object(OBJECT_MSG, 1, 1, KNOWN_NOW, len);
        assert_int_equal(object_check_form(&object, &known_rules, KNOWN_NOW),
                         len <= MOST ? OBJECT_OK : OBJECT_TOO_LONG);
        free_object(&object);
    }
}

static void objects_without_work_are_refused_last(void **state)
{
    (void)state;
    struct object object = made_object(OBJECT_MSG, 1, 1, KNOWN_NOW + 86400, 1000);
    assert_int_equal(object_check_form(&object, &known_rules, KNOWN_NOW), OBJECT_OK);
    assert_int_equal(object_check(&object, &known_rules, KNOWN_NOW), OBJECT_NO_WORK);
    free_object(&object);
    object = made_object(OBJECT_MSG, 1, 2, KNOWN_NOW + 86400, 1000);
    assert_int_equal(object_check(&object, &known_rules, KNOWN_NOW), OBJECT_OTHER_STREAM);
    free_object(&object);
}

static void headers_cut_anywhere_are_refused(void **state)
{
    (void)state;
    struct buf whole = {0};
    object_write_header(&whole, &(struct object_head){1, OBJECT_MSG, UINT64_MAX, UINT64_MAX});
    assert_int_equal(whole.len, OBJECT_MAX_HEADER_BYTES);
    for (size_t cut = 0; cut <= whole.len; cut++) {
        uint8_t *copy = xmalloc(cut);
        struct object object;
        memcpy(copy, whole.data, cut);
        assert_int_equal(object_parse(&object, view(copy, cut), NULL), cut == whole.len);
        free(copy);
    }
    buf_clear(&whole);
}

static void var_ints_in_a_longer_form_are_refused(void **state)
{
    (void)state;
    uint8_t whole[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0xfd, 0, 1};
    struct object object;
    assert_false(object_parse(&object, view(whole, sizeof whole), NULL));
    whole[22] = 1;
    assert_true(object_parse(&object, view(whole, sizeof whole), NULL));
    assert_int_equal(object.stream, 257);
}

static void the_tag_is_the_first_32_bytes(void **state)
{
    (void)state;
    uint8_t tag[OBJECT_TAG_BYTES];
    for (size_t len = 22 + 31; len <= 22 + 33; len++) {
        struct object object = made_object(OBJECT_MSG, 1, 1, 1, len);
        assert_int_equal(object_tag(tag, &object), len >= 22 + OBJECT_TAG_BYTES);
        free_object(&object);
    }
}

/* ---- getpubkey */

static void check_getpubkey(const json_t *entry, void *objects)
{
    struct known_object known = known_object_parse(entry, "hex");
    struct identity wanted = known_identity(objects, vectors_str(entry, "wanted"));
    struct identity other = known_identity(objects, "chan4");
    struct getpubkey request;
    assert_true(getpubkey_parse(&request, &known.object, NULL));
    const json_t *fields = vectors_get(entry, "fields");
    assert_hex_member(fields, wanted.address.version < 4 ? "ripe" : "tag", request.wanted);
    assert_true(getpubkey_asks_for(&request, &wanted.address));
    assert_false(getpubkey_asks_for(&request, &other.address));

    struct address near_by = wanted.address;
    near_by.stream = 2;
    assert_false(getpubkey_asks_for(&request, &near_by));
    near_by = wanted.address;
    near_by.version = near_by.version == 3 ? 2 : 3;
    assert_false(getpubkey_asks_for(&request, &near_by));
    near_by = wanted.address;
    near_by.ripe[RIPE_BYTES - 1] ^= 1;
    assert_false(getpubkey_asks_for(&request, &near_by));

    struct buf again = {0};
    getpubkey_write(&again, known.object.expires_sec, &wanted.address);
    object_set_nonce(&again, known.object.nonce);
    assert_bytes_equal(buf_view(&again), known.object.whole);
    buf_clear(&again);
    known_object_clear(&known);
}

static void getpubkeys_of_the_reference_are_read_and_written_alike(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    assert_int_equal(
        for_each_known(vectors_get(root, "objects"), "getpubkey", check_getpubkey, root), 3);
    json_decref(root);
}

static void getpubkeys_of_other_sizes_and_versions_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint64_t version;
        size_t len;
        bool expected;
    } cases[] = {
        {1, 42, false}, {2, 41, false},  {2, 42, true},  {2, 43, true},  {3, 41, false},
        {3, 42, true},  {4, 53, false},  {4, 54, true},  {4, 200, true}, {4, 201, false},
        {3, 200, true}, {3, 201, false}, {5, 54, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct object object =
            made_object(OBJECT_GETPUBKEY, cases[i].version, 1, KNOWN_NOW, cases[i].len);
        struct getpubkey request;
        assert_int_equal(getpubkey_parse(&request, &object, NULL), cases[i].expected);
        free_object(&object);
    }
    struct object object = made_object(OBJECT_PUBKEY, 4, 1, KNOWN_NOW, 54);
    struct getpubkey request;
    assert_false(getpubkey_parse(&request, &object, NULL));
    free_object(&object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_and_hashes_are_those_of_the_reference),
        cmocka_unit_test(known_objects_pass_the_rules_when_their_work_is_done),
        cmocka_unit_test(the_sample_is_paid_for_at_the_time_the_reference_says),
        cmocka_unit_test(expiry_is_bounded_as_at_the_reference),
        cmocka_unit_test(absurd_times_do_not_overflow),
        cmocka_unit_test(sizes_are_bounded_by_type_as_at_the_reference),
        cmocka_unit_test(streams_are_judged_as_at_the_reference),
        cmocka_unit_test(a_payload_has_up_to_2_to_the_18_bytes),
        cmocka_unit_test(objects_without_work_are_refused_last),
        cmocka_unit_test(headers_cut_anywhere_are_refused),
        cmocka_unit_test(var_ints_in_a_longer_form_are_refused),
        cmocka_unit_test(the_tag_is_the_first_32_bytes),
        cmocka_unit_test(getpubkeys_of_the_reference_are_read_and_written_alike),
        cmocka_unit_test(getpubkeys_of_other_sizes_and_versions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
