// SPDX-License-Identifier: MIT
/* The table of commands. docs/man/bittern.1.scd has a paragraph for each; a test compares the two.
 */
#include "gateway/cli/call_command.h"
#include "gateway/cli/cli.h"

#define ADDRESS_ANSWER .form = CALL_PRINTS_MEMBER, .member = "address"
#define ENTRY_COLUMNS                                                                              \
    {                                                                                              \
        {"address", "ADDRESS"}, {"label", "LABEL"}, {"account", "ACCOUNT"},                        \
    }

static const struct call_command identity_new = {
    "identity.new", {"label"}, .option = "--account", ADDRESS_ANSWER};
static const struct call_command identity_list = {"identity.list", .form = CALL_PRINTS_TABLE,
                                                  .columns = {{"address", "ADDRESS"},
                                                              {"label", "LABEL"},
                                                              {"account", "ACCOUNT"},
                                                              {"kind", "KIND"},
                                                              {"enabled", "ENABLED"}}};
static const struct call_command identity_show = {
    "identity.show", {"address"}, 1, .form = CALL_PRINTS_OBJECT};
static const struct call_command identity_rename = {
    "identity.rename", {"address", "label"}, 2, .form = CALL_PRINTS_NOTHING};
static const struct call_command account_list = {"account.list", .form = CALL_PRINTS_TABLE,
                                                 .columns = {{"name", "NAME"},
                                                             {"identities", "IDENTITIES"},
                                                             {"messages", "MESSAGES"},
                                                             {"bytes", "BYTES"}}};
static const struct call_command chan_create = {
    "chan.join", {"name"}, 1, .option = "--label", ADDRESS_ANSWER};
static const struct call_command chan_join = {
    "chan.join", {"name", "address"}, 2, .option = "--label", ADDRESS_ANSWER};
static const struct call_command chan_leave = {
    "chan.leave", {"address"}, 1, .form = CALL_PRINTS_NOTHING};
static const struct call_command subscribe = {
    "subscription.add", {"address", "label"}, 1, .form = CALL_PRINTS_NOTHING};
static const struct call_command unsubscribe = {
    "subscription.remove", {"address"}, 1, .form = CALL_PRINTS_NOTHING};
static const struct call_command subscriptions = {"subscription.list", .form = CALL_PRINTS_TABLE,
                                                  .columns = ENTRY_COLUMNS};
static const struct call_command contact_add = {
    "contact.add", {"address", "label"}, 1, .form = CALL_PRINTS_NOTHING};
static const struct call_command contact_list = {"contact.list", .form = CALL_PRINTS_TABLE,
                                                 .columns = ENTRY_COLUMNS};
static const struct call_command contact_remove = {
    "contact.remove", {"address"}, 1, .form = CALL_PRINTS_NOTHING};
static const struct call_command queue_list = {"queue.list", .form = CALL_PRINTS_TABLE,
                                               .columns = {{"id", "ID"},
                                                           {"state", "STATE"},
                                                           {"from", "FROM"},
                                                           {"to", "TO"},
                                                           {"subject", "SUBJECT"},
                                                           {"progress", "PROGRESS"},
                                                           {"reason", "REASON"}}};
static const struct call_command queue_show = {
    "queue.show", {"#id"}, 1, .form = CALL_PRINTS_OBJECT};
static const struct call_command queue_retry = {
    "queue.retry", {"#id"}, 1, .flag = "--force", .form = CALL_PRINTS_MEMBER, .member = "state"};
static const struct call_command queue_cancel = {
    "queue.cancel", {"#id"}, 1, .form = CALL_PRINTS_MEMBER, .member = "state"};

const struct command commands[] = {
    {"run", "", "start everything in the foreground, and say how to set a mail program up",
     .run = cmd_run},
    {"node", "", "start the relay alone, without mail", .run = cmd_node},
    {"status", "[--watch]", "colour, peers, synchronisation, outgoing mail", .run = cmd_status},
    {"identity new", "[LABEL] [--account NAME]", "make an identity; prints its address",
     .call = &identity_new},
    {"identity list", "", "the identities and chans", .call = &identity_list},
    {"identity show", "ADDRESS|LABEL", "one identity, whole", .call = &identity_show},
    {"identity rename", "ADDRESS|LABEL LABEL", "give an identity another label",
     .call = &identity_rename},
    {"account new", "NAME [--stdin]", "make a mail login; prints its password",
     .run = cmd_account_new},
    {"account list", "", "the mail logins", .call = &account_list},
    {"account passwd", "NAME [--stdin]",
     "give a login a new password: the first line of standard input, or one that is made and "
     "printed",
     .run = cmd_account_passwd},
    {"chan create", "NAME [--label LABEL]",
     "make or join the chan of that name; prints its address", .call = &chan_create},
    {"chan join", "NAME ADDRESS [--label LABEL]",
     "join a chan; name and address must belong together", .call = &chan_join},
    {"chan leave", "ADDRESS|LABEL", "leave a chan", .call = &chan_leave},
    {"subscribe", "ADDRESS [LABEL]", "receive the broadcasts of an address", .call = &subscribe},
    {"unsubscribe", "ADDRESS|LABEL", "receive them no more", .call = &unsubscribe},
    {"subscriptions", "", "whose broadcasts are received", .call = &subscriptions},
    {"contact add", "ADDRESS [LABEL]", "put an address into the address book",
     .call = &contact_add},
    {"contact list", "", "the address book", .call = &contact_list},
    {"contact remove", "ADDRESS|LABEL", "take an address out of it", .call = &contact_remove},
    {"queue list", "", "outgoing mails and their states", .call = &queue_list},
    {"queue show", "ID", "one outgoing mail, whole", .call = &queue_show},
    {"queue retry", "ID [--force]", "try a failed mail again; --force: also one that is held",
     .call = &queue_retry},
    {"queue cancel", "ID", "stop sending a mail", .call = &queue_cancel},
    {"setup", "PROGRAM", "a ready configuration for a mail program", .run = cmd_setup},
    {"config check", "", "read the settings file, and say what is wrong with it",
     .run = cmd_config_check},
    {"config show", "", "the settings in force", .run = cmd_config_show},
    {"sendmail", "[-tiv] [-f SENDER] [-F NAME] [-bm|-bs|-bp] [RECIPIENT...]",
     "send the mail on standard input, as sendmail(8) does", .run = cmd_sendmail},
    {"backup", "FILE", "put keys, mail and queue into one file that the recovery key opens",
     .run = cmd_backup},
    {"restore", "FILE", "go back to a backup; asks for the recovery key", .run = cmd_restore},
    {"recovery-key", "[--new]", "is there a recovery key? --new: make one, and print it once",
     .run = cmd_recovery_key},
    {"bench", "NAME [--seconds S] [--kernel K]", "measure: pow, decrypt, sign or hash",
     .run = cmd_bench},
};

const size_t commands_len = ARRAY_LEN(commands);
