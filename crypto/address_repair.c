// SPDX-License-Identifier: MIT
/* The case search walks through all ways to write the folded text, as numbers: the text is a number
 * in base 58, so that a letter's other case is a difference that can be added or taken away. In the
 * order of a Gray code every candidate is one such step from the last: four additions, where a
 * decoding would take hundreds. Nearly all candidates that read as an address of a known version
 * and stream cost a checksum; others cost nothing. The checksums are done by the proof of work's
 * kernels, as many at once as these have lanes. */
#include "crypto/address_repair.h"

#include "base/mem.h"
#include "base/str.h"
#include "crypto/address_internal.h"
#include "crypto/base58.h"
#include "crypto/pow_kernel.h"

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    LIMBS = 4,
    NUMBER_BYTES = 8 * LIMBS,
    RADIX = 58,
    STREAM = 1,
    MIN_NUMBER_BYTES = 2 + 4 + ADDRESS_CHECKSUM_BYTES,
    MAX_NUMBER_BYTES = 2 + RIPE_BYTES + ADDRESS_CHECKSUM_BYTES,
    END_MARK = 0x80, /* of a text in a block of SHA-512 */
    MAX_DIGITS = 36, /* of MAX_NUMBER_BYTES */
    CANCEL_EVERY = 1 << 14
};

/* 256 bits, the lowest first. */
struct number {
    uint64_t limb[LIMBS];
};

static void number_add(struct number *number, const struct number *other)
{
    unsigned __int128 sum = 0;
    for (size_t i = 0; i < LIMBS; i++) {
        sum += (unsigned __int128)number->limb[i] + other->limb[i];
        number->limb[i] = (uint64_t)sum;
        sum >>= 64;
    }
}

static void number_multiply(struct number *number, uint64_t factor)
{
    unsigned __int128 product = 0;
    for (size_t i = 0; i < LIMBS; i++) {
        product += (unsigned __int128)number->limb[i] * factor;
        number->limb[i] = (uint64_t)product;
        product >>= 64;
    }
}

static struct number number_negated(const struct number *number)
{
    const struct number one = {{1}};
    struct number negated;
    for (size_t i = 0; i < LIMBS; i++) {
        negated.limb[i] = ~number->limb[i];
    }
    number_add(&negated, &one);
    return negated;
}

static void number_store(uint8_t out[NUMBER_BYTES], const struct number *number)
{
    for (size_t i = 0; i < LIMBS; i++) {
        store_be64(out + 8 * i, number->limb[LIMBS - 1 - i]);
    }
}

/* Bytes of the number without leading zeros. */
static size_t number_len(const struct number *number)
{
    size_t limb = LIMBS - 1;
    while (limb != 0 && number->limb[limb] == 0) {
        limb--;
    }
    uint64_t top = number->limb[limb];
    return 8 * limb + (top != 0 ? (size_t)(71 - __builtin_clzll(top)) / 8 : 0);
}

/* A number that reads as an address, in its last `len` bytes. */
struct candidate {
    uint8_t bytes[NUMBER_BYTES];
    size_t len;
};

struct address_case_search {
    size_t n_letters;
    /* What is added to take letter i from its lower to its upper case, and back; letter 0 is the
     * last of the text, so that what changes most often changes the least. */
    struct number to_upper[ADDRESS_CASE_MAX_LETTERS];
    struct number to_lower[ADDRESS_CASE_MAX_LETTERS];

    uint64_t next;         /* the candidate's place in the Gray code */
    struct number current; /* the candidate before it */
    unsigned n_found;
    struct address found;

    /* Candidates that wait for their checksum, one in each lane of the kernel. */
    const struct pow_kernel *kernel;
    size_t n_waiting;
    struct candidate waiting[POW_MAX_LANES];
    atomic_bool cancelled;
};

/* Add one digit to the number, and to the letters when its case is unknown. False for a character
 * that is none in either case. `place` is the digit's worth, 58 to the power of its distance from
 * the end. */
