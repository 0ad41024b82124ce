// SPDX-License-Identifier: MIT
#include "gateway/cli/sendmail_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/paths.h"

bool sendmail_spool_name(char out[SPOOL_NAME_BYTES], struct fault *fault)
{
    uint8_t random[(SPOOL_NAME_BYTES - 1) / 2];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        return fault_set_errno(fault, errno, "random bytes");
    }
    hex_encode(out, (struct bytes){random, sizeof random});
    return true;
}

static bool make_folder(const char *path, struct fault *fault)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST ||
           fault_set_errno(fault, errno, "make the folder %s", path);
}

static bool write_file(const char *folder, const char *temporary, const char *path,
                       struct bytes content, struct fault *fault)
{
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && file_write_synced(fd, content, NULL) && rename(temporary, path) == 0 &&
              file_sync_folder(folder, NULL);
    if (!ok) {
        fault_set_errno(fault, errno, "write %s", path);
        (void)unlink(temporary);
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

bool sendmail_spool_put(const char *home, const char *name, const struct spool_file *file,
                        struct fault *fault)
{
    char *gateway = paths_in(home, PATHS_GATEWAY);
    char *folder = paths_in(gateway, PATHS_SPOOL);
    char *temporary = xasprintf("%s/%s.new", folder, name);
    char *path = xasprintf("%s/%s" PATHS_SPOOL_SUFFIX, folder, name);
    struct buf content = {0};
    spool_file_write(&content, file);
    bool ok = make_folder(gateway, fault) && make_folder(folder, fault) &&
              file_sync_folder(gateway, NULL) &&
              write_file(folder, temporary, path, buf_view(&content), fault);
    buf_clear(&content);
    free(path);
    free(temporary);
    free(folder);
    free(gateway);
    return ok;
}
