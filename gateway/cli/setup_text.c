// SPDX-License-Identifier: MIT
#include "gateway/cli/setup_text.h"

#include <string.h>

#include "base/bytes.h"

static const char thunderbird[] =
    "# Thunderbird: Account Settings > Account Actions > Add Mail Account, then \"Configure "
    "manually\".\n"
    "\n"
    "Your name:        @label@\n"
    "Email address:    @address@\n"
    "\n"
    "Incoming server   IMAP, @host@, port @imap_port@\n"
    "                  connection security: STARTTLS (or none: nothing leaves this machine)\n"
    "                  authentication: normal password, user name @account@\n"
    "Outgoing server   @host@, port @smtp_port@\n"
    "                  connection security and login as above\n"
    "\n"
    "Thunderbird asks once about the certificate, which Bittern made itself. Its SHA-256 "
    "fingerprint:\n"
    "@fingerprint@\n"
    "\n"
    "The same as lines of prefs for a new profile's user.js:\n"
    "\n"
    "user_pref(\"mail.accountmanager.accounts\", \"account1,account2\");\n"
    "user_pref(\"mail.accountmanager.defaultaccount\", \"account1\");\n"
    "user_pref(\"mail.accountmanager.localfoldersserver\", \"server2\");\n"
    "user_pref(\"mail.account.account1.server\", \"server1\");\n"
    "user_pref(\"mail.account.account1.identities\", \"id1\");\n"
    "user_pref(\"mail.account.account2.server\", \"server2\");\n"
    "user_pref(\"mail.server.server1.type\", \"imap\");\n"
    "user_pref(\"mail.server.server1.hostname\", \"@host@\");\n"
    "user_pref(\"mail.server.server1.port\", @imap_port@);\n"
    "user_pref(\"mail.server.server1.userName\", \"@account@\");\n"
    "user_pref(\"mail.server.server1.name\", \"Bittern\");\n"
    "user_pref(\"mail.server.server1.socketType\", 2);\n"
    "user_pref(\"mail.server.server1.authMethod\", 3);\n"
    "user_pref(\"mail.server.server2.type\", \"none\");\n"
    "user_pref(\"mail.server.server2.hostname\", \"Local Folders\");\n"
    "user_pref(\"mail.server.server2.userName\", \"nobody\");\n"
    "user_pref(\"mail.identity.id1.fullName\", \"@label@\");\n"
    "user_pref(\"mail.identity.id1.useremail\", \"@address@\");\n"
    "user_pref(\"mail.identity.id1.smtpServer\", \"smtp1\");\n"
    "user_pref(\"mail.identity.id1.compose_html\", false);\n"
    "user_pref(\"mail.identity.id1.valid\", true);\n"
    "user_pref(\"mail.smtpservers\", \"smtp1\");\n"
    "user_pref(\"mail.smtp.defaultserver\", \"smtp1\");\n"
    "user_pref(\"mail.smtpserver.smtp1.type\", \"smtp\");\n"
    "user_pref(\"mail.smtpserver.smtp1.hostname\", \"@host@\");\n"
    "user_pref(\"mail.smtpserver.smtp1.port\", @smtp_port@);\n"
    "user_pref(\"mail.smtpserver.smtp1.username\", \"@account@\");\n"
    "user_pref(\"mail.smtpserver.smtp1.try_ssl\", 2);\n"
    "user_pref(\"mail.smtpserver.smtp1.authMethod\", 3);\n";

static const char mutt[] =
    "# mutt, neomutt: append to ~/.muttrc. The password is asked for, or set imap_pass and "
    "smtp_pass.\n"
    "set from = \"@address@\"\n"
    "set realname = \"@label@\"\n"
    "set imap_user = \"@account@\"\n"
    "set folder = \"imap://@account@@@@host@:@imap_port@/\"\n"
    "set spoolfile = \"+INBOX\"\n"
    "set postponed = \"+Drafts\"\n"
    "set record = \"\"                  # Bittern keeps the copy in Sent itself\n"
    "set trash = \"+Trash\"\n"
    "set smtp_url = \"smtp://@account@@@@host@:@smtp_port@/\"\n"
    "set smtp_authenticators = \"plain\"\n"
    "set ssl_starttls = no             # plain text, on loopback alone\n"
    "set ssl_force_tls = no\n"
    "set imap_idle = yes\n"
    "set imap_condstore = yes\n"
    "set mail_check = 5\n"
    "mailboxes +INBOX +Sent +Outbox +Drafts +Junk\n";

