// SPDX-License-Identifier: MIT
/* ECIES, and the trial of one message with many keys.
 *
 * A node tries every message of the network with every key of its own; nearly all trials fail. What
 * a trial costs is one multiplication on the curve (41 us), which nothing can spare, and the MAC
 * over the whole message, which for 256 KiB costs three times that. The MAC is spared for the wrong
 * keys like this:
 *
 * The filter. The last block of the ciphertext is decrypted by itself. Under a wrong key it is
 * noise, and noise ends in valid PKCS#7 padding once in 256 times. Only a message that passes goes
 * on to the MAC, and only one whose MAC is right is decrypted.
 *
 * Why that is safe. A message is accepted if its MAC is right and its padding valid: both are
 * required, so the order in which they are asked changes no answer, and every refusal is the same
 * answer. What the order does change is time: someone who could measure it would learn whether a
 * last block of his making ends in valid padding under a key derived from ours, which is Vaudenay's
 * padding oracle. But he sees none of it: trials run in workers, apart from the network, after a
 * queue; no peer is told of a refusal, and none waits for one (an acknowledgement is sent only
 * after the MAC was found right). Each question would cost him a proof of work, and the answer
 * would be a difference of 150 us at most in the load of a machine he is not on. Whoever can
 * measure on the machine itself at that grain can read its keys, too. */
#include "crypto/ecies.h"

#include "base/mem.h"
#include "crypto/hash.h"
#include "crypto/key_internal.h"
#include "crypto/libs_internal.h"
#include "crypto/random.h"

#include <assert.h>
#include <limits.h>
#include <openssl/evp.h>
#include <secp256k1_ecdh.h>
#include <string.h>

enum {
    CURVE_ID = 714, /* OpenSSL's number for secp256k1, 02 CA */
    COORDINATE_BYTES = 32,
    CIPHER_KEY_BYTES = 32
};

/* The key's two halves; see ECIES_KEYS_BYTES. */
static struct bytes mac_key_of(const uint8_t keys[ECIES_KEYS_BYTES])
{
    return (struct bytes){keys + CIPHER_KEY_BYTES, ECIES_KEYS_BYTES - CIPHER_KEY_BYTES};
}

/* Called by secp256k1_ecdh with the coordinates of the shared point. */
static int sha512_of_x(unsigned char *out, const unsigned char *x, const unsigned char *y,
                       void *unused)
{
    (void)y;
    (void)unused;
    hash_sha512(out, (struct bytes){x, COORDINATE_BYTES});
    return 1;
}

void ecies_derive_keys(uint8_t out[ECIES_KEYS_BYTES], const struct private_key *key,
                       const secp256k1_pubkey *point)
{
    int valid = secp256k1_ecdh(crypto_libs()->curve, out, point, key->scalar, sha512_of_x, NULL);
    DECLASSIFY(&valid, sizeof valid);
    assert(valid == 1); /* else the private key was not parsed */
}

enum direction { DECRYPT = 0, ENCRYPT = 1 };

/* AES-256-CBC of whole blocks, padding left to the caller. */
static void run_cipher(uint8_t *out, enum direction direction, const uint8_t key[CIPHER_KEY_BYTES],
                       const uint8_t iv[ECIES_IV_BYTES], struct bytes in)
{
    assert(in.len % ECIES_BLOCK_BYTES == 0 && in.len <= INT_MAX);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int out_len = 0;
    if (context == NULL ||
        EVP_CipherInit_ex2(context, crypto_libs()->aes_256_cbc, key, iv, (int)direction, NULL) !=
            1 ||
        EVP_CIPHER_CTX_set_padding(context, 0) != 1 ||
        EVP_CipherUpdate(context, out, &out_len, in.data, (int)in.len) != 1 ||
        (size_t)out_len != in.len) {
        crypto_libs_failed("AES-256-CBC");
    }
    EVP_CIPHER_CTX_free(context);
}

size_t ecies_encrypted_len(size_t plaintext_len)
{
    size_t n_blocks = plaintext_len / ECIES_BLOCK_BYTES + 1;
    return ECIES_HEADER_BYTES + n_blocks * ECIES_BLOCK_BYTES + ECIES_MAC_BYTES;
}

