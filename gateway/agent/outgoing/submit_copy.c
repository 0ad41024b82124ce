// SPDX-License-Identifier: MIT
#include "gateway/agent/outgoing/submit_copy.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/random.h"
#include "gateway/agent/keys/keyring.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/translate/mail_write.h"

/* ---- what the header says ---- */

/* Does a field of that name stand in the header? */
static bool has_field(struct bytes mail, const char *name)
{
    size_t name_len = strlen(name);
    while (mail.len != 0) {
        size_t end = bytes_find(mail, '\n');
        struct bytes line = bytes_slice(mail, 0, end);
        struct bytes behind = bytes_slice(line, name_len, line.len);
        size_t n_spaces = 0;
        if (line.len == 0 || (line.len == 1 && line.data[0] == '\r')) {
            return false;
        }
        while (n_spaces < behind.len &&
               (behind.data[n_spaces] == ' ' || behind.data[n_spaces] == '\t')) {
            n_spaces++;
        }
        if (bytes_is_word(bytes_slice(line, 0, name_len), name) && n_spaces < behind.len &&
            behind.data[n_spaces] == ':') {
            return true;
        }
        mail = bytes_slice(mail, end + 1, mail.len);
    }
    return false;
}

static bool names_recipient(const struct submit_copy *copy, const struct mail_addresses *addresses,
                            const struct recipient *recipient)
{
    for (size_t i = 0; i < addresses->n_items; i++) {
        const struct mail_address *item = &addresses->items[i];
        struct recipient named;
        bool found = recipient_of_field(&named, copy->keyring, copy->account_id, item, NULL) ==
                     ADDRESS_FORM_FOUND;
        if (found && named.kind == recipient->kind &&
            (named.kind == OUTGOING_TO_SUBSCRIBERS ||
             address_equal(&named.address, &recipient->address))) {
            return true;
        }
    }
    return false;
}

/* ---- what is added ---- */

/* Those whom the envelope names and the header doesn't: the copy in Sent shall tell. */
static void write_bcc(struct buf *out, const struct submit_copy *copy)
{
    size_t n_hidden = 0;
    if (copy->mail->bcc.n_items > 0) {
        return;
    }
    for (size_t i = 0; i < copy->n_recipients; i++) {
        const struct recipient *recipient = &copy->recipients[i];
        char text[ADDRESS_MAIL_BYTES];
        if (names_recipient(copy, &copy->mail->to, recipient) ||
            names_recipient(copy, &copy->mail->cc, recipient)) {
            continue;
        }
        bool to_all = recipient->kind == OUTGOING_TO_SUBSCRIBERS;
        if (!to_all) {
            address_form_mail(text, &recipient->address);
        }
        buf_printf(out, "%s%s", n_hidden == 0 ? "Bcc: " : ",\r\n ",
                   to_all ? "broadcast@" ADDRESS_FORM_DOMAIN : text);
        n_hidden++;
    }
    if (n_hidden > 0) {
        buf_append_str(out, "\r\n");
    }
}

static void write_from_and_date(struct buf *out, const struct submit_copy *copy, struct bytes mail)
{
    if (!has_field(mail, "From")) {
        char address[ADDRESS_MAIL_BYTES];
        struct buf name = {0};
        address_form_mail(address, copy->sender);
        (void)mail_clean_line(&name, bytes_of_str(copy->full_name));
        mail_write_address(out, "From", buf_view(&name), address);
        buf_clear(&name);
    }
    if (!has_field(mail, "Date")) {
        char date[MAIL_DATE_BYTES];
        mail_date(date, copy->accepted_sec);
        mail_write_field(out, "Date", "%s", date);
    }
}

/* A Message-ID as the rest of the house may rely on: printable, with its brackets. */
static bool is_good_message_id(struct bytes id)
{
    for (size_t i = 0; i < id.len; i++) {
        bool inside = i > 0 && i + 1 < id.len;
        if (id.data[i] <= 0x20 || id.data[i] > 0x7e ||
            (inside && (id.data[i] == '<' || id.data[i] == '>'))) {
            return false;
        }
    }
    return id.len > 2 && id.len <= 250 && id.data[0] == '<' && id.data[id.len - 1] == '>';
}

const char *submit_copy_complete(struct buf *mail, const struct submit_copy *copy,
                                 struct arena *arena)
{
    struct bytes id = copy->mail->message_id;
    struct buf head = {0};
    const char *message_id;
    if (is_good_message_id(id)) {
        message_id = arena_strndup(arena, (const char *)id.data, id.len);
    } else {
        uint8_t unique[16];
        char hex[2 * sizeof(unique) + 1];
        random_bytes(unique, sizeof(unique));
        hex_encode(hex, (struct bytes){unique, sizeof(unique)});
        message_id = arena_printf(arena, "<%s@" ADDRESS_FORM_DOMAIN ">", hex);
        if (id.len == 0) {
            mail_write_field(&head, "Message-ID", "%s", message_id);
        }
    }
    write_from_and_date(&head, copy, buf_view(mail));
    write_bcc(&head, copy);
    if (head.len > 0) {
        if (!buf_try_reserve(&head, mail->len)) {
            message_id = NULL;
        } else {
            buf_append_bytes(&head, buf_view(mail));
            struct buf old = *mail;
            *mail = head;
            head = old;
        }
    }
    buf_clear(&head);
    return message_id;
}
