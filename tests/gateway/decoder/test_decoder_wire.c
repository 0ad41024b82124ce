// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "gateway/decoder/decoder_wire.h"

static struct bytes text(const char *str)
{
    return bytes_of_str(str);
}

static struct content some_content(struct content_file *file, struct bytes *parent)
{
    *file = (struct content_file){text("n"), text("t/s"), text("inline"), text("id"), text("data")};
    *parent = text("0123456789abcdef0123456789abcdef");
    return (struct content){3, text("subject"), text("body"), file, 1, parent, 1};
}

static void requests_come_out_as_they_went_in_and_not_before_they_are_whole(void **state)
{
    (void)state;
    struct content_file file;
    struct bytes parent;
    const struct decoder_request requests[] = {
        {.id = 1, .job = DECODER_JOB_ANALYSE, .arrived_sec = -5, .input = text("A: b\r\n\r\nc")},
        {.id = 2, .job = DECODER_JOB_OUTGOING, .input = text("")},
        {.id = 3, .job = DECODER_JOB_DECODE, .encoding = 2, .input = text("Subject:a\nBody:b")},
        {.id = UINT64_MAX, .job = DECODER_JOB_ENCODE, .content = some_content(&file, &parent)},
    };
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        struct buf frame = {0};
        struct arena arena = {0};
        struct decoder_request again = {0};
        size_t used = 0;
        assert_true(decoder_wire_write_request(&frame, &requests[i]));
        for (size_t cut = 0; cut < frame.len; cut++) {
            uint8_t *block = xmemdup(frame.data, cut);
            assert_int_equal(
                decoder_wire_parse_request(&again, &used, (struct bytes){block, cut}, &arena, NULL),
                PARSE_MORE);
            free(block);
        }
        assert_int_equal(decoder_wire_parse_request(&again, &used, buf_view(&frame), &arena, NULL),
                         PARSE_DONE);
        assert_int_equal(used, frame.len);
        assert_true(again.id == requests[i].id);
        assert_int_equal(again.job, requests[i].job);
        assert_true(again.arrived_sec == requests[i].arrived_sec);
        assert_true(again.encoding == requests[i].encoding);
        assert_bytes_equal(again.input, requests[i].input);
        assert_int_equal(again.content.n_files, requests[i].content.n_files);
        if (again.content.n_files != 0) {
            assert_bytes_equal(again.content.files[0].data, file.data);
            assert_bytes_equal(again.content.parents[0], parent);
        }
        arena_clear(&arena);
        buf_clear(&frame);
    }
}

/* Each length inside the payload changed: never a read beyond, never half an answer. */
static void a_payload_with_any_byte_changed_is_parsed_within_its_bounds(void **state)
{
    (void)state;
    struct content_file file;
    struct bytes parent;
    struct decoder_request request = {
        .id = 9, .job = DECODER_JOB_ENCODE, .content = some_content(&file, &parent)};
    struct buf frame = {0};
    assert_true(decoder_wire_write_request(&frame, &request));
    for (size_t i = 4; i < frame.len; i++) {
        for (unsigned value = 0; value < 256; value += 51) {
            uint8_t *block = xmemdup(frame.data, frame.len);
            struct arena arena = {0};
            struct decoder_request again = {0};
            size_t used = 0;
            block[i] = (uint8_t)value;
            enum parse_result result = decoder_wire_parse_request(
                &again, &used, (struct bytes){block, frame.len}, &arena, NULL);
            assert_true(result == PARSE_DONE || result == PARSE_BAD);
            assert_true(arena.total < 65536);
            arena_clear(&arena);
            free(block);
        }
    }
    buf_clear(&frame);
}

/* Write an answer, parse it as the one to `request`, after `spoil` has had its way with the frame.
 */
static enum parse_result answered(struct decoder_answer *out, const struct decoder_answer *answer,
                                  const struct decoder_request *request, uint64_t id, size_t cut)
{
    struct buf frame = {0};
    size_t used = 0;
    decoder_wire_write_answer(&frame, id, request->job, answer);
    uint8_t *block = xmemdup(frame.data, frame.len - cut);
    enum parse_result result = decoder_wire_parse_answer(
        out, &used, (struct bytes){block, frame.len - cut}, request, NULL);
    free(block);
    buf_clear(&frame);
    return result;
}

