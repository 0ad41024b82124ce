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

/* Type, version and stream at the front of ackdata: what everybody sees. */
enum { ACKDATA_HEADER_BYTES = 6 };

static void ackdata_looks_like_that_of_the_reference(void **state)
{
    (void)state;
    json_t *root = vectors_load("ack_payload.json");
    size_t i;
    json_t *entry;

    json_array_foreach(vectors_get(root, "ackdata"), i, entry)
    {
        size_t len;
        uint8_t *known = vectors_hex(entry, "ackdata", &len);
        enum ack_level level = (enum ack_level)vectors_u64(entry, "stealth_level");
        struct buf ours = {0};
        ack_make_data(&ours, level, 1);
        assert_bytes_equal(bytes_slice(buf_view(&ours), 0, ACKDATA_HEADER_BYTES),
                           view(known, ACKDATA_HEADER_BYTES));
        if (level == ACK_AS_MESSAGE) {
            struct ecies_message noise;
            assert_true(
                ecies_parse(&noise, bytes_slice(buf_view(&ours), ACKDATA_HEADER_BYTES, SIZE_MAX)));
            assert_in_range(ours.len,
                            ACKDATA_HEADER_BYTES + ecies_encrypted_len(ACK_MESSAGE_MIN_BYTES),
                            ACKDATA_HEADER_BYTES + ecies_encrypted_len(ACK_MESSAGE_MAX_BYTES));
        } else {
            assert_int_equal(ours.len, len);
        }
        buf_clear(&ours);
        free(known);
    }
    json_decref(root);
}

static void no_ackdata_is_made_twice(void **state)
{
    (void)state;
    for (int level = ACK_PLAIN; level <= ACK_AS_MESSAGE; level++) {
        struct buf a = {0};
        struct buf b = {0};
        ack_make_data(&a, (enum ack_level)level, 1);
        ack_make_data(&b, (enum ack_level)level, 1);
        assert_false(bytes_equal(buf_view(&a), buf_view(&b)));
        buf_clear(&a);
        buf_clear(&b);
    }
}

static void the_recipients_stream_is_in_it(void **state)
{
    (void)state;
    struct buf data = {0};
    struct buf whole = {0};
    struct object object;
    ack_make_data(&data, ACK_PLAIN, 300);
    ack_write_object(&whole, KNOWN_NOW, buf_view(&data));
    assert_true(object_parse(&object, buf_view(&whole), NULL));
    assert_int_equal(object.stream, 300);
    buf_clear(&data);
    buf_clear(&whole);
}

static void acks_live_1_7_or_28_days(void **state)
{
    (void)state;
    enum { DAY = 86400 };
    static const int64_t cases[][2] = {
        {0, DAY},
        {3600, DAY},
        {DAY - 1, DAY},
        {DAY, 7 * DAY},
        {7 * DAY - 1, 7 * DAY},
        {7 * DAY, 28 * DAY},
        {28 * DAY, 28 * DAY},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(ack_ttl_sec(cases[i][0]), cases[i][1]);
    }
}

static void check_remade(const json_t *entry, void *context)
{
    (void)context;
    if (json_object_get(entry, "ack_object") == NULL) {
        return;
    }
    struct known_object known = known_object_parse(vectors_get(entry, "ack_object"), "hex");
    size_t len;
    uint8_t *ackdata = vectors_hex(entry, "ackdata", &len);
    struct buf object = {0};
    struct buf packet = {0};
    ack_write_object(&object, known.object.expires_sec, view(ackdata, len));
    object_set_nonce(&object, known.object.nonce);
    assert_bytes_equal(buf_view(&object), known.object.whole);
    ack_write_packet(&packet, FRAME_MAGIC, buf_view(&object));
    assert_hex_member(vectors_get(entry, "fields"), "ack_packet", buf_view(&packet));
    buf_clear(&packet);
    buf_clear(&object);
    free(ackdata);
    known_object_clear(&known);
}

static void packets_of_the_reference_are_made_alike(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    assert_int_equal(for_each_known(vectors_get(root, "objects"), "msg", check_remade, NULL), 10);
    json_decref(root);
}

