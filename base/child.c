// SPDX-License-Identifier: MIT
#include "base/child.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/channel.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/str.h"

struct named_value {
    struct list_node node;
    char *name;
    char *value;
};

struct named_socket {
    struct list_node node;
    char *name;
    int fd;
};

struct child {
    int fd; /* until the channel has it */
    struct channel *channel;
    const char *log_name;
    struct buf settings;
    struct list_node values;
    struct list_node sockets;
    size_t n_sockets;
    const struct child_handler *handler;
    void *context;
    bool stop_told;
};

/* ---- Pairs. ---- */

void child_pair_write(struct buf *out, const char *name, const char *value)
{
    buf_append_str(out, name);
    buf_append_byte(out, 0);
    buf_append_str(out, value);
}

static bool is_name(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f) {
            return false;
        }
    }
    return text.len > 0 && text.len <= CHILD_MAX_NAME_BYTES;
}

bool child_pair_read(struct bytes payload, char **out_name, char **out_value)
{
    size_t zero = bytes_find(payload, 0);
    struct bytes name = bytes_slice(payload, 0, zero);
    struct bytes value = bytes_slice(payload, zero + 1, payload.len);
    if (zero == payload.len || !is_name(name) || bytes_find(value, 0) != value.len) {
        return false;
    }
    *out_name = xstrndup((const char *)name.data, name.len);
    *out_value = xstrndup((const char *)value.data, value.len);
    return true;
}

/* ---- What was sent. ---- */

static struct named_value *find_value(const struct child *child, const char *name)
{
    list_for_each(node, &child->values)
    {
        struct named_value *value = list_entry(node, struct named_value, node);
        if (strcmp(value->name, name) == 0) {
            return value;
        }
    }
    return NULL;
}

/* NULL when the payload is no pair. */
static const struct named_value *take_value(struct child *child, struct bytes payload)
{
    char *name;
    char *text;
    if (!child_pair_read(payload, &name, &text)) {
        return NULL;
    }
    struct named_value *value = find_value(child, name);
    if (value == NULL) {
        value = xcalloc(1, sizeof *value);
        list_append(&child->values, &value->node);
    }
    free(value->name);
    free(value->value);
    value->name = name;
    value->value = text;
    return value;
}

/* NULL when it is not a name with one descriptor. */
static char *socket_name(const struct channel_message *message)
{
    return message->n_fds == 1 && is_name(message->payload)
               ? xstrndup((const char *)message->payload.data, message->payload.len)
               : NULL;
}

static bool keep_socket(struct child *child, struct channel_message *message, struct fault *fault)
{
    char *name = socket_name(message);
    if (name == NULL || child->n_sockets == CHILD_MAX_SOCKETS) {
        free(name);
        return fault_set(fault, FAULT_INVALID, "the supervisor sent a wrong or a surplus socket");
    }
    struct named_socket *entry = xcalloc(1, sizeof *entry);
    entry->name = name;
    entry->fd = channel_take_fd(message, 0);
    list_append(&child->sockets, &entry->node);
    child->n_sockets++;
    return true;
}

static void drop_socket(struct child *child, struct named_socket *entry)
{
    list_remove(&entry->node);
    child->n_sockets--;
    process_close_fd(&entry->fd);
    free(entry->name);
    free(entry);
}

static bool keep_message(struct child *child, struct channel_message *message, struct fault *fault)
{
    switch (message->type) {
    case CHILD_SETTINGS:
        buf_append_bytes(&child->settings, message->payload);
        return true;
    case CHILD_VALUE:
        return take_value(child, message->payload) != NULL ||
               fault_set(fault, FAULT_INVALID, "the supervisor sent a wrong value");
    case CHILD_SOCKET:
        return keep_socket(child, message, fault);
    default:
        return fault_set(fault, FAULT_INVALID, "the supervisor sent a message of type %u",
                         (unsigned)message->type);
    }
}

/* ---- Joining. ---- */

static bool receive_all(struct child *child, struct fault *fault)
{
    int64_t end_ms = clock_mono_ms() + CHILD_JOIN_TIMEOUT_MS;
    for (;;) {
        struct channel_message message = {0};
        if (!channel_receive_now(child->fd, &message, end_ms - clock_mono_ms(), fault)) {
            return false;
        }
        bool started = message.type == CHILD_START;
        bool ok = started || keep_message(child, &message, fault);
        channel_message_clear(&message);
        if (!ok || started) {
            return ok;
        }
    }
}

struct child *child_join_fd_take(int fd, const char *name, struct fault *fault)
{
    struct child *child = xcalloc(1, sizeof *child);
    child->fd = fd;
    child->log_name = name;
    list_init(&child->values);
    list_init(&child->sockets);
    if (!receive_all(child, fault)) {
        fault_wrap(fault, "%s", name);
        child_free(&child);
    }
    return child;
}

struct child *child_join(const char *name, struct fault *fault)
{
    struct stat info;
    if (fstat(CHILD_FD, &info) != 0 || !S_ISSOCK(info.st_mode)) {
        fault_set(fault, FAULT_DENIED, "this program is started by `bittern run`, not by hand");
        return NULL;
    }
    fcntl(CHILD_FD, F_SETFD, FD_CLOEXEC);
    return child_join_fd_take(CHILD_FD, name, fault);
}

