// SPDX-License-Identifier: MIT
#include "gateway/backup/seal.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/random.h"

enum {
    KEY_CHARS = 35, /* 7 groups of 5; 5 bits each */
    KEY_GROUP_CHARS = 5,
    CHECK_BITS = 15,
    FILE_KEY_BYTES = crypto_secretstream_xchacha20poly1305_KEYBYTES,
    SEALED_KEY_BYTES = FILE_KEY_BYTES + crypto_box_SEALBYTES,
    STREAM_HEADER_BYTES = crypto_secretstream_xchacha20poly1305_HEADERBYTES,
    CHUNK_EXTRA_BYTES = crypto_secretstream_xchacha20poly1305_ABYTES
};

static const char magic[] = "BITTERN SEALED 1\n";
enum { MAGIC_BYTES = sizeof magic - 1 };

/* ---- the recovery key ---- */

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

struct key_pair {
    uint8_t public_key[crypto_box_PUBLICKEYBYTES];
    uint8_t secret_key[crypto_box_SECRETKEYBYTES];
};

/* Before anything of the library: it picks what the CPU can do. May be called any number of times.
 */
static void prepare_library(void)
{
    if (sodium_init() < 0) {
        abort();
    }
}

/* The pair is worked out of the short secret, so that this is all that one has to keep. */
static void derive_pair(struct key_pair *out, const struct seal_key *key)
{
    static const uint8_t domain[] = "bittern recovery key";
    uint8_t seed[crypto_box_SEEDBYTES];
    prepare_library();
    crypto_generichash(seed, sizeof seed, key->secret, sizeof key->secret, domain, sizeof domain);
    crypto_box_seed_keypair(out->public_key, out->secret_key, seed);
    mem_wipe(seed, sizeof seed);
}

static unsigned key_checksum(const struct seal_key *key)
{
    uint8_t hash[crypto_generichash_BYTES_MIN];
    prepare_library();
    crypto_generichash(hash, sizeof hash, key->secret, sizeof key->secret, NULL, 0);
    return ((unsigned)hash[0] << 8 | hash[1]) >> 1;
}

void seal_key_new(struct seal_key *out)
{
    random_bytes(out->secret, sizeof out->secret);
}

void seal_key_public(uint8_t out[SEAL_PUBLIC_BYTES], const struct seal_key *key)
{
    struct key_pair pair;
    derive_pair(&pair, key);
    memcpy(out, pair.public_key, SEAL_PUBLIC_BYTES);
    mem_wipe(&pair, sizeof pair);
}

/* The secret and its checksum are one string of 175 bits; digit i is bits 5 * i to 5 * i + 4. */
static unsigned key_bit(const struct seal_key *key, unsigned checksum, unsigned index)
{
    return index < 8 * SEAL_SECRET_BYTES
               ? (unsigned)key->secret[index / 8] >> (7 - index % 8) & 1
               : checksum >> (8 * SEAL_SECRET_BYTES + CHECK_BITS - 1 - index) & 1;
}

void seal_key_print(char out[SEAL_KEY_TEXT_BYTES], const struct seal_key *key)
{
    unsigned checksum = key_checksum(key);
    for (unsigned i = 0; i < KEY_CHARS; i++) {
        unsigned digit = 0;
        for (unsigned bit = 0; bit < 5; bit++) {
            digit = digit << 1 | key_bit(key, checksum, 5 * i + bit);
        }
        if (i > 0 && i % KEY_GROUP_CHARS == 0) {
            *out++ = '-';
        }
        *out++ = digits[digit];
    }
    *out = '\0';
}

/* 0 to 31; -1 for what is no digit. */
static int key_digit(char c)
{
    c = ascii_upper(c);
    c = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
    const char *place = c != '\0' ? strchr(digits, c) : NULL;
    return place != NULL ? (int)(place - digits) : -1;
}