/* A good packet to spoil. Free it. */
static uint8_t *good_packet(size_t *out_len)
{
    json_t *root = vectors_load("objects.json");
    const json_t *entry =
        known_entry(vectors_get(root, "objects"), "msg encoding 2 with ack, sha256, v4 to v4");
    uint8_t *packet = vectors_hex(vectors_get(entry, "fields"), "ack_packet", out_len);
    json_decref(root);
    return packet;
}

static bool opens(struct bytes packet, uint32_t magic, const struct object_rules *rules,
                  int64_t now_sec)
{
    struct object object;
    struct fault fault = {0};
    uint8_t *copy = packet.len != 0 ? xmemdup(packet.data, packet.len) : NULL;
    bool ok = ack_open_packet(&object, view(copy, packet.len), magic, rules, now_sec, &fault);
    assert_int_equal(ok, fault.code == FAULT_NONE);
    free(copy);
    return ok;
}

static void packets_cut_longer_or_changed_are_refused(void **state)
{
    (void)state;
    size_t len;
    uint8_t *packet = good_packet(&len);
    struct buf longer = {0};
    assert_true(opens(view(packet, len), FRAME_MAGIC, &known_rules, KNOWN_NOW));
    for (size_t cut = 0; cut < len; cut++) {
        assert_false(opens(view(packet, cut), FRAME_MAGIC, &known_rules, KNOWN_NOW));
    }
    for (size_t i = 0; i < len; i++) {
        packet[i] ^= 1;
        assert_false(opens(view(packet, len), FRAME_MAGIC, &known_rules, KNOWN_NOW));
        packet[i] ^= 1;
    }
    write_bytes(&longer, view(packet, len));
    write_u8(&longer, 0);
    assert_false(opens(buf_view(&longer), FRAME_MAGIC, &known_rules, KNOWN_NOW));
    buf_clear(&longer);
    free(packet);
}

static void acks_of_another_network_stream_or_time_are_refused(void **state)
{
    (void)state;
    static const uint64_t other_streams[] = {2, 3};
    size_t len;
    uint8_t *packet = good_packet(&len);
    struct object_rules rules = known_rules;
    assert_false(opens(view(packet, len), FRAME_MAGIC + 1, &rules, KNOWN_NOW));
    assert_false(opens(view(packet, len), FRAME_MAGIC, &rules, KNOWN_NOW + 2 * 86400));
    assert_false(opens(view(packet, len), FRAME_MAGIC, &rules, KNOWN_NOW - 40 * 86400));
    rules.least.trials_per_byte = 1000000;
    assert_false(opens(view(packet, len), FRAME_MAGIC, &rules, KNOWN_NOW));
    rules = known_rules;
    rules.streams = other_streams;
    rules.n_streams = ARRAY_LEN(other_streams);
    assert_false(opens(view(packet, len), FRAME_MAGIC, &rules, KNOWN_NOW));
    free(packet);
}

static void objects_below_the_shortest_ackdata_have_none(void **state)
{
    (void)state;
    struct buf whole = {0};
    struct object object;
    struct bytes data;
    object_write_header(&whole, &(struct object_head){1, OBJECT_MSG, 1, 1});
    buf_append_zeros(&whole, ACK_RANDOM_BYTES - 1);
    assert_true(object_parse(&object, buf_view(&whole), NULL));
    assert_false(ack_data_of(&data, &object));
    buf_append_zeros(&whole, 1);
    assert_true(object_parse(&object, buf_view(&whole), NULL));
    assert_true(ack_data_of(&data, &object));
    assert_int_equal(data.len, ACK_MIN_DATA_BYTES);
    buf_clear(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ackdata_looks_like_that_of_the_reference),
        cmocka_unit_test(no_ackdata_is_made_twice),
        cmocka_unit_test(the_recipients_stream_is_in_it),
        cmocka_unit_test(acks_live_1_7_or_28_days),
        cmocka_unit_test(packets_of_the_reference_are_made_alike),
        cmocka_unit_test(packets_cut_longer_or_changed_are_refused),
        cmocka_unit_test(acks_of_another_network_stream_or_time_are_refused),
        cmocka_unit_test(objects_below_the_shortest_ackdata_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