static void write_header(struct buf *out, const uint8_t iv[ECIES_IV_BYTES],
                         const struct public_key *point)
{
    write_bytes(out, (struct bytes){iv, ECIES_IV_BYTES});
    write_u16(out, CURVE_ID);
    write_u16(out, COORDINATE_BYTES);
    write_bytes(out, (struct bytes){point->point, COORDINATE_BYTES});
    write_u16(out, COORDINATE_BYTES);
    write_bytes(out, (struct bytes){point->point + COORDINATE_BYTES, COORDINATE_BYTES});
}

/* Append the plaintext with its padding, and encrypt both where they stand. */
static void write_ciphertext(struct buf *out, struct bytes plaintext,
                             const uint8_t key[CIPHER_KEY_BYTES], const uint8_t iv[ECIES_IV_BYTES])
{
    size_t start = out->len;
    uint8_t padding = (uint8_t)(ECIES_BLOCK_BYTES - plaintext.len % ECIES_BLOCK_BYTES);
    write_bytes(out, plaintext);
    for (uint8_t i = 0; i < padding; i++) {
        write_u8(out, padding);
    }
    run_cipher(out->data + start, ENCRYPT, key, iv,
               (struct bytes){out->data + start, out->len - start});
}

bool ecies_encrypt_with(struct buf *out, const struct public_key *to, struct bytes plaintext,
                        const struct private_key *ephemeral, const uint8_t iv[ECIES_IV_BYTES])
{
    uint8_t keys[ECIES_KEYS_BYTES];
    uint8_t mac[ECIES_MAC_BYTES];
    struct public_key point;
    secp256k1_pubkey recipient;
    size_t start = out->len;

    if (!buf_reserve(out, ecies_encrypted_len(plaintext.len))) {
        return false;
    }
    bool on_curve = public_key_load(&recipient, to->point);
    assert(on_curve); /* else the public key was not parsed */
    public_key_derive(&point, ephemeral);
    ecies_derive_keys(keys, ephemeral, &recipient);

    write_header(out, iv, &point);
    write_ciphertext(out, plaintext, keys, iv);
    hash_hmac_sha256(mac, mac_key_of(keys), (struct bytes){out->data + start, out->len - start});
    write_bytes(out, (struct bytes){mac, sizeof mac});

    mem_wipe(keys, sizeof keys);
    return buf_ok(out);
}

bool ecies_encrypt(struct buf *out, const struct public_key *to, struct bytes plaintext)
{
    struct private_key ephemeral;
    uint8_t iv[ECIES_IV_BYTES];

    private_key_random(&ephemeral);
    random_bytes(iv, sizeof iv);
    bool done = ecies_encrypt_with(out, to, plaintext, &ephemeral, iv);

    private_key_wipe(&ephemeral);
    return done;
}

/* A length of 1 to 32 and that many bytes, put at the right end of 32. */
static void read_coordinate(uint8_t out[COORDINATE_BYTES], struct reader *in)
{
    size_t len = reader_u16(in);
    if (len == 0 || len > COORDINATE_BYTES) {
        reader_fail(in);
        return;
    }
    reader_copy(in, out + COORDINATE_BYTES - len, len);
}

bool ecies_parse(struct ecies_message *out, struct bytes encrypted)
{
    struct reader in = reader_of(encrypted);
    uint8_t point[PUBLIC_KEY_BYTES] = {0};
    struct ecies_message message = {0};

    message.iv = reader_bytes(&in, ECIES_IV_BYTES);
    if (reader_u16(&in) != CURVE_ID) {
        return false;
    }
    read_coordinate(point, &in);
    read_coordinate(point + COORDINATE_BYTES, &in);
    if (!reader_ok(&in) || reader_left(&in) < ECIES_BLOCK_BYTES + ECIES_MAC_BYTES ||
        (reader_left(&in) - ECIES_MAC_BYTES) % ECIES_BLOCK_BYTES != 0 ||
        reader_left(&in) > INT_MAX) {
        return false;
    }
    message.ciphertext = reader_bytes(&in, reader_left(&in) - ECIES_MAC_BYTES);
    message.mac = reader_bytes(&in, ECIES_MAC_BYTES);
    message.signed_part = bytes_slice(encrypted, 0, encrypted.len - ECIES_MAC_BYTES);
    if (!public_key_parse(&message.ephemeral, (struct bytes){point, sizeof point})) {
        return false;
    }
    *out = message;
    return true;
}

/* The padding's length, 1 to 16, or 0 when the block does not end in valid padding. Neither branch
 * nor index depends on the block. */
