// SPDX-License-Identifier: MIT
#include "tests/node/objects/known.h"

#include <stdlib.h>
#include <string.h>

static const uint64_t stream_one[] = {1};

const struct object_rules known_rules = {
    .streams = stream_one,
    .n_streams = 1,
    .least = {POW_DEFAULT_TRIALS_PER_BYTE, POW_DEFAULT_EXTRA_BYTES},
};

static struct private_key private_key_member(const json_t *entry, const char *key)
{
    struct private_key out;
    size_t len;
    uint8_t *scalar = vectors_hex(entry, key, &len);
    if (!private_key_parse(&out, (struct bytes){scalar, len})) {
        fail_msg("\"%s\" is no private key", key);
    }
    free(scalar);
    return out;
}

struct identity known_identity(const json_t *objects, const char *name)
{
    const json_t *entry = vectors_get(vectors_get(objects, "identities"), name);
    struct identity identity;
    struct private_key signing = private_key_member(entry, "privsigning");
    struct private_key encryption = private_key_member(entry, "privencryption");
    identity_keys_derive(&identity.keys, &signing, &encryption);
    assert_int_equal(address_decode(&identity.address, bytes_of_str(vectors_str(entry, "address"))),
                     ADDRESS_OK);
    assert_memory_equal(identity.address.ripe, identity.keys.ripe, RIPE_BYTES);
    return identity;
}

struct known_object known_object_parse(const json_t *entry, const char *key)
{
    struct known_object known;
    size_t len;
    struct fault fault = {0};
    known.bytes = vectors_hex(entry, key, &len);
    if (!object_parse(&known.object, (struct bytes){known.bytes, len}, &fault)) {
        fail_msg("%s", fault.text);
    }
    return known;
}

void known_object_clear(struct known_object *known)
{
    free(known->bytes);
    *known = (struct known_object){0};
}

const json_t *known_entry(const json_t *array, const char *name)
{
    size_t i;
    json_t *entry;
    json_array_foreach(array, i, entry)
    {
        if (strcmp(vectors_str(entry, "name"), name) == 0) {
            return entry;
        }
    }
    fail_msg("no known answer \"%s\"", name);
    return NULL;
}

void assert_hex_member(const json_t *entry, const char *key, struct bytes actual)
{
    size_t len;
    uint8_t *expected = vectors_hex(entry, key, &len);
    assert_bytes_equal(actual, ((struct bytes){expected, len}));
    free(expected);
}

size_t for_each_known(const json_t *array, const char *prefix,
                      void (*run)(const json_t *entry, void *context), void *context)
{
    size_t n_run = 0;
    size_t i;
    json_t *entry;
    json_array_foreach(array, i, entry)
    {
        if (strncmp(vectors_str(entry, "name"), prefix, strlen(prefix)) == 0) {
            run(entry, context);
            n_run++;
        }
    }
    return n_run;
}
