// SPDX-License-Identifier: MIT
#include "crypto/address.h"

#include "base/buf.h"
#include "base/mem.h"
#include "crypto/address_internal.h"
#include "crypto/base58.h"
#include "crypto/hash.h"

#include <assert.h>
#include <string.h>

enum {
    V23_MAX_TRIMMED = 2, /* zeros that versions 2 and 3 leave away at most */
    V4_MIN_RIPE_BYTES = 4
};

static const char prefix[] = "BM-";

/* The words are PyBitmessage's: scripts know them from its API. */
static const struct {
    const char *name;
    const char *text;
} statuses[] = {
    [ADDRESS_OK] = {"success", "a valid address"},
    [ADDRESS_INVALID_CHARACTERS] = {"invalidcharacters",
                                    "it holds a character that no address has"},
    [ADDRESS_CHECKSUM_FAILED] = {"checksumfailed", "its checksum is wrong: mistyped, or cut off"},
    [ADDRESS_VARINT_MALFORMED] = {"varintmalformed", "its version or stream is malformed"},
    [ADDRESS_VERSION_TOO_HIGH] = {"versiontoohigh", "its version is not one this program knows"},
    [ADDRESS_RIPE_TOO_SHORT] = {"ripetooshort", "its hash is too short"},
    [ADDRESS_RIPE_TOO_LONG] = {"ripetoolong", "its hash is too long"},
    [ADDRESS_ENCODING_PROBLEM] = {"encodingproblem", "it is not written in the shortest form"},
};

const char *address_status_name(enum address_status status)
{
    return statuses[status].name;
}

