// SPDX-License-Identifier: MIT
/* THREAD (RFC 5256 section 3): what was found is read once, put into trees (thread.h), and told. */
#include <stdlib.h>

#include "base/fault.h"
#include "base/str.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/search_run.h"
#include "mailproto/imap/subject.h"
#include "mailproto/imap/text_match.h"
#include "mailproto/imap/thread.h"

struct thread_run {
    bool by_references;
    struct mailbox_reader *reader;
    struct thread_message *messages;
    size_t n_messages;
    struct buf line;
    size_t n_told; /* bytes of the line */
};

static void thread_clean(struct imap_session *session, void *data)
{
    struct thread_run *thread = data;
    if (thread->reader != NULL) {
        session->ops->read_end(&thread->reader);
    }
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

static void put_together(struct imap_session *session, struct thread_run *thread)
{
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

static struct bytes keep(struct arena *arena, struct bytes text)
{
    return text.len == 0 ? (struct bytes){0}
                         : (struct bytes){arena_memdup(arena, text.data, text.len), text.len};
}

static void take_message(struct imap_session *session, struct thread_run *thread,
                         const struct mailbox_item_data *data)
{
    const struct mailbox_view *told = session->selected.told;
    struct arena *arena = &session->command.arena;
    struct arena scratch = {0};
    struct message_info info = {0};
    struct thread_message *message = &thread->messages[thread->n_messages++];
    message->number = session->command.is_uid ? data->uid : mailbox_view_seq_of(told, data->uid);
    message->date = mailbox_view_find(told, data->uid)->sent_sec;
    struct bytes subject = text_field_value(data->text, "subject");
    message->subject = keep(arena, subject_base(subject, &message->is_reply));
    if (thread->by_references && message_info_parse_envelope(&info, data->info, &scratch, NULL)) {
        const struct mail_envelope *envelope = &info.envelope;
        bool has_references = bytes_find(envelope->references, '<') < envelope->references.len;
        message->message_id = keep(arena, envelope->message_id);
        message->references =
            keep(arena, has_references ? envelope->references : envelope->in_reply_to);
    }
    arena_clear(&scratch);
}

static void thread_read(struct imap_session *session)
{
    enum { MESSAGES_A_STEP = 64 };
    struct search_run *search = session->command.data;
    struct thread_run *thread = search->data;
    struct mailbox_item_data data;
    struct fault fault = {0};
    for (unsigned i = 0; i < MESSAGES_A_STEP; i++) {
        switch (session->ops->read_next(thread->reader, &data, &fault)) {
        case MAILBOX_READ_OK:
            take_message(session, thread, &data);
            break;
        case MAILBOX_READ_GONE:
            break;
        case MAILBOX_READ_WAIT:
            session->command.waiting = true;
            return;
        case MAILBOX_READ_END:
            put_together(session, thread);
            return;
        case MAILBOX_READ_FAILED:
            imap_refuse(session, &fault, NULL);
            return;
        }
    }
    session->command.yielded = true;
}

static void thread_ready(void *context)
{
    imap_resume(context);
}

static void thread_found(struct imap_session *session, struct search_run *search)
{
    struct thread_run *thread = search->data;
    thread->messages =
        xcalloc((size_t)uid_set_count(&search->result) + 1, sizeof(*thread->messages));
    thread->reader = session->ops->read_start(session->selected.mailbox, &search->result,
                                              MAILBOX_ITEM_INFO | MAILBOX_ITEM_TEXT,
                                              (struct mailbox_ready){thread_ready, session});
    session->command.step = thread_read;
}

void cmd_thread(struct imap_session *session, struct imap_parser *args)
{
    struct search_run *search = search_run_new(session, args);
    struct thread_run *thread = arena_alloc(args->arena, sizeof(*thread));
    search->found = thread_found;
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
