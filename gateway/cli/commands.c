// SPDX-License-Identifier: MIT
/* The table of commands. docs/man/bittern.1.scd has a paragraph for each; a test compares the two.
 */
#include "gateway/cli/cli.h"

const struct command commands[] = {
    {"run", "", "start everything in the foreground, and say how to set a mail program up",
     cmd_run},
    {"node", "", "start the relay alone, without mail", cmd_node},
    {"status", "[--watch]", "colour, peers, synchronisation, outgoing mail", cmd_status},
    {"identity new", "[LABEL]", "make an identity; prints its address", cmd_identity_new},
    {"identity list", "", "the identities", cmd_identity_list},
    {"identity show", "ADDRESS", "one identity, whole", cmd_identity_show},
    {"account new", "NAME [--stdin]", "make a mail login; prints its password", cmd_account_new},
    {"account list", "", "the mail logins", cmd_account_list},
    {"account passwd", "NAME [--stdin]",
     "give a login a new password: the first line of standard input, or one that is made and "
     "printed",
     cmd_account_passwd},
    {"queue list", "", "outgoing mails and their states", cmd_queue_list},
    {"queue show", "ID", "one outgoing mail, whole", cmd_queue_show},
    {"queue retry", "ID [--force]", "try a failed mail again; --force: also one that is held",
     cmd_queue_retry},
    {"queue cancel", "ID", "stop sending a mail", cmd_queue_cancel},
    {"setup", "PROGRAM", "a ready configuration for a mail program", cmd_setup},
    {"config check", "", "read the settings file, and say what is wrong with it", cmd_config_check},
    {"config show", "", "the settings in force", cmd_config_show},
    {"sendmail", "[-ti] [-f SENDER] [RECIPIENT...]",
     "send the mail on standard input, as sendmail(8) does", cmd_sendmail},
    {"bench", "NAME [--seconds S] [--kernel K]", "measure: pow, decrypt, sign or hash", cmd_bench},
};

const size_t commands_len = ARRAY_LEN(commands);
