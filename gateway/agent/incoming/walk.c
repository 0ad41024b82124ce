// SPDX-License-Identifier: MIT
#include "gateway/agent/incoming/walk_internal.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timer.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/incoming/arrival.h"

static void end_if_done(struct walks *walks, struct walk *walk);

static void walk_init(struct walk *walk, const struct walk_row *row)
{
    *walk = (struct walk){.row = *row, .cursor = row->mark.number};
    list_init(&walk->arrivals);
}

struct walks *walks_new(struct agent *agent, struct fault *fault)
{
    struct walks *walks = xcalloc(1, sizeof(*walks));
    struct walk_row live = {.mark.id = WALK_LIVE};
    struct fault why = {0};
    walks->agent = agent;
    list_init(&walks->pending);
    list_init(&walks->loose);
    timer_init(&walks->flush, agent->parts.loop, walks_flush, walks);
    walks->has_epoch = walk_read_live(agent_reader(agent), &live.mark, &why);
    walk_init(&walks->live, &live);
    walks->live.taken = live.mark.number;
    if (why.code != FAULT_NONE) {
        walks_free(&walks);
        (void)fault_set(fault, why.code, "%s", why.text);
        return NULL;
    }
    return walks;
}

void walks_stop(struct walks *walks)
{
    timer_cancel(&walks->flush);
}

static void free_arrivals(struct list_node *arrivals)
{
    list_for_each(node, arrivals)
    {
        arrival_free(list_entry(node, struct arrival, node));
    }
}

void walk_free(struct walk *walk)
{
    free_arrivals(&walk->arrivals);
    list_remove(&walk->node);
    key_set_unref(&walk->keys);
    free(walk->own_ids);
    free(walk);
}

void walks_free(struct walks **walks_in)
{
    struct walks *walks = *walks_in;
    *walks_in = NULL;
    if (walks == NULL) {
        return;
    }
    walks_stop(walks);
    free_arrivals(&walks->live.arrivals);
    free_arrivals(&walks->loose);
    list_for_each(node, &walks->pending)
    {
        walk_free(list_entry(node, struct walk, node));
    }
    free(walks);
}

uint64_t walks_cursor(const struct walks *walks)
{
    return walks->live.cursor;
}

bool walk_is_live(const struct walk *walk)
{
    return walk->row.mark.id == WALK_LIVE;
}

struct key_set *walk_keys(const struct walk *walk)
{
    return walk->keys == NULL ? NULL : key_set_ref(walk->keys);
}

const struct address *walk_sender(const struct walk *walk)
{
    return walk->n_own > 0 ? NULL : &walk->row.sender;
}

/* ---- objects ---- */

struct walk *walks_find(struct walks *walks, uint32_t scan, uint64_t number)
{
    if (scan == LINK_LIVE_SCAN) {
        return &walks->live;
    }
    list_for_each(node, &walks->pending)
    {
        struct walk *walk = list_entry(node, struct walk, node);
        if (walk->scan == scan && !walk->is_ended) {
            walk->all_came = walk->all_came || number > walk->row.mark.end;
            end_if_done(walks, walk);
            return walk->all_came ? NULL : walk;
        }
    }
    return NULL;
}

void walk_take(struct walk *walk, struct arrival *arrival)
{
    arrival->walk = walk;
    walk->taken = arrival->number;
    list_append(&walk->arrivals, &arrival->node);
}

bool walk_mark_with(const struct arrival *arrival, struct walk_mark *out)
{
    struct walk *walk = arrival->walk;
    if (walk == NULL) {
        return false;
    }
    *out = walk->row.mark;
    out->number = walk->cursor;
    list_for_each(node, &walk->arrivals)
    {
        const struct arrival *each = list_entry(node, struct arrival, node);
        if (each != arrival && !each->is_done) {
            break;
        }
        out->number = each->number;
    }
    return out->number > walk->cursor;
}

/* Take those at the front that are done off the list. */
static void advance(struct walks *walks, struct walk *walk)
{
    list_for_each(node, &walk->arrivals)
    {
        struct arrival *arrival = list_entry(node, struct arrival, node);
        if (!arrival->is_done) {
            break;
        }
        if (arrival->number > walk->cursor) {
            walk->cursor = arrival->number;
        }
        arrival_free(arrival);
    }
    if (walk_is_unwritten(walk) && !timer_is_armed(&walks->flush)) {
        timer_arm(&walks->flush, FLUSH_MS);
    }
    end_if_done(walks, walk);
}

