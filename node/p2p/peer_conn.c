// SPDX-License-Identifier: MIT
/* One connection: what its io tells goes to the session, what the session has to say goes to the
 * io, and what the session tells is acted on. Nothing is freed inside a callback: a connection that
 * has come to its end is marked, and freed at the end of the turn. */
#include "node/p2p/node_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "crypto/random.h"

#define USER_AGENT "/Bittern:" BITTERN_VERSION "/"

static void on_io(struct io *io, enum io_event event, void *context);

/* ---- the end */

void conn_free(struct peer_conn *conn)
{
    struct node *node = conn->owner;
    exchange_end(conn);
    traffic_forget(conn);
    deferred_cancel(&conn->go_on);
    if (conn->io != NULL) {
        node_count(node, FIGURE_BYTES_IN, io_bytes_received(conn->io));
        node_count(node, FIGURE_BYTES_OUT, io_bytes_sent(conn->io));
    }
    /* A last `error` should arrive; whoever reads too slowly has had his time. */
    if (conn->io != NULL && node->started && io_output_len(conn->io) <= CONN_HIGH_MARK_BYTES) {
        io_close(&conn->io);
    } else {
        io_free(&conn->io);
    }
    if (conn->ticket != 0) {
        dial_ended(node->dial, conn->ticket, clock_mono_ms(), clock_now_sec());
    }
    if (conn->is_counted) {
        limits_leave(node->limits, &conn->addr);
    }
    if (conn->socks != NULL) {
        socks5_clear(conn->socks);
        free(conn->socks);
    }
    peer_clear(&conn->peer);
    list_remove(&conn->node);
    node->n_conns--;
    map_remove_u64(&node->by_id, conn->id);
    free(conn);
}

static void free_later(void *context)
{
    conn_free(context);
}

void conn_close(struct peer_conn *conn)
{
    if (!conn->is_closing) {
        conn->is_closing = true;
        deferred_cancel(&conn->go_on);
        deferred_init(&conn->go_on, conn->owner->loop, free_later, conn);
        deferred_arm(&conn->go_on);
    }
}

bool conn_is_established(const struct peer_conn *conn)
{
    return conn->in_sync && !conn->is_closing && conn->peer.state == PEER_ESTABLISHED;
}

/* ---- output */

void conn_flush(struct peer_conn *conn)
{
    if (conn->io == NULL || conn->peer.out.len == 0) {
        return;
    }
    io_write(conn->io, buf_view(&conn->peer.out));
    if (conn->peer.out.capacity > CONN_KEEP_OUTPUT_BYTES) {
        buf_clear(&conn->peer.out);
    } else {
        buf_reset(&conn->peer.out);
    }
    if (io_output_len(conn->io) > CONN_MAX_OUTPUT_BYTES) {
        log_info("p2p", "connection ended conn=%u reason=\"it reads too slowly\"", conn->id);
        conn_close(conn);
    }
    traffic_charge(conn);
}

/* ---- what the session tells */

static bool is_self(const struct node *node, uint64_t nonce)
{
    list_for_each(place, &node->conns)
    {
        if (list_entry(place, struct peer_conn, node)->peer.options.nonce == nonce) {
            return true;
        }
    }
    return false;
}

static enum peer_refusal judge(const struct peer_conn *conn, const struct version_message *version)
{
    switch (conn->welcome) {
    case LIMITS_BANNED:
        return PEER_REFUSE_BANNED;
    case LIMITS_ADDRESS_FULL:
        return PEER_REFUSE_ADDRESS_TWICE;
    case LIMITS_NETWORK_FULL:
        return PEER_REFUSE_NETWORK_FULL;
    case LIMITS_FULL:
        return PEER_REFUSE_FULL;
    case LIMITS_WELCOME:
        break;
    }
    return is_self(conn->owner, version->nonce) ? PEER_REFUSE_SELF : PEER_REFUSE_NONE;
}

