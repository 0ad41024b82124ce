# SPDX-License-Identifier: MIT
"""A running Bittern among hostile peers: whatever they send, the same processes go on, memory stays
bounded, nothing that breaks the rules is stored or handed on, and honest peers are served."""
import functools
import os
import socket
import time

import bmwire
import harness
from bmwire import Peer, frame
from clock import Clock
from harness import wait_for

MAGIC = bmwire.PRIVATE_MAGIC
# What a flood may leave behind. Sanitizers keep freed memory for a while.
GROWTH_BOUND_KIB = (500 if harness.SANITIZED else 96) * 1024
HANDSHAKE_SEC = 20  # what a handshake may take
# The least work that there is: thousands of objects are made here.
LEAST = dict(harness.QUICK, **{"network.least_trials_per_byte": "1", "network.least_extra_bytes": "1"})
make_object = functools.partial(bmwire.make_object, trials=1, extra=1)
noise_messages = functools.partial(bmwire.noise_messages, trials=1, extra=1)


def rss_kib(pid):
    with open("/proc/%d/status" % pid) as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


class HostilePeers(harness.TestCase):
    """One Bittern for all of them: what one test does to it, the next would notice."""

    @classmethod
    def setUpClass(cls):
        cls.clock = Clock()
        cls.one = harness.Bittern(LEAST, "a", clock=cls.clock)
        cls.addClassCleanup(cls.one.close)
        cls.one.start().make_account()
        status = cls.one.status()
        cls.port = status["node"]["port"]
        cls.pids = status["pids"]

    def tearDown(self):
        """Whatever the test did: the same processes run, and an honest peer is served."""
        if self.one.process is None or self.one.process.poll() is not None:
            self.fail("Bittern has ended")
        data = make_object(bmwire.MSG, os.urandom(100))
        with self.peer() as giver, self.peer() as taker:
            giver.send_object(data)
            taker.wait(lambda: bmwire.object_hash(data) in taker.announced, "the announcement")
            self.assertEqual(taker.fetch([bmwire.object_hash(data)]), [data])
        self.assertEqual(self.one.status()["pids"], self.pids)

    def peer(self, **options):
        """A peer whose handshake is done."""
        peer = Peer.dial(self.port, **options)
        self.addCleanup(peer.close)
        peer.handshake()
        return peer

    def stranger(self):
        peer = Peer.dial(self.port)
        self.addCleanup(peer.close)
        return peer

    def n_objects(self):
        """As the node reports it once a second."""
        return self.one.status()["node"]["objects"]

    def next_report(self):
        """The node's figures as it reports them next."""
        before = self.one.status()["node"]["bytes_in"]
        self.peer().close()

        def reported():
            node = self.one.status()["node"]
            return node if node["bytes_in"] > before else None

        return wait_for("a report", reported)

    def n_objects_settled(self):
        """As two reports say, one after the other, the first of which may be late."""
        before, now = None, self.next_report()["objects"]
        while now != before:
            before, now = now, self.next_report()["objects"]
        return now

    def let_pass(self, seconds):
        """Of the time of all who have called; who calls later is let in behind them."""
        with self.peer():
            self.clock.let_pass(seconds)

    def assert_ended_in_time(self, strangers):
        """At the latest when the time for the handshake is over; `strangers` have names."""
        self.let_pass(HANDSHAKE_SEC)
        for name, peer in strangers.items():
            with self.subTest(name):
                self.assertTrue(peer.is_closed())
                peer.close()

    # ---- frames

    def test_each_breach_ends_its_connection_or_is_passed_over(self):
        before = self.n_objects_settled()
        for name, data, expected in bmwire.hostile_frames(MAGIC):
            with self.subTest(name), self.peer() as peer:
                peer.send_raw(data)
                if expected == "close":
                    self.assertTrue(peer.is_closed(), name)
                else:
                    self.assertTrue(peer.is_alive(), name)
        self.assertEqual(self.n_objects_settled(), before)

    def test_before_the_handshake_only_its_own_messages_are_taken(self):
        for command in ("ping", "pong", "addr", "inv", "dinv", "getdata", "object", "portcheck", "unknown"):
            with self.subTest(command), self.stranger() as peer:
                peer.send(command)
                self.assertTrue(peer.is_closed())
        strangers = {}
        for name, data, _ in bmwire.hostile_frames(MAGIC):
            if data[4:16].rstrip(b"\0") not in (b"version", b"verack", b"error"):
                strangers[name] = self.stranger()
                try:
                    strangers[name].send_raw(data)
                except bmwire.Closed:
                    pass  # before all of it was there
        self.assert_ended_in_time(strangers)

    def test_versions_that_can_t_be_agreed_on_are_refused_in_words(self):
        now = int(time.time())
        refused = [
            ("an old protocol", dict(protocol=2), b"old protocol"),
            ("an hour ahead", dict(timestamp=now + 3700), b"future"),
            ("an hour behind", dict(timestamp=now - 3700), b"past"),
            ("no time at all", dict(timestamp=0), b"past"),
            ("the end of time", dict(timestamp=2**64 - 1), b"future"),
            ("no stream", dict(streams=()), b"stream"),
            ("another stream", dict(streams=(2, 3)), b"stream"),
        ]
        for name, fields, words in refused:
            with self.subTest(name), self.stranger() as peer:
                peer.send_version(**fields)
                self.assertTrue(peer.is_closed())
                self.assertIn(words, peer.errors[0][3])
                self.assertEqual(peer.errors[0][0], 2)
        with self.stranger() as peer:
            peer.handshake(streams=(1, 2, 3))

    def test_malformed_versions_end_the_connection(self):
        good = bmwire.version_payload()
        bad = [good[:cut] for cut in (0, 1, 20, 79, 80, 85, len(good) - 1)]
        bad += [good + b"x",
                good[:80] + bmwire.var_int(5001) + b"a" * 5001 + b"\1\1",
                good[:80] + b"\0" + b"\xfd\x00\x01\x01",
                good[:80] + b"\0" + bmwire.var_int(160001) + b"\1" * 160001,
                good[:80] + b"\0" + bmwire.var_int(2**63) + b"\1"]
        strangers = {}
        for n, payload in enumerate(bad):
            strangers["%d: %d bytes" % (n, len(payload))] = peer = self.stranger()
            peer.send("version", payload)
        self.assert_ended_in_time(strangers)

    def test_messages_that_break_off_anywhere_do_no_harm(self):
        one = os.urandom(32)
        messages = [frame("addr", bmwire.addr_payload([("5.45.99.75", 8444)]), MAGIC),
                    frame("inv", bmwire.hashes_payload([one]), MAGIC),
                    frame("getdata", bmwire.hashes_payload([one]), MAGIC),
                    frame("object", make_object(bmwire.MSG, b"x" * 50), MAGIC),
                    frame("error", bmwire.error_payload(1, 0, b"", b"words"), MAGIC)]
        for message in messages:
            for cut in sorted({1, 4, 16, 23, 24, 25, len(message) // 2, len(message) - 1}):
                with self.peer() as peer:
                    peer.send_raw(message[:cut])

    def test_a_connection_may_be_cut_at_any_byte_of_the_handshake(self):
        dialogue = frame("version", bmwire.version_payload(), MAGIC) + frame("verack", b"", MAGIC)
        for cut in range(0, len(dialogue), 7):
            with self.stranger() as peer:
                peer.send_raw(dialogue[:cut])

    # ---- time

    def test_a_peer_that_sends_byte_by_byte_is_understood(self):
        with self.stranger() as peer:
            peer.send_raw = lambda data: [Peer.send_raw(peer, bytes([byte])) for byte in data]
            peer.handshake()
            self.assertTrue(peer.is_alive())

    def test_half_a_handshake_is_ended_after_20_seconds(self):
        silent, halfway = self.stranger(), self.stranger()
        halfway.send_raw(frame("version", bmwire.version_payload(), MAGIC)[:50])
        self.let_pass(HANDSHAKE_SEC - 5)
        for peer in (silent, halfway):
            self.assertFalse(peer.is_closed(1.5))
        self.let_pass(5)
        for peer in (silent, halfway):
            self.assertTrue(peer.is_closed())

    # ---- floods

    def test_floods_leave_memory_bounded(self):
        node = self.pids["node"]
        before = rss_kib(node)
        peers = [self.peer() for _ in range(4)]
        for _ in range(20):
            for peer in peers:
                peer.announce([os.urandom(32) for _ in range(5000)])
                peer.send("addr", bmwire.addr_payload(
                    [("8.%d.%d.%d" % tuple(os.urandom(3)), 8444) for _ in range(1000)]))
        for peer in peers:
            self.assertTrue(peer.is_alive(60))
            peer.close()

        # Packets that never become whole: what they announce is not set aside.
        halves = [self.peer() for _ in range(30)]
        for peer in halves:
            peer.send_raw(frame("inv", bytes(500000), MAGIC, length=1600000))
        time.sleep(2)
        self.assertLess(rss_kib(node) - before, GROWTH_BOUND_KIB)
        for peer in halves:
            peer.close()

    def test_a_peer_that_asks_and_never_reads_costs_a_bounded_buffer(self):
        node = self.pids["node"]
        # 12 peers ask for 580 MB of them.
        objects = [make_object(bmwire.MSG, os.urandom(20000), ttl=300) for _ in range(30)]
        hashes = [bmwire.object_hash(data) for data in objects]
        n_before = self.n_objects_settled()
        with self.peer() as giver:
            for data in objects:
                giver.send_object(data)
            self.assertTrue(giver.is_alive(60))
            wait_for("30 objects", lambda: self.n_objects() >= n_before + 30)
            before = rss_kib(node)
            deaf = [self.peer() for _ in range(12)]
            for peer in deaf:
                for _ in range(80):
                    peer.ask_for(hashes)
            time.sleep(3)
            self.assertLess(rss_kib(node) - before, GROWTH_BOUND_KIB)
            self.assertTrue(giver.is_alive(60))

    def test_very_many_connections_are_refused_not_feared(self):
        sockets = []
        try:
            for _ in range(300):
                one = socket.socket()
                one.settimeout(5)
                try:
                    one.connect(("127.0.0.1", self.port))
                except OSError:
                    one.close()
                    break
                sockets.append(one)
        finally:
            for one in sockets:
                one.close()

    # ---- objects

    def test_objects_that_break_a_rule_are_neither_stored_nor_handed_on(self):
        watcher = self.peer()
        bad = [make_object(bmwire.MSG, os.urandom(60), work=False),
               make_object(bmwire.MSG, os.urandom(60), ttl=-3700),
               make_object(bmwire.MSG, os.urandom(60), ttl=2430100),
               make_object(bmwire.MSG, os.urandom(60), stream=2),
               make_object(bmwire.MSG, os.urandom(60), stream=0),
               make_object(bmwire.MSG, os.urandom(2**18 + 1), ttl=300)]
        with self.peer() as giver:
            giver.announce([bmwire.object_hash(data) for data in bad])
            for data in bad:
                giver.send_object(data)
            good = make_object(bmwire.MSG, os.urandom(60))
            giver.send_object(good)
            watcher.wait(lambda: bmwire.object_hash(good) in watcher.announced, "the good one")
            time.sleep(1)
            watcher.is_alive()
            for data in bad:
                self.assertNotIn(bmwire.object_hash(data), watcher.announced)
                self.assertNotIn(bmwire.object_hash(data), watcher.stems)
            giver.ask_for([bmwire.object_hash(data) for data in bad])
            self.assertTrue(giver.is_alive())
            self.assertEqual(giver.objects, {})

    def test_types_that_nobody_knows_are_handed_on_as_they_are(self):
        data = make_object(0x12345678, b"whatever it is", version=77)
        with self.peer() as giver, self.peer() as taker:
            giver.send_object(data)
            taker.wait(lambda: bmwire.object_hash(data) in taker.announced, "the announcement")
            self.assertEqual(taker.fetch([bmwire.object_hash(data)]), [data])

    def test_objects_that_gateways_can_t_read_do_not_stop_the_gateway(self):
        """Encrypted to nobody, cut, or of a layout that no key can open: each is tried and passed over."""
        self.one.identity("Alice")
        objects = noise_messages(200)
        objects += [make_object(kind, os.urandom(n)) for kind in range(4) for n in (0, 1, 32, 150, 300)]
        objects += [make_object(kind, bmwire.noise_encryption(), version=version)
                    for kind in (bmwire.PUBKEY, bmwire.BROADCAST) for version in range(8)]
        n_before = self.n_objects_settled()
        with self.peer() as giver:
            for data in objects:
                giver.send_object(data)
            self.assertTrue(giver.is_alive(60))
        wait_for("all of them", lambda: self.n_objects() >= n_before + len(objects))
        self.one.send(self.one.identity("Bob"), self.one.identity("Carol"), "still alive", "yes\n")
        self.one.wait_mail("still alive")

    def test_what_an_honest_peer_offers_reaches_a_second_one(self):
        objects = {bmwire.object_hash(data): data for data in noise_messages(2000, n_blocks=1)}
        with self.peer(timeout=60) as giver, self.peer(timeout=60) as taker:
            giver.announce(list(objects))
            asked = set()
            while len(asked) < len(objects):
                for wanted in bmwire.parse_hashes(giver.wait_for("getdata", 60)):
                    giver.send_object(objects[wanted])
                    asked.add(wanted)
            taker.wait(lambda: taker.announced >= set(objects), "2,000 announcements", 60)
            taker.fetch(list(objects), 60)
            self.assertEqual({h: taker.objects[h] for h in objects}, objects)


class HostileDialled(harness.TestCase):
    """The same from the other side: Bittern dials who then misbehaves."""

    def test_a_dialled_peer_may_say_anything(self):
        with bmwire.Listener() as bad, bmwire.Listener() as good:
            one = self.bittern("a", base=LEAST, network__connect="127.0.0.1:%d, 127.0.0.1:%d" % (bad.port, good.port))
            pids = one.status()["pids"]
            with bad.accept() as peer:
                peer.send_raw(b"SSH-2.0-OpenSSH_9.2p1\r\n")
                self.assertTrue(peer.is_closed())
            with good.accept() as peer:
                peer.handshake()
                data = make_object(bmwire.MSG, os.urandom(80))
                peer.announce([bmwire.object_hash(data)])
                asked = bmwire.parse_hashes(peer.wait_for("getdata"))
                self.assertEqual(asked, [bmwire.object_hash(data)])
                peer.send_object(data)
                self.assertTrue(peer.is_alive())
            with Peer.dial(one.status()["node"]["port"]) as taker:
                taker.handshake()
                self.assertEqual(taker.fetch([bmwire.object_hash(data)]), [data])
            self.assertEqual(one.status()["pids"], pids)


if __name__ == "__main__":
    harness.main()
