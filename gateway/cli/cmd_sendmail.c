// SPDX-License-Identifier: MIT
/* bittern sendmail: a drop-in for sendmail(8). The mail on standard input goes to the gateway over
 * the control socket, whose owner needs no password, and is judged there as any submission.
 *
 * Where no gateway runs, or it can't take the mail just now, the mail is left in the spool, from
 * which the gateway takes it when it starts. Both ways carry the mail's own name, so that a mail
 * whose answer was lost is not taken twice.
 *
 * Flags that have no meaning here are taken and ignored, as scripts give them from habit. Exit
 * codes are those of sysexits.h. */
#include "gateway/cli/cli.h"
#include "gateway/control/call_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/str.h"
#include "gateway/cli/sendmail_dialogue.h"
#include "gateway/cli/sendmail_spool.h"
#include "gateway/control/control_client.h"

enum { READ_PIECE_BYTES = 65536 };
/* As SMTP_NOTIFY_* (RFC 3461 section 4.1). */
enum { NOTIFY_NEVER = 1, NOTIFY_SUCCESS = 2, NOTIFY_FAILURE = 4, NOTIFY_DELAY = 8 };

enum mode { MODE_MAIL, MODE_DIALOGUE, MODE_QUEUE, MODE_NOTHING, MODE_UNKNOWN };

struct sendmail {
    struct spool_file file;
    const char **recipients;
    enum mode mode;
    bool dots_are_text; /* -i, -oi: a line with one dot does not end the mail */
    bool is_verbose;
    char name[SPOOL_NAME_BYTES];
};

static int complain(int code, const char *why)
{
    fprintf(stderr, "sendmail: %s\n", why);
    return code;
}

/* ---- flags ---- */

static void take_sender(struct sendmail *mail, const char *value)
{
    mail->file.sender = value;
}

static void take_name(struct sendmail *mail, const char *value)
{
    mail->file.full_name = value;
}

static void take_envelope(struct sendmail *mail, const char *value)
{
    mail->file.envelope_id = value;
}

static void take_return(struct sendmail *mail, const char *value)
{
    mail->file.return_full = str_equal_ci(value, "full");
}

static void take_notify(struct sendmail *mail, const char *value)
{
    static const struct {
        const char *word;
        unsigned bit;
    } words[] = {{"never", NOTIFY_NEVER},
                 {"success", NOTIFY_SUCCESS},
                 {"failure", NOTIFY_FAILURE},
                 {"delay", NOTIFY_DELAY}};
    struct bytes rest = bytes_of_str(value);
    while (rest.len != 0) {
        size_t comma = bytes_find(rest, ',');
        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
            if (bytes_is_word(bytes_slice(rest, 0, comma), words[i].word)) {
                mail->file.notify |= words[i].bit;
            }
        }
        rest = bytes_slice(rest, comma + 1, rest.len);
    }
}

/* -oi is -i; all other options of -o are habits. */
static void take_option(struct sendmail *mail, const char *value)
{
    if (value[0] == 'i') {
        mail->dots_are_text = true;
    }
}

static void take_mode(struct sendmail *mail, const char *value)
{
    static const struct {
        char letter;
        enum mode mode;
    } modes[] = {{'m', MODE_MAIL},
                 {'s', MODE_DIALOGUE},
                 {'p', MODE_QUEUE},
                 {'i', MODE_NOTHING},
                 {'h', MODE_NOTHING}};
    mail->mode = MODE_UNKNOWN;
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        mail->mode = modes[i].letter == value[0] ? modes[i].mode : mail->mode;
    }
}

/* The gateway runs its queue by itself. */
static void take_queue_run(struct sendmail *mail, const char *value)
{
    (void)value;
    mail->mode = MODE_NOTHING;
}

static void take_headers(struct sendmail *mail, const char *value)
{
    (void)value;
    mail->file.recipients_of_mail = true;
}

static void take_dots(struct sendmail *mail, const char *value)
{
    (void)value;
    mail->dots_are_text = true;
}

static void take_verbose(struct sendmail *mail, const char *value)
{
    (void)value;
    mail->is_verbose = true;
}

enum arity {
    ALONE,    /* further letters may follow in the word */
    ATTACHED, /* the rest of the word is its value, maybe empty */
    VALUE     /* the rest of the word, or the next word */
};

