// SPDX-License-Identifier: MIT
#include "node/p2p/peer_internal.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"

enum { MS_PER_SEC = 1000 };

static const char *const refusal_texts[] = {
    [PEER_REFUSE_NONE] = "",
    [PEER_REFUSE_OLD_PROTOCOL] = "Your is using an old protocol. Closing connection.",
    [PEER_REFUSE_TIME_AHEAD] =
        "Your time is too far in the future compared to mine. Closing connection.",
    [PEER_REFUSE_TIME_BEHIND] =
        "Your time is too far in the past compared to mine. Closing connection.",
    [PEER_REFUSE_NO_STREAM] = "We don't have shared stream interests. Closing connection.",
    [PEER_REFUSE_ADDRESS_TWICE] = "Too many connections from your IP. Closing connection.",
    [PEER_REFUSE_NETWORK_FULL] = "Too many connections from your network. Closing connection.",
    [PEER_REFUSE_FULL] = "Server full, please try again later.",
    [PEER_REFUSE_SELF] = "I'm connected to myself. Closing connection.",
    [PEER_REFUSE_BANNED] = "You are banned. Closing connection.",
};

const char *peer_refusal_text(enum peer_refusal refusal)
{
    return refusal_texts[refusal];
}

const char *peer_state_name(enum peer_state state)
{
    static const char *const names[] = {
        [PEER_CONNECTING] = "connecting",   [PEER_HANDSHAKING] = "handshaking",
        [PEER_JUDGING] = "judging",         [PEER_SECURING] = "securing",
        [PEER_ESTABLISHED] = "established", [PEER_CLOSED] = "closed",
    };
    return names[state];
}

bool peer_has_dandelion(const struct peer *peer)
{
    return (peer->services & SERVICE_NODE_DANDELION) != 0;
}

bool peer_takes_stream(const struct peer *peer, uint64_t stream)
{
    for (size_t i = 0; i < peer->n_streams; i++) {
        if (peer->streams[i] == stream) {
            return true;
        }
    }
    return false;
}

/* ---- states */

#define TO(state) (1U << (state))

void peer_set_state(struct peer *peer, enum peer_state state)
{
    static const unsigned legal[] = {
        [PEER_CONNECTING] = TO(PEER_HANDSHAKING) | TO(PEER_CLOSED),
        [PEER_HANDSHAKING] =
            TO(PEER_JUDGING) | TO(PEER_SECURING) | TO(PEER_ESTABLISHED) | TO(PEER_CLOSED),
        [PEER_JUDGING] = TO(PEER_HANDSHAKING) | TO(PEER_CLOSED),
        [PEER_SECURING] = TO(PEER_ESTABLISHED) | TO(PEER_CLOSED),
        [PEER_ESTABLISHED] = TO(PEER_CLOSED),
        [PEER_CLOSED] = 0,
    };
    assert((legal[peer->state] & TO(state)) != 0);
    log_trace("p2p", "peer state=%s -> %s", peer_state_name(peer->state), peer_state_name(state));
    peer->state = state;
}

void peer_end(struct peer *peer, bool misbehaved, enum fault_code code, const char *text)
{
    if (peer->state == PEER_CLOSED) {
        return;
    }
    peer_set_state(peer, PEER_CLOSED);
    peer->pending = (struct peer_event){.type = PEER_EVENT_CLOSED, .misbehaved = misbehaved};
    fault_set(&peer->pending.fault, code, "%s", text);
    peer->has_pending = true;
}

/* ---- the handshake */

void peer_refuse(struct peer *peer, enum peer_refusal refusal)
{
    const char *text = refusal_texts[refusal];
    peer_send_error(peer, 0, text);
    peer_end(peer, false, FAULT_DENIED, text);
    peer->pending.refusal = refusal;
}

static bool shares_a_stream(const struct peer *peer, const struct stream_list *list)
{
    const struct streams *own = &peer->options.streams;
    for (size_t i = 0; i < own->n_numbers; i++) {
        if (stream_list_has(list, own->numbers[i])) {
            return true;
        }
    }
    return false;
}

