#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the seed corpora of mailproto/smtp, mailproto/mime, node/content and gateway/decoder.

Run it from anywhere; it writes tests/fuzz/corpus/NAME/*. Files that are there and not made by it stay.
"""
import json
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
CORPUS = HERE / "corpus"


def put(target, name, data):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode("latin-1"))


def crlf(text):
    return text.replace("\n", "\r\n")


MAILS = {
    "plain": "Subject: x\nFrom: a@b\nTo: c@d\nDate: Mon, 1 Jan 2024 10:00:00 +0100\n\nhello\n",
    "empty": "",
    "header-only": "Subject: x",
    "encoded-words": "Subject: =?utf-8?q?=C3=A4?= =?iso-2022-jp?b?GyRCRnxLXBsoQg==?= =?x?q?\n"
                     "From: =?utf-8?b?w6Q=?= <a@b>\n\nx",
    "addresses": "From: \"a b\"@c, <@r:x@y>, G: a@b, <c@d>;, (c(c)) e @ f, \"unclosed <g@h>\n"
                 "To: undisclosed-recipients:;\nCc: BM-2cAbc, <>,,<<<\n\n",
    "alternative": "Content-Type: multipart/alternative; boundary=\"A\"\n\npre\n--A\nContent-Type: text/plain;"
                   " charset=utf-8; format=flowed; delsp=yes\n\nlong \n> quoted \n-- \nsig\n--A\n"
                   "Content-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n<p>a=3Db=\n"
                   "<a href=3D\"http://x\">y</a><script>z</script>\n--A--\nepilogue\n",
    "files": "Content-Type: multipart/mixed; boundary=A\n\n--A\n\ntext\n--A\nContent-Type: image/png; name*0*=utf-8''"
             "%C3; name*1*=%A4.png\nContent-ID: <i@d>\nContent-Disposition: attachment; filename=\"../x\"\n"
             "Content-Transfer-Encoding: base64\n\naGVsbG8=\n--A\nContent-Type: message/rfc822\n\nSubject: in\n\n"
             "side\n--A--\n",
    "digest": "Content-Type: multipart/digest; boundary=A\n\n--A\n\nSubject: 1\n\none\n--A--\n",
    "nested": "".join(f"Content-Type: multipart/mixed; boundary=A{i}\n\n--A{i}\n" for i in range(60)) + "\nx",
    "messages": "Content-Type: message/rfc822\n\n" * 60 + "x",
    "quoted-boundary": "Content-Type: multipart/mixed; boundary=\"\\\"\"\n\n--\"\n\nx\n--\"--\n",
    "no-boundary": "Content-Type: multipart/mixed; boundary=nowhere\n\nx\n",
    "bad-qp": "Content-Transfer-Encoding: quoted-printable\n\nabc=5",
    "bad-dates": "Date: Mon, 0 Jan 0 0:0:0\n\n",
    "signed": "Content-Type: multipart/signed; boundary=A\n\n--A\n\ntext \n--A\nContent-Type: application/pgp-signature"
              "\n\nSIG\n--A--\n",
    "inline-pgp": "\n-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----\n",
    "charset": "Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$BF|\x1b(B\x1b$",
    "nuls": "Subject: a\0b\nContent-Type: text/plain\n\n\0\0\n",
    "headers": "X-Bitmessage-TTL: 2d\nMessage-ID: <m@h>\nReferences: <1@a> <2@a>\nIn-Reply-To: <3@a>\n\n",
}

for name, mail in MAILS.items():
    put("mail", name, crlf(mail))
put("mail", "bare-lf", MAILS["alternative"])

SMTP = {
    "submission": "EHLO me\nAUTH PLAIN AG1lAHNlY3JldA==\nMAIL FROM:<a@b> SIZE=10 BODY=8BITMIME RET=FULL ENVID=x\n"
                  "RCPT TO:<c@d> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;c@d\nDATA\n",
    "login": "EHLO me\nAUTH LOGIN\nbWU=\nc2VjcmV0\nNOOP\nQUIT\n",
    "scram": "EHLO me\nAUTH SCRAM-SHA-256 biwsbj1tZSxyPWFiY2RlZg==\n*\n",
    "starttls": "EHLO me\nSTARTTLS\nEHLO me\nNOOP\n",
    "verbs": "HELO me\nHELP\nVRFY x\nEXPN x\nRSET\nTURN\nNOOP x\n\nFROB\n",
    "http": "GET / HTTP/1.1\nHost: x\n\n",
}
for name, dialogue in SMTP.items():
    put("smtp", name, "\x18" + crlf(dialogue))
TRUSTED = "LHLO me\nMAIL FROM:<a@b>%s\nRCPT TO:<c@d>\nRCPT TO:<e@f>\n"
put("smtp", "lmtp-data", "\x07" + crlf(TRUSTED % "" + "DATA\nSubject: x\n\n..dot\n.\nQUIT\n"))
put("smtp", "lmtp-chunks", "\x03" + crlf(TRUSTED % " BODY=BINARYMIME" + "BDAT 3\n") + "a\nbBDAT 0 LAST\r\nQUIT\r\n")
put("smtp", "lmtp-chunk-text", "\x07" + crlf(TRUSTED % " SMTPUTF8 BY=60;RT" + "BDAT 4 LAST\n") + "a\r\nbNOOP\r\n")
for i, end in enumerate(["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r"]):
    put("smtp", f"smuggle-{i}", "\x07" + crlf(TRUSTED % "" + "DATA\nx") + end + "MAIL FROM:<z@z>\r\n")

vectors = json.loads((HERE.parent / "vectors" / "msgcoding.json").read_text())
for i, entry in enumerate(vectors["decode"] + vectors["encode"]):
    data = bytes.fromhex(entry["data"])
    if len(data) < 4096:
        put("content", f"vector-{i:02}", bytes([min(entry["encoding"], 8)]) + data)


def text(value):
    return bytes([0xA0 + len(value)]) + value.encode()


packed = (b"\x85" + text("") + text("message") + text("subject") + text("s") + text("body") + text("b") + text("files") +
          b"\x91\x85" + text("name") + text("n") + text("type") + text("a/b") + text("disposition") + text("inline") +
          text("id") + text("i") + text("data") + b"\xc4\x03abc" + text("parents") + b"\x91\xc4\x20" + bytes(32))
put("content", "files-and-parents", b"\x09" + packed)
put("content", "kinds", b"\x09\x82" + text("") + text("message") + text("x") +
    b"\xdc\x00\x06\xc0\xca\0\0\0\0\xcd\0\1\xd8" + bytes(17) + b"\xc7\1\2\3\xdf\0\0\0\1\xc0\xc0")


def block(data):
    return struct.pack(">I", len(data)) + data


def frame(kind, job_id, payload):
    return struct.pack(">IBQ", len(payload), kind, job_id) + payload


some_content = (struct.pack(">Q", 3) + block(b"s") + block(b"b") + struct.pack(">I", 1) + block(b"n") + block(b"t/s") +
                block(b"inline") + block(b"") + block(b"data") + struct.pack(">I", 1) + block(bytes(32)))
put("decoder_wire", "request-analyse", b"\0" + frame(1, 1, struct.pack(">q", 5) + block(b"A: b\r\n\r\nc")))
put("decoder_wire", "request-outgoing", b"\0" + frame(2, 1, block(b"A: b\r\n\r\nc")))
put("decoder_wire", "request-decode", b"\0" + frame(3, 1, struct.pack(">Q", 2) + block(b"x")))
put("decoder_wire", "request-encode", b"\0" + frame(4, 1, some_content))
put("decoder_wire", "answer-decode", b"\3" + frame(0, 1, some_content))
put("decoder_wire", "answer-encode", b"\4" + frame(0, 1, block(b"x")))
put("decoder_wire", "answer-refused", b"\1" + frame(1, 1, b"\1" + block(b"why")))
addresses = struct.pack(">I", 1) + block(b"n") + block(b"") + block(b"m") + block(b"h")
put("decoder_wire", "answer-outgoing", b"\2" + frame(0, 1, block(b"s") + block(b"t") + b"\1" + struct.pack(">I", 0) +
    addresses * 4 + block(b"<m>") + struct.pack(">I", 1) + block(b"<r>") + struct.pack(">I", 1) + block(b"H") +
    block(b"v") + b"\1\0" + block(b"sealed")))
