// SPDX-License-Identifier: MIT
/* One command of PyBitmessage's API under way, and what its handler reads and answers with.
 *
 * A handler reads its parameters, asks the agent, and answers once, at once or later:
 * command_finish_take or command_fail. Readers of parameters that return false have answered
 * already. */
#ifndef BITTERN_GATEWAY_COMPAT_COMMAND_H
#define BITTERN_GATEWAY_COMPAT_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/fault.h"
#include "base/mem.h"
#include "config/settings.h"
#include "crypto/address.h"
#include "gateway/agent/agent.h"
#include "gateway/compat/api_error.h"

struct command;

enum {
    COMMAND_MAX_ANSWER_BYTES = 64 << 20, /* of what is gathered for one answer */
    COMMAND_MAX_QUOTED_BYTES = 1000      /* of a caller's text in an error */
};

/* What commands work on; outlives them. */
struct command_parts {
    struct agent *agent;
    const struct api_settings *settings;
    void (*shut_down)(void *context);
    void *context;
};

struct command_row {
    const char
        *names; /* aliases, with spaces between; "legacy:NAME" is one of that variant alone */
    const char *params; /* their names, with spaces between; "?" behind optional ones */
    void (*run)(struct command *command);
    const char *help;
};
/* NULL when there is none. */
const struct command_row *command_find(const char *method, enum api_variant variant) MUST_USE;
/* Row `index` of the table, or NULL past the last. */
const struct command_row *command_row_at(size_t index) MUST_USE;
/* The next name out of a row's, and *rest behind it; false at the end, *out_len is its length.
 * Names of other variants are passed over. */
bool command_next_name(const char **out, size_t *out_len, const char **rest,
                       enum api_variant variant) MUST_USE;

struct command_done {
    /* `result` is borrowed; NULL: the error `code` with `text`. */
    void (*call)(void *context, json_t *result, int code, const char *text);
    void *context;
};

struct command {
    const struct command_parts *parts;
    const struct command_row *row;
    const char *method; /* as it was called */
    json_t *params;     /* an array */
    struct arena arena;
    struct command_done done; /* .call NULL: nobody waits any more */
    bool is_begun;            /* command_begin has returned: the caller holds the pointer */
    bool is_answered;
    /* For handlers. */
    json_t *gathered; /* owned */
    size_t gathered_bytes;
    const char *text;    /* to be answered when the agent is done; in the arena */
    const char *address; /* likewise */
};

/* Begin `method`. `params` is an array, or an object by name; borrowed. NULL: it was answered
 * before the return; else it is answered later, unless abandoned. */
struct command *command_begin(const struct command_parts *parts, const char *method, json_t *params,
                              struct command_done done) MUST_USE;
/* What was begun goes on, its answer is dropped. */
void command_abandon(struct command *command);

/* ---- answering ---- */

