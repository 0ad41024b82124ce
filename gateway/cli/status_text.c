// SPDX-License-Identifier: MIT
#include "gateway/cli/status_text.h"

#include <string.h>

#include "base/compiler.h"

static long long number(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL ? value : "";
}

static const char *colour_in_words(const char *colour)
{
    static const struct {
        const char *colour;
        const char *words;
    } meanings[] = {
        {"red", "no connection to the network"},
        {"yellow", "connected; no other node reaches this one"},
        {"green", "connected, and others reach this node"},
    };
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++) {
        if (strcmp(colour, meanings[i].colour) == 0) {
            return meanings[i].words;
        }
    }
    return "";
}

static void append_trials(struct buf *out, double trials_per_second)
{
    if (trials_per_second >= 1e6) {
        buf_printf(out, "%.1f M trials/s", trials_per_second / 1e6);
    } else {
        buf_printf(out, "%.0f trials/s", trials_per_second);
    }
}

/* "2 working, 1 sent", or "nothing". */
static void append_queue(struct buf *out, const json_t *queue)
{
    const char *state;
    json_t *count;
    size_t n_states = 0;
    json_object_foreach((json_t *)(uintptr_t)queue, state, count)
    {
        if (json_integer_value(count) != 0) {
            buf_printf(out, "%s%lld %s", n_states++ != 0 ? ", " : "",
                       (long long)json_integer_value(count), state);
        }
    }
    if (n_states == 0) {
        buf_append_str(out, "nothing");
    }
}

enum { BAR_CELLS = 20, SHORT_BAR_CELLS = 10 };

/* "850 ms" is no use to anybody: seconds, then minutes, then hours. */
static void append_time(struct buf *out, double sec)
{
    if (sec < 120) {
        buf_printf(out, "%.0f s", sec);
    } else if (sec < 2 * 3600) {
        buf_printf(out, "%.0f min", sec / 60);
    } else {
        buf_printf(out, "%.0f h", sec / 3600);
    }
}

static void append_bar(struct buf *out, const json_t *progress, int n_cells)
{
    double chance = json_number_value(json_object_get(progress, "chance"));
    int n_done = chance < 0 ? 0 : chance > 1 ? n_cells : (int)(chance * n_cells);
    buf_append_byte(out, '[');
    for (int i = 0; i < n_cells; i++) {
        buf_append_byte(out, i < n_done ? '#' : '-');
    }
    buf_printf(out, "] %.0f %%", chance * 100);
}

/* The mean of what is left and the 95th percentile, with the words between and after; nothing while
 * they are not known. */
static void append_left(struct buf *out, const json_t *progress, const char *between,
                        const char *after)
{
    const json_t *left = json_object_get(progress, "left");
    if (json_is_number(left)) {
        buf_append_str(out, ", ");
        append_time(out, json_number_value(left));
        buf_append_str(out, between);
        append_time(out, json_number_value(json_object_get(progress, "left_p95")));
        buf_append_str(out, after);
    }
}

void status_text_progress(struct buf *out, const json_t *progress)
{
    append_bar(out, progress, BAR_CELLS);
    append_left(out, progress, " more on average, ", " in 19 of 20 cases");
}

/* "kernel avx512 on 2 threads, gpu NVIDIA ...; 12.1 M trials/s, 3 jobs" and the bar. */
static void append_work(struct buf *out, const json_t *pow)
{
    const json_t *gpu = json_object_get(pow, "gpu");
    const json_t *next = json_object_get(pow, "next");
    buf_printf(out, "\nwork      kernel %s on %lld threads, ", text(pow, "kernel"),
               number(pow, "threads"));
    if (*text(gpu, "device") != '\0') {
        buf_printf(out, "gpu %s (%s), ", text(gpu, "device"), text(gpu, "state"));
    }
    append_trials(out, json_number_value(json_object_get(pow, "trials_per_second")));
    buf_printf(out, ", %lld job%s\n", number(pow, "jobs"), number(pow, "jobs") == 1 ? "" : "s");
    if (next != NULL) {
        buf_append_str(out, "          ");
        status_text_progress(out, next);
        buf_append_byte(out, '\n');
    }
}

/* Nothing where there is no passphrase. */
static void append_keys(struct buf *out, const json_t *lock)
{
    long long n_kept = number(json_object_get(lock, "kept"), "objects");
    if (!json_is_true(json_object_get(lock, "set"))) {
        return;
    }
    if (number(lock, "lost") > 0) {
        buf_printf(out,
                   "keys      LOST for %lld of the identities: what opens them is no longer in"
                   " mail.db, and a backup has it\n",
                   number(lock, "lost"));
        return;
    }
    if (!json_is_true(json_object_get(lock, "locked"))) {
        buf_append_str(out, "keys      open; a passphrase is set\n");
        return;
    }
    buf_printf(out, "keys      locked (%s): mail to be sent waits for `bittern unlock`",
               text(lock, "extent"));
    if (n_kept > 0) {
        buf_printf(out, "; %lld messages, not yet tried, too", n_kept);
    }
    buf_append_byte(out, '\n');
}

void status_text_page(struct buf *out, const json_t *status)
{
    const json_t *node = json_object_get(status, "node");
    const json_t *pow = json_object_get(status, "pow");
    const char *colour = text(status, "colour");
    buf_printf(out, "Bittern %s: %s, %s\n", text(status, "version"), colour,
               colour_in_words(colour));
    buf_printf(out, "node      port %lld; %lld peers out, %lld in; %lld objects%s\n",
               number(node, "port"), number(node, "peers_out"), number(node, "peers_in"),
               number(node, "objects"),
               json_is_true(json_object_get(node, "syncing")) ? ", fetching more" : "");
    buf_printf(out, "mail      IMAP port %lld, SMTP port %lld\n",
               number(json_object_get(status, "imap"), "port"),
               number(json_object_get(status, "smtp"), "port"));
    buf_append_str(out, "outgoing  ");
    append_queue(out, json_object_get(status, "queue"));
    append_work(out, pow);
    append_keys(out, json_object_get(status, "lock"));
    buf_printf(out, "sandbox   %s\n", text(status, "sandbox"));
}

void status_text_line(struct buf *out, const json_t *status)
{
    const json_t *node = json_object_get(status, "node");
    const json_t *pow = json_object_get(status, "pow");
    buf_printf(out, "%s | %lld out, %lld in | %lld objects%s | outgoing: ", text(status, "colour"),
               number(node, "peers_out"), number(node, "peers_in"), number(node, "objects"),
               json_is_true(json_object_get(node, "syncing")) ? " (fetching)" : "");
    append_queue(out, json_object_get(status, "queue"));
    if (json_is_true(json_object_get(json_object_get(status, "lock"), "locked"))) {
        buf_append_str(out, " | keys locked");
    }
    if (number(pow, "jobs") != 0) {
        const json_t *next = json_object_get(pow, "next");
        buf_append_str(out, " | ");
        append_bar(out, next, SHORT_BAR_CELLS);
        append_left(out, next, " (95 %: ", ")");
    }
}
