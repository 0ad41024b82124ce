// SPDX-License-Identifier: MIT
/* A walk over the tree of parts decides for each leaf: the text, a file, or the other shape of a
 * text that was chosen. The walk is bounded as the tree is. */
#include "mailproto/mime/outgoing.h"

#include <string.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/str.h"
#include "mailproto/mime/address.h"
#include "mailproto/mime/charset.h"
#include "mailproto/mime/forwarded.h"
#include "mailproto/mime/header.h"
#include "mailproto/mime/param.h"
#include "mailproto/mime/part_text.h"
#include "mailproto/mime/tree.h"
#include "mailproto/mime/words.h"

/* The header fields that mean something to us. All others stay behind. */
static const char *const ALLOWED_HEADERS[] = {
    "X-Bitmessage-TTL",
    "X-Bitmessage-Encoding",
    "X-Bitmessage-Attachments",
    "X-Bitmessage-Priority",
};

struct walk {
    struct outgoing_mail *out;
    const struct message_info *info;
    struct bytes mail;
    struct arena *arena;
    struct buf text;
    struct fault *fault;
    bool failed;
    bool is_in_seal; /* within a signed part, which travels whole */
};

static void fail(struct walk *walk, enum fault_code code, const char *words)
{
    if (!walk->failed) {
        fault_set(walk->fault, code, "%s", words);
    }
    walk->failed = true;
}

/* ---- names and addresses ---- */

/* As it was written, but well-formed and in one line. */
static struct bytes clean_raw(struct bytes text, struct arena *arena)
{
    struct buf converted = {0};
    charset_to_utf8(&converted, (struct bytes){0}, text);
    struct bytes clean = words_clean_plain(buf_view(&converted), arena);
    buf_clear(&converted);
    return clean;
}

/* Decoded names; begin and end of groups left out. */
static struct mail_addresses read_addresses(const struct mail_addresses *list, struct arena *arena)
{
    struct mail_addresses out = {0};
    if (list->n_items != 0) {
        out.items = arena_alloc(arena, list->n_items * sizeof *out.items);
    }
    for (size_t i = 0; i < list->n_items; i++) {
        struct mail_address item = list->items[i];
        if (message_text_is_absent(item.host)) {
            continue;
        }
        item.name = words_clean(item.name, arena);
        item.route = (struct bytes){0};
        item.mailbox = clean_raw(item.mailbox, arena);
        item.host = clean_raw(item.host, arena);
        out.items[out.n_items++] = item;
    }
    return out;
}

static bool is_listed(const struct outgoing_mail *out, struct bytes id)
{
    for (size_t i = 0; i < out->n_references; i++) {
        if (bytes_equal(out->references[i], id)) {
            return true;
        }
    }
    return false;
}

static void read_threads(struct outgoing_mail *out, const struct mail_envelope *envelope,
                         struct arena *arena)
{
    struct bytes ids[OUTGOING_MAX_REFERENCES];
    if (address_parse_ids(ids, 1, envelope->message_id) == 1) {
        out->message_id = ids[0];
    }
    out->references = arena_alloc(arena, (OUTGOING_MAX_REFERENCES + 1) * sizeof *out->references);
    out->n_references =
        address_parse_ids(out->references, OUTGOING_MAX_REFERENCES, envelope->references);
    if (address_parse_ids(ids, 1, envelope->in_reply_to) == 1 && !is_listed(out, ids[0])) {
        if (out->n_references == OUTGOING_MAX_REFERENCES) {
            memmove(out->references, out->references + 1,
                    (OUTGOING_MAX_REFERENCES - 1) * sizeof *out->references);
            out->n_references--;
        }
        out->references[out->n_references++] = ids[0];
    }
}

static void read_headers(struct outgoing_mail *out, struct bytes header_bytes, struct arena *arena)
{
    struct header header = header_split(header_bytes, arena);
    out->headers = arena_alloc(arena, ARRAY_LEN(ALLOWED_HEADERS) * sizeof *out->headers);
    for (size_t i = 0; i < ARRAY_LEN(ALLOWED_HEADERS); i++) {
        struct bytes value = header_text(&header, ALLOWED_HEADERS[i], arena);
        if (value.data != NULL) {
            out->headers[out->n_headers++] = (struct outgoing_header){
                bytes_of_str(ALLOWED_HEADERS[i]), words_clean(value, arena)};
        }
    }
}

