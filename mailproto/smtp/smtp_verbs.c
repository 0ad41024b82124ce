// SPDX-License-Identifier: MIT
/* The verbs: a table of where each may be said, and for each what must hold (check) and what it
 * does (act). A check answers no by itself; an act finds all in order. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "mailproto/smtp/smtp_internal.h"
#include "mailproto/smtp/smtp_params.h"
#include "mailproto/smtp/smtp_path.h"
#include "mailproto/smtp/smtp_reply.h"

#define IN(state) (1u << (state))
#define IN_COMMANDS                                                                                \
    (IN(SMTP_HELLO) | IN(SMTP_IDLE) | IN(SMTP_MAIL) | IN(SMTP_RCPT) | IN(SMTP_CHUNKS))

enum { MAX_HELO_BYTES = 255 };

/* ---- EHLO, HELO, LHLO ---- */

static bool check_hello(struct smtp_session *session, struct bytes argument)
{
    bool ok = argument.len != 0 && argument.len <= MAX_HELO_BYTES && utf8_valid(argument);
    for (size_t i = 0; i < argument.len; i++) {
        ok = ok && argument.data[i] > ' ' && argument.data[i] != 0x7f;
    }
    if (!ok) {
        smtp_error(session, "501 5.5.4 Say your name: one word");
    }
    return ok;
}

static void keep_hello(struct smtp_session *session, struct bytes argument)
{
    smtp_reset_mail(session);
    free(session->helo);
    session->helo = xstrndup((const char *)argument.data, argument.len);
    if (session->state == SMTP_HELLO) {
        smtp_enter(session, SMTP_IDLE);
    }
}

static void act_helo(struct smtp_session *session, struct bytes argument)
{
    keep_hello(session, argument);
    smtp_reply_line(&session->out, 250, true, "%s", session->service->host_name);
}

static void act_ehlo(struct smtp_session *session, struct bytes argument)
{
    const struct smtp_limits *limits = &session->service->config.limits;
    struct buf *out = &session->out;
    keep_hello(session, argument);
    smtp_reply_line(out, 250, false, "%s", session->service->host_name);
    smtp_reply_line(out, 250, false, "SIZE %llu", (unsigned long long)limits->max_message_bytes);
    smtp_reply_line(out, 250, false, "PIPELINING");
    smtp_reply_line(out, 250, false, "8BITMIME");
    smtp_reply_line(out, 250, false, "SMTPUTF8");
    smtp_reply_line(out, 250, false, "CHUNKING");
    smtp_reply_line(out, 250, false, "BINARYMIME");
    smtp_reply_line(out, 250, false, "DSN");
    smtp_reply_line(out, 250, false, "ENHANCEDSTATUSCODES");
    smtp_reply_line(out, 250, false, "DELIVERBY");
    if (session->client->can_start_tls && !session->is_tls) {
        smtp_reply_line(out, 250, false, "STARTTLS");
    }
    if (smtp_auth_is_offered(session)) {
        smtp_reply_line(out, 250, false, "AUTH PLAIN LOGIN SCRAM-SHA-256");
    }
    smtp_reply_line(out, 250, false, "LIMITS RCPTMAX=%u MAILMAX=%u", limits->max_recipients,
                    limits->max_mails);
    smtp_reply_line(out, 250, true, "HELP");
}

/* ---- MAIL and RCPT ---- */

/* "FROM:" or "TO:" in any case, and what follows it. A space behind the colon is forgiven. */
static bool skip_keyword(struct bytes *argument, const char *keyword)
{
    struct bytes head = bytes_slice(*argument, 0, strlen(keyword));
    if (!bytes_is_word(head, keyword)) {
        return false;
    }
    *argument = bytes_slice(*argument, head.len, argument->len);
    while (argument->len != 0 && argument->data[0] == ' ') {
        *argument = bytes_slice(*argument, 1, argument->len);
    }
    return true;
}

/* Parses "<path> parameters"; says what is wrong and forgets what was read. */
static bool take_path(struct smtp_session *session, const char **out_address,
                      struct bytes *out_params, struct bytes in, bool utf8)
{
    struct bytes address;
    switch (smtp_path_parse(&address, out_params, in, utf8)) {
    case SMTP_PATH_OK:
        *out_address = arena_strndup(
            &session->arena, address.len == 0 ? "" : (const char *)address.data, address.len);
        return true;
    case SMTP_PATH_TOO_LONG:
        smtp_error(session, "501 5.1.3 The address is too long");
        return false;
    case SMTP_PATH_UTF8:
        smtp_error(session, "553 5.6.7 An address with letters outside ASCII needs SMTPUTF8");
        return false;
    case SMTP_PATH_BAD:
        break;
    }
    smtp_error(session, "501 5.1.3 That is no address: it is <local@domain>, in angle brackets");
    return false;
}

