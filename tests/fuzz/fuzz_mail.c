// SPDX-License-Identifier: MIT
/* Any bytes as a mail: its analysis is legal whatever they are, and what may leave of it is clean.
 */
#include "tests/fuzz/fuzz.h"

#include "base/mem.h"
#include "base/str.h"
#include "mailproto/mime/analyse.h"
#include "mailproto/mime/outgoing.h"

static void check_text(struct bytes text, size_t max_len)
{
    FUZZ_CHECK(text.len <= max_len);
    FUZZ_CHECK(utf8_valid(text));
}

static void check_one_line(struct bytes text)
{
    check_text(text, SIZE_MAX);
    for (size_t i = 0; i < text.len; i++) {
        FUZZ_CHECK(text.data[i] >= ' ' && text.data[i] != 0x7f);
    }
}

static void check_analysis(struct bytes mail)
{
    struct arena arena = {0};
    struct mime_analysis analysis;
    struct message_info again = {0};
    analyse_mail(&analysis, mail, 5, &arena);
    FUZZ_CHECK(message_info_parse(&again, analysis.info_blob, mail.len, &arena, NULL));
    FUZZ_CHECK(again.n_parts == analysis.info.n_parts && again.n_parts >= 1);
    for (size_t i = 0; i < again.n_parts; i++) {
        FUZZ_CHECK(again.parts[i].parent == analysis.info.parts[i].parent);
        FUZZ_CHECK(again.parts[i].next_sibling == analysis.info.parts[i].next_sibling);
    }
    check_text(analysis.text.header, ANALYSE_MAX_SEARCH_BYTES);
    check_text(analysis.text.body, ANALYSE_MAX_SEARCH_BYTES);
    check_one_line(analysis.preview);
    arena_clear(&arena);
}

static void check_outgoing(struct bytes bytes)
{
    struct arena arena = {0};
    struct outgoing_mail mail = {0};
    if (outgoing_take_apart(&mail, bytes, &arena, NULL)) {
        check_one_line(mail.subject);
        check_text(mail.text, OUTGOING_MAX_TEXT_BYTES);
        FUZZ_CHECK(mail.n_files <= OUTGOING_MAX_FILES);
        FUZZ_CHECK(mail.n_references <= OUTGOING_MAX_REFERENCES);
        for (size_t i = 0; i < mail.n_files; i++) {
            check_one_line(mail.files[i].name);
            check_one_line(mail.files[i].type);
            FUZZ_CHECK(bytes_find(mail.files[i].name, '/') == mail.files[i].name.len);
        }
        for (size_t i = 0; i < mail.n_headers; i++) {
            check_one_line(mail.headers[i].value);
        }
        for (size_t i = 0; i < mail.to.n_items; i++) {
            check_one_line(mail.to.items[i].mailbox);
            check_one_line(mail.to.items[i].host);
        }
    }
    arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes mail = {data, size};
    check_analysis(mail);
    check_outgoing(mail);
    return 0;
}
