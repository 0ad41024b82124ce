# SPDX-License-Identifier: MIT
"""IMAP's extensions in a whole Bittern, over real connections: what unit tests can't show."""
import re
import socket
import unittest
import zlib

import harness

MAIL = (b"From: Alice <alice@example.org>\r\nSubject: %s\r\nMessage-ID: <%s@example.org>\r\n%s\r\n"
        b"the text of it\r\n")


def make_mail(name, reply_to=None):
    references = b"In-Reply-To: <%s@example.org>\r\n" % reply_to if reply_to else b""
    return MAIL % ((b"Re: " + reply_to) if reply_to else name, name, references)


class Wire:
    """A connection that is spoken to in IMAP, packed from COMPRESS on."""

    def __init__(self, one):
        self.socket = socket.create_connection(("127.0.0.1", one.status()["imap"]["port"]), 30)
        self.unread = b""
        self.pack = self.unpack = None
        self.n_tags = 0
        self.line()
        self.command(b'LOGIN "%s" "%s"' % (one.account.encode(), one.password.encode()))

    def send(self, data):
        if self.pack:
            data = self.pack.compress(data) + self.pack.flush(zlib.Z_SYNC_FLUSH)
        self.socket.sendall(data)

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("the connection is closed")
        self.unread += self.unpack.decompress(data) if self.unpack else data

    def line(self):
        """A line with the literals in it."""
        line = b""
        while True:
            while b"\r\n" not in self.unread:
                self.more()
            piece, self.unread = self.unread.split(b"\r\n", 1)
            line += piece + b"\r\n"
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if not literal:
                return line[:-2]
            while len(self.unread) < int(literal[1]):
                self.more()
            line += self.unread[:int(literal[1])]
            self.unread = self.unread[int(literal[1]):]

    def command(self, text, status=b"OK"):
        """The untagged lines, and the tagged one at the end."""
        self.n_tags += 1
        tag = b"t%d" % self.n_tags
        self.send(tag + b" " + text + b"\r\n")
        lines = []
        while True:
            lines.append(self.line())
            if lines[-1].startswith(tag + b" "):
                assert lines[-1].startswith(tag + b" " + status), lines
                return lines

    def append(self, mailbox, mail):
        lines = self.command(b"APPEND %s {%d+}\r\n%s" % (mailbox, len(mail), mail))
        return int(re.search(rb"APPENDUID \d+ (\d+)\]", lines[-1])[1])

    def compress(self):
        self.command(b"COMPRESS DEFLATE")
        self.pack = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.unpack = zlib.decompressobj(-15)

    def close(self):
        self.socket.close()


