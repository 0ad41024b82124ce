// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/settings.h"

/* A temporary file with this text; free() and unlink() it. */
static char *file_with(const char *text)
{
    char *path = xstrdup("/tmp/bittern-settings-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return path;
}

static void defaults_are_those_of_the_manual(void **state)
{
    (void)state;
    struct settings settings;

    settings_init(&settings);

    assert_int_equal(settings.node.port, 8444);
    assert_int_equal(settings.imap.port, 1143);
    assert_int_equal(settings.imap.tls_port, 1993);
    assert_int_equal(settings.smtp.port, 1025);
    assert_int_equal(settings.smtp.tls_port, 1465);
    assert_string_equal(settings.imap.listen, "127.0.0.1");
    assert_int_equal(settings.network.magic, 0xe9beb4d9);
    assert_int_equal(settings.network.least_trials_per_byte, 1000);
    assert_int_equal(settings.agent.ttl_sec, 4 * 86400);
    assert_int_equal(settings.node.max_object_bytes, 2ULL << 30);
    settings_clear(&settings);
}

static void each_kind_of_value_is_read_or_refused_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *error; /* NULL: taken */
    } cases[] = {
        {"smtp.port=0", NULL},
        {"smtp.port=65535", NULL},
        {"smtp.port=65536", "[smtp] port: '65536' is not a port (0 to 65535)"},
        {"smtp.port=abc", "[smtp] port: 'abc' is not a port (0 to 65535)"},
        {"network.bootstrap=no", NULL},
        {"network.bootstrap=maybe", "[network] bootstrap: 'maybe' is not yes or no"},
        {"network.magic=00aaFF11", NULL},
        {"network.magic=123", "[network] magic: '123' is not eight hex digits"},
        {"network.dandelion=100", NULL},
        {"network.dandelion=101", "[network] dandelion: '101' is not a number from 0 to 100"},
        {"agent.ttl=2d", NULL},
        {"agent.ttl=3599", "[agent] ttl: '3599' is not a time from 3600 to 2419200 seconds, such "
                           "as 90s, 10m, 2h or 4d"},
        {"agent.ttl=3600", NULL},
        {"agent.ttl=28d", NULL},
        {"imap.append_limit=1MiB", NULL},
        {"imap.socket_mode=0660", NULL},
        {"imap.socket_mode=0888", "[imap] socket_mode: '0888' is not a file mode such as 0660"},
        {"pow.priority=idle", NULL},
        {"pow.priority=high", "[pow] priority: 'high' is not one of: low, idle, normal"},
        {"network.connect=127.0.0.1:8444, [::1]:8445", NULL},
        {"network.connect=", NULL},
        {"network.connect=127.0.0.1",
         "[network] connect: '127.0.0.1' is not HOST:PORT, HOST:PORT ..."},
        {"network.connect=::1:8444",
         "[network] connect: '::1:8444' is not HOST:PORT, HOST:PORT ..."},
        {"node.socks=localhost:99999", "[node] socks: 'localhost:99999' is not HOST:PORT"},
        {"log.level=trace", NULL},
        {"nonsense", "'nonsense' is not section.key=value"},
    };
    struct settings settings;
    settings_init(&settings);

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fault fault = {0};
        bool ok = settings_set_line(&settings, cases[i].line, &fault);
        if (ok != (cases[i].error == NULL)) {
            fail_msg("%s: %s", cases[i].line, fault.text);
        }
        if (!ok) {
            assert_string_equal(fault.text, cases[i].error);
        }
    }
    settings_clear(&settings);
}

static void an_unknown_name_is_refused_with_those_that_exist(void **state)
{
    (void)state;
    struct settings settings;
    struct fault fault = {0};
    settings_init(&settings);

    assert_false(settings_set(&settings, "log.colour", "yes", &fault));
    assert_string_equal(fault.text, "[log] colour: no such key; there are: level addresses file");

    assert_false(settings_set(&settings, "gui.theme", "dark", &fault));
    assert_non_null(strstr(fault.text, "[gui]: no such section"));
    settings_clear(&settings);
}

