// SPDX-License-Identifier: MIT
/* What the files behind node.h share. For this room alone.
 *
 *     node.c       start and stop, timers, listening
 *     dialling.c   connections that we open, look-ups, introductions
 *     reach.c      our own address and port; onion_announce.c our Tor name; lan.c neighbours
 *     peer_conn.c  one connection: io and session
 *     traffic.c    memory of all buffers, bytes of the month
 *     exchange.c   what established peers say to each other
 *     announce.c   telling peers what is new, spread over time
 *     link_serve.c the gateway's link */
#ifndef BITTERN_NODE_P2P_NODE_INTERNAL_H
#define BITTERN_NODE_P2P_NODE_INTERNAL_H

#include "base/io.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/timer.h"
#include "base/tls.h"
#include "node/inventory/inventory.h"
#include "node/link/link_node.h"
#include "node/p2p/accept.h"
#include "node/p2p/dandelion.h"
#include "node/p2p/dial.h"
#include "node/p2p/limits.h"
#include "node/p2p/month_cap.h"
#include "node/p2p/node.h"
#include "node/p2p/own_address.h"
#include "node/p2p/peer.h"
#include "node/p2p/peer_book.h"
#include "node/p2p/peer_store.h"
#include "node/p2p/slot_set.h"
#include "node/p2p/socks5.h"
#include "node/p2p/sync.h"

enum {
    NODE_MAX_LISTENERS = 16,
    NODE_MAX_BOOTSTRAP = 16,
    NODE_N_FAMILIES = 2, /* IPv4, IPv6 */
    NODE_EXTRA_INBOUND =
        20, /* connections above the bound that are told so, and not just dropped */
    CONN_CONNECT_TIMEOUT_MS = 20 * 1000,
    CONN_HANDSHAKE_INPUT_BYTES = 64 * 1024,
    CONN_LOW_MARK_BYTES = 512 * 1024,
    CONN_HIGH_MARK_BYTES = 2 * 1024 * 1024,   /* above it nothing is served */
    CONN_MAX_OUTPUT_BYTES = 16 * 1024 * 1024, /* above it the peer reads too slowly */
    CONN_KEEP_OUTPUT_BYTES = 1024,            /* of an idle session's own buffer */
    CONN_PACKETS_A_TURN = 256,
    UPLOAD_MAX_QUEUE = 50000,
    UPLOAD_OBJECTS_A_TURN = 128,
    UPLOAD_BYTES_A_TURN = 1024 * 1024,
    INITIAL_INV_A_TURN = 10000,
    ADDR_ALLOWANCE = 2000, /* entries that are looked at, in ADDR_ALLOWANCE_SEC */
    ADDR_ALLOWANCE_SEC = 600,
    ADDR_SEND_MAX = 500,
    ANNOUNCE_BUCKETS = 10,
    ANNOUNCE_MIN_PERIOD_MS = 50,
    STALLS_TO_MARK = 5
};

/* An object by its place, and the number that says whether it is still that one. */
struct slot_ref {
    uint32_t slot;
    uint64_t number;
};

struct slot_queue {
    struct slot_ref *refs;
    size_t n_refs;
    size_t capacity;
};

struct peer_conn {
    struct list_node node; /* in node->conns */
    struct node *owner;
    uint32_t id;
    struct io *io;
    struct peer peer;
    struct socks5 *socks; /* while the proxy is spoken to */
    struct peer_addr addr;
    uint32_t ticket; /* of the dialler; 0: inbound */
    enum limits_verdict welcome;
    bool is_counted;       /* by limits_enter */
    bool is_paused;        /* not read: the store has no room */
    bool is_closing;       /* freed at the end of the turn */
    bool in_sync;          /* known to sync and dandelion */
    bool is_test;          /* ended once it is established */
    struct deferred go_on; /* more work in the next turn */
    struct slot_set known; /* objects that the peer has, as far as we know */
    struct slot_queue uploads;
    uint64_t inv_next; /* the first inventory is sent up to this number ... */
    uint64_t inv_end;  /* ... and will be up to this one */
    int64_t connected_ms;
    int64_t quiet_until_ms; /* the anti-intersection delay */
    unsigned addr_allowance;
    int64_t addr_refill_ms;
    unsigned n_marked_stalls;
    size_t buffered;    /* charged to the node's budget */
    uint64_t seen_sent; /* when it last changed, output moved: moved_ms */
    int64_t moved_ms;
};

struct gateway_link;
struct lan;
struct onion_announce;

struct node {
    struct loop *loop;
    struct node_settings settings; /* strings borrowed from the caller's */
    struct network_settings network;
    void (*on_broken)(void *context);
    void *context;
    struct streams streams;
    struct object_rules rules;
    struct inventory *inventory;
    struct peer_book *book;
    struct peer_store *peer_store;
    struct limits *limits;
    struct dandelion *dandelion;
    struct sync *sync;
    struct dial *dial;
    struct dns *dns;
    struct tls_context *tls;
    struct io_rate *rate;
    struct netaddr proxy;
    struct listener *listeners[NODE_MAX_LISTENERS];
    size_t n_listeners;
    uint16_t port;
    uint16_t external_port; /* the router's, for ours; 0: the same */
    struct own_address own_address;
    struct peer_addr own[NODE_N_FAMILIES]; /* as last agreed on */
    struct peer_addr onion;                /* PEER_ADDR_NONE: we have none */
    struct onion_announce *onion_announce;
    struct lan *lan;
    struct dial_target bootstrap[NODE_MAX_BOOTSTRAP];
    size_t n_bootstrap;
    size_t buffered; /* of all connections */
    struct month_cap month;
    enum month_stage stage;
    uint64_t counted_bytes; /* of the month, so far */
    struct list_node conns;
    size_t n_conns;
    struct map by_id; /* id -> struct peer_conn */
    uint32_t last_id;
    struct list_node lookups; /* names being resolved */
    struct map stem_parents;  /* hash announced by dinv and not here yet -> parent id as a value */
    struct slot_queue announcing[ANNOUNCE_BUCKETS];
    size_t announce_now;
    struct timer announce_timer;
    struct timer tick_timer;
    struct gateway_link *link;
    int64_t saved_ms;
    int64_t expired_ms;
    int64_t told_ms;
    unsigned n_time_refusals;
    bool started;
    struct node_figures figures; /* the counters among them */
    int64_t rated_ms;            /* when rates were last measured ... */
    uint64_t rated_bytes[2];     /* ... and how many bytes had come and gone */
};

