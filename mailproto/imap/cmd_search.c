// SPDX-License-Identifier: MIT
/* SEARCH (RFC 9051 section 6.4.4), ESEARCH and SEARCHRES (RFC 4731, 5182).
 *
 *     criteria -> every record of the told view: YES, NO or MAYBE (judge_view)
 *       MAYBE -> the store scans their text -> which tests each one passes -> judged again
 *     the result, a set of UIDs -> "* SEARCH 2 5 9" in steps, or one "* ESEARCH" line
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/str.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/search_run.h"

static void search_clean(struct imap_session *session)
{
    struct search_run *run = session->command.data;
    if (run->clean != NULL) {
        run->clean(session, run->data);
    }
    search_clear(&run->search);
    uid_set_clear(&run->maybe);
    uid_set_clear(&run->result);
    free(run->hits);
}

/* ---- Arguments ---- */

static void parse_return(struct imap_parser *args, struct search_run *run)
{
    static const struct {
        const char *name;
        unsigned bit;
    } options[] = {{"MIN", SEARCH_RETURN_MIN},
                   {"MAX", SEARCH_RETURN_MAX},
                   {"ALL", SEARCH_RETURN_ALL},
                   {"COUNT", SEARCH_RETURN_COUNT},
                   {"SAVE", SEARCH_RETURN_SAVE}};
    run->is_extended = true;
    imap_space(args);
    imap_expect(args, '(');
    while (imap_ok(args) && !imap_accept(args, ')')) {
        unsigned bit = 0;
        struct bytes word = imap_word(args);
        for (size_t i = 0; i < ARRAY_LEN(options); i++) {
            if (bytes_is_word(word, options[i].name)) {
                bit = options[i].bit;
            }
        }
        if (bit == 0) {
            imap_fail(args, "Unknown return option");
        }
        run->wanted |= bit;
        if (imap_peek(args) != ')') {
            imap_space(args);
        }
    }
    if (run->wanted == 0) {
        run->wanted = SEARCH_RETURN_ALL;
    }
    imap_space(args);
}

bool search_charset_is_known(struct imap_session *session, struct bytes charset)
{
    if (bytes_is_word(charset, "UTF-8") || bytes_is_word(charset, "US-ASCII")) {
        return true;
    }
    imap_finish(session, IMAP_STATUS_NO, "BADCHARSET (UTF-8 US-ASCII)", "Unknown charset");
    return false;
}

/* ---- Judging ---- */

static struct search_subject subject_of(const struct imap_session *session,
                                        const struct mailbox_message *message,
                                        const struct mailbox_keywords *keywords)
{
    return (struct search_subject){.message = message,
                                   .keywords = keywords,
                                   .is_recent = imap_is_recent(session, message->uid)};
}

