// SPDX-License-Identifier: MIT
#include "crypto/base58.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

enum { RADIX = 58 };

static const char alphabet[RADIX + 1] =
    "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

int base58_digit(char c)
{
    const char *found = c != '\0' ? strchr(alphabet, c) : NULL;
    return found != NULL ? (int)(found - alphabet) : -1;
}

char base58_char(unsigned digit)
{
    assert(digit < RADIX);
    return alphabet[digit];
}

/* Divide the big-endian number in place; returns the rest. */
static unsigned divide(uint8_t *number, size_t len)
{
    unsigned rest = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned value = rest << 8 | number[i];
        number[i] = (uint8_t)(value / RADIX);
        rest = value % RADIX;
    }
    return rest;
}

void base58_encode(char out[BASE58_MAX_TEXT + 1], struct bytes in)
{
    assert(in.len <= BASE58_MAX_BYTES);
    uint8_t number[BASE58_MAX_BYTES];
    char reversed[BASE58_MAX_TEXT];
    size_t n_digits = 0;
    size_t first = 0;
    if (in.len != 0) {
        memcpy(number, in.data, in.len);
    }
    for (;;) {
        while (first < in.len && number[first] == 0) {
            first++;
        }
        if (first == in.len) {
            break;
        }
        reversed[n_digits++] = alphabet[divide(number + first, in.len - first)];
    }
    if (n_digits == 0) {
        reversed[n_digits++] = alphabet[0];
    }
    for (size_t i = 0; i < n_digits; i++) {
        out[i] = reversed[n_digits - 1 - i];
    }
    out[n_digits] = '\0';
    mem_wipe(number, sizeof number);
    mem_wipe(reversed, sizeof reversed);
}

bool base58_decode(uint8_t out[BASE58_MAX_BYTES], size_t *out_len, struct bytes text)
{
    uint8_t number[BASE58_MAX_BYTES] = {0}; /* big-endian, its last `len` bytes in use */
    size_t len = 0;
    bool valid = text.len != 0 && text.len <= BASE58_MAX_INPUT;
    for (size_t i = 0; valid && i < text.len; i++) {
        int digit = base58_digit((char)text.data[i]);
        unsigned carry = (unsigned)digit;
        for (size_t j = 0; digit >= 0 && j < len; j++) {
            uint8_t *byte = &number[BASE58_MAX_BYTES - 1 - j];
            carry += (unsigned)*byte * RADIX;
            *byte = (uint8_t)carry;
            carry >>= 8;
        }
        valid = digit >= 0 && (carry == 0 || len < BASE58_MAX_BYTES);
        if (valid && carry != 0) {
            number[BASE58_MAX_BYTES - 1 - len++] = (uint8_t)carry;
        }
    }
    if (valid) {
        memcpy(out, number + BASE58_MAX_BYTES - len, len);
        *out_len = len;
    }
    mem_wipe(number, sizeof number);
    return valid;
}
