// SPDX-License-Identifier: MIT
/* Announcing, spread over time: each new object is put into one of ANNOUNCE_BUCKETS at random, and
 * one bucket is told to the peers each tenth of the setting's time. So a listener learns little
 * from when an announcement came, and many objects share a packet. */
#include "crypto/random.h"
#include "node/p2p/node_internal.h"

#include "base/clock.h"

void slot_queue_add(struct slot_queue *queue, struct slot_ref ref)
{
    if (queue->n_refs == queue->capacity) {
        queue->refs = array_grow(queue->refs, queue->n_refs, &queue->capacity, sizeof *queue->refs);
    }
    queue->refs[queue->n_refs++] = ref;
}

void slot_queue_clear(struct slot_queue *queue)
{
    free(queue->refs);
    *queue = (struct slot_queue){0};
}

bool slot_ref_entry(const struct node *node, struct slot_ref ref, struct inventory_entry *out)
{
    return inventory_at(node->inventory, ref.slot, out) && out->number == ref.number;
}

void announce_to_all(struct node *node, uint32_t slot)
{
    struct inventory_entry entry;
    if (!inventory_at(node->inventory, slot, &entry)) {
        return;
    }
    size_t bucket = node->announce_now;
    if (node->network.announce_delay_sec > 0) {
        bucket = (size_t)random_uniform(ANNOUNCE_BUCKETS);
    }
    slot_queue_add(&node->announcing[bucket], (struct slot_ref){slot, entry.number});
    if (!timer_is_armed(&node->announce_timer)) {
        int64_t period_ms = (int64_t)node->network.announce_delay_sec * 1000 / ANNOUNCE_BUCKETS;
        timer_arm(&node->announce_timer,
                  period_ms > ANNOUNCE_MIN_PERIOD_MS ? period_ms : ANNOUNCE_MIN_PERIOD_MS);
    }
}

void announce_to_one(struct node *node, uint32_t id, uint32_t slot, bool stem)
{
    struct inventory_entry entry;
    struct peer_conn *conn = node_conn(node, id);
    if (conn == NULL || !conn_is_established(conn) ||
        !inventory_at(node->inventory, slot, &entry)) {
        return;
    }
    peer_send_inv(&conn->peer, (struct bytes){entry.hash, sizeof entry.hash},
                  stem && peer_has_dandelion(&conn->peer));
    conn_flush(conn);
}

/* The hashes of a bucket that the peer does not have. */
static void tell_peer(struct peer_conn *conn, const struct slot_queue *bucket, int64_t now_sec)
{
    struct buf hashes = {0};
    struct inventory_entry entry;
    for (size_t i = 0; i < bucket->n_refs; i++) {
        uint32_t slot = bucket->refs[i].slot;
        if (slot_set_has(&conn->known, slot) ||
            !slot_ref_entry(conn->owner, bucket->refs[i], &entry) || entry.expires_sec <= now_sec ||
            !peer_takes_stream(&conn->peer, entry.stream) ||
            !traffic_may_tell(conn->owner, &entry)) {
            continue;
        }
        slot_set_add(&conn->known, slot);
        buf_append(&hashes, entry.hash, sizeof entry.hash);
    }
    if (hashes.len > 0) {
        peer_send_inv(&conn->peer, buf_view(&hashes), false);
        conn_flush(conn);
    }
    buf_clear(&hashes);
}

static bool something_waits(const struct node *node)
{
    for (size_t i = 0; i < ANNOUNCE_BUCKETS; i++) {
        if (node->announcing[i].n_refs > 0) {
            return true;
        }
    }
    return false;
}

static void on_announce_timer(void *context)
{
    struct node *node = context;
    struct slot_queue *bucket = &node->announcing[node->announce_now];
    int64_t now_sec = clock_now_sec();
    random_shuffle(bucket->refs, bucket->n_refs, sizeof *bucket->refs);
    list_for_each(place, &node->conns)
    {
        struct peer_conn *conn = list_entry(place, struct peer_conn, node);
        if (conn_is_established(conn)) {
            tell_peer(conn, bucket, now_sec);
        }
    }
    slot_queue_clear(bucket);
    node->announce_now = (node->announce_now + 1) % ANNOUNCE_BUCKETS;
    if (something_waits(node)) {
        int64_t period_ms = (int64_t)node->network.announce_delay_sec * 1000 / ANNOUNCE_BUCKETS;
        timer_arm(&node->announce_timer,
                  period_ms > ANNOUNCE_MIN_PERIOD_MS ? period_ms : ANNOUNCE_MIN_PERIOD_MS);
    }
}

void announce_start(struct node *node)
{
    timer_init(&node->announce_timer, node->loop, on_announce_timer, node);
}

void announce_clear(struct node *node)
{
    timer_cancel(&node->announce_timer);
    for (size_t i = 0; i < ANNOUNCE_BUCKETS; i++) {
        slot_queue_clear(&node->announcing[i]);
    }
}
