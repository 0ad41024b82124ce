// SPDX-License-Identifier: MIT
#include "base/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const code_names[] = {
    [FAULT_NONE] = "none",
    [FAULT_INVALID] = "invalid",
    [FAULT_LIMIT] = "limit",
    [FAULT_NOT_FOUND] = "not found",
    [FAULT_EXISTS] = "exists",
    [FAULT_DENIED] = "denied",
    [FAULT_IO] = "io",
    [FAULT_NO_SPACE] = "no space",
    [FAULT_CORRUPT] = "corrupt",
    [FAULT_BUSY] = "busy",
    [FAULT_TIMEOUT] = "timeout",
    [FAULT_CLOSED] = "closed",
    [FAULT_CANCELLED] = "cancelled",
    [FAULT_UNSUPPORTED] = "unsupported",
    [FAULT_INTERNAL] = "internal",
};

const char *fault_code_name(enum fault_code code)
{
    size_t index = (size_t)code;
    return index < ARRAY_LEN(code_names) ? code_names[index] : "unknown";
}

static enum fault_code code_of_errno(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
        return FAULT_NO_SPACE;
    case ENOENT:
        return FAULT_NOT_FOUND;
    case EEXIST:
        return FAULT_EXISTS;
    case EACCES:
    case EPERM:
        return FAULT_DENIED;
    default:
        return FAULT_IO;
    }
}

/* Add ": WORDS", cut to the array. */
static void append_words(struct fault *fault, const char *words)
{
    size_t used = strlen(fault->text);
    for (const char *piece = ": "; *piece != '\0' && used < sizeof fault->text - 1; piece++) {
        fault->text[used++] = *piece;
    }
    size_t left = sizeof fault->text - 1 - used;
    size_t len = strnlen(words, left);
    memcpy(fault->text + used, words, len);
    fault->text[used + len] = '\0';
}

bool fault_set(struct fault *fault, enum fault_code code, const char *format, ...)
{
    if (fault != NULL) {
        va_list args;
        va_start(args, format);
        fault->code = code;
        vsnprintf(fault->text, sizeof fault->text, format, args);
        va_end(args);
    }
    return false;
}

bool fault_set_errno(struct fault *fault, int error, const char *format, ...)
{
    if (fault != NULL) {
        va_list args;
        va_start(args, format);
        fault->code = code_of_errno(error);
        vsnprintf(fault->text, sizeof fault->text, format, args);
        va_end(args);
        append_words(fault, strerror(error));
    }
    return false;
}

bool fault_wrap(struct fault *fault, const char *format, ...)
{
    if (fault != NULL) {
        char inner[FAULT_TEXT_BYTES];
        memcpy(inner, fault->text, sizeof inner);
        va_list args;
        va_start(args, format);
        vsnprintf(fault->text, sizeof fault->text, format, args);
        va_end(args);
        append_words(fault, inner);
    }
    return false;
}
