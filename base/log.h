// SPDX-License-Identifier: MIT
/* One line per event: `room: event key=value ...`.
 *
 * error: the operator must act. warn: something is off, we go on. info: noteworthy, and meaningful
 * to a user. debug: protocol flow. trace: bytes.
 *
 * Text from outside goes through log_escape; addresses of people and peers through log_scrub, which
 * hides them at info and above unless the setting allows them. No secret, subject or body at any
 * level. */
#ifndef BITTERN_BASE_LOG_H
#define BITTERN_BASE_LOG_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_TRACE
};

/* Lines above `level` are dropped. Lines go to `fd` as one write each, prefixed with the UTC time
 * and the process's name (a static string). Default: info, standard error, "bittern". */
void log_init(int fd, enum log_level level, const char *process);
/* Show addresses at info and above, too. Default: no. */
void log_show_addresses(bool show);
bool log_enabled(enum log_level level) MUST_USE;
/* "error" ... "trace" to its level. */
bool log_level_parse(const char *name, enum log_level *out) MUST_USE;

/* `room` names the room that speaks: "p2p", "imap". */
void log_line(enum log_level level, const char *room, const char *format, ...) PRINTF_LIKE(3, 4);

#define log_error(room, ...) log_line(LOG_LEVEL_ERROR, room, __VA_ARGS__)
#define log_warn(room, ...) log_line(LOG_LEVEL_WARN, room, __VA_ARGS__)
#define log_info(room, ...) log_line(LOG_LEVEL_INFO, room, __VA_ARGS__)
#define log_debug(room, ...) log_line(LOG_LEVEL_DEBUG, room, __VA_ARGS__)
#define log_trace(room, ...) log_line(LOG_LEVEL_TRACE, room, __VA_ARGS__)

enum { LOG_ESCAPED_BYTES = 256 };

/* Printable ASCII as it is, all else as \xNN, cut to the array with "..." at the end. */
struct log_text {
    char text[LOG_ESCAPED_BYTES];
};
struct log_text log_escape(struct bytes foreign) MUST_USE;
/* The address itself for debug and trace, or where addresses may be shown; else its first four
 * characters and "...". */
struct log_text log_scrub(enum log_level level, const char *address) MUST_USE;

#endif
