// SPDX-License-Identifier: MIT
/* The table of calls: everything that a person or a program can ask of the gateway, by name.
 *
 * A call is begun with its parameters and ends with one answer: at once, or later from the loop.
 * Whoever began it may lose interest before (api_abandon): what was begun goes on, its answer is
 * dropped. */
#ifndef BITTERN_GATEWAY_CONTROL_API_H
#define BITTERN_GATEWAY_CONTROL_API_H

#include <jansson.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "gateway/control/control.h"

/* What the handlers work on. */
struct api {
    struct loop *loop; /* NULL: what is long is done in one go */
    struct agent *agent;
    struct backup *backup;
    const struct control_facts *facts;
    void (*restart)(void *context);
    void *restart_context;
    const char *account; /* whoever asks sees and changes this account alone; NULL: all */
};

struct api_call;
struct loop;

/* `result` is borrowed; NULL when `fault` says why there is none. */
struct api_answer {
    void (*call)(void *context, json_t *result, const struct fault *fault);
    void *context;
};

/* Begin the call `name`. `api` stays until the answer. `params` is borrowed: an object, or NULL.
 * Returns NULL when it was answered before the return; else it is answered later, unless abandoned.
 */
struct api_call *api_begin(const struct api *api, const char *name, json_t *params,
                           struct api_answer answer) MUST_USE;
/* The same for one who only passes answers on: a long list comes as JSON text, borrowed, by `text`
 * instead of `answer.call`, with the same context. */
struct api_call *api_begin_with_text(const struct api *api, const char *name, json_t *params,
                                     struct api_answer answer,
                                     void (*text)(void *context, struct bytes result)) MUST_USE;
/* Nobody waits for it any more. */
void api_abandon(struct api_call *call);

/* The name of row `index` of the table, or NULL past the last: for `help` and the documents' check.
 */
const char *api_name(size_t index);

#endif
