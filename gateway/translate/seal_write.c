// SPDX-License-Identifier: MIT
#include "gateway/translate/seal_write.h"

#include "base/buf.h"
#include "base/str.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/translate/foreign.h"
#include "gateway/translate/mail_write.h"

enum { SEAL_MAX_MICALG_BYTES = 32 };

static bool is_sealed(const struct content_file *file, const char *type)
{
    return bytes_is_word(file->disposition, "sealed") && bytes_is_word(file->type, type);
}

/* ---- what may be put back ---- */

static bool is_armour(struct bytes text, const char *what)
{
    return bytes_starts_with(text, bytes_of_str(what)) && foreign_has_sound_lines(text, true);
}

/* ---- writing ---- */

static void begin(struct buf *out, const char *unique)
{
    buf_printf(out, "\r\n--=_%s\r\n", unique);
}

static void end(struct buf *out, const char *unique)
{
    buf_printf(out, "\r\n--=_%s--\r\n", unique);
}

static bool is_token(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.data[i];
        if (!ascii_is_alpha(c) && !ascii_is_digit(c) && c != '-') {
            return false;
        }
    }
    return text.len > 0 && text.len <= SEAL_MAX_MICALG_BYTES;
}

static bool write_signed(struct buf *out, const struct content *content, const char *unique)
{
    static const struct {
        const char *type;
        const char *name;
    } kinds[] = {{"application/pgp-signature", "signature.asc"},
                 {"application/pkcs7-signature", "smime.p7s"}};
    const struct content_file *part = &content->files[0];
    const struct content_file *signature = &content->files[1];
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        bool is_pgp = i == 0;
        if (!is_sealed(signature, kinds[i].type) || !foreign_is_harmless(part->data) ||
            (is_pgp && !is_armour(signature->data, "-----BEGIN PGP SIGNATURE-----"))) {
            continue;
        }
        buf_printf(out, "Content-Type: multipart/signed; protocol=\"%s\";\r\n", kinds[i].type);
        if (is_token(part->id)) {
            buf_printf(out, " micalg=%.*s;\r\n", (int)part->id.len, (const char *)part->id.data);
        }
        buf_printf(out, " boundary=\"=_%s\"\r\n", unique);
        begin(out, unique);
        buf_append_bytes(out, part->data);
        begin(out, unique);
        buf_printf(out, "Content-Type: %s; name=%s\r\n%s\r\n", kinds[i].type, kinds[i].name,
                   is_pgp ? "" : "Content-Transfer-Encoding: base64\r\n");
        if (is_pgp) {
            buf_append_bytes(out, signature->data);
        } else {
            mail_write_base64(out, signature->data);
        }
        end(out, unique);
        return true;
    }
    return false;
}

static bool write_encrypted(struct buf *out, const struct content *content, const char *unique)
{
    const struct content_file *armour = &content->files[1];
    if (!is_sealed(armour, "application/octet-stream") ||
        !is_armour(armour->data, "-----BEGIN PGP MESSAGE-----")) {
        return false;
    }
    buf_printf(out,
               "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\";\r\n"
               " boundary=\"=_%s\"\r\n",
               unique);
    begin(out, unique);
    buf_append_str(out, "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n");
    begin(out, unique);
    buf_append_str(out, "Content-Type: application/octet-stream; name=encrypted.asc\r\n\r\n");
    buf_append_bytes(out, armour->data);
    end(out, unique);
    return true;
}

/* Is it a CMS object (RFC 5652 section 3) that is encrypted? What it calls itself is no proof: one
 * that is only signed would show whatever a stranger put into it. */
static bool is_enveloped(struct bytes der)
{
    static const uint8_t enveloped[] = {6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3};
    static const uint8_t auth_enveloped[] = {6,    11, 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                             0x0d, 1,  9,    16,   1,    23};
    if (der.len < 2 || der.data[0] != 0x30) {
        return false;
    }
    size_t n_length_bytes = der.data[1] > 0x80 ? der.data[1] & 0x7fU : 0;
    struct bytes type = bytes_slice(der, 2 + n_length_bytes, der.len);
    return bytes_starts_with(type, (struct bytes){enveloped, sizeof enveloped}) ||
           bytes_starts_with(type, (struct bytes){auth_enveloped, sizeof auth_enveloped});
}

static bool write_enveloped(struct buf *out, const struct content_file *file)
{
    if (!is_sealed(file, "application/pkcs7-mime") || !is_enveloped(file->data)) {
        return false;
    }
    buf_append_str(out, "Content-Type: application/pkcs7-mime; smime-type=enveloped-data;\r\n"
                        " name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n"
                        "Content-Disposition: attachment; filename=smime.p7m\r\n\r\n");
    mail_write_base64(out, file->data);
    return true;
}

bool seal_write(struct buf *out, const struct content *content, const char *unique)
{
    if (content->n_files == 1) {
        return write_enveloped(out, &content->files[0]);
    }
    if (content->n_files != 2) {
        return false;
    }
    return is_sealed(&content->files[0], "multipart/signed")
               ? write_signed(out, content, unique)
               : is_sealed(&content->files[0], "application/pgp-encrypted") &&
                     write_encrypted(out, content, unique);
}
