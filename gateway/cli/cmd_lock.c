// SPDX-License-Identifier: MIT
/* bittern lock, bittern unlock: private keys under a passphrase. */
#include "gateway/cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "gateway/cli/secret_line.h"

static const char open_words[] = "The keys are open.";
static const char locked_words[] =
    "The keys are locked: mail to be sent waits for 'bittern unlock'.";
static const char part_words[] = "Some keys are open; others are under another passphrase.";
static const char lost_words[] =
    "Some keys are open; what opens the others is no longer in mail.db, and a backup has it.";
static const char removed_words[] = "The keys are under no passphrase any more.";
static const char changed_words[] = "The passphrase is changed.";

static bool read_passphrase(char out[SECRET_LINE_BYTES], bool from_stdin, const char *prompt,
                            struct fault *fault)
{
    if (!from_stdin && !isatty(STDIN_FILENO)) {
        return fault_set(fault, FAULT_INVALID,
                         "there is no terminal: --stdin takes the passphrase from standard input");
    }
    return secret_line_read(out, SECRET_LINE_BYTES, prompt, fault);
}

/* Typed twice: what was mistyped once could open nothing ever again. */
static bool read_new_passphrase(char out[SECRET_LINE_BYTES], bool from_stdin, struct fault *fault)
{
    char again[SECRET_LINE_BYTES] = "";
    bool ok = read_passphrase(out, from_stdin, "New passphrase", fault) &&
              (from_stdin || read_passphrase(again, false, "Once more", fault));
    ok = ok && (from_stdin || strcmp(out, again) == 0 ||
                fault_set(fault, FAULT_INVALID, "the two are not the same"));
    mem_wipe(again, sizeof again);
    return ok;
}

static json_t *call_with(struct cli_session *session, const char *call, const char *passphrase,
                         const char *old, struct fault *fault)
{
    json_t *params = json_pack("{s:s}", "passphrase", passphrase);
    if (params == NULL) {
        fault_set(fault, FAULT_INVALID, "a passphrase is text in UTF-8");
        return NULL;
    }
    if (old != NULL) {
        json_object_set_new(params, "old_passphrase", json_string(old));
    }
    return cli_session_call(session, call, params, fault);
}

static json_t *set_first(struct cli_session *session, bool from_stdin, struct fault *fault)
{
    char passphrase[SECRET_LINE_BYTES] = "";
    json_t *answer = read_new_passphrase(passphrase, from_stdin, fault)
                         ? call_with(session, "lock.set", passphrase, NULL, fault)
                         : NULL;
    mem_wipe(passphrase, sizeof passphrase);
    return answer;
}

/* The first time it sets the passphrase. */
static json_t *lock(struct cli_session *session, bool from_stdin, struct fault *fault)
{
    json_t *status = cli_session_call(session, "lock.status", NULL, fault);
    if (status != NULL && !json_is_true(json_object_get(status, "set"))) {
        json_decref(status);
        status = set_first(session, from_stdin, fault);
    }
    if (status == NULL) {
        return NULL;
    }
    json_decref(status);
    return cli_session_call(session, "lock.lock", NULL, fault);
}

static json_t *change(struct cli_session *session, bool from_stdin, struct fault *fault)
{
    char old[SECRET_LINE_BYTES] = "";
    char passphrase[SECRET_LINE_BYTES] = "";
    json_t *answer = read_passphrase(old, from_stdin, "Passphrase until now", fault) &&
                             read_new_passphrase(passphrase, from_stdin, fault)
                         ? call_with(session, "lock.set", passphrase, old, fault)
                         : NULL;
    mem_wipe(old, sizeof old);
    mem_wipe(passphrase, sizeof passphrase);
    return answer;
}

static json_t *give(struct cli_session *session, const char *call, bool from_stdin,
                    struct fault *fault)
{
    char passphrase[SECRET_LINE_BYTES] = "";
    json_t *answer = read_passphrase(passphrase, from_stdin, "Passphrase", fault)
                         ? call_with(session, call, passphrase, NULL, fault)
                         : NULL;
    mem_wipe(passphrase, sizeof passphrase);
    return answer;
}

static int say(const struct cli *cli, json_t *answer, const char *words)
{
    if (cli->json) {
        return cli_print_json(answer);
    }
    puts(words);
    json_decref(answer);
    return CLI_DONE;
}

int cmd_lock(struct cli *cli, int argc, char **argv)
{
    bool from_stdin = false;
    bool is_change = false;
    bool is_remove = false;
    const struct cli_option options[] = {{"--stdin", .flag = &from_stdin},
                                         {"--change", .flag = &is_change},
                                         {"--remove", .flag = &is_remove}};
    if (!cli_options("lock", options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc > 1 || (is_change && is_remove)) {
        return cli_usage("lock", "at most one of --change and --remove, and no argument");
    }
    struct fault fault = {0};
    struct cli_session *session = cli_session_open(cli, &fault);
    if (session == NULL) {
        return cli_fail(&fault);
    }
    json_t *answer = is_change   ? change(session, from_stdin, &fault)
                     : is_remove ? give(session, "lock.remove", from_stdin, &fault)
                                 : lock(session, from_stdin, &fault);
    cli_session_close(&session);
    return answer == NULL ? cli_fail(&fault)
                          : say(cli, answer,
                                is_change   ? changed_words
                                : is_remove ? removed_words
                                            : locked_words);
}

/* Keys stay open only where Bittern runs. */
int cmd_unlock(struct cli *cli, int argc, char **argv)
{
    bool from_stdin = false;
    const struct cli_option options[] = {{"--stdin", .flag = &from_stdin}};
    if (!cli_options("unlock", options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc > 1) {
        return cli_usage("unlock", "it takes no argument");
    }
    struct fault fault = {0};
    json_t *status = cli_call_running(cli, "lock.status", NULL, &fault);
    if (status == NULL) {
        return cli_fail(&fault);
    }
    json_decref(status);
    struct cli_session *session = cli_session_open(cli, &fault);
    json_t *answer = session != NULL ? give(session, "lock.unlock", from_stdin, &fault) : NULL;
    cli_session_close(&session);
    if (answer == NULL) {
        return cli_fail(&fault);
    }
    bool is_locked = json_is_true(json_object_get(answer, "locked"));
    bool is_lost = json_integer_value(json_object_get(answer, "lost")) > 0;
    return say(cli, answer, is_lost ? lost_words : is_locked ? part_words : open_words);
}
