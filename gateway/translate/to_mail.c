// SPDX-License-Identifier: MIT
#include "gateway/translate/to_mail.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/translate/address_form.h"
#include "gateway/translate/foreign.h"
#include "gateway/translate/mail_write.h"
#include "gateway/translate/seal_write.h"

void to_mail_message_id(char out[MESSAGE_ID_BYTES], const uint8_t hash[INVENTORY_HASH_BYTES])
{
    hex_encode(out, (struct bytes){hash, INVENTORY_HASH_BYTES});
    memcpy(out + 2 * INVENTORY_HASH_BYTES, "@" ADDRESS_FORM_DOMAIN,
           sizeof("@" ADDRESS_FORM_DOMAIN));
}

bool to_mail_hash_of_message_id(uint8_t out[INVENTORY_HASH_BYTES], struct bytes id)
{
    if (id.len >= 2 && id.data[0] == '<' && id.data[id.len - 1] == '>') {
        id = bytes_slice(id, 1, id.len - 2);
    }
    size_t at = bytes_find(id, '@');
    return at < id.len && bytes_is_word(bytes_slice(id, at + 1, id.len), ADDRESS_FORM_DOMAIN) &&
           hex_decode(out, INVENTORY_HASH_BYTES, bytes_slice(id, 0, at));
}

/* What stands for an address that has no label: enough to tell two apart. */
static struct bytes display_of(const char *label, const char *mail_address)
{
    return label[0] != '\0' ? bytes_of_str(label)
                            : bytes_slice(bytes_of_str(mail_address), 0, strlen("BM-2cXXXXXX"));
}

static void write_threads(struct buf *out, const struct arrived_message *message)
{
    if (message->n_parents == 0) {
        return;
    }
    mail_write_field(out, "In-Reply-To", "<%s>", message->parents[message->n_parents - 1]);
    buf_append_str(out, "References:");
    size_t first =
        message->n_parents > TO_MAIL_MAX_PARENTS ? message->n_parents - TO_MAIL_MAX_PARENTS : 0;
    for (size_t i = first; i < message->n_parents; i++) {
        buf_printf(out, "%s <%s>", i == first ? "" : "\r\n", message->parents[i]);
    }
    buf_append_str(out, "\r\n");
}

static void write_list_headers(struct buf *out, const struct arrived_message *message,
                               const char *list_mail, const char *list_label)
{
    char address[ADDRESS_TEXT_BYTES];
    address_encode(address, &message->to);
    mail_write_address(out, "List-Id", bytes_of_str(list_label), address);
    if (message->kind == ARRIVED_CHAN) {
        mail_write_field(out, "List-Post", "<mailto:%s>", list_mail);
        mail_write_field(out, "Reply-To", "%s", list_mail);
    } else {
        mail_write_field(out, "List-Post", "NO");
    }
}

static const char *const kind_names[] = {
    [ARRIVED_MESSAGE] = "message",
    [ARRIVED_CHAN] = "chan",
    [ARRIVED_BROADCAST] = "broadcast",
};

static void write_addresses(struct buf *out, const struct arrived_message *message)
{
    char from[ADDRESS_MAIL_BYTES];
    char to[ADDRESS_MAIL_BYTES];
    address_form_mail(from, &message->from);
    address_form_mail(to, &message->to);
    mail_write_address(out, "From", display_of(message->from_label, from), from);
    if (message->kind == ARRIVED_BROADCAST) {
        mail_write_address(out, "To", bytes_of_str("Subscribers"),
                           "broadcast@" ADDRESS_FORM_DOMAIN);
    } else {
        mail_write_address(out, "To", display_of(message->to_label, to), to);
    }
    if (message->kind != ARRIVED_MESSAGE) {
        write_list_headers(out, message, to, message->to_label);
    }
}

