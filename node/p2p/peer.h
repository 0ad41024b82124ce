// SPDX-License-Identifier: MIT
/* One connection to another node, without any I/O: bytes in, events and bytes out.
 *
 *     initiator                       acceptor
 *     version  ---------------------->          the owner judges it (PEER_EVENT_VERSION)
 *              <---------------------- verack
 *              <---------------------- version
 *     verack   ---------------------->
 *              ====== TLS, where both can ======
 *              <--- addr, inv, getdata, object, ping ... --->
 *
 * Other nodes send version and verack in either order, and both may arrive in one piece with the
 * first bytes of TLS behind them. So peer_read takes one packet at a time from bytes that stay the
 * owner's: what is left after PEER_EVENT_START_TLS belongs to the TLS engine.
 *
 * What needs knowledge of other connections (too many from one place, a connection to ourselves) is
 * judged by the owner: after PEER_EVENT_VERSION the session stands still until peer_accept or
 * peer_refuse. It reads no clock: times are given, monotonic for timeouts, wall clock for the
 * peer's.
 *
 * A session that has come to its end says so once, by PEER_EVENT_CLOSED, and takes nothing more;
 * what is in its output by then (a last `error`) is to be sent before the connection is closed. */
#ifndef BITTERN_NODE_P2P_PEER_H
#define BITTERN_NODE_P2P_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/fault.h"
#include "node/p2p/streams.h"
#include "node/wire/frame.h"
#include "node/wire/messages.h"
#include "node/wire/peer_addr.h"

enum {
    PEER_HANDSHAKE_TIMEOUT_SEC = 20,
    PEER_PING_AFTER_SEC = 300,
    PEER_IDLE_TIMEOUT_SEC = 600,
    PEER_MAX_TIME_OFFSET_SEC = 3600,
    PEER_USER_AGENT_TEXT_BYTES = 128,
    PEER_MAX_STREAMS = 16, /* of a peer's list; ours are always among them */
    /* Before the handshake is done: room for 5,000 bytes of user agent and as many streams as
     * anybody has. */
    PEER_HANDSHAKE_MAX_PAYLOAD_BYTES = 60000
};

enum peer_state {
    PEER_CONNECTING,  /* no byte was exchanged */
    PEER_HANDSHAKING, /* versions are under way */
    PEER_JUDGING,     /* the owner looks at the peer's version */
    PEER_SECURING,    /* TLS is under way */
    PEER_ESTABLISHED,
    PEER_CLOSED
};

/* Why a version was refused: rows of one table with the words that are sent. */
enum peer_refusal {
    PEER_REFUSE_NONE = 0,
    PEER_REFUSE_OLD_PROTOCOL,
    PEER_REFUSE_TIME_AHEAD,
    PEER_REFUSE_TIME_BEHIND,
    PEER_REFUSE_NO_STREAM,
    PEER_REFUSE_ADDRESS_TWICE,
    PEER_REFUSE_NETWORK_FULL,
    PEER_REFUSE_FULL,
    PEER_REFUSE_SELF,
    PEER_REFUSE_BANNED
};

enum peer_event_type {
    PEER_EVENT_VERSION,   /* judge `version`, then peer_accept or peer_refuse */
    PEER_EVENT_START_TLS, /* flush the output, start TLS with the bytes left, then peer_tls_done */
    PEER_EVENT_ESTABLISHED, /* addr and inv may be sent */
    PEER_EVENT_ADDR,
    PEER_EVENT_INV, /* `stem` tells a dinv */
    PEER_EVENT_GETDATA,
    PEER_EVENT_OBJECT,
    PEER_EVENT_ERROR,
    PEER_EVENT_MALFORMED, /* a payload that does not parse was skipped; `fault` has the words */
    PEER_EVENT_CLOSED     /* `fault` says why, `misbehaved` whose doing it was */
};