static void put_digit(struct seal_key *key, unsigned *checksum, unsigned index, unsigned digit)
{
    for (unsigned bit = 0; bit < 5; bit++) {
        unsigned place = 5 * index + bit;
        unsigned value = digit >> (4 - bit) & 1;
        if (place < 8 * SEAL_SECRET_BYTES) {
            key->secret[place / 8] |= (uint8_t)(value << (7 - place % 8));
        } else {
            *checksum = *checksum << 1 | value;
        }
    }
}

bool seal_key_parse(struct seal_key *out, const char *text, struct fault *fault)
{
    *out = (struct seal_key){0};
    unsigned checksum = 0;
    unsigned n = 0;
    for (; *text != '\0'; text++) {
        if (*text == '-' || *text == ' ') {
            continue;
        }
        int digit = key_digit(*text);
        if (digit < 0 || n == KEY_CHARS) {
            return fault_set(fault, FAULT_INVALID,
                             "a recovery key is %d letters and digits in groups of %d", KEY_CHARS,
                             KEY_GROUP_CHARS);
        }
        put_digit(out, &checksum, n++, (unsigned)digit);
    }
    if (n != KEY_CHARS) {
        return fault_set(fault, FAULT_INVALID, "a recovery key has %d letters and digits, not %u",
                         KEY_CHARS, n);
    }
    if (checksum != key_checksum(out)) {
        return fault_set(fault, FAULT_INVALID, "the recovery key has a wrong letter or digit");
    }
    return true;
}

/* ---- making ---- */

struct seal_writer {
    int fd;
    crypto_secretstream_xchacha20poly1305_state stream;
    uint8_t plain[SEAL_CHUNK_BYTES];
    size_t n_plain;
    uint8_t sealed[SEAL_CHUNK_BYTES + CHUNK_EXTRA_BYTES];
};

struct seal_writer *seal_writer_new(int fd, const uint8_t public_key[SEAL_PUBLIC_BYTES],
                                    struct fault *fault)
{
    struct seal_writer *writer = xcalloc(1, sizeof *writer);
    uint8_t file_key[FILE_KEY_BYTES];
    uint8_t sealed_key[SEALED_KEY_BYTES];
    uint8_t header[STREAM_HEADER_BYTES];
    writer->fd = fd;
    prepare_library();
    random_bytes(file_key, sizeof file_key);
    bool ok = crypto_box_seal(sealed_key, file_key, sizeof file_key, public_key) == 0 ||
              fault_set(fault, FAULT_INVALID, "the recovery key's public half is not one");
    crypto_secretstream_xchacha20poly1305_init_push(&writer->stream, header, file_key);
    mem_wipe(file_key, sizeof file_key);
    ok = ok && file_write_all(fd, bytes_of_str(magic), fault) &&
         file_write_all(fd, (struct bytes){sealed_key, sizeof sealed_key}, fault) &&
         file_write_all(fd, (struct bytes){header, sizeof header}, fault);
    if (!ok) {
        seal_writer_free(&writer);
    }
    return writer;
}

static bool put_chunk(struct seal_writer *writer, uint8_t tag, struct fault *fault)
{
    crypto_secretstream_xchacha20poly1305_push(&writer->stream, writer->sealed, NULL, writer->plain,
                                               writer->n_plain, NULL, 0, tag);
    size_t len = writer->n_plain + CHUNK_EXTRA_BYTES;
    writer->n_plain = 0;
    return file_write_all(writer->fd, (struct bytes){writer->sealed, len}, fault);
}

/* A full chunk waits until something follows: it might be the last. */
bool seal_writer_add(struct seal_writer *writer, struct bytes content, struct fault *fault)
{
    while (content.len > 0) {
        if (writer->n_plain == SEAL_CHUNK_BYTES &&
            !put_chunk(writer, crypto_secretstream_xchacha20poly1305_TAG_MESSAGE, fault)) {
            return false;
        }
        size_t room = SEAL_CHUNK_BYTES - writer->n_plain;
        size_t n = content.len < room ? content.len : room;
        memcpy(writer->plain + writer->n_plain, content.data, n);
        writer->n_plain += n;
        content = bytes_slice(content, n, content.len);
    }
    return true;
}

