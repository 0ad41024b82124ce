// SPDX-License-Identifier: MIT
/* A search under way, which SEARCH, SORT, THREAD and ESEARCH share. For this room alone.
 *
 *     criteria -> every record of the scope's view: YES, NO or MAYBE
 *       MAYBE -> the store scans their text -> which tests each one passes -> judged again
 *     result, a set of UIDs -> found() */
#ifndef BITTERN_MAILPROTO_IMAP_SEARCH_RUN_H
#define BITTERN_MAILPROTO_IMAP_SEARCH_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "mailproto/imap/esearch.h"
#include "mailproto/imap/search.h"

struct imap_session;

/* In the arena of the command; command.data where search_run_new made it. */
struct search_run {
    struct search search;
    struct search_scope scope;
    struct esearch_returns returns;
    bool needs_fuzzy; /* RELEVANCY is asked for */
    struct uid_set maybe;
    struct mailbox_hit *hits; /* what the scan found, ascending */
    size_t n_hits;
    size_t hits_capacity;
    struct uid_set result;
    struct esearch answer;
    struct mailbox_reader *reader; /* of search_gather_start */
    void (*take)(struct imap_session *session, struct search_run *run,
                 const struct mailbox_item_data *data);
    void (*taken)(struct imap_session *session, struct search_run *run);
    /* Called when the result is known. */
    void (*found)(struct imap_session *session, struct search_run *run);
    void *data;                                              /* of the command */
    void (*clean)(struct imap_session *session, void *data); /* may be NULL */
};

/* A run in the command's arena over the selected mailbox, which is its data and is cleaned up with
 * it. */
struct search_run *search_run_new(struct imap_session *session, struct imap_parser *args);
/* Read the keys to the end of the command and search; `found` is called when it is done, at once or
 * later. A syntax error is answered here. */
void search_run_start(struct imap_session *session, struct imap_parser *args,
                      struct search_run *run);
/* The keys alone: the parser fails where they are wrong, or do not go with what is to be returned.
 */
void search_run_parse(struct imap_session *session, struct imap_parser *args,
                      struct search_run *run, const struct search_scope *scope);
/* The same for keys that were read. */
void search_run_judge(struct imap_session *session, struct search_run *run);
/* Free what does not lie in the arena. */
void search_run_clear(struct imap_session *session, struct search_run *run);
/* Read messages of the result, each once: `take` for each, then `taken`. The command's step. */
void search_gather_start(struct imap_session *session, struct search_run *run,
                         const struct uid_set *uids, unsigned items);
/* "(MIN SAVE)" with the space behind it. */
void search_returns(struct imap_session *session, struct imap_parser *args, struct search_run *run);
/* "CHARSET UTF-8 ", where it stands: the parser fails when it is not known, or can't stand there.
 */
void search_charset_option(struct imap_session *session, struct imap_parser *args);
/* The parser fails, so that NO [BADCHARSET] is answered, when it is neither UTF-8 nor US-ASCII. */
void search_charset(struct imap_parser *args);
/* What the client is told of a message: its UID after UID, else its number. */
uint32_t search_number_of(const struct imap_session *session, uint32_t uid) MUST_USE;
/* run->answer has the UIDs of the result, in the order of the answer: note what MODSEQ and "$" are
 * by them, and make them what the client is told. */
void search_answer_uids(struct imap_session *session, struct search_run *run);
/* How well a message of the result fits, 1 to 100 (RFC 6203 section 4): the share of the FUZZY
 * texts that it has. */
unsigned search_relevancy(const struct search_run *run, uint32_t uid) MUST_USE;
/* The end of a "* SEARCH" or "* SORT" line (RFC 7162 section 3.1.5). */
void search_end_line(struct imap_session *session, const struct search_run *run);
/* One record of the view against the criteria, without text, or with what `hit` says of it. */
enum search_verdict search_run_verdict(const struct imap_session *session,
                                       const struct search_run *run,
                                       const struct mailbox_message *message,
                                       const struct mailbox_keywords *keywords,
                                       const struct mailbox_hit *hit) MUST_USE;
/* A copy that lives on after the command. */
struct bytes search_keep(struct arena *arena, struct bytes text) MUST_USE;

#endif
