// SPDX-License-Identifier: MIT
#include "tests/node/objects/known.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "crypto/ecies.h"
#include "node/objects/ack.h"
#include "node/objects/msg.h"
#include "node/wire/frame.h"

static struct bytes view(const uint8_t *data, size_t len)
{
    return (struct bytes){data, len};
}

/* The plaintext of a msg to that identity, or nothing and false. */
static bool decrypt(struct buf *out, const struct object *object, const struct identity *to)
{
    struct bytes encrypted;
    return msg_encrypted_part(&encrypted, object, NULL) &&
           ecies_decrypt(out, &to->keys.encryption, encrypted);
}

static void assert_fields(const json_t *fields, const struct msg *msg)
{
    const struct sender *sender = &msg->sender;
    uint8_t behaviour[4];
    store_be32(behaviour, sender->behaviour);
    assert_int_equal(sender->address.version, vectors_u64(fields, "address_version"));
    assert_int_equal(sender->address.stream, vectors_u64(fields, "stream"));
    assert_hex_member(fields, "ripe", view(sender->address.ripe, RIPE_BYTES));
    assert_hex_member(fields, "bitfield", view(behaviour, sizeof behaviour));
    assert_hex_member(fields, "pubsigning", view(sender->signing.point, PUBLIC_KEY_BYTES));
    assert_hex_member(fields, "pubencryption", view(sender->encryption.point, PUBLIC_KEY_BYTES));
    assert_hex_member(fields, "destination_ripe", view(msg->destination_ripe, RIPE_BYTES));
    assert_int_equal(msg->encoding, vectors_u64(fields, "encoding"));
    assert_hex_member(fields, "message", msg->message);
    assert_hex_member(fields, "ack_packet", msg->ack);
    assert_hex_member(fields, "signature", msg->signature);
    assert_int_equal(msg->signed_part.len, vectors_u64(fields, "signed_length"));
    uint8_t sighash[SIGHASH_BYTES];
    sign_hash_as_sent(sighash, msg->signature);
    assert_hex_member(fields, "sighash", view(sighash, sizeof sighash));
}

static void assert_ack(const json_t *entry, const struct msg *msg)
{
    struct object ack;
    struct bytes ackdata;
    struct fault fault = {0};
    if (json_object_get(entry, "ack_object") == NULL) {
        assert_int_equal(msg->ack.len, 0);
        return;
    }
    if (!ack_open_packet(&ack, msg->ack, FRAME_MAGIC, &known_rules, KNOWN_NOW, &fault)) {
        fail_msg("%s: %s", vectors_str(entry, "name"), fault.text);
    }
    assert_hex_member(vectors_get(entry, "ack_object"), "hex", ack.whole);
    assert_true(ack_data_of(&ackdata, &ack));
    assert_hex_member(entry, "ackdata", ackdata);
}

static void check_msg(const json_t *entry, void *objects)
{
    struct known_object known = known_object_parse(entry, "hex");
    struct identity to = known_identity(objects, vectors_str(entry, "to"));
    struct identity other = known_identity(objects, "alice3");
    struct buf plaintext = {0};
    struct msg msg;
    struct fault fault = {0};

    assert_false(decrypt(&plaintext, &known.object, &other));
    assert_true(decrypt(&plaintext, &known.object, &to));
    assert_hex_member(entry, "decrypted", buf_view(&plaintext));
    assert_true(msg_parse(&msg, buf_view(&plaintext), &fault));
    assert_fields(vectors_get(entry, "fields"), &msg);
    if (!msg_verify(&msg, &known.object, to.keys.ripe, &fault)) {
        fail_msg("%s: %s", vectors_str(entry, "name"), fault.text);
    }
    assert_ack(entry, &msg);

    /* Passed on: decrypted by a key that it was not meant for. */
    assert_false(msg_verify(&msg, &known.object, other.keys.ripe, &fault));
    assert_int_equal(fault.code, FAULT_DENIED);
    buf_clear(&plaintext);
    known_object_clear(&known);
}

static void msgs_of_the_reference_are_read_and_verified(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    assert_int_equal(for_each_known(vectors_get(root, "objects"), "msg", check_msg, root), 10);
    json_decref(root);
}