/* What points somewhere borrows from the bytes given to peer_read. */
struct peer_event {
    enum peer_event_type type;
    struct version_message version;
    struct addr_message addr;
    struct hash_list hashes;
    bool stem;
    struct bytes object;
    struct error_message error;
    struct fault fault;
    enum peer_refusal refusal; /* with CLOSED: the version was refused for this */
    bool misbehaved;           /* the peer broke the protocol: it gets a bad mark */
};

struct peer_options {
    bool inbound;
    bool tls;       /* we can do TLS on this connection */
    bool dandelion; /* we understand dinv */
    uint32_t magic;
    uint64_t nonce; /* of our version */
    uint16_t port;  /* where we listen, as seen from outside; 0: nowhere */
    const char *user_agent;
    struct streams streams; /* that we take part in */
    struct peer_addr remote;
};

struct peer {
    struct peer_options options;
    enum peer_state state;
    bool version_sent;
    bool version_received;
    bool verack_sent;
    bool verack_received;
    int64_t started_ms;
    int64_t received_ms; /* when a byte last came */
    int64_t sent_ms;     /* when a packet last went */
    int64_t now_ms;
    /* From the peer's version. */
    uint64_t services;
    uint64_t nonce;
    uint16_t port;
    int64_t time_offset_sec;
    uint64_t streams[PEER_MAX_STREAMS]; /* those that we share, then others */
    size_t n_streams;
    char user_agent[PEER_USER_AGENT_TEXT_BYTES]; /* printable ASCII */
    struct buf out;                              /* to be sent; the owner drops what it has taken */
    struct peer_event pending;                   /* waits to be told */
    bool has_pending;
};

/* An initiator's first packet is in the output at once. `now_ms` is monotonic, `now_sec` the wall
 * clock. `options` is copied; user_agent must outlive the peer. */
void peer_init(struct peer *peer, const struct peer_options *options, int64_t now_ms,
               int64_t now_sec);
void peer_clear(struct peer *peer);

/* Take at most one packet from the front of `in`.
 * True: *out holds an event, *out_used bytes are done with (0 is possible: judge again).
 * False: nothing to tell until there are more bytes, or the owner acts; *out_used bytes are done
 * with. */
bool peer_read(struct peer *peer, struct peer_event *out, size_t *out_used, struct bytes in,
               int64_t now_ms, int64_t now_sec) MUST_USE;

/* The owner's judgement of a version; only in PEER_JUDGING. */
void peer_accept(struct peer *peer, int64_t now_sec);
void peer_refuse(struct peer *peer, enum peer_refusal refusal);
/* TLS stands; only in PEER_SECURING. PEER_EVENT_ESTABLISHED follows from peer_read. */
void peer_tls_done(struct peer *peer);

/* Look after timeouts; call it about once a second. May end the session or put a ping into the
 * output. The end is told by the next peer_read (with no bytes). */
void peer_tick(struct peer *peer, int64_t now_ms);

/* Send, once established. `hashes` is n * 32 bytes and is cut into packets by these functions. */
void peer_send_addr(struct peer *peer, const struct addr_entry *entries, size_t n_entries);
void peer_send_inv(struct peer *peer, struct bytes hashes, bool stem);
void peer_send_getdata(struct peer *peer, struct bytes hashes);
void peer_send_object(struct peer *peer, struct bytes object);
/* Say `text` with `fatal` and end the session, with a ban of `ban_sec` (0: none). */
void peer_send_error_and_close(struct peer *peer, uint64_t ban_sec, const char *text);

/* True when the peer takes part in that stream. */
bool peer_takes_stream(const struct peer *peer, uint64_t stream) MUST_USE;
/* True when the peer said that it understands dinv. */
bool peer_has_dandelion(const struct peer *peer) MUST_USE;
/* The words of a refusal. Static storage. */
const char *peer_refusal_text(enum peer_refusal refusal) MUST_USE;
const char *peer_state_name(enum peer_state state) MUST_USE;

#endif
