// SPDX-License-Identifier: MIT
#include "gateway/control/control_mail.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"
#include "gateway/agent/agent.h"
#include "gateway/control/api_internal.h"
#include "gateway/control/call_table.h"

struct control_mails {
    const struct api *api;
    struct list_node running; /* struct command */
};

struct command {
    struct list_node node;
    struct api api; /* within the sender's account */
    char *account;
    const struct call_row *row;
    struct api_call *call;
    bool took_secret;
    struct agent_command_done done;
};

static void command_free(struct command *command)
{
    list_remove(&command->node);
    free(command->account);
    free(command);
}

/* ---- words ---- */

/* Words between spaces; "..." and '...' keep spaces together. Writes into `line`. */
static bool split(char *line, char **words, int *out_n, struct fault *fault)
{
    int n_words = 0;
    char *at = line;
    char *end = line;
    while (*(at += strspn(at, " \t")) != '\0') {
        char quote = '\0';
        if (n_words == CONTROL_MAIL_MAX_WORDS) {
            return fault_set(fault, FAULT_LIMIT, "a command has at most %d words",
                             (int)CONTROL_MAIL_MAX_WORDS);
        }
        words[n_words++] = end;
        for (; *at != '\0' && (quote != '\0' || (*at != ' ' && *at != '\t')); at++) {
            if (*at == quote) {
                quote = '\0';
            } else if (quote == '\0' && (*at == '"' || *at == '\'')) {
                quote = *at;
            } else {
                *end++ = *at;
            }
        }
        if (quote != '\0') {
            return fault_set(fault, FAULT_INVALID, "a quotation mark is not closed");
        }
        at += *at == '\0' ? 0 : 1;
        *end++ = '\0';
    }
    *out_n = n_words;
    return true;
}

/* ---- answers in words ---- */

static void write_help(struct buf *out)
{
    buf_append_str(out, "Write one of these as the subject of a mail to bittern@bm.alt, or as the "
                        "first line of its text:\n\n");
    for (size_t i = 0; i < call_rows_len; i++) {
        const struct call_row *row = &call_rows[i];
        if (row->by_mail) {
            buf_printf(out, "%s %s\n    %s\n", row->name, row->arguments, row->help);
        }
    }
    buf_append_str(out, "help\n    this answer\n\n"
                        "Names with spaces stand in \"quotation marks\". --passphrase takes the "
                        "next line of the text as the\npassphrase; such a mail's text is not kept "
                        "in Sent. All else is for the command line: bittern --help.\n");
}

static void say(const struct agent_command_done *done, const char *text)
{
    done->call(done->context, text, false);
}

static void refuse_with(const struct agent_command_done *done, const char *why, bool had_secret)
{
    struct buf text = {0};
    buf_printf(&text,
               "That was not done: %s.\n\nA mail to bittern@bm.alt with the subject help is "
               "answered with what is possible.\n",
               why);
    done->call(done->context, buf_str(&text), had_secret);
    buf_clear(&text);
}

static void refuse(const struct agent_command_done *done, const char *why)
{
    refuse_with(done, why, false);
}

static void refuse_secret(const struct agent_command_done *done, const char *why)
{
    refuse_with(done, why, true);
}

static void on_answer(void *context, json_t *result, const struct fault *fault)
{
    struct command *command = context;
    struct agent_command_done done = command->done;
    bool took_secret = command->took_secret;
    struct buf text = {0};
    if (fault != NULL) {
        buf_printf(&text, "That was not done: %s.\n", fault->text);
    } else {
        call_write_answer(&text, command->row, result);
        if (command->row->is_paged && json_array_size(result) == API_QUEUE_ROWS) {
            buf_append_str(&text, "These are the first; the command line shows all.\n");
        }
        if (text.len == 0) {
            buf_append_str(&text, "Done.\n");
        }
    }
    command_free(command);
    done.call(done.context, buf_str(&text), took_secret);
    buf_clear(&text);
}

/* ---- running ---- */

static void begin(struct control_mails *mails, const char *account, const struct call_row *row,
                  json_t *params, bool took_secret, const struct agent_command_done *done)
{
    struct command *command = xcalloc(1, sizeof(*command));
    command->account = xstrdup(account);
    command->api = *mails->api;
    command->api.account = command->account;
    command->row = row;
    command->took_secret = took_secret;
    command->done = *done;
    list_append(&mails->running, &command->node);
    /* Answered before it returns, the command is gone already. */
    struct api_call *call =
        api_begin(&command->api, row->call, params, (struct api_answer){on_answer, command});
    if (call != NULL) {
        command->call = call;
    }
}

/* What is done with a passphrase alone. One that came with it is not kept. */
static bool is_about_lock(const char *word)
{
    return strcmp(word, "lock") == 0 || strcmp(word, "unlock") == 0;
}

static void run_words(struct control_mails *mails, const char *account, int n_words, char **words,
                      const char *secret, const struct agent_command_done *done)
{
    int n_used = 0;
    bool yes = false;
    const struct call_option *option = NULL;
    struct fault fault = {0};
    const struct call_row *row = call_find(n_words, words, &n_used);
    if (is_about_lock(words[0])) {
        refuse_secret(done, "a passphrase does not belong into a mail: keys are locked and "
                            "unlocked on the command line or the web page");
        return;
    }
    if (row == NULL || !row->by_mail) {
        refuse(done, row == NULL ? "there is no such command"
                                 : "this command is not taken by mail, only on the command line");
        return;
    }
    json_t *params = call_take_params(row, n_words - n_used, words + n_used, &option, &yes, &fault);
    if (params == NULL) {
        refuse(done, fault.text);
        return;
    }
    if (option != NULL) {
        char name[64];
        call_param_name(name, sizeof(name), option);
        json_object_set_new(params, name, json_string(secret));
    }
    if (option != NULL && *secret == '\0') {
        refuse(done, "the text has no line with the passphrase");
    } else {
        begin(mails, account, row, params, option != NULL, done);
    }
    json_decref(params);
}

static void run(void *context, const char *account, const char *line, const char *secret,
                struct agent_command_done done)
{
    struct control_mails *mails = context;
    char *words[CONTROL_MAIL_MAX_WORDS];
    int n_words = 0;
    struct fault fault = {0};
    struct buf help = {0};
    char *copy = xstrdup(line);
    if (strlen(line) > CONTROL_MAIL_MAX_LINE_BYTES) {
        refuse(&done, "the line is too long");
    } else if (!split(copy, words, &n_words, &fault)) {
        refuse(&done, fault.text);
    } else if (n_words == 0 || (n_words == 1 && str_equal_ci(words[0], "help"))) {
        write_help(&help);
        say(&done, buf_str(&help));
    } else {
        run_words(mails, account, n_words, words, secret, &done);
    }
    buf_clear(&help);
    mem_wipe(copy, strlen(line));
    free(copy);
}

/* ---- life ---- */

struct control_mails *control_mails_new(const struct api *api)
{
    struct control_mails *mails = xcalloc(1, sizeof(*mails));
    mails->api = api;
    list_init(&mails->running);
    agent_set_commands(api->agent, &(struct agent_commands){run, mails});
    return mails;
}

void control_mails_free(struct control_mails **mails)
{
    if (*mails == NULL) {
        return;
    }
    list_for_each(node, &(*mails)->running)
    {
        struct command *command = list_entry(node, struct command, node);
        if (command->call != NULL) {
            api_abandon(command->call);
        }
        command_free(command);
    }
    free(*mails);
    *mails = NULL;
}
