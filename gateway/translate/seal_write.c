// SPDX-License-Identifier: MIT
#include "gateway/translate/seal_write.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/translate/mail_write.h"

enum { SEAL_MAX_LINE_BYTES = 998, SEAL_MAX_MICALG_BYTES = 32 };

static bool is_sealed(const struct content_file *file, const char *type)
{
    return bytes_is_word(file->disposition, "sealed") && bytes_is_word(file->type, type);
}

/* ---- what may be put back ---- */

/* Lines of at most 998 bytes, CR LF between them, no NUL; 7 bit when `is_text`. */
static bool has_sound_lines(struct bytes data, bool is_text)
{
    size_t line_len = 0;
    for (size_t i = 0; i < data.len; i++) {
        uint8_t byte = data.data[i];
        if (byte == '\r' && i + 1 < data.len && data.data[i + 1] == '\n') {
            i++;
            line_len = 0;
            continue;
        }
        bool is_good = byte != '\r' && byte != '\n' && byte != 0 &&
                       (!is_text || byte == '\t' || (byte >= ' ' && byte < 0x7f));
        if (!is_good || ++line_len > SEAL_MAX_LINE_BYTES) {
            return false;
        }
    }
    return true;
}

static bool holds_word(struct bytes data, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= data.len; i++) {
        if (bytes_is_word(bytes_slice(data, i, len), word)) {
            return true;
        }
    }
    return false;
}

/* No part of it is shown as anything but text or a file. */
static bool is_harmless(struct bytes part)
{
    static const char *const words[] = {"html", "message/", "xml"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (holds_word(part, words[i])) {
            return false;
        }
    }
    return has_sound_lines(part, false) && !holds_word(part, "\n--=_") &&
           !bytes_starts_with(part, bytes_of_str("--=_"));
}

static bool is_armour(struct bytes text, const char *what)
{
    return bytes_starts_with(text, bytes_of_str(what)) && has_sound_lines(text, true);
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
        if (!is_sealed(signature, kinds[i].type) || !is_harmless(part->data) ||
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

bool seal_write(struct buf *out, const struct content *content, const char *unique)
{
    if (content->n_files != 2) {
        return false;
    }
    return is_sealed(&content->files[0], "multipart/signed")
               ? write_signed(out, content, unique)
               : is_sealed(&content->files[0], "application/pgp-encrypted") &&
                     write_encrypted(out, content, unique);
}
