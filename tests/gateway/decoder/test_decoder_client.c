// SPDX-License-Identifier: MIT
/* The client against a scripted other end: answers, silence, death and nonsense. */
#include "tests/support/vectors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/process.h"
#include "gateway/decoder/decoder_wire.h"

struct fixture {
    struct loop *loop;
    struct decoder_client *client;
    int fd; /* the decoder's end */
    struct buf heard;
    unsigned n_kills;
    unsigned n_losses;

    unsigned n_answers;
    enum decoder_outcome outcomes[64];
    uint64_t order[64]; /* what each job was called with */
    struct decoder_answer *last;
};

struct asker {
    struct fixture *fixture;
    uint64_t name;
};

static struct bytes text(const char *str)
{
    return bytes_of_str(str);
}

static void on_kill(void *context)
{
    struct fixture *f = context;
    f->n_kills++;
}

static void on_lost(void *context)
{
    struct fixture *f = context;
    f->n_losses++;
}

static void on_answer(void *context, struct decoder_answer *answer)
{
    struct asker *asker = context;
    struct fixture *f = asker->fixture;
    f->order[f->n_answers] = asker->name;
    f->outcomes[f->n_answers++] = answer->outcome;
    decoder_answer_free(&f->last);
    f->last = answer;
}

static void start(struct fixture *f)
{
    *f = (struct fixture){.fd = -1};
    f->loop = loop_new();
    f->client =
        decoder_client_new(f->loop, "network", &(struct decoder_hooks){on_kill, on_lost, f});
}

static void attach(struct fixture *f)
{
    int ends[2];
    process_close_fd(&f->fd);
    buf_reset(&f->heard);
    assert_true(process_socket_pair(ends, NULL));
    decoder_client_attach(f->client, ends[0]);
    f->fd = ends[1];
    fcntl(f->fd, F_SETFL, O_NONBLOCK);
}

static void turn(struct fixture *f)
{
    for (unsigned i = 0; i < 4; i++) {
        loop_turn(f->loop, 1);
    }
}

static void stop(struct fixture *f)
{
    decoder_client_free(&f->client);
    process_close_fd(&f->fd);
    turn(f);
    decoder_answer_free(&f->last);
    buf_clear(&f->heard);
    loop_free(&f->loop);
}

/* The next request that has come in whole; false: none. */
static bool hear(struct fixture *f, struct decoder_request *out, struct arena *arena)
{
    uint8_t piece[65536];
    size_t used = 0;
    ssize_t n;
    turn(f);
    while ((n = read(f->fd, piece, sizeof piece)) > 0) {
        buf_append(&f->heard, piece, (size_t)n);
        turn(f);
    }
    if (decoder_wire_parse_request(out, &used, buf_view(&f->heard), arena, NULL) != PARSE_DONE) {
        return false;
    }
    out->input =
        (struct bytes){arena_memdup(arena, out->input.data, out->input.len), out->input.len};
    buf_consume(&f->heard, used);
    return true;
}

static void answer_encoded(struct fixture *f, uint64_t id, const char *encoded)
{
    struct decoder_answer answer = {.outcome = DECODER_DONE, .encoded = text(encoded)};
    struct buf frame = {0};
    decoder_wire_write_answer(&frame, id, DECODER_JOB_ENCODE, &answer);
    assert_int_equal(write(f->fd, frame.data, frame.len), frame.len);
    buf_clear(&frame);
    turn(f);
}

static const struct content CONTENT = {.encoding = 2};

static void jobs_are_done_one_at_a_time_and_answered_in_order(void **state)
{
    (void)state;
    struct fixture f;
    struct arena arena = {0};
    struct decoder_request request;
    start(&f);
    struct asker first = {&f, 1};
    struct asker second = {&f, 2};
    uint64_t id =
        decoder_client_encode(f.client, &CONTENT, (struct decoder_done){on_answer, &first});
    decoder_client_encode(f.client, &CONTENT, (struct decoder_done){on_answer, &second});
    turn(&f);
    assert_int_equal(f.n_answers, 0);
    assert_int_equal(decoder_client_n_jobs(f.client), 2);

    attach(&f);
    assert_true(hear(&f, &request, &arena));
    assert_true(request.id == id);
    struct decoder_request none;
    assert_false(hear(&f, &none, &arena));
    answer_encoded(&f, request.id, "one");
    assert_int_equal(f.n_answers, 1);
    assert_bytes_equal(f.last->encoded, text("one"));
    assert_true(hear(&f, &request, &arena));
    answer_encoded(&f, request.id, "two");

    assert_int_equal(f.n_answers, 2);
    assert_int_equal(f.order[0], 1);
    assert_int_equal(f.order[1], 2);
    assert_int_equal(decoder_client_n_jobs(f.client), 0);
    arena_clear(&arena);
    stop(&f);
}

