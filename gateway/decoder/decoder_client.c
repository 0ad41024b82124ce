// SPDX-License-Identifier: MIT
/* A queue in front of one process. One job is with the process at a time, so when that dies or
 * overruns it is known which job did it, and the second try is always alone. A job keeps its
 * request until it is answered, for the second try and for the opaque answer. Answers gather in a
 * list and are given by a deferred call, so that none comes from inside a call of the caller's. */
#include "gateway/decoder/decoder_client.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/timer.h"
#include "gateway/decoder/decoder_wire.h"

enum { MAX_TRIES = 2, BYTES_PER_DEADLINE = 16 << 20, FRAME_ROOM_BYTES = 4096 };

struct job {
    struct list_node node;
    struct decoder_request request; /* its input borrows from `frame` */
    struct buf frame;
    struct decoder_done done;
    unsigned n_tries;
    struct decoder_answer *answer; /* when it is in the list of answers */
};

struct decoder_client {
    struct loop *loop;
    const char *name;
    struct decoder_hooks hooks;
    struct io *io; /* NULL: the process is away */
    struct timer deadline;
    struct deferred give_answers;
    struct list_node waiting; /* struct job, in order */
    struct job *current;      /* with the process */
    struct list_node answered;
    uint64_t last_id;
    size_t n_jobs;
    size_t queued_bytes;
    bool is_giving;
    bool is_freed; /* within give_answers: the memory goes when that ends */
};

static void start_next(struct decoder_client *client);

void decoder_answer_free(struct decoder_answer **answer)
{
    if (*answer == NULL) {
        return;
    }
    arena_clear(&(*answer)->arena);
    free(*answer);
    *answer = NULL;
}

static const char NO_MEMORY[] = "there is no memory for it now";

/* ---- answers ---- */

/* Header and body of a mail whose structure nobody could tell. */
static void analyse_as_opaque(struct decoder_answer *answer, struct bytes mail, int64_t arrived_sec)
{
    static const char EMPTY_LINE[] = "\r\n\r\n";
    struct mail_analysis *analysis = &answer->analysis;
    const uint8_t *end = mail.len == 0 ? NULL : memmem(mail.data, mail.len, EMPTY_LINE, 4);
    size_t body_offset = end == NULL ? mail.len : (size_t)(end - mail.data) + 4;
    struct bytes body = bytes_slice(mail, body_offset, mail.len);
    uint64_t n_lines = 0;
    for (size_t i = 0; i < body.len; i++) {
        n_lines += body.data[i] == '\n';
    }
    n_lines += body.len != 0 && body.data[body.len - 1] != '\n';

    *analysis = (struct mail_analysis){.is_opaque = true};
    message_info_of_opaque(&analysis->info, body_offset, mail.len, n_lines, arrived_sec,
                           &answer->arena);
    struct buf blob = {0};
    bool ok = message_info_write(&blob, &analysis->info, NULL);
    if (ok) {
        analysis->info_blob =
            (struct bytes){arena_memdup(&answer->arena, blob.data, blob.len), blob.len};
    }
    buf_clear(&blob);
}

static void job_free(struct job *job)
{
    buf_clear(&job->frame);
    decoder_answer_free(&job->answer);
    free(job);
}

/* Takes the answer; the job is in no list. */
static void finish(struct decoder_client *client, struct job *job, struct decoder_answer *answer)
{
    if (answer->outcome != DECODER_DONE && job->request.job == DECODER_JOB_ANALYSE) {
        analyse_as_opaque(answer, job->request.input, job->request.arrived_sec);
    }
    client->queued_bytes -= job->frame.len;
    buf_clear(&job->frame);
    job->answer = answer;
    list_append(&client->answered, &job->node);
    deferred_arm(&client->give_answers);
}

static struct decoder_answer *answer_new(enum decoder_outcome outcome)
{
    struct decoder_answer *answer = xcalloc(1, sizeof *answer);
    answer->outcome = outcome;
    return answer;
}

static void finish_without(struct decoder_client *client, struct job *job,
                           enum decoder_outcome outcome, enum fault_code code, const char *words)
{
    struct decoder_answer *answer = answer_new(outcome);
    fault_set(&answer->fault, code, "%s", words);
    finish(client, job, answer);
}

static void give_answers(void *context)
{
    struct decoder_client *client = context;

    client->is_giving = true;
    while (!list_is_empty(&client->answered)) {
        struct job *job = list_entry(client->answered.next, struct job, node);
        struct decoder_answer *answer = job->answer;
        struct decoder_done done = job->done;
        list_remove(&job->node);
        job->answer = NULL;
        job_free(job);
        client->n_jobs--;
        done.call(done.context, answer);
    }
    client->is_giving = false;
    if (client->is_freed) {
        free(client);
    }
}

