// SPDX-License-Identifier: MIT
/* Names in Namecoin that stand for addresses: alice@namecoin.bm.alt, or id/alice@bm.alt.
 *
 * Asked are, as the settings say, namecoind (JSON-RPC over HTTP, `name_show`) or nmcontrol (a JSON
 * object over TCP, `getValue`), on a numeric address: nothing is looked up to look it up. The
 * server's words are untrusted: an answer has at most NAMECOIN_ANSWER_MAX_BYTES and as long as
 * NAMECOIN_TIMEOUT_MS, and what it gives must be an address. Answers are kept for
 * NAMECOIN_KEEP_SEC. */
#ifndef BITTERN_GATEWAY_AGENT_PEOPLE_NAMECOIN_H
#define BITTERN_GATEWAY_AGENT_PEOPLE_NAMECOIN_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "config/settings.h"
#include "crypto/address.h"

enum {
    NAMECOIN_NAME_BYTES = 256, /* with its NUL; a name of the chain has at most 255 */
    NAMECOIN_ANSWER_MAX_BYTES = 64 * 1024,
    NAMECOIN_TIMEOUT_MS = 5000,
    NAMECOIN_KEEP_SEC = 3600,
    NAMECOIN_MAX_KEPT = 1000,
    NAMECOIN_MAX_ASKED = 16 /* at a time */
};

struct loop;
struct namecoin;

/* `settings` is borrowed. */
struct namecoin *namecoin_new(struct loop *loop, const struct namecoin_settings *settings) MUST_USE;
/* Questions under way are not answered any more. */
void namecoin_free(struct namecoin **namecoin);

/* Is a typed recipient such a name? Then `out` is it, with its "id/". */
bool namecoin_name_of(char out[NAMECOIN_NAME_BYTES], const char *typed) MUST_USE;

/* The answer to a question not long ago. */
bool namecoin_kept(const struct namecoin *namecoin, struct address *out, const char *name) MUST_USE;

/* `fault` NULL: found. Else FAULT_UNSUPPORTED (not set up), FAULT_NOT_FOUND (no such name, or it
 * has no Bitmessage address), FAULT_BUSY (too many asked), FAULT_TIMEOUT, FAULT_IO (the server is
 * not there, or refuses), FAULT_INVALID (it says what can't be understood), in words. */
struct namecoin_done {
    void (*call)(void *context, const struct address *found, const struct fault *fault);
    void *context;
};
/* Answered once, later. */
void namecoin_ask(struct namecoin *namecoin, const char *name, struct namecoin_done done);

#endif
