// SPDX-License-Identifier: MIT
/* How a node is, as numbers: what `status`, the metrics page and the log tell of it.
 *
 * The node fills an array, the link carries it, and both ends print it from one table
 * (node_figures.c), as a flat JSON object or as Prometheus has it. Figures that belong together
 * (objects by kind, peers by direction) stand side by side and share a row. Whoever adds one adds
 * it here, in the table, and where it is counted. */
#ifndef BITTERN_NODE_LINK_NODE_FIGURES_H
#define BITTERN_NODE_LINK_NODE_FIGURES_H

#include <stdint.h>

struct buf;

enum { NODE_FIGURE_KINDS = 6 /* getpubkey, pubkey, msg, broadcast, onionpeer, other */ };

enum node_colour {
    NODE_RED,    /* no connection to the network */
    NODE_YELLOW, /* connected; no other node reaches this one */
    NODE_GREEN   /* connected, and others reach this node */
};

enum node_figure {
    FIGURE_COLOUR, /* an enum node_colour */
    FIGURE_PORT,   /* where it listens; 0: nowhere */
    FIGURE_CONNECTIONS,
    FIGURE_PEERS_IN, /* established */
    FIGURE_PEERS_OUT,
    FIGURE_PEERS_IPV4,
    FIGURE_PEERS_IPV6,
    FIGURE_PEERS_ONION,
    FIGURE_PEERS_NAMED, /* reached by a name through a proxy */
    FIGURE_PEERS_TLS,
    FIGURE_PEERS_PLAIN,
    FIGURE_KNOWN_PEERS,
    FIGURE_WAS_REACHED, /* a peer connected to us from outside */
    FIGURE_BANNED,
    FIGURE_BANS,
    FIGURE_MISDEED_BROKEN_STREAM, /* in the order of enum misdeed */
    FIGURE_MISDEED_MALFORMED,
    FIGURE_MISDEED_BAD_OBJECT,
    FIGURE_MISDEED_NOT_DELIVERED,
    FIGURE_MISDEED_FLOOD,
    FIGURE_SYNCING, /* catching up with the network */
    FIGURE_SYNC_PERCENT,
    FIGURE_WANTED, /* announced to us and not here yet */
    FIGURE_ASKED,
    FIGURE_STALLS,
    FIGURE_OBJECTS,
    FIGURE_OBJECT_BYTES,
    FIGURE_OBJECTS_OF_KIND,
    FIGURE_BYTES_OF_KIND = FIGURE_OBJECTS_OF_KIND + NODE_FIGURE_KINDS,
    FIGURE_UNWRITTEN = FIGURE_BYTES_OF_KIND + NODE_FIGURE_KINDS,
    FIGURE_DISK_FAILING, /* the last write to the store failed: nothing is taken beyond its buffer
                          */
    FIGURE_EVICTED,
    FIGURE_EXPIRED,
    FIGURE_OBJECTS_IN,
    FIGURE_OBJECT_BYTES_IN = FIGURE_OBJECTS_IN + NODE_FIGURE_KINDS,
    FIGURE_OBJECTS_OUT = FIGURE_OBJECT_BYTES_IN + NODE_FIGURE_KINDS,
    FIGURE_OBJECT_BYTES_OUT = FIGURE_OBJECTS_OUT + NODE_FIGURE_KINDS,
    FIGURE_REFUSED = FIGURE_OBJECT_BYTES_OUT + NODE_FIGURE_KINDS,
    FIGURE_VERIFIED,
    FIGURE_VERIFY_US,
    FIGURE_VERIFY_MAX_US,
    FIGURE_STEM_OBJECTS,
    FIGURE_STEMS,
    FIGURE_STEMMED,
    FIGURE_FLUFFED,
    FIGURE_BYTES_IN,
    FIGURE_BYTES_OUT,
    FIGURE_RATE_IN, /* bytes a second, of late */
    FIGURE_RATE_OUT,
    FIGURE_BUFFERED, /* bytes in the buffers of all connections */
    FIGURE_SHED,     /* connections ended because these were full */
    FIGURE_MONTH_BYTES,
    FIGURE_MONTH_STAGE, /* an enum month_stage */
    NODE_N_FIGURES
};

struct node_figures {
    uint64_t values[NODE_N_FIGURES];
};

/* A flat JSON object of numbers and truths, keys as in the table: "peers_in", "objects_in_msg". */
void node_figures_json(struct buf *out, const struct node_figures *figures);
/* Lines of the Prometheus text format, names with bittern_node_ in front. */
void node_figures_metrics(struct buf *out, const struct node_figures *figures);
/* "red", "yellow" or "green". */
const char *node_colour_name(uint64_t colour);

#endif
