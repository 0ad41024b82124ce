# SPDX-License-Identifier: MIT
"""Hostile mail clients: the right error in the protocol's own terms, no crash, no growth."""
import os
import socket
import time

import harness
from harness import wait_for


class Line:
    """A raw connection."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def line(self):
        try:
            return self.file.readline()
        except (ConnectionResetError, socket.timeout):
            return b""

    def rest(self):
        data = b""
        try:
            while True:
                piece = self.file.read(65536)
                if not piece:
                    return data
                data += piece
        except (ConnectionResetError, socket.timeout):
            return data

    def close(self):
        self.file.close()
        self.socket.close()


class Hostile(harness.TestCase):
    def setUp(self):
        self.a = self.bittern("a")
        status = self.a.status()
        self.imap_port = status["imap"]["port"]
        self.smtp_port = status["smtp"]["port"]
        self.pids = status["pids"]

    def tearDown(self):
        pids = self.a.status()["pids"]
        self.assertEqual(pids, self.pids, "a process died")
        self.a.imap("INBOX").logout()

    def connect(self, port):
        line = Line(port)
        self.addCleanup(line.close)
        line.greeting = line.line()
        return line

    def smtp(self, *commands):
        """The last reply line of each command."""
        line = self.connect(self.smtp_port)
        self.assertTrue(line.greeting.startswith(b"220"))
        replies = []
        for command in commands:
            line.send(command)
            reply = line.line()
            while reply[3:4] == b"-":
                reply = line.line()
            replies.append(reply)
        return replies, line

    def test_smtp_lines_without_end_and_out_of_order(self):
        replies, _ = self.smtp(b"EHLO x\r\n", b"DATA\r\n", b"RCPT TO:<a@b>\r\n", b"NOOP \0\r\n",
                               b"MAIL FROM:<x@y>\r\n")
        self.assertTrue(replies[0].startswith(b"250"))
        for reply in replies[1:]:
            self.assertIn(reply[:1], (b"5",), reply)
        line = self.connect(self.smtp_port)
        line.send(b"EHLO " + b"x" * 200000 + b"\r\n")
        self.assertTrue(line.line().startswith(b"500"))

    def test_smtp_bare_line_feeds_are_refused(self):
        line = self.connect(self.smtp_port)
        line.send(b"EHLO x\nNOOP\n")
        self.assertTrue(line.rest().startswith(b"5"))

    def test_smtp_smuggling_stays_one_mail(self):
        identity = self.a.identity("s") + "@bm.alt"
        for end in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\r\n\0.\r\n"):
            server = self.a.smtp()
            self.assertEqual(server.docmd("MAIL FROM:<%s>" % identity)[0], 250)
            self.assertEqual(server.docmd("RCPT TO:<%s>" % identity)[0], 250)
            self.assertEqual(server.docmd("DATA")[0], 354)
            server.sock.sendall(b"Subject: outer\r\n\r\nx" + end + b"MAIL FROM:<evil@bm.alt>\r\n"
                                b"RCPT TO:<" + identity.encode() + b">\r\nDATA\r\nSubject: smuggled\r\n"
                                b"\r\nevil\r\n.\r\n")
            try:
                code, _ = server.getreply()
                self.assertIn(code // 100, (2, 5))
            except Exception:
                pass
            server.close()
        time.sleep(1)
        self.assertIsNone(self.a.find_mail("smuggled"))

    def test_http_and_tls_at_the_mail_ports(self):
        for port in (self.smtp_port, self.imap_port):
            line = self.connect(port)
            line.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = line.rest()
            self.assertLess(len(answer), 500)
            self.assertLessEqual(answer.count(b"\n"), 2)
            line = self.connect(port)
            line.send(bytes.fromhex("1603010200010001fc0303") + os.urandom(200))
            line.rest()

    def test_imap_lines_and_literals(self):
        line = self.connect(self.imap_port)
        line.send(b"a LOGIN {99999999999999999999}\r\n")
        self.assertIn(b"BAD", line.line())
        line = self.connect(self.imap_port)
        line.send(b"a LOGIN {9223372036854775807+}\r\nxx")
        self.assertRegex(line.line(), rb"BAD|NO|BYE")
        line = self.connect(self.imap_port)
        line.send(b"x" * 1200000)
        self.assertRegex(line.rest(), rb"BAD|BYE")
        line = self.connect(self.imap_port)
        line.send(b"a FETCH 1 " + b"(" * 4000 + b"\r\n")
        self.assertIn(b"a BAD", line.line())
        line = self.connect(self.imap_port)
        line.send(b"a SELECT INBOX\r\nb NOOP\r\n\0c NOOP\r\n")
        self.assertRegex(line.line(), rb"a (NO|BAD)")
        self.assertIn(b"b OK", line.line())
        self.assertRegex(line.line(), rb"BAD|BYE")

    def test_imap_appends_of_hostile_mails_are_served_and_come_back(self):
        box = self.a.imap("INBOX")
        mails = [
            b"Content-Type: multipart/mixed; boundary=\"\\\"\"\r\n\r\nx\r\n",
            b"Content-Type: multipart/mixed; boundary=never\r\n\r\nno part\r\n",
            b"Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nx=5",
            b"From: " + b"(" * 100000 + b"\r\n\r\nx\r\n",
            b"Subject: =?utf-8?q?" + b"=ff" * 5000 + b"?=\r\n\r\nx\r\n",
            b"\xff\xfe\x80\x81" * 1000,
            b"To: " + b"a@b, " * 20000 + b"c@d\r\n\r\nx\r\n",
            b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i)
                     for i in range(2000)),
        ]
        for raw in mails:
            self.assertEqual(box.append("INBOX", "", None, raw)[0], "OK")
        box.noop()
        uids = box.uid("SEARCH", "ALL")[1][0].split()[-len(mails):]
        for uid, raw in zip(uids, mails):
            status, data = box.uid("FETCH", uid.decode(), "(ENVELOPE BODYSTRUCTURE BODY.PEEK[])")
            self.assertEqual(status, "OK")
            bodies = [item[1] for item in data if isinstance(item, tuple)]
            self.assertIn(raw, bodies)
        box.logout()

    def test_slow_and_many_connections_leave_room_for_an_honest_one(self):
        held = []
        for _ in range(200):
            line = self.connect(self.imap_port)
            line.send(b"a LOG")
            held.append(line)
        began = time.monotonic()
        self.a.imap("INBOX").logout()
        self.assertLess(time.monotonic() - began, 15)


if __name__ == "__main__":
    harness.main()