/* ---- leaves ---- */

static struct bytes keep(struct arena *arena, const struct buf *data)
{
    return (struct bytes){arena_memdup(arena, data->data, data->len), data->len};
}

/* Without folders: what stands behind the last slash or backslash. */
static struct bytes base_name(struct bytes name)
{
    for (size_t i = name.len; i > 0; i--) {
        if (name.data[i - 1] == '/' || name.data[i - 1] == '\\') {
            return bytes_slice(name, i, name.len);
        }
    }
    return name;
}

/* "image/png" in lower case. */
static struct bytes type_name(const struct mime_part *part, struct arena *arena)
{
    char *text =
        arena_printf(arena, "%.*s/%.*s", (int)part->type.len, (const char *)part->type.data,
                     (int)part->subtype.len, (const char *)part->subtype.data);
    for (char *c = text; *c != '\0'; c++) {
        *c = (char)(((unsigned char)*c < 0x80) ? ascii_lower(*c) : '?');
    }
    return bytes_of_str(text);
}

static struct bytes bare_id(struct bytes id, struct arena *arena)
{
    struct bytes ids[1];
    if (address_parse_ids(ids, 1, id) == 1) {
        return bytes_slice(ids[0], 1, ids[0].len - 2);
    }
    return clean_raw(id, arena);
}

static void add_file(struct walk *walk, const struct mime_part *part, bool is_inline)
{
    struct outgoing_mail *out = walk->out;
    struct buf data = {0};
    if (walk->is_in_seal) {
        return;
    }
    if (out->n_files == OUTGOING_MAX_FILES) {
        fail(walk, FAULT_LIMIT, "there are too many attachments");
        return;
    }
    if (bytes_is_word(part->type, "message") && bytes_is_word(part->subtype, "rfc822")) {
        struct buf whole = {0};
        part_data(&whole, part, walk->mail);
        forwarded_write(&data, buf_view(&whole), walk->arena);
        buf_clear(&whole);
    } else {
        part_data(&data, part, walk->mail);
    }
    out->files[out->n_files++] = (struct outgoing_file){
        .name = base_name(tree_file_name(part, walk->arena)),
        .type = type_name(part, walk->arena),
        .disposition = bytes_of_str(is_inline ? "inline" : "attachment"),
        .id = bare_id(part->id, walk->arena),
        .data = keep(walk->arena, &data),
    };
    buf_clear(&data);
}

static void add_text(struct walk *walk, const struct mime_part *part)
{
    struct buf text = {0};
    bool is_known = part_text(&text, part, walk->mail, walk->mail.len);
    if (!is_known) {
        fail(walk, FAULT_UNSUPPORTED, "its text is in a character set that is not known here");
    }
    if (text.len > OUTGOING_MAX_TEXT_BYTES - walk->text.len) {
        fail(walk, FAULT_LIMIT, "its text is too long");
    } else if (text.len != 0) {
        if (walk->text.len != 0) {
            buf_append_str(&walk->text,
                           walk->text.data[walk->text.len - 1] == '\n' ? "\n" : "\n\n");
        }
        buf_append_bytes(&walk->text, buf_view(&text));
        if (walk->out->text_origin != OUTGOING_TEXT_PLAIN) {
            walk->out->text_origin = part_is_html(part) ? OUTGOING_TEXT_HTML : OUTGOING_TEXT_PLAIN;
        }
    }
    buf_clear(&text);
}

/* Text that is shown with the mail, not a file that happens to be text. */
static bool is_shown_text(const struct mime_part *part, struct arena *arena)
{
    return (bytes_is_word(part->subtype, "plain") || bytes_is_word(part->subtype, "html")) &&
           part_is_text(part) && !bytes_is_word(part->disposition, "attachment") &&
           tree_file_name(part, arena).len == 0;
}

/* ---- the walk ---- */

static void walk_part(struct walk *walk, uint32_t index, bool is_related, bool text_is_chosen);

