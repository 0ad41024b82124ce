// SPDX-License-Identifier: MIT
/* Objects in the stem phase are few (a handful in a quiet network, DANDELION_MAX_OBJECTS at the
 * worst), so expiry walks them, once a second, and stops as soon as none can be due. */
#include "node/p2p/dandelion.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "crypto/random.h"

enum { MS_PER_SEC = 1000 };

struct stem_object {
    uint8_t hash[WIRE_HASH_BYTES];
    uint32_t child;
    int64_t due_ms;
};

struct parent {
    uint32_t child;
};

struct dandelion {
    unsigned percent;
    int64_t epoch_ms; /* when the stems were chosen */
    uint32_t *outbound;
    size_t n_outbound;
    size_t outbound_capacity;
    uint32_t stems[DANDELION_MAX_STEMS];
    size_t n_stems;
    struct map parents;  /* id + 1 -> struct parent */
    struct map objects;  /* hash -> struct stem_object */
    int64_t next_due_ms; /* none is due before */
};

static struct bytes key_of(const uint8_t *hash)
{
    return (struct bytes){hash, WIRE_HASH_BYTES};
}

static void forget_parents(struct dandelion *dandelion)
{
    struct parent *parent;
    for (size_t cursor = 0; (parent = map_next(&dandelion->parents, &cursor, NULL)) != NULL;) {
        free(parent);
    }
    map_clear(&dandelion->parents);
}

static bool is_stem(const struct dandelion *dandelion, uint32_t id)
{
    for (size_t i = 0; i < dandelion->n_stems; i++) {
        if (dandelion->stems[i] == id) {
            return true;
        }
    }
    return false;
}

/* Fill vacant stems at random from the outbound connections that are none. */
static void fill_stems(struct dandelion *dandelion)
{
    random_shuffle(dandelion->outbound, dandelion->n_outbound, sizeof *dandelion->outbound);
    for (size_t i = 0; i < dandelion->n_outbound; i++) {
        if (dandelion->n_stems == DANDELION_MAX_STEMS) {
            return;
        }
        if (!is_stem(dandelion, dandelion->outbound[i])) {
            dandelion->stems[dandelion->n_stems++] = dandelion->outbound[i];
        }
    }
}

void dandelion_add_outbound(struct dandelion *dandelion, uint32_t id)
{
    if (dandelion->n_outbound == dandelion->outbound_capacity) {
        dandelion->outbound =
            array_grow(dandelion->outbound, dandelion->n_outbound, &dandelion->outbound_capacity,
                       sizeof *dandelion->outbound);
    }
    dandelion->outbound[dandelion->n_outbound++] = id;
    fill_stems(dandelion);
}

static void remove_id(uint32_t *ids, size_t *n_ids, uint32_t id)
{
    for (size_t i = 0; i < *n_ids; i++) {
        if (ids[i] == id) {
            ids[i] = ids[--*n_ids];
            return;
        }
    }
}

void dandelion_remove_peer(struct dandelion *dandelion, uint32_t id)
{
    remove_id(dandelion->outbound, &dandelion->n_outbound, id);
    free(map_remove_u64(&dandelion->parents, (uint64_t)id + 1));
    if (!is_stem(dandelion, id)) {
        return;
    }
    remove_id(dandelion->stems, &dandelion->n_stems, id);
    struct parent *parent;
    struct bytes key;
    for (size_t cursor = 0; (parent = map_next(&dandelion->parents, &cursor, &key)) != NULL;) {
        if (parent->child == id) {
            map_remove(&dandelion->parents, key);
            free(parent);
        }
    }
    struct stem_object *object;
    for (size_t cursor = 0; (object = map_next(&dandelion->objects, &cursor, NULL)) != NULL;) {
        if (object->child == id) {
            object->due_ms = INT64_MIN;
            dandelion->next_due_ms = INT64_MIN;
        }
    }
    fill_stems(dandelion);
}

/* The stem of a parent, never the parent itself. */
static bool child_of(struct dandelion *dandelion, uint32_t id, uint32_t *out_child)
{
    struct parent *parent = map_get_u64(&dandelion->parents, (uint64_t)id + 1);
    if (parent != NULL) {
        *out_child = parent->child;
        return true;
    }
    uint32_t choice[DANDELION_MAX_STEMS];
    size_t n_choice = 0;
    for (size_t i = 0; i < dandelion->n_stems; i++) {
        if (dandelion->stems[i] != id) {
            choice[n_choice++] = dandelion->stems[i];
        }
    }
    if (n_choice == 0) {
        return false;
    }
    parent = xcalloc(1, sizeof *parent);
    parent->child = choice[random_uniform(n_choice)];
    map_put_u64(&dandelion->parents, (uint64_t)id + 1, parent);
    *out_child = parent->child;
    return true;
}