static bool take_params(struct smtp_session *session, enum smtp_params_result result)
{
    if (result == SMTP_PARAMS_UNKNOWN) {
        smtp_error(session, "555 5.5.4 There is a parameter that is not known here");
    } else if (result == SMTP_PARAMS_BAD) {
        smtp_error(session, "501 5.5.4 A parameter is wrong, or there twice");
    }
    return result == SMTP_PARAMS_OK;
}

/* The whole of MAIL is parsed into the envelope before anybody is asked. */
static bool parse_mail(struct smtp_session *session, struct bytes argument)
{
    struct smtp_envelope *envelope = &session->envelope;
    struct bytes params;
    const char *sender;

    if (!skip_keyword(&argument, "FROM:")) {
        smtp_error(session, "501 5.5.4 It is MAIL FROM:<address>");
        return false;
    }
    /* SMTPUTF8 stands behind the address that it allows. */
    if (!take_path(session, &sender, &params, argument, true) ||
        !take_params(session, smtp_params_of_mail(envelope, params, &session->arena))) {
        return false;
    }
    if (!envelope->smtputf8 && !take_path(session, &sender, &params, argument, false)) {
        return false;
    }
    envelope->sender = sender;
    return true;
}

static bool check_mail(struct smtp_session *session, struct bytes argument)
{
    const struct smtp_limits *limits = &session->service->config.limits;
    if (session->n_mails >= limits->max_mails) {
        smtp_end(session, "421 4.7.0 Too many mails in one session, come again");
        return false;
    }
    smtp_reset_mail(session);
    if (!parse_mail(session, argument)) {
        smtp_reset_mail(session);
        return false;
    }
    if (session->envelope.declared_size > limits->max_message_bytes) {
        smtp_error(session, "552 5.3.4 The mail is larger than SIZE allows");
        smtp_reset_mail(session);
        return false;
    }
    if (session->service->total_bytes + session->envelope.declared_size > limits->max_total_bytes) {
        smtp_reply(&session->out, "452 4.3.1 No memory for this mail now, try again later");
        smtp_reset_mail(session);
        return false;
    }
    return true;
}

static void act_mail(struct smtp_session *session, struct bytes argument)
{
    (void)argument;
    const struct smtp_handler *handler = session->service->config.handler;
    struct smtp_envelope *envelope = &session->envelope;
    envelope->account_id = session->account_id;
    envelope->peer = session->client->address;
    envelope->helo = session->helo;
    envelope->is_lmtp = session->service->config.is_lmtp;
    envelope->is_tls = session->is_tls;
    handler->check_sender(handler->context, smtp_ask(session, SMTP_ASKED_SENDER), envelope);
}

static bool is_accepted(const struct smtp_verdict *verdict)
{
    return verdict->code / 100 == 2;
}

/* A refusal by the handler counts as an error only when it is for good. */
static void reply_refused(struct smtp_session *session, const struct smtp_verdict *verdict)
{
    smtp_reply_verdict(&session->out, verdict, session->envelope.smtputf8);
    if (verdict->code / 100 == 5 &&
        ++session->n_errors > session->service->config.limits.max_errors) {
        smtp_end(session, "421 4.7.0 Too many errors, good-bye");
    }
}

void smtp_sender_answered(struct smtp_session *session, const struct smtp_verdict *verdict)
{
    if (is_accepted(verdict)) {
        smtp_reply_verdict(&session->out, verdict, session->envelope.smtputf8);
        smtp_enter(session, SMTP_MAIL);
    } else {
        reply_refused(session, verdict);
        smtp_reset_mail(session);
    }
}

static bool check_rcpt(struct smtp_session *session, struct bytes argument)
{
    struct smtp_recipient recipient = {0};
    struct bytes params;
    if (session->envelope.n_recipients >= session->service->config.limits.max_recipients) {
        smtp_reply(&session->out, "452 4.5.3 Too many recipients, send the mail to these first");
        return false;
    }
    if (!skip_keyword(&argument, "TO:")) {
        smtp_error(session, "501 5.5.4 It is RCPT TO:<address>");
        return false;
    }
    if (!take_path(session, &recipient.address, &params, argument, session->envelope.smtputf8) ||
        !take_params(session, smtp_params_of_rcpt(&recipient, params, &session->arena))) {
        return false;
    }
    if (recipient.address[0] == '\0') {
        smtp_error(session, "501 5.1.3 A recipient is not empty");
        return false;
    }
    session->pending = recipient;
    return true;
}

