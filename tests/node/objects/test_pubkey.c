// SPDX-License-Identifier: MIT
#include "tests/node/objects/known.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "crypto/ecies.h"
#include "node/objects/pubkey.h"

static struct bytes view(const uint8_t *data, size_t len)
{
    return (struct bytes){data, len};
}

static void assert_sender(const json_t *fields, const struct sender *sender)
{
    uint8_t behaviour[4];
    store_be32(behaviour, sender->behaviour);
    assert_hex_member(fields, "bitfield", view(behaviour, sizeof behaviour));
    assert_hex_member(fields, "pubsigning", view(sender->signing.point, PUBLIC_KEY_BYTES));
    assert_hex_member(fields, "pubencryption", view(sender->encryption.point, PUBLIC_KEY_BYTES));
    if (sender->address.version >= SENDER_FIRST_WITH_DEMAND) {
        assert_int_equal(sender->demand.trials_per_byte,
                         vectors_u64(fields, "nonce_trials_per_byte"));
        assert_int_equal(sender->demand.extra_bytes, vectors_u64(fields, "extra_bytes"));
    }
}

static void check_pubkey(const json_t *entry, void *objects)
{
    struct known_object known = known_object_parse(entry, "hex");
    struct identity owner = known_identity(objects, vectors_str(entry, "owner"));
    struct identity other = known_identity(objects, "chan4");
    struct sender sender;
    struct fault fault = {0};

    assert_true(pubkey_open_for(&sender, &known.object, &owner.address, &fault));
    assert_sender(vectors_get(entry, "fields"), &sender);
    assert_true(address_equal(&sender.address, &owner.address));

    assert_false(pubkey_open_for(&sender, &known.object, &other.address, &fault));
    assert_int_equal(fault.code, FAULT_NOT_FOUND);
    struct address near_by = owner.address;
    near_by.ripe[0] ^= 1;
    assert_false(pubkey_open_for(&sender, &known.object, &near_by, &fault));
    assert_int_equal(fault.code, FAULT_NOT_FOUND);
    near_by = owner.address;
    near_by.stream = 2;
    assert_false(pubkey_open_for(&sender, &known.object, &near_by, &fault));
    assert_int_equal(fault.code, FAULT_NOT_FOUND);

    bool is_plain = pubkey_open_plain(&sender, &known.object, &fault);
    assert_int_equal(is_plain, owner.address.version < 4);
    if (is_plain) {
        assert_true(address_equal(&sender.address, &owner.address));
    }
    known_object_clear(&known);
}

static void pubkeys_of_the_reference_open_for_their_owner_alone(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    assert_int_equal(for_each_known(vectors_get(root, "objects"), "pubkey", check_pubkey, root), 3);
    json_decref(root);
}

struct negative {
    const json_t *objects;
    size_t n_accepted;
};

static void check_negative(const json_t *entry, void *context)
{
    struct negative *negative = context;
    if (json_object_get(entry, "waiting_for") == NULL) {
        return;
    }
    struct known_object known = known_object_parse(entry, "hex");
    struct identity owner = known_identity(negative->objects, vectors_str(entry, "waiting_for"));
    struct sender sender;
    bool is_accepted = json_is_true(vectors_get(entry, "accepted"));
    if (pubkey_open_for(&sender, &known.object, &owner.address, NULL) != is_accepted) {
        fail_msg("%s", vectors_str(entry, "name"));
    }
    negative->n_accepted += is_accepted;
    known_object_clear(&known);
}

static void forged_pubkeys_are_refused(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    json_t *cases = vectors_load("objects_negative.json");
    struct negative negative = {.objects = root};
    (void)for_each_known(vectors_get(cases, "cases"), "", check_negative, &negative);
    assert_int_equal(negative.n_accepted, 2);
    json_decref(cases);
    json_decref(root);
}

/* Every length and every byte of what is signed or encrypted matters. */
static void check_tampering(const json_t *entry, void *objects)
{
    struct known_object known = known_object_parse(entry, "hex");
    struct identity owner = known_identity(objects, vectors_str(entry, "owner"));
    struct object object;
    struct sender sender;
    size_t len = known.object.whole.len;
    bool is_signed = owner.address.version > 2;

    for (size_t cut = 22; cut < len; cut++) {
        uint8_t *copy = xmemdup(known.bytes, cut);
        assert_true(object_parse(&object, view(copy, cut), NULL));
        assert_false(pubkey_open_for(&sender, &object, &owner.address, NULL));
        free(copy);
    }
    for (size_t i = 8; i < len && is_signed; i += 3) {
        known.bytes[i] ^= 0x10;
        bool opens = object_parse(&object, view(known.bytes, len), NULL) &&
                     pubkey_open_for(&sender, &object, &owner.address, NULL);
        /* The curve's number inside ECIES is under the MAC as well. */
        if (opens) {
            fail_msg("%s: byte %zu can be changed", vectors_str(entry, "name"), i);
        }
        known.bytes[i] ^= 0x10;
    }
    known_object_clear(&known);
}

