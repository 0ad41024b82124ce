// SPDX-License-Identifier: MIT
#include "gateway/cli/supervisor_sockets.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/listener.h"
#include "base/mem.h"
#include "base/netaddr.h"
#include "base/process.h"
#include "gateway/cli/supervisor.h"

/* Such as the runtime folder's bittern/, which goes with each login. */
static bool make_folder_of(const char *path, struct fault *fault)
{
    char *copy = xstrdup(path);
    const char *folder = dirname(copy);
    bool ok = mkdir(folder, 0700) == 0 || errno == EEXIST;
    if (!ok) {
        fault_set_errno(fault, errno, "make the folder %s", folder);
    }
    free(copy);
    return ok;
}

static int bind_one(const struct supervisor_listener *listener, struct fault *fault)
{
    struct netaddr address;
    int fd = -1;
    if (listener->address != NULL) {
        if (netaddr_parse(&address, listener->address, 0, fault)) {
            fd = listener->datagrams ? listener_bind_datagrams(&address, fault)
                                     : listener_bind(&address, fault);
        }
    } else if (make_folder_of(listener->unix_path, fault)) {
        fd = listener_bind_unix(listener->unix_path, listener->mode, listener->group, fault);
    }
    if (fd < 0) {
        fault_wrap(fault, "%s", listener->name);
    }
    return fd;
}

bool sockets_bind(int **out_fds, const struct supervisor_listener *listeners, size_t n_listeners,
                  struct fault *fault)
{
    int *fds = xcalloc(n_listeners, sizeof *fds);
    *out_fds = fds;
    for (size_t i = 0; i < n_listeners; i++) {
        fds[i] = -1;
    }
    for (size_t i = 0; i < n_listeners; i++) {
        fds[i] = bind_one(&listeners[i], fault);
        if (fds[i] < 0) {
            return false;
        }
    }
    return true;
}

void sockets_close(int **fds, const struct supervisor_listener *listeners, size_t n_listeners)
{
    if (*fds == NULL) {
        return;
    }
    for (size_t i = 0; i < n_listeners; i++) {
        if ((*fds)[i] >= 0 && listeners[i].unix_path != NULL) {
            unlink(listeners[i].unix_path);
        }
        process_close_fd(&(*fds)[i]);
    }
    free(*fds);
    *fds = NULL;
}
