# SPDX-License-Identifier: MIT
"""The receiver away, the sender restarted, mail clients that stay. (Each kill in each state: test_killed.py.)"""
import os
import signal
import time

import harness
from harness import wait_for


class Away(harness.TestCase):
    def exactly_once(self, bittern, subject, mailbox="INBOX"):
        bittern.wait_mail(subject, mailbox, timeout=120)
        time.sleep(2)
        found = [m for m in bittern.mails(mailbox) if m["Subject"] == subject]
        self.assertEqual(len(found), 1)

    def test_the_receiver_is_away_and_comes_back(self):
        a, b = self.pair()
        alice = a.identity("Alice")
        bob = b.identity("Bob")
        a.send(alice, bob, "first", "x\n")
        b.wait_mail("first")
        b.stop()
        a.send(alice, bob, "while away", "x\n")
        a.wait_state("sent")
        b.start()
        self.exactly_once(b, "while away")
        wait_for("both delivered", lambda: [r["state"] for r in a.states()] == ["delivered"] * 2, 120)

    def test_awaiting_key_survives_a_restart(self):
        a = self.bittern("a")
        alice = a.identity("Alice")
        b = self.bittern("b")
        bob = b.identity("Bob")
        b.stop()
        a.send(alice, bob, "awaited", "x\n")
        a.wait_state("awaiting-key")
        a.restart()
        self.assertEqual(a.states()[0]["state"], "awaiting-key")
        b.settings["network.connect"] = "127.0.0.1:%d" % a.status()["node"]["port"]
        b.start()
        self.exactly_once(b, "awaited")

    def test_mail_clients_stay_connected_when_node_or_decoder_die(self):
        a = self.bittern("a")
        box = a.imap("INBOX")
        pids = a.status()["pids"]
        os.kill(pids["node"], signal.SIGKILL)
        for pid in pids["decoder"]:
            os.kill(pid, signal.SIGKILL)
        wait_for("new processes", lambda: a.is_ready() and a.pid_of("node") not in (0, pids["node"]))
        self.assertEqual(box.noop()[0], "OK")
        self.assertEqual(box.append("INBOX", "", None, b"Subject: still here\r\n\r\nx\r\n")[0], "OK")
        box.logout()
        self.assertIsNotNone(a.find_mail("still here"))

    def test_the_supervisors_death_ends_all_and_the_next_start_finds_all(self):
        a, b = self.pair()
        alice = a.identity("Alice")
        bob = b.identity("Bob")
        pids = a.status()["pids"]
        a.send(alice, bob, "before the fall", "x\n")
        a.kill()
        wait_for("the children to end", lambda: not any(
            os.path.exists("/proc/%d" % pid) for pid in
            [pids["node"], pids["gateway"]] + pids["decoder"]), 10)
        a.start()
        b.stop()
        b.settings["network.connect"] = "127.0.0.1:%d" % a.status()["node"]["port"]
        b.start()
        self.exactly_once(b, "before the fall")

    def test_a_clean_stop_takes_less_than_five_seconds(self):
        a = self.bittern("a")
        self.assertLess(a.stop(), 5)
        self.assertEqual(a.process.returncode, 0)


if __name__ == "__main__":
    harness.main()
