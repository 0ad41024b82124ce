// SPDX-License-Identifier: MIT
/* APPEND (RFC 9051 section 6.3.12), also of several messages (RFC 3502), of literal8s, and of parts
 * that lie here already (CATENATE, RFC 4469); and REPLACE (RFC 8508), which is an APPEND that takes
 * another message out in the same commit.
 *
 * A message is passed to the store as its bytes come. Its arguments are judged when its literal is
 * announced, so that a client which waits to be asked is told "no" before it sends anything:
 *
 *     tag APPEND mailbox (flags) "date" {n}             imap_append_literal: begin, first message
 *     ...n bytes...                                     imap_append_data
 *      (flags) CATENATE (URL "/Drafts/;UID=3" TEXT {m}  imap_append_literal: next message, its
 * parts
 *     ...m bytes...
 *     )                                                 imap_append_line: commit
 *
 * What stands between two literals is a segment. A segment is read whole into a list of actions
 * (append.h) before any of them is done; one that ends in a literal which is not a message's (a
 * name, a URL) is read again when that literal has come. */
#include <stdlib.h>

#include "base/str.h"
#include "mailproto/imap/append.h"
#include "mailproto/imap/imap_date.h"
#include "mailproto/imap/imap_internal.h"

/* What the command is, and where its messages go. */
struct append_target {
    const char *mailbox;
    bool is_replace;
    uint32_t replaced_uid;
};

enum segment_end {
    SEGMENT_GATHER, /* a literal that belongs to the arguments */
    SEGMENT_MESSAGE,
    SEGMENT_TEXT, /* a literal that is a part of a message */
    SEGMENT_LINE  /* the end of the command */
};

struct segment {
    struct append_place place;
    struct append_action *first;
    struct append_action **last;
    struct mailbox_new_message message; /* SEGMENT_MESSAGE */
};

/* ---- The target ---- */

/* "APPEND", "REPLACE" or "UID REPLACE" and the space behind it; false: another command. */
static bool take_word(const struct imap_session *session, struct imap_parser *args,
                      struct append_target *target, bool *is_uid)
{
    *is_uid = imap_accept_word(args, "UID");
    if (*is_uid) {
        imap_space(args);
    }
    target->is_replace = imap_accept_word(args, "REPLACE");
    bool known = target->is_replace || (!*is_uid && imap_accept_word(args, "APPEND"));
    unsigned states = target->is_replace ? (unsigned)IMAP_SELECTED : (unsigned)IMAP_LOGGED_IN;
    return imap_ok(args) && known && (session->state & states) != 0;
}

bool imap_append_wants(const struct imap_session *session, struct bytes text)
{
    struct append_target target = {0};
    bool is_uid = false;
    if (session->append != NULL) {
        return true;
    }
    size_t tag_end = bytes_find(text, ' ');
    struct imap_parser args = {.rest = bytes_slice(text, tag_end + 1, SIZE_MAX)};
    return session->command.phase == IMAP_PHASE_IDLE && take_word(session, &args, &target, &is_uid);
}

/* The message that REPLACE takes out. */
static void parse_replaced(struct imap_session *session, struct imap_parser *args,
                           struct append_target *target)
{
    struct uid_set uids = {0};
    imap_space(args);
    if ((session->enabled & IMAP_ENABLED_UIDONLY) != 0 && !session->command.is_uid) {
        args->code = "UIDREQUIRED";
        imap_fail(args, "There are no message numbers with UIDONLY");
        return;
    }
    imap_set_arg(session, args, &uids);
    if (imap_ok(args) && session->selected.read_only) {
        args->well_formed = true;
        imap_fail(args, "The mailbox was opened read-only");
    } else if (imap_ok(args) && uid_set_count(&uids) != 1) {
        args->well_formed = uid_set_is_empty(&uids);
        args->code = args->well_formed ? "NONEXISTENT" : NULL;
        imap_fail(args, args->well_formed ? "There is no message with that UID"
                                          : "REPLACE takes one message");
    } else if (imap_ok(args)) {
        target->replaced_uid = uids.ranges[0].first;
    }
    uid_set_clear(&uids);
}

/* Behind the command's word. False: the mailbox's name is a literal that has not come. */
static bool parse_target(struct imap_session *session, struct imap_parser *args,
                         struct append_target *target)
{
    if (target->is_replace) {
        parse_replaced(session, args, target);
    }
    imap_space(args);
    if (imap_peek(args) == '{' && bytes_find(args->rest, '\r') == args->rest.len) {
        return false;
    }
    target->mailbox = imap_mailbox_arg(session, args);
    return true;
}

/* ---- A segment ---- */

static void add_action(struct imap_parser *args, struct segment *segment,
                       const struct append_action *action)
{
    *segment->last = arena_memdup(args->arena, action, sizeof(*action));
    segment->last = &(*segment->last)->next;
}

static void parse_date(struct imap_session *session, struct imap_parser *args,
                       struct mailbox_new_message *message)
{
    message->internal_sec = session->now.wall_sec;
    message->internal_zone_min = 0;
    if (imap_peek(args) != '"') {
        return;
    }
    if (!imap_date_time_parse(imap_string(args), &message->internal_sec,
                              &message->internal_zone_min)) {
        imap_fail(args, "Bad date-time");
    }
    imap_space(args);
}

