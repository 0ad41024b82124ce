// SPDX-License-Identifier: MIT
/* Commands about the connection itself: CAPABILITY, NOOP, LOGOUT, ID, ENABLE, STARTTLS, IDLE. */
#include "base/str.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/imap_write.h"
#include "mailproto/imap/notify.h"

/* Checklist: a word stands here when all of its RFC works, and not before. */
static const char capabilities_always[] = "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE";
static const char capabilities_logged_in[] =
    " IDLE NOTIFY UNSELECT UNAUTHENTICATE"
    " CONDSTORE QRESYNC UIDONLY ESEARCH SEARCHRES CONTEXT=SEARCH CONTEXT=SORT PARTIAL"
    " NAMESPACE CHILDREN SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS LIST-METADATA"
    " LIST-MYRIGHTS STATUS=SIZE METADATA QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE ACL RIGHTS=kxte"
    " UIDPLUS MOVE REPLACE MULTIAPPEND CATENATE BINARY SAVEDATE OBJECTID PREVIEW"
    " SORT SORT=DISPLAY THREAD=ORDEREDSUBJECT THREAD=REFERENCES ESORT MULTISEARCH I18NLEVEL=1 "
    "WITHIN SEARCH=FUZZY"
    " COMPRESS=DEFLATE UTF8=ACCEPT INPROGRESS";

void imap_write_capabilities(struct imap_session *session, struct buf *out)
{
    buf_append_str(out, capabilities_always);
    if (session->state != IMAP_NOT_AUTHENTICATED) {
        buf_append_str(out, capabilities_logged_in);
        buf_printf(out, " APPENDLIMIT=%d", MAILBOX_APPEND_MAX_BYTES);
        return;
    }
    if (!session->is_tls && session->client->can_start_tls) {
        buf_append_str(out, " STARTTLS");
    }
    buf_append_str(out, " AUTH=SCRAM-SHA-256");
    if (session->is_tls || session->client->is_loopback) {
        buf_append_str(out, " AUTH=PLAIN AUTH=LOGIN");
    } else {
        buf_append_str(out, " LOGINDISABLED");
    }
}

void cmd_capability(struct imap_session *session, struct imap_parser *args)
{
    imap_end(args);
    if (imap_is_bad(session, args)) {
        return;
    }
    buf_append_str(&session->out, "* CAPABILITY ");
    imap_write_capabilities(session, &session->out);
    buf_append_str(&session->out, "\r\n");
    imap_done(session);
}

void cmd_noop(struct imap_session *session, struct imap_parser *args)
{
    imap_end(args);
    if (!imap_is_bad(session, args)) {
        imap_done(session);
    }
}

void cmd_logout(struct imap_session *session, struct imap_parser *args)
{
    imap_end(args);
    if (imap_is_bad(session, args)) {
        return;
    }
    imap_deselect(session);
    imap_bye(session, NULL, "Good-bye");
    imap_done(session);
}

/* RFC 2971. What a client says of itself is not kept. */
void cmd_id(struct imap_session *session, struct imap_parser *args)
{
    enum { MAX_FIELDS = 30 };
    imap_space(args);
    if (!imap_accept_word(args, "NIL")) {
        imap_expect(args, '(');
        for (unsigned n_fields = 0; imap_ok(args) && !imap_accept(args, ')'); n_fields++) {
            if (n_fields > 0) {
                imap_space(args);
            }
            (void)imap_string(args);
            imap_space(args);
            (void)imap_nstring(args);
            if (n_fields == MAX_FIELDS) {
                imap_fail(args, "Too many fields");
            }
        }
    }
    imap_end(args);
    if (imap_is_bad(session, args)) {
        return;
    }
    buf_append_str(&session->out,
                   "* ID (\"name\" \"Bittern\" \"version\" \"" BITTERN_VERSION "\")\r\n");
    imap_done(session);
}