static void cut_or_changed_pubkeys_are_refused(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    (void)for_each_known(vectors_get(root, "objects"), "pubkey", check_tampering, root);
    json_decref(root);
}

static void own_pubkeys_open_again(void **state)
{
    (void)state;
    static const char *const names[] = {"carol2", "bob3", "bob4"};
    static const struct pow_demand demands[] = {
        {1000, 1000}, {70000, 252}, {UINT64_MAX, UINT64_MAX}};
    json_t *root = vectors_load("objects.json");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        for (size_t j = 0; j < ARRAY_LEN(demands); j++) {
            struct identity owner = known_identity(root, names[i]);
            struct sender said = sender_of_keys(&owner.keys, owner.address.version,
                                                owner.address.stream, 0xdeadbeef, demands[j]);
            struct buf whole = {0};
            struct object object;
            struct sender heard;
            struct fault fault = {0};
            assert_true(pubkey_write(&whole, 1234567, &said, &owner.keys, &fault));
            assert_true(object_parse(&object, buf_view(&whole), &fault));
            assert_int_equal(object.expires_sec, 1234567);
            assert_true(object_is_processable(&object));
            if (!pubkey_open_for(&heard, &object, &owner.address, &fault)) {
                fail_msg("%s: %s", names[i], fault.text);
            }
            assert_int_equal(heard.behaviour, 0xdeadbeef);
            if (owner.address.version >= SENDER_FIRST_WITH_DEMAND) {
                assert_int_equal(heard.demand.trials_per_byte, demands[j].trials_per_byte);
                assert_int_equal(heard.demand.extra_bytes, demands[j].extra_bytes);
            } else {
                assert_int_equal(heard.demand.trials_per_byte, POW_DEFAULT_TRIALS_PER_BYTE);
            }
            buf_clear(&whole);
        }
    }
    json_decref(root);
}

static void keys_that_are_no_points_are_refused(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    const json_t *entry = known_entry(vectors_get(root, "objects"), "pubkey v2");
    static const size_t offsets[] = {22 + 4, 22 + 4 + 64};
    for (size_t i = 0; i < ARRAY_LEN(offsets); i++) {
        struct known_object known = known_object_parse(entry, "hex");
        struct sender sender;
        struct fault fault = {0};
        memset(known.bytes + offsets[i], 0x11, PUBLIC_KEY_BYTES);
        assert_false(pubkey_open_plain(&sender, &known.object, &fault));
        assert_int_equal(fault.code, FAULT_INVALID);
        known_object_clear(&known);
    }
    json_decref(root);
}

static void pubkeys_keep_their_size(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    struct known_object known =
        known_object_parse(known_entry(vectors_get(root, "objects"), "pubkey v2"), "hex");
    struct buf longer = {0};
    write_bytes(&longer, known.object.whole);
    while (longer.len <= PUBKEY_MAX_BYTES) {
        struct object object;
        struct sender sender;
        assert_true(object_parse(&object, buf_view(&longer), NULL));
        assert_true(pubkey_open_plain(&sender, &object, NULL));
        buf_append_zeros(&longer, 1);
    }
    struct object object;
    struct sender sender;
    assert_true(object_parse(&object, buf_view(&longer), NULL));
    assert_false(pubkey_open_plain(&sender, &object, NULL));
    buf_clear(&longer);
    known_object_clear(&known);
    json_decref(root);
}

static void a_full_buffer_gets_no_half_pubkey(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    struct identity owner = known_identity(root, "bob4");
    struct sender said = sender_of_keys(&owner.keys, 4, 1, 1, (struct pow_demand){1000, 1000});
    struct buf out;
    struct fault fault = {0};
    buf_init(&out, 100);
    assert_false(pubkey_write(&out, 1, &said, &owner.keys, &fault));
    assert_int_equal(fault.code, FAULT_LIMIT);
    assert_int_equal(out.len, 0);
    buf_clear(&out);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pubkeys_of_the_reference_open_for_their_owner_alone),
        cmocka_unit_test(forged_pubkeys_are_refused),
        cmocka_unit_test(cut_or_changed_pubkeys_are_refused),
        cmocka_unit_test(own_pubkeys_open_again),
        cmocka_unit_test(keys_that_are_no_points_are_refused),
        cmocka_unit_test(pubkeys_keep_their_size),
        cmocka_unit_test(a_full_buffer_gets_no_half_pubkey),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
