// SPDX-License-Identifier: MIT
/* Own addresses: decoded, listed, made, switched, deleted. The order of the checks is
 * PyBitmessage's. */
#include <string.h>

#include "gateway/compat/command.h"

enum { MOST_ADDRESSES = 999, DEMAND_OF_ONE = 1000 };

void command_run_decode_address(struct command *command)
{
    const char *text;
    struct address address;
    if (!command_take_text(command, &text, 0) || !command_check_address(command, &address, text)) {
        return;
    }
    json_t *ripe = command_base64_of_bytes((struct bytes){address.ripe, sizeof(address.ripe)});
    command_finish_take(command,
                        json_pack("{s:s, s:I, s:I, s:o}", "status", "success", "addressVersion",
                                  (json_int_t)address.version, "streamNumber",
                                  (json_int_t)address.stream, "ripe", ripe));
}

/* ---- listing ---- */

struct listing {
    struct command *command;
    int64_t account_id;
    bool is_coded;
    json_t *list;
};

static void list_one(void *context, const struct agent_identity_info *info)
{
    struct listing *listing = context;
    bool is_chan = info->kind == IDENTITY_CHAN;
    if (info->account_id != listing->account_id || (is_chan && !info->enabled)) {
        return; /* another's, or a chan that was left */
    }
    const char *label =
        arena_printf(&listing->command->arena, "%s%s", is_chan ? "[chan] " : "", info->label);
    json_t *shown = listing->is_coded ? command_base64(bytes_of_str(label)) : json_string(label);
    json_array_append_new(listing->list,
                          json_pack("{s:o, s:s, s:I, s:b, s:b}", "label", shown, "address",
                                    info->address, "stream", (json_int_t)info->stream, "enabled",
                                    (int)info->enabled, "chan", (int)is_chan));
}

void command_run_list_addresses(struct command *command)
{
    const char *account;
    struct listing listing = {.command = command,
                              .is_coded = strcmp(command->method, "listAddresses2") == 0};
    if (!command_account(command, &listing.account_id, &account)) {
        return;
    }
    listing.list = json_array();
    agent_identity_list(command->parts->agent, list_one, &listing);
    command_finish_take(command, json_pack("{s:o}", "addresses", listing.list));
}

/* ---- making ---- */

/* Multiples of the network's own. 0: not asked for. */
static bool take_demand(struct command *command, struct pow_demand *out, size_t index)
{
    double total;
    double small;
    if (!command_take_number(command, &total, index, 0) ||
        !command_take_number(command, &small, index + 1, 0)) {
        return false;
    }
    double most = (double)(AGENT_MAX_DEMAND / DEMAND_OF_ONE);
    if (total < 0 || total > most || small < 0 || small > most) {
        command_fail_text(command, API_UNEXPECTED,
                          "Unexpected API Failure - nobody could do so much work");
        return false;
    }
    out->trials_per_byte = (uint64_t)(total * DEMAND_OF_ONE);
    out->extra_bytes = (uint64_t)(small * DEMAND_OF_ONE);
    return true;
}

void command_run_create_random_address(struct command *command)
{
    struct agent_identity_request request = {.version = 4};
    int64_t account_id;
    if (take_demand(command, &request.demand, 2) &&
        command_take_bool(command, &request.is_short, 1, "eighteenByteRipe", false) &&
        command_take_label(command, &request.label, 0) &&
        command_account(command, &account_id, &request.account)) {
        request.label = command_clean_label(command, request.label);
        agent_identity_new(command->parts->agent, &request, command_done_with_answer(command));
    }
}

/* A passphrase is bytes; one with NUL in it can't be used here. */
static bool take_passphrase(struct command *command, const char **out)
{
    struct bytes bytes;
    if (!command_take_base64(command, &bytes, 0)) {
        return false;
    }
    *out = arena_strndup(&command->arena, (const char *)bytes.data, bytes.len);
    if (strlen(*out) != bytes.len) {
        command_fail_text(command, API_UNEXPECTED,
                          "Unexpected API Failure - a passphrase with a NUL is not supported");
        return false;
    }
    return true;
}

/* The parameter itself is empty, before it is decoded. */
static bool is_blank_param(const struct command *command)
{
    const char *text = json_string_value(json_array_get(command->params, 0));
    return text == NULL || *text == '\0';
}

