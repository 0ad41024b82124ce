// SPDX-License-Identifier: MIT
/* The table of commands: where each is allowed, and who does it. */
#include "base/str.h"
#include "mailproto/imap/imap_internal.h"

enum { ABOUT_MESSAGES = IMAP_COMMAND_UID | IMAP_COMMAND_NUMBERED };

static const struct imap_command commands[] = {
    {"CAPABILITY", IMAP_ANY_STATE, 0, cmd_capability},
    {"NOOP", IMAP_ANY_STATE, 0, cmd_noop},
    {"LOGOUT", IMAP_ANY_STATE, 0, cmd_logout},
    {"ID", IMAP_ANY_STATE, 0, cmd_id},

    {"STARTTLS", IMAP_NOT_AUTHENTICATED, 0, cmd_starttls},
    {"AUTHENTICATE", IMAP_NOT_AUTHENTICATED, IMAP_COMMAND_SECRET, cmd_authenticate},
    {"LOGIN", IMAP_NOT_AUTHENTICATED, IMAP_COMMAND_SECRET, cmd_login},

    {"COMPRESS", IMAP_LOGGED_IN, 0, cmd_compress},
    {"ENABLE", IMAP_AUTHENTICATED | IMAP_SELECTED, 0, cmd_enable},
    {"SELECT", IMAP_LOGGED_IN, IMAP_COMMAND_TELLS_ALL, cmd_select},
    {"EXAMINE", IMAP_LOGGED_IN, IMAP_COMMAND_TELLS_ALL, cmd_examine},
    {"CREATE", IMAP_LOGGED_IN, 0, cmd_create},
    {"DELETE", IMAP_LOGGED_IN, 0, cmd_delete},
    {"RENAME", IMAP_LOGGED_IN, 0, cmd_rename},
    {"SUBSCRIBE", IMAP_LOGGED_IN, 0, cmd_subscribe},
    {"UNSUBSCRIBE", IMAP_LOGGED_IN, 0, cmd_unsubscribe},
    {"LIST", IMAP_LOGGED_IN, 0, cmd_list},
    {"LSUB", IMAP_LOGGED_IN, 0, cmd_lsub},
    {"NAMESPACE", IMAP_LOGGED_IN, 0, cmd_namespace},
    {"STATUS", IMAP_LOGGED_IN, 0, cmd_status},
    {"UNAUTHENTICATE", IMAP_LOGGED_IN, 0, cmd_unauthenticate},
    {"GETQUOTA", IMAP_LOGGED_IN, 0, cmd_getquota},
    {"GETQUOTAROOT", IMAP_LOGGED_IN, 0, cmd_getquotaroot},
    {"GETMETADATA", IMAP_LOGGED_IN, 0, cmd_getmetadata},
    {"SETMETADATA", IMAP_LOGGED_IN, 0, cmd_setmetadata},
    {"MYRIGHTS", IMAP_LOGGED_IN, 0, cmd_myrights},
    {"GETACL", IMAP_LOGGED_IN, 0, cmd_getacl},
    {"LISTRIGHTS", IMAP_LOGGED_IN, 0, cmd_listrights},
    {"SETACL", IMAP_LOGGED_IN, 0, cmd_setacl},
    {"DELETEACL", IMAP_LOGGED_IN, 0, cmd_deleteacl},
    {"ESEARCH", IMAP_LOGGED_IN, 0, cmd_esearch},
    {"APPEND", IMAP_LOGGED_IN, 0, cmd_append},
    {"NOTIFY", IMAP_LOGGED_IN, 0, cmd_notify},
    {"IDLE", IMAP_LOGGED_IN, 0, cmd_idle},

    {"CHECK", IMAP_SELECTED, 0, cmd_check},
    {"CLOSE", IMAP_SELECTED, 0, cmd_close},
    {"UNSELECT", IMAP_SELECTED, 0, cmd_unselect},
    {"EXPUNGE", IMAP_SELECTED, IMAP_COMMAND_UID, cmd_expunge},
    {"SEARCH", IMAP_SELECTED, ABOUT_MESSAGES | IMAP_COMMAND_KEEPS_NUMBERS, cmd_search},
    {"SORT", IMAP_SELECTED, ABOUT_MESSAGES | IMAP_COMMAND_KEEPS_NUMBERS, cmd_sort},
    {"THREAD", IMAP_SELECTED, ABOUT_MESSAGES | IMAP_COMMAND_KEEPS_NUMBERS, cmd_thread},
    {"REPLACE", IMAP_SELECTED, ABOUT_MESSAGES, cmd_replace},
    {"CANCELUPDATE", IMAP_SELECTED, 0, cmd_cancelupdate},
    {"FETCH", IMAP_SELECTED, ABOUT_MESSAGES | IMAP_COMMAND_KEEPS_NUMBERS, cmd_fetch},
    {"STORE", IMAP_SELECTED, ABOUT_MESSAGES | IMAP_COMMAND_KEEPS_NUMBERS, cmd_store},
    {"COPY", IMAP_SELECTED, ABOUT_MESSAGES, cmd_copy},
    {"MOVE", IMAP_SELECTED, ABOUT_MESSAGES, cmd_move},
    {"UID", IMAP_SELECTED, IMAP_COMMAND_UID, NULL}, /* a word in front of the rows above */
};

const struct imap_command *imap_command_find(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (bytes_is_word(name, commands[i].name)) {
            return &commands[i];
        }
    }
    return NULL;
}
