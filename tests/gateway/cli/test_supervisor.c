// SPDX-License-Identifier: MIT
/* The supervisor with scripted children (scripted_child.c), run in a process of its own. */
#include "tests/support/vectors.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/listener.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/cli/supervisor.h"

enum { PATIENCE_MS = 20000, ANSWER_BYTES = 4096, FAILED_TO_START = 99 };

struct place {
    char folder[64];
    char home[80];
    char program[96]; /* where `bittern` would lie */
    char mail_socket[96];
    char control_socket[96];
    pid_t supervisor;
    int client; /* a mail client's connection to the gateway */
};

/* ---- Setting the stage. ---- */

static void shell(const char *format, const char *folder)
{
    struct buf command = {0};
    for (const char *c = format; *c != '\0'; c++) {
        if (*c == '@') {
            buf_append_str(&command, folder);
        } else {
            buf_append_byte(&command, (uint8_t)*c);
        }
    }
    assert_int_equal(system(buf_str(&command)), 0);
    buf_clear(&command);
}

static int setup(void **state)
{
    struct place *place = xcalloc(1, sizeof *place);
    strcpy(place->folder, "/tmp/bittern-test-sup-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->home, sizeof place->home, "%s/home", place->folder);
    snprintf(place->program, sizeof place->program, "%s/bin/bittern", place->folder);
    snprintf(place->mail_socket, sizeof place->mail_socket, "%s/run/imap.sock", place->folder);
    snprintf(place->control_socket, sizeof place->control_socket, "%s/control.sock", place->home);
    shell("mkdir -m 700 @/home && mkdir @/bin && for n in node gateway decoder; do "
          "ln -s " SCRIPTED_CHILD " @/bin/bittern-$n; done",
          place->folder);
    place->client = -1;
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    if (place->client >= 0) {
        close(place->client);
    }
    if (place->supervisor > 0) {
        kill(place->supervisor, SIGKILL);
        waitpid(place->supervisor, NULL, 0);
    }
    unsetenv("SCRIPTED_STUBBORN");
    unsetenv("SCRIPTED_DIE");
    unsetenv("SCRIPTED_PROBLEM");
    shell("rm -rf @", place->folder);
    free(place);
    return 0;
}

enum way { ALL, ONE_SHOT, NODE_ALONE };

static int run(const struct place *place, enum way way, struct fault *fault)
{
    char *deliver = xasprintf("%s/bin/deliver", place->folder);
    const char *const argv[] = {deliver, "fixed", NULL};
    struct supervisor_listener listener = {
        .name = "imap.socket", .unix_path = place->mail_socket, .mode = 0600};
    struct supervisor_program program = {"deliver", argv};
    struct supervisor_options options = {
        .home = place->home,
        .program = place->program,
        .settings = bytes_of_str("node.port=8444\nimap.port=1143\nlog.level=info\n"
                                 "smtp.port=1025\n"),
        .listeners = &listener,
        .n_listeners = way == ALL ? 1 : 0,
        .programs = &program,
        .n_programs = 1,
        .with_gateway = way != NODE_ALONE,
        .with_node = true,
        .one_shot = way == ONE_SHOT,
        .log_fd = STDERR_FILENO,
    };
    int code = supervisor_run(&options, fault);
    free(deliver);
    return code;
}

static void start_as(struct place *place, enum way way)
{
    place->supervisor = fork();
    if (place->supervisor == 0) {
        struct fault fault = {0};
        char *log_path = xasprintf("%s/log", place->folder);
        int log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(log_fd, STDERR_FILENO);
        log_init(STDERR_FILENO, LOG_LEVEL_INFO, "bittern");
        int code = run(place, way, &fault);
        free(log_path);
        close(log_fd);
        _exit(code >= 0 ? code : FAILED_TO_START);
    }
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int64_t end_ms = clock_mono_ms() + PATIENCE_MS;
    for (;;) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
            return fd;
        }
        close(fd);
        assert_true(clock_mono_ms() < end_ms);
        usleep(10000);
    }
}

