// SPDX-License-Identifier: MIT
/* What established peers say to each other: addresses, what there is, what is wanted, objects.
 *
 * Three things are sent bit by bit, as the output has room, so that no peer costs much memory and
 * no callback takes long: the first inventory (a walk through the store in chunks), objects that
 * were asked for (in random order), and requests (as many as sync allows).
 *
 * The anti-intersection delay: for a while after connecting, and after it asked for something that
 * is not here, a peer gets no objects; so it cannot tell by asking whether we had one before it
 * could have come to us through others. Requests wait that long and are then answered as if they
 * came then. */
#include "node/p2p/node_internal.h"

#include <math.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/random.h"
#include "node/objects/onionpeer.h"

enum { MS_PER_SEC = 1000 };

/* ---- the anti-intersection delay */

static int64_t quiet_ms(const struct node *node)
{
    if (!node->network.anti_intersection) {
        return 0;
    }
    double n_known = (double)peer_book_n_peers(node->book);
    return (int64_t)(ceil(log(n_known + 2) / log(20)) * 5.2 * MS_PER_SEC);
}

static bool is_quiet(const struct peer_conn *conn)
{
    return clock_mono_ms() < conn->quiet_until_ms;
}

/* ---- established */

static void send_addresses(struct peer_conn *conn)
{
    struct node *node = conn->owner;
    struct addr_entry entries[ADDR_SEND_MAX + 2];
    int64_t now_sec = clock_now_sec();
    for (size_t i = 0; i < node->streams.n_numbers; i++) {
        uint64_t stream = node->streams.numbers[i];
        if (!peer_takes_stream(&conn->peer, stream)) {
            continue;
        }
        size_t n = peer_book_sample(node->book, (uint32_t)stream, entries, ADDR_SEND_MAX, now_sec);
        n += reach_own_entries(node, (uint32_t)stream, entries + n, now_sec);
        if (n > 0) {
            peer_send_addr(&conn->peer, entries, n);
        }
    }
}

void exchange_begin(struct peer_conn *conn)
{
    struct node *node = conn->owner;
    int64_t now_ms = clock_mono_ms();
    conn->in_sync = true;
    conn->addr_allowance = ADDR_ALLOWANCE;
    conn->addr_refill_ms = now_ms;
    conn->quiet_until_ms = conn->connected_ms + quiet_ms(node);
    conn->inv_end = inventory_newest(node->inventory);
    sync_add_peer(node->sync, conn->id, now_ms);
    if (conn->ticket != 0) {
        dandelion_add_outbound(node->dandelion, conn->id);
    }
    send_addresses(conn);
}

void exchange_end(struct peer_conn *conn)
{
    if (conn->in_sync) {
        sync_remove_peer(conn->owner->sync, conn->id);
        dandelion_remove_peer(conn->owner->dandelion, conn->id);
        conn->in_sync = false;
    }
    slot_set_clear(&conn->known);
    slot_queue_clear(&conn->uploads);
}

/* ---- addr */

static bool is_welcome_addr(const struct node *node, const struct addr_entry *entry,
                            const struct peer_addr *addr, int64_t now_sec)
{
    bool is_place =
        peer_addr_is_global(addr) || (node->network.allow_loopback && peer_addr_is_loopback(addr));
    return streams_has(&node->streams, entry->stream) && is_place && !peer_addr_is_onion(addr) &&
           entry->port != 0 && entry->time_sec <= (uint64_t)now_sec &&
           entry->time_sec > (uint64_t)(now_sec - PEER_BOOK_SHARE_SEC);
}

static void take_addresses(struct peer_conn *conn, const struct addr_message *message)
{
    struct node *node = conn->owner;
    int64_t now_ms = clock_mono_ms();
    int64_t now_sec = clock_now_sec();
    if (now_ms - conn->addr_refill_ms >= (int64_t)ADDR_ALLOWANCE_SEC * MS_PER_SEC) {
        conn->addr_refill_ms = now_ms;
        conn->addr_allowance = ADDR_ALLOWANCE;
    }
    if (message->n_entries > conn->addr_allowance) {
        node_misdeed(conn, MISDEED_FLOOD);
    }
    for (size_t i = 0; i < message->n_entries && conn->addr_allowance > 0; i++) {
        struct addr_entry entry = addr_entry_at(message, i);
        struct peer_addr addr = peer_addr_of_wire(entry.ip, entry.port);
        conn->addr_allowance--;
        if (is_welcome_addr(node, &entry, &addr, now_sec)) {
            peer_book_add_in(node->book, &addr, entry.stream, (int64_t)entry.time_sec, now_sec);
        }
    }
}

/* ---- inv, dinv */

