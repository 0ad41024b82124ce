// SPDX-License-Identifier: MIT
#include "node/link/node_figures.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/compiler.h"

enum figure_type { GAUGE, COUNTER, TRUTH };

static const char *const directions[] = {"in", "out"};
static const char *const networks[] = {"ipv4", "ipv6", "onion", "named"};
static const char *const transports[] = {"tls", "plain"};
static const char *const misdeeds[] = {"broken_stream", "malformed", "bad_object", "not_delivered",
                                       "flood"};
static const char *const kinds[] = {"getpubkey", "pubkey",    "msg",
                                    "broadcast", "onionpeer", "other"};

/* Figures side by side from `first` on: one without a label, or one for each of its values. */
static const struct row {
    enum node_figure first;
    enum figure_type type;
    const char *name;
    const char *label; /* NULL: a single figure */
    const char *const *values;
    size_t n_values;
    const char *help;
} rows[] = {
#define SINGLE(first, type, name, help)                                                            \
    {                                                                                              \
        first, type, name, NULL, NULL, 1, help                                                     \
    }
#define BY(first, type, name, label, values, help)                                                 \
    {                                                                                              \
        first, type, name, label, values, ARRAY_LEN(values), help                                  \
    }
    SINGLE(FIGURE_COLOUR, GAUGE, "colour", "0 red: alone; 1 yellow: not reached; 2 green"),
    SINGLE(FIGURE_PORT, GAUGE, "port", "port for other nodes; 0: none"),
    SINGLE(FIGURE_CONNECTIONS, GAUGE, "connections", "connections in any state"),
    BY(FIGURE_PEERS_IN, GAUGE, "peers", "direction", directions, "established connections"),
    BY(FIGURE_PEERS_IPV4, GAUGE, "peers_by", "network", networks, "the same by kind of address"),
    BY(FIGURE_PEERS_TLS, GAUGE, "peers_over", "transport", transports, "the same by transport"),
    SINGLE(FIGURE_KNOWN_PEERS, GAUGE, "known_peers", "entries of the book of peers"),
    SINGLE(FIGURE_WAS_REACHED, TRUTH, "was_reached", "somebody from outside connected to us"),
    SINGLE(FIGURE_BANNED, GAUGE, "banned", "addresses banned now"),
    SINGLE(FIGURE_BANS, COUNTER, "bans", "bans imposed"),
    BY(FIGURE_MISDEED_BROKEN_STREAM, COUNTER, "misdeeds", "kind", misdeeds,
       "breaches of the protocol that were marked"),
    SINGLE(FIGURE_SYNCING, TRUTH, "syncing", "catching up with the network"),
    SINGLE(FIGURE_SYNC_PERCENT, GAUGE, "sync_percent", "of the objects known of, those here"),
    SINGLE(FIGURE_WANTED, GAUGE, "wanted", "objects announced to us and not here yet"),
    SINGLE(FIGURE_ASKED, GAUGE, "asked", "of these, those asked for and awaited"),
    SINGLE(FIGURE_STALLS, COUNTER, "stalls", "objects asked elsewhere since a peer did not answer"),
    SINGLE(FIGURE_OBJECTS, GAUGE, "objects", "objects in the store"),
    SINGLE(FIGURE_OBJECT_BYTES, GAUGE, "object_bytes", "bytes of objects in the store"),
    BY(FIGURE_OBJECTS_OF_KIND, GAUGE, "objects_of_kind", "kind", kinds,
       "objects in the store, by kind"),
    BY(FIGURE_BYTES_OF_KIND, GAUGE, "bytes_of_kind", "kind", kinds,
       "bytes of objects in the store, by kind"),
    SINGLE(FIGURE_UNWRITTEN, GAUGE, "unwritten", "objects not written to disk yet"),
    SINGLE(FIGURE_DISK_FAILING, TRUTH, "disk_failing", "the last write of objects failed"),
    SINGLE(FIGURE_EVICTED, COUNTER, "evicted", "objects dropped for want of room"),
    SINGLE(FIGURE_EXPIRED, COUNTER, "expired", "objects dropped when their time was over"),
    BY(FIGURE_OBJECTS_IN, COUNTER, "objects_in", "kind", kinds, "objects received and stored"),
    BY(FIGURE_OBJECT_BYTES_IN, COUNTER, "object_bytes_in", "kind", kinds,
       "bytes of objects received and stored"),
    BY(FIGURE_OBJECTS_OUT, COUNTER, "objects_out", "kind", kinds, "objects sent"),
    BY(FIGURE_OBJECT_BYTES_OUT, COUNTER, "object_bytes_out", "kind", kinds,
       "bytes of objects sent"),
    SINGLE(FIGURE_REFUSED, COUNTER, "objects_refused", "objects received and refused"),
    SINGLE(FIGURE_VERIFIED, COUNTER, "verified", "objects checked"),
    SINGLE(FIGURE_VERIFY_US, COUNTER, "verify_us", "microseconds spent on checking objects"),
    SINGLE(FIGURE_VERIFY_MAX_US, GAUGE, "verify_max_us", "the longest check of one object"),
    SINGLE(FIGURE_STEM_OBJECTS, GAUGE, "stem_objects", "objects in their stem phase"),
    SINGLE(FIGURE_STEMS, GAUGE, "stems", "peers that are stems now"),
    SINGLE(FIGURE_STEMMED, COUNTER, "stemmed", "objects that began a stem phase here"),
    SINGLE(FIGURE_FLUFFED, COUNTER, "fluffed", "objects told to all at the end of it"),
    BY(FIGURE_BYTES_IN, COUNTER, "bytes", "direction", directions, "bytes on the wire"),
    BY(FIGURE_RATE_IN, GAUGE, "rate", "direction", directions, "bytes a second, of late"),
    SINGLE(FIGURE_BUFFERED, GAUGE, "buffered", "bytes in the buffers of all connections"),
    SINGLE(FIGURE_SHED, COUNTER, "shed", "connections ended because all buffers were full"),
    SINGLE(FIGURE_MONTH_BYTES, GAUGE, "month_bytes", "bytes both ways in this month"),
    SINGLE(FIGURE_MONTH_STAGE, GAUGE, "month_stage", "of the monthly cap: 0 open to 3 silent"),
#undef SINGLE
#undef BY
};

