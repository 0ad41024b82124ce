# SPDX-License-Identifier: MIT
"""Text in every dress that a mail program gives it arrives as the same text."""
import base64
import quopri

import harness
from harness import plain_text


def mail(sender, recipient, subject, content_headers, body):
    head = "From: %s@bm.alt\r\nTo: %s@bm.alt\r\nSubject: %s\r\nMIME-Version: 1.0\r\n%s\r\n\r\n" % (
        sender, recipient, subject, content_headers)
    return head.encode() + body


class Texts(harness.TestCase):
    def setUp(self):
        self.a, self.b = self.pair()
        self.alice = self.a.identity("Alice")
        self.bob = self.b.identity("Bob")

    def arrives(self, subject, content_headers, body, expected, wire_subject=None):
        raw = mail(self.alice, self.bob, wire_subject or subject, content_headers, body)
        self.a.send(self.alice, self.bob, raw=raw)
        received = self.b.wait_mail(subject)
        self.assertEqual(plain_text(received).rstrip("\n"),
                         expected.rstrip("\n"))

    def test_each_charset_and_encoding(self):
        text = "Grüße aus Köln, 5 € für Größe.\nZweite Zeile.\n"
        crlf = text.replace("\n", "\r\n")
        latin = crlf.replace("€", "EUR")
        self.arrives("UTF-8, 8 bit", "Content-Type: text/plain; charset=utf-8\r\n"
                     "Content-Transfer-Encoding: 8bit", crlf.encode(), text)
        self.arrives("Latin-1, 8 bit", "Content-Type: text/plain; charset=iso-8859-1\r\n"
                     "Content-Transfer-Encoding: 8bit", latin.encode("latin-1"),
                     text.replace("€", "EUR"))
        self.arrives("quoted-printable", "Content-Type: text/plain; charset=utf-8\r\n"
                     "Content-Transfer-Encoding: quoted-printable",
                     quopri.encodestring(text.encode()).replace(b"\n", b"\r\n"), text)
        self.arrives("base64", "Content-Type: text/plain; charset=utf-8\r\n"
                     "Content-Transfer-Encoding: base64",
                     base64.encodebytes(crlf.encode()).replace(b"\n", b"\r\n"), text)
        self.arrives("Prüfung", "Content-Type: text/plain; charset=us-ascii", b"plain\r\n", "plain\n",
                     wire_subject="=?utf-8?b?%s?=" % base64.b64encode("Prüfung".encode()).decode())

    def test_html_alone_becomes_text(self):
        html = (b"<html><head><style>p {color: red}</style></head><body><p>Hello <b>Bob</b>,</p>"
                b"<p>one &amp; two</p><script>alert(1)</script></body></html>\r\n")
        raw = mail(self.alice, self.bob, "HTML", "Content-Type: text/html; charset=utf-8", html)
        self.a.send(self.alice, self.bob, raw=raw)
        text = plain_text(self.b.wait_mail("HTML"))
        self.assertIn("Hello Bob", text)
        self.assertIn("one & two", text)
        self.assertNotIn("alert", text)
        self.assertNotIn("color", text)

    def test_of_alternatives_the_plain_one_goes(self):
        body = (b"--x\r\nContent-Type: text/plain\r\n\r\nthe plain one\r\n"
                b"--x\r\nContent-Type: text/html\r\n\r\n<p>the other</p>\r\n--x--\r\n")
        self.arrives("Alternatives", "Content-Type: multipart/alternative; boundary=x", body,
                     "the plain one")

    def test_a_hundred_kilobytes(self):
        text = "".join("Line %d of a long letter, as people write them.\n" % i for i in range(2000))
        self.assertGreater(len(text), 90000)
        self.arrives("Long", "Content-Type: text/plain; charset=utf-8",
                     text.replace("\n", "\r\n").encode(), text)

    def test_nothing_of_the_mail_program_leaves(self):
        raw = (("From: Alice <%s@bm.alt>\r\nTo: %s@bm.alt\r\nSubject: Private\r\n"
                "Date: Mon, 1 Jan 2001 01:02:03 +0845\r\nMessage-ID: <secret-id@my.host.example>\r\n"
                "User-Agent: NosyMail 1.2\r\nX-Mailer: nosy\r\nReceived: from my.host.example\r\n"
                "Organization: The Firm\r\n\r\nbody\r\n") % (self.alice, self.bob)).encode()
        self.a.send(self.alice, self.bob, raw=raw)
        received = self.b.wait_mail("Private").raw
        for leak in (b"secret-id", b"my.host.example", b"Nosy", b"nosy", b"+0845", b"The Firm", b"2001"):
            self.assertNotIn(leak, received)


if __name__ == "__main__":
    harness.main()