static void act_rcpt(struct smtp_session *session, struct bytes argument)
{
    (void)argument;
    const struct smtp_handler *handler = session->service->config.handler;
    handler->check_recipient(handler->context, smtp_ask(session, SMTP_ASKED_RECIPIENT),
                             &session->envelope, &session->pending);
}

void smtp_recipient_answered(struct smtp_session *session, const struct smtp_verdict *verdict)
{
    struct smtp_envelope *envelope = &session->envelope;
    if (!is_accepted(verdict)) {
        reply_refused(session, verdict);
        return;
    }
    session->recipients = array_grow(session->recipients, envelope->n_recipients,
                                     &session->recipients_capacity, sizeof *session->recipients);
    session->recipients[envelope->n_recipients++] = session->pending;
    envelope->recipients = session->recipients;
    smtp_reply_verdict(&session->out, verdict, envelope->smtputf8);
    smtp_enter(session, SMTP_RCPT);
}

/* ---- the small ones ---- */

static bool check_no_argument(struct smtp_session *session, struct bytes argument)
{
    if (argument.len != 0) {
        smtp_error(session, "501 5.5.4 This command stands alone");
    }
    return argument.len == 0;
}

static void act_rset(struct smtp_session *session, struct bytes argument)
{
    (void)argument;
    smtp_reset_mail(session);
    smtp_reply(&session->out, "250 2.0.0 Forgotten");
}

static void act_noop(struct smtp_session *session, struct bytes argument)
{
    (void)argument;
    smtp_reply(&session->out, "250 2.0.0 Still here");
}

static void act_quit(struct smtp_session *session, struct bytes argument)
{
    (void)argument;
    smtp_end(session, "221 2.0.0 Good-bye");
}

static bool check_vrfy(struct smtp_session *session, struct bytes argument)
{
    if (argument.len == 0) {
        smtp_error(session, "501 5.5.4 Whom?");
    }
    return argument.len != 0;
}

static void act_vrfy(struct smtp_session *session, struct bytes argument)
{
    (void)argument;
    smtp_reply(&session->out, "252 2.5.0 Name it in RCPT, there it is judged");
}

static void act_refuse(struct smtp_session *session, struct bytes argument)
{
    (void)argument;
    smtp_error(session, "502 5.5.1 This server does not do that");
}

static void act_help(struct smtp_session *session, struct bytes argument)
{
    (void)argument;
    smtp_verb_help(session);
}

static bool check_starttls(struct smtp_session *session, struct bytes argument)
{
    if (!check_no_argument(session, argument)) {
        return false;
    }
    if (session->is_tls) {
        smtp_error(session, "503 5.5.1 TLS is spoken already");
    } else if (!session->client->can_start_tls) {
        smtp_error(session, "502 5.5.1 There is no certificate, so no TLS");
    } else if (session->account_id != 0) {
        smtp_error(session, "503 5.5.1 TLS comes before the login");
    } else {
        return true;
    }
    return false;
}

static void act_starttls(struct smtp_session *session, struct bytes argument)
{
    (void)argument;
    smtp_reset_mail(session);
    smtp_reply(&session->out, "220 2.0.0 Go ahead");
    smtp_enter(session, SMTP_TLS);
}

/* ---- the table ---- */

