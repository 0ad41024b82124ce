// SPDX-License-Identifier: MIT
/* What a session says: each message into its output, as one frame or several. */
#include "node/p2p/peer_internal.h"

#include <assert.h>
#include <string.h>

static uint64_t own_services(const struct peer *peer)
{
    return SERVICE_NODE_NETWORK | (peer->options.tls ? SERVICE_NODE_SSL : 0) |
           (peer->options.dandelion ? SERVICE_NODE_DANDELION : 0);
}

void peer_send_empty(struct peer *peer, enum wire_command command)
{
    frame_write(&peer->out, peer->options.magic, command, (struct bytes){0});
    peer->sent_ms = peer->now_ms;
}

/* The address that a version says we have: nobody reads it, and all say the same. */
static const uint8_t own_ip[WIRE_IP_BYTES] = {0, 0, 0,    0,    0,   0, 0, 0,
                                              0, 0, 0xff, 0xff, 127, 0, 0, 1};

void peer_send_version(struct peer *peer, int64_t now_sec)
{
    struct buf streams = {0};
    const struct streams *own = &peer->options.streams;
    stream_list_write(&streams, own->numbers, own->n_numbers);
    struct version_message version = {
        .protocol_version = WIRE_PROTOCOL_VERSION,
        .services = own_services(peer),
        .time_sec = (uint64_t)now_sec,
        .recv_services = SERVICE_NODE_NETWORK,
        .recv_port = peer->options.remote.port,
        .from_services = own_services(peer),
        .from_port = peer->options.port,
        .nonce = peer->options.nonce,
        .user_agent = bytes_of_str(peer->options.user_agent),
        .streams = {.n_streams = own->n_numbers, .encoded = buf_view(&streams)},
    };
    if (!peer_addr_to_wire(version.recv_ip, &peer->options.remote)) {
        memcpy(version.recv_ip, own_ip, sizeof own_ip);
    }
    memcpy(version.from_ip, own_ip, sizeof own_ip);
    size_t start = frame_begin(&peer->out, peer->options.magic, WIRE_VERSION);
    version_write(&peer->out, &version);
    frame_end(&peer->out, start);
    buf_clear(&streams);
    peer->version_sent = true;
    peer->sent_ms = peer->now_ms;
}

void peer_send_error(struct peer *peer, uint64_t ban_sec, const char *text)
{
    struct error_message error = {
        .fatal = ERROR_FATAL, .ban_time_sec = ban_sec, .text = bytes_of_str(text)};
    size_t start = frame_begin(&peer->out, peer->options.magic, WIRE_ERROR);
    error_write(&peer->out, &error);
    frame_end(&peer->out, start);
}

static void send_hashes(struct peer *peer, enum wire_command command, struct bytes hashes)
{
    assert(peer->state == PEER_ESTABLISHED && hashes.len % WIRE_HASH_BYTES == 0);
    for (size_t offset = 0; offset < hashes.len;) {
        struct bytes part =
            bytes_slice(hashes, offset, (size_t)INV_SEND_MAX_HASHES * WIRE_HASH_BYTES);
        size_t start = frame_begin(&peer->out, peer->options.magic, command);
        hash_list_write(&peer->out, part);
        frame_end(&peer->out, start);
        offset += part.len;
    }
    peer->sent_ms = peer->now_ms;
}

void peer_send_addr(struct peer *peer, const struct addr_entry *entries, size_t n_entries)
{
    assert(peer->state == PEER_ESTABLISHED);
    while (n_entries > 0) {
        size_t n_part = n_entries < ADDR_MAX_ENTRIES ? n_entries : ADDR_MAX_ENTRIES;
        size_t start = frame_begin(&peer->out, peer->options.magic, WIRE_ADDR);
        addr_write(&peer->out, entries, n_part);
        frame_end(&peer->out, start);
        entries += n_part;
        n_entries -= n_part;
    }
    peer->sent_ms = peer->now_ms;
}

void peer_send_inv(struct peer *peer, struct bytes hashes, bool stem)
{
    send_hashes(peer, stem ? WIRE_DINV : WIRE_INV, hashes);
}

void peer_send_getdata(struct peer *peer, struct bytes hashes)
{
    send_hashes(peer, WIRE_GETDATA, hashes);
}

void peer_send_object(struct peer *peer, struct bytes object)
{
    assert(peer->state == PEER_ESTABLISHED);
    frame_write(&peer->out, peer->options.magic, WIRE_OBJECT, object);
    peer->sent_ms = peer->now_ms;
}

void peer_send_error_and_close(struct peer *peer, uint64_t ban_sec, const char *text)
{
    if (peer->state != PEER_CLOSED && peer->state != PEER_SECURING) {
        peer_send_error(peer, ban_sec, text);
    }
    peer_end(peer, false, FAULT_CANCELLED, text);
}
