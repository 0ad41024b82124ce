// SPDX-License-Identifier: MIT
#include "gateway/cli/supervisor_upnp.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/log.h"
#include "crypto/random.h"
#include "gateway/cli/supervisor_spawn.h"

enum {
    RENEW_MS = 20 * 60 * 1000, /* well within the lease of an hour */
    RETRY_MS = 10 * 60 * 1000,
    FIRST_RANDOM_PORT = 32767,
    HELPER_PORT_TAKEN = 3, /* its exit code */
    PORT_TEXT_BYTES = 8
};

static void run(struct upnp_keeper *keeper, const char *verb, bool die_with_us)
{
    static char name[] = "bittern-upnp";
    char port[PORT_TEXT_BYTES];
    char external[PORT_TEXT_BYTES];
    char *argv[5] = {name, (char *)(uintptr_t)verb, port, external, NULL};
    struct fault fault = {0};
    snprintf(port, sizeof port, "%u", (unsigned)keeper->port);
    snprintf(external, sizeof external, "%u", (unsigned)keeper->external);
    if (!die_with_us) { /* unmap has one argument */
        argv[2] = external;
        argv[3] = NULL;
    }
    struct spawn spawn = {.path = keeper->path,
                          .argv = argv,
                          .stdin_fd = -1,
                          .log_fd = keeper->log_fd,
                          .door_fd = -1,
                          .die_with_us = die_with_us};
    keeper->pid = spawn_process(&spawn, &fault);
    if (keeper->pid < 0) {
        log_warn("supervisor", "%s", fault.text);
        keeper->pid = 0;
        timer_arm(&keeper->again, RETRY_MS);
    }
}

static void on_again(void *context)
{
    struct upnp_keeper *keeper = context;
    if (keeper->pid == 0) {
        run(keeper, "map", true);
    }
}

void upnp_init_take(struct upnp_keeper *keeper, struct loop *loop, char *path, int log_fd,
                    void (*on_mapped)(void *context, uint16_t external), void *context)
{
    *keeper = (struct upnp_keeper){
        .path = path, .log_fd = log_fd, .on_mapped = on_mapped, .context = context};
    timer_init(&keeper->again, loop, on_again, keeper);
}

void upnp_begin(struct upnp_keeper *keeper, uint16_t port)
{
    if (keeper->path != NULL && port != 0) {
        keeper->port = port;
        keeper->external = port;
        run(keeper, "map", true);
    }
}

static void take_answer(struct upnp_keeper *keeper, int code)
{
    if (code == 0) {
        keeper->n_taken = 0;
        keeper->is_mapped = true;
        keeper->on_mapped(keeper->context, keeper->external);
        timer_arm(&keeper->again, RENEW_MS);
    } else if (code == HELPER_PORT_TAKEN && ++keeper->n_taken < UPNP_MAX_PORTS) {
        keeper->external =
            (uint16_t)(FIRST_RANDOM_PORT + random_uniform(UINT16_MAX - FIRST_RANDOM_PORT + 1));
        timer_arm(&keeper->again, 0);
    } else {
        keeper->n_taken = 0;
        timer_arm(&keeper->again, RETRY_MS);
    }
}

void upnp_reap(struct upnp_keeper *keeper)
{
    int status;
    if (keeper->pid != 0 && waitpid(keeper->pid, &status, WNOHANG) == keeper->pid) {
        keeper->pid = 0;
        take_answer(keeper, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    }
}

void upnp_end(struct upnp_keeper *keeper)
{
    timer_cancel(&keeper->again);
    if (keeper->pid != 0) {
        kill(keeper->pid, SIGKILL);
        waitpid(keeper->pid, NULL, 0);
        keeper->pid = 0;
    }
    if (keeper->is_mapped) {
        run(keeper, "unmap", false);
    }
    timer_cancel(&keeper->again);
    free(keeper->path);
    keeper->path = NULL;
}
