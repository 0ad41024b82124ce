// SPDX-License-Identifier: MIT
/* THREAD (RFC 5256 section 3): what was found is read once, put into trees (thread.h), told, and
 * kept for whoever asks again (kept_answers.h). */
#include <stdlib.h>

#include "base/str.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/kept_answers.h"
#include "mailproto/imap/search_run.h"
#include "mailproto/imap/subject.h"
#include "mailproto/imap/text_match.h"
#include "mailproto/imap/thread.h"

struct thread_run {
    bool by_references;
    struct thread_message *messages;
    size_t n_messages;
    struct kept_answer *line;
    size_t n_told; /* bytes of the line */
};

static void thread_clean(struct imap_session *session, void *data)
{
    struct thread_run *thread = data;
    (void)session;
    free(thread->messages);
    kept_answer_unref(&thread->line);
}

static void thread_tell(struct imap_session *session)
{
    struct search_run *search = session->command.data;
    struct thread_run *thread = search->data;
    size_t room = SERVE_OUTPUT_MARK_BYTES - session->out.len;
    struct bytes piece = bytes_slice(buf_view(&thread->line->data), thread->n_told, room);
    buf_append_bytes(&session->out, piece);
    thread->n_told += piece.len;
    if (thread->n_told == thread->line->data.len) {
        imap_done(session);
    }
}

/* What the line depends on besides the messages: the algorithm, and how they are numbered. */
static struct kept_question ask_kept(const struct imap_session *session,
                                     const struct search_run *search)
{
    static const char *const words[2][2] = {{"T subject", "T subject uid"},
                                            {"T references", "T references uid"}};
    const struct thread_run *thread = search->data;
    return (struct kept_question){
        session->ops->mailbox_id(search->scope.mailbox),
        bytes_of_str(words[thread->by_references][session->command.is_uid]), &search->result};
}

/* A line of message numbers holds for the same messages, if these are all that there are. */
static bool may_be_kept(const struct imap_session *session, const struct search_run *search)
{
    return session->command.is_uid ||
           uid_set_count(&search->result) == session->selected.told->n_messages;
}

static void put_together(struct imap_session *session, struct search_run *search)
{
    struct thread_run *thread = search->data;
    struct buf line = {0};
    buf_append_str(&line, thread->n_messages > 0 ? "* THREAD " : "* THREAD");
    if (thread->by_references) {
        thread_by_references(&line, thread->messages, thread->n_messages, &session->command.arena);
    } else {
        thread_by_subject(&line, thread->messages, thread->n_messages);
    }
    buf_append_str(&line, "\r\n");
    const struct kept_question asked = ask_kept(session, search);
    bool is_whole = thread->n_messages == uid_set_count(&search->result);
    thread->line = kept_answers_put(is_whole && may_be_kept(session, search) ? session->kept : NULL,
                                    &asked, &line);
    session->command.step = thread_tell;
}

static void take_message(struct imap_session *session, struct search_run *search,
                         const struct mailbox_item_data *data)
{
    struct thread_run *thread = search->data;
    const struct mailbox_view *told = session->selected.told;
    struct arena *arena = &session->command.arena;
    struct arena scratch = {0};
    struct message_info info = {0};
    struct thread_message *message = &thread->messages[thread->n_messages++];
    message->number = search_number_of(session, data->uid);
    message->date = mailbox_view_find(told, data->uid)->sent_sec;
    struct bytes subject = text_field_value(data->text, "subject");
    message->subject = search_keep(arena, subject_base(subject, &message->is_reply));
    if (thread->by_references && message_info_parse_envelope(&info, data->info, &scratch, NULL)) {
        const struct mail_envelope *envelope = &info.envelope;
        bool has_references = bytes_find(envelope->references, '<') < envelope->references.len;
        message->message_id = search_keep(arena, envelope->message_id);
        message->references =
            search_keep(arena, has_references ? envelope->references : envelope->in_reply_to);
    }
    arena_clear(&scratch);
}

static void thread_found(struct imap_session *session, struct search_run *search)
{
    struct thread_run *thread = search->data;
    const struct kept_question asked = ask_kept(session, search);
    if (may_be_kept(session, search)) {
        thread->line = kept_answers_find(session->kept, &asked);
    }
    if (thread->line != NULL) {
        session->command.step = thread_tell;
        return;
    }
    thread->messages =
        xcalloc((size_t)uid_set_count(&search->result) + 1, sizeof(*thread->messages));
    search_gather_start(session, search, MAILBOX_ITEM_INFO | MAILBOX_ITEM_TEXT);
}

void cmd_thread(struct imap_session *session, struct imap_parser *args)
{
    struct search_run *search = search_run_new(session, args);
    struct thread_run *thread = arena_alloc(args->arena, sizeof(*thread));
    search->found = thread_found;
    search->take = take_message;
    search->taken = put_together;
    search->data = thread;
    search->clean = thread_clean;
    imap_space(args);
    struct bytes algorithm = imap_word(args);
    thread->by_references = bytes_is_word(algorithm, "REFERENCES");
    if (!thread->by_references && !bytes_is_word(algorithm, "ORDEREDSUBJECT")) {
        imap_fail(args, "Unknown algorithm");
    }
    imap_space(args);
    search_charset(args);
    search_run_start(session, args, search);
}
