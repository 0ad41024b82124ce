// SPDX-License-Identifier: MIT
#include "gateway/cli/supervisor_home.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/process.h"
#include "base/str.h"

enum { LOCK_TEXT_BYTES = 32, ORPHANS_WAIT_MS = 3000, ORPHANS_POLL_MS = 20 };

bool home_check(const char *home, struct fault *fault)
{
    struct stat info;
    if (stat(home, &info) != 0) {
        return fault_set_errno(fault, errno, "home folder %s", home);
    }
    if (!S_ISDIR(info.st_mode)) {
        return fault_set(fault, FAULT_DENIED, "%s is no folder", home);
    }
    if (info.st_uid != geteuid()) {
        return fault_set(fault, FAULT_DENIED, "the folder %s belongs to another user", home);
    }
    if ((info.st_mode & 077) != 0) {
        return fault_set(fault, FAULT_DENIED,
                         "others may enter the folder %s (mode %03o): `chmod 700` it first", home,
                         (unsigned)(info.st_mode & 0777));
    }
    return true;
}

bool home_make_folder(const char *home, const char *name, struct fault *fault)
{
    char *path = xasprintf("%s/%s", home, name);
    bool ok = mkdir(path, 0700) == 0 || errno == EEXIST;
    if (!ok) {
        fault_set_errno(fault, errno, "make the folder %s", path);
    }
    ok = ok && home_check(path, fault);
    free(path);
    return ok;
}

static void read_owner(char out[LOCK_TEXT_BYTES], int fd)
{
    ssize_t got = pread(fd, out, LOCK_TEXT_BYTES - 1, 0);
    out[got > 0 ? strcspn(out, "\n") : 0] = '\0';
}

static void set_busy(struct fault *fault, const char *home, int fd)
{
    char owner[LOCK_TEXT_BYTES] = "";
    read_owner(owner, fd);
    fault_set(fault, FAULT_BUSY, "another Bittern (process %s) uses the home folder %s",
              owner[0] != '\0' ? owner : "unknown", home);
}

static bool owner_is_gone(int fd)
{
    char owner[LOCK_TEXT_BYTES] = "";
    uint64_t pid;
    read_owner(owner, fd);
    return parse_u64(bytes_of_str(owner), INT32_MAX, &pid) && kill((pid_t)pid, 0) != 0 &&
           errno == ESRCH;
}

/* The children of a supervisor that was killed hold the lock until they have noticed: for those one
 * waits a moment, for a Bittern that runs not at all. */
static bool lock_soon(int fd)
{
    bool locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
    for (int waited = 0; !locked && errno == EWOULDBLOCK && waited < ORPHANS_WAIT_MS;
         waited += ORPHANS_POLL_MS) {
        if (!owner_is_gone(fd)) {
            errno = EWOULDBLOCK;
            return false;
        }
        nanosleep(&(struct timespec){.tv_nsec = ORPHANS_POLL_MS * 1000000L}, NULL);
        locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
    }
    return locked;
}

int home_lock(const char *home, struct fault *fault)
{
    char *path = xasprintf("%s/lock", home);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        fault_set_errno(fault, errno, "open %s", path);
    } else if (!lock_soon(fd)) {
        if (errno == EWOULDBLOCK) {
            set_busy(fault, home, fd);
        } else {
            fault_set_errno(fault, errno, "lock %s", path);
        }
        process_close_fd(&fd);
    } else if (ftruncate(fd, 0) == 0) {
        dprintf(fd, "%d\n", (int)getpid());
    }
    free(path);
    return fd;
}
