// SPDX-License-Identifier: MIT
/* bittern sendmail: a drop-in for sendmail(8). The mail on standard input goes to the gateway over
 * the control socket, whose owner needs no password, and is judged there as any submission.
 *
 * Flags that have no meaning here are taken and ignored, as scripts give them from habit. Exit
 * codes are those of sysexits.h. */
#include "gateway/cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/str.h"

enum { MAIL_MAX_BYTES = 64 * 1024 * 1024, READ_PIECE_BYTES = 65536 };

struct sendmail {
    const char *sender; /* -f; NULL: from the mail */
    bool from_headers;  /* -t */
    bool dots_are_text; /* -i, -oi: a line with one dot does not end the mail */
    json_t *recipients;
};

static int complain(int code, const char *why)
{
    fprintf(stderr, "sendmail: %s\n", why);
    return code;
}

/* Flags with a value in the same word or the next, which are ignored. */
static bool is_ignored_with_value(char letter)
{
    return strchr("FBCLNRVXopOb", letter) != NULL;
}

/* Take one flag word; returns the index of the last word used, or -1. */
static int take_flag(struct sendmail *mail, int argc, char **argv, int i)
{
    const char *word = argv[i];
    char letter = word[1];
    if (strcmp(word, "-i") == 0 || strcmp(word, "-oi") == 0) {
        mail->dots_are_text = true;
    } else if (strcmp(word, "-t") == 0) {
        mail->from_headers = true;
    } else if (strcmp(word, "-ti") == 0 || strcmp(word, "-it") == 0) {
        mail->from_headers = true;
        mail->dots_are_text = true;
    } else if (letter == 'f' || letter == 'r') {
        if (word[2] == '\0' && i + 1 >= argc) {
            return -1;
        }
        mail->sender = word[2] != '\0' ? word + 2 : argv[++i];
    } else if (strncmp(word, "-bs", 3) == 0 || strncmp(word, "-bd", 3) == 0) {
        return -1;
    } else if (is_ignored_with_value(letter) && word[2] == '\0') {
        i++;
    }
    return i;
}

/* CRLF line ends whatever came in; stops at a line that is a single dot unless told otherwise. */
static bool read_mail(struct buf *out, bool dots_are_text)
{
    char line[READ_PIECE_BYTES];
    bool at_start = true;
    while (fgets(line, sizeof line, stdin) != NULL) {
        size_t len = strlen(line);
        bool complete = len != 0 && line[len - 1] == '\n';
        while (len != 0 && (line[len - 1] == '\n' || line[len - 1] == '\r')) {
            len--;
        }
        if (at_start && complete && !dots_are_text && len == 1 && line[0] == '.') {
            return true;
        }
        buf_append(out, line, len);
        if (complete) {
            buf_append_str(out, "\r\n");
        }
        at_start = complete;
    }
    return !ferror(stdin) && buf_ok(out);
}

static int submit(struct cli *cli, struct sendmail *mail, const struct buf *content)
{
    struct buf encoded = {0};
    base64_encode(&encoded, buf_view(content));
    json_t *params = json_pack("{s:s, s:b, s:O}", "data", buf_str(&encoded), "recipients_of_mail",
                               mail->from_headers, "recipients", mail->recipients);
    if (mail->sender != NULL) {
        json_object_set_new(params, "sender", json_string(mail->sender));
    }
    buf_clear(&encoded);
    struct fault fault = {0};
    json_t *answer = cli_call_running(cli, "mail.submit", params, &fault);
    if (answer != NULL) {
        json_decref(answer);
        return EX_OK;
    }
    bool later = fault.code == FAULT_NOT_FOUND || fault.code == FAULT_CLOSED ||
                 fault.code == FAULT_BUSY || fault.code == FAULT_NO_SPACE;
    return complain(later ? EX_TEMPFAIL : EX_DATAERR, fault.text);
}

int cmd_sendmail(struct cli *cli, int argc, char **argv)
{
    struct sendmail mail = {.recipients = json_array()};
    struct buf content;
    buf_init(&content, MAIL_MAX_BYTES);
    int code = EX_USAGE;
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && strcmp(argv[i], "--") != 0; i++) {
        i = take_flag(&mail, argc, argv, i);
        if (i < 0) {
            complain(EX_USAGE, "this mode is not offered, or a flag lacks its value");
            goto out;
        }
    }
    for (i += i < argc && strcmp(argv[i], "--") == 0; i < argc; i++) {
        json_array_append_new(mail.recipients, json_string(argv[i]));
    }
    if (json_array_size(mail.recipients) == 0 && !mail.from_headers) {
        complain(EX_USAGE, "to whom? Give recipients, or -t to take them from the mail");
        goto out;
    }
    if (!read_mail(&content, mail.dots_are_text)) {
        code = complain(EX_DATAERR, "the mail can't be read, or is larger than 64 MiB");
        goto out;
    }
    code = submit(cli, &mail, &content);
out:
    json_decref(mail.recipients);
    buf_clear(&content);
    return code;
}
