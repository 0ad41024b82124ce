# SPDX-License-Identifier: MIT
"""What is ours goes out in the forms of PyBitmessage, notbit, Maildir and mbox, and comes back from them into
an empty home as it was; twice, without a thing doubled."""
import mailbox
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import unittest

import harness
from harness import mail_address, wait_for
from test_imap_clients import Terminal

FRIEND = "BM-2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK"
NEWS = "BM-GtovgYdgs7qXPkoYaRgrLFuFKz1SFpsw"
FOLDERS = ("INBOX", "Sent", "Drafts", "Trash", "Chans/general", "Subscriptions/Bob")


def address_in(field):
    found = re.search(r"BM-[1-9A-HJ-NP-Za-km-z]+|broadcast", field or "")
    return found.group() if found else ""


class Export(harness.TestCase):
    """One Bittern is filled once; each case exports it and takes it over elsewhere."""

    @classmethod
    def setUpClass(cls):
        cls.a = harness.Bittern(dict(harness.QUICK, **{"mail.attachments": "always"}), "a")
        cls.a.start()
        cls.a.make_account()
        with open(os.path.join(cls.a.home, "bittern.conf"), "a") as file:
            file.write("\n[node]\nport = 8555\nmax_outbound = 5\n[agent]\nttl = 2d\ngive_up_after = 7d\n")
        cls.fill(cls.a)

    @classmethod
    def tearDownClass(cls):
        cls.a.close()

    @classmethod
    def fill(cls, a):
        cls.alice, cls.bob = a.identity("100% Alice"), a.identity("Bob")
        cls.chan = a.cli("chan", "create", "general")
        a.json("identity", "set", cls.bob, "--difficulty", "3", "--acks", "no", "--list", "Bob's list")
        a.cli("contact", "add", FRIEND, 'A "friend", Ä')
        a.cli("subscribe", cls.bob, "Bob")
        a.cli("subscribe", NEWS, "News")
        a.cli("mute", NEWS)
        a.cli("block", NEWS)
        a.cli("allow", FRIEND)
        a.json("identity", "set", cls.bob, "--list", "")
        a.send(cls.alice, cls.bob, "Grüße to Bob", "From Alice\n>From me\n")
        a.send(cls.bob, cls.alice, "To be thrown away")
        a.send(cls.alice, cls.chan, "In the chan")
        a.send(cls.bob, "broadcast@bm.alt", "News of Bob")
        a.send(cls.alice, [FRIEND, cls.bob], "To two")
        a.send(cls.alice, FRIEND, "Taken back")
        for subject, folder in (("Grüße to Bob", "INBOX"), ("To be thrown away", "INBOX"), ("To two", "INBOX"),
                                ("In the chan", "Chans/general"), ("News of Bob", "Subscriptions/Bob")):
            a.wait_mail(subject, folder)
        row = next(r for r in a.states() if r["subject"] == "Taken back")
        a.cli("queue", "cancel", str(row["id"]))
        with_file = harness.email.message.EmailMessage(policy=harness.email.policy.SMTP)
        with_file["From"], with_file["To"] = mail_address(cls.bob), mail_address(cls.alice)
        with_file["Subject"] = "With a file"
        with_file.set_content("see the file\n")
        with_file.add_attachment(b"\0\1", "application", "octet-stream", filename="x.bin")
        a.send(cls.bob, cls.alice, raw=with_file.as_bytes())
        a.wait_mail("With a file")
        box = a.imap("INBOX")
        box.append("Drafts", r"(\Draft \Seen)", None,
                   ("From: %s\r\nTo: %s\r\nSubject: A draft\r\n\r\nnot yet\r\n" % (
                       mail_address(cls.alice), mail_address(cls.bob))).encode())
        for subject, change in (("Grüße to Bob", r"(\Seen \Answered)"), ("With a file", r"(\Flagged)")):
            box.uid("STORE", str(a.find_mail(subject).uid), "+FLAGS", change)
        box.uid("MOVE", str(a.find_mail("To be thrown away").uid), "Trash")
        box.logout()
        wait_for("all to have left", lambda: {r["state"] for r in a.states()} <=
                 {"sent", "awaiting-key", "cancelled", "delivered"})

    def export(self, form, *more):
        path = os.path.join(self.a.folder, "%s-%s" % (form, self._testMethodName))
        self.addCleanup(shutil.rmtree, path, True)
        result = self.a.json("export", form, path, *more)
        again = self.a.cli("export", form, path, check=False)
        self.assertIn("File exists", again.stderr)
        self.assertEqual([n for n in os.listdir(self.a.folder) if n.startswith(os.path.basename(path))],
                         [os.path.basename(path)])
        self.assertEqual(os.stat(path).st_mode & 0o077, 0)
        return path, result

    def contents(self, one, folder, flags):
        """What a folder says, as far as the other program can know it."""
        def state(mail):
            mine = {k for k in mail.keywords if k.startswith("$bm-")} if folder != "Drafts" else set()
            return {"$bm-sent"} if mine & {"$bm-delivered", "$bm-sent"} else mine
        return sorted((mail["Subject"], address_in(mail["From"]), address_in(mail["To"]),
                       harness.plain_text(mail).rstrip("\n"), sorted(flags & mail.keywords), sorted(state(mail)))
                      for mail in one.mails(folder) if address_in(mail["From"]))

    def empty(self):
        one = self.bittern("b", start=False)
        one.make_account()
        return one

    # ---- PyBitmessage

    def test_pybitmessages_folder_has_it_all(self):
        path, result = self.export("pybitmessage")
        self.assertEqual((result["files"], result["left_out"]), (2, 1))  # here and in Sent; the welcome
        db = sqlite3.connect(os.path.join(path, "messages.dat"))
        self.addCleanup(db.close)
        self.assertEqual(os.listdir(path).__len__(), 2)
        self.assertEqual(db.execute("SELECT value FROM settings WHERE key='version'").fetchone(), ("11",))
        inbox = {row[0]: row[1:] for row in db.execute(
            "SELECT subject, fromaddress, toaddress, folder, read, message, length(msgid), typeof(received)"
            " FROM inbox")}
        self.assertEqual(inbox["Grüße to Bob"], (self.alice, self.bob, "inbox", 1, "From Alice\n>From me\n", 32,
                                                   "text"))
        self.assertEqual(inbox["To be thrown away"][2], "trash")
        self.assertEqual(inbox["In the chan"][1], self.chan)
        self.assertEqual(inbox["News of Bob"][:2], (self.bob, "[Broadcast subscribers]"))
        self.assertEqual(inbox["With a file"][3], 0)
        sent = sorted(db.execute("SELECT subject, toaddress, status, folder, length(toripe) FROM sent"))
        self.assertEqual(sent, sorted([
            ("Grüße to Bob", self.bob, "ackreceived", "sent", 20),
            ("To be thrown away", self.alice, "ackreceived", "sent", 20),
            ("In the chan", self.chan, "msgsentnoackexpected", "sent", 20),
            ("News of Bob", "[Broadcast subscribers]", "broadcastsent", "sent", 20),
            ("To two", FRIEND, "msgqueued", "draft", 20),
            ("To two", self.bob, "ackreceived", "sent", 20),
            ("Taken back", FRIEND, "msgqueued", "draft", 20),
            ("With a file", self.alice, "ackreceived", "sent", 20),
            ("A draft", self.bob, "msgqueued", "draft", 20)]))
        self.assertEqual(db.execute("SELECT * FROM addressbook").fetchall(), [('A "friend", Ä', FRIEND)])
        self.assertEqual(sorted(db.execute("SELECT label, address, enabled FROM subscriptions")),
                         [("Bob", self.bob, 1), ("News", NEWS, 0)])
        self.assertEqual(db.execute("SELECT address FROM blacklist").fetchall(), [(NEWS,)])
        self.assertEqual(db.execute("SELECT address FROM whitelist").fetchall(), [(FRIEND,)])
        with open(os.path.join(path, "keys.dat")) as file:
            text = file.read()
        for line in ("settingsversion = 10", "port = 8555", "maxoutboundconnections = 5", "ttl = 172800",
                     "stopresendingafterxdays = 7", "blackwhitelist = black", "[%s]" % self.alice,
                     "label = 100%% Alice", "chan = true"):
            self.assertIn(line + "\n", text)

    def test_from_pybitmessages_folder_it_comes_back(self):
        path, result = self.export("pybitmessage")
        one = self.empty()
        first = one.json("import", "pybitmessage", path)
        self.assertEqual(first["left_out"], 0)
        again = one.json("import", "pybitmessage", path)
        self.assertEqual({key: again[key]["new"] for key in again if key != "left_out"},
                         dict.fromkeys(("identities", "chans", "contacts", "lists", "mails"), 0))
        one.settings.update({"node.port": "0"})
        one.start()
        for folder in ("INBOX", "Trash", "Chans/general", "Subscriptions/Bob"):
            self.assertEqual(self.contents(one, folder, {"\\Seen"}), self.contents(self.a, folder, {"\\Seen"}))
        self.assertEqual(sorted(m["Subject"] for m in one.mails("Drafts")), ["A draft", "Taken back", "To two"])
        self.assertEqual(sorted(m["Subject"] for m in one.mails("Sent")),
                         sorted(["Grüße to Bob", "To be thrown away", "In the chan", "News of Bob", "To two",
                                 "With a file"]))
        for rows, keys in ((("contact", "list"), ("address", "label")),
                           (("subscriptions",), ("address", "label", "muted")),
                           (("senders", "list"), ("address", "rule")),
                           (("identity", "list"), ("address", "label", "kind", "enabled", "acks", "list",
                                                   "trials_per_byte"))):
            def shown(home):
                found = sorted([row[key] for key in keys] for row in home.json(*rows))
                return [row for row in found if row[0] != self.welcomed(home)]
            self.assertEqual(shown(one), shown(self.a))
        with open(os.path.join(one.home, "bittern.conf")) as file:
            added = file.read().split("# taken over from PyBitmessage\n")[1]
        self.assertEqual(added.split(), "[node] port = 8555 max_outbound = 5 [agent] ttl = 172800"
                                        " give_up_after = 7d".split())

    def welcomed(self, home):
        """The identity that the first start made; an account that the command line made has none."""
        return next((row["address"] for row in home.json("identity", "list") if row["label"] == "me"), "")

    def test_one_account_alone(self):
        self.a.cli("account", "new", "other")
        self.addCleanup(self.a.cli, "account", "delete", "other", "--yes")
        _, result = self.export("pybitmessage", "--account", "other")
        self.assertEqual(result["mails"], 0)

    # ---- notbit

    def test_notbits_folder_goes_out_and_comes_back(self):
        path, _ = self.export("notbit")
        with open(os.path.join(path, "keys.dat")) as file:
            text = file.read()
        self.assertIn("label = 100% Alice\n", text)
        self.assertNotIn(self.chan, text)
        box = mailbox.Maildir(os.path.join(path, "maildir"), create=False)
        mail = next(m for m in box if "With a file" in str(m["Subject"]))
        self.assertEqual((mail["From"], mail["To"]),
                         ("Bob <%s@bitmessage>" % self.bob,
                          "=?UTF-8?B?MTAwJSBBbGljZQ==?= <%s@bitmessage>" % self.alice))
        self.assertEqual(mail.get_flags(), "F")
        one = self.empty()
        self.assertEqual(one.json("import", "notbit", path)["left_out"], 0)
        self.assertEqual(one.json("import", "notbit", path)["mails"]["new"], 0)
        one.start()
        flags = {"\\Seen", "\\Answered", "\\Flagged"}
        self.assertEqual([m for m in self.contents(one, "INBOX", flags)
                          if m[0] in ("Grüße to Bob", "With a file")],
                         [m for m in self.contents(self.a, "INBOX", flags)
                          if m[0] in ("Grüße to Bob", "With a file")])
        theirs, ours = one.find_mail("With a file"), self.a.find_mail("With a file")
        self.assertLess(abs(theirs["Date"].datetime.timestamp() - ours["Date"].datetime.timestamp()), 3)
        self.assertEqual([m["Subject"] for m in one.mails("Trash")], ["To be thrown away"])
        self.assertIn("A draft", [m["Subject"] for m in one.mails("Drafts")])

    # ---- mails as they are

    def test_a_maildir_for_each_mailbox(self):
        path, result = self.export("maildir")
        boxes = {name: mailbox.Maildir(os.path.join(path, "me", name), create=False) for name in FOLDERS}
        self.assertEqual(result["mails"], sum(len(self.a.mails(name)) for name in FOLDERS + ("Outbox",)))
        inbox = {harness.email.header.make_header(harness.email.header.decode_header(m["Subject"])).__str__(): m
                 for m in boxes["INBOX"]}
        self.assertEqual((inbox["Grüße to Bob"].get_flags(), inbox["Grüße to Bob"].get_subdir()), ("RS", "cur"))
        self.assertEqual(inbox["With a file"].get_flags(), "F")
        self.assertEqual((inbox["To two"].get_flags(), inbox["To two"].get_subdir()), ("", "new"))
        self.assertEqual([m.get_flags() for m in boxes["Drafts"]], ["DS"])
        ours = self.a.find_mail("With a file")
        for name in os.listdir(os.path.join(path, "me", "INBOX", "cur")):
            if name.endswith(":2,F"):
                with open(os.path.join(path, "me", "INBOX", "cur", name), "rb") as file:
                    self.assertEqual(file.read().replace(b"\n", b"\r\n"), ours.raw)
        self.assertLess(abs(inbox["With a file"].get_date() - ours["Date"].datetime.timestamp()), 3)

    @unittest.skipUnless(shutil.which("mutt"), "mutt is not installed")
    def test_mutt_reads_the_maildir(self):
        path, _ = self.export("maildir")
        environment = dict(os.environ, HOME=self.a.folder, TERM="xterm", LANG="C.UTF-8")
        terminal = Terminal(["mutt", "-n", "-F", "/dev/null", "-e", "set folder=" + path, "-R", "-f",
                             os.path.join(path, "me", "Chans", "general")], environment)
        try:
            wait_for("mutt to show it", lambda: "In the chan" in terminal.text(), 20)
        finally:
            terminal.close()

    def test_what_can_not_be_written_is_not_there_at_all(self):
        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))

        for form in ("maildir", "mbox", "pybitmessage", "notbit"):
            path = os.path.join(self.a.folder, "small-" + form)
            done = subprocess.run(self.a._arguments() + ["export", form, path], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, preexec_fn=small_files, timeout=60)
            self.assertEqual(done.returncode, 1, form)
            self.assertIn("bittern: ", done.stderr)
            self.assertEqual([name for name in os.listdir(self.a.folder) if name.startswith("small-")], [])
        done = self.a.cli("export", "maildir", os.path.join(self.a.folder, "no", "place"), check=False)
        self.assertIn("No such file", done.stderr)


if __name__ == "__main__":
    harness.main()