static uint32_t first_child(const struct walk *walk, uint32_t index)
{
    return walk->info->parts[index].n_children == 0 ? MIME_PART_NONE : index + 1;
}

/* Does a plain text that says something stand in this part? In an alternative it then wins. */
static bool has_plain_text(const struct walk *walk, uint32_t index)
{
    const struct mime_part *part = &walk->info->parts[index];
    if (!mime_part_is_multipart(part)) {
        struct buf text = {0};
        bool ok = is_shown_text(part, walk->arena) && bytes_is_word(part->subtype, "plain");
        if (ok) {
            part_text(&text, part, walk->mail, OUTGOING_MAX_TEXT_BYTES);
            ok = words_clean_plain(buf_view(&text), walk->arena).len != 0;
        }
        buf_clear(&text);
        return ok;
    }
    for (uint32_t i = first_child(walk, index); i != MIME_PART_NONE;
         i = walk->info->parts[i].next_sibling) {
        if (has_plain_text(walk, i)) {
            return true;
        }
    }
    return false;
}

/* ---- signed and encrypted (RFC 1847) ---- */

static void add_sealed_file(struct walk *walk, struct bytes type, const char *name,
                            struct bytes digest, struct bytes data)
{
    walk->out->files[walk->out->n_files++] =
        (struct outgoing_file){.name = bytes_of_str(name),
                               .type = type,
                               .disposition = bytes_of_str("sealed"),
                               .id = digest,
                               .data = data};
}

/* What was signed goes as it is, byte for byte, and once more as the text that all can read; the
 * signature goes beside it. The frame around them is the receiver's to make. */
static void walk_signed(struct walk *walk, uint32_t index, uint32_t signature_index)
{
    const struct mime_part *parts = walk->info->parts;
    const struct mime_part *part = &parts[index + 1];
    const struct mime_part *signature = &parts[signature_index];
    bool is_pgp = bytes_is_word(signature->subtype, "pgp-signature");
    struct bytes whole = bytes_slice(walk->mail, part->header_offset,
                                     part->body_offset - part->header_offset + part->body_len);
    struct buf data = {0};
    part_data(&data, signature, walk->mail);
    add_sealed_file(walk, bytes_of_str("multipart/signed"), "",
                    param_text(&parts[index].params, "micalg", walk->arena), whole);
    add_sealed_file(
        walk, bytes_of_str(is_pgp ? "application/pgp-signature" : "application/pkcs7-signature"),
        is_pgp ? "signature.asc" : "smime.p7s", (struct bytes){0}, keep(walk->arena, &data));
    buf_clear(&data);
    walk->is_in_seal = true;
    walk_part(walk, index + 1, false, false);
    walk->is_in_seal = false;
}

static void walk_encrypted(struct walk *walk, uint32_t armour_index)
{
    struct buf data = {0};
    part_data(&data, &walk->info->parts[armour_index], walk->mail);
    add_sealed_file(walk, bytes_of_str("application/pgp-encrypted"), "", (struct bytes){0},
                    bytes_of_str("Version: 1\r\n"));
    add_sealed_file(walk, bytes_of_str("application/octet-stream"), "encrypted.asc",
                    (struct bytes){0}, keep(walk->arena, &data));
    buf_clear(&data);
}

/* RFC 8551 section 3.3: one part, whose content is encrypted, or signed within. */
static void walk_smime(struct walk *walk)
{
    struct buf data = {0};
    part_data(&data, &walk->info->parts[0], walk->mail);
    add_sealed_file(walk, bytes_of_str("application/pkcs7-mime"), "smime.p7m", (struct bytes){0},
                    keep(walk->arena, &data));
    buf_clear(&data);
}

/* The mail as a whole is such a pair, or S/MIME's one part; what stands deeper goes in its parts.
 */
