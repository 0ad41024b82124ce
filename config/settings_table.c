// SPDX-License-Identifier: MIT
/* A row per setting. Whoever adds one adds its field in settings.h and its paragraph in
 * docs/man/bittern.conf.5.scd; a test compares the two. */
#include "config/settings_table.h"

#include "base/compiler.h"
#include "config/settings.h"

#define AT(field) offsetof(struct settings, field)

#define BOOL(name, field, initial, help)                                                           \
    {                                                                                              \
        name, SETTING_BOOL, AT(field), 0, 0, NULL, initial, help                                   \
    }
#define PORT(name, field, initial, help)                                                           \
    {                                                                                              \
        name, SETTING_PORT, AT(field), 0, UINT16_MAX, NULL, initial, help                          \
    }
#define NUMBER(type, name, field, min, max, initial, help)                                         \
    {                                                                                              \
        name, type, AT(field), min, max, NULL, initial, help                                       \
    }
#define TEXT(type, name, field, initial, help)                                                     \
    {                                                                                              \
        name, type, AT(field), 0, 0, NULL, initial, help                                           \
    }
#define CHOICE(name, field, choices, initial, help)                                                \
    {                                                                                              \
        name, SETTING_CHOICE, AT(field), 0, 0, choices, initial, help                              \
    }

static const char *const tor_modes[] = {"no", "yes", "strict", NULL};
static const char *const pow_gpus[] = {"auto", "on", "off", NULL};
static const char *const pow_priorities[] = {"low", "idle", "normal", NULL};
static const char *const attachments_modes[] = {"auto", "always", NULL};
static const char *const blocked_modes[] = {"junk", "drop", NULL};
static const char *const namecoin_types[] = {"off", "namecoind", "nmcontrol", NULL};
static const char *const lock_extents[] = {"signing", "all", NULL};
static const char *const api_variants[] = {"xml", "json", "legacy", NULL};
static const char *const log_levels[] = {"error", "warn", "info", "debug", "trace", NULL};

enum { DAY = 86400, LEAST_TTL = 3600, MOST_TTL = 28 * DAY, KIB = 1024 };
#define MIB ((uint64_t)KIB * KIB)
#define GIB (MIB * KIB)
#define MOST_TRIALS 20000000000U

