// SPDX-License-Identifier: MIT
/* Every setting, typed: plain structs, one per section of bittern.conf.
 *
 * settings_table.c has a row per key (type, range, default, one line of help); the parser, the file
 * made at first run, `bittern config show` and the check of the manual page all read that table. A
 * lower floor is given the sub-struct it needs, never the whole.
 *
 * Strings are owned by the struct and never NULL: a setting that is off is an empty string. */
#ifndef BITTERN_CONFIG_SETTINGS_H
#define BITTERN_CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"

struct buf;

enum tor_mode {
    TOR_OFF,   /* connect directly */
    TOR_ON,    /* dial through the proxy; listen as well */
    TOR_STRICT /* nothing but the proxy: no clear socket, no DNS, no public listener */
};

enum pow_priority {
    POW_PRIORITY_LOW, /* nice 19, batch: yields to all else (default) */
    POW_PRIORITY_IDLE,
    POW_PRIORITY_NORMAL
};

enum attachments_mode {
    ATTACHMENTS_AUTO,  /* to those whose pubkey says that they read encoding 3 */
    ATTACHMENTS_ALWAYS /* to all */
};
enum blocked_mode { BLOCKED_TO_JUNK, BLOCKED_DROPPED };

struct node_settings {
    char *listen;  /* addresses, comma separated; empty: no listener */
    uint16_t port; /* for those of `listen` that name none; 0 picks a free one */
    enum tor_mode tor;
    char *socks; /* HOST:PORT of the SOCKS5 proxy */
    char *socks_user;
    char *socks_password;
    uint32_t max_outbound;
    uint32_t max_inbound;
    uint32_t max_per_address;  /* inbound connections of one address */
    uint32_t max_per_network;  /* ... and of one network group (peer_addr_group) */
    uint32_t max_download_kib; /* a second; 0: unbounded */
    uint32_t max_upload_kib;
    uint64_t monthly_cap;       /* bytes both ways in a calendar month; 0: unbounded */
    uint64_t max_buffers_bytes; /* of all connections together */
    char *onion;                /* our own Tor name, NAME.onion[:PORT]; empty: none */
    bool upnp;                  /* ask the router to forward our port */
    bool lan_discovery;         /* find nodes in the local network, and be found */
    uint16_t lan_port;
    uint32_t max_objects; /* the inventory's bounds */
    uint64_t max_object_bytes;
};

struct network_settings {
    char *connect;         /* HOST:PORT, ...: peers to dial always */
    bool bootstrap;        /* dial others too */
    char *bootstrap_hosts; /* HOST:PORT, ...: names whose addresses are peers */
    bool tls;
    bool allow_loopback; /* take loopback peers, without limits per address and group */
    uint32_t magic;
    char *streams;        /* numbers, comma separated: those that we take part in */
    bool foreign_streams; /* objects of other streams are relayed, too */
    uint64_t least_trials_per_byte;
    uint64_t least_extra_bytes;
    uint32_t dandelion;          /* percent; 0: off */
    uint32_t announce_delay_sec; /* over which announcements are spread */
    bool anti_intersection;
};

enum lock_extent {
    LOCK_SIGNING, /* mail arrives while they are locked */
    LOCK_ALL
};

struct agent_settings {
    int64_t ttl_sec;          /* of a mail that names none */
    int64_t ttl_jitter_sec;   /* at random, either way */
    int64_t ack_delay_sec;    /* an acknowledgement leaves within this time */
    bool acks;                /* acknowledge what arrives */
    int64_t resend_after_sec; /* 0: when the lifetime has run out */
    int64_t give_up_after_sec;
    uint64_t max_trials_per_byte; /* above these a mail is held */
    uint64_t max_extra_bytes;
    int64_t backup_every_sec; /* 0: none by itself */
    uint32_t backup_keep;
    enum lock_extent lock;      /* which keys the passphrase seals */
    char *passphrase_file;      /* that opens them at start; empty: none */
    uint64_t lock_memory_bytes; /* what a new passphrase costs to try */
    uint64_t lock_keep_bytes;   /* of messages that wait for locked keys */
    uint32_t lock_keep_objects;
};

enum pow_gpu_use {
    POW_GPU_USE_AUTO, /* a graphics processor where there is one */
    POW_GPU_USE_ON,   /* also an OpenCL device that is none */
    POW_GPU_USE_OFF
};

