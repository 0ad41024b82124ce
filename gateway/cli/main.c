// SPDX-License-Identifier: MIT
/* bittern: the command line. Options, then a command of one or two words; see commands.c. */
#include "gateway/cli/cli.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/paths.h"
#include "gateway/cli/call_command.h"
#include "gateway/cli/help.h"

static void print_help(FILE *out)
{
    struct buf text = {0};
    help_write(&text);
    fputs(buf_str(&text), out);
    buf_clear(&text);
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

/* The commands whose first word is `word`, for one who gave no second. */
static int list_group(const char *word)
{
    struct buf text = {0};
    if (!help_write_usages(&text, word)) {
        buf_printf(&text, "bittern: there is no command '%s'; bittern --help lists them\n", word);
    }
    fputs(buf_str(&text), stderr);
    buf_clear(&text);
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
