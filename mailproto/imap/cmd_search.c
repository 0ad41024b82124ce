// SPDX-License-Identifier: MIT
/* SEARCH (RFC 9051 section 6.4.4): "* SEARCH 2 5 9" in steps, or one "* ESEARCH" line (RFC 4731,
 * 9394); the result can be kept for "$" (RFC 5182) and be held up to date (RFC 5267, context.h). */
#include <inttypes.h>
#include <stdlib.h>

#include "base/str.h"
#include "mailproto/imap/context.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/search_run.h"

struct search_reply {
    struct uid_set_walk walk; /* through the result */
    bool line_begun;
};

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

static void plain_step(struct imap_session *session)
{
    struct search_run *run = session->command.data;
    struct search_reply *reply = run->data;
    struct buf *out = &session->out;
    uint32_t uid = 0;
    if (!reply->line_begun) {
        buf_append_str(out, "* SEARCH");
        reply->line_begun = true;
    }
    while (imap_has_room(session)) {
        if (!uid_set_next(&run->result, &reply->walk, &uid)) {
            if (run->search.uses_modseq && !uid_set_is_empty(&run->result)) {
                buf_printf(out, " (MODSEQ %" PRIu64 ")", highest_modseq(session, &run->result));
            }
            buf_append_str(out, "\r\n");
            imap_done(session);
            return;
        }
        buf_printf(out, " %u", search_number_of(session, uid));
    }
}

/* What a result is about: all that was found, or with MIN, MAX or PARTIAL alone only those (RFC
 * 4731 section 3.2, RFC 5182 section 2.4, RFC 9394 section 3.1). */
static void messages_meant(const struct search_run *run, struct uid_set *out)
{
    const struct esearch_returns *returns = &run->returns;
    unsigned few = SEARCH_RETURN_MIN | SEARCH_RETURN_MAX | SEARCH_RETURN_PARTIAL;
    bool few_only = (returns->wanted & few) != 0 &&
                    (returns->wanted & (SEARCH_RETURN_ALL | SEARCH_RETURN_COUNT)) == 0;
    if (!few_only || uid_set_is_empty(&run->result)) {
        uid_set_copy(out, &run->result);
        return;
    }
    if ((returns->wanted & SEARCH_RETURN_MIN) != 0) {
        uid_set_add(out, run->result.ranges[0].first);
    }
    if ((returns->wanted & SEARCH_RETURN_MAX) != 0) {
        uid_set_add(out, run->result.ranges[run->result.n_ranges - 1].last);
    }
    if ((returns->wanted & SEARCH_RETURN_PARTIAL) != 0) {
        struct uid_set_walk walk = {0};
        uint32_t uid = 0;
        size_t first = 0;
        size_t end = 0;
        partial_range_apply(&returns->partial, (size_t)uid_set_count(&run->result), &first, &end);
        for (size_t i = 0; i < end && uid_set_next(&run->result, &walk, &uid); i++) {
            if (i >= first) {
                uid_set_add(out, uid);
            }
        }
    }
}

static void prepare_answer(struct imap_session *session, struct search_run *run)
{
    struct esearch *answer = &run->answer;
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    answer->is_uid = session->command.is_uid;
    answer->returns = run->returns;
    answer->numbers = xcalloc((size_t)uid_set_count(&run->result) + 1, sizeof(*answer->numbers));
    while (uid_set_next(&run->result, &walk, &uid)) {
        answer->numbers[answer->n_numbers++] = search_number_of(session, uid);
    }
    if (run->search.uses_modseq && answer->n_numbers > 0) {
        struct uid_set shown = {0};
        messages_meant(run, &shown);
        answer->modseq = highest_modseq(session, &shown);
        uid_set_clear(&shown);
    }
}

static void extended_step(struct imap_session *session)
{
    struct search_run *run = session->command.data;
    if (!esearch_step(session, &run->answer)) {
        return;
    }
    if ((run->returns.wanted & SEARCH_RETURN_UPDATE) != 0) {
        context_keep(session, run, NULL);
    }
    imap_done(session);
}

static void reply(struct imap_session *session, struct search_run *run)
{
    if ((run->returns.wanted & SEARCH_RETURN_SAVE) != 0) {
        uid_set_clear(&session->selected.saved);
        messages_meant(run, &session->selected.saved);
    }
    if (!run->returns.is_extended) {
        session->command.step = plain_step;
    } else if (run->returns.wanted == SEARCH_RETURN_SAVE) {
        imap_done(session);
    } else {
        prepare_answer(session, run);
        session->command.step = extended_step;
    }
}

void cmd_search(struct imap_session *session, struct imap_parser *args)
{
    struct search_run *run = search_run_new(session, args);
    run->found = reply;
    run->data = arena_alloc(args->arena, sizeof(struct search_reply));
    /* RFC 9051: ESEARCH is the only form in IMAP4rev2. */
    run->returns.is_extended = (session->enabled & IMAP_ENABLED_REV2) != 0;
    run->returns.wanted = run->returns.is_extended ? SEARCH_RETURN_ALL : 0;
    imap_space(args);
    if (imap_accept_word(args, "RETURN")) {
        imap_space(args);
        search_returns(session, args, run);
    }
    if (imap_accept_word(args, "CHARSET")) {
        imap_space(args);
        struct bytes charset = imap_astring(args);
        imap_space(args);
        if (imap_ok(args) && !search_charset_is_known(session, charset)) {
            return;
        }
    }
    if (context_is_refused(session, args, &run->returns)) {
        return;
    }
    search_run_start(session, args, run);
}
