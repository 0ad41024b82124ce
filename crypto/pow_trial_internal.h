// SPDX-License-Identifier: MIT
/* One trial of the proof of work over vectors: a template in the common tongue of C and OpenCL C.
 *
 * It is included once, after these were defined, and has lanes_trial:
 *
 *     VEC              some 64-bit numbers side by side: each is a lane with a nonce of its own
 *     SET1(x)          the number x in every lane; ZERO, 0 in every lane
 *     ADD(a, b)     XOR3(a, b, c)     ROR(a, n)     SHR(a, n)
 *     CH(e, f, g)      e ? f : g, bit by bit
 *     MAJ(a, b, c)     what two of three bits say
 *     CONSTANT         the address space of the plan and of SHA-512's tables; empty in C
 *     FORGET(pointer)  the compiler may not know any more what lies behind it
 *
 * One trial is two blocks of SHA-512. The first is
 *
 *     W[0] the nonce | W[1..8] the initial hash | 80 00.. | 0 .. 0 | W[15] = 576 bits
 *
 * so that for the whole search nothing but W[0] changes, and of W[16..31] a good part is known
 * before the nonce is; the second is
 *
 *     W[0..7] the first digest | 80 00.. | 0 .. 0 | W[15] = 512 bits
 *
 * where known words drop out likewise. struct pow_plan has what is known; the tables FIRST and
 * SECOND below have what is left to do. From W[32] on every word is in play: there the rounds go 16
 * at a time through a loop, which stays small enough for the processor's cache of decoded
 * instructions. The result is word a after the last round; nothing of it can be known sooner. */

#define BIG_S0(x) XOR3(ROR(x, 28), ROR(x, 34), ROR(x, 39))
#define BIG_S1(x) XOR3(ROR(x, 14), ROR(x, 18), ROR(x, 41))
#define SMALL_S0(x) XOR3(ROR(x, 1), ROR(x, 8), SHR(x, 7))
#define SMALL_S1(x) XOR3(ROR(x, 19), ROR(x, 61), SHR(x, 6))

/* A round; `kw` is the sum of its constant and its word. The longest chain goes through e, so S1(e)
 * is added last. */
#define ROUND(a, b, c, d, e, f, g, h, kw)                                                          \
    do {                                                                                           \
        VEC t1 = ADD(ADD(ADD(h, kw), CH(e, f, g)), BIG_S1(e));                                     \
        VEC t2 = ADD(MAJ(a, b, c), BIG_S0(a));                                                     \
        d = ADD(d, t1);                                                                            \
        h = ADD(t1, t2);                                                                           \
    } while (0)

/* Rounds 1 to 15 of 16, and all; KW(i) gives the sum for the i-th. The names rotate, the values
 * stay. */
#define ROUNDS_1_TO_15(KW)                                                                         \
    do {                                                                                           \
        ROUND(h, a, b, c, d, e, f, g, KW(1));                                                      \
        ROUND(g, h, a, b, c, d, e, f, KW(2));                                                      \
        ROUND(f, g, h, a, b, c, d, e, KW(3));                                                      \
        ROUND(e, f, g, h, a, b, c, d, KW(4));                                                      \
        ROUND(d, e, f, g, h, a, b, c, KW(5));                                                      \
        ROUND(c, d, e, f, g, h, a, b, KW(6));                                                      \
        ROUND(b, c, d, e, f, g, h, a, KW(7));                                                      \
        ROUND(a, b, c, d, e, f, g, h, KW(8));                                                      \
        ROUND(h, a, b, c, d, e, f, g, KW(9));                                                      \
        ROUND(g, h, a, b, c, d, e, f, KW(10));                                                     \
        ROUND(f, g, h, a, b, c, d, e, KW(11));                                                     \
        ROUND(e, f, g, h, a, b, c, d, KW(12));                                                     \
        ROUND(d, e, f, g, h, a, b, c, KW(13));                                                     \
        ROUND(c, d, e, f, g, h, a, b, KW(14));                                                     \
        ROUND(b, c, d, e, f, g, h, a, KW(15));                                                     \
    } while (0)

#define ROUNDS_16(KW)                                                                              \
    do {                                                                                           \
        ROUND(a, b, c, d, e, f, g, h, KW(0));                                                      \
        ROUNDS_1_TO_15(KW);                                                                        \
    } while (0)

/* What each word adds to its known part: its own four terms, less those that are known. Word i
 * takes the place of word i - 16, so that w[(i + 9) & 15] is word i - 7, and so on. */
#define FIRST_0 w[0]
#define FIRST_1 ZERO
#define FIRST_2 SMALL_S1(w[0])
#define FIRST_3 ZERO
#define FIRST_4 SMALL_S1(w[2])
#define FIRST_5 ZERO
#define FIRST_6 SMALL_S1(w[4])
#define FIRST_7 w[0]
#define FIRST_8 SMALL_S1(w[6])
#define FIRST_9 ADD(SMALL_S1(w[7]), w[2])
#define FIRST_10 SMALL_S1(w[8])
#define FIRST_11 ADD(SMALL_S1(w[9]), w[4])
#define FIRST_12 SMALL_S1(w[10])
#define FIRST_13 ADD(SMALL_S1(w[11]), w[6])
#define FIRST_14 ADD(SMALL_S1(w[12]), w[7])
#define FIRST_15 ADD(ADD(SMALL_S1(w[13]), w[8]), SMALL_S0(w[0]))

