// SPDX-License-Identifier: MIT
/* `bittern-gateway bench imap [MESSAGES [BYTES]]`: one line of JSON, for `bittern bench imap`. */
#ifndef BITTERN_GATEWAY_GATEWAY_BENCH_H
#define BITTERN_GATEWAY_GATEWAY_BENCH_H

#include "base/compiler.h"

/* The words of main; its exit code. */
int gateway_bench(int argc, char **argv) MUST_USE;

#endif