bool seal_writer_end(struct seal_writer *writer, struct fault *fault)
{
    return put_chunk(writer, crypto_secretstream_xchacha20poly1305_TAG_FINAL, fault);
}

void seal_writer_free(struct seal_writer **writer)
{
    if (*writer != NULL) {
        mem_wipe(*writer, sizeof **writer);
        free(*writer);
        *writer = NULL;
    }
}

/* ---- opening ---- */

struct seal_reader {
    int fd;
    bool is_at_end;
    crypto_secretstream_xchacha20poly1305_state stream;
    uint8_t sealed[SEAL_CHUNK_BYTES + CHUNK_EXTRA_BYTES];
    uint8_t plain[SEAL_CHUNK_BYTES];
};

static bool open_header(struct seal_reader *reader, const struct seal_key *key, struct fault *fault)
{
    uint8_t start[MAGIC_BYTES + SEALED_KEY_BYTES + STREAM_HEADER_BYTES];
    uint8_t file_key[FILE_KEY_BYTES];
    struct key_pair pair;
    size_t n;
    if (!file_read_up_to(reader->fd, start, sizeof start, &n, fault)) {
        return false;
    }
    if (n != sizeof start || memcmp(start, magic, MAGIC_BYTES) != 0) {
        return fault_set(fault, FAULT_INVALID, "this is not a backup");
    }
    derive_pair(&pair, key);
    bool ok = crypto_box_seal_open(file_key, start + MAGIC_BYTES, SEALED_KEY_BYTES, pair.public_key,
                                   pair.secret_key) == 0 ||
              fault_set(fault, FAULT_DENIED, "the backup is sealed to another recovery key");
    ok = ok && (crypto_secretstream_xchacha20poly1305_init_pull(
                    &reader->stream, start + MAGIC_BYTES + SEALED_KEY_BYTES, file_key) == 0 ||
                fault_set(fault, FAULT_CORRUPT, "the backup's header is damaged"));
    mem_wipe(&pair, sizeof pair);
    mem_wipe(file_key, sizeof file_key);
    return ok;
}

struct seal_reader *seal_reader_new(int fd, const struct seal_key *key, struct fault *fault)
{
    struct seal_reader *reader = xcalloc(1, sizeof *reader);
    reader->fd = fd;
    if (!open_header(reader, key, fault)) {
        seal_reader_free(&reader);
    }
    return reader;
}

static bool at_end_of_file(struct seal_reader *reader, struct fault *fault)
{
    uint8_t more;
    size_t n;
    return file_read_up_to(reader->fd, &more, 1, &n, fault) &&
           (n == 0 || fault_set(fault, FAULT_CORRUPT, "something follows the backup's end"));
}

bool seal_reader_next(struct seal_reader *reader, struct bytes *out, struct fault *fault)
{
    *out = (struct bytes){0};
    if (reader->is_at_end) {
        return true;
    }
    size_t n;
    unsigned long long n_plain;
    uint8_t tag;
    if (!file_read_up_to(reader->fd, reader->sealed, sizeof reader->sealed, &n, fault)) {
        return false;
    }
    if (n < CHUNK_EXTRA_BYTES ||
        crypto_secretstream_xchacha20poly1305_pull(&reader->stream, reader->plain, &n_plain, &tag,
                                                   reader->sealed, n, NULL, 0) != 0) {
        return fault_set(fault, FAULT_CORRUPT, "the backup is damaged or cut short");
    }
    reader->is_at_end = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    *out = (struct bytes){reader->plain, (size_t)n_plain};
    return !reader->is_at_end || at_end_of_file(reader, fault);
}

void seal_reader_free(struct seal_reader **reader)
{
    if (*reader != NULL) {
        mem_wipe(*reader, sizeof **reader);
        free(*reader);
        *reader = NULL;
    }
}