static int64_t draw_due_ms(int64_t now_ms)
{
    double delay_sec = DANDELION_FIXED_DELAY_SEC + random_exponential(DANDELION_MEAN_DELAY_SEC);
    return now_ms + (int64_t)(delay_sec * MS_PER_SEC);
}

bool dandelion_add(struct dandelion *dandelion, const uint8_t hash[WIRE_HASH_BYTES],
                   uint32_t parent, uint32_t *out_child, int64_t now_ms)
{
    uint32_t child;
    if (dandelion->percent == 0 || dandelion->objects.n_items >= DANDELION_MAX_OBJECTS ||
        !child_of(dandelion, parent, &child)) {
        free(map_remove(&dandelion->objects, key_of(hash)));
        return false;
    }
    struct stem_object *object = xcalloc(1, sizeof *object);
    memcpy(object->hash, hash, WIRE_HASH_BYTES);
    object->child = child;
    object->due_ms = draw_due_ms(now_ms);
    if (object->due_ms < dandelion->next_due_ms) {
        dandelion->next_due_ms = object->due_ms;
    }
    free(map_put(&dandelion->objects, key_of(hash), object));
    *out_child = child;
    return true;
}

bool dandelion_draw_stem(const struct dandelion *dandelion)
{
    return random_uniform(100) < dandelion->percent;
}

bool dandelion_has(const struct dandelion *dandelion, const uint8_t hash[WIRE_HASH_BYTES],
                   uint32_t *out_child)
{
    if (dandelion->objects.n_items == 0) {
        return false;
    }
    const struct stem_object *object = map_get(&dandelion->objects, key_of(hash));
    if (object != NULL && out_child != NULL) {
        *out_child = object->child;
    }
    return object != NULL;
}

bool dandelion_fluff(struct dandelion *dandelion, const uint8_t hash[WIRE_HASH_BYTES])
{
    struct stem_object *object = map_remove(&dandelion->objects, key_of(hash));
    free(object);
    return object != NULL;
}

bool dandelion_next_fluff(struct dandelion *dandelion, uint8_t out_hash[WIRE_HASH_BYTES],
                          int64_t now_ms)
{
    if (now_ms < dandelion->next_due_ms) {
        return false;
    }
    int64_t next_due_ms = INT64_MAX;
    struct stem_object *object;
    for (size_t cursor = 0; (object = map_next(&dandelion->objects, &cursor, NULL)) != NULL;) {
        if (object->due_ms <= now_ms) {
            memcpy(out_hash, object->hash, WIRE_HASH_BYTES);
            return dandelion_fluff(dandelion, out_hash);
        }
        if (object->due_ms < next_due_ms) {
            next_due_ms = object->due_ms;
        }
    }
    dandelion->next_due_ms = next_due_ms;
    return false;
}

void dandelion_tick(struct dandelion *dandelion, int64_t now_ms)
{
    if (now_ms - dandelion->epoch_ms < (int64_t)DANDELION_EPOCH_SEC * MS_PER_SEC) {
        return;
    }
    dandelion->epoch_ms = now_ms;
    forget_parents(dandelion);
    dandelion->n_stems = 0;
    fill_stems(dandelion);
}

size_t dandelion_n_objects(const struct dandelion *dandelion)
{
    return dandelion->objects.n_items;
}

size_t dandelion_n_stems(const struct dandelion *dandelion)
{
    return dandelion->n_stems;
}

struct dandelion *dandelion_new(unsigned percent, int64_t now_ms)
{
    struct dandelion *dandelion = xcalloc(1, sizeof *dandelion);
    dandelion->percent = percent;
    dandelion->epoch_ms = now_ms;
    dandelion->next_due_ms = INT64_MAX;
    return dandelion;
}

void dandelion_free(struct dandelion **dandelion)
{
    if (*dandelion == NULL) {
        return;
    }
    forget_parents(*dandelion);
    struct stem_object *object;
    for (size_t cursor = 0; (object = map_next(&(*dandelion)->objects, &cursor, NULL)) != NULL;) {
        free(object);
    }
    map_clear(&(*dandelion)->objects);
    free((*dandelion)->outbound);
    free(*dandelion);
    *dandelion = NULL;
}