class ImapExtensions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.one = harness.Bittern(name="extensions").start()
        cls.one.make_account()

    @classmethod
    def tearDownClass(cls):
        cls.one.close()

    def wire(self):
        wire = Wire(self.one)
        self.addCleanup(wire.close)
        return wire

    def test_a_mail_goes_both_ways_packed(self):
        wire = self.wire()
        wire.compress()
        mail = make_mail(b"packed") + b"x" * 70 + b"\r\n" + b"0123456789\r\n" * 20000
        wire.command(b"CREATE Packed")
        uid = wire.append(b"Packed", mail)
        wire.command(b"SELECT Packed")
        lines = wire.command(b"UID FETCH %d BODY.PEEK[]" % uid)
        self.assertIn(mail, lines[0])
        wire.command(b"COMPRESS DEFLATE", b"NO [COMPRESSIONACTIVE]")

    def test_what_is_not_deflate_ends_the_session(self):
        wire = self.wire()
        wire.compress()
        wire.socket.sendall(b"\xff" * 100)
        with self.assertRaises((EOFError, ConnectionError)):
            while True:
                wire.line()

    def test_annotations_survive_a_restart(self):
        wire = self.wire()
        wire.command(b"CREATE Annotated")
        wire.command(b'SETMETADATA Annotated (/private/comment "kept" /shared/colour {3+}\r\nred)')
        wire.command(b"RENAME Annotated Renamed")
        self.one.restart()
        lines = self.wire().command(b"GETMETADATA (DEPTH infinity) Renamed (/private /shared)")
        self.assertEqual(lines[0], b'* METADATA "Renamed" (/private/comment "kept" /shared/colour "red")')

    def test_a_draft_is_edited_in_place(self):
        wire = self.wire()
        wire.command(b"SELECT Drafts")
        first = wire.append(b"Drafts", make_mail(b"draft"))
        text = b"another text\r\n"
        lines = wire.command(
            b"UID REPLACE %d Drafts (\\Draft) CATENATE (URL \"/Drafts/;UID=%d/;SECTION=HEADER\""
            b" TEXT {%d+}\r\n%s)" % (first, first, len(text), text))
        second = int(re.search(rb"APPENDUID \d+ (\d+)\]", lines[0])[1])
        found = wire.command(b"UID SEARCH ALL")
        self.assertIn(b" %d" % second, found[0])
        self.assertNotIn(first, [int(word) for word in found[0].split()[2:]])
        lines = wire.command(b"UID FETCH %d BODY.PEEK[]" % second)
        self.assertIn(b"Subject: draft\r\n", lines[0])
        self.assertIn(b"\r\n\r\nanother text\r\n", lines[0])

    def test_another_folder_tells_of_its_mail(self):
        watcher, other = self.wire(), self.wire()
        other.command(b"CREATE Watched")
        watcher.command(b"NOTIFY SET (mailboxes Watched (MessageNew MessageExpunge))"
                        b" (personal (MailboxName))")
        watcher.socket.settimeout(5)
        other.append(b"Watched", make_mail(b"news"))
        self.assertTrue(watcher.line().startswith(b'* STATUS "Watched" (MESSAGES 1 UIDNEXT 2 '))
        other.command(b"RENAME Watched Seen")
        self.assertEqual(watcher.line(), b'* LIST () "/" "Seen" ("OLDNAME" ("Watched"))')

    def test_a_result_is_held_up_to_date(self):
        watcher, other = self.wire(), self.wire()
        other.command(b"CREATE Context")
        watcher.command(b"SELECT Context")
        watcher.command(b"UID SEARCH RETURN (UPDATE COUNT) BODY \"text of\" UNSEEN")
        tag = b"t%d" % watcher.n_tags
        uid = other.append(b"Context", make_mail(b"new"))
        lines = watcher.command(b"NOOP")
        self.assertIn(b'* ESEARCH (TAG "%s") UID ADDTO (0 %d)' % (tag, uid), lines)
        lines = watcher.command(b"UID STORE %d +FLAGS (\\Seen)" % uid)
        self.assertIn(b'* ESEARCH (TAG "%s") UID REMOVEFROM (0 %d)' % (tag, uid), lines)

    def test_a_conversation_has_one_threadid(self):
        wire = self.wire()
        wire.command(b"CREATE Talk")
        wire.command(b"CREATE Talk/Replies")
        wire.append(b"Talk", make_mail(b"one"))
        wire.append(b"Talk", make_mail(b"two"))
        wire.append(b"Talk/Replies", make_mail(b"three", reply_to=b"one"))
        ids = []
        for mailbox in b"Talk", b"Talk/Replies":
            wire.command(b"SELECT " + mailbox)
            for line in wire.command(b"FETCH 1:* THREADID")[:-1]:
                ids += re.findall(rb"THREADID \((T\d+)\)", line)
        self.assertEqual(len(ids), 3)
        self.assertEqual(ids[0], ids[2])
        self.assertNotEqual(ids[0], ids[1])
        self.assertEqual(wire.command(b"SEARCH THREADID " + ids[0])[0], b"* SEARCH 1")
        lines = wire.command(b"ESEARCH IN (subtree Talk) RETURN (COUNT) THREADID " + ids[0])
        self.assertEqual(len([line for line in lines if b" COUNT 1" in line]), 2)


if __name__ == "__main__":
    harness.main()
