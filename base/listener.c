// SPDX-License-Identifier: MIT
#include "base/listener.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/timer.h"

struct listener {
    int fd;
    struct watch *watch;
    struct timer backoff;
    bool paused;
    bool freed; /* the struct goes at the end of the turn */
    struct deferred at_end;
    void (*on_accept)(void *context, int fd, const struct netaddr *peer);
    void *context;
};

/* ---- Binding. ---- */

/* Words for the refusals that a person meets. */
static void set_bind_fault(struct fault *fault, int error, const char *where)
{
    if (error == EADDRINUSE) {
        fault_set(fault, FAULT_EXISTS, "listen on %s: in use by another program", where);
    } else if (error == EADDRNOTAVAIL) {
        fault_set(fault, FAULT_NOT_FOUND, "listen on %s: this machine has no such address", where);
    } else {
        fault_set_errno(fault, error, "listen on %s", where);
    }
}

/* Bound; a socket of streams listens too. */
static int open_bound(const struct netaddr *address, int type, struct fault *fault)
{
    struct sockaddr_storage storage;
    socklen_t len;
    netaddr_to_sockaddr(&storage, &len, address);
    const struct sockaddr *at = (const struct sockaddr *)&storage;
    struct netaddr_text where = netaddr_format(address);
    int fd = socket(storage.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        set_bind_fault(fault, errno, where.text);
        return -1;
    }
    /* A restart must not wait for old connections to time out; two listeners are still refused. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (storage.ss_family == AF_INET6) {
        /* "0.0.0.0, ::" are two listeners of one port, whatever the system's default is. */
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){1}, sizeof(int));
    }
    if (bind(fd, at, len) != 0 || (type == SOCK_STREAM && listen(fd, LISTENER_BACKLOG) != 0)) {
        set_bind_fault(fault, errno, where.text);
        process_close_fd(&fd);
    }
    return fd;
}

int listener_bind(const struct netaddr *address, struct fault *fault)
{
    return open_bound(address, SOCK_STREAM, fault);
}

int listener_bind_datagrams(const struct netaddr *address, struct fault *fault)
{
    int fd = open_bound(address, SOCK_DGRAM, fault);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &(int){1}, sizeof(int));
    }
    return fd;
}

/* True when nobody answers at the socket file, so that it may go. */
static bool is_dead_socket(const struct sockaddr_un *address)
{
    struct stat info;
    if (lstat(address->sun_path, &info) != 0 || !S_ISSOCK(info.st_mode)) {
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool dead = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
                errno == ECONNREFUSED;
    process_close_fd(&fd);
    return dead;
}

static bool set_owner_and_mode(const char *path, mode_t mode, const char *group,
                               struct fault *fault)
{
    if (group != NULL && group[0] != '\0') {
        struct group *entry = getgrnam(group);
        if (entry == NULL) {
            return fault_set(fault, FAULT_NOT_FOUND, "socket %s: no group '%s'", path, group);
        }
        if (chown(path, (uid_t)-1, entry->gr_gid) != 0) {
            return fault_set_errno(fault, errno, "give %s to the group %s", path, group);
        }
    }
    return chmod(path, mode) == 0 || fault_set_errno(fault, errno, "set the mode of %s", path);
}

int listener_bind_unix(const char *path, mode_t mode, const char *group, struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        fault_set(fault, FAULT_LIMIT, "%s: longer than %zu bytes, the bound of a socket's path",
                  path, sizeof address.sun_path - 1);
        return -1;
    }
    strcpy(address.sun_path, path);
    if (is_dead_socket(&address)) {
        unlink(path);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        fault_set_errno(fault, errno, "make a socket");
        return -1;
    }
    /* Between bind and chmod nobody else may come in: the file is made with no rights at all. */
    mode_t before = umask(0777);
    int error = bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
    umask(before);
    if (error != 0) {
        set_bind_fault(fault, error, path);
        process_close_fd(&fd);
    } else if (listen(fd, LISTENER_BACKLOG) != 0 || !set_owner_and_mode(path, mode, group, fault)) {
        unlink(path);
        process_close_fd(&fd);
    }
    return fd;
}

uint16_t listener_port(int fd)
{
    struct sockaddr_storage storage = {0};
    socklen_t len = sizeof storage;
    struct netaddr address = {0};
    if (getsockname(fd, (struct sockaddr *)&storage, &len) != 0 ||
        !netaddr_from_sockaddr(&address, &storage)) {
        return 0;
    }
    return address.port;
}

/* ---- Serving. ---- */

static void update(struct listener *listener)
{
    bool wanted = !listener->paused && !timer_is_armed(&listener->backoff);
    watch_want(listener->watch, wanted ? WATCH_READ : 0);
}

static void on_backoff_over(void *context)
{
    update(context);
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* False: stop accepting for this turn. */
static bool accept_one(struct listener *listener)
{
    struct sockaddr_storage storage = {0};
    socklen_t len = sizeof storage;
    int fd = accept4(listener->fd, (struct sockaddr *)&storage, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        int error = errno;
        if (is_shortage(error)) {
            log_warn("listener", "accept: paused %d ms: %s", (int)LISTENER_BACKOFF_MS,
                     strerror(error));
            timer_arm(&listener->backoff, LISTENER_BACKOFF_MS);
            update(listener);
        }
        return error == ECONNABORTED || error == EINTR;
    }
    struct netaddr peer = {0};
    (void)!netaddr_from_sockaddr(&peer, &storage);
    listener->on_accept(listener->context, fd, &peer);
    return true;
}

static void on_readable(void *context, unsigned ready)
{
    struct listener *listener = context;
    (void)ready;
    for (int i = 0; i < LISTENER_ACCEPTS_A_TURN && !listener->freed && !listener->paused; i++) {
        if (!accept_one(listener)) {
            break;
        }
    }
}

struct listener *listener_new_take(struct loop *loop, int fd,
                                   void (*on_accept)(void *context, int fd,
                                                     const struct netaddr *peer),
                                   void *context)
{
    struct listener *listener = xcalloc(1, sizeof *listener);
    listener->fd = fd;
    listener->on_accept = on_accept;
    listener->context = context;
    listener->watch = watch_new(loop, fd, on_readable, listener);
    timer_init(&listener->backoff, loop, on_backoff_over, listener);
    deferred_init(&listener->at_end, loop, free, listener);
    update(listener);
    return listener;
}

void listener_free(struct listener **listener_at)
{
    struct listener *listener = *listener_at;
    if (listener == NULL) {
        return;
    }
    watch_free(&listener->watch);
    timer_cancel(&listener->backoff);
    close(listener->fd);
    listener->freed = true;
    deferred_arm(&listener->at_end);
    *listener_at = NULL;
}

void listener_pause(struct listener *listener)
{
    listener->paused = true;
    update(listener);
}

void listener_resume(struct listener *listener)
{
    listener->paused = false;
    update(listener);
}
