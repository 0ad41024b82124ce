// SPDX-License-Identifier: MIT
/* bittern config ...: works on the file alone. */
#include "gateway/cli/cli.h"

#include <stdio.h>

#include "base/buf.h"
#include "config/paths.h"

int cmd_config_check(struct cli *cli, int argc, char **argv)
{
    if (!cli_options("config check", NULL, 0, &argc, argv) || argc > 1) {
        return cli_usage("config check", "it takes no argument");
    }
    struct settings settings;
    struct fault fault = {0};
    if (!cli_settings(cli, &settings, &fault)) {
        return cli_fail(&fault);
    }
    settings_clear(&settings);
    printf("%s/%s: good\n", cli->home, PATHS_SETTINGS);
    return CLI_DONE;
}

/* {"section": {"key": "value"}} from "section.key=value" lines. */
static json_t *lines_to_json(struct bytes lines)
{
    json_t *root = json_object();
    while (lines.len != 0) {
        struct bytes line = bytes_slice(lines, 0, bytes_find(lines, '\n'));
        size_t dot = bytes_find(line, '.');
        size_t equals = bytes_find(line, '=');
        json_t *section = json_object_getn(root, (const char *)line.data, dot);
        if (section == NULL) {
            section = json_object();
            json_object_setn_new(root, (const char *)line.data, dot, section);
        }
        json_object_setn_new(
            section, (const char *)line.data + dot + 1, equals - dot - 1,
            json_stringn((const char *)line.data + equals + 1, line.len - equals - 1));
        lines = bytes_slice(lines, line.len + 1, lines.len);
    }
    return root;
}

int cmd_config_show(struct cli *cli, int argc, char **argv)
{
    if (!cli_options("config show", NULL, 0, &argc, argv) || argc > 1) {
        return cli_usage("config show", "it takes no argument");
    }
    struct settings settings;
    struct fault fault = {0};
    if (!cli_settings(cli, &settings, &fault)) {
        return cli_fail(&fault);
    }
    struct buf out = {0};
    if (cli->json) {
        settings_to_lines(&out, &settings);
        cli_print_json(lines_to_json(buf_view(&out)));
    } else {
        settings_print(&out, &settings);
        fputs(buf_str(&out), stdout);
    }
    buf_clear(&out);
    settings_clear(&settings);
    return CLI_DONE;
}