const struct setting_row settings_table[] = {
    TEXT(SETTING_TEXT, "node.listen", node.listen,
         "0.0.0.0, ::", "addresses on which other nodes may connect; empty: none"),
    PORT("node.port", node.port, "8444", "port for them; 0 picks a free one"),
    CHOICE("node.tor", node.tor, tor_modes, "no",
           "dial through the SOCKS proxy; strict: nothing else, no DNS, no listener"),
    TEXT(SETTING_ENDPOINT, "node.socks", node.socks, "127.0.0.1:9050",
         "the SOCKS5 proxy, for tor = yes or strict"),
    TEXT(SETTING_TEXT, "node.socks_user", node.socks_user, "", "its user name, if it wants one"),
    TEXT(SETTING_TEXT, "node.socks_password", node.socks_password, "", "its password"),
    NUMBER(SETTING_U32, "node.max_outbound", node.max_outbound, 0, 64, "8",
           "connections that this node opens"),
    NUMBER(SETTING_U32, "node.max_inbound", node.max_inbound, 0, 10000, "200",
           "connections that this node takes"),
    NUMBER(SETTING_U32, "node.max_per_address", node.max_per_address, 1, 10000, "1",
           "inbound connections of one address"),
    NUMBER(SETTING_U32, "node.max_per_network", node.max_per_network, 1, 10000, "32",
           "inbound connections of one network (IPv4 /16, IPv6 /32)"),
    NUMBER(SETTING_U32, "node.max_download_kib", node.max_download_kib, 0, 10 * MIB, "0",
           "KiB a second from all peers; 0: no bound"),
    NUMBER(SETTING_U32, "node.max_upload_kib", node.max_upload_kib, 0, 10 * MIB, "0",
           "KiB a second to all peers; 0: no bound"),
    NUMBER(SETTING_BYTES, "node.monthly_cap", node.monthly_cap, 0, 1024 * 1024 * GIB, "0",
           "bytes both ways in a calendar month (UTC); 0: no bound"),
    NUMBER(SETTING_BYTES, "node.max_buffers", node.max_buffers_bytes, 4 * MIB, 64 * GIB, "64MiB",
           "memory for what waits to be sent or read, of all connections together"),
    TEXT(SETTING_ENDPOINT, "node.onion", node.onion, "",
         "our own Tor name, if Tor forwards one to us: NAME.onion:PORT"),
    BOOL("node.upnp", node.upnp, "no", "ask the router to forward our port"),
    BOOL("node.lan_discovery", node.lan_discovery, "no",
         "find nodes in the local network by broadcast, and be found"),
    PORT("node.lan_port", node.lan_port, "8444", "UDP port for that"),
    NUMBER(SETTING_U32, "node.max_objects", node.max_objects, 1000, 10000000, "1000000",
           "objects kept; those with the least work go first"),
    NUMBER(SETTING_BYTES, "node.max_object_bytes", node.max_object_bytes, MIB, 1024 * GIB, "2GiB",
           "bytes of objects kept"),

    TEXT(SETTING_ENDPOINTS, "network.connect", network.connect, "",
         "peers that are always dialled: HOST:PORT, HOST:PORT"),
    BOOL("network.bootstrap", network.bootstrap, "yes", "find and dial other peers, too"),
    TEXT(SETTING_ENDPOINTS, "network.bootstrap_hosts", network.bootstrap_hosts,
         "bootstrap8080.bitmessage.org:8080, bootstrap8444.bitmessage.org:8444",
         "names that stand for peers, asked when no other peer is known"),
    BOOL("network.tls", network.tls, "yes", "encrypt connections between nodes where both can"),
    BOOL("network.allow_loopback", network.allow_loopback, "no",
         "take peers on loopback, without the limits per address (private networks, tests)"),
    NUMBER(SETTING_HEX32, "network.magic", network.magic, 0, UINT32_MAX, "e9beb4d9",
           "first four bytes of every message: another value makes another network"),
    TEXT(SETTING_TEXT, "network.streams", network.streams, "1",
         "streams that this node takes part in: 1, 2"),
    BOOL("network.foreign_streams", network.foreign_streams, "no",
         "keep and relay objects of other streams, too"),
    NUMBER(SETTING_U64, "network.least_trials_per_byte", network.least_trials_per_byte, 1,
           MOST_TRIALS, "1000", "the network's least difficulty; all its nodes must agree"),
    NUMBER(SETTING_U64, "network.least_extra_bytes", network.least_extra_bytes, 1, MOST_TRIALS,
           "1000", "the network's least difficulty for small objects"),
    NUMBER(SETTING_U32, "network.dandelion", network.dandelion, 0, 100, "90",
           "percent of announcements that go on along the stem; 0: off"),
    NUMBER(SETTING_U32_SEC, "network.announce_delay", network.announce_delay_sec, 0, 600, "10s",
           "time over which announcements are spread"),
    BOOL("network.anti_intersection", network.anti_intersection, "yes",
         "answer a new peer only after a delay, so that it can't map who has what"),

    NUMBER(SETTING_SECONDS, "agent.ttl", agent.ttl_sec, LEAST_TTL, MOST_TTL, "4d",
           "lifetime of a mail that asks for none"),
    NUMBER(SETTING_SECONDS, "agent.ttl_jitter", agent.ttl_jitter_sec, 0, LEAST_TTL, "300s",
           "random addition to each lifetime, either way"),
    NUMBER(SETTING_SECONDS, "agent.ack_delay", agent.ack_delay_sec, 0, DAY, "60s",
           "an acknowledgement leaves at a random moment within this time"),
    BOOL("agent.acks", agent.acks, "yes", "acknowledge mails that arrive"),
    NUMBER(SETTING_SECONDS, "agent.resend_after", agent.resend_after_sec, 0, MOST_TTL, "0",
           "send again when not acknowledged for so long; 0: when the lifetime has run out"),
    NUMBER(SETTING_SECONDS, "agent.give_up_after", agent.give_up_after_sec, 1, 365 * DAY, "28d",
           "stop sending again, and report the mail as failed"),
    NUMBER(SETTING_U64, "agent.max_trials_per_byte", agent.max_trials_per_byte, 1, MOST_TRIALS,
           "1000000", "hold a mail whose recipient demands more"),
    NUMBER(SETTING_U64, "agent.max_extra_bytes", agent.max_extra_bytes, 1, MOST_TRIALS, "1000000",
           "hold a mail whose recipient demands more"),

    NUMBER(SETTING_SECONDS, "agent.backup_every", agent.backup_every_sec, 0, 365 * DAY, "1d",
           "how often a sealed backup is made by itself; 0: never"),
    NUMBER(SETTING_U32, "agent.backup_keep", agent.backup_keep, 1, 1000, "7",
           "how many of those are kept"),

    CHOICE("agent.lock", agent.lock, lock_extents, "signing",
           "what a passphrase seals: signing keys (mail goes on arriving), or all keys"),
    TEXT(SETTING_TEXT, "agent.passphrase_file", agent.passphrase_file, "",
         "a file whose first line unlocks the keys at start; empty: the credential "
         "bittern-passphrase of systemd, where there is one"),
    NUMBER(SETTING_BYTES, "agent.lock_memory", agent.lock_memory_bytes, 8 * MIB, 512 * MIB,
           "128MiB",
           "what it takes to try a passphrase that is set from now on: more is safer, and slower"),
    NUMBER(SETTING_BYTES, "agent.lock_keep_bytes", agent.lock_keep_bytes, 0, 1024 * GIB, "512MiB",
           "with lock = all: messages kept until they can be tried"),
    NUMBER(SETTING_U32, "agent.lock_keep_objects", agent.lock_keep_objects, 0, 10000000, "200000",
           "the same, in number"),

    NUMBER(SETTING_U32, "pow.threads", pow.threads, 0, 1024, "0",
           "threads for proof of work; 0: one for each core"),
    CHOICE("pow.priority", pow.priority, pow_priorities, "low",
           "how proof of work competes with other programs"),
    TEXT(SETTING_TEXT, "pow.kernel", pow.kernel, "auto",
         "auto, or one of: avx512, avx2, neon, portable"),
    CHOICE("pow.gpu", pow.gpu, pow_gpus, "auto",
           "auto: also a graphics processor, where OpenCL has one; on: any OpenCL device"),

    CHOICE("mail.attachments", mail.attachments, attachments_modes, "auto",
           "auto: only to those known to read them; always: to all"),
    CHOICE("mail.blocked", mail.blocked, blocked_modes, "junk",
           "where mails of blocked senders go: junk, or drop: nowhere"),
    BOOL("mail.junk_blocks", mail.junk_blocks, "no",
         "moving a mail to Junk blocks its sender, moving it out allows him"),
    BOOL("mail.add_contacts", mail.add_contacts, "no",
         "whom one answers comes into the address book"),
    BOOL("mail.commands", mail.commands, "yes",
         "take commands as mails to bittern@bm.alt from whoever is logged in"),
    TEXT(SETTING_TEXT, "mail.deliver", mail.deliver, "",
         "hand arriving mail out: lmtp:SOCKET, lmtp:HOST:PORT, maildir:FOLDER, program:/PATH "
         "ARGUMENT...; empty: no"),
    TEXT(SETTING_TEXT, "mail.deliver_domain", mail.deliver_domain, "",
         "by LMTP to account@this; empty: to the account's bare name"),
    BOOL("mail.deliver_keep", mail.deliver_keep, "yes",
         "hand it out besides the mailbox, not instead of it"),

    TEXT(SETTING_TEXT, "smtp.listen", smtp.listen, "127.0.0.1",
         "addresses for mail programs that send; empty: off"),
    PORT("smtp.port", smtp.port, "1025", "port, with STARTTLS"),
    PORT("smtp.tls_port", smtp.tls_port, "1465", "port with TLS from the first byte"),
    TEXT(SETTING_TEXT, "smtp.socket", smtp.socket, "", "a Unix socket as well; empty: none"),
    NUMBER(SETTING_OCTAL, "smtp.socket_mode", smtp.socket_mode, 0, 0777, "0600", "its file mode"),
    TEXT(SETTING_TEXT, "smtp.socket_group", smtp.socket_group, "", "its group"),
    TEXT(SETTING_TEXT, "smtp.lmtp_socket", smtp.lmtp_socket, "",
         "a Unix socket that speaks LMTP; empty: none"),
    TEXT(SETTING_TEXT, "smtp.lmtp_listen", smtp.lmtp_listen, "",
         "addresses for mail servers that hand mail in by LMTP, with a login; empty: off"),
    PORT("smtp.lmtp_port", smtp.lmtp_port, "1024", "port for LMTP, with STARTTLS"),
    TEXT(SETTING_TEXT, "smtp.lmtp_account", smtp.lmtp_account, "",
         "account whose LMTP login may send as any account's identity; empty: none"),
    NUMBER(SETTING_BYTES, "smtp.max_message_bytes", smtp.max_message_bytes, 64 * KIB, 256 * MIB,
           "32MiB", "largest mail taken for translation"),

    TEXT(SETTING_TEXT, "imap.listen", imap.listen, "127.0.0.1",
         "addresses for mail programs that read; empty: off"),
    PORT("imap.port", imap.port, "1143", "port, with STARTTLS"),
    PORT("imap.tls_port", imap.tls_port, "1993", "port with TLS from the first byte"),
    TEXT(SETTING_TEXT, "imap.socket", imap.socket, "", "a Unix socket as well; empty: none"),
    NUMBER(SETTING_OCTAL, "imap.socket_mode", imap.socket_mode, 0, 0777, "0600", "its file mode"),
    TEXT(SETTING_TEXT, "imap.socket_group", imap.socket_group, "", "its group"),
    NUMBER(SETTING_BYTES, "imap.append_limit", imap.append_limit_bytes, 64 * KIB, 256 * MIB,
           "64MiB", "largest mail that a client may append"),
    NUMBER(SETTING_U32, "imap.max_sessions", imap.max_sessions, 1, 100000, "4000",
           "connections at a time"),

    TEXT(SETTING_TEXT, "http.listen", http.listen, "127.0.0.1",
         "addresses for the page that browsers and Prometheus read; empty: off"),
    PORT("http.port", http.port, "8445", "port for them; 0 picks a free one"),
    TEXT(SETTING_TEXT, "http.hosts", http.hosts, "",
         "names by which it may be asked for, besides addresses and localhost: NAME, NAME"),
    BOOL("http.page", http.page, "yes",
         "serve the web page, to whoever sits at this machine and logs in"),
    BOOL("http.metrics", http.metrics, "no",
         "serve figures for Prometheus under /metrics, without a login"),

    BOOL("api.enabled", api.enabled, "no",
         "serve PyBitmessage's API, for programs that were written for it"),
    TEXT(SETTING_TEXT, "api.listen", api.listen, "127.0.0.1", "addresses for them"),
    PORT("api.port", api.port, "8442", "port for them; 0 picks a free one"),
    TEXT(SETTING_TEXT, "api.username", api.username, "", "their login's name; must be set"),
    TEXT(SETTING_TEXT, "api.password", api.password, "", "and its password; must be set"),
    CHOICE("api.variant", api.variant, api_variants, "xml",
           "xml: XML-RPC; json: JSON-RPC; legacy: XML-RPC as PyBitmessage before 0.6.3 had it"),
    TEXT(SETTING_TEXT, "api.notify_path", api.notify_path, "",
         "program that is told of what happens: startingUp, newMessage or newBroadcast"),
    TEXT(SETTING_TEXT, "api.account", api.account, "",
         "account whose identities and mails it is about; empty: the first one"),

    CHOICE("namecoin.type", namecoin.type, namecoin_types, "off",
           "whom to ask for names such as alice@namecoin.bm.alt: off, namecoind or nmcontrol"),
    TEXT(SETTING_ENDPOINT, "namecoin.server", namecoin.server, "127.0.0.1:8336",
         "its address, a numeric one, and port (nmcontrol: usually 9000)"),
    TEXT(SETTING_TEXT, "namecoin.user", namecoin.user, "", "namecoind's rpcuser"),
    TEXT(SETTING_TEXT, "namecoin.password", namecoin.password, "", "its rpcpassword"),

    CHOICE("log.level", log.level, log_levels, "info", "what is written to the log"),
    BOOL("log.addresses", log.addresses, "no", "write addresses of people and peers in full"),
    TEXT(SETTING_TEXT, "log.file", log.file, "",
         "empty: bittern.log in the home folder; -: standard error"),
};

const size_t settings_table_len = ARRAY_LEN(settings_table);
