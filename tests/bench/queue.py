#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Ten thousand mails in the outgoing queue, and is everything still quick? One Bittern without peers, whose
work never ends: 32 mails are worked on, the rest is queued.

    BITTERN_BIN=build/release/bin tests/bench/queue.py [N]
"""
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import harness  # noqa: E402
from figures import cpu_sec, resident_mib  # noqa: E402

N = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
MAIL = "From: %s\r\nTo: %s\r\nSubject: mail %d\r\n\r\n" + "A line of text.\r\n" * 20


def timed(what, action, times=5):
    spans = []
    for _ in range(times):
        began = time.monotonic()
        action()
        spans.append(time.monotonic() - began)
    print("%s: median %.0f ms, max %.0f ms" % (what, statistics.median(spans) * 1000, max(spans) * 1000))


def submit(one, sender, recipient, first, n):
    """Mails over one connection, each durable; how many a second."""
    with one.smtp() as server:
        began = time.monotonic()
        for i in range(first, first + n):
            server.sendmail(sender, [recipient], MAIL % (sender, recipient, i))
        return n / (time.monotonic() - began)


def main():
    one = harness.Bittern(dict(harness.QUICK, **{"pow.threads": "1"}), "queue").start()
    try:
        one.make_account()
        sender = harness.mail_address(one.identity("Alice"))
        chan = harness.mail_address(one.cli("chan", "create", "a room").split()[0])
        one.settings["network.least_trials_per_byte"] = "1000000000"  # read at the next start
        one.restart()
        part = N // 10
        rates = [submit(one, sender, chan, i * part, part) for i in range(10)]
        print("submissions a second, one connection: first tenth %.0f, last tenth %.0f" % (rates[0], rates[-1]))
        print("queue: %s" % one.status()["queue"])
        timed("bittern status", one.status)
        gateway = one.pid_of("gateway")
        used = cpu_sec(gateway)
        timed("bittern queue list, all of it", one.states, 3)
        print("of which the gateway works %.0f ms" % ((cpu_sec(gateway) - used) / 3 * 1000))

        def select():
            box = one.imap("Outbox")
            box.logout()
        timed("login and SELECT Outbox", select)
        timed("one more mail, with login", lambda: submit(one, sender, chan, N, 1))
        one.settings["network.least_trials_per_byte"] = "10"
        print("gateway: resident %.0f MiB" % resident_mib(gateway))
        began = time.monotonic()
        one.stop()
        stopped = time.monotonic()
        one.start()
        print("stop %.2f s, start until ready %.2f s" % (stopped - began, time.monotonic() - stopped))
        began = time.monotonic()
        harness.wait_for("all sent", lambda: one.status()["queue"].get("sent", 0) >= N + 5, 3600, 1)
        print("all worked on at low difficulty and published: %.0f s, %.0f a second" % (
            time.monotonic() - began, N / (time.monotonic() - began)))
        pid = one.pid_of("gateway")
        began, used = time.monotonic(), cpu_sec(pid)
        time.sleep(10)
        print("gateway at rest with all of them sent: %.1f %% of a core" % (
            100 * (cpu_sec(pid) - used) / (time.monotonic() - began)))
    finally:
        one.close()


if __name__ == "__main__":
    main()
