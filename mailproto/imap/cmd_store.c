// SPDX-License-Identifier: MIT
/* STORE (RFC 9051 section 6.4.6) with UNCHANGEDSINCE (RFC 7162 section 3.1.3). */
#include <inttypes.h>

#include "base/str.h"
#include "mailproto/imap/imap_internal.h"

struct store_run {
    struct mailbox_store_request request;
    struct uid_set uids;
    bool silent;
    struct mailbox_message *changed; /* what the store answered, in the arena */
    bool *tell;                      /* of each: is it news for the client? */
    size_t n_changed;
    size_t next;
    struct uid_set refused;
};

static void store_clean(struct imap_session *session)
{
    struct store_run *run = session->command.data;
    uid_set_clear(&run->uids);
    uid_set_clear(&run->refused);
}

/* ---- Arguments ---- */

static void parse_modifier(struct imap_session *session, struct imap_parser *args,
                           struct mailbox_store_request *request)
{
    imap_expect(args, '(');
    if (!imap_accept_word(args, "UNCHANGEDSINCE")) {
        imap_fail(args, "Unknown modifier");
    }
    imap_space(args);
    request->has_unchanged_since = true;
    request->unchanged_since = imap_number64(args);
    imap_expect(args, ')');
    imap_space(args);
    if (imap_ok(args)) {
        imap_enable_condstore(session);
    }
}

static void parse_store(struct imap_session *session, struct imap_parser *args,
                        struct store_run *run)
{
    struct mailbox_store_request *request = &run->request;
    imap_space(args);
    imap_set_arg(session, args, &run->uids);
    imap_space(args);
    if (imap_peek(args) == '(') {
        parse_modifier(session, args, request);
    }
    if (imap_accept(args, '+')) {
        request->mode = MAILBOX_STORE_ADD;
    } else if (imap_accept(args, '-')) {
        request->mode = MAILBOX_STORE_REMOVE;
    }
    struct bytes item = imap_word(args);
    run->silent = bytes_is_word(item, "FLAGS.SILENT");
    if (!run->silent && !bytes_is_word(item, "FLAGS")) {
        imap_fail(args, "FLAGS is missing");
    }
    imap_space(args);
    imap_flag_list(session, args, true, &request->flags);
    imap_end(args);
}

/* ---- The answer ---- */

/* The bits of the request's keywords. Names that are not known any more have none. */
static uint64_t keyword_bits(const struct mailbox_flags *flags,
                             const struct mailbox_keywords *names)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < flags->n_keywords; i++) {
        unsigned id = 0;
        if (mailbox_keywords_find(names, bytes_of_str(flags->keywords[i]), &id)) {
            bits |= UINT64_C(1) << id;
        }
    }
    return bits;
}

/* Does the client, which knows `told` and what it asked for, know `now` without being told? */
static bool is_expected(const struct mailbox_store_request *request, uint64_t keywords,
                        const struct mailbox_message *told, const struct mailbox_message *now)
{
    uint8_t flags = request->flags.flags;
    switch (request->mode) {
    case MAILBOX_STORE_REPLACE:
        break;
    case MAILBOX_STORE_ADD:
        flags |= told->flags;
        keywords |= told->keywords;
        break;
    case MAILBOX_STORE_REMOVE:
        flags = told->flags & (uint8_t)~flags;
        keywords = told->keywords & ~keywords;
        break;
    }
    return now->flags == flags && now->keywords == keywords;
}

static void store_finish(struct imap_session *session)
{
    struct store_run *run = session->command.data;
    struct buf code = {0};
    imap_told(session, run->changed, run->n_changed);
    if (uid_set_is_empty(&run->refused)) {
        imap_done(session);
        return;
    }
    buf_append_str(&code, "MODIFIED ");
    if (session->command.is_uid) {
        uid_set_print(&code, &run->refused);
    } else {
        struct uid_set numbers = {0};
        struct uid_set_walk walk = {0};
        uint32_t uid = 0;
        while (uid_set_next(&run->refused, &walk, &uid)) {
            uint32_t seq = mailbox_view_seq_of(session->selected.told, uid);
            if (seq != 0) {
                uid_set_add(&numbers, seq);
            }
        }
        uid_set_print(&code, &numbers);
        uid_set_clear(&numbers);
    }
    imap_finish(session, IMAP_STATUS_OK, buf_str(&code), "Some were changed meanwhile");
    buf_clear(&code);
}

static void store_step(struct imap_session *session)
{
    struct store_run *run = session->command.data;
    const struct mailbox_view *told = session->selected.told;
    struct mailbox_view *newest = session->ops->view(session->selected.mailbox);
    while (imap_has_room(session) && run->next < run->n_changed) {
        const struct mailbox_message *message = &run->changed[run->next];
        bool tell = run->tell[run->next++];
        uint32_t seq = mailbox_view_seq_of(told, message->uid);
        bool modseq_is_news = imap_condstore(session) && seq != 0 &&
                              mailbox_view_at(told, seq)->modseq != message->modseq;
        if (seq != 0 && (tell || modseq_is_news)) {
            bool with_uid = session->command.is_uid ||
                            (session->enabled & (IMAP_ENABLED_QRESYNC | IMAP_ENABLED_REV2)) != 0;
            imap_write_flags_line(session, seq, message, newest->keywords, tell, with_uid);
        }
    }
    mailbox_view_unref(&newest);
    if (run->next == run->n_changed) {
        store_finish(session);
    }
}

static void stored(void *context, const struct mailbox_answer *answer)
{
    struct imap_session *session = context;
    struct store_run *run = session->command.data;
    struct arena *arena = &session->command.arena;
    imap_resume(session);
    if (answer->fault != NULL) {
        imap_refuse(session, answer->fault, NULL);
        return;
    }
    imap_tell_keywords(session);
    struct mailbox_view *newest = session->ops->view(session->selected.mailbox);
    uint64_t keywords = keyword_bits(&run->request.flags, newest->keywords);
    run->n_changed = answer->n_changed;
    if (run->n_changed > 0) {
        run->changed = arena_memdup(arena, answer->changed, run->n_changed * sizeof(*run->changed));
        run->tell = arena_alloc(arena, run->n_changed * sizeof(*run->tell));
    }
    for (size_t i = 0; i < run->n_changed; i++) {
        const struct mailbox_message *told =
            mailbox_view_find(session->selected.told, run->changed[i].uid);
        run->tell[i] = !run->silent || (told != NULL && !is_expected(&run->request, keywords, told,
                                                                     &run->changed[i]));
    }
    mailbox_view_unref(&newest);
    if (answer->refused != NULL) {
        uid_set_copy(&run->refused, answer->refused);
    }
    session->command.step = store_step;
}

void cmd_store(struct imap_session *session, struct imap_parser *args)
{
    struct store_run *run = arena_alloc(args->arena, sizeof(*run));
    session->command.data = run;
    session->command.clean = store_clean;
    parse_store(session, args, run);
    if (imap_is_bad(session, args)) {
        return;
    }
    if (session->selected.read_only) {
        imap_finish(session, IMAP_STATUS_NO, "CANNOT", "The mailbox was opened read-only");
        return;
    }
    if (uid_set_is_empty(&run->uids)) {
        imap_done(session);
        return;
    }
    run->request.uids = &run->uids;
    imap_await(session, session->ops->store_flags(session->selected.mailbox, &run->request,
                                                  imap_answer_to(session, stored)));
}
