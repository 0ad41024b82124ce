// SPDX-License-Identifier: MIT
/* The configurations of `bittern setup`. @name@ is a member of what setup_text is given, @@ an at
 * sign. Each is tried by tests/e2e/test_setup.py where the program is to be had. */
#include "gateway/cli/setup_text.h"

/* Lines as they are printed. */
/* clang-format off */

/* A keyword of the server as a tag with a name and a colour. */
#define TAG(state, colour)                                                                         \
    "user_pref(\"mailnews.tags.$bm-" state ".tag\", \"" state "\");\n"                             \
    "user_pref(\"mailnews.tags.$bm-" state ".color\", \"" colour "\");\n"

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
    "It finds all that by itself when the file that  bittern setup thunderbird-autoconfig  prints\n"
    "lies as isp/bm.alt.xml in its program folder (/usr/lib/thunderbird/isp/bm.alt.xml).\n"
    "\n"
    "The same as lines of prefs for a new profile's user.js, with names and colours for the states\n"
    "of sent mails:\n"
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
    "user_pref(\"mail.smtpserver.smtp1.authMethod\", 3);\n"
    "user_pref(\"mail.identity.id1.fcc\", false);\n" /* Bittern keeps the copy itself */
    "user_pref(\"mail.identity.id1.fcc_folder\", \"imap://@account_url@@@@host@/Sent\");\n"
    "user_pref(\"mail.identity.id1.draft_folder\", \"imap://@account_url@@@@host@/Drafts\");\n"
    TAG("queued", "#7F7F7F") TAG("awaiting-key", "#996633") TAG("working", "#FF9900")
    TAG("held", "#CC0099") TAG("sent", "#3333FF") TAG("delivered", "#009900")
    TAG("failed", "#FF0000") TAG("cancelled", "#999999");

static const char mutt[] =
    "# mutt, neomutt: append to ~/.muttrc. The password is asked for, or set imap_pass and "
    "smtp_pass.\n"
    "set from = \"@address@\"\n"
    "set realname = \"@label@\"\n"
    "set imap_user = \"@account@\"\n"
    "set folder = \"imap://@account_url@@@@host@:@imap_port@/\"\n"
    "set spoolfile = \"+INBOX\"\n"
    "set postponed = \"+Drafts\"\n"
    "set record = \"\"                  # Bittern keeps the copy in Sent itself\n"
    "set trash = \"+Trash\"\n"
    "set smtp_url = \"smtp://@account_url@@@@host@:@smtp_port@/\"\n"
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
                           "source = imap+insecure://@account_url@@@@host@:@imap_port@\n"
                           "source-cred-cmd = cat ~/.bittern-password\n"
                           "outgoing = smtp+insecure+plain://@account_url@@@@host@:@smtp_port@\n"
                           "outgoing-cred-cmd = cat ~/.bittern-password\n"
                           "default = INBOX\n";

static const char swaks[] = "# swaks: ~/.swaksrc\n"
                            "server @host@\n"
                            "port @smtp_port@\n"
                            "auth PLAIN\n"
                            "auth-user @account@\n"
                            "from @address@\n";