/* Written anew by us, all of it but the random and the signature is the same. */
static void check_rewritten(const json_t *entry, void *objects)
{
    struct known_object known = known_object_parse(entry, "hex");
    struct identity from = known_identity(objects, vectors_str(entry, "from"));
    struct identity to = known_identity(objects, vectors_str(entry, "to"));
    struct buf plaintext = {0};
    struct buf plaintext_again = {0};
    struct buf whole = {0};
    struct msg msg;
    struct msg again;
    struct object object;
    struct fault fault = {0};
    assert_true(decrypt(&plaintext, &known.object, &to));
    assert_true(msg_parse(&msg, buf_view(&plaintext), NULL));

    struct msg_draft draft = {
        .expires_sec = known.object.expires_sec,
        .sender = sender_of_keys(&from.keys, from.address.version, from.address.stream,
                                 msg.sender.behaviour, msg.sender.demand),
        .to = to.address,
        .to_key = to.keys.encryption_public,
        .encoding = msg.encoding,
        .message = msg.message,
        .ack = msg.ack,
    };
    assert_true(msg_write(&whole, &draft, &from.keys, &fault));

    assert_true(object_parse(&object, buf_view(&whole), NULL));
    assert_bytes_equal(bytes_slice(object.whole, 8, 14), bytes_slice(known.object.whole, 8, 14));
    assert_true(object.whole.len <= msg_len_estimate(msg.message.len, msg.ack.len));
    assert_true(decrypt(&plaintext_again, &object, &to));
    assert_true(msg_parse(&again, buf_view(&plaintext_again), NULL));
    assert_bytes_equal(again.signed_part, msg.signed_part);
    assert_true(msg_verify(&again, &object, to.keys.ripe, NULL));
    buf_clear(&whole);
    buf_clear(&plaintext_again);
    buf_clear(&plaintext);
    known_object_clear(&known);
}

static void msgs_written_by_us_say_the_same(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    (void)for_each_known(vectors_get(root, "objects"), "msg", check_rewritten, root);
    json_decref(root);
}

/* ---- what must be refused */

enum verdict { REFUSED, ACK_REFUSED, VERIFIED };

/* All cases to "bob4". What a message says (encodings 0 to 3) is not judged here. */
static const struct {
    const char *name;
    enum verdict verdict;
} negatives[] = {
    {"control: handmade msg that is valid", VERIFIED},
    {"destination ripe is not the recipient (surreptitious forwarding)", REFUSED},
    {"signed by a key other than the embedded one", REFUSED},
    {"expiresTime changed after signing", REFUSED},
    {"msg object version 2", REFUSED},
    {"encoding 0 (IGNORE): not delivered, sender pubkey is learned", VERIFIED},
    {"unknown encoding 42: delivered with placeholder text", VERIFIED},
    {"bytes after the signature inside the plaintext: ignored", VERIFIED},
    {"sender stream 0 inside the plaintext", REFUSED},
    {"ack packet with wrong checksum: delivered, ack not released", ACK_REFUSED},
    {"ack packet with command inv: delivered, ack not released", ACK_REFUSED},
    {"ack object without proof of work: reference releases it anyway", ACK_REFUSED},
    {"encrypted byte flipped, so the MAC fails (and PoW no longer matches)", REFUSED},
    {"encoding 3: not zlib", VERIFIED},
};

static enum verdict judge(const json_t *entry, const struct identity *to)
{
    struct known_object known = known_object_parse(entry, "hex");
    struct buf plaintext = {0};
    struct msg msg;
    struct object ack;
    enum verdict verdict = REFUSED;
    if (decrypt(&plaintext, &known.object, to) && msg_parse(&msg, buf_view(&plaintext), NULL) &&
        msg_verify(&msg, &known.object, to->keys.ripe, NULL)) {
        verdict = VERIFIED;
        if (msg.ack.len != 0 &&
            !ack_open_packet(&ack, msg.ack, FRAME_MAGIC, &known_rules, KNOWN_NOW, NULL)) {
            verdict = ACK_REFUSED;
        }
    }
    buf_clear(&plaintext);
    known_object_clear(&known);
    return verdict;
}

static void bad_msgs_are_refused(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    json_t *cases = vectors_load("objects_negative.json");
    struct identity bob = known_identity(root, "bob4");
    for (size_t i = 0; i < ARRAY_LEN(negatives); i++) {
        const json_t *entry = known_entry(vectors_get(cases, "cases"), negatives[i].name);
        assert_string_equal(vectors_str(entry, "to"), "bob4");
        if (judge(entry, &bob) != negatives[i].verdict) {
            fail_msg("%s", negatives[i].name);
        }
    }
    json_decref(cases);
    json_decref(root);
}

