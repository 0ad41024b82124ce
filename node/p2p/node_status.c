// SPDX-License-Identifier: MIT
/* How the node is. Counters are kept in node->figures where things happen; everything that can be
 * read off the parts is read off when somebody asks. */
#include "node/p2p/node_internal.h"

#include "base/clock.h"

enum {
    SYNCING_FROM_WANTED = 50,
    RATE_PERIOD_MS = 10 * 1000, /* over which "of late" is measured */
    MS_PER_SEC = 1000
};

_Static_assert((int)NODE_FIGURE_KINDS == (int)INVENTORY_N_KINDS, "kinds of objects");
_Static_assert(FIGURE_MISDEED_FLOOD - FIGURE_MISDEED_BROKEN_STREAM + 1 == (int)MISDEED_N,
               "kinds of misdeeds");

void node_count(struct node *node, enum node_figure figure, uint64_t n)
{
    node->figures.values[figure] += n;
}

void node_count_object(struct node *node, enum node_figure objects, enum node_figure bytes,
                       uint32_t type, size_t len)
{
    unsigned kind = (unsigned)inventory_kind_of(type);
    node->figures.values[objects + kind]++;
    node->figures.values[bytes + kind] += len;
}

void node_count_check(struct node *node, int64_t spent_us)
{
    uint64_t us = spent_us > 0 ? (uint64_t)spent_us : 0;
    uint64_t *longest = &node->figures.values[FIGURE_VERIFY_MAX_US];
    node_count(node, FIGURE_VERIFIED, 1);
    node_count(node, FIGURE_VERIFY_US, us);
    *longest = us > *longest ? us : *longest;
}

/* ---- what is read off the parts */

static enum node_figure network_of(const struct peer_addr *addr)
{
    if (peer_addr_is_onion(addr)) {
        return FIGURE_PEERS_ONION;
    }
    switch (addr->kind) {
    case PEER_ADDR_IPV4:
        return FIGURE_PEERS_IPV4;
    case PEER_ADDR_IPV6:
        return FIGURE_PEERS_IPV6;
    default:
        return FIGURE_PEERS_NAMED;
    }
}

static void add_connections(uint64_t *values, const struct node *node)
{
    list_for_each(place, &node->conns)
    {
        const struct peer_conn *conn = list_entry(place, struct peer_conn, node);
        values[FIGURE_CONNECTIONS]++;
        if (conn->io != NULL) {
            values[FIGURE_BYTES_IN] += io_bytes_received(conn->io);
            values[FIGURE_BYTES_OUT] += io_bytes_sent(conn->io);
        }
        if (conn_is_established(conn)) {
            values[conn->ticket != 0 ? FIGURE_PEERS_OUT : FIGURE_PEERS_IN]++;
            values[network_of(&conn->addr)]++;
            values[io_is_tls(conn->io) ? FIGURE_PEERS_TLS : FIGURE_PEERS_PLAIN]++;
            values[FIGURE_ASKED] += sync_n_asked(node->sync, conn->id);
        }
    }
}

static void add_inventory(uint64_t *values, const struct inventory *inventory)
{
    struct inventory_figures figures = inventory_figures(inventory);
    values[FIGURE_OBJECTS] = figures.n_objects;
    values[FIGURE_OBJECT_BYTES] = figures.n_bytes;
    values[FIGURE_UNWRITTEN] = figures.n_unwritten;
    values[FIGURE_DISK_FAILING] = figures.write_failed;
    values[FIGURE_EVICTED] = figures.n_evicted;
    values[FIGURE_EXPIRED] = figures.n_expired;
    for (size_t kind = 0; kind < INVENTORY_N_KINDS; kind++) {
        values[FIGURE_OBJECTS_OF_KIND + kind] = figures.n_of_kind[kind];
        values[FIGURE_BYTES_OF_KIND + kind] = figures.bytes_of_kind[kind];
    }
}

static uint64_t percent_of(uint64_t part, uint64_t missing)
{
    return missing == 0 ? 100 : part * 100 / (part + missing);
}

static enum node_colour colour_of(const uint64_t *values)
{
    if (values[FIGURE_PEERS_IN] + values[FIGURE_PEERS_OUT] == 0) {
        return NODE_RED;
    }
    return values[FIGURE_PEERS_IN] != 0 || values[FIGURE_WAS_REACHED] != 0 ? NODE_GREEN
                                                                           : NODE_YELLOW;
}

struct node_figures node_status(const struct node *node)
{
    struct node_figures figures = node->figures;
    uint64_t *values = figures.values;
    values[FIGURE_PORT] = node->port;
    values[FIGURE_KNOWN_PEERS] = peer_book_n_peers(node->book);
    values[FIGURE_BANNED] = limits_n_banned(node->limits, clock_mono_ms());
    values[FIGURE_WANTED] = sync_n_wanted(node->sync);
    values[FIGURE_STALLS] = sync_n_released(node->sync);
    values[FIGURE_BUFFERED] = node->buffered;
    values[FIGURE_MONTH_BYTES] = month_cap_used(&node->month, clock_now_sec());
    values[FIGURE_MONTH_STAGE] = node->stage;
    values[FIGURE_STEM_OBJECTS] = dandelion_n_objects(node->dandelion);
    values[FIGURE_STEMS] = dandelion_n_stems(node->dandelion);
    add_inventory(values, node->inventory);
    add_connections(values, node);
    values[FIGURE_SYNCING] = values[FIGURE_WANTED] >= SYNCING_FROM_WANTED;
    values[FIGURE_SYNC_PERCENT] = percent_of(values[FIGURE_OBJECTS], values[FIGURE_WANTED]);
    values[FIGURE_COLOUR] = colour_of(values);
    return figures;
}

/* ---- of late */

void node_status_tick(struct node *node, int64_t now_ms)
{
    int64_t past_ms = now_ms - node->rated_ms;
    if (past_ms < RATE_PERIOD_MS) {
        return;
    }
    struct node_figures now = node_status(node);
    for (size_t i = 0; i < ARRAY_LEN(node->rated_bytes); i++) {
        uint64_t bytes = now.values[FIGURE_BYTES_IN + i];
        node->figures.values[FIGURE_RATE_IN + i] =
            (bytes - node->rated_bytes[i]) * MS_PER_SEC / (uint64_t)past_ms;
        node->rated_bytes[i] = bytes;
    }
    node->rated_ms = now_ms;
}
