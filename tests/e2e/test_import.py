# SPDX-License-Identifier: MIT
"""A PyBitmessage user's folder is taken over: keys, mails, people, lists, settings; twice, without a
thing doubled; and what is wrong in it is said."""
import mailbox
import os
import sqlite3
import unittest

import harness

TABLES = """
CREATE TABLE inbox (msgid blob, toaddress text, fromaddress text, subject text, received text, message text,
  folder text, encodingtype int, read bool, sighash blob, UNIQUE(msgid) ON CONFLICT REPLACE);
CREATE TABLE sent (msgid blob, toaddress text, toripe blob, fromaddress text, subject text, message text,
  ackdata blob, senttime integer, lastactiontime integer, sleeptill integer, status text, retrynumber integer,
  folder text, encodingtype int, ttl int);
CREATE TABLE subscriptions (label text, address text, enabled bool);
CREATE TABLE addressbook (label text, address text, UNIQUE(address) ON CONFLICT IGNORE);
CREATE TABLE blacklist (label text, address text, enabled bool);
CREATE TABLE whitelist (label text, address text, enabled bool);
"""
FRIEND = "BM-2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK"
NEWS = "BM-GtovgYdgs7qXPkoYaRgrLFuFKz1SFpsw"


class Import(harness.TestCase):
    def setUp(self):
        """The other program's keys are made by a Bittern of its own, and written by export."""
        super().setUp()
        self.other = self.bittern("other", start=False)
        self.other.make_account()
        self.me = self.other.cli("identity", "new", "100% me")
        self.chan = self.other.cli("chan", "create", "general")
        self.folder = os.path.join(self.other.folder, "PyBitmessage")
        os.mkdir(self.folder)
        self.keys = os.path.join(self.folder, "keys.dat")
        self.other.cli("export", "keys", self.keys)
        self.assertEqual(os.stat(self.keys).st_mode & 0o077, 0)
        with open(self.keys, "a") as file:
            file.write("[bitmessagesettings]\nsettingsversion = 10\nport = 8555\nttl = 172800\n"
                       "maxoutboundconnections = 5\nstopresendingafterxdays = 7\ntimeformat = %%c\n")
        self.db = sqlite3.connect(os.path.join(self.folder, "messages.dat"))
        self.db.executescript(TABLES)
        self.addCleanup(self.db.close)

    def received(self, number, subject, to=None, folder="inbox", read=1, text="Hello\nyou", sender=FRIEND):
        self.db.execute("INSERT INTO inbox VALUES (?,?,?,?,?,?,?,2,?,?)",
                        (bytes([number]) * 32, to or self.me, sender, subject, str(1500000000 + number), text,
                         folder, read, bytes([100 + number]) * 32))

    def sent(self, number, subject, status, to=FRIEND):
        self.db.execute("INSERT INTO sent VALUES (?,?,x'',?,?,?,x'',?,?,0,?,0,'sent',2,3600)",
                        (bytes([50 + number]) * 32, to, self.me, subject, "text", 1500000100 + number,
                         1500000100 + number, status))

    def fill(self):
        self.received(1, "Grüße".encode())
        self.received(2, "unread", read=0)
        self.received(3, "in the chan", to=self.chan)
        self.received(4, "news", to="[Broadcast subscribers]", sender=NEWS)
        self.received(5, "thrown away", folder="trash")
        self.received(6, "Injected\nBcc: x@y", text=b"bytes \xff\xfe that are no text")
        self.sent(1, "arrived", "ackreceived")
        self.sent(2, "went", "msgsent")
        self.sent(3, "never left", "awaitingpubkey")
        self.db.execute("INSERT INTO addressbook VALUES ('Friend', ?)", (FRIEND,))
        self.db.execute("INSERT INTO subscriptions VALUES ('News', ?, 1)", (NEWS,))
        self.db.execute("INSERT INTO blacklist VALUES ('Spam', ?, 1)", (NEWS,))
        self.db.commit()

    def subjects(self, one, mailbox):
        return sorted(mail["Subject"] for mail in one.mails(mailbox))

    def test_all_of_it_comes_over_once(self):
        self.fill()
        one = self.bittern("a", start=False)
        one.make_account()
        for expected in (9, 0):
            result = one.json("import", "pybitmessage", self.folder)
            self.assertEqual(result["mails"]["new"], expected, result)
            self.assertEqual(result["left_out"], 0, result)
        self.assertEqual(result["identities"], {"new": 0, "known": 1})
        one.start()

        rows = {row["address"]: row for row in one.json("identity", "list")}
        self.assertEqual(rows[self.me]["label"], "100% me")
        self.assertEqual(rows[self.chan]["kind"], "chan")
        self.assertEqual(self.subjects(one, "INBOX"), sorted(["Grüße", "unread", "Injected Bcc: x@y",
                                                                "Welcome to Bittern"]))
        self.assertEqual(self.subjects(one, "Chans/general"), ["in the chan"])
        self.assertEqual(self.subjects(one, "Subscriptions/News"), ["news"])
        self.assertEqual(self.subjects(one, "Trash"), ["thrown away"])
        self.assertEqual(self.subjects(one, "Drafts"), ["never left"])
        self.assertEqual(self.subjects(one, "Sent"), ["arrived", "went"])
        self.assertIn("$bm-delivered", one.find_mail("arrived", "Sent").keywords)
        self.assertIn("$bm-sent", one.find_mail("went", "Sent").keywords)
        self.assertNotIn("\\Seen", one.find_mail("unread").keywords)
        mail = one.find_mail("Grüße")
        self.assertIn("\\Seen", mail.keywords)
        self.assertEqual(harness.plain_text(mail), "Hello\nyou\n")
        self.assertEqual(mail["Date"].datetime.timestamp(), 1500000001)
        self.assertIn("Friend", mail["From"])
        self.assertIsNone(one.find_mail("Injected Bcc: x@y")["Bcc"])
        self.assertEqual([row["label"] for row in one.json("contact", "list")], ["Friend"])
        self.assertEqual([row["rule"] for row in one.json("senders", "list")], ["block"])
        self.assertEqual(one.states(), [])
        with open(os.path.join(one.home, "bittern.conf")) as file:
            added = file.read().split("# taken over from PyBitmessage\n")
        self.assertEqual(len(added), 2)
        for line in ("[node]", "port = 8555", "max_outbound = 5", "[agent]", "ttl = 172800",
                     "give_up_after = 7d"):
            self.assertIn(line + "\n", added[1])

    def test_a_running_bittern_takes_it_too_and_exports_the_same_keys(self):
        self.fill()
        one = self.bittern("a")
        one.cli("import", "pybitmessage", self.folder)
        self.assertEqual(self.subjects(one, "Chans/general"), ["in the chan"])
        path = os.path.join(one.folder, "keys.dat")
        one.cli("export", "keys", path)
        with open(path) as file:
            text = file.read()
        with open(self.keys) as file:
            for line in file.read().split("[bitmessagesettings]")[0].splitlines():
                if line.startswith(("[BM-", "priv", "label")):
                    self.assertIn(line + "\n", text)
        done = one.cli("export", "keys", path, check=False)
        self.assertIn("File exists", done.stderr)

    def test_all_mails_go_out_again_as_mbox(self):
        self.fill()
        self.received(7, "quoting", text="From here\n>From there\nend")
        self.db.commit()
        one = self.bittern("a", start=False)
        one.make_account()
        one.cli("import", "pybitmessage", self.folder)
        out = os.path.join(one.folder, "out")
        self.assertEqual(one.cli("export", "mbox", out), "11 mails")  # and the welcome
        inbox = mailbox.mbox(os.path.join(out, "me", "INBOX.mbox"))
        mails = {mail["Subject"]: mail for mail in inbox}
        self.assertEqual(mails["unread"]["Status"], "O")
        self.assertEqual(mails["quoting"]["Status"], "RO")
        self.assertEqual(mails["quoting"].get_payload(decode=True), b"From here\n>>From there\nend\n")
        self.assertEqual(mails["quoting"].get_from().split(" ", 1)[1], "Fri Jul 14 02:40:07 2017")
        self.assertEqual(len(mailbox.mbox(os.path.join(out, "me", "Chans", "general.mbox"))), 1)
        self.assertEqual(os.stat(os.path.join(out, "me", "INBOX.mbox")).st_mode & 0o077, 0)
        self.assertIn("File exists", one.cli("export", "mbox", out, check=False).stderr)

    def test_what_is_wrong_is_left_out_and_said(self):
        self.received(1, "good")
        self.db.execute("INSERT INTO addressbook VALUES ('Bad', 'BM-nonsense')")
        self.db.commit()
        with open(self.keys) as file:
            text = file.read()
        with open(self.keys, "w") as file:
            file.write(text.replace(self.me, FRIEND))
        one = self.bittern("a", start=False)
        one.make_account()
        done = one.cli("import", "pybitmessage", self.folder, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("the address and its keys do not belong together", done.stderr)
        self.assertIn("left out an entry", done.stderr)
        self.assertIn("mails       1 new", done.stdout)

    def test_files_that_are_not_what_they_should_be(self):
        one = self.bittern("a", start=False)
        one.make_account()

        def refused(words):
            done = one.cli("import", "pybitmessage", self.folder, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(words, done.stderr)

        with open(self.keys, "a") as file:
            file.write("nonsense\n")
        refused("keys.dat:")
        os.remove(self.keys)
        refused("No such file")
        self.other.cli("export", "keys", self.keys)
        with open(os.path.join(self.folder, "messages.dat"), "wb") as file:
            file.write(b"this is no database" * 100)
        refused("messages.dat")
        self.assertEqual(one.json("identity", "list"), [])

    def test_one_key_by_its_two_lines(self):
        one = self.bittern("a", start=False)
        one.make_account()
        lines = self.other.cli("export", "key", "100% me")
        self.assertEqual(lines.split("\n"), self.other.cli("export", "key", self.me).split("\n"))
        self.assertEqual([len(line) for line in lines.split("\n")], [51, 51])
        wrong = one.cli("import", "key", self.me, stdin="\n".join(reversed(lines.split("\n"))) + "\n", check=False)
        self.assertIn("do not belong together", wrong.stderr)
        self.assertIn("encryption key", one.cli("import", "key", self.me, stdin=lines.split("\n")[0] + "\n",
                                                check=False).stderr)
        one.cli("import", "key", self.me, "me again", stdin=lines + "\n")
        self.assertEqual([(r["address"], r["label"]) for r in one.json("identity", "list")],
                         [(self.me, "me again")])
        self.assertIn("here already", one.cli("import", "key", self.me, stdin=lines + "\n", check=False).stderr)

    def test_what_is_here_keeps_its_label(self):
        self.fill()
        one = self.bittern("a", start=False)
        one.make_account()
        one.cli("contact", "add", FRIEND, "My own word")
        one.cli("subscribe", NEWS, "My news")
        result = one.json("import", "pybitmessage", self.folder)
        self.assertEqual(result["contacts"], {"new": 0, "known": 1})
        self.assertEqual([row["label"] for row in one.json("contact", "list")], ["My own word"])
        self.assertEqual([row["label"] for row in one.json("subscriptions")], ["My news"])

    def test_a_single_key_file(self):
        one = self.bittern("a", start=False)
        one.make_account()
        self.assertIn("identities  1 new", one.cli("import", "keys", self.keys))
        self.assertIn("identities  0 new, 1 were there", one.cli("import", "keys", self.keys))


if __name__ == "__main__":
    harness.main()
