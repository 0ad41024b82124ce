#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Networks that are cut, healed, slow and lossy, and hosts whose clocks jump. `--long`: fifty hosts, and some of
them killed. Skips (exit code 77) where there can be no lab."""
import os
import random
import sys
import time

import net
from lab import Lab, harness, wait_for

SKIPPED = 77


def a_cut_network_heals_and_every_message_arrives_once():
    """0 - 1 - 2 - 3 - 4 in a ring, whole ones at 0, 2 and 4; bad weather all the time."""
    lab = Lab(5, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)], whole=(0, 2, 4))
    try:
        lab.write(0, 2, "lab before the cut")
        lab.wait_delivered()
        lab.net.weather(delay_ms=(5, 60), drop=0.02)
        lab.net.partition((0, 1), (2, 3, 4))
        lab.write(0, 2, "lab across the cut")
        lab.write(2, 0, "lab back across the cut")
        lab.write(2, 4, "lab within the half")
        wait_for("the one within the half", lambda: lab.places[4].find_mail("lab within the half"), 60, 0.2)
        assert lab.places[2].find_mail("lab across the cut") is None, "it crossed a cut"
        lab.net.heal()
        lab.wait_delivered()
        lab.net.weather()
        n = lab.wait_equal()
        assert n >= 4, n
        lab.check_once()
        lab.check_friendly()
    finally:
        lab.close()


HOUR, DAY = 3600, 86400
STEPS = {1: ("an hour", HOUR), 2: ("30 days", 30 * DAY), 3: ("1970", None), 4: ("2100", None)}


def seconds_to(year):
    return (year - 1970) * 365.2425 * DAY - time.time()


def clocks_jump_and_nothing_is_lost():
    """A star: host 0 keeps the time, the clocks of the others jump, each elsewhere."""
    if not os.environ.get("BITTERN_SANITIZED") == "1":
        print("skipped: this build's clock can't be moved", flush=True)
        return
    lab = Lab(5, [(i, 0) for i in STEPS], whole=(0, 1), clocks=STEPS)
    try:
        lab.write(0, 1, "lab in time")
        lab.wait_delivered()
        n = lab.wait_equal()
        for i, (name, step) in STEPS.items():
            step = int(seconds_to(int(name))) if step is None else step
            lab.places[i].clock.set(step)
        # Longer than the stores' round of expiry.
        time.sleep(12)
        for i, (name, _) in STEPS.items():
            node = lab.places[i].node()
            assert "the clock jumped" in lab.places[i].log_text(), "%s: the clock did not move" % name
            assert node["objects"] == n, "%s: %d objects of %d" % (name, node["objects"], n)
            assert node["peers_out"] == 1, "%s: lost its peer" % name
            assert node["banned"] == 0 and node["expired"] == 0 and node["evicted"] == 0, (name, node)
        assert lab.places[0].node()["peers_in"] == 4
        lab.check_friendly()
        # Back in time, all goes on.
        for i in STEPS:
            lab.places[i].clock.set(0)
        lab.write(1, 0, "lab after the jump")
        lab.wait_delivered()
        lab.wait_equal()
        lab.check_once()
    finally:
        lab.close()


def fifty_hosts_live_through_a_bad_day(seed=7):
    """A random network of degree 3 and more, four whole ones; cuts, weather, kills."""
    rng = random.Random(seed)
    n = 50
    links = [(i, rng.randrange(i)) for i in range(1, n)]
    links += [tuple(rng.sample(range(n), 2)) for _ in range(n // 2)]
    whole = (0, 16, 33, 49)
    lab = Lab(n, links, whole=whole, seed=seed, **{"log__level": "warn"})
    try:
        wait_for("a connected network", lambda: all(
            p.node()["peers_in"] + p.node()["peers_out"] > 0 for p in lab.places), 120, 1)
        number = 0
        for spell in range(4):
            lab.net.weather(delay_ms=(0, rng.choice((0, 50, 300))), drop=rng.choice((0, 0.01, 0.05)))
            hosts = list(range(n))
            rng.shuffle(hosts)
            at = rng.randrange(10, 40)
            lab.net.partition(hosts[:at], hosts[at:])
            for _ in range(4):
                sender, recipient = rng.sample(whole, 2)
                number += 1
                lab.write(sender, recipient, "lab %d in spell %d" % (number, spell))
            victims = rng.sample([i for i in range(n) if i not in whole], 3)
            for i in victims:
                lab.places[i].kill()
            time.sleep(5)
            lab.net.heal()
            for i in victims:
                lab.places[i].spawn()
            time.sleep(5)
        lab.net.weather()
        lab.wait_delivered(300)
        print("fifty hosts: %d messages, %d objects everywhere" % (number, lab.wait_equal(300)), flush=True)
        lab.check_once()
        lab.check_friendly()
    finally:
        lab.close()


SHORT = [a_cut_network_heals_and_every_message_arrives_once, clocks_jump_and_nothing_is_lost]
LONG = [fifty_hosts_live_through_a_bad_day]

if __name__ == "__main__":
    reason = net.missing()
    if reason is not None:
        print("skipped: " + reason)
        sys.exit(SKIPPED)
    if not os.path.exists(os.path.join(harness.BIN, "bittern")):
        sys.exit("BITTERN_BIN must name the folder of the executables")
    words = sys.argv[1:]
    tests = LONG if "--long" in words else SHORT
    names = [word for word in words if not word.startswith("--")]
    for test in tests:
        if not names or test.__name__ in names:
            start = time.monotonic()
            test()
            print("ok %s (%.1f s)" % (test.__name__, time.monotonic() - start), flush=True)
