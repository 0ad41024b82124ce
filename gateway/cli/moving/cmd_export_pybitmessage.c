// SPDX-License-Identifier: MIT
/* bittern export pybitmessage: a folder that PyBitmessage opens as its own, keys.dat and
 * messages.dat. What it has no place for is counted and said: attachments, and mails that are no
 * Bitmessages. Nothing that had not left is sent by it: such mails are drafts there. */
#include "gateway/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "gateway/cli/moving/export_folder.h"
#include "gateway/cli/moving/export_keys.h"
#include "gateway/cli/moving/export_walk.h"
#include "gateway/cli/moving/messages_dat.h"
#include "gateway/cli/moving/pybitmessage_settings.h"

struct export_job {
    struct cli *cli;
    const char *account; /* NULL: all */
    struct cli_session *session;
    struct export_folder folder;
    struct messages_dat *messages;
    size_t n_mails;
    size_t n_left_out;
    size_t n_files; /* attachments that stay behind */
};

/* ---- a mail ---- */

/* Where it stands there: `trash` above all else. A mail of which nothing is known is as good as
 * sent. */
static const char *status_of(const json_t *recipient, bool has_ackdata)
{
    const char *state = cli_text(recipient, "state");
    bool is_sent = strcmp(state, "sent") == 0 || *state == '\0';
    return strcmp(state, "delivered") == 0                         ? "ackreceived"
           : !is_sent                                              ? "msgqueued"
           : json_is_true(json_object_get(recipient, "broadcast")) ? "broadcastsent"
           : has_ackdata                                           ? "msgsent"
                                                                   : "msgsentnoackexpected";
}

static bool put_one(struct export_job *job, const json_t *mailbox, const json_t *mail,
                    const json_t *recipient, const struct messages_dat_mail *common,
                    struct fault *fault)
{
    struct buf hash = {0};
    struct buf ripe = {0};
    struct buf ackdata = {0};
    struct messages_dat_mail row = *common;
    bool is_trash = strcmp(cli_text(mailbox, "use"), "trash") == 0 ||
                    strcmp(cli_text(mailbox, "use"), "junk") == 0;
    bool is_draft = strcmp(cli_text(mail, "kind"), "draft") == 0;
    bool ok = export_take_base64(&hash, recipient, "object_hash", fault) &&
              export_take_base64(&ripe, recipient, "ripe", fault) &&
              export_take_base64(&ackdata, recipient, "ackdata", fault);
    if (ok) {
        const char *status = is_draft ? "msgqueued" : status_of(recipient, ackdata.len > 0);
        row.status = bytes_of_str(status);
        row.folder = bytes_of_str(is_trash                           ? "trash"
                                  : !row.is_sent                     ? "inbox"
                                  : strcmp(status, "msgqueued") == 0 ? "draft"
                                                                     : "sent");
        row.to = bytes_of_str(json_is_true(json_object_get(recipient, "broadcast"))
                                  ? MESSAGES_DAT_SUBSCRIBERS
                                  : cli_text(recipient, "address"));
        row.hash = buf_view(&hash);
        row.ripe = buf_view(&ripe);
        row.ackdata = buf_view(&ackdata);
        row.ttl_sec = json_integer_value(json_object_get(recipient, "ttl"));
        ok = messages_dat_put_mail(job->messages, &row, fault);
    }
    buf_clear(&hash);
    buf_clear(&ripe);
    buf_clear(&ackdata);
    return ok;
}

/* A row for each recipient, as each got a message of his own. */
static bool put_mail(void *context, const json_t *mailbox, const json_t *mail, struct fault *fault)
{
    struct export_job *job = context;
    const char *kind = cli_text(mail, "kind");
    if (strcmp(cli_text(mailbox, "use"), "outbox") == 0) {
        return true; /* stands in Sent, too */
    }
    if (strcmp(kind, "other") == 0) {
        job->n_left_out++;
        return true;
    }
    struct buf subject = {0};
    struct buf text = {0};
    bool ok = export_take_base64(&subject, mail, "subject", fault) &&
              export_take_base64(&text, mail, "text", fault);
    const struct messages_dat_mail common = {
        .is_sent = strcmp(kind, "received") != 0,
        .from = bytes_of_str(cli_text(mail, "from")),
        .subject = buf_view(&subject),
        .text = buf_view(&text),
        .is_read = export_has_flag(mail, "seen"),
        .sec = json_integer_value(json_object_get(mail, "time")),
    };
    size_t i;
    json_t *recipient;
    json_array_foreach(json_object_get(mail, "recipients"), i, recipient)
    {
        ok = ok && put_one(job, mailbox, mail, recipient, &common, fault);
    }
    job->n_mails++;
    job->n_files += (size_t)json_integer_value(json_object_get(mail, "files"));
    buf_clear(&subject);
    buf_clear(&text);
    return ok;
}

/* ---- whom one knows ---- */

