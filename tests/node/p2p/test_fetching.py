#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How a node fetches: from several peers at once, each object asked of one at a time, again elsewhere when one
stalls; in pieces when there is much; and how long a newcomer waits before it is served. `--long`: with the
50,001 objects that one inv can't hold."""
import collections
import os
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from nodes import Clock, Node, Peer, frame, hashes, make_object, object_hash, var_int, wait_for  # noqa: E402

MAX_INV = 50000
STALL_SEC = 5  # what a peer that never delivered is given
LONG_STALL_SEC = 60  # and one that did
MAX_WINDOW = 2048  # asked of one peer at a time


def parse_hashes(payload):
    start = {253: 3, 254: 5}.get(payload[0], 1)
    return [payload[i:i + 32] for i in range(start, len(payload), 32)]


class Source(threading.Thread):
    """A peer that has everything, and delivers the first `willing` objects that it is asked for."""

    def __init__(self, port, objects, journal, willing=None, now=time.monotonic):
        super().__init__(daemon=True)
        self.now = now
        self.peer = Peer(port)
        self.objects = objects
        self.journal = journal
        self.willing = len(objects) if willing is None else willing
        self.given = []
        self.stop = False
        self.error = None
        self.start()

    def run(self):
        try:
            self._run()
        except Exception as error:
            self.error = error

    def _run(self):
        names = list(self.objects)
        for i in range(0, len(names), MAX_INV):
            self.peer.send("inv", hashes(names[i:i + MAX_INV]))
        while not self.stop:
            try:
                message = self.peer.receive(0.2)
            except socket.timeout:
                continue
            assert message is not None, "the node closed"
            if message[0] == "getdata":
                self._serve(parse_hashes(message[1]))

    def _serve(self, wanted):
        now = self.now()
        for name in wanted:
            self.journal.append((now, name, self))
        given = wanted[:self.willing]
        self.willing -= len(given)
        self.given += given
        self.peer.socket.settimeout(60)
        self.peer.socket.sendall(b"".join(frame("object", self.objects[name]) for name in given))


def make_objects(count):
    return {object_hash(whole): whole for whole in
            (make_object(b"%d " % i + os.urandom(40)) for i in range(count))}


def asked_twice_at_once(journal, deadbeats):
    """Hashes asked of a second peer while a willing one had been asked and nothing was amiss."""
    first = {}
    wrong = set()
    for when, name, source in journal:
        if name in first:
            before, other = first[name]
            if other not in deadbeats or when - before < STALL_SEC - 1:
                wrong.add(name)
        first[name] = (when, source)
    return wrong


def several_peers_share_a_big_inventory_and_one_stalls(count):
    node = Node("node", {"log.level": "warn"})
    objects = make_objects(count)
    journal = []
    silent = Source(node.port, objects, journal, willing=0)
    wait_for("a question", 20, lambda: journal)
    sources = [silent] + [Source(node.port, objects, journal) for _ in range(3)]
    wait_for("all objects", 300, lambda: node.objects() >= count)
    for source in sources:
        source.stop = True
        source.join(30)
        assert source.error is None, source.error
    share = collections.Counter(source for _, _, source in journal)
    wrong = asked_twice_at_once(sorted(journal, key=lambda row: row[0]), {silent})
    assert not wrong, "%d objects were asked of two peers at once" % len(wrong)
    assert {name for _, name, _ in journal} == set(objects)
    for source in sources[1:]:
        assert share[source] > count / 100, "a peer had a share of %d" % share[source]
    assert 0 < share[silent] <= 200, share[silent]
    assert node.fresh()["stalls"] > 0 and node.status["wanted"] == 0 and node.status["asked"] == 0
    # What is there is offered to a newcomer, in pieces that an inv can hold.
    newcomer = Peer(node.port)
    told, pieces = set(), []
    while len(told) < count:
        names = parse_hashes(newcomer.expect("inv", 30))
        pieces.append(len(names))
        told.update(names)
    assert told == set(objects) and sum(pieces) == count and max(pieces) <= MAX_INV, pieces
    node.stop()
    node.remove()


