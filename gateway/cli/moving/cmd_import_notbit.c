// SPDX-License-Identifier: MIT
/* bittern import notbit: its keys.dat, and the mails of its Maildir. What it received has no
 * hashes any more, so what is still in the network may arrive a second time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "gateway/cli/moving/import.h"
#include "gateway/cli/moving/keys_file.h"
#include "gateway/cli/moving/maildir.h"

struct letters {
    struct import *import;
    const char *folder;
};

/* A mail that its reader threw away or never sent is known by its flags. */
static const char *folder_of(const struct letters *letters, const struct mail_flags *flags)
{
    return flags->deleted ? "trash" : flags->draft ? "drafts" : letters->folder;
}

static bool give_letter(void *context, const struct maildir_mail *mail, struct bytes content,
                        struct fault *fault)
{
    const struct letters *letters = context;
    json_t *params = import_params(letters->import);
    json_object_set_new(params, "folder", json_string(folder_of(letters, &mail->flags)));
    json_object_set_new(params, "time", json_integer(mail->sec));
    json_object_set_new(params, "seen", json_boolean(mail->flags.seen));
    json_object_set_new(params, "answered", json_boolean(mail->flags.answered));
    json_object_set_new(params, "flagged", json_boolean(mail->flags.flagged));
    import_set_base64(params, "mail", content);
    return import_give(letters->import, IMPORT_MAILS, "import.letter", params, "a mail", fault);
}

/* The Maildir itself, into which notbit delivers, and folders of it that a mail program made. */
static bool give_letters(struct import *import, const char *maildir, struct fault *fault)
{
    static const struct {
        const char *theirs;
        const char *ours;
    } rows[] = {
        {"", "inbox"},
        {"/.Sent", "sent"},
        {"/.Drafts", "drafts"},
        {"/.Trash", "trash"},
    };
    bool ok = true;
    for (size_t i = 0; i < ARRAY_LEN(rows) && ok; i++) {
        struct stat status;
        struct letters letters = {import, rows[i].ours};
        char *path = xasprintf("%s%s", maildir, rows[i].theirs);
        ok =
            (i > 0 && stat(path, &status) != 0) || maildir_read(path, give_letter, &letters, fault);
        free(path);
    }
    return ok;
}

int cmd_import_notbit(struct cli *cli, int argc, char **argv)
{
    struct import import = {0};
    struct keys_file keys = {0};
    struct fault fault = {0};
    struct stat status;
    const char *maildir = NULL;
    if (!import_begin(&import, cli, "import notbit", argc, argv, &maildir)) {
        return CLI_USAGE;
    }
    char *keys_path = xasprintf("%s/keys.dat", import.source);
    char *usual = xasprintf("%s/maildir", import.source);
    if (maildir == NULL && stat(usual, &status) == 0) {
        maildir = usual;
    }
    bool ok = keys_file_read(&keys, KEYS_FILE_NOTBIT, keys_path, &fault) &&
              (import.session = cli_session_open(cli, &fault)) != NULL &&
              import_ask_known(&import, &fault) && import_give_keys(&import, &keys, &fault) &&
              (maildir == NULL || give_letters(&import, maildir, &fault));
    keys_file_clear(&keys);
    free(keys_path);
    free(usual);
    return import_finish(&import, ok, &fault);
}