/* At the announcement of the literal that ends this segment? */
static bool is_at_literal(struct imap_parser *args, const struct imap_literal *literal)
{
    (void)imap_accept(args, '~');
    return literal != NULL && imap_peek(args) == '{' &&
           bytes_find(args->rest, '\r') == args->rest.len &&
           bytes_find(args->rest, ' ') == args->rest.len;
}

/* " (flags) "date" " up to the literal or into CATENATE's parenthesis. True at the literal. */
static bool parse_message(struct imap_session *session, struct imap_parser *args,
                          const struct imap_literal *literal, struct segment *segment)
{
    struct mailbox_new_message *message = &segment->message;
    *message = (struct mailbox_new_message){.client_id = session->client->id};
    segment->place.n_messages++;
    imap_space(args);
    if (imap_peek(args) == '(') {
        imap_flag_list(session, args, false, &message->flags);
        imap_space(args);
    }
    parse_date(session, args, message);
    if (imap_accept_word(args, "CATENATE")) {
        imap_space(args);
        imap_expect(args, '(');
        message->size = MAILBOX_APPEND_MAX_BYTES;
        message->size_is_open = true;
        add_action(args, segment,
                   &(struct append_action){.kind = APPEND_BEGIN, .message = *message});
        segment->place.in_catenate = true;
        segment->place.first_part = true;
        return false;
    }
    segment->place.in_utf8 = imap_accept_word(args, "UTF8");
    if (segment->place.in_utf8) {
        imap_space(args);
        imap_expect(args, '(');
    }
    if (!is_at_literal(args, literal)) {
        imap_fail(args, "Bad arguments");
        return false;
    }
    message->size = literal->len;
    return true;
}

/* "URL x", "TEXT {n}", or the parenthesis behind the last one. True at a literal: *end says what it
 * is. */
static bool parse_part(struct imap_parser *args, const struct imap_literal *literal,
                       struct segment *segment, enum segment_end *end)
{
    if (!segment->place.first_part && imap_accept(args, ')')) {
        add_action(args, segment, &(struct append_action){.kind = APPEND_END});
        segment->place.in_catenate = false;
        return false;
    }
    if (!segment->place.first_part) {
        imap_space(args);
    }
    segment->place.first_part = false;
    if (imap_accept_word(args, "TEXT")) {
        imap_space(args);
        *end = SEGMENT_TEXT;
        if (!is_at_literal(args, literal)) {
            imap_fail(args, "TEXT takes a literal");
        }
        return imap_ok(args);
    }
    if (!imap_accept_word(args, "URL")) {
        imap_fail(args, "Expected URL or TEXT");
    }
    imap_space(args);
    if (imap_peek(args) == '{' && is_at_literal(args, literal)) {
        *end = SEGMENT_GATHER;
        return imap_ok(args);
    }
    struct bytes url = imap_astring(args);
    if (imap_ok(args)) {
        url.data = arena_memdup(args->arena, url.len > 0 ? url.data : (const void *)"", url.len);
        add_action(args, segment, &(struct append_action){.kind = APPEND_URL, .url = url});
    }
    return false;
}

/* `literal`: the one whose announcement ends the text; NULL: the line's end does. */
static enum segment_end parse_segment(struct imap_session *session, struct imap_parser *args,
                                      const struct imap_literal *literal, struct segment *segment)
{
    enum segment_end end = SEGMENT_LINE;
    segment->last = &segment->first;
    if (segment->place.in_utf8) {
        imap_expect(args, ')');
        segment->place.in_utf8 = false;
    }
    while (imap_ok(args)) {
        if (segment->place.in_catenate) {
            if (parse_part(args, literal, segment, &end)) {
                return end;
            }
        } else if (args->rest.len == 0 && literal == NULL) {
            if (segment->place.n_messages == 0) {
                imap_fail(args, "A message is missing");
            }
            return SEGMENT_LINE;
        } else if (parse_message(session, args, literal, segment)) {
            return SEGMENT_MESSAGE;
        }
    }
    return end;
}

/* ---- Doing it ---- */

static void begin(struct imap_session *session, const struct append_target *target)
{
    struct imap_append *append = xcalloc(1, sizeof(*append));
    session->append = append;
    append->replaced_uid = target->replaced_uid;
    append->handle = session->ops->append_begin(session->account, target->mailbox,
                                                append_ready_of(session), &append->fault);
}

static void take_segment(struct imap_append *append, const struct segment *segment)
{
    append->place = segment->place;
    for (struct append_action *action = segment->first; action != NULL;) {
        struct append_action *next = action->next;
        action->next = NULL;
        append_enqueue(append, action);
        action = next;
    }
}

/* Compose the reply and give up. */
static enum imap_literal_verdict refuse(struct imap_session *session, const char *status,
                                        const char *code, const char *words)
{
    buf_printf(&session->refused, "%s %s ", session->command.tag, status);
    if (code != NULL) {
        buf_printf(&session->refused, "[%s] ", code);
    }
    buf_printf(&session->refused, "%s\r\n", words);
    imap_append_stop(session);
    return IMAP_LITERAL_REFUSED;
}

