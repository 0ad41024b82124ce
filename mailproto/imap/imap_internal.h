// SPDX-License-Identifier: MIT
/* What the session and its commands share. For this room alone.
 *
 * The life of a command:
 *
 *     run (parses its arguments, then acts)
 *       -> imap_finish / imap_bad                               at once
 *       -> starts a call, imap_await; its answer goes on
 *       -> sets command.step; called while there is room for output, until it finishes
 *     imap_finish keeps the tagged reply; imap_sync tells what others changed; the reply goes out
 *
 * All that a command allocates lies in command.arena and ends with it; what does not fit there is
 * freed by command.clean. */
#ifndef BITTERN_MAILPROTO_IMAP_IMAP_INTERNAL_H
#define BITTERN_MAILPROTO_IMAP_IMAP_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "mailproto/imap/imap_input.h"
#include "mailproto/imap/imap_session.h"
#include "mailproto/imap/imap_token.h"
#include "mailproto/imap/mailbox.h"
#include "mailproto/serve/protocol.h"

struct imap_session;
struct kept_answers;
struct sasl;

enum imap_state {
    IMAP_NOT_AUTHENTICATED = 1,
    IMAP_AUTHENTICATED = 2,
    IMAP_SELECTED = 4,
    IMAP_LOGOUT = 8
};

enum {
    IMAP_ANY_STATE = IMAP_NOT_AUTHENTICATED | IMAP_AUTHENTICATED | IMAP_SELECTED,
    IMAP_LOGGED_IN = IMAP_AUTHENTICATED | IMAP_SELECTED
};

/* Extensions that change replies once the client has asked for them. */
enum imap_enabled {
    IMAP_ENABLED_CONDSTORE = 1,
    IMAP_ENABLED_QRESYNC = 2,
    IMAP_ENABLED_UTF8 = 4, /* UTF8=ACCEPT or IMAP4rev2: names and quoted strings in UTF-8 */
    IMAP_ENABLED_REV2 = 8,
    IMAP_ENABLED_UIDONLY = 16 /* no message numbers any more (RFC 9586) */
};

enum imap_command_flags {
    IMAP_COMMAND_KEEPS_NUMBERS =
        1,                      /* no EXPUNGE may be told while it runs (RFC 9051 section 7.5.1) */
    IMAP_COMMAND_UID = 2,       /* UID in front changes what its numbers mean */
    IMAP_COMMAND_SECRET = 4,    /* its arguments are never logged */
    IMAP_COMMAND_TELLS_ALL = 8, /* its own answer is the picture: nothing is told behind it */
    IMAP_COMMAND_NUMBERED = 16  /* without UID in front it is about message numbers */
};

struct imap_command {
    const char *name;
    unsigned states;
    unsigned flags;
    void (*run)(struct imap_session *session, struct imap_parser *args);
};

/* NULL when there is no such command. */
const struct imap_command *imap_command_find(struct bytes name) MUST_USE;

enum imap_status { IMAP_STATUS_OK, IMAP_STATUS_NO, IMAP_STATUS_BAD };

enum imap_phase {
    IMAP_PHASE_IDLE, /* no command: input is taken */
    IMAP_PHASE_RUN,  /* waits for an answer, or has a step to do */
    IMAP_PHASE_SYNC, /* tells what others changed */
    IMAP_PHASE_DELAY /* a refused login: the reply waits */
};

enum { IMAP_TAG_MAX_BYTES = 128 };

struct imap_running {
    enum imap_phase phase;
    const struct imap_command *row;
    char tag[IMAP_TAG_MAX_BYTES + 1];
    bool is_uid; /* UID stood in front */
    struct arena arena;
    struct buf tagged; /* the reply, once it is known */
    struct mailbox_call *call;
    bool waiting;       /* for an answer or for `ready`: step rests */
    bool yielded;       /* step has worked for long enough: others first */
    bool saves;         /* its result is to be "$": nothing, when it fails (RFC 5182 section 2.1) */
    bool some_are_gone; /* messages that it asks for were expunged, untold: imap_done says so */
    /* Produce some output; ends by imap_finish. */
    void (*step)(struct imap_session *session);
    void (*clean)(struct imap_session *session);
    void *data;
    int64_t delay_until_ms;
    int64_t begun_ms;
};

