// SPDX-License-Identifier: MIT
/* Each case runs in a process of its own: it locks itself in, tries something, and tells by its end
 * what happened. */
#include "tests/support/vectors.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/db.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/process.h"
#include "base/sandbox.h"
#include "base/tls.h"

#ifdef BITTERN_SANITIZED
enum { HAS_CALL_FILTER = 0 };
#else
enum { HAS_CALL_FILTER = 1 };
#endif

static char folder[64];

static char *in_folder(const char *name)
{
    return xasprintf("%s/%s", folder, name);
}

/* What an attempt comes to, as the exit status of its process: an errno, 0 for success. */
enum { DIED_BY_SIGSYS = 1000, DIED_OTHERWISE = 1001, NO_SANDBOX = 250 };

static int try_inside(unsigned calls, bool write_inside, int (*attempt)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char *inside = in_folder("inside");
        struct sandbox_path paths[] = {{inside, write_inside}, {"/no/such/path", true}};
        struct sandbox_profile profile = {calls, paths, ARRAY_LEN(paths)};
        struct sandbox_status status;
        struct fault fault = {0};
        process_init();
        if (!sandbox_enter(&status, &profile, &fault)) {
            fprintf(stderr, "%s\n", fault.text);
            _exit(NO_SANDBOX);
        }
        _exit(attempt());
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status)) {
        return WEXITSTATUS(status);
    }
    return WTERMSIG(status) == SIGSYS ? DIED_BY_SIGSYS : DIED_OTHERWISE;
}

static int open_as(const char *name, int flags)
{
    char *path = in_folder(name);
    int fd = open(path, flags | O_CLOEXEC, 0600);
    return fd >= 0 ? 0 : errno;
}

static int read_inside(void)
{
    return open_as("inside/file", O_RDONLY);
}

static int write_inside(void)
{
    return open_as("inside/file", O_WRONLY);
}

static int make_inside(void)
{
    return open_as("inside/new", O_WRONLY | O_CREAT);
}

static int read_outside(void)
{
    return open_as("outside", O_RDONLY);
}

static int escape_by_link(void)
{
    return open_as("inside/link", O_RDONLY);
}

static int read_passwords(void)
{
    return open("/etc/shadow", O_RDONLY) >= 0 ? 0 : errno;
}

static int make_inet_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : errno;
}

static int make_datagram_socket(void)
{
    return socket(AF_INET, SOCK_DGRAM, 0) >= 0 ? 0 : errno;
}

static int make_netlink_socket(void)
{
    return socket(AF_NETLINK, SOCK_RAW, 0) >= 0 ? 0 : errno;
}

static int make_unix_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? 0 : errno;
}

static int call_loopback(int (*call)(int, const struct sockaddr *, socklen_t))
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return call(fd, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
}

static int connect_loopback(void)
{
    return call_loopback(connect);
}

static int run_a_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return errno;
}

static int fork_a_process(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    return pid > 0 ? 0 : errno;
}

static int signal_the_parent(void)
{
    return kill(getppid(), SIGWINCH) == 0 ? 0 : errno;
}

static int trace_the_parent(void)
{
    return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0 ? 0 : errno;
}

static void run_nothing(void *job, const struct pool_token *token)
{
    (void)token;
    *(int *)job = 0;
}

static void stop_loop(void *job, bool was_cancelled)
{
    (void)job;
    (void)was_cancelled;
}