/* The checks that need no knowledge of other connections. True when one failed. */
static bool version_is_refused(const struct peer *peer, enum peer_refusal *out,
                               const struct version_message *version, int64_t now_sec)
{
    if (version->protocol_version < WIRE_PROTOCOL_VERSION) {
        *out = PEER_REFUSE_OLD_PROTOCOL;
        return true;
    }
    /* A time above what fits a signed number is far in the future. */
    int64_t time_sec = version->time_sec > INT64_MAX ? INT64_MAX : (int64_t)version->time_sec;
    if (time_sec > now_sec + PEER_MAX_TIME_OFFSET_SEC) {
        *out = PEER_REFUSE_TIME_AHEAD;
        return true;
    }
    if (time_sec < now_sec - PEER_MAX_TIME_OFFSET_SEC) {
        *out = PEER_REFUSE_TIME_BEHIND;
        return true;
    }
    if (!shares_a_stream(peer, &version->streams)) {
        *out = PEER_REFUSE_NO_STREAM;
        return true;
    }
    return false;
}

/* Ours first: nobody can name so many that they are lost. */
static void keep_streams(struct peer *peer, const struct stream_list *list)
{
    const struct streams *own = &peer->options.streams;
    for (size_t i = 0; i < own->n_numbers; i++) {
        if (stream_list_has(list, own->numbers[i])) {
            peer->streams[peer->n_streams++] = own->numbers[i];
        }
    }
    struct reader reader = reader_of(list->encoded);
    for (uint64_t i = 0; i < list->n_streams && peer->n_streams < PEER_MAX_STREAMS; i++) {
        uint64_t stream = reader_var_int(&reader);
        if (!streams_has(own, stream)) {
            peer->streams[peer->n_streams++] = stream;
        }
    }
}

static bool take_version(struct peer *peer, struct peer_event *out, struct bytes payload,
                         int64_t now_sec)
{
    struct version_message version;
    struct fault fault;
    if (peer->version_received) {
        peer_end(peer, true, FAULT_INVALID, "a second version");
        return false;
    }
    if (!version_decode(&version, payload, &fault)) {
        peer_end(peer, true, FAULT_INVALID, fault.text);
        return false;
    }
    peer->version_received = true;
    peer->services = version.services;
    peer->nonce = version.nonce;
    peer->port = version.from_port;
    user_agent_to_text(peer->user_agent, sizeof peer->user_agent, version.user_agent);
    enum peer_refusal refusal;
    if (version_is_refused(peer, &refusal, &version, now_sec)) {
        peer_refuse(peer, refusal);
        return false;
    }
    peer->time_offset_sec = (int64_t)version.time_sec - now_sec;
    keep_streams(peer, &version.streams);
    peer_set_state(peer, PEER_JUDGING);
    *out = (struct peer_event){.type = PEER_EVENT_VERSION, .version = version};
    return true;
}

void peer_accept(struct peer *peer, int64_t now_sec)
{
    assert(peer->state == PEER_JUDGING);
    peer_set_state(peer, PEER_HANDSHAKING);
    /* The order matters: an acceptor says verack before its own version. */
    peer_send_empty(peer, WIRE_VERACK);
    peer->verack_sent = true;
    if (!peer->version_sent) {
        peer_send_version(peer, now_sec);
    }
}

static bool both_have_tls(const struct peer *peer)
{
    return peer->options.tls && (peer->services & SERVICE_NODE_SSL) != 0;
}

/* Both veracks are through: go on to TLS or to the established phase. */
static bool finish_handshake(struct peer *peer, struct peer_event *out)
{
    if (peer->state != PEER_HANDSHAKING || !peer->verack_sent || !peer->verack_received) {
        return false;
    }
    if (both_have_tls(peer)) {
        peer_set_state(peer, PEER_SECURING);
        *out = (struct peer_event){.type = PEER_EVENT_START_TLS};
    } else {
        peer_set_state(peer, PEER_ESTABLISHED);
        *out = (struct peer_event){.type = PEER_EVENT_ESTABLISHED};
    }
    return true;
}

