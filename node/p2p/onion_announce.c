// SPDX-License-Identifier: MIT
/* Announcing our own Tor name by an onionpeer object (Bitmessage protocol, "onionpeer"), when the
 * settings give one. The proof of work, a few million trials, is done by one thread at the lowest
 * priority; the object then goes out as any of our own, along the stem.
 *
 * It is made anew when the last one is about to expire. The last one is found in the inventory, so
 * that a restart does not publish a second. */
#include "node/p2p/node_internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "crypto/pow_search.h"
#include "crypto/random.h"
#include "node/objects/onionpeer.h"

enum {
    RENEW_BEFORE_SEC = 86400,
    RENEW_SPREAD_SEC = 86400, /* at random before that: many nodes must not renew at once */
    LOOK_PERIOD_MS = 60 * 1000,
    LOWEST_NICE = 19
};

struct onion_announce {
    struct node *node;
    struct pool *pool;
    bool searched; /* the inventory, for an earlier one */
    bool working;
    int64_t renew_sec;
    int64_t looked_ms;
};

struct work {
    struct onion_announce *owner;
    struct pow_search *search;
    struct buf object;
};

/* ---- the work */

static void run_work(void *job, const struct pool_token *token)
{
    enum { TRIALS_BETWEEN_LOOKS = 1 << 16 };
    const struct work *work = job;
    while (!pool_is_cancelled(token) &&
           pow_search_work(work->search, TRIALS_BETWEEN_LOOKS, NULL) == POW_RUNNING) {
    }
}

static void publish(struct node *node, struct bytes object)
{
    struct sync_announcers nobody = {.n_ids = 0};
    struct accepted accepted =
        accept_object(node->inventory, &node->rules, object, true, clock_now_sec());
    if (accepted.verdict == ACCEPT_NEW) {
        log_info("p2p", "our Tor name was announced");
        exchange_relay(node, 0, &accepted, &nobody);
    } else {
        log_warn("p2p", "our Tor name could not be announced reason=\"%s\"",
                 accepted.reason != NULL ? accepted.reason : "no room");
    }
}

static void work_done(void *job, bool was_cancelled)
{
    struct work *work = job;
    uint64_t nonce;
    work->owner->working = false;
    if (!was_cancelled && pow_search_nonce(work->search, &nonce)) {
        object_set_nonce(&work->object, nonce);
        publish(work->owner->node, buf_view(&work->object));
    }
    pow_search_unref(&work->search);
    buf_clear(&work->object);
    free(work);
}

static void begin_work(struct onion_announce *announce, int64_t now_sec)
{
    struct node *node = announce->node;
    struct work *work = xcalloc(1, sizeof *work);
    uint8_t initial_hash[POW_INITIAL_HASH_BYTES];
    struct fault fault;
    work->owner = announce;
    onionpeer_write(&work->object, (uint64_t)(now_sec + ONIONPEER_TTL_SEC), &node->onion);
    pow_initial_hash(initial_hash,
                     bytes_slice(buf_view(&work->object), OBJECT_NONCE_BYTES, work->object.len));
    uint64_t target = pow_target_to_send(work->object.len, ONIONPEER_TTL_SEC + POW_SEND_SLACK_SEC,
                                         node->rules.least);
    work->search = pow_search_new(initial_hash, target, pow_kernel_best());
    announce->working = true;
    if (pool_submit(announce->pool, POOL_BACKGROUND, run_work, work_done, work, &fault) == 0) {
        work_done(work, true);
    }
}

/* ---- when */

static int64_t renew_time(int64_t expires_sec)
{
    return expires_sec - RENEW_BEFORE_SEC - (int64_t)random_uniform(RENEW_SPREAD_SEC);
}

static bool is_ours(const struct node *node, uint32_t slot)
{
    struct bytes payload;
    struct object object;
    struct peer_addr addr;
    return inventory_read(node->inventory, slot, &payload, NULL) &&
           object_parse(&object, payload, NULL) && onionpeer_parse(&addr, &object, NULL) &&
           peer_addr_equal(&addr, &node->onion);
}

/* When an announcement of an earlier run has to be renewed; 0: there is none. */
static int64_t find_earlier(const struct node *node)
{
    uint64_t number = 0;
    struct inventory_entry entry;
    int64_t latest_sec = 0;
    for (;;) {
        uint32_t slot = inventory_after(node->inventory, number);
        if (slot == SLOT_NONE || !inventory_at(node->inventory, slot, &entry)) {
            return latest_sec == 0 ? 0 : renew_time(latest_sec);
        }
        number = entry.number;
        if (entry.type == OBJECT_ONIONPEER && entry.own && entry.expires_sec > latest_sec &&
            is_ours(node, slot)) {
            latest_sec = entry.expires_sec;
        }
    }
}

void onion_announce_tick(struct node *node)
{
    struct onion_announce *announce = node->onion_announce;
    int64_t now_ms = clock_mono_ms();
    int64_t now_sec = clock_now_sec();
    bool is_told = dial_n_established(node->dial) > 0;
    if (announce == NULL || announce->working || !is_told ||
        (announce->looked_ms != 0 && now_ms - announce->looked_ms < LOOK_PERIOD_MS)) {
        return;
    }
    announce->looked_ms = now_ms;
    if (!announce->searched) {
        announce->searched = true;
        announce->renew_sec = find_earlier(node);
    }
    if (now_sec >= announce->renew_sec) {
        announce->renew_sec = renew_time(now_sec + ONIONPEER_TTL_SEC);
        begin_work(announce, now_sec);
    }
}

bool onion_announce_open(struct node *node, struct fault *fault)
{
    if (!peer_addr_is_onion(&node->onion)) {
        return true;
    }
    struct pool_config config = {
        .name = "onion", .n_threads = 1, .nice = LOWEST_NICE, .schedule = POOL_SCHEDULE_BATCH};
    struct pool *pool = pool_new(node->loop, &config, fault);
    if (pool == NULL) {
        return false;
    }
    node->onion_announce = xcalloc(1, sizeof *node->onion_announce);
    node->onion_announce->node = node;
    node->onion_announce->pool = pool;
    return true;
}

void onion_announce_free(struct onion_announce **announce)
{
    if (*announce != NULL) {
        pool_free(&(*announce)->pool);
        free(*announce);
        *announce = NULL;
    }
}