static size_t padding_of(const uint8_t block[ECIES_BLOCK_BYTES])
{
    unsigned len = block[ECIES_BLOCK_BYTES - 1];
    unsigned wrong = 0;
    for (unsigned i = 0; i < ECIES_BLOCK_BYTES; i++) {
        /* All ones where the byte belongs to the padding, which is where i + len >= 16. */
        unsigned inside = 0U - ((i + len) / ECIES_BLOCK_BYTES != 0);
        wrong |= inside & (block[i] ^ len);
    }
    wrong |= (unsigned)(len == 0) | (unsigned)(len > ECIES_BLOCK_BYTES);
    return wrong == 0 ? len : 0;
}

static size_t last_block_padding(const struct ecies_message *message,
                                 const uint8_t key[CIPHER_KEY_BYTES])
{
    size_t last = message->ciphertext.len - ECIES_BLOCK_BYTES;
    const uint8_t *before =
        last != 0 ? message->ciphertext.data + last - ECIES_BLOCK_BYTES : message->iv.data;
    uint8_t block[ECIES_BLOCK_BYTES];

    run_cipher(block, DECRYPT, key, before, bytes_slice(message->ciphertext, last, sizeof block));
    size_t padding = padding_of(block);

    mem_wipe(block, sizeof block);
    return padding;
}

/* Append the plaintext. The buffer's memory is taken at once, so that no copy of the plaintext is
 * left in memory it outgrew. */
static bool write_plaintext(struct buf *out, const struct ecies_message *message,
                            const uint8_t key[CIPHER_KEY_BYTES], size_t padding)
{
    size_t start = out->len;
    if (!buf_append_zeros(out, message->ciphertext.len)) {
        return false;
    }
    run_cipher(out->data + start, DECRYPT, key, message->iv.data, message->ciphertext);
    buf_truncate(out, start + message->ciphertext.len - padding);
    return true;
}

static bool open_with_keys(struct buf *out, const uint8_t keys[ECIES_KEYS_BYTES],
                           const struct ecies_message *message)
{
    uint8_t mac[ECIES_MAC_BYTES];
    size_t padding = last_block_padding(message, keys);

    DECLASSIFY(&padding, sizeof padding);
    if (padding == 0) {
        return false;
    }
    hash_hmac_sha256(mac, mac_key_of(keys), message->signed_part);
    bool fits = mem_equal_ct(mac, message->mac.data, sizeof mac);
    DECLASSIFY(&fits, sizeof fits);
    if (!fits) {
        return false;
    }
    return write_plaintext(out, message, keys, padding);
}

static bool open_at_point(struct buf *out, const struct private_key *key,
                          const secp256k1_pubkey *point, const struct ecies_message *message)
{
    uint8_t keys[ECIES_KEYS_BYTES];

    ecies_derive_keys(keys, key, point);
    bool opened = open_with_keys(out, keys, message);

    mem_wipe(keys, sizeof keys);
    return opened;
}

static void load_point(secp256k1_pubkey *out, const struct ecies_message *message)
{
    bool on_curve = public_key_load(out, message->ephemeral.point);
    assert(on_curve); /* else the message was not parsed */
}

bool ecies_open(struct buf *out, const struct private_key *key, const struct ecies_message *message)
{
    secp256k1_pubkey point;

    load_point(&point, message);
    return open_at_point(out, key, &point, message);
}

bool ecies_decrypt(struct buf *out, const struct private_key *key, struct bytes encrypted)
{
    struct ecies_message message;

    return ecies_parse(&message, encrypted) && ecies_open(out, key, &message);
}

size_t ecies_try_keys(struct buf *out, const struct private_key *const *keys, size_t n_keys,
                      const struct ecies_message *message)
{
    secp256k1_pubkey point;
    size_t found = ECIES_NO_KEY;
    size_t *order = xcalloc(n_keys, sizeof *order);

    load_point(&point, message);
    for (size_t i = 0; i < n_keys; i++) {
        order[i] = i;
    }
    random_shuffle(order, n_keys, sizeof *order);
    for (size_t i = 0; i < n_keys; i++) {
        size_t start = out->len;
        if (open_at_point(out, keys[order[i]], &point, message)) {
            if (found != ECIES_NO_KEY) {
                buf_truncate(out, start); /* the same key twice in the list */
            } else {
                found = order[i];
            }
        }
    }
    free(order);
    return found;
}
