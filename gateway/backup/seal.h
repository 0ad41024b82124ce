// SPDX-License-Identifier: MIT
/* A file that only the holder of the recovery key can open, and that anybody who knows its public
 * half can make: so automatic backups need no secret (docs/storage.md, "Backups").
 *
 *     "BITTERN SEALED 1\n"    17 bytes
 *     a fresh file key        sealed to the public key: X25519, XSalsa20-Poly1305 (crypto_box_seal)
 *     the stream's header     24 bytes
 *     chunks                  64 KiB of content each, 17 bytes more when encrypted:
 *                             XChaCha20-Poly1305 (crypto_secretstream). The last one is tagged, and
 *                             may be shorter or empty: a file cut anywhere is known for it.
 *
 * A sealed file says nothing of who made it: whoever has the public key could have. What is in it
 * is checked as a stranger's bytes are. */
#ifndef BITTERN_GATEWAY_BACKUP_SEAL_H
#define BITTERN_GATEWAY_BACKUP_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"

enum {
    SEAL_SECRET_BYTES = 20,
    SEAL_PUBLIC_BYTES = 32,
    SEAL_CHUNK_BYTES = 64 * 1024,
    SEAL_KEY_TEXT_BYTES = 42 /* 7 groups of 5, joined by dashes, and NUL */
};

/* ---- The recovery key. ---- */

struct seal_key {
    uint8_t secret[SEAL_SECRET_BYTES];
};

void seal_key_new(struct seal_key *out);
void seal_key_public(uint8_t out[SEAL_PUBLIC_BYTES], const struct seal_key *key);
/* "J7C4W-8Q0ZN-...": 160 bits and 15 of a checksum in Crockford's base 32. */
void seal_key_print(char out[SEAL_KEY_TEXT_BYTES], const struct seal_key *key);
/* As a person types it: either case, any spaces and dashes, O for 0, I and L for 1. FAULT_INVALID
 * for a wrong length, character or checksum. */
bool seal_key_parse(struct seal_key *out, const char *text, struct fault *fault) MUST_USE;

/* ---- Making a sealed file. ---- */

struct seal_writer;

/* Writes to `fd`, which stays the caller's. */
struct seal_writer *seal_writer_new(int fd, const uint8_t public_key[SEAL_PUBLIC_BYTES],
                                    struct fault *fault) MUST_USE;
bool seal_writer_add(struct seal_writer *writer, struct bytes content,
                     struct fault *fault) MUST_USE;
/* The last chunk: without it the file can't be opened. */
bool seal_writer_end(struct seal_writer *writer, struct fault *fault) MUST_USE;
void seal_writer_free(struct seal_writer **writer);

/* ---- Opening one. ---- */

struct seal_reader;

/* FAULT_INVALID: not a sealed file; FAULT_DENIED: sealed to another key. */
struct seal_reader *seal_reader_new(int fd, const struct seal_key *key,
                                    struct fault *fault) MUST_USE;
/* The next chunk, borrowed until the next call; empty behind the last. FAULT_CORRUPT when it was
 * changed, cut short, or is followed by more. */
bool seal_reader_next(struct seal_reader *reader, struct bytes *out, struct fault *fault) MUST_USE;
void seal_reader_free(struct seal_reader **reader);

#endif
