# SPDX-License-Identifier: MIT
"""The same by each way: what one does with identities and subscriptions by the command line, by a mail
to bittern@bm.alt and over HTTP; addresses of version 3; codes that a camera reads; a full account."""
import imaplib
import json
import os
import shutil
import smtplib
import sqlite3
import subprocess
import tempfile
import unittest
import urllib.parse

import bmwire
import harness
import web
from harness import mail_address, plain_text, wait_for

VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vectors")


class Ways(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.a = harness.Bittern(name="a")
        cls.a.start()
        cls.a.make_account()
        cls.b = harness.Bittern(dict(harness.QUICK, **{
            "network.connect": "127.0.0.1:%d" % cls.a.status()["node"]["port"]}), name="b")
        cls.b.start()
        cls.b.make_account()
        wait_for("a and b to meet", lambda: cls.b.status()["node"]["peers_out"] == 1)
        cls.speaker = cls.a.identity("Speaks for others")

    @classmethod
    def tearDownClass(cls):
        cls.a.close()
        cls.b.close()

    # ---- the ways; each gives the words of a refusal, or None

    def by_cli(self, *words):
        done = self.a.cli(*words, check=False)
        return None if done.returncode == 0 else done.stderr

    def by_mail(self, *words):
        before = len(self.a.mails())
        self.a.send(self.speaker, "bittern@bm.alt", " ".join("'%s'" % word for word in words))
        answer = plain_text(wait_for("an answer", lambda: self.a.mails()[before:])[0])
        return answer if "not done" in answer else None

    def by_http(self, *words):
        browser = web.Web(self.a)
        browser.log_in(self.a.account, self.a.password)
        call, params = {
            "identity rename": ("identity.rename", lambda who, label: {"address": who, "label": label}),
            "identity disable": ("identity.enable", lambda who: {"address": who, "enabled": False}),
            "identity enable": ("identity.enable", lambda who: {"address": who}),
            "identity delete": ("identity.delete", lambda who: {"address": who}),
            "subscribe": ("subscription.add", lambda who, label: {"address": who, "label": label}),
            "mute": ("subscription.mute", lambda who: {"address": who}),
            "unmute": ("subscription.mute", lambda who: {"address": who, "muted": False}),
            "unsubscribe": ("subscription.remove", lambda who: {"address": who}),
        }[" ".join(words[:2]) if words[0] == "identity" else words[0]]
        answer = browser.call(call, **params(*words[2 if words[0] == "identity" else 1:])).json
        return answer["error"]["message"] if "error" in answer else None

    WAYS = (by_cli, by_mail, by_http)

    # ---- identities

    def logs_in(self, address):
        box = imaplib.IMAP4("127.0.0.1", self.a.status()["imap"]["port"], timeout=60)
        try:
            box.login(mail_address(address), self.a.password)
            return True
        except imaplib.IMAP4.error:
            return False
        finally:
            box.shutdown()

    def test_an_identity_is_renamed_and_switched_off_by_each_way(self):
        bob = self.b.identity("Writes to each")
        for way in self.WAYS:
            name = way.__name__.replace("_", " ")
            with self.subTest(name):
                one = self.a.identity("First " + name)
                self.assertIsNone(way(self, "identity", "rename", one, "Second " + name))
                shown = self.a.json("identity", "show", "second " + name)
                self.assertEqual((shown["address"], shown["enabled"]), (one, True))
                self.assertIn("identity or chan", way(self, "identity", "rename", "First " + name, "x") or "done")

                self.b.send(bob, one, "While on " + name)
                self.a.wait_mail("While on " + name)
                self.assertIsNone(way(self, "identity", "disable", "second " + name))
                self.assertFalse(self.logs_in(one))
                self.b.send(bob, one, "While off " + name)
                self.b.wait_state("sent", "While off " + name)
                self.b.send(bob, self.speaker, "Barrier " + name)
                self.a.wait_mail("Barrier " + name)
                self.assertIsNone(self.a.find_mail("While off " + name))

                # What came meanwhile and is still in the network arrives then.
                self.assertIsNone(way(self, "identity", "enable", one))
                self.a.wait_mail("While off " + name)
                self.assertTrue(self.logs_in(one))

    def test_what_a_mail_may_not_do_it_does_not(self):
        one = self.a.identity("Stays here")
        self.assertIn("not done", self.by_mail("identity", "delete", one))
        self.assertIn("not done", self.by_mail("identity", "move", one, "me"))
        self.assertEqual(self.a.json("identity", "show", one)["label"], "Stays here")
        self.assertIsNone(self.by_http("identity", "delete", one))
        self.assertIn("no identity", self.by_cli("identity", "show", one))

    # ---- subscriptions

    def test_broadcasts_are_subscribed_to_by_each_way(self):
        for number, way in enumerate(self.WAYS):
            name = way.__name__.replace("_", " ")
            with self.subTest(name):
                news = self.b.identity("News " + name)
                folder = "Subscriptions/paper %d" % number

                def publish(subject):
                    self.b.send(news, "broadcast@bm.alt", subject)
                    self.b.wait_state("sent", subject)
                publish("Old " + name)
                self.assertIsNone(way(self, "subscribe", news, "paper %d" % number))
                self.a.wait_mail("Old " + name, folder)
                self.assertIsNone(way(self, "mute", news))
                publish("Muted " + name)
                self.b.send(news, self.speaker, "Barrier " + name)
                self.a.wait_mail("Barrier " + name)
                self.assertIsNone(self.a.find_mail("Muted " + name, folder))
                self.assertIsNone(way(self, "unmute", news))
                self.a.wait_mail("Muted " + name, folder)
                self.assertIsNone(way(self, "unsubscribe", news))
                self.assertNotIn(news, [row["address"] for row in self.a.json("subscriptions")])
                self.assertIn("no such", way(self, "unsubscribe", news) or "nothing was refused")

    # ---- addresses of version 3

    def test_a_deterministic_address_of_version_3_is_written_to(self):
        """Made here and there from the same words, sent to before its key is known, and answered."""
        with open(os.path.join(VECTORS, "deterministic.json")) as file:
            rows = [row for row in json.load(file)["single"] if row["version"] == 3]
        alice = self.a.identity("Writes to an old version")
        for short in (False, True):
            row = next(r for r in rows if r["eighteen_byte_ripe"] == short)
            words = bytes.fromhex(row["passphrase_hex"]).decode()
            self.a.send(alice, row["address"], "Before its key %s" % short)
            self.a.wait_state("awaiting-key", "Before its key %s" % short)
            made = self.b.cli("identity", "new", "three %s" % short, "--passphrase", "--version", "3",
                              "--stream", "1", *(["--short"] if short else []), stdin=words + "\n")
            self.assertEqual(made, row["address"])
            self.b.wait_mail("Before its key %s" % short)
            self.a.wait_state("delivered", "Before its key %s" % short)
            path = os.path.join(self.b.folder, "three.dat")
            self.b.cli("export", "keys", path)
            with open(path) as file:
                exported = file.read()
            os.unlink(path)
            self.assertIn("privsigningkey = " + row["privsigning_wif"], exported)
            self.assertIn("privencryptionkey = " + row["privencryption_wif"], exported)
            self.b.send(made, alice, "Answer %s" % short)
            self.assertIn(made, self.a.wait_mail("Answer %s" % short)["From"])

    # ---- the work of those one knows

    def test_whom_one_knows_is_told_to_work_less(self):
        """A demand is public; what one writes to a contact tells it the network's least."""
        bob = self.b.identity("Demands much")
        friend, stranger = self.a.identity("Friend of his"), self.a.identity("Stranger to him")
        self.b.cli("identity", "set", bob, "--difficulty", "20", "--small-difficulty", "20")
        self.b.cli("contact", "add", friend, "friend")
        expected = {friend: (10, 10), stranger: (200, 200)}
        for who, demand in expected.items():
            self.b.send(bob, who, "To one of them")
            wait_for("the mail", lambda: [m for m in self.a.mails() if m["Subject"] == "To one of them"
                                          and who in m["To"]])
            self.assertEqual(self.known_demand(bob), demand)
            self.a.send(who, bob, "From %s" % who)
            self.b.wait_mail("From %s" % who)

    def known_demand(self, address):
        """What a would do for a mail to it."""
        db = sqlite3.connect("file:%s/gateway/mail.db?mode=ro" % self.a.home, uri=True)
        try:
            row = db.execute("SELECT sender FROM pubkey WHERE address = ?", (address,)).fetchone()
            reader = bmwire.Reader(row[0][2 + 4 + 2 * 64:])  # behind version, stream, behaviour, keys
            return reader.var_int(), reader.var_int()
        finally:
            db.close()

    # ---- codes

    @unittest.skipUnless(shutil.which("zbarimg"), "zbarimg is not installed")
    def test_a_camera_reads_the_codes(self):
        labels = ["Code", "with sp ace & \u00e9", "x" * 100]
        for label in labels:
            address = self.a.identity(label)
            link = "bitmessage:%s?label=%s" % (address, urllib.parse.quote(label))
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "code.png")
                self.a.cli("identity", "qr", address, "--png", path)
                self.assertEqual(self.scan(path), link)
                path = os.path.join(folder, "screen.pgm")
                drawn = self.a.cli("identity", "qr", address)
                self.assertIn(link, drawn)
                with open(path, "wb") as file:
                    file.write(picture_of(drawn))
                self.assertEqual(self.scan(path), link)

    def scan(self, path):
        done = subprocess.run(["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", path],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.rstrip("\n")

    # ---- a full account

    def test_what_arrives_at_a_full_account_is_kept_and_what_is_put_in_refused(self):
        c = self.bittern("c", peers=[self.a])
        carol = c.identity("Carol")
        c.send(carol, carol, "First")
        c.wait_mail("First")
        row = c.json("account", "list")[0]
        c.cli("account", "quota", row["name"], "--messages", str(row["messages"]))
        self.a.send(self.speaker, carol, "Above the bound")
        c.wait_mail("Above the bound")
        self.a.wait_state("delivered", "Above the bound")
        row = c.json("account", "list")[0]
        self.assertGreater(row["messages"], row["quota_messages"])

        # It is told: by the mail program's own means, and wherever somebody puts in more.
        box = c.imap("INBOX")
        quota = str(box.getquotaroot("INBOX"))
        self.assertIn("MESSAGE %d %d" % (row["messages"], row["quota_messages"]), quota)
        answer = box.append("INBOX", None, None, b"Subject: mine\r\n\r\nx")
        self.assertEqual(answer[0], "NO")
        self.assertIn("OVERQUOTA", str(answer))
        with self.assertRaises(smtplib.SMTPDataError) as caught:
            c.send(carol, self.speaker, "Not taken")
        self.assertIn(b"quota", caught.exception.smtp_error)
        self.assertEqual([r for r in c.states() if r["subject"] == "Not taken"], [])

        # One above is refused, one below is not.
        c.cli("account", "quota", row["name"], "--messages", str(row["messages"] + 1))
        self.assertEqual(box.append("INBOX", None, None, b"Subject: mine\r\n\r\nx")[0], "OK")
        self.assertEqual(box.append("INBOX", None, None, b"Subject: mine\r\n\r\nx")[0], "NO")
        box.logout()


def picture_of(drawn):
    """What a terminal shows of half blocks, white on black: a grey picture."""
    halves = {" ": (0, 0), "\u2580": (255, 0), "\u2584": (0, 255), "\u2588": (255, 255)}
    lines = [line for line in drawn.split("\n") if line and set(line) <= set(halves)]
    width = max(len(line) for line in lines)
    scale = 6
    rows = []
    for line in lines:
        line = line.ljust(width)
        for half in (0, 1):
            rows += [b"".join(bytes([halves[c][half]]) * scale for c in line)] * scale
    return b"P5 %d %d 255\n" % (width * scale, len(rows)) + b"".join(rows)


if __name__ == "__main__":
    harness.main()
