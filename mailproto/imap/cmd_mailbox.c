// SPDX-License-Identifier: MIT
/* CREATE (with RFC 6154's USE), DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/special_use.h"

/* "(USE (\Drafts ...))" */
static unsigned parse_use(struct imap_parser *args)
{
    unsigned use = 0;
    imap_expect(args, '(');
    if (!imap_accept_word(args, "USE")) {
        imap_fail(args, "Unknown parameter");
    }
    imap_space(args);
    imap_expect(args, '(');
    if (!imap_accept(args, ')')) {
        do {
            struct bytes name = imap_flag(args);
            unsigned bit = special_use_parse(name);
            if (bit == 0 && name.len > 0 && name.data[0] == '\\') {
                args->well_formed = true;
                args->code = "USEATTR";
            }
            if (bit == 0) {
                imap_fail(args, "Unknown special use");
            }
            use |= bit;
        } while (imap_ok(args) && imap_accept(args, ' '));
        imap_expect(args, ')');
    }
    imap_expect(args, ')');
    return use;
}

static void created(void *context, const struct mailbox_answer *answer)
{
    struct imap_session *session = context;
    const char *name = session->command.data;
    imap_resume(session);
    if (answer->fault != NULL && answer->fault->code == FAULT_UNSUPPORTED) {
        imap_finish(session, IMAP_STATUS_NO, "USEATTR", "%s", imap_words_of(answer->fault).text);
        return;
    }
    if (answer->fault != NULL) {
        imap_refuse(session, answer->fault, NULL);
        return;
    }
    const struct mailbox_entry *entry = imap_entry_find(session, name);
    if (entry != NULL) {
        char code[64];
        snprintf(code, sizeof(code), "MAILBOXID (M%" PRIu64 ")", entry->id);
        imap_finish(session, IMAP_STATUS_OK, code, "CREATE completed");
        return;
    }
    imap_done(session);
}

void cmd_create(struct imap_session *session, struct imap_parser *args)
{
    unsigned use = 0;
    imap_space(args);
    const char *name = imap_mailbox_arg(session, args);
    if (imap_accept(args, ' ')) {
        use = parse_use(args);
    }
    imap_end(args);
    if (imap_is_bad(session, args)) {
        return;
    }
    session->command.data = arena_strdup(args->arena, name);
    imap_await(session,
               session->ops->create(session->account, name, use, imap_answer_to(session, created)));
}

void cmd_delete(struct imap_session *session, struct imap_parser *args)
{
    imap_space(args);
    const char *name = imap_mailbox_arg(session, args);
    imap_end(args);
    if (imap_is_bad(session, args)) {
        return;
    }
    if (session->selected.mailbox != NULL && strcmp(session->selected.name, name) == 0) {
        imap_deselect(session);
        buf_append_str(&session->out, "* OK [CLOSED] The selected mailbox is deleted\r\n");
    }
    imap_await(session, session->ops->remove(session->account, name,
                                             imap_answer_to(session, imap_answer_plain)));
}

void cmd_rename(struct imap_session *session, struct imap_parser *args)
{
    imap_space(args);
    const char *from = imap_mailbox_arg(session, args);
    imap_space(args);
    const char *to = imap_mailbox_arg(session, args);
    imap_end(args);
    if (imap_is_bad(session, args)) {
        return;
    }
    imap_await(session, session->ops->rename(session->account, from, to,
                                             imap_answer_to(session, imap_answer_plain)));
}

static void change_subscription(struct imap_session *session, struct imap_parser *args,
                                bool subscribed)
{
    imap_space(args);
    const char *name = imap_mailbox_arg(session, args);
    imap_end(args);
    if (imap_is_bad(session, args)) {
        return;
    }
    imap_await(session, session->ops->subscribe(session->account, name, subscribed,
                                                imap_answer_to(session, imap_answer_plain)));
}

void cmd_subscribe(struct imap_session *session, struct imap_parser *args)
{
    change_subscription(session, args, true);
}

void cmd_unsubscribe(struct imap_session *session, struct imap_parser *args)
{
    change_subscription(session, args, false);
}
