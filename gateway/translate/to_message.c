// SPDX-License-Identifier: MIT
#include "gateway/translate/to_message.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "gateway/translate/address_form.h"
#include "node/objects/msg.h"

/* An ack's packet: header, nonce, time, type, version, stream, 32 random bytes. */
enum { ACK_PACKET_BYTES = 24 + 8 + 8 + 4 + 1 + 1 + 32 };

static void copy_files(struct content *out, const struct outgoing_mail *mail, struct arena *arena)
{
    out->files = arena_alloc(arena, (mail->n_files + 1) * sizeof(*out->files));
    out->n_files = mail->n_files;
    for (size_t i = 0; i < mail->n_files; i++) {
        const struct outgoing_file *from = &mail->files[i];
        out->files[i] = (struct content_file){
            .name = from->name,
            .type = from->type,
            .disposition = from->disposition,
            .data = from->data,
        };
        /* A Content-ID is made of its program's habits and its host's name: it is counted anew. Of
         * a sealed part it is the digest's name. */
        if (bytes_is_word(from->disposition, "inline") && from->id.len > 0) {
            out->files[i].id = bytes_of_str(arena_printf(arena, "file%zu", i + 1));
        } else if (bytes_is_word(from->disposition, "sealed")) {
            out->files[i].id = from->id;
        }
    }
}

/* How many line ends a text has at its end tells of the program that wrote it, and of nothing else.
 */
static struct bytes without_last_line_ends(struct bytes text)
{
    while (text.len > 0 && text.data[text.len - 1] == '\n') {
        text.len--;
    }
    return text;
}

bool to_message_plan(struct message_plan *out, const struct outgoing_mail *mail,
                     const struct bytes *parents, size_t n_parents, struct arena *arena,
                     struct fault *fault)
{
    if (mail->subject.len > CONTENT_MAX_SUBJECT_BYTES) {
        return fault_set(fault, FAULT_LIMIT,
                         "the subject has %zu bytes; a Bitmessage subject has %d at most",
                         mail->subject.len, (int)CONTENT_MAX_SUBJECT_BYTES);
    }
    if (mail->n_files > CONTENT_MAX_FILES) {
        return fault_set(fault, FAULT_LIMIT, "more than %d attachments", (int)CONTENT_MAX_FILES);
    }
    if (memchr(mail->subject.data == NULL ? "" : (const char *)mail->subject.data, '\n',
               mail->subject.len) != NULL) {
        return fault_set(fault, FAULT_INVALID, "the subject has more than one line");
    }
    struct bytes body = without_last_line_ends(mail->text);
    struct message_plan plan = {
        .plain = {.encoding = CONTENT_SIMPLE, .subject = mail->subject, .body = body},
        .needs_extended = mail->n_files > 0,
        .has_extended = mail->n_files > 0 || n_parents > 0,
    };
    if (plan.has_extended) {
        plan.extended =
            (struct content){.encoding = CONTENT_EXTENDED, .subject = mail->subject, .body = body};
        copy_files(&plan.extended, mail, arena);
        plan.extended.n_parents = n_parents < CONTENT_MAX_PARENTS ? n_parents : CONTENT_MAX_PARENTS;
        plan.extended.parents =
            arena_alloc(arena, (plan.extended.n_parents + 1) * sizeof(*plan.extended.parents));
        for (size_t i = 0; i < plan.extended.n_parents; i++) {
            plan.extended.parents[i] = parents[i];
        }
    }
    *out = plan;
    return true;
}

bool to_message_fits(size_t content_len)
{
    return content_len <= OBJECT_SEND_MAX_BYTES &&
           msg_len_estimate(content_len, ACK_PACKET_BYTES) <= OBJECT_SEND_MAX_BYTES;
}

size_t to_message_max_content(void)
{
    size_t fits = 0;
    size_t too_long = OBJECT_SEND_MAX_BYTES;
    while (fits + 1 < too_long) {
        size_t middle = (fits + too_long) / 2;
        if (to_message_fits(middle)) {
            fits = middle;
        } else {
            too_long = middle;
        }
    }
    return fits;
}

bool to_message_ttl(int64_t *out_sec, const struct outgoing_mail *mail, struct fault *fault)
{
    *out_sec = 0;
    for (size_t i = 0; i < mail->n_headers; i++) {
        if (bytes_is_word(mail->headers[i].name, "X-Bitmessage-TTL") &&
            !address_form_parse_ttl(out_sec, mail->headers[i].value, fault)) {
            return fault_wrap(fault, "X-Bitmessage-TTL");
        }
    }
    return true;
}
