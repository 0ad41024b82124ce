// SPDX-License-Identifier: MIT
/* ESEARCH: a search in several mailboxes (RFC 7377).
 *
 *     ESEARCH [IN (mailboxes "a" subtree "b")] [RETURN (...)] [CHARSET c] keys
 *
 * The mailboxes are opened, searched and closed one after the other; each that has a match is
 * answered by a line with its name and UIDVALIDITY. The keys are read anew for each: a set of UIDs
 * means something in a mailbox only. */
#include "base/fault.h"
#include "base/str.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/mailbox_filter.h"
#include "mailproto/imap/search_run.h"

enum { ESEARCH_MAX_FILTERS = 32 };

struct multisearch {
    const char **names;
    size_t n_names;
    size_t next;
    struct bytes keys; /* in the arena */
    struct mailbox *mailbox;
    struct mailbox_view *view;
};

static void leave_mailbox(struct imap_session *session, struct multisearch *multi)
{
    mailbox_view_unref(&multi->view);
    if (multi->mailbox != NULL) {
        session->ops->close(&multi->mailbox);
    }
}

static void multi_clean(struct imap_session *session, void *data)
{
    leave_mailbox(session, data);
}

static void multi_next(struct imap_session *session);

/* ---- One mailbox ---- */

static void tell(struct imap_session *session)
{
    struct search_run *run = session->command.data;
    if (esearch_step(session, &run->answer)) {
        session->command.step = multi_next;
    }
}

static void found(struct imap_session *session, struct search_run *run)
{
    struct multisearch *multi = run->data;
    struct esearch *answer = &run->answer;
    struct uid_set_walk walk = {0};
    uint32_t uid = 0;
    if (uid_set_is_empty(&run->result)) {
        session->command.step = multi_next;
        return;
    }
    *answer = (struct esearch){.mailbox = multi->names[multi->next - 1],
                               .uid_validity = session->ops->uid_validity(multi->mailbox)};
    answer->numbers = xcalloc((size_t)uid_set_count(&run->result), sizeof(*answer->numbers));
    while (uid_set_next(&run->result, &walk, &uid)) {
        answer->numbers[answer->n_numbers++] = uid;
    }
    search_answer_uids(session, run);
    session->command.step = tell;
}

static void opened(void *context, const struct mailbox_answer *answer)
{
    struct imap_session *session = context;
    struct search_run *run = session->command.data;
    struct multisearch *multi = run->data;
    imap_resume(session);
    if (answer->fault != NULL) { /* gone meanwhile, or it holds no messages */
        session->command.step = multi_next;
        return;
    }
    multi->mailbox = answer->mailbox;
    multi->view = session->ops->view(multi->mailbox);
    run->scope = (struct search_scope){.mailbox = multi->mailbox, .view = multi->view};
    struct imap_parser keys = {.rest = multi->keys, .arena = &session->command.arena};
    search_parse(&run->search, session, &keys, &run->scope);
    imap_end(&keys);
    if (!imap_is_bad(session, &keys)) {
        search_run_judge(session, run);
    }
}

static void changed(void *context, enum mailbox_event event, uint64_t mailbox_id)
{
    (void)context;
    (void)event;
    (void)mailbox_id;
}

/* Forget the last mailbox and open the next one. */
static void multi_next(struct imap_session *session)
{
    struct search_run *run = session->command.data;
    struct multisearch *multi = run->data;
    session->command.step = NULL;
    search_run_clear(session, run);
    run->search = (struct search){0};
    run->maybe = (struct uid_set){0};
    run->result = (struct uid_set){0};
    if (multi->next == multi->n_names) {
        imap_done(session);
        return;
    }
    imap_await(session, session->ops->open(session->account, multi->names[multi->next++],
                                           (struct mailbox_watcher){changed, session},
                                           imap_answer_to(session, opened)));
}

/* ---- Arguments ---- */

