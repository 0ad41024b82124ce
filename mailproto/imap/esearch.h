// SPDX-License-Identifier: MIT
/* The ESEARCH response and what it can be asked for (RFC 4731, 5267, 9394, 7377). For this room
 * alone.
 *
 *     * ESEARCH (TAG "a" MAILBOX "x" UIDVALIDITY 7) UID MIN 2 MAX 9 COUNT 3 ALL 2,5,9 MODSEQ 12
 *
 * A result is a list of numbers in an order that means something (SORT's); runs of it that ascend
 * are told as ranges. A long one goes out in steps. */
#ifndef BITTERN_MAILPROTO_IMAP_ESEARCH_H
#define BITTERN_MAILPROTO_IMAP_ESEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct imap_parser;
struct imap_session;

enum search_return {
    SEARCH_RETURN_MIN = 1,
    SEARCH_RETURN_MAX = 2,
    SEARCH_RETURN_ALL = 4,
    SEARCH_RETURN_COUNT = 8,
    SEARCH_RETURN_SAVE = 16,
    SEARCH_RETURN_PARTIAL = 32,
    SEARCH_RETURN_UPDATE = 64, /* tell what changes of the result (RFC 5267) */
    SEARCH_RETURN_CONTEXT = 128,
    SEARCH_RETURN_RELEVANCY = 256 /* how well each fits (RFC 6203) */
};

/* "1:100", or "-1:-100": from the end (RFC 9394). */
struct partial_range {
    uint32_t first; /* <= last */
    uint32_t last;
    bool from_end;
};

struct esearch_returns {
    bool is_extended; /* RETURN was said, or it is IMAP4rev2 */
    unsigned wanted;  /* of enum search_return */
    struct partial_range partial;
};

struct esearch {
    bool is_uid;
    const char *mailbox; /* NULL: the selected one, which is not named */
    uint32_t uid_validity;
    struct esearch_returns returns;
    uint32_t *numbers; /* on the heap; freed by esearch_clear */
    size_t n_numbers;
    uint8_t *scores; /* RELEVANCY: of each number, 1 to 100; on the heap; NULL: not asked for */
    uint64_t modseq; /* told when it is not 0 */
    size_t next;     /* what goes out next, and where it ends */
    size_t end;
    size_t next_score;
    bool line_begun;
    bool scores_begun;
};

/* From "(" to the space behind ")". */
void esearch_parse_returns(struct imap_parser *args, struct esearch_returns *out);
void partial_range_parse(struct imap_parser *args, struct partial_range *out);
/* Which of `n` items the range means: *out_first up to, not with, *out_end. */
void partial_range_apply(const struct partial_range *range, size_t n, size_t *out_first,
                         size_t *out_end);
/* Is the answer about the i-th of its numbers? It is about all, or with MIN, MAX or PARTIAL alone
 * about those (RFC 4731 section 3.2, RFC 5182 section 2.4, RFC 9394 section 3.1). */
bool esearch_means(const struct esearch *answer, size_t i) MUST_USE;
/* A piece of the line, as long as there is room. True when it is complete. */
bool esearch_step(struct imap_session *session, struct esearch *answer) MUST_USE;
void esearch_clear(struct esearch *answer);

#endif