/* What a gateway does all day. */
static int live_a_normal_life(void)
{
    struct fault fault = {0};
    struct loop *loop = loop_new();
    struct pool_config config = {
        .name = "worker", .n_threads = 2, .nice = 19, .schedule = POOL_SCHEDULE_BATCH};
    struct pool *pool = pool_new(loop, &config, &fault);
    char *path = in_folder("inside/test.db");
    char *pem = in_folder("inside/tls.pem");
    struct db *db = db_open(path, &(struct db_options){0}, &fault);
    int answer = 1;
    if (pool == NULL || db == NULL ||
        pool_submit(pool, POOL_NORMAL, run_nothing, stop_loop, &answer, &fault) == 0 ||
        !db_exec(db, "CREATE TABLE t (a); INSERT INTO t VALUES (1); DROP TABLE t", &fault) ||
        !tls_certificate_make(pem, &fault)) {
        fprintf(stderr, "%s\n", fault.text);
        return 1;
    }
    db_checkpoint(db);
    while (pool_n_jobs(pool) > 0) {
        loop_turn(loop, 10);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int ends[2];
    if (fd < 0 || !process_socket_pair(ends, &fault) || send(ends[0], "x", 1, 0) != 1) {
        return 1;
    }
    db_close(&db);
    pool_free(&pool);
    loop_free(&loop);
    unlink(path);
    unlink(pem);
    return answer;
}

static int compute_only(void)
{
    int ends[2];
    if (pipe(ends) != 0 || write(ends[1], "x", 1) != 1) {
        return errno;
    }
    for (size_t size = 1; size < 10000000; size *= 3) {
        free(xmalloc(size));
    }
    printf("still here\n");
    return fflush(stdout) == 0 ? 0 : 1;
}

static int abort_itself(void)
{
    abort();
}

enum { FILES = SANDBOX_READ_FILES, WRITING = SANDBOX_WRITE_FILES };

static void each_profile_allows_what_it_names_and_nothing_else(void **state)
{
    (void)state;
    /* With no filter in sanitizer builds only Landlock answers. */
    const struct {
        const char *name;
        unsigned calls;
        bool write;
        int (*attempt)(void);
        int with_filter;
        int without;
    } cases[] = {
        {"read inside", FILES, false, read_inside, 0, 0},
        {"write inside, read only", FILES, false, write_inside, DIED_BY_SIGSYS, EACCES},
        {"write by a path that is read only", WRITING, false, write_inside, EACCES, EACCES},
        {"make in a path that is read only", WRITING, false, make_inside, EACCES, EACCES},
        {"write inside", WRITING, true, write_inside, 0, 0},
        {"make inside", WRITING, true, make_inside, 0, 0},
        {"read outside", WRITING, true, read_outside, EACCES, EACCES},
        {"read outside by a link", WRITING, true, escape_by_link, EACCES, EACCES},
        {"read passwords", WRITING, true, read_passwords, EACCES, EACCES},
        {"open without files", 0, false, read_outside, EACCES, EACCES},
        {"socket without network", SANDBOX_STREAMS, false, make_inet_socket, DIED_BY_SIGSYS, 0},
        {"unix socket without", SANDBOX_CONNECT, false, make_unix_socket, DIED_BY_SIGSYS, 0},
        {"unix socket", SANDBOX_UNIX, false, make_unix_socket, 0, 0},
        {"datagrams without", SANDBOX_CONNECT, false, make_datagram_socket, DIED_BY_SIGSYS, 0},
        {"datagrams", SANDBOX_DATAGRAMS, false, make_datagram_socket, 0, 0},
        {"netlink", SANDBOX_CONNECT | SANDBOX_DATAGRAMS | SANDBOX_UNIX, false, make_netlink_socket,
         DIED_BY_SIGSYS, 0},
        {"connect without", SANDBOX_STREAMS, false, connect_loopback, DIED_BY_SIGSYS, EACCES},
        {"connect", SANDBOX_CONNECT, false, connect_loopback, ECONNREFUSED, ECONNREFUSED},
        {"run a program", WRITING | SANDBOX_THREADS, true, run_a_program, DIED_BY_SIGSYS, EACCES},
        {"fork", WRITING | SANDBOX_THREADS, true, fork_a_process, DIED_BY_SIGSYS, 0},
        {"signal the parent", WRITING, true, signal_the_parent, DIED_BY_SIGSYS, EPERM},
        {"trace the parent", WRITING, true, trace_the_parent, DIED_BY_SIGSYS, EPERM},
        {"a gateway's day", WRITING | SANDBOX_THREADS | SANDBOX_STREAMS, true, live_a_normal_life,
         0, 0},
        {"a decoder's day", 0, false, compute_only, 0, 0},
        {"abort", 0, false, abort_itself, DIED_OTHERWISE, DIED_OTHERWISE},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int expected = HAS_CALL_FILTER ? cases[i].with_filter : cases[i].without;
        int actual = try_inside(cases[i].calls, cases[i].write, cases[i].attempt);
        if (actual != expected) {
            fail_msg("%s: %d instead of %d", cases[i].name, actual, expected);
        }
    }
}

static void print_status(int fd)
{
    struct sandbox_profile profile = {0};
    struct sandbox_status status;
    struct fault fault = {0};
    if (sandbox_enter(&status, &profile, &fault)) {
        ssize_t written = write(fd, status.text, strlen(status.text));
        (void)written;
    }
}

static void what_is_in_force_is_said_in_one_line(void **state)
{
    (void)state;
    int ends[2];
    char text[SANDBOX_STATUS_BYTES] = "";
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        print_status(ends[1]);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(read(ends[0], text, sizeof text - 1) > 0);

    assert_non_null(strstr(text, "landlock abi "));
    assert_non_null(strstr(text, "seccomp"));
    assert_null(strchr(text, '\n'));
    close(ends[0]);
    close(ends[1]);
}

static int make_files(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/bittern-test-sandbox-XXXXXX");
    assert_non_null(mkdtemp(folder));
    char *command = xasprintf("cd %s && mkdir inside && echo x > inside/file && echo y > outside "
                              "&& ln -s ../outside inside/link",
                              folder);
    int result = system(command);
    free(command);
    return result;
}

static int remove_files(void **state)
{
    (void)state;
    char *command = xasprintf("rm -rf %s", folder);
    int result = system(command);
    free(command);
    return result;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_profile_allows_what_it_names_and_nothing_else),
        cmocka_unit_test(what_is_in_force_is_said_in_one_line),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
