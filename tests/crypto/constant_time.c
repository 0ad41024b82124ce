// SPDX-License-Identifier: MIT
/* Run under valgrind's memcheck, with every secret marked as undefined: memcheck then reports each
 * branch and each index that depends on one, which is just what constant-time code must not have.
 *
 *     valgrind constant_time          no errors
 *     valgrind constant_time --sign   two at most, see check_signing
 *     valgrind constant_time --leak   has such a branch, and must be reported
 *
 * What is published anyway (a public key, a signature, the answer "another key") is marked defined
 * again where it comes out: DECLASSIFY in crypto/libs_internal.h, which is compiled in for this
 * program alone. */
#include "base/buf.h"
#include "base/mem.h"
#include "crypto/ecies.h"
#include "crypto/hash.h"
#include "crypto/key.h"
#include "crypto/key_internal.h"
#include "crypto/libs_internal.h"
#include "crypto/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/memcheck.h>
#include <valgrind/valgrind.h>

enum { EXIT_NO_VALGRIND = 77 };

#define SECRET(pointer, len) VALGRIND_MAKE_MEM_UNDEFINED((pointer), (len))
#define PUBLIC(pointer, len) VALGRIND_MAKE_MEM_DEFINED((pointer), (len))

static void must(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "constant_time: %s failed\n", what);
        exit(EXIT_FAILURE);
    }
}

static struct private_key secret_key(const char *passphrase)
{
    struct private_key key;
    must(private_key_from_passphrase(&key, bytes_of_str(passphrase), 0), "deriving a key");
    SECRET(&key, sizeof key);
    return key;
}

static void check_derivation(void)
{
    char passphrase[] = "correct horse battery staple";
    struct private_key key;
    struct public_key public_key;
    SECRET(passphrase, sizeof passphrase - 1);

    must(private_key_from_passphrase(
             &key, (struct bytes){(const uint8_t *)passphrase, sizeof passphrase - 1}, 42),
         "a key from a passphrase");
    public_key_derive(&public_key, &key);
    PUBLIC(&public_key, sizeof public_key);
    must(public_key_parse(&public_key, (struct bytes){public_key.point, PUBLIC_KEY_BYTES}),
         "a public key");
    private_key_wipe(&key);
}

/* libsecp256k1 asks twice, for each signature, whether it must try another nonce: whether the nonce
 * is in range, and whether r and s are not 0. Both are known to be so but in one of 2^127 cases.
 * The library marks the answers public itself, but only where it was compiled with valgrind's
 * headers, which a distribution's is not: so two errors are expected of it, or none. */
static void check_signing(void)
{
    struct private_key key = secret_key("signing");
    struct public_key public_key;
    struct signature signature;
    struct bytes message = bytes_of_str("message");

    sign_message(&signature, &key, SIGN_SHA256, message);
    public_key_derive(&public_key, &key);
    PUBLIC(&signature, sizeof signature);
    PUBLIC(&public_key, sizeof public_key);
    must(sign_verify(&public_key, message, signature_view(&signature)), "a signature");
}

static void check_ecdh_and_opening(void)
{
    struct private_key key = secret_key("encryption");
    struct private_key wrong = secret_key("wrong");
    struct public_key to;
    struct buf sealed = {0};
    struct buf opened = {0};
    struct ecies_message message;
    const struct private_key *keys[] = {&wrong, &key};
    char text[200] = "text";

    public_key_derive(&to, &key);
    PUBLIC(&to, sizeof to);
    SECRET(text, sizeof text);
    must(ecies_encrypt(&sealed, &to, (struct bytes){(const uint8_t *)text, sizeof text}),
         "encrypting");
    PUBLIC(sealed.data, sealed.len);
    must(ecies_parse(&message, buf_view(&sealed)), "parsing");
    must(!ecies_open(&opened, &wrong, &message), "refusing the wrong key");
    must(ecies_open(&opened, &key, &message), "opening");
    must(opened.len == sizeof text, "the plaintext's length");
    must(ecies_try_keys(&opened, keys, 2, &message) == 1, "trying keys");
    buf_clear(&sealed);
    buf_clear_secret(&opened);
}

static void check_comparisons(void)
{
    struct private_key a = secret_key("a");
    struct private_key b = secret_key("b");
    uint8_t mac[2][SHA256_BYTES];
    hash_hmac_sha256(mac[0], (struct bytes){a.scalar, PRIVATE_KEY_BYTES}, bytes_of_str("text"));
    hash_hmac_sha256(mac[1], (struct bytes){b.scalar, PRIVATE_KEY_BYTES}, bytes_of_str("text"));

    bool same_mac = mem_equal_ct(mac[0], mac[1], SHA256_BYTES);
    bool same_key = private_key_equal(&a, &b);

    PUBLIC(&same_mac, sizeof same_mac);
    PUBLIC(&same_key, sizeof same_key);
    must(!same_mac && !same_key, "telling two keys apart");
}

/* What the test is there to catch. */
static void leak(void)
{
    struct private_key a = secret_key("a");
    struct private_key b = secret_key("b");
    must(memcmp(&a, &b, sizeof a) != 0, "comparing in haste");
}

int main(int argc, char **argv)
{
    if (!RUNNING_ON_VALGRIND) {
        fputs("constant_time: skipped: not under valgrind\n", stderr);
        return EXIT_NO_VALGRIND;
    }
    if (argc > 1 && strcmp(argv[1], "--leak") == 0) {
        leak();
        return EXIT_SUCCESS;
    }
    if (argc > 1 && strcmp(argv[1], "--sign") == 0) {
        check_signing();
        return EXIT_SUCCESS;
    }
    check_derivation();
    check_ecdh_and_opening();
    check_comparisons();
    return EXIT_SUCCESS;
}
