// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/cli/bench_gpu.h"
#include "gateway/cli/setup_text.h"
#include "gateway/cli/status_text.h"
#include "gateway/cli/supervisor_status.h"

static json_t *setup_info(void)
{
    return json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:s, s:s, s:s, s:s}", "account_url", "me",
                     "host", "127.0.0.1", "imap_port", 1143, "imap_tls_port", 1993, "smtp_port",
                     1025, "smtp_tls_port", 1465, "account", "me", "address", "BM-x@bm.alt",
                     "label", "Me", "fingerprint", "AB:CD");
}

static void each_program_gets_the_ports_and_no_name_is_left_unfilled(void **state)
{
    (void)state;
    json_t *info = setup_info();

    for (size_t i = 0; i < setup_programs_len; i++) {
        struct buf out = {0};
        setup_text(&out, &setup_programs[i], info);
        const char *text = buf_str(&out);
        if (strstr(text, "1143") == NULL && strstr(text, "1025") == NULL &&
            strstr(text, "1993") == NULL) {
            fail_msg("%s names no port", setup_programs[i].name);
        }
        if (strstr(text, "@_") != NULL || strstr(text, "_port@") != NULL ||
            strstr(text, "@@") != NULL) {
            fail_msg("%s: %s", setup_programs[i].name, text);
        }
        buf_clear(&out);
    }
    json_decref(info);
}

static void a_label_stays_text_in_every_program(void **state)
{
    (void)state;
    static const struct {
        const char *program;
        const char *expected;
    } rows[] = {
        {"mutt", "set realname = \"a\\\"b\\`id\\`\\$x\\\\<&\"\n"},
        {"thunderbird", "fullName\", \"a\\\"b`id`$x\\\\<&\");\n"},
        {"k9", "<name>a\"b`id`$x\\&lt;&amp;</name>\n"},
    };
    json_t *info = setup_info();
    json_object_set_new(info, "label", json_string("a\"b`id`$x\\<&"));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = {0};
        setup_text(&out, setup_program_find(rows[i].program), info);
        if (strstr(buf_str(&out), rows[i].expected) == NULL) {
            fail_msg("%s: %s", rows[i].program, buf_str(&out));
        }
        buf_clear(&out);
    }
    json_decref(info);
}

static void an_url_keeps_its_at_sign(void **state)
{
    (void)state;
    json_t *info = setup_info();
    struct buf out = {0};

    setup_text(&out, setup_program_find("mutt"), info);

    assert_non_null(strstr(buf_str(&out), "imap://me@127.0.0.1:1143/"));
    assert_null(setup_program_find("outlook"));
    buf_clear(&out);
    json_decref(info);
}

static json_t *status(const char *colour, int n_working)
{
    return json_pack("{s:s, s:s, s:{s:i, s:i, s:i, s:i, s:b}, s:{s:i, s:i}, s:{s:s, s:f, s:i, "
                     "s:{s:f, s:f, s:f}}}",
                     "version", "1", "colour", colour, "node", "port", 8444, "peers_in", 3,
                     "peers_out", 8, "objects", 20000, "syncing", 1, "queue", "queued", 0,
                     "working", n_working, "pow", "kernel", "avx2", "trials_per_second", 2.5e6,
                     "jobs", n_working, "next", "chance", 0.478, "left", 4.2, "left_p95", 12.6);
}

static void the_line_tells_what_is_under_way(void **state)
{
    (void)state;
    json_t *busy = status("green", 2);
    json_t *idle = status("red", 0);
    struct buf line = {0};

    status_text_line(&line, busy);
    assert_string_equal(buf_str(&line),
                        "green | 8 out, 3 in | 20000 objects (fetching) | outgoing: 2 "
                        "working | [####------] 48 %, 4 s (95 %: 13 s)");
    buf_reset(&line);
    status_text_line(&line, idle);
    assert_string_equal(buf_str(&line),
                        "red | 8 out, 3 in | 20000 objects (fetching) | outgoing: nothing");
    buf_clear(&line);
    json_decref(busy);
    json_decref(idle);
}