#define SECOND_0 ADD(w[0], SMALL_S0(w[1]))
#define SECOND_1 ADD(w[1], SMALL_S0(w[2]))
#define SECOND_2 ADD(ADD(w[2], SMALL_S0(w[3])), SMALL_S1(w[0]))
#define SECOND_3 ADD(ADD(w[3], SMALL_S0(w[4])), SMALL_S1(w[1]))
#define SECOND_4 ADD(ADD(w[4], SMALL_S0(w[5])), SMALL_S1(w[2]))
#define SECOND_5 ADD(ADD(w[5], SMALL_S0(w[6])), SMALL_S1(w[3]))
#define SECOND_6 ADD(ADD(w[6], SMALL_S0(w[7])), SMALL_S1(w[4]))
#define SECOND_7 ADD(ADD(w[7], w[0]), SMALL_S1(w[5]))
#define SECOND_8 ADD(SMALL_S1(w[6]), w[1])
#define SECOND_9 ADD(SMALL_S1(w[7]), w[2])
#define SECOND_10 ADD(SMALL_S1(w[8]), w[3])
#define SECOND_11 ADD(SMALL_S1(w[9]), w[4])
#define SECOND_12 ADD(SMALL_S1(w[10]), w[5])
#define SECOND_13 ADD(SMALL_S1(w[11]), w[6])
#define SECOND_14 ADD(SMALL_S1(w[12]), w[7])
#define SECOND_15 ADD(ADD(SMALL_S1(w[13]), w[8]), SMALL_S0(w[0]))

/* The sum for a round of each stretch. */
#define KW_FIRST(i) SET1(plan->first_kw[i])
#define KW_FIRST_16(i)                                                                             \
    ADD(w[i] = ADD(FIRST_##i, SET1(plan->first.word[16 + (i)])), SET1(k[16 + (i)]))
#define KW_PLAIN(i) ADD(w[i], SET1(k[i]))
#define KW_SECOND(i) ((i) < 8 ? ADD(w[i], SET1(plan->second_kw[i])) : SET1(plan->second_kw[i]))
#define KW_SECOND_16(i)                                                                            \
    ADD(w[i] = ADD(SECOND_##i, SET1(plan->second.word[16 + (i)])), SET1(k[16 + (i)]))
#define KW_LATER(i)                                                                                \
    ADD(w[i] = ADD(ADD(w[i], SMALL_S0(w[((i) + 1) & 15])),                                         \
                   ADD(w[((i) + 9) & 15], SMALL_S1(w[((i) + 14) & 15]))),                          \
        SET1(later[i]))

/* Word a of the double digest for a vector of nonces. */
static inline VEC lanes_trial(CONSTANT const struct pow_plan *plan, VEC nonce)
{
    CONSTANT const uint64_t *k = sha512_constants;
    CONSTANT const uint64_t *start = sha512_start;
    VEC w[SHA512_BLOCK_WORDS];
    FORGET(plan);
    FORGET(k);
    FORGET(start);

    VEC a = SET1(start[0]);
    VEC b = SET1(start[1]);
    VEC c = SET1(start[2]);
    VEC d = ADD(nonce, SET1(plan->round_0_e));
    VEC e = SET1(start[4]);
    VEC f = SET1(start[5]);
    VEC g = SET1(start[6]);
    VEC h = ADD(nonce, SET1(plan->round_0_a));
    w[0] = nonce;
    ROUNDS_1_TO_15(KW_FIRST);
    ROUNDS_16(KW_FIRST_16);
    for (CONSTANT const uint64_t *later = k + 32; later != k + SHA512_ROUNDS; later += 16) {
        ROUNDS_16(KW_LATER);
    }

    w[0] = ADD(a, SET1(start[0]));
    w[1] = ADD(b, SET1(start[1]));
    w[2] = ADD(c, SET1(start[2]));
    w[3] = ADD(d, SET1(start[3]));
    w[4] = ADD(e, SET1(start[4]));
    w[5] = ADD(f, SET1(start[5]));
    w[6] = ADD(g, SET1(start[6]));
    w[7] = ADD(h, SET1(start[7]));
    a = SET1(start[0]);
    b = SET1(start[1]);
    c = SET1(start[2]);
    d = SET1(start[3]);
    e = SET1(start[4]);
    f = SET1(start[5]);
    g = SET1(start[6]);
    h = SET1(start[7]);
    ROUNDS_16(KW_SECOND);
    ROUNDS_16(KW_SECOND_16);
    for (CONSTANT const uint64_t *later = k + 32; later != k + SHA512_ROUNDS; later += 16) {
        ROUNDS_16(KW_LATER);
    }
    return ADD(a, SET1(start[0]));
}
