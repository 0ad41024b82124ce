// SPDX-License-Identifier: MIT
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

enum { LOG_LINE_BYTES = 2048, SCRUBBED_PREFIX = 4 };

static const char *const level_names[] = {"error", "warn", "info", "debug", "trace"};

/* Set once in main before a thread starts; afterwards only read. */
static struct {
    int fd;
    enum log_level level;
    const char *process;
    bool show_addresses;
} settings = {STDERR_FILENO, LOG_LEVEL_INFO, "bittern", false};

void log_init(int fd, enum log_level level, const char *process)
{
    settings.fd = fd;
    settings.level = level;
    settings.process = process;
}

void log_show_addresses(bool show)
{
    settings.show_addresses = show;
}

bool log_enabled(enum log_level level)
{
    return level <= settings.level;
}

bool log_level_parse(const char *name, enum log_level *out)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
        if (str_equal_ci(name, level_names[i])) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static size_t line_prefix(char *line, size_t size, enum log_level level, const char *room)
{
    int64_t now_ms = clock_now_ms();
    time_t now_sec = (time_t)(now_ms / 1000);
    struct tm utc;
    char stamp[32] = "";
    if (gmtime_r(&now_sec, &utc) != NULL) {
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    }
    int len = snprintf(line, size, "%s.%03dZ %s %s %s: ", stamp, (int)(now_ms % 1000),
                       settings.process, level_names[level], room);
    return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

void log_line(enum log_level level, const char *room, const char *format, ...)
{
    if (!log_enabled(level)) {
        return;
    }
    char line[LOG_LINE_BYTES];
    size_t used = line_prefix(line, sizeof line - 1, level, room);
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line + used, sizeof line - 1 - used, format, args);
    va_end(args);
    if (len < 0) {
        return;
    }
    size_t left = sizeof line - 2 - used;
    used += (size_t)len < left ? (size_t)len : left;
    line[used++] = '\n';
    /* A log that can't be written must not stop the process. */
    ssize_t written = write(settings.fd, line, used);
    (void)written;
}

struct log_text log_escape(struct bytes foreign)
{
    static const char ellipsis[] = "...";
    struct log_text out;
    size_t used = 0;
    for (size_t i = 0; i < foreign.len; i++) {
        char piece[5];
        uint8_t c = foreign.data[i];
        bool plain = c > 0x20 && c < 0x7f && c != '\\';
        int len = snprintf(piece, sizeof piece, plain ? "%c" : "\\x%02x", c);
        if (used + (size_t)len + sizeof ellipsis > sizeof out.text) {
            memcpy(out.text + used, ellipsis, sizeof ellipsis);
            return out;
        }
        memcpy(out.text + used, piece, (size_t)len);
        used += (size_t)len;
    }
    out.text[used] = '\0';
    return out;
}

struct log_text log_scrub(enum log_level level, const char *address)
{
    if (settings.show_addresses || level >= LOG_LEVEL_DEBUG) {
        return log_escape(bytes_of_str(address));
    }
    struct log_text out = log_escape(bytes_slice(bytes_of_str(address), 0, SCRUBBED_PREFIX));
    strcat(out.text, "...");
    return out;
}
