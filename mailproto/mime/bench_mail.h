// SPDX-License-Identifier: MIT
/* Mails for benchmarks, in each of the shapes that clients make. */
#ifndef BITTERN_MAILPROTO_MIME_BENCH_MAIL_H
#define BITTERN_MAILPROTO_MIME_BENCH_MAIL_H

#include <stddef.h>

struct buf;

enum bench_mail_shape {
    BENCH_MAIL_PLAIN,
    BENCH_MAIL_QUOTED,
    BENCH_MAIL_BASE64,
    BENCH_MAIL_HTML,
    BENCH_MAIL_ALTERNATIVE,
    BENCH_MAIL_FILE,
    BENCH_MAIL_N_SHAPES
};

/* Static. */
const char *bench_mail_name(enum bench_mail_shape shape);
/* Append a mail whose text or file has about `len` bytes. */
void bench_mail_write(struct buf *out, enum bench_mail_shape shape, size_t len);

#endif
