#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A flood of valid objects, each of which the gateway must try its keys on: mail programs are served as quickly as
ever, the node keeps to its caps, and what is our own stays."""
import os
import statistics
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bmwire  # noqa: E402
import harness  # noqa: E402
from harness import SANITIZED, wait_for  # noqa: E402

OBJECTS_A_SEC = 200
FLOOD_SEC = 12
N_FLOOD = OBJECTS_A_SEC * FLOOD_SEC
CAP_OBJECTS = 1000
N_IDENTITIES = 10  # each object is tried with the keys of all
USUAL_SEC = 1.0 if SANITIZED else 0.5
WORST_SEC = 6.0 if SANITIZED else 3.0


class Flood(threading.Thread):
    """Pushes objects, unasked, at a steady rate."""

    def __init__(self, port, objects):
        super().__init__(daemon=True)
        self.peer = bmwire.Peer.dial(port)
        self.peer.handshake()
        self.objects = objects
        self.error = None
        self.took_sec = None

    def run(self):
        try:
            began = time.monotonic()
            for i, data in enumerate(self.objects):
                self.peer.send_object(data)
                time.sleep(max(began + i / OBJECTS_A_SEC - time.monotonic(), 0))
            if not self.peer.is_alive(60):
                raise AssertionError("the flooding peer was cut off")
            self.took_sec = time.monotonic() - began
        except Exception as error:
            self.error = error


class FloodTest(harness.TestCase):
    def login_and_select(self, one, port):
        began = time.monotonic()
        box = harness.imaplib.IMAP4("127.0.0.1", port, timeout=60)
        box.login(one.account, one.password)
        status, count = box.select("INBOX")
        self.assertEqual(status, "OK")
        took = time.monotonic() - began
        box.logout()
        return took, int(count[0])

    def test_mail_is_read_quickly_while_valid_objects_pour_in(self):
        one = self.bittern(network__least_trials_per_byte=1, network__least_extra_bytes=1,
                           node__max_objects=CAP_OBJECTS)
        addresses = [one.identity("me%d" % i) for i in range(N_IDENTITIES)]
        one.send(addresses[0], addresses[1], subject="Before the flood")
        one.wait_mail("Before the flood")
        status = one.status()
        imap_port = status["imap"]["port"]
        n_pubkeys = len(addresses) + 1  # and of the first start
        harness.wait_for("own keys in the figures", lambda:
                         one.status()["node"]["objects_of_kind_pubkey"] == n_pubkeys)
        flood = Flood(status["node"]["port"], bmwire.noise_messages(N_FLOOD, trials=1, extra=1))
        self.addCleanup(flood.peer.close)
        quiet = [self.login_and_select(one, imap_port)[0] for _ in range(5)]
        flood.start()
        times, most_objects = [], 0
        while flood.is_alive():
            took, n_mails = self.login_and_select(one, imap_port)
            times.append(took)
            self.assertGreaterEqual(n_mails, 1)
            if len(times) % 8 == 0:
                most_objects = max(most_objects, one.status()["node"]["objects"])
        flood.join()
        self.assertIsNone(flood.error)
        self.assertGreaterEqual(len(times), 20)
        self.assertLess(statistics.median(times), USUAL_SEC)
        self.assertLess(max(times), WORST_SEC)
        # All came in, and no more than the cap is kept; ours is among it.
        self.assertLess(flood.took_sec, 2.5 * FLOOD_SEC)
        self.assertLessEqual(most_objects, CAP_OBJECTS)
        wait_for("the flood to be taken in", lambda: one.status()["node"]["objects_in_msg"] >= N_FLOOD)
        node = one.status()["node"]
        self.assertLessEqual(node["objects"], CAP_OBJECTS)
        self.assertGreater(node["objects"], CAP_OBJECTS * 0.9)
        self.assertGreater(node["evicted"], N_FLOOD - CAP_OBJECTS)
        self.assertGreaterEqual(node["objects_of_kind_pubkey"], n_pubkeys)
        # What is sent then arrives, behind whatever is left to be tried.
        one.send(addresses[0], addresses[1], subject="Behind the flood")
        one.wait_mail("Behind the flood", timeout=120)
        print("login and SELECT: %.0f ms quietly, %.0f ms in the flood, %.0f ms at worst; %d of them" %
              (statistics.median(quiet) * 1000, statistics.median(times) * 1000, max(times) * 1000, len(times)))


if __name__ == "__main__":
    harness.main()