static size_t parse_sources(struct imap_session *session, struct imap_parser *args,
                            struct mailbox_filter *filters)
{
    size_t count = 0;
    imap_space(args);
    imap_expect(args, '(');
    do {
        if (count == ESEARCH_MAX_FILTERS) {
            imap_fail(args, "Too many sets of mailboxes");
            return count;
        }
        mailbox_filter_parse(session, args, &filters[count]);
        if (filters[count].kind == FILTER_SELECTED_DELAYED) {
            imap_fail(args, "Unknown set of mailboxes");
        }
        if (filters[count].kind == FILTER_SELECTED && session->selected.mailbox == NULL) {
            imap_fail(args, "Select a mailbox first");
        }
        count++;
    } while (imap_ok(args) && imap_accept(args, ' '));
    imap_expect(args, ')');
    imap_space(args);
    return count;
}

/* Each mailbox once, in the order of the list. */
static void resolve(struct imap_session *session, struct multisearch *multi,
                    const struct mailbox_filter *filters, size_t n_filters)
{
    const struct mailbox_list *list = session->ops->list(session->account);
    struct arena *arena = &session->command.arena;
    multi->names = arena_alloc(arena, (list->n_entries + 1) * sizeof(*multi->names));
    for (size_t i = 0; i < list->n_entries; i++) {
        const struct mailbox_entry *entry = &list->entries[i];
        bool wanted = false;
        for (size_t k = 0; k < n_filters; k++) {
            bool is_selected = filters[k].kind == FILTER_SELECTED &&
                               session->ops->mailbox_id(session->selected.mailbox) == entry->id;
            wanted = wanted || is_selected || mailbox_filter_has(&filters[k], entry);
        }
        if (wanted && (entry->attributes & (MAILBOX_NOSELECT | MAILBOX_NONEXISTENT)) == 0) {
            multi->names[multi->n_names++] = arena_strdup(arena, entry->name);
        }
    }
}

static void parse_rest(struct imap_session *session, struct imap_parser *args,
                       struct search_run *run)
{
    struct multisearch *multi = run->data;
    run->returns = (struct esearch_returns){.is_extended = true, .wanted = SEARCH_RETURN_ALL};
    if (imap_accept_word(args, "RETURN")) {
        imap_space(args);
        search_returns(session, args, run);
    }
    if ((run->returns.wanted & (SEARCH_RETURN_SAVE | SEARCH_RETURN_UPDATE)) != 0) {
        imap_fail(args, "SAVE and UPDATE are for SEARCH in the selected mailbox");
    }
    search_charset_option(session, args);
    multi->keys = search_keep(args->arena, args->rest);
}

/* Are the keys right in themselves? Looked at before a mailbox is opened, so that none is for
 * nothing. */
static void check_keys(struct imap_session *session, struct imap_parser *args,
                       struct search_run *run)
{
    struct mailbox_keywords *none = mailbox_keywords_new(NULL, 0);
    struct mailbox_view *empty = mailbox_view_new(NULL, 0, none, 1, 1);
    const struct search_scope nowhere = {.view = empty};
    search_run_parse(session, args, run, &nowhere);
    mailbox_view_unref(&empty);
    mailbox_keywords_unref(&none);
}

void cmd_esearch(struct imap_session *session, struct imap_parser *args)
{
    struct search_run *run = search_run_new(session, args);
    struct multisearch *multi = arena_alloc(args->arena, sizeof(*multi));
    struct mailbox_filter *filters =
        arena_alloc(args->arena, ESEARCH_MAX_FILTERS * sizeof(*filters));
    size_t n_filters = 0;
    run->data = multi;
    run->clean = multi_clean;
    run->found = found;
    imap_space(args);
    if (imap_accept_word(args, "IN")) {
        n_filters = parse_sources(session, args, filters);
    } else if (session->selected.mailbox != NULL) {
        filters[n_filters++].kind = FILTER_SELECTED;
    } else {
        imap_fail(args, "Select a mailbox first, or name some");
    }
    parse_rest(session, args, run);
    check_keys(session, args, run);
    if (imap_is_bad(session, args)) {
        return;
    }
    resolve(session, multi, filters, n_filters);
    session->command.step = multi_next;
}