static void an_outgoing_mail_comes_out_as_it_went_in(void **state)
{
    (void)state;
    struct outgoing_file file = {text("n"), text("t/s"), text("attachment"), text(""), text("d")};
    struct mail_address from = {text("Alice"), {0}, text("BM-a"), text("bm.alt")};
    struct bytes reference = text("<r@x>");
    struct outgoing_header header = {text("X-Bitmessage-TTL"), text("2d")};
    struct decoder_answer answer = {.outcome = DECODER_DONE};
    answer.outgoing = (struct outgoing_mail){.subject = text("s"),
                                             .text = text("t"),
                                             .text_origin = OUTGOING_TEXT_HTML,
                                             .files = &file,
                                             .n_files = 1,
                                             .from = {&from, 1},
                                             .message_id = text("<m@x>"),
                                             .references = &reference,
                                             .n_references = 1,
                                             .headers = &header,
                                             .n_headers = 1};
    struct decoder_request request = {.id = 7, .job = DECODER_JOB_OUTGOING};
    struct decoder_answer again = {0};

    assert_int_equal(answered(&again, &answer, &request, 7, 0), PARSE_DONE);

    assert_int_equal(again.outcome, DECODER_DONE);
    assert_bytes_equal(again.outgoing.subject, text("s"));
    assert_bytes_equal(again.outgoing.files[0].disposition, text("attachment"));
    assert_bytes_equal(again.outgoing.from.items[0].mailbox, text("BM-a"));
    assert_bytes_equal(again.outgoing.references[0], reference);
    assert_bytes_equal(again.outgoing.headers[0].value, text("2d"));
    assert_int_equal(again.outgoing.text_origin, OUTGOING_TEXT_HTML);
    arena_clear(&again.arena);
    assert_int_equal(answered(&again, &answer, &request, 7, 1), PARSE_MORE);
    assert_int_equal(answered(&again, &answer, &request, 8, 0), PARSE_BAD);
    arena_clear(&again.arena);
}

static void a_refusal_brings_its_code_and_words(void **state)
{
    (void)state;
    struct decoder_answer answer = {.outcome = DECODER_REFUSED};
    fault_set(&answer.fault, FAULT_LIMIT, "too many files");
    struct decoder_request request = {.id = 1, .job = DECODER_JOB_DECODE};
    struct decoder_answer again = {0};

    assert_int_equal(answered(&again, &answer, &request, 1, 0), PARSE_DONE);

    assert_int_equal(again.outcome, DECODER_REFUSED);
    assert_int_equal(again.fault.code, FAULT_LIMIT);
    assert_string_equal(again.fault.text, "too many files");
    arena_clear(&again.arena);
}

static void an_analysis_that_points_outside_of_the_mail_is_refused(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct buf blob = {0};
    struct decoder_answer answer = {.outcome = DECODER_DONE};
    struct bytes mail = text("A: b\r\n\r\ncd\r\n");
    message_info_of_opaque(&answer.analysis.info, 8, mail.len, 1, 77, &arena);
    assert_true(message_info_write(&blob, &answer.analysis.info, NULL));
    answer.analysis.info_blob = buf_view(&blob);
    answer.analysis.text.header = text("a:b\n");
    struct decoder_request request = {.id = 4, .job = DECODER_JOB_ANALYSE, .input = mail};
    struct decoder_answer again = {0};

    assert_int_equal(answered(&again, &answer, &request, 4, 0), PARSE_DONE);
    assert_int_equal(again.analysis.info.n_parts, 1);
    assert_bytes_equal(again.analysis.text.header, text("a:b\n"));
    arena_clear(&again.arena);

    request.input.len--;
    assert_int_equal(answered(&again, &answer, &request, 4, 0), PARSE_BAD);
    arena_clear(&again.arena);
    buf_clear(&blob);
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_come_out_as_they_went_in_and_not_before_they_are_whole),
        cmocka_unit_test(a_payload_with_any_byte_changed_is_parsed_within_its_bounds),
        cmocka_unit_test(an_outgoing_mail_comes_out_as_it_went_in),
        cmocka_unit_test(a_refusal_brings_its_code_and_words),
        cmocka_unit_test(an_analysis_that_points_outside_of_the_mail_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
