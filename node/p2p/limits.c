// SPDX-License-Identifier: MIT
#include "node/p2p/limits.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"

enum { MS_PER_SEC = 1000 };

static const struct {
    unsigned marks;
    const char *name;
} misdeeds[MISDEED_N] = {
    [MISDEED_BROKEN_STREAM] = {25, "broken stream"},
    [MISDEED_MALFORMED] = {10, "malformed"},
    [MISDEED_BAD_OBJECT] = {10, "bad object"},
    [MISDEED_NOT_DELIVERED] = {10, "not delivered"},
    [MISDEED_FLOOD] = {5, "flood"},
};

struct host {
    unsigned marks;
    int64_t marked_ms;
    int64_t banned_until_ms; /* 0: not banned */
    uint32_t n_inbound;
};

struct limits {
    struct limits_options options;
    struct map hosts;    /* host without port -> struct host */
    struct map networks; /* group -> number of inbound connections, as a pointer's value */
    size_t n_inbound;
};

static struct bytes host_key(uint8_t out[PEER_ADDR_KEY_BYTES], const struct peer_addr *addr)
{
    struct peer_addr host = *addr;
    host.port = 0;
    return peer_addr_key(out, &host);
}

static bool is_exempt(const struct limits *limits, const struct peer_addr *host)
{
    /* Those that a proxy dials by name have no address here; they do not answer for each other. */
    return host->kind == PEER_ADDR_NONE ||
           (limits->options.exempt_loopback && peer_addr_is_loopback(host));
}

static unsigned faded_marks(const struct host *host, int64_t now_ms)
{
    int64_t faded =
        (now_ms - host->marked_ms) / ((int64_t)LIMITS_FADE_SEC * MS_PER_SEC) * LIMITS_FADE_MARKS;
    return faded >= (int64_t)host->marks ? 0 : host->marks - (unsigned)faded;
}

/* Forget those that nothing is held against any more; while that does not help, all that are
 * neither banned nor connected. */
static void make_room(struct limits *limits, int64_t now_ms)
{
    for (int strict = 0; strict < 2 && limits->hosts.n_items >= LIMITS_MAX_HOSTS; strict++) {
        struct host *host;
        struct bytes key;
        for (size_t cursor = 0; (host = map_next(&limits->hosts, &cursor, &key)) != NULL;) {
            bool is_clean = strict == 1 || faded_marks(host, now_ms) == 0;
            if (host->n_inbound == 0 && host->banned_until_ms <= now_ms && is_clean) {
                map_remove(&limits->hosts, key);
                free(host);
            }
        }
    }
}

static struct host *find_host(const struct limits *limits, const struct peer_addr *addr)
{
    uint8_t key[PEER_ADDR_KEY_BYTES];
    return map_get(&limits->hosts, host_key(key, addr));
}

/* NULL when the table is full of those who matter more. */
static struct host *have_host(struct limits *limits, const struct peer_addr *addr, int64_t now_ms)
{
    struct host *host = find_host(limits, addr);
    if (host != NULL) {
        return host;
    }
    if (limits->hosts.n_items >= LIMITS_MAX_HOSTS) {
        make_room(limits, now_ms);
    }
    if (limits->hosts.n_items >= LIMITS_MAX_HOSTS) {
        return NULL;
    }
    uint8_t key[PEER_ADDR_KEY_BYTES];
    host = xcalloc(1, sizeof *host);
    host->marked_ms = now_ms;
    map_put(&limits->hosts, host_key(key, addr), host);
    return host;
}

bool limits_misdeed(struct limits *limits, const struct peer_addr *addr, enum misdeed misdeed,
                    int64_t now_ms)
{
    if (is_exempt(limits, addr)) {
        return false;
    }
    struct host *host = have_host(limits, addr, now_ms);
    if (host == NULL) {
        return false;
    }
    host->marks = faded_marks(host, now_ms) + misdeeds[misdeed].marks;
    host->marked_ms = now_ms;
    char text[PEER_ADDR_TEXT_BYTES];
    peer_addr_host_text(text, addr);
    log_debug("p2p", "misdeed kind=\"%s\" host=%s marks=%u", misdeeds[misdeed].name, text,
              host->marks);
    if (host->marks < LIMITS_BAN_MARKS) {
        return false;
    }
    host->marks = 0;
    limits_ban(limits, addr, LIMITS_BAN_SEC, now_ms);
    return true;
}

