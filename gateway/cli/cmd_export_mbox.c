// SPDX-License-Identifier: MIT
/* bittern export mbox: all mails, a file for each mailbox that holds any. */
#include "gateway/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "gateway/cli/mbox.h"

/* DIR/ACCOUNT/LEVEL/NAME.mbox; a level that would mean another folder loses its dots. */
static char *path_of(const char *dir, const char *account, const char *name)
{
    char *path = xasprintf("%s/%s/%s.mbox", dir, account, name);
    bool at_start = true;
    for (char *c = path + strlen(dir) + 1; *c != '\0'; c++) {
        if (at_start && *c == '.') {
            *c = '_';
        }
        at_start = *c == '/';
    }
    return path;
}

static bool make_folders(char *path, const char *dir, struct fault *fault)
{
    for (char *slash = path + strlen(dir); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool ok = mkdir(path, 0700) == 0 || errno == EEXIST ||
                  fault_set_errno(fault, errno, "make %s", path);
        *slash = '/';
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool has_flag(const json_t *mail, const char *name)
{
    size_t i;
    json_t *flag;
    json_array_foreach(json_object_get(mail, "flags"), i, flag)
    {
        if (strcmp(json_string_value(flag), name) == 0) {
            return true;
        }
    }
    return false;
}

static bool write_mail(FILE *out, const json_t *mail, struct fault *fault)
{
    struct buf content = {0};
    const char *text = json_string_value(json_object_get(mail, "content"));
    if (text == NULL || !base64_decode(&content, bytes_of_str(text))) {
        return fault_set(fault, FAULT_INVALID, "the gateway's answer has no mail");
    }
    const struct mbox_flags flags = {
        .seen = has_flag(mail, "seen"),
        .answered = has_flag(mail, "answered"),
        .flagged = has_flag(mail, "flagged"),
        .deleted = has_flag(mail, "deleted"),
        .draft = has_flag(mail, "draft"),
    };
    mbox_write(out, buf_view(&content), json_integer_value(json_object_get(mail, "time")), &flags);
    buf_clear(&content);
    return true;
}

static bool write_mails(FILE *out, struct cli_session *session, json_t *id, size_t *n_mails,
                        struct fault *fault)
{
    json_int_t uid = 0;
    for (;;) {
        json_t *mail = cli_session_call(session, "export.mail",
                                        json_pack("{s:O, s:I}", "id", id, "after", uid), fault);
        bool is_end = json_object_size(mail) == 0;
        bool ok = mail != NULL && (is_end || write_mail(out, mail, fault));
        uid = json_integer_value(json_object_get(mail, "uid"));
        json_decref(mail);
        if (!ok || is_end) {
            return ok;
        }
        ++*n_mails;
    }
}

static bool write_mailbox(const char *dir, struct cli_session *session, const json_t *row,
                          size_t *n_mails, struct fault *fault)
{
    if (json_integer_value(json_object_get(row, "messages")) == 0) {
        return true;
    }
    char *path = path_of(dir, cli_text(row, "account"), cli_text(row, "name"));
    bool ok = make_folders(path, dir, fault);
    int fd = ok ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    ok = ok && (out != NULL || fault_set_errno(fault, errno, "make %s", path)) &&
         write_mails(out, session, json_object_get(row, "id"), n_mails, fault);
    if (out != NULL) {
        bool written = fflush(out) == 0 && ferror(out) == 0 && fsync(fd) == 0;
        written = fclose(out) == 0 && written;
        ok = ok && (written || fault_set_errno(fault, errno, "write %s", path));
    }
    free(path);
    return ok;
}

static bool write_all(struct cli *cli, const char *dir, size_t *n_mails, struct fault *fault)
{
    struct cli_session *session = cli_session_open(cli, fault);
    json_t *rows =
        session != NULL ? cli_session_call(session, "export.mailboxes", NULL, fault) : NULL;
    bool ok = rows != NULL;
    for (size_t i = 0; ok && i < json_array_size(rows); i++) {
        ok = write_mailbox(dir, session, json_array_get(rows, i), n_mails, fault);
    }
    json_decref(rows);
    cli_session_close(&session);
    return ok;
}

int cmd_export_mbox(struct cli *cli, int argc, char **argv)
{
    if (!cli_options("export mbox", NULL, 0, &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc != 2) {
        return cli_usage("export mbox", "into which folder?");
    }
    struct fault fault = {0};
    size_t n_mails = 0;
    if (mkdir(argv[1], 0700) != 0) {
        fault_set_errno(&fault, errno, "make %s", argv[1]);
        return cli_fail(&fault);
    }
    if (!write_all(cli, argv[1], &n_mails, &fault)) {
        return cli_fail(&fault);
    }
    if (cli->json) {
        return cli_print_json(json_pack("{s:I}", "mails", (json_int_t)n_mails));
    }
    printf("%zu mails\n", n_mails);
    return CLI_DONE;
}
