// SPDX-License-Identifier: MIT
#include "gateway/gateway_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "gateway/store/bench_mailbox.h"

int gateway_bench(int argc, char **argv)
{
    struct bench_mailbox_row rows[BENCH_MAILBOX_ROWS];
    struct fault fault = {0};
    uint64_t n_messages = 0;
    uint64_t n_bytes = 0;
    log_init(STDERR_FILENO, LOG_LEVEL_WARN, "bench");
    if (argc < 3 || strcmp(argv[2], "imap") != 0 ||
        (argc > 3 && !parse_u64(bytes_of_str(argv[3]), BENCH_MAILBOX_MAX_MESSAGES, &n_messages)) ||
        (argc > 4 && !parse_u64(bytes_of_str(argv[4]), BENCH_MAILBOX_MAX_BYTES, &n_bytes))) {
        fprintf(stderr, "bittern-gateway: bench imap [MESSAGES [BYTES]]\n");
        return 2;
    }
    const struct bench_mailbox_options options = {(size_t)n_messages, (size_t)n_bytes};
    if (!bench_mailbox_run(rows, &options, &fault)) {
        fprintf(stderr, "bittern-gateway: %s\n", fault.text);
        return EXIT_FAILURE;
    }
    for (int i = -1; i < BENCH_MAILBOX_ROWS; i++) { /* the first row is the headline, too */
        const struct bench_mailbox_row *row = &rows[i < 0 ? 0 : i];
        printf("%s{\"name\":\"%s\",\"ours\":%.6g,\"anchor\":%.6g,\"anchor_name\":\"%s\","
               "\"ratio\":%.3f,\"unit\":\"%s\",\"detail\":\"%s\"%s",
               i > 0 ? "," : "", i < 0 ? "imap" : row->name, row->ours, row->anchor,
               row->anchor_name, row->ours / row->anchor, row->unit, row->detail,
               i < 0 ? ",\"all\":[" : "}");
    }
    printf("]}\n");
    return EXIT_SUCCESS;
}