static void a_file_is_refused_with_its_name_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *error; /* what stands behind the file's name */
    } cases[] = {
        {"[smtp]\nport = abc\n", ":2: [smtp] port: 'abc' is not a port (0 to 65535)"},
        {"[smtp]\nprot = 1\n",
         ":2: [smtp] prot: no such key; there are: listen port tls_port socket "
         "socket_mode socket_group lmtp_socket lmtp_listen lmtp_port lmtp_account "
         "max_message_bytes"},
        {"# fine\n\n[gui]\n",
         ":3: no such section; there are: node network agent pow mail smtp imap log"},
        {"[imap]\nport = 1\n[smtp\nport = 2\n", ":3: a section's name ends with ]"},
        {"[imap]\nnonsense\n", ":2: neither [section] nor key = value"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct settings settings;
        struct fault fault = {0};
        settings_init(&settings);
        char *path = file_with(cases[i].text);
        assert_false(settings_read(&settings, path, &fault));
        assert_memory_equal(fault.text, path, strlen(path));
        assert_string_equal(fault.text + strlen(path), cases[i].error);
        unlink(path);
        free(path);
        settings_clear(&settings);
    }
}

static void a_line_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char text[400];
    memset(text, '#', sizeof text);
    text[sizeof text - 2] = '\n';
    text[sizeof text - 1] = '\0';
    struct settings settings;
    struct fault fault = {0};
    settings_init(&settings);

    char *path = file_with(text);
    assert_false(settings_read(&settings, path, &fault));
    assert_non_null(strstr(fault.text, ":1: the line is longer than 198 bytes"));

    unlink(path);
    free(path);
    settings_clear(&settings);
}

static void the_template_is_valid_and_changes_nothing(void **state)
{
    (void)state;
    struct buf template = {0};
    struct buf before = {0};
    struct buf after = {0};
    struct settings settings;
    struct fault fault = {0};
    settings_print_template(&template);
    settings_init(&settings);
    settings_to_lines(&before, &settings);

    char *path = file_with(buf_str(&template));
    if (!settings_read(&settings, path, &fault)) {
        fail_msg("%s", fault.text);
    }

    settings_to_lines(&after, &settings);
    assert_string_equal(buf_str(&after), buf_str(&before));
    unlink(path);
    free(path);
    buf_clear(&template);
    buf_clear(&before);
    buf_clear(&after);
    settings_clear(&settings);
}

static void what_is_printed_is_read_back(void **state)
{
    (void)state;
    struct settings settings;
    struct settings again;
    struct buf lines = {0};
    struct buf lines_again = {0};
    struct buf printed = {0};
    struct fault fault = {0};
    settings_init(&settings);
    settings_init(&again);
    assert_true(settings_set(&settings, "network.connect", "127.0.0.1:1, 127.0.0.2:2", &fault));
    assert_true(settings_set(&settings, "imap.socket_mode", "0660", &fault));
    assert_true(settings_set(&settings, "node.tor", "strict", &fault));

    settings_to_lines(&lines, &settings);
    assert_true(settings_from_lines(&again, buf_view(&lines), &fault));
    settings_to_lines(&lines_again, &again);
    assert_string_equal(buf_str(&lines_again), buf_str(&lines));

    settings_print(&printed, &settings);
    char *path = file_with(buf_str(&printed));
    assert_true(settings_read(&again, path, &fault));
    buf_reset(&lines_again);
    settings_to_lines(&lines_again, &again);
    assert_string_equal(buf_str(&lines_again), buf_str(&lines));

    unlink(path);
    free(path);
    buf_clear(&lines);
    buf_clear(&lines_again);
    buf_clear(&printed);
    settings_clear(&settings);
    settings_clear(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_manual),
        cmocka_unit_test(each_kind_of_value_is_read_or_refused_in_words),
        cmocka_unit_test(an_unknown_name_is_refused_with_those_that_exist),
        cmocka_unit_test(a_file_is_refused_with_its_name_and_line),
        cmocka_unit_test(a_line_that_is_too_long_is_refused),
        cmocka_unit_test(the_template_is_valid_and_changes_nothing),
        cmocka_unit_test(what_is_printed_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
