// SPDX-License-Identifier: MIT
#include "node/wire/messages.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"

/* ---- version */

/* Walks over the whole list once, so that whoever asks it later meets sound var_ints alone. */
static bool read_streams(struct stream_list *out, struct reader *reader)
{
    uint64_t n_streams = reader_var_int(reader);
    if (n_streams > VERSION_MAX_STREAMS || n_streams > reader_left(reader)) {
        return false;
    }
    struct reader list = *reader;
    for (uint64_t i = 0; i < n_streams && reader_ok(reader); i++) {
        (void)reader_var_int(reader);
    }
    if (!reader_ok(reader)) {
        return false;
    }
    out->n_streams = n_streams;
    out->encoded = reader_bytes(&list, reader_left(&list) - reader_left(reader));
    return true;
}

bool version_decode(struct version_message *out, struct bytes payload, struct fault *fault)
{
    struct reader reader = reader_of(payload);
    struct version_message message = {0};
    message.protocol_version = reader_u32(&reader);
    message.services = reader_u64(&reader);
    message.time_sec = reader_u64(&reader);
    message.recv_services = reader_u64(&reader);
    reader_copy(&reader, message.recv_ip, WIRE_IP_BYTES);
    message.recv_port = reader_u16(&reader);
    message.from_services = reader_u64(&reader);
    reader_copy(&reader, message.from_ip, WIRE_IP_BYTES);
    message.from_port = reader_u16(&reader);
    message.nonce = reader_u64(&reader);
    message.user_agent = reader_var_bytes(&reader, VERSION_MAX_USER_AGENT_BYTES);
    if (!reader_ok(&reader)) {
        return fault_set(fault, FAULT_INVALID, "version: cut, or its user agent is too long");
    }
    if (!read_streams(&message.streams, &reader)) {
        return fault_set(fault, FAULT_INVALID, "version: its list of streams is malformed");
    }
    if (!reader_at_end(&reader)) {
        return fault_set(fault, FAULT_INVALID, "version: %zu bytes too many", reader_left(&reader));
    }
    *out = message;
    return true;
}

void version_write(struct buf *out, const struct version_message *message)
{
    if (message->user_agent.len > VERSION_MAX_USER_AGENT_BYTES ||
        message->streams.n_streams > VERSION_MAX_STREAMS) {
        out->failed = true;
        return;
    }
    write_u32(out, message->protocol_version);
    write_u64(out, message->services);
    write_u64(out, message->time_sec);
    write_u64(out, message->recv_services);
    buf_append(out, message->recv_ip, WIRE_IP_BYTES);
    write_u16(out, message->recv_port);
    write_u64(out, message->from_services);
    buf_append(out, message->from_ip, WIRE_IP_BYTES);
    write_u16(out, message->from_port);
    write_u64(out, message->nonce);
    write_var_bytes(out, message->user_agent);
    write_var_int(out, message->streams.n_streams);
    write_bytes(out, message->streams.encoded);
}

void stream_list_write(struct buf *out, const uint64_t *streams, size_t n_streams)
{
    for (size_t i = 0; i < n_streams; i++) {
        write_var_int(out, streams[i]);
    }
}

bool stream_list_has(const struct stream_list *list, uint64_t stream)
{
    struct reader reader = reader_of(list->encoded);
    for (uint64_t i = 0; i < list->n_streams; i++) {
        if (reader_var_int(&reader) == stream) {
            return true;
        }
    }
    return false;
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static size_t count_while(struct bytes text, size_t from, bool (*is_in)(uint8_t c))
{
    size_t n = 0;
    while (from + n < text.len && is_in(text.data[from + n])) {
        n++;
    }
    return n;
}

static bool is_user_agent_char(uint8_t c)
{
    return is_letter(c) || is_digit(c) || (c != 0 && strchr("_ ()./:;-", c) != NULL);
}

/* "/" letters ":" digits, then any of the allowed characters, and "/" at the end. */
bool user_agent_is_well_formed(struct bytes user_agent)
{
    size_t len = user_agent.len;
    if (len < 2 || user_agent.data[0] != '/' || user_agent.data[len - 1] != '/') {
        return false;
    }
    size_t colon = 1 + count_while(user_agent, 1, is_letter);
    if (colon == 1 || colon >= len || user_agent.data[colon] != ':') {
        return false;
    }
    if (count_while(user_agent, colon + 1, is_digit) == 0) {
        return false;
    }
    return count_while(user_agent, 0, is_user_agent_char) == len;
}

void user_agent_to_text(char *out, size_t size, struct bytes user_agent)
{
    assert(size > 0);
    size_t len = user_agent.len < size ? user_agent.len : size - 1;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = user_agent.data[i];
        out[i] = c >= ' ' && c < 0x7f ? (char)c : '?';
    }
    out[len] = '\0';
}

