// SPDX-License-Identifier: MIT
/* PyBitmessage's API over HTTP: whom it lets in, what a request holds, and what goes back.
 *
 *     POST / or /RPC2 -> the password -> a call, or a batch of them (JSON) -> one command after the
 *     other (command.h) -> one answer; the connection is closed behind it
 *
 * A wrong password is answered 401 after COMPAT_REFUSAL_DELAY_MS. While COMPAT_MAX_REFUSALS such
 * answers wait, nobody's password is looked at: 429. */
#ifndef BITTERN_GATEWAY_COMPAT_COMPAT_H
#define BITTERN_GATEWAY_COMPAT_COMPAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "config/settings.h"

struct agent;
struct compat;
struct loop;

enum {
    COMPAT_REFUSAL_DELAY_MS = 2000, /* as PyBitmessage's */
    COMPAT_MAX_REFUSALS = 16,
    COMPAT_MAX_BODY_BYTES = 4 << 20
};

/* All are borrowed, and outlive it. */
struct compat_parts {
    struct loop *loop;
    struct agent *agent;
    const struct api_settings *settings;
    int64_t refusal_delay_ms; /* 0: COMPAT_REFUSAL_DELAY_MS */
    /* Run the program of the settings under that name. */
    void (*run_program)(void *context, const char *name, int64_t id);
    /* End all of Bittern. */
    void (*shut_down)(void *context);
    void *context;
};

struct compat *compat_new(const struct compat_parts *parts) MUST_USE;
void compat_free(struct compat **compat);
/* Serve a listening socket, which is taken. */
void compat_listen_take(struct compat *compat, int fd);
/* Of the first of them; 0: none. */
uint16_t compat_port(const struct compat *compat) MUST_USE;
/* Everything is there: the program of the settings is told. */
void compat_started(struct compat *compat);
/* A program has ended. False: it was none of ours. */
bool compat_program_ended(struct compat *compat, const char *name);

#endif