static void judge_view(struct imap_session *session, struct search_run *run)
{
    const struct mailbox_view *told = session->selected.told;
    struct mailbox_view *newest = session->ops->view(session->selected.mailbox);
    for (uint32_t seq = 1; seq <= told->n_messages; seq++) {
        const struct mailbox_message *message = mailbox_view_at(told, seq);
        if (newest != told) {
            message = imap_newest(session, newest, message->uid);
        }
        struct search_subject subject = subject_of(session, message, newest->keywords);
        enum search_verdict verdict = search_judge(&run->search, &subject);
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
    struct mailbox_view *newest = session->ops->view(session->selected.mailbox);
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    size_t next_hit = 0;
    while (uid_set_next(&run->maybe, &walk, &uid)) {
        const struct mailbox_message *message = imap_newest(session, newest, uid);
        struct search_subject subject = subject_of(session, message, newest->keywords);
        subject.has_text = true;
        while (next_hit < run->n_hits && run->hits[next_hit].uid < uid) {
            next_hit++;
        }
        if (next_hit < run->n_hits && run->hits[next_hit].uid == uid) {
            subject.passed = run->hits[next_hit].passed;
            session->command.some_are_gone |= run->hits[next_hit].is_gone;
        }
        if (search_judge(&run->search, &subject) == SEARCH_YES) {
            uid_set_add(&run->result, uid);
        }
    }
    mailbox_view_unref(&newest);
}

/* ---- Replies ---- */

static uint32_t number_of(const struct imap_session *session, uint32_t uid)
{
    return session->command.is_uid ? uid : mailbox_view_seq_of(session->selected.told, uid);
}

static uint64_t highest_modseq(const struct imap_session *session, const struct uid_set *uids)
{
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    uint64_t highest = 0;
    while (uid_set_next(uids, &walk, &uid)) {
        const struct mailbox_message *message = mailbox_view_find(session->selected.told, uid);
        if (message != NULL && message->modseq > highest) {
            highest = message->modseq;
        }
    }
    return highest;
}

static void search_step(struct imap_session *session)
{
    struct search_run *run = session->command.data;
    struct buf *out = &session->out;
    uint32_t uid = 0;
    if (!run->line_begun) {
        buf_append_str(out, "* SEARCH");
        run->line_begun = true;
    }
    while (imap_has_room(session)) {
        if (!uid_set_next(&run->result, &run->walk, &uid)) {
            if (run->search.uses_modseq && !uid_set_is_empty(&run->result)) {
                buf_printf(out, " (MODSEQ %" PRIu64 ")", highest_modseq(session, &run->result));
            }
            buf_append_str(out, "\r\n");
            imap_done(session);
            return;
        }
        buf_printf(out, " %u", number_of(session, uid));
    }
}

static void print_all(struct imap_session *session, const struct uid_set *result)
{
    struct uid_set numbers = {0};
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    while (!session->command.is_uid && uid_set_next(result, &walk, &uid)) {
        uid_set_add(&numbers, number_of(session, uid));
    }
    buf_append_str(&session->out, " ALL ");
    uid_set_print(&session->out, session->command.is_uid ? result : &numbers);
    uid_set_clear(&numbers);
}

/* What a result is about: all that was found, or with MIN or MAX alone only those (RFC 4731 section
 * 3.2, RFC 5182 section 2.4). */
static void messages_meant(const struct search_run *run, struct uid_set *out)
{
    bool ends_only = (run->wanted & (SEARCH_RETURN_MIN | SEARCH_RETURN_MAX)) != 0 &&
                     (run->wanted & (SEARCH_RETURN_ALL | SEARCH_RETURN_COUNT)) == 0;
    if (!ends_only || uid_set_is_empty(&run->result)) {
        uid_set_copy(out, &run->result);
        return;
    }
    if ((run->wanted & SEARCH_RETURN_MIN) != 0) {
        uid_set_add(out, run->result.ranges[0].first);
    }
    if ((run->wanted & SEARCH_RETURN_MAX) != 0) {
        uid_set_add(out, run->result.ranges[run->result.n_ranges - 1].last);
    }
}

static void write_esearch(struct imap_session *session, const struct search_run *run)
{
    struct buf *out = &session->out;
    const struct uid_set *result = &run->result;
    bool any = !uid_set_is_empty(result);
    buf_printf(out, "* ESEARCH (TAG \"%s\")%s", session->command.tag,
               session->command.is_uid ? " UID" : "");
    if (any && (run->wanted & SEARCH_RETURN_MIN) != 0) {
        buf_printf(out, " MIN %u", number_of(session, result->ranges[0].first));
    }
    if (any && (run->wanted & SEARCH_RETURN_MAX) != 0) {
        buf_printf(out, " MAX %u", number_of(session, result->ranges[result->n_ranges - 1].last));
    }
    if ((run->wanted & SEARCH_RETURN_COUNT) != 0) {
        buf_printf(out, " COUNT %" PRIu64, uid_set_count(result));
    }
    if (any && (run->wanted & SEARCH_RETURN_ALL) != 0) {
        print_all(session, result);
    }
    if (any && run->search.uses_modseq) {
        struct uid_set shown = {0};
        messages_meant(run, &shown);
        buf_printf(out, " MODSEQ %" PRIu64, highest_modseq(session, &shown));
        uid_set_clear(&shown);
    }
    buf_append_str(out, "\r\n");
}

static void reply(struct imap_session *session, struct search_run *run)
{
    if ((run->wanted & SEARCH_RETURN_SAVE) != 0) {
        uid_set_clear(&session->selected.saved);
        messages_meant(run, &session->selected.saved);
    }
    if (!run->is_extended) {
        session->command.step = search_step;
        return;
    }
    if ((run->wanted & ~(unsigned)SEARCH_RETURN_SAVE) != 0) {
        write_esearch(session, run);
    }
    imap_done(session);
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

struct search_run *search_run_new(struct imap_session *session, struct imap_parser *args)
{
    struct search_run *run = arena_alloc(args->arena, sizeof(*run));
    session->command.data = run;
    session->command.clean = search_clean;
    return run;
}

void search_run_start(struct imap_session *session, struct imap_parser *args,
                      struct search_run *run)
{
    search_parse(&run->search, session, args);
    imap_end(args);
    if (imap_is_bad(session, args)) {
        if ((run->wanted & SEARCH_RETURN_SAVE) != 0) {
            uid_set_clear(&session->selected.saved);
        }
        return;
    }
    if (run->search.uses_modseq) {
        imap_enable_condstore(session);
    }
    judge_view(session, run);
    if (uid_set_is_empty(&run->maybe)) {
        run->found(session, run);
        return;
    }
    imap_await(session,
               session->ops->search_text(session->selected.mailbox, &run->maybe, run->search.tests,
                                         run->search.n_tests,
                                         (struct mailbox_search_done){found, scanned, session}));
}

void cmd_search(struct imap_session *session, struct imap_parser *args)
{
    struct search_run *run = search_run_new(session, args);
    run->found = reply;
    /* RFC 9051: ESEARCH is the only form in IMAP4rev2. */
    run->is_extended = (session->enabled & IMAP_ENABLED_REV2) != 0;
    run->wanted = run->is_extended ? SEARCH_RETURN_ALL : 0;
    imap_space(args);
    if (imap_accept_word(args, "RETURN")) {
        run->wanted = 0;
        parse_return(args, run);
    }
    if (imap_accept_word(args, "CHARSET")) {
        imap_space(args);
        struct bytes charset = imap_astring(args);
        imap_space(args);
        if (imap_ok(args) && !search_charset_is_known(session, charset)) {
            return;
        }
    }
    search_run_start(session, args, run);
}
