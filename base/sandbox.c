// SPDX-License-Identifier: MIT
/* Landlock and seccomp, from one table of call groups.
 *
 * Opening a file where no file may be opened is refused (EACCES), not deadly: the C library and
 * others look for optional files late (character sets, the number of cores). Every other call
 * outside the groups kills the process. */
#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef BITTERN_SANITIZED
enum { IS_SANITIZED = 1 };
#else
enum { IS_SANITIZED = 0 };
#endif

/* ---- Landlock. ---- */

/* The kernel's interface grew after the headers that we may be built with. */
#define ACCESS_FS_TRUNCATE (1ull << 14)  /* ABI 3 */
#define ACCESS_FS_IOCTL_DEV (1ull << 15) /* ABI 5 */
#define ACCESS_NET_BIND_TCP (1ull << 0)  /* ABI 4 */
#define ACCESS_NET_CONNECT_TCP (1ull << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ull << 0) /* ABI 6 */
#define SCOPE_SIGNAL (1ull << 1)

struct ruleset {
    uint64_t access_fs;
    uint64_t access_net;
    uint64_t scoped;
};

static const uint64_t read_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t write_access =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE |
    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REFER | ACCESS_FS_TRUNCATE;
/* What may be said of a file that is no folder. */
static const uint64_t file_access =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_FS_TRUNCATE;

static struct ruleset ruleset_of(long abi, unsigned calls)
{
    struct ruleset ruleset = {.access_fs = LANDLOCK_ACCESS_FS_REFER - 1};
    ruleset.access_fs |= abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
    ruleset.access_fs |= abi >= 3 ? ACCESS_FS_TRUNCATE : 0;
    ruleset.access_fs |= abi >= 5 ? ACCESS_FS_IOCTL_DEV : 0;
    if (abi >= 4) {
        ruleset.access_net = ACCESS_NET_BIND_TCP;
        ruleset.access_net |= calls & SANDBOX_CONNECT ? 0 : ACCESS_NET_CONNECT_TCP;
    }
    if (abi >= 6) {
        ruleset.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
    }
    return ruleset;
}

/* Sets *out_added to whether the path was there. */
static bool allow_path(int ruleset_fd, const struct ruleset *ruleset, const char *path, bool write,
                       bool *out_added, struct fault *fault)
{
    struct stat info;
    int fd = open(path, O_PATH | O_CLOEXEC);
    *out_added = fd >= 0;
    if (fd < 0) {
        return errno == ENOENT || fault_set_errno(fault, errno, "allow %s", path);
    }
    uint64_t access = write ? write_access : read_access;
    if (fstat(fd, &info) == 0 && !S_ISDIR(info.st_mode)) {
        access &= file_access;
    }
    struct landlock_path_beneath_attr rule = {.allowed_access = access & ruleset->access_fs,
                                              .parent_fd = fd};
    long result = syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    int error = errno;
    close(fd);
    return result == 0 || fault_set_errno(fault, error, "allow %s", path);
}

static bool allow_paths(int ruleset_fd, const struct ruleset *ruleset,
                        const struct sandbox_profile *profile, size_t *out_added,
                        struct fault *fault)
{
    bool added;
    *out_added = 0;
    for (size_t i = 0; i < profile->n_paths; i++) {
        if (!allow_path(ruleset_fd, ruleset, profile->paths[i].path, profile->paths[i].write,
                        &added, fault)) {
            return false;
        }
        *out_added += added;
    }
    /* The leak check at the end of a sanitized program reads its own entry there. */
    return !IS_SANITIZED || allow_path(ruleset_fd, ruleset, "/proc", true, &added, fault);
}

static bool close_paths(char *out_words, size_t size, const struct sandbox_profile *profile,
                        struct fault *fault)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) {
        snprintf(out_words, size, "no landlock");
        return true;
    }
    struct ruleset ruleset = ruleset_of(abi, profile->calls);
    int fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof ruleset, 0);
    if (fd < 0) {
        return fault_set_errno(fault, errno, "landlock ruleset");
    }
    size_t n_added;
    bool ok = allow_paths(fd, &ruleset, profile, &n_added, fault);
    if (ok && syscall(SYS_landlock_restrict_self, fd, 0) != 0) {
        ok = fault_set_errno(fault, errno, "landlock");
    }
    close(fd);
    snprintf(out_words, size, "landlock abi %ld, %zu paths", abi, n_added);
    return ok;
}

/* ---- System calls. ---- */

enum { CALLS_ALWAYS = 0 };

