// SPDX-License-Identifier: MIT
/* The address book and subscriptions: the agent's two lists of addresses with labels. */
#include <string.h>

#include "gateway/compat/command.h"

/* ---- listing ---- */

struct entries {
    const char *account;
    const char *label;   /* that is wanted; NULL: all */
    const char *address; /* likewise */
    bool with_enabled;
    size_t n_found;
    json_t *list; /* NULL: they are only counted */
};

static void list_one(void *context, const struct agent_entry_info *info)
{
    struct entries *entries = context;
    if (strcmp(info->account, entries->account) != 0 ||
        (entries->label != NULL && strcmp(info->label, entries->label) != 0) ||
        (entries->address != NULL && strcmp(info->address, entries->address) != 0)) {
        return;
    }
    entries->n_found++;
    if (entries->list == NULL) {
        return;
    }
    json_t *row = json_pack("{s:o, s:s}", "label", command_base64(bytes_of_str(info->label)),
                            "address", info->address);
    if (entries->with_enabled) {
        json_object_set_new(row, "enabled", json_boolean(info->enabled && !info->muted));
    }
    json_array_append_new(entries->list, row);
}

static bool is_listed(struct command *command, enum agent_entry_kind kind, const char *account,
                      const char *address)
{
    struct entries entries = {.account = account, .address = address};
    agent_entry_list(command->parts->agent, kind, list_one, &entries);
    return entries.n_found > 0;
}

void command_run_list_address_book(struct command *command)
{
    int64_t account_id;
    struct entries entries = {0};
    if ((command_has(command, 0) && !command_take_text(command, &entries.label, 0)) ||
        !command_account(command, &account_id, &entries.account)) {
        return;
    }
    if (entries.label != NULL && entries.label[0] == '\0') {
        entries.label = NULL;
    }
    entries.list = json_array();
    agent_entry_list(command->parts->agent, AGENT_CONTACTS, list_one, &entries);
    command_finish_take(command, json_pack("{s:o}", "addresses", entries.list));
}

void command_run_list_subscriptions(struct command *command)
{
    int64_t account_id;
    struct entries entries = {.with_enabled = true};
    if (!command_account(command, &account_id, &entries.account)) {
        return;
    }
    entries.list = json_array();
    agent_entry_list(command->parts->agent, AGENT_SUBSCRIPTIONS, list_one, &entries);
    command_finish_take(command, json_pack("{s:o}", "subscriptions", entries.list));
}

/* ---- adding ---- */

/* The canonical text of the address in parameter 0, in the arena; NULL: answered. */
static const char *take_canonical(struct command *command, const char *text)
{
    struct address address;
    char canonical[ADDRESS_TEXT_BYTES];
    if (!command_check_address(command, &address, text)) {
        return NULL;
    }
    address_encode(canonical, &address);
    return arena_strdup(&command->arena, canonical);
}

void command_run_add_to_address_book(struct command *command)
{
    struct bytes label;
    const char *given;
    const char *address;
    const char *account;
    int64_t account_id;
    if (!command_take_base64(command, &label, 1) || !command_take_text(command, &given, 0)) {
        return;
    }
    given = command_add_prefix(command, given);
    address = take_canonical(command, given);
    if (address == NULL || !command_account(command, &account_id, &account)) {
        return;
    }
    if (is_listed(command, AGENT_CONTACTS, account, address)) {
        command_fail_text(command, API_EXISTS,
                          "You already have this address in your address book.");
        return;
    }
    agent_contact_add(
        command->parts->agent, account, address, command_clean_label_of(command, label),
        command_done_with_text(
            command, arena_printf(&command->arena, "Added address %s to address book", given)));
}

/* A label that another subscription's folder has gets the address behind it. */
static const char *label_of_subscription(struct command *command, const char *account,
                                         const char *label, const char *address)
{
    struct entries entries = {.account = account, .label = command_folder_label(command, label)};
    agent_entry_list(command->parts->agent, AGENT_SUBSCRIPTIONS, list_one, &entries);
    return label[0] == '\0' || entries.n_found == 0
               ? entries.label
               : arena_printf(&command->arena, "%.100s %s", entries.label, address);
}

void command_run_add_subscription(struct command *command)
{
    const char *label = "";
    const char *given;
    const char *address;
    const char *account;
    int64_t account_id;
    bool has_label = command_is_true(command, 1);
    if ((has_label && !command_take_label(command, &label, 1)) ||
        !command_take_text(command, &given, 0)) {
        return;
    }
    address = take_canonical(command, given);
    if (address == NULL || !command_account(command, &account_id, &account)) {
        return;
    }
    if (is_listed(command, AGENT_SUBSCRIPTIONS, account, address)) {
        command_fail(command, API_EXISTS);
        return;
    }
    agent_subscribe(command->parts->agent, account, address,
                    label_of_subscription(command, account, label, address),
                    command_done_with_text(command, "Added subscription."));
}

/* ---- removing ---- */

void command_run_delete_from_address_book(struct command *command)
{
    const char *given;
    const char *address;
    const char *account;
    int64_t account_id;
    if (!command_take_text(command, &given, 0)) {
        return;
    }
    given = command_add_prefix(command, given);
    address = take_canonical(command, given);
    if (address == NULL || !command_account(command, &account_id, &account)) {
        return;
    }
    const char *text =
        arena_printf(&command->arena, "Deleted address book entry for %s if it existed", given);
    if (is_listed(command, AGENT_CONTACTS, account, address)) {
        agent_contact_remove(command->parts->agent, account, address,
                             command_done_with_text(command, text));
    } else {
        command_finish_text(command, text);
    }
}

/* What is no address is no subscription either. */
void command_run_delete_subscription(struct command *command)
{
    static const char text[] = "Deleted subscription if it existed.";
    const char *given;
    const char *account;
    int64_t account_id;
    struct address address;
    char canonical[ADDRESS_TEXT_BYTES];
    if (!command_take_text(command, &given, 0) ||
        !command_account(command, &account_id, &account)) {
        return;
    }
    given = command_add_prefix(command, given);
    bool is_address = address_decode(&address, bytes_of_str(given)) == ADDRESS_OK;
    if (is_address) {
        address_encode(canonical, &address);
    }
    if (is_address && is_listed(command, AGENT_SUBSCRIPTIONS, account, canonical)) {
        agent_unsubscribe(command->parts->agent, account, canonical,
                          command_done_with_text(command, text));
    } else {
        command_finish_text(command, text);
    }
}
