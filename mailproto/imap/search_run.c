// SPDX-License-Identifier: MIT
#include "mailproto/imap/search_run.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/str.h"
#include "mailproto/imap/imap_internal.h"

/* ---- Beginning and end ---- */

void search_run_clear(struct imap_session *session, struct search_run *run)
{
    if (run->clean != NULL) {
        run->clean(session, run->data);
    }
    if (run->reader != NULL) {
        session->ops->read_end(&run->reader);
    }
    search_clear(&run->search);
    uid_set_clear(&run->maybe);
    uid_set_clear(&run->result);
    esearch_clear(&run->answer);
    free(run->hits);
    run->hits = NULL;
    run->n_hits = 0;
    run->hits_capacity = 0;
}

static void clean(struct imap_session *session)
{
    search_run_clear(session, session->command.data);
}

struct search_run *search_run_new(struct imap_session *session, struct imap_parser *args)
{
    struct search_run *run = arena_alloc(args->arena, sizeof(*run));
    run->scope = (struct search_scope){
        .mailbox = session->selected.mailbox, .view = session->selected.told, .is_selected = true};
    session->command.data = run;
    session->command.clean = clean;
    return run;
}

void search_returns(struct imap_session *session, struct imap_parser *args, struct search_run *run)
{
    esearch_parse_returns(args, &run->returns);
    run->needs_fuzzy = (run->returns.wanted & SEARCH_RETURN_RELEVANCY) != 0;
    session->command.saves = (run->returns.wanted & SEARCH_RETURN_SAVE) != 0;
}

void search_charset(struct imap_parser *args)
{
    struct bytes charset = imap_astring(args);
    if (imap_ok(args) && !bytes_is_word(charset, "UTF-8") && !bytes_is_word(charset, "US-ASCII")) {
        args->well_formed = true;
        args->code = "BADCHARSET (UTF-8 US-ASCII)";
        imap_fail(args, "Unknown charset");
    }
    imap_space(args);
}

void search_charset_option(struct imap_session *session, struct imap_parser *args)
{
    if (!imap_accept_word(args, "CHARSET")) {
        return;
    }
    if ((session->enabled & IMAP_ENABLED_UTF8) != 0) { /* RFC 6855 section 3 */
        imap_fail(args, "With UTF8=ACCEPT there is no CHARSET");
    }
    imap_space(args);
    search_charset(args);
}

uint32_t search_number_of(const struct imap_session *session, uint32_t uid)
{
    return session->command.is_uid ? uid : mailbox_view_seq_of(session->selected.told, uid);
}

static uint64_t modseq_of(const struct search_run *run, uint32_t uid)
{
    const struct mailbox_message *message = mailbox_view_find(run->scope.view, uid);
    return message != NULL ? message->modseq : 0;
}