/* The difference between what the client was told and what is: see imap_sync.c. */
enum imap_sync_part {
    IMAP_SYNC_START,
    IMAP_SYNC_EXPUNGED,
    IMAP_SYNC_COUNTS,
    IMAP_SYNC_FLAGS,
    IMAP_SYNC_CONTEXTS, /* context.h */
    IMAP_SYNC_DONE
};

struct imap_sync {
    enum imap_sync_part part;
    bool may_expunge;
    struct mailbox_view *target;
    struct mailbox_diff diff;
    uint32_t n_expunged;
    bool waiting;              /* a context waits for the store */
    struct mailbox_call *call; /* for this answer */
};

struct imap_selected {
    struct mailbox *mailbox; /* NULL: none */
    char *name;
    bool read_only;
    bool changed; /* the watcher said that there is a newer view */
    bool deleted;
    struct mailbox_view *told; /* what the client knows; message numbers are of this one */
    struct uid_set recent;     /* \Recent, ours alone */
    struct imap_sync sync;
    struct uid_set saved;          /* the result that "$" means (RFC 5182) */
    struct imap_context *contexts; /* results that are held up to date */
};

struct fetch_request;
struct imap_append;
struct imap_context;
struct imap_compress;
struct imap_notify;

struct imap_session {
    struct imap_service *service;
    const struct imap_config *config;
    const struct mailbox_ops *ops;
    const struct serve_client *client;
    struct serve_waker waker;
    struct serve_time now;
    enum imap_state state;
    bool is_tls;
    bool wants_tls;
    unsigned enabled;
    unsigned n_errors;
    unsigned n_auth_failures;
    bool greeted;
    bool had_command; /* the first line was a command of ours */
    int64_t started_ms;
    int64_t active_ms; /* the last command or byte of a literal */
    int64_t said_ms;   /* the last output */
    bool shutting_down;

    struct kept_answers *kept; /* the server's */
    struct buf out;
    struct imap_compress *compress;        /* NULL: nothing is packed */
    struct imap_compress *compress_begins; /* behind the tagged OK, which is still in clear */
    struct bytes unpacked;                 /* what came and was not taken yet */
    bool may_unpack_more;                  /* without further input */
    struct imap_input input;
    struct imap_running command;

    struct sasl *sasl;    /* AUTHENTICATE or LOGIN under way */
    void *judging;        /* config->judge was asked */
    bool in_authenticate; /* the next line is a response */
    struct imap_append *append;
    bool idling;
    struct imap_notify *notify; /* NULL: nothing was asked for */
    bool notifying;             /* the command that runs is notify.h's */
    struct buf refused;         /* the reply to a command whose literal is being skipped */

    struct mailbox_account *account;
    char *user; /* the name that logged in; NULL before */
    struct imap_selected selected;
};

/* ---- Replies (imap_reply.c) ---- */

/* The tagged reply: "code" with its brackets or NULL, and words. What others changed goes before
 * it. */
void imap_finish(struct imap_session *session, enum imap_status status, const char *code,
                 const char *format, ...) PRINTF_LIKE(4, 5);
/* "OK NAME completed". */
void imap_done(struct imap_session *session);
/* The same after messages were expunged by the change `modseq` (0: none was): a client that wants
 * mod-sequences is told the highest (RFC 7162 section 3.2.7). */