/* What was announced by dinv alone, and by whom: the object will start its stem phase here. */
static void remember_stem(struct peer_conn *conn, const uint8_t *hash)
{
    struct node *node = conn->owner;
    if (node->stem_parents.n_items < DANDELION_MAX_OBJECTS) {
        map_put(&node->stem_parents, (struct bytes){hash, WIRE_HASH_BYTES},
                (void *)(uintptr_t)conn->id);
    }
}

static uint32_t take_stem_parent(struct node *node, const uint8_t *hash)
{
    if (node->stem_parents.n_items == 0) {
        return 0;
    }
    void *value = map_remove(&node->stem_parents, (struct bytes){hash, WIRE_HASH_BYTES});
    return (uint32_t)(uintptr_t)value;
}

/* Somebody else has it: a cycle, or the fluff of others. */
static void end_stem(struct node *node, const uint8_t *hash, uint32_t slot)
{
    if (dandelion_fluff(node->dandelion, hash)) {
        node_count(node, FIGURE_FLUFFED, 1);
        announce_to_all(node, slot);
    }
}

static void take_announcement(struct peer_conn *conn, const uint8_t *hash, bool stem,
                              int64_t now_ms)
{
    struct node *node = conn->owner;
    uint32_t slot = inventory_find(node->inventory, hash);
    if (slot != SLOT_NONE) {
        slot_set_add(&conn->known, slot);
        end_stem(node, hash, slot);
        return;
    }
    enum sync_want_result result = sync_want(node->sync, conn->id, hash, now_ms);
    if (result == SYNC_WANTED_NEW && stem) {
        remember_stem(conn, hash);
    } else if (result == SYNC_WANTED_BEFORE && !stem) {
        (void)take_stem_parent(node, hash);
    }
}

static void take_announcements(struct peer_conn *conn, const struct hash_list *hashes, bool stem)
{
    if (stem && conn->owner->network.dandelion == 0) {
        return;
    }
    int64_t now_ms = clock_mono_ms();
    for (size_t i = 0; i < hashes->n_hashes; i++) {
        take_announcement(conn, hash_list_at(hashes, i), stem, now_ms);
    }
    exchange_ask(conn);
}

void exchange_ask(struct peer_conn *conn)
{
    static uint8_t hashes[SYNC_MAX_WINDOW][WIRE_HASH_BYTES];
    size_t n =
        sync_take_requests(conn->owner->sync, conn->id, hashes, SYNC_MAX_WINDOW, clock_mono_ms());
    if (n > 0) {
        peer_send_getdata(&conn->peer, (struct bytes){hashes[0], n * WIRE_HASH_BYTES});
    }
}

/* ---- getdata */

/* True when the peer may be served that object. */
static bool may_serve(const struct peer_conn *conn, const struct inventory_entry *entry,
                      int64_t now_sec)
{
    uint32_t child;
    if (entry->expires_sec <= now_sec || !traffic_may_tell(conn->owner, entry)) {
        return false;
    }
    return !dandelion_has(conn->owner->dandelion, entry->hash, &child) || child == conn->id;
}

static void take_requests(struct peer_conn *conn, const struct hash_list *hashes)
{
    struct node *node = conn->owner;
    int64_t now_sec = clock_now_sec();
    bool all_here = true;
    for (size_t i = 0; i < hashes->n_hashes; i++) {
        struct inventory_entry entry;
        uint32_t slot = inventory_find(node->inventory, hash_list_at(hashes, i));
        if (slot == SLOT_NONE || !inventory_at(node->inventory, slot, &entry) ||
            !may_serve(conn, &entry, now_sec)) {
            all_here = false;
        } else if (conn->uploads.n_refs < UPLOAD_MAX_QUEUE) {
            slot_queue_add(&conn->uploads, (struct slot_ref){slot, entry.number});
        }
    }
    if (!all_here) {
        conn->quiet_until_ms = clock_mono_ms() + quiet_ms(node);
    }
}

static void serve_one(struct peer_conn *conn, size_t *bytes, int64_t now_sec)
{
    struct node *node = conn->owner;
    struct slot_queue *uploads = &conn->uploads;
    size_t i = (size_t)random_uniform(uploads->n_refs);
    struct slot_ref ref = uploads->refs[i];
    uploads->refs[i] = uploads->refs[--uploads->n_refs];
    struct inventory_entry entry;
    struct bytes payload;
    struct fault fault;
    if (!slot_ref_entry(node, ref, &entry) || !may_serve(conn, &entry, now_sec)) {
        return;
    }
    if (!inventory_read(node->inventory, ref.slot, &payload, &fault)) {
        log_warn("p2p", "cannot read an object fault=\"%s\"", fault.text);
        return;
    }
    peer_send_object(&conn->peer, payload);
    slot_set_add(&conn->known, ref.slot);
    node_count_object(node, FIGURE_OBJECTS_OUT, FIGURE_OBJECT_BYTES_OUT, entry.type, payload.len);
    *bytes += payload.len;
}

