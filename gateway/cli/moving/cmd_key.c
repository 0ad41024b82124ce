// SPDX-License-Identifier: MIT
/* bittern import key, export key: the two private keys of one address, in WIF, a line each: first
 * the one that signs, then the one that decrypts. */
#include "gateway/cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "gateway/cli/moving/export_keys.h"
#include "gateway/cli/secret_line.h"

static bool read_key(json_t *params, const char *name, const char *prompt, struct fault *fault)
{
    char line[SECRET_LINE_BYTES] = "";
    bool ok = secret_line_read(line, sizeof line, prompt, fault) &&
              json_object_set_new(params, name, json_string(line)) == 0;
    mem_wipe(line, sizeof line);
    return ok;
}

int cmd_import_key(struct cli *cli, int argc, char **argv)
{
    const char *account = NULL;
    bool is_chan = false;
    const struct cli_option options[] = {{"--account", .value = &account},
                                         {"--chan", .flag = &is_chan}};
    struct fault fault = {0};
    if (!cli_options("import key", options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc != 2 && argc != 3) {
        return cli_usage("import key", "of which address?");
    }
    json_t *params = json_pack("{s:s, s:b}", "address", argv[1], "chan", is_chan);
    if (argc == 3) {
        json_object_set_new(params, "label", json_string(argv[2]));
    }
    if (account != NULL) {
        json_object_set_new(params, "account", json_string(account));
    }
    if (!read_key(params, "signing_key", "signing key", &fault) ||
        !read_key(params, "encryption_key", "encryption key", &fault)) {
        json_decref(params);
        return cli_fail(&fault);
    }
    json_t *answer = cli_call(cli, "import.key", params, &fault);
    json_decref(answer);
    return answer != NULL ? CLI_DONE : cli_fail(&fault);
}

/* By its address, or by a label that no other has. */
static const struct keys_file_entry *find(const struct export_keys *keys, const char *who,
                                          struct fault *fault)
{
    const struct keys_file_entry *found = NULL;
    for (size_t i = 0; i < keys->n_entries; i++) {
        const struct keys_file_entry *entry = &keys->entries[i];
        if (strcmp(entry->address, who) == 0) {
            return entry;
        }
        if (str_equal_ci(entry->label, who)) {
            if (found != NULL) {
                fault_set(fault, FAULT_INVALID, "more than one is called '%.60s': give the address",
                          who);
                return NULL;
            }
            found = entry;
        }
    }
    if (found == NULL) {
        fault_set(fault, FAULT_NOT_FOUND, "there is no identity or chan '%.60s'", who);
    }
    return found;
}

int cmd_export_key(struct cli *cli, int argc, char **argv)
{
    struct fault fault = {0};
    struct export_keys keys = {0};
    if (!cli_options("export key", NULL, 0, &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc != 2) {
        return cli_usage("export key", "of which address?");
    }
    struct cli_session *session = cli_session_open(cli, &fault);
    const struct keys_file_entry *entry =
        session != NULL && export_keys_ask(&keys, session, NULL, &fault)
            ? find(&keys, argv[1], &fault)
            : NULL;
    if (entry != NULL) {
        printf("%s\n%s\n", entry->signing_key, entry->encryption_key);
    }
    bool ok = entry != NULL;
    export_keys_clear(&keys);
    cli_session_close(&session);
    return ok ? CLI_DONE : cli_fail(&fault);
}