void imap_done_at(struct imap_session *session, uint64_t modseq);
/* A fault's text as resp-text: printable ASCII. */
struct imap_words {
    char text[FAULT_TEXT_BYTES];
};
struct imap_words imap_words_of(const struct fault *fault) MUST_USE;
/* A tagged NO that says what the store said, with the code that belongs to it. `missing_code`: for
 * FAULT_NOT_FOUND, "TRYCREATE" or "NONEXISTENT". */
void imap_refuse(struct imap_session *session, const struct fault *fault, const char *missing_code);
/* The parser failed: tagged BAD, or NO for what is only meaningless. Always true, so that a handler
 * can say: if (imap_is_bad(...)) return. */
bool imap_is_bad(struct imap_session *session, const struct imap_parser *args) MUST_USE;
/* The beginning of a tagged reply, up to its words. */
void imap_compose(struct buf *out, const char *tag, enum imap_status status, const char *code);
/* After a BAD: too many of them end the session. */
void imap_count_error(struct imap_session *session);
/* "* BYE [code] words", and the end. */
void imap_bye(struct imap_session *session, const char *code, const char *words);
/* Take the tag and the space behind it off a command. False when there is none. */
bool imap_take_tag(struct imap_session *session, struct bytes *rest) MUST_USE;
/* An answer will come: the step rests, input waits. */
void imap_await(struct imap_session *session, struct mailbox_call *call);
/* In a callback: the answer is here. */
void imap_resume(struct imap_session *session);
/* Is there room for more output in this turn? */
bool imap_has_room(const struct imap_session *session) MUST_USE;
/* Run steps as long as there is room. */
void imap_advance(struct imap_session *session);
/* A done that calls `answered` with the session as its context. */
struct mailbox_done imap_answer_to(struct imap_session *session,
                                   void (*answered)(void *context,
                                                    const struct mailbox_answer *answer)) MUST_USE;
/* For a call whose answer carries nothing: OK, or NO with `missing_code`'s NONEXISTENT. */
void imap_answer_plain(void *context, const struct mailbox_answer *answer);

/* ---- Input (imap_run.c; cmd_compress.c where it is packed) ---- */

/* Would a byte of input be looked at now? */
bool imap_takes_input(const struct imap_session *session) MUST_USE;
/* Take what the session can use now; returns how much. */
size_t imap_take_input(struct imap_session *session, struct bytes input) MUST_USE;
/* Forget the command: its call, what it holds, its text. */
void imap_end_command(struct imap_session *session);
/* The same of one that was not the client's: what has come of its next line stays. */
void imap_end_untagged(struct imap_session *session);
/* The same for packed bytes; for what was unpacked and not taken; and is there such? */
size_t imap_feed_packed(struct imap_session *session, struct bytes input) MUST_USE;
void imap_feed_unpacked(struct imap_session *session);
bool imap_has_unpacked(const struct imap_session *session) MUST_USE;
/* session->out to `out`, packed where that is on. */
void imap_output_packed(struct imap_session *session, struct buf *out);

/* ---- Names ---- */

/* A mailbox name from its arguments' form to the store's: modified UTF-7 or UTF-8, INBOX in
 * capitals, no trailing separator. NULL, with the parser failed, when it can't be one. */
const char *imap_mailbox_name(struct imap_session *session, struct imap_parser *args,
                              struct bytes text);
/* A name in UTF-8 (of a URL) likewise; NULL when it can't be one. */
const char *imap_mailbox_of_utf8(struct arena *arena, struct bytes name) MUST_USE;
/* astring and imap_mailbox_name in one. */
const char *imap_mailbox_arg(struct imap_session *session, struct imap_parser *args);
bool imap_uses_utf8(const struct imap_session *session) MUST_USE;

/* The entry of the list of names, or NULL with the command answered NO [NONEXISTENT]. Borrowed
 * until the loop's next turn. */
const struct mailbox_entry *imap_entry_or_refuse(struct imap_session *session, const char *name);
/* The same without an answer. */
const struct mailbox_entry *imap_entry_find(struct imap_session *session,
                                            const char *name) MUST_USE;

