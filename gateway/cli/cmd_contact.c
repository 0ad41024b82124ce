// SPDX-License-Identifier: MIT
/* bittern contact import, export: the address book as a file. The file is read and written here;
 * what stands in it is the gateway's to understand. */
#include "gateway/cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

enum { FILE_MAX_BYTES = 64 * 1024 * 1024 };

/* "-" is standard input. */
static bool read_file(struct buf *out, const char *path, struct fault *fault)
{
    char piece[64 * 1024];
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "rb");
    if (file == NULL) {
        return fault_set_errno(fault, errno, "open %s", path);
    }
    buf_init(out, FILE_MAX_BYTES);
    size_t len;
    while ((len = fread(piece, 1, sizeof(piece), file)) > 0 && buf_append(out, piece, len)) {
    }
    bool ok = ferror(file)
                  ? fault_set_errno(fault, errno, "read %s", path)
                  : buf_ok(out) || fault_set(fault, FAULT_LIMIT, "%s has more than %d bytes", path,
                                             (int)FILE_MAX_BYTES);
    if (!is_stdin) {
        fclose(file);
    }
    return ok;
}

static bool write_file(const char *path, const char *text, struct fault *fault)
{
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "wb");
    if (file == NULL) {
        return fault_set_errno(fault, errno, "open %s", path);
    }
    bool ok = fputs(text, file) >= 0;
    ok = (file == stdout ? fflush(file) == 0 : fclose(file) == 0) && ok;
    return ok || fault_set_errno(fault, errno, "write %s", path);
}

int cmd_contact_import(struct cli *cli, int argc, char **argv)
{
    const char *account = NULL;
    struct fault fault = {0};
    struct buf file = {0};
    const struct cli_option options[] = {{"--account", NULL, &account}};
    if (!cli_options("contact import", options, ARRAY_LEN(options), &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc != 2) {
        return cli_usage("contact import", "which file?");
    }
    json_t *answer = NULL;
    if (read_file(&file, argv[1], &fault)) {
        json_t *params = json_object();
        if (json_object_set_new(params, "data", json_stringn((const char *)file.data, file.len)) !=
            0) {
            json_decref(params);
            (void)fault_set(&fault, FAULT_INVALID, "the file is not UTF-8 text");
        } else {
            if (account != NULL) {
                json_object_set_new(params, "account", json_string(account));
            }
            answer = cli_call(cli, "contact.import", params, &fault);
        }
    }
    buf_clear(&file);
    if (answer == NULL) {
        return cli_fail(&fault);
    }
    if (cli->json) {
        return cli_print_json(answer);
    }
    printf("%s contacts read, %s of them new\n", cli_text(answer, "read"), cli_text(answer, "new"));
    json_decref(answer);
    return CLI_DONE;
}

int cmd_contact_export(struct cli *cli, int argc, char **argv)
{
    struct fault fault = {0};
    if (!cli_options("contact export", NULL, 0, &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc != 2) {
        return cli_usage("contact export", "into which file?");
    }
    const char *form = str_ends_with_ci(argv[1], ".csv") ? "csv" : "vcard";
    json_t *answer = cli_call(cli, "contact.export", json_pack("{s:s}", "form", form), &fault);
    if (answer == NULL) {
        return cli_fail(&fault);
    }
    bool ok = write_file(argv[1], cli_text(answer, "data"), &fault);
    json_decref(answer);
    return ok ? CLI_DONE : cli_fail(&fault);
}
