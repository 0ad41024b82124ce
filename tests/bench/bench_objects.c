// SPDX-License-Identifier: MIT
/* What it costs to take the network's bytes apart and to judge them, in CPU time of this thread:
 * each figure is the best of ROUNDS rounds. The objects are of the network's usual sizes.
 *
 *     bench_objects
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "crypto/ecies.h"
#include "crypto/random.h"
#include "node/link/link_gateway.h"
#include "node/link/link_node.h"
#include "node/objects/broadcast.h"
#include "node/objects/msg.h"
#include "node/objects/pubkey.h"
#include "node/wire/frame.h"
#include "node/wire/messages.h"

enum { ROUNDS = 7, ROUND_MS = 60, N_INV = 50000, MESSAGE_BYTES = 500, N_LINK_OBJECTS = 2000 };

static const uint64_t streams[] = {1};
static const struct object_rules rules = {streams, ARRAY_LEN(streams), {1000, 1000}, false};
static const int64_t now_sec = 1767225600;

/* All that the figures need, made once. */
struct bench {
    struct buf inv_frame;
    struct buf object_frame;
    struct buf msg;
    struct buf msg_plaintext;
    struct buf pubkey;
    struct buf broadcast;
    struct buf broadcast_plaintext;
    struct identity_keys keys;
    struct address address;
};

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench_objects: %s failed\n", what);
        exit(EXIT_FAILURE);
    }
}

static void frame_inv(struct bench *bench)
{
    struct frame frame;
    struct hash_list list;
    size_t used;
    must(frame_parse(&frame, &used, FRAME_MAGIC, buf_view(&bench->inv_frame), NULL) == PARSE_DONE &&
             hash_list_decode(&list, frame.payload, NULL),
         "inv");
}

static void frame_object(struct bench *bench)
{
    struct frame frame;
    size_t used;
    must(frame_parse(&frame, &used, FRAME_MAGIC, buf_view(&bench->object_frame), NULL) ==
             PARSE_DONE,
         "object frame");
}

static void object_form(struct bench *bench)
{
    struct object object;
    must(object_parse(&object, buf_view(&bench->msg), NULL) &&
             object_check_form(&object, &rules, now_sec) == OBJECT_OK,
         "form");
}

/* The work is not done: refused by the last rule, after all of its cost. */
static void object_rules_all(struct bench *bench)
{
    struct object object;
    uint8_t hash[OBJECT_HASH_BYTES];
    must(object_parse(&object, buf_view(&bench->msg), NULL) &&
             object_check(&object, &rules, now_sec) == OBJECT_NO_WORK,
         "rules");
    object_hash(hash, object.whole);
}

static void msg_trial(struct bench *bench)
{
    struct object object;
    struct bytes encrypted;
    struct buf plaintext = {0};
    must(object_parse(&object, buf_view(&bench->msg), NULL) &&
             msg_encrypted_part(&encrypted, &object, NULL) &&
             ecies_decrypt(&plaintext, &bench->keys.encryption, encrypted),
         "decrypt");
    buf_clear(&plaintext);
}

static void msg_check(struct bench *bench)
{
    struct object object;
    struct msg msg;
    must(object_parse(&object, buf_view(&bench->msg), NULL) &&
             msg_parse(&msg, buf_view(&bench->msg_plaintext), NULL) &&
             msg_verify(&msg, &object, bench->keys.ripe, NULL),
         "msg");
}

static void broadcast_check(struct bench *bench)
{
    struct object object;
    struct broadcast broadcast;
    must(object_parse(&object, buf_view(&bench->broadcast), NULL) &&
             broadcast_parse(&broadcast, buf_view(&bench->broadcast_plaintext), NULL) &&
             broadcast_verify(&broadcast, &object, &bench->address, NULL),
         "broadcast");
}

static void pubkey_check(struct bench *bench)
{
    struct object object;
    struct sender sender;
    must(object_parse(&object, buf_view(&bench->pubkey), NULL) &&
             pubkey_open_for(&sender, &object, &bench->address, NULL),
         "pubkey");
}

static struct msg_draft draft_of(const struct bench *bench)
{
    static uint8_t text[MESSAGE_BYTES];
    return (struct msg_draft){
        .expires_sec = (uint64_t)now_sec + 86400,
        .sender = sender_of_keys(&bench->keys, 4, 1, 1, (struct pow_demand){1000, 1000}),
        .to = bench->address,
        .to_key = bench->keys.encryption_public,
        .encoding = 2,
        .message = {text, sizeof text},
    };
}

static void msg_make(struct bench *bench)
{
    struct buf whole = {0};
    struct msg_draft draft = draft_of(bench);
    must(msg_write(&whole, &draft, &bench->keys, NULL), "msg_write");
    buf_clear(&whole);
}