/* "(\Seen $Label1)" or, with `bare`, the same without parentheses. Names lie in the arena. \Recent
 * is refused. */
void imap_flag_list(struct imap_session *session, struct imap_parser *args, bool bare,
                    struct mailbox_flags *out);

/* "5:7,9" for an array of UIDs, in its order. */
void imap_write_uids(struct buf *out, const uint32_t *uids, size_t n_uids);

/* ---- The selected mailbox (imap_select.c, imap_sync.c) ---- */

void imap_deselect(struct imap_session *session);
/* The UIDs of a sequence set in the arguments: of UIDs after UID, else of numbers; "$" too. The
 * parser fails when it is wrong. `out` is the caller's to clear. */
void imap_set_arg(struct imap_session *session, struct imap_parser *args, struct uid_set *out);
/* The newest record of a message the client knows; the told one when it is gone. */
const struct mailbox_message *imap_newest(const struct imap_session *session,
                                          const struct mailbox_view *newest, uint32_t uid) MUST_USE;
/* New keywords are told before the first message that has one. */
void imap_tell_keywords(struct imap_session *session);
/* The client has been told these states (a STORE of its own): they are no news. */
void imap_told(struct imap_session *session, const struct mailbox_message *messages,
               size_t n_messages);
/* Begin to tell; imap_sync_step until it returns true. */
void imap_sync_start(struct imap_session *session, bool may_expunge);
bool imap_sync_step(struct imap_session *session) MUST_USE;
void imap_sync_stop(struct imap_session *session);
/* "* 5 FETCH (", or with UIDONLY "* 117 UIDFETCH (". */
void imap_begin_fetch_line(struct imap_session *session, uint32_t seq, uint32_t uid);
/* "* 5 FETCH (FLAGS (...)" with UID and MODSEQ where they belong, and the end of the line. */
void imap_write_flags_line(struct imap_session *session, uint32_t seq,
                           const struct mailbox_message *message,
                           const struct mailbox_keywords *names, bool with_flags, bool with_uid);
/* "VANISHED (EARLIER)": the UIDs, of those in `within` (NULL: all), that went after `modseq`. */
void imap_tell_vanished_earlier(struct imap_session *session, uint64_t modseq,
                                const struct uid_set *within);
bool imap_is_recent(const struct imap_session *session, uint32_t uid) MUST_USE;
/* Has the client asked for mod-sequences? A first use of them by any command enables CONDSTORE. */
bool imap_condstore(const struct imap_session *session) MUST_USE;
void imap_enable_condstore(struct imap_session *session);

/* ---- Pieces of commands that the session calls ---- */

void imap_write_capabilities(struct imap_session *session, struct buf *out);
/* What the session is to do with a literal. */
enum imap_literal_verdict { IMAP_LITERAL_GATHER, IMAP_LITERAL_STREAM, IMAP_LITERAL_REFUSED };
/* An APPEND has announced a literal: `text` is the command so far. REFUSED: session->refused says
 * why. */
enum imap_literal_verdict imap_append_literal(struct imap_session *session, struct bytes text,
                                              const struct imap_literal *literal);
/* Is the text so far an APPEND, or one under way? */
bool imap_append_wants(const struct imap_session *session, struct bytes text) MUST_USE;
void imap_append_data(struct imap_session *session, struct bytes piece);
/* A line after a literal: the next message's arguments come, or the command ends. */
void imap_append_line(struct imap_session *session, struct bytes line);
bool imap_append_is_waiting(const struct imap_session *session) MUST_USE;
void imap_append_stop(struct imap_session *session);

/* FETCH of messages that came, by nobody's command: the run is command.data. imap_fetch_step is
 * called again and again until it calls `finished`; imap_fetch_clean frees what it holds. */
void imap_fetch_untagged(struct imap_session *session, const struct fetch_request *request,
                         const struct uid_set *uids,
                         void (*finished)(struct imap_session *session));