static void on_version(struct peer_conn *conn, const struct version_message *version)
{
    struct node *node = conn->owner;
    enum peer_refusal refusal = judge(conn, version);
    node->n_time_refusals = 0;
    if (refusal == PEER_REFUSE_NONE) {
        reach_learn(conn, version);
        peer_accept(&conn->peer, clock_now_sec());
        return;
    }
    if (refusal == PEER_REFUSE_SELF && conn->ticket != 0) {
        dial_forbid(node->dial, &conn->addr);
    }
    peer_refuse(&conn->peer, refusal);
}

static void start_tls(struct peer_conn *conn)
{
    struct fault fault;
    conn_flush(conn);
    enum tls_role role = conn->ticket != 0 ? TLS_CLIENT : TLS_SERVER;
    if (!io_start_tls(conn->io, conn->owner->tls, role, IO_TLS_FEED_INPUT, &fault)) {
        log_debug("p2p", "tls failed conn=%u fault=\"%s\"", conn->id, fault.text);
        conn_close(conn);
    }
}

static void on_established(struct peer_conn *conn)
{
    struct node *node = conn->owner;
    log_info("p2p", "peer established conn=%u direction=%s agent=\"%s\" tls=%s", conn->id,
             conn->ticket != 0 ? "out" : "in", conn->peer.user_agent,
             io_is_tls(conn->io) ? io_describe_tls(conn->io) : "no");
    io_set_input_limit(conn->io, FRAME_MAX_BYTES);
    if (conn->ticket != 0) {
        dial_established(node->dial, conn->ticket, clock_now_sec());
        if (conn->is_test) {
            conn_close(conn);
            return;
        }
    } else if (!peer_addr_is_loopback(&conn->addr)) {
        node->figures.values[FIGURE_WAS_REACHED] = true;
    }
    exchange_begin(conn);
    deferred_arm(&conn->go_on);
}

static void on_closed(struct peer_conn *conn, const struct peer_event *event)
{
    enum { WARN_AFTER = 3 };
    struct node *node = conn->owner;
    log_debug("p2p", "peer closed conn=%u reason=\"%s\"", conn->id, event->fault.text);
    if (event->refusal == PEER_REFUSE_TIME_AHEAD || event->refusal == PEER_REFUSE_TIME_BEHIND) {
        if (++node->n_time_refusals > WARN_AFTER) {
            log_warn("p2p", "several nodes in a row disagree with this computer's clock: check it");
            node->n_time_refusals = 0;
        }
    }
    if (event->misbehaved) {
        node_misdeed(conn, MISDEED_BROKEN_STREAM);
    }
    conn_flush(conn);
    conn_close(conn);
}

static void act_on(struct peer_conn *conn, const struct peer_event *event)
{
    switch (event->type) {
    case PEER_EVENT_VERSION:
        on_version(conn, &event->version);
        break;
    case PEER_EVENT_START_TLS:
        break; /* by the reader, which first drops what was read */
    case PEER_EVENT_ESTABLISHED:
        on_established(conn);
        break;
    case PEER_EVENT_CLOSED:
        on_closed(conn, event);
        break;
    default:
        exchange_event(conn, event);
        break;
    }
}

/* ---- input */

/* Read packets until there is none, or it is enough for this turn. */
static void read_packets(struct peer_conn *conn)
{
    struct peer_event event;
    struct bytes in = io_input(conn->io);
    size_t total = 0;
    bool told = true;
    for (int n = 0; n < CONN_PACKETS_A_TURN && told && !conn->is_closing && !conn->is_paused; n++) {
        size_t used = 0;
        told = peer_read(&conn->peer, &event, &used, bytes_slice(in, total, in.len),
                         clock_mono_ms(), clock_now_sec());
        if (told) {
            act_on(conn, &event);
        }
        total += used;
        if (told && event.type == PEER_EVENT_START_TLS) {
            io_consume(conn->io, total);
            start_tls(conn);
            return;
        }
    }
    io_consume(conn->io, total);
    if (conn->is_closing) {
        return;
    }
    if (conn->in_sync) {
        exchange_ask(conn);
    }
    conn_flush(conn);
    traffic_charge(conn);
    if ((told || conn->uploads.n_refs > 0) && !conn->is_paused && !conn->is_closing) {
        deferred_arm(&conn->go_on);
    }
}

