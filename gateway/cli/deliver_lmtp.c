// SPDX-License-Identifier: MIT
/* An LMTP client (RFC 2033) for one mail and one recipient. The sender is <>: nobody shall answer
 * such a mail with a bounce, for there is no way back. */
#include "gateway/cli/deliver.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buf.h"

enum { MAX_REPLY_BYTES = 65536, READ_PIECE_BYTES = 4096 };

struct lmtp {
    int fd;
    struct buf in;
    char last[256]; /* the last line of a reply, for the log */
};

/* ---- connecting ---- */

static int connect_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int connect_port(const char *host, const char *port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int fd = -1;
    int failed = getaddrinfo(host, port, &hints, &found);
    if (failed != 0) {
        fprintf(stderr, "deliver: %s: %s\n", host, gai_strerror(failed));
        return -1;
    }
    for (const struct addrinfo *one = found; one != NULL && fd < 0; one = one->ai_next) {
        fd = socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
        if (fd >= 0 && connect(fd, one->ai_addr, one->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

static int open_connection(const struct deliver_target *target)
{
    const struct timeval patience = {.tv_sec = DELIVER_TIMEOUT_SEC};
    int fd = target->kind == DELIVER_LMTP_SOCKET ? connect_socket(target->place)
                                                 : connect_port(target->host, target->port);
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    }
    return fd;
}

/* ---- the dialogue ---- */

static bool say(struct lmtp *lmtp, struct bytes text)
{
    while (text.len != 0) {
        ssize_t sent = send(lmtp->fd, text.data, text.len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return false;
        }
        text = bytes_slice(text, (size_t)sent, text.len);
    }
    return true;
}

/* The next line is in `last`, without its line end. */
static bool read_line(struct lmtp *lmtp)
{
    for (;;) {
        struct bytes in = buf_view(&lmtp->in);
        size_t end = bytes_find(in, '\n');
        if (end < in.len) {
            size_t len = end > 0 && in.data[end - 1] == '\r' ? end - 1 : end;
            (void)snprintf(lmtp->last, sizeof lmtp->last, "%.*s", (int)len, (const char *)in.data);
            buf_consume(&lmtp->in, end + 1);
            return true;
        }
        if (!buf_reserve(&lmtp->in, READ_PIECE_BYTES)) {
            return false;
        }
        ssize_t got = recv(lmtp->fd, lmtp->in.data + lmtp->in.len, READ_PIECE_BYTES, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        lmtp->in.len += (size_t)got;
    }
}

/* The reply's first digit; 0: there is none. */
static int hear(struct lmtp *lmtp)
{
    do {
        if (!read_line(lmtp)) {
            (void)snprintf(lmtp->last, sizeof lmtp->last, "the connection ended");
            return 0;
        }
    } while (strlen(lmtp->last) > 3 && lmtp->last[3] == '-');
    return lmtp->last[0] >= '2' && lmtp->last[0] <= '5' ? lmtp->last[0] - '0' : 0;
}

static int ask(struct lmtp *lmtp, const char *line)
{
    struct buf text = {0};
    buf_printf(&text, "%s\r\n", line);
    int answer = say(lmtp, buf_view(&text)) ? hear(lmtp) : 0;
    buf_clear(&text);
    return answer;
}

/* CRLF line ends, dots stuffed, and the end (RFC 5321 section 4.5.2). */
static void stuff(struct buf *out, struct bytes mail)
{
    while (mail.len != 0) {
        size_t end = bytes_find(mail, '\n');
        size_t len = end > 0 && end < mail.len && mail.data[end - 1] == '\r' ? end - 1 : end;
        if (mail.data[0] == '.') {
            buf_append_byte(out, '.');
        }
        buf_append_bytes(out, bytes_slice(mail, 0, len));
        buf_append_str(out, "\r\n");
        mail = bytes_slice(mail, end + 1, mail.len);
    }
    buf_append_str(out, ".\r\n");
}

static int send_mail(struct lmtp *lmtp, struct bytes mail)
{
    struct buf text = {0};
    stuff(&text, mail);
    int answer = say(lmtp, buf_view(&text)) ? hear(lmtp) : 0;
    buf_clear(&text);
    return answer;
}

static int exit_code(int answer, int code_of_refusal)
{
    return answer == 2 || answer == 3 ? EX_OK : answer == 5 ? code_of_refusal : EX_TEMPFAIL;
}

static int converse(struct lmtp *lmtp, const char *recipient, struct bytes mail)
{
    char to[512];
    (void)snprintf(to, sizeof to, "RCPT TO:<%s>", recipient);
    const struct {
        const char *line; /* NULL: only hear */
        int code_of_refusal;
    } steps[] = {{NULL, EX_TEMPFAIL},
                 {"LHLO localhost", EX_TEMPFAIL},
                 {"MAIL FROM:<>", EX_TEMPFAIL},
                 {to, EX_NOUSER},
                 {"DATA", EX_TEMPFAIL}};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        int answer = steps[i].line == NULL ? hear(lmtp) : ask(lmtp, steps[i].line);
        int code = exit_code(answer, steps[i].code_of_refusal);
        if (code != EX_OK) {
            return code;
        }
    }
    return exit_code(send_mail(lmtp, mail), EX_DATAERR);
}

int deliver_by_lmtp(const struct deliver_target *target, const char *recipient, struct bytes mail)
{
    struct lmtp lmtp = {.fd = open_connection(target)};
    if (lmtp.fd < 0) {
        fprintf(stderr, "deliver: connect to the LMTP server: %s\n", strerror(errno));
        return EX_TEMPFAIL;
    }
    buf_init(&lmtp.in, MAX_REPLY_BYTES);
    int code = converse(&lmtp, recipient, mail);
    if (code != EX_OK) {
        fprintf(stderr, "deliver: the LMTP server said: %s\n", lmtp.last);
    } else {
        (void)say(&lmtp, bytes_of_str("QUIT\r\n"));
    }
    buf_clear(&lmtp.in);
    close(lmtp.fd);
    return code;
}
