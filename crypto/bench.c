// SPDX-License-Identifier: MIT
/* A benchmark is a contest: two functions that do the same work, a chunk of a few milliseconds at a
 * time, in turn. Each side's figure is that of its better rounds (the tenth best of a hundred): a
 * processor shared with others is only ever slower than it is, and not equally for both sides. */
#include "crypto/bench.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/bench_internal.h"
#include "crypto/ecies.h"
#include "crypto/hash.h"
#include "crypto/key_internal.h"
#include "crypto/libs_internal.h"
#include "crypto/pow_search.h"

#include <assert.h>
#include <secp256k1_ecdh.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_MS = 3,
    MAX_ROUNDS = 2000,
    POW_CHUNK_TRIALS = 1024,
    CURVE_CHUNK = 4,
    ROUND_US = 20 * 1000,
    HASH_CHUNK = 64,
    SMALL_OBJECT_BYTES = 1024,
    LARGE_OBJECT_BYTES = 256 * 1024,
    BENCH_DEFAULT_SEC = 2
};

/* What all contests work on. */
struct bench {
    struct anchor *anchor;
    struct private_key key;
    struct private_key sender_key;
    struct public_key public_key;
    struct public_key sender;
    uint8_t sender_tagged[1 + PUBLIC_KEY_BYTES];
    struct signature signature;
    struct bytes object; /* of the size that the contest is about */
    struct buf small;
    struct buf large;
    const struct pow_kernel *kernel;
    struct pow_slice slice;
    struct pow_search *search; /* without hope; by `kernel` */
};

struct contest {
    const char *name;
    const char *anchor_name;
    const char *unit;
    unsigned units_per_chunk;
    void (*ours)(struct bench *bench);
    void (*anchor)(struct bench *bench);
};

static void pow_ours(struct bench *bench)
{
    uint64_t nonce;
    bool hit = bench->kernel->search(&nonce, &bench->slice);
    assert(!hit);
}

static void pow_evp(struct bench *bench)
{
    anchor_pow_evp(bench->anchor, &bench->slice);
}

static void pow_low_level(struct bench *bench)
{
    anchor_pow_low_level(&bench->slice);
}

/* A trial with the wrong key, as nearly all are. */
static void decrypt_ours(struct bench *bench)
{
    for (int i = 0; i < CURVE_CHUNK; i++) {
        struct buf out = {0};
        bool opened = ecies_decrypt(&out, &bench->sender_key, bench->object);
        assert(!opened);
        buf_clear(&out);
    }
}

static void decrypt_openssl(struct bench *bench)
{
    for (int i = 0; i < CURVE_CHUNK; i++) {
        uint8_t mac[SHA256_BYTES];
        anchor_trial(bench->anchor, mac,
                     (struct bytes){bench->sender_tagged, sizeof bench->sender_tagged},
                     bytes_slice(bench->object, 0, bench->object.len - ECIES_MAC_BYTES));
    }
}

static int copy_x(unsigned char *out, const unsigned char *x, const unsigned char *y, void *unused)
{
    (void)y;
    (void)unused;
    memcpy(out, x, 32);
    return 1;
}

static void multiplication(struct bench *bench)
{
    secp256k1_pubkey point;
    bool on_curve = public_key_load(&point, bench->sender.point);
    assert(on_curve);
    for (int i = 0; i < CURVE_CHUNK; i++) {
        uint8_t x[32];
        int done = secp256k1_ecdh(crypto_libs()->curve, x, &point, bench->key.scalar, copy_x, NULL);
        assert(done == 1);
    }
}

static void sign_ours(struct bench *bench)
{
    for (int i = 0; i < CURVE_CHUNK; i++) {
        struct signature signature;
        sign_message(&signature, &bench->key, SIGN_SHA256, bench->object);
    }
}

static void sign_openssl(struct bench *bench)
{
    for (int i = 0; i < CURVE_CHUNK; i++) {
        struct signature signature;
        anchor_sign(bench->anchor, &signature, bench->object);
    }
}

static void verify_ours(struct bench *bench)
{
    for (int i = 0; i < CURVE_CHUNK; i++) {
        bool valid =
            sign_verify(&bench->public_key, bench->object, signature_view(&bench->signature));
        assert(valid);
    }
}