static bool serve(struct peer_conn *conn)
{
    size_t bytes = 0;
    int64_t now_sec = clock_now_sec();
    if (is_quiet(conn)) {
        return false;
    }
    for (size_t n = 0; n < UPLOAD_OBJECTS_A_TURN && bytes < UPLOAD_BYTES_A_TURN &&
                       conn->uploads.n_refs > 0 && !io_output_is_full(conn->io);
         n++) {
        serve_one(conn, &bytes, now_sec);
    }
    conn_flush(conn);
    if (conn->uploads.n_refs == 0) {
        slot_queue_clear(&conn->uploads);
    }
    return conn->uploads.n_refs > 0 && !io_output_is_full(conn->io);
}

/* ---- the first inventory */

static bool send_inventory(struct peer_conn *conn)
{
    struct node *node = conn->owner;
    struct buf hashes = {0};
    int64_t now_sec = clock_now_sec();
    size_t n = 0;
    while (conn->inv_next < conn->inv_end && n < INITIAL_INV_A_TURN) {
        struct inventory_entry entry;
        uint32_t slot = inventory_after(node->inventory, conn->inv_next);
        if (slot == SLOT_NONE || !inventory_at(node->inventory, slot, &entry) ||
            entry.number > conn->inv_end) {
            conn->inv_next = conn->inv_end;
            break;
        }
        conn->inv_next = entry.number;
        n++;
        if (entry.expires_sec > now_sec && !slot_set_has(&conn->known, slot) &&
            peer_takes_stream(&conn->peer, entry.stream) && traffic_may_tell(node, &entry) &&
            !dandelion_has(node->dandelion, entry.hash, NULL)) {
            slot_set_add(&conn->known, slot);
            buf_append(&hashes, entry.hash, sizeof entry.hash);
        }
    }
    if (hashes.len > 0) {
        random_shuffle(hashes.data, hashes.len / WIRE_HASH_BYTES, WIRE_HASH_BYTES);
        peer_send_inv(&conn->peer, buf_view(&hashes), false);
        conn_flush(conn);
    }
    buf_clear(&hashes);
    return conn->inv_next < conn->inv_end && !io_output_is_full(conn->io);
}

bool exchange_go_on(struct peer_conn *conn)
{
    exchange_ask(conn);
    conn_flush(conn);
    bool more_inventory = send_inventory(conn);
    bool more_objects = serve(conn);
    return more_inventory || more_objects;
}

/* ---- objects */

static void learn_onion(struct node *node, const struct object *object)
{
    struct peer_addr addr;
    if (node->settings.tor != TOR_OFF && object->type == OBJECT_ONIONPEER &&
        onionpeer_parse(&addr, object, NULL)) {
        peer_book_add(node->book, &addr, clock_now_sec(), clock_now_sec());
    }
}

/* The stem that a parent's objects go along, if it takes part in the object's stream. */
static bool enter_stem(struct node *node, uint32_t parent, const struct accepted *accepted,
                       uint32_t *out_child)
{
    if (!dandelion_add(node->dandelion, accepted->hash, parent, out_child, clock_mono_ms())) {
        return false;
    }
    const struct peer_conn *child = node_conn(node, *out_child);
    if (child != NULL && peer_takes_stream(&child->peer, accepted->object.stream)) {
        return true;
    }
    dandelion_fluff(node->dandelion, accepted->hash);
    return false;
}

void exchange_relay(struct node *node, uint32_t from, const struct accepted *accepted,
                    const struct sync_announcers *announcers)
{
    for (size_t i = 0; i < announcers->n_ids; i++) {
        struct peer_conn *conn = node_conn(node, announcers->ids[i]);
        if (conn != NULL) {
            slot_set_add(&conn->known, accepted->slot);
        }
    }
    uint32_t parent = from == 0 ? DANDELION_LOCAL : take_stem_parent(node, accepted->hash);
    uint32_t child;
    bool begins_as_stem = from == 0 || parent != 0;
    if (begins_as_stem && enter_stem(node, parent, accepted, &child)) {
        node_count(node, FIGURE_STEMMED, 1);
        announce_to_one(node, child, accepted->slot, dandelion_draw_stem(node->dandelion));
    } else {
        announce_to_all(node, accepted->slot);
    }
    learn_onion(node, &accepted->object);
    link_serve_wake(node->link);
}