void walks_arrival_done(struct walks *walks, struct arrival *arrival)
{
    arrival->is_done = true;
    if (arrival->walk == NULL) {
        arrival_free(arrival);
    } else {
        advance(walks, arrival->walk);
    }
}

static void each_open(struct list_node *arrivals, void (*visit)(struct arrival *arrival))
{
    list_for_each(node, arrivals)
    {
        struct arrival *arrival = list_entry(node, struct arrival, node);
        if (!arrival->is_done) {
            visit(arrival);
        }
    }
}

void walks_each_open(struct walks *walks, void (*visit)(struct arrival *arrival))
{
    each_open(&walks->live.arrivals, visit);
    each_open(&walks->loose, visit);
    list_for_each(node, &walks->pending)
    {
        each_open(&list_entry(node, struct walk, node)->arrivals, visit);
    }
}

/* ---- a walk's beginning and end ---- */

static void end_if_done(struct walks *walks, struct walk *walk)
{
    bool is_done = walk->all_came || walk->cursor >= walk->row.mark.end;
    if (walk_is_live(walk) || walk->is_ended || walk->scan == 0 || !is_done ||
        !list_is_empty(&walk->arrivals)) {
        return;
    }
    link_client_stop_scan(walks->agent->link, walk->scan);
    walk->scan = 0;
    log_info("agent", "all objects were tried with a new key");
    walk_write_end(walks, walk);
    walks_begin_pending(walks);
}

/* A key that can't decrypt now: its walk waits until it can. */
static bool waits_for_key(struct walks *walks, const struct walk *walk)
{
    for (size_t i = 0; i < walk->n_own; i++) {
        const struct own_key *own = keyring_by_id(&walks->agent->keyring, walk->own_ids[i]);
        if (own != NULL && own->enabled && !own->can_decrypt) {
            return true;
        }
    }
    return false;
}

/* Its keys, as far as they were not disabled or deleted since. False: there is nothing to try. */
static bool take_keys(struct walks *walks, struct walk *walk)
{
    key_set_unref(&walk->keys);
    if (walk->n_own > 0) {
        walk->keys = keyring_key_set_of(&walks->agent->keyring, walk->own_ids, walk->n_own);
    }
    return walk->n_own == 0 || walk->keys->n_keys > 0;
}

static void begin(struct walks *walks, struct walk *walk)
{
    struct walk_mark *mark = &walk->row.mark;
    const struct link_epoch *epoch = &walks->live.row.mark.epoch;
    if (!walk->row.is_begun || !link_epoch_equal(&mark->epoch, epoch)) {
        mark->epoch = *epoch;
        mark->number = 0;
        mark->end = walks->live.taken;
        walk->cursor = 0;
        walk->row.is_begun = true;
    }
    uint32_t scan = walks->last_scan + 1;
    if (walk->cursor >= mark->end || !take_keys(walks, walk)) {
        walk_write_end(walks, walk);
    } else if (link_client_objects_since(walks->agent->link, scan, epoch, walk->cursor, NULL)) {
        walks->last_scan = scan;
        walk->scan = scan;
    } /* else: the link has as many scans as it bears, and this one waits for an end */
}

void walks_begin_pending(struct walks *walks)
{
    list_for_each(node, &walks->pending)
    {
        struct walk *walk = list_entry(node, struct walk, node);
        if (walks->is_up && walk->scan == 0 && !walk->is_ended && !waits_for_key(walks, walk)) {
            begin(walks, walk);
        }
    }
}

static void add_key(struct walk *walk, int64_t own_id)
{
    walk->own_ids =
        array_grow(walk->own_ids, walk->n_own, &walk->own_capacity, sizeof(*walk->own_ids));
    walk->own_ids[walk->n_own++] = own_id;
}

/* A key whose row follows those of the last walk, and that is as far as they are, joins it: ten
 * thousand keys that are taken in at once need one walk. */