static void the_bar_never_stands_at_its_end(void **state)
{
    (void)state;
    static const struct {
        double chance;
        double left;
        double left_p95;
        const char *text;
    } rows[] = {
        {0, -1, -1, "[--------------------] 0 %"},
        {0.5, 4, 12, "[##########----------] 50 %, 4 s more on average, 12 s in 19 of 20 cases"},
        {0.949, 119, 121,
         "[##################--] 95 %, 119 s more on average, 2 min in 19 of 20 cases"},
        {0.999, 7199, 7200,
         "[###################-] 100 %, 120 min more on average, 2 h in 19 of 20 cases"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = {0};
        json_t *progress = json_pack("{s:f}", "chance", rows[i].chance);
        if (rows[i].left >= 0) {
            json_object_set_new(progress, "left", json_real(rows[i].left));
            json_object_set_new(progress, "left_p95", json_real(rows[i].left_p95));
        }
        status_text_progress(&out, progress);
        assert_string_equal(buf_str(&out), rows[i].text);
        buf_clear(&out);
        json_decref(progress);
    }
}

static void the_gpu_s_figure_is_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double rate; /* 0: refused */
    } rows[] = {
        {"1234567\tSome Device 3\n", 1234567},
        {"5\tx", 5},
        {"", 0},
        {"\tx\n", 0},
        {"0\tx\n", 0},
        {"-3\tx", 0},
        {"7 x\n", 0},
        {"7\t\n", 0},
        {"nan\tx\n", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *text = strdup(rows[i].text);
        double rate;
        const char *device;
        assert_int_equal(bench_gpu_parse(&rate, &device, text), rows[i].rate > 0);
        if (rows[i].rate > 0) {
            assert_true(rate == rows[i].rate);
            assert_string_equal(device, i == 0 ? "Some Device 3" : "x");
        }
        free(text);
    }
}

static void the_page_says_what_the_colour_means(void **state)
{
    (void)state;
    json_t *yellow = status("yellow", 0);
    struct buf page = {0};

    status_text_page(&page, yellow);

    assert_non_null(strstr(buf_str(&page), "yellow, connected; no other node reaches this one"));
    assert_non_null(strstr(buf_str(&page), "outgoing  nothing"));
    buf_clear(&page);
    json_decref(yellow);
}

static void the_page_says_how_the_keys_are(void **state)
{
    static const struct {
        const char *lock;
        const char *words;
    } rows[] = {
        {"{\"set\":false,\"locked\":false,\"lost\":0}", NULL},
        {"{\"set\":true,\"locked\":false,\"lost\":0}", "keys      open; a passphrase is set\n"},
        {"{\"set\":true,\"locked\":true,\"lost\":0,\"extent\":\"all\"}",
         "keys      locked (all): mail to be sent waits for `bittern unlock`\n"},
        {"{\"set\":true,\"locked\":true,\"lost\":3,\"extent\":\"all\"}",
         "keys      LOST for 3 of the identities: "},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf page = {0};
        json_t *green = status("green", 0);
        json_object_set_new(green, "lock", json_loads(rows[i].lock, 0, NULL));

        status_text_page(&page, green);

        const char *keys = strstr(buf_str(&page), "keys  ");
        assert_int_equal(keys != NULL, rows[i].words != NULL);
        if (keys != NULL) {
            assert_memory_equal(keys, rows[i].words, strlen(rows[i].words));
        }
        buf_clear(&page);
        json_decref(green);
    }
}

/* What the node says of itself is shown as it is only when nothing else can hide in it. */
static void only_a_plain_report_of_the_node_is_shown(void **state)
{
    static const struct {
        const char *report;
        bool is_plain;
    } cases[] = {
        {"{\"port\":8444,\"syncing\":true,\"was_reached\":false,\"colour\":\"red\"}", true},
        {"{\"a\":0}", true},
        {"", false},
        {"{}", false},
        {"{\"a\":}", false},
        {"{\"a\":1", false},
        {"{\"a\":1}}", false},
        {"{\"a\":1}\n{\"b\":2}", false},
        {"{\"a\":1,}", false},
        {"{\"a\":-1}", false},
        {"{\"a\":1.5}", false},
        {"{\"a\":999999999999999999}", true},
        {"{\"a\":1000000000000000000}", false},
        {"{\"a\":\"word\"}", false},
        {"{\"a\":\"greenish\"}", false},
        {"{\"a\":{\"b\":1}}", false},
        {"{\"a\":\"x\\\"\"}", false},
        {"{\"a\":\"x y\"}", false},
        {"{\"A\":1}", false},
        {"{\"a\": 1}", false},
        {"{\"a\":trueish}", false},
        {"[1]", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (node_report_is_plain(cases[i].report) != cases[i].is_plain) {
            fail_msg("%s", cases[i].report);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_program_gets_the_ports_and_no_name_is_left_unfilled),
        cmocka_unit_test(a_label_stays_text_in_every_program),
        cmocka_unit_test(an_url_keeps_its_at_sign),
        cmocka_unit_test(the_line_tells_what_is_under_way),
        cmocka_unit_test(the_bar_never_stands_at_its_end),
        cmocka_unit_test(the_gpu_s_figure_is_read_strictly),
        cmocka_unit_test(the_page_says_what_the_colour_means),
        cmocka_unit_test(the_page_says_how_the_keys_are),
        cmocka_unit_test(only_a_plain_report_of_the_node_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
