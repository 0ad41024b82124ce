// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    char out[16];
    size_t n;
    int fd = memfd_create("file", MFD_CLOEXEC);

    assert_true(file_write_all(fd, bytes_of_str("hello "), NULL));
    assert_true(file_write_synced(fd, bytes_of_str("world"), NULL));
    assert_true(file_write_all(fd, (struct bytes){0}, NULL));

    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_true(file_read_up_to(fd, out, 6, &n, NULL));
    assert_int_equal(n, 6);
    assert_true(file_read_up_to(fd, out, sizeof out, &n, NULL));
    assert_int_equal(n, 5);
    assert_memory_equal(out, "world", 5);
    assert_true(file_read_up_to(fd, out, sizeof out, &n, NULL));
    assert_int_equal(n, 0);
    close(fd);
}

static void on_signal(int number)
{
    (void)number;
}

/* A pipe takes 64 KiB at a time, and a timer interrupts each wait. */
static void a_write_goes_on_after_a_signal_and_in_pieces(void **state)
{
    (void)state;
    enum { LEN = 1 << 20 };
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t reader = fork();
    if (reader == 0) {
        static char piece[4096];
        size_t total = 0;
        ssize_t n;
        close(ends[1]);
        usleep(20000);
        while ((n = read(ends[0], piece, sizeof piece)) > 0) {
            total += (size_t)n;
        }
        _exit(total == LEN ? 0 : 1);
    }
    close(ends[0]);
    struct sigaction action = {.sa_handler = on_signal};
    struct itimerval every = {{0, 1000}, {0, 1000}};
    sigaction(SIGALRM, &action, NULL);
    uint8_t *content = xcalloc(1, LEN);

    setitimer(ITIMER_REAL, &every, NULL);
    bool ok = file_write_all(ends[1], (struct bytes){content, LEN}, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);

    assert_true(ok);
    close(ends[1]);
    int status = 0;
    while (waitpid(reader, &status, 0) != reader) {
    }
    assert_int_equal(status, 0);
    free(content);
}

static void a_full_disk_and_a_missing_folder_are_told(void **state)
{
    (void)state;
    struct fault fault = {0};
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(full >= 0);
    assert_false(file_write_all(full, bytes_of_str("x"), &fault));
    assert_int_equal(fault.code, FAULT_NO_SPACE);
    close(full);

    assert_true(file_sync_folder("/tmp", NULL));
    assert_false(file_sync_folder("/nonexistent/folder", &fault));
    assert_int_equal(fault.code, FAULT_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_write_goes_on_after_a_signal_and_in_pieces),
        cmocka_unit_test(a_full_disk_and_a_missing_folder_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
