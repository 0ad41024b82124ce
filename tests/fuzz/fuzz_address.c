// SPDX-License-Identifier: MIT
/* Texts that should be addresses or keys. An address that decodes encodes to a text that decodes to
 * the same; and whatever base 58 reads it writes again, less what carries nothing. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "crypto/address.h"
#include "crypto/address_repair.h"
#include "crypto/base58.h"
#include "crypto/wif.h"

enum { CASE_TRIALS = 64 };

static void fuzz_base58(struct bytes text)
{
    uint8_t number[BASE58_MAX_BYTES];
    char again[BASE58_MAX_TEXT + 1];
    size_t len = 0;
    if (!base58_decode(number, &len, text)) {
        return;
    }
    FUZZ_CHECK(len <= sizeof number && (len == 0 || number[0] != 0));
    base58_encode(again, (struct bytes){number, len});
    size_t n_ones = 0;
    while (n_ones + 1 < text.len && text.data[n_ones] == '1') {
        n_ones++;
    }
    FUZZ_CHECK(bytes_equal(bytes_of_str(again), bytes_slice(text, n_ones, text.len)));
}

static void fuzz_decode(struct bytes text)
{
    struct address address;
    struct address again;
    char canonical[ADDRESS_TEXT_BYTES];
    uint8_t key[ADDRESS_KEY_BYTES];
    if (address_decode(&address, text) != ADDRESS_OK) {
        return;
    }
    address_encode(canonical, &address);
    FUZZ_CHECK(strlen(canonical) < sizeof canonical);
    FUZZ_CHECK(address_decode(&again, bytes_of_str(canonical)) == ADDRESS_OK);
    FUZZ_CHECK(address_equal(&address, &again));
    FUZZ_CHECK(address_text_alike(bytes_of_str(canonical), bytes_of_str(canonical)));
    address_key(key, &address);
    FUZZ_CHECK(address_from_key(&again, (struct bytes){key, sizeof key}));
    FUZZ_CHECK(address_equal(&address, &again));
}

static void fuzz_repair(struct bytes text)
{
    struct address address;
    struct address_case_search *search = address_case_search_new(text);
    if (search != NULL && address_case_search_step(search, CASE_TRIALS) == ADDRESS_CASE_FOUND) {
        char canonical[ADDRESS_TEXT_BYTES];
        address_case_search_take(search, &address);
        address_encode(canonical, &address);
        FUZZ_CHECK(address_text_alike(bytes_of_str(canonical), text));
    }
    address_case_search_free(&search);
}

static void fuzz_wif(struct bytes text)
{
    struct private_key key;
    char again[WIF_TEXT_BYTES];
    if (wif_decode(&key, text) == WIF_OK) {
        wif_encode(again, &key);
        FUZZ_CHECK(bytes_equal(bytes_slice(text, text.len - (sizeof again - 1), text.len),
                               bytes_of_str(again)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = {data, size};
    fuzz_base58(text);
    fuzz_decode(text);
    fuzz_repair(text);
    fuzz_wif(text);
    return 0;
}
