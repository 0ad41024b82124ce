// SPDX-License-Identifier: MIT
/* How fast mails are taken apart, beside libetpan: `bittern bench translate`.
 *
 * Ours is what may leave of a mail that goes out: text in UTF-8, HTML read, files, header fields.
 * The anchor does a part of that: it parses the mail and undoes the transfer encoding of its parts.
 * Beside it stands what a mail costs that comes in: its form, preview and folded search text for
 * IMAP. All go over the same mails, one of each shape, in turn; each keeps the best of its rounds.
 */
#ifndef BITTERN_MAILPROTO_MIME_BENCH_H
#define BITTERN_MAILPROTO_MIME_BENCH_H

#include <stddef.h>

enum { MIME_BENCH_DETAIL_BYTES = 512 };

struct mime_bench {
    double ours;   /* mails a second of CPU that go out, all shapes together */
    double anchor; /* likewise */
    char detail[MIME_BENCH_DETAIL_BYTES]; /* milliseconds a shape; plain ASCII without quotes */
};

enum {
    MIME_BENCH_ROUNDS = 40,
    MIME_BENCH_BYTES = 100000,
    MIME_BENCH_MAX_ROUNDS = 100000,
    MIME_BENCH_MAX_BYTES = 1 << 20
};

/* Mails of about `len` bytes, each `n_rounds` times (0, 0: the numbers above). */
void mime_bench_run(struct mime_bench *out, size_t n_rounds, size_t len);

#endif
