// SPDX-License-Identifier: MIT
#include "mailproto/imap/message_info.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/mem.h"

enum { CONTENT_LEN = 5000 };

static struct mime_part part_of(const char *type, const char *subtype, uint32_t n_children)
{
    return (struct mime_part){.n_children = n_children,
                              .header_offset = 10,
                              .body_offset = 100,
                              .body_len = 900,
                              .n_lines = 12,
                              .type = bytes_of_str(type),
                              .subtype = bytes_of_str(subtype),
                              .encoding = bytes_of_str("7bit")};
}

/* The tree of the header's essay, with something in every field. */
static void make_sample(struct message_info *out, struct arena *arena)
{
    struct mail_address *from = arena_alloc(arena, 2 * sizeof(*from));
    from[0] = (struct mail_address){.name = bytes_of_str("Ann"),
                                    .mailbox = bytes_of_str("ann"),
                                    .host = bytes_of_str("example.org")};
    from[1] = (struct mail_address){.mailbox = message_text_empty(), .host = bytes_of_str("b")};
    struct mail_envelope *inner = arena_alloc(arena, sizeof(*inner));
    inner->subject = bytes_of_str("inner");
    struct mime_param *param = arena_alloc(arena, sizeof(*param));
    *param = (struct mime_param){bytes_of_str("charset"), message_text_empty()};
    struct bytes *languages = arena_alloc(arena, 2 * sizeof(*languages));
    languages[0] = bytes_of_str("en");
    languages[1] = bytes_of_str("de");

    struct mime_part *parts = arena_alloc(arena, 6 * sizeof(*parts));
    parts[0] = part_of("multipart", "mixed", 2);
    parts[1] = part_of("text", "plain", 0);
    parts[1].params = (struct mime_params){param, 1};
    parts[1].disposition = bytes_of_str("inline");
    parts[1].disposition_params = (struct mime_params){param, 1};
    parts[1].languages = languages;
    parts[1].n_languages = 2;
    parts[2] = part_of("message", "rfc822", 1);
    parts[2].envelope = inner;
    parts[3] = part_of("multipart", "alternative", 2);
    parts[4] = part_of("text", "plain", 0);
    parts[5] = part_of("text", "html", 0);
    *out = (struct message_info){.envelope = {.subject = bytes_of_str("hello"),
                                              .from = {from, 2},
                                              .message_id = bytes_of_str("<1@x>")},
                                 .parts = parts,
                                 .n_parts = 6,
                                 .sent_sec = -5,
                                 .sent_zone_min = -330,
                                 .has_attachment = true};
}

static struct buf sample_blob(struct arena *arena)
{
    struct message_info info;
    struct buf blob = {0};
    make_sample(&info, arena);
    assert_true(message_info_write(&blob, &info, NULL));
    return blob;
}

static void what_was_written_is_parsed_again(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct buf blob = sample_blob(&arena);
    struct message_info info;

    assert_true(message_info_parse(&info, buf_view(&blob), CONTENT_LEN, &arena, NULL));

    assert_int_equal(info.sent_sec, -5);
    assert_int_equal(info.sent_zone_min, -330);
    assert_true(info.has_attachment);
    assert_true(bytes_equal(info.envelope.subject, bytes_of_str("hello")));
    assert_true(message_text_is_absent(info.envelope.date));
    assert_int_equal(info.envelope.from.n_items, 2);
    assert_false(message_text_is_absent(info.envelope.from.items[1].mailbox));
    assert_true(message_text_is_absent(info.envelope.from.items[1].name));
    assert_int_equal(info.parts[1].n_languages, 2);
    assert_true(bytes_equal(info.parts[2].envelope->subject, bytes_of_str("inner")));
    struct buf again = {0};
    assert_true(message_info_write(&again, &info, NULL));
    assert_true(bytes_equal(buf_view(&again), buf_view(&blob)));
    buf_clear(&again);
    buf_clear(&blob);
    arena_clear(&arena);
}

