// SPDX-License-Identifier: MIT
#include "gateway/control/control_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/str.h"
#include "gateway/control/control_wire.h"

enum { READ_PIECE_BYTES = 65536 };

struct control_client {
    int fd;
    struct buf in;
};

struct control_client *control_client_connect(const char *home, struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char *path = xasprintf("%s/%s", home, CONTROL_SOCKET_NAME);
    struct control_client *client = NULL;
    if (strlen(path) >= sizeof address.sun_path) {
        fault_set(fault, FAULT_INVALID, "the path %s is too long for a socket", path);
        goto out;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        if (errno == ENOENT || errno == ECONNREFUSED) {
            fault_set(fault, FAULT_NOT_FOUND, "Bittern does not run here: nobody answers at %s",
                      path);
        } else {
            fault_set_errno(fault, errno, "connect to %s", path);
        }
        if (fd >= 0) {
            close(fd);
        }
        goto out;
    }
    client = xcalloc(1, sizeof *client);
    client->fd = fd;
    buf_init(&client->in, CONTROL_LINE_MAX_BYTES);
out:
    free(path);
    return client;
}

void control_client_free(struct control_client **client)
{
    if (*client == NULL) {
        return;
    }
    close((*client)->fd);
    buf_clear(&(*client)->in);
    free(*client);
    *client = NULL;
}

static bool send_all(int fd, struct bytes data, struct fault *fault)
{
    while (data.len != 0) {
        ssize_t sent = send(fd, data.data, data.len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return fault_set(fault, FAULT_CLOSED, "Bittern went away: %s", strerror(errno));
        }
        data = bytes_slice(data, (size_t)sent, data.len);
    }
    return true;
}

/* The next line, without its LF; borrowed until the line is consumed. */
static bool read_line(struct control_client *client, struct bytes *out, struct fault *fault)
{
    size_t seen = 0;
    for (;;) {
        struct bytes whole = buf_view(&client->in);
        size_t newline = bytes_find(bytes_slice(whole, seen, whole.len), '\n') + seen;
        if (newline < whole.len) {
            *out = bytes_slice(whole, 0, newline);
            return true;
        }
        seen = whole.len;
        if (!buf_reserve(&client->in, READ_PIECE_BYTES)) {
            return fault_set(fault, FAULT_LIMIT, "the answer is too long");
        }
        ssize_t got = recv(client->fd, client->in.data + client->in.len, READ_PIECE_BYTES, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return fault_set(fault, FAULT_CLOSED, "Bittern went away before it answered");
        }
        client->in.len += (size_t)got;
    }
}

static void take_error(const json_t *error, struct fault *fault)
{
    const char *code = json_string_value(json_object_get(error, "code"));
    const char *message = json_string_value(json_object_get(error, "message"));
    fault_set(fault, control_fault_code(code != NULL ? code : ""), "%s",
              message != NULL ? message : "refused without a reason");
}

json_t *control_client_call(struct control_client *client, const char *call, json_t *params,
                            struct fault *fault)
{
    json_t *request =
        json_pack("{s:s, s:o}", "call", call, "params", params != NULL ? params : json_object());
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    struct buf line = {0};
    buf_append_str(&line, text);
    buf_append_byte(&line, '\n');
    mem_wipe(text, strlen(text));
    free(text);

    json_t *result = NULL;
    json_t *answer = NULL;
    struct bytes reply;
    if (!send_all(client->fd, buf_view(&line), fault) || !read_line(client, &reply, fault)) {
        goto out;
    }
    answer = json_loadb((const char *)reply.data, reply.len, JSON_REJECT_DUPLICATES, NULL);
    buf_consume(&client->in, reply.len + 1);
    json_t *error = json_object_get(answer, "error");
    result = json_incref(json_object_get(answer, "result"));
    if (error != NULL) {
        take_error(error, fault);
    } else if (result == NULL) {
        fault_set(fault, FAULT_CORRUPT, "the answer to %s makes no sense", call);
    }
out:
    json_decref(answer);
    buf_clear_secret(&line);
    return result;
}
