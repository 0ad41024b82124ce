// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "base/str.h"
#include "node/wire/messages.h"

static struct bytes view(const uint8_t *data, size_t len)
{
    return (struct bytes){data, len};
}

/* ---- known answers */

static void assert_field_bytes(const json_t *fields, const char *key, const uint8_t *actual,
                               size_t actual_len)
{
    size_t len;
    uint8_t *expected = vectors_hex(fields, key, &len);
    assert_bytes_equal(view(actual, actual_len), view(expected, len));
    free(expected);
}

static void check_version(const json_t *entry, struct bytes payload)
{
    const json_t *fields = vectors_get(entry, "fields");
    struct version_message message;
    assert_true(version_decode(&message, payload, NULL));

    assert_int_equal(message.protocol_version, vectors_u64(fields, "protocol_version"));
    assert_int_equal(message.services, vectors_u64(fields, "services"));
    assert_int_equal(message.time_sec, vectors_u64(fields, "timestamp"));
    assert_int_equal(message.recv_services, vectors_u64(fields, "recv_services"));
    assert_field_bytes(fields, "recv_ip", message.recv_ip, WIRE_IP_BYTES);
    assert_int_equal(message.recv_port, vectors_u64(fields, "recv_port"));
    assert_int_equal(message.from_services, vectors_u64(fields, "from_services"));
    assert_field_bytes(fields, "from_ip", message.from_ip, WIRE_IP_BYTES);
    assert_int_equal(message.from_port, vectors_u64(fields, "from_port"));
    uint8_t nonce[8];
    store_be64(nonce, message.nonce);
    assert_field_bytes(fields, "nonce", nonce, sizeof nonce);
    assert_bytes_equal(message.user_agent, bytes_of_str(vectors_str(fields, "user_agent")));

    const json_t *streams = vectors_get(fields, "streams");
    assert_int_equal(message.streams.n_streams, json_array_size(streams));
    for (size_t i = 0; i < json_array_size(streams); i++) {
        uint64_t stream = (uint64_t)json_integer_value(json_array_get(streams, i));
        assert_true(stream_list_has(&message.streams, stream));
        assert_false(stream_list_has(&message.streams, stream + 1000));
    }

    struct buf again = {0};
    version_write(&again, &message);
    assert_bytes_equal(buf_view(&again), payload);
    buf_clear(&again);
}

static void check_addr(const json_t *entry, struct bytes payload)
{
    const json_t *fields = vectors_get(entry, "fields");
    struct addr_message message;
    assert_true(addr_decode(&message, payload, NULL));

    struct addr_entry entries[8];
    assert_int_equal(message.n_entries, json_array_size(fields));
    assert_in_range(message.n_entries, 1, ARRAY_LEN(entries));
    for (size_t i = 0; i < message.n_entries; i++) {
        const json_t *expected = json_array_get(fields, i);
        entries[i] = addr_entry_at(&message, i);
        assert_int_equal(entries[i].time_sec, vectors_u64(expected, "time"));
        assert_int_equal(entries[i].stream, vectors_u64(expected, "stream"));
        assert_int_equal(entries[i].services, vectors_u64(expected, "services"));
        assert_field_bytes(expected, "ip", entries[i].ip, WIRE_IP_BYTES);
        assert_int_equal(entries[i].port, vectors_u64(expected, "port"));
    }

    struct buf again = {0};
    addr_write(&again, entries, message.n_entries);
    assert_bytes_equal(buf_view(&again), payload);
    buf_clear(&again);
}

static void check_hashes(const json_t *entry, struct bytes payload)
{
    const json_t *hashes = vectors_get(entry, "hashes");
    struct hash_list list;
    assert_true(hash_list_decode(&list, payload, NULL));

    assert_int_equal(list.n_hashes, json_array_size(hashes));
    for (size_t i = 0; i < list.n_hashes; i++) {
        char text[2 * WIRE_HASH_BYTES + 1];
        hex_encode(text, view(hash_list_at(&list, i), WIRE_HASH_BYTES));
        assert_string_equal(text, json_string_value(json_array_get(hashes, i)));
    }

    struct buf again = {0};
    hash_list_write(&again, list.hashes);
    assert_bytes_equal(buf_view(&again), payload);
    buf_clear(&again);
}

static void check_error(const json_t *entry, struct bytes payload)
{
    const json_t *fields = vectors_get(entry, "fields");
    struct error_message message;
    assert_true(error_decode(&message, payload, NULL));

    assert_int_equal(message.fatal, vectors_u64(fields, "fatal"));
    assert_int_equal(message.ban_time_sec, vectors_u64(fields, "ban_time"));
    assert_field_bytes(fields, "inventory_vector", message.inventory_vector.data,
                       message.inventory_vector.len);
    assert_bytes_equal(message.text, bytes_of_str(vectors_str(fields, "text")));

    struct buf again = {0};
    error_write(&again, &message);
    assert_bytes_equal(buf_view(&again), payload);
    buf_clear(&again);
}

