// SPDX-License-Identifier: MIT
/* Stands in for bittern-node, bittern-gateway and bittern-decoder in the supervisor's tests: it
 * does what a child must do and answers questions, a line each, on every socket that it is given.
 *
 *   who            name, process id, mode
 *   settings       the settings lines, with spaces between
 *   value NAME     a value, or "none"
 *   ask NAME REST  (gateway) put REST to the neighbour behind the socket NAME
 *   run NAME ARG   (gateway) ask for a program
 *   watch NAME ID  (gateway) ask for a program and hear of its end
 *   ended          (gateway) the ends heard of: NAME ID EXIT-CODE, by semicolons
 *   restart NAME   (gateway) ask for a decoder to be started again
 *   lose NAME      (gateway) let go of the neighbour behind the socket NAME, and say so
 *
 * The environment steers it: SCRIPTED_STUBBORN (does not stop), SCRIPTED_DIE (ends before it is
 * ready), SCRIPTED_PROBLEM (reports one); each names the child it is for. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/io.h"
#include "base/list.h"
#include "base/listener.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/process.h"

enum { ASK_TIMEOUT_MS = 2000, LINE_BYTES = 2000 };

struct neighbour {
    struct list_node node;
    char *name;
    int fd;
};

struct app {
    struct loop *loop;
    struct child *child;
    char name[64];
    struct list_node neighbours;
    struct buf ended;
};

static bool is_meant(const struct app *app, const char *variable)
{
    const char *value = getenv(variable);
    return value != NULL && strcmp(value, app->name) == 0;
}

static struct neighbour *find(struct app *app, const char *name)
{
    list_for_each(node, &app->neighbours)
    {
        struct neighbour *neighbour = list_entry(node, struct neighbour, node);
        if (strcmp(neighbour->name, name) == 0) {
            return neighbour;
        }
    }
    return NULL;
}

/* One question, waiting for one answer. */
static void ask(struct app *app, const char *name, const char *question, struct buf *out)
{
    struct neighbour *neighbour = find(app, name);
    char line[LINE_BYTES];
    struct pollfd ready = {.fd = neighbour != NULL ? neighbour->fd : -1, .events = POLLIN};
    ssize_t got = -1;
    if (neighbour != NULL && dprintf(neighbour->fd, "%s\n", question) > 0 &&
        poll(&ready, 1, ASK_TIMEOUT_MS) == 1) {
        got = recv(neighbour->fd, line, sizeof line, 0);
    }
    buf_append_str(out, got > 0 ? "" : "nobody\n");
    buf_append(out, line, got > 0 ? (size_t)got : 0);
}

static void say_settings(struct app *app, struct buf *out)
{
    struct bytes lines = child_settings(app->child);
    for (size_t i = 0; i < lines.len; i++) {
        buf_append_byte(out, lines.data[i] == '\n' ? ' ' : lines.data[i]);
    }
    buf_append_str(out, "\n");
}

static void answer(struct app *app, char *question, struct buf *out)
{
    char *rest = question;
    const char *verb = strsep(&rest, " ");
    const char *name = strsep(&rest, " ");
    if (strcmp(verb, "who") == 0) {
        const char *home = child_value(app->child, CHILD_VALUE_HOME);
        buf_printf(out, "%s %d %s %s\n", app->name, (int)getpid(),
                   child_value(app->child, CHILD_VALUE_MODE), home != NULL ? home : "-");
    } else if (strcmp(verb, "settings") == 0) {
        say_settings(app, out);
    } else if (strcmp(verb, "value") == 0) {
        const char *value = child_value(app->child, name);
        buf_printf(out, "%s\n", value != NULL ? value : "none");
    } else if (strcmp(verb, "ask") == 0) {
        ask(app, name, rest, out);
    } else if (strcmp(verb, "restart") == 0) {
        child_report(app->child, CHILD_REPORT_RESTART, name);
        buf_append_str(out, "asked\n");
    } else if (strcmp(verb, "lose") == 0) {
        struct neighbour *neighbour = find(app, name);
        if (neighbour != NULL) {
            process_close_fd(&neighbour->fd);
        }
        child_report(app->child, CHILD_REPORT_REJOIN, name);
        buf_append_str(out, "asked\n");
    } else if (strcmp(verb, "run") == 0) {
        int ends[2];
        if (pipe(ends) == 0 && write(ends[1], "mail text", 9) == 9) {
            close(ends[1]);
            child_run_program(app->child, name, rest, ends[0]);
            close(ends[0]);
        }
        buf_append_str(out, "asked\n");
    } else if (strcmp(verb, "watch") == 0) {
        child_run_watched(app->child, name, atoll(rest), "BITTERN_ACCOUNT=me", -1);
        buf_append_str(out, "asked\n");
    } else if (strcmp(verb, "ended") == 0) {
        buf_printf(out, "%s\n", app->ended.len > 0 ? buf_str(&app->ended) : "none");
    }
}

