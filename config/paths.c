// SPDX-License-Identifier: MIT
#include "config/paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

char *paths_in(const char *home, const char *name)
{
    return xasprintf("%s/%s", home, name);
}

static const char *set_and_not_empty(const char *variable)
{
    const char *value = getenv(variable);
    return value != NULL && *value != '\0' ? value : NULL;
}

char *paths_home(const char *home_option, struct fault *fault)
{
    const char *home = home_option != NULL ? home_option : set_and_not_empty("BITTERN_HOME");
    if (home != NULL) {
        return xstrdup(home);
    }
    const char *data = set_and_not_empty("XDG_DATA_HOME");
    if (data != NULL) {
        return paths_in(data, "bittern");
    }
    const char *user_home = set_and_not_empty("HOME");
    if (user_home != NULL) {
        return paths_in(user_home, ".local/share/bittern");
    }
    fault_set(fault, FAULT_INVALID, "no home folder: give --home DIR, or set BITTERN_HOME or HOME");
    return NULL;
}

/* mkdir -p, with mode 0700 for all that is made. */
static bool make_folders(const char *path, struct fault *fault)
{
    char *copy = xstrdup(path);
    bool ok = true;
    for (char *slash = strchr(copy + 1, '/'); ok && slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        ok = mkdir(copy, 0700) == 0 || errno == EEXIST;
        *slash = '/';
    }
    ok = ok && (mkdir(copy, 0700) == 0 || errno == EEXIST);
    if (!ok) {
        fault_set_errno(fault, errno, "make the folder %s", path);
    }
    free(copy);
    return ok;
}

bool paths_prepare_home(const char *home, struct fault *fault)
{
    if (!make_folders(home, fault)) {
        return false;
    }
    struct stat info;
    if (stat(home, &info) != 0) {
        return fault_set_errno(fault, errno, "look at %s", home);
    }
    if (!S_ISDIR(info.st_mode)) {
        return fault_set(fault, FAULT_INVALID, "%s is not a folder", home);
    }
    if (info.st_uid != geteuid()) {
        return fault_set(fault, FAULT_DENIED, "%s belongs to another user (uid %u)", home,
                         (unsigned)info.st_uid);
    }
    if ((info.st_mode & 077) != 0) {
        return fault_set(fault, FAULT_DENIED,
                         "others may read %s (mode %04o): it holds private keys; chmod 700 it",
                         home, (unsigned)(info.st_mode & 07777));
    }
    return true;
}
