#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes made-*.eml: the letters in the shapes that programs make which don't run here."""
import base64
import os
import quopri

import letters

HERE = os.path.dirname(os.path.abspath(__file__))
CRLF_TEXT = letters.TEXT.replace("\n", "\r\n")
PARAGRAPHS = letters.TEXT.rstrip("\n").split("\n")
B64_PICTURE = base64.encodebytes(letters.PICTURE).decode().replace("\n", "\r\n")


def word_b(text):
    return "=?utf-8?B?%s?=" % base64.b64encode(text.encode()).decode()


def word_q(text):
    return "=?UTF-8?Q?%s?=" % "".join(c if c.isalnum() and ord(c) < 128 else "_" if c == " " else
                                      "".join("=%02X" % b for b in c.encode()) for c in text)


def quoted(text, charset="utf-8"):
    return quopri.encodestring(text.encode(charset)).decode().replace("\n", "\r\n").replace("\r\r\n", "\r\n")


def flowed(text, delsp=False):
    """As Thunderbird and Apple Mail wrap: soft breaks end with a space."""
    rows = []
    for paragraph in text.rstrip("\n").split("\n"):
        row = ""
        for word in paragraph.split(" "):
            if len(row) + len(word) > 66:
                rows.append(row + (" " if delsp else ""))
                row = ""
            row += word + " "
        rows.append(row[:-1])
    return "\r\n".join(rows) + "\r\n"


def html(text):
    return "".join("<p>%s</p>\r\n" % row for row in text.rstrip("\n").split("\n"))


def head(subject, *lines):
    return "From: Alice <%s>\r\nTo: <%s>\r\nSubject: %s\r\n%s" % (
        letters.FROM, letters.TO, subject, "".join(line + "\r\n" for line in lines))


def part(boundary, headers, body):
    return "--%s\r\n%s\r\n\r\n%s\r\n" % (boundary, "\r\n".join(headers), body)


