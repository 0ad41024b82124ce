// SPDX-License-Identifier: MIT
/* Addresses that suffered on their way: case that a mail program folded, a character mistyped.
 *
 * The checksum (32 bits) tells which of the possible originals was meant. This is repair, apart
 * from validation: what it finds goes through address_decode like any other text, and more than one
 * answer is no answer.
 *
 * A folded address of 34 characters has some 27 letters that could be of either case: 2^27
 * candidates, whose checksums take a quarter of a minute one by one, and a third of that in the
 * lanes of a wide kernel. So the search is an object that is worked on in steps, in a worker of the
 * pool. */
#ifndef BITTERN_CRYPTO_ADDRESS_REPAIR_H
#define BITTERN_CRYPTO_ADDRESS_REPAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "crypto/address.h"

enum { ADDRESS_CASE_MAX_LETTERS = 32, ADDRESS_SUGGEST_MAX = 8 };

struct address_case_search;

enum address_case_state {
    ADDRESS_CASE_MORE,      /* not through yet */
    ADDRESS_CASE_FOUND,     /* exactly one address folds to this text */
    ADDRESS_CASE_NONE,      /* none does */
    ADDRESS_CASE_AMBIGUOUS, /* more than one does: the user must say it in full */
    ADDRESS_CASE_CANCELLED
};

/* A search for the addresses of versions 2 to 4, stream 1, that read as `text` ("bm-2c...", with or
 * without the prefix) but for case. NULL when the text cannot be a folded address (a character
 * outside the alphabet in either case, a length that none has) or has more than
 * ADDRESS_CASE_MAX_LETTERS letters of unknown case. */
struct address_case_search *address_case_search_new(struct bytes text) MUST_USE;
void address_case_search_free(struct address_case_search **search);
/* Try up to `max_trials` candidates (some 3 million a second). */
enum address_case_state address_case_search_step(struct address_case_search *search,
                                                 uint64_t max_trials);
/* From any thread. */
void address_case_search_cancel(struct address_case_search *search);
/* After ADDRESS_CASE_FOUND. */
void address_case_search_take(struct address_case_search *search, struct address *out);

/* True when the two texts are alike but for ASCII case (and "BM-", and spaces around): how known
 * addresses are matched without a search. */
bool address_text_alike(struct bytes a, struct bytes b) MUST_USE;

/* "Did you mean": valid addresses that differ from `text` in one character or in two neighbours
 * swapped. Fills up to `max` (<= ADDRESS_SUGGEST_MAX) and returns how many; some 2,000 checksums, 2
 * ms. */
size_t address_suggest(struct address *out, size_t max, struct bytes text) MUST_USE;

#endif
