// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/paths.h"

static void the_home_is_the_option_then_the_variable_then_xdg(void **state)
{
    (void)state;
    struct fault fault = {0};
    setenv("BITTERN_HOME", "/variable", 1);
    setenv("XDG_DATA_HOME", "/xdg", 1);
    setenv("HOME", "/home/user", 1);

    char *home = paths_home("/option", &fault);
    assert_string_equal(home, "/option");
    free(home);
    home = paths_home(NULL, &fault);
    assert_string_equal(home, "/variable");
    free(home);
    unsetenv("BITTERN_HOME");
    home = paths_home(NULL, &fault);
    assert_string_equal(home, "/xdg/bittern");
    free(home);
    unsetenv("XDG_DATA_HOME");
    home = paths_home(NULL, &fault);
    assert_string_equal(home, "/home/user/.local/share/bittern");
    free(home);
    unsetenv("HOME");
    assert_null(paths_home(NULL, &fault));
    assert_non_null(strstr(fault.text, "--home"));
}

static void a_home_is_made_private_and_refused_when_others_may_read_it(void **state)
{
    (void)state;
    char folder[] = "/tmp/bittern-paths-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *home = paths_in(folder, "a/b");
    struct fault fault = {0};
    struct stat info;

    assert_true(paths_prepare_home(home, &fault));
    assert_int_equal(stat(home, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0700);

    assert_int_equal(chmod(home, 0750), 0);
    assert_false(paths_prepare_home(home, &fault));
    assert_int_equal(fault.code, FAULT_DENIED);
    assert_non_null(strstr(fault.text, "chmod 700"));

    rmdir(home);
    char *parent = paths_in(folder, "a");
    rmdir(parent);
    rmdir(folder);
    free(parent);
    free(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_home_is_the_option_then_the_variable_then_xdg),
        cmocka_unit_test(a_home_is_made_private_and_refused_when_others_may_read_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
