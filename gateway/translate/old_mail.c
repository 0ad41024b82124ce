// SPDX-License-Identifier: MIT
#include "gateway/translate/old_mail.h"

#include <assert.h>

#include "base/buf.h"
#include "crypto/hash.h"
#include "gateway/translate/address_form.h"
#include "gateway/translate/mail_write.h"

#define UNKNOWN_MAIL "unknown@" ADDRESS_FORM_DOMAIN
#define SUBSCRIBERS_MAIL "broadcast@" ADDRESS_FORM_DOMAIN

static void write_party(struct buf *out, const struct address *address)
{
    char mail[ADDRESS_MAIL_BYTES] = "";
    if (address != NULL) {
        address_form_mail(mail, address);
    }
    write_block(out, bytes_of_str(mail));
}

static_assert(INVENTORY_HASH_BYTES == SHA256_BYTES, "a Message-ID holds a hash of 32 bytes");

/* What is not an object's hash never meets one: it is a hash of something else. */
static void hash_of_content(uint8_t out[INVENTORY_HASH_BYTES], const struct old_mail *mail)
{
    struct buf data = {0};
    write_party(&data, mail->from);
    write_party(&data, mail->to);
    write_block(&data, mail->subject);
    write_block(&data, mail->text);
    write_u64(&data, (uint64_t)mail->sec);
    write_u8(&data, mail->is_sent);
    hash_sha256(out, buf_view(&data));
    buf_clear_secret(&data);
}

void old_mail_message_id(char out[MESSAGE_ID_BYTES], const struct old_mail *mail)
{
    uint8_t hash[INVENTORY_HASH_BYTES];
    if (mail->hash == NULL) {
        hash_of_content(hash, mail);
    }
    to_mail_message_id(out, mail->hash != NULL ? mail->hash : hash);
}

static void write_address(struct buf *out, const char *name, const struct address *address,
                          const char *label, const char *otherwise)
{
    char mail[ADDRESS_MAIL_BYTES];
    if (address == NULL) {
        mail_write_address(out, name, (struct bytes){0}, otherwise);
        return;
    }
    address_form_mail(mail, address);
    mail_write_address(out, name, bytes_of_str(label), mail);
}

void old_mail_write(struct buf *out, const struct old_mail *mail)
{
    static const char *const kinds[] = {
        [ARRIVED_MESSAGE] = "message",
        [ARRIVED_CHAN] = "chan",
        [ARRIVED_BROADCAST] = "broadcast",
    };
    char date[MAIL_DATE_BYTES];
    char id[MESSAGE_ID_BYTES];
    struct buf text = {0};
    mail_date(date, mail->sec);
    old_mail_message_id(id, mail);
    write_address(out, "From", mail->from, mail->from_label, UNKNOWN_MAIL);
    write_address(out, "To", mail->to, mail->to_label,
                  mail->kind == ARRIVED_BROADCAST ? SUBSCRIBERS_MAIL : UNKNOWN_MAIL);
    mail_write_text(out, "Subject", mail->subject);
    mail_write_field(out, "Date", "%s", date);
    mail_write_field(out, "Message-ID", "<%s>", id);
    mail_write_field(out, "X-Bitmessage-Kind", "%s", kinds[mail->kind]);
    mail_write_field(out, "MIME-Version", "1.0");
    (void)mail_clean_text(&text, mail->text);
    mail_write_text_part(out, buf_view(&text));
    buf_clear(&text);
}
