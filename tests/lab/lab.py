# SPDX-License-Identifier: MIT
"""Bitterns on the hosts of a Net: whole ones that write to each other, and relays between them."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import bmwire  # noqa: E402
from clock import Clock  # noqa: E402
import harness  # noqa: E402
from harness import wait_for  # noqa: E402
from net import Net  # noqa: E402

PORT = 8444


class Place(harness.Bittern):
    """A Bittern on host `i`."""

    def __init__(self, lab, i, settings, clock):
        self.lab, self.i = lab, i
        super().__init__(settings, "host%d" % i, clock=clock)

    def spawn(self):
        with self.lab.net.inside(self.i):
            super().spawn()

    def imap(self, mailbox=None):
        with self.lab.net.inside(self.i):
            return super().imap(mailbox)

    def smtp(self):
        with self.lab.net.inside(self.i):
            return super().smtp()

    def node(self):
        return self.status()["node"]

    def inventory(self):
        """The hashes that the node announces to a newcomer."""
        magic = int(self.settings["network.magic"], 16)
        n_objects = self.node()["objects"]
        with self.lab.net.inside(self.i):
            peer = bmwire.Peer.dial(PORT, magic=magic)
        with peer:
            peer.handshake()
            deadline = time.monotonic() + 10
            while len(peer.announced) < n_objects and time.monotonic() < deadline:
                peer.send("ping")
                peer.receive()
            return set(peer.announced)


class Lab:
    """`links` are pairs of hosts; the first of each pair dials. Hosts of `whole` have an account and an identity,
    the others only relay."""

    def __init__(self, n_hosts, links, whole, clocks=(), seed=1, **settings):
        self.net = Net(n_hosts, seed)
        self.places = []
        self.addresses = {}
        self.sent = []
        try:
            for i in range(n_hosts):
                self._add(i, [b for a, b in links if a == i], i in whole, i in clocks, settings)
            for place in self.places:
                place.spawn()
            for place in self.places:
                wait_for("%s to be ready" % place.name, place.is_ready, 120, 0.2)
            for i in whole:
                self.places[i].make_account()
                self.addresses[i] = self.places[i].identity("host%d" % i)
        except BaseException:
            self.close()
            raise

    def _add(self, i, dials, is_whole, has_clock, settings):
        chosen = dict(harness.QUICK)
        chosen.update({"node.listen": "0.0.0.0", "node.port": str(PORT), "agent.resend_after": "1h"})
        chosen.update({key.replace("__", "."): str(value) for key, value in settings.items()})
        chosen["network.connect"] = ", ".join("%s:%d" % (self.net.hosts[b], PORT) for b in dials)
        place = Place(self, i, chosen, Clock() if has_clock else None)
        place.command = "run" if is_whole else "node"
        self.places.append(place)

    def close(self):
        for place in self.places:
            try:
                place.close()
            except AssertionError as error:
                print("%s: %s" % (place.name, error), file=sys.stderr)
                place.kill()
        self.net.close()

    # ---- what people do

    def write(self, sender, recipient, subject):
        self.places[sender].send(self.addresses[sender], self.addresses[recipient], subject, "x\n")
        self.sent.append((recipient, subject))

    # ---- what must be true in the end

    def wait_delivered(self, timeout=120):
        """Every message has arrived, once."""
        for recipient in sorted({r for r, _ in self.sent}):
            wanted = sorted(s for r, s in self.sent if r == recipient)

            def all_here():
                return set(wanted) <= {mail["Subject"] for mail in self.places[recipient].mails()}
            wait_for("all mails at host %d" % recipient, all_here, timeout, 0.5)
        self.check_once()

    def check_once(self):
        for recipient in sorted({r for r, _ in self.sent}):
            got = sorted(mail["Subject"] for mail in self.places[recipient].mails()
                         if mail["Subject"].startswith("lab "))
            wanted = sorted(s for r, s in self.sent if r == recipient)
            assert got == wanted, "host %d has %s, should have %s" % (recipient, got, wanted)

    def wait_equal(self, timeout=60):
        """All inventories hold the same objects. Returns how many."""
        def counts():
            return {place.node()["objects"] for place in self.places}
        wait_for("equal numbers of objects, now %s" % counts(), lambda: len(counts()) == 1, timeout, 0.5)
        sets = [place.inventory() for place in self.places]
        for i, one in enumerate(sets):
            assert one == sets[0], "host %d differs from host 0 by %d objects" % (i, len(one ^ sets[0]))
        return len(sets[0])

    def check_friendly(self):
        for place in self.places:
            node = place.node()
            assert node["banned"] == 0 and node["bans"] == 0, "%s banned somebody: %s" % (place.name, node)