/* ---- node.c */
struct peer_conn *node_conn(const struct node *node, uint32_t id);
/* A bad mark for the peer; it is cut off when banned by it. */
void node_misdeed(struct peer_conn *conn, enum misdeed misdeed);

/* ---- dialling.c */
bool dialling_open(struct node *node, struct fault *fault) MUST_USE;
void dialling_tick(struct node *node, int64_t now_ms);
/* Look-ups under way are forgotten. */
void dialling_close(struct node *node);

/* ---- reach.c */
bool reach_open(struct node *node, struct fault *fault) MUST_USE;
/* A peer said in its version where it sees us. */
void reach_learn(struct peer_conn *conn, const struct version_message *version);
/* Our port as seen from outside; 0: we do not listen. */
uint16_t reach_port(const struct node *node) MUST_USE;
/* The one to name to that peer. */
uint16_t reach_port_for(const struct node *node, const struct peer_conn *conn) MUST_USE;
/* Ourselves, as entries of an addr message: at most NODE_N_FAMILIES. */
size_t reach_own_entries(const struct node *node, uint32_t stream, struct addr_entry *out,
                         int64_t now_sec) MUST_USE;

/* ---- onion_announce.c */
bool onion_announce_open(struct node *node, struct fault *fault) MUST_USE;
void onion_announce_tick(struct node *node);
void onion_announce_free(struct onion_announce **announce);

/* ---- lan.c */
void lan_free(struct lan **lan);
void lan_take_datagram(struct node *node, const struct peer_addr *from, struct bytes datagram);

/* ---- traffic.c */
/* The connection's buffers may have changed. May end connections, this one among them. */
void traffic_charge(struct peer_conn *conn);
void traffic_forget(struct peer_conn *conn);
/* End the connection when its output stands still. About once a second. */
void traffic_watch(struct peer_conn *conn, int64_t now_ms);
/* Count for the month, and enter its stages. */
void traffic_tick(struct node *node);
/* Whether the month's stage lets us announce or serve that object. */
bool traffic_may_tell(const struct node *node, const struct inventory_entry *entry) MUST_USE;

/* ---- node_status.c */
void node_count(struct node *node, enum node_figure figure, uint64_t n);
/* An object of `type`: the first figure of each kind. */
void node_count_object(struct node *node, enum node_figure objects, enum node_figure bytes,
                       uint32_t type, size_t len);
void node_count_check(struct node *node, int64_t spent_us);
/* Measure how much comes and goes, every few seconds. */
void node_status_tick(struct node *node, int64_t now_ms);

/* ---- peer_conn.c */
void conn_accept_take(struct node *node, int fd, const struct netaddr *from);
void conn_dial(struct node *node, const struct dial_target *target, const struct netaddr *address);
/* Hand what the session has to say to the connection. */
void conn_flush(struct peer_conn *conn);
/* Give it up: freed at the end of the turn. */
void conn_close(struct peer_conn *conn);
void conn_tick(struct peer_conn *conn, int64_t now_ms);
/* Read again after the store had no room. */
void conn_resume(struct peer_conn *conn);
bool conn_is_established(const struct peer_conn *conn);
/* At shutdown: free it now. */
void conn_free(struct peer_conn *conn);

/* ---- exchange.c */
void exchange_begin(struct peer_conn *conn);
void exchange_end(struct peer_conn *conn);
void exchange_event(struct peer_conn *conn, const struct peer_event *event);
/* Send requests, what was asked for, and what is left of the first inventory, as far as the output
 * has room. True when there is more to do at once. */
bool exchange_go_on(struct peer_conn *conn);
/* Ask the peer for what it may be asked for. */
void exchange_ask(struct peer_conn *conn);
/* A new object is in the store: relay it. `from`: 0 for our own. */
void exchange_relay(struct node *node, uint32_t from, const struct accepted *accepted,
                    const struct sync_announcers *announcers);
void exchange_tick(struct node *node, int64_t now_ms);

/* ---- announce.c */
void slot_queue_add(struct slot_queue *queue, struct slot_ref ref);
void slot_queue_clear(struct slot_queue *queue);
/* True when the slot still holds that object. */
bool slot_ref_entry(const struct node *node, struct slot_ref ref, struct inventory_entry *out);
void announce_start(struct node *node);
void announce_to_all(struct node *node, uint32_t slot);
void announce_to_one(struct node *node, uint32_t id, uint32_t slot, bool stem);
void announce_clear(struct node *node);

/* ---- link_serve.c */
void link_serve_take(struct node *node, int fd);
void link_serve_free(struct gateway_link **link);
/* There is a new object, or the disk has come further. */
void link_serve_wake(struct gateway_link *link);

#endif