/* ---- the process ---- */

static void close_connection(struct decoder_client *client)
{
    timer_cancel(&client->deadline);
    io_free(&client->io);
}

/* The process died, overran or spoke nonsense while it had `current`. */
static void blame_current(struct decoder_client *client, const char *what)
{
    struct job *job = client->current;
    if (job == NULL) {
        return;
    }
    client->current = NULL;
    log_warn("decoder", "%s: a job of %zu bytes %s, try %u of %d", client->name, job->frame.len,
             what, job->n_tries, MAX_TRIES);
    if (job->n_tries < MAX_TRIES) {
        list_prepend(&client->waiting, &job->node);
    } else {
        finish_without(client, job, DECODER_GAVE_UP, FAULT_TIMEOUT,
                       "its content stops the program that reads it");
    }
}

static void tell(const struct decoder_client *client, void (*hook)(void *context))
{
    if (hook != NULL) {
        hook(client->hooks.context);
    }
}

static void kill_process(struct decoder_client *client, const char *what)
{
    close_connection(client);
    blame_current(client, what);
    tell(client, client->hooks.kill);
}

/* For want of memory for what is between us, the job is not to blame, and the process is well. */
static void lose_process(struct decoder_client *client)
{
    struct job *job = client->current;
    if (job != NULL && io_fault(client->io)->code == FAULT_BUSY) {
        client->current = NULL;
        finish_without(client, job, DECODER_REFUSED, FAULT_BUSY, NO_MEMORY);
    }
    close_connection(client);
    blame_current(client, "ended the decoder");
    tell(client, client->hooks.lost);
}

static void on_overrun(void *context)
{
    kill_process(context, "overran its time");
}

static void take_answer(struct decoder_client *client)
{
    struct job *job = client->current;
    struct bytes input = io_input(client->io);
    struct fault fault = {0};
    size_t used = 0;

    if (job == NULL) {
        kill_process(client, "");
        return;
    }
    struct decoder_answer *answer = answer_new(DECODER_DONE);
    enum parse_result result =
        decoder_wire_parse_answer(answer, &used, input, &job->request, &fault);
    if (result != PARSE_DONE) {
        decoder_answer_free(&answer);
        if (result == PARSE_BAD) {
            log_warn("decoder", "%s: %s", client->name, fault.text);
            kill_process(client, "was answered with nonsense");
        }
        return;
    }
    io_consume(client->io, used);
    timer_cancel(&client->deadline);
    client->current = NULL;
    finish(client, job, answer);
    start_next(client);
    /* From the loop, so nobody is within a call of ours: a turn of it less for each job. */
    deferred_cancel(&client->give_answers);
    give_answers(client); /* the last: it may free the client */
}

static void on_event(struct io *io, enum io_event event, void *context)
{
    (void)io;
    struct decoder_client *client = context;
    if (event == IO_DATA) {
        take_answer(client);
    } else if (event == IO_EOF || event == IO_ERROR) {
        lose_process(client);
    }
}

static void start_next(struct decoder_client *client)
{
    if (client->io == NULL || client->current != NULL || list_is_empty(&client->waiting)) {
        return;
    }
    struct job *job = list_entry(client->waiting.next, struct job, node);
    list_remove(&job->node);
    client->current = job;
    job->n_tries++;
    timer_arm(&client->deadline,
              DECODER_DEADLINE_MS * (1 + (int64_t)(job->frame.len / BYTES_PER_DEADLINE)));
    io_write(client->io, buf_view(&job->frame));
}

/* ---- the client ---- */

struct decoder_client *decoder_client_new(struct loop *loop, const char *name,
                                          const struct decoder_hooks *hooks)
{
    struct decoder_client *client = xcalloc(1, sizeof *client);
    client->loop = loop;
    client->name = name;
    client->hooks = *hooks;
    timer_init(&client->deadline, loop, on_overrun, client);
    deferred_init(&client->give_answers, loop, give_answers, client);
    list_init(&client->waiting);
    list_init(&client->answered);
    return client;
}

void decoder_client_free(struct decoder_client **client_ptr)
{
    struct decoder_client *client = *client_ptr;
    if (client == NULL) {
        return;
    }
    *client_ptr = NULL;
    close_connection(client);
    if (client->current != NULL) {
        list_prepend(&client->waiting, &client->current->node);
        client->current = NULL;
    }
    while (!list_is_empty(&client->waiting)) {
        struct job *job = list_entry(client->waiting.next, struct job, node);
        list_remove(&job->node);
        finish_without(client, job, DECODER_CLOSED, FAULT_CANCELLED, "shutting down");
    }
    deferred_cancel(&client->give_answers);
    client->is_freed = true;
    if (!client->is_giving) {
        give_answers(client);
    }
}

