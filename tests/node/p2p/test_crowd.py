#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A thousand peers that say a byte every ten seconds, half of them before their handshake and half behind it; an
honest peer synchronises meanwhile."""
import os
import resource
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from nodes import Clock, Node, Peer, frame, make_object, run_tests, version, wait_for  # noqa: E402

N_SLOW = 1000
DRIP_SEC = 10
HANDSHAKE_SEC = 20  # what the node gives to a handshake
N_OBJECTS = 2000
# A slow peer's share of the node's growth; sanitizers add their redzones and keep what was freed.
PEER_BUDGET_KIB = 60 if os.environ.get("BITTERN_SANITIZED") == "1" else 12


class SlowPeer:
    """Says `whole` byte by byte and never comes to its end."""

    def __init__(self, port, is_established):
        self.peer = Peer(port, handshake=is_established)
        self.whole = frame("inv", bytes(40000)) if is_established else frame("version", version())
        self.n_said = 0

    def drip(self):
        try:
            self.peer.socket.send(self.whole[self.n_said:self.n_said + 1])
            self.n_said += 1
        except OSError:
            pass  # cut off

    def close(self):
        self.peer.close()


def allow_descriptors(count):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    return True


def a_thousand_slow_peers_cost_an_honest_one_nothing():
    if not allow_descriptors(2 * N_SLOW + 200):
        print("skipped: too few descriptors are allowed here")
        sys.exit(77)
    clock = Clock()
    node = Node("node", {"node.max_inbound": str(N_SLOW + 10), "log.level": "warn"}, clock=clock)
    honest = Peer(node.port)
    honest.serve([make_object(b"to warm up" + os.urandom(40))], lambda: node.objects() == 1)
    empty_kib = node.rss_kib()
    slow = [SlowPeer(node.port, i % 2 == 1) for i in range(N_SLOW)]
    began = clock.mono()
    wait_for("the thousand", 30, lambda: node.fresh()["peers_in"] == N_SLOW // 2 + 1)
    objects = [make_object(b"%d " % i + os.urandom(40)) for i in range(N_OBJECTS)]
    names_asked = []
    worst_answer = 0.0
    for n_drips in range(1, 4):
        for one in slow:
            one.drip()
        if n_drips == 1:
            honest.answers()
            grown = node.rss_kib() - empty_kib
            assert grown < N_SLOW * PEER_BUDGET_KIB, "grew by %d KiB" % grown
        part = objects[(n_drips - 1) * N_OBJECTS // 4:n_drips * N_OBJECTS // 4]
        started = time.monotonic()
        names_asked += honest.serve(part, lambda: node.objects() > n_drips * N_OBJECTS // 4)
        assert time.monotonic() - started < DRIP_SEC, "%.1f s for a part" % (time.monotonic() - started)
        started = time.monotonic()
        honest.answers()
        worst_answer = max(worst_answer, time.monotonic() - started)
        clock.let_pass(max(began + n_drips * DRIP_SEC - clock.mono(), 0))
    assert worst_answer < 2, worst_answer
    assert len(names_asked) == len(set(names_asked))

    # Half a handshake has its end, however steadily it drips; the others have broken no rule so far.
    wait_for("the end of the halfway ones", HANDSHAKE_SEC, lambda: node.fresh()["connections"] == N_SLOW // 2 + 1)
    assert all(one.peer.is_closed(5) for one in slow[0::2])
    assert node.status["peers_in"] == N_SLOW // 2 + 1
    honest.serve(objects[-N_OBJECTS // 4:], lambda: node.objects() == N_OBJECTS + 1)
    for one in slow:
        one.close()
    wait_for("the end of all", 20, lambda: node.fresh()["connections"] == 1)
    honest.answers()
    node.stop()
    node.remove()
    print("grew by %.1f KiB a slow peer; the slowest answer took %.0f ms" %
          (grown / N_SLOW, worst_answer * 1000))


TESTS = [a_thousand_slow_peers_cost_an_honest_one_nothing]

if __name__ == "__main__":
    run_tests(TESTS)