static enum imap_literal_verdict refuse_arguments(struct imap_session *session,
                                                  const struct imap_parser *args)
{
    const char *code = args->well_formed && args->code == NULL ? "CANNOT" : args->code;
    return refuse(session, args->well_formed ? "NO" : "BAD", code,
                  args->error != NULL ? args->error : "Syntax error");
}

static enum imap_literal_verdict take_literal(struct imap_session *session,
                                              const struct segment *segment, enum segment_end end,
                                              const struct imap_literal *literal)
{
    struct imap_append *append = session->append;
    if (append->handle == NULL) {
        return refuse(session, "NO", append_code_of(&append->fault),
                      imap_words_of(&append->fault).text);
    }
    if (literal->len > MAILBOX_APPEND_MAX_BYTES) {
        return refuse(session, "NO", "TOOBIG", "The message is too large");
    }
    if (literal->len == 0 && end == SEGMENT_MESSAGE) {
        return refuse(session, "NO", NULL, "An empty message can't be appended");
    }
    if (append->place.n_messages > MAILBOX_APPEND_MAX_MESSAGES) {
        return refuse(session, "NO", "LIMIT", "Too many messages in one APPEND");
    }
    if (end == SEGMENT_MESSAGE) {
        append_enqueue(append, arena_memdup(&session->command.arena,
                                            &(struct append_action){.kind = APPEND_BEGIN,
                                                                    .message = segment->message},
                                            sizeof(struct append_action)));
    }
    append->left = literal->len;
    append_work(session);
    if (append->handle == NULL && append->bad_url == NULL) {
        return refuse(session, "NO", append_code_of(&append->fault),
                      imap_words_of(&append->fault).text);
    }
    return IMAP_LITERAL_STREAM;
}

enum imap_literal_verdict imap_append_literal(struct imap_session *session, struct bytes text,
                                              const struct imap_literal *literal)
{
    struct imap_parser args = {.rest = text, .arena = &session->command.arena};
    struct append_target target = {0};
    struct segment segment = {0};
    if (session->append != NULL) {
        segment.place = session->append->place;
    } else if (!imap_take_tag(session, &args.rest)) {
        return IMAP_LITERAL_GATHER; /* the whole command will be refused */
    } else {
        (void)take_word(session, &args, &target, &session->command.is_uid);
        if (!parse_target(session, &args, &target)) {
            return IMAP_LITERAL_GATHER;
        }
        if (!imap_ok(&args)) {
            return refuse_arguments(session, &args);
        }
    }
    enum segment_end end = parse_segment(session, &args, literal, &segment);
    bool replaces =
        target.is_replace || (session->append != NULL && session->append->replaced_uid != 0);
    if (imap_ok(&args) && replaces && segment.place.n_messages > 1) {
        imap_fail(&args, "REPLACE takes one message");
    }
    if (!imap_ok(&args)) {
        return refuse_arguments(session, &args);
    }
    if (end == SEGMENT_GATHER) {
        return IMAP_LITERAL_GATHER;
    }
    if (session->append == NULL) {
        begin(session, &target);
    }
    take_segment(session->append, &segment);
    return take_literal(session, &segment, end, literal);
}

/* The end of the command has been read: what is left to do is done by append_work. */
static void complete(struct imap_session *session)
{
    session->command.waiting = true;
    session->append->is_complete = true;
    append_work(session);
}

void imap_append_line(struct imap_session *session, struct bytes line)
{
    struct imap_append *append = session->append;
    struct imap_parser args = {.rest = line, .arena = &session->command.arena};
    struct segment segment = {.place = append->place};
    session->command.phase = IMAP_PHASE_RUN;
    session->command.row =
        imap_command_find(bytes_of_str(append->replaced_uid != 0 ? "REPLACE" : "APPEND"));
    (void)parse_segment(session, &args, NULL, &segment);
    if (!imap_ok(&args)) {
        imap_append_stop(session);
        imap_finish(session, IMAP_STATUS_BAD, NULL, "Bad arguments after the message");
        return;
    }
    take_segment(append, &segment);
    complete(session);
}

/* Comes here only when no message's bytes followed: all its parts lie here already. */
static void append_without_literal(struct imap_session *session, struct imap_parser *args,
                                   struct append_target *target)
{
    struct segment segment = {0};
    if (!parse_target(session, args, target)) {
        imap_fail(args, "Bad literal");
    }
    (void)parse_segment(session, args, NULL, &segment);
    if (imap_is_bad(session, args)) {
        return;
    }
    begin(session, target);
    take_segment(session->append, &segment);
    complete(session);
}

void cmd_append(struct imap_session *session, struct imap_parser *args)
{
    append_without_literal(session, args, &(struct append_target){0});
}

void cmd_replace(struct imap_session *session, struct imap_parser *args)
{
    append_without_literal(session, args, &(struct append_target){.is_replace = true});
}