static bool walk_seal(struct walk *walk)
{
    const struct mime_part *parts = walk->info->parts;
    if (bytes_is_word(parts[0].type, "application") &&
        (bytes_is_word(parts[0].subtype, "pkcs7-mime") ||
         bytes_is_word(parts[0].subtype, "x-pkcs7-mime"))) {
        walk_smime(walk);
        return true;
    }
    if (!mime_part_is_multipart(&parts[0]) || parts[0].n_children != 2) {
        return false;
    }
    uint32_t second = parts[1].next_sibling;
    if (bytes_is_word(parts[0].subtype, "signed") &&
        (bytes_is_word(parts[second].subtype, "pgp-signature") ||
         bytes_is_word(parts[second].subtype, "pkcs7-signature") ||
         bytes_is_word(parts[second].subtype, "x-pkcs7-signature"))) {
        walk_signed(walk, 0, second);
        return true;
    }
    if (bytes_is_word(parts[0].subtype, "encrypted") &&
        bytes_is_word(parts[1].subtype, "pgp-encrypted")) {
        walk_encrypted(walk, second);
        return true;
    }
    return false;
}

/* The first shape with plain text is the text, else the last one; of the others only what is no
 * text is kept, as files. */
static void walk_alternative(struct walk *walk, uint32_t index, bool text_is_chosen)
{
    const struct mime_part *parts = walk->info->parts;
    uint32_t chosen = MIME_PART_NONE;
    for (uint32_t i = first_child(walk, index); i != MIME_PART_NONE; i = parts[i].next_sibling) {
        if (has_plain_text(walk, i)) {
            chosen = i;
            break;
        }
        bool is_calendar = bytes_is_word(parts[i].subtype, "calendar");
        chosen = is_calendar && chosen != MIME_PART_NONE ? chosen : i;
    }
    for (uint32_t i = first_child(walk, index); i != MIME_PART_NONE; i = parts[i].next_sibling) {
        walk_part(walk, i, false, text_is_chosen || i != chosen);
    }
}

static void walk_multipart(struct walk *walk, uint32_t index, bool text_is_chosen)
{
    const struct mime_part *part = &walk->info->parts[index];
    if (bytes_is_word(part->subtype, "alternative")) {
        walk_alternative(walk, index, text_is_chosen);
        return;
    }
    bool is_related = bytes_is_word(part->subtype, "related");
    for (uint32_t i = first_child(walk, index); i != MIME_PART_NONE && !walk->failed;
         i = walk->info->parts[i].next_sibling) {
        walk_part(walk, i, is_related, text_is_chosen);
    }
}

/* `text_is_chosen`: another shape of this text was taken. */
static void walk_part(struct walk *walk, uint32_t index, bool is_related, bool text_is_chosen)
{
    const struct mime_part *part = &walk->info->parts[index];
    if (walk->failed) {
        return;
    }
    if (mime_part_is_multipart(part) && part->n_children != 0) {
        walk_multipart(walk, index, text_is_chosen);
    } else if (mime_part_is_multipart(part) || is_shown_text(part, walk->arena)) {
        if (!text_is_chosen) {
            add_text(walk, part);
        }
    } else {
        add_file(walk, part,
                 bytes_is_word(part->disposition, "inline") ||
                     (is_related && !bytes_is_word(part->disposition, "attachment")));
    }
}

/* ---- the whole ---- */

bool outgoing_take_apart(struct outgoing_mail *out, struct bytes mail, struct arena *arena,
                         struct fault *fault)
{
    struct message_info info = {0};
    struct outgoing_mail result = {0};
    tree_build(&info, mail, 0, arena);
    struct walk walk = {
        .out = &result, .info = &info, .mail = mail, .arena = arena, .fault = fault};

    result.subject = words_clean(info.envelope.subject, arena);
    result.subject.len = utf8_cut(result.subject, OUTGOING_MAX_SUBJECT_BYTES);
    result.from = read_addresses(&info.envelope.from, arena);
    result.to = read_addresses(&info.envelope.to, arena);
    result.cc = read_addresses(&info.envelope.cc, arena);
    result.bcc = read_addresses(&info.envelope.bcc, arena);
    read_threads(&result, &info.envelope, arena);
    read_headers(&result, tree_header(&info.parts[0], mail), arena);
    result.files = arena_alloc(arena, OUTGOING_MAX_FILES * sizeof *result.files);
    if (!walk_seal(&walk)) {
        walk_part(&walk, 0, false, false);
    }
    result.text = keep(arena, &walk.text);
    buf_clear(&walk.text);
    if (walk.failed) {
        return false;
    }
    *out = result;
    return true;
}
