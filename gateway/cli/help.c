// SPDX-License-Identifier: MIT
#include "gateway/cli/help.h"

#include <string.h>

#include "base/buf.h"
#include "gateway/cli/cli.h"
#include "gateway/control/call_table.h"

enum { NAME_COLUMNS = 24 }; /* two spaces, the longest name, and two more */

/* In the order in which a newcomer needs them. */
static const struct help_group {
    const char *heading;
    const char *words; /* the first words of its commands, a space around each */
} groups[] = {
    {"Running it", " run status setup config node "},
    {"Mail logins", " account "},
    {"Identities and their keys", " identity lock unlock "},
    {"Chans and subscriptions", " chan subscribe unsubscribe mute unmute subscriptions "},
    {"Contacts, and who may write", " contact lookup block allow senders "},
    {"Outgoing mail", " queue sendmail deliver "},
    {"Keeping and moving", " backup restore recovery-key salvage import export "},
    {"Measuring", " bench "},
};

/* A command of either table. */
struct entry {
    const char *name;
    const char *arguments;
    const char *help;
};

static size_t count_entries(void)
{
    return commands_len + call_rows_len;
}

static struct entry entry_at(size_t index)
{
    if (index < commands_len) {
        const struct command *command = &commands[index];
        return (struct entry){command->name, command->arguments, command->help};
    }
    const struct call_row *row = &call_rows[index - commands_len];
    return (struct entry){row->name, row->arguments, row->help};
}

static bool group_has(const struct help_group *group, const char *name)
{
    size_t len = strcspn(name, " ");
    for (const char *at = strchr(group->words, ' '); at[1] != '\0'; at = strchr(at + 1, ' ')) {
        if (strncmp(at + 1, name, len) == 0 && at[1 + len] == ' ') {
            return true;
        }
    }
    return false;
}

static bool is_grouped(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        if (group_has(&groups[i], name)) {
            return true;
        }
    }
    return false;
}

/* Words of `text` from column `indent` on, broken before HELP_COLUMNS. */
static void write_wrapped(struct buf *out, size_t indent, const char *text)
{
    for (size_t column = indent; *text != '\0';) {
        size_t len = strcspn(text, " ");
        if (column > indent && column + 1 + len > HELP_COLUMNS) {
            buf_printf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            buf_append_str(out, " ");
            column++;
        }
        buf_append(out, text, len);
        column += len;
        text += len + strspn(text + len, " ");
    }
    buf_append_str(out, "\n");
}

static void write_entry(struct buf *out, const struct entry *entry)
{
    buf_printf(out, "  %-*s", NAME_COLUMNS - 2, entry->name);
    write_wrapped(out, NAME_COLUMNS, entry->help);
}

/* NULL: the commands that are in no group. */
static void write_group(struct buf *out, const struct help_group *group)
{
    bool has_heading = false;
    for (size_t i = 0; i < count_entries(); i++) {
        struct entry entry = entry_at(i);
        if (group != NULL ? !group_has(group, entry.name) : is_grouped(entry.name)) {
            continue;
        }
        if (!has_heading) {
            buf_printf(out, "\n%s\n", group != NULL ? group->heading : HELP_UNGROUPED);
            has_heading = true;
        }
        write_entry(out, &entry);
    }
}

void help_write(struct buf *out)
{
    buf_append_str(out,
                   "usage: bittern [--home DIR] [-c SECTION.KEY=VALUE]... COMMAND [ARGUMENT]...\n");
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        write_group(out, &groups[i]);
    }
    write_group(out, NULL);
    buf_append_str(out, "\nOptions\n"
                        "  --home DIR            the home folder (else $BITTERN_HOME, else\n"
                        "                        ~/.local/share/bittern)\n"
                        "  -c SECTION.KEY=VALUE  a setting for this run alone\n"
                        "  --json                print data as JSON\n"
                        "  --help, --version\n\n"
                        "`bittern COMMAND --help` tells its arguments. "
                        "See bittern(1), bittern.conf(5).\n");
}

bool help_write_usages(struct buf *out, const char *word)
{
    bool found = false;
    size_t len = strlen(word);
    for (size_t i = 0; i < count_entries(); i++) {
        struct entry entry = entry_at(i);
        if (strncmp(entry.name, word, len) == 0 && entry.name[len] == ' ') {
            buf_printf(out, "%s bittern %s %s\n", found ? "      " : "usage:", entry.name,
                       entry.arguments);
            found = true;
        }
    }
    return found;
}
