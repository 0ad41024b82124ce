// SPDX-License-Identifier: MIT
#include "gateway/agent/people/command_mail.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "crypto/random.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/accounts.h"
#include "gateway/store/folders.h"
#include "gateway/store/mail_txn.h"
#include "gateway/store/messages.h"
#include "gateway/translate/mail_write.h"
#include "mailproto/imap/mailbox.h"

static const char command_name[] = "bittern";

struct command_mail {
    struct agent *agent;
    struct submit_done done;
    struct arena arena;
    int64_t account_id;
    const char *account;
    const char *sender;
    struct buf mail;   /* the copy in Sent */
    struct buf answer; /* the mail in INBOX */
    struct buf command;
    struct buf secret;
    struct decoder_answer *outgoing;
    struct decoder_answer *mail_analysis;
    struct decoder_answer *answer_analysis;
    bool has_secret;
    int64_t now_sec;
};

bool command_mail_is_for(const char *recipient)
{
    struct address_form form;
    return address_form_parse(&form, bytes_of_str(recipient), NULL) &&
           form.kind == ADDRESS_FORM_LABEL && str_equal_ci(form.name, command_name);
}

static void finish(struct command_mail *job, const struct fault *fault)
{
    struct submit_done done = job->done;
    struct fault kept = fault == NULL ? (struct fault){0} : *fault;
    decoder_answer_free(&job->outgoing);
    decoder_answer_free(&job->mail_analysis);
    decoder_answer_free(&job->answer_analysis);
    buf_clear_secret(&job->mail);
    buf_clear_secret(&job->answer);
    buf_clear_secret(&job->command);
    buf_clear_secret(&job->secret);
    arena_clear(&job->arena);
    free(job);
    done.call(done.context, fault == NULL ? NULL : &kept, "");
}

/* ---- storing ---- */

static bool run_store(struct mail_txn *txn, void *context, struct fault *fault)
{
    const struct command_mail *job = context;
    int64_t sent_box = 0;
    int64_t inbox = 0;
    struct message_place place;
    const struct message_new copy = {
        .content = buf_view(&job->mail),
        .analysis = &job->mail_analysis->analysis,
        .flags = MAILBOX_FLAG_SEEN,
        .origin = job->has_secret ? MESSAGE_WITHOUT_TEXT : MESSAGE_BY_SUBMISSION,
    };
    const struct message_new answer = {
        .content = buf_view(&job->answer),
        .analysis = &job->answer_analysis->analysis,
        .origin = MESSAGE_BY_SERVER,
    };
    return folders_ensure_use(txn, &sent_box, job->account_id, MAILBOX_USE_SENT, fault) &&
           messages_add(txn, &place, sent_box, &copy, fault) &&
           folders_ensure(txn, &inbox, job->account_id, FOLDER_NAME_INBOX, fault) &&
           messages_add(txn, &place, inbox, &answer, fault);
}

static void stored(void *context, const struct fault *fault)
{
    finish(context, fault);
}

static bool is_closed(struct command_mail *job, const struct decoder_answer *answer)
{
    if (answer->outcome != DECODER_CLOSED) {
        return false;
    }
    struct fault fault;
    (void)fault_set(&fault, FAULT_BUSY, "the decoder is gone");
    finish(job, &fault);
    return true;
}

static void answer_analysed(void *context, struct decoder_answer *answer)
{
    struct command_mail *job = context;
    job->answer_analysis = answer;
    if (!is_closed(job, answer)) {
        agent_write(job->agent, run_store, stored, job);
    }
}

static void mail_analysed(void *context, struct decoder_answer *answer)
{
    struct command_mail *job = context;
    job->mail_analysis = answer;
    if (!is_closed(job, answer)) {
        (void)decoder_client_analyse(job->agent->parts.owner_decoder, buf_view(&job->answer),
                                     job->now_sec, (struct decoder_done){answer_analysed, job});
    }
}

/* ---- the answer ---- */

static void write_head(struct buf *out, const struct command_mail *job)
{
    uint8_t unique[16];
    char hex[2 * sizeof(unique) + 1];
    char date[MAIL_DATE_BYTES];
    random_bytes(unique, sizeof(unique));
    hex_encode(hex, (struct bytes){unique, sizeof(unique)});
    mail_date(date, job->now_sec);
    mail_write_field(out, "Date", "%s", date);
    mail_write_field(out, "Message-ID", "<%s@" ADDRESS_FORM_DOMAIN ">", hex);
    mail_write_field(out, "MIME-Version", "1.0");
}

static bool is_plain_id(struct bytes id)
{
    for (size_t i = 0; i < id.len; i++) {
        if (id.data[i] <= 0x20 || id.data[i] > 0x7e) {
            return false;
        }
    }
    return id.len > 2 && id.len <= 250;
}

static void write_in_reply_to(struct buf *out, const struct command_mail *job)
{
    struct bytes id = job->outgoing->outgoing.message_id;
    if (is_plain_id(id)) {
        mail_write_field(out, "In-Reply-To", "%.*s", (int)id.len, (const char *)id.data);
    }
}