def write(name, text):
    with open(os.path.join(HERE, "made-%s.eml" % name), "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())


def outlook(b, related):
    inner = "_inner" + b
    return (part(b, ["Content-Type: multipart/alternative;\r\n\tboundary=\"%s\"" % inner],
                 part(inner, ["Content-Type: text/plain;\r\n\tcharset=\"iso-8859-15\"",
                              "Content-Transfer-Encoding: quoted-printable"], quoted(letters.TEXT, "iso-8859-15")) +
                 part(inner, ["Content-Type: text/html;\r\n\tcharset=\"iso-8859-15\"",
                              "Content-Transfer-Encoding: quoted-printable"],
                      quoted("<html xmlns:o=\"urn:x\"><body>" + html(letters.TEXT) + "</body></html>", "iso-8859-15")) +
                 "--%s--\r\n" % inner) + related)


def main():
    text = "Content-Type: text/plain; charset="
    write("outlook-text", head(word_q(letters.SUBJECT), "X-Mailer: Microsoft Outlook 16.0",
                               "Thread-Index: AQHZ", "Content-Language: de",
                               "Content-Type: multipart/alternative;\r\n\tboundary=\"----=_NextPart_000\"",
                               "MIME-Version: 1.0") + "\r\nThis is a multipart message in MIME format.\r\n\r\n" +
          part("----=_NextPart_000", [text + "\"utf-8\"", "Content-Transfer-Encoding: base64"],
               base64.encodebytes(CRLF_TEXT.encode()).decode().replace("\n", "\r\n")) +
          part("----=_NextPart_000", ["Content-Type: text/html; charset=\"utf-8\"",
                                      "Content-Transfer-Encoding: quoted-printable"],
               quoted("<html><body>" + html(letters.TEXT) + "</body></html>")) + "------=_NextPart_000--\r\n")
    write("outlook-file", head(word_b(letters.SUBJECT), "X-Mailer: Microsoft Outlook 16.0",
                               "Content-Type: multipart/mixed;\r\n\tboundary=\"_004_\"", "MIME-Version: 1.0") + "\r\n" +
          outlook("_004_", part("_004_", ["Content-Type: image/png; name=\"p.png\"", "Content-Description: p.png",
                                          "Content-Disposition: attachment; filename=\"p.png\"; size=69;\r\n"
                                          "\tcreation-date=\"Sun, 22 Nov 2026 10:00:00 GMT\"",
                                          "Content-Transfer-Encoding: base64"], B64_PICTURE)) + "--_004_--\r\n")
    write("apple-text", head(word_q(letters.SUBJECT), "Mime-Version: 1.0 (Mac OS X Mail 16.0 \\(3731\\))",
                             text + "utf-8;\r\n\tformat=flowed;\r\n\tdelsp=yes", "Content-Transfer-Encoding: 8bit",
                             "X-Universally-Unique-Identifier: 1F2E", "X-Mailer: Apple Mail (2.3731)") + "\r\n" +
          flowed(letters.TEXT, delsp=True))
    write("apple-file", head(word_q(letters.SUBJECT), "Mime-Version: 1.0 (Mac OS X Mail 16.0 \\(3731\\))",
                             "Content-Type: multipart/mixed;\r\n\tboundary=\"Apple-Mail=_0A\"") + "\r\n\r\n" +
          part("Apple-Mail=_0A", [text + "utf-8", "Content-Transfer-Encoding: quoted-printable"],
               quoted(letters.TEXT)) +
          part("Apple-Mail=_0A", ["Content-Disposition: attachment;\r\n\tfilename*0=p.;\r\n\tfilename*1=png",
                                  "Content-Type: image/png;\r\n\tx-unix-mode=0644;\r\n\tname=\"p.png\"",
                                  "Content-Transfer-Encoding: base64"], B64_PICTURE) + "--Apple-Mail=_0A--\r\n")
    write("gmail-text", head(word_b(letters.SUBJECT), "MIME-Version: 1.0",
                             "Content-Type: multipart/alternative; boundary=\"000000000000aa\"") + "\r\n" +
          part("000000000000aa", [text + "\"UTF-8\"", "Content-Transfer-Encoding: quoted-printable"],
               quoted(letters.TEXT)) +
          part("000000000000aa", ["Content-Type: text/html; charset=\"UTF-8\"",
                                  "Content-Transfer-Encoding: quoted-printable"],
               quoted("<div dir=\"ltr\">" + html(letters.TEXT) + "</div>")) + "--000000000000aa--\r\n")
    write("gmail-file", head(word_b(letters.SUBJECT), "MIME-Version: 1.0",
                             "Content-Type: multipart/mixed; boundary=\"000000000000bb\"") + "\r\n" +
          part("000000000000bb", ["Content-Type: multipart/alternative; boundary=\"000000000000cc\""],
               part("000000000000cc", [text + "\"UTF-8\"", "Content-Transfer-Encoding: base64"],
                    base64.encodebytes(CRLF_TEXT.encode()).decode().replace("\n", "\r\n")) +
               part("000000000000cc", ["Content-Type: text/html; charset=\"UTF-8\""], "<div>x</div>") +
               "--000000000000cc--\r\n") +
          part("000000000000bb", ["Content-Type: image/png; name=\"p.png\"",
                                  "Content-Disposition: attachment; filename=\"p.png\"",
                                  "Content-Transfer-Encoding: base64", "X-Attachment-Id: f_lx0",
                                  "Content-ID: <f_lx0>"], B64_PICTURE) + "--000000000000bb--\r\n")
    write("k9-text", head(word_q(letters.SUBJECT), "User-Agent: K-9 Mail for Android", "MIME-Version: 1.0",
                          "Content-Type: multipart/alternative;\r\n boundary=\"----ABC\"", "Content-Transfer-Encoding: 8bit") +
          "\r\n" + part("----ABC", [text + "utf-8", "Content-Transfer-Encoding: quoted-printable"],
                        quoted(letters.TEXT)) +
          part("----ABC", ["Content-Type: text/html;\r\n charset=utf-8"],
               "<!DOCTYPE html><html><body>" + html(letters.TEXT) + "</body></html>") + "------ABC--\r\n")
    write("old-text", (head(letters.SUBJECT.encode("utf-8").decode("latin-1"), "MIME-Version: 1.0", text + "windows-1252",
                            "Content-Transfer-Encoding: 8bit")).encode("latin-1") + b"\r\n" +
          CRLF_TEXT.encode("windows-1252"))
    write("utf16-text", head(word_b(letters.SUBJECT), "MIME-Version: 1.0", text + "utf-16be",
                             "Content-Transfer-Encoding: base64") + "\r\n" +
          base64.encodebytes(CRLF_TEXT.encode("utf-16-be")).decode().replace("\n", "\r\n"))
    write("split-words-text", head(" ".join(word_b(letters.SUBJECT[i:i + 4]) + "\r\n" for i in range(
        0, len(letters.SUBJECT), 4)).rstrip().replace("\r\n ", "\r\n "), "MIME-Version: 1.0", text + "utf-8",
        "Content-Transfer-Encoding: 8bit") + "\r\n" + CRLF_TEXT)
    write("html-only-text", head(word_q(letters.SUBJECT), "MIME-Version: 1.0", "Content-Type: text/html; charset=utf-8") +
          "\r\n<html><head><style>p{}</style></head><body><div>" + "<br>\r\n".join(
              PARAGRAPHS).replace("&", "&amp;") + "</div></body></html>\r\n")


if __name__ == "__main__":
    main()