void child_free(struct child **child_at)
{
    struct child *child = *child_at;
    if (child == NULL) {
        return;
    }
    list_for_each(node, &child->values)
    {
        struct named_value *value = list_entry(node, struct named_value, node);
        free(value->name);
        free(value->value);
        free(value);
    }
    list_for_each(node, &child->sockets)
    {
        drop_socket(child, list_entry(node, struct named_socket, node));
    }
    channel_free(&child->channel);
    process_close_fd(&child->fd);
    buf_clear(&child->settings);
    free(child);
    *child_at = NULL;
}

struct bytes child_settings(const struct child *child)
{
    return buf_view(&child->settings);
}

const char *child_value(const struct child *child, const char *name)
{
    const struct named_value *value = find_value(child, name);
    return value != NULL ? value->value : NULL;
}

int child_take_socket(struct child *child, const char *name)
{
    list_for_each(node, &child->sockets)
    {
        struct named_socket *entry = list_entry(node, struct named_socket, node);
        if (strcmp(entry->name, name) == 0) {
            int fd = entry->fd;
            entry->fd = -1;
            drop_socket(child, entry);
            return fd;
        }
    }
    return -1;
}

/* ---- In the loop. ---- */

static void tell_stop(struct child *child)
{
    if (!child->stop_told) {
        child->stop_told = true;
        child->handler->on_stop(child->context);
    }
}

static void hand_over_socket(struct child *child, struct channel_message *message)
{
    char *name = socket_name(message);
    if (name != NULL) {
        child->handler->on_socket(child->context, name, channel_take_fd(message, 0));
    }
    free(name);
}

static void tell_program_ended(struct child *child, struct bytes payload)
{
    char *name;
    char *value;
    if (!child_pair_read(payload, &name, &value)) {
        return;
    }
    struct bytes text = bytes_of_str(value);
    size_t space = bytes_find(text, ' ');
    uint64_t id = 0;
    uint64_t exit_code = 0;
    if (parse_u64(bytes_slice(text, 0, space), INT64_MAX, &id) &&
        parse_u64(bytes_slice(text, space + 1, text.len), 255, &exit_code) &&
        child->handler->on_program_ended != NULL) {
        child->handler->on_program_ended(child->context, name, (int64_t)id, (int)exit_code);
    }
    free(name);
    free(value);
}

static void on_message(void *context, struct channel_message *message)
{
    struct child *child = context;
    const struct named_value *value;
    switch (message->type) {
    case CHILD_SOCKET:
        hand_over_socket(child, message);
        break;
    case CHILD_VALUE:
        value = take_value(child, message->payload);
        if (value != NULL && child->handler->on_value != NULL) {
            child->handler->on_value(child->context, value->name, value->value);
        }
        break;
    case CHILD_PROGRAM_ENDED:
        tell_program_ended(child, message->payload);
        break;
    case CHILD_STOP:
        tell_stop(child);
        break;
    default:
        log_warn(child->log_name, "message from the supervisor ignored type=%u",
                 (unsigned)message->type);
        break;
    }
}

static void on_closed(void *context, const struct fault *fault)
{
    struct child *child = context;
    log_warn(child->log_name, "the supervisor is gone%s%s", fault != NULL ? ": " : "",
             fault != NULL ? fault->text : "");
    tell_stop(child);
}

void child_attach(struct child *child, struct loop *loop, const struct child_handler *handler,
                  void *context)
{
    static const struct channel_handler channel_handler = {on_message, on_closed};
    child->handler = handler;
    child->context = context;
    child->channel = channel_new_take(loop, child->fd, &channel_handler, child);
    child->fd = -1;
}

static void send_up(struct child *child, uint16_t type, struct bytes payload, const int *fds,
                    size_t n_fds)
{
    struct fault fault = {0};
    bool sent =
        child->channel != NULL
            ? channel_send(child->channel, type, payload, fds, n_fds, &fault)
            : channel_send_now(child->fd, type, payload, fds, n_fds, CHILD_JOIN_TIMEOUT_MS, &fault);
    if (!sent) {
        log_warn(child->log_name, "tell the supervisor: %s", fault.text);
    }
}

void child_ready(struct child *child)
{
    send_up(child, CHILD_READY, (struct bytes){0}, NULL, 0);
}

static void send_pair(struct child *child, uint16_t type, const char *name, const char *value,
                      const int *fds, size_t n_fds)
{
    struct buf pair = {0};
    child_pair_write(&pair, name, value);
    send_up(child, type, buf_view(&pair), fds, n_fds);
    buf_clear(&pair);
}

void child_report(struct child *child, const char *name, const char *value)
{
    send_pair(child, CHILD_REPORT, name, value, NULL, 0);
}

void child_run_program(struct child *child, const char *name, const char *arguments, int stdin_fd)
{
    send_pair(child, CHILD_PROGRAM, name, arguments, &stdin_fd, stdin_fd >= 0 ? 1 : 0);
}

void child_run_watched(struct child *child, const char *name, int64_t id, const char *environment,
                       int stdin_fd)
{
    char *value = xasprintf("%lld\n%s", (long long)id, environment);
    send_pair(child, CHILD_PROGRAM_WATCHED, name, value, &stdin_fd, stdin_fd >= 0 ? 1 : 0);
    free(value);
}
