// SPDX-License-Identifier: MIT
/* bittern backup, restore, recovery-key. The gateway makes and reads sealed files in its own
 * folder; here they are carried out of it and into it. */
#include "gateway/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "config/paths.h"
#include "gateway/cli/secret_line.h"

enum { KEY_LINE_BYTES = 256, COPY_BYTES = 1 << 16, FINISH_POLL_MS = 200, FINISH_POLLS = 600 };

#define RESTORE_SEALED "gateway/restore.backup"
#define RESTORE_READY "gateway/restored.db"

/* ---- whole files ---- */

static bool copy_bytes(int from, int to, struct fault *fault)
{
    static uint8_t piece[COPY_BYTES];
    size_t n;
    do {
        if (!file_read_up_to(from, piece, sizeof piece, &n, fault) ||
            !file_write_all(to, (struct bytes){piece, n}, fault)) {
            return false;
        }
    } while (n > 0);
    return fsync(to) == 0 || fault_set_errno(fault, errno, "write");
}

/* `to` is there whole, under its name, or not at all. */
static bool copy_file(const char *from, const char *to, struct fault *fault)
{
    char *part = xasprintf("%s.part", to);
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = in >= 0 ? open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    bool ok = in < 0    ? fault_set_errno(fault, errno, "open %s", from)
              : out < 0 ? fault_set_errno(fault, errno, "make %s", to)
                        : copy_bytes(in, out, fault);
    process_close_fd(&in);
    process_close_fd(&out);
    ok = ok && (rename(part, to) == 0 || fault_set_errno(fault, errno, "make %s", to));
    if (!ok) {
        unlink(part);
    }
    free(part);
    return ok;
}

/* ---- recovery-key ---- */

static void print_key(const json_t *answer)
{
    printf("%s\n", cli_text(answer, "recovery_key"));
    fflush(stdout);
    fputs("Write it down and keep it away from this machine: it opens your backups, nothing else\n"
          "does, and it is not shown again.\n",
          stderr);
}

int cmd_recovery_key(struct cli *cli, int argc, char **argv)
{
    bool make = false;
    const struct cli_option options[] = {{"--new", .flag = &make}};
    if (!cli_options("recovery-key", options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc != 1) {
        return cli_usage("recovery-key", "too many arguments");
    }
    struct fault fault = {0};
    json_t *answer = cli_call(cli, make ? "recovery_key.new" : "recovery_key.show", NULL, &fault);
    if (answer == NULL) {
        return cli_fail(&fault);
    }
    if (cli->json) {
        return cli_print_json(answer);
    }
    if (make) {
        print_key(answer);
    } else {
        puts(json_is_true(json_object_get(answer, "exists"))
                 ? "there is a recovery key; --new makes another one for the backups to come"
                 : "there is no recovery key yet, and so no backup: --new makes one");
    }
    json_decref(answer);
    return CLI_DONE;
}

/* ---- backup ---- */

/* The first backup makes the key, too: nobody should need two commands. */
static bool ensure_key(struct cli *cli, struct fault *fault)
{
    json_t *key = cli_call(cli, "recovery_key.show", NULL, fault);
    bool exists = json_is_true(json_object_get(key, "exists"));
    bool ok = key != NULL;
    json_decref(key);
    if (!ok || exists) {
        return ok;
    }
    key = cli_call(cli, "recovery_key.new", NULL, fault);
    if (key == NULL) {
        return false;
    }
    fputs("The recovery key for this and all later backups:\n", stderr);
    print_key(key);
    json_decref(key);
    return true;
}

int cmd_backup(struct cli *cli, int argc, char **argv)
{
    struct fault fault = {0};
    if (!cli_options("backup", NULL, 0, &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc != 2) {
        return cli_usage("backup", "into which file?");
    }
    if (access(argv[1], F_OK) == 0) {
        fault_set(&fault, FAULT_EXISTS, "%s is there already", argv[1]);
        return cli_fail(&fault);
    }
    json_t *answer = ensure_key(cli, &fault) ? cli_call(cli, "backup.make", NULL, &fault) : NULL;
    if (answer == NULL) {
        return cli_fail(&fault);
    }
    char *made = paths_in(cli->home, cli_text(answer, "path"));
    bool ok = copy_file(made, argv[1], &fault);
    unlink(made);
    free(made);
    if (ok && cli->json) {
        json_object_set_new(answer, "path", json_string(argv[1]));
        return cli_print_json(answer);
    }
    json_decref(answer);
    return ok ? CLI_DONE : cli_fail(&fault);
}

/* ---- restore ---- */

/* The gateway starts again and puts the restored database in place; where none runs, a question
 * starts one. */
static bool wait_until_finished(struct cli *cli, struct fault *fault)
{
    char *ready = paths_in(cli->home, RESTORE_READY);
    bool finished = false;
    for (int i = 0; i < FINISH_POLLS && !finished; i++) {
        json_t *status = cli_call(cli, "status", NULL, fault);
        json_decref(status);
        finished = status != NULL && access(ready, F_OK) != 0;
        if (!finished) {
            nanosleep(&(struct timespec){.tv_nsec = FINISH_POLL_MS * 1000000L}, NULL);
        }
    }
    free(ready);
    return finished || fault_set(fault, FAULT_TIMEOUT,
                                 "the backup was checked, but the gateway did not start with it; "
                                 "the reason is in the log");
}

static json_t *prepare(struct cli *cli, const char *file, struct fault *fault)
{
    char key[KEY_LINE_BYTES] = "";
    char *sealed = paths_in(cli->home, RESTORE_SEALED);
    json_t *answer = NULL;
    /* A question first: in an empty home it makes the folder, and it finds out what is wrong. */
    json_t *status = cli_call(cli, "status", NULL, fault);
    if (status != NULL && secret_line_read(key, sizeof key, "Recovery key", fault) &&
        copy_file(file, sealed, fault)) {
        answer = cli_call(cli, "restore.prepare", json_pack("{s:s}", "recovery_key", key), fault);
    }
    if (answer == NULL) {
        unlink(sealed);
    }
    mem_wipe(key, sizeof key);
    json_decref(status);
    free(sealed);
    return answer;
}

int cmd_restore(struct cli *cli, int argc, char **argv)
{
    struct fault fault = {0};
    if (!cli_options("restore", NULL, 0, &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc != 2) {
        return cli_usage("restore", "which file?");
    }
    json_t *answer = prepare(cli, argv[1], &fault);
    if (answer == NULL || !wait_until_finished(cli, &fault)) {
        json_decref(answer);
        return cli_fail(&fault);
    }
    if (cli->json) {
        return cli_print_json(answer);
    }
    printf("restored: accounts %s, identities and chans %s, messages %s\n",
           cli_text(answer, "accounts"), cli_text(answer, "identities"),
           cli_text(answer, "messages"));
    fputs("What had not been sent is held: see 'bittern queue list', and retry with --force what\n"
          "did not leave since. The database before this is kept in the home's gateway folder.\n",
          stderr);
    json_decref(answer);
    return CLI_DONE;
}
