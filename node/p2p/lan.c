// SPDX-License-Identifier: MIT
/* Finding nodes in the local network (Bitmessage protocol, "UDP LAN discovery"): once a minute an
 * `addr` packet by broadcast says that a node listens here, and what others say so is offered to
 * the dialler.
 *
 * Nothing of a datagram is believed but the port: the address is the sender's, which must be a
 * private one. It never runs with a proxy. */
#include "node/p2p/node_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum {
    LAN_PERIOD_MS = 60 * 1000,
    LAN_FIRST_MS = 500,
    LAN_MAX_DATAGRAM_BYTES = 2048,
    LAN_DATAGRAMS_A_TURN = 16,
    LAN_MAX_TIME_OFFSET_SEC = 3600
};

struct lan {
    struct node *node;
    int fd;
    uint16_t port;
    struct watch *watch;
    struct timer timer;
};

/* ---- saying */

/* The address in it is not looked at by anybody; loopback is what the reference node puts there. */
static const uint8_t loopback_ip[WIRE_IP_BYTES] = {0, 0, 0,    0,    0,   0, 0, 0,
                                                   0, 0, 0xff, 0xff, 127, 0, 0, 1};

static void write_announcement(struct buf *out, const struct node *node)
{
    struct addr_entry entries[STREAMS_MAX];
    size_t n = node->streams.n_numbers;
    for (size_t i = 0; i < n; i++) {
        entries[i] = (struct addr_entry){.time_sec = (uint64_t)clock_now_sec(),
                                         .stream = (uint32_t)node->streams.numbers[i],
                                         .services = SERVICE_NODE_NETWORK,
                                         .port = node->port};
        memcpy(entries[i].ip, loopback_ip, sizeof loopback_ip);
    }
    size_t start = frame_begin(out, node->network.magic, WIRE_ADDR);
    addr_write(out, entries, n);
    frame_end(out, start);
}

static void on_timer(void *context)
{
    struct lan *lan = context;
    struct sockaddr_in everybody = {.sin_family = AF_INET,
                                    .sin_port = htons(lan->port),
                                    .sin_addr.s_addr = htonl(INADDR_BROADCAST)};
    timer_arm(&lan->timer, LAN_PERIOD_MS);
    if (lan->node->port == 0 || lan->node->stage != MONTH_OPEN) {
        return;
    }
    struct buf packet = {0};
    write_announcement(&packet, lan->node);
    if (sendto(lan->fd, packet.data, packet.len, MSG_DONTWAIT, (struct sockaddr *)&everybody,
               sizeof everybody) < 0) {
        log_debug("p2p", "no word to the local network: %s", strerror(errno));
    }
    buf_clear(&packet);
}

/* ---- hearing */

static bool is_neighbour(const struct node *node, const struct peer_addr *from)
{
    return peer_addr_is_private(from) ||
           (node->network.allow_loopback && peer_addr_is_loopback(from));
}

static bool is_welcome(const struct node *node, const struct addr_entry *entry, int64_t now_sec)
{
    struct peer_addr said = peer_addr_of_wire(entry->ip, entry->port);
    uint64_t now = (uint64_t)now_sec;
    bool is_now = entry->time_sec <= now + LAN_MAX_TIME_OFFSET_SEC &&
                  now <= entry->time_sec + LAN_MAX_TIME_OFFSET_SEC;
    return is_now && entry->port != 0 && streams_has(&node->streams, entry->stream) &&
           !peer_addr_is_global(&said);
}

void lan_take_datagram(struct node *node, const struct peer_addr *from, struct bytes datagram)
{
    struct frame frame;
    struct addr_message message;
    size_t used;
    if (!is_neighbour(node, from) ||
        frame_parse(&frame, &used, node->network.magic, datagram, NULL) != PARSE_DONE ||
        frame.command != WIRE_ADDR || !addr_decode(&message, frame.payload, NULL)) {
        return;
    }
    for (size_t i = 0; i < message.n_entries && i < STREAMS_MAX; i++) {
        struct addr_entry entry = addr_entry_at(&message, i);
        struct peer_addr neighbour = *from;
        neighbour.port = entry.port;
        if (is_welcome(node, &entry, clock_now_sec())) {
            dial_offer(node->dial, &neighbour, clock_mono_ms());
        }
    }
}

static void on_ready(void *context, unsigned ready)
{
    struct lan *lan = context;
    uint8_t data[LAN_MAX_DATAGRAM_BYTES];
    (void)ready;
    for (int i = 0; i < LAN_DATAGRAMS_A_TURN; i++) {
        struct sockaddr_storage from;
        socklen_t from_len = sizeof from;
        struct netaddr address;
        ssize_t len = recvfrom(lan->fd, data, sizeof data, MSG_DONTWAIT | MSG_TRUNC,
                               (struct sockaddr *)&from, &from_len);
        if (len < 0) {
            return;
        }
        if ((size_t)len <= sizeof data && netaddr_from_sockaddr(&address, &from)) {
            struct peer_addr sender = peer_addr_of_netaddr(&address);
            lan_take_datagram(lan->node, &sender, (struct bytes){data, (size_t)len});
        }
    }
}

/* ---- the life of it */

void node_lan_take(struct node *node, int fd)
{
    if (node->settings.tor != TOR_OFF || node->lan != NULL) {
        close(fd);
        return;
    }
    struct lan *lan = xcalloc(1, sizeof *lan);
    lan->node = node;
    lan->fd = fd;
    lan->port = node->settings.lan_port;
    lan->watch = watch_new(node->loop, fd, on_ready, lan);
    watch_want(lan->watch, WATCH_READ);
    timer_init(&lan->timer, node->loop, on_timer, lan);
    timer_arm(&lan->timer, LAN_FIRST_MS);
    node->lan = lan;
}

void lan_free(struct lan **lan)
{
    if (*lan != NULL) {
        timer_cancel(&(*lan)->timer);
        watch_free(&(*lan)->watch);
        close((*lan)->fd);
        free(*lan);
        *lan = NULL;
    }
}