static void plaintexts_cut_anywhere_are_refused(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    const json_t *entry =
        known_entry(vectors_get(root, "objects"), "msg encoding 2 with ack, sha256, v4 to v4");
    size_t len;
    uint8_t *plaintext = vectors_hex(entry, "decrypted", &len);
    for (size_t cut = 0; cut <= len; cut++) {
        uint8_t *copy = xmalloc(cut + 1);
        struct msg msg;
        memcpy(copy + 1, plaintext, cut);
        assert_int_equal(msg_parse(&msg, view(copy + 1, cut), NULL), cut == len);
        free(copy);
    }
    free(plaintext);
    json_decref(root);
}

static void every_signed_byte_counts(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    const json_t *entry =
        known_entry(vectors_get(root, "objects"), "msg encoding 2 with ack, sha256, v4 to v4");
    struct known_object known = known_object_parse(entry, "hex");
    struct identity to = known_identity(root, vectors_str(entry, "to"));
    struct buf plaintext = {0};
    struct msg msg;
    assert_true(decrypt(&plaintext, &known.object, &to));
    for (size_t i = 0; i < plaintext.len; i++) {
        plaintext.data[i] ^= 0x40;
        if (msg_parse(&msg, buf_view(&plaintext), NULL) &&
            msg_verify(&msg, &known.object, to.keys.ripe, NULL)) {
            fail_msg("byte %zu can be changed", i);
        }
        plaintext.data[i] ^= 0x40;
    }
    buf_clear(&plaintext);
    known_object_clear(&known);
    json_decref(root);
}

/* A plaintext of that sender version and stream, with a key of 64 bytes taken as it is. */
static bool sender_passes(const struct identity *from, uint64_t version, uint64_t stream,
                          bool has_bad_key)
{
    struct sender sender =
        sender_of_keys(&from->keys, version, stream, 1, (struct pow_demand){1000, 1000});
    struct buf plaintext = {0};
    struct msg msg;
    if (has_bad_key) {
        memset(sender.encryption.point, 0x11, PUBLIC_KEY_BYTES);
    }
    sender_write_with_address(&plaintext, &sender);
    buf_append_zeros(&plaintext, RIPE_BYTES + 3 + MSG_MIN_PLAINTEXT_BYTES);
    bool ok = msg_parse(&msg, buf_view(&plaintext), NULL);
    buf_clear(&plaintext);
    return ok;
}

static void senders_have_version_2_to_4_a_stream_and_keys_on_the_curve(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    struct identity from = known_identity(root, "alice4");
    for (uint64_t version = 0; version < 7; version++) {
        assert_int_equal(sender_passes(&from, version, 1, false), version >= 2 && version <= 4);
    }
    assert_false(sender_passes(&from, 4, 0, false));
    assert_true(sender_passes(&from, 4, OBJECT_MAX_STREAM, false));
    assert_false(sender_passes(&from, 4, OBJECT_MAX_STREAM + 1, false));
    assert_false(sender_passes(&from, 4, 1, true));
    json_decref(root);
}

/* ---- sizes */

static void plaintexts_have_170_bytes_at_least(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    struct identity from = known_identity(root, "carol2");
    struct sender sender = sender_of_keys(&from.keys, 2, 1, 1, (struct pow_demand){1000, 1000});
    for (size_t len = MSG_MIN_PLAINTEXT_BYTES - 1; len <= MSG_MIN_PLAINTEXT_BYTES + 1; len++) {
        struct buf plaintext = {0};
        struct msg msg;
        sender_write_with_address(&plaintext, &sender);
        buf_append_zeros(&plaintext, RIPE_BYTES + 3); /* encoding 0, no message, no ack */
        write_u8(&plaintext, (uint8_t)(len - plaintext.len - 1));
        buf_append_zeros(&plaintext, len - plaintext.len);
        assert_int_equal(msg_parse(&msg, buf_view(&plaintext), NULL),
                         len >= MSG_MIN_PLAINTEXT_BYTES);
        buf_clear(&plaintext);
    }
    json_decref(root);
}

static struct msg_draft draft_to_self(const struct identity *self, struct bytes message)
{
    return (struct msg_draft){
        .expires_sec = KNOWN_NOW + 86400,
        .sender = sender_of_keys(&self->keys, self->address.version, self->address.stream, 1,
                                 (struct pow_demand){1000, 1000}),
        .to = self->address,
        .to_key = self->keys.encryption_public,
        .encoding = 2,
        .message = message,
    };
}

