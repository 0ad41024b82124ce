// SPDX-License-Identifier: MIT
/* TLS between a connection's socket side and its session side. */
#include "base/io_internal.h"

#include <string.h>

#include "base/clock.h"

enum { IO_RAW_OUT_BYTES = 64 * 1024 /* ciphertext that waits for the socket */ };

static size_t pull_ciphertext(void *context, uint8_t *out, size_t max)
{
    struct io *io = context;
    struct bytes raw = bytes_slice(byte_queue_view(&io->raw_in), 0, max);
    if (raw.len != 0) {
        memcpy(out, raw.data, raw.len);
        byte_queue_consume(&io->raw_in, raw.len);
    }
    return raw.len;
}

static void push_ciphertext(void *context, struct bytes bytes)
{
    struct io *io = context;
    if (!io_has_failed(io) && !byte_queue_append(&io->output, bytes)) {
        io_fail_memory(io);
    }
}

/* The alert that says why goes out, if it can, before the session hears of it. */
static void fail_tls(struct io *io, const struct fault *fault)
{
    io_send_output(io);
    if (!io_has_failed(io)) {
        io->fault = *fault;
        io_fail(io);
    }
}

static void shake_hands(struct io *io)
{
    struct fault fault = {0};
    switch (tls_session_handshake(io->tls, &fault)) {
    case TLS_OK:
        io->tls_ready = true;
        io->tell_tls_ready = true;
        io->deadline_ms = 0;
        io->last_byte_ms = clock_mono_ms();
        io_schedule(io);
        break;
    case TLS_MORE:
        if (io->eof) {
            fault_set(&fault, FAULT_CLOSED, "TLS handshake: the other side closed");
            fail_tls(io, &fault);
        }
        break;
    case TLS_CLOSED:
        fault_set(&fault, FAULT_CLOSED, "TLS handshake: the other side closed");
        fail_tls(io, &fault);
        break;
    case TLS_FAILED:
        fail_tls(io, &fault);
        break;
    }
}

/* One record. False: there is nothing more to decrypt now. */
static bool decrypt_some(struct io *io)
{
    struct fault fault = {0};
    size_t len = 0;
    uint8_t *room = byte_queue_reserve(&io->input, IO_TLS_RECORD_BYTES);
    if (room == NULL) {
        io_fail_memory(io);
        return false;
    }
    enum tls_result result = tls_session_read(io->tls, &len, room, IO_TLS_RECORD_BYTES, &fault);
    byte_queue_added(&io->input, result == TLS_OK ? len : 0);
    if (result == TLS_OK) {
        io->tell_data = true;
    } else if (result == TLS_CLOSED) {
        io->tls_ended = true;
    } else if (result == TLS_FAILED) {
        fail_tls(io, &fault);
    }
    return result == TLS_OK;
}

/* Decrypt what is here, as far as the input has room. */
void io_run_tls(struct io *io)
{
    if (io->tls == NULL || io_has_failed(io)) {
        return;
    }
    if (!io->tls_ready) {
        shake_hands(io);
    }
    while (io->tls_ready && !io->paused && io->input.len < io->input_limit && !io->tls_ended &&
           !io_has_failed(io) && decrypt_some(io)) {
    }
}

/* True when run_tls stopped because it had no more, not because the input had no room. */
bool io_tls_is_used_up(const struct io *io)
{
    return io->tls == NULL || io->tls_ended ||
           (io->raw_in.len == 0 && io->input.len < io->input_limit);
}

void io_encrypt(struct io *io)
{
    struct fault fault = {0};
    while (io->tls_ready && io->plain.len > 0 && io->output.len < IO_RAW_OUT_BYTES) {
        struct bytes piece = bytes_slice(byte_queue_view(&io->plain), 0, IO_TLS_RECORD_BYTES);
        enum tls_result result = tls_session_write(io->tls, piece, &fault);
        if (result != TLS_OK) {
            if (result != TLS_MORE) {
                fault_set(&io->fault, FAULT_CLOSED, "TLS write: the connection is closed");
                io_fail(io);
            }
            return;
        }
        if (io_has_failed(io)) { /* no memory for what came of it */
            return;
        }
        byte_queue_consume(&io->plain, piece.len);
    }
}

bool io_start_tls(struct io *io, struct tls_context *context, enum tls_role role,
                  enum io_tls_input input, struct fault *fault)
{
    if (!io_alive(io) || io_has_failed(io)) {
        return fault_set(fault, FAULT_CLOSED, "start TLS: the connection is closed");
    }
    if (io->tls != NULL) {
        return fault_set(fault, FAULT_INVALID, "start TLS: it runs already");
    }
    if (input == IO_TLS_NO_INPUT && io->input.len > 0) {
        return fault_set(fault, FAULT_INVALID, "start TLS: %zu bytes in clear text follow",
                         io->input.len);
    }
    io->raw_in = io->input;
    io->input = (struct byte_queue){0};
    io->tell_data = false;
    struct tls_transport transport = {pull_ciphertext, push_ciphertext, io};
    io->tls = tls_session_new(context, role, transport);
    io->deadline_ms = clock_mono_ms() + IO_TLS_TIMEOUT_MS;
    io_schedule(io);
    deferred_arm(&io->work);
    return true;
}

bool io_is_tls(const struct io *io)
{
    return io->tls != NULL;
}

const char *io_describe_tls(const struct io *io)
{
    return io->tls_ready ? tls_session_describe(io->tls) : NULL;
}
