// SPDX-License-Identifier: MIT
/* A mail of 100 KB into a message and a message into a mail, in each of the shapes that clients
 * make: taking it apart, planning, encoding; decoding, writing, analysing for IMAP.
 *
 *     bench_translate [BYTES]
 *
 * prints a JSON object a line: CPU milliseconds of the best of some rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/mem.h"
#include "gateway/translate/to_mail.h"
#include "gateway/translate/to_message.h"
#include "mailproto/mime/analyse.h"
#include "mailproto/mime/bench_mail.h"
#include "mailproto/mime/outgoing.h"
#include "node/content/content.h"

enum { DEFAULT_BYTES = 100000, ROUNDS = 30 };

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* ---- both ways ---- */

static void need(bool ok, const struct fault *fault)
{
    if (!ok) {
        fprintf(stderr, "bench_translate: %s\n", fault->text);
        exit(EXIT_FAILURE);
    }
}

static uint64_t go_out(struct buf *out, struct bytes mail)
{
    struct arena arena = {0};
    struct fault fault = {0};
    struct outgoing_mail taken;
    struct message_plan plan;
    need(outgoing_take_apart(&taken, mail, &arena, &fault), &fault);
    need(to_message_plan(&plan, &taken, NULL, 0, &arena, &fault), &fault);
    const struct content *content = plan.needs_extended ? &plan.extended : &plan.plain;
    uint64_t encoding = content->encoding;
    need(content_encode(out, content, &fault), &fault);
    arena_clear(&arena);
    return encoding;
}

static void come_in(struct bytes data, uint64_t encoding)
{
    static const uint8_t HASH[INVENTORY_HASH_BYTES] = {1};
    struct arena arena = {0};
    struct fault fault = {0};
    struct content content;
    struct mime_analysis analysis;
    struct buf mail = {0};
    need(content_decode(&content, encoding, data, &arena, &fault), &fault);
    const struct arrived_message message = {.from = {.version = 4, .stream = 1},
                                            .from_label = "",
                                            .to = {.version = 4, .stream = 1},
                                            .to_label = "",
                                            .arrived_sec = 1795000000,
                                            .expires_sec = 1795000000,
                                            .hash = HASH,
                                            .encoding = encoding,
                                            .content = &content};
    to_mail_write(&mail, &message);
    analyse_mail(&analysis, buf_view(&mail), 1795000000, &arena);
    buf_clear(&mail);
    arena_clear(&arena);
}

static void measure(enum bench_mail_shape shape, size_t len)
{
    struct buf mail = {0};
    double best_out = 1e9;
    double best_in = 1e9;
    bench_mail_write(&mail, shape, len);
    for (int i = 0; i < ROUNDS; i++) {
        struct buf data = {0};
        double began = now_ms();
        uint64_t encoding = go_out(&data, buf_view(&mail));
        double out_ms = now_ms() - began;
        began = now_ms();
        come_in(buf_view(&data), encoding);
        double in_ms = now_ms() - began;
        best_out = out_ms < best_out ? out_ms : best_out;
        best_in = in_ms < best_in ? in_ms : best_in;
        buf_clear(&data);
    }
    printf("{\"shape\": \"%s\", \"bytes\": %zu, \"out_ms\": %.3f, \"in_ms\": %.3f, "
           "\"both_ms\": %.3f}\n",
           bench_mail_name(shape), mail.len, best_out, best_in, best_out + best_in);
    buf_clear(&mail);
}

int main(int argc, char **argv)
{
    mem_keep_freed(MEM_KEPT_BYTES); /* as the programs do that this runs in */
    size_t len = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : DEFAULT_BYTES;
    for (int shape = 0; shape < BENCH_MAIL_N_SHAPES; shape++) {
        measure((enum bench_mail_shape)shape, len);
    }
    return EXIT_SUCCESS;
}
