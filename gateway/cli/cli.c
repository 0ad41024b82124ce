// SPDX-License-Identifier: MIT
#include "gateway/cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/paths.h"

int cli_fail(const struct fault *fault)
{
    fprintf(stderr, "bittern: %s\n", fault->text);
    return CLI_FAILED;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < commands_len; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

int cli_usage(const char *command_name, const char *why, ...)
{
    va_list args;
    va_start(args, why);
    fputs("bittern: ", stderr);
    vfprintf(stderr, why, args);
    va_end(args);
    const struct command *command = find_command(command_name);
    fprintf(stderr, "\nusage: bittern %s %s\n", command_name,
            command != NULL ? command->arguments : "");
    return CLI_USAGE;
}

bool cli_settings(const struct cli *cli, struct settings *out, struct fault *fault)
{
    settings_init(out);
    char *path = paths_in(cli->home, PATHS_SETTINGS);
    bool ok = access(path, F_OK) != 0 || settings_read(out, path, fault);
    free(path);
    for (size_t i = 0; ok && i < cli->n_overrides; i++) {
        ok = settings_set_line(out, cli->overrides[i], fault) || fault_wrap(fault, "-c");
    }
    if (!ok) {
        settings_clear(out);
    }
    return ok;
}

static const struct cli_option *find_option(const struct cli_option *options, size_t n_options,
                                            const char *word)
{
    for (size_t i = 0; i < n_options; i++) {
        if (strcmp(options[i].name, word) == 0) {
            return &options[i];
        }
    }
    return NULL;
}

bool cli_options(const char *command_name, const struct cli_option *options, size_t n_options,
                 int *argc, char **argv)
{
    int kept = 1;
    bool options_end = false;
    for (int i = 1; i < *argc; i++) {
        if (options_end || argv[i][0] != '-' || argv[i][1] == '\0') {
            argv[kept++] = argv[i];
            continue;
        }
        if (strcmp(argv[i], "--") == 0) {
            options_end = true;
            continue;
        }
        const struct cli_option *option = find_option(options, n_options, argv[i]);
        if (option == NULL) {
            cli_usage(command_name, "there is no option %s", argv[i]);
            return false;
        }
        if (option->flag != NULL) {
            *option->flag = true;
        } else if (i + 1 < *argc) {
            *option->value = argv[++i];
        } else {
            cli_usage(command_name, "%s needs a value", argv[i]);
            return false;
        }
    }
    *argc = kept;
    return true;
}

int cli_print_json(json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    putchar('\n');
    json_decref(value);
    return CLI_DONE;
}

const char *cli_text(const json_t *object, const char *key)
{
    static char rotating[4][64];
    static size_t next;
    const json_t *value = json_object_get(object, key);
    if (json_is_string(value)) {
        return json_string_value(value);
    }
    if (json_is_boolean(value)) {
        return json_is_true(value) ? "yes" : "no";
    }
    char *text = rotating[next++ % ARRAY_LEN(rotating)];
    if (json_is_integer(value)) {
        snprintf(text, sizeof rotating[0], "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        snprintf(text, sizeof rotating[0], "%.1f", json_real_value(value));
    } else {
        *text = '\0';
    }
    return text;
}