struct call {
    const char *name;
    unsigned groups; /* any of these allows it */
};

enum { ANY_FILES = SANDBOX_READ_FILES | SANDBOX_WRITE_FILES };

/* Calls that are allowed or not; those that depend on their arguments stand below. */
static const struct call calls[] = {
    /* memory */
    {"brk", CALLS_ALWAYS},
    {"madvise", CALLS_ALWAYS},
    {"mmap", CALLS_ALWAYS},
    {"mprotect", CALLS_ALWAYS},
    {"mremap", CALLS_ALWAYS},
    {"munmap", CALLS_ALWAYS},
    {"mlock", CALLS_ALWAYS},
    {"munlock", CALLS_ALWAYS},
    /* what is open */
    {"close", CALLS_ALWAYS},
    {"dup", CALLS_ALWAYS},
    {"dup2", CALLS_ALWAYS},
    {"dup3", CALLS_ALWAYS},
    {"fcntl", CALLS_ALWAYS},
    {"fstat", CALLS_ALWAYS},
    {"fstatfs", CALLS_ALWAYS},
    {"lseek", CALLS_ALWAYS},
    {"newfstatat", CALLS_ALWAYS},
    {"pread64", CALLS_ALWAYS},
    {"read", CALLS_ALWAYS},
    {"readv", CALLS_ALWAYS},
    {"stat", CALLS_ALWAYS},
    {"lstat", CALLS_ALWAYS},
    {"statx", CALLS_ALWAYS},
    {"write", CALLS_ALWAYS},
    {"writev", CALLS_ALWAYS},
    /* waiting */
    {"clock_nanosleep", CALLS_ALWAYS},
    {"epoll_create1", CALLS_ALWAYS},
    {"epoll_ctl", CALLS_ALWAYS},
    {"epoll_pwait", CALLS_ALWAYS},
    {"epoll_pwait2", CALLS_ALWAYS},
    {"epoll_wait", CALLS_ALWAYS},
    {"eventfd2", CALLS_ALWAYS},
    {"futex", CALLS_ALWAYS},
    {"nanosleep", CALLS_ALWAYS},
    {"pipe2", CALLS_ALWAYS},
    {"poll", CALLS_ALWAYS},
    {"ppoll", CALLS_ALWAYS},
    {"pselect6", CALLS_ALWAYS},
    {"restart_syscall", CALLS_ALWAYS},
    {"sched_yield", CALLS_ALWAYS},
    {"select", CALLS_ALWAYS},
    {"timerfd_create", CALLS_ALWAYS},
    {"timerfd_settime", CALLS_ALWAYS},
    {"setitimer", CALLS_ALWAYS},
    /* about oneself */
    {"clock_getres", CALLS_ALWAYS},
    {"clock_gettime", CALLS_ALWAYS},
    {"exit", CALLS_ALWAYS},
    {"exit_group", CALLS_ALWAYS},
    {"getcpu", CALLS_ALWAYS},
    {"getcwd", CALLS_ALWAYS},
    {"getegid", CALLS_ALWAYS},
    {"geteuid", CALLS_ALWAYS},
    {"getgid", CALLS_ALWAYS},
    {"getpid", CALLS_ALWAYS},
    {"getppid", CALLS_ALWAYS},
    {"getrandom", CALLS_ALWAYS},
    {"getrlimit", CALLS_ALWAYS},
    {"getrusage", CALLS_ALWAYS},
    {"gettid", CALLS_ALWAYS},
    {"gettimeofday", CALLS_ALWAYS},
    {"getuid", CALLS_ALWAYS},
    {"membarrier", CALLS_ALWAYS},
    {"rseq", CALLS_ALWAYS},
    {"rt_sigaction", CALLS_ALWAYS},
    {"rt_sigprocmask", CALLS_ALWAYS},
    {"rt_sigreturn", CALLS_ALWAYS},
    {"sched_getaffinity", CALLS_ALWAYS},
    {"sched_getparam", CALLS_ALWAYS},
    {"sched_getscheduler", CALLS_ALWAYS},
    {"set_robust_list", CALLS_ALWAYS},
    {"sigaltstack", CALLS_ALWAYS},
    {"sysinfo", CALLS_ALWAYS},
    {"time", CALLS_ALWAYS},
    {"umask", CALLS_ALWAYS},
    {"uname", CALLS_ALWAYS},
    /* threads */
    {"getpriority", SANDBOX_THREADS},
    {"sched_get_priority_max", SANDBOX_THREADS},
    {"sched_get_priority_min", SANDBOX_THREADS},
    {"sched_setscheduler", SANDBOX_THREADS},
    {"set_tid_address", SANDBOX_THREADS},
    {"setpriority", SANDBOX_THREADS},
    /* sockets that are there */
    {"accept", SANDBOX_STREAMS},
    {"accept4", SANDBOX_STREAMS},
    {"getpeername", SANDBOX_STREAMS},
    {"getsockname", SANDBOX_STREAMS},
    {"getsockopt", SANDBOX_STREAMS},
    {"recvfrom", SANDBOX_STREAMS | SANDBOX_DATAGRAMS},
    {"recvmmsg", SANDBOX_STREAMS | SANDBOX_DATAGRAMS},
    {"recvmsg", SANDBOX_STREAMS | SANDBOX_DATAGRAMS},
    {"sendmmsg", SANDBOX_STREAMS | SANDBOX_DATAGRAMS},
    {"sendmsg", SANDBOX_STREAMS | SANDBOX_DATAGRAMS},
    {"sendto", SANDBOX_STREAMS | SANDBOX_DATAGRAMS},
    {"setsockopt", SANDBOX_STREAMS},
    {"shutdown", SANDBOX_STREAMS},
    /* new ones */
    {"bind", SANDBOX_DATAGRAMS}, /* of TCP ports: Landlock refuses it */
    {"connect", SANDBOX_CONNECT | SANDBOX_UNIX | SANDBOX_DATAGRAMS},
    /* files */
    {"access", ANY_FILES},
    {"faccessat", ANY_FILES},
    {"faccessat2", ANY_FILES},
    {"fadvise64", ANY_FILES},
    {"flock", ANY_FILES},
    {"getdents64", ANY_FILES},
    {"readlink", ANY_FILES},
    {"readlinkat", ANY_FILES},
    {"statfs", ANY_FILES},
    {"chmod", SANDBOX_WRITE_FILES},
    {"copy_file_range", SANDBOX_WRITE_FILES},
    {"fallocate", SANDBOX_WRITE_FILES},
    {"fchmod", SANDBOX_WRITE_FILES},
    {"fchmodat", SANDBOX_WRITE_FILES},
    {"fchown", SANDBOX_WRITE_FILES}, /* SQLite, when run by root */
    {"fdatasync", SANDBOX_WRITE_FILES},
    {"fsync", SANDBOX_WRITE_FILES},
    {"ftruncate", SANDBOX_WRITE_FILES},
    {"link", SANDBOX_WRITE_FILES},
    {"linkat", SANDBOX_WRITE_FILES},
    {"mkdir", SANDBOX_WRITE_FILES},
    {"mkdirat", SANDBOX_WRITE_FILES},
    {"open", SANDBOX_WRITE_FILES},
    {"openat", SANDBOX_WRITE_FILES},
    {"pwrite64", SANDBOX_WRITE_FILES},
    {"pwritev", SANDBOX_WRITE_FILES},
    {"rename", SANDBOX_WRITE_FILES},
    {"renameat", SANDBOX_WRITE_FILES},
    {"renameat2", SANDBOX_WRITE_FILES},
    {"rmdir", SANDBOX_WRITE_FILES},
    {"truncate", SANDBOX_WRITE_FILES},
    {"unlink", SANDBOX_WRITE_FILES},
    {"unlinkat", SANDBOX_WRITE_FILES},
    {"utimensat", SANDBOX_WRITE_FILES},
};

