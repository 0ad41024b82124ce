# SPDX-License-Identifier: MIT
"""Hostile mail clients, row by row (hostile_clients.py): each gets its answer in the protocol's own terms,
nothing ends, and after many rounds of all of them nothing has grown."""
import os
import re
import resource
import time
import unittest

import harness
import hostile_clients as hostile
from clock import Clock

# A row's answer comes within so many seconds, on a busy machine under sanitizers.
ANSWER_SECONDS = 40 if harness.SANITIZED else 20
ROUNDS = 6
SLOW_CONNECTIONS = 5000
STRANGER_KIB = 12  # what one may cost that has not logged in
DRIPPING_CONNECTIONS = 200
LOGIN_SECONDS = 60  # from connection to login
HONEST_SECONDS = 15  # for a login and a SELECT, whatever others do: a busy machine, but not a held-up server
# What may be left after ROUNDS rounds, KiB: an allocator's slack, not what a row leaves behind each time. Under
# sanitizers the freed memory waits in quarantine, whose bound is set below.
QUARANTINE_MIB = 16
GATEWAY_SLACK_KIB = 24 * 1024 + (QUARANTINE_MIB * 1024 * 2 if harness.SANITIZED else 0)
DECODER_SLACK_KIB = 24 * 1024 + (QUARANTINE_MIB * 1024 * 2 if harness.SANITIZED else 0)


def resident_kib(pid):
    with open("/proc/%d/status" % pid) as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def read_some(sock):
    """What is there already."""
    try:
        return sock.recv(4096)
    except OSError:
        return b""


class HostileClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.environ["ASAN_OPTIONS"] = "quarantine_size_mb=%d" % QUARANTINE_MIB
        cls.clock = Clock()
        cls.one = harness.Bittern(name="hostile", clock=cls.clock).start()
        cls.one.make_account()
        status = cls.one.status()
        cls.ports = {hostile.IMAP: status["imap"]["port"], hostile.SMTP: status["smtp"]["port"]}
        cls.pids = status["pids"]

    @classmethod
    def tearDownClass(cls):
        cls.one.close()

    def play(self, row):
        name, protocol, logged_in, data, expected = row
        one = hostile.connect(self.ports, protocol)
        try:
            if logged_in:
                one.sendall(hostile.password_line(self.one.account, self.one.password))
                got = hostile.read_until(one, re.compile(rb"l (OK|NO|BAD)"), ANSWER_SECONDS)
                self.assertIn(b"l OK", got)
            hostile.send_all(one, data)
            pattern = re.compile(expected)
            if expected == hostile.ENDED:
                return
            got = hostile.read_until(one, pattern, ANSWER_SECONDS)
            self.assertRegex(got[-3000:], pattern, name)
        finally:
            one.close()

    def test_1_each_row_has_its_answer(self):
        for row in hostile.ROWS:
            with self.subTest(row[0]):
                began = time.monotonic()
                self.play(row)
                self.assertLess(time.monotonic() - began, ANSWER_SECONDS, "slow")
                if self.one.process.poll() is not None:
                    self.fail("Bittern ended")
        self.assertEqual(self.one.status()["pids"], self.pids, "a process died")

    def memory(self):
        decoders = self.pids["decoder"]
        return resident_kib(self.pids["gateway"]), max(
            resident_kib(pid) for pid in (decoders if isinstance(decoders, list) else [decoders]))

    def test_2_nothing_grows(self):
        for row in hostile.ROWS:  # caches and the allocator's arenas have their size after one round
            self.play(row)
        before = self.memory()
        for _ in range(ROUNDS):
            for row in hostile.ROWS:
                self.play(row)
        after = self.memory()
        print("resident KiB, gateway and decoder: %s, after %d rounds %s" % (before, ROUNDS, after))
        self.assertEqual(self.one.status()["pids"], self.pids, "a process died")
        self.assertLess(after[0] - before[0], GATEWAY_SLACK_KIB, "the gateway grows")
        self.assertLess(after[1] - before[1], DECODER_SLACK_KIB, "the decoder grows")

    def test_3_idle_connections_leave_room_for_an_honest_one(self):
        held = []
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, SLOW_CONNECTIONS + 200)), hard))
        try:
            before = self.memory()[0]
            for i in range(SLOW_CONNECTIONS):
                one = hostile.connect(self.ports, hostile.IMAP)
                one.sendall(b"a LOG"[:i % 6])
                held.append(one)
            for _ in range(3):
                for one in held[::2]:
                    hostile.send_all(one, b"x")  # a byte now and then
                began = time.monotonic()
                self.one.imap("INBOX").logout()
                self.assertLess(time.monotonic() - began, HONEST_SECONDS)
            grown = self.memory()[0] - before
            print("%d connections: %.1f KiB each" % (SLOW_CONNECTIONS, grown / SLOW_CONNECTIONS))
            self.assertLess(grown, SLOW_CONNECTIONS * STRANGER_KIB, "KiB")
        finally:
            for one in held:
                one.close()

    def test_3_smtp_clients_that_drip_are_told_and_ended(self):
        held = [hostile.connect(self.ports, hostile.SMTP) for _ in range(DRIPPING_CONNECTIONS)]
        try:
            for one in held:
                one.sendall(b"EHLO drip")
            began = time.monotonic()
            self.one.smtp().quit()
            self.assertLess(time.monotonic() - began, HONEST_SECONDS)
            for byte in (b"p", b"i", b"n", b"g"):
                self.clock.let_pass(LOGIN_SECONDS / 5)
                for one in held:
                    one.sendall(byte)
            for one in held[::20]:
                one.settimeout(0.05)
                self.assertNotIn(b"421", read_some(one))
            self.clock.let_pass(LOGIN_SECONDS / 5)
            for one in held:
                one.settimeout(ANSWER_SECONDS)
                self.assertIn(b"421 4.4.2", hostile.read_until(one, re.compile(rb"421.*\r\n"), ANSWER_SECONDS))
        finally:
            for one in held:
                one.close()

    def test_4_a_slow_reader_holds_nobody_up(self):
        box = self.one.imap("INBOX")
        big = b"Subject: big\r\n\r\n" + b"x" * 70 * 100000
        self.assertEqual(box.append("INBOX", None, None, big)[0], "OK")
        slow = []
        before = self.memory()[0]
        for _ in range(20):
            one = hostile.connect(self.ports, hostile.IMAP)
            one.sendall(hostile.password_line(self.one.account, self.one.password) +
                        b"a SELECT INBOX\r\n" + b"b UID FETCH 1:* BODY.PEEK[]\r\n" * 20)
            slow.append(one)  # and reads nothing
        time.sleep(1)
        began = time.monotonic()
        self.one.imap("INBOX").logout()
        self.assertLess(time.monotonic() - began, HONEST_SECONDS)
        # 20 sessions that want 140 MB each hold a few hundred KiB each at the most.
        self.assertLess(self.memory()[0] - before, 20 * 512 + GATEWAY_SLACK_KIB)
        for one in slow:
            one.close()
        box.store("1:*", "+FLAGS", "\\Deleted")
        box.expunge()
        box.logout()


if __name__ == "__main__":
    harness.main()
