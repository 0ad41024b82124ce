// SPDX-License-Identifier: MIT
#include "gateway/cli/supervisor_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/child.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/str.h"

enum { SPAWN_EXEC_FAILED = 127 };

/* ---- Finding. ---- */

static char *find_in(const char *folder, size_t folder_len, const char *name)
{
    static const char *const places[] = {"", "/../libexec/bittern"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        char *path = xasprintf("%.*s%s/%s", (int)folder_len, folder, places[i], name);
        if (access(path, X_OK) == 0) {
            return path;
        }
        free(path);
    }
    return NULL;
}

static char *find_beside(const char *executable, const char *name)
{
    const char *slash = strrchr(executable, '/');
    return slash != NULL ? find_in(executable, (size_t)(slash - executable), name) : NULL;
}

char *spawn_find(const char *program, const char *name, struct fault *fault)
{
    char self[PATH_MAX] = "";
    char *path = find_beside(program, name);
    if (path == NULL && readlink("/proc/self/exe", self, sizeof self - 1) > 0) {
        path = find_beside(self, name);
    }
    if (path == NULL) {
        fault_set(fault, FAULT_NOT_FOUND,
                  "the program %s is neither beside bittern nor in ../libexec/bittern", name);
    }
    return path;
}

/* ---- Starting. ---- */

/* The test clock's descriptor is the one thing that goes down to all. */
static int clock_fd(void)
{
    const char *text = getenv("BITTERN_CLOCK_FD");
    uint64_t fd = 0;
    return text != NULL && parse_u64(bytes_of_str(text), INT_MAX, &fd) ? (int)fd : -1;
}

static void close_others(unsigned first)
{
    int kept = clock_fd();
    if (kept >= 0 && (unsigned)kept >= first) {
        if ((unsigned)kept > first) {
            close_range(first, (unsigned)kept - 1, 0);
        }
        first = (unsigned)kept + 1;
    }
    close_range(first, UINT_MAX, 0);
}

/* dup2 leaves close-on-exec set when nothing moves. */
static bool place(int fd, int at)
{
    return fd == at ? fcntl(fd, F_SETFD, 0) == 0 : dup2(fd, at) == at;
}

/* In the new process. Copies above all places come first, so that no move hits another's source. */
static bool arrange_descriptors(const struct spawn *spawn)
{
    int input = spawn->stdin_fd >= 0 ? fcntl(spawn->stdin_fd, F_DUPFD, CHILD_FD + 1)
                                     : open("/dev/null", O_RDONLY);
    int log = fcntl(spawn->log_fd, F_DUPFD, CHILD_FD + 1);
    int door = spawn->door_fd >= 0 ? fcntl(spawn->door_fd, F_DUPFD, CHILD_FD + 1) : -1;
    if (input < 0 || log < 0 || (spawn->door_fd >= 0 && door < 0)) {
        return false;
    }
    bool ok = place(input, STDIN_FILENO) && place(log, STDOUT_FILENO) &&
              place(log, STDERR_FILENO) && (door < 0 || place(door, CHILD_FD));
    close_others(door >= 0 ? CHILD_FD + 1 : CHILD_FD);
    return ok;
}

static NORETURN void become(const struct spawn *spawn, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL); /* what is ignored stays so in the new program */
    setpgid(0, 0);            /* a Ctrl-C in the terminal is the supervisor's to handle */
    if (spawn->die_with_us) {
        process_die_with(parent);
    }
    if (arrange_descriptors(spawn)) {
        if (spawn->envp != NULL) {
            execve(spawn->path, spawn->argv, spawn->envp);
        } else {
            execv(spawn->path, spawn->argv);
        }
    }
    dprintf(STDERR_FILENO, "start %s: %s\n", spawn->path, strerror(errno));
    _exit(SPAWN_EXEC_FAILED);
}

pid_t spawn_process(const struct spawn *spawn, struct fault *fault)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        fault_set_errno(fault, errno, "start %s", spawn->path);
    } else if (pid == 0) {
        become(spawn, parent);
    }
    return pid;
}

const char *spawn_describe_end(int wait_status)
{
    static char text[80];
    if (WIFEXITED(wait_status)) {
        snprintf(text, sizeof text, "status %d", WEXITSTATUS(wait_status));
    } else if (WTERMSIG(wait_status) == SIGSYS) {
        snprintf(text, sizeof text, "a system call that its sandbox forbids");
    } else {
        snprintf(text, sizeof text, "signal %d (%s)", WTERMSIG(wait_status),
                 strsignal(WTERMSIG(wait_status)));
    }
    return text;
}