def requests_under_way_twice(journal, arrivals):
    """Objects that were asked of a peer while another, asked before, could still be expected to deliver: it was
    neither given up (as stalled) nor had it delivered."""
    wrong = []
    under_way = {}
    for when, name, source in journal:
        before, asked = under_way.get(name, (None, None))
        if asked is not None and asked is not source and when - before < STALL_SEC - 1:
            wrong.append(name)
        under_way[name] = (when, source)
    return wrong + [name for name, n in arrivals.items() if n > 1]


def stands_still(node, clock):
    """Nothing more comes, though those that never delivered are given up."""
    before = node.fresh()["objects"]
    clock.let_pass(STALL_SEC)
    node.fresh()
    return 0 < node.fresh()["objects"] == before


def several_stall_each_at_another_point(count):
    """Eight have it all; five of them stop: at once, after one object, in the middle of a window, after some
    windows, and after hundreds. What they owe is asked of the others, and of one at a time."""
    clock = Clock()
    node = Node("node", {"log.level": "warn"}, clock=clock)
    objects = make_objects(count)
    journal = []
    points = (0, 1, 37, 300, 900)
    began = clock.mono()
    deadbeats = [Source(node.port, objects, journal, point, clock.mono) for point in points]
    honest = [Source(node.port, objects, journal, now=clock.mono) for _ in range(3)]
    wait_for("nothing more to come", 420, lambda: stands_still(node, clock))
    held_since = clock.mono()
    # What those hold up that delivered before waits for a minute, and not longer.
    held = node.objects()
    early = began + LONG_STALL_SEC - 6 - clock.mono()
    assert early > 0 or count > MAX_INV  # the long form may take a minute for the rest
    if early > 0:
        assert held < count
        clock.let_pass(early)
        assert node.fresh()["objects"] == node.fresh()["objects"] == held
    clock.let_pass(max(held_since + LONG_STALL_SEC - clock.mono(), 0))
    wait_for("all objects", 60 + count / 500, lambda: node.objects() >= count)
    for source in deadbeats + honest:
        source.stop = True
        source.join(30)
        assert source.error is None, source.error
    rows = sorted(journal, key=lambda row: row[0])
    arrivals = collections.Counter(name for source in deadbeats + honest for name in source.given)
    wrong = requests_under_way_twice(rows, arrivals)
    assert not wrong, "%d objects were under way twice" % len(wrong)
    assert set(arrivals) == set(objects)
    asked_of = collections.Counter(source for _, _, source in rows)
    for source, point in zip(deadbeats, points):
        assert len(source.given) <= point
        # Never asked for much more than one window beyond what it delivered: that is all that a stall can hold up.
        assert asked_of[source] - len(source.given) <= MAX_WINDOW, (point, asked_of[source])
    figures = node.fresh()
    assert figures["stalls"] >= sum(asked_of[source] - len(source.given) for source in deadbeats) > 0
    assert figures["wanted"] == 0 and figures["asked"] == 0
    node.stop()
    node.remove()


def tell_addresses(node, count):
    """Tell the node so many peers that it does not know."""
    known = node.status["known_peers"]
    entries = b"".join(struct.pack(">QIQ", int(time.time()) - 60, 1, 1) + bytes(10) + b"\xff\xff" +
                       bytes([20, 1, known, 1 + i]) + struct.pack(">H", 8444) for i in range(count))
    Peer(node.port).send("addr", var_int(count) + entries)
    wait_for("the addresses", 10, lambda: node.status["known_peers"] == known + count)


def served_after(clock, since, seconds, peer, whole):
    """When it is served, counted from then; all but the last second and a half until `seconds` is jumped over."""
    clock.let_pass(max(since + seconds - 1.5 - clock.mono(), 0))
    assert peer.expect("object", 30) == whole
    return clock.mono() - since


