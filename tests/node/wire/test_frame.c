// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "node/wire/frame.h"
#include "node/wire/messages.h"

static struct bytes view(const uint8_t *data, size_t len)
{
    return (struct bytes){data, len};
}

/* From a block of exactly that size, so that the sanitizer sees a read past it. */
static enum parse_result parse_copy(struct bytes in, enum wire_command *out_command,
                                    struct fault *fault)
{
    struct frame frame;
    size_t used;
    uint8_t *copy = in.len != 0 ? xmemdup(in.data, in.len) : NULL;
    enum parse_result result = frame_parse(&frame, &used, FRAME_MAGIC, view(copy, in.len), fault);
    if (result == PARSE_DONE) {
        assert_int_equal(used, FRAME_HEADER_BYTES + frame.payload.len);
        *out_command = frame.command;
    }
    free(copy);
    return result;
}

static void packets_of_the_reference_parse_and_are_written_alike(void **state)
{
    (void)state;
    json_t *root = vectors_load("network_messages.json");
    size_t n_checked = 0;
    size_t i;
    json_t *entry;

    json_array_foreach(vectors_get(root, "messages"), i, entry)
    {
        if (json_object_get(entry, "hex") == NULL) {
            continue;
        }
        size_t len;
        size_t payload_len;
        uint8_t *packet = vectors_hex(entry, "hex", &len);
        uint8_t *payload = vectors_hex(entry, "payload", &payload_len);
        struct frame frame;
        size_t used;

        assert_int_equal(frame_parse(&frame, &used, FRAME_MAGIC, view(packet, len), NULL),
                         PARSE_DONE);
        assert_int_equal(used, len);
        assert_string_equal(frame.name, vectors_str(entry, "command"));
        assert_string_equal(wire_command_name(frame.command), frame.name);
        assert_int_not_equal(frame.command, WIRE_UNKNOWN);
        assert_bytes_equal(frame.payload, view(payload, payload_len));

        struct buf again = {0};
        frame_write(&again, FRAME_MAGIC, frame.command, frame.payload);
        assert_bytes_equal(buf_view(&again), view(packet, len));
        buf_clear(&again);
        free(payload);
        free(packet);
        n_checked++;
    }
    assert_int_equal(n_checked, 23);
    json_decref(root);
}

/* The entry of that name, which must be there. */
static const json_t *message_named(const json_t *root, const char *prefix)
{
    size_t i;
    json_t *entry;
    json_array_foreach(vectors_get(root, "messages"), i, entry)
    {
        if (strncmp(vectors_str(entry, "name"), prefix, strlen(prefix)) == 0) {
            return entry;
        }
    }
    fail_msg("no vector \"%s\"", prefix);
    return NULL;
}

static void an_inv_with_300_hashes_has_the_digest_of_the_reference(void **state)
{
    (void)state;
    json_t *root = vectors_load("network_messages.json");
    const json_t *entry = message_named(root, "inv with 300 hashes");
    struct buf hashes = {0};
    struct buf packet = {0};
    for (int i = 0; i < 300; i++) {
        char text[16];
        uint8_t digest[SHA512_BYTES];
        (void)snprintf(text, sizeof text, "big%d", i);
        hash_double_sha512(digest, bytes_of_str(text));
        buf_append(&hashes, digest, WIRE_HASH_BYTES);
    }

    size_t start = frame_begin(&packet, FRAME_MAGIC, WIRE_INV);
    hash_list_write(&packet, buf_view(&hashes));
    frame_end(&packet, start);

    uint8_t digest[SHA512_BYTES];
    char text[2 * SHA512_BYTES + 1];
    hash_sha512(digest, buf_view(&packet));
    hex_encode(text, view(digest, sizeof digest));
    assert_string_equal(text, vectors_str(entry, "sha512_of_packet"));
    assert_int_equal(packet.len, FRAME_HEADER_BYTES + vectors_u64(entry, "payload_length"));
    buf_clear(&packet);
    buf_clear(&hashes);
    json_decref(root);
}

static void frames_can_be_split_at_any_byte(void **state)
{
    (void)state;
    json_t *root = vectors_load("network_messages.json");
    size_t i;
    json_t *entry;

    json_array_foreach(vectors_get(root, "messages"), i, entry)
    {
        if (json_object_get(entry, "hex") == NULL) {
            continue;
        }
        size_t len;
        uint8_t *packet = vectors_hex(entry, "hex", &len);
        struct fault fault = {0};
        enum wire_command command;
        for (size_t cut = 0; cut < len; cut++) {
            assert_int_equal(parse_copy(view(packet, cut), &command, &fault), PARSE_MORE);
        }
        assert_int_equal(parse_copy(view(packet, len), &command, &fault), PARSE_DONE);
        assert_int_equal(fault.code, FAULT_NONE);
        free(packet);
    }
    json_decref(root);
}

