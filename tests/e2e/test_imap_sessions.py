# SPDX-License-Identifier: MIT
"""Two thousand idle sessions on a mailbox of a thousand mails: what each costs, and how soon it hears."""
import re
import resource
import statistics
import time
import unittest

import harness
import hostile_clients as raw

N_SESSIONS = 300 if harness.SANITIZED else 2000
N_MAILS = 1000
SESSION_KIB = 64
NOTICE_MS = 50 if harness.SANITIZED else 5


def proportional_kib(pid):
    with open("/proc/%d/smaps_rollup" % pid) as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))


class Sessions(unittest.TestCase):
    def setUp(self):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        if most != resource.RLIM_INFINITY and most < 2 * N_SESSIONS + 100:
            self.skipTest("no more than %d open files are allowed" % most)
        self.one = harness.Bittern(name="sessions").start()
        self.addCleanup(self.one.close)
        self.one.make_account()
        self.ports = {raw.IMAP: self.one.status()["imap"]["port"]}
        self.mail = b"From: a@example.org\r\nSubject: one of many\r\n\r\n" + b"x" * 1000 + b"\r\n"

    def append(self, one, n=1):
        literal = b" {%d+}\r\n%s" % (len(self.mail), self.mail)
        one.sendall(b"p APPEND INBOX" + literal * n + b"\r\n")
        self.assertIn(b"p OK", raw.read_until(one, re.compile(rb"p (OK|NO|BAD)[^\n]*\n"), 60))

    def session(self):
        one = raw.connect(self.ports, raw.IMAP)
        self.addCleanup(one.close)
        one.sendall(raw.password_line(self.one.account, self.one.password))
        self.assertIn(b"l OK", raw.read_until(one, re.compile(rb"l (OK|NO|BAD)[^\n]*\n"), 60))
        return one

    def idling(self):
        one = self.session()
        one.sendall(b"s SELECT INBOX\r\ni IDLE\r\n")
        self.assertIn(b"\r\n+ ", raw.read_until(one, re.compile(rb"\r\n\+ [^\n]*\n"), 60))
        return one

    def test_many_idle_sessions(self):
        writer = self.session()
        for _ in range(N_MAILS // 50):  # little at once: freed memory must not hide the sessions'
            self.append(writer, 50)
        warm = self.idling()
        gateway = self.one.status()["pids"]["gateway"]
        before = proportional_kib(gateway)
        began = time.monotonic()
        sessions = [self.idling() for _ in range(N_SESSIONS)]
        seconds = time.monotonic() - began
        each = (proportional_kib(gateway) - before) / N_SESSIONS
        notices = []
        for _ in range(11):
            self.append(writer)
            began = time.monotonic()
            self.assertIn(b"EXISTS", raw.read_until(warm, re.compile(rb"EXISTS\r\n"), 10))
            notices.append((time.monotonic() - began) * 1000)
        # All of them hear of each of the eleven mails.
        last = b" %d EXISTS" % (N_MAILS + 11)
        for one in sessions:
            self.assertIn(last, raw.read_until(one, re.compile(last), 20))
        print("%d sessions in %.1f s, %.1f KiB each; notice %.2f ms behind APPEND's OK (median)" % (
            N_SESSIONS, seconds, each, statistics.median(notices)))
        if not harness.SANITIZED:
            self.assertLess(each, SESSION_KIB)
        self.assertLess(statistics.median(notices), NOTICE_MS)


if __name__ == "__main__":
    harness.main()
