// SPDX-License-Identifier: MIT
/* What a fuzz target is: LLVMFuzzerTestOneInput, called with any bytes, any number of times. It
 * returns 0, leaves no state behind, and asserts what must hold of every input, not only that
 * nothing crashes: what was decoded encodes to the same bytes, an output keeps its bounds, and so
 * on. */
#ifndef BITTERN_TESTS_FUZZ_FUZZ_H
#define BITTERN_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/compiler.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process with file and line when `condition` is false, in every build. */
#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fuzz_check_failed(#condition, __FILE__, __LINE__);                                     \
        }                                                                                          \
    } while (0)

static inline void fuzz_check_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
    abort();
}

#endif