/* One line to the gateway and one back; "" when the connection is gone. */
static char *ask(int fd, const char *question)
{
    static char answer[ANSWER_BYTES];
    size_t len = 0;
    char *line = xasprintf("%s\n", question);
    bool sent = send(fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line);
    free(line);
    while (sent && len < sizeof answer - 1) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&ready, 1, PATIENCE_MS), 1);
        ssize_t got = recv(fd, answer + len, 1, 0);
        if (got <= 0 || answer[len] == '\n') {
            break;
        }
        len++;
    }
    answer[len] = '\0';
    return answer;
}

static pid_t pid_in(const char *answer)
{
    const char *space = strchr(answer, ' ');
    return space != NULL ? atoi(space + 1) : 0;
}

/* Asks until the neighbour answers with another pid than `before`. */
static pid_t wait_for_neighbour(int client, const char *socket_name, pid_t before)
{
    char *question = xasprintf("ask %s who", socket_name);
    int64_t end_ms = clock_mono_ms() + PATIENCE_MS;
    pid_t pid;
    while ((pid = pid_in(ask(client, question))) == 0 || pid == before) {
        assert_true(clock_mono_ms() < end_ms);
        usleep(20000);
    }
    free(question);
    return pid;
}

static void start(struct place *place)
{
    start_as(place, ALL);
    place->client = connect_to(place->mail_socket);
}

static int stop(struct place *place, int64_t *out_took_ms)
{
    int status;
    int64_t start_ms = clock_mono_ms();
    kill(place->supervisor, SIGTERM);
    assert_int_equal(waitpid(place->supervisor, &status, 0), place->supervisor);
    place->supervisor = 0;
    *out_took_ms = clock_mono_ms() - start_ms;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool is_gone(pid_t pid)
{
    int64_t end_ms = clock_mono_ms() + 3000;
    while (clock_mono_ms() < end_ms) {
        if (kill(pid, 0) != 0 && errno == ESRCH) {
            return true;
        }
        usleep(10000);
    }
    return false;
}

static const char *const neighbours[] = {"link", "decoder.network", "decoder.owner"};

/* ---- The tests. ---- */

static void the_children_are_joined_and_know_what_they_need(void **state)
{
    struct place *place = *state;
    start(place);

    char *gateway = xstrdup(ask(place->client, "who"));
    assert_non_null(strstr(gateway, "/home/gateway"));
    assert_int_equal(strncmp(gateway, "gateway ", 8), 0);
    for (size_t i = 0; i < ARRAY_LEN(neighbours); i++) {
        (void)wait_for_neighbour(place->client, neighbours[i], 0);
    }
    assert_non_null(strstr(ask(place->client, "ask link who"), "/home/node"));
    assert_non_null(strstr(ask(place->client, "ask decoder.owner who"), "decoder.owner"));
    assert_non_null(strstr(ask(place->client, "ask decoder.network who"), "decoder.network"));
    assert_non_null(strstr(ask(place->client, "ask decoder.network who"), "run -"));
    free(gateway);
}

static void each_child_gets_its_part_of_the_settings(void **state)
{
    struct place *place = *state;
    start(place);

    assert_string_equal(ask(place->client, "ask link settings"), "node.port=8444 log.level=info ");
    assert_string_equal(ask(place->client, "ask decoder.owner settings"), "log.level=info ");
    assert_non_null(strstr(ask(place->client, "settings"), "imap.port=1143"));
}

static void the_gateway_hears_of_pids_and_sandboxes(void **state)
{
    struct place *place = *state;
    start(place);
    pid_t node = wait_for_neighbour(place->client, "link", 0);

    assert_int_equal(atoi(ask(place->client, "value pid.node")), node);
    assert_int_equal(atoi(ask(place->client, "value pid.supervisor")), place->supervisor);
    int64_t end_ms = clock_mono_ms() + PATIENCE_MS;
    while (strcmp(ask(place->client, "value sandbox.decoder.network"), "made of \"sand\"") != 0) {
        assert_true(clock_mono_ms() < end_ms);
        usleep(10000);
    }

    kill(node, SIGKILL);
    pid_t again = wait_for_neighbour(place->client, "link", node);
    assert_int_equal(atoi(ask(place->client, "value pid.node")), again);
}

static void a_killed_neighbour_comes_back_while_clients_stay_connected(void **state)
{
    struct place *place = *state;
    start(place);

    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < ARRAY_LEN(neighbours); i++) {
            pid_t before = wait_for_neighbour(place->client, neighbours[i], 0);
            assert_int_equal(kill(before, SIGKILL), 0);
            (void)wait_for_neighbour(place->client, neighbours[i], before);
        }
    }
    assert_int_equal(pid_in(ask(place->client, "who")),
                     atoi(ask(place->client, "value pid.gateway")));
}

