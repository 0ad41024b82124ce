// SPDX-License-Identifier: MIT
#include "gateway/control/control.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/io.h"
#include "base/list.h"
#include "base/mem.h"
#include "gateway/control/api.h"
#include "gateway/control/control_mail.h"
#include "gateway/control/control_wire.h"

struct control {
    struct loop *loop;
    struct api api;
    struct control_mails *mails;
    struct list_node connections;
    size_t n_connections;
};

struct connection {
    struct list_node node;
    struct control *control;
    struct io *io;
    struct api_call *call; /* under way, or NULL */
    bool is_busy;          /* a call was begun and is not answered */
    size_t n_scanned;      /* bytes of the input that hold no line end */
};

struct control *control_new(const struct control_parts *parts)
{
    struct control *control = xcalloc(1, sizeof *control);
    control->loop = parts->loop;
    control->api = (struct api){
        .loop = parts->loop,
        .agent = parts->agent,
        .backup = parts->backup,
        .facts = parts->facts,
        .restart = parts->restart,
        .restart_context = parts->restart_context,
    };
    control->mails = control_mails_new(&control->api);
    list_init(&control->connections);
    return control;
}

static void connection_free(struct connection *connection)
{
    if (connection->call != NULL) {
        api_abandon(connection->call);
    }
    io_free(&connection->io);
    list_remove(&connection->node);
    connection->control->n_connections--;
    free(connection);
}

void control_free(struct control **control)
{
    if (*control == NULL) {
        return;
    }
    list_for_each(node, &(*control)->connections)
    {
        connection_free(list_entry(node, struct connection, node));
    }
    control_mails_free(&(*control)->mails);
    free(*control);
    *control = NULL;
}

static void send_json_take(struct connection *connection, json_t *answer)
{
    char *text = json_dumps(answer, JSON_COMPACT);
    json_decref(answer);
    io_write(connection->io, bytes_of_str(text));
    io_write(connection->io, bytes_of_str("\n"));
    mem_wipe(text, strlen(text)); /* a new password may stand in it */
    free(text);
}

static void send_fault(struct connection *connection, const struct fault *fault)
{
    send_json_take(connection, json_pack("{s:{s:s, s:s}}", "error", "code",
                                         fault_code_name(fault->code), "message", fault->text));
}

static void take_lines(struct connection *connection);

/* Was it given at once, or has the connection been waiting? */
static bool end_wait(struct connection *connection)
{
    bool was_late = connection->call != NULL;
    connection->call = NULL;
    connection->is_busy = false;
    return was_late;
}

static void go_on_if(bool was_late, struct connection *connection)
{
    if (was_late) {
        io_resume(connection->io);
        take_lines(connection);
    }
}

static void on_text(void *context, struct bytes result)
{
    struct connection *connection = context;
    bool was_late = end_wait(connection);
    io_write(connection->io, bytes_of_str("{\"result\":"));
    io_write(connection->io, result);
    io_write(connection->io, bytes_of_str("}\n"));
    go_on_if(was_late, connection);
}

static void on_answer(void *context, json_t *result, const struct fault *fault)
{
    struct connection *connection = context;
    bool was_late = end_wait(connection);
    if (fault != NULL) {
        send_fault(connection, fault);
    } else {
        send_json_take(connection, json_pack("{s:O}", "result", result));
    }
    go_on_if(was_late, connection);
}

static void begin_call(struct connection *connection, struct bytes line)
{
    json_error_t error;
    json_t *request = json_loadb((const char *)line.data, line.len, JSON_REJECT_DUPLICATES, &error);
    const char *name = json_string_value(json_object_get(request, "call"));
    if (name == NULL) {
        struct fault fault = {0};
        fault_set(&fault, FAULT_INVALID, "not a question: %s",
                  request == NULL ? error.text : "there is no \"call\"");
        send_fault(connection, &fault);
    } else {
        connection->is_busy = true;
        connection->call =
            api_begin_with_text(&connection->control->api, name, json_object_get(request, "params"),
                                (struct api_answer){on_answer, connection}, on_text);
    }
    json_decref(request);
}

/* Begin the calls that stand complete in the input, one after the other. */
static void take_lines(struct connection *connection)
{
    while (!connection->is_busy) {
        struct bytes input = io_input(connection->io);
        struct bytes unseen = bytes_slice(input, connection->n_scanned, input.len);
        size_t end = connection->n_scanned + bytes_find(unseen, '\n');
        if (end == input.len) {
            connection->n_scanned = end;
            return;
        }
        connection->n_scanned = 0;
        uint8_t *line = xmemdup(input.data, end);
        io_consume(connection->io, end + 1);
        begin_call(connection, (struct bytes){line, end});
        mem_wipe(line, end);
        free(line);
    }
    io_pause(connection->io);
}

static void on_event(struct io *io, enum io_event event, void *context)
{
    struct connection *connection = context;
    switch (event) {
    case IO_DATA:
        take_lines(connection);
        if (io_input(io).len >= CONTROL_LINE_MAX_BYTES) {
            connection_free(connection);
        }
        break;
    case IO_EOF:
    case IO_TIMEOUT:
    case IO_ERROR:
        connection_free(connection);
        break;
    default:
        break;
    }
}

const struct api *control_api(const struct control *control)
{
    return &control->api;
}

void control_attach_take(struct control *control, int fd)
{
    struct connection *connection = xcalloc(1, sizeof *connection);
    connection->control = control;
    connection->io = io_new_take(control->loop, fd, on_event, connection);
    list_append(&control->connections, &connection->node);
    control->n_connections++;
    if (control->n_connections > CONTROL_MAX_CONNECTIONS) {
        connection_free(connection);
        return;
    }
    io_set_input_limit(connection->io, CONTROL_LINE_MAX_BYTES);
    io_set_timeout(connection->io, CONTROL_IDLE_TIMEOUT_MS);
}
