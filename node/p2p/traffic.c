// SPDX-License-Identifier: MIT
/* What all connections together may cost: memory for what waits to be sent or read, and bytes in a
 * month.
 *
 * Each connection's buffers are charged to one budget as they change. Above it, connections are
 * ended until it fits: of those that hold at least half as much as the greatest, the one whose
 * output has stood still for longest. So a crowd of slow readers pushes itself out, and a peer that
 * reads, or holds little, stays. Besides, a connection whose output stood still for
 * TRAFFIC_STUCK_SEC is ended whatever room there is. */
#include "node/p2p/node_internal.h"

#include "base/clock.h"
#include "base/log.h"

enum { TRAFFIC_STUCK_SEC = 120, MS_PER_SEC = 1000 };

/* ---- memory */

static size_t held_by(const struct peer_conn *conn)
{
    size_t held = conn->peer.out.capacity + conn->uploads.capacity * sizeof *conn->uploads.refs;
    return conn->io == NULL ? held : held + io_output_len(conn->io) + io_input(conn->io).len;
}

static void release(struct peer_conn *conn)
{
    conn->owner->buffered -= conn->buffered;
    conn->buffered = 0;
}

static struct peer_conn *choose_to_end(const struct node *node)
{
    struct peer_conn *chosen = NULL;
    size_t most = 0;
    list_for_each(place, &node->conns)
    {
        const struct peer_conn *conn = list_entry(place, struct peer_conn, node);
        most = conn->buffered > most ? conn->buffered : most;
    }
    list_for_each(place, &node->conns)
    {
        struct peer_conn *conn = list_entry(place, struct peer_conn, node);
        if (conn->buffered > 0 && conn->buffered >= most / 2 &&
            (chosen == NULL || conn->moved_ms < chosen->moved_ms)) {
            chosen = conn;
        }
    }
    return chosen;
}

static void make_room(struct node *node)
{
    while (node->buffered > node->settings.max_buffers_bytes) {
        struct peer_conn *conn = choose_to_end(node);
        if (conn == NULL) {
            return;
        }
        log_info("p2p", "connection ended conn=%u reason=\"buffers are full\" held=%zu all=%zu",
                 conn->id, conn->buffered, node->buffered);
        node_count(node, FIGURE_SHED, 1);
        release(conn);
        conn_close(conn);
    }
}

void traffic_charge(struct peer_conn *conn)
{
    if (conn->is_closing) {
        return;
    }
    struct node *node = conn->owner;
    size_t held = held_by(conn);
    node->buffered = node->buffered - conn->buffered + held;
    conn->buffered = held;
    if (node->buffered > node->settings.max_buffers_bytes) {
        make_room(node);
    }
}

void traffic_forget(struct peer_conn *conn)
{
    release(conn);
}

void traffic_watch(struct peer_conn *conn, int64_t now_ms)
{
    uint64_t sent = io_bytes_sent(conn->io);
    if (sent != conn->seen_sent || io_output_len(conn->io) == 0) {
        conn->seen_sent = sent;
        conn->moved_ms = now_ms;
    } else if (now_ms - conn->moved_ms >= (int64_t)TRAFFIC_STUCK_SEC * MS_PER_SEC) {
        log_info("p2p", "connection ended conn=%u reason=\"it reads nothing\"", conn->id);
        conn_close(conn);
    }
}

/* ---- the month */

static uint64_t count_all(const struct node *node)
{
    uint64_t bytes = node->figures.values[FIGURE_BYTES_IN] + node->figures.values[FIGURE_BYTES_OUT];
    list_for_each(place, &node->conns)
    {
        const struct peer_conn *conn = list_entry(place, struct peer_conn, node);
        if (conn->io != NULL) {
            bytes += io_bytes_received(conn->io) + io_bytes_sent(conn->io);
        }
    }
    return bytes;
}

static void enter_stage(struct node *node, enum month_stage stage)
{
    log_warn("p2p", "monthly cap used=%llu of=%llu: %s",
             (unsigned long long)month_cap_used(&node->month, clock_now_sec()),
             (unsigned long long)node->month.cap_bytes, month_stage_text(stage));
    node->stage = stage;
    list_for_each(place, &node->conns)
    {
        struct peer_conn *conn = list_entry(place, struct peer_conn, node);
        if (stage == MONTH_SILENT || (stage == MONTH_NO_RELAY && conn->ticket == 0)) {
            conn_close(conn);
        }
    }
}

void traffic_tick(struct node *node)
{
    int64_t now_sec = clock_now_sec();
    uint64_t total = count_all(node);
    month_cap_count(&node->month, total - node->counted_bytes, now_sec);
    node->counted_bytes = total;
    enum month_stage stage = month_cap_stage(&node->month, now_sec);
    if (stage != node->stage) {
        enter_stage(node, stage);
    }
}

bool traffic_may_tell(const struct node *node, const struct inventory_entry *entry)
{
    return node->stage < MONTH_NO_RELAY || entry->own;
}