static void a_job_that_kills_the_process_is_tried_once_more_and_then_given_up(void **state)
{
    (void)state;
    static const char mail[] = "Subject: x\r\n\r\nbody\r\nline";
    struct fixture f;
    struct arena arena = {0};
    struct decoder_request request;
    start(&f);
    struct asker first = {&f, 1};
    struct asker second = {&f, 2};
    attach(&f);
    decoder_client_analyse(f.client, text(mail), 77, (struct decoder_done){on_answer, &first});
    decoder_client_encode(f.client, &CONTENT, (struct decoder_done){on_answer, &second});

    for (unsigned i = 0; i < 2; i++) {
        assert_true(hear(&f, &request, &arena));
        assert_int_equal(request.job, DECODER_JOB_ANALYSE);
        assert_bytes_equal(request.input, text(mail));
        process_close_fd(&f.fd);
        turn(&f);
        assert_false(decoder_client_is_attached(f.client));
        if (i == 0) {
            assert_int_equal(f.n_answers, 0);
            attach(&f);
        }
    }

    assert_int_equal(f.n_answers, 1);
    assert_int_equal(f.outcomes[0], DECODER_GAVE_UP);
    /* served as one opaque text */
    assert_true(f.last->analysis.is_opaque);
    assert_int_equal(f.last->analysis.info.n_parts, 1);
    assert_int_equal(f.last->analysis.info.parts[0].body_offset, 14);
    assert_int_equal(f.last->analysis.info.parts[0].n_lines, 2);
    assert_int_equal(f.last->analysis.info.sent_sec, 77);
    struct message_info again;
    assert_true(
        message_info_parse(&again, f.last->analysis.info_blob, sizeof mail - 1, &arena, NULL));
    /* and the rest goes on */
    attach(&f);
    assert_true(hear(&f, &request, &arena));
    assert_int_equal(request.job, DECODER_JOB_ENCODE);
    answer_encoded(&f, request.id, "ok");
    assert_int_equal(f.outcomes[1], DECODER_DONE);
    arena_clear(&arena);
    stop(&f);
}

static void nonsense_for_an_answer_ends_the_process(void **state)
{
    (void)state;
    struct fixture f;
    struct arena arena = {0};
    struct decoder_request request;
    start(&f);
    struct asker asker = {&f, 1};
    attach(&f);
    decoder_client_encode(f.client, &CONTENT, (struct decoder_done){on_answer, &asker});
    assert_true(hear(&f, &request, &arena));
    answer_encoded(&f, request.id + 1, "to another question");
    assert_int_equal(f.n_kills, 1);
    assert_false(decoder_client_is_attached(f.client));
    assert_int_equal(f.n_answers, 0);

    attach(&f);
    assert_true(hear(&f, &request, &arena));
    assert_int_equal(write(f.fd, "\xff\xff\xff\xff garbage garbage", 20), 20);
    turn(&f);
    assert_int_equal(f.n_kills, 2);
    assert_int_equal(f.n_answers, 1);
    assert_int_equal(f.outcomes[0], DECODER_GAVE_UP);

    attach(&f);
    assert_int_equal(write(f.fd, "unasked", 7), 7);
    turn(&f);
    assert_int_equal(f.n_kills, 3);
    arena_clear(&arena);
    stop(&f);
}

