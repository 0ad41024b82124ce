// SPDX-License-Identifier: MIT
/* Replies: the tagged one with its response code (RFC 9051 section 7.1, RFC 5530), BYE, and how a
 * command rests until the store has answered. */
#include <inttypes.h>
#include <stdio.h>

#include "base/fault.h"
#include "mailproto/imap/imap_internal.h"

bool imap_has_room(const struct imap_session *session)
{
    return session->out.len < SERVE_OUTPUT_MARK_BYTES;
}

void imap_compose(struct buf *out, const char *tag, enum imap_status status, const char *code)
{
    static const char *const words[] = {"OK", "NO", "BAD"};
    buf_printf(out, "%s %s ", tag, words[status]);
    if (code != NULL) {
        buf_printf(out, "[%s] ", code);
    }
}

void imap_count_error(struct imap_session *session)
{
    if (++session->n_errors >= session->config->limits.max_errors) {
        imap_bye(session, NULL, "Too many errors");
    }
}

void imap_finish(struct imap_session *session, enum imap_status status, const char *code,
                 const char *format, ...)
{
    struct imap_running *command = &session->command;
    va_list args;
    if (session->state == IMAP_LOGOUT && command->phase == IMAP_PHASE_IDLE) {
        return;
    }
    imap_compose(&command->tagged, command->tag, status, code);
    va_start(args, format);
    buf_vprintf(&command->tagged, format, args);
    va_end(args);
    buf_append_str(&command->tagged, "\r\n");
    command->step = NULL;
    command->waiting = false;
    command->phase = command->delay_until_ms > 0 ? IMAP_PHASE_DELAY : IMAP_PHASE_SYNC;
    unsigned flags = command->row != NULL ? command->row->flags : 0;
    if (session->selected.mailbox != NULL && (flags & IMAP_COMMAND_TELLS_ALL) == 0) {
        bool keeps_numbers = !command->is_uid && (flags & IMAP_COMMAND_KEEPS_NUMBERS) != 0;
        imap_sync_start(session, !keeps_numbers);
    }
    if (status == IMAP_STATUS_NO && command->saves) {
        uid_set_clear(&session->selected.saved);
    }
    if (status == IMAP_STATUS_BAD) {
        imap_count_error(session);
    } else if (status == IMAP_STATUS_OK) {
        session->n_errors = 0;
    }
}

void imap_done(struct imap_session *session)
{
    imap_finish(session, IMAP_STATUS_OK, session->command.some_are_gone ? "EXPUNGEISSUED" : NULL,
                "%s%s completed", session->command.is_uid ? "UID " : "",
                session->command.row->name);
}

void imap_done_at(struct imap_session *session, uint64_t modseq)
{
    char code[64];
    if (modseq == 0 || !imap_condstore(session)) {
        imap_done(session);
        return;
    }
    snprintf(code, sizeof(code), "HIGHESTMODSEQ %" PRIu64, modseq);
    imap_finish(session, IMAP_STATUS_OK, code, "%s%s completed",
                session->command.is_uid ? "UID " : "", session->command.row->name);
}

struct imap_words imap_words_of(const struct fault *fault)
{
    struct imap_words words = {0};
    for (size_t i = 0; i + 1 < sizeof(words.text) && fault->text[i] != '\0'; i++) {
        char c = fault->text[i];
        words.text[i] = c >= 0x20 && c < 0x7f ? c : '?';
    }
    return words;
}

void imap_refuse(struct imap_session *session, const struct fault *fault, const char *missing_code)
{
    const char *code = NULL;
    switch (fault->code) {
    case FAULT_NOT_FOUND:
        code = missing_code;
        break;
    case FAULT_EXISTS:
        code = "ALREADYEXISTS";
        break;
    case FAULT_DENIED:
        code = "NOPERM";
        break;
    case FAULT_UNSUPPORTED:
    case FAULT_INVALID:
        code = "CANNOT";
        break;
    case FAULT_LIMIT:
        code = "LIMIT";
        break;
    case FAULT_NO_SPACE:
        code = "OVERQUOTA";
        break;
    case FAULT_CORRUPT:
        code = "CORRUPTION";
        break;
    case FAULT_INTERNAL:
        code = "SERVERBUG";
        break;
    default:
        code = "UNAVAILABLE";
        break;
    }
    imap_finish(session, IMAP_STATUS_NO, code, "%s", imap_words_of(fault).text);
}

bool imap_is_bad(struct imap_session *session, const struct imap_parser *args)
{
    if (imap_ok(args)) {
        return false;
    }
    const char *words = args->error != NULL ? args->error : "Syntax error";
    if (args->well_formed) {
        imap_finish(session, IMAP_STATUS_NO, args->code != NULL ? args->code : "CANNOT", "%s",
                    words);
    } else {
        imap_finish(session, IMAP_STATUS_BAD, args->code, "%s", words);
    }
    return true;
}

void imap_bye(struct imap_session *session, const char *code, const char *words)
{
    if (session->state == IMAP_LOGOUT) {
        return;
    }
    session->state = IMAP_LOGOUT;
    buf_append_str(&session->out, "* BYE ");
    if (code != NULL) {
        buf_printf(&session->out, "[%s] ", code);
    }
    buf_printf(&session->out, "%s\r\n", words);
}

void imap_await(struct imap_session *session, struct mailbox_call *call)
{
    session->command.call = call;
    session->command.waiting = true;
}

void imap_resume(struct imap_session *session)
{
    session->command.call = NULL;
    session->command.waiting = false;
    session->waker.wake(session->waker.context);
}

struct mailbox_done imap_answer_to(struct imap_session *session,
                                   void (*answered)(void *context,
                                                    const struct mailbox_answer *answer))
{
    return (struct mailbox_done){.done = answered, .context = session};
}

void imap_answer_plain(void *context, const struct mailbox_answer *answer)
{
    struct imap_session *session = context;
    imap_resume(session);
    if (answer->fault != NULL) {
        imap_refuse(session, answer->fault, "NONEXISTENT");
        return;
    }
    imap_done(session);
}
