// SPDX-License-Identifier: MIT
/* A decoder process and its client, for tests that are not started by the supervisor: this plays
 * the supervisor's part towards it (base/child.h). */
#ifndef BITTERN_TESTS_SUPPORT_DECODER_PROCESS_H
#define BITTERN_TESTS_SUPPORT_DECODER_PROCESS_H

#include "base/compiler.h"
#include "base/fault.h"

struct decoder_client;
struct decoder_process;
struct loop;

/* Start the executable at `path`. A process that the client wants ended is started again. */
struct decoder_process *decoder_process_new(struct loop *loop, const char *path,
                                            struct fault *fault) MUST_USE;
/* Accepts NULL; clears the pointer. */
void decoder_process_free(struct decoder_process **process);
struct decoder_client *decoder_process_client(struct decoder_process *process) MUST_USE;

#endif
