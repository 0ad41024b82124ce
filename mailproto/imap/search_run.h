// SPDX-License-Identifier: MIT
/* A search under way, which SEARCH, SORT and THREAD share. For this room alone. */
#ifndef BITTERN_MAILPROTO_IMAP_SEARCH_RUN_H
#define BITTERN_MAILPROTO_IMAP_SEARCH_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "mailproto/imap/search.h"

struct imap_session;

enum search_return {
    SEARCH_RETURN_MIN = 1,
    SEARCH_RETURN_MAX = 2,
    SEARCH_RETURN_ALL = 4,
    SEARCH_RETURN_COUNT = 8,
    SEARCH_RETURN_SAVE = 16
};

/* command.data while it runs. */
struct search_run {
    struct search search;
    unsigned wanted;
    bool is_extended; /* answered by ESEARCH */
    struct uid_set maybe;
    struct mailbox_hit *hits; /* what the scan found, ascending */
    size_t n_hits;
    size_t hits_capacity;
    struct uid_set result;
    struct uid_set_walk walk; /* through the result */
    bool line_begun;
    /* Called when the result is known. */
    void (*found)(struct imap_session *session, struct search_run *run);
    void *data;                                              /* of the command */
    void (*clean)(struct imap_session *session, void *data); /* may be NULL */
};

/* A run in the command's arena, which is its data and is cleaned up with it. */
struct search_run *search_run_new(struct imap_session *session, struct imap_parser *args);
/* Read the keys to the end of the command and search; `found` is called when it is done, at once or
 * later. A syntax error is answered here. */
void search_run_start(struct imap_session *session, struct imap_parser *args,
                      struct search_run *run);
/* "UTF-8" or "US-ASCII"; else NO [BADCHARSET] is answered and the result false. */
bool search_charset_is_known(struct imap_session *session, struct bytes charset) MUST_USE;

#endif
