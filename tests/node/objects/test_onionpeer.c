// SPDX-License-Identifier: MIT
#include "tests/node/objects/known.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "crypto/hash.h"
#include "node/objects/onionpeer.h"

static void check_onionpeer(const json_t *entry, void *context)
{
    (void)context;
    struct known_object known = known_object_parse(entry, "hex");
    struct peer_addr addr;
    char host[PEER_ADDR_TEXT_BYTES];
    assert_true(onionpeer_parse(&addr, &known.object, NULL));
    peer_addr_host_text(host, &addr);
    assert_string_equal(host, vectors_str(entry, "host"));
    assert_int_equal(addr.port, vectors_u64(entry, "port"));

    struct buf again = {0};
    onionpeer_write(&again, known.object.expires_sec, &addr);
    object_set_nonce(&again, known.object.nonce);
    assert_bytes_equal(buf_view(&again), known.object.whole);
    buf_clear(&again);
    known_object_clear(&known);
}

static void onionpeers_of_the_reference_are_read_and_written_alike(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    assert_int_equal(
        for_each_known(vectors_get(root, "objects"), "onionpeer", check_onionpeer, NULL), 2);
    json_decref(root);
}

static void onionpeers_cut_anywhere_or_longer_are_refused(void **state)
{
    (void)state;
    json_t *root = vectors_load("objects.json");
    struct known_object known =
        known_object_parse(known_entry(vectors_get(root, "objects"), "onionpeer v3"), "hex");
    struct buf longer = {0};
    write_bytes(&longer, known.object.whole);
    write_u8(&longer, 0);
    for (size_t len = 22; len <= longer.len; len++) {
        uint8_t *copy = malloc(len);
        struct object object;
        struct peer_addr addr;
        assert_non_null(copy);
        memcpy(copy, longer.data, len);
        assert_true(object_parse(&object, (struct bytes){copy, len}, NULL));
        assert_int_equal(onionpeer_parse(&addr, &object, NULL), len == known.object.whole.len);
        free(copy);
    }
    buf_clear(&longer);
    known_object_clear(&known);
    json_decref(root);
}

struct made {
    const char *name;
    uint32_t type;
    uint64_t version;
    uint64_t port;
    const char *host;
    bool is_fine;
};

#define ONION_V2 "quzwelsuziwqgpt2.onion"
#define ONION_V3 "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"

static void onionpeers_name_an_onion_of_their_version_and_a_port(void **state)
{
    (void)state;
    static const struct made cases[] = {
        {"control", OBJECT_ONIONPEER, 3, 8444, ONION_V3, true},
        {"control of version 2", OBJECT_ONIONPEER, 2, 1, ONION_V2, true},
        {"the greatest port", OBJECT_ONIONPEER, 3, 65535, ONION_V3, true},
        {"port 0", OBJECT_ONIONPEER, 3, 0, ONION_V3, false},
        {"port 65536", OBJECT_ONIONPEER, 3, 65536, ONION_V3, false},
        {"port 2^32 + 8444", OBJECT_ONIONPEER, 3, (UINT64_C(1) << 32) + 8444, ONION_V3, false},
        {"version 2 with a name of 3", OBJECT_ONIONPEER, 2, 8444, ONION_V3, false},
        {"version 3 with a name of 2", OBJECT_ONIONPEER, 3, 8444, ONION_V2, false},
        {"version 4", OBJECT_ONIONPEER, 4, 8444, ONION_V3, false},
        {"version 1", OBJECT_ONIONPEER, 1, 8444, ONION_V2, false},
        {"an IPv4 address", OBJECT_ONIONPEER, 2, 8444, "5.45.99.75", false},
        {"an IPv6 address", OBJECT_ONIONPEER, 2, 8444, "2a02::1", false},
        {"another type", OBJECT_I2P, 3, 8444, ONION_V3, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct peer_addr addr;
        struct buf whole = {0};
        uint8_t ip[16];
        assert_true(peer_addr_of_host(&addr, bytes_of_str(cases[i].host), 1));
        object_write_header(&whole, &(struct object_head){KNOWN_NOW, cases[i].type,
                                                          cases[i].version, ONIONPEER_STREAM});
        write_var_int(&whole, cases[i].port);
        if (peer_addr_is_onion(&addr)) {
            peer_addr_write_onion(&whole, &addr);
        } else {
            assert_true(peer_addr_to_wire(ip, &addr));
            buf_append(&whole, ip, sizeof ip);
        }
        struct object object;
        assert_true(object_parse(&object, buf_view(&whole), NULL));
        if (onionpeer_parse(&addr, &object, NULL) != cases[i].is_fine) {
            fail_msg("%s", cases[i].name);
        }
        buf_clear(&whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(onionpeers_of_the_reference_are_read_and_written_alike),
        cmocka_unit_test(onionpeers_cut_anywhere_or_longer_are_refused),
        cmocka_unit_test(onionpeers_name_an_onion_of_their_version_and_a_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