static const char autoconfig[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<!-- Thunderbird: isp/bm.alt.xml in its program folder -->\n"
    "<clientConfig version=\"1.1\">\n"
    "  <emailProvider id=\"bm.alt\">\n"
    "    <domain>bm.alt</domain>\n"
    "    <displayName>Bittern</displayName>\n"
    "    <displayShortName>Bittern</displayShortName>\n"
    "    <incomingServer type=\"imap\">\n"
    "      <hostname>@host@</hostname>\n"
    "      <port>@imap_port@</port>\n"
    "      <socketType>STARTTLS</socketType>\n"
    "      <username>%EMAILADDRESS%</username>\n"
    "      <authentication>password-cleartext</authentication>\n"
    "    </incomingServer>\n"
    "    <outgoingServer type=\"smtp\">\n"
    "      <hostname>@host@</hostname>\n"
    "      <port>@smtp_port@</port>\n"
    "      <socketType>STARTTLS</socketType>\n"
    "      <username>%EMAILADDRESS%</username>\n"
    "      <authentication>password-cleartext</authentication>\n"
    "    </outgoingServer>\n"
    "  </emailProvider>\n"
    "</clientConfig>\n";

/* Over one's own network: with the ports that speak TLS from the first byte. */
static const char k9[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
    "<!-- K-9 Mail, Thunderbird for Android: save as bittern.k9s, Settings, Import settings.\n"
    "     Bittern must listen on your own network: in bittern.conf\n"
    "       [imap] listen = 127.0.0.1, THIS-MACHINE      [smtp] listen = 127.0.0.1, THIS-MACHINE\n"
    "     and below put THIS-MACHINE's address in place of @host@. The program shows the\n"
    "     certificate once; its SHA-256 fingerprint is\n"
    "     @fingerprint@ -->\n"
    "<k9settings version=\"1\" format=\"1\">\n"
    "  <accounts>\n"
    "    <account uuid=\"@uuid@\">\n"
    "      <name>Bittern</name>\n"
    "      <incoming-server type=\"IMAP\">\n"
    "        <host>@host@</host>\n"
    "        <port>@imap_tls_port@</port>\n"
    "        <connection-security>SSL_TLS_REQUIRED</connection-security>\n"
    "        <authentication-type>PLAIN</authentication-type>\n"
    "        <username>@account@</username>\n"
    "      </incoming-server>\n"
    "      <outgoing-server type=\"SMTP\">\n"
    "        <host>@host@</host>\n"
    "        <port>@smtp_tls_port@</port>\n"
    "        <connection-security>SSL_TLS_REQUIRED</connection-security>\n"
    "        <authentication-type>PLAIN</authentication-type>\n"
    "        <username>@account@</username>\n"
    "      </outgoing-server>\n"
    "      <identities>\n"
    "        <identity>\n"
    "          <name>@label@</name>\n"
    "          <email>@address@</email>\n"
    "        </identity>\n"
    "      </identities>\n"
    "    </account>\n"
    "  </accounts>\n"
    "</k9settings>\n";

static const char apple[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<!-- Apple Mail: save as bittern.mobileconfig and open it. The password is asked for. -->\n"
    "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
    "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
    "<plist version=\"1.0\">\n"
    "<dict>\n"
    "  <key>PayloadType</key><string>Configuration</string>\n"
    "  <key>PayloadVersion</key><integer>1</integer>\n"
    "  <key>PayloadIdentifier</key><string>alt.bm.bittern</string>\n"
    "  <key>PayloadUUID</key><string>@uuid@</string>\n"
    "  <key>PayloadDisplayName</key><string>Bittern</string>\n"
    "  <key>PayloadContent</key>\n"
    "  <array>\n"
    "    <dict>\n"
    "      <key>PayloadType</key><string>com.apple.mail.managed</string>\n"
    "      <key>PayloadVersion</key><integer>1</integer>\n"
    "      <key>PayloadIdentifier</key><string>alt.bm.bittern.mail</string>\n"
    "      <key>PayloadUUID</key><string>@uuid_mail@</string>\n"
    "      <key>PayloadDisplayName</key><string>Bittern</string>\n"
    "      <key>EmailAccountType</key><string>EmailTypeIMAP</string>\n"
    "      <key>EmailAccountName</key><string>@label@</string>\n"
    "      <key>EmailAddress</key><string>@address@</string>\n"
    "      <key>IncomingMailServerAuthentication</key><string>EmailAuthPassword</string>\n"
    "      <key>IncomingMailServerHostName</key><string>@host@</string>\n"
    "      <key>IncomingMailServerPortNumber</key><integer>@imap_tls_port@</integer>\n"
    "      <key>IncomingMailServerUseSSL</key><true/>\n"
    "      <key>IncomingMailServerUsername</key><string>@account@</string>\n"
    "      <key>OutgoingMailServerAuthentication</key><string>EmailAuthPassword</string>\n"
    "      <key>OutgoingMailServerHostName</key><string>@host@</string>\n"
    "      <key>OutgoingMailServerPortNumber</key><integer>@smtp_tls_port@</integer>\n"
    "      <key>OutgoingMailServerUseSSL</key><true/>\n"
    "      <key>OutgoingMailServerUsername</key><string>@account@</string>\n"
    "      <key>OutgoingPasswordSameAsIncomingPassword</key><true/>\n"
    "    </dict>\n"
    "  </array>\n"
    "</dict>\n"
    "</plist>\n";

/* clang-format on */

/* What of a value is written with a backslash before it: in a C-like string; in mutt's, where
 * backquotes run a program and a dollar names a variable. */
#define IN_STRING "\\\""
#define IN_MUTT "\\\"`$"

const struct setup_program setup_programs[] = {
    {"thunderbird", thunderbird, .escaped = IN_STRING},
    {"thunderbird-autoconfig", autoconfig, .is_xml = true},
    {"mutt", mutt, .escaped = IN_MUTT},
    {"neomutt", mutt, .escaped = IN_MUTT},
    {"mbsync", mbsync, .escaped = ""},
    {"msmtp", msmtp, .escaped = ""},
    {"offlineimap", offlineimap, .escaped = ""},
    {"aerc", aerc, .escaped = ""},
    {"swaks", swaks, .escaped = ""},
    {"k9", k9, .is_xml = true},
    {"apple-mail", apple, .is_xml = true},
};

const size_t setup_programs_len = ARRAY_LEN(setup_programs);
