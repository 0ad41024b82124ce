// SPDX-License-Identifier: MIT
#include "gateway/cli/moving/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "gateway/cli/moving/keys_file.h"

/* ---- one record ---- */

json_t *import_params(const struct import *import)
{
    json_t *params = json_object();
    if (import->account != NULL) {
        json_object_set_new(params, "account", json_string(import->account));
    }
    return params;
}

void import_set_text(json_t *params, const char *name, struct bytes text)
{
    struct buf clean = {0};
    utf8_repair(&clean, text);
    json_object_set_new(params, name, json_string(buf_str(&clean)));
    buf_clear(&clean);
}

void import_set_base64(json_t *params, const char *name, struct bytes data)
{
    struct buf text = {0};
    base64_encode(&text, data);
    json_object_set_new(params, name, json_string(buf_str(&text)));
    buf_clear_secret(&text);
}

/* Ask; a record that is refused is said and passed over, a gateway that is gone ends it all. */
bool import_give(struct import *import, enum import_count counted, const char *call, json_t *params,
                 const char *what, struct fault *fault)
{
    struct fault why = {0};
    json_t *answer = cli_session_call(import->session, call, params, &why);
    if (answer != NULL) {
        const json_t *is_new = json_object_get(answer, "is_new");
        size_t *count = json_is_false(is_new) ? import->n_known : import->n_new;
        count[counted]++;
        json_decref(answer);
    } else if (why.code == FAULT_EXISTS) {
        import->n_known[counted]++;
    } else if (why.code == FAULT_CLOSED || why.code == FAULT_IO || why.code == FAULT_NO_SPACE) {
        *fault = why;
        return false;
    } else {
        import->n_refused++;
        fprintf(stderr, "bittern: left out %s: %s\n", what, why.text);
    }
    return true;
}

/* ---- whom one knows ---- */

/* `prefix`: a member whose text stands in front of the address; NULL: none. */
static bool ask_list(const struct import *import, struct map *out, const char *call,
                     const char *prefix, struct fault *fault)
{
    static char is_there;
    json_t *rows = cli_session_call(import->session, call, NULL, fault);
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        bool is_meant =
            import->account == NULL || str_equal_ci(import->account, cli_text(row, "account"));
        char *key = xasprintf("%s%s%s", prefix != NULL ? cli_text(row, prefix) : "",
                              prefix != NULL ? " " : "", cli_text(row, "address"));
        if (is_meant && *cli_text(row, "chan") == '\0') {
            (void)map_put(out, bytes_of_str(key), &is_there);
        }
        free(key);
    }
    json_decref(rows);
    return rows != NULL;
}

bool import_ask_known(struct import *import, struct fault *fault)
{
    return ask_list(import, &import->contacts, "contact.list", NULL, fault) &&
           ask_list(import, &import->subscribed, "subscription.list", NULL, fault) &&
           ask_list(import, &import->rules, "sender.list", "rule", fault);
}

bool import_give_contact(struct import *import, struct bytes address, struct bytes label,
                         struct fault *fault)
{
    if (map_get(&import->contacts, address) != NULL) {
        import->n_known[IMPORT_CONTACTS]++;
        return true;
    }
    json_t *params = import_params(import);
    import_set_text(params, "address", address);
    import_set_text(params, "label", label);
    return import_give(import, IMPORT_CONTACTS, "contact.add", params, "an entry", fault);
}

/* ---- keys ---- */

static bool give_key(struct import *import, const struct keys_file_entry *entry,
                     struct fault *fault)
{
    if (*entry->signing_key == '\0') {
        return *entry->public_key == '\0' ||
               import_give_contact(import, bytes_of_str(entry->address), bytes_of_str(entry->label),
                                   fault);
    }
    json_t *params = import_params(import);
    import_set_text(params, "address", bytes_of_str(entry->address));
    import_set_text(params, "label", bytes_of_str(entry->label));
    import_set_text(params, "signing_key", bytes_of_str(entry->signing_key));
    import_set_text(params, "encryption_key", bytes_of_str(entry->encryption_key));
    import_set_text(params, "list", bytes_of_str(entry->is_list ? entry->list_name : ""));
    json_object_set_new(params, "chan", json_boolean(entry->is_chan));
    json_object_set_new(params, "enabled", json_boolean(entry->enabled));
    json_object_set_new(params, "acks", json_boolean(entry->acks));
    json_object_set_new(params, "difficulty", json_integer((json_int_t)entry->trials_per_byte));
    json_object_set_new(params, "small_difficulty", json_integer((json_int_t)entry->extra_bytes));
    return import_give(import, entry->is_chan ? IMPORT_CHANS : IMPORT_IDENTITIES, "import.key",
                       params, entry->address, fault);
}

bool import_give_keys(struct import *import, const struct keys_file *file, struct fault *fault)
{
    for (size_t i = 0; i < file->n_entries; i++) {
        if (!give_key(import, &file->entries[i], fault)) {
            return false;
        }
    }
    return true;
}

/* ---- the command ---- */

bool import_begin(struct import *import, struct cli *cli, const char *command, int argc,
                  char **argv, const char **out_more)
{
    const struct cli_option options[] = {{"--account", .value = &import->account}};
    import->cli = cli;
    if (!cli_options(command, options, ARRAY_LEN(options), &argc, argv)) {
        return false;
    }
    if (argc != 2 && (out_more == NULL || argc != 3)) {
        cli_usage(command, "from where?");
        return false;
    }
    import->source = argv[1];
    if (out_more != NULL) {
        *out_more = argc == 3 ? argv[2] : NULL;
    }
    return true;
}

int import_finish(struct import *import, bool ok, const struct fault *fault)
{
    static const char *const names[IMPORT_N_COUNTS] = {
        [IMPORT_IDENTITIES] = "identities", [IMPORT_CHANS] = "chans",
        [IMPORT_CONTACTS] = "contacts",     [IMPORT_LISTS] = "lists",
        [IMPORT_MAILS] = "mails",
    };
    cli_session_close(&import->session);
    buf_clear(&import->seen);
    map_clear(&import->contacts);
    map_clear(&import->subscribed);
    map_clear(&import->rules);
    json_t *result = json_pack("{s:I}", "left_out", (json_int_t)import->n_refused);
    for (size_t i = 0; i < IMPORT_N_COUNTS; i++) {
        json_object_set_new(result, names[i],
                            json_pack("{s:I, s:I}", "new", (json_int_t)import->n_new[i], "known",
                                      (json_int_t)import->n_known[i]));
        if (!import->cli->json && import->n_new[i] + import->n_known[i] != 0) {
            printf("%-11s %zu new, %zu were there\n", names[i], import->n_new[i],
                   import->n_known[i]);
        }
    }
    if (import->cli->json) {
        (void)cli_print_json(json_incref(result));
    }
    json_decref(result);
    if (!ok) {
        return cli_fail(fault);
    }
    return import->n_refused == 0 ? CLI_DONE : CLI_FAILED;
}
