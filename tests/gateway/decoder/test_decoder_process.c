// SPDX-License-Identifier: MIT
/* bittern-decoder as the supervisor starts it, sandbox and all, asked through the client. */
#include "tests/support/vectors.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/channel.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/process.h"
#include "gateway/decoder/decoder_client.h"

enum { PATIENCE_MS = 30000 };

struct fixture {
    struct loop *loop;
    struct decoder_client *client;
    int supervisor_fd;
    pid_t pid;
    struct decoder_answer *answer;
};

static struct bytes text(const char *str)
{
    return bytes_of_str(str);
}

static void on_answer(void *context, struct decoder_answer *answer)
{
    struct fixture *f = context;
    decoder_answer_free(&f->answer);
    f->answer = answer;
}

static void send_to_child(struct fixture *f, uint16_t type, struct bytes payload, int fd)
{
    assert_true(
        channel_send_now(f->supervisor_fd, type, payload, &fd, fd >= 0 ? 1 : 0, 5000, NULL));
}

/* Start the program, give it what it waits for, and the client its socket. */
static void launch(struct fixture *f)
{
    int door[2];
    int work[2];
    assert_true(process_socket_pair(door, NULL));
    assert_true(process_socket_pair(work, NULL));
    f->pid = fork();
    assert_true(f->pid >= 0);
    if (f->pid == 0) {
        dup2(door[1], CHILD_FD);
        execl(DECODER_PROGRAM, DECODER_PROGRAM, (char *)NULL);
        _exit(99);
    }
    close(door[1]);
    f->supervisor_fd = door[0];
    static const char instance[] = "instance\0network";
    send_to_child(f, CHILD_SETTINGS, text("log.level=warn\n"), -1);
    send_to_child(f, CHILD_VALUE, (struct bytes){(const uint8_t *)instance, sizeof instance - 1},
                  -1);
    send_to_child(f, CHILD_SOCKET, text(CHILD_SOCKET_GATEWAY), work[1]);
    send_to_child(f, CHILD_START, (struct bytes){0}, -1);
    close(work[1]);
    decoder_client_attach(f->client, work[0]);
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    f->loop = loop_new();
    f->client = decoder_client_new(f->loop, "network", &(struct decoder_hooks){0});
    launch(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    decoder_client_free(&f->client);
    decoder_answer_free(&f->answer);
    close(f->supervisor_fd); /* the child ends with its supervisor */
    int status = -1;
    waitpid(f->pid, &status, 0);
    loop_free(&f->loop);
    free(f);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static const struct decoder_answer *wait_for_answer(struct fixture *f)
{
    int64_t until = clock_mono_ms() + PATIENCE_MS;
    while (f->answer == NULL && clock_mono_ms() < until) {
        loop_turn(f->loop, 50);
    }
    assert_non_null(f->answer);
    return f->answer;
}

static void forget_answer(struct fixture *f)
{
    decoder_answer_free(&f->answer);
}

static void it_analyses_takes_apart_decodes_and_encodes(void **state)
{
    struct fixture *f = *state;
    struct decoder_done done = {on_answer, f};
    /* a character set, HTML and a date: what loads libraries late, behind the sandbox */
    static const char mail[] =
        "Date: Thu, 1 Jan 1970 00:00:10 +0000\r\nFrom: =?iso-2022-jp?b?GyRCRnxLXBsoQg==?= <a@b>\r\n"
        "Content-Type: multipart/alternative; boundary=A\r\n\r\n--A\r\n"
        "Content-Type: text/plain; charset=big5\r\n\r\n\xa7\x41\r\n--A\r\n"
        "Content-Type: text/html; "
        "charset=koi8-r\r\n\r\n<p>\xf0&auml;<script>x</script>\r\n--A--\r\n";
    decoder_client_analyse(f->client, text(mail), 5, done);
    const struct decoder_answer *answer = wait_for_answer(f);
    assert_int_equal(answer->outcome, DECODER_DONE);
    assert_int_equal(answer->analysis.info.n_parts, 3);
    assert_int_equal(answer->analysis.info.sent_sec, 10);
    assert_bytes_equal(answer->analysis.preview, text("\xe4\xbd\xa0"));
    forget_answer(f);

    decoder_client_outgoing(f->client, text(mail), done);
    answer = wait_for_answer(f);
    assert_int_equal(answer->outcome, DECODER_DONE);
    assert_bytes_equal(answer->outgoing.text, text("\xe4\xbd\xa0"));
    assert_bytes_equal(answer->outgoing.from.items[0].name, text("\xe6\x97\xa5\xe6\x9c\xac"));
    forget_answer(f);

    struct content content = {.encoding = 3, .subject = text("s"), .body = text("b")};
    decoder_client_encode(f->client, &content, done);
    answer = wait_for_answer(f);
    assert_int_equal(answer->outcome, DECODER_DONE);
    struct bytes encoded = {xmemdup(answer->encoded.data, answer->encoded.len),
                            answer->encoded.len};
    forget_answer(f);
    decoder_client_decode(f->client, 3, encoded, done);
    answer = wait_for_answer(f);
    assert_int_equal(answer->outcome, DECODER_DONE);
    assert_bytes_equal(answer->content.subject, text("s"));
    assert_bytes_equal(answer->content.body, text("b"));
    forget_answer(f);
    union {
        const uint8_t *from;
        void *to;
    } cast = {encoded.data};
    free(cast.to);

    decoder_client_decode(f->client, 3, text("no zlib"), done);
    answer = wait_for_answer(f);
    assert_int_equal(answer->outcome, DECODER_REFUSED);
    assert_int_equal(answer->fault.code, FAULT_INVALID);
}

static void a_large_mail_goes_through(void **state)
{
    struct fixture *f = *state;
    struct buf mail = {0};
    buf_append_str(&mail,
                   "Content-Type: multipart/mixed; boundary=A\r\n\r\n--A\r\n\r\ntext\r\n--A\r\n"
                   "Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    while (mail.len < 8u << 20) {
        buf_append_str(&mail,
                       "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB\r\n");
    }
    buf_append_str(&mail, "\r\n--A--\r\n");
    decoder_client_outgoing(f->client, buf_view(&mail), (struct decoder_done){on_answer, f});
    const struct decoder_answer *answer = wait_for_answer(f);
    assert_int_equal(answer->outcome, DECODER_DONE);
    assert_int_equal(answer->outgoing.n_files, 1);
    assert_true(answer->outgoing.files[0].data.len > 5u << 20);
    buf_clear(&mail);
}

/* A mail that kills it: here the test does. */
static void a_job_outlives_the_process(void **state)
{
    struct fixture *f = *state;
    kill(f->pid, SIGSTOP); /* so that the job is with it when it dies */
    decoder_client_analyse(f->client, text("Subject: x\r\n\r\nbody"), 5,
                           (struct decoder_done){on_answer, f});
    for (unsigned i = 0; i < 5; i++) {
        loop_turn(f->loop, 10);
    }
    kill(f->pid, SIGKILL);
    waitpid(f->pid, NULL, 0);
    close(f->supervisor_fd);
    for (unsigned i = 0; i < 5; i++) {
        loop_turn(f->loop, 10);
    }
    assert_null(f->answer);
    assert_false(decoder_client_is_attached(f->client));

    launch(f);

    const struct decoder_answer *answer = wait_for_answer(f);
    assert_int_equal(answer->outcome, DECODER_DONE);
    assert_bytes_equal(answer->analysis.preview, text("body"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_analyses_takes_apart_decodes_and_encodes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_large_mail_goes_through, setup, teardown),
        cmocka_unit_test_setup_teardown(a_job_outlives_the_process, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
