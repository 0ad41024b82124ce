# SPDX-License-Identifier: MIT
"""A whole day with Thunderbird, driven headless by Marionette: what a person does with it, checked on the
server through another connection. In order: each test goes on from the one before."""
import os
import shutil
import socket
import subprocess
import sys
import unittest

import harness
from harness import wait_for
from marionette import Marionette

FOLDER = "Prüfung & co"
FOLDER_UTF7 = "Pr&APw-fung &- co"

PREFERENCES = {
    "mail.accountmanager.accounts": "account1,account2",
    "mail.accountmanager.defaultaccount": "account1",
    "mail.accountmanager.localfoldersserver": "server2",
    "mail.account.account1.server": "server1",
    "mail.account.account1.identities": "id1",
    "mail.account.account2.server": "server2",
    "mail.server.server1.type": "imap",
    "mail.server.server1.hostname": "127.0.0.1",
    "mail.server.server1.socketType": 0,
    "mail.server.server1.authMethod": 3,
    "mail.server.server1.name": "bittern",
    "mail.server.server1.check_new_mail": True,
    "mail.server.server1.login_at_startup": False,
    "mail.server.server1.use_idle": True,
    "mail.server.server2.type": "none",
    "mail.server.server2.hostname": "Local Folders",
    "mail.server.server2.userName": "nobody",
    "mail.identity.id1.fullName": "Bob",
    "mail.identity.id1.smtpServer": "smtp1",
    "mail.identity.id1.valid": True,
    "mail.identity.id1.compose_html": False,
    "mail.smtpservers": "smtp1",
    "mail.smtp.defaultserver": "smtp1",
    "mail.smtpserver.smtp1.type": "smtp",
    "mail.smtpserver.smtp1.hostname": "127.0.0.1",
    "mail.smtpserver.smtp1.try_ssl": 0,
    "mail.smtpserver.smtp1.authMethod": 3,
    "app.update.enabled": False,
    "app.update.auto": False,
    "app.update.checkInstallTime": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "mail.rights.version": 1,
    "mail.provider.enabled": False,
    "mailnews.start_page.enabled": False,
    "mail.inappnotifications.enabled": False,
    "mail.shell.checkDefaultClient": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "extensions.update.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "mail.spotlight.firstRunDone": True,
    "mail.warn_on_send_accel_key": False,
    "mailnews.database.global.indexer.enabled": False,
}