/* The next turn's share of what is left to do. */
static void go_on(void *context)
{
    struct peer_conn *conn = context;
    read_packets(conn);
    if (conn_is_established(conn) && exchange_go_on(conn)) {
        deferred_arm(&conn->go_on);
    }
}

void conn_resume(struct peer_conn *conn)
{
    if (conn->is_paused && !conn->is_closing) {
        conn->is_paused = false;
        io_resume(conn->io);
        deferred_arm(&conn->go_on);
    }
}

/* ---- through a proxy */

static void start_session(struct peer_conn *conn)
{
    struct node *node = conn->owner;
    bool inbound = conn->ticket == 0;
    struct peer_options options = {
        .inbound = inbound,
        .tls = node->network.tls,
        .dandelion = node->network.dandelion > 0,
        .magic = node->network.magic,
        .nonce = random_u64(),
        .port = reach_port_for(node, conn),
        .user_agent = USER_AGENT,
        .streams = node->streams,
        .remote = conn->addr,
    };
    peer_init(&conn->peer, &options, clock_mono_ms(), clock_now_sec());
    conn_flush(conn);
}

static void read_proxy(struct peer_conn *conn)
{
    struct fault fault;
    size_t used;
    enum parse_result result = socks5_read(conn->socks, &used, io_input(conn->io), &fault);
    io_consume(conn->io, used);
    if (conn->socks->out.len > 0) {
        io_write(conn->io, buf_view(&conn->socks->out));
        buf_reset(&conn->socks->out);
    }
    if (result == PARSE_BAD) {
        log_debug("p2p", "proxy refused conn=%u fault=\"%s\"", conn->id, fault.text);
        conn_close(conn);
    } else if (result == PARSE_DONE) {
        socks5_clear(conn->socks);
        free(conn->socks);
        conn->socks = NULL;
        start_session(conn);
        read_packets(conn);
    }
}

/* ---- what the io tells */

static void on_connected(struct peer_conn *conn)
{
    if (conn->socks == NULL) {
        start_session(conn);
        return;
    }
    io_write(conn->io, buf_view(&conn->socks->out));
    buf_reset(&conn->socks->out);
}

static void on_io(struct io *io, enum io_event event, void *context)
{
    struct peer_conn *conn = context;
    (void)io;
    if (conn->is_closing) {
        return;
    }
    switch (event) {
    case IO_CONNECTED:
        on_connected(conn);
        break;
    case IO_TLS_READY:
        peer_tls_done(&conn->peer);
        read_packets(conn);
        break;
    case IO_DATA:
        if (conn->socks != NULL) {
            read_proxy(conn);
        } else {
            read_packets(conn);
        }
        break;
    case IO_LOWAT:
        deferred_arm(&conn->go_on);
        break;
    case IO_ERROR:
        log_debug("p2p", "connection failed conn=%u fault=\"%s\"", conn->id,
                  io_fault(conn->io)->text);
        conn_close(conn);
        break;
    case IO_EOF:
    case IO_TIMEOUT:
        conn_close(conn);
        break;
    }
}

/* ---- the beginning */

static struct peer_conn *new_conn(struct node *node, const struct peer_addr *addr)
{
    struct peer_conn *conn = xcalloc(1, sizeof *conn);
    conn->owner = node;
    if (++node->last_id == 0) {
        node->last_id = 1;
    }
    conn->id = node->last_id;
    conn->addr = *addr;
    conn->connected_ms = clock_mono_ms();
    conn->moved_ms = conn->connected_ms;
    deferred_init(&conn->go_on, node->loop, go_on, conn);
    list_append(&node->conns, &conn->node);
    node->n_conns++;
    map_put_u64(&node->by_id, conn->id, conn);
    return conn;
}

static void set_up_io(struct peer_conn *conn)
{
    io_set_input_limit(conn->io, CONN_HANDSHAKE_INPUT_BYTES);
    io_set_output_marks(conn->io, CONN_LOW_MARK_BYTES, CONN_HIGH_MARK_BYTES);
    if (conn->owner->rate != NULL) {
        io_set_rate(conn->io, conn->owner->rate);
    }
}

