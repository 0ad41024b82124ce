// SPDX-License-Identifier: MIT
/* bittern export ...: what is ours, in the forms of other programs. */
#include "gateway/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "gateway/cli/keys_file.h"

static struct keys_file_entry entry_of(const json_t *row)
{
    return (struct keys_file_entry){
        .address = json_string_value(json_object_get(row, "address")),
        .label = json_string_value(json_object_get(row, "label")),
        .signing_key = json_string_value(json_object_get(row, "signing_key")),
        .encryption_key = json_string_value(json_object_get(row, "encryption_key")),
        .list_name = json_string_value(json_object_get(row, "list")),
        .is_list = json_string_length(json_object_get(row, "list")) > 0,
        .is_chan = json_is_true(json_object_get(row, "chan")),
        .enabled = json_is_true(json_object_get(row, "enabled")),
        .acks = json_is_true(json_object_get(row, "acks")),
        .trials_per_byte = (uint64_t)json_integer_value(json_object_get(row, "difficulty")),
        .extra_bytes = (uint64_t)json_integer_value(json_object_get(row, "small_difficulty")),
    };
}

/* A new file, 0600; a key file that is there is never written over. */
static bool write_file(const char *path, const struct keys_file_entry *entries, size_t n_entries,
                       struct fault *fault)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (out == NULL) {
        return fault_set_errno(fault, errno, "make %s", path);
    }
    keys_file_write(out, entries, n_entries);
    bool ok = fflush(out) == 0 && fsync(fd) == 0;
    ok = fclose(out) == 0 && ok;
    if (!ok) {
        fault_set_errno(fault, errno, "write %s", path);
        unlink(path);
    }
    return ok;
}

int cmd_export_keys(struct cli *cli, int argc, char **argv)
{
    if (!cli_options("export keys", NULL, 0, &argc, argv)) {
        return CLI_USAGE;
    }
    if (argc != 2) {
        return cli_usage("export keys", "into which file?");
    }
    struct fault fault = {0};
    json_t *rows = cli_call(cli, "export.keys", NULL, &fault);
    if (rows == NULL) {
        return cli_fail(&fault);
    }
    size_t n_rows = json_array_size(rows);
    struct keys_file_entry *entries = xcalloc(n_rows + 1, sizeof *entries);
    for (size_t i = 0; i < n_rows; i++) {
        entries[i] = entry_of(json_array_get(rows, i));
    }
    bool ok = write_file(argv[1], entries, n_rows, &fault);
    free(entries);
    json_decref(rows);
    return ok ? CLI_DONE : cli_fail(&fault);
}
