// SPDX-License-Identifier: MIT
/* Entries of METADATA (RFC 5464), which LIST can return too (RFC 9590). For this room alone. */
#ifndef BITTERN_MAILPROTO_IMAP_ANNOTATIONS_H
#define BITTERN_MAILPROTO_IMAP_ANNOTATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct fault;
struct imap_parser;
struct imap_session;

enum { ANNOTATIONS_MAX_ENTRIES = 100 /* named in one command */ };

enum { ANNOTATION_DEPTH_INFINITY = -1 };

struct annotation_request {
    const char *entries[ANNOTATIONS_MAX_ENTRIES];
    size_t n_entries;
    int depth; /* 0, 1 or ANNOTATION_DEPTH_INFINITY: entries below those named, too */
    bool has_max_size;
    uint64_t max_size;
    uint64_t longest_left_out; /* answer: 0 when all were told */
};

/* "/private/comment", or a list of such names in parentheses; the parser fails when one can't be an
 * entry's. */
void annotation_entries(struct imap_parser *args, struct annotation_request *out);
/* The whole untagged METADATA line, or none when there is nothing to tell. False: the mailbox ("":
 * the account) can't be read. */
bool annotations_print(struct imap_session *session, const char *name,
                       struct annotation_request *request, struct fault *fault);

#endif