static bool join_last(struct walks *walks, const struct walk_row *row)
{
    if (list_is_empty(&walks->pending) || row->own_id == 0) {
        return false;
    }
    struct walk *last = list_entry(walks->pending.prev, struct walk, node);
    const struct walk_mark *mark = &last->row.mark;
    bool is_as_far =
        row->is_begun == last->row.is_begun &&
        (!row->is_begun || (link_epoch_equal(&row->mark.epoch, &mark->epoch) &&
                            row->mark.number == mark->number && row->mark.end == mark->end));
    if (last->scan != 0 || last->is_ended || last->n_own == 0 || !is_as_far ||
        row->mark.id != mark->last_id + 1) {
        return false;
    }
    last->row.mark.last_id = row->mark.id;
    add_key(last, row->own_id);
    return true;
}

static void add_walk(struct walks *walks, const struct walk_row *row)
{
    struct walk *walk = xcalloc(1, sizeof(*walk));
    walk_init(walk, row);
    if (row->own_id != 0) {
        add_key(walk, row->own_id);
    }
    list_append(&walks->pending, &walk->node);
}

void walks_keys_changed(struct walks *walks)
{
    struct walk_row row;
    struct fault fault = {0};
    while (walk_read_next(agent_reader(walks->agent), &row, walks->last_id, &fault) &&
           row.mark.id <= walks->agent->keyring.newest_walk) {
        if (!join_last(walks, &row)) {
            add_walk(walks, &row);
        }
        walks->last_id = row.mark.id;
    }
    if (fault.code != FAULT_NONE) {
        log_error("agent", "walks of new keys not read reason=\"%s\"", fault.text);
    }
    walks_begin_pending(walks);
}

/* ---- the link ---- */

static void loosen(struct walks *walks, struct walk *walk)
{
    list_for_each(node, &walk->arrivals)
    {
        struct arrival *arrival = list_entry(node, struct arrival, node);
        list_remove(&arrival->node);
        arrival->walk = NULL;
        if (arrival->is_done) {
            arrival_free(arrival);
        } else {
            list_append(&walks->loose, &arrival->node);
        }
    }
    walk->scan = 0;
    walk->all_came = false;
    walk->taken = walk->cursor;
}

void walks_keys_locked(struct walks *walks)
{
    list_for_each(node, &walks->pending)
    {
        struct walk *walk = list_entry(node, struct walk, node);
        if (walk->is_ended || !waits_for_key(walks, walk)) {
            continue;
        }
        if (walk->scan != 0) {
            link_client_stop_scan(walks->agent->link, walk->scan);
            loosen(walks, walk);
        }
        key_set_unref(&walk->keys);
    }
}

void walks_take_loose(struct walks *walks, struct arrival *arrival)
{
    list_append(&walks->loose, &arrival->node);
}

/* Everything comes anew, and is tried with all keys that are here: no walk of its own is needed. */
static void begin_anew(struct walks *walks, const struct link_epoch *epoch)
{
    struct walk *live = &walks->live;
    list_for_each(node, &walks->pending)
    {
        walk_free(list_entry(node, struct walk, node));
    }
    live->row.mark.epoch = *epoch;
    live->cursor = 0;
    live->taken = 0;
    walks->is_anew = true;
    walks->had_epoch = walks->has_epoch;
    walks->needless_id = walks->last_id;
    walks->has_epoch = true;
    walk_write_mark(walks, live);
}

void walks_link_up(struct walks *walks, const struct link_epoch *epoch)
{
    struct fault fault = {0};
    walks->is_up = true;
    if (!walks->has_epoch || !link_epoch_equal(&walks->live.row.mark.epoch, epoch)) {
        begin_anew(walks, epoch);
    }
    if (!link_client_objects_since(walks->agent->link, LINK_LIVE_SCAN, epoch, walks->live.cursor,
                                   &fault)) {
        log_error("agent", "can't follow the node reason=\"%s\"", fault.text);
    }
    walks_begin_pending(walks);
}

void walks_link_down(struct walks *walks)
{
    walks->is_up = false;
    loosen(walks, &walks->live);
    list_for_each(node, &walks->pending)
    {
        loosen(walks, list_entry(node, struct walk, node));
    }
}

void walks_caught_up(struct walks *walks, uint32_t scan)
{
    list_for_each(node, &walks->pending)
    {
        struct walk *walk = list_entry(node, struct walk, node);
        if (scan != LINK_LIVE_SCAN && walk->scan == scan) {
            walk->all_came = true;
            end_if_done(walks, walk);
        }
    }
}