static void write_answer(struct command_mail *job, const char *text)
{
    struct buf subject = {0};
    struct buf clean = {0};
    buf_printf(&subject, "Re: %s", buf_str(&job->command));
    mail_write_address(&job->answer, "From", bytes_of_str("Bittern"),
                       "bittern@" ADDRESS_FORM_DOMAIN);
    mail_write_text(&job->answer, "To", bytes_of_str(job->sender));
    mail_write_text(&job->answer, "Subject", buf_view(&subject));
    write_in_reply_to(&job->answer, job);
    write_head(&job->answer, job);
    (void)mail_clean_text(&clean, bytes_of_str(text));
    mail_write_text_part(&job->answer, buf_view(&clean));
    buf_clear(&subject);
    buf_clear_secret(&clean);
}

/* The copy in Sent without its text, under the same Message-ID. */
static void hide_text(struct command_mail *job)
{
    struct bytes id = job->outgoing->outgoing.message_id;
    char date[MAIL_DATE_BYTES];
    buf_clear_secret(&job->mail);
    mail_date(date, job->now_sec);
    mail_write_text(&job->mail, "From", bytes_of_str(job->sender));
    mail_write_address(&job->mail, "To", bytes_of_str("Bittern"), "bittern@" ADDRESS_FORM_DOMAIN);
    mail_write_text(&job->mail, "Subject", buf_view(&job->command));
    mail_write_field(&job->mail, "Date", "%s", date);
    if (is_plain_id(id)) {
        mail_write_field(&job->mail, "Message-ID", "%.*s", (int)id.len, (const char *)id.data);
    }
    mail_write_field(&job->mail, "MIME-Version", "1.0");
    mail_write_text_part(&job->mail, bytes_of_str("(The text held a secret and is not kept.)\n"));
}

static void answered(void *context, const char *text, bool took_secret)
{
    struct command_mail *job = context;
    if (job->agent->closing) {
        struct fault fault;
        (void)fault_set(&fault, FAULT_BUSY, "the gateway stops");
        finish(job, &fault);
        return;
    }
    write_answer(job, text);
    job->has_secret = took_secret;
    if (took_secret) {
        hide_text(job);
    }
    log_info("agent", "command by mail answered");
    (void)decoder_client_analyse(job->agent->parts.owner_decoder, buf_view(&job->mail),
                                 job->now_sec, (struct decoder_done){mail_analysed, job});
}

/* ---- the command ---- */

/* The next line that is not empty. */
static struct bytes take_line(struct bytes *text)
{
    struct bytes line = {0};
    while (text->len > 0 && line.len == 0) {
        const uint8_t *end = memchr(text->data, '\n', text->len);
        size_t len = end == NULL ? text->len : (size_t)(end - text->data);
        line = bytes_slice(*text, 0, len);
        *text = bytes_slice(*text, end == NULL ? len : len + 1, text->len);
        while (line.len > 0 &&
               (line.data[line.len - 1] == ' ' || line.data[line.len - 1] == '\r')) {
            line.len--;
        }
    }
    return line;
}

static void taken_apart(void *context, struct decoder_answer *answer)
{
    struct command_mail *job = context;
    job->outgoing = answer;
    if (answer->outcome != DECODER_DONE || job->agent->closing) {
        struct fault fault;
        (void)fault_set(&fault, answer->outcome == DECODER_CLOSED ? FAULT_BUSY : FAULT_INVALID,
                        "the mail could not be taken apart");
        finish(job, &fault);
        return;
    }
    struct bytes text = answer->outgoing.text;
    struct bytes subject = answer->outgoing.subject;
    (void)mail_clean_line(&job->command, subject);
    if (job->command.len == 0) {
        (void)mail_clean_line(&job->command, take_line(&text));
    }
    buf_append_bytes(&job->secret, take_line(&text));
    const struct agent_commands *commands = &job->agent->commands;
    const struct agent_command_done done = {answered, job};
    commands->run(commands->context, job->account, buf_str(&job->command), buf_str(&job->secret),
                  done);
}

void command_mail_start(struct agent *agent, int64_t account_id, const char *sender,
                        struct bytes mail, struct submit_done done)
{
    struct account account;
    struct command_mail *job = xcalloc(1, sizeof(*job));
    struct fault fault = {0};
    job->agent = agent;
    job->done = done;
    job->account_id = account_id;
    job->sender = arena_strdup(&job->arena, sender);
    job->now_sec = clock_now_sec();
    buf_append_bytes(&job->mail, mail);
    if (!accounts_get(agent_reader(agent), &account, account_id, &job->arena, &fault)) {
        finish(job, &fault);
        return;
    }
    job->account = account.name;
    (void)decoder_client_outgoing(agent->parts.owner_decoder, mail,
                                  (struct decoder_done){taken_apart, job});
}