static void frames_follow_each_other(void **state)
{
    (void)state;
    struct buf stream = {0};
    frame_write(&stream, FRAME_MAGIC, WIRE_PING, (struct bytes){0});
    frame_write(&stream, FRAME_MAGIC, WIRE_OBJECT, bytes_of_str("an object"));

    struct frame frame;
    size_t used;
    assert_int_equal(frame_parse(&frame, &used, FRAME_MAGIC, buf_view(&stream), NULL), PARSE_DONE);
    assert_int_equal(frame.command, WIRE_PING);
    struct bytes rest = bytes_slice(buf_view(&stream), used, SIZE_MAX);
    assert_int_equal(frame_parse(&frame, &used, FRAME_MAGIC, rest, NULL), PARSE_DONE);
    assert_int_equal(frame.command, WIRE_OBJECT);
    assert_bytes_equal(frame.payload, bytes_of_str("an object"));
    assert_int_equal(used, rest.len);
    buf_clear(&stream);
}

static void a_foreign_magic_is_refused_at_its_first_byte(void **state)
{
    (void)state;
    enum wire_command command;
    for (size_t i = 0; i < 4; i++) {
        struct fault fault = {0};
        uint8_t magic[4];
        store_be32(magic, FRAME_MAGIC);
        magic[i] ^= 1;
        assert_int_equal(parse_copy(view(magic, i), &command, &fault), PARSE_MORE);
        assert_int_equal(parse_copy(view(magic, i + 1), &command, &fault), PARSE_BAD);
        assert_int_equal(fault.code, FAULT_INVALID);
    }
}

static void a_private_network_has_its_own_magic(void **state)
{
    (void)state;
    struct buf packet = {0};
    struct frame frame;
    size_t used;
    frame_write(&packet, 0x01020304, WIRE_PING, (struct bytes){0});
    assert_int_equal(frame_parse(&frame, &used, 0x01020304, buf_view(&packet), NULL), PARSE_DONE);
    assert_int_equal(frame_parse(&frame, &used, FRAME_MAGIC, buf_view(&packet), NULL), PARSE_BAD);
    buf_clear(&packet);
}

/* A header with that command field and length; the checksum is that of nothing. */
static void write_header(struct buf *out, const char command[FRAME_COMMAND_BYTES], uint32_t len)
{
    struct buf whole = {0};
    frame_write(&whole, FRAME_MAGIC, WIRE_PING, (struct bytes){0});
    memcpy(whole.data + 4, command, FRAME_COMMAND_BYTES);
    store_be32(whole.data + 16, len);
    write_bytes(out, buf_view(&whole));
    buf_clear(&whole);
}

static void too_long_a_payload_is_refused_at_the_header(void **state)
{
    (void)state;
    static const struct {
        uint32_t len;
        enum parse_result expected;
    } cases[] = {
        {FRAME_MAX_PAYLOAD_BYTES - 1, PARSE_MORE},
        {FRAME_MAX_PAYLOAD_BYTES, PARSE_MORE},
        {FRAME_MAX_PAYLOAD_BYTES + 1, PARSE_BAD},
        {UINT32_MAX, PARSE_BAD},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf header = {0};
        struct fault fault = {0};
        enum wire_command command;
        write_header(&header, "inv\0\0\0\0\0\0\0\0\0", cases[i].len);
        assert_int_equal(parse_copy(buf_view(&header), &command, &fault), cases[i].expected);
        assert_int_equal(fault.code, cases[i].expected == PARSE_BAD ? FAULT_LIMIT : FAULT_NONE);
        /* Not a byte earlier: the length is not there. */
        header.len--;
        assert_int_equal(parse_copy(buf_view(&header), &command, &fault), PARSE_MORE);
        buf_clear(&header);
    }
}

static void a_header_is_read_before_its_payload_is_there(void **state)
{
    (void)state;
    struct buf packet = {0};
    struct frame_header header;
    frame_write(&packet, FRAME_MAGIC, WIRE_GETDATA, bytes_of_str("payload"));
    for (size_t len = 0; len <= packet.len; len++) {
        enum parse_result result =
            frame_parse_header(&header, FRAME_MAGIC, view(packet.data, len), NULL);
        assert_int_equal(result, len < FRAME_HEADER_BYTES ? PARSE_MORE : PARSE_DONE);
    }
    assert_int_equal(header.command, WIRE_GETDATA);
    assert_string_equal(header.name, "getdata");
    assert_int_equal(header.payload_len, strlen("payload"));
    assert_memory_equal(header.checksum, packet.data + 20, sizeof header.checksum);
    buf_clear(&packet);
}

static void the_longest_payload_passes(void **state)
{
    (void)state;
    uint8_t *payload = xcalloc(FRAME_MAX_PAYLOAD_BYTES + 1, 1);
    struct buf packet = {0};
    struct frame frame;
    size_t used;
    frame_write(&packet, FRAME_MAGIC, WIRE_INV, view(payload, FRAME_MAX_PAYLOAD_BYTES));
    assert_int_equal(packet.len, FRAME_MAX_BYTES);
    assert_int_equal(frame_parse(&frame, &used, FRAME_MAGIC, buf_view(&packet), NULL), PARSE_DONE);
    assert_int_equal(frame.payload.len, FRAME_MAX_PAYLOAD_BYTES);
    buf_reset(&packet);

    frame_write(&packet, FRAME_MAGIC, WIRE_INV, view(payload, FRAME_MAX_PAYLOAD_BYTES + 1));
    assert_false(buf_ok(&packet));
    buf_clear(&packet);
    free(payload);
}