static void the_tree_is_linked_from_the_counts(void **state)
{
    (void)state;
    static const uint32_t parents[] = {MIME_PART_NONE, 0, 0, 2, 3, 3};
    static const uint32_t siblings[] = {MIME_PART_NONE, 2, MIME_PART_NONE,
                                        MIME_PART_NONE, 5, MIME_PART_NONE};
    struct arena arena = {0};
    struct buf blob = sample_blob(&arena);
    struct message_info info;

    assert_true(message_info_parse(&info, buf_view(&blob), CONTENT_LEN, &arena, NULL));

    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(info.parts[i].parent, parents[i]);
        assert_int_equal(info.parts[i].next_sibling, siblings[i]);
    }
    assert_true(mime_part_is_message(&info.parts[2]));
    assert_true(mime_part_is_multipart(&info.parts[3]));
    buf_clear(&blob);
    arena_clear(&arena);
}

static void a_blob_cut_at_any_length_is_refused(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct buf blob = sample_blob(&arena);

    for (size_t len = 0; len < blob.len; len++) {
        uint8_t *cut = xmalloc(len > 0 ? len : 1);
        memcpy(cut, blob.data, len);
        struct message_info info;
        struct fault fault = {0};
        assert_false(
            message_info_parse(&info, (struct bytes){cut, len}, CONTENT_LEN, &arena, &fault));
        assert_int_equal(fault.code, FAULT_CORRUPT);
        free(cut);
    }
    buf_clear(&blob);
    arena_clear(&arena);
}

static void a_blob_with_any_byte_changed_is_safe_to_walk(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct buf blob = sample_blob(&arena);

    for (size_t at = 0; at < blob.len; at++) {
        for (unsigned value = 0; value < 256; value += 15) {
            uint8_t old = blob.data[at];
            blob.data[at] = (uint8_t)value;
            struct message_info info;
            struct arena scratch = {0};
            if (message_info_parse(&info, buf_view(&blob), CONTENT_LEN, &scratch, NULL)) {
                for (size_t i = 0; i < info.n_parts; i++) {
                    const struct mime_part *part = &info.parts[i];
                    assert_true(part->body_offset + part->body_len <= CONTENT_LEN);
                    assert_true(part->parent == MIME_PART_NONE || part->parent < i);
                    assert_true(part->next_sibling == MIME_PART_NONE ||
                                part->next_sibling < info.n_parts);
                }
            }
            arena_clear(&scratch);
            blob.data[at] = old;
        }
    }
    buf_clear(&blob);
    arena_clear(&arena);
}

static void a_part_beyond_the_content_is_refused(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct buf blob = sample_blob(&arena);
    struct message_info info;

    assert_true(message_info_parse(&info, buf_view(&blob), 1000, &arena, NULL));
    assert_false(message_info_parse(&info, buf_view(&blob), 999, &arena, NULL));
    buf_clear(&blob);
    arena_clear(&arena);
}

static bool chain_parses(size_t n_parts)
{
    struct arena arena = {0};
    struct buf blob = {0};
    struct mime_part *parts = arena_alloc(&arena, n_parts * sizeof(*parts));
    for (size_t i = 0; i < n_parts; i++) {
        parts[i] = part_of("multipart", "mixed", i + 1 < n_parts ? 1 : 0);
    }
    struct message_info info = {.parts = parts, .n_parts = n_parts};
    bool ok = message_info_write(&blob, &info, NULL) &&
              message_info_parse(&info, buf_view(&blob), CONTENT_LEN, &arena, NULL);
    buf_clear(&blob);
    arena_clear(&arena);
    return ok;
}

