// SPDX-License-Identifier: MIT
/* bittern export keys. */
#include "gateway/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/cli/moving/export_keys.h"

/* A new file, 0600; a key file that is there is never written over. */
static bool write_file(const char *path, const struct keys_file_entry *entries, size_t n_entries,
                       struct fault *fault)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (out == NULL) {
        return fault_set_errno(fault, errno, "make %s", path);
    }
    keys_file_write(out, KEYS_FILE_PYBITMESSAGE, entries, n_entries);
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
    struct export_keys keys = {0};
    struct cli_session *session = cli_session_open(cli, &fault);
    bool ok = session != NULL && export_keys_ask(&keys, session, NULL, &fault) &&
              write_file(argv[1], keys.entries, keys.n_entries, &fault);
    export_keys_clear(&keys);
    cli_session_close(&session);
    return ok ? CLI_DONE : cli_fail(&fault);
}