static bool is_granted(const struct call *call, unsigned groups)
{
    return call->groups == CALLS_ALWAYS || (call->groups & groups) != 0;
}

/* An int argument: what stands in the upper half of its register is not compared away, it kills. */
static struct scmp_arg_cmp is_equal(unsigned argument, uint32_t value)
{
    return (struct scmp_arg_cmp){.arg = argument, .op = SCMP_CMP_EQ, .datum_a = value};
}

static struct scmp_arg_cmp has_bits(unsigned argument, uint32_t mask, uint32_t value)
{
    return (struct scmp_arg_cmp){
        .arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

/* `result` collects the first failure. */
static void add(scmp_filter_ctx filter, int *result, uint32_t action, const char *name,
                unsigned n_conditions, const struct scmp_arg_cmp *conditions)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR || *result != 0) {
        return; /* this machine has no such call */
    }
    *result = seccomp_rule_add_array(filter, action, number, n_conditions, conditions);
}

static void allow_if(scmp_filter_ctx filter, int *result, const char *name,
                     struct scmp_arg_cmp condition)
{
    add(filter, result, SCMP_ACT_ALLOW, name, 1, &condition);
}

static void allow_sockets(scmp_filter_ctx filter, int *result, unsigned groups)
{
    static const int families[] = {AF_INET, AF_INET6};
    const uint32_t kind = 0xf; /* without SOCK_CLOEXEC and SOCK_NONBLOCK */
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        struct scmp_arg_cmp conditions[] = {is_equal(0, (uint32_t)families[i]),
                                            has_bits(1, kind, SOCK_STREAM)};
        if (groups & SANDBOX_CONNECT) {
            add(filter, result, SCMP_ACT_ALLOW, "socket", 2, conditions);
        }
        conditions[1] = has_bits(1, kind, SOCK_DGRAM);
        if (groups & SANDBOX_DATAGRAMS) {
            add(filter, result, SCMP_ACT_ALLOW, "socket", 2, conditions);
        }
    }
    if (groups & SANDBOX_UNIX) {
        allow_if(filter, result, "socket", is_equal(0, AF_UNIX));
    }
    if (groups & (SANDBOX_STREAMS | SANDBOX_UNIX)) {
        allow_if(filter, result, "socketpair", is_equal(0, AF_UNIX));
    }
}

