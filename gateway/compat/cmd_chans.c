// SPDX-License-Identifier: MIT
/* Chans: made, joined, left. Their names are bytes, and become labels of folders here. */
#include <string.h>

#include "gateway/compat/command.h"

static bool take_name(struct command *command, const char **out)
{
    struct bytes bytes;
    if (!command_take_base64(command, &bytes, 0)) {
        return false;
    }
    *out = arena_strndup(&command->arena, (const char *)bytes.data, bytes.len);
    if (bytes.len == 0) {
        command_fail(command, API_BLANK_PASSPHRASE);
    } else if (strlen(*out) != bytes.len) {
        command_fail_text(command, API_UNEXPECTED,
                          "Unexpected API Failure - a chan's name with a NUL is not supported");
    } else {
        return true;
    }
    return false;
}

/* ---- joining ---- */

/* Is it joined already? */
struct chan_search {
    int64_t account_id;
    const char *address;
    const char *label;
    bool is_there;
    bool is_label_taken;
};

static void look_at_chan(void *context, const struct agent_identity_info *info)
{
    struct chan_search *search = context;
    if (info->account_id != search->account_id || !info->enabled) {
        return;
    }
    search->is_there = search->is_there || strcmp(info->address, search->address) == 0;
    search->is_label_taken = search->is_label_taken || (info->kind == IDENTITY_CHAN &&
                                                        strcmp(info->label, search->label) == 0);
}

static void join(struct command *command, const char *name, const char *address,
                 struct agent_done done)
{
    int64_t account_id;
    const char *account;
    const char *label = command_folder_label(command, name);
    if (!command_account(command, &account_id, &account)) {
        return;
    }
    struct chan_search search = {.account_id = account_id, .address = address, .label = label};
    agent_identity_list(command->parts->agent, look_at_chan, &search);
    if (search.is_there) {
        command_fail(command, API_CHAN_PRESENT);
        return;
    }
    if (search.is_label_taken) { /* the same name with the other version */
        label = arena_printf(&command->arena, "%.100s %s", label, address);
    }
    agent_chan_join(command->parts->agent, account, name, address, label, done);
}

static void on_address_known(void *context, const struct fault *fault, const char *text, int64_t id)
{
    struct command *command = context;
    (void)id;
    if (fault != NULL) {
        command_fail_fault(command, fault);
        return;
    }
    const char *name = command->text;
    const char *address = arena_strdup(&command->arena, text);
    struct agent_done done = command_done_with_text(command, address);
    join(command, name, address, done);
}

/* The address is worked out first, to see whether the chan is there. */
void command_run_create_chan(struct command *command)
{
    const char *name;
    if (take_name(command, &name)) {
        command->text = name;
        agent_identity_of_passphrase(command->parts->agent, name, 4,
                                     (struct agent_done){on_address_known, command});
    }
}

static void on_joined(void *context, const struct fault *fault, const char *text, int64_t id)
{
    struct command *command = context;
    (void)text;
    (void)id;
    if (fault == NULL) {
        command_finish_text(command, "success");
    } else if (fault->code == FAULT_EXISTS) {
        command_fail(command, API_CHAN_PRESENT);
    } else {
        command_fail_fault(command, fault);
    }
}

/* The name's own address is known: it must be the one that was given. */
static void on_joined_address_known(void *context, const struct fault *fault, const char *text,
                                    int64_t id)
{
    struct command *command = context;
    const char *address = command->address;
    (void)id;
    if (fault != NULL) {
        command_fail_fault(command, fault);
    } else if (strcmp(text, address) != 0) {
        command_fail(command, API_CHAN_MISMATCH);
    } else {
        join(command, command->text, address, (struct agent_done){on_joined, command});
    }
}

void command_run_join_chan(struct command *command)
{
    const char *text;
    struct address address;
    char canonical[ADDRESS_TEXT_BYTES];
    if (!take_name(command, &command->text) || !command_take_text(command, &text, 1) ||
        !command_check_address(command, &address, text)) {
        return;
    }
    address_encode(canonical, &address);
    command->address = arena_strdup(&command->arena, canonical);
    if (address.version < 3) {
        command_fail(command, API_CHAN_MISMATCH);
        return;
    }
    agent_identity_of_passphrase(command->parts->agent, command->text, address.version,
                                 (struct agent_done){on_joined_address_known, command});
}

/* ---- leaving ---- */

void command_run_leave_chan(struct command *command)
{
    const char *text;
    struct address address;
    struct agent_identity_info info;
    if (!command_take_text(command, &text, 0) || !command_check_address(command, &address, text)) {
        return;
    }
    if (!command_find_own(command, &info, &address) || info.kind != IDENTITY_CHAN) {
        command_fail(command, API_NOT_A_CHAN);
        return;
    }
    agent_chan_leave(command->parts->agent, info.address,
                     command_done_with_text(command, "success"));
}