void command_finish_take(struct command *command, json_t *result);
void command_finish_text(struct command *command, const char *text);
/* With the text that the code always has. */
void command_fail(struct command *command, enum api_error code);
void command_fail_text(struct command *command, enum api_error code, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* What PyBitmessage has no code for: 21, with the fault's words. */
void command_fail_fault(struct command *command, const struct fault *fault);
/* The same where memory lacks for what the caller sent. */
void command_fail_memory(struct command *command);
/* Add to the list that is being gathered (the value is taken). False: the answer would be too long.
 */
bool command_gather_take(struct command *command, json_t *value, size_t bytes) MUST_USE;

/* For the agent: command->text when it is done, error 21 when it fails. */
struct agent_done command_done_with_text(struct command *command, const char *text);
/* For the agent: its own text. */
struct agent_done command_done_with_answer(struct command *command);

/* ---- parameters, counted from 0 ---- */

bool command_has(const struct command *command, size_t index) MUST_USE;
/* A text; anything else is an unexpected failure, as it is in Python. */
bool command_take_text(struct command *command, const char **out, size_t index) MUST_USE;
/* Whole numbers; `otherwise` when it is not given. A double is cut. */
bool command_take_integer(struct command *command, int64_t *out, size_t index,
                          int64_t otherwise) MUST_USE;
/* Any number. */
bool command_take_number(struct command *command, double *out, size_t index,
                         double otherwise) MUST_USE;
/* Error 23 for anything else; `name` is what the error calls it. */
bool command_take_bool(struct command *command, bool *out, size_t index, const char *name,
                       bool otherwise) MUST_USE;
/* Bytes in the arena; error 22. */
bool command_take_hex(struct command *command, struct bytes *out, size_t index) MUST_USE;
bool command_take_base64(struct command *command, struct bytes *out, size_t index) MUST_USE;
/* The same as text without NUL; error 17 for what is not UTF-8. */
bool command_take_label(struct command *command, const char **out, size_t index) MUST_USE;

/* "BM-" in front, if it is not there, and no spaces around; in the arena. */
const char *command_add_prefix(struct command *command, const char *address) MUST_USE;
/* Decode and judge an address: errors 7 to 12 and 26. */
bool command_check_address(struct command *command, struct address *out, const char *text) MUST_USE;
/* The account's identity or joined chan of that address; false when there is none (not answered).
 */
bool command_find_own(struct command *command, struct agent_identity_info *out,
                      const struct address *address) MUST_USE;

/* ---- whose it is ---- */

/* `[api] account`, or the first one; the name is in the arena. False: there is none. */
bool command_account_quietly(struct command *command, int64_t *out_id,
                             const char **out_name) MUST_USE;
/* The same; false: answered. */
bool command_account(struct command *command, int64_t *out_id, const char **out_name) MUST_USE;
/* ---- labels, in the arena ---- */

enum { COMMAND_MAX_LABEL_BYTES = 160 };

/* One line of clean UTF-8, cut to COMMAND_MAX_LABEL_BYTES. */
const char *command_clean_label(struct command *command, const char *label) MUST_USE;
/* Of bytes that need not be text. */
const char *command_clean_label_of(struct command *command, struct bytes label) MUST_USE;
/* One that may be a folder's name as well: "" stays "". */
const char *command_folder_label(struct command *command, const char *label) MUST_USE;

/* ---- values ---- */

/* Whether Python would take the parameter for true. */
bool command_is_true(const struct command *command, size_t index) MUST_USE;
/* Hex in the arena. */
const char *command_hex(struct command *command, struct bytes bytes) MUST_USE;
/* A new JSON string of base64. */
json_t *command_base64_of_bytes(struct bytes bytes) MUST_USE;
/* The same of a text; of what is not UTF-8 PyBitmessage's notice about it. */
json_t *command_base64(struct bytes text) MUST_USE;

/* ---- the table's handlers ---- */

#define COMMAND_HANDLERS(HANDLER)                                                                  \
    HANDLER(hello_world)                                                                           \
    HANDLER(add)                                                                                   \
    HANDLER(status_bar)                                                                            \
    HANDLER(delete_and_vacuum)                                                                     \
    HANDLER(shutdown)                                                                              \
    HANDLER(decode_address)                                                                        \
    HANDLER(list_addresses)                                                                        \
    HANDLER(create_random_address)                                                                 \
    HANDLER(create_deterministic_addresses)                                                        \
    HANDLER(get_deterministic_address)                                                             \
    HANDLER(enable_address)                                                                        \
    HANDLER(delete_address)                                                                        \
    HANDLER(create_chan)                                                                           \
    HANDLER(join_chan)                                                                             \
    HANDLER(leave_chan)                                                                            \
    HANDLER(list_address_book)                                                                     \
    HANDLER(add_to_address_book)                                                                   \
    HANDLER(delete_from_address_book)                                                              \
    HANDLER(list_subscriptions)                                                                    \
    HANDLER(add_subscription)                                                                      \
    HANDLER(delete_subscription)                                                                   \
    HANDLER(inbox)                                                                                 \
    HANDLER(inbox_ids)                                                                             \
    HANDLER(inbox_by_id)                                                                           \
    HANDLER(inbox_by_receiver)                                                                     \
    HANDLER(sent)                                                                                  \
    HANDLER(sent_ids)                                                                              \
    HANDLER(sent_by_id)                                                                            \
    HANDLER(sent_by_address)                                                                       \
    HANDLER(sent_by_ackdata)                                                                       \
    HANDLER(trash)                                                                                 \
    HANDLER(trash_inbox)                                                                           \
    HANDLER(trash_sent)                                                                            \
    HANDLER(trash_sent_by_ackdata)                                                                 \
    HANDLER(undelete)                                                                              \
    HANDLER(send_message)                                                                          \
    HANDLER(send_broadcast)                                                                        \
    HANDLER(get_status)                                                                            \
    HANDLER(disseminate_object)                                                                    \
    HANDLER(disseminate_pubkey)                                                                    \
    HANDLER(message_data)                                                                          \
    HANDLER(client_status)                                                                         \
    HANDLER(list_connections)

#define COMMAND_DECLARE(handler) void command_run_##handler(struct command *command);
COMMAND_HANDLERS(COMMAND_DECLARE)
#undef COMMAND_DECLARE

#endif
