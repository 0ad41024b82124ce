// SPDX-License-Identifier: MIT
#include "tests/support/vectors.h"

#include <string.h>

#include "base/mem.h"
#include "gateway/translate/to_message.h"
#include "node/objects/msg.h"

static void a_text_alone_goes_plain(void **state)
{
    (void)state;
    const struct outgoing_mail mail = {.subject = bytes_of_str("S"), .text = bytes_of_str("T\n")};
    struct arena arena = {0};
    struct message_plan plan;

    assert_true(to_message_plan(&plan, &mail, NULL, 0, &arena, NULL));

    assert_false(plan.has_extended);
    assert_false(plan.needs_extended);
    assert_int_equal(plan.plain.encoding, CONTENT_SIMPLE);
    arena_clear(&arena);
}

static void a_thread_wants_the_extended_form_and_a_file_needs_it(void **state)
{
    (void)state;
    struct outgoing_file file = {.name = bytes_of_str("f"), .data = bytes_of_str("d")};
    struct outgoing_mail mail = {.subject = bytes_of_str("S"), .text = bytes_of_str("T\n")};
    const uint8_t hash[CONTENT_PARENT_BYTES] = {1};
    struct bytes parents[CONTENT_MAX_PARENTS + 1];
    for (size_t i = 0; i < ARRAY_LEN(parents); i++) {
        parents[i] = (struct bytes){hash, sizeof(hash)};
    }
    struct arena arena = {0};
    struct message_plan plan;

    assert_true(to_message_plan(&plan, &mail, parents, ARRAY_LEN(parents), &arena, NULL));
    assert_true(plan.has_extended);
    assert_false(plan.needs_extended);
    assert_int_equal(plan.extended.n_parents, CONTENT_MAX_PARENTS);
    mail.files = &file;
    mail.n_files = 1;
    assert_true(to_message_plan(&plan, &mail, NULL, 0, &arena, NULL));
    assert_true(plan.needs_extended);
    assert_int_equal(plan.extended.n_files, 1);
    assert_int_equal(plan.plain.n_files, 0);
    arena_clear(&arena);
}

static void the_subject_has_its_bound(void **state)
{
    (void)state;
    char subject[CONTENT_MAX_SUBJECT_BYTES + 1];
    memset(subject, 'x', sizeof(subject));
    struct outgoing_mail mail = {.subject = {(uint8_t *)subject, CONTENT_MAX_SUBJECT_BYTES}};
    struct arena arena = {0};
    struct message_plan plan;
    struct fault fault = {0};

    assert_true(to_message_plan(&plan, &mail, NULL, 0, &arena, &fault));
    mail.subject.len = CONTENT_MAX_SUBJECT_BYTES + 1;
    assert_false(to_message_plan(&plan, &mail, NULL, 0, &arena, &fault));
    assert_int_equal(fault.code, FAULT_LIMIT);
    arena_clear(&arena);
}

static void the_largest_content_that_fits_is_exact(void **state)
{
    (void)state;
    size_t most = to_message_max_content();
    assert_true(most > 255 * 1024 && most < OBJECT_SEND_MAX_BYTES);
    assert_true(to_message_fits(most - 1));
    assert_true(to_message_fits(most));
    assert_false(to_message_fits(most + 1));
}

static void a_lifetime_in_the_header_counts_or_is_refused(void **state)
{
    (void)state;
    struct outgoing_header header = {bytes_of_str("X-Bitmessage-TTL"), bytes_of_str("2d")};
    const struct outgoing_mail mail = {.headers = &header, .n_headers = 1};
    const struct outgoing_mail without = {0};
    int64_t sec = -1;

    assert_true(to_message_ttl(&sec, &mail, NULL));
    assert_int_equal(sec, 172800);
    assert_true(to_message_ttl(&sec, &without, NULL));
    assert_int_equal(sec, 0);
    header.value = bytes_of_str("soon");
    assert_false(to_message_ttl(&sec, &mail, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_alone_goes_plain),
        cmocka_unit_test(a_thread_wants_the_extended_form_and_a_file_needs_it),
        cmocka_unit_test(the_subject_has_its_bound),
        cmocka_unit_test(the_largest_content_that_fits_is_exact),
        cmocka_unit_test(a_lifetime_in_the_header_counts_or_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