HELPERS = """
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const win = Services.wm.getMostRecentWindow("mail:3pane");
const msgWindow = win.msgWindow;
const server = MailServices.accounts.accounts.find(a => a.incomingServer.type == "imap").incomingServer;
const root = server.rootFolder;
const folderOf = name => [...root.descendants].find(f => f.localizedName == name || f.name == name ||
    f.URI.endsWith("/" + name));
const headers = f => [...f.messages];
const until = async (what, check) => {
  for (let i = 0; i < 600; i++) {
    const value = await check();
    if (value) return value;
    await new Promise(r => win.setTimeout(r, 50));
  }
  throw new Error("waited in vain for " + what);
};
const headerOf = (folder, subject) => until("the mail " + subject, () => {
  folder.updateFolder(msgWindow);
  return headers(folder).find(h => h.mime2DecodedSubject == subject);
});
const copyListener = resolve => ({
  QueryInterface: ChromeUtils.generateQI(["nsIMsgCopyServiceListener"]),
  onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() { return null; },
  onStopCopy(status) { resolve(status); },
});
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@unittest.skipUnless(shutil.which("thunderbird"), "thunderbird is not installed")
class Thunderbird(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.one = harness.Bittern(name="thunderbird").start()
        cls.addClassCleanup(cls.one.close)
        cls.one.make_account()
        cls.address = cls.one.identity("Bob") + "@bm.alt"
        cls.append("first mail", "the text of the first\r\n")
        cls.append("second mail", "a word that is rare: quokka\r\n")
        cls.append("third mail", "the third\r\n")
        status = cls.one.status()
        cls.profile = os.path.join(cls.one.folder, "profile")
        os.mkdir(cls.profile)
        port = free_port()
        preferences = dict(PREFERENCES, **{
            "marionette.port": port,
            "mail.server.server1.port": status["imap"]["port"],
            "mail.server.server1.userName": cls.one.account,
            "mail.server.server1.directory": os.path.join(cls.profile, "ImapMail"),
            "mail.server.server2.directory": os.path.join(cls.profile, "Local"),
            "mail.identity.id1.useremail": cls.address,
            "mail.smtpserver.smtp1.port": status["smtp"]["port"],
            "mail.smtpserver.smtp1.username": cls.one.account,
        })
        with open(os.path.join(cls.profile, "user.js"), "w") as file:
            for key, value in preferences.items():
                text = {True: "true", False: "false"}.get(value, value) if isinstance(value, (bool, int)) \
                    else '"%s"' % value
                file.write('user_pref("%s", %s);\n' % (key, text))
        environment = dict(os.environ, HOME=cls.one.folder, MOZ_HEADLESS="1")
        environment.pop("ASAN_OPTIONS", None)
        with open(os.path.join(cls.one.folder, "thunderbird.out"), "wb") as out:
            cls.program = subprocess.Popen(
                ["thunderbird", "--no-remote", "--headless", "--profile", cls.profile, "--marionette",
                 "--remote-allow-system-access"], env=environment, stdout=out, stderr=out)
        cls.addClassCleanup(cls.stop_program)
        cls.remote = Marionette(port)
        cls.addClassCleanup(cls.remote.close)
        cls.remote.run("""
          const [user, password] = args;
          for (let i = 0; i < 600 && !Services.wm.getMostRecentWindow("mail:3pane")?.msgWindow; i++)
            await new Promise(r => Services.tm.dispatchToMainThread(() => r()));
          for (const origin of ["imap://127.0.0.1", "smtp://127.0.0.1"]) {
            const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
            login.init(origin, null, origin, user, password, "", "");
            await Services.logins.addLoginAsync(login);
          }""", cls.one.account, cls.one.password)

    @classmethod
    def stop_program(cls):
        cls.program.terminate()
        try:
            cls.program.wait(20)
        except subprocess.TimeoutExpired:
            cls.program.kill()
            cls.program.wait()

    @classmethod
    def append(cls, subject, text, mailbox="INBOX"):
        box = cls.one.imap()
        box.append(mailbox, None, None, ("From: Alice <alice@example.org>\r\nTo: %s\r\nSubject: %s\r\n"
                                         "Date: Sat, 21 Nov 2026 12:00:00 +0100\r\nMessage-ID: <%s@example.org>\r\n"
                                         "\r\n%s" % (cls.address, subject, subject.replace(" ", "-"), text)).encode())
        box.logout()

    def js(self, script, *arguments):
        return self.remote.run(HELPERS + script, *arguments)

    def keywords(self, subject, mailbox="INBOX"):
        mail = self.one.find_mail(subject, mailbox)
        return mail.keywords if mail else None

    def subjects(self, mailbox):
        return [m["Subject"] for m in self.one.mails(mailbox)]

    def test_01_sees_the_mails(self):
        self.js("""
          server.performExpand(msgWindow);
          const inbox = await until("INBOX", () => folderOf("INBOX"));
          server.getNewMessages(inbox, msgWindow, null);
          await headerOf(inbox, "third mail");""")
        found = self.js("""return headers(folderOf("INBOX")).map(h => h.mime2DecodedSubject);""")
        self.assertEqual(set(found) & {"first mail", "second mail", "third mail"},
                         {"first mail", "second mail", "third mail"})

    def test_02_knows_the_folders_for_what_they_are(self):
        flags = self.js("""
          await until("Sent", () => folderOf("Sent"));
          const F = {Drafts: 0x400, Sent: 0x200, Trash: 0x100, Junk: 0x40000000, Archive: 0x4000};
          return Object.entries(F).filter(([name, bit]) => folderOf(name)?.flags & bit).map(([name]) => name);""")
        self.assertEqual(set(flags), {"Drafts", "Sent", "Trash", "Junk", "Archive"})

    def test_03_reads_one(self):
        text = self.js("""
          const tabmail = win.document.getElementById("tabmail");
          const pane = tabmail.currentAbout3Pane;
          const inbox = folderOf("INBOX");
          pane.displayFolder(inbox.URI);
          await until("rows", () => pane.gDBView?.rowCount >= 3);
          const hdr = headers(inbox).find(h => h.mime2DecodedSubject == "second mail");
          const row = pane.gDBView.findIndexOfMsgHdr(hdr, true);
          pane.threadTree.selectedIndex = row;
          return await until("the text", () => {
            const browser = tabmail.currentAboutMessage?.getMessagePaneBrowser();
            const text = browser?.contentDocument?.body?.textContent ?? "";
            return text.includes("quokka") ? text : null;
          });""")
        self.assertIn("a word that is rare: quokka", text)
        wait_for("\\Seen", lambda: "\\Seen" in self.keywords("second mail"))

    def test_04_gets_one_by_idle(self):
        self.append("by idle", "at once\r\n")
        seconds = self.js("""
          const began = Date.now();
          await until("the new mail", () => headers(folderOf("INBOX")).find(h => h.mime2DecodedSubject == "by idle"));
          return (Date.now() - began) / 1000;""")
        self.assertLess(seconds, 5)

    def test_05_flags_and_tags(self):
        self.js("""
          const inbox = folderOf("INBOX");
          const hdr = await headerOf(inbox, "first mail");
          inbox.markMessagesFlagged([hdr], true);
          inbox.addKeywordsToMessages([hdr], "$label1");""")
        wait_for("flag and tag", lambda: {"\\Flagged", "$label1"} <= self.keywords("first mail"))

    def test_06_makes_a_folder(self):
        self.js("""
          root.createSubfolder(args[0], msgWindow);
          await until("the folder", () => folderOf(args[0]));""", FOLDER)
        box = self.one.imap()
        wait_for("the folder", lambda: any(FOLDER_UTF7 in row.decode() for row in box.list()[1]))
        box.logout()

    def test_07_moves(self):
        self.js("""
          const inbox = folderOf("INBOX");
          const hdr = await headerOf(inbox, "third mail");
          await new Promise(r => MailServices.copy.copyMessages(inbox, [hdr], folderOf(args[0]), true,
                                                               copyListener(r), msgWindow, true));""", FOLDER)
        wait_for("the move", lambda: self.subjects(FOLDER_UTF7) == ["third mail"] and
                 "third mail" not in self.subjects("INBOX"))

    def test_08_deletes(self):
        self.js("""
          const inbox = folderOf("INBOX");
          const hdr = await headerOf(inbox, "by idle");
          inbox.deleteMessages([hdr], msgWindow, false, false, null, true);""")
        wait_for("the deletion", lambda: "by idle" in self.subjects("Trash") and
                 "by idle" not in self.subjects("INBOX"))

    def test_09_searches_on_the_server(self):
        found = self.js("""
          const session = Cc["@mozilla.org/messenger/searchSession;1"].createInstance(Ci.nsIMsgSearchSession);
          const term = session.createTerm();
          const value = term.value;
          term.attrib = Ci.nsMsgSearchAttrib.Body; value.attrib = term.attrib; value.str = "QUOKKA";
          term.op = Ci.nsMsgSearchOp.Contains; term.value = value; term.booleanAnd = true;
          session.appendTerm(term);
          session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, folderOf("INBOX"));
          const hits = [];
          await new Promise(resolve => {
            session.registerListener({
              onSearchHit(hdr) { hits.push(hdr.mime2DecodedSubject); },
              onSearchDone() { resolve(); }, onNewSearch() {},
            });
            session.search(msgWindow);
          });
          return hits;""")
        self.assertEqual(found, ["second mail"])

    COMPOSE = """
      const params = Cc["@mozilla.org/messengercompose/composeparams;1"].createInstance(Ci.nsIMsgComposeParams);
      const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
      const [to, subject, body] = args;
      fields.to = to; fields.subject = subject; fields.body = body;
      params.type = Ci.nsIMsgCompType.New; params.format = Ci.nsIMsgCompFormat.PlainText;
      params.identity = MailServices.accounts.allIdentities[0];
      params.composeFields = fields;
      MailServices.compose.OpenComposeWindowWithParams(null, params);
      const cw = await until("the window", () => {
        const w = Services.wm.getMostRecentWindow("msgcompose");
        return w?.gMsgCompose?.editor && w.gWindowLocked === false ? w : null;
      });
      await new Promise(r => win.setTimeout(r, 500));
    """

    def test_10_keeps_a_draft_without_copies_left_over(self):
        self.js(self.COMPOSE + """
          for (let i = 1; i <= 3; i++) {
            const saved = headers(folderOf("Drafts")).length;
            cw.document.getElementById("msgSubject").value = subject + " " + i;
            cw.gMsgCompose.compFields.subject = subject + " " + i;
            cw.goDoCommand("cmd_saveAsDraft");
            await until("the saving to begin or end", () => cw.gSaveOperationInProgress || cw.gMsgCompose.savedFolderURI);
            await until("the saving", () => !cw.gSaveOperationInProgress && !cw.gWindowLocked);
            await new Promise(r => win.setTimeout(r, 700));
          }
          cw.gContentChanged = false; cw.gMsgCompose.bodyModified = false;
          cw.close();""", self.address, "a draft", "text of the draft")
        wait_for("one draft, the last: %s" % self.subjects("Drafts"),
                 lambda: self.subjects("Drafts") == ["a draft 3"], 20, 0.5)

    def test_11_sends_and_the_copy_stands_in_sent_once(self):
        self.js(self.COMPOSE + """
          cw.goDoCommand("cmd_sendNow");
          await until("the window to close", () => cw.closed);""", self.address, "sent by thunderbird", "hello")
        self.one.wait_mail("sent by thunderbird")
        wait_for("the copy in Sent", lambda: "sent by thunderbird" in self.subjects("Sent"))
        # The client's own copy comes, too: merged with the server's.
        self.js("""
          const sent = folderOf("Sent");
          await headerOf(sent, "sent by thunderbird");
          await new Promise(r => win.setTimeout(r, 2000));""")
        self.assertEqual(self.subjects("Sent").count("sent by thunderbird"), 1)
        self.assertEqual(self.subjects("Drafts"), ["a draft 3"])


if __name__ == "__main__":
    if not shutil.which("thunderbird"):
        sys.exit(77)
    harness.main()