static void on_addresses(void *context, const struct fault *fault, const char *text, int64_t id)
{
    struct command *command = context;
    json_t *list = json_array();
    (void)id;
    if (fault != NULL && fault->code != FAULT_EXISTS) { /* then none is new */
        json_decref(list);
        command_fail_fault(command, fault);
        return;
    }
    for (const char *line = text; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        json_array_append_new(list, json_stringn(line, len));
        line += len + (line[len] == '\n' ? 1 : 0);
    }
    command_finish_take(command, json_pack("{s:o}", "addresses", list));
}

static bool check_deterministic(struct command *command, int64_t version, int64_t stream,
                                int64_t count)
{
    if (version != 3 && version != 4) {
        command_fail_text(command, API_ADDRESS_VERSION,
                          "The address version number currently must be 3, 4, or 0 (which means "
                          "auto-select). %lld isn't supported.",
                          (long long)version);
    } else if (stream != 1) {
        command_fail_text(command, API_STREAM,
                          "The stream number must be 1 (or 0 which means auto-select). Others "
                          "aren't supported.");
    } else if (count == 0) {
        command_fail(command, API_NO_ADDRESSES);
    } else if (count > MOST_ADDRESSES) {
        command_fail(command, API_TOO_MANY_ADDRESSES);
    } else {
        return true;
    }
    return false;
}

void command_run_create_deterministic_addresses(struct command *command)
{
    struct agent_identity_request request = {.label = "unused API address"};
    int64_t count;
    int64_t version;
    int64_t stream;
    int64_t account_id;
    if (!take_demand(command, &request.demand, 5)) {
        return;
    }
    if (is_blank_param(command)) {
        command_fail(command, API_BLANK_PASSPHRASE);
        return;
    }
    if (!command_take_bool(command, &request.is_short, 4, "eighteenByteRipe", false) ||
        !take_passphrase(command, &request.passphrase) ||
        !command_take_integer(command, &count, 1, 1) ||
        !command_take_integer(command, &version, 2, 0) ||
        !command_take_integer(command, &stream, 3, 0) ||
        !check_deterministic(command, version == 0 ? 4 : version, stream == 0 ? 1 : stream,
                             count) ||
        !command_account(command, &account_id, &request.account)) {
        return;
    }
    if (count < 0) { /* Python's range of it is empty */
        on_addresses(command, NULL, "", 0);
        return;
    }
    request.version = (uint64_t)(version == 0 ? 4 : version);
    request.count = (size_t)count;
    agent_identity_new(command->parts->agent, &request, (struct agent_done){on_addresses, command});
}

void command_run_get_deterministic_address(struct command *command)
{
    const char *passphrase;
    int64_t version;
    int64_t stream;
    if (is_blank_param(command)) {
        command_fail(command, API_BLANK_PASSPHRASE);
        return;
    }
    if (!take_passphrase(command, &passphrase) || !command_take_integer(command, &version, 1, 0) ||
        !command_take_integer(command, &stream, 2, 0)) {
        return;
    }
    if (version != 3 && version != 4) {
        command_fail_text(command, API_ADDRESS_VERSION,
                          "The address version number currently must be 3 or 4. %lld isn't "
                          "supported.",
                          (long long)version);
    } else if (stream != 1) {
        command_fail_text(command, API_STREAM,
                          " The stream number must be 1. Others aren't supported.");
    } else {
        agent_identity_of_passphrase(command->parts->agent, passphrase, (uint64_t)version,
                                     command_done_with_answer(command));
    }
}

/* ---- switching and deleting ---- */

/* The address that a parameter names, decoded and canonical. */
static bool take_address(struct command *command, struct address *out)
{
    const char *text;
    return command_take_text(command, &text, 0) && command_check_address(command, out, text);
}

void command_run_enable_address(struct command *command)
{
    struct address address;
    struct agent_identity_info info;
    char text[ADDRESS_TEXT_BYTES];
    bool enable = !command_has(command, 1) || command_is_true(command, 1);
    if (!take_address(command, &address)) {
        return;
    }
    address_encode(text, &address);
    if (!command_find_own(command, &info, &address)) {
        command_fail_text(command, API_UNEXPECTED, "Unexpected API Failure - No section: '%s'",
                          text);
        return;
    }
    agent_identity_enable(command->parts->agent, text, enable,
                          command_done_with_text(command, "success"));
}

void command_run_delete_address(struct command *command)
{
    struct address address;
    struct agent_identity_info info;
    if (!take_address(command, &address)) {
        return;
    }
    if (!command_find_own(command, &info, &address)) {
        command_fail(command, API_ADDRESS_NOT_OURS);
        return;
    }
    agent_identity_delete(command->parts->agent, info.address,
                          command_done_with_text(command, "success"));
}