void peer_tls_done(struct peer *peer)
{
    assert(peer->state == PEER_SECURING);
    peer_set_state(peer, PEER_ESTABLISHED);
    peer->received_ms = peer->now_ms;
    peer->pending = (struct peer_event){.type = PEER_EVENT_ESTABLISHED};
    peer->has_pending = true;
}

/* ---- packets */

static bool handshake_packet(struct peer *peer, struct peer_event *out, const struct frame *frame,
                             int64_t now_sec)
{
    switch (frame->command) {
    case WIRE_VERSION:
        return take_version(peer, out, frame->payload, now_sec);
    case WIRE_VERACK:
        if (!peer->version_sent) {
            peer_end(peer, true, FAULT_INVALID, "a verack for a version that was not sent");
            return false;
        }
        peer->verack_received = true;
        return false;
    case WIRE_ERROR:
        *out = (struct peer_event){.type = PEER_EVENT_ERROR};
        return error_decode(&out->error, frame->payload, &out->fault);
    default: /* refused by its header */
        return false;
    }
}

static bool tell_hashes(struct peer_event *out, enum peer_event_type type, bool stem,
                        struct bytes payload)
{
    *out = (struct peer_event){.type = type, .stem = stem};
    return hash_list_decode(&out->hashes, payload, &out->fault);
}

/* False when there is nothing to tell. */
static bool established_packet(struct peer *peer, struct peer_event *out, const struct frame *frame)
{
    bool parsed = false;
    switch (frame->command) {
    case WIRE_ADDR:
        *out = (struct peer_event){.type = PEER_EVENT_ADDR};
        parsed = addr_decode(&out->addr, frame->payload, &out->fault);
        break;
    case WIRE_INV:
    case WIRE_DINV:
        parsed = tell_hashes(out, PEER_EVENT_INV, frame->command == WIRE_DINV, frame->payload);
        break;
    case WIRE_GETDATA:
        parsed = tell_hashes(out, PEER_EVENT_GETDATA, false, frame->payload);
        break;
    case WIRE_OBJECT:
        *out = (struct peer_event){.type = PEER_EVENT_OBJECT, .object = frame->payload};
        parsed = true;
        break;
    case WIRE_ERROR:
        *out = (struct peer_event){.type = PEER_EVENT_ERROR};
        parsed = error_decode(&out->error, frame->payload, &out->fault);
        break;
    case WIRE_PING:
        peer_send_empty(peer, WIRE_PONG);
        return false;
    case WIRE_VERSION:
        peer_end(peer, true, FAULT_INVALID, "a second version");
        return false;
    default: /* pong, verack, portcheck, and what we do not know */
        return false;
    }
    if (!parsed) {
        out->type = PEER_EVENT_MALFORMED;
        out->misbehaved = true;
    }
    return true;
}

static bool packet(struct peer *peer, struct peer_event *out, const struct frame *frame,
                   int64_t now_sec)
{
    if (peer->state == PEER_ESTABLISHED) {
        return established_packet(peer, out, frame);
    }
    return handshake_packet(peer, out, frame, now_sec);
}

static bool tell_pending(struct peer *peer, struct peer_event *out)
{
    if (!peer->has_pending) {
        return false;
    }
    *out = peer->pending;
    peer->has_pending = false;
    return true;
}

/* Before the handshake is done a packet is judged by its header: a command that may not be said, or
 * a payload that nobody needs, ends it before a byte of it is waited for. */