/* N_LINK_OBJECTS from the node's end to the gateway's, paid back as they come. */
static void link_objects(struct bench *bench)
{
    static const struct link_epoch epoch = {"bench"};
    static const uint8_t hash[LINK_HASH_BYTES];
    struct link_node *node = link_node_new(&epoch, 0);
    struct link_gateway *gateway = link_gateway_new();
    struct fault fault = {0};
    struct link_gateway_event heard;
    struct link_node_event asked;
    uint64_t n_sent = 0;
    uint64_t n_heard = 0;
    must(link_gateway_objects_since(gateway, LINK_LIVE_SCAN, &epoch, 0, &fault), "scan");
    while (n_heard < N_LINK_OBJECTS) {
        struct buf *out = link_gateway_output(gateway);
        must(link_node_feed(node, buf_view(out), &fault), "feed the node");
        buf_consume(out, out->len);
        while (link_node_next_event(node, &asked, &fault)) {
        }
        while (n_sent < N_LINK_OBJECTS && n_sent < n_heard + 50 && link_node_may_send(node)) {
            must(link_node_send_object(node, LINK_LIVE_SCAN, ++n_sent, hash, buf_view(&bench->msg)),
                 "send");
        }
        out = link_node_output(node);
        must(link_gateway_feed(gateway, buf_view(out), &fault), "feed the gateway");
        buf_consume(out, out->len);
        while (link_gateway_next_event(gateway, &heard, &fault)) {
            if (heard.kind == LINK_GATEWAY_OBJECT) {
                n_heard++;
                link_gateway_done(gateway, heard.object.len);
            }
        }
        must(fault.code == FAULT_NONE, fault.text);
    }
    link_node_free(&node);
    link_gateway_free(&gateway);
}

/* CPU time of `n_runs` runs, without a look at the clock in between. */
static int64_t time_runs(struct bench *bench, void (*run)(struct bench *bench), uint64_t n_runs)
{
    int64_t start_ns = clock_thread_cpu_ns();
    for (uint64_t i = 0; i < n_runs; i++) {
        run(bench);
    }
    return clock_thread_cpu_ns() - start_ns;
}

static void measure(struct bench *bench, const char *name, void (*run)(struct bench *bench),
                    double units)
{
    uint64_t n_runs = 1;
    int64_t best_ns = time_runs(bench, run, n_runs);
    while (best_ns < ROUND_MS * INT64_C(1000000)) {
        n_runs *= 2;
        best_ns = time_runs(bench, run, n_runs);
    }
    for (int round = 1; round < ROUNDS; round++) {
        int64_t ns = time_runs(bench, run, n_runs);
        best_ns = ns < best_ns ? ns : best_ns;
    }
    double each_ns = (double)best_ns / (double)n_runs / units;
    printf("%-44s %12.0f ns %14.0f a second\n", name, each_ns, 1e9 / each_ns);
}

static void prepare(struct bench *bench)
{
    struct private_key signing;
    struct private_key encryption;
    struct fault fault = {0};
    struct object object;
    struct bytes encrypted;
    struct bytes tag;
    struct private_key key;
    private_key_random(&signing);
    private_key_random(&encryption);
    identity_keys_derive(&bench->keys, &signing, &encryption);
    bench->address =
        address_of_keys(4, 1, &bench->keys.signing_public, &bench->keys.encryption_public);

    struct buf hashes = {0};
    buf_append_zeros(&hashes, (size_t)N_INV * WIRE_HASH_BYTES);
    random_bytes(hashes.data, hashes.len);
    size_t start = frame_begin(&bench->inv_frame, FRAME_MAGIC, WIRE_INV);
    hash_list_write(&bench->inv_frame, buf_view(&hashes));
    frame_end(&bench->inv_frame, start);
    buf_clear(&hashes);

    struct msg_draft draft = draft_of(bench);
    must(msg_write(&bench->msg, &draft, &bench->keys, &fault), "msg");
    frame_write(&bench->object_frame, FRAME_MAGIC, WIRE_OBJECT, buf_view(&bench->msg));
    must(object_parse(&object, buf_view(&bench->msg), &fault) &&
             ecies_decrypt(&bench->msg_plaintext, &bench->keys.encryption, object.payload),
         "plaintext");
    must(pubkey_write(&bench->pubkey, (uint64_t)now_sec, &draft.sender, &bench->keys, &fault),
         "pubkey");
    struct broadcast_draft broadcast = {(uint64_t)now_sec, draft.sender, 2, draft.message};
    must(broadcast_write(&bench->broadcast, &broadcast, &bench->keys, &fault), "broadcast");
    must(object_parse(&object, buf_view(&bench->broadcast), &fault) &&
             broadcast_encrypted_part(&encrypted, &tag, &object, &fault) &&
             address_broadcast_key(&key, &bench->address) &&
             ecies_decrypt(&bench->broadcast_plaintext, &key, encrypted),
         "broadcast's plaintext");
}

int main(void)
{
    struct bench bench = {0};
    prepare(&bench);
    printf("a msg of %d bytes of text is an object of %zu bytes\n", MESSAGE_BYTES, bench.msg.len);
    measure(&bench, "frame with an inv of 50,000, per hash", frame_inv, N_INV);
    measure(&bench, "frame with that object", frame_object, 1);
    measure(&bench, "object: header and the cheap rules", object_form, 1);
    measure(&bench, "object: all rules and its hash", object_rules_all, 1);
    measure(&bench, "msg: decrypt with the right key", msg_trial, 1);
    measure(&bench, "msg: parse the plaintext and verify", msg_check, 1);
    measure(&bench, "broadcast: parse and verify", broadcast_check, 1);
    measure(&bench, "pubkey v4: decrypt, parse and verify", pubkey_check, 1);
    measure(&bench, "msg: sign and encrypt", msg_make, 1);
    measure(&bench, "link: an object from end to end", link_objects, N_LINK_OBJECTS);
    return 0;
}
