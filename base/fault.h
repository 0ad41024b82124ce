// SPDX-License-Identifier: MIT
/* The error type of the whole house.
 *
 * A function that can fail in more than one way takes a `struct fault *` as its last argument and
 * fills it on failure: a code to branch on, and one sentence to log or to show: what was tried, on
 * what, and why it failed. On the way up a caller may put its own words in front (fault_wrap). On
 * success the fault is left untouched. A NULL fault is allowed everywhere: the sentence is dropped.
 *
 * A fault never holds a secret, a subject or a body. */
#ifndef BITTERN_BASE_FAULT_H
#define BITTERN_BASE_FAULT_H

#include <stdbool.h>

#include "base/compiler.h"

enum fault_code {
    FAULT_NONE = 0,
    FAULT_INVALID,     /* input that breaks a rule of its format */
    FAULT_LIMIT,       /* input above one of our bounds */
    FAULT_NOT_FOUND,   /* no such thing */
    FAULT_EXISTS,      /* there already */
    FAULT_DENIED,      /* not allowed to whoever asks */
    FAULT_UNSUPPORTED, /* understood, but not done here */
    FAULT_IO,          /* the system refused; errno's words are in the text */
    FAULT_NO_SPACE,    /* disk or quota full */
    FAULT_CORRUPT,     /* stored data is not what we wrote */
    FAULT_BUSY,        /* try again later */
    FAULT_TIMEOUT,
    FAULT_CLOSED, /* the other side went away */
    FAULT_CANCELLED,
    FAULT_INTERNAL /* our own bug, met where an assert would lose data */
};

enum { FAULT_TEXT_BYTES = 256 };

struct fault {
    enum fault_code code;
    char text[FAULT_TEXT_BYTES];
};

/* Fill `fault`. Always returns false, so that a caller can `return fault_set(...)`. */
bool fault_set(struct fault *fault, enum fault_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* As fault_set, with the code and the last words taken from `error` (an errno value):
 * "open /x: Permission denied". ENOSPC and EDQUOT give FAULT_NO_SPACE, ENOENT FAULT_NOT_FOUND,
 * EEXIST FAULT_EXISTS, EACCES and EPERM FAULT_DENIED, anything else FAULT_IO. */
bool fault_set_errno(struct fault *fault, int error, const char *format, ...) PRINTF_LIKE(3, 4);

/* Put words and ": " in front of the text that is there. The code stays. Returns false. */
bool fault_wrap(struct fault *fault, const char *format, ...) PRINTF_LIKE(2, 3);

/* A short English name of the code, such as "not found". Static storage. */
const char *fault_code_name(enum fault_code code);

#endif
