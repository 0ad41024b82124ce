// SPDX-License-Identifier: MIT
/* THREAD (RFC 5256 section 3): what was found is read once, put into trees (thread.h), told, and
 * kept for whoever asks again (kept_answers.h): the line for the same question, and what was read
 * of the messages for one that is about others, too. */
#include <stdlib.h>
#include <string.h>

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
    struct kept_answer *keys; /* what is borrowed of messages that were read before */
    bool renews_keys;         /* what was read is to be kept */
    struct kept_answer *line;
    size_t n_told; /* bytes of the line */
};

static void thread_clean(struct imap_session *session, void *data)
{
    struct thread_run *thread = data;
    (void)session;
    free(thread->messages);
    kept_answer_unref(&thread->keys);
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

/* ---- Keys ---- */

/* What was read of messages; it does not depend on how they are numbered. */
static struct kept_question ask_keys(const struct imap_session *session,
                                     const struct search_run *search)
{
    const struct thread_run *thread = search->data;
    return (struct kept_question){
        session->ops->mailbox_id(search->scope.mailbox),
        bytes_of_str(thread->by_references ? "K references" : "K subject"), &search->result};
}

static void write_text(struct buf *out, struct bytes text)
{
    uint32_t len = (uint32_t)text.len;
    buf_append(out, &len, sizeof(len));
    buf_append_bytes(out, text);
}

static struct bytes read_text(struct bytes *rest)
{
    uint32_t len;
    memcpy(&len, rest->data, sizeof(len));
    struct bytes text = bytes_slice(*rest, sizeof(len), len);
    *rest = bytes_slice(*rest, sizeof(len) + len, SIZE_MAX);
    return text;
}

static void keep_keys(struct imap_session *session, const struct search_run *search)
{
    const struct thread_run *thread = search->data;
    const struct kept_question asked = ask_keys(session, search);
    struct buf keys = {0};
    for (size_t i = 0; i < thread->n_messages; i++) {
        const struct thread_message *message = &thread->messages[i];
        buf_append(&keys, &message->uid, sizeof(message->uid));
        buf_append_byte(&keys, message->is_reply);
        write_text(&keys, message->subject);
        write_text(&keys, message->message_id);
        write_text(&keys, message->references);
    }
    struct kept_answer *kept = kept_answers_put(session->kept, &asked, &keys);
    kept_answer_unref(&kept);
}

static struct thread_message *add_message(struct imap_session *session, struct thread_run *thread,
                                          uint32_t uid)
{
    struct thread_message *message = &thread->messages[thread->n_messages++];
    *message =
        (struct thread_message){.uid = uid,
                                .number = search_number_of(session, uid),
                                .date = mailbox_view_find(session->selected.told, uid)->sent_sec};
    return message;
}

static void take_kept(struct imap_session *session, struct search_run *search)
{
    struct thread_run *thread = search->data;
    struct bytes rest = buf_view(&thread->keys->data);
    while (rest.len > 0) {
        struct thread_message kept = {0};
        memcpy(&kept.uid, rest.data, sizeof(kept.uid));
        kept.is_reply = rest.data[sizeof(kept.uid)] != 0;
        rest = bytes_slice(rest, sizeof(kept.uid) + 1, SIZE_MAX);
        kept.subject = read_text(&rest);
        kept.message_id = read_text(&rest);
        kept.references = read_text(&rest);
        if (uid_set_has(&search->result, kept.uid)) {
            struct thread_message *message = add_message(session, thread, kept.uid);
            message->is_reply = kept.is_reply;
            message->subject = kept.subject;
            message->message_id = kept.message_id;
            message->references = kept.references;
        }
    }
}

/* ---- Trees ---- */

static int compare_uids(const void *left, const void *right)
{
    const struct thread_message *a = left;
    const struct thread_message *b = right;
    return (a->uid > b->uid) - (a->uid < b->uid);
}

static void put_together(struct imap_session *session, struct search_run *search)
{
    struct thread_run *thread = search->data;
    struct buf line = {0};
    /* Those whose keys were kept stand in front. */
    qsort(thread->messages, thread->n_messages, sizeof(*thread->messages), compare_uids);
    if (thread->renews_keys) {
        keep_keys(session, search);
    }
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
    struct arena *arena = &session->command.arena;
    struct arena scratch = {0};
    struct message_info info = {0};
    struct thread_message *message = add_message(session, thread, data->uid);
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
    const struct kept_question keys = ask_keys(session, search);
    struct uid_set missing = {0};
    thread->keys = kept_answers_newest(session->kept, &keys);
    kept_answer_missing(thread->keys, &search->result, &missing);
    thread->renews_keys = kept_answer_is_outgrown(thread->keys, &search->result, &missing);
    if (thread->keys != NULL) {
        take_kept(session, search);
    }
    if (uid_set_is_empty(&missing)) {
        put_together(session, search);
    } else {
        search_gather_start(session, search, &missing, MAILBOX_ITEM_INFO | MAILBOX_ITEM_TEXT);
    }
    uid_set_clear(&missing);
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
