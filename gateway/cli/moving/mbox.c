// SPDX-License-Identifier: MIT
#include "gateway/cli/moving/mbox.h"

#include <string.h>
#include <time.h>

#include "base/str.h"

/* asctime's form, in UTC: "Thu Jan  1 00:00:00 1970". */
static void write_from_line(FILE *out, int64_t sec)
{
    time_t time = (time_t)sec;
    struct tm tm;
    char date[32] = "Thu Jan  1 00:00:00 1970";
    if (gmtime_r(&time, &tm) != NULL) {
        (void)strftime(date, sizeof date, "%a %b %e %H:%M:%S %Y", &tm);
    }
    fprintf(out, "From MAILER-DAEMON %s\n", date);
}

static void write_flags(FILE *out, const struct mail_flags *flags)
{
    fprintf(out, "Status: %sO\n", flags->seen ? "R" : "");
    if (flags->answered || flags->flagged || flags->deleted || flags->draft) {
        fprintf(out, "X-Status: %s%s%s%s\n", flags->answered ? "A" : "", flags->flagged ? "F" : "",
                flags->draft ? "T" : "", flags->deleted ? "D" : "");
    }
}

static bool has_name(struct bytes line, const char *name)
{
    size_t len = strlen(name);
    return line.len > len && line.data[len] == ':' &&
           bytes_is_word(bytes_slice(line, 0, len), name);
}

static bool must_be_quoted(struct bytes line)
{
    static const char from[] = "From ";
    size_t n = 0;
    while (n < line.len && line.data[n] == '>') {
        n++;
    }
    return bytes_starts_with(bytes_slice(line, n, line.len), bytes_of_str(from));
}

/* Without its line end. */
static struct bytes take_line(struct bytes *rest)
{
    size_t end = bytes_find(*rest, '\n');
    struct bytes line = bytes_slice(*rest, 0, end);
    *rest = bytes_slice(*rest, end + 1, rest->len);
    if (line.len > 0 && line.data[line.len - 1] == '\r') {
        line.len--;
    }
    return line;
}

void mbox_write(FILE *out, struct bytes mail, int64_t sec, const struct mail_flags *flags)
{
    bool in_header = true;
    bool is_left_out = false;
    write_from_line(out, sec);
    write_flags(out, flags);
    while (mail.len > 0) {
        struct bytes line = take_line(&mail);
        in_header = in_header && line.len > 0;
        bool goes_on = line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t');
        is_left_out =
            in_header &&
            (goes_on ? is_left_out : has_name(line, "Status") || has_name(line, "X-Status"));
        if (is_left_out) {
            continue;
        }
        if (must_be_quoted(line)) {
            fputc('>', out);
        }
        fwrite(line.data, 1, line.len, out);
        fputc('\n', out);
    }
    fputc('\n', out);
}