const char *node_colour_name(uint64_t colour)
{
    static const char *const names[] = {"red", "yellow", "green"};
    return names[colour < ARRAY_LEN(names) ? colour : NODE_RED];
}

static void append_json(struct buf *out, const struct row *row, size_t i, uint64_t value)
{
    buf_printf(out, "%s\"%s", out->len > 1 ? "," : "", row->name);
    if (row->label != NULL) {
        buf_printf(out, "_%s", row->values[i]);
    }
    if (row->first == FIGURE_COLOUR) {
        buf_printf(out, "\":\"%s\"", node_colour_name(value));
    } else if (row->type == TRUTH) {
        buf_printf(out, "\":%s", value != 0 ? "true" : "false");
    } else {
        buf_printf(out, "\":%llu", (unsigned long long)value);
    }
}

void node_figures_json(struct buf *out, const struct node_figures *figures)
{
    struct buf object = {0};
    buf_append_byte(&object, '{');
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        for (size_t i = 0; i < rows[r].n_values; i++) {
            append_json(&object, &rows[r], i, figures->values[rows[r].first + i]);
        }
    }
    buf_append_byte(&object, '}');
    buf_append_bytes(out, buf_view(&object));
    buf_clear(&object);
}

void node_figures_metrics(struct buf *out, const struct node_figures *figures)
{
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        const struct row *row = &rows[r];
        const char *end = row->type == COUNTER ? "_total" : "";
        buf_printf(out, "# HELP bittern_node_%s%s %s\n", row->name, end, row->help);
        buf_printf(out, "# TYPE bittern_node_%s%s %s\n", row->name, end,
                   row->type == COUNTER ? "counter" : "gauge");
        for (size_t i = 0; i < row->n_values; i++) {
            buf_printf(out, "bittern_node_%s%s", row->name, end);
            if (row->label != NULL) {
                buf_printf(out, "{%s=\"%s\"}", row->label, row->values[i]);
            }
            buf_printf(out, " %llu\n", (unsigned long long)figures->values[row->first + i]);
        }
    }
}
