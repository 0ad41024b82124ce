// SPDX-License-Identifier: MIT
#include "crypto/gpu/gpu_wire.h"

#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

static const struct gpu_job a_job = {.id = 7,
                                     .slice = {.initial_hash = {1, 2, 3, [63] = 9},
                                               .target = UINT64_C(0x0123456789abcdef),
                                               .first_nonce = UINT64_MAX - 2,
                                               .n_trials = 1}};

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    struct buf out = {0};
    struct gpu_job job;
    struct gpu_progress progress;
    struct gpu_found found;

    gpu_job_write(&out, &a_job);
    assert_true(gpu_job_parse(&job, buf_view(&out)));
    assert_int_equal(job.id, 7);
    assert_memory_equal(&job.slice, &a_job.slice, sizeof job.slice);
    buf_reset(&out);
    gpu_progress_write(&out, &(struct gpu_progress){UINT64_MAX, 5});
    assert_true(gpu_progress_parse(&progress, buf_view(&out)));
    assert_true(progress.id == UINT64_MAX && progress.n_trials == 5);
    buf_reset(&out);
    gpu_found_write(&out, &(struct gpu_found){1, 2, 3});
    assert_true(gpu_found_parse(&found, buf_view(&out)));
    assert_true(found.id == 1 && found.n_trials == 2 && found.nonce == 3);
    buf_clear(&out);
}

/* Of every length but its own, each in a block of exactly that size. */
static void each_message_has_its_one_length(void **state)
{
    (void)state;
    struct gpu_job job;
    struct gpu_progress progress;
    struct gpu_found found;
    for (size_t len = 0; len <= 100; len++) {
        uint8_t *data = xmalloc(len + (len == 0));
        memset(data, 1, len);
        struct bytes payload = {data, len};
        assert_int_equal(gpu_job_parse(&job, payload), len == 96);
        assert_int_equal(gpu_progress_parse(&progress, payload), len == 16);
        assert_int_equal(gpu_found_parse(&found, payload), len == 24);
        free(data);
    }
}

static void a_range_of_no_nonces_is_no_job(void **state)
{
    (void)state;
    struct buf out = {0};
    struct gpu_job job = a_job;
    job.slice.n_trials = 0;
    gpu_job_write(&out, &job);
    assert_false(gpu_job_parse(&job, buf_view(&out)));
    buf_clear(&out);
}

static void a_name_is_short_and_printable(void **state)
{
    (void)state;
    char name[GPU_MAX_NAME_BYTES + 1];
    char text[GPU_MAX_NAME_BYTES + 2];
    memset(text, 'x', sizeof text);
    assert_false(gpu_name_parse(name, (struct bytes){0}));
    assert_true(gpu_name_parse(name, (struct bytes){(uint8_t *)text, 1}));
    assert_string_equal(name, "x");
    assert_true(gpu_name_parse(name, (struct bytes){(uint8_t *)text, GPU_MAX_NAME_BYTES - 1}));
    assert_true(gpu_name_parse(name, (struct bytes){(uint8_t *)text, GPU_MAX_NAME_BYTES}));
    assert_int_equal(strlen(name), GPU_MAX_NAME_BYTES);
    assert_false(gpu_name_parse(name, (struct bytes){(uint8_t *)text, GPU_MAX_NAME_BYTES + 1}));
    assert_false(gpu_name_parse(name, bytes_of_str("a\nb")));
    assert_false(gpu_name_parse(name, bytes_of_str("caf\xc3\xa9")));
    assert_false(gpu_name_parse(name, (struct bytes){(const uint8_t *)"a\0b", 3}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(each_message_has_its_one_length),
        cmocka_unit_test(a_range_of_no_nonces_is_no_job),
        cmocka_unit_test(a_name_is_short_and_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