static const struct flag {
    char letter;
    enum arity arity;
    void (*take)(struct sendmail *mail, const char *value); /* NULL: a habit */
} flags[] = {
    {'t', ALONE, take_headers},   {'i', ALONE, take_dots},    {'v', ALONE, take_verbose},
    {'f', VALUE, take_sender},    {'r', VALUE, take_sender},  {'F', VALUE, take_name},
    {'N', VALUE, take_notify},    {'R', VALUE, take_return},  {'V', VALUE, take_envelope},
    {'o', ATTACHED, take_option}, {'b', ATTACHED, take_mode}, {'q', ATTACHED, take_queue_run},
    {'A', ATTACHED, NULL},        {'d', ATTACHED, NULL},      {'B', VALUE, NULL},
    {'C', VALUE, NULL},           {'D', VALUE, NULL},         {'h', VALUE, NULL},
    {'L', VALUE, NULL},           {'O', VALUE, NULL},         {'p', VALUE, NULL},
    {'X', VALUE, NULL},           {'G', ALONE, NULL},         {'m', ALONE, NULL},
    {'n', ALONE, NULL},           {'U', ALONE, NULL},         {'I', ALONE, NULL},
    {'e', ATTACHED, NULL},
};

static const struct flag *find_flag(char letter)
{
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        if (flags[i].letter == letter) {
            return &flags[i];
        }
    }
    return NULL;
}

/* Take one word of flags; *next is the word behind it, taken when it is a value. */
static bool take_word(struct sendmail *mail, const char *word, const char *next,
                      bool *out_took_next)
{
    *out_took_next = false;
    for (const char *letter = word + 1; *letter != '\0'; letter++) {
        const struct flag *flag = find_flag(*letter);
        const char *value = letter + 1;
        if (flag == NULL) {
            fprintf(stderr, "sendmail: there is no flag -%c\n", *letter);
            return false;
        }
        if (flag->arity == VALUE && *value == '\0') {
            if (next == NULL) {
                fprintf(stderr, "sendmail: the flag -%c lacks its value\n", *letter);
                return false;
            }
            value = next;
            *out_took_next = true;
        }
        if (flag->take != NULL) {
            flag->take(mail, value);
        }
        if (flag->arity != ALONE) {
            return true;
        }
    }
    return true;
}

static bool take_arguments(struct sendmail *mail, int argc, char **argv)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && strcmp(argv[i], "--") != 0; i++) {
        bool took_next;
        if (!take_word(mail, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &took_next)) {
            return false;
        }
        i += took_next;
    }
    for (i += i < argc && strcmp(argv[i], "--") == 0; i < argc; i++) {
        mail->recipients[mail->file.n_recipients++] = argv[i];
    }
    mail->file.recipients = mail->recipients;
    return true;
}

/* ---- the mail ---- */

/* Up to a line with a single dot, unless told otherwise. The gateway makes CRLF of line ends. */
static bool read_mail(struct buf *out, bool dots_are_text)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    bool at_start = true;
    while ((len = getdelim(&line, &size, '\n', stdin)) > 0) {
        if (at_start && !dots_are_text &&
            (strcmp(line, ".\n") == 0 || strcmp(line, ".\r\n") == 0)) {
            break;
        }
        buf_append(out, line, (size_t)len);
        at_start = line[len - 1] == '\n';
        if (!buf_ok(out)) {
            break;
        }
    }
    free(line);
    if (!at_start) {
        buf_append_byte(out, '\n');
    }
    return !ferror(stdin) && buf_ok(out);
}

static json_t *params_of(const struct sendmail *mail)
{
    const struct spool_file *file = &mail->file;
    struct buf encoded = {0};
    json_t *recipients = json_array();
    base64_encode(&encoded, file->mail);
    for (size_t i = 0; i < file->n_recipients; i++) {
        json_array_append_new(recipients, json_string(file->recipients[i]));
    }
    json_t *params = json_pack(
        "{s:s, s:b, s:o, s:s, s:i, s:b, s:s*, s:s*, s:s*}", "data", buf_str(&encoded),
        "recipients_of_mail", file->recipients_of_mail, "recipients", recipients, "once",
        mail->name, "notify", (int)file->notify, "return_full", file->return_full, "sender",
        file->sender, "full_name", file->full_name, "envelope_id", file->envelope_id);
    buf_clear(&encoded);
    return params;
}

static bool is_for_later(enum fault_code code)
{
    return code == FAULT_CLOSED || code == FAULT_BUSY || code == FAULT_TIMEOUT ||
           code == FAULT_NO_SPACE || code == FAULT_IO;
}

