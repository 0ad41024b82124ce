# SPDX-License-Identifier: MIT
"""Passwords that are guessed at: neither sessions nor other accounts' logins wait for it, the answers to wrong
ones come late, and the owner's right password is slowed down at the most."""
import base64
import re
import smtplib
import threading
import time
import unittest

import harness
import hostile_clients as hostile

GUESSERS = 60
QUICK_SECONDS = 3 if harness.SANITIZED else 1


class Guesser(threading.Thread):
    """Guesses for one account, hangs up when a guess was wrong or is not answered at once, and comes again."""

    def __init__(self, ports, account, number, ending):
        super().__init__(daemon=True)
        self.ports, self.account, self.number, self.ending = ports, account, number, ending
        self.n_guesses = 0

    def run(self):
        while not self.ending.is_set():
            password = "guess-%d-%d" % (self.number, self.n_guesses)
            try:
                one = hostile.connect(self.ports, hostile.IMAP)
                one.sendall(hostile.password_line(self.account, password))
                hostile.read_until(one, re.compile(rb"l (OK|NO|BAD)"), 0.2)
                one.close()
            except OSError:
                continue
            self.n_guesses += 1


class Logins(unittest.TestCase):
    def setUp(self):
        self.one = harness.Bittern(name="logins").start()
        self.addCleanup(self.one.close)
        self.passwords = {name: self.one.cli("account", "new", name) for name in ("ann", "bob")}
        status = self.one.status()
        self.ports = {hostile.IMAP: status["imap"]["port"], hostile.SMTP: status["smtp"]["port"]}

    def login(self, account, password, seconds=30):
        """The answer to LOGIN, and how long it took."""
        one = hostile.connect(self.ports, hostile.IMAP)
        try:
            began = time.monotonic()
            one.sendall(hostile.password_line(account, password))
            got = hostile.read_until(one, re.compile(rb"l (OK|NO|BAD)[^\r]*\r\n"), seconds)
            return got, time.monotonic() - began
        finally:
            one.close()

    def auth(self, account, password):
        """The same by SMTP."""
        with smtplib.SMTP("127.0.0.1", self.ports[hostile.SMTP], timeout=30) as server:
            server.ehlo()
            began = time.monotonic()
            plain = base64.b64encode(b"\0%s\0%s" % (account.encode(), password.encode())).decode()
            return server.docmd("AUTH", "PLAIN " + plain), time.monotonic() - began

    def test_wrong_logins_are_answered_later_each_time_over_all_connections(self):
        for seconds in (1, 2, 4):
            got, took = self.login("ann", "wrong")
            self.assertIn(b"NO [AUTHENTICATIONFAILED]", got)
            self.assertGreaterEqual(took, seconds - 0.1)
        (code, _), took = self.auth("ann", "wrong")  # one back-off for all servers
        self.assertEqual(code, 535)
        self.assertGreaterEqual(took, 7.9)
        got, took = self.login("nobody", "wrong")
        self.assertIn(b"NO [AUTHENTICATIONFAILED]", got)
        self.assertLess(took, 1 + QUICK_SECONDS)
        got, took = self.login("bob", self.passwords["bob"])
        self.assertIn(b"l OK", got)
        self.assertLess(took, QUICK_SECONDS)
        got, _ = self.login("ann", self.passwords["ann"])  # nobody is locked out
        self.assertIn(b"l OK", got)

    def test_guessing_at_one_account_keeps_nobody_else_waiting(self):
        ending = threading.Event()
        guessers = [Guesser(self.ports, "ann", i, ending) for i in range(GUESSERS)]
        ann = hostile.connect(self.ports, hostile.IMAP)
        ann.sendall(hostile.password_line("ann", self.passwords["ann"]))
        self.assertIn(b"l OK", hostile.read_until(ann, re.compile(rb"l (OK|NO|BAD)"), 30))
        for guesser in guessers:
            guesser.start()
        try:
            time.sleep(1)
            slowest = 0
            for _ in range(30):  # a session that is there
                began = time.monotonic()
                ann.sendall(b"z NOOP\r\n")
                self.assertIn(b"z OK", hostile.read_until(ann, re.compile(rb"z OK"), 30))
                slowest = max(slowest, time.monotonic() - began)
            self.assertLess(slowest, QUICK_SECONDS)
            got, took = self.login("bob", self.passwords["bob"])
            self.assertIn(b"l OK", got)
            self.assertLess(took, QUICK_SECONDS)
            (code, _), took = self.auth("bob", self.passwords["bob"])
            self.assertEqual(code, 235)
            self.assertLess(took, QUICK_SECONDS)
            got, took = self.login("ann", self.passwords["ann"])  # was right a moment ago
            self.assertIn(b"l OK", got)
            self.assertLess(took, QUICK_SECONDS)
        finally:
            ending.set()
            for guesser in guessers:
                guesser.join(30)
        n_guesses = sum(guesser.n_guesses for guesser in guessers)
        print("%d guesses, slowest NOOP %.3f s" % (n_guesses, slowest))
        self.assertGreater(n_guesses, GUESSERS)
        ann.close()


if __name__ == "__main__":
    unittest.main()
