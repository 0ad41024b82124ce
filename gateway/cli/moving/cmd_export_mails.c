// SPDX-License-Identifier: MIT
/* bittern export mbox and export maildir: all mails as they are, in folders as in the mail program.
 */
#include "gateway/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "gateway/cli/moving/export_folder.h"
#include "gateway/cli/moving/export_walk.h"
#include "gateway/cli/moving/maildir.h"
#include "gateway/cli/moving/mbox.h"

struct export_job {
    struct export_folder folder;
    size_t n_mails;
    /* mbox: the file of the mailbox that is written just now. */
    json_int_t mailbox;
    FILE *file;
};

static struct mail_flags flags_of(const json_t *mail)
{
    return (struct mail_flags){
        .seen = export_has_flag(mail, "seen"),
        .answered = export_has_flag(mail, "answered"),
        .flagged = export_has_flag(mail, "flagged"),
        .deleted = export_has_flag(mail, "deleted"),
        .draft = export_has_flag(mail, "draft"),
    };
}

/* ---- mbox: a file for each mailbox that holds any ---- */

static bool end_file(struct export_job *job, struct fault *fault)
{
    FILE *file = job->file;
    job->file = NULL;
    return file == NULL || export_file_close(file, job->folder.path, fault);
}

static bool begin_file(struct export_job *job, const json_t *mailbox, struct fault *fault)
{
    json_int_t id = json_integer_value(json_object_get(mailbox, "id"));
    if (job->file != NULL && job->mailbox == id) {
        return true;
    }
    if (!end_file(job, fault)) {
        return false;
    }
    char *place = export_place(mailbox, ".mbox");
    job->mailbox = id;
    job->file = export_folder_file(&job->folder, place, fault);
    free(place);
    return job->file != NULL;
}

static bool put_into_mbox(void *context, const json_t *mailbox, const json_t *mail,
                          struct fault *fault)
{
    struct export_job *job = context;
    struct buf content = {0};
    bool ok =
        begin_file(job, mailbox, fault) && export_take_base64(&content, mail, "content", fault);
    if (ok) {
        const struct mail_flags flags = flags_of(mail);
        mbox_write(job->file, buf_view(&content), json_integer_value(json_object_get(mail, "time")),
                   &flags);
        job->n_mails++;
    }
    buf_clear(&content);
    return ok;
}

/* ---- Maildir: a folder for each ---- */

static bool put_into_maildir(void *context, const json_t *mailbox, const json_t *mail,
                             struct fault *fault)
{
    struct export_job *job = context;
    struct buf content = {0};
    char *place = export_place(mailbox, "");
    const struct maildir_mail written = {
        .flags = flags_of(mail),
        .sec = json_integer_value(json_object_get(mail, "time")),
        .number = job->n_mails,
    };
    bool ok = export_take_base64(&content, mail, "content", fault) &&
              maildir_write(&job->folder, place, &written, buf_view(&content), fault);
    job->n_mails++;
    free(place);
    buf_clear(&content);
    return ok;
}

/* ---- the commands ---- */

static int export_mails(struct cli *cli, const char *command, int argc, char **argv,
                        bool (*each)(void *, const json_t *, const json_t *, struct fault *))
{
    struct export_job job = {0};
    struct fault fault = {0};
    if (!cli_options(command, NULL, 0, &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc != 2) {
        return cli_usage(command, "into which folder?");
    }
    if (!export_folder_begin(&job.folder, argv[1], &fault)) {
        return cli_fail(&fault);
    }
    struct export_walk walk = {.session = cli_session_open(cli, &fault),
                               .call = "export.mail",
                               .each = each,
                               .context = &job};
    bool ok = walk.session != NULL && export_walk_run(&walk, &fault);
    ok = end_file(&job, ok ? &fault : NULL) && ok;
    cli_session_close(&walk.session);
    if (!export_folder_end(&job.folder, ok, &fault)) {
        return cli_fail(&fault);
    }
    if (cli->json) {
        return cli_print_json(json_pack("{s:I}", "mails", (json_int_t)job.n_mails));
    }
    printf("%zu mails\n", job.n_mails);
    return CLI_DONE;
}

int cmd_export_mbox(struct cli *cli, int argc, char **argv)
{
    return export_mails(cli, "export mbox", argc, argv, put_into_mbox);
}

int cmd_export_maildir(struct cli *cli, int argc, char **argv)
{
    return export_mails(cli, "export maildir", argc, argv, put_into_maildir);
}
