// SPDX-License-Identifier: MIT
/* bittern: the command line. Options, then a command of one or two words; see commands.c. */
#include "gateway/cli/cli.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/paths.h"
#include "gateway/cli/call_command.h"

static void print_help_line(FILE *out, const char *name, const char *arguments, const char *help)
{
    char left[256];
    snprintf(left, sizeof left, "%s %s", name, arguments);
    fprintf(out, strlen(left) > 34 ? "  %s\n  %-34s %s\n" : "  %-34s %.0s%s\n", left, "", help);
}

static void print_help(FILE *out)
{
    fputs("usage: bittern [--home DIR] [-c SECTION.KEY=VALUE]... COMMAND [ARGUMENT]...\n\n", out);
    for (size_t i = 0; i < commands_len; i++) {
        print_help_line(out, commands[i].name, commands[i].arguments, commands[i].help);
    }
    for (size_t i = 0; i < call_rows_len; i++) {
        print_help_line(out, call_rows[i].name, call_rows[i].arguments, call_rows[i].help);
    }
    fputs("\n  --home DIR     the home folder (else $BITTERN_HOME, else ~/.local/share/bittern)\n"
          "  -c SECTION.KEY=VALUE   a setting for this run alone\n"
          "  --json         print data as JSON\n"
          "  --help, --version\n\n"
          "`bittern COMMAND --help` tells more. See also bittern(1), bittern.conf(5).\n",
          out);
}

static bool words_match(const char *name, int argc, char **argv, int *out_n_words)
{
    const char *space = strchr(name, ' ');
    if (space == NULL) {
        *out_n_words = 1;
        return strcmp(name, argv[0]) == 0;
    }
    *out_n_words = 2;
    return argc >= 2 && strlen(argv[0]) == (size_t)(space - name) &&
           strncmp(name, argv[0], (size_t)(space - name)) == 0 && strcmp(space + 1, argv[1]) == 0;
}

/* Show the usage if the name's first word is `word`. */
static void list_if(bool *found, const char *word, const char *name, const char *arguments)
{
    size_t len = strlen(word);
    if (strncmp(name, word, len) == 0 && name[len] == ' ') {
        fprintf(stderr, "%s bittern %s %s\n", *found ? "      " : "usage:", name, arguments);
        *found = true;
    }
}

/* The commands whose first word is `word`, for one who gave no second. */
static int list_group(const char *word)
{
    bool found = false;
    for (size_t i = 0; i < commands_len; i++) {
        list_if(&found, word, commands[i].name, commands[i].arguments);
    }
    for (size_t i = 0; i < call_rows_len; i++) {
        list_if(&found, word, call_rows[i].name, call_rows[i].arguments);
    }
    if (!found) {
        fprintf(stderr, "bittern: there is no command '%s'; bittern --help lists them\n", word);
    }
    return CLI_USAGE;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            return true;
        }
    }
    return false;
}

static int print_usage(const char *name, const char *arguments, const char *help)
{
    printf("usage: bittern %s %s\n\n%s\n", name, arguments, help);
    return CLI_DONE;
}

static int run_command(struct cli *cli, int argc, char **argv)
{
    for (size_t i = 0; i < commands_len; i++) {
        int n_words;
        if (!words_match(commands[i].name, argc, argv, &n_words)) {
            continue;
        }
        if (commands[i].run != cmd_sendmail && asks_for_help(argc, argv)) {
            return print_usage(commands[i].name, commands[i].arguments, commands[i].help);
        }
        return commands[i].run(cli, argc - (n_words - 1), argv + (n_words - 1));
    }
    int n_used = 0;
    const struct call_row *row = call_find(argc, argv, &n_used);
    if (row == NULL) {
        return list_group(argv[0]);
    }
    if (asks_for_help(argc, argv)) {
        return print_usage(row->name, row->arguments, row->help);
    }
    return call_command_run(cli, row, argc - n_used, argv + n_used);
}

/* Take the global options in front of the command. Returns the index of the command, or -1. */
static int take_options(struct cli *cli, int argc, char **argv, const char **out_home)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--home") == 0 && next != NULL) {
            *out_home = argv[++i];
        } else if (str_starts_with(argv[i], "--home=")) {
            *out_home = argv[i] + strlen("--home=");
        } else if (strcmp(argv[i], "-c") == 0 && next != NULL) {
            cli->overrides[cli->n_overrides++] = argv[++i];
        } else if (strcmp(argv[i], "--json") == 0) {
            cli->json = true;
        } else {
            fprintf(stderr, "bittern: '%s' is no option, or needs a value; see bittern --help\n",
                    argv[i]);
            return -1;
        }
    }
    return i;
}

/* --json may stand anywhere. */
static int take_json(struct cli *cli, int argc, char **argv)
{
    int kept = 0;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            cli->json = true;
        } else {
            argv[kept++] = argv[i];
        }
    }
    return kept;
}

static int run_bittern(struct cli *cli, int argc, char **argv)
{
    const char *home_option = NULL;
    int first = take_options(cli, argc, argv, &home_option);
    if (first < 0) {
        return CLI_USAGE;
    }
    if (first >= argc) {
        print_help(stderr);
        return CLI_USAGE;
    }
    struct fault fault = {0};
    cli->home = paths_home(home_option, &fault);
    if (cli->home == NULL) {
        return cli_fail(&fault);
    }
    argc = take_json(cli, argc - first, argv + first);
    return run_command(cli, argc, argv + first);
}

static int run_as_sendmail(struct cli *cli, int argc, char **argv)
{
    struct fault fault = {0};
    cli->home = paths_home(NULL, &fault);
    return cli->home != NULL ? cmd_sendmail(cli, argc, argv) : cli_fail(&fault);
}

int main(int argc, char **argv)
{
    umask(077);
    log_init(2, LOG_LEVEL_WARN, "bittern");
    struct cli cli = {.program = argc > 0 ? argv[0] : "bittern"};
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("bittern " BITTERN_VERSION);
        return CLI_DONE;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        print_help(stdout);
        return CLI_DONE;
    }
    cli.overrides = xcalloc((size_t)argc + 1, sizeof *cli.overrides);
    char *program = xstrdup(cli.program);
    int code = strcmp(basename(program), "sendmail") == 0 ? run_as_sendmail(&cli, argc, argv)
                                                          : run_bittern(&cli, argc, argv);
    free(program);
    free(cli.overrides);
    free(cli.home);
    return code;
}