static void verify_openssl(struct bench *bench)
{
    for (int i = 0; i < CURVE_CHUNK; i++) {
        bool valid = anchor_verify(bench->anchor, bench->object, signature_view(&bench->signature));
        assert(valid);
    }
}

static void hash_ours(struct bench *bench)
{
    for (int i = 0; i < HASH_CHUNK; i++) {
        uint8_t out[INVENTORY_HASH_BYTES];
        hash_inventory(out, bench->object);
    }
}

static void hash_openssl(struct bench *bench)
{
    for (int i = 0; i < HASH_CHUNK; i++) {
        uint8_t out[SHA512_BYTES];
        anchor_double_sha512(out, bench->object);
    }
}

static void hmac_ours(struct bench *bench)
{
    for (int i = 0; i < HASH_CHUNK; i++) {
        uint8_t out[SHA256_BYTES];
        hash_hmac_sha256(out, (struct bytes){bench->key.scalar, 32}, bench->object);
    }
}

static void hmac_openssl(struct bench *bench)
{
    for (int i = 0; i < HASH_CHUNK; i++) {
        uint8_t out[SHA256_BYTES];
        anchor_hmac_sha256(out, (struct bytes){bench->key.scalar, 32}, bench->object);
    }
}

static const struct contest pow_contests[] = {
    {"pow", "OpenSSL EVP, digest fetched, context reused", "trials/s", POW_CHUNK_TRIALS, pow_ours,
     pow_evp},
    {"pow", "OpenSSL SHA512_Init/Update/Final", "trials/s", POW_CHUNK_TRIALS, pow_ours,
     pow_low_level},
};

static const struct contest decrypt_contests[] = {
    {"decrypt", "OpenSSL ECDH_compute_key, SHA-512, HMAC", "keys/s", CURVE_CHUNK, decrypt_ours,
     decrypt_openssl},
    {"decrypt", "libsecp256k1's multiplication alone", "keys/s", CURVE_CHUNK, decrypt_ours,
     multiplication},
};

static const struct contest sign_contests[] = {
    {"sign", "OpenSSL ECDSA_sign", "signatures/s", CURVE_CHUNK, sign_ours, sign_openssl},
    {"verify", "OpenSSL ECDSA_verify", "signatures/s", CURVE_CHUNK, verify_ours, verify_openssl},
};

static const struct contest hash_contests[] = {
    {"hash", "OpenSSL SHA512() twice", "objects/s", HASH_CHUNK, hash_ours, hash_openssl},
    {"hmac", "OpenSSL HMAC()", "objects/s", HASH_CHUNK, hmac_ours, hmac_openssl},
};

/* ---- threads ---- */

static void search_in_crowd(void *context)
{
    struct bench *bench = context;
    enum pow_state state = pow_search_work(bench->search, POW_SLICE_TRIALS, NULL);
    assert(state == POW_RUNNING);
}

static void decrypt_in_crowd(void *context)
{
    decrypt_ours(context);
}

/* What is also measured on several threads. */
static const struct crowd_contest {
    const char *name;
    const char *unit;
    unsigned units; /* a call */
    void (*work)(void *bench);
} pow_crowd = {"search", "trials/s", POW_SLICE_TRIALS, search_in_crowd},
  decrypt_crowd = {"decrypt", "keys/s", CURVE_CHUNK, decrypt_in_crowd};

static double rate(void (*work)(struct bench *), struct bench *bench, unsigned units)
{
    int64_t start = clock_thread_cpu_ns();
    int64_t took = 0;
    uint64_t n = 0;
    do {
        work(bench);
        n += units;
        took = clock_thread_cpu_ns() - start;
    } while (took < CHUNK_MS * INT64_C(1000000));
    return (double)n * 1e9 / (double)took;
}

