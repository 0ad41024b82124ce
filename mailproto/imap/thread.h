// SPDX-License-Identifier: MIT
/* Threads (RFC 5256 section 3): messages into trees, by subject or by references. Pure. */
#ifndef BITTERN_MAILPROTO_IMAP_THREAD_H
#define BITTERN_MAILPROTO_IMAP_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct arena;
struct buf;

enum {
    THREAD_MAX_DEPTH = 1000,    /* a message that would stand deeper begins a thread of its own */
    THREAD_MAX_REFERENCES = 100 /* of one message: the last ones */
};

struct thread_message {
    uint32_t number; /* as it is told; never 0 */
    uint32_t uid;
    int64_t date;
    struct bytes subject; /* the base subject */
    bool is_reply;        /* its subject had a mark */
    struct bytes message_id;
    struct bytes references; /* the References header; In-Reply-To where that has none */
};

/* Append "(1 2)(3 (4)(5))" for the messages, which come in ascending order of both. */
void thread_by_subject(struct buf *out, struct thread_message *messages, size_t n_messages);
void thread_by_references(struct buf *out, const struct thread_message *messages, size_t n_messages,
                          struct arena *arena);

#endif
