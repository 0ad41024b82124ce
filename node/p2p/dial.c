// SPDX-License-Identifier: MIT
#include "node/p2p/dial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "node/p2p/peer_book.h"

/* A peer that the settings name. */
struct named {
    char host[NETADDR_HOST_BYTES];
    uint16_t port;
    struct peer_addr addr;
    bool under_way;
    int64_t not_before_ms;
    int64_t wait_ms;
};

struct attempt {
    uint32_t ticket;
    struct peer_addr addr;
    size_t named; /* its index, or n_named */
    bool established;
    bool is_test;
};

/* Found in the local network. */
struct offer {
    struct peer_addr addr;
    int64_t until_ms;
};

struct dial {
    struct dial_options options;
    struct peer_book *book;
    struct named named[DIAL_MAX_NAMED];
    size_t n_named;
    struct attempt *attempts;
    size_t n_attempts;
    size_t capacity;
    uint32_t last_ticket;
    struct peer_addr own[DIAL_MAX_OWN_ADDRESSES];
    size_t n_own;
    size_t next_own; /* the oldest, when there are as many as may be */
    struct offer offers[DIAL_MAX_OFFERS];
    size_t n_offers;
    int64_t bootstrap_sec;
    int64_t tested_ms; /* when the last test began */
};

/* ---- the settings */

static bool add_named(struct dial *dial, const char *text, struct fault *fault)
{
    if (dial->n_named == DIAL_MAX_NAMED) {
        return fault_set(fault, FAULT_LIMIT, "more than %d peers to connect to", DIAL_MAX_NAMED);
    }
    struct named *named = &dial->named[dial->n_named];
    if (!netaddr_split_host(named->host, &named->port, text, dial->options.default_port, fault)) {
        return fault_wrap(fault, "a peer to connect to");
    }
    if (!peer_addr_of_host(&named->addr, bytes_of_str(named->host), named->port)) {
        named->addr = (struct peer_addr){0};
    }
    named->wait_ms = DIAL_FIRST_RETRY_MS;
    dial->n_named++;
    return true;
}

static bool parse_connect(struct dial *dial, const char *connect, struct fault *fault)
{
    char *copy = xstrdup(connect);
    char *rest = copy;
    bool ok = true;
    for (char *word; ok && (word = strsep(&rest, ", \t")) != NULL;) {
        ok = word[0] == '\0' || add_named(dial, word, fault);
    }
    free(copy);
    return ok;
}

struct dial *dial_new(const struct dial_options *options, struct peer_book *book,
                      struct fault *fault)
{
    struct dial *dial = xcalloc(1, sizeof *dial);
    dial->options = *options;
    dial->options.connect = NULL; /* the caller's */
    dial->book = book;
    if (!parse_connect(dial, options->connect, fault)) {
        dial_free(&dial);
    }
    return dial;
}

void dial_free(struct dial **dial)
{
    if (*dial != NULL) {
        free((*dial)->attempts);
        free(*dial);
        *dial = NULL;
    }
}

/* ---- what is under way */

static struct attempt *find_attempt(struct dial *dial, uint32_t ticket)
{
    for (size_t i = 0; i < dial->n_attempts; i++) {
        if (dial->attempts[i].ticket == ticket) {
            return &dial->attempts[i];
        }
    }
    return NULL;
}

static uint32_t begin(struct dial *dial, const struct peer_addr *addr, size_t named)
{
    if (dial->n_attempts == dial->capacity) {
        dial->attempts =
            array_grow(dial->attempts, dial->n_attempts, &dial->capacity, sizeof *dial->attempts);
    }
    if (++dial->last_ticket == 0) {
        dial->last_ticket = 1;
    }
    dial->attempts[dial->n_attempts++] =
        (struct attempt){.ticket = dial->last_ticket, .addr = *addr, .named = named};
    return dial->last_ticket;
}

size_t dial_n_established(const struct dial *dial)
{
    size_t n = 0;
    for (size_t i = 0; i < dial->n_attempts; i++) {
        n += dial->attempts[i].established && !dial->attempts[i].is_test;
    }
    return n;
}

size_t dial_n_half_open(const struct dial *dial)
{
    size_t n = 0;
    for (size_t i = 0; i < dial->n_attempts; i++) {
        n += !dial->attempts[i].established;
    }
    return n;
}

