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

/* A type that we can vouch for: the file goes as base64, which RFC 2046 section 5 forbids for
 * multipart and message. */
static struct bytes safe_type(struct bytes type)
{
    bool composite = bytes_is_word(bytes_slice(type, 0, 10), "multipart/") ||
                     bytes_is_word(bytes_slice(type, 0, 8), "message/");
    return mail_is_media_type(type) && !composite ? type : bytes_of_str("application/octet-stream");
}

/* The last part of a name, so that no reader takes it for a path. */
static struct bytes safe_name(struct bytes name)
{
    for (size_t i = name.len; i > 0; i--) {
        if (name.data[i - 1] == '/' || name.data[i - 1] == '\\') {
            return bytes_slice(name, i, name.len);
        }
    }
    return name;
}

/* A Content-ID may hold nothing but what an identifier is made of. */
static bool is_safe_id(struct bytes id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = (char)id.data[i];
        if (!ascii_is_alpha(c) && !ascii_is_digit(c) &&
            (c == '\0' || strchr("@.-_$+", c) == NULL)) {
            return false;
        }
    }
    return id.len > 0 && id.len <= 250;
}

static void write_file(struct buf *out, const struct content_file *file)
{
    struct bytes type = safe_type(file->type);
    struct bytes name = safe_name(file->name);
    if (name.len == 0 && bytes_is_word(file->type, "message/rfc822")) {
        name = bytes_of_str("message.eml"); /* its type does not go with base64 */
    }
    bool is_shown = bytes_is_word(file->disposition, "inline");
    buf_printf(out, "Content-Type: %.*s", (int)type.len, (const char *)type.data);
    if (name.len > 0) {
        mail_write_param(out, "name", name);
    }
    buf_append_str(out, "\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: ");
    buf_append_str(out, is_shown ? "inline" : "attachment");
    if (name.len > 0) {
        mail_write_param(out, "filename", name);
    }
    buf_append_str(out, "\r\n");
    if (is_safe_id(file->id)) {
        mail_write_field(out, "Content-ID", "<%.*s>", (int)file->id.len,
                         (const char *)file->id.data);
    }
    buf_append_str(out, "\r\n");
    mail_write_base64(out, file->data);
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
    return bytes_is_word(file->disposition, "inline") && is_safe_id(file->id);
}

static void write_files(struct buf *out, const char *boundary, const struct content_file *files,
                        size_t n_files, bool inline_ones)
{
    for (size_t i = 0; i < n_files; i++) {
        if (is_inline(&files[i]) == inline_ones) {
            buf_printf(out, "\r\n--=_%s\r\n", boundary);
            write_file(out, &files[i]);
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
    for (size_t i = 0; i < n_files; i++) {
        n_inline += is_inline(&files[i]) ? 1 : 0;
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
