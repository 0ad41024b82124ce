// SPDX-License-Identifier: MIT
/* The commands that are more than one call of the gateway; those that are one stand in
 * gateway/control/call_table.c. docs/man/bittern.1.scd has a paragraph for each; a test compares
 * the three. */
#include "gateway/cli/cli.h"

const struct command commands[] = {
    {"run", "", "start everything in the foreground, and say how to set a mail program up",
     cmd_run},
    {"node", "", "start the relay alone, without mail", cmd_node},
    {"status", "[--watch]", "colour, peers, synchronisation, outgoing mail", cmd_status},
    {"account new", "NAME [--stdin]", "make a mail login; prints its password", cmd_account_new},
    {"account passwd", "NAME [--stdin]",
     "give a login a new password: the first line of standard input, or one that is made and "
     "printed",
     cmd_account_passwd},
    {"identity qr", "ADDRESS|LABEL [--png FILE]",
     "its bitmessage: link as a QR code, on the terminal or as a picture", cmd_identity_qr},
    {"contact import", "FILE [--account NAME]",
     "take contacts from a file: vCard, or CSV with address and label", cmd_contact_import},
    {"contact export", "FILE", "write the address book: FILE.csv as CSV, all else as vCard",
     cmd_contact_export},
    {"setup", "PROGRAM", "a ready configuration for a mail program", cmd_setup},
    {"config check", "", "read the settings file, and say what is wrong with it", cmd_config_check},
    {"config show", "", "the settings in force", cmd_config_show},
    {"sendmail", "[-tiv] [-f SENDER] [-F NAME] [-bm|-bs|-bp] [RECIPIENT...]",
     "send the mail on standard input, as sendmail(8) does", cmd_sendmail},
    {"import pybitmessage", "DIR [--account NAME]",
     "take over keys, mails, address book, lists and settings of PyBitmessage",
     cmd_import_pybitmessage},
    {"import keys", "FILE [--account NAME]",
     "take over the keys of a keys.dat, of PyBitmessage or notbit", cmd_import_keys},
    {"import notbit", "DIR [MAILDIR] [--account NAME]",
     "take over the keys of notbit's folder, and the mails of its Maildir", cmd_import_notbit},
    {"import key", "ADDRESS [LABEL] [--chan] [--account NAME]",
     "take over one identity; its signing and its encryption key (WIF) are two lines on standard "
     "input",
     cmd_import_key},
    {"export key", "ADDRESS|LABEL", "print the signing and the encryption key of one (WIF)",
     cmd_export_key},
    {"export keys", "FILE", "write all identities and chans with their keys as a keys.dat",
     cmd_export_keys},
    {"export mbox", "DIR", "write all mails, a file in mbox form for each mailbox",
     cmd_export_mbox},
    {"export maildir", "DIR", "write all mails, a Maildir for each mailbox", cmd_export_maildir},
    {"export pybitmessage", "DIR [--account NAME]",
     "write keys, messages, address book, lists and settings as a folder of PyBitmessage",
     cmd_export_pybitmessage},
    {"export notbit", "DIR [--account NAME]",
     "write keys and messages as notbit keeps them: a keys.dat and a Maildir", cmd_export_notbit},
    {"backup", "FILE", "put keys, mail and queue into one file that the recovery key opens",
     cmd_backup},
    {"restore", "FILE", "go back to a backup; asks for the recovery key", cmd_restore},
    {"salvage", "", "read out of a broken mail.db what can be read, into a new one in its place",
     cmd_salvage},
    {"recovery-key", "[--new]", "is there a recovery key? --new: make one, and print it once",
     cmd_recovery_key},
    {"deliver", "PLACE [--account NAME] [--domain DOMAIN]",
     "hand the mail on standard input out, as [mail] deliver does", cmd_deliver},
    {"bench", "NAME [--seconds S] [--kernel K] [--threads N] [--objects N] [--bytes N]",
     "measure: pow, decrypt, sign, hash, ingest, relay or start", cmd_bench},
};

const size_t commands_len = ARRAY_LEN(commands);
