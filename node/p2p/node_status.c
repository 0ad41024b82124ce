// SPDX-License-Identifier: MIT
/* How the node is, for `status`, the log and Prometheus: one table of figures, printed two ways. */
#include "node/p2p/node_internal.h"

#include "base/clock.h"

enum { SYNCING_FROM_WANTED = 50 };

struct node_status node_status(const struct node *node)
{
    struct node_status status = node->figures;
    status.port = node->port;
    status.n_known_peers = peer_book_n_peers(node->book);
    status.n_banned = limits_n_banned(node->limits, clock_mono_ms());
    status.n_wanted = sync_n_wanted(node->sync);
    status.n_buffered = node->buffered;
    status.month_bytes = month_cap_used(&node->month, clock_now_sec());
    status.month_stage = node->stage;
    status.n_stem_objects = dandelion_n_objects(node->dandelion);
    status.inventory = inventory_figures(node->inventory);
    list_for_each(place, &node->conns)
    {
        const struct peer_conn *conn = list_entry(place, struct peer_conn, node);
        status.n_connections++;
        if (conn_is_established(conn)) {
            status.n_peers_out += conn->ticket != 0;
            status.n_peers_in += conn->ticket == 0;
        }
        if (conn->io != NULL) {
            status.bytes_in += io_bytes_received(conn->io);
            status.bytes_out += io_bytes_sent(conn->io);
        }
    }
    status.is_syncing = status.n_wanted >= SYNCING_FROM_WANTED;
    return status;
}

struct figure {
    const char *name;
    const char *help;
    bool is_counter;
    uint64_t value;
};

enum { N_FIGURES = 22 };

static void list_figures(struct figure out[N_FIGURES], const struct node_status *status)
{
    const struct figure figures[N_FIGURES] = {
        {"port", "port for other nodes", false, status->port},
        {"peers_in", "established connections from others", false, status->n_peers_in},
        {"peers_out", "established connections to others", false, status->n_peers_out},
        {"connections", "connections in any state", false, status->n_connections},
        {"known_peers", "entries of the book of peers", false, status->n_known_peers},
        {"banned", "addresses banned now", false, status->n_banned},
        {"objects", "objects in the store", false, status->inventory.n_objects},
        {"object_bytes", "bytes of objects in the store", false, status->inventory.n_bytes},
        {"unwritten", "objects not written to disk yet", false, status->inventory.n_unwritten},
        {"evicted", "objects dropped for want of room", true, status->inventory.n_evicted},
        {"wanted", "objects announced to us and not here yet", false, status->n_wanted},
        {"stem_objects", "objects in their stem phase", false, status->n_stem_objects},
        {"bytes_in", "bytes received", true, status->bytes_in},
        {"bytes_out", "bytes sent", true, status->bytes_out},
        {"objects_in", "objects received and stored", true, status->n_objects_in},
        {"objects_out", "objects sent", true, status->n_objects_out},
        {"objects_refused", "objects received and refused", true, status->n_refused},
        {"buffered", "bytes in the buffers of all connections", false, status->n_buffered},
        {"shed", "connections ended because all buffers were full", true, status->n_shed},
        {"month_bytes", "bytes both ways in this month", false, status->month_bytes},
        {"month_stage", "of the monthly cap: 0 open to 3 silent", false, status->month_stage},
        {"verify_us", "microseconds spent on checking objects", true, status->verify_us},
    };
    for (size_t i = 0; i < N_FIGURES; i++) {
        out[i] = figures[i];
    }
}

void node_status_json(struct buf *out, const struct node_status *status)
{
    struct figure figures[N_FIGURES];
    list_figures(figures, status);
    buf_append_str(out, "{");
    for (size_t i = 0; i < N_FIGURES; i++) {
        buf_printf(out, "\"%s\":%llu,", figures[i].name, (unsigned long long)figures[i].value);
    }
    for (int kind = 0; kind < INVENTORY_N_KINDS; kind++) {
        buf_printf(out, "\"objects_%s\":%llu,", inventory_kind_name((enum inventory_kind)kind),
                   (unsigned long long)status->inventory.n_of_kind[kind]);
    }
    buf_printf(out, "\"syncing\":%s,\"was_reached\":%s}", status->is_syncing ? "true" : "false",
               status->was_reached ? "true" : "false");
}

void node_status_metrics(struct buf *out, const struct node_status *status)
{
    struct figure figures[N_FIGURES];
    list_figures(figures, status);
    for (size_t i = 0; i < N_FIGURES; i++) {
        buf_printf(out, "# HELP bittern_node_%s %s\n# TYPE bittern_node_%s %s\n", figures[i].name,
                   figures[i].help, figures[i].name, figures[i].is_counter ? "counter" : "gauge");
        buf_printf(out, "bittern_node_%s %llu\n", figures[i].name,
                   (unsigned long long)figures[i].value);
    }
    for (int kind = 0; kind < INVENTORY_N_KINDS; kind++) {
        buf_printf(out, "bittern_node_objects_of_kind{kind=\"%s\"} %llu\n",
                   inventory_kind_name((enum inventory_kind)kind),
                   (unsigned long long)status->inventory.n_of_kind[kind]);
    }
}
