// SPDX-License-Identifier: MIT
#include "crypto/sign.h"

#include "tests/crypto/support.h"

#include <string.h>

#include "base/mem.h"
#include "crypto/hash.h"

static void known_signatures_verify(void **state)
{
    (void)state;
    json_t *root = vectors_load("ecdsa.json");
    size_t index;
    json_t *row;

    assert_true(json_array_size(vectors_get(root, "signatures")) > 0);
    json_array_foreach(vectors_get(root, "signatures"), index, row)
    {
        struct public_key key = public_key_at(row, "pubkey");
        size_t message_len;
        size_t der_len;
        uint8_t *message = vectors_hex(row, "message", &message_len);
        uint8_t *der = vectors_hex(row, "signature", &der_len);

        bool verified =
            sign_verify(&key, (struct bytes){message, message_len}, (struct bytes){der, der_len});

        assert_int_equal(verified, json_is_true(vectors_get(row, "verify_either")));
        free(message);
        free(der);
    }
    json_decref(root);
}

static void each_case_gets_the_reference_s_verdict(void **state)
{
    (void)state;
    json_t *root = vectors_load("ecdsa.json");
    size_t index;
    json_t *row;

    assert_true(json_array_size(vectors_get(root, "cases")) > 0);
    json_array_foreach(vectors_get(root, "cases"), index, row)
    {
        size_t point_len;
        size_t message_len;
        size_t der_len;
        uint8_t *point = vectors_hex(row, "pubkey", &point_len);
        uint8_t *message = vectors_hex(row, "message", &message_len);
        uint8_t *der = vectors_hex(row, "signature", &der_len);
        struct public_key key;

        bool accepted =
            public_key_parse(&key, (struct bytes){point + 1, point_len - 1}) &&
            sign_verify(&key, (struct bytes){message, message_len}, (struct bytes){der, der_len});

        if (accepted != json_is_true(vectors_get(row, "reference_accepts"))) {
            fail_msg("%s", vectors_str(row, "name"));
        }
        free(point);
        free(message);
        free(der);
    }
    json_decref(root);
}

static struct private_key some_key(void)
{
    struct private_key key;
    assert_true(private_key_from_passphrase(&key, bytes_of_str("some key"), 0));
    return key;
}

static void what_is_signed_verifies_with_low_s_and_is_the_same_again(void **state)
{
    (void)state;
    struct private_key key = some_key();
    struct public_key public_key;
    public_key_derive(&public_key, &key);

    for (unsigned i = 0; i < 40; i++) {
        uint8_t text[] = {(uint8_t)i};
        struct bytes message = {text, i != 0 ? sizeof text : 0};
        enum sign_digest digest = i % 2 == 0 ? SIGN_SHA256 : SIGN_SHA1;
        struct signature signature;
        struct signature again;
        struct signature normal;

        sign_message(&signature, &key, digest, message);
        sign_message(&again, &key, digest, message);

        assert_bytes_equal(signature_view(&signature), signature_view(&again));
        assert_true(sign_verify(&public_key, message, signature_view(&signature)));
        assert_false(sign_verify(&public_key, bytes_of_str("other"), signature_view(&signature)));
        assert_true(sign_normalise(&normal, signature_view(&signature)));
        assert_bytes_equal(signature_view(&normal), signature_view(&signature));
    }
}

/* RFC 6979's way on secp256k1; the value is the one Bitcoin's libraries agree on for key 1 and this
 * text. */
static void the_nonce_is_that_of_rfc_6979(void **state)
{
    (void)state;
    struct private_key one = {0};
    struct signature signature;
    one.scalar[PRIVATE_KEY_BYTES - 1] = 1;

    sign_message(&signature, &one, SIGN_SHA256, bytes_of_str("Satoshi Nakamoto"));

    assert_hex_equal(signature_view(&signature),
                     "3045022100934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"
                     "02202442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5");
}

