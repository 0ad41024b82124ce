// SPDX-License-Identifier: MIT
/* What every command is given, and what they share: talking to the gateway, and printing. */
#ifndef BITTERN_GATEWAY_CLI_CLI_H
#define BITTERN_GATEWAY_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>

#include "base/compiler.h"
#include "base/fault.h"
#include "config/settings.h"

/* docs/man/bittern.1: exit codes. */
enum cli_exit { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

struct cli {
    char *home;
    const char *program;    /* argv[0], to find the other executables */
    const char **overrides; /* "section.key=value", as -c gave them */
    size_t n_overrides;
    bool json; /* --json */
};

/* A row of the table of commands. */
struct command {
    const char *name;                                   /* one or two words: "identity new" */
    const char *arguments;                              /* as the usage shows them; "" for none */
    const char *help;                                   /* one line */
    int (*run)(struct cli *cli, int argc, char **argv); /* argv[0] is the command's last word */
};

extern const struct command commands[];
extern const size_t commands_len;

/* Print "bittern: ..." on standard error. Return CLI_FAILED and CLI_USAGE. */
int cli_fail(const struct fault *fault);
int cli_usage(const char *command_name, const char *why, ...) PRINTF_LIKE(2, 3);

/* Settings in force: defaults, bittern.conf of the home if there is one, -c. */
bool cli_settings(const struct cli *cli, struct settings *out, struct fault *fault) MUST_USE;

/* Several questions to one gateway: the one that runs in this home, else one without servers that
 * is started for them. Close it. */
struct cli_session;
struct cli_session *cli_session_open(struct cli *cli, struct fault *fault) MUST_USE;
/* `params` (NULL for none) is taken. Returns a new reference or NULL. */
json_t *cli_session_call(struct cli_session *session, const char *call, json_t *params,
                         struct fault *fault) MUST_USE;
void cli_session_close(struct cli_session **session);

/* Ask the gateway; when none runs in this home, one without servers is started for this question.
 * `params` (NULL for none) is taken. Returns a new reference or NULL. */
json_t *cli_call(struct cli *cli, const char *call, json_t *params, struct fault *fault) MUST_USE;
/* As cli_call, but only where Bittern runs. */
json_t *cli_call_running(struct cli *cli, const char *call, json_t *params,
                         struct fault *fault) MUST_USE;

/* Start a gateway that does nothing but salvage; nothing else may run in this home. Its report
 * (gateway/backup/salvage.h), the caller's; NULL when it failed, which was printed. */
char *cli_run_salvage(struct cli *cli) MUST_USE;

/* Options of a command: "--name" or "--name VALUE". */
struct cli_option {
    const char *name;   /* with the dashes */
    bool *flag;         /* set when given; or */
    const char **value; /* set to the word behind it */
};
/* Take the options out of argv; the rest moves to the front, and argc shrinks to it. False after
 * printing what was wrong. The words --json and --help are taken care of for every command. */
bool cli_options(const char *command_name, const struct cli_option *options, size_t n_options,
                 int *argc, char **argv) MUST_USE;

/* Print a JSON value, indented, and release it. Returns CLI_DONE. */
int cli_print_json(json_t *value);
/* The member as text: "" when it is not there; numbers and booleans in words. The result lives
 * until the next four calls. */
const char *cli_text(const json_t *object, const char *key);

#define CLI_COMMAND(name) int name(struct cli *cli, int argc, char **argv)
CLI_COMMAND(cmd_run);
CLI_COMMAND(cmd_salvage);
CLI_COMMAND(cmd_node);
CLI_COMMAND(cmd_status);
CLI_COMMAND(cmd_account_new);
CLI_COMMAND(cmd_account_passwd);
CLI_COMMAND(cmd_identity_qr);
CLI_COMMAND(cmd_contact_import);
CLI_COMMAND(cmd_contact_export);
CLI_COMMAND(cmd_setup);
CLI_COMMAND(cmd_config_check);
CLI_COMMAND(cmd_config_show);
CLI_COMMAND(cmd_sendmail);
CLI_COMMAND(cmd_deliver);
CLI_COMMAND(cmd_bench);
CLI_COMMAND(cmd_lock);
CLI_COMMAND(cmd_unlock);
CLI_COMMAND(cmd_backup);
CLI_COMMAND(cmd_restore);
CLI_COMMAND(cmd_recovery_key);
CLI_COMMAND(cmd_import_pybitmessage);
CLI_COMMAND(cmd_import_keys);
CLI_COMMAND(cmd_export_keys);
CLI_COMMAND(cmd_import_notbit);
CLI_COMMAND(cmd_import_key);
CLI_COMMAND(cmd_export_key);
CLI_COMMAND(cmd_export_mbox);
CLI_COMMAND(cmd_export_maildir);
CLI_COMMAND(cmd_export_pybitmessage);
CLI_COMMAND(cmd_export_notbit);

#endif