static bool decodes_version(struct bytes payload, struct fault *fault)
{
    struct version_message message;
    return version_decode(&message, payload, fault);
}

static bool decodes_addr(struct bytes payload, struct fault *fault)
{
    struct addr_message message;
    return addr_decode(&message, payload, fault);
}

static bool decodes_hashes(struct bytes payload, struct fault *fault)
{
    struct hash_list list;
    return hash_list_decode(&list, payload, fault);
}

static bool decodes_error(struct bytes payload, struct fault *fault)
{
    struct error_message message;
    return error_decode(&message, payload, fault);
}

static const struct kind {
    const char *command;
    void (*check)(const json_t *entry, struct bytes payload);
    bool (*decodes)(struct bytes payload, struct fault *fault);
} kinds[] = {
    {"version", check_version, decodes_version}, {"addr", check_addr, decodes_addr},
    {"inv", check_hashes, decodes_hashes},       {"dinv", check_hashes, decodes_hashes},
    {"getdata", check_hashes, decodes_hashes},   {"error", check_error, decodes_error},
};

static const struct kind *kind_of(const json_t *entry)
{
    if (json_object_get(entry, "payload") == NULL) {
        return NULL; /* given as a digest: see the tests of frames */
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].command, vectors_str(entry, "command")) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

static void payloads_of_the_reference_decode_and_encode_alike(void **state)
{
    (void)state;
    json_t *root = vectors_load("network_messages.json");
    size_t n_checked = 0;
    size_t i;
    json_t *entry;

    json_array_foreach(vectors_get(root, "messages"), i, entry)
    {
        const struct kind *kind = kind_of(entry);
        if (kind != NULL) {
            size_t len;
            uint8_t *payload = vectors_hex(entry, "payload", &len);
            kind->check(entry, view(payload, len));
            free(payload);
            n_checked++;
        }
    }
    assert_int_equal(n_checked, 18);
    json_decref(root);
}

/* From a block of exactly that size, so that the sanitizer sees a read past it. */
static bool decodes(const struct kind *kind, struct bytes payload)
{
    struct fault fault = {0};
    uint8_t *copy = payload.len != 0 ? xmemdup(payload.data, payload.len) : NULL;
    bool ok = kind->decodes(view(copy, payload.len), &fault);
    assert_int_equal(ok, fault.code == FAULT_NONE);
    free(copy);
    return ok;
}

/* The reference takes most of these; we take those alone whose every byte is accounted for. */
static void odd_payloads_pass_only_when_they_are_exact(void **state)
{
    (void)state;
    static const char *const exact[] = {
        "inv, count 0",  "inv, same hash twice",          "addr, count 0",
        "error, normal", "version, no streams (count 0)", "version, empty user agent",
    };
    json_t *root = vectors_load("network_messages.json");
    size_t n_exact = 0;
    size_t i;
    json_t *entry;

    json_array_foreach(vectors_get(root, "odd_payloads"), i, entry)
    {
        const char *name = vectors_str(entry, "name");
        bool is_exact = false;
        for (size_t j = 0; j < ARRAY_LEN(exact); j++) {
            is_exact = is_exact || strcmp(name, exact[j]) == 0;
        }
        n_exact += is_exact;
        size_t len;
        uint8_t *payload = vectors_hex(entry, "payload", &len);
        if (decodes(kind_of(entry), view(payload, len)) != is_exact) {
            fail_msg("%s: %s", name, is_exact ? "refused" : "accepted");
        }
        free(payload);
    }
    assert_int_equal(n_exact, ARRAY_LEN(exact));
    json_decref(root);
}

/* ---- lengths */

static void payloads_cut_anywhere_or_with_a_byte_more_are_refused(void **state)
{
    (void)state;
    json_t *root = vectors_load("network_messages.json");
    size_t i;
    json_t *entry;

    json_array_foreach(vectors_get(root, "messages"), i, entry)
    {
        const struct kind *kind = kind_of(entry);
        if (kind == NULL) {
            continue;
        }
        size_t len;
        uint8_t *payload = vectors_hex(entry, "payload", &len);
        for (size_t cut = 0; cut < len; cut++) {
            if (decodes(kind, view(payload, cut))) {
                fail_msg("%s: accepted when cut to %zu bytes", vectors_str(entry, "name"), cut);
            }
        }
        struct buf longer = {0};
        write_bytes(&longer, view(payload, len));
        write_u8(&longer, 0);
        assert_false(decodes(kind, buf_view(&longer)));
        buf_clear(&longer);
        free(payload);
    }
    json_decref(root);
}