static void a_signature_cut_or_bent_anywhere_is_refused(void **state)
{
    (void)state;
    struct private_key key = some_key();
    struct public_key public_key;
    struct signature signature;
    struct bytes message = bytes_of_str("message");
    public_key_derive(&public_key, &key);
    sign_message(&signature, &key, SIGN_SHA256, message);

    for (size_t len = 0; len < signature.len; len++) {
        uint8_t *cut = xmemdup(signature.der, len);
        assert_false(sign_verify(&public_key, message, (struct bytes){cut, len}));
        free(cut);
    }
    for (size_t bit = 0; bit < 8 * signature.len; bit++) {
        struct signature bent = signature;
        bent.der[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(sign_verify(&public_key, message, signature_view(&bent)));
    }
    uint8_t longer[SIGNATURE_MAX_BYTES + 1] = {0};
    memcpy(longer, signature.der, signature.len);
    assert_false(sign_verify(&public_key, message, (struct bytes){longer, sizeof longer}));
}

/* The vectors' pair of a signature and its twin, s and n - s. */
static void the_negated_twin_has_the_same_sighash(void **state)
{
    (void)state;
    json_t *root = vectors_load("ecdsa.json");
    json_t *cases = vectors_get(root, "cases");
    json_t *valid = json_array_get(cases, 0);
    json_t *twin = NULL;
    size_t index;
    json_t *row;
    json_array_foreach(cases, index, row)
    {
        if (strstr(vectors_str(row, "name"), "twin") != NULL) {
            twin = row;
        }
    }
    assert_non_null(twin);
    size_t len;
    size_t twin_len;
    uint8_t *der = vectors_hex(valid, "signature", &len);
    uint8_t *twin_der = vectors_hex(twin, "signature", &twin_len);
    uint8_t hash[SIGHASH_BYTES];
    uint8_t twin_hash[SIGHASH_BYTES];
    uint8_t sent_hash[SIGHASH_BYTES];

    assert_true(sign_hash(hash, (struct bytes){der, len}));
    assert_true(sign_hash(twin_hash, (struct bytes){twin_der, twin_len}));
    assert_memory_equal(hash, twin_hash, SIGHASH_BYTES);

    /* As sent, low S is its own normal form and high S is not. */
    sign_hash_as_sent(sent_hash, (struct bytes){der, len});
    assert_memory_equal(sent_hash, hash, SIGHASH_BYTES);
    sign_hash_as_sent(sent_hash, (struct bytes){twin_der, twin_len});
    assert_memory_not_equal(sent_hash, hash, SIGHASH_BYTES);
    uint8_t digest[SHA512_BYTES];
    hash_double_sha512(digest, (struct bytes){twin_der, twin_len});
    assert_memory_equal(sent_hash, digest + 32, SIGHASH_BYTES);
    free(der);
    free(twin_der);
    json_decref(root);
}

static void what_is_no_signature_has_no_sighash(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "30",
        "3006020100020101", /* r = 0 */
        "3006020101020100", /* s = 0 */
        "3006020181020101", /* r negative */
        "3045022100fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
        "022026e5ff6a1d41fff685951cd826911db7a3eccf21d42a8504ec326ac0e0a946dc", /* r = n */
        "300602010102010100", /* a byte too many */
        "308106020101020101", /* long-form length */
        "30070202000102010",  /* odd */
        "3007020200010201"
        "01", /* superfluous zero */
    };
    struct signature out = {.len = 7};
    uint8_t hash[SIGHASH_BYTES];

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        size_t len = strlen(bad[i]) / 2;
        uint8_t *der = xmalloc(len);
        bool decoded = hex_decode(der, len, (struct bytes){(const uint8_t *)bad[i], 2 * len});
        assert_true(decoded);
        if (sign_normalise(&out, (struct bytes){der, len}) ||
            sign_hash(hash, (struct bytes){der, len})) {
            fail_msg("%s", bad[i]);
        }
        assert_int_equal(out.len, 7);
        free(der);
    }
    uint8_t least[] = {0x30, 6, 2, 1, 1, 2, 1, 1};
    assert_true(sign_normalise(&out, (struct bytes){least, sizeof least}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_signatures_verify),
        cmocka_unit_test(each_case_gets_the_reference_s_verdict),
        cmocka_unit_test(what_is_signed_verifies_with_low_s_and_is_the_same_again),
        cmocka_unit_test(the_nonce_is_that_of_rfc_6979),
        cmocka_unit_test(a_signature_cut_or_bent_anywhere_is_refused),
        cmocka_unit_test(the_negated_twin_has_the_same_sighash),
        cmocka_unit_test(what_is_no_signature_has_no_sighash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