static void a_process_that_dies_while_idle_costs_no_job_a_try(void **state)
{
    (void)state;
    struct fixture f;
    struct arena arena = {0};
    struct decoder_request request;
    start(&f);
    struct asker asker = {&f, 1};
    for (unsigned i = 0; i < 5; i++) {
        attach(&f);
        process_close_fd(&f.fd);
        turn(&f);
        assert_int_equal(f.n_losses, i + 1);
    }
    decoder_client_encode(f.client, &CONTENT, (struct decoder_done){on_answer, &asker});
    turn(&f);
    attach(&f);
    assert_true(hear(&f, &request, &arena));
    answer_encoded(&f, request.id, "ok");
    assert_int_equal(f.outcomes[0], DECODER_DONE);
    arena_clear(&arena);
    stop(&f);
}

static void what_is_too_large_is_refused_later_not_at_once(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    struct asker asker = {&f, 1};
    struct decoder_done done = {on_answer, &asker};
    size_t len = (size_t)DECODER_MAX_MAIL_BYTES + 1;
    uint8_t *mail = xcalloc(len, 1);
    decoder_client_outgoing(f.client, (struct bytes){mail, len}, done);
    assert_int_equal(f.n_answers, 0);
    turn(&f);
    assert_int_equal(f.n_answers, 1);
    assert_int_equal(f.outcomes[0], DECODER_REFUSED);
    assert_int_equal(f.last->fault.code, FAULT_LIMIT);

    /* three of the largest fit into the queue, the fourth does not */
    for (unsigned i = 0; i < 4; i++) {
        decoder_client_outgoing(f.client, (struct bytes){mail, len - 1}, done);
    }
    turn(&f);
    assert_int_equal(f.n_answers, 2);
    assert_int_equal(f.outcomes[1], DECODER_REFUSED);
    assert_int_equal(f.last->fault.code, FAULT_BUSY);
    free(mail);
    stop(&f);
    assert_int_equal(f.n_answers, 5);
    assert_int_equal(f.outcomes[4], DECODER_CLOSED);
}

static void a_cancelled_job_is_not_answered(void **state)
{
    (void)state;
    struct fixture f;
    struct arena arena = {0};
    struct decoder_request request;
    start(&f);
    struct asker asker = {&f, 1};
    struct decoder_done done = {on_answer, &asker};
    attach(&f);
    uint64_t with_process = decoder_client_encode(f.client, &CONTENT, done);
    uint64_t waiting = decoder_client_encode(f.client, &CONTENT, done);
    assert_true(hear(&f, &request, &arena));
    decoder_client_cancel(f.client, with_process);
    decoder_client_cancel(f.client, waiting);
    decoder_client_cancel(f.client, 12345);
    answer_encoded(&f, request.id, "nobody waits");
    assert_false(hear(&f, &request, &arena));
    assert_int_equal(f.n_answers, 0);
    assert_int_equal(decoder_client_n_jobs(f.client), 0);
    arena_clear(&arena);
    stop(&f);
}

static void free_client(void *context, struct decoder_answer *answer)
{
    struct fixture *f = context;
    f->n_answers++;
    decoder_answer_free(&answer);
    decoder_client_free(&f->client);
}

static void a_client_may_be_freed_by_its_own_answer(void **state)
{
    (void)state;
    struct fixture f;
    struct arena arena = {0};
    struct decoder_request request;
    start(&f);
    attach(&f);
    struct decoder_done done = {free_client, &f};
    decoder_client_encode(f.client, &CONTENT, done);
    decoder_client_encode(f.client, &CONTENT, done);
    assert_true(hear(&f, &request, &arena));
    answer_encoded(&f, request.id, "x");
    assert_int_equal(f.n_answers, 2);
    assert_null(f.client);
    arena_clear(&arena);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_are_done_one_at_a_time_and_answered_in_order),
        cmocka_unit_test(a_job_that_kills_the_process_is_tried_once_more_and_then_given_up),
        cmocka_unit_test(nonsense_for_an_answer_ends_the_process),
        cmocka_unit_test(a_process_that_dies_while_idle_costs_no_job_a_try),
        cmocka_unit_test(what_is_too_large_is_refused_later_not_at_once),
        cmocka_unit_test(a_cancelled_job_is_not_answered),
        cmocka_unit_test(a_client_may_be_freed_by_its_own_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
