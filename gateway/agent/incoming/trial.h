// SPDX-License-Identifier: MIT
/* Trial decryption: is an object for us, and does what is inside hold? Pure, so that it can run in
 * the worker pool: all it needs goes in by value, all it finds comes out. */
#ifndef BITTERN_GATEWAY_AGENT_INCOMING_TRIAL_H
#define BITTERN_GATEWAY_AGENT_INCOMING_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "crypto/sign.h"
#include "node/objects/sender.h"

struct key_set;

struct trial {
    struct bytes object;     /* whole; the owner's */
    struct key_set *keys;    /* msg: a reference of the trial's own */
    struct address *senders; /* broadcast: whose broadcasts we read; the trial's own */
    size_t n_senders;

    /* Found. */
    bool opened;
    int64_t own_id; /* msg: the key that opened it */
    struct sender sender;
    uint64_t encoding;
    struct buf message;
    struct buf ack; /* msg: the packet to be released, or empty */
    uint8_t sighash[SIGHASH_BYTES];
};

/* Try all of it. Takes the same time whichever key fits. */
void trial_run(struct trial *trial);
/* Wipes what was found, drops the keys. From the loop. */
void trial_clear(struct trial *trial);

#endif