void decoder_client_attach(struct decoder_client *client, int fd)
{
    if (client->io != NULL) {
        close_connection(client);
        blame_current(client, "was with a decoder that was replaced");
    }
    client->io = io_new_take(client->loop, fd, on_event, client);
    io_set_input_limit(client->io, DECODER_FRAME_HEADER_BYTES + (size_t)DECODER_MAX_ANSWER_BYTES);
    start_next(client);
}

bool decoder_client_is_attached(const struct decoder_client *client)
{
    return client->io != NULL;
}

size_t decoder_client_n_jobs(const struct decoder_client *client)
{
    return client->n_jobs;
}

/* The job's own copy of the input: the last block of its frame. */
static struct bytes input_in_frame(const struct job *job, size_t input_len)
{
    return bytes_slice(buf_view(&job->frame), job->frame.len - input_len, input_len);
}

/* What may be large of a content: so much its frame takes, and a little. */
static size_t content_len(const struct content *content)
{
    size_t len = content->subject.len + content->body.len;
    for (size_t i = 0; i < content->n_files; i++) {
        const struct content_file *file = &content->files[i];
        len +=
            file->name.len + file->type.len + file->disposition.len + file->id.len + file->data.len;
    }
    return len;
}

static uint64_t ask(struct decoder_client *client, struct decoder_request request,
                    struct decoder_done done)
{
    struct job *job = xcalloc(1, sizeof *job);
    list_init(&job->node);
    request.id = ++client->last_id;
    bool has_room = buf_try_reserve(&job->frame, request.input.len + content_len(&request.content) +
                                                     FRAME_ROOM_BYTES);
    bool fits = has_room && request.input.len <= DECODER_MAX_MAIL_BYTES &&
                decoder_wire_write_request(&job->frame, &request);
    job->request = request;
    job->request.content = (struct content){0};
    job->done = done;
    if (fits && request.job != DECODER_JOB_ENCODE) {
        job->request.input = input_in_frame(job, request.input.len);
    }
    client->n_jobs++;
    bool is_full = client->queued_bytes + job->frame.len > DECODER_MAX_QUEUED_BYTES;
    client->queued_bytes += job->frame.len;
    if (!has_room) {
        finish_without(client, job, DECODER_REFUSED, FAULT_BUSY, NO_MEMORY);
    } else if (!fits) {
        finish_without(client, job, DECODER_REFUSED, FAULT_LIMIT, "it is too large");
    } else if (is_full) {
        finish_without(client, job, DECODER_REFUSED, FAULT_BUSY, "too much is waiting");
    } else {
        list_append(&client->waiting, &job->node);
        start_next(client);
    }
    return request.id;
}

uint64_t decoder_client_analyse(struct decoder_client *client, struct bytes mail,
                                int64_t arrived_sec, struct decoder_done done)
{
    struct decoder_request request = {
        .job = DECODER_JOB_ANALYSE, .input = mail, .arrived_sec = arrived_sec};
    return ask(client, request, done);
}

uint64_t decoder_client_outgoing(struct decoder_client *client, struct bytes mail,
                                 struct decoder_done done)
{
    return ask(client, (struct decoder_request){.job = DECODER_JOB_OUTGOING, .input = mail}, done);
}

uint64_t decoder_client_decode(struct decoder_client *client, uint64_t encoding, struct bytes data,
                               struct decoder_done done)
{
    struct decoder_request request = {
        .job = DECODER_JOB_DECODE, .encoding = encoding, .input = data};
    return ask(client, request, done);
}

uint64_t decoder_client_encode(struct decoder_client *client, const struct content *content,
                               struct decoder_done done)
{
    return ask(client, (struct decoder_request){.job = DECODER_JOB_ENCODE, .content = *content},
               done);
}

static struct job *find_job(struct list_node *list, uint64_t id)
{
    list_for_each(node, list)
    {
        struct job *job = list_entry(node, struct job, node);
        if (job->request.id == id) {
            return job;
        }
    }
    return NULL;
}

static void ignore_answer(void *context, struct decoder_answer *answer)
{
    (void)context;
    decoder_answer_free(&answer);
}

void decoder_client_cancel(struct decoder_client *client, uint64_t id)
{
    struct job *job = find_job(&client->waiting, id);
    if (job == NULL) {
        job = find_job(&client->answered, id);
    }
    if (job != NULL) {
        list_remove(&job->node);
        client->queued_bytes -= job->frame.len;
        client->n_jobs--;
        job_free(job);
    } else if (client->current != NULL && client->current->request.id == id) {
        client->current->done = (struct decoder_done){ignore_answer, NULL};
    }
}
