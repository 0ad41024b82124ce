// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/help.h"
#include "gateway/control/call_table.h"

/* How often a line of the help begins with the command's name. */
static unsigned count_lines_of(const char *help, const char *name)
{
    char head[64];
    snprintf(head, sizeof head, "\n  %s ", name);
    unsigned n = 0;
    for (const char *at = strstr(help, head); at != NULL; at = strstr(at + 1, head)) {
        /* "identity new" begins as "identity" does: the next word must be the help's. */
        n += at[strlen(head)] == ' ';
    }
    return n;
}

static void every_command_stands_in_one_group(void **state)
{
    (void)state;
    struct buf out = {0};
    help_write(&out);
    const char *help = buf_str(&out);

    for (size_t i = 0; i < commands_len; i++) {
        if (count_lines_of(help, commands[i].name) != 1) {
            fail_msg("%s", commands[i].name);
        }
    }
    for (size_t i = 0; i < call_rows_len; i++) {
        if (count_lines_of(help, call_rows[i].name) != 1) {
            fail_msg("%s", call_rows[i].name);
        }
    }
    assert_null(strstr(help, HELP_UNGROUPED));
    buf_clear(&out);
}

static void the_help_fits_a_terminal(void **state)
{
    (void)state;
    struct buf out = {0};
    help_write(&out);

    for (const char *line = buf_str(&out); *line != '\0';) {
        size_t len = strcspn(line, "\n");
        if (len > HELP_COLUMNS) {
            fail_msg("%.*s", (int)len, line);
        }
        line += len + 1;
    }
    buf_clear(&out);
}

static void half_a_command_gets_its_usages(void **state)
{
    (void)state;
    struct buf out = {0};

    assert_true(help_write_usages(&out, "recovery-key") == false);
    assert_true(help_write_usages(&out, "ident") == false);
    assert_int_equal(out.len, 0);
    assert_true(help_write_usages(&out, "config"));

    assert_string_equal(buf_str(&out), "usage: bittern config check \n"
                                       "       bittern config show \n");
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_stands_in_one_group),
        cmocka_unit_test(the_help_fits_a_terminal),
        cmocka_unit_test(half_a_command_gets_its_usages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