static bool header_is_refused(struct peer *peer, struct bytes in)
{
    struct frame_header header;
    struct fault fault;
    switch (frame_parse_header(&header, peer->options.magic, in, &fault)) {
    case PARSE_MORE:
        return false;
    case PARSE_BAD:
        peer_end(peer, true, FAULT_INVALID, fault.text);
        return true;
    case PARSE_DONE:
        break;
    }
    bool may_be_said = header.command == WIRE_VERSION || header.command == WIRE_VERACK ||
                       header.command == WIRE_ERROR;
    if (!may_be_said) {
        peer_end(peer, true, FAULT_INVALID, "a command before the handshake was done");
    } else if (header.payload_len > PEER_HANDSHAKE_MAX_PAYLOAD_BYTES) {
        peer_end(peer, true, FAULT_LIMIT, "a handshake longer than any");
    }
    return peer->state == PEER_CLOSED;
}

/* One packet, if there is a whole one. *out_used stays 0 when there is none. */
static bool read_packet(struct peer *peer, struct peer_event *out, size_t *out_used,
                        struct bytes in, int64_t now_sec)
{
    struct frame frame;
    struct fault fault;
    if (peer->state != PEER_ESTABLISHED && header_is_refused(peer, in)) {
        return false;
    }
    switch (frame_parse(&frame, out_used, peer->options.magic, in, &fault)) {
    case PARSE_MORE:
        return false;
    case PARSE_BAD:
        peer_end(peer, true, FAULT_INVALID, fault.text);
        return false;
    case PARSE_DONE:
        break;
    }
    return packet(peer, out, &frame, now_sec);
}

bool peer_read(struct peer *peer, struct peer_event *out, size_t *out_used, struct bytes in,
               int64_t now_ms, int64_t now_sec)
{
    peer->now_ms = now_ms;
    *out_used = 0;
    if (in.len > 0) {
        peer->received_ms = now_ms;
    }
    if (peer->state == PEER_CONNECTING && in.len > 0) {
        peer_set_state(peer, PEER_HANDSHAKING);
    }
    for (;;) {
        if (tell_pending(peer, out) || finish_handshake(peer, out)) {
            return true;
        }
        if (peer->state != PEER_HANDSHAKING && peer->state != PEER_ESTABLISHED) {
            return false;
        }
        size_t used = 0;
        bool told = read_packet(peer, out, &used, bytes_slice(in, *out_used, in.len), now_sec);
        *out_used += used;
        if (told) {
            return true;
        }
        if (used == 0 && !peer->has_pending) {
            return false;
        }
    }
}

/* ---- the life of it */

void peer_init(struct peer *peer, const struct peer_options *options, int64_t now_ms,
               int64_t now_sec)
{
    *peer = (struct peer){.options = *options,
                          .state = PEER_CONNECTING,
                          .started_ms = now_ms,
                          .received_ms = now_ms,
                          .sent_ms = now_ms,
                          .now_ms = now_ms};
    buf_init(&peer->out, 0);
    if (!options->inbound) {
        peer_send_version(peer, now_sec);
    }
}

void peer_clear(struct peer *peer)
{
    buf_clear(&peer->out);
    *peer = (struct peer){0};
}

static bool has_passed(int64_t now_ms, int64_t since_ms, int64_t limit_sec)
{
    return now_ms - since_ms >= limit_sec * MS_PER_SEC;
}

void peer_tick(struct peer *peer, int64_t now_ms)
{
    peer->now_ms = now_ms;
    if (peer->state == PEER_CLOSED) {
        return;
    }
    if (peer->state != PEER_ESTABLISHED) {
        /* From the start of the connection: a byte now and then does not buy more time. */
        if (has_passed(now_ms, peer->started_ms, PEER_HANDSHAKE_TIMEOUT_SEC)) {
            peer_end(peer, false, FAULT_TIMEOUT, "no handshake in time");
        }
        return;
    }
    if (has_passed(now_ms, peer->received_ms, PEER_IDLE_TIMEOUT_SEC)) {
        peer_end(peer, false, FAULT_TIMEOUT, "nothing heard");
        return;
    }
    int64_t active_ms = peer->received_ms > peer->sent_ms ? peer->received_ms : peer->sent_ms;
    if (has_passed(now_ms, active_ms, PEER_PING_AFTER_SEC)) {
        peer_send_empty(peer, WIRE_PING);
    }
}