static void a_killed_gateway_comes_back_on_the_same_sockets_with_all_neighbours(void **state)
{
    struct place *place = *state;
    start(place);
    pid_t node = wait_for_neighbour(place->client, "link", 0);
    pid_t gateway = pid_in(ask(place->client, "who"));

    assert_int_equal(kill(gateway, SIGKILL), 0);
    assert_string_equal(ask(place->client, "who"), "");
    int again = connect_to(place->mail_socket); /* at once: the supervisor keeps the socket */

    assert_int_not_equal(pid_in(ask(again, "who")), gateway);
    assert_int_equal(wait_for_neighbour(again, "link", 0), node);
    (void)wait_for_neighbour(again, "decoder.network", 0);
    (void)wait_for_neighbour(again, "decoder.owner", 0);
    close(again);
}

static int count_in_log(struct place *place, const char *pattern)
{
    char *command = xasprintf("grep -c '%s' %s/log", pattern, place->folder);
    FILE *pipe_in = popen(command, "r");
    int count = -1;
    assert_non_null(pipe_in);
    assert_int_equal(fscanf(pipe_in, "%d", &count), 1);
    pclose(pipe_in);
    free(command);
    return count;
}

static void a_child_that_dies_again_and_again_is_started_less_and_less_often(void **state)
{
    struct place *place = *state;
    setenv("SCRIPTED_DIE", "node", 1);
    int64_t start_ms = clock_mono_ms();
    start(place);

    while (count_in_log(place, "started process=node") < 4) {
        assert_true(clock_mono_ms() < start_ms + PATIENCE_MS);
        usleep(20000);
    }

    assert_true(clock_mono_ms() - start_ms >= 200 + 400 + 800);
    assert_int_equal(count_in_log(place, "process=node by status 3; started again in 800 ms"), 1);
    assert_int_equal(atoi(ask(place->client, "value pid.supervisor")), place->supervisor);
}

static void a_decoder_that_hangs_is_started_again_when_the_gateway_asks(void **state)
{
    struct place *place = *state;
    start(place);
    pid_t node = wait_for_neighbour(place->client, "link", 0);

    for (size_t round = 0; round < 4; round++) {
        pid_t before = wait_for_neighbour(place->client, "decoder.network", 0);
        assert_int_equal(kill(before, SIGSTOP), 0);
        assert_string_equal(ask(place->client, "restart node"), "asked"); /* not its business */
        assert_string_equal(ask(place->client, "restart decoder.network"), "asked");
        (void)wait_for_neighbour(place->client, "decoder.network", before);
    }

    assert_int_equal(count_in_log(place, "process=decoder.network.*started again in 200 ms"), 4);
    assert_int_equal(wait_for_neighbour(place->client, "link", 0), node);
}

static void neighbours_that_have_let_go_of_each_other_are_joined_anew(void **state)
{
    struct place *place = *state;
    start(place);
    for (size_t i = 0; i < ARRAY_LEN(neighbours); i++) {
        pid_t before = wait_for_neighbour(place->client, neighbours[i], 0);
        char *lose = xasprintf("lose %s", neighbours[i]);
        char *who = xasprintf("ask %s who", neighbours[i]);
        assert_string_equal(ask(place->client, lose), "asked");
        assert_string_equal(ask(place->client, who), "nobody");
        assert_int_equal(wait_for_neighbour(place->client, neighbours[i], 0), before);
        free(lose);
        free(who);
    }
    assert_int_equal(count_in_log(place, "joined anew"), ARRAY_LEN(neighbours));
}

