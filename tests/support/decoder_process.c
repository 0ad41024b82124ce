// SPDX-License-Identifier: MIT
#include "tests/support/decoder_process.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/channel.h"
#include "base/child.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/process.h"
#include "gateway/decoder/decoder_client.h"

enum { START_TIMEOUT_MS = 5000 };

struct decoder_process {
    struct loop *loop;
    char *path;
    struct decoder_client *client;
    pid_t pid;
    int channel_fd; /* our end of the child's channel: it ends when this is closed */
};

static void end_process(struct decoder_process *process)
{
    if (process->pid > 0) {
        kill(process->pid, SIGKILL);
        (void)waitpid(process->pid, NULL, 0);
        process->pid = 0;
    }
    process_close_fd(&process->channel_fd);
}

/* What the supervisor tells a decoder before it starts. */
static bool send_start(int channel_fd, int gateway_fd, struct fault *fault)
{
    struct buf instance;
    buf_init(&instance, 0);
    child_pair_write(&instance, CHILD_VALUE_INSTANCE, "owner");
    bool ok = channel_send_now(channel_fd, CHILD_SETTINGS, (struct bytes){0}, NULL, 0,
                               START_TIMEOUT_MS, fault) &&
              channel_send_now(channel_fd, CHILD_VALUE, buf_view(&instance), NULL, 0,
                               START_TIMEOUT_MS, fault) &&
              channel_send_now(channel_fd, CHILD_SOCKET, bytes_of_str(CHILD_SOCKET_GATEWAY),
                               &gateway_fd, 1, START_TIMEOUT_MS, fault) &&
              channel_send_now(channel_fd, CHILD_START, (struct bytes){0}, NULL, 0,
                               START_TIMEOUT_MS, fault);
    buf_clear(&instance);
    return ok;
}

static bool start_process(struct decoder_process *process, struct fault *fault)
{
    int channel[2];
    int gateway[2];
    if (!process_socket_pair(channel, fault)) {
        return false;
    }
    if (!process_socket_pair(gateway, fault)) {
        process_close_fd(&channel[0]);
        process_close_fd(&channel[1]);
        return false;
    }
    process->pid = fork();
    if (process->pid == 0) {
        if (dup2(channel[1], CHILD_FD) == CHILD_FD) {
            execl(process->path, process->path, (char *)NULL);
        }
        _exit(127);
    }
    process_close_fd(&channel[1]);
    process->channel_fd = channel[0];
    bool ok = process->pid > 0 && send_start(channel[0], gateway[1], fault);
    process_close_fd(&gateway[1]);
    if (!ok) {
        process_close_fd(&gateway[0]);
        end_process(process);
        return false;
    }
    decoder_client_attach(process->client, gateway[0]);
    return true;
}

static void kill_and_restart(void *context)
{
    struct decoder_process *process = context;
    end_process(process);
    (void)start_process(process, NULL);
}

struct decoder_process *decoder_process_new(struct loop *loop, const char *path,
                                            struct fault *fault)
{
    struct decoder_process *process = xcalloc(1, sizeof(*process));
    process->loop = loop;
    process->path = xstrdup(path);
    process->channel_fd = -1;
    const struct decoder_hooks hooks = {kill_and_restart, NULL, process};
    process->client = decoder_client_new(loop, "owner", &hooks);
    if (access(path, X_OK) != 0) {
        fault_set_errno(fault, errno, "run %s", path);
        decoder_process_free(&process);
    } else if (!start_process(process, fault)) {
        decoder_process_free(&process);
    }
    return process;
}

void decoder_process_free(struct decoder_process **pointer)
{
    struct decoder_process *process = *pointer;
    if (!process) {
        return;
    }
    *pointer = NULL;
    decoder_client_free(&process->client);
    end_process(process);
    free(process->path);
    free(process);
}

struct decoder_client *decoder_process_client(struct decoder_process *process)
{
    return process->client;
}
