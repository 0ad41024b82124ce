// SPDX-License-Identifier: MIT
/* bittern salvage: has the gateway read out a broken mail.db, and says what came of it. */
#include "gateway/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/str.h"

#define LOST_IDENTITY "lost_identity"

/* The report's lines as an object; what it names several times is an array. */
static json_t *parse_report(const char *report)
{
    json_t *object = json_object();
    json_t *lost = json_array();
    char *copy = xstrdup(report);
    char *rest = copy;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        char *value = strchr(line, '=');
        uint64_t number;
        if (value == NULL) {
            continue;
        }
        *value++ = '\0';
        if (strcmp(line, LOST_IDENTITY) == 0) {
            json_array_append_new(lost, json_string(value));
        } else if (parse_u64(bytes_of_str(value), INT64_MAX, &number)) {
            json_object_set_new(object, line, json_integer((json_int_t)number));
        } else {
            json_object_set_new(object, line, json_string(value));
        }
    }
    json_object_set_new(object, "lost_identities", lost);
    free(copy);
    return object;
}

static const struct {
    const char *key;
    const char *words;
} saved[] = {
    {"identities", "identities and chans"},
    {"accounts", "accounts"},
    {"contacts", "contacts"},
    {"subscriptions", "subscriptions"},
    {"rules", "rules"},
    {"mailboxes", "mailboxes"},
    {"messages", "messages"},
    {"queued", "mails that had not been sent, now held"},
};

/* Told when they are not 0. */
static const struct {
    const char *key;
    const char *words;
} losses[] = {
    {"broken_pages", "pages of the file could not be read"},
    {"damaged_keys", "identities or chans are lost: their keys are not those of their address"},
    {"unopenable_keys", "of the identities and chans are locked, and what opens them is lost"},
    {"lost_messages", "messages are lost: their content is not whole"},
    {"altered_messages", "messages are not quite what came in: a part of their content changed"},
    {"plain_messages", "messages are shown as plain text: what was known of their form is lost"},
    {"lost_rows", "single entries could not be read"},
};

static void print_words(const json_t *report)
{
    bool lost = false;
    puts("saved:");
    for (size_t i = 0; i < ARRAY_LEN(saved); i++) {
        printf("  %s %s\n", cli_text(report, saved[i].key), saved[i].words);
    }
    for (size_t i = 0; i < ARRAY_LEN(losses); i++) {
        if (json_integer_value(json_object_get(report, losses[i].key)) != 0) {
            printf("%s  %s %s\n", lost ? "" : "lost:\n", cli_text(report, losses[i].key),
                   losses[i].words);
            lost = true;
        }
    }
    size_t index;
    json_t *address;
    json_array_foreach(json_object_get(report, "lost_identities"), index, address)
    {
        printf("%s  the keys of %s\n", lost ? "" : "lost:\n", json_string_value(address));
        lost = true;
    }
    if (!lost) {
        puts("lost: nothing that is known of");
    }
    printf("The broken database is kept as gateway/%s in the home.\n", cli_text(report, "kept"));
    fputs("What had not been sent is held: see 'bittern queue list', and retry with --force what\n"
          "did not leave. 'bittern restore' goes back to a backup, and keeps the identities that\n"
          "are here and not in it.\n",
          stderr);
}

int cmd_salvage(struct cli *cli, int argc, char **argv)
{
    if (!cli_options("salvage", NULL, 0, &argc, argv) || argc > 1) {
        return cli_usage("salvage", "it takes no argument");
    }
    char *text = cli_run_salvage(cli);
    if (text == NULL) {
        return CLI_FAILED;
    }
    json_t *report = parse_report(text);
    free(text);
    if (cli->json) {
        return cli_print_json(report);
    }
    print_words(report);
    json_decref(report);
    return CLI_DONE;
}