static void objects_are_made_up_to_2_to_the_18_bytes(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    struct identity self = known_identity(root, "bob4");
    uint8_t *text = xcalloc(OBJECT_SEND_MAX_BYTES, 1);
    /* Padding goes by blocks of 16, a signature is a byte shorter now and then: with so many bytes
     * of overhead around it, the first fits always, the second never. */
    size_t fits = OBJECT_SEND_MAX_BYTES - msg_len_estimate(0, 0);
    struct msg_draft draft = draft_to_self(&self, view(text, fits));
    struct buf whole = {0};
    struct fault fault = {0};
    assert_true(msg_write(&whole, &draft, &self.keys, &fault));
    assert_true(whole.len <= OBJECT_SEND_MAX_BYTES);
    size_t before = whole.len;

    draft.message.len = fits + 160;
    assert_false(msg_write(&whole, &draft, &self.keys, &fault));
    assert_int_equal(fault.code, FAULT_LIMIT);
    assert_int_equal(whole.len, before);
    assert_true(buf_ok(&whole));
    buf_clear(&whole);
    free(text);
    json_decref(root);
}

static void the_greatest_object_made_is_the_limit_itself(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    struct identity self = known_identity(root, "bob4");
    uint8_t *text = xcalloc(OBJECT_SEND_MAX_BYTES, 1);
    size_t greatest = 0;
    size_t n_refused = 0;
    for (size_t overhead = 520; overhead > 360; overhead -= 4) {
        struct buf whole = {0};
        struct msg_draft draft = draft_to_self(&self, view(text, OBJECT_SEND_MAX_BYTES - overhead));
        if (msg_write(&whole, &draft, &self.keys, NULL)) {
            assert_int_equal(n_refused, 0);
            greatest = whole.len > greatest ? whole.len : greatest;
        } else {
            n_refused++;
        }
        buf_clear(&whole);
    }
    assert_true(n_refused > 0);
    assert_in_range(greatest, OBJECT_SEND_MAX_BYTES - ECIES_BLOCK_BYTES + 1, OBJECT_SEND_MAX_BYTES);
    free(text);
    json_decref(root);
}

static void messages_of_no_bytes_go_through(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    struct identity self = known_identity(root, "carol2");
    struct msg_draft draft = draft_to_self(&self, (struct bytes){0});
    struct buf whole = {0};
    struct buf plaintext = {0};
    struct object object;
    struct msg msg;
    assert_true(msg_write(&whole, &draft, &self.keys, NULL));
    assert_true(object_parse(&object, buf_view(&whole), NULL));
    assert_true(decrypt(&plaintext, &object, &self));
    assert_true(msg_parse(&msg, buf_view(&plaintext), NULL));
    assert_true(msg_verify(&msg, &object, self.keys.ripe, NULL));
    assert_int_equal(msg.message.len, 0);
    assert_int_equal(msg.ack.len, 0);
    buf_clear(&plaintext);
    buf_clear(&whole);
    json_decref(root);
}

static void what_can_be_no_msg_is_not_tried(void **state)
{
    (void)state;
    struct bytes encrypted;
    struct object object;
    struct fault fault = {0};
    struct buf whole = {0};
    object_write_header(&whole, &(struct object_head){1, OBJECT_MSG, MSG_VERSION, 1});
    buf_append_zeros(&whole, 32); /* as an ack looks */
    assert_true(object_parse(&object, buf_view(&whole), NULL));
    assert_false(msg_encrypted_part(&encrypted, &object, &fault));
    assert_int_equal(fault.code, FAULT_INVALID);
    buf_reset(&whole);
    object_write_header(&whole, &(struct object_head){1, OBJECT_BROADCAST, 1, 1});
    buf_append_zeros(&whole, 400);
    assert_true(object_parse(&object, buf_view(&whole), NULL));
    assert_false(msg_encrypted_part(&encrypted, &object, &fault));
    assert_int_equal(fault.code, FAULT_UNSUPPORTED);
    buf_clear(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(msgs_of_the_reference_are_read_and_verified),
        cmocka_unit_test(msgs_written_by_us_say_the_same),
        cmocka_unit_test(bad_msgs_are_refused),
        cmocka_unit_test(plaintexts_cut_anywhere_are_refused),
        cmocka_unit_test(every_signed_byte_counts),
        cmocka_unit_test(senders_have_version_2_to_4_a_stream_and_keys_on_the_curve),
        cmocka_unit_test(plaintexts_have_170_bytes_at_least),
        cmocka_unit_test(objects_are_made_up_to_2_to_the_18_bytes),
        cmocka_unit_test(the_greatest_object_made_is_the_limit_itself),
        cmocka_unit_test(messages_of_no_bytes_go_through),
        cmocka_unit_test(what_can_be_no_msg_is_not_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
