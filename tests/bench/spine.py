#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The figures of a whole Bittern: start, memory, size, and a mail's way from 250 to the other's INBOX.

    BITTERN_BIN=build/release/bin tests/bench/spine.py
"""
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import harness  # noqa: E402

ROUNDS = 7


def resident_kib(pid):
    with open("/proc/%d/status" % pid) as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def start_once():
    one = harness.Bittern(name="start")
    try:
        began = time.monotonic()
        one.start()
        return time.monotonic() - began
    finally:
        one.close()


def delivery_times(settings, label):
    first = harness.Bittern(settings, "a").start()
    second = None
    try:
        port = first.status()["node"]["port"]
        second = harness.Bittern(dict(settings, **{"network.connect": "127.0.0.1:%d" % port}), "b").start()
        first.make_account()
        second.make_account()
        alice, bob = first.identity("Alice"), second.identity("Bob")
        harness.wait_for("the connection", lambda: second.status()["node"]["peers_out"] == 1)
        times = []
        for i in range(ROUNDS + 1):
            box = second.imap("INBOX")
            n_before = int(box.select("INBOX")[1][0])
            first.send(alice, bob, "round %d" % i, "x\n")
            began = time.monotonic()
            while int(box.select("INBOX")[1][0]) == n_before:
                time.sleep(0.002)
            times.append(time.monotonic() - began)
            box.logout()
        times = times[1:]  # the first one also fetches the key
        print("250 to INBOX, %s: median %.3f s, min %.3f, max %.3f" % (
            label, statistics.median(times), min(times), max(times)))
    finally:
        first.close()
        if second is not None:
            second.close()


def main():
    starts = sorted(start_once() for _ in range(3))
    print("start until ready (empty home, first account, identity and certificate made): %.2f s" % starts[1])
    one = harness.Bittern(name="memory").start()
    try:
        time.sleep(2)
        pids = one.status()["pids"]
        for name in ("supervisor", "node", "gateway"):
            print("resident memory, %s: %.1f MiB" % (name, resident_kib(pids[name]) / 1024))
        for pid in pids["decoder"]:
            print("resident memory, decoder: %.1f MiB" % (resident_kib(pid) / 1024))
    finally:
        one.close()
    for name in ("bittern", "bittern-node", "bittern-gateway", "bittern-decoder"):
        print("size of %s: %.2f MiB" % (name, os.path.getsize(os.path.join(harness.BIN, name)) / 2**20))
    delivery_times(harness.QUICK, "low difficulty")
    delivery_times(harness.REAL_DIFFICULTY, "the network's least difficulty, lifetime 4 days")


if __name__ == "__main__":
    main()
