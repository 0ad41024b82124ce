// SPDX-License-Identifier: MIT
/* The shapes of RFC 9051 section 9:
 *
 *     multipart   (part part ... "subtype" [params disposition language location])
 *     text        ("type" "subtype" params id description encoding octets lines [extension])
 *     message     (... octets envelope structure lines [extension])
 *     else        (... octets [extension])           extension: md5 disposition language location
 *
 * A multipart without parts gets an empty text part, since the grammar wants one at least. The
 * depth of recursion is bounded by MESSAGE_INFO_MAX_DEPTH, which the parser of the form has
 * checked. */
#include "mailproto/imap/bodystructure.h"

#include "base/buf.h"
#include "base/str.h"
#include "mailproto/imap/imap_write.h"
#include "mailproto/imap/message_info.h"

/* ---- ENVELOPE ---- */

static void print_address(struct buf *out, const struct mail_address *address)
{
    buf_append_byte(out, '(');
    imap_write_nstring(out, address->name);
    buf_append_byte(out, ' ');
    imap_write_nstring(out, address->route);
    buf_append_byte(out, ' ');
    imap_write_nstring(out, address->mailbox);
    buf_append_byte(out, ' ');
    imap_write_nstring(out, address->host);
    buf_append_byte(out, ')');
}

static void print_addresses(struct buf *out, const struct mail_addresses *list)
{
    if (list->n_items == 0) {
        buf_append_str(out, " NIL");
        return;
    }
    buf_append_str(out, " (");
    for (size_t i = 0; i < list->n_items; i++) {
        print_address(out, &list->items[i]);
    }
    buf_append_byte(out, ')');
}

void envelope_print(struct buf *out, const struct mail_envelope *envelope)
{
    const struct mail_addresses *from = &envelope->from;
    buf_append_byte(out, '(');
    imap_write_nstring(out, envelope->date);
    buf_append_byte(out, ' ');
    imap_write_nstring(out, envelope->subject);
    print_addresses(out, from);
    print_addresses(out, envelope->sender.n_items > 0 ? &envelope->sender : from);
    print_addresses(out, envelope->reply_to.n_items > 0 ? &envelope->reply_to : from);
    print_addresses(out, &envelope->to);
    print_addresses(out, &envelope->cc);
    print_addresses(out, &envelope->bcc);
    buf_append_byte(out, ' ');
    imap_write_nstring(out, envelope->in_reply_to);
    buf_append_byte(out, ' ');
    imap_write_nstring(out, envelope->message_id);
    buf_append_byte(out, ')');
}

/* ---- BODYSTRUCTURE ---- */

static void print_params(struct buf *out, const struct mime_params *params)
{
    if (params->n_items == 0) {
        buf_append_str(out, "NIL");
        return;
    }
    buf_append_byte(out, '(');
    for (size_t i = 0; i < params->n_items; i++) {
        if (i > 0) {
            buf_append_byte(out, ' ');
        }
        imap_write_string(out, params->items[i].name);
        buf_append_byte(out, ' ');
        imap_write_string(out, params->items[i].value);
    }
    buf_append_byte(out, ')');
}

/* disposition, language, location: the end of every extension. */
static void print_extension(struct buf *out, const struct mime_part *part)
{
    buf_append_byte(out, ' ');
    if (message_text_is_absent(part->disposition)) {
        buf_append_str(out, "NIL");
    } else {
        buf_append_byte(out, '(');
        imap_write_string(out, part->disposition);
        buf_append_byte(out, ' ');
        print_params(out, &part->disposition_params);
        buf_append_byte(out, ')');
    }
    buf_append_byte(out, ' ');
    if (part->n_languages == 0) {
        buf_append_str(out, "NIL");
    } else {
        buf_append_byte(out, '(');
        for (size_t i = 0; i < part->n_languages; i++) {
            if (i > 0) {
                buf_append_byte(out, ' ');
            }
            imap_write_string(out, part->languages[i]);
        }
        buf_append_byte(out, ')');
    }
    buf_append_byte(out, ' ');
    imap_write_nstring(out, part->location);
}

static void print_part(struct buf *out, const struct message_info *info, uint32_t index,
                       bool extended);

static void print_multipart(struct buf *out, const struct message_info *info, uint32_t index,
                            bool extended)
{
    const struct mime_part *part = &info->parts[index];
    buf_append_byte(out, '(');
    uint32_t child = part->n_children > 0 ? index + 1 : MIME_PART_NONE;
    if (child == MIME_PART_NONE) {
        buf_append_str(out, "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0)");
    }
    while (child != MIME_PART_NONE) {
        print_part(out, info, child, extended);
        child = info->parts[child].next_sibling;
    }
    buf_append_byte(out, ' ');
    imap_write_string(out, part->subtype);
    if (extended) {
        buf_append_byte(out, ' ');
        print_params(out, &part->params);
        print_extension(out, part);
    }
    buf_append_byte(out, ')');
}

static void print_single(struct buf *out, const struct message_info *info, uint32_t index,
                         bool extended)
{
    const struct mime_part *part = &info->parts[index];
    bool is_message = mime_part_is_message(part);
    /* A message whose inside is not known can't have its type: the grammar would want more. */
    bool hidden =
        !is_message && bytes_is_word(part->type, "message") &&
        (bytes_is_word(part->subtype, "rfc822") || bytes_is_word(part->subtype, "global"));
    buf_append_byte(out, '(');
    imap_write_string(out, hidden ? bytes_of_str("application") : part->type);
    buf_append_byte(out, ' ');
    imap_write_string(out, hidden ? bytes_of_str("octet-stream") : part->subtype);
    buf_append_byte(out, ' ');
    print_params(out, &part->params);
    buf_append_byte(out, ' ');
    imap_write_nstring(out, part->id);
    buf_append_byte(out, ' ');
    imap_write_nstring(out, part->description);
    buf_append_byte(out, ' ');
    imap_write_string(out, part->encoding);
    buf_append_byte(out, ' ');
    buf_append_u64(out, part->body_len);
    if (is_message) {
        buf_append_byte(out, ' ');
        envelope_print(out, part->envelope);
        buf_append_byte(out, ' ');
        print_part(out, info, index + 1, extended);
    }
    if (is_message || bytes_is_word(part->type, "text")) {
        buf_append_byte(out, ' ');
        buf_append_u64(out, part->n_lines);
    }
    if (extended) {
        buf_append_byte(out, ' ');
        imap_write_nstring(out, part->md5);
        print_extension(out, part);
    }
    buf_append_byte(out, ')');
}

static void print_part(struct buf *out, const struct message_info *info, uint32_t index,
                       bool extended)
{
    if (mime_part_is_multipart(&info->parts[index])) {
        print_multipart(out, info, index, extended);
    } else {
        print_single(out, info, index, extended);
    }
}

void bodystructure_print(struct buf *out, const struct message_info *info, bool extended)
{
    print_part(out, info, 0, extended);
}
