# SPDX-License-Identifier: MIT
"""Submission as a whole: every extension that EHLO offers, and every form that an address may have."""
import base64
import email.utils
import hashlib
import hmac
import json
import os
import smtplib
import socket
import unittest

import harness
from harness import mail_address

B58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class Submission(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.a = harness.Bittern(name="submission")
        try:
            cls.a.start()
            cls.a.make_account()
            cls.alice = cls.a.identity("Alice")
            cls.bob = cls.a.identity("Bob Smith")
            cls.juergen = cls.a.identity("Jürgen")
        except BaseException:
            cls.a.close()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.a.close()

    def setUp(self):
        self.server = self.a.smtp()
        self.addCleanup(self.server.close)

    def code(self, line):
        code, words = self.server.docmd(line)
        return code, words.decode()

    def begin(self, *options):
        code, words = self.server.mail(mail_address(self.alice), options)
        self.assertEqual(code, 250, words)

    # ---- addresses

    def test_every_form_of_an_address(self):
        other = self.bob
        wrong = other[:10] + next(c for c in B58 if c != other[10]) + other[11:]
        self.begin("SMTPUTF8")
        for typed, expected in (
                (other + "@bm.alt", 250), (other + "@BM.ALT", 250), (other + "@bitmessage.alt", 250),
                (other + "@bitmessage", 250), (other + "@bm.addr", 250), (other + "@bmaddr.lan", 250),
                (other, 250), (other[3:], 250), (other.lower() + "@bm.alt", 250),
                (other.upper() + "@bm.alt", 250), ('"%s"@bm.alt' % other, 250),
                ("Alice@bm.alt", 250), ("ALICE@bm.alt", 250), ('"Bob Smith"@bm.alt', 250),
                ('"Bob\\ Smith"@bm.alt', 250), ("Jürgen@bm.alt", 250), ("broadcast@bm.alt", 250),
                (other + "+ttl=2d@bm.alt", 250), ("Alice+ttl=36h@bm.alt", 250),
                ("@relay.example:" + other + "@bm.alt", 250),
                (other + "+ttl=2y@bm.alt", 550), (other + "+ttl=1m@bm.alt", 550), (wrong + "@bm.alt", 550),
                ("nobody@bm.alt", 550), ("alice@example.org", 550), ("name@namecoin.bm.alt", 550),
                ("BM-@bm.alt", 550), ("Bob Smith@bm.alt", 501), ("", 501)):
            with self.subTest(typed=typed):
                code, words = self.server.docmd("RCPT", "TO:<%s>" % typed) if typed.isascii() else (
                    self.raw("RCPT TO:<%s>" % typed))
                self.assertEqual(code, expected, words)

    def raw(self, line):
        self.server.send((line + "\r\n").encode())
        return self.server.getreply()

    def test_a_misspelt_one_is_refused_with_what_was_meant(self):
        self.begin()
        place = 12
        wrong = self.bob[:place] + next(c for c in B58 if c != self.bob[place]) + self.bob[place + 1:]
        code, words = self.code("RCPT TO:<%s@bm.alt>" % wrong)
        self.assertEqual(code, 550)
        self.assertTrue(words.startswith("5.1.1 "), words)
        self.assertIn("did you mean %s (Bob Smith)?" % self.bob, words.replace("\n5.1.1 ", ""))
        code, words = self.code("RCPT TO:<%s@bm.alt>" % (self.bob[:8] + "zzzz" + self.bob[12:]))
        self.assertEqual((code, "did you mean" in words), (550, False))

    def test_groups_comments_and_names_in_the_header(self):
        mail = ("From: (I am) Alice <%s>\nTo: friends: \"Smith, Bob\" <%s> (the one), %s;\n"
                "Cc: undisclosed-recipients:;\nSubject: to a group\n\nx\n") % (
                    mail_address(self.alice), mail_address(self.bob), mail_address(self.juergen))
        self.a.cli("sendmail", "-t", stdin=mail)
        def arrived():
            return [m for m in self.a.mails() if m["Subject"] == "to a group"]
        harness.wait_for("both mails", lambda: len(arrived()) == 2)
        found = arrived()
        self.assertEqual({str(m["To"]).split("<")[1].rstrip(">") for m in found},
                         {mail_address(self.bob), mail_address(self.juergen)})

    def test_a_sender_that_is_not_ours_is_refused_with_those_that_are(self):
        code, words = self.server.mail("somebody@example.org")
        self.assertEqual(code, 550)
        self.assertTrue(words.startswith(b"5.7.1 "))
        self.assertIn("which are: ", words.decode().replace("\n5.7.1 ", ""))

    # ---- extensions

    def test_the_queue_is_listed_whole_in_parts(self):
        chan = self.a.cli("chan", "create", "in parts").split()[0]
        before = len(self.a.states())
        for i in range(201):
            self.server.sendmail(mail_address(self.alice), [mail_address(chan)],
                                 "From: %s\r\nSubject: part %d\r\n\r\nx\r\n" % (mail_address(self.alice), i))
        rows = self.a.states()
        self.assertEqual(len(rows), before + 201)
        self.assertEqual(len({row["id"] for row in rows}), len(rows))
        self.assertEqual(rows[-1]["subject"], "part 200")
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(os.path.join(self.a.home, "control.sock"))
            control.sendall(json.dumps({"call": "queue.list", "params": {"after": rows[0]["id"]}}).encode() + b"\n")
            part = json.loads(control.makefile().readline())["result"]
        self.assertEqual([row["id"] for row in part], [row["id"] for row in rows[1:201]])

    def test_what_is_offered(self):
        server = smtplib.SMTP("127.0.0.1", self.a.status()["smtp"]["port"])
        self.addCleanup(server.close)
        server.ehlo("me")
        offered = server.esmtp_features
        for name in ("size", "pipelining", "8bitmime", "smtputf8", "chunking", "binarymime", "dsn",
                     "enhancedstatuscodes", "deliverby", "starttls", "auth", "limits", "help"):
            self.assertIn(name, offered)
        self.assertEqual(set(offered["auth"].split()), {"PLAIN", "LOGIN", "SCRAM-SHA-256"})
        self.assertIn("RCPTMAX=1000", offered["limits"])
        code, words = server.docmd("HELP")
        self.assertEqual(code, 214)
        self.assertIn(b"BDAT", words)
        server.starttls()
        server.ehlo("me")
        self.assertNotIn("starttls", server.esmtp_features)

    def test_scram(self):
        server = smtplib.SMTP("127.0.0.1", self.a.status()["smtp"]["port"])
        self.addCleanup(server.close)
        server.ehlo("me")
        bare = "n=%s,r=fyko+d2lbbFgONRv" % self.a.account
        code, challenge = server.docmd("AUTH", "SCRAM-SHA-256 " + base64.b64encode(("n,," + bare).encode()).decode())
        self.assertEqual(code, 334)
        first = base64.b64decode(challenge).decode()
        nonce, salt, rounds = (field[2:] for field in first.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", self.a.password.encode(), base64.b64decode(salt), int(rounds))

        def mac(key, text):
            return hmac.new(key, text, hashlib.sha256).digest()
        client = mac(salted, b"Client Key")
        without = "c=biws,r=" + nonce
        signed = ",".join((bare, first, without)).encode()
        proof = bytes(x ^ y for x, y in zip(client, mac(hashlib.sha256(client).digest(), signed)))
        code, last = server.docmd(base64.b64encode(
            ("%s,p=%s" % (without, base64.b64encode(proof).decode())).encode()).decode())
        if code == 334:
            self.assertEqual(base64.b64decode(last).decode(), "v=" + base64.b64encode(
                mac(mac(salted, b"Server Key"), signed)).decode())
            code, last = server.docmd("")
        self.assertEqual(code, 235, last)

    def test_chunks_and_binary(self):
        data = bytes(range(256)) * 3
        mail = (b"From: %s\r\nTo: %s\r\nSubject: in chunks\r\nMIME-Version: 1.0\r\n"
                b"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\nsee\r\n--B\r\n"
                b"Content-Type: application/x-noise; name=n\r\nContent-Disposition: attachment; filename=n\r\n"
                b"Content-Transfer-Encoding: binary\r\n\r\n%s\r\n--B--\r\n") % (
                    mail_address(self.alice).encode(), mail_address(self.bob).encode(), data)
        self.begin("BODY=BINARYMIME")
        self.assertEqual(self.server.rcpt(mail_address(self.bob))[0], 250)
        self.assertEqual(self.code("DATA")[0], 503)
        for start in range(0, len(mail), 300):
            chunk = mail[start:start + 300]
            last = b" LAST" if start + 300 >= len(mail) else b""
            self.server.sock.sendall(b"BDAT %d%s\r\n" % (len(chunk), last) + chunk)
            self.assertEqual(self.server.getreply()[0], 250)
        got = self.a.wait_mail("in chunks")
        self.assertEqual([p.get_payload(decode=True) for p in got.iter_attachments()], [data])

    def test_deliver_by_is_the_lifetime_and_dsn_is_taken(self):
        self.begin("BY=7200;R", "RET=HDRS", "ENVID=q1", "SIZE=200")
        self.assertEqual(self.server.rcpt(mail_address(self.bob), [
            "NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;bob+40example.org"])[0], 250)
        code, words = self.server.data(("From: %s\r\nSubject: short lived\r\n\r\nx\r\n" % mail_address(
            self.alice)).encode())
        self.assertEqual(code, 250, words)
        got = self.a.wait_mail("short lived")
        expires = got["X-Bitmessage-Expires"]
        self.assertIsNotNone(expires)
        left = email.utils.parsedate_to_datetime(str(expires)).timestamp() - \
            email.utils.parsedate_to_datetime(str(got["Date"])).timestamp()
        self.assertLess(abs(left - 7200), 700)
        for options, expected in ((["NOTIFY=NEVER,DELAY"], 501), (["NOTIFY=X"], 501), (["FOO=1"], 555)):
            self.begin()
            self.assertEqual(self.server.rcpt(mail_address(self.bob), options)[0], expected)
            self.server.rset()


if __name__ == "__main__":
    harness.main()
