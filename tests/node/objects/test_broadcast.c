// SPDX-License-Identifier: MIT
#include "tests/node/objects/known.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "crypto/ecies.h"
#include "node/objects/broadcast.h"

static struct bytes view(const uint8_t *data, size_t len)
{
    return (struct bytes){data, len};
}

/* What a subscription to `from` can read of it, or nothing and false. */
static bool decrypt(struct buf *out, const struct object *object, const struct address *from)
{
    struct private_key key;
    struct bytes encrypted;
    struct bytes tag;
    return broadcast_encrypted_part(&encrypted, &tag, object, NULL) &&
           address_broadcast_key(&key, from) && ecies_decrypt(out, &key, encrypted);
}

static void check_broadcast(const json_t *entry, void *objects)
{
    struct known_object known = known_object_parse(entry, "hex");
    struct identity from = known_identity(objects, vectors_str(entry, "from"));
    struct identity other = known_identity(objects, "chan4");
    const json_t *fields = vectors_get(entry, "fields");
    struct buf plaintext = {0};
    struct broadcast broadcast;
    struct bytes encrypted;
    struct bytes tag;
    struct fault fault = {0};

    assert_true(broadcast_encrypted_part(&encrypted, &tag, &known.object, &fault));
    assert_hex_member(entry, "tag", tag);
    assert_false(decrypt(&plaintext, &known.object, &other.address));
    assert_true(decrypt(&plaintext, &known.object, &from.address));
    assert_hex_member(entry, "decrypted", buf_view(&plaintext));
    assert_true(broadcast_parse(&broadcast, buf_view(&plaintext), &fault));
    assert_int_equal(broadcast.encoding, vectors_u64(fields, "encoding"));
    assert_hex_member(fields, "message", broadcast.message);
    assert_hex_member(fields, "signature", broadcast.signature);
    assert_int_equal(broadcast.signed_part.len, vectors_u64(fields, "signed_length"));
    if (!broadcast_verify(&broadcast, &known.object, &from.address, &fault)) {
        fail_msg("%s: %s", vectors_str(entry, "name"), fault.text);
    }
    assert_false(broadcast_verify(&broadcast, &known.object, &other.address, &fault));
    assert_int_equal(fault.code, FAULT_DENIED);
    buf_clear(&plaintext);
    known_object_clear(&known);
}

static void broadcasts_of_the_reference_are_read_and_verified(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    assert_int_equal(
        for_each_known(vectors_get(root, "objects"), "broadcast", check_broadcast, root), 5);
    json_decref(root);
}

static void check_rewritten(const json_t *entry, void *objects)
{
    struct known_object known = known_object_parse(entry, "hex");
    struct identity from = known_identity(objects, vectors_str(entry, "from"));
    struct buf plaintext = {0};
    struct buf plaintext_again = {0};
    struct buf whole = {0};
    struct broadcast broadcast;
    struct broadcast again;
    struct object object;
    assert_true(decrypt(&plaintext, &known.object, &from.address));
    assert_true(broadcast_parse(&broadcast, buf_view(&plaintext), NULL));

    struct broadcast_draft draft = {
        .expires_sec = known.object.expires_sec,
        .sender = broadcast.sender,
        .encoding = broadcast.encoding,
        .message = broadcast.message,
    };
    assert_true(broadcast_write(&whole, &draft, &from.keys, NULL));

    assert_true(object_parse(&object, buf_view(&whole), NULL));
    size_t header_len = 22 + (object.version == BROADCAST_V5 ? ADDRESS_TAG_BYTES : 0);
    assert_bytes_equal(bytes_slice(object.whole, 8, header_len - 8),
                       bytes_slice(known.object.whole, 8, header_len - 8));
    assert_true(decrypt(&plaintext_again, &object, &from.address));
    assert_true(broadcast_parse(&again, buf_view(&plaintext_again), NULL));
    assert_bytes_equal(again.signed_part, broadcast.signed_part);
    assert_true(broadcast_verify(&again, &object, &from.address, NULL));
    buf_clear(&whole);
    buf_clear(&plaintext_again);
    buf_clear(&plaintext);
    known_object_clear(&known);
}