const char *address_status_text(enum address_status status)
{
    return statuses[status].text;
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

struct bytes address_text_body(struct bytes text)
{
    while (text.len != 0 && is_space(text.data[0])) {
        text = bytes_slice(text, 1, text.len - 1);
    }
    while (text.len != 0 && is_space(text.data[text.len - 1])) {
        text.len--;
    }
    struct bytes mark = bytes_of_str(prefix);
    return bytes_starts_with(text, mark) ? bytes_slice(text, mark.len, text.len - mark.len) : text;
}

/* The ripe as it stands in the text, without the zeros that were left away, to its 20 bytes. */
static enum address_status read_ripe(struct address *out, struct bytes ripe)
{
    size_t least = out->version == 4 ? V4_MIN_RIPE_BYTES : RIPE_BYTES - V23_MAX_TRIMMED;
    if (out->version == 4 && ripe.len != 0 && ripe.data[0] == 0) {
        return ADDRESS_ENCODING_PROBLEM;
    }
    if (ripe.len > RIPE_BYTES) {
        return ADDRESS_RIPE_TOO_LONG;
    }
    if (ripe.len < least) {
        return ADDRESS_RIPE_TOO_SHORT;
    }
    memset(out->ripe, 0, RIPE_BYTES);
    memcpy(out->ripe + RIPE_BYTES - ripe.len, ripe.data, ripe.len);
    return ADDRESS_OK;
}

/* Version 1 has its ripe at full length in the last 20 bytes, whatever stands between it and the
 * stream. */
static struct bytes ripe_of_version_1(struct bytes data)
{
    return data.len < RIPE_BYTES ? data : bytes_slice(data, data.len - RIPE_BYTES, RIPE_BYTES);
}

static enum address_status parse_data(struct address *out, struct bytes data)
{
    struct reader in = reader_of(data);
    out->version = reader_var_int(&in);
    if (!reader_ok(&in)) {
        return ADDRESS_VARINT_MALFORMED;
    }
    if (out->version < ADDRESS_MIN_VERSION || out->version > ADDRESS_MAX_VERSION) {
        return ADDRESS_VERSION_TOO_HIGH;
    }
    if (reader_left(&in) == 0) {
        return ADDRESS_RIPE_TOO_SHORT; /* no stream either */
    }
    out->stream = reader_var_int(&in);
    if (!reader_ok(&in)) {
        return ADDRESS_VARINT_MALFORMED;
    }
    if (out->version == 1) {
        return read_ripe(out, ripe_of_version_1(data));
    }
    return read_ripe(out, reader_rest(&in));
}

bool address_checksum_fits(struct bytes number)
{
    uint8_t digest[SHA512_BYTES];
    if (number.len < ADDRESS_CHECKSUM_BYTES) {
        return false;
    }
    size_t data_len = number.len - ADDRESS_CHECKSUM_BYTES;
    hash_double_sha512(digest, bytes_slice(number, 0, data_len));
    return memcmp(digest, number.data + data_len, ADDRESS_CHECKSUM_BYTES) == 0;
}

enum address_status address_decode(struct address *out, struct bytes text)
{
    uint8_t number[BASE58_MAX_BYTES];
    size_t len = 0;
    struct address address = {0};

    if (text.len > ADDRESS_MAX_INPUT_BYTES ||
        !base58_decode(number, &len, address_text_body(text)) || len == 0) {
        return ADDRESS_INVALID_CHARACTERS;
    }
    if (!address_checksum_fits((struct bytes){number, len})) {
        return ADDRESS_CHECKSUM_FAILED;
    }
    struct bytes data = {number, len - ADDRESS_CHECKSUM_BYTES};
    enum address_status status = parse_data(&address, data);
    if (status == ADDRESS_OK) {
        *out = address;
    }
    return status;
}

static struct bytes trimmed_ripe(const struct address *address)
{
    struct bytes ripe = {address->ripe, RIPE_BYTES};
    size_t most = 0;
    if (address->version == 4) {
        most = RIPE_BYTES;
    } else if (address->version != 1) {
        most = V23_MAX_TRIMMED;
    }
    size_t n_zeros = 0;
    while (n_zeros < most && address->ripe[n_zeros] == 0) {
        n_zeros++;
    }
    return bytes_slice(ripe, n_zeros, RIPE_BYTES - n_zeros);
}

void address_encode(char out[ADDRESS_TEXT_BYTES], const struct address *address)
{
    assert(address->version >= ADDRESS_MIN_VERSION && address->version <= ADDRESS_MAX_VERSION);
    struct buf number = {0};
    uint8_t digest[SHA512_BYTES];
    char text[BASE58_MAX_TEXT + 1];

    write_var_int(&number, address->version);
    write_var_int(&number, address->stream);
    write_bytes(&number, trimmed_ripe(address));
    hash_double_sha512(digest, buf_view(&number));
    write_bytes(&number, (struct bytes){digest, ADDRESS_CHECKSUM_BYTES});
    base58_encode(text, buf_view(&number));

    size_t len = strlen(text);
    assert(sizeof prefix + len <= ADDRESS_TEXT_BYTES);
    memcpy(out, prefix, sizeof prefix - 1);
    memcpy(out + sizeof prefix - 1, text, len + 1);
    buf_clear(&number);
}

int address_compare(const struct address *a, const struct address *b)
{
    if (a->version != b->version) {
        return a->version < b->version ? -1 : 1;
    }
    if (a->stream != b->stream) {
        return a->stream < b->stream ? -1 : 1;
    }
    return memcmp(a->ripe, b->ripe, RIPE_BYTES);
}

bool address_equal(const struct address *a, const struct address *b)
{
    return address_compare(a, b) == 0;
}

void address_key(uint8_t out[ADDRESS_KEY_BYTES], const struct address *address)
{
    store_be64(out, address->version);
    store_be64(out + 8, address->stream);
    memcpy(out + 16, address->ripe, RIPE_BYTES);
}

bool address_from_key(struct address *out, struct bytes key)
{
    struct reader in = reader_of(key);
    struct address address = {0};

    address.version = reader_u64(&in);
    address.stream = reader_u64(&in);
    reader_copy(&in, address.ripe, RIPE_BYTES);
    if (!reader_at_end(&in) || address.version < ADDRESS_MIN_VERSION ||
        address.version > ADDRESS_MAX_VERSION) {
        return false;
    }
    *out = address;
    return true;
}

struct address address_of_keys(uint64_t version, uint64_t stream, const struct public_key *signing,
                               const struct public_key *encryption)
{
    struct address address = {.version = version, .stream = stream};
    key_ripe(address.ripe, signing, encryption);
    return address;
}

/* SHA-512, or the double one, of version || stream || the whole ripe. */
static void digest_address(uint8_t out[SHA512_BYTES], const struct address *address, bool twice)
{
    struct buf data = {0};
    write_var_int(&data, address->version);
    write_var_int(&data, address->stream);
    write_bytes(&data, (struct bytes){address->ripe, RIPE_BYTES});
    hash_sha512(out, buf_view(&data));
    if (twice) {
        hash_sha512(out, (struct bytes){out, SHA512_BYTES});
    }
    buf_clear(&data);
}

void address_tag(uint8_t out[ADDRESS_TAG_BYTES], const struct address *address)
{
    uint8_t digest[SHA512_BYTES];
    digest_address(digest, address, true);
    memcpy(out, digest + PRIVATE_KEY_BYTES, ADDRESS_TAG_BYTES);
}

bool address_tag_key(struct private_key *out, const struct address *address)
{
    uint8_t digest[SHA512_BYTES];
    digest_address(digest, address, true);
    return private_key_parse(out, (struct bytes){digest, PRIVATE_KEY_BYTES});
}

bool address_broadcast_key(struct private_key *out, const struct address *address)
{
    uint8_t digest[SHA512_BYTES];
    if (address->version >= 4) {
        return address_tag_key(out, address);
    }
    digest_address(digest, address, false);
    return private_key_parse(out, (struct bytes){digest, PRIVATE_KEY_BYTES});
}