/* ---- bounds, on both sides */

static void a_version_names_up_to_160000_streams(void **state)
{
    (void)state;
    for (size_t n = VERSION_MAX_STREAMS - 1; n <= VERSION_MAX_STREAMS + 1; n++) {
        struct buf streams = {0};
        struct buf out = {0};
        for (size_t i = 1; i <= n; i++) {
            stream_list_write(&streams, &(uint64_t){i}, 1);
        }
        struct version_message message = {.streams = {n, buf_view(&streams)}};
        version_write(&out, &message);
        assert_int_equal(buf_ok(&out), n <= VERSION_MAX_STREAMS);

        /* What we don't write is not taken either. */
        buf_reset(&out);
        message.streams = (struct stream_list){0};
        version_write(&out, &message);
        buf_truncate(&out, out.len - 1);
        write_var_int(&out, n);
        write_bytes(&out, buf_view(&streams));
        struct version_message decoded;
        bool ok = version_decode(&decoded, buf_view(&out), NULL);
        assert_int_equal(ok, n <= VERSION_MAX_STREAMS);
        if (ok) {
            assert_int_equal(decoded.streams.n_streams, n);
            assert_true(stream_list_has(&decoded.streams, n));
            assert_false(stream_list_has(&decoded.streams, n + 1));
        }
        buf_clear(&out);
        buf_clear(&streams);
    }
}

static void a_user_agent_has_up_to_5000_bytes(void **state)
{
    (void)state;
    enum { BEFORE_USER_AGENT_BYTES = 80, MOST = VERSION_MAX_USER_AGENT_BYTES };
    uint8_t *text = xcalloc(MOST + 1, 1);
    for (size_t len = MOST - 1; len <= MOST + 1; len++) {
        struct buf payload = {0};
        buf_append_zeros(&payload, BEFORE_USER_AGENT_BYTES);
        write_var_bytes(&payload, view(text, len));
        write_var_int(&payload, 0);
        assert_int_equal(decodes(&kinds[0], buf_view(&payload)), len <= MOST);

        struct buf out = {0};
        version_write(&out, &(struct version_message){.user_agent = view(text, len)});
        assert_int_equal(buf_ok(&out), len <= MOST);
        if (len <= MOST) {
            assert_bytes_equal(buf_view(&out), buf_view(&payload));
        }
        buf_clear(&out);
        buf_clear(&payload);
    }
    free(text);
}

static void lists_are_taken_and_written_up_to_their_limit(void **state)
{
    (void)state;
    static const struct {
        size_t kind;
        size_t most;
        size_t item_bytes;
    } lists[] = {{1, ADDR_MAX_ENTRIES, ADDR_ENTRY_BYTES}, {2, INV_MAX_HASHES, WIRE_HASH_BYTES}};
    struct addr_entry *entries = xcalloc(ADDR_MAX_ENTRIES + 1, sizeof *entries);

    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (size_t n = lists[i].most - 1; n <= lists[i].most + 1; n++) {
            struct buf items = {0};
            struct buf payload = {0};
            struct buf out = {0};
            buf_append_zeros(&items, n * lists[i].item_bytes);
            write_var_int(&payload, n);
            write_bytes(&payload, buf_view(&items));

            assert_int_equal(decodes(&kinds[lists[i].kind], buf_view(&payload)),
                             n <= lists[i].most);
            if (lists[i].most == ADDR_MAX_ENTRIES) {
                addr_write(&out, entries, n);
            } else {
                hash_list_write(&out, buf_view(&items));
            }
            assert_int_equal(buf_ok(&out), n <= lists[i].most);
            if (buf_ok(&out)) {
                assert_bytes_equal(buf_view(&out), buf_view(&payload));
            }
            buf_clear(&out);
            buf_clear(&payload);
            buf_clear(&items);
        }
    }
    free(entries);
}

static void too_many_hashes_are_called_a_limit(void **state)
{
    (void)state;
    struct buf payload = {0};
    struct hash_list list;
    struct fault fault = {0};
    write_var_int(&payload, INV_MAX_HASHES + 1);
    buf_append_zeros(&payload, (INV_MAX_HASHES + 1) * WIRE_HASH_BYTES);

    assert_false(hash_list_decode(&list, buf_view(&payload), &fault));
    assert_int_equal(fault.code, FAULT_LIMIT);
    buf_clear(&payload);
}

