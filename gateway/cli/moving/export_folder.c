// SPDX-License-Identifier: MIT
#include "gateway/cli/moving/export_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

bool export_folder_begin(struct export_folder *out, const char *path, struct fault *fault)
{
    struct stat there;
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    out->path = xstrndup(path, len);
    out->partial = xasprintf("%s.XXXXXX", out->path);
    bool ok = lstat(out->path, &there) == 0
                  ? fault_set_errno(fault, EEXIST, "make %s", out->path)
                  : mkdtemp(out->partial) != NULL ||
                        fault_set_errno(fault, errno, "make %s", out->partial);
    if (!ok) {
        free(out->path);
        free(out->partial);
        *out = (struct export_folder){0};
    }
    return ok;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    (void)remove(path);
    return 0;
}

/* One call brings all files of it to the disk: a call for each of 100,000 mails takes minutes. */
static bool sync_all(const char *path, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && syncfs(fd) == 0;
    if (!ok) {
        fault_set_errno(fault, errno, "sync %s", path);
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

static bool give_name(const struct export_folder *folder, struct fault *fault)
{
    const char *slash = strrchr(folder->path, '/');
    char *parent = slash == NULL           ? xstrdup(".")
                   : slash == folder->path ? xstrdup("/")
                                           : xstrndup(folder->path, (size_t)(slash - folder->path));
    bool ok = (rename(folder->partial, folder->path) == 0 ||
               fault_set_errno(fault, errno, "make %s", folder->path)) &&
              file_sync_folder(parent, fault);
    free(parent);
    return ok;
}

bool export_folder_end(struct export_folder *folder, bool ok, struct fault *fault)
{
    enum { MAX_OPEN = 16 };
    ok = ok && sync_all(folder->partial, fault) && give_name(folder, fault);
    if (!ok) {
        (void)nftw(folder->partial, remove_one, MAX_OPEN, FTW_DEPTH | FTW_PHYS);
    }
    free(folder->path);
    free(folder->partial);
    *folder = (struct export_folder){0};
    return ok;
}

static bool make_folders(char *path, size_t root_len, struct fault *fault)
{
    for (char *slash = strchr(path + root_len + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool ok = mkdir(path, 0700) == 0 || errno == EEXIST ||
                  fault_set_errno(fault, errno, "make %s", path);
        *slash = '/';
        if (!ok) {
            return false;
        }
    }
    return true;
}

bool export_folder_make(const struct export_folder *folder, const char *name, struct fault *fault)
{
    char *path = xasprintf("%s/%s", folder->partial, name);
    bool ok = make_folders(path, strlen(folder->partial), fault);
    free(path);
    return ok;
}

FILE *export_folder_file(const struct export_folder *folder, const char *name, struct fault *fault)
{
    char *path = xasprintf("%s/%s", folder->partial, name);
    bool ok = make_folders(path, strlen(folder->partial), fault);
    int fd = ok ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (ok && file == NULL) {
        fault_set_errno(fault, errno, "make %s", path);
    }
    free(path);
    return file;
}

bool export_file_close(FILE *file, const char *name, struct fault *fault)
{
    bool ok = fflush(file) == 0 && ferror(file) == 0;
    ok = fclose(file) == 0 && ok;
    return ok || fault_set_errno(fault, errno, "write %s", name);
}