static int exit_code_of(enum fault_code code)
{
    switch (code) {
    case FAULT_DENIED:
        return EX_NOPERM;
    case FAULT_NOT_FOUND:
        return EX_NOUSER;
    case FAULT_UNSUPPORTED:
        return EX_UNAVAILABLE;
    case FAULT_INTERNAL:
        return EX_SOFTWARE;
    default:
        return EX_DATAERR;
    }
}

static int leave_in_spool(const struct cli *cli, const struct sendmail *mail, const char *why)
{
    struct fault fault = {0};
    if (!sendmail_spool_put(cli->home, mail->name, &mail->file, &fault)) {
        fprintf(stderr, "sendmail: %s; and it can't wait in the spool: %s\n", why, fault.text);
        return fault.code == FAULT_NOT_FOUND ? EX_UNAVAILABLE
               : fault.code == FAULT_DENIED  ? EX_CANTCREAT
                                             : EX_TEMPFAIL;
    }
    if (mail->is_verbose) {
        fprintf(stderr, "sendmail: %s; the mail waits in the spool until Bittern runs\n", why);
    }
    return EX_OK;
}

static int submit(const struct cli *cli, const struct sendmail *mail)
{
    struct fault fault = {0};
    struct control_client *client = control_client_connect(cli->home, &fault);
    if (client == NULL) {
        return leave_in_spool(cli, mail, fault.text);
    }
    json_t *answer = control_client_call(client, "mail.submit", params_of(mail), &fault);
    control_client_free(&client);
    if (answer != NULL) {
        if (mail->is_verbose) {
            const char *work = json_string_value(json_object_get(answer, "work"));
            fprintf(stderr, "sendmail: accepted%s%s; follow it by `bittern queue list`\n",
                    work == NULL || work[0] == '\0' ? "" : ": ", work == NULL ? "" : work);
        }
        json_decref(answer);
        return EX_OK;
    }
    return is_for_later(fault.code) ? leave_in_spool(cli, mail, fault.text)
                                    : complain(exit_code_of(fault.code), fault.text);
}

static int send_mail(const struct cli *cli, struct sendmail *mail)
{
    struct fault fault = {0};
    struct buf content;
    buf_init(&content, SPOOL_MAX_MAIL_BYTES);
    int code;
    if (mail->file.n_recipients == 0 && !mail->file.recipients_of_mail) {
        code = complain(EX_USAGE, "to whom? Give recipients, or -t to take them from the mail");
    } else if (mail->file.n_recipients > SPOOL_MAX_RECIPIENTS) {
        code = complain(EX_USAGE, "more than 1000 recipients");
    } else if (!read_mail(&content, mail->dots_are_text)) {
        code = ferror(stdin) ? complain(EX_IOERR, "the mail can't be read")
                             : complain(EX_DATAERR, "the mail is larger than 64 MiB");
    } else if (!sendmail_spool_name(mail->name, &fault)) {
        code = complain(EX_OSERR, fault.text);
    } else {
        mail->file.mail = buf_view(&content);
        code = submit(cli, mail);
    }
    buf_clear(&content);
    return code;
}

/* -bp, as mailq. */
static int list_queue(struct cli *cli)
{
    static const struct call_column columns[] = {
        {"id", "ID"}, {"state", "STATE"}, {"to", "RECIPIENT"}, {"subject", "SUBJECT"}};
    struct fault fault = {0};
    json_t *answer = cli_call_running(cli, "queue.list", NULL, &fault);
    if (answer == NULL) {
        return complain(EX_TEMPFAIL, fault.text);
    }
    struct buf out = {0};
    call_write_table(&out, answer, columns, ARRAY_LEN(columns));
    fputs(buf_str(&out), stdout);
    buf_clear(&out);
    json_decref(answer);
    return EX_OK;
}

int cmd_sendmail(struct cli *cli, int argc, char **argv)
{
    struct sendmail mail = {.recipients = xcalloc((size_t)argc + 1, sizeof(*mail.recipients))};
    int code = EX_USAGE;
    if (take_arguments(&mail, argc, argv)) {
        switch (mail.mode) {
        case MODE_MAIL:
            code = send_mail(cli, &mail);
            break;
        case MODE_DIALOGUE:
            code = sendmail_dialogue(cli->home);
            break;
        case MODE_QUEUE:
            code = list_queue(cli);
            break;
        case MODE_NOTHING:
            code = EX_OK;
            break;
        case MODE_UNKNOWN:
            code = complain(EX_USAGE, "this mode of -b is not offered: there are m, s and p");
        }
    }
    free(mail.recipients);
    return code;
}
