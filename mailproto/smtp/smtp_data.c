// SPDX-License-Identifier: MIT
/* The mail itself, by DATA or by BDAT (RFC 3030). What cannot be kept is read to its end all the
 * same, since only there the next command begins, and then refused. */
#include <string.h>

#include "base/str.h"
#include "mailproto/smtp/smtp_internal.h"
#include "mailproto/smtp/smtp_reply.h"

/* A mail that goes on so far beyond what SIZE allows is cut off. */
enum { MAX_WASTE_BYTES = 1 << 26 };

/* ---- keeping ---- */

static void drop_kept(struct smtp_session *session)
{
    session->service->total_bytes -= session->mail.len;
    buf_clear(&session->mail);
}

/* Is there memory for `len` bytes more? If not, the rest is read to its end, the mail refused. */
static bool has_room(struct smtp_session *session, size_t len)
{
    if (session->damage == SMTP_DAMAGE_NONE && !buf_try_reserve(&session->mail, len)) {
        session->damage = SMTP_DAMAGE_NO_MEMORY;
        drop_kept(session);
    }
    return session->damage == SMTP_DAMAGE_NONE;
}

static void begin_mail(struct smtp_session *session)
{
    session->mail_by_ms =
        session->now_ms + (int64_t)session->service->config.limits.mail_sec * 1000;
}

/* The mail is whole: refuse it, or ask. */
static void finish_mail(struct smtp_session *session)
{
    const struct smtp_handler *handler = session->service->config.handler;
    static const struct smtp_verdict refusals[] = {
        [SMTP_DAMAGE_TOO_LARGE] = {552, 5, 3, 4, "The mail is larger than SIZE allows"},
        [SMTP_DAMAGE_NO_MEMORY] = {452, 4, 3, 1, "No memory for this mail now, try again later"},
        [SMTP_DAMAGE_LONG_LINE] = {554, 5, 6, 0, "A line of the mail is too long"},
        [SMTP_DAMAGE_BARE_LINE_END] = {554, 5, 5, 2, "Lines end with CR LF, or BODY=BINARYMIME"},
    };
    session->mail_by_ms = 0;
    session->n_mails++;
    if (session->damage != SMTP_DAMAGE_NONE) {
        smtp_mail_answered(session, &refusals[session->damage], 1);
        return;
    }
    handler->accept_mail(handler->context, smtp_ask(session, SMTP_ASKED_MAIL), &session->envelope,
                         buf_view(&session->mail));
}

void smtp_mail_answered(struct smtp_session *session, const struct smtp_verdict *verdicts,
                        size_t n_verdicts)
{
    size_t n_replies = session->envelope.is_lmtp ? session->envelope.n_recipients : 1;
    for (size_t i = 0; i < n_replies; i++) {
        smtp_reply_verdict(&session->out, &verdicts[i < n_verdicts ? i : n_verdicts - 1],
                           session->envelope.smtputf8);
    }
    session->last_heard_ms = session->now_ms;
    smtp_reset_mail(session);
    if (session->is_stopping) {
        smtp_end(session, "421 4.3.2 The server stops, good-bye");
    }
}

/* ---- DATA ---- */

bool smtp_data_check(struct smtp_session *session, struct bytes argument)
{
    if (argument.len != 0) {
        smtp_error(session, "501 5.5.4 This command stands alone");
    } else if (session->envelope.body == SMTP_BODY_BINARYMIME) {
        smtp_error(session, "503 5.5.1 BODY=BINARYMIME goes by BDAT");
    } else {
        return true;
    }
    return false;
}

void smtp_data_act(struct smtp_session *session, struct bytes argument)
{
    (void)argument;
    begin_mail(session);
    smtp_reply(&session->out, "354 Send it, with a dot alone on the last line");
    smtp_enter(session, SMTP_DATA);
}

/* `n_new` bytes were just kept: is it too much by now? A piece is small, so that afterwards is soon
 * enough. */
static void judge_size(struct smtp_session *session, size_t n_new)
{
    const struct smtp_limits *limits = &session->service->config.limits;
    session->service->total_bytes += n_new;
    if (session->mail.len > limits->max_message_bytes) {
        session->damage = SMTP_DAMAGE_TOO_LARGE;
    } else if (session->service->total_bytes > limits->max_total_bytes) {
        session->damage = SMTP_DAMAGE_NO_MEMORY;
    } else if (session->dot.longest_line > limits->max_body_line_bytes) {
        session->damage = SMTP_DAMAGE_LONG_LINE;
    }
    if (session->damage != SMTP_DAMAGE_NONE) {
        drop_kept(session);
    }
}