static int compare_uids(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static void save_meant(struct imap_session *session, const struct esearch *answer)
{
    uint32_t *uids = xcalloc(answer->n_numbers + 1, sizeof(*uids));
    size_t n_uids = 0;
    for (size_t i = 0; i < answer->n_numbers; i++) {
        if (esearch_means(answer, i)) {
            uids[n_uids++] = answer->numbers[i];
        }
    }
    qsort(uids, n_uids, sizeof(*uids), compare_uids); /* SORT has another order */
    uid_set_clear(&session->selected.saved);
    for (size_t i = 0; i < n_uids; i++) {
        uid_set_add(&session->selected.saved, uids[i]);
    }
    free(uids);
}

static int compare_hits(const void *a, const void *b)
{
    uint32_t left = ((const struct mailbox_hit *)a)->uid;
    uint32_t right = ((const struct mailbox_hit *)b)->uid;
    return (left > right) - (left < right);
}

static unsigned count_bits(uint64_t bits)
{
    unsigned count = 0;
    for (; bits != 0; bits &= bits - 1) {
        count++;
    }
    return count;
}

unsigned search_relevancy(const struct search_run *run, uint32_t uid)
{
    const struct mailbox_hit wanted = {.uid = uid};
    unsigned n_tests = count_bits(run->search.fuzzy_tests);
    if (n_tests == 0 || !uid_set_has(&run->maybe, uid)) {
        return 100; /* it was found without a look at its text */
    }
    const struct mailbox_hit *hit = run->n_hits == 0 ? NULL
                                                     : bsearch(&wanted, run->hits, run->n_hits,
                                                               sizeof(*run->hits), compare_hits);
    unsigned n_passed = hit == NULL ? 0 : count_bits(hit->passed & run->search.fuzzy_tests);
    return 1 + 99 * n_passed / n_tests;
}

void search_answer_uids(struct imap_session *session, struct search_run *run)
{
    struct esearch *answer = &run->answer;
    answer->is_uid = !run->scope.is_selected || session->command.is_uid;
    answer->returns = run->returns;
    for (size_t i = 0; run->search.uses_modseq && i < answer->n_numbers; i++) {
        if (esearch_means(answer, i) && modseq_of(run, answer->numbers[i]) > answer->modseq) {
            answer->modseq = modseq_of(run, answer->numbers[i]);
        }
    }
    if ((run->returns.wanted & SEARCH_RETURN_SAVE) != 0) {
        save_meant(session, answer);
    }
    if ((run->returns.wanted & SEARCH_RETURN_RELEVANCY) != 0) {
        answer->scores = xcalloc(answer->n_numbers + 1, sizeof(*answer->scores));
        for (size_t i = 0; i < answer->n_numbers; i++) {
            answer->scores[i] = (uint8_t)search_relevancy(run, answer->numbers[i]);
        }
    }
    for (size_t i = 0; !answer->is_uid && i < answer->n_numbers; i++) {
        answer->numbers[i] = mailbox_view_seq_of(run->scope.view, answer->numbers[i]);
    }
}

void search_end_line(struct imap_session *session, const struct search_run *run)
{
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    uint64_t highest = 0;
    while (run->search.uses_modseq && uid_set_next(&run->result, &walk, &uid)) {
        uint64_t modseq = modseq_of(run, uid);
        highest = modseq > highest ? modseq : highest;
    }
    if (highest > 0) {
        buf_printf(&session->out, " (MODSEQ %" PRIu64 ")", highest);
    }
    buf_append_str(&session->out, "\r\n");
}

struct bytes search_keep(struct arena *arena, struct bytes text)
{
    return text.len == 0 ? (struct bytes){0}
                         : (struct bytes){arena_memdup(arena, text.data, text.len), text.len};
}

/* ---- Judging ---- */

enum search_verdict search_run_verdict(const struct imap_session *session,
                                       const struct search_run *run,
                                       const struct mailbox_message *message,
                                       const struct mailbox_keywords *keywords,
                                       const struct mailbox_hit *hit)
{
    struct search_subject subject = {.message = message,
                                     .keywords = keywords,
                                     .is_recent = run->scope.is_selected &&
                                                  imap_is_recent(session, message->uid)};
    if (hit != NULL) {
        subject.has_text = true;
        subject.passed = hit->passed;
    }
    return search_judge(&run->search, &subject);
}

/* The newest record of a message of the scope; the one it has when it is gone. */
static const struct mailbox_message *newest_of(const struct search_run *run,
                                               const struct mailbox_view *newest, uint32_t uid)
{
    const struct mailbox_message *message = mailbox_view_find(newest, uid);
    return message != NULL ? message : mailbox_view_find(run->scope.view, uid);
}

static void judge_view(struct imap_session *session, struct search_run *run)
{
    const struct mailbox_view *view = run->scope.view;
    struct mailbox_view *newest = session->ops->view(run->scope.mailbox);
    for (uint32_t seq = 1; seq <= view->n_messages; seq++) {
        const struct mailbox_message *message = mailbox_view_at(view, seq);
        if (newest != view) {
            message = newest_of(run, newest, message->uid);
        }
        enum search_verdict verdict =
            search_run_verdict(session, run, message, newest->keywords, NULL);
        if (verdict == SEARCH_YES) {
            uid_set_add(&run->result, message->uid);
        } else if (verdict == SEARCH_MAYBE) {
            uid_set_add(&run->maybe, message->uid);
        }
    }
    mailbox_view_unref(&newest);
}

/* Hits come in ascending order; a message without one has passed no test. */
static void judge_texts(struct imap_session *session, struct search_run *run)
{
    struct mailbox_view *newest = session->ops->view(run->scope.mailbox);
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    size_t next_hit = 0;
    while (uid_set_next(&run->maybe, &walk, &uid)) {
        const struct mailbox_message *message = newest_of(run, newest, uid);
        struct mailbox_hit hit = {.uid = uid};
        while (next_hit < run->n_hits && run->hits[next_hit].uid < uid) {
            next_hit++;
        }
        if (next_hit < run->n_hits && run->hits[next_hit].uid == uid) {
            hit = run->hits[next_hit];
            session->command.some_are_gone |= hit.is_gone;
        }
        if (search_run_verdict(session, run, message, newest->keywords, &hit) == SEARCH_YES) {
            uid_set_add(&run->result, uid);
        }
    }
    mailbox_view_unref(&newest);
}

/* ---- The scan ---- */

static void found(void *context, const struct mailbox_hit *hits, size_t n_hits)
{
    struct imap_session *session = context;
    struct search_run *run = session->command.data;
    for (size_t i = 0; i < n_hits; i++) {
        if (run->n_hits == run->hits_capacity) {
            run->hits = array_grow(run->hits, run->n_hits, &run->hits_capacity, sizeof(*run->hits));
        }
        run->hits[run->n_hits++] = hits[i];
    }
}

static void scanned(void *context, const struct fault *fault)
{
    struct imap_session *session = context;
    struct search_run *run = session->command.data;
    imap_resume(session);
    if (fault != NULL) {
        imap_refuse(session, fault, NULL);
        return;
    }
    judge_texts(session, run);
    run->found(session, run);
}

void search_run_judge(struct imap_session *session, struct search_run *run)
{
    judge_view(session, run);
    if (uid_set_is_empty(&run->maybe)) {
        run->found(session, run);
        return;
    }
    imap_await(session, session->ops->search_text(
                            run->scope.mailbox, &run->maybe, run->search.tests, run->search.n_tests,
                            (struct mailbox_search_done){found, scanned, session}));
}

void search_run_parse(struct imap_session *session, struct imap_parser *args,
                      struct search_run *run, const struct search_scope *scope)
{
    search_parse(&run->search, session, args, scope);
    imap_end(args);
    if (run->needs_fuzzy && !run->search.uses_fuzzy) {
        imap_fail(args, "RELEVANCY is of FUZZY keys");
    }
    if (run->needs_fuzzy && (run->returns.wanted & SEARCH_RETURN_UPDATE) != 0) {
        imap_fail(args, "RELEVANCY can't be held up to date");
    }
}

void search_run_start(struct imap_session *session, struct imap_parser *args,
                      struct search_run *run)
{
    search_run_parse(session, args, run, &run->scope);
    if (imap_is_bad(session, args)) {
        return;
    }
    if (run->search.uses_modseq) {
        imap_enable_condstore(session);
    }
    search_run_judge(session, run);
}

/* ---- Reading what was found ---- */

static void gather_ready(void *context)
{
    imap_resume(context);
}

static void gather_step(struct imap_session *session)
{
    enum { MESSAGES_A_STEP = 64 };
    struct search_run *run = session->command.data;
    struct mailbox_item_data data;
    struct fault fault = {0};
    for (unsigned i = 0; i < MESSAGES_A_STEP; i++) {
        switch (session->ops->read_next(run->reader, &data, &fault)) {
        case MAILBOX_READ_OK:
            run->take(session, run, &data);
            break;
        case MAILBOX_READ_GONE:
            break;
        case MAILBOX_READ_WAIT:
            session->command.waiting = true;
            return;
        case MAILBOX_READ_END:
            session->ops->read_end(&run->reader);
            run->taken(session, run);
            return;
        case MAILBOX_READ_FAILED:
            imap_refuse(session, &fault, NULL);
            return;
        }
    }
    session->command.yielded = true;
}

void search_gather_start(struct imap_session *session, struct search_run *run,
                         const struct uid_set *uids, unsigned items)
{
    run->reader = session->ops->read_start(run->scope.mailbox, uids, items,
                                           (struct mailbox_ready){gather_ready, session});
    session->command.step = gather_step;
}