static bool flat_parses(size_t n_parts)
{
    struct arena arena = {0};
    struct buf blob = {0};
    struct mime_part *parts = arena_alloc(&arena, n_parts * sizeof(*parts));
    parts[0] = part_of("multipart", "mixed", (uint32_t)(n_parts - 1));
    for (size_t i = 1; i < n_parts; i++) {
        parts[i] = part_of("text", "plain", 0);
    }
    struct message_info info = {.parts = parts, .n_parts = n_parts};
    bool ok = message_info_write(&blob, &info, NULL) &&
              message_info_parse(&info, buf_view(&blob), CONTENT_LEN, &arena, NULL);
    buf_clear(&blob);
    arena_clear(&arena);
    return ok;
}

static bool addresses_parse(size_t n_addresses)
{
    struct arena arena = {0};
    struct buf blob = {0};
    struct message_info info;
    make_sample(&info, &arena);
    info.envelope.to.items = arena_alloc(&arena, n_addresses * sizeof(struct mail_address));
    info.envelope.to.n_items = n_addresses;
    info.envelope.from.n_items = 0;
    bool ok = message_info_write(&blob, &info, NULL) &&
              message_info_parse(&info, buf_view(&blob), CONTENT_LEN, &arena, NULL);
    buf_clear(&blob);
    arena_clear(&arena);
    return ok;
}

static void limits_hold_at_one_below_at_and_one_above(void **state)
{
    (void)state;

    assert_true(chain_parses(MESSAGE_INFO_MAX_DEPTH));
    assert_true(chain_parses(MESSAGE_INFO_MAX_DEPTH + 1)); /* the innermost is a leaf */
    assert_false(chain_parses(MESSAGE_INFO_MAX_DEPTH + 2));
    assert_true(flat_parses(MESSAGE_INFO_MAX_PARTS - 1));
    assert_true(flat_parses(MESSAGE_INFO_MAX_PARTS));
    assert_false(flat_parses(MESSAGE_INFO_MAX_PARTS + 1));
    assert_true(addresses_parse(MESSAGE_INFO_MAX_ADDRESSES - 1));
    assert_true(addresses_parse(MESSAGE_INFO_MAX_ADDRESSES));
    assert_false(addresses_parse(MESSAGE_INFO_MAX_ADDRESSES + 1));
}

static void a_text_above_its_limit_is_cut(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct buf blob = {0};
    struct buf subject = {0};
    struct message_info info;
    make_sample(&info, &arena);
    buf_append_zeros(&subject, MESSAGE_INFO_MAX_TEXT_BYTES + 1);
    info.envelope.subject = buf_view(&subject);

    assert_true(message_info_write(&blob, &info, NULL));
    assert_true(message_info_parse_envelope(&info, buf_view(&blob), &arena, NULL));

    assert_int_equal(info.envelope.subject.len, MESSAGE_INFO_MAX_TEXT_BYTES);
    assert_int_equal(info.n_parts, 0);
    buf_clear(&blob);
    buf_clear(&subject);
    arena_clear(&arena);
}

static void an_opaque_message_is_one_text_part(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct buf blob = {0};
    struct message_info info;

    message_info_of_opaque(&info, 40, 140, 3, 77, &arena);

    assert_true(message_info_write(&blob, &info, NULL));
    assert_true(message_info_parse(&info, buf_view(&blob), 140, &arena, NULL));
    assert_int_equal(info.parts[0].body_len, 100);
    assert_int_equal(info.sent_sec, 77);
    buf_clear(&blob);
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_parsed_again),
        cmocka_unit_test(the_tree_is_linked_from_the_counts),
        cmocka_unit_test(a_blob_cut_at_any_length_is_refused),
        cmocka_unit_test(a_blob_with_any_byte_changed_is_safe_to_walk),
        cmocka_unit_test(a_part_beyond_the_content_is_refused),
        cmocka_unit_test(limits_hold_at_one_below_at_and_one_above),
        cmocka_unit_test(a_text_above_its_limit_is_cut),
        cmocka_unit_test(an_opaque_message_is_one_text_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