static void a_wrong_checksum_is_refused(void **state)
{
    (void)state;
    struct buf packet = {0};
    frame_write(&packet, FRAME_MAGIC, WIRE_OBJECT, bytes_of_str("payload"));
    for (size_t i = 20; i < packet.len; i++) {
        struct fault fault = {0};
        enum wire_command command;
        packet.data[i] ^= 0x80;
        assert_int_equal(parse_copy(buf_view(&packet), &command, &fault), PARSE_BAD);
        assert_int_equal(fault.code, FAULT_INVALID);
        packet.data[i] ^= 0x80;
    }
    buf_clear(&packet);
}

static void commands_are_padded_printable_ascii(void **state)
{
    (void)state;
    static const struct {
        const char *field;
        enum parse_result expected;
        enum wire_command command;
    } cases[] = {
        {"ping\0\0\0\0\0\0\0\0", PARSE_DONE, WIRE_PING},
        {"portcheck\0\0\0", PARSE_DONE, WIRE_PORTCHECK},
        {"twelve_chars", PARSE_DONE, WIRE_UNKNOWN},
        {"Ping\0\0\0\0\0\0\0\0", PARSE_DONE, WIRE_UNKNOWN},
        {"unknown\0\0\0\0\0", PARSE_DONE, WIRE_UNKNOWN},
        {"pin\0\0\0\0\0\0\0\0\0", PARSE_DONE, WIRE_UNKNOWN},
        {"ping\0\0\0\0\0\0\0x", PARSE_BAD, WIRE_UNKNOWN},
        {"ping\0 \0\0\0\0\0\0", PARSE_BAD, WIRE_UNKNOWN},
        {"\0\0\0\0\0\0\0\0\0\0\0\0", PARSE_BAD, WIRE_UNKNOWN},
        {"pi ng\0\0\0\0\0\0\0", PARSE_BAD, WIRE_UNKNOWN},
        {"pi\x7fg\0\0\0\0\0\0\0\0", PARSE_BAD, WIRE_UNKNOWN},
        {"pi\xc3\xa9\0\0\0\0\0\0\0\0", PARSE_BAD, WIRE_UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf header = {0};
        enum wire_command command = WIRE_VERSION;
        write_header(&header, cases[i].field, 0);
        if (parse_copy(buf_view(&header), &command, NULL) != cases[i].expected ||
            (cases[i].expected == PARSE_DONE && command != cases[i].command)) {
            fail_msg("command field %zu, \"%s\"", i, cases[i].field);
        }
        buf_clear(&header);
    }
}

static void every_command_survives_the_way_there_and_back(void **state)
{
    (void)state;
    for (int i = WIRE_VERSION; i <= WIRE_PORTCHECK; i++) {
        struct buf packet = {0};
        enum wire_command command = WIRE_UNKNOWN;
        frame_write(&packet, FRAME_MAGIC, (enum wire_command)i, (struct bytes){0});
        assert_int_equal(parse_copy(buf_view(&packet), &command, NULL), PARSE_DONE);
        assert_int_equal(command, i);
        buf_clear(&packet);
    }
}

static void a_frame_that_does_not_fit_its_buffer_marks_it_failed(void **state)
{
    (void)state;
    for (size_t cap = 1; cap <= FRAME_HEADER_BYTES + 8; cap++) {
        struct buf packet;
        buf_init(&packet, cap);
        frame_write(&packet, FRAME_MAGIC, WIRE_OBJECT, bytes_of_str("12345678"));
        assert_int_equal(buf_ok(&packet), cap == FRAME_HEADER_BYTES + 8);
        buf_clear(&packet);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_of_the_reference_parse_and_are_written_alike),
        cmocka_unit_test(an_inv_with_300_hashes_has_the_digest_of_the_reference),
        cmocka_unit_test(frames_can_be_split_at_any_byte),
        cmocka_unit_test(frames_follow_each_other),
        cmocka_unit_test(a_foreign_magic_is_refused_at_its_first_byte),
        cmocka_unit_test(a_private_network_has_its_own_magic),
        cmocka_unit_test(too_long_a_payload_is_refused_at_the_header),
        cmocka_unit_test(a_header_is_read_before_its_payload_is_there),
        cmocka_unit_test(the_longest_payload_passes),
        cmocka_unit_test(a_wrong_checksum_is_refused),
        cmocka_unit_test(commands_are_padded_printable_ascii),
        cmocka_unit_test(every_command_survives_the_way_there_and_back),
        cmocka_unit_test(a_frame_that_does_not_fit_its_buffer_marks_it_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
