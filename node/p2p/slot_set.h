// SPDX-License-Identifier: MIT
/* A set of inventory slots: one bit each. What one connection knows of 200,000 objects takes 25 KB.
 * {0} is a valid empty set. */
#ifndef BITTERN_NODE_P2P_SLOT_SET_H
#define BITTERN_NODE_P2P_SLOT_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/mem.h"

enum { SLOT_SET_WORD_BITS = 64, SLOT_SET_GROW_WORDS = 64 };

struct slot_set {
    uint64_t *words;
    size_t n_words;
};

static inline bool slot_set_has(const struct slot_set *set, uint32_t slot)
{
    size_t word = slot / SLOT_SET_WORD_BITS;
    return word < set->n_words && (set->words[word] >> (slot % SLOT_SET_WORD_BITS) & 1) != 0;
}

static inline void slot_set_add(struct slot_set *set, uint32_t slot)
{
    size_t word = slot / SLOT_SET_WORD_BITS;
    if (word >= set->n_words) {
        size_t n_words = word + word / 4 + SLOT_SET_GROW_WORDS;
        set->words = xreallocarray(set->words, n_words, sizeof *set->words);
        memset(set->words + set->n_words, 0, (n_words - set->n_words) * sizeof *set->words);
        set->n_words = n_words;
    }
    set->words[word] |= UINT64_C(1) << (slot % SLOT_SET_WORD_BITS);
}

static inline void slot_set_remove(struct slot_set *set, uint32_t slot)
{
    size_t word = slot / SLOT_SET_WORD_BITS;
    if (word < set->n_words) {
        set->words[word] &= ~(UINT64_C(1) << (slot % SLOT_SET_WORD_BITS));
    }
}

static inline void slot_set_clear(struct slot_set *set)
{
    free(set->words);
    *set = (struct slot_set){0};
}

#endif
