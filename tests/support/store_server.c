// SPDX-License-Identifier: MIT
/* A plain IMAP server: the sessions of mailproto/imap over the mailboxes of gateway/store, without
 * anything of Bitmessage. What other servers' test programs and mail programs are held against.
 *
 *     store_server FOLDER PORT USER PASSWORD [DECODER]
 *
 * keeps mail.db in FOLDER, listens on 127.0.0.1:PORT (0: a free one), prints the port, and serves
 * until SIGTERM. DECODER is the path of bittern-decoder; without it mails are not taken apart. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/db.h"
#include "base/db_writer.h"
#include "base/fault.h"
#include "base/listener.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/netaddr.h"
#include "base/pool.h"
#include "gateway/store/accounts.h"
#include "gateway/store/mail_db.h"
#include "gateway/store/mail_txn.h"
#include "gateway/store/store.h"
#include "mailproto/imap/imap_session.h"
#include "mailproto/sasl/credential.h"
#include "mailproto/sasl/guard.h"
#include "mailproto/serve/serve.h"
#include "tests/support/decoder_process.h"

struct server {
    const char *user;
    const char *password;
    struct loop *loop;
    struct pool *pool;
    struct sasl_guard *guard;
    struct db_writer *writer;
    struct decoder_process *decoder;
    struct mail_store *store;
    struct imap_service *imap;
    struct serve *serve;
    bool is_set_up;
};

static void die(const char *what, const struct fault *fault)
{
    fprintf(stderr, "store_server: %s: %s\n", what, fault->text);
    exit(1);
}

/* The account and its password, as they are asked for on the command line. */
static bool set_account_up(struct mail_txn *txn, void *job, struct fault *fault)
{
    struct server *server = job;
    struct sasl_credential credential;
    int64_t id;
    bool exists = accounts_find(mail_txn_db(txn), &id, server->user, NULL);
    return (exists || accounts_create(txn, &id, server->user, fault)) &&
           sasl_credential_make(&credential, bytes_of_str(server->password),
                                SASL_DEFAULT_ITERATIONS) &&
           accounts_set_credential(mail_txn_db(txn), id, &credential, fault);
}

static void account_is_set_up(void *job, const struct fault *fault)
{
    struct server *server = job;
    if (fault) {
        die("account", fault);
    }
    server->is_set_up = true;
}

static void start_store(struct server *server, const char *folder)
{
    struct fault fault = {0};
    char path[4096];
    snprintf(path, sizeof(path), "%s/mail.db", folder);
    struct db *db = mail_db_open(path, &fault);
    if (!db) {
        die("mail.db", &fault);
    }
    server->writer = db_writer_new_take(server->loop, db, NULL);
    const struct store_config config = {
        .path = path,
        .loop = server->loop,
        .pool = server->pool,
        .writer = server->writer,
        .decoder = server->decoder ? decoder_process_client(server->decoder) : NULL,
    };
    server->store = store_new(&config, &fault);
    if (!server->store ||
        !store_write(server->store, set_account_up, account_is_set_up, server, &fault)) {
        die("store", &fault);
    }
    while (!server->is_set_up) {
        loop_turn(server->loop, 100);
    }
}

static void start_imap(struct server *server, uint16_t port)
{
    struct fault fault = {0};
    const struct imap_config config = {
        .ops = store_mailbox_ops(),
        .store = server->store,
        .judge = sasl_guard_judge(server->guard),
        .limits = imap_limits_default(),
    };
    server->imap = imap_service_new(&config);
    server->serve =
        serve_new(server->loop, &imap_protocol, server->imap, NULL, (struct serve_limits){0});
    struct netaddr address;
    if (!netaddr_parse(&address, "127.0.0.1", port, &fault)) {
        die("address", &fault);
    }
    int fd = listener_bind(&address, &fault);
    if (fd < 0) {
        die("listen", &fault);
    }
    printf("%u\n", (unsigned)listener_port(fd));
    fflush(stdout);
    if (!serve_listen_take(server->serve, fd, SERVE_SOCKET_TCP, &fault)) {
        die("serve", &fault);
    }
}

static void stopped(void *context)
{
    struct server *server = context;
    loop_stop(server->loop);
}

static void stop(void *context)
{
    struct server *server = context;
    serve_shut_down(server->serve, stopped, server);
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: store_server FOLDER PORT USER PASSWORD [DECODER]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    log_init(2, LOG_LEVEL_INFO, "store_server");
    struct fault fault = {0};
    struct server server = {.user = argv[3], .password = argv[4], .loop = loop_new()};
    server.pool =
        pool_new(server.loop, &(struct pool_config){.name = "reads", .n_threads = 2}, &fault);
    if (!server.pool) {
        die("pool", &fault);
    }
    if (argc > 5) {
        server.decoder = decoder_process_new(server.loop, argv[5], &fault);
        if (!server.decoder) {
            die("decoder", &fault);
        }
    }
    start_store(&server, argv[1]);
    server.guard = sasl_guard_new(&(struct sasl_guard_config){
        .loop = server.loop, .pool = server.pool, .lookup = store_sasl_lookup(server.store)});
    start_imap(&server, (uint16_t)atoi(argv[2]));
    loop_on_signal(server.loop, SIGTERM, stop, &server);
    loop_on_signal(server.loop, SIGINT, stop, &server);

    loop_run(server.loop);

    serve_free(&server.serve);
    imap_service_free(&server.imap);
    store_free(&server.store);
    db_writer_free(&server.writer);
    decoder_process_free(&server.decoder);
    pool_free(&server.pool);
    sasl_guard_free(&server.guard);
    loop_free(&server.loop);
    return 0;
}