/* ---- choosing */

static bool same_group(const struct peer_addr *a, const struct peer_addr *b)
{
    uint8_t a_out[PEER_ADDR_GROUP_BYTES];
    uint8_t b_out[PEER_ADDR_GROUP_BYTES];
    return bytes_equal(peer_addr_group(a_out, a), peer_addr_group(b_out, b));
}

static bool is_reachable(const struct dial *dial, const struct peer_addr *addr)
{
    if (peer_addr_is_onion(addr)) {
        return dial->options.by_proxy;
    }
    if (peer_addr_is_loopback(addr)) {
        return dial->options.allow_loopback && !dial->options.by_proxy;
    }
    return peer_addr_is_global(addr);
}

static bool is_own(const struct dial *dial, const struct peer_addr *addr)
{
    for (size_t i = 0; i < dial->n_own; i++) {
        if (peer_addr_equal(&dial->own[i], addr)) {
            return true;
        }
    }
    return false;
}

static bool may_connect(const struct dial *dial, const struct peer_addr *addr)
{
    bool grouped = !(dial->options.allow_loopback && peer_addr_is_loopback(addr));
    if (dial->options.is_connected(dial->options.context, addr)) {
        return false;
    }
    if (is_own(dial, addr)) {
        return false;
    }
    for (size_t i = 0; i < dial->n_attempts; i++) {
        const struct peer_addr *other = &dial->attempts[i].addr;
        if (peer_addr_equal(other, addr) || (grouped && same_group(other, addr))) {
            return false;
        }
    }
    return true;
}

static bool may_dial(void *context, const struct peer_addr *addr)
{
    const struct dial *dial = context;
    return is_reachable(dial, addr) && may_connect(dial, addr);
}

static bool next_named(struct dial *dial, struct dial_target *out, int64_t now_ms)
{
    for (size_t i = 0; i < dial->n_named; i++) {
        struct named *named = &dial->named[i];
        if (named->under_way || now_ms < named->not_before_ms) {
            continue;
        }
        named->under_way = true;
        *out = (struct dial_target){.port = named->port, .addr = named->addr, .is_named = true};
        snprintf(out->host, sizeof out->host, "%s", named->host);
        out->ticket = begin(dial, &named->addr, i);
        return true;
    }
    return false;
}

/* `addr` out of the book. */
static void begin_known(struct dial *dial, struct dial_target *out, const struct peer_addr *addr,
                        int64_t now_sec)
{
    char text[PEER_ADDR_TEXT_BYTES];
    peer_book_tried(dial->book, addr, now_sec);
    *out = (struct dial_target){.port = addr->port, .addr = *addr};
    peer_addr_host_text(text, addr);
    snprintf(out->host, sizeof out->host, "%s", text);
    out->ticket = begin(dial, addr, dial->n_named);
}

/* Above the number of connections: it is over as soon as it stands. */
static bool next_test(struct dial *dial, struct dial_target *out, int64_t now_ms, int64_t now_sec)
{
    struct peer_addr addr;
    if (!dial->options.others ||
        (dial->tested_ms != 0 && now_ms - dial->tested_ms < DIAL_TEST_PERIOD_MS) ||
        !peer_book_to_test(dial->book, &addr, now_sec)) {
        return false;
    }
    dial->tested_ms = now_ms;
    if (dial->options.is_connected(dial->options.context, &addr)) {
        peer_book_connected(dial->book, &addr, now_sec);
        return false;
    }
    begin_known(dial, out, &addr, now_sec);
    find_attempt(dial, out->ticket)->is_test = true;
    out->is_test = true;
    return true;
}

/* Each offer is tried once. */
static bool next_offer(struct dial *dial, struct peer_addr *out, int64_t now_ms)
{
    while (dial->n_offers > 0) {
        struct offer offer = dial->offers[--dial->n_offers];
        if (now_ms < offer.until_ms && may_connect(dial, &offer.addr)) {
            *out = offer.addr;
            return true;
        }
    }
    return false;
}

static bool has_room(const struct dial *dial)
{
    /* Twice as many attempts as places: most of a book is usually away. */
    return dial_n_established(dial) < dial->options.max_outbound &&
           dial->n_attempts < (size_t)dial->options.max_outbound * 2;
}

