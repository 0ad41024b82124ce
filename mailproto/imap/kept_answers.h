// SPDX-License-Identifier: MIT
/* Answers of SORT and THREAD that were worked out already, shared by all sessions of a server.
 *
 * Web mail asks for the same order of a mailbox with each page that it shows. What such an answer
 * depends on never changes under a UID: a message's header, dates and size. So an answer holds as
 * long as it is about the same messages, and nothing has to be told when something changes; new
 * mail or an expunge makes another question. What was read of the messages for an answer is kept in
 * the same way, so that for the next one only what is new has to be read. All together take
 * KEPT_MAX_BYTES; who was asked for longest ago goes first.
 *
 * For this room alone. */
#ifndef BITTERN_MAILPROTO_IMAP_KEPT_ANSWERS_H
#define BITTERN_MAILPROTO_IMAP_KEPT_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/compiler.h"
#include "mailproto/imap/uid_set.h"

struct kept_answers;

enum {
    KEPT_MAX_BYTES = 8388608,       /* of all answers */
    KEPT_ANSWER_MAX_BYTES = 4194304 /* of one: larger ones are not kept */
};

/* What was asked. Borrowed. */
struct kept_question {
    uint64_t mailbox_id;            /* never used twice */
    struct bytes words;             /* the command and what it depends on besides the messages */
    const struct uid_set *messages; /* that were found */
};

/* Stays as it is as long as somebody has a reference to it. */
struct kept_answer {
    unsigned refs;
    struct uid_set messages; /* that it is about */
    struct buf data;
};

struct kept_answers *kept_answers_new(void) MUST_USE;
/* After the last session. NULL is fine. */
void kept_answers_free(struct kept_answers **answers);

/* A reference of the caller's, or NULL. */
struct kept_answer *kept_answers_find(struct kept_answers *answers,
                                      const struct kept_question *question) MUST_USE;
/* The newest answer to these words, whatever messages it is about. */
struct kept_answer *kept_answers_newest(struct kept_answers *answers,
                                        const struct kept_question *question) MUST_USE;
/* Of what was read of messages and kept (NULL: nothing was): which of `wanted` it is not about;
 * and, when those have been read, is it worth keeping what is known of `wanted` in its place? A few
 * messages are read again and again for less than it costs to keep all anew. */
void kept_answer_missing(const struct kept_answer *kept, const struct uid_set *wanted,
                         struct uid_set *out_missing);
bool kept_answer_is_outgrown(const struct kept_answer *kept, const struct uid_set *wanted,
                             const struct uid_set *missing) MUST_USE;
/* Takes `data` over, keeps it unless it is too large or `answers` is NULL, and gives the caller a
 * reference in any case. */
struct kept_answer *kept_answers_put(struct kept_answers *answers,
                                     const struct kept_question *question,
                                     struct buf *data) MUST_USE;
/* NULL is fine. */
void kept_answer_unref(struct kept_answer **answer);
/* What is kept now. */
size_t kept_answers_bytes(const struct kept_answers *answers) MUST_USE;

#endif
