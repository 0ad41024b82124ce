// SPDX-License-Identifier: MIT
/* bittern export notbit: keys.dat and a Maildir in notbit's form. It knows neither chans nor
 * broadcasts' subscriptions nor attachments: those are counted and left out. */
#include "gateway/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "gateway/cli/moving/export_folder.h"
#include "gateway/cli/moving/export_keys.h"
#include "gateway/cli/moving/export_walk.h"
#include "gateway/cli/moving/maildir.h"
#include "gateway/cli/moving/notbit_mail.h"

struct export_job {
    const char *account; /* NULL: all */
    struct cli_session *session;
    struct export_folder folder;
    size_t n_mails;
    size_t n_left_out; /* mails that are no messages, attachments, chans */
};

/* ---- mails ---- */

/* Where it stands: notbit delivers into the Maildir itself; the others are as Maildir++ has them.
 */
static const char *place_of(const json_t *mailbox, const json_t *mail)
{
    const char *use = cli_text(mailbox, "use");
    const char *kind = cli_text(mail, "kind");
    return strcmp(use, "trash") == 0 || strcmp(use, "junk") == 0 ? "maildir/.Trash"
           : strcmp(kind, "draft") == 0                          ? "maildir/.Drafts"
           : strcmp(kind, "sent") == 0                           ? "maildir/.Sent"
                                                                 : "maildir";
}

static bool put_one(struct export_job *job, const json_t *mailbox, const json_t *mail,
                    const json_t *recipient, struct fault *fault)
{
    struct buf subject = {0};
    struct buf text = {0};
    struct buf letter = {0};
    const struct notbit_party from = {cli_text(mail, "from"), cli_text(mail, "from_label")};
    const struct notbit_party to = {cli_text(recipient, "address"), cli_text(recipient, "label")};
    const struct maildir_mail written = {
        .flags = {.seen = export_has_flag(mail, "seen"),
                  .answered = export_has_flag(mail, "answered"),
                  .flagged = export_has_flag(mail, "flagged"),
                  .draft = strcmp(cli_text(mail, "kind"), "draft") == 0},
        .sec = json_integer_value(json_object_get(mail, "time")),
        .number = job->n_mails,
    };
    bool ok = export_take_base64(&subject, mail, "subject", fault) &&
              export_take_base64(&text, mail, "text", fault);
    if (ok) {
        notbit_mail_write(&letter, &from, &to, buf_view(&subject), buf_view(&text), written.sec);
        ok = maildir_write(&job->folder, place_of(mailbox, mail), &written, buf_view(&letter),
                           fault);
    }
    job->n_mails++;
    buf_clear(&subject);
    buf_clear(&text);
    buf_clear(&letter);
    return ok;
}

static bool put_mail(void *context, const json_t *mailbox, const json_t *mail, struct fault *fault)
{
    struct export_job *job = context;
    bool ok = true;
    size_t i;
    json_t *recipient;
    if (strcmp(cli_text(mailbox, "use"), "outbox") == 0) {
        return true; /* stands in Sent, too */
    }
    job->n_left_out += (size_t)json_integer_value(json_object_get(mail, "files"));
    job->n_left_out += strcmp(cli_text(mail, "kind"), "other") == 0 ? 1 : 0;
    json_array_foreach(json_object_get(mail, "recipients"), i, recipient)
    {
        ok = ok && put_one(job, mailbox, mail, recipient, fault);
    }
    return ok;
}

/* ---- keys ---- */

static bool write_keys(struct export_job *job, struct fault *fault)
{
    struct export_keys keys;
    if (!export_keys_ask(&keys, job->session, job->account, fault)) {
        return false;
    }
    FILE *file = export_folder_file(&job->folder, "keys.dat", fault);
    bool ok = file != NULL;
    for (size_t i = 0; i < keys.n_entries && file != NULL; i++) {
        if (keys.entries[i].is_chan) {
            job->n_left_out++;
        } else {
            keys_file_write(file, KEYS_FILE_NOTBIT, &keys.entries[i], 1);
        }
    }
    ok = ok && export_file_close(file, "keys.dat", fault);
    export_keys_clear(&keys);
    return ok;
}

int cmd_export_notbit(struct cli *cli, int argc, char **argv)
{
    struct export_job job = {0};
    struct fault fault = {0};
    const struct cli_option options[] = {{"--account", .value = &job.account}};
    if (!cli_options("export notbit", options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc != 2) {
        return cli_usage("export notbit", "into which folder?");
    }
    if (!export_folder_begin(&job.folder, argv[1], &fault)) {
        return cli_fail(&fault);
    }
    job.session = cli_session_open(cli, &fault);
    const struct export_walk walk = {.session = job.session,
                                     .call = "export.message",
                                     .account = job.account,
                                     .each = put_mail,
                                     .context = &job};
    bool ok = job.session != NULL && write_keys(&job, &fault) &&
              export_folder_make(&job.folder, "maildir/tmp/", &fault) &&
              export_folder_make(&job.folder, "maildir/new/", &fault) &&
              export_folder_make(&job.folder, "maildir/cur/", &fault) &&
              export_walk_run(&walk, &fault);
    cli_session_close(&job.session);
    if (!export_folder_end(&job.folder, ok, &fault)) {
        return cli_fail(&fault);
    }
    if (cli->json) {
        return cli_print_json(json_pack("{s:I, s:I}", "mails", (json_int_t)job.n_mails, "left_out",
                                        (json_int_t)job.n_left_out));
    }
    printf("%zu mails\n", job.n_mails);
    if (job.n_left_out > 0) {
        printf("%zu chans, attachments and mails that are no Bitmessages left out\n",
               job.n_left_out);
    }
    return CLI_DONE;
}
