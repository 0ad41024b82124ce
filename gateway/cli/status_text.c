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
    buf_printf(out, "\nwork      kernel %s, ", text(pow, "kernel"));
    append_trials(out, json_number_value(json_object_get(pow, "trials_per_second")));
    buf_printf(out, ", %lld jobs\n", number(pow, "jobs"));
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
    if (number(pow, "jobs") != 0) {
        buf_append_str(out, " | working at ");
        append_trials(out, json_number_value(json_object_get(pow, "trials_per_second")));
    }
}