static void broadcasts_written_by_us_say_the_same(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    (void)for_each_known(vectors_get(root, "objects"), "broadcast", check_rewritten, root);
    json_decref(root);
}

/* The negative cases are all encrypted to alice4's subscribers. Encoding 0 is for the reader to
 * ignore. */
static const struct {
    const char *name;
    bool is_verified;
} negatives[] = {
    {"control: handmade broadcast v5", true},
    {"broadcast v5: tag and key of alice4 but the keys inside are those of bob4", false},
    {"broadcast v5: sender stream inside differs from the header", false},
    {"broadcast v5: inner address version 3", false},
    {"broadcast v5: encoding 0", true},
    {"broadcast v5: signed by another key", false},
};

static void bad_broadcasts_are_refused(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    json_t *cases = vectors_load("objects_negative.json");
    struct identity alice = known_identity(root, "alice4");
    for (size_t i = 0; i < ARRAY_LEN(negatives); i++) {
        const json_t *entry = known_entry(vectors_get(cases, "cases"), negatives[i].name);
        struct known_object known = known_object_parse(entry, "hex");
        struct buf plaintext = {0};
        struct broadcast broadcast;
        assert_true(decrypt(&plaintext, &known.object, &alice.address));
        bool is_verified = broadcast_parse(&broadcast, buf_view(&plaintext), NULL) &&
                           broadcast_verify(&broadcast, &known.object, &alice.address, NULL);
        if (is_verified != negatives[i].is_verified) {
            fail_msg("%s", negatives[i].name);
        }
        if (is_verified) {
            assert_int_equal(broadcast.encoding, strstr(negatives[i].name, "encoding 0") ? 0 : 2);
        }
        buf_clear(&plaintext);
        known_object_clear(&known);
    }
    json_decref(cases);
    json_decref(root);
}

static void plaintexts_cut_or_changed_anywhere_are_refused(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    const json_t *entry =
        known_entry(vectors_get(root, "objects"), "broadcast v5 from a v4 address");
    struct known_object known = known_object_parse(entry, "hex");
    struct identity from = known_identity(root, "alice4");
    size_t len;
    uint8_t *plaintext = vectors_hex(entry, "decrypted", &len);
    struct broadcast broadcast;
    for (size_t cut = 0; cut <= len; cut++) {
        uint8_t *copy = xmalloc(cut + 1);
        memcpy(copy + 1, plaintext, cut);
        assert_int_equal(broadcast_parse(&broadcast, view(copy + 1, cut), NULL), cut == len);
        free(copy);
    }
    for (size_t i = 0; i < len; i++) {
        plaintext[i] ^= 0x40;
        if (broadcast_parse(&broadcast, view(plaintext, len), NULL) &&
            broadcast_verify(&broadcast, &known.object, &from.address, NULL)) {
            fail_msg("byte %zu can be changed", i);
        }
        plaintext[i] ^= 0x40;
    }
    /* So are the header and the tag, from the expiry time on. */
    assert_true(broadcast_parse(&broadcast, view(plaintext, len), NULL));
    for (size_t i = OBJECT_EXPIRES_OFFSET; i < 22 + ADDRESS_TAG_BYTES; i++) {
        struct object object;
        known.bytes[i] ^= 0x02;
        if (object_parse(&object, known.object.whole, NULL) &&
            broadcast_verify(&broadcast, &object, &from.address, NULL)) {
            fail_msg("byte %zu of the header can be changed", i);
        }
        known.bytes[i] ^= 0x02;
    }
    free(plaintext);
    known_object_clear(&known);
    json_decref(root);
}

/* The signature covers the stream as the header writes it, so that only a reader of both can
 * differ. */