void limits_ban(struct limits *limits, const struct peer_addr *addr, uint64_t sec, int64_t now_ms)
{
    if (sec == 0 || is_exempt(limits, addr)) {
        return;
    }
    if (sec > LIMITS_MAX_OBEYED_BAN_SEC) {
        sec = LIMITS_MAX_OBEYED_BAN_SEC;
    }
    struct host *host = have_host(limits, addr, now_ms);
    if (host == NULL) {
        return;
    }
    int64_t until_ms = now_ms + (int64_t)sec * MS_PER_SEC;
    if (until_ms > host->banned_until_ms) {
        host->banned_until_ms = until_ms;
    }
    char text[PEER_ADDR_TEXT_BYTES];
    peer_addr_host_text(text, addr);
    log_info("p2p", "peer banned host=%s seconds=%llu", log_scrub(LOG_LEVEL_INFO, text).text,
             (unsigned long long)sec);
}

bool limits_is_banned(const struct limits *limits, const struct peer_addr *addr, int64_t now_ms)
{
    const struct host *host = find_host(limits, addr);
    return host != NULL && host->banned_until_ms > now_ms;
}

uint64_t limits_ban_left_sec(const struct limits *limits, const struct peer_addr *addr,
                             int64_t now_ms)
{
    const struct host *host = find_host(limits, addr);
    if (host == NULL || host->banned_until_ms <= now_ms) {
        return 0;
    }
    return (uint64_t)(host->banned_until_ms - now_ms + MS_PER_SEC - 1) / MS_PER_SEC;
}

size_t limits_n_banned(const struct limits *limits, int64_t now_ms)
{
    size_t n = 0;
    const struct host *host;
    for (size_t cursor = 0; (host = map_next(&limits->hosts, &cursor, NULL)) != NULL;) {
        n += host->banned_until_ms > now_ms;
    }
    return n;
}

static size_t n_of_network(const struct limits *limits, const struct peer_addr *addr)
{
    uint8_t key[PEER_ADDR_GROUP_BYTES];
    return (size_t)(uintptr_t)map_get(&limits->networks, peer_addr_group(key, addr));
}

static void set_n_of_network(struct limits *limits, const struct peer_addr *addr, size_t n)
{
    uint8_t out[PEER_ADDR_GROUP_BYTES];
    struct bytes key = peer_addr_group(out, addr);
    if (n == 0) {
        map_remove(&limits->networks, key);
    } else {
        map_put(&limits->networks, key, (void *)(uintptr_t)n);
    }
}

enum limits_verdict limits_enter(struct limits *limits, const struct peer_addr *addr,
                                 int64_t now_ms)
{
    if (limits_is_banned(limits, addr, now_ms)) {
        return LIMITS_BANNED;
    }
    if (limits->n_inbound >= limits->options.max_inbound) {
        return LIMITS_FULL;
    }
    struct host *host = have_host(limits, addr, now_ms);
    if (host == NULL) {
        return LIMITS_FULL;
    }
    if (host->n_inbound >= limits->options.max_per_address && !is_exempt(limits, addr)) {
        return LIMITS_ADDRESS_FULL;
    }
    size_t n = n_of_network(limits, addr);
    if (n >= limits->options.max_per_network && !is_exempt(limits, addr)) {
        return LIMITS_NETWORK_FULL;
    }
    set_n_of_network(limits, addr, n + 1);
    host->n_inbound++;
    limits->n_inbound++;
    return LIMITS_WELCOME;
}

void limits_leave(struct limits *limits, const struct peer_addr *addr)
{
    struct host *host = find_host(limits, addr);
    assert(host != NULL && host->n_inbound > 0);
    host->n_inbound--;
    limits->n_inbound--;
    set_n_of_network(limits, addr, n_of_network(limits, addr) - 1);
}

size_t limits_n_inbound(const struct limits *limits)
{
    return limits->n_inbound;
}

struct limits *limits_new(const struct limits_options *options)
{
    struct limits *limits = xcalloc(1, sizeof *limits);
    limits->options = *options;
    return limits;
}

void limits_free(struct limits **limits)
{
    if (*limits == NULL) {
        return;
    }
    struct host *host;
    for (size_t cursor = 0; (host = map_next(&(*limits)->hosts, &cursor, NULL)) != NULL;) {
        free(host);
    }
    map_clear(&(*limits)->hosts);
    map_clear(&(*limits)->networks);
    free(*limits);
    *limits = NULL;
}
