// SPDX-License-Identifier: MIT
#include "crypto/wif.h"

#include "base/mem.h"
#include "crypto/base58.h"
#include "crypto/hash.h"

#include <assert.h>
#include <string.h>

enum { PREFIX = 0x80, CHECKSUM_BYTES = 4, PAYLOAD_BYTES = 1 + PRIVATE_KEY_BYTES };

static void checksum_of(uint8_t out[CHECKSUM_BYTES], const uint8_t *payload, size_t len)
{
    uint8_t digest[SHA256_BYTES];
    hash_double_sha256(digest, (struct bytes){payload, len});
    memcpy(out, digest, CHECKSUM_BYTES);
}

void wif_encode(char out[WIF_TEXT_BYTES], const struct private_key *key)
{
    uint8_t number[PAYLOAD_BYTES + CHECKSUM_BYTES];
    char text[BASE58_MAX_TEXT + 1];

    number[0] = PREFIX;
    memcpy(number + 1, key->scalar, PRIVATE_KEY_BYTES);
    checksum_of(number + PAYLOAD_BYTES, number, PAYLOAD_BYTES);
    base58_encode(text, (struct bytes){number, sizeof number});
    assert(strlen(text) == WIF_TEXT_BYTES - 1);
    memcpy(out, text, WIF_TEXT_BYTES);

    mem_wipe(number, sizeof number);
    mem_wipe(text, sizeof text);
}

static enum wif_status check_number(struct private_key *out, const uint8_t *number, size_t len)
{
    uint8_t checksum[CHECKSUM_BYTES];

    if (len < 1 + CHECKSUM_BYTES) {
        return WIF_BAD_CHECKSUM;
    }
    size_t payload_len = len - CHECKSUM_BYTES;
    checksum_of(checksum, number, payload_len);
    if (memcmp(checksum, number + payload_len, CHECKSUM_BYTES) != 0) {
        return WIF_BAD_CHECKSUM;
    }
    if (number[0] != PREFIX) {
        return WIF_BAD_PREFIX;
    }
    if (payload_len != PAYLOAD_BYTES) {
        return WIF_BAD_LENGTH;
    }
    bool valid = private_key_parse(out, (struct bytes){number + 1, PRIVATE_KEY_BYTES});
    return valid ? WIF_OK : WIF_BAD_KEY;
}

enum wif_status wif_decode(struct private_key *out, struct bytes text)
{
    uint8_t number[BASE58_MAX_BYTES];
    size_t len = 0;

    /* PyBitmessage's word for no text at all is "Checksum failed", too. */
    if (text.len == 0) {
        return WIF_BAD_CHECKSUM;
    }
    if (!base58_decode(number, &len, text)) {
        return WIF_BAD_CHARACTERS;
    }
    enum wif_status status = check_number(out, number, len);
    mem_wipe(number, sizeof number);
    return status;
}

const char *wif_status_text(enum wif_status status)
{
    static const char *const texts[] = {
        [WIF_OK] = "a private key",
        [WIF_BAD_CHARACTERS] = "not the text of a key: a character outside base 58, or too long",
        [WIF_BAD_CHECKSUM] = "the checksum is wrong: a mistyped or cut text",
        [WIF_BAD_PREFIX] = "a key of another network",
        [WIF_BAD_LENGTH] = "not a key of 32 bytes",
        [WIF_BAD_KEY] = "its number is not a valid key",
    };
    return texts[status];
}