def a_newcomer_waits_before_it_is_served(_):
    """The anti-intersection delay: 5.2 s and more, by how many peers are known."""
    quiet_sec = 5.2
    clock = Clock()
    node = Node("node", {"network.anti_intersection": "yes"}, clock=clock)
    whole = make_object(b"seen by all " + os.urandom(30))
    name = object_hash(whole)
    Peer(node.port).send("object", whole)
    wait_for("the object", 10, lambda: node.objects() == 1)

    def newcomer_waits(seconds):
        peer = Peer(node.port)
        connected = clock.mono()
        peer.send("getdata", hashes([name]))
        waited = served_after(clock, connected, seconds, peer, whole)
        assert seconds - 0.5 < waited < seconds + 5, waited
        return peer

    newcomer = newcomer_waits(quiet_sec)
    # Once it has waited it is served at once, until it asks for what is not there.
    asked = clock.mono()
    newcomer.send("getdata", hashes([name]))
    assert served_after(clock, asked, 0, newcomer, whole) < 2
    asked = clock.mono()
    newcomer.send("getdata", hashes([name, os.urandom(32)]))
    waited = served_after(clock, asked, quiet_sec, newcomer, whole)
    assert quiet_sec - 0.5 < waited < quiet_sec + 5, waited
    # With 18 known peers it is as long, with one more twice as long.
    for n_known, seconds in ((18, quiet_sec), (1, 2 * quiet_sec)):
        tell_addresses(node, n_known)
        newcomer_waits(seconds)
    node.stop()
    node.remove()


def what_a_peer_asks_for_is_queued_up_to_a_bound(_):
    """While a newcomer has to wait, its requests pile up: 50,000 are kept, and not one more."""
    clock = Clock()
    node = Node("node", {"network.anti_intersection": "yes", "log.level": "warn"}, clock=clock)
    whole, last = make_object(b"short"), make_object(b"the last")
    name = object_hash(whole)
    giver = Peer(node.port)
    giver.send("object", whole)
    giver.send("object", last)
    wait_for("the objects", 10, lambda: node.objects() == 2)
    peers = {n: Peer(node.port) for n in (MAX_INV - 1, MAX_INV, MAX_INV + 1)}
    for n, peer in peers.items():
        peer.send("getdata", hashes([name] * (n - 2)))
        peer.send("getdata", hashes([name] * 2))
        peer.answers()
    clock.let_pass(5.2)
    for n, peer in peers.items():
        for _ in range(min(n, MAX_INV)):
            assert peer.expect("object", 150) == whole, n
        # The answer to this request comes behind all that was queued.
        peer.send("getdata", hashes([object_hash(last)]))
        assert peer.expect("object") == last, n
    node.stop()
    node.remove()


def clients_that_only_ask_share_the_upload(count):
    """Ten that fetch everything at once: none is starved."""
    node = Node("node", {"log.level": "warn"})
    objects = make_objects(min(count, 1000))
    Peer(node.port).serve(list(objects.values()), lambda: node.objects() >= len(objects))
    peers = [Peer(node.port) for _ in range(10)]
    for peer in peers:
        peer.send("getdata", hashes(list(objects)))
    for peer in peers:
        got = {object_hash(peer.expect("object", 60)) for _ in objects}
        assert got == set(objects)
    node.stop()
    node.remove()


TESTS = [several_peers_share_a_big_inventory_and_one_stalls, several_stall_each_at_another_point,
         a_newcomer_waits_before_it_is_served,
         what_a_peer_asks_for_is_queued_up_to_a_bound, clients_that_only_ask_share_the_upload]

if __name__ == "__main__":
    words = sys.argv[1:]
    size = MAX_INV + 1 if "--long" in words else 3000
    chosen = [word for word in words if not word.startswith("--")]
    for test in TESTS:
        if not chosen or test.__name__ in chosen:
            start = time.monotonic()
            test(size)
            print("ok %s (%.1f s)" % (test.__name__, time.monotonic() - start), flush=True)
