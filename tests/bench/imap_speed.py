#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Our IMAP server beside Debian's Dovecot (sdbox, fsync on): the same script against both in one run.

    BITTERN_BIN=build/release/bin tests/bench/imap_speed.py [--messages 20000] [--rounds 3] [--sessions 200] [--json]

Both get the same mails of 2 KB. A row is the CPU time, in ms, that all processes of the server spent on it, the
best of the rounds (`first`: the only time that a thing is asked for the first time); rows marked `wall` are
time that passed. Needs root for Dovecot; without Dovecot our figures stand alone.
"""
import argparse
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dovecot  # noqa: E402

BIN = os.environ.get("BITTERN_BIN", "")
WORDS = ("time year people way day man thing woman life child world school state family student group country "
         "problem hand part place case week company system program question work government number night point "
         "home water room mother area money story fact month lot right study book eye job word business").split()
THUNDERBIRD = ("(UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority "
               "X-Priority References Newsgroups In-Reply-To Content-Type Reply-To Received)])")


def make_mail(i, rng):
    reply = "In-Reply-To: <m%d@example.org>\r\nReferences: <m%d@example.org>\r\n" % (i - 7, i - 7) if i % 3 == 0 else ""
    head = ("Received: from a.example.org by b.example.org; Sat, 21 Nov 2026 12:00:00 +0100\r\n"
            "From: \"Person %d\" <p%d@example.org>\r\nTo: Bob <bob@example.org>\r\nSubject: %s%s %d\r\n"
            "Date: %s, %02d %s %d %02d:%02d:%02d +0100\r\nMessage-ID: <m%d@example.org>\r\n%s"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" % (
                i % 97, i % 97, "Re: " if reply else "", " ".join(rng.choice(WORDS) for _ in range(4)), i,
                "Sat", 1 + i % 28, "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()[i % 12], 2000 + i % 26,
                i % 24, i % 60, i % 60, i, reply))
    body = ""
    while len(head) + len(body) < 2000:
        body += " ".join(rng.choice(WORDS) for _ in range(10)) + "\r\n"
    return (head + body).encode()


class Ours:
    name = "bittern"

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="imap-speed-")
        self.process = subprocess.Popen(
            [os.path.join(BIN, "store_server"), self.folder, "0", dovecot.USER, dovecot.PASSWORD,
             os.path.join(BIN, "bittern-decoder")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.port = int(self.process.stdout.readline())

    def pids(self):
        path = "/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)
        with open(path) as file:
            return [self.process.pid] + [int(word) for word in file.read().split()]

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


def cpu_ms(server):
    total = 0
    for pid in server.pids():
        try:
            for task in os.listdir("/proc/%d/task" % pid):
                with open("/proc/%d/task/%s/schedstat" % (pid, task)) as file:
                    total += int(file.read().split()[0])
        except OSError:
            continue
    return total / 1e6


def private_kib(server):
    """Memory that is theirs alone: PSS, so that shared libraries count once."""
    total = 0
    for pid in server.pids():
        try:
            with open("/proc/%d/smaps_rollup" % pid) as file:
                total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except (OSError, StopIteration):
            continue
    return total


class Line:
    def __init__(self, server, select="INBOX"):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""
        self.n = 0
        self.until(b"\r\n")
        self.run("LOGIN %s %s" % (dovecot.USER, dovecot.PASSWORD))
        if select:
            self.run("SELECT " + select)

    def until(self, mark):
        tail = self.rest
        while mark not in tail:
            piece = self.socket.recv(1 << 20)
            if not piece:
                raise RuntimeError("closed: %r" % tail[-300:])
            tail = tail[-2000:] + piece if len(tail) > 2000 else tail + piece
        self.rest = b""
        return tail

    def send(self, data):
        self.socket.sendall(data)

    def run(self, command):
        self.n += 1
        tag = b"t%d" % self.n
        self.send(tag + b" " + command.encode() + b"\r\n")
        return self.finish(tag, command)

    def finish(self, tag, command=""):
        """The end of what came up to the tagged reply, which has to be OK."""
        tail = self.until_tagged(tag)
        if tag + b" OK" not in tail:
            raise RuntimeError("%s: %r" % (command[:60], tail[-300:]))
        return tail

    def until_tagged(self, tag):
        tail = self.rest
        while True:
            at = tail.rfind(b"\n" + tag + b" ")
            if at < 0 and tail.startswith(tag + b" "):
                at = 0
            if at >= 0 and tail.endswith(b"\r\n"):
                self.rest = b""
                return tail
            piece = self.socket.recv(1 << 20)
            if not piece:
                raise RuntimeError("closed: %r" % tail[-300:])
            tail = tail[-400:] + piece

    def close(self):
        self.socket.close()


def append(line, mailbox, mail):
    line.n += 1
    tag = b"t%d" % line.n
    line.send(tag + b" APPEND %s {%d+}\r\n%s\r\n" % (mailbox.encode(), len(mail), mail))
    line.finish(tag, "APPEND")


def fill(server, mails):
    line = Line(server, None)
    for start in range(0, len(mails), 500):
        part = mails[start:start + 500]
        line.n += 1
        tag = b"t%d" % line.n
        line.send(tag + b" APPEND INBOX" + b"".join(b" {%d+}\r\n%s" % (len(one), one) for one in part) + b"\r\n")
        line.finish(tag, "APPEND")
    line.run("CREATE Copies")
    line.close()


class Bench:
    def __init__(self, servers, options):
        self.servers, self.options = servers, options
        self.rows = {}

    def note(self, row, server, value):
        mine = self.rows.setdefault(row, {})
        mine[server.name] = min(value, mine.get(server.name, value))

    def cpu(self, row, server, work):
        before = cpu_ms(server)
        work()
        self.settle(server)
        self.note(row, server, cpu_ms(server) - before)

    @staticmethod
    def settle(server):
        """Until it rests: what it does behind the answer belongs to the row."""
        last = cpu_ms(server)
        for _ in range(20):
            time.sleep(0.02)
            now = cpu_ms(server)
            if now - last < 0.05:
                return
            last = now

    def every(self, row, command, rounds=None, before=None):
        for _ in range(rounds or self.options.rounds):
            for server in self.servers:
                line = self.lines[server.name]
                if before:
                    line.run(before)
                    self.settle(server)
                self.cpu(row, server, lambda: line.run(command))

    def after_a_mail(self, row, command, mails):
        """What a client asks again that was told of a new mail."""
        for i in range(self.options.rounds):
            for server in self.servers:
                writer = Line(server, None)
                append(writer, "INBOX", mails[i])
                writer.close()
                self.lines[server.name].run("NOOP")
                self.settle(server)
                self.cpu(row, server, lambda: self.lines[server.name].run(command))

    def run(self, mails):
        for server in self.servers:
            self.cpu("filling: APPEND of all, 500 at once", server, lambda: fill(server, mails))
        def connect(server):
            line = Line(server)
            line.close()
        for _ in range(max(10, self.options.rounds)):
            for server in self.servers:
                self.cpu("connect, LOGIN, SELECT", server, lambda: connect(server))
        self.lines = {server.name: Line(server) for server in self.servers}
        self.every("UID FETCH 1:* FLAGS", "UID FETCH 1:* (FLAGS)")
        self.every("ENVELOPE of all, first", "UID FETCH 1:* (ENVELOPE)", 1)
        self.every("ENVELOPE of all", "UID FETCH 1:* (ENVELOPE)")
        self.every("BODYSTRUCTURE of all, first", "UID FETCH 1:* (BODYSTRUCTURE)", 1)
        self.every("BODYSTRUCTURE of all", "UID FETCH 1:* (BODYSTRUCTURE)")
        self.every("Thunderbird's headers of all, first", "UID FETCH 1:* " + THUNDERBIRD, 1)
        self.every("Thunderbird's headers of all", "UID FETCH 1:* " + THUNDERBIRD)
        self.every("BODY.PEEK[] of all", "UID FETCH 1:* (UID RFC822.SIZE BODY.PEEK[])")
        self.every("SEARCH SUBJECT", "UID SEARCH SUBJECT government")
        self.every("SEARCH BODY", "UID SEARCH BODY nowhere-to-be-found")
        self.every("SEARCH flags", "UID SEARCH UNSEEN NOT DELETED")
        self.every("SORT DATE, first", "UID SORT (DATE) UTF-8 ALL", 1)
        self.every("SORT DATE", "UID SORT (DATE) UTF-8 ALL")
        self.every("SORT SUBJECT", "UID SORT (SUBJECT) UTF-8 ALL")
        self.every("THREAD REFERENCES, first", "UID THREAD REFERENCES UTF-8 ALL", 1)
        self.every("THREAD REFERENCES", "UID THREAD REFERENCES UTF-8 ALL")
        self.after_a_mail("SORT SUBJECT, after a new mail", "UID SORT (SUBJECT) UTF-8 ALL", mails)
        self.after_a_mail("THREAD REFERENCES, after a new mail", "UID THREAD REFERENCES UTF-8 ALL", mails)
        self.every("STORE 1:* +FLAGS.SILENT", "UID STORE 1:* +FLAGS.SILENT (\\Flagged)",
                   before="UID STORE 1:* -FLAGS.SILENT (\\Flagged)")
        self.every("STORE 1:* -FLAGS", "UID STORE 1:* -FLAGS (\\Flagged)",
                   before="UID STORE 1:* +FLAGS.SILENT (\\Flagged)")
        self.copies()
        self.appends(mails)
        self.idle(mails)
        self.memory()
        for line in self.lines.values():
            line.close()

    def copies(self):
        for _ in range(self.options.rounds):
            for server in self.servers:
                self.cpu("COPY of 2,000", server,
                         lambda: self.lines[server.name].run("UID COPY 1:2000 Copies"))
        for _ in range(self.options.rounds):
            for server in self.servers:
                began = time.monotonic()
                self.lines[server.name].run("UID COPY 1:2000 Copies")
                self.note("COPY of 2,000, wall", server, (time.monotonic() - began) * 1000)

    def appends(self, mails, n=100):
        for server in self.servers:
            line = Line(server, None)

            def append_all():
                for i in range(n):
                    append(line, "Copies", mails[i])
            for _ in range(self.options.rounds):
                before = cpu_ms(server)
                began = time.monotonic()
                append_all()
                wall = (time.monotonic() - began) * 1000 / n
                self.note("one durable APPEND", server, (cpu_ms(server) - before) / n)
                self.note("one durable APPEND, wall", server, wall)
            line.close()

    def idle(self, mails):
        for server in self.servers:
            watcher, writer = Line(server), Line(server, None)
            for i in range(10):
                watcher.send(b"i IDLE\r\n")
                watcher.until(b"+ ")
                time.sleep(0.05)
                append(writer, "INBOX", mails[i])
                began = time.monotonic()
                watcher.until(b" EXISTS")
                self.note("IDLE notice behind APPEND's OK, wall", server, (time.monotonic() - began) * 1000)
                watcher.send(b"DONE\r\n")
                watcher.until_tagged(b"i")
            watcher.close()
            writer.close()

    def memory(self):
        n = self.options.sessions
        for server in self.servers:
            before = private_kib(server)
            lines = [Line(server) for _ in range(n)]
            for line in lines:
                line.send(b"i IDLE\r\n")
                line.until(b"+ ")
            self.note("memory of an idle session, KiB", server, (private_kib(server) - before) / n)
            for line in lines:
                line.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=20000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--alone", action="store_true", help="without Dovecot")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rng = random.Random(1)
    mails = [make_mail(i, rng) for i in range(options.messages)]
    servers = [Ours()]
    if dovecot.is_installed() and not options.alone:
        theirs = dovecot.Dovecot()
        theirs.name = "dovecot"
        servers.append(theirs)
    bench = Bench(servers, options)
    try:
        bench.run(mails)
    finally:
        for server in servers:
            server.close()
    if options.json:
        print(json.dumps(bench.rows, indent=1))
        return
    print("%-42s %10s %10s %8s" % ("%d messages, ms CPU" % options.messages, "bittern", "dovecot", "ratio"))
    for row, values in bench.rows.items():
        ours, other = values["bittern"], values.get("dovecot")
        print("%-42s %10.2f %10s %8s" % (row, ours, "%.2f" % other if other is not None else "-",
                                         "%.1f" % (other / ours) if other is not None and ours > 0 else "-"))


if __name__ == "__main__":
    main()