static void sigterm_stops_all_cleanly(void **state)
{
    struct place *place = *state;
    start(place);
    pid_t pids[ARRAY_LEN(neighbours)];
    for (size_t i = 0; i < ARRAY_LEN(neighbours); i++) {
        pids[i] = wait_for_neighbour(place->client, neighbours[i], 0);
    }
    pid_t gateway = pid_in(ask(place->client, "who"));

    int64_t took_ms;
    assert_int_equal(stop(place, &took_ms), SUPERVISOR_EXIT_OK);

    assert_true(took_ms < 2000);
    for (size_t i = 0; i < ARRAY_LEN(neighbours); i++) {
        assert_true(is_gone(pids[i]));
    }
    assert_true(is_gone(gateway));
    assert_int_equal(access(place->mail_socket, F_OK), -1);
    assert_int_equal(access(place->control_socket, F_OK), -1);
}

static void a_child_that_does_not_stop_is_killed_within_five_seconds(void **state)
{
    struct place *place = *state;
    setenv("SCRIPTED_STUBBORN", "gateway", 1);
    start(place);
    pid_t gateway = pid_in(ask(place->client, "who"));

    int64_t took_ms;
    assert_int_equal(stop(place, &took_ms), SUPERVISOR_EXIT_OK);

    assert_in_range(took_ms, 3500, 5000);
    assert_true(is_gone(gateway));
}

static void the_children_die_with_the_supervisor(void **state)
{
    struct place *place = *state;
    start(place);
    pid_t node = wait_for_neighbour(place->client, "link", 0);
    pid_t decoder = wait_for_neighbour(place->client, "decoder.network", 0);
    pid_t gateway = pid_in(ask(place->client, "who"));

    kill(place->supervisor, SIGKILL);
    waitpid(place->supervisor, NULL, 0);
    place->supervisor = 0;

    assert_true(is_gone(node));
    assert_true(is_gone(decoder));
    assert_true(is_gone(gateway));

    start(place); /* what is left behind is no hindrance */
    (void)wait_for_neighbour(place->client, "link", 0);
}

static void a_problem_that_needs_a_person_ends_it_with_one(void **state)
{
    struct place *place = *state;
    int status;
    setenv("SCRIPTED_PROBLEM", "gateway", 1);
    start_as(place, ALL);

    assert_int_equal(waitpid(place->supervisor, &status, 0), place->supervisor);
    place->supervisor = 0;

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), SUPERVISOR_EXIT_FAILED);
    shell("grep -q 'the disk is on fire' @/log", place->folder);
}