static bool take_digit(struct address_case_search *search, char c, const struct number *place)
{
    int lower = base58_digit(ascii_lower(c));
    int upper = base58_digit(ascii_upper(c));
    int known = lower >= 0 ? lower : upper;
    struct number worth = *place;
    if (known < 0) {
        return false;
    }
    number_multiply(&worth, (uint64_t)known);
    number_add(&search->current, &worth);
    if (lower >= 0 && upper >= 0 && lower != upper) {
        size_t i = search->n_letters++;
        if (i == ADDRESS_CASE_MAX_LETTERS) {
            return false;
        }
        /* Capitals come before small letters in the alphabet. */
        search->to_lower[i] = *place;
        number_multiply(&search->to_lower[i], (uint64_t)(lower - upper));
        search->to_upper[i] = number_negated(&search->to_lower[i]);
    }
    return true;
}

/* The base 58 part, whatever the case of "BM-". */
static struct bytes body_of(struct bytes text)
{
    struct bytes body = address_text_body(text);
    static const char mark[] = "bm-";
    if (bytes_equal_ci(bytes_slice(body, 0, sizeof mark - 1), bytes_of_str(mark))) {
        body = bytes_slice(body, sizeof mark - 1, body.len);
    }
    return body;
}

struct address_case_search *address_case_search_new(struct bytes text)
{
    struct bytes body = body_of(text);
    struct number place = {{1}};
    if (body.len == 0 || body.len > MAX_DIGITS) {
        return NULL;
    }
    struct address_case_search *search = xcalloc(1, sizeof *search);
    search->kernel = pow_kernel_best();
    atomic_init(&search->cancelled, false);
    for (size_t i = body.len; i-- > 0;) {
        if (!take_digit(search, (char)body.data[i], &place)) {
            address_case_search_free(&search);
            return NULL;
        }
        number_multiply(&place, RADIX);
    }
    return search;
}

void address_case_search_free(struct address_case_search **search)
{
    free(*search);
    *search = NULL;
}

/* Whether the number can be version, stream, ripe and checksum of an address that we look for. */
static bool is_plausible(const uint8_t *number, size_t len)
{
    if (len < MIN_NUMBER_BYTES || len > MAX_NUMBER_BYTES || number[1] != STREAM) {
        return false;
    }
    size_t ripe_len = len - 2 - ADDRESS_CHECKSUM_BYTES;
    switch (number[0]) {
    case 2:
    case 3:
        return ripe_len >= RIPE_BYTES - 2;
    case 4:
        return number[2] != 0;
    default:
        return false;
    }
}

/* What was found goes the way of every other text. */
static void keep_found(struct address_case_search *search, const uint8_t *number, size_t len)
{
    char text[BASE58_MAX_TEXT + 1];
    struct address address;
    base58_encode(text, (struct bytes){number, len});
    if (address_decode(&address, bytes_of_str(text)) == ADDRESS_OK) {
        search->found = address;
        search->n_found++;
    }
}

/* The checksums of those that wait, all at once. Lanes that are left over repeat the first. */
static void try_waiting(struct address_case_search *search)
{
    alignas(POW_WORDS_ALIGN) uint64_t words[POW_BLOCK_WORDS * POW_MAX_LANES];
    alignas(POW_WORDS_ALIGN) uint64_t digests[POW_MAX_LANES];
    size_t n_lanes = search->kernel->lanes;
    if (search->n_waiting == 0) {
        return;
    }
    memset(words, 0, sizeof words);
    for (size_t lane = 0; lane < n_lanes; lane++) {
        size_t from = lane < search->n_waiting ? lane : 0;
        const struct candidate *candidate = &search->waiting[from];
        size_t text_len = candidate->len - ADDRESS_CHECKSUM_BYTES;
        uint8_t text[NUMBER_BYTES] = {0};
        memcpy(text, candidate->bytes + NUMBER_BYTES - candidate->len, text_len);
        text[text_len] = END_MARK;
        for (size_t i = 0; i < LIMBS; i++) {
            words[i * n_lanes + lane] = load_be64(text + 8 * i);
        }
        words[(POW_BLOCK_WORDS - 1) * n_lanes + lane] = 8 * text_len;
    }
    search->kernel->double_digests(digests, words);
    for (size_t lane = 0; lane < search->n_waiting; lane++) {
        const struct candidate *candidate = &search->waiting[lane];
        const uint8_t *checksum = candidate->bytes + NUMBER_BYTES - ADDRESS_CHECKSUM_BYTES;
        if ((uint32_t)(digests[lane] >> 32) == load_be32(checksum)) {
            keep_found(search, candidate->bytes + NUMBER_BYTES - candidate->len, candidate->len);
        }
    }
    search->n_waiting = 0;
}

