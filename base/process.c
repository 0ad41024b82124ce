// SPDX-License-Identifier: MIT
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/str.h"

enum { PROCESS_MAX_DESCRIPTORS = 65536 };

/* A file that is opened as 0, 1 or 2 by accident would get what is meant for the log. */
static void open_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    process_close_fd(&fd);
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        rlim_t wanted =
            limit.rlim_max < PROCESS_MAX_DESCRIPTORS ? limit.rlim_max : PROCESS_MAX_DESCRIPTORS;
        limit.rlim_cur = wanted > limit.rlim_cur ? wanted : limit.rlim_cur;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

#ifdef BITTERN_TEST_CLOCK
static void take_test_clock(void)
{
    const char *text = getenv("BITTERN_CLOCK_FD");
    uint64_t fd;
    if (text != NULL && parse_u64(bytes_of_str(text), 65535, &fd)) {
        (void)clock_use_shared((int)fd);
    }
}
#else
static void take_test_clock(void)
{
}
#endif

void process_init(void)
{
    umask(077);
    open_standard_descriptors();
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
#ifndef BITTERN_SANITIZED
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* the leak check must look at its own process */
#endif
    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    take_test_clock();
}

void process_die_with(int parent_pid)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent_pid) {
        _exit(1); /* it died before we asked */
    }
}

bool process_socket_pair(int out_ends[2], struct fault *fault)
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out_ends) == 0 ||
           fault_set_errno(fault, errno, "make a socket pair");
}

void process_close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}