static void on_program_ended(void *context, const char *name, int64_t id, int exit_code)
{
    struct app *app = context;
    buf_printf(&app->ended, "%s %lld %d;", name, (long long)id, exit_code);
}

static void on_event(struct io *io, enum io_event event, void *context)
{
    struct app *app = context;
    if (event == IO_EOF || event == IO_ERROR) {
        io_free(&io);
        return;
    }
    struct bytes input = io_input(io);
    size_t end = bytes_find(input, '\n');
    if (event == IO_DATA && end < input.len) {
        struct buf out = {0};
        char *question = xstrndup((const char *)input.data, end);
        io_consume(io, end + 1);
        answer(app, question, &out);
        io_write(io, buf_view(&out));
        free(question);
        buf_clear(&out);
    }
}

static void on_accept(void *context, int fd, const struct netaddr *peer)
{
    struct app *app = context;
    (void)peer;
    (void)!io_new_take(app->loop, fd, on_event, app);
}

static void take_neighbour(struct app *app, const char *name, int fd)
{
    struct neighbour *neighbour = find(app, name);
    if (neighbour == NULL) {
        neighbour = xcalloc(1, sizeof *neighbour);
        neighbour->name = xstrdup(name);
        neighbour->fd = -1;
        list_append(&app->neighbours, &neighbour->node);
    }
    process_close_fd(&neighbour->fd);
    neighbour->fd = fd;
}

static void on_socket(void *context, const char *name, int fd)
{
    struct app *app = context;
    bool asks = strcmp(app->name, "gateway") == 0 && strcmp(name, CHILD_SOCKET_CONTROL) != 0;
    if (asks) {
        take_neighbour(app, name, fd);
    } else {
        (void)!io_new_take(app->loop, fd, on_event, app);
    }
}

static void on_stop(void *context)
{
    struct app *app = context;
    if (!is_meant(app, "SCRIPTED_STUBBORN")) {
        _exit(0); /* the sanitizer's leak check would only see what is open */
    }
}

static void take_sockets(struct app *app)
{
    static const char *const neighbours[] = {CHILD_SOCKET_LINK, CHILD_SOCKET_GATEWAY,
                                             CHILD_SOCKET_DECODER_NETWORK,
                                             CHILD_SOCKET_DECODER_OWNER};
    int fd;
    for (size_t i = 0; i < ARRAY_LEN(neighbours); i++) {
        fd = child_take_socket(app->child, neighbours[i]);
        if (fd >= 0) {
            on_socket(app, neighbours[i], fd);
        }
    }
    while ((fd = child_take_socket(app->child, "imap.socket")) >= 0) {
        (void)!listener_new_take(app->loop, fd, on_accept, app);
    }
}

int main(int argc, char **argv)
{
    static const struct child_handler handler = {
        .on_socket = on_socket, .on_program_ended = on_program_ended, .on_stop = on_stop};
    struct app app = {0};
    struct fault fault = {0};
    (void)argc;
    process_init();
    app.child = child_join(argv[0], &fault);
    if (app.child == NULL) {
        fprintf(stderr, "%s\n", fault.text);
        return 1;
    }
    const char *instance = child_value(app.child, CHILD_VALUE_INSTANCE);
    snprintf(app.name, sizeof app.name, "%s%s%s", strrchr(argv[0], '-') + 1,
             instance != NULL ? "." : "", instance != NULL ? instance : "");
    if (is_meant(&app, "SCRIPTED_DIE")) {
        _exit(3);
    }
    list_init(&app.neighbours);
    app.loop = loop_new();
    child_attach(app.child, app.loop, &handler, &app);
    take_sockets(&app);
    if (is_meant(&app, "SCRIPTED_PROBLEM")) {
        child_report(app.child, CHILD_REPORT_PROBLEM, "the disk is on fire");
        loop_turn(app.loop, 0);
        _exit(4);
    }
    child_report(app.child, CHILD_REPORT_SANDBOX, "made of \"sand\"");
    if (strcmp(app.name, "node") == 0) {
        child_report(app.child, CHILD_REPORT_NODE,
                     "{\"port\":8444,\"peers_in\":2,\"syncing\":true,\"colour\":\"green\"}");
        child_report(app.child, CHILD_REPORT_NODE, "{\"port\":8445,\"secret\":\"x\"}");
    }
    child_ready(app.child);
    loop_run(app.loop);
    return 0;
}