static void take_object(struct peer_conn *conn, struct bytes payload)
{
    struct node *node = conn->owner;
    int64_t start_us = clock_mono_us();
    struct sync_announcers announcers;
    struct accepted accepted =
        accept_object(node->inventory, &node->rules, payload, false, clock_now_sec());
    int64_t now_ms = clock_mono_ms();
    switch (accepted.verdict) {
    case ACCEPT_NEW:
        node_count_object(node, FIGURE_OBJECTS_IN, FIGURE_OBJECT_BYTES_IN, accepted.object.type,
                          payload.len);
        sync_arrived(node->sync, conn->id, accepted.hash, &announcers, now_ms);
        slot_set_add(&conn->known, accepted.slot);
        exchange_relay(node, conn->id, &accepted, &announcers);
        break;
    case ACCEPT_KNOWN:
        slot_set_add(&conn->known, accepted.slot);
        end_stem(node, accepted.hash, accepted.slot);
        break;
    case ACCEPT_REFUSED:
        node_count(node, FIGURE_REFUSED, 1);
        log_debug("p2p", "object refused conn=%u reason=\"%s\"", conn->id, accepted.reason);
        sync_refused(node->sync, conn->id, accepted.hash, now_ms);
        (void)take_stem_parent(node, accepted.hash);
        if (accepted.is_misdeed) {
            node_misdeed(conn, MISDEED_BAD_OBJECT);
        }
        break;
    case ACCEPT_BUSY:
        conn->is_paused = true;
        io_pause(conn->io);
        break;
    }
    node_count_check(node, clock_mono_us() - start_us);
}

/* ---- errors */

/* Who is known by name alone can't be banned by address. */
static void postpone_named(const struct peer_conn *conn, uint64_t sec)
{
    if (conn->addr.kind == PEER_ADDR_NONE) {
        int64_t obeyed_sec =
            sec < LIMITS_MAX_OBEYED_BAN_SEC ? (int64_t)sec : LIMITS_MAX_OBEYED_BAN_SEC;
        dial_postpone(conn->owner->dial, conn->ticket, clock_mono_ms() + obeyed_sec * MS_PER_SEC);
    }
}

static void take_error(struct peer_conn *conn, const struct error_message *error)
{
    log_info("p2p", "peer says error conn=%u fatal=%llu ban=%llu text=\"%s\"", conn->id,
             (unsigned long long)error->fatal, (unsigned long long)error->ban_time_sec,
             log_escape(error->text).text);
    if (error->ban_time_sec > 0) {
        /* Who does not want us is left alone for that long. */
        limits_ban(conn->owner->limits, &conn->addr, error->ban_time_sec, clock_mono_ms());
        postpone_named(conn, error->ban_time_sec);
    }
}

void exchange_event(struct peer_conn *conn, const struct peer_event *event)
{
    switch (event->type) {
    case PEER_EVENT_ADDR:
        take_addresses(conn, &event->addr);
        break;
    case PEER_EVENT_INV:
        take_announcements(conn, &event->hashes, event->stem);
        break;
    case PEER_EVENT_GETDATA:
        take_requests(conn, &event->hashes);
        break;
    case PEER_EVENT_OBJECT:
        take_object(conn, event->object);
        break;
    case PEER_EVENT_ERROR:
        take_error(conn, &event->error);
        break;
    case PEER_EVENT_MALFORMED:
        log_debug("p2p", "malformed conn=%u fault=\"%s\"", conn->id, event->fault.text);
        node_misdeed(conn, MISDEED_MALFORMED);
        break;
    default:
        break;
    }
}

/* ---- time */

static void mark_stalls(struct node *node)
{
    list_for_each(place, &node->conns)
    {
        struct peer_conn *conn = list_entry(place, struct peer_conn, node);
        unsigned n_stalls = conn->in_sync ? sync_n_stalls(node->sync, conn->id) : 0;
        if (n_stalls < conn->n_marked_stalls) {
            conn->n_marked_stalls = 0;
        }
        if (n_stalls >= conn->n_marked_stalls + STALLS_TO_MARK) {
            conn->n_marked_stalls = n_stalls;
            node_misdeed(conn, MISDEED_NOT_DELIVERED);
        }
    }
}

void exchange_tick(struct node *node, int64_t now_ms)
{
    uint8_t hash[WIRE_HASH_BYTES];
    sync_tick(node->sync, now_ms);
    mark_stalls(node);
    dandelion_tick(node->dandelion, now_ms);
    while (dandelion_next_fluff(node->dandelion, hash, now_ms)) {
        uint32_t slot = inventory_find(node->inventory, hash);
        if (slot != SLOT_NONE) {
            node_count(node, FIGURE_FLUFFED, 1);
            announce_to_all(node, slot);
        }
    }
}