struct pow_settings {
    uint32_t threads; /* 0: as many as there are cores */
    enum pow_priority priority;
    char *kernel; /* "auto", or a kernel's name */
    enum pow_gpu_use gpu;
};

struct mail_settings {
    enum attachments_mode attachments;
    enum blocked_mode blocked;
    bool junk_blocks;
    bool add_contacts;
    bool commands;
    char *deliver;        /* where arriving mail is handed out; empty: nowhere */
    char *deliver_domain; /* of its recipients by LMTP; empty: none */
    bool deliver_keep;    /* besides the mailbox, not instead of it */
};

enum namecoin_type { NAMECOIN_OFF, NAMECOIN_NAMECOIND, NAMECOIN_NMCONTROL };
struct namecoin_settings {
    enum namecoin_type type;
    char *server; /* numeric address and port */
    char *user;
    char *password;
};

/* A mail server that clients log in to. */
struct smtp_settings {
    char *listen;
    uint16_t port;     /* STARTTLS */
    uint16_t tls_port; /* TLS from the first byte */
    char *socket;      /* a Unix socket's path; empty: none */
    uint32_t socket_mode;
    char *socket_group;
    char *lmtp_socket;
    char *lmtp_listen;
    uint16_t lmtp_port;
    char *lmtp_account; /* whose login may send for all; empty: nobody's */
    uint64_t max_message_bytes;
};

struct imap_settings {
    char *listen;
    uint16_t port;
    uint16_t tls_port;
    char *socket;
    uint32_t socket_mode;
    char *socket_group;
    uint64_t append_limit_bytes;
    uint32_t max_sessions;
};

struct http_settings {
    char *listen; /* empty: off */
    uint16_t port;
    char *hosts;  /* names under which it may be asked for, besides addresses and localhost */
    bool page;    /* serve the web page and the calls behind it, to whoever logs in */
    bool metrics; /* serve /metrics, to whoever can connect */
};

enum api_variant {
    API_VARIANT_XML,   /* XML-RPC */
    API_VARIANT_JSON,  /* JSON-RPC */
    API_VARIANT_LEGACY /* XML-RPC whose results are JSON texts and whose errors are results */
};

/* PyBitmessage's API. */
struct api_settings {
    bool enabled;
    char *listen;
    uint16_t port;
    char *username; /* both must be set where it is enabled */
    char *password;
    enum api_variant variant;
    char *notify_path; /* a program told of what happens; empty: none */
    char *account;     /* whose identities and mails it is about; empty: the first one */
};

struct log_settings {
    uint32_t level; /* an enum log_level */
    bool addresses; /* show them at info and above */
    char *file;     /* empty: bittern.log in the home folder; "-": standard error */
};

struct settings {
    struct node_settings node;
    struct network_settings network;
    struct agent_settings agent;
    struct pow_settings pow;
    struct mail_settings mail;
    struct namecoin_settings namecoin;
    struct smtp_settings smtp;
    struct imap_settings imap;
    struct http_settings http;
    struct api_settings api;
    struct log_settings log;
};

/* All defaults. */
void settings_init(struct settings *settings);
void settings_clear(struct settings *settings);

/* Set one key, named "section.key", from its text. FAULT_INVALID says what was expected:
 * "[smtp] port: 'abc' is not a port (0 to 65535)"; an unknown key names its nearest neighbours. */
bool settings_set(struct settings *settings, const char *name, const char *value,
                  struct fault *fault) MUST_USE;

/* Set from "section.key=value", as `-c` and the lines for the children have it. */
bool settings_set_line(struct settings *settings, const char *line, struct fault *fault) MUST_USE;

/* Read an INI file (bittern.conf(5)). The first error refuses the whole file: "FILE:LINE: ..." */
bool settings_read(struct settings *settings, const char *path, struct fault *fault) MUST_USE;

/* The file that the first run writes: every key, commented out, with its help and default. */
void settings_print_template(struct buf *out);
/* The values in force, as a file that settings_read takes. */
void settings_print(struct buf *out, const struct settings *settings);

/* One "section.key=value" line each: how the supervisor hands them to a child. */
void settings_to_lines(struct buf *out, const struct settings *settings);
bool settings_from_lines(struct settings *settings, struct bytes lines,
                         struct fault *fault) MUST_USE;

/* The name "section.key" of row `index`, or NULL past the last: for the check of the manual. */
const char *settings_name(size_t index);

#endif
