// SPDX-License-Identifier: MIT
#include "gateway/cli/sendmail_dialogue.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/paths.h"

enum { PIECE_BYTES = 65536 };

static int open_door(const char *home)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char *path = paths_in(home, PATHS_SUBMIT_SOCKET);
    size_t len = strlen(path);
    int fd = -1;
    if (len < sizeof address.sun_path) {
        memcpy(address.sun_path, path, len + 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    }
    free(path);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool send_all(int fd, const uint8_t *data, size_t len)
{
    while (len != 0) {
        ssize_t sent =
            fd == STDOUT_FILENO ? write(fd, data, len) : send(fd, data, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return false;
        }
        data += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* One piece from one side to the other; false at the end of either. */
static bool carry(int from, int to)
{
    static uint8_t piece[PIECE_BYTES];
    ssize_t got = read(from, piece, sizeof piece);
    if (got < 0 && errno == EINTR) {
        return true;
    }
    return got > 0 && send_all(to, piece, (size_t)got);
}

int sendmail_dialogue(const char *home)
{
    int door = open_door(home);
    if (door < 0) {
        puts("421 4.3.2 Bittern does not run here\r");
        return EX_TEMPFAIL;
    }
    struct pollfd ends[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = door, .events = POLLIN}};
    bool server_speaks = true;
    while (server_speaks) {
        if (poll(ends, 2, -1) < 0 && errno != EINTR) {
            break;
        }
        if ((ends[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !carry(STDIN_FILENO, door)) {
            ends[0].fd = -1; /* the answers to what was said still come */
            shutdown(door, SHUT_WR);
        }
        if ((ends[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            server_speaks = carry(door, STDOUT_FILENO);
        }
    }
    close(door);
    return EX_OK;
}
