// SPDX-License-Identifier: MIT
#include "gateway/cli/moving/export_keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

static struct keys_file_entry entry_of(const json_t *row)
{
    return (struct keys_file_entry){
        .address = json_string_value(json_object_get(row, "address")),
        .label = json_string_value(json_object_get(row, "label")),
        .signing_key = json_string_value(json_object_get(row, "signing_key")),
        .encryption_key = json_string_value(json_object_get(row, "encryption_key")),
        .list_name = json_string_value(json_object_get(row, "list")),
        .is_list = json_string_length(json_object_get(row, "list")) > 0,
        .is_chan = json_is_true(json_object_get(row, "chan")),
        .enabled = json_is_true(json_object_get(row, "enabled")),
        .acks = json_is_true(json_object_get(row, "acks")),
        .trials_per_byte = (uint64_t)json_integer_value(json_object_get(row, "difficulty")),
        .extra_bytes = (uint64_t)json_integer_value(json_object_get(row, "small_difficulty")),
    };
}

bool export_keys_ask(struct export_keys *out, struct cli_session *session, const char *account,
                     struct fault *fault)
{
    struct map known = {0};
    size_t i;
    json_t *row;
    *out = (struct export_keys){.rows = cli_session_call(session, "export.keys", NULL, fault)};
    if (out->rows == NULL) {
        return false;
    }
    out->entries = xcalloc(json_array_size(out->rows) + 1, sizeof *out->entries);
    json_array_foreach(out->rows, i, row)
    {
        bool is_meant = account == NULL || str_equal_ci(account, cli_text(row, "account"));
        if (is_meant && map_put(&known, bytes_of_str(cli_text(row, "address")), row) == NULL) {
            out->entries[out->n_entries++] = entry_of(row);
        }
    }
    map_clear(&known);
    return true;
}

static void wipe(const char *text)
{
    mem_wipe((void *)(uintptr_t)text, strlen(text));
}

void export_keys_clear(struct export_keys *keys)
{
    for (size_t i = 0; i < keys->n_entries; i++) {
        wipe(keys->entries[i].signing_key);
        wipe(keys->entries[i].encryption_key);
    }
    free(keys->entries);
    json_decref(keys->rows);
    *keys = (struct export_keys){0};
}