static const struct smtp_verb VERBS[] = {
    {"EHLO", IN_COMMANDS, true, "EHLO name: begin, and hear what is offered", check_hello,
     act_ehlo},
    {"HELO", IN_COMMANDS, true, "HELO name: begin, the old way", check_hello, act_helo},
    {"LHLO", IN_COMMANDS, true, "LHLO name: begin LMTP", check_hello, act_ehlo},
    {"MAIL", IN(SMTP_IDLE), false, "MAIL FROM:<address> [SIZE= BODY= SMTPUTF8 RET= ENVID= BY=]",
     check_mail, act_mail},
    {"RCPT", IN(SMTP_MAIL) | IN(SMTP_RCPT), false, "RCPT TO:<address> [NOTIFY= ORCPT=]", check_rcpt,
     act_rcpt},
    {"DATA", IN(SMTP_RCPT), false, "DATA: the mail, up to a dot alone on a line", smtp_data_check,
     smtp_data_act},
    {"BDAT", IN_COMMANDS, false, "BDAT n [LAST]: n bytes of the mail", smtp_bdat_check,
     smtp_bdat_act},
    {"RSET", IN_COMMANDS, true, "RSET: forget the mail under way", check_no_argument, act_rset},
    {"NOOP", IN_COMMANDS, true, "NOOP: nothing", NULL, act_noop},
    {"QUIT", IN_COMMANDS, true, "QUIT: good-bye", NULL, act_quit},
    {"VRFY", IN_COMMANDS, false, "VRFY name: see RCPT", check_vrfy, act_vrfy},
    {"HELP", IN_COMMANDS, true, "HELP: this", NULL, act_help},
    {"AUTH", IN(SMTP_IDLE), true, "AUTH PLAIN|LOGIN|SCRAM-SHA-256 [response]: log in",
     smtp_auth_check, smtp_auth_act},
    {"STARTTLS", IN(SMTP_HELLO) | IN(SMTP_IDLE), true, "STARTTLS: go on under TLS", check_starttls,
     act_starttls},
    {"EXPN", IN_COMMANDS, true, NULL, NULL, act_refuse},
    {"TURN", IN_COMMANDS, true, NULL, NULL, act_refuse},
    {"ETRN", IN_COMMANDS, true, NULL, NULL, act_refuse},
};

const struct smtp_verb *smtp_verb_find(struct bytes word)
{
    for (size_t i = 0; i < ARRAY_LEN(VERBS); i++) {
        if (bytes_is_word(word, VERBS[i].name)) {
            return &VERBS[i];
        }
    }
    return NULL;
}

void smtp_verb_help(struct smtp_session *session)
{
    for (size_t i = 0; i < ARRAY_LEN(VERBS); i++) {
        if (VERBS[i].help != NULL) {
            smtp_reply_line(&session->out, 214, false, "2.0.0 %s", VERBS[i].help);
        }
    }
    smtp_reply(&session->out, "214 2.0.0 An address reads BM-...@bm.alt");
}

/* A greeting of the other protocol than ours. */
static bool is_wrong_hello(const struct smtp_session *session, const struct smtp_verb *verb)
{
    bool is_lmtp_verb = strcmp(verb->name, "LHLO") == 0;
    return session->service->config.is_lmtp
               ? verb->act == act_helo || (verb->act == act_ehlo && !is_lmtp_verb)
               : is_lmtp_verb;
}

static void say_wrong_state(struct smtp_session *session)
{
    static const char *const words[] = {
        [SMTP_HELLO] = "503 5.5.1 Say EHLO (LMTP: LHLO) first",
        [SMTP_IDLE] = "503 5.5.1 MAIL comes first",
        [SMTP_MAIL] = "503 5.5.1 There is no recipient yet, or a mail is under way already",
        [SMTP_RCPT] = "503 5.5.1 A mail is under way already",
        [SMTP_CHUNKS] = "503 5.5.1 A mail is under way in chunks: BDAT or RSET",
    };
    smtp_error(session, words[session->state]);
}

void smtp_command(struct smtp_session *session, struct bytes line)
{
    size_t word_len = bytes_find(line, ' ');
    struct bytes argument = bytes_slice(line, word_len + 1, line.len);
    const struct smtp_verb *verb = smtp_verb_find(bytes_slice(line, 0, word_len));

    while (argument.len != 0 && argument.data[argument.len - 1] == ' ') {
        argument.len--;
    }
    if (verb == NULL) {
        smtp_error(session, bytes_find(line, '\0') != line.len ? "500 5.5.2 A NUL byte"
                                                               : "500 5.5.1 No such command");
    } else if (is_wrong_hello(session, verb)) {
        smtp_error(session, "500 5.5.1 LMTP begins with LHLO, SMTP with EHLO");
    } else if (bytes_find(argument, '\0') != argument.len) {
        smtp_error(session, "501 5.5.4 A NUL byte");
    } else if (!verb->before_login && !session->is_trusted && verb->act != smtp_bdat_act) {
        smtp_error(session, "530 5.7.0 Log in first");
    } else if ((verb->states & IN(session->state)) == 0) {
        say_wrong_state(session);
    } else if (verb->check == NULL || verb->check(session, argument)) {
        verb->act(session, argument);
    }
}
