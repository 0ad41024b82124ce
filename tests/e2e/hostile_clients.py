# SPDX-License-Identifier: MIT
"""What hostile mail clients send, as a table: shared by the tests of answers and of memory.

A row: its name, the server it is for, whether it logs in first, the bytes, and what the answer to them must
match. The connection may end with the answer or stay; the server's processes stay in any case.
"""
import base64
import os
import socket

IMAP, SMTP = "imap", "smtp"
BEFORE, AFTER = False, True  # the login

ENDED = rb"\A\Z"  # cut off without a word


def literal(size):
    return b"{%d+}\r\n" % size


def nested(word, depth):
    return word * depth


def lines(line, n):
    return (line + b"\r\n") * n


def mail(header, body=b"x\r\n"):
    return header + b"\r\n" + body


def appended(raw):
    """APPEND of a mail, then what a client asks about it."""
    return (b"h APPEND INBOX " + literal(len(raw)) + raw + b"\r\nh SELECT INBOX\r\n"
            b"h UID FETCH * (ENVELOPE BODYSTRUCTURE BODY RFC822.SIZE BODY.PEEK[1] BODY.PEEK[1.MIME] "
            b"BODY.PEEK[HEADER.FIELDS (TO X)])\r\nh UID SEARCH TEXT nothing\r\nh UID THREAD REFERENCES UTF-8 ALL\r\n"
            b"h STORE 1:* +FLAGS.SILENT (\\Deleted)\r\nh EXPUNGE\r\nz NOOP\r\n")


def many_parts(n):
    return mail(b"Content-Type: multipart/mixed; boundary=b\r\n",
                b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" * n + b"--b--\r\n")


def deep_parts(n):
    return b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(n))


def rfc2231_flood(n):
    return mail(b"Content-Type: text/plain;\r\n" + b"".join(
        b" name*%d*=utf-8''x%%41%d;\r\n" % (i, i) for i in range(n)) + b" charset=utf-8\r\n")


# Ends of dialogues: the last command's answer proves that the session went on, or a word ends it.
GOES_ON = rb"z (OK|NO|BAD)"
REFUSED = rb"BAD|NO|BYE"

