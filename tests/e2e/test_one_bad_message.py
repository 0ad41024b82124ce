# SPDX-License-Identifier: MIT
"""One bad message never makes a mailbox unreadable: whatever bytes were appended come back the same, and what
is told of their form is legal by IMAP's grammar (RFC 9051 section 9), which a parser here holds it to."""
import random
import re
import time
import unittest

import harness
import hostile_clients as raw

N_MAILS = 400
N_AT_ONCE = 50

SAMPLES = [
    b"From: Alice <a@b.c>, \"B, \\\"C\\\"\" <d@e>, group: x@y, z@w;, <@r,@s:t@u>\r\nTo: undisclosed-recipients:;\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= =?x?y?z?=\r\nDate: Sat, 21 Nov 2026 12:00:00 +0100\r\n"
    b"Message-ID: <1@b>\r\nIn-Reply-To: <0@b> <2@b>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=\"b b\"; x*0*=utf-8''a; x*1=b\r\n\r\npreamble\r\n--b b\r\n"
    b"Content-Type: text/html; charset=x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=41=4\r\n"
    b"--b b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: multipart/alternative; "
    b"boundary=i\r\n\r\n--i\r\n\r\none\r\n--i\r\nContent-Type: application/x; name=n\r\n"
    b"Content-Disposition: attachment; filename*=utf-8''%c3\r\nContent-Language: de, en\r\nContent-MD5: x\r\n\r\n"
    b"AAAA\r\n--i--\r\n--b b--\r\nepilogue\r\n",
    b"Subject: a\r\n folded\r\n\tagain\r\nFROM: x (comment (nested) y) <p@q>\r\nSender: \r\nReply-To: ,,,\r\n\r\nbody",
    b"Content-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n\r\nSubject: 1\r\n\r\nx\r\n--d\r\n\r\n--d--\r\n",
    b"Content-Type: text/plain; charset=\"utf-8\r\n\r\nx", b"\r\n", b"x", b": y\r\n\r\n", b"X\r\n Y\r\n\r\n",
]
PIECES = [b"\r\n", b"\r", b"\n", b"--b b\r\n", b"--b b--", b"(", b")", b"\"", b"\\", b"<", b">", b";", b",", b":", b"=?",
          b"?=", b"\xff", b"\xc3\xbc", b"%", b"*0*=", b"\r\n\r\n", b"Content-Type: multipart/mixed; boundary=", b" " * 50]


def make_mails(rng):
    for i in range(N_MAILS):
        kind = i % 3
        if kind == 0:
            mail = bytes(rng.randrange(1, 256) for _ in range(rng.randrange(1, 2000)))
        else:
            mail = bytearray(rng.choice(SAMPLES))
            for _ in range(rng.randrange(1, 30)):
                at = rng.randrange(len(mail) + 1)
                if kind == 1:
                    mail[at:at + rng.randrange(3)] = rng.choice(PIECES)
                elif at < len(mail):
                    mail[at] = rng.randrange(1, 256)
            mail = bytes(mail) or b"x"
        yield mail


class Illegal(Exception):
    pass


class Parser:
    """Parenthesised lists, strings, numbers, atoms of a FETCH response. Strings are bytes, NIL is None."""

    TOKEN = re.compile(rb"[A-Za-z0-9.\[\]+<>-]+")

    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def value(self):
        first = self.data[self.at:self.at + 1]
        if first == b"(":
            return self.list()
        if first == b'"':
            return self.quoted()
        if first == b"{":
            return self.literal()
        match = self.TOKEN.match(self.data, self.at)
        if not match:
            raise Illegal("no value at %r" % self.data[self.at:self.at + 40])
        self.at = match.end()
        word = match.group()
        return None if word == b"NIL" else int(word) if word.isdigit() else Atom(word)

    def list(self):
        items = []
        self.at += 1
        while self.data[self.at:self.at + 1] != b")":
            if items and self.data[self.at:self.at + 1] == b" ":
                self.at += 1
            items.append(self.value())
        self.at += 1
        return items

    def quoted(self):
        match = re.compile(rb'"((?:[^"\\\r\n\x00\x80-\xff]|\\["\\])*)"').match(self.data, self.at)
        if not match:
            raise Illegal("a quoted string: %r" % self.data[self.at:self.at + 60])
        self.at = match.end()
        return re.sub(rb'\\(["\\])', rb"\1", match.group(1))

    def literal(self):
        match = re.compile(rb"\{(\d+)\}\r\n").match(self.data, self.at)
        end = match.end() + int(match.group(1))
        if end > len(self.data):
            raise Illegal("a literal that is too short")
        self.at = end
        return self.data[match.end():end]


class Atom(str):
    def __new__(cls, word):
        return super().__new__(cls, word.decode())


def check(condition, what, value):
    if not condition:
        raise Illegal("%s: %r" % (what, value))


def is_nstring(value):
    return value is None or type(value) is bytes


def check_envelope(value):
    check(isinstance(value, list) and len(value) == 10, "an envelope", value)
    for i in (0, 1, 8, 9):
        check(is_nstring(value[i]), "an envelope's string", value[i])
    for addresses in value[2:8]:
        check(addresses is None or (isinstance(addresses, list) and addresses), "addresses", addresses)
        for address in addresses or []:
            check(isinstance(address, list) and len(address) == 4 and all(map(is_nstring, address)),
                  "an address", address)