size_t smtp_data_feed(struct smtp_session *session, struct bytes in)
{
    const struct smtp_limits *limits = &session->service->config.limits;
    size_t taken = 0;
    bool keep = has_room(session, in.len + DOT_HELD_BYTES);
    size_t before = session->mail.len;
    enum dot_result result = dot_feed(&session->dot, &taken, keep ? &session->mail : NULL, in);

    session->mail_bytes += taken;
    session->last_heard_ms = session->now_ms;
    if (keep) {
        judge_size(session, session->mail.len - before);
    }
    if (result == DOT_BARE) {
        smtp_end(session, "554 5.5.2 Lines end with CR LF, never with one of them alone, good-bye");
    } else if (result == DOT_END) {
        finish_mail(session);
    } else if (session->mail_bytes > limits->max_message_bytes + MAX_WASTE_BYTES) {
        smtp_end(session, "552 5.3.4 The mail is far larger than SIZE allows, good-bye");
    }
    return taken;
}

/* ---- BDAT ---- */

static void begin_chunk(struct smtp_session *session, uint64_t size, bool is_last, bool is_waste)
{
    session->chunk_left = size;
    session->chunk_is_last = is_last;
    session->chunk_is_waste = is_waste;
    session->state_before_chunk = session->state;
    smtp_enter(session, SMTP_BDAT);
}

/* "n" or "n LAST". */
static bool parse_chunk(uint64_t *out_size, bool *out_is_last, struct bytes argument)
{
    size_t word_len = bytes_find(argument, ' ');
    struct bytes rest = bytes_slice(argument, word_len + 1, argument.len);
    *out_is_last = bytes_is_word(rest, "LAST");
    return (rest.len == 0 || *out_is_last) &&
           parse_u64(bytes_slice(argument, 0, word_len), UINT32_MAX, out_size);
}

/* The bytes come in any case, so a refused chunk is still read. */
bool smtp_bdat_check(struct smtp_session *session, struct bytes argument)
{
    const struct smtp_limits *limits = &session->service->config.limits;
    uint64_t size;
    bool is_last;
    if (!parse_chunk(&size, &is_last, argument)) {
        smtp_end(session,
                 "501 5.5.4 It is BDAT size [LAST]; where the next command begins is lost");
        return false;
    }
    if (!session->is_trusted) {
        smtp_error(session, "530 5.7.0 Log in first");
    } else if (session->state != SMTP_RCPT && session->state != SMTP_CHUNKS) {
        smtp_error(session, "503 5.5.1 MAIL and RCPT come first");
    } else if (size > limits->max_message_bytes - session->mail.len) {
        smtp_error(session, "552 5.3.4 The mail is larger than SIZE allows");
        smtp_reset_mail(session);
    } else if (size > limits->max_total_bytes - session->service->total_bytes) {
        smtp_reply(&session->out, "452 4.3.1 No memory for this mail now, try again later");
        smtp_reset_mail(session);
    } else {
        return true;
    }
    if (session->state != SMTP_END && size != 0) {
        begin_chunk(session, size, is_last, true);
    }
    return false;
}

static bool has_bare_line_end(struct bytes mail)
{
    for (size_t i = 0; i < mail.len; i++) {
        if (mail.data[i] == '\n' ||
            (mail.data[i] == '\r' && (i + 1 == mail.len || mail.data[i + 1] != '\n'))) {
            return true;
        }
        i += mail.data[i] == '\r';
    }
    return false;
}

static void end_chunk(struct smtp_session *session)
{
    if (session->chunk_is_waste) {
        smtp_enter(session, session->state_before_chunk);
    } else if (!session->chunk_is_last) {
        smtp_reply(&session->out, "250 2.0.0 Go on");
        smtp_enter(session, SMTP_CHUNKS);
    } else {
        if (session->envelope.body != SMTP_BODY_BINARYMIME &&
            has_bare_line_end(buf_view(&session->mail))) {
            session->damage = SMTP_DAMAGE_BARE_LINE_END;
        }
        finish_mail(session);
    }
}

void smtp_bdat_act(struct smtp_session *session, struct bytes argument)
{
    uint64_t size = 0;
    bool is_last = false;
    bool ok = parse_chunk(&size, &is_last, argument);
    if (session->mail_by_ms == 0) {
        begin_mail(session);
    }
    begin_chunk(session, size, is_last, false);
    if (ok && size == 0) {
        end_chunk(session);
    }
}

size_t smtp_bdat_feed(struct smtp_session *session, struct bytes in)
{
    size_t len = in.len < session->chunk_left ? in.len : (size_t)session->chunk_left;
    session->chunk_left -= len;
    session->last_heard_ms = session->now_ms;
    if (!session->chunk_is_waste && has_room(session, len)) {
        buf_append_bytes(&session->mail, bytes_slice(in, 0, len));
        session->service->total_bytes += len;
    }
    if (session->chunk_left == 0) {
        end_chunk(session);
    }
    return len;
}