static void control_connections_are_handed_to_the_gateway(void **state)
{
    struct place *place = *state;
    start(place);
    struct stat info;
    assert_int_equal(stat(place->control_socket, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);

    int control = connect_to(place->control_socket);

    assert_int_equal(strncmp(ask(control, "who"), "gateway ", 8), 0);
    close(control);
}

static void without_a_gateway_the_supervisor_answers_itself(void **state)
{
    struct place *place = *state;
    setenv("SCRIPTED_DIE", "gateway", 1);
    start_as(place, ALL);
    int64_t end_ms = clock_mono_ms() + PATIENCE_MS;
    bool answered = false;

    while (!answered && clock_mono_ms() < end_ms) {
        int control = connect_to(place->control_socket);
        answered = strstr(ask(control, "who"), "\"busy\"") != NULL;
        close(control);
        usleep(20000);
    }
    assert_true(answered);
}

static json_t *status_of(struct place *place)
{
    int control = connect_to(place->control_socket);
    json_t *answer = json_loads(ask(control, "{\"call\": \"status\"}"), 0, NULL);
    close(control);
    assert_non_null(answer);
    json_t *result = json_incref(json_object_get(answer, "result"));
    json_decref(answer);
    return result;
}

static bool is_ready(struct place *place)
{
    json_t *status = status_of(place);
    bool ready = json_is_true(json_object_get(status, "ready"));
    json_decref(status);
    return ready;
}

static void the_relay_alone_has_a_status(void **state)
{
    struct place *place = *state;
    start_as(place, NODE_ALONE);
    int64_t end_ms = clock_mono_ms() + PATIENCE_MS;
    while (!is_ready(place)) {
        assert_true(clock_mono_ms() < end_ms);
        usleep(10000);
    }

    json_t *status = status_of(place);
    const json_t *node = vectors_get(status, "node");
    assert_int_equal(vectors_u64(node, "port"), 8444);
    assert_int_equal(vectors_u64(node, "peers_in"), 2);
    assert_true(json_is_true(vectors_get(node, "syncing")));
    assert_true(json_is_false(vectors_get(node, "connected")));
    assert_null(json_object_get(node, "secret")); /* a report that is not plain is dropped */
    assert_string_equal(vectors_str(status, "colour"), "green");
    assert_string_equal(vectors_str(status, "sandbox"), "node: made of \"sand\"");
    const json_t *pids = vectors_get(status, "pids");
    assert_int_equal(vectors_u64(pids, "supervisor"), place->supervisor);
    assert_true(vectors_u64(pids, "node") > 0);
    json_decref(status);

    int control = connect_to(place->control_socket);
    assert_non_null(strstr(ask(control, "{\"call\": \"identity.list\"}"), "\"unsupported\""));
    assert_non_null(strstr(ask(control, "{\"call\": \"status\"}"), "\"result\""));
    close(control);
    int64_t took_ms;
    assert_int_equal(stop(place, &took_ms), SUPERVISOR_EXIT_OK);
}

static void an_endless_question_is_cut_off(void **state)
{
    struct place *place = *state;
    start_as(place, NODE_ALONE);
    int control = connect_to(place->control_socket);
    char flood[8192];
    memset(flood, 'x', sizeof flood);

    ssize_t sent;
    int64_t end_ms = clock_mono_ms() + PATIENCE_MS;
    do {
        sent = send(control, flood, sizeof flood, MSG_NOSIGNAL);
    } while (sent > 0 && clock_mono_ms() < end_ms);

    assert_int_equal(sent, -1);
    close(control);
    assert_true(kill(place->supervisor, 0) == 0);
}

static void one_command_has_a_gateway_without_servers_and_node(void **state)
{
    struct place *place = *state;
    start_as(place, ONE_SHOT);
    int control = connect_to(place->control_socket);

    assert_non_null(strstr(ask(control, "who"), "one-shot"));
    assert_string_equal(ask(control, "ask link who"), "nobody");
    (void)wait_for_neighbour(control, "decoder.owner", 0);
    assert_int_equal(access(place->mail_socket, F_OK), -1);

    close(control);
    int64_t took_ms;
    assert_int_equal(stop(place, &took_ms), SUPERVISOR_EXIT_OK);
}

static void the_gateway_may_run_the_programs_of_the_settings_alone(void **state)
{
    struct place *place = *state;
    shell("printf '#!/bin/sh\\n(echo \"$1 $2\"; cat; env) > @/delivered.new\\n"
          "mv @/delivered.new @/delivered\\n' > @/bin/deliver && chmod +x @/bin/deliver",
          place->folder);
    setenv("SECRET_OF_THE_SHELL", "x", 1);
    start(place);
    char *path = xasprintf("%s/delivered", place->folder);

    (void)ask(place->client, "run /bin/sh x");
    (void)ask(place->client, "run deliver argument");
    int64_t end_ms = clock_mono_ms() + PATIENCE_MS;
    while (access(path, F_OK) != 0) {
        assert_true(clock_mono_ms() < end_ms);
        usleep(10000);
    }

    shell("head -1 @/delivered | grep -qx 'fixed argument' && grep -q 'mail text' @/delivered && "
          "! grep -q SECRET @/delivered && grep -q 'program not run' @/log",
          place->folder);
    free(path);
}

static void a_watched_program_s_end_is_told(void **state)
{
    struct place *place = *state;
    shell("printf '#!/bin/sh\\n[ \"$#-$1-$BITTERN_ACCOUNT\" = 1-fixed-me ] && exit 67\\n' > "
          "@/bin/deliver && chmod +x @/bin/deliver",
          place->folder);
    start(place);

    (void)ask(place->client, "watch deliver 7");
    (void)ask(place->client, "watch unknown 8");

    int64_t end_ms = clock_mono_ms() + PATIENCE_MS;
    bool heard_both = false;
    while (!heard_both) {
        const char *heard = ask(place->client, "ended");
        heard_both =
            strstr(heard, "deliver 7 67;") != NULL && strstr(heard, "unknown 8 75;") != NULL;
        assert_true(clock_mono_ms() < end_ms);
        usleep(10000);
    }
}

static void what_prevents_a_start_is_said_and_leaves_nothing_behind(void **state)
{
    struct place *place = *state;
    struct fault fault = {0};

    shell("chmod 755 @/home", place->folder);
    assert_int_equal(run(place, ALL, &fault), -1);
    assert_int_equal(fault.code, FAULT_DENIED);
    assert_non_null(strstr(fault.text, "chmod 700"));
    shell("chmod 700 @/home", place->folder);

    shell("mv @/bin/bittern-decoder @/bin/x", place->folder);
    assert_int_equal(run(place, ALL, &fault), -1);
    assert_int_equal(fault.code, FAULT_NOT_FOUND);
    assert_non_null(strstr(fault.text, "bittern-decoder"));
    shell("mkdir -p @/libexec/bittern && mv @/bin/x @/libexec/bittern/bittern-decoder",
          place->folder);

    shell("mkdir -p @/run", place->folder);
    int taken = listener_bind_unix(place->mail_socket, 0600, NULL, &fault);
    assert_int_equal(run(place, ALL, &fault), -1);
    assert_int_equal(fault.code, FAULT_EXISTS);
    assert_non_null(strstr(fault.text, "imap.socket"));
    close(taken);

    start(place); /* and now nothing is in the way */
    (void)wait_for_neighbour(place->client, "decoder.owner", 0);
}

static void a_second_one_on_the_same_home_is_refused(void **state)
{
    struct place *place = *state;
    struct fault fault = {0};
    start(place);

    assert_int_equal(run(place, ALL, &fault), -1);

    assert_int_equal(fault.code, FAULT_BUSY);
    char *pid = xasprintf("%d", (int)place->supervisor);
    assert_non_null(strstr(fault.text, pid));
    free(pid);
    assert_int_equal(strncmp(ask(place->client, "who"), "gateway ", 8), 0);
}

int main(void)
{
#define SUPERVISOR_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        SUPERVISOR_TEST(the_children_are_joined_and_know_what_they_need),
        SUPERVISOR_TEST(each_child_gets_its_part_of_the_settings),
        SUPERVISOR_TEST(the_gateway_hears_of_pids_and_sandboxes),
        SUPERVISOR_TEST(a_killed_neighbour_comes_back_while_clients_stay_connected),
        SUPERVISOR_TEST(a_decoder_that_hangs_is_started_again_when_the_gateway_asks),
        SUPERVISOR_TEST(a_killed_gateway_comes_back_on_the_same_sockets_with_all_neighbours),
        SUPERVISOR_TEST(a_child_that_dies_again_and_again_is_started_less_and_less_often),
        SUPERVISOR_TEST(neighbours_that_have_let_go_of_each_other_are_joined_anew),
        SUPERVISOR_TEST(sigterm_stops_all_cleanly),
        SUPERVISOR_TEST(a_child_that_does_not_stop_is_killed_within_five_seconds),
        SUPERVISOR_TEST(the_children_die_with_the_supervisor),
        SUPERVISOR_TEST(a_problem_that_needs_a_person_ends_it_with_one),
        SUPERVISOR_TEST(control_connections_are_handed_to_the_gateway),
        SUPERVISOR_TEST(without_a_gateway_the_supervisor_answers_itself),
        SUPERVISOR_TEST(the_relay_alone_has_a_status),
        SUPERVISOR_TEST(an_endless_question_is_cut_off),
        SUPERVISOR_TEST(one_command_has_a_gateway_without_servers_and_node),
        SUPERVISOR_TEST(the_gateway_may_run_the_programs_of_the_settings_alone),
        SUPERVISOR_TEST(a_watched_program_s_end_is_told),
        SUPERVISOR_TEST(what_prevents_a_start_is_said_and_leaves_nothing_behind),
        SUPERVISOR_TEST(a_second_one_on_the_same_home_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