def check_params(value):
    check(value is None or (isinstance(value, list) and value and len(value) % 2 == 0 and
                            all(type(item) is bytes for item in value)), "parameters", value)


def check_extension(rest):
    """[disposition [language [location ...]]]"""
    if rest:
        check(rest[0] is None or (isinstance(rest[0], list) and len(rest[0]) == 2 and type(rest[0][0]) is bytes),
              "a disposition", rest[0])
        if rest[0]:
            check_params(rest[0][1])
    if len(rest) > 1:
        check(is_nstring(rest[1]) or (isinstance(rest[1], list) and all(type(x) is bytes for x in rest[1])),
              "a language", rest[1])
    if len(rest) > 2:
        check(is_nstring(rest[2]), "a location", rest[2])
    check(len(rest) <= 3, "an extension", rest)


def check_body(body, extended):
    check(isinstance(body, list) and body, "a body", body)
    if isinstance(body[0], list):
        n = next((i for i, part in enumerate(body) if not isinstance(part, list)), len(body))
        check(n < len(body) and type(body[n]) is bytes, "a multipart's subtype", body)
        for part in body[:n]:
            check_body(part, extended)
        rest = body[n + 1:]
        if rest:
            check_params(rest[0])
        check(extended or not rest, "an extension in BODY", body)
        check_extension(rest[1:])
        return
    check(len(body) >= 7 and type(body[0]) is bytes and type(body[1]) is bytes, "a part", body)
    check_params(body[2])
    check(is_nstring(body[3]) and is_nstring(body[4]) and type(body[5]) is bytes, "a part's fields", body)
    check(type(body[6]) is int, "a part's octets", body)
    at = 7
    kind = (body[0].lower(), body[1].lower())
    if kind[0] == b"text":
        check(len(body) > 7 and type(body[7]) is int, "a text's lines", body)
        at = 8
    elif kind in ((b"message", b"rfc822"), (b"message", b"global")):
        check(len(body) > 9 and type(body[9]) is int, "a message's lines", body)
        check_envelope(body[7])
        check_body(body[8], extended)
        at = 10
    rest = body[at:]
    check(extended or not rest, "an extension in BODY", body)
    if rest:
        check(is_nstring(rest[0]), "an MD5", rest[0])
    check_extension(rest[1:])


class OneBadMessage(unittest.TestCase):
    def test_the_same_bytes_and_a_legal_form(self):
        one = harness.Bittern(name="bad").start()
        self.addCleanup(one.close)
        one.make_account()
        seed = int(time.time()) & 0xffffff
        mails = list(make_mails(random.Random(seed)))
        line = raw.connect({raw.IMAP: one.status()["imap"]["port"]}, raw.IMAP)
        self.addCleanup(line.close)
        line.sendall(raw.password_line(one.account, one.password) + b"s CREATE Bad\r\n")
        raw.read_until(line, re.compile(rb"s OK"), 30)
        for start in range(0, N_MAILS, N_AT_ONCE):
            line.sendall(b"p APPEND Bad" + b"".join(b" {%d+}\r\n%s" % (len(mail), mail)
                                                    for mail in mails[start:start + N_AT_ONCE]) + b"\r\n")
            self.assertIn(b"p OK", raw.read_until(line, re.compile(rb"p (OK|NO|BAD)[^\n]*\n"), 60))
        line.sendall(b"s SELECT Bad\r\n")
        raw.read_until(line, re.compile(rb"s OK[^\n]*\n"), 30)
        for i, mail in enumerate(mails):
            with self.subTest(seed=seed, mail=i):
                self.check_mail(line, i + 1, mail)
        # And the mailbox as a whole: searched, sorted, threaded.
        line.sendall(b"a SEARCH TEXT x\r\nb SORT (SUBJECT FROM DISPLAYTO) UTF-8 ALL\r\nc THREAD REFERENCES UTF-8 ALL\r\n")
        answer = raw.read_until(line, re.compile(rb"c (OK|NO|BAD)[^\n]*\n"), 60)
        for tag in (b"a", b"b", b"c"):
            self.assertRegex(answer, rb"(?m)^%s OK" % tag)

    def check_mail(self, line, number, mail):
        line.sendall(b"f FETCH %d (RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE PREVIEW BODY.PEEK[])\r\n" % number)
        data = b""
        end = re.compile(rb"\)\r\nf (OK|NO|BAD)[^\n]*\n\Z")
        while not end.search(data):
            piece = line.recv(1 << 20)
            self.assertTrue(piece, "cut off")
            data += piece
        self.assertIn(b"f OK", data[-200:])
        parser = Parser(data, data.index(b"("))
        items = parser.list()
        found = dict(zip(items[::2], items[1::2]))
        self.assertEqual(found["BODY[]"], mail)
        self.assertEqual(found["RFC822.SIZE"], len(mail))
        check_envelope(found["ENVELOPE"])
        check_body(found["BODY"], False)
        check_body(found["BODYSTRUCTURE"], True)
        self.assertTrue(is_nstring(found["PREVIEW"]))


if __name__ == "__main__":
    harness.main()