static int compare_rates(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

/* The value that a tenth of the rounds exceed. */
static double better_rounds(double *rates, size_t n)
{
    qsort(rates, n, sizeof *rates, compare_rates);
    return rates[n - 1 - n / 10];
}

static void run_contest(struct bench_result *out, const struct contest *contest,
                        struct bench *bench, double seconds)
{
    double wanted = seconds * 1000 / (2 * CHUNK_MS);
    size_t n_rounds = wanted < 1 ? 1 : wanted > MAX_ROUNDS ? MAX_ROUNDS : (size_t)wanted;
    double *ours = xcalloc(n_rounds, sizeof *ours);
    double *anchor = xcalloc(n_rounds, sizeof *anchor);

    for (size_t i = 0; i < n_rounds; i++) {
        ours[i] = rate(contest->ours, bench, contest->units_per_chunk);
        anchor[i] = rate(contest->anchor, bench, contest->units_per_chunk);
    }
    out->name = contest->name;
    out->anchor_name = contest->anchor_name;
    out->unit = contest->unit;
    out->ours = better_rounds(ours, n_rounds);
    out->anchor = better_rounds(anchor, n_rounds);
    out->ratio = out->ours / out->anchor;
    out->detail[0] = '\0';
    free(ours);
    free(anchor);
}

/* Many threads and one in turn, by wall time. The detail has the same by CPU time, which is what it
 * would be if no other program ran. */
static void run_crowd_contest(struct bench_result *out, const struct crowd_contest *contest,
                              struct bench *bench, unsigned n_threads, double seconds)
{
    double wanted = seconds * 1e6 / (2 * ROUND_US);
    size_t n_rounds = wanted < 1 ? 1 : wanted > MAX_ROUNDS ? MAX_ROUNDS : (size_t)wanted;
    double *rates[4];
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        rates[i] = xcalloc(n_rounds, sizeof **rates);
    }
    for (size_t i = 0; i < n_rounds; i++) {
        struct crowd_rate many = bench_crowd(contest->work, bench, n_threads, ROUND_US);
        struct crowd_rate one = bench_crowd(contest->work, bench, 1, ROUND_US);
        rates[0][i] = many.wall;
        rates[1][i] = one.wall;
        rates[2][i] = many.cpu;
        rates[3][i] = one.cpu;
    }
    out->name = contest->name;
    out->anchor_name = "one thread, wall time";
    out->unit = contest->unit;
    out->ours = better_rounds(rates[0], n_rounds) * contest->units;
    out->anchor = better_rounds(rates[1], n_rounds) * contest->units;
    out->ratio = out->ours / out->anchor;
    snprintf(out->detail, sizeof out->detail, "%u threads; ratio by CPU time %.2f", n_threads,
             better_rounds(rates[2], n_rounds) / better_rounds(rates[3], n_rounds));
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        free(rates[i]);
    }
}

static void bench_init(struct bench *bench)
{
    bool made = private_key_from_passphrase(&bench->key, bytes_of_str("bench"), 0) &&
                private_key_from_passphrase(&bench->sender_key, bytes_of_str("bench"), 1);
    assert(made);
    public_key_derive(&bench->public_key, &bench->key);
    public_key_derive(&bench->sender, &bench->sender_key);
    bench->sender_tagged[0] = 4;
    memcpy(bench->sender_tagged + 1, bench->sender.point, PUBLIC_KEY_BYTES);
    bench->anchor = anchor_new(&bench->key, &bench->sender);

    uint8_t *text = xcalloc(1, LARGE_OBJECT_BYTES);
    made =
        ecies_encrypt(&bench->small, &bench->public_key,
                      (struct bytes){text, SMALL_OBJECT_BYTES}) &&
        ecies_encrypt(&bench->large, &bench->public_key, (struct bytes){text, LARGE_OBJECT_BYTES});
    assert(made);
    free(text);
    bench->slice.n_trials = POW_CHUNK_TRIALS;
}

static void bench_clear(struct bench *bench)
{
    pow_search_unref(&bench->search);
    anchor_free(&bench->anchor);
    buf_clear(&bench->small);
    buf_clear(&bench->large);
    mem_wipe(bench, sizeof *bench);
}

