// SPDX-License-Identifier: MIT
/* The bytes of another process on a channel, read in the loop and read waiting: both find the same
 * messages, and no more payload than was sent. */
#include "tests/fuzz/fuzz.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/loop.h"
#include "base/process.h"

enum { MAX_INPUT_BYTES = 64 * 1024, MAX_TURNS = 200000 };

struct tally {
    size_t n_messages;
    size_t n_bytes;
    bool closed;
};

static void on_message(void *context, struct channel_message *message)
{
    struct tally *tally = context;
    FUZZ_CHECK(message->n_fds == 0 && channel_take_fd(message, 0) == -1);
    tally->n_messages++;
    tally->n_bytes += CHANNEL_HEADER_BYTES + message->payload.len;
}

static void on_closed(void *context, const struct fault *fault)
{
    struct tally *tally = context;
    (void)fault;
    FUZZ_CHECK(!tally->closed);
    tally->closed = true;
}

/* The reading end of a pair through which all of `bytes` came and then the end. */
static int sent(struct bytes bytes)
{
    int ends[2];
    FUZZ_CHECK(process_socket_pair(ends, NULL));
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &(int){4 * MAX_INPUT_BYTES}, sizeof(int));
    FUZZ_CHECK(bytes.len == 0 || write(ends[0], bytes.data, bytes.len) == (ssize_t)bytes.len);
    close(ends[0]);
    return ends[1];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct channel_handler handler = {on_message, on_closed};
    struct bytes input = {data, size < MAX_INPUT_BYTES ? size : MAX_INPUT_BYTES};
    struct tally in_loop = {0};
    struct loop *loop = loop_new();
    struct channel *channel = channel_new_take(loop, sent(input), &handler, &in_loop);
    for (int i = 0; i < MAX_TURNS && !in_loop.closed; i++) {
        loop_turn(loop, 0);
    }
    FUZZ_CHECK(in_loop.closed && in_loop.n_bytes <= input.len);
    channel_free(&channel);
    loop_free(&loop);

    struct tally waiting = {0};
    struct channel_message message;
    int fd = sent(input);
    while (channel_receive_now(fd, &message, 1000, NULL)) {
        on_message(&waiting, &message);
        channel_message_clear(&message);
    }
    close(fd);
    FUZZ_CHECK(waiting.n_messages == in_loop.n_messages && waiting.n_bytes == in_loop.n_bytes);
    return 0;
}