static void write_header(struct buf *out, const struct arrived_message *message)
{
    char date[MAIL_DATE_BYTES];
    char expires[MAIL_DATE_BYTES];
    char id[MESSAGE_ID_BYTES];
    char hash[2 * INVENTORY_HASH_BYTES + 1];
    mail_date(date, message->arrived_sec);
    mail_date(expires, message->expires_sec);
    to_mail_message_id(id, message->hash);
    hex_encode(hash, (struct bytes){message->hash, INVENTORY_HASH_BYTES});

    mail_write_field(out, "Authentication-Results",
                     ADDRESS_FORM_DOMAIN "; x-bitmessage-signature=pass");
    write_addresses(out, message);
    mail_write_text(out, "Subject",
                    message->content != NULL ? message->content->subject : (struct bytes){0});
    mail_write_field(out, "Date", "%s", date);
    mail_write_field(out, "Message-ID", "<%s>", id);
    write_threads(out, message);
    mail_write_field(out, "X-Bitmessage-Kind", "%s", kind_names[message->kind]);
    mail_write_field(out, "X-Bitmessage-Expires", "%s", expires);
    mail_write_field(out, "X-Bitmessage-Encoding", "%" PRIu64, message->encoding);
    mail_write_field(out, "X-Bitmessage-Object", "%s", hash);
    mail_write_field(out, "MIME-Version", "1.0");
}

static void write_text(struct buf *out, struct bytes body)
{
    struct buf clean = {0};
    (void)mail_clean_text(&clean, body);
    mail_write_text_part(out, buf_view(&clean));
    buf_clear(&clean);
}

static bool is_inline(const struct content_file *file)
{
    return bytes_is_word(file->disposition, "inline") && foreign_is_safe_id(file->id);
}

static void write_files(struct buf *out, const char *boundary, const struct content_file *files,
                        size_t n_files, bool inline_ones)
{
    for (size_t i = 0; i < n_files; i++) {
        if (is_inline(&files[i]) == inline_ones) {
            buf_printf(out, "\r\n--=_%s\r\n", boundary);
            foreign_write_file(out, &files[i]);
        }
    }
}

/* The text with the pictures that stand in it: multipart/related (RFC 2387). */
static void write_related(struct buf *out, const char *hex, struct bytes body,
                          const struct content_file *files, size_t n_files)
{
    char boundary[40];
    (void)snprintf(boundary, sizeof(boundary), "%sr", hex);
    buf_printf(out,
               "Content-Type: multipart/related; type=\"text/plain\";\r\n"
               " boundary=\"=_%s\"\r\n\r\n--=_%s\r\n",
               boundary, boundary);
    write_text(out, body);
    write_files(out, boundary, files, n_files, true);
    buf_printf(out, "\r\n--=_%s--\r\n", boundary);
}

static void write_mixed(struct buf *out, const struct arrived_message *message, struct bytes body,
                        const struct content_file *files, size_t n_files)
{
    char hex[33];
    size_t n_inline = 0;
    bool is_eight_bit = false;
    for (size_t i = 0; i < n_files; i++) {
        n_inline += is_inline(&files[i]) ? 1 : 0;
        is_eight_bit = is_eight_bit || foreign_is_eight_bit(&files[i]);
    }
    if (is_eight_bit) {
        mail_write_field(out, "Content-Transfer-Encoding", "8bit");
    }
    hex_encode(hex, (struct bytes){message->hash, 16});
    if (n_inline == n_files) {
        write_related(out, hex, body, files, n_files);
        return;
    }
    buf_printf(out, "Content-Type: multipart/mixed;\r\n boundary=\"=_%s\"\r\n\r\n", hex);
    buf_printf(out, "--=_%s\r\n", hex);
    if (n_inline > 0) {
        write_related(out, hex, body, files, n_files);
    } else {
        write_text(out, body);
    }
    write_files(out, hex, files, n_files, false);
    buf_printf(out, "\r\n--=_%s--\r\n", hex);
}

/* As it was signed or encrypted, where it can be. */
static bool write_sealed(struct buf *out, const struct arrived_message *message)
{
    char hex[33];
    hex_encode(hex, (struct bytes){message->hash, 16});
    return seal_write(out, message->content, hex);
}

void to_mail_write(struct buf *out, const struct arrived_message *message)
{
    write_header(out, message);
    const struct content *content = message->content;
    if (content == NULL) {
        const struct content_file file = {.name = bytes_of_str("message.bin"),
                                          .type = bytes_of_str("application/octet-stream"),
                                          .data = message->raw};
        write_mixed(out, message, bytes_of_str(message->notice), &file, 1);
    } else if (write_sealed(out, message)) {
        return;
    } else if (content->n_files > 0) {
        write_mixed(out, message, content->body, content->files, content->n_files);
    } else {
        write_text(out, content->body);
    }
}
