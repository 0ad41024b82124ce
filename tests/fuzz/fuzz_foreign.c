// SPDX-License-Identifier: MIT
/* A stranger's file in the mail that is made of his message. The first byte says what it calls
 * itself, the rest is the file. Whatever it is, the mail has the parts that we gave it, and the
 * file has its bytes. */
#include "tests/fuzz/fuzz.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/translate/to_mail.h"
#include "mailproto/mime/analyse.h"
#include "mailproto/mime/transfer.h"

static const struct kind {
    const char *type;
    const char *disposition;
    const char *shown_as; /* at most: else it comes as application/octet-stream or under its name */
} kinds[] = {
    {"text/calendar", "attachment", "text"},
    {"message/rfc822", "attachment", "message"},
    {"application/pkcs7-mime", "sealed", "application"},
    {"image/png", "inline", "image"},
};

static void write_mail(struct buf *out, const struct kind *kind, struct bytes data)
{
    static const uint8_t hash[INVENTORY_HASH_BYTES];
    struct content_file file = {.name = bytes_of_str("n"),
                                .type = bytes_of_str(kind->type),
                                .disposition = bytes_of_str(kind->disposition),
                                .id = bytes_of_str("file1"),
                                .data = data};
    const struct content content = {
        .encoding = CONTENT_EXTENDED, .body = bytes_of_str("text"), .files = &file, .n_files = 1};
    const struct arrived_message message = {.from = {.version = 4, .stream = 1},
                                            .from_label = "",
                                            .to = {.version = 4, .stream = 1},
                                            .to_label = "",
                                            .hash = hash,
                                            .encoding = CONTENT_EXTENDED,
                                            .content = &content};
    to_mail_write(out, &message);
}

static void check_file(const struct mime_part *part, const struct kind *kind, struct bytes mail,
                       struct bytes data)
{
    bool is_known =
        bytes_is_word(part->type, kind->shown_as) || bytes_is_word(part->type, "application");
    struct buf body = {0};
    FUZZ_CHECK(is_known);
    transfer_decode(&body, part->encoding, bytes_slice(mail, part->body_offset, part->body_len));
    FUZZ_CHECK(bytes_equal(buf_view(&body), data));
    buf_clear(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct buf mail = {0};
    struct mime_analysis analysis;
    if (size == 0) {
        return 0;
    }
    const struct kind *kind = &kinds[data[0] % ARRAY_LEN(kinds)];
    struct bytes file = {data + 1, size - 1};
    write_mail(&mail, kind, file);
    analyse_mail(&analysis, buf_view(&mail), 0, &arena);
    const struct mime_part *parts = analysis.info.parts;
    FUZZ_CHECK(!analysis.is_opaque);
    if (parts[0].n_children == 0) { /* S/MIME that is encrypted: the whole mail */
        FUZZ_CHECK(bytes_is_word(parts[0].subtype, "pkcs7-mime"));
        check_file(&parts[0], kind, buf_view(&mail), file);
    } else {
        uint32_t second = parts[1].next_sibling;
        FUZZ_CHECK(parts[0].n_children == 2);
        FUZZ_CHECK(bytes_is_word(parts[1].subtype, "plain") && parts[1].n_children == 0);
        check_file(&parts[second], kind, buf_view(&mail), file);
    }
    buf_clear(&mail);
    arena_clear(&arena);
    return 0;
}