static void try_current(struct address_case_search *search)
{
    struct candidate *candidate = &search->waiting[search->n_waiting];
    candidate->len = number_len(&search->current);
    number_store(candidate->bytes, &search->current);
    if (!is_plausible(candidate->bytes + NUMBER_BYTES - candidate->len, candidate->len)) {
        return;
    }
    search->n_waiting++;
    if (search->n_waiting == search->kernel->lanes) {
        try_waiting(search);
    }
}

/* To the candidate at `place` from the one before: the Gray code changes the letter whose number is
 * that of the lowest bit set in `place`, and to which case tells the bit above it. */
static void step_to(struct address_case_search *search, uint64_t place)
{
    unsigned letter = (unsigned)__builtin_ctzll(place);
    bool back = (place >> letter & 2) != 0;
    number_add(&search->current, back ? &search->to_lower[letter] : &search->to_upper[letter]);
}

enum address_case_state address_case_search_step(struct address_case_search *search,
                                                 uint64_t max_trials)
{
    uint64_t end = (uint64_t)1 << search->n_letters;
    for (uint64_t i = 0; i < max_trials && search->next < end && search->n_found < 2; i++) {
        if (i % CANCEL_EVERY == 0 && atomic_load(&search->cancelled)) {
            return ADDRESS_CASE_CANCELLED;
        }
        if (search->next != 0) {
            step_to(search, search->next);
        }
        search->next++;
        try_current(search);
    }
    try_waiting(search);
    if (atomic_load(&search->cancelled)) {
        return ADDRESS_CASE_CANCELLED;
    }
    if (search->n_found > 1) {
        return ADDRESS_CASE_AMBIGUOUS;
    }
    if (search->next < end) {
        return ADDRESS_CASE_MORE;
    }
    return search->n_found == 1 ? ADDRESS_CASE_FOUND : ADDRESS_CASE_NONE;
}

void address_case_search_cancel(struct address_case_search *search)
{
    atomic_store(&search->cancelled, true);
}

void address_case_search_take(struct address_case_search *search, struct address *out)
{
    assert(search->n_found == 1);
    *out = search->found;
}

bool address_text_alike(struct bytes a, struct bytes b)
{
    return bytes_equal_ci(body_of(a), body_of(b));
}

/* Keep what `text` decodes to, unless it is there already. */
static size_t keep_valid(struct address *out, size_t n_found, size_t max, struct bytes text)
{
    struct address address;
    if (n_found == max || address_decode(&address, text) != ADDRESS_OK) {
        return n_found;
    }
    for (size_t i = 0; i < n_found; i++) {
        if (address_equal(&out[i], &address)) {
            return n_found;
        }
    }
    out[n_found] = address;
    return n_found + 1;
}

size_t address_suggest(struct address *out, size_t max, struct bytes text)
{
    assert(max <= ADDRESS_SUGGEST_MAX);
    struct bytes body = body_of(text);
    uint8_t copy[ADDRESS_TEXT_BYTES];
    struct bytes changed = {copy, body.len};
    size_t n_found = 0;
    if (body.len == 0 || body.len > sizeof copy) {
        return 0;
    }
    memcpy(copy, body.data, body.len);
    for (size_t i = 0; i < body.len && n_found < max; i++) {
        uint8_t original = copy[i];
        for (unsigned digit = 0; digit < RADIX; digit++) {
            copy[i] = (uint8_t)base58_char(digit);
            n_found = keep_valid(out, n_found, max, changed);
        }
        copy[i] = original;
        if (i + 1 < body.len && copy[i] != copy[i + 1]) {
            copy[i] = copy[i + 1];
            copy[i + 1] = original;
            n_found = keep_valid(out, n_found, max, changed);
            copy[i + 1] = copy[i];
            copy[i] = original;
        }
    }
    return n_found;
}