void imap_fetch_step(struct imap_session *session);
void imap_fetch_clean(struct imap_session *session);

void imap_authenticate_line(struct imap_session *session, struct bytes line);
void imap_auth_stop(struct imap_session *session);
/* Give back all that belongs to the login. */
void imap_leave_account(struct imap_session *session);
void imap_idle_line(struct imap_session *session, struct bytes line);

/* ---- The commands ---- */

void cmd_append(struct imap_session *session, struct imap_parser *args);
void cmd_authenticate(struct imap_session *session, struct imap_parser *args);
void cmd_capability(struct imap_session *session, struct imap_parser *args);
void cmd_cancelupdate(struct imap_session *session, struct imap_parser *args);
void cmd_check(struct imap_session *session, struct imap_parser *args);
void cmd_close(struct imap_session *session, struct imap_parser *args);
void cmd_compress(struct imap_session *session, struct imap_parser *args);
void cmd_copy(struct imap_session *session, struct imap_parser *args);
void cmd_create(struct imap_session *session, struct imap_parser *args);
void cmd_delete(struct imap_session *session, struct imap_parser *args);
void cmd_deleteacl(struct imap_session *session, struct imap_parser *args);
void cmd_enable(struct imap_session *session, struct imap_parser *args);
void cmd_esearch(struct imap_session *session, struct imap_parser *args);
void cmd_examine(struct imap_session *session, struct imap_parser *args);
void cmd_expunge(struct imap_session *session, struct imap_parser *args);
void cmd_fetch(struct imap_session *session, struct imap_parser *args);
void cmd_getacl(struct imap_session *session, struct imap_parser *args);
void cmd_getmetadata(struct imap_session *session, struct imap_parser *args);
void cmd_getquota(struct imap_session *session, struct imap_parser *args);
void cmd_getquotaroot(struct imap_session *session, struct imap_parser *args);
void cmd_id(struct imap_session *session, struct imap_parser *args);
void cmd_idle(struct imap_session *session, struct imap_parser *args);
void cmd_list(struct imap_session *session, struct imap_parser *args);
void cmd_listrights(struct imap_session *session, struct imap_parser *args);
void cmd_login(struct imap_session *session, struct imap_parser *args);
void cmd_logout(struct imap_session *session, struct imap_parser *args);
void cmd_lsub(struct imap_session *session, struct imap_parser *args);
void cmd_move(struct imap_session *session, struct imap_parser *args);
void cmd_myrights(struct imap_session *session, struct imap_parser *args);
void cmd_namespace(struct imap_session *session, struct imap_parser *args);
void cmd_noop(struct imap_session *session, struct imap_parser *args);
void cmd_notify(struct imap_session *session, struct imap_parser *args);
void cmd_rename(struct imap_session *session, struct imap_parser *args);
void cmd_replace(struct imap_session *session, struct imap_parser *args);
void cmd_search(struct imap_session *session, struct imap_parser *args);
void cmd_select(struct imap_session *session, struct imap_parser *args);
void cmd_setacl(struct imap_session *session, struct imap_parser *args);
void cmd_setmetadata(struct imap_session *session, struct imap_parser *args);
void cmd_sort(struct imap_session *session, struct imap_parser *args);
void cmd_starttls(struct imap_session *session, struct imap_parser *args);
void cmd_status(struct imap_session *session, struct imap_parser *args);
void cmd_store(struct imap_session *session, struct imap_parser *args);
void cmd_subscribe(struct imap_session *session, struct imap_parser *args);
void cmd_thread(struct imap_session *session, struct imap_parser *args);
void cmd_unauthenticate(struct imap_session *session, struct imap_parser *args);
void cmd_unselect(struct imap_session *session, struct imap_parser *args);
void cmd_unsubscribe(struct imap_session *session, struct imap_parser *args);

#endif
