// SPDX-License-Identifier: MIT
/* THREAD (RFC 5256 section 3): what was found is read once, put into trees (thread.h), and told. */
#include <stdlib.h>

#include "base/str.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/search_run.h"
#include "mailproto/imap/subject.h"
#include "mailproto/imap/text_match.h"
#include "mailproto/imap/thread.h"

struct thread_run {
    bool by_references;
    struct thread_message *messages;
    size_t n_messages;
    struct buf line;
    size_t n_told; /* bytes of the line */
};

static void thread_clean(struct imap_session *session, void *data)
{
    struct thread_run *thread = data;
    (void)session;
    free(thread->messages);
    buf_clear(&thread->line);
}

static void thread_tell(struct imap_session *session)
{
    struct search_run *search = session->command.data;
    struct thread_run *thread = search->data;
    size_t room = SERVE_OUTPUT_MARK_BYTES - session->out.len;
    struct bytes piece = bytes_slice(buf_view(&thread->line), thread->n_told, room);
    buf_append_bytes(&session->out, piece);
    thread->n_told += piece.len;
    if (thread->n_told == thread->line.len) {
        imap_done(session);
    }
}

static void put_together(struct imap_session *session, struct search_run *search)
{
    struct thread_run *thread = search->data;
    buf_append_str(&thread->line, thread->n_messages > 0 ? "* THREAD " : "* THREAD");
    if (thread->by_references) {
        thread_by_references(&thread->line, thread->messages, thread->n_messages,
                             &session->command.arena);
    } else {
        thread_by_subject(&thread->line, thread->messages, thread->n_messages);
    }
    buf_append_str(&thread->line, "\r\n");
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
    struct bytes charset = imap_astring(args);
    imap_space(args);
    if (imap_is_bad(session, args) || !search_charset_is_known(session, charset)) {
        return;
    }
    search_run_start(session, args, search);
}