bool dial_next(struct dial *dial, struct dial_target *out, int64_t now_ms, int64_t now_sec)
{
    size_t max_half_open =
        dial->options.by_proxy ? DIAL_MAX_HALF_OPEN_BY_PROXY : DIAL_MAX_HALF_OPEN;
    if (dial_n_half_open(dial) >= max_half_open) {
        return false;
    }
    if (next_named(dial, out, now_ms) || next_test(dial, out, now_ms, now_sec)) {
        return true;
    }
    struct peer_addr addr;
    if (!has_room(dial)) {
        return false;
    }
    if (!next_offer(dial, &addr, now_ms) &&
        (!dial->options.others || !peer_book_choose(dial->book, &addr, now_sec, may_dial, dial))) {
        return false;
    }
    begin_known(dial, out, &addr, now_sec);
    return true;
}

void dial_offer(struct dial *dial, const struct peer_addr *addr, int64_t now_ms)
{
    int64_t until_ms = now_ms + (int64_t)DIAL_OFFER_SEC * 1000;
    for (size_t i = 0; i < dial->n_offers; i++) {
        if (peer_addr_equal(&dial->offers[i].addr, addr)) {
            dial->offers[i].until_ms = until_ms;
            return;
        }
    }
    if (dial->n_offers < DIAL_MAX_OFFERS && may_connect(dial, addr)) {
        dial->offers[dial->n_offers++] = (struct offer){*addr, until_ms};
    }
}

uint32_t dial_begin_introduction(struct dial *dial)
{
    return begin(dial, &(struct peer_addr){0}, dial->n_named);
}

/* ---- how it went */

void dial_established(struct dial *dial, uint32_t ticket, int64_t now_sec)
{
    struct attempt *attempt = find_attempt(dial, ticket);
    if (attempt == NULL) {
        return;
    }
    attempt->established = true;
    if (attempt->named < dial->n_named) {
        dial->named[attempt->named].wait_ms = DIAL_FIRST_RETRY_MS;
    }
    if (attempt->addr.kind != PEER_ADDR_NONE && is_reachable(dial, &attempt->addr)) {
        peer_book_connected(dial->book, &attempt->addr, now_sec);
    }
}

void dial_postpone(struct dial *dial, uint32_t ticket, int64_t until_ms)
{
    const struct attempt *attempt = find_attempt(dial, ticket);
    if (attempt != NULL && attempt->named < dial->n_named) {
        dial->named[attempt->named].not_before_ms = until_ms;
    }
}

void dial_ended(struct dial *dial, uint32_t ticket, int64_t now_ms, int64_t now_sec)
{
    struct attempt *attempt = find_attempt(dial, ticket);
    if (attempt == NULL) {
        return;
    }
    if (!attempt->established) {
        peer_book_failed(dial->book, &attempt->addr, now_sec);
    }
    if (attempt->named < dial->n_named) {
        struct named *named = &dial->named[attempt->named];
        named->under_way = false;
        if (named->not_before_ms < now_ms + named->wait_ms) {
            named->not_before_ms = now_ms + named->wait_ms;
        }
        named->wait_ms *= 2;
        if (named->wait_ms > DIAL_MAX_RETRY_MS) {
            named->wait_ms = DIAL_MAX_RETRY_MS;
        }
    }
    *attempt = dial->attempts[--dial->n_attempts];
}

void dial_forbid(struct dial *dial, const struct peer_addr *addr)
{
    peer_book_remove(dial->book, addr);
    if (is_own(dial, addr)) {
        return;
    }
    dial->own[dial->next_own] = *addr;
    dial->next_own = (dial->next_own + 1) % DIAL_MAX_OWN_ADDRESSES;
    if (dial->n_own < DIAL_MAX_OWN_ADDRESSES) {
        dial->n_own++;
    }
}

bool dial_wants_bootstrap(struct dial *dial, int64_t now_sec)
{
    bool is_lonely =
        dial->options.others && dial_n_established(dial) == 0 && peer_book_n_real(dial->book) == 0;
    int64_t since_sec = now_sec - dial->bootstrap_sec;
    if (!is_lonely || (since_sec >= 0 && since_sec < DIAL_BOOTSTRAP_AGAIN_SEC)) {
        return false;
    }
    dial->bootstrap_sec = now_sec;
    return true;
}