void bench_cpu_name(char *out, size_t out_size)
{
    static const char mark[] = "model name";
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "re");
    snprintf(out, out_size, "unknown");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *value = strchr(line, ':');
        if (str_starts_with(line, mark) && value != NULL) {
            value += strspn(value, ": \t");
            snprintf(out, out_size, "%.*s", (int)strcspn(value, "\n"), value);
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

/* A benchmark runs each of its contests for each of its variants: a kernel, or a size of object. */
struct variant {
    const struct pow_kernel *kernel;
    bool is_large;
};

static const struct {
    const char *name;
    const struct contest *contests;
    size_t n_contests;
    bool has_large; /* also with a large object */
    const struct crowd_contest *crowd;
} benchmarks[] = {
    {"pow", pow_contests, ARRAY_LEN(pow_contests), false, &pow_crowd},
    {"decrypt", decrypt_contests, ARRAY_LEN(decrypt_contests), true, &decrypt_crowd},
    {"sign", sign_contests, ARRAY_LEN(sign_contests), false, NULL},
    {"hash", hash_contests, ARRAY_LEN(hash_contests), true, NULL},
};

/* Each has two contests, and one of threads. */
enum { BENCH_POW = 0, MAX_VARIANTS = BENCH_MAX_RESULTS / 3 };

/* All kernels that can run here, or the one that was asked for. */
static bool list_kernels(struct variant out[MAX_VARIANTS], size_t *out_n, const char *wanted,
                         struct fault *fault)
{
    const struct pow_kernel *one = wanted != NULL ? pow_kernel_by_name(wanted) : NULL;
    size_t n = 0;
    if (wanted != NULL && (one == NULL || !one->is_supported())) {
        return fault_set(fault, FAULT_NOT_FOUND, "no kernel \"%.32s\" on this processor", wanted);
    }
    for (size_t i = 0; pow_kernel_at(i) != NULL && n < MAX_VARIANTS; i++) {
        const struct pow_kernel *kernel = pow_kernel_at(i);
        if (kernel->is_supported() && (one == NULL || kernel == one)) {
            out[n++].kernel = kernel;
        }
    }
    *out_n = n;
    return true;
}

static void prepare_variant(struct bench *bench, const struct variant *variant)
{
    bench->object = buf_view(variant->is_large ? &bench->large : &bench->small);
    sign_message(&bench->signature, &bench->key, SIGN_SHA256, bench->object);
    bench->kernel = variant->kernel;
    pow_search_unref(&bench->search);
    if (variant->kernel != NULL) {
        bench->search = pow_search_new(bench->slice.initial_hash, 0, variant->kernel);
    }
}

/* In front of what the detail says already. */
static void describe(struct bench_result *result, const struct variant *variant)
{
    char cpu[96];
    char before[64];
    bench_cpu_name(cpu, sizeof cpu);
    snprintf(before, sizeof before, "%s%.60s", *result->detail != '\0' ? "; " : "", result->detail);
    if (variant->kernel != NULL) {
        snprintf(result->detail, sizeof result->detail, "kernel %s%s, %s", variant->kernel->name,
                 before, cpu);
    } else {
        snprintf(result->detail, sizeof result->detail, "%s object%s, %s",
                 variant->is_large ? "256 KiB" : "1 KiB", before, cpu);
    }
}

bool bench_run(struct bench_result out[BENCH_MAX_RESULTS], size_t *out_n, const char *name,
               const struct bench_options *options, struct fault *fault)
{
    struct variant variants[MAX_VARIANTS] = {{.is_large = false}, {.is_large = true}};
    struct bench bench = {0};
    size_t which = 0;
    while (which < ARRAY_LEN(benchmarks) && strcmp(benchmarks[which].name, name) != 0) {
        which++;
    }
    if (which == ARRAY_LEN(benchmarks)) {
        return fault_set(fault, FAULT_NOT_FOUND, "no benchmark \"%.32s\"", name);
    }
    size_t n_variants = benchmarks[which].has_large ? 2 : 1;
    if (options->threads > BENCH_MAX_THREADS) {
        return fault_set(fault, FAULT_LIMIT, "at most %d threads", BENCH_MAX_THREADS);
    }
    if (which == BENCH_POW && !list_kernels(variants, &n_variants, options->kernel, fault)) {
        return false;
    }

    const struct crowd_contest *crowd = options->threads >= 2 ? benchmarks[which].crowd : NULL;
    size_t n_results = n_variants * (benchmarks[which].n_contests + (crowd != NULL));
    double seconds = options->seconds > 0 ? options->seconds : BENCH_DEFAULT_SEC;
    double share = seconds / (double)n_results;
    size_t done = 0;
    bench_init(&bench);
    for (size_t i = 0; i < n_variants; i++) {
        prepare_variant(&bench, &variants[i]);
        for (size_t j = 0; j < benchmarks[which].n_contests; j++) {
            run_contest(&out[done], &benchmarks[which].contests[j], &bench, share);
            describe(&out[done++], &variants[i]);
        }
        if (crowd != NULL) {
            run_crowd_contest(&out[done], crowd, &bench, options->threads, share);
            describe(&out[done++], &variants[i]);
        }
    }
    bench_clear(&bench);
    *out_n = done;
    return true;
}