/* RFC 5161: unknown names are passed over. */
void cmd_enable(struct imap_session *session, struct imap_parser *args)
{
    unsigned wanted = 0;
    do {
        imap_space(args);
        struct bytes name = imap_atom(args);
        if (bytes_is_word(name, "CONDSTORE")) {
            wanted |= IMAP_ENABLED_CONDSTORE;
        } else if (bytes_is_word(name, "QRESYNC")) {
            wanted |= IMAP_ENABLED_QRESYNC | IMAP_ENABLED_CONDSTORE;
        } else if (bytes_is_word(name, "UTF8=ACCEPT")) {
            wanted |= IMAP_ENABLED_UTF8;
        } else if (bytes_is_word(name, "IMAP4rev2")) {
            wanted |= IMAP_ENABLED_REV2;
        } else if (bytes_is_word(name, "UIDONLY")) {
            wanted |= IMAP_ENABLED_UIDONLY;
        }
    } while (imap_ok(args) && args->rest.len > 0);
    if (imap_is_bad(session, args)) {
        return;
    }
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {{IMAP_ENABLED_CONDSTORE, " CONDSTORE"},
                 {IMAP_ENABLED_QRESYNC, " QRESYNC"},
                 {IMAP_ENABLED_UTF8, " UTF8=ACCEPT"},
                 {IMAP_ENABLED_REV2, " IMAP4rev2"},
                 {IMAP_ENABLED_UIDONLY, " UIDONLY"}};
    buf_append_str(&session->out, "* ENABLED");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if ((wanted & names[i].bit & ~session->enabled) != 0) {
            buf_append_str(&session->out, names[i].name);
        }
    }
    buf_append_str(&session->out, "\r\n");
    if ((wanted & IMAP_ENABLED_CONDSTORE) != 0) {
        imap_enable_condstore(session);
    }
    session->enabled |= wanted;
    imap_done(session);
}

/* What was pipelined behind it is thrown away by serve; nothing of the time before is kept. */
void cmd_starttls(struct imap_session *session, struct imap_parser *args)
{
    imap_end(args);
    if (imap_is_bad(session, args)) {
        return;
    }
    if (session->is_tls) {
        imap_finish(session, IMAP_STATUS_BAD, NULL, "TLS is on already");
        return;
    }
    if (!session->client->can_start_tls) {
        imap_finish(session, IMAP_STATUS_NO, NULL, "TLS is not available here");
        return;
    }
    session->wants_tls = true;
    imap_finish(session, IMAP_STATUS_OK, NULL, "Begin TLS now");
}

/* ---- IDLE (RFC 2177) ---- */

/* Called whenever the watcher has seen something: tell it, then rest. */
static void idle_step(struct imap_session *session)
{
    struct imap_selected *selected = &session->selected;
    if (selected->mailbox == NULL) {
        session->command.waiting = notify_step_in_idle(session);
        return;
    }
    if (selected->sync.part == IMAP_SYNC_DONE && session->command.data == NULL) {
        imap_sync_start(session, true);
    }
    bool told = session->command.data == NULL && imap_sync_step(session);
    if (selected->sync.waiting) {
        session->command.waiting = true;
    } else if ((told || session->command.data != NULL) && notify_step_in_idle(session)) {
        session->command.waiting = !selected->changed;
    }
    if (selected->deleted) {
        imap_bye(session, NULL, "The selected mailbox was deleted");
    }
}

static void idle_clean(struct imap_session *session)
{
    session->idling = false;
    notify_clean(session);
}

void cmd_idle(struct imap_session *session, struct imap_parser *args)
{
    imap_end(args);
    if (imap_is_bad(session, args)) {
        return;
    }
    buf_append_str(&session->out, "+ idling\r\n");
    session->idling = true;
    session->command.clean = idle_clean;
    session->command.step = idle_step;
    imap_input_reset(&session->input);
}

void imap_idle_line(struct imap_session *session, struct bytes line)
{
    bool is_done = bytes_is_word(line, "DONE");
    imap_input_reset(&session->input);
    session->idling = false;
    if (is_done) {
        imap_done(session);
    } else {
        imap_finish(session, IMAP_STATUS_BAD, NULL, "Expected DONE");
    }
}
