# SPDX-License-Identifier: MIT
"""The clock steps while everything runs: by an hour, by 30 days, to 1970, to 2100, and back.

Nothing expires for it, nobody is banned, connections stay, timers go on; what is sent once the clock is
right again arrives once. The clock is that of builds made for tests (base/clock.h).
"""
import datetime
import email.utils
import os
import subprocess
import time
import unittest

import harness
from clock import Clock
from harness import wait_for

HOUR, DAY = 3600, 86400


def offset_to(year):
    return int(datetime.datetime(year, 1, 2, tzinfo=datetime.timezone.utc).timestamp() - time.time())


STEPS = [("an hour on", HOUR), ("an hour back", -HOUR), ("30 days on", 30 * DAY), ("30 days back", -30 * DAY),
         ("to 1970", offset_to(1970)), ("to 2100", offset_to(2100))]


class ClockSteps(unittest.TestCase):
    def setUp(self):
        self.clock = Clock()
        self.a = self.start("a")
        self.b = self.start("b", connect=self.a)
        wait_for("a and b to meet", self.are_connected)
        self.alice, self.bob = self.a.identity("Alice"), self.b.identity("Bob")

    def start(self, name, connect=None):
        one = harness.Bittern(name=name, clock=self.clock)
        one.settings["smtp.tls_port"] = "0"
        if connect is not None:
            one.settings["network.connect"] = "127.0.0.1:%d" % connect.status()["node"]["port"]
        self.addCleanup(one.close)
        one.start()
        one.make_account()
        return one

    def are_connected(self):
        return self.b.status()["node"]["peers_out"] == 1 and self.a.status()["node"]["peers_in"] == 1

    def exchange(self, subject):
        self.a.send(self.alice, self.bob, subject, "x\n")
        self.b.wait_mail(subject, timeout=120)
        wait_for("%s delivered" % subject, lambda: any(
            row["subject"] == subject and row["state"] == "delivered" for row in self.a.states()), 120, 0.2)

    def backups(self):
        folder = os.path.join(self.a.home, "gateway", "backups")
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def certificate(self):
        path = os.path.join(self.a.home, "gateway", "tls.crt")
        if not os.path.exists(path):
            return None
        with open(path, "rb") as file:
            return file.read()

    def test_nothing_is_lost_and_nobody_banned(self):
        self.exchange("before")
        absent = "BM-2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK"  # nobody's: its key never comes
        self.a.send(self.alice, absent, "waits")
        wait_for("waits", lambda: any(row["state"] == "awaiting-key" for row in self.a.states()))
        backups = self.backups()
        certificate = self.certificate()
        idle = self.a.imap("INBOX")
        expected = ["before"]
        for name, offset in STEPS:
            pids = {side.name: side.status()["pids"] for side in (self.a, self.b)}
            self.clock.set(offset)
            time.sleep(3)
            with self.subTest(name):
                self.assertEqual(idle.noop()[0], "OK")
                self.a.imap("INBOX").logout()
                states = {row["subject"]: row["state"] for row in self.a.states()}
                self.assertEqual(states.get("waits"), "awaiting-key")
                self.assertEqual([states.get(subject) for subject in expected], ["delivered"] * len(expected))
                self.assertEqual({side.name: side.status()["pids"] for side in (self.a, self.b)}, pids)
                # The step alone bans nobody, and takes no backup away.
                self.assertEqual([side.status()["node"]["bans"] for side in (self.a, self.b)], [0, 0])
                self.assertTrue(set(backups) <= set(self.backups()), self.backups())
                self.assertEqual(self.certificate(), certificate)
                # A mail of now has the date that the clock shows, not another.
                self.a.imap().append("INBOX", None, None, b"Subject: %s\r\n\r\nx\r\n" % name.encode())
            self.clock.set(0)
            wait_for("a and b to be together", self.are_connected, 90, 0.2)
            subject = "after " + name
            self.exchange(subject)
            expected.append(subject)
            sent = email.utils.parsedate_to_datetime(self.b.find_mail(subject)["Date"])
            self.assertLess(abs(sent.timestamp() - time.time()), 2 * HOUR, name)
        arrived = [mail["Subject"] for mail in self.b.mails()]
        for subject in expected:
            self.assertEqual(arrived.count(subject), 1, subject)
        kept = [mail["Subject"] for mail in self.a.mails()]
        for name, _ in STEPS:
            self.assertEqual(kept.count(name), 1)
        for side in (self.a, self.b):
            side.stop()
            done = subprocess.run([os.path.join(harness.BIN, "store_checker"),
                                   os.path.join(side.home, "gateway", "mail.db")], stdout=subprocess.PIPE)
            self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    harness.main()
