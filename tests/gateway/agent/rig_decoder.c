// SPDX-License-Identifier: MIT
/* The rig's decoders: they live in the loop, and know as much MIME as the tests' mails have. */
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/decoder/decoder_wire.h"
#include "node/content/content.h"
#include "tests/gateway/agent/rig_internal.h"
#include "tests/support/vectors.h"

struct fake_decoder {
    struct io *io;
};

/* Up to the line end that no white space follows. */
static size_t line_len(struct bytes header)
{
    for (size_t i = 0; i + 1 < header.len; i++) {
        bool is_end = header.data[i] == '\r' && header.data[i + 1] == '\n';
        if (is_end && (i + 2 == header.len || strchr(" \t", header.data[i + 2]) == NULL)) {
            return i;
        }
    }
    return header.len;
}

/* The value of a header field, cut out of the header; data NULL when it is not there. */
static struct bytes field(struct bytes header, const char *name)
{
    size_t name_len = strlen(name);
    while (header.len > 0) {
        size_t len = line_len(header);
        if (len > name_len + 1 && bytes_is_word(bytes_slice(header, 0, name_len), name) &&
            header.data[name_len] == ':') {
            struct bytes value = bytes_slice(header, name_len + 1, len - name_len - 1);
            return value.data[0] == ' ' ? bytes_slice(value, 1, value.len) : value;
        }
        header = bytes_slice(header, len + 2, header.len);
    }
    return (struct bytes){0};
}

static struct mail_addresses one_address(struct bytes value, struct arena *arena)
{
    struct mail_addresses addresses = {0};
    size_t at = bytes_find(value, '@');
    if (at < value.len) {
        size_t start = bytes_find(value, '<');
        start = start < at ? start + 1 : 0;
        struct bytes host = bytes_slice(value, at + 1, value.len);
        addresses.items = arena_alloc(arena, sizeof(*addresses.items));
        addresses.n_items = 1;
        addresses.items[0].mailbox = bytes_slice(value, start, at - start);
        addresses.items[0].host = bytes_slice(host, 0, bytes_find(host, '>'));
    }
    return addresses;
}

static void take_apart(struct decoder_answer *answer, struct bytes mail)
{
    struct outgoing_mail *out = &answer->outgoing;
    const uint8_t *end = memmem(mail.data, mail.len, "\r\n\r\n", 4);
    size_t header_len = end == NULL ? mail.len : (size_t)(end - mail.data) + 2;
    struct bytes header = bytes_slice(mail, 0, header_len);
    struct bytes body = bytes_slice(mail, header_len + 2, mail.len);
    uint8_t *text = arena_alloc(&answer->arena, body.len + 1);
    size_t text_len = 0;
    for (size_t i = 0; i < body.len; i++) {
        if (body.data[i] != '\r') {
            text[text_len++] = body.data[i];
        }
    }
    out->subject = field(header, "Subject");
    out->text = (struct bytes){text, text_len};
    out->text_origin = OUTGOING_TEXT_PLAIN;
    out->from = one_address(field(header, "From"), &answer->arena);
    out->to = one_address(field(header, "To"), &answer->arena);
    out->message_id = field(header, "Message-ID");
    struct bytes parent = field(header, "In-Reply-To");
    if (parent.len > 0) {
        out->references = arena_memdup(&answer->arena, &parent, sizeof(parent));
        out->n_references = 1;
    }
    struct bytes file = field(header, "X-Test-File");
    if (file.len > 0) {
        out->files = arena_alloc(&answer->arena, sizeof(*out->files));
        out->files[0] = (struct outgoing_file){.name = bytes_of_str("a.txt"),
                                               .type = bytes_of_str("text/plain"),
                                               .disposition = bytes_of_str("attachment"),
                                               .data = file};
        out->n_files = 1;
    }
}

static void analyse(struct decoder_answer *answer, const struct decoder_request *request)
{
    struct mail_analysis *analysis = &answer->analysis;
    struct buf blob = {0};
    message_info_of_opaque(&analysis->info, request->input.len, request->input.len, 0,
                           request->arrived_sec, &answer->arena);
    analysis->info.envelope.message_id = field(request->input, "Message-ID");
    analysis->info.envelope.to = one_address(field(request->input, "To"), &answer->arena);
    assert_true(message_info_write(&blob, &analysis->info, NULL));
    analysis->info_blob =
        (struct bytes){arena_memdup(&answer->arena, blob.data, blob.len), blob.len};
    buf_clear(&blob);
}

static void decode(struct decoder_answer *answer, const struct decoder_request *request)
{
    if (!content_decode(&answer->content, request->encoding, request->input, &answer->arena,
                        &answer->fault)) {
        answer->outcome = DECODER_REFUSED;
    }
}

static void encode(struct decoder_answer *answer, const struct decoder_request *request)
{
    struct buf out = {0};
    if (!content_encode(&out, &request->content, &answer->fault)) {
        answer->outcome = DECODER_REFUSED;
    }
    answer->encoded = (struct bytes){arena_memdup(&answer->arena, out.data, out.len), out.len};
    buf_clear(&out);
}

static void on_decoder_io(struct io *io, enum io_event event, void *context)
{
    (void)context;
    struct arena arena = {0};
    struct decoder_request request = {0};
    size_t used = 0;
    while (event == IO_DATA &&
           decoder_wire_parse_request(&request, &used, io_input(io), &arena, NULL) == PARSE_DONE) {
        struct decoder_answer answer = {.outcome = DECODER_DONE};
        switch (request.job) {
        case DECODER_JOB_ANALYSE:
            analyse(&answer, &request);
            break;
        case DECODER_JOB_OUTGOING:
            take_apart(&answer, request.input);
            break;
        case DECODER_JOB_DECODE:
            decode(&answer, &request);
            break;
        case DECODER_JOB_ENCODE:
            encode(&answer, &request);
            break;
        }
        struct buf out = {0};
        decoder_wire_write_answer(&out, request.id, request.job, &answer);
        io_consume(io, used);
        io_write(io, buf_view(&out));
        buf_clear(&out);
        arena_clear(&answer.arena);
        arena_clear(&arena);
    }
    arena_clear(&arena);
}

static void decoder_kill(void *context)
{
    (void)context;
}

void rig_decoder_open(struct rig *rig, size_t i)
{
    static const char *const names[] = {"network", "owner"};
    const struct decoder_hooks hooks = {decoder_kill, NULL, NULL};
    int ends[2];
    rig_socket_pair(ends);
    rig->fake_decoders[i] = xcalloc(1, sizeof(*rig->fake_decoders[i]));
    rig->fake_decoders[i]->io = io_new_take(rig->loop, ends[0], on_decoder_io, NULL);
    io_set_input_limit(rig->fake_decoders[i]->io, 8 << 20);
    rig->decoders[i] = decoder_client_new(rig->loop, names[i], &hooks);
    decoder_client_attach(rig->decoders[i], ends[1]);
}
void rig_decoder_close(struct rig *rig, size_t i)
{
    decoder_client_free(&rig->decoders[i]);
    io_free(&rig->fake_decoders[i]->io);
    free(rig->fake_decoders[i]);
}
