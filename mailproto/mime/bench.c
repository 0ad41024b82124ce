// SPDX-License-Identifier: MIT
#include "mailproto/mime/bench.h"

#include <libetpan/libetpan.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"
#include "mailproto/mime/analyse.h"
#include "mailproto/mime/bench_mail.h"
#include "mailproto/mime/outgoing.h"

static void run_out(struct bytes mail)
{
    struct arena arena = {0};
    struct outgoing_mail outgoing;
    bool ok = outgoing_take_apart(&outgoing, mail, &arena, NULL);
    (void)ok; /* the mails are sound */
    arena_clear(&arena);
}

static void run_in(struct bytes mail)
{
    struct arena arena = {0};
    struct mime_analysis analysis;
    analyse_mail(&analysis, mail, 0, &arena);
    arena_clear(&arena);
}

static void decode_parts(struct mailmime *mime)
{
    if (mime->mm_type == MAILMIME_MESSAGE) {
        if (mime->mm_data.mm_message.mm_msg_mime != NULL) {
            decode_parts(mime->mm_data.mm_message.mm_msg_mime);
        }
        return;
    }
    if (mime->mm_type == MAILMIME_MULTIPLE) {
        for (clistiter *at = clist_begin(mime->mm_data.mm_multipart.mm_mp_list); at != NULL;
             at = clist_next(at)) {
            decode_parts(clist_content(at));
        }
        return;
    }
    struct mailmime_data *data = mime->mm_data.mm_single;
    char *decoded = NULL;
    size_t decoded_len = 0;
    size_t at = 0;
    if (data != NULL &&
        mailmime_part_parse(data->dt_data.dt_text.dt_data, data->dt_data.dt_text.dt_length, &at,
                            data->dt_encoding, &decoded, &decoded_len) == MAILIMF_NO_ERROR) {
        mmap_string_unref(decoded);
    }
}

static void run_anchor(struct bytes mail)
{
    struct mailmime *mime = NULL;
    size_t at = 0;
    if (mailmime_parse((const char *)mail.data, mail.len, &at, &mime) == MAILIMF_NO_ERROR) {
        decode_parts(mime);
        mailmime_free(mime);
    }
}

/* Milliseconds of CPU; the best so far. */
static void time_run(double *best_ms, void (*run)(struct bytes mail), struct bytes mail)
{
    int64_t began_ns = clock_thread_cpu_ns();
    run(mail);
    double ms = (double)(clock_thread_cpu_ns() - began_ns) / 1e6;
    *best_ms = *best_ms == 0 || ms < *best_ms ? ms : *best_ms;
}

void mime_bench_run(struct mime_bench *out, size_t n_rounds, size_t len)
{
    n_rounds = n_rounds == 0 ? MIME_BENCH_ROUNDS : n_rounds;
    len = len == 0 ? MIME_BENCH_BYTES : len;
    double ours_ms = 0;
    double anchor_ms = 0;
    struct buf detail;
    buf_init(&detail, sizeof(out->detail) - 1);
    for (int shape = 0; shape < BENCH_MAIL_N_SHAPES; shape++) {
        struct buf mail = {0};
        double out_ms = 0;
        double in_ms = 0;
        double anchor = 0;
        bench_mail_write(&mail, (enum bench_mail_shape)shape, len);
        for (size_t i = 0; i < n_rounds; i++) {
            time_run(&out_ms, run_out, buf_view(&mail));
            time_run(&in_ms, run_in, buf_view(&mail));
            time_run(&anchor, run_anchor, buf_view(&mail));
        }
        buf_printf(&detail, "%s%s: out %.2f ms, libetpan %.2f, in %.2f", shape == 0 ? "" : "; ",
                   bench_mail_name((enum bench_mail_shape)shape), out_ms, anchor, in_ms);
        ours_ms += out_ms;
        anchor_ms += anchor;
        buf_clear(&mail);
    }
    *out = (struct mime_bench){.ours = BENCH_MAIL_N_SHAPES * 1e3 / ours_ms,
                               .anchor = BENCH_MAIL_N_SHAPES * 1e3 / anchor_ms};
    memcpy(out->detail, detail.data, detail.len);
    buf_clear(&detail);
}