static bool is_meant(const struct export_job *job, const json_t *row)
{
    return job->account == NULL || str_equal_ci(job->account, cli_text(row, "account"));
}

static bool put_list(struct export_job *job, const char *call, enum messages_dat_list list,
                     const char *rule, struct fault *fault)
{
    json_t *rows = cli_session_call(job->session, call, NULL, fault);
    bool ok = rows != NULL;
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        const char *chan = cli_text(row, "chan"); /* its own block list has no place there */
        const struct messages_dat_entry entry = {
            .list = list,
            .address = bytes_of_str(cli_text(row, "address")),
            .label = bytes_of_str(cli_text(row, "label")),
            .enabled = !json_is_true(json_object_get(row, "muted")),
        };
        bool is_of_list = is_meant(job, row) && *chan == '\0' &&
                          (rule == NULL || strcmp(cli_text(row, "rule"), rule) == 0);
        ok = ok && (!is_of_list || messages_dat_put_entry(job->messages, &entry, fault));
    }
    json_decref(rows);
    return ok;
}

static bool put_lists(struct export_job *job, struct fault *fault)
{
    return put_list(job, "contact.list", MESSAGES_DAT_CONTACTS, NULL, fault) &&
           put_list(job, "subscription.list", MESSAGES_DAT_SUBSCRIPTIONS, NULL, fault) &&
           put_list(job, "sender.list", MESSAGES_DAT_BLACKLIST, "block", fault) &&
           put_list(job, "sender.list", MESSAGES_DAT_WHITELIST, "allow", fault);
}

/* ---- the two files ---- */

/* Is any account that is meant one that takes mail of the allowed alone? */
static bool find_senders_mode(struct export_job *job, bool *out_allowed_only, struct fault *fault)
{
    json_t *rows = cli_session_call(job->session, "account.list", NULL, fault);
    size_t i;
    json_t *row;
    *out_allowed_only = false;
    json_array_foreach(rows, i, row)
    {
        bool is_asked = job->account == NULL || str_equal_ci(job->account, cli_text(row, "name"));
        *out_allowed_only =
            *out_allowed_only || (is_asked && strcmp(cli_text(row, "senders"), "allowed") == 0);
    }
    json_decref(rows);
    return rows != NULL;
}

static bool write_keys(struct export_job *job, struct fault *fault)
{
    struct export_keys keys;
    bool allowed_only;
    if (!find_senders_mode(job, &allowed_only, fault) ||
        !export_keys_ask(&keys, job->session, job->account, fault)) {
        return false;
    }
    FILE *file = export_folder_file(&job->folder, "keys.dat", fault);
    bool ok = file != NULL;
    if (ok) {
        ok = pybitmessage_settings_write(file, job->cli, allowed_only, fault);
        keys_file_write(file, KEYS_FILE_PYBITMESSAGE, keys.entries, keys.n_entries);
        ok = export_file_close(file, "keys.dat", ok ? fault : NULL) && ok;
    }
    export_keys_clear(&keys);
    return ok;
}

static bool write_messages(struct export_job *job, struct fault *fault)
{
    const struct export_walk walk = {.session = job->session,
                                     .call = "export.message",
                                     .account = job->account,
                                     .each = put_mail,
                                     .context = job};
    char *path = xasprintf("%s/messages.dat", job->folder.partial);
    job->messages = messages_dat_create(path, fault);
    bool ok = job->messages != NULL && put_lists(job, fault) && export_walk_run(&walk, fault) &&
              messages_dat_finish(job->messages, fault);
    messages_dat_close(&job->messages);
    free(path);
    return ok;
}

/* ---- the command ---- */

static int tell(const struct export_job *job)
{
    if (job->cli->json) {
        return cli_print_json(json_pack("{s:I, s:I, s:I}", "mails", (json_int_t)job->n_mails,
                                        "left_out", (json_int_t)job->n_left_out, "files",
                                        (json_int_t)job->n_files));
    }
    printf("%zu mails\n", job->n_mails);
    if (job->n_left_out > 0) {
        printf("%zu left out that are no Bitmessages\n", job->n_left_out);
    }
    if (job->n_files > 0) {
        printf("%zu attachments left out: PyBitmessage has no place for them\n", job->n_files);
    }
    return CLI_DONE;
}

int cmd_export_pybitmessage(struct cli *cli, int argc, char **argv)
{
    struct export_job job = {.cli = cli};
    struct fault fault = {0};
    const struct cli_option options[] = {{"--account", .value = &job.account}};
    if (!cli_options("export pybitmessage", options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc != 2) {
        return cli_usage("export pybitmessage", "into which folder?");
    }
    if (!export_folder_begin(&job.folder, argv[1], &fault)) {
        return cli_fail(&fault);
    }
    job.session = cli_session_open(cli, &fault);
    bool ok = job.session != NULL && write_keys(&job, &fault) && write_messages(&job, &fault);
    cli_session_close(&job.session);
    return export_folder_end(&job.folder, ok, &fault) ? tell(&job) : cli_fail(&fault);
}