static void counts_that_overflow_are_refused(void **state)
{
    (void)state;
    /* Times 32, the second is 2^64 and the third 32: what a careless product would let pass. */
    static const uint64_t counts[] = {UINT64_MAX, UINT64_C(1) << 59, (UINT64_C(1) << 59) + 1};
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        struct buf payload = {0};
        write_var_int(&payload, counts[i]);
        assert_false(decodes(&kinds[2], buf_view(&payload)));
        buf_append_zeros(&payload, WIRE_HASH_BYTES);
        assert_false(decodes(&kinds[2], buf_view(&payload)));
        buf_clear(&payload);
    }
}

static void half_a_hash_is_not_written(void **state)
{
    (void)state;
    uint8_t hashes[WIRE_HASH_BYTES + 1] = {0};
    struct buf out = {0};
    hash_list_write(&out, view(hashes, sizeof hashes));
    assert_false(buf_ok(&out));
    buf_clear(&out);
}

static void an_error_has_up_to_5000_bytes_of_text(void **state)
{
    (void)state;
    uint8_t *text = xcalloc(ERROR_MAX_TEXT_BYTES + 1, 1);
    for (size_t len = ERROR_MAX_TEXT_BYTES - 1; len <= ERROR_MAX_TEXT_BYTES + 1; len++) {
        struct buf payload = {0};
        struct buf out = {0};
        buf_append_zeros(&payload, 3);
        write_var_bytes(&payload, view(text, len));
        assert_int_equal(decodes(&kinds[5], buf_view(&payload)), len <= ERROR_MAX_TEXT_BYTES);
        error_write(&out, &(struct error_message){.text = view(text, len)});
        assert_int_equal(buf_ok(&out), len <= ERROR_MAX_TEXT_BYTES);
        buf_clear(&out);
        buf_clear(&payload);
    }
    free(text);
}

static void an_error_names_no_object_or_a_whole_hash(void **state)
{
    (void)state;
    uint8_t hash[WIRE_HASH_BYTES + 1] = {0};
    for (size_t len = 0; len <= sizeof hash; len++) {
        bool expected = len == 0 || len == WIRE_HASH_BYTES;
        struct buf payload = {0};
        struct buf out = {0};
        write_var_int(&payload, ERROR_WARNING);
        write_var_int(&payload, 0);
        write_var_bytes(&payload, view(hash, len));
        write_var_int(&payload, 0);
        assert_int_equal(decodes(&kinds[5], buf_view(&payload)), expected);
        error_write(&out, &(struct error_message){.inventory_vector = view(hash, len)});
        assert_int_equal(buf_ok(&out), expected);
        buf_clear(&out);
        buf_clear(&payload);
    }
}

/* ---- user agents */

static void user_agents_are_judged_as_the_reference_does(void **state)
{
    (void)state;
    json_t *root = vectors_load("network_messages.json");
    size_t i;
    json_t *entry;

    json_array_foreach(vectors_get(root, "user_agent_rule"), i, entry)
    {
        const char *text = vectors_str(entry, "user_agent");
        bool is_kept = json_is_true(vectors_get(entry, "kept"));
        if (user_agent_is_well_formed(bytes_of_str(text)) != is_kept) {
            fail_msg("\"%s\" should be %s", text, is_kept ? "kept" : "dropped");
        }
    }
    json_decref(root);
}

static void user_agents_are_shown_in_printable_ascii(void **state)
{
    (void)state;
    char text[12];
    user_agent_to_text(text, sizeof text, bytes_of_str("/a\x1b[1m\xc3\xa9\r\n:1"));
    assert_string_equal(text, "/a?[1m????:");
    user_agent_to_text(text, 4, bytes_of_str("abcd"));
    assert_string_equal(text, "abc");
    user_agent_to_text(text, 1, bytes_of_str("abcd"));
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payloads_of_the_reference_decode_and_encode_alike),
        cmocka_unit_test(odd_payloads_pass_only_when_they_are_exact),
        cmocka_unit_test(payloads_cut_anywhere_or_with_a_byte_more_are_refused),
        cmocka_unit_test(a_version_names_up_to_160000_streams),
        cmocka_unit_test(a_user_agent_has_up_to_5000_bytes),
        cmocka_unit_test(lists_are_taken_and_written_up_to_their_limit),
        cmocka_unit_test(too_many_hashes_are_called_a_limit),
        cmocka_unit_test(counts_that_overflow_are_refused),
        cmocka_unit_test(half_a_hash_is_not_written),
        cmocka_unit_test(an_error_has_up_to_5000_bytes_of_text),
        cmocka_unit_test(an_error_names_no_object_or_a_whole_hash),
        cmocka_unit_test(user_agents_are_judged_as_the_reference_does),
        cmocka_unit_test(user_agents_are_shown_in_printable_ascii),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