/* ---- addr */

/* The count at the front of a payload that holds `item_bytes` per item and nothing else. */
static bool read_count(size_t *out, struct reader *reader, size_t max_items, size_t item_bytes,
                       const char *what, struct fault *fault)
{
    uint64_t n_items = reader_var_int(reader);
    if (!reader_ok(reader)) {
        return fault_set(fault, FAULT_INVALID, "%s: malformed count", what);
    }
    if (n_items > max_items) {
        return fault_set(fault, FAULT_LIMIT, "%s: %" PRIu64 " entries, above %zu", what, n_items,
                         max_items);
    }
    if (n_items * item_bytes != reader_left(reader)) {
        return fault_set(fault, FAULT_INVALID, "%s: %" PRIu64 " entries in %zu bytes", what,
                         n_items, reader_left(reader));
    }
    *out = (size_t)n_items;
    return true;
}

bool addr_decode(struct addr_message *out, struct bytes payload, struct fault *fault)
{
    struct reader reader = reader_of(payload);
    size_t n_entries;
    if (!read_count(&n_entries, &reader, ADDR_MAX_ENTRIES, ADDR_ENTRY_BYTES, "addr", fault)) {
        return false;
    }
    *out = (struct addr_message){n_entries, reader_rest(&reader)};
    return true;
}

struct addr_entry addr_entry_at(const struct addr_message *message, size_t index)
{
    assert(index < message->n_entries);
    struct reader reader =
        reader_of(bytes_slice(message->entries, index * ADDR_ENTRY_BYTES, ADDR_ENTRY_BYTES));
    struct addr_entry entry = {0};
    entry.time_sec = reader_u64(&reader);
    entry.stream = reader_u32(&reader);
    entry.services = reader_u64(&reader);
    reader_copy(&reader, entry.ip, WIRE_IP_BYTES);
    entry.port = reader_u16(&reader);
    return entry;
}

void addr_write(struct buf *out, const struct addr_entry *entries, size_t n_entries)
{
    if (n_entries > ADDR_MAX_ENTRIES) {
        out->failed = true;
        return;
    }
    write_var_int(out, n_entries);
    for (size_t i = 0; i < n_entries; i++) {
        write_u64(out, entries[i].time_sec);
        write_u32(out, entries[i].stream);
        write_u64(out, entries[i].services);
        buf_append(out, entries[i].ip, WIRE_IP_BYTES);
        write_u16(out, entries[i].port);
    }
}

/* ---- inv, dinv, getdata */

bool hash_list_decode(struct hash_list *out, struct bytes payload, struct fault *fault)
{
    struct reader reader = reader_of(payload);
    size_t n_hashes;
    if (!read_count(&n_hashes, &reader, INV_MAX_HASHES, WIRE_HASH_BYTES, "list of hashes", fault)) {
        return false;
    }
    *out = (struct hash_list){n_hashes, reader_rest(&reader)};
    return true;
}

const uint8_t *hash_list_at(const struct hash_list *list, size_t index)
{
    assert(index < list->n_hashes);
    return list->hashes.data + index * WIRE_HASH_BYTES;
}

void hash_list_write(struct buf *out, struct bytes hashes)
{
    if (hashes.len % WIRE_HASH_BYTES != 0 || hashes.len / WIRE_HASH_BYTES > INV_MAX_HASHES) {
        out->failed = true;
        return;
    }
    write_var_int(out, hashes.len / WIRE_HASH_BYTES);
    write_bytes(out, hashes);
}

/* ---- error */

bool error_decode(struct error_message *out, struct bytes payload, struct fault *fault)
{
    struct reader reader = reader_of(payload);
    struct error_message message = {0};
    message.fatal = reader_var_int(&reader);
    message.ban_time_sec = reader_var_int(&reader);
    message.inventory_vector = reader_var_bytes(&reader, WIRE_HASH_BYTES);
    message.text = reader_var_bytes(&reader, ERROR_MAX_TEXT_BYTES);
    size_t vector_len = message.inventory_vector.len;
    if (!reader_at_end(&reader) || (vector_len != 0 && vector_len != WIRE_HASH_BYTES)) {
        return fault_set(fault, FAULT_INVALID, "error: malformed");
    }
    *out = message;
    return true;
}

void error_write(struct buf *out, const struct error_message *message)
{
    size_t vector_len = message->inventory_vector.len;
    if (message->text.len > ERROR_MAX_TEXT_BYTES ||
        (vector_len != 0 && vector_len != WIRE_HASH_BYTES)) {
        out->failed = true;
        return;
    }
    write_var_int(out, message->fatal);
    write_var_int(out, message->ban_time_sec);
    write_var_bytes(out, message->inventory_vector);
    write_var_bytes(out, message->text);
}