static const char mbsync[] =
    "# mbsync (isync): ~/.mbsyncrc. The password stands in PassCmd's answer.\n"
    "IMAPAccount bittern\n"
    "Host @host@\n"
    "Port @imap_port@\n"
    "User @account@\n"
    "PassCmd \"cat ~/.bittern-password\"\n"
    "SSLType None\n"
    "AuthMechs PLAIN\n"
    "\n"
    "IMAPStore bittern-remote\n"
    "Account bittern\n"
    "\n"
    "MaildirStore bittern-local\n"
    "Path ~/Mail/bittern/\n"
    "Inbox ~/Mail/bittern/INBOX\n"
    "SubFolders Verbatim\n"
    "\n"
    "Channel bittern\n"
    "Far :bittern-remote:\n"
    "Near :bittern-local:\n"
    "Patterns *\n"
    "Create Both\n"
    "Expunge Both\n"
    "SyncState *\n";

static const char msmtp[] = "# msmtp: ~/.msmtprc (chmod 600)\n"
                            "account bittern\n"
                            "host @host@\n"
                            "port @smtp_port@\n"
                            "tls off\n"
                            "auth plain\n"
                            "user @account@\n"
                            "passwordeval cat ~/.bittern-password\n"
                            "from @address@\n"
                            "account default : bittern\n";

static const char offlineimap[] = "# offlineimap: ~/.offlineimaprc\n"
                                  "[general]\n"
                                  "accounts = bittern\n"
                                  "\n"
                                  "[Account bittern]\n"
                                  "localrepository = bittern-local\n"
                                  "remoterepository = bittern-remote\n"
                                  "\n"
                                  "[Repository bittern-local]\n"
                                  "type = Maildir\n"
                                  "localfolders = ~/Mail/bittern\n"
                                  "\n"
                                  "[Repository bittern-remote]\n"
                                  "type = IMAP\n"
                                  "remotehost = @host@\n"
                                  "remoteport = @imap_port@\n"
                                  "remoteuser = @account@\n"
                                  "remotepassfile = ~/.bittern-password\n"
                                  "ssl = no\n"
                                  "starttls = no\n"
                                  "auth_mechanisms = PLAIN\n";

static const char aerc[] = "# aerc: ~/.config/aerc/accounts.conf\n"
                           "[bittern]\n"
                           "from = @label@ <@address@>\n"
                           "source = imap+insecure://@account@@@@host@:@imap_port@\n"
                           "source-cred-cmd = cat ~/.bittern-password\n"
                           "outgoing = smtp+insecure+plain://@account@@@@host@:@smtp_port@\n"
                           "outgoing-cred-cmd = cat ~/.bittern-password\n"
                           "default = INBOX\n";

static const char swaks[] = "# swaks: ~/.swaksrc\n"
                            "server @host@\n"
                            "port @smtp_port@\n"
                            "auth PLAIN\n"
                            "auth-user @account@\n"
                            "from @address@\n";

const struct setup_program setup_programs[] = {
    {"thunderbird", thunderbird},
    {"mutt", mutt},
    {"neomutt", mutt},
    {"mbsync", mbsync},
    {"msmtp", msmtp},
    {"offlineimap", offlineimap},
    {"aerc", aerc},
    {"swaks", swaks},
};

const size_t setup_programs_len = ARRAY_LEN(setup_programs);

const struct setup_program *setup_program_find(const char *name)
{
    for (size_t i = 0; i < setup_programs_len; i++) {
        if (strcmp(setup_programs[i].name, name) == 0) {
            return &setup_programs[i];
        }
    }
    return NULL;
}

static void append_member(struct buf *out, const json_t *info, struct bytes key)
{
    const json_t *value = json_object_getn(info, (const char *)key.data, key.len);
    if (json_is_string(value)) {
        buf_append_str(out, json_string_value(value));
    } else if (json_is_integer(value)) {
        buf_printf(out, "%lld", (long long)json_integer_value(value));
    }
}

/* @name@ is a member of `info`; @@ is an at sign. */
void setup_text(struct buf *out, const struct setup_program *program, const json_t *info)
{
    struct bytes rest = bytes_of_str(program->template);
    while (rest.len != 0) {
        size_t at = bytes_find(rest, '@');
        buf_append(out, rest.data, at);
        rest = bytes_slice(rest, at + 1, rest.len);
        if (rest.len == 0) {
            return;
        }
        size_t end = bytes_find(rest, '@');
        if (end == 0) {
            buf_append_byte(out, '@');
        } else {
            append_member(out, info, bytes_slice(rest, 0, end));
        }
        rest = bytes_slice(rest, end + 1, rest.len);
    }
}