static void senders_of_another_stream_than_the_object_are_refused(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    struct identity self = known_identity(root, "alice4");
    struct broadcast_draft draft = {
        .expires_sec = KNOWN_NOW,
        .sender = sender_of_keys(&self.keys, 4, 2, 1, (struct pow_demand){1000, 1000}),
        .encoding = 1,
        .message = bytes_of_str("text"),
    };
    const struct address *from = &draft.sender.address;
    struct buf whole = {0};
    struct buf plaintext = {0};
    struct object object;
    struct broadcast broadcast;
    struct fault fault = {0};
    assert_true(broadcast_write(&whole, &draft, &self.keys, NULL));
    assert_true(object_parse(&object, buf_view(&whole), NULL));
    assert_int_equal(object.stream, 2);
    assert_true(decrypt(&plaintext, &object, from));
    assert_true(broadcast_parse(&broadcast, buf_view(&plaintext), NULL));
    assert_true(broadcast_verify(&broadcast, &object, from, &fault));

    object.stream = 1;
    assert_false(broadcast_verify(&broadcast, &object, from, &fault));
    assert_int_equal(fault.code, FAULT_INVALID);
    buf_clear(&plaintext);
    buf_clear(&whole);
    json_decref(root);
}

static void what_can_be_no_broadcast_is_not_tried(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    struct known_object known = known_object_parse(
        known_entry(vectors_get(root, "objects"), "broadcast v5 from a v4 address"), "hex");
    struct bytes encrypted;
    struct bytes tag;
    for (uint64_t version = 0; version < 8; version++) {
        struct object object = known.object;
        object.version = version;
        bool is_tried = broadcast_encrypted_part(&encrypted, &tag, &object, NULL);
        /* Read as version 4 the tag stands where the curve's number should. */
        assert_int_equal(is_tried, version == BROADCAST_V5);
    }
    struct object object = known.object;
    object.type = OBJECT_MSG;
    assert_false(broadcast_encrypted_part(&encrypted, &tag, &object, NULL));
    known_object_clear(&known);
    json_decref(root);
}

static void broadcasts_are_made_up_to_2_to_the_18_bytes(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    struct identity self = known_identity(root, "alice4");
    uint8_t *text = xcalloc(OBJECT_SEND_MAX_BYTES, 1);
    size_t greatest = 0;
    size_t n_refused = 0;
    for (size_t overhead = 520; overhead > 340; overhead -= 4) {
        struct buf whole = {0};
        struct fault fault = {0};
        struct broadcast_draft draft = {
            .expires_sec = KNOWN_NOW,
            .sender = sender_of_keys(&self.keys, 4, 1, 1, (struct pow_demand){1000, 1000}),
            .encoding = 1,
            .message = view(text, OBJECT_SEND_MAX_BYTES - overhead),
        };
        if (broadcast_write(&whole, &draft, &self.keys, &fault)) {
            assert_int_equal(n_refused, 0);
            greatest = whole.len > greatest ? whole.len : greatest;
        } else {
            assert_int_equal(fault.code, FAULT_LIMIT);
            assert_int_equal(whole.len, 0);
            n_refused++;
        }
        buf_clear(&whole);
    }
    assert_true(n_refused > 0);
    assert_in_range(greatest, OBJECT_SEND_MAX_BYTES - ECIES_BLOCK_BYTES + 1, OBJECT_SEND_MAX_BYTES);
    free(text);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broadcasts_of_the_reference_are_read_and_verified),
        cmocka_unit_test(broadcasts_written_by_us_say_the_same),
        cmocka_unit_test(bad_broadcasts_are_refused),
        cmocka_unit_test(plaintexts_cut_or_changed_anywhere_are_refused),
        cmocka_unit_test(senders_of_another_stream_than_the_object_are_refused),
        cmocka_unit_test(what_can_be_no_broadcast_is_not_tried),
        cmocka_unit_test(broadcasts_are_made_up_to_2_to_the_18_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