void conn_accept_take(struct node *node, int fd, const struct netaddr *from)
{
    struct peer_addr addr = peer_addr_of_wire(from->ip, from->port);
    enum limits_verdict welcome = LIMITS_FULL;
    if (node->stage == MONTH_OPEN) {
        welcome = limits_enter(node->limits, &addr, clock_mono_ms());
    }
    struct peer_conn *conn = new_conn(node, &addr);
    conn->welcome = welcome;
    conn->is_counted = welcome == LIMITS_WELCOME;
    conn->io = io_new_take(node->loop, fd, on_io, conn);
    set_up_io(conn);
    start_session(conn);
    /* Some are told why they are turned away; a crowd of them is not. */
    bool is_crowd = node->n_conns > (size_t)node->settings.max_inbound +
                                        node->settings.max_outbound * 2 + NODE_EXTRA_INBOUND;
    if (welcome == LIMITS_BANNED && !is_crowd) {
        uint64_t left_sec = limits_ban_left_sec(node->limits, &addr, clock_mono_ms());
        peer_send_error_and_close(&conn->peer, left_sec, peer_refusal_text(PEER_REFUSE_BANNED));
        conn_flush(conn);
    }
    if (node->stage == MONTH_SILENT || welcome == LIMITS_BANNED ||
        (welcome != LIMITS_WELCOME && is_crowd)) {
        conn_close(conn);
    }
}

/* Each destination gets a circuit of its own from Tor, by a user name that nobody else has. */
static bool start_proxy(struct peer_conn *conn, const struct dial_target *target)
{
    struct node *node = conn->owner;
    char user[33];
    const char *user_name = node->settings.socks_user;
    const char *password = node->settings.socks_password;
    if (user_name[0] == '\0') {
        snprintf(user, sizeof user, "%016llx%016llx", (unsigned long long)random_u64(),
                 (unsigned long long)random_u64());
        user_name = user;
        password = "bittern";
    }
    conn->socks = xcalloc(1, sizeof *conn->socks);
    struct fault fault;
    if (!socks5_init(conn->socks, target->host, target->port, user_name, password, &fault)) {
        log_warn("p2p", "cannot use the proxy fault=\"%s\"", fault.text);
        return false;
    }
    return true;
}

void conn_dial(struct node *node, const struct dial_target *target, const struct netaddr *address)
{
    struct peer_addr addr = target->addr;
    bool by_proxy = node->settings.tor != TOR_OFF;
    if (addr.kind == PEER_ADDR_NONE && !by_proxy) {
        addr = peer_addr_of_wire(address->ip, address->port);
    }
    struct peer_conn *conn = new_conn(node, &addr);
    conn->ticket = target->ticket;
    conn->is_test = target->is_test;
    conn->welcome = LIMITS_WELCOME;
    struct fault fault;
    if (limits_is_banned(node->limits, &addr, clock_mono_ms()) ||
        (by_proxy && !start_proxy(conn, target))) {
        conn_close(conn);
        return;
    }
    conn->io = io_connect(node->loop, by_proxy ? &node->proxy : address, CONN_CONNECT_TIMEOUT_MS,
                          on_io, conn, &fault);
    if (conn->io == NULL) {
        log_debug("p2p", "cannot connect conn=%u fault=\"%s\"", conn->id, fault.text);
        conn_close(conn);
        return;
    }
    set_up_io(conn);
}

void conn_tick(struct peer_conn *conn, int64_t now_ms)
{
    if (conn->is_closing) {
        return;
    }
    if (conn->io != NULL) {
        traffic_watch(conn, now_ms);
    }
    bool in_session = conn->io != NULL && conn->peer.started_ms != 0;
    if (in_session) {
        peer_tick(&conn->peer, now_ms);
        read_packets(conn);
    } else if (now_ms - conn->connected_ms > 2 * CONN_CONNECT_TIMEOUT_MS) {
        conn_close(conn); /* a proxy that does not answer */
    }
    if (conn_is_established(conn) && exchange_go_on(conn)) {
        deferred_arm(&conn->go_on);
    }
}