/* A thread is a clone that shares all; clone3 hides its flags behind a pointer, so the C library is
 * told that there is none and falls back. */
static void allow_threads(scmp_filter_ctx filter, int *result)
{
    allow_if(filter, result, "clone", has_bits(0, CLONE_THREAD, CLONE_THREAD));
    add(filter, result, SCMP_ACT_ERRNO(ENOSYS), "clone3", 0, NULL);
    allow_if(filter, result, "prctl", is_equal(0, PR_SET_NAME));
}

static void allow_opening(scmp_filter_ctx filter, int *result, unsigned groups)
{
    const uint32_t writing = O_ACCMODE | O_CREAT | O_TRUNC;
    if (groups & SANDBOX_WRITE_FILES) {
        return; /* the table allows it */
    }
    if (groups & SANDBOX_READ_FILES) {
        allow_if(filter, result, "open", has_bits(1, writing, O_RDONLY));
        allow_if(filter, result, "openat", has_bits(2, writing, O_RDONLY));
        return;
    }
    static const char *const refused[] = {"open",       "openat",   "access",    "faccessat",
                                          "faccessat2", "readlink", "readlinkat"};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        add(filter, result, SCMP_ACT_ERRNO(EACCES), refused[i], 0, NULL);
    }
}

static void allow_others(scmp_filter_ctx filter, int *result)
{
    static const uint32_t requests[] = {FIONREAD, FIONBIO, TCGETS};
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        allow_if(filter, result, "ioctl", is_equal(1, requests[i]));
    }
    /* abort: a signal to oneself. prlimit: reading one's own limits. */
    allow_if(filter, result, "tgkill", is_equal(0, (uint32_t)getpid()));
    allow_if(filter, result, "prlimit64", is_equal(2, 0));
}

static bool close_calls(char *out_words, size_t size, unsigned groups, struct fault *fault)
{
    if (IS_SANITIZED) {
        snprintf(out_words, size, "no seccomp in a sanitizer build");
        return true;
    }
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL) {
        return fault_set(fault, FAULT_INTERNAL, "seccomp: no memory");
    }
    int result = 0;
    size_t n_allowed = 0;
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        if (is_granted(&calls[i], groups)) {
            add(filter, &result, SCMP_ACT_ALLOW, calls[i].name, 0, NULL);
            n_allowed++;
        }
    }
    allow_opening(filter, &result, groups);
    allow_sockets(filter, &result, groups);
    allow_others(filter, &result);
    if (groups & SANDBOX_THREADS) {
        allow_threads(filter, &result);
    }
    if (result == 0) {
        result = seccomp_load(filter);
    }
    seccomp_release(filter);
    snprintf(out_words, size, "seccomp %zu calls", n_allowed);
    return result == 0 || fault_set_errno(fault, -result, "seccomp");
}

bool sandbox_enter(struct sandbox_status *out_status, const struct sandbox_profile *profile,
                   struct fault *fault)
{
    char paths[48] = "";
    char filter[48] = "";
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return fault_set_errno(fault, errno, "sandbox: no new privileges");
    }
    if (!close_paths(paths, sizeof paths, profile, fault) ||
        !close_calls(filter, sizeof filter, profile->calls, fault)) {
        return fault_wrap(fault, "sandbox");
    }
    snprintf(out_status->text, sizeof out_status->text, "%s; %s", paths, filter);
    return true;
}
