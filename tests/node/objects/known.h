// SPDX-License-Identifier: MIT
/* The people and objects of the known answers: objects.json and objects_negative.json. */
#ifndef BITTERN_TESTS_NODE_OBJECTS_KNOWN_H
#define BITTERN_TESTS_NODE_OBJECTS_KNOWN_H

#include "tests/support/vectors.h"

#include "crypto/address.h"
#include "crypto/key.h"
#include "node/objects/object.h"

/* The moment at which all of the known answers were made. */
#define KNOWN_NOW INT64_C(1767225600)

struct identity {
    struct address address;
    struct identity_keys keys;
};

/* An identity of objects.json, such as "alice4". */
struct identity known_identity(const json_t *objects, const char *name);

/* A known object in a heap block of exactly its size; free it with known_object_clear. */
struct known_object {
    struct object object;
    uint8_t *bytes;
};
struct known_object known_object_parse(const json_t *entry, const char *key);
void known_object_clear(struct known_object *known);

/* The entry of that name in an array, which must be there. */
const json_t *known_entry(const json_t *array, const char *name);

/* The member's hex equals the bytes. */
void assert_hex_member(const json_t *entry, const char *key, struct bytes actual);

/* The rules of the public network for stream 1. */
extern const struct object_rules known_rules;

/* Calls `run` for each entry whose name begins with `prefix`; returns how many there were. */
size_t for_each_known(const json_t *array, const char *prefix,
                      void (*run)(const json_t *entry, void *context), void *context);

#endif
