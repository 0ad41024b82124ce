// SPDX-License-Identifier: MIT
/* SEARCH (RFC 9051 section 6.4.4): "* SEARCH 2 5 9" in steps, or one "* ESEARCH" line (RFC 4731,
 * 9394); the result can be kept for "$" (RFC 5182) and be held up to date (RFC 5267, context.h). */
#include <stdlib.h>

#include "base/str.h"
#include "mailproto/imap/context.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/search_run.h"

struct search_reply {
    struct uid_set_walk walk; /* through the result */
    bool line_begun;
};

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
            search_end_line(session, run);
            imap_done(session);
            return;
        }
        buf_printf(out, " %u", search_number_of(session, uid));
    }
}

static void prepare_answer(struct imap_session *session, struct search_run *run)
{
    struct esearch *answer = &run->answer;
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    answer->numbers = xcalloc((size_t)uid_set_count(&run->result) + 1, sizeof(*answer->numbers));
    while (uid_set_next(&run->result, &walk, &uid)) {
        answer->numbers[answer->n_numbers++] = uid;
    }
    search_answer_uids(session, run);
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
    if (!run->returns.is_extended) {
        session->command.step = plain_step;
        return;
    }
    prepare_answer(session, run);
    session->command.step = extended_step;
    if (run->returns.wanted == SEARCH_RETURN_SAVE) {
        imap_done(session);
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
    search_charset_option(session, args);
    if (context_is_refused(session, args, &run->returns)) {
        return;
    }
    search_run_start(session, args, run);
}