ROWS = [
    # ---- before login
    ("HTTP GET", IMAP, BEFORE, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", rb"BYE"),
    ("HTTP POST", IMAP, BEFORE, b"POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\na LOGIN x y\r\n", rb"BYE"),
    ("a header field first", IMAP, BEFORE, b"Host: localhost\r\n\r\n", rb"BYE"),
    ("TLS at the clear port", IMAP, BEFORE, bytes.fromhex("1603010200010001fc0303") + b"\x7f" * 600 + b"\r\n",
     rb"BAD|BYE"),
    ("a line without end", IMAP, BEFORE, b"x" * 1200000, rb"BAD|BYE"),
    ("a literal of 2^63", IMAP, BEFORE, b"a LOGIN " + literal(2 ** 63), REFUSED),
    ("a literal of 2^63 - 1", IMAP, BEFORE, b"a LOGIN " + literal(2 ** 63 - 1), REFUSED),
    ("a literal of 2^64", IMAP, BEFORE, b"a LOGIN " + literal(2 ** 64), REFUSED),
    ("a literal of 2^32", IMAP, BEFORE, b"a LOGIN " + literal(2 ** 32), REFUSED),
    ("a literal of 10^30", IMAP, BEFORE, b"a LOGIN {1" + b"0" * 30 + b"}\r\n", REFUSED),
    ("a negative literal", IMAP, BEFORE, b"a LOGIN {-1}\r\nz NOOP\r\n", GOES_ON),
    ("SASL: not base64", IMAP, BEFORE, b"a AUTHENTICATE PLAIN !!!!\r\nz NOOP\r\n", GOES_ON),
    ("SASL: broken padding", IMAP, BEFORE, b"a AUTHENTICATE PLAIN\r\nQQ=Q\r\nz NOOP\r\n", GOES_ON),
    ("SASL: a NUL in base64", IMAP, BEFORE, b"a AUTHENTICATE PLAIN\r\nQQ\0=\r\nz NOOP\r\n", REFUSED),
    ("SASL: 60 KB of response", IMAP, BEFORE, b"a AUTHENTICATE PLAIN\r\n" + b"QUFB" * 15000 + b"\r\nz NOOP\r\n",
     GOES_ON),
    ("SASL: empty response", IMAP, BEFORE, b"a AUTHENTICATE SCRAM-SHA-256 =\r\nz NOOP\r\n", GOES_ON),
    ("SCRAM: a thousand commas", IMAP, BEFORE, b"a AUTHENTICATE SCRAM-SHA-256 " + base64.b64encode(
        b"n,," + b"," * 1000) + b"\r\nz NOOP\r\n", GOES_ON),
    ("unknown mechanism", IMAP, BEFORE, b"a AUTHENTICATE " + b"X" * 1000 + b"\r\nz NOOP\r\n", GOES_ON),
    ("a thousand bad commands", IMAP, BEFORE, lines(b"a XYZZY", 1000), rb"BYE"),
    ("a tag of 10,000 bytes", IMAP, BEFORE, b"t" * 10000 + b" NOOP\r\nz NOOP\r\n", GOES_ON),
    ("nested before login", IMAP, BEFORE, b"a ID " + nested(b"(", 4000) + b"\r\nz NOOP\r\n", GOES_ON),
    ("ID of 1,000 fields", IMAP, BEFORE, b'a ID ("k" "v"' + b' "k" "v"' * 1000 + b")\r\nz NOOP\r\n", GOES_ON),
    # ---- after login: the grammar
    ("4,000 parentheses in FETCH", IMAP, AFTER, b"a SELECT INBOX\r\na FETCH 1 " + nested(b"(", 4000) +
     b"\r\nz NOOP\r\n", GOES_ON),
    ("4,000 parentheses in SEARCH", IMAP, AFTER, b"a SELECT INBOX\r\na SEARCH " + nested(b"(", 4000) + b"ALL" +
     nested(b")", 4000) + b"\r\nz NOOP\r\n", GOES_ON),
    ("4,000 NOTs", IMAP, AFTER, b"a SELECT INBOX\r\na SEARCH " + nested(b"NOT ", 4000) + b"ALL\r\nz NOOP\r\n",
     GOES_ON),
    ("4,000 ORs", IMAP, AFTER, b"a SELECT INBOX\r\na SEARCH " + nested(b"OR ALL ", 4000) + b"ALL\r\nz NOOP\r\n",
     GOES_ON),
    ("10,000 keywords", IMAP, AFTER, b"a SELECT INBOX\r\na STORE 1:* +FLAGS (" +
     b" ".join(b"k%d" % i for i in range(9000)) + b")\r\nz NOOP\r\n", GOES_ON),
    ("10,000 ranges", IMAP, AFTER, b"a SELECT INBOX\r\na UID FETCH " +
     b",".join(b"%d" % (i * 2 + 1) for i in range(9000)) + b" FLAGS\r\nz NOOP\r\n", GOES_ON),
    ("the whole range of numbers", IMAP, AFTER, b"a SELECT INBOX\r\na UID FETCH 1:4294967295 FLAGS\r\n"
     b"a UID SEARCH UID 4294967295:1,*:1,1:*\r\nz NOOP\r\n", GOES_ON),
    ("wildcards by the thousand", IMAP, AFTER, b'a LIST "" "' + b"*%" * 400 + b'x"\r\nz NOOP\r\n', GOES_ON),
    ("a name of 60 KB", IMAP, AFTER, b"a CREATE " + literal(60000) + b"n" * 60000 + b"\r\nz NOOP\r\n", GOES_ON),
    ("a name of 400 levels", IMAP, AFTER, b"a CREATE " + b"a/" * 400 + b"a\r\nz NOOP\r\n", GOES_ON),
    ("broken UTF-7", IMAP, AFTER, b"a CREATE \"&AAAAAA\"\r\na CREATE \"&&&&-\"\r\nz NOOP\r\n", GOES_ON),
    ("a literal in IDLE", IMAP, AFTER, b"a IDLE\r\nx {10}\r\nDONE\r\nz NOOP\r\n", REFUSED),
    ("a command in IDLE", IMAP, AFTER, b"a IDLE\r\nb NOOP\r\nz NOOP\r\n", rb"BAD"),
    ("BODY[1.1.1...]", IMAP, AFTER, b"a SELECT INBOX\r\na FETCH 1 BODY.PEEK[1" + b".1" * 5000 +
     b"]\r\nz NOOP\r\n", GOES_ON),
    ("3,000 header fields", IMAP, AFTER, b"a SELECT INBOX\r\na FETCH 1 BODY.PEEK[HEADER.FIELDS (" +
     b" ".join(b"F%d" % i for i in range(3000)) + b")]\r\nz NOOP\r\n", GOES_ON),
    ("1,000 fetch items", IMAP, AFTER, b"a SELECT INBOX\r\na FETCH 1 (" + b"BODY.PEEK[] " * 1000 +
     b"UID)\r\nz NOOP\r\n", GOES_ON),
    ("an APPEND of 2^63", IMAP, AFTER, b"a APPEND INBOX " + literal(2 ** 63), REFUSED),
    ("an APPEND above the limit", IMAP, AFTER, b"a APPEND INBOX {67108865}\r\nz NOOP\r\n", GOES_ON),
    ("an APPEND that never comes", IMAP, AFTER, b"a APPEND INBOX {5000000+}\r\n" + b"x" * 200000, ENDED),
    ("a NUL in a command", IMAP, AFTER, b"a NOOP\r\nb N\0OP\r\nz NOOP\r\n", REFUSED),
    # ---- after login: mails
    ("500,000 addresses", IMAP, AFTER, appended(mail(b"To: " + b"a@b," * 500000 + b"c@d\r\n")), rb"z OK"),
    ("RFC 2231 flood", IMAP, AFTER, appended(rfc2231_flood(30000)), rb"z OK"),
    ("10,000 parts", IMAP, AFTER, appended(many_parts(10000)), rb"z OK"),
    ("2,000 levels of parts", IMAP, AFTER, appended(deep_parts(2000)), rb"z OK"),
    ("a header of 100,000 fields", IMAP, AFTER, appended(mail(b"X: y\r\n" * 100000)), rb"z OK"),
    ("a field of 2 MB", IMAP, AFTER, appended(mail(b"Subject: " + b"x" * 2000000 + b"\r\n")), rb"z OK"),
    ("100,000 comments", IMAP, AFTER, appended(mail(b"From: " + b"(" * 100000 + b"\r\n")), rb"z OK"),
    ("50,000 encoded words", IMAP, AFTER, appended(mail(b"Subject: " + b"=?utf-8?q?=ff?= " * 50000 + b"\r\n")),
     rb"z OK"),
    ("100,000 references", IMAP, AFTER, appended(mail(b"References: " + b"<a@b> " * 100000 + b"\r\n")), rb"z OK"),
    ("noise", IMAP, AFTER, appended(bytes(range(256)) * 4000), rb"z OK"),
    # ---- SMTP
    ("HTTP at SMTP", SMTP, BEFORE, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", rb"[45]\d\d "),
    ("a line without end at SMTP", SMTP, BEFORE, b"EHLO " + b"x" * 1200000, rb"500|421"),
    ("SASL at SMTP: not base64", SMTP, BEFORE, b"EHLO x\r\nAUTH PLAIN !!!!\r\nNOOP\r\n", rb"50[0-9] [^\r]*\r\n250 |501"),
    ("a thousand bad commands at SMTP", SMTP, BEFORE, b"EHLO x\r\n" + lines(b"XYZZY", 1000), rb"421|500"),
    ("BDAT of 2^63 at SMTP", SMTP, BEFORE, b"EHLO x\r\nBDAT 9223372036854775808 LAST\r\n", rb"[45]\d\d "),
    ("MAIL of 3,000 parameters", SMTP, BEFORE, b"EHLO x\r\nMAIL FROM:<a@b>" + b" A=B" * 700 + b"\r\nNOOP\r\n",
     rb"[45]\d\d "),
]


def connect(ports, protocol, timeout=30):
    one = socket.create_connection(("127.0.0.1", ports[protocol]), timeout=timeout)
    greeting = b""
    while not greeting.endswith(b"\r\n"):
        piece = one.recv(4096)
        if not piece:
            break
        greeting += piece
    return one


def send_all(one, data):
    """As much as is taken: a server that has had enough may close."""
    try:
        one.sendall(data)
    except (BrokenPipeError, ConnectionResetError, socket.timeout):
        pass


def read_until(one, pattern, seconds):
    """What comes until it matches, the connection ends, or the time is over."""
    got = b""
    one.settimeout(seconds)
    try:
        while not pattern.search(got):
            piece = one.recv(65536)
            if not piece:
                break
            got += piece
            if len(got) > 1 << 20:
                got = got[-4096:]  # a long answer: only its end matters
    except (socket.timeout, ConnectionResetError):
        pass
    return got


def password_line(account, password):
    return b"l LOGIN %s %s\r\n" % (account.encode(), password.encode())


def noise(n):
    return os.urandom(n)
