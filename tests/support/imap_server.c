// SPDX-License-Identifier: MIT
/* An IMAP server over the store in memory: what mailproto is without Bitmessage, to be held against
 * mail programs and other servers.
 *
 *     imap_server PORT [CERTIFICATE]      login "alice" with "secret"; port 0 picks one
 *
 * Prints "port N" when it is ready. With a certificate file (made when it is not there): STARTTLS.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/listener.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/netaddr.h"
#include "base/tls.h"
#include "mailproto/imap/imap_session.h"
#include "mailproto/serve/serve.h"
#include "tests/support/memory_mailbox.h"
#include "tests/support/memory_mime.h"

struct test_server {
    struct loop *loop;
    struct mail_store *store;
    struct deferred work;
    struct serve *serve;
};

static void work(void *context)
{
    struct test_server *server = context;
    memory_mail_run(server->store);
}

static void wake(void *context)
{
    struct test_server *server = context;
    deferred_arm(&server->work);
}

static void stopped(void *context)
{
    struct test_server *server = context;
    loop_stop(server->loop);
}

static void stop(void *context)
{
    struct test_server *server = context;
    serve_shut_down(server->serve, stopped, server);
}

static struct tls_context *tls_of(const char *path)
{
    struct fault fault = {0};
    struct tls_context *tls = NULL;
    if (access(path, R_OK) == 0 || tls_certificate_make(path, &fault)) {
        tls = tls_context_new_server(path, &fault);
    }
    if (tls == NULL) {
        fprintf(stderr, "%s\n", fault.text);
        exit(1);
    }
    return tls;
}

int main(int argc, char **argv)
{
    struct test_server server = {0};
    struct fault fault = {0};
    struct netaddr address;
    if (argc < 2) {
        fprintf(stderr, "usage: imap_server PORT [CERTIFICATE]\n");
        return 2;
    }
    log_init(STDERR_FILENO, getenv("IMAP_SERVER_DEBUG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN,
             "imap");
    server.loop = loop_new();
    deferred_init(&server.work, server.loop, work, &server);
    server.store = memory_mail_new(&(struct memory_mail_config){
        .analyse = memory_mime_analyse, .wake = wake, .context = &server});
    struct imap_service *service =
        imap_service_new(&(struct imap_config){.ops = memory_mail_ops(),
                                               .store = server.store,
                                               .judge = memory_mail_judge(server.store),
                                               .limits = imap_limits_default()});
    struct tls_context *tls = argc > 2 ? tls_of(argv[2]) : NULL;
    server.serve = serve_new(server.loop, &imap_protocol, service, tls, (struct serve_limits){0});
    int fd = -1;
    if (netaddr_parse(&address, "127.0.0.1", (uint16_t)atoi(argv[1]), &fault)) {
        fd = listener_bind(&address, &fault);
    }
    if (fd < 0 || !serve_listen_take(server.serve, fd, SERVE_SOCKET_TCP, &fault)) {
        fprintf(stderr, "%s\n", fault.text);
        return 1;
    }
    printf("port %u\n", listener_port(fd));
    fflush(stdout);
    loop_on_signal(server.loop, 15, stop, &server);
    loop_on_signal(server.loop, 2, stop, &server);
    loop_run(server.loop);
    serve_free(&server.serve);
    imap_service_free(&service);
    memory_mail_free(&server.store);
    tls_context_free(&tls);
    loop_free(&server.loop);
    return 0;
}
